"""Fetch the picture of an accepted job and store it: free, repeatable, and stored before anything else."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from mkdocs_leonardo.acquire.orders import PictureRequest, thread
from mkdocs_leonardo.errors import Charged, JobFailed, JobUnfinished, PictureError, StoreUnavailable
from mkdocs_leonardo.lookup import Candidate
from mkdocs_leonardo.progress import Notify
from mkdocs_leonardo.providers.base import Clock
from mkdocs_leonardo.spec import (
    GeneratedImage,
    ImageInfo,
    JsonValue,
    PictureRecord,
    Source,
    Submission,
    digest_of,
    request_key,
)
from mkdocs_leonardo.storage.base import StoredPicture

if TYPE_CHECKING:
    from mkdocs_leonardo.storage.base import PictureStore
    from mkdocs_leonardo.storage.journal import Journal

#: The interval between two downloads of a picture that arrived damaged (seconds).
DAMAGED_WAIT_S = 1.0


class Collector:
    """Fetches and stores the pictures of one build's jobs."""

    def __init__(
        self,
        *,
        journal: Journal,
        keep: Sequence[PictureStore],
        inspect: Callable[[bytes], ImageInfo],
        clock: Clock,
        notify: Notify,
    ) -> None:
        """`keep` are the stores for new pictures: the next one is used where one cannot be written."""
        self._journal = journal
        self._keep = tuple(keep)
        self._inspect = inspect
        self._clock = clock
        self._notify = notify

    def is_home(self, store: PictureStore) -> bool:
        """Whether `store` keeps pictures for good, so that a picture in it need not be collected again."""
        return store is self._keep[0]

    async def fetch_and_store(
        self,
        request: PictureRequest,
        candidate: Candidate,
        submission: Submission,
        *,
        give_up_at: float,
        source: Source,
        landed: Callable[[], None],
    ) -> StoredPicture:
        """Fetch the picture of an accepted job, decode it as a check, and store it before any other step."""
        image, delivered = await self._picture(candidate, submission, give_up_at)
        # No further job can follow from here, so the slot is free before the disk has written.
        landed()
        record = self._record(
            candidate.request, submission, image, delivered, page=request.page, is_new=source is Source.GENERATED
        )
        return StoredPicture(record, await thread(self.keep, request.page, record, image.data), source)

    async def fetch_and_store_spare(
        self,
        request: PictureRequest,
        candidate: Candidate,
        submission: Submission,
        *,
        seed: int | None,
        give_up_at: float,
    ) -> None:
        """Store a second picture of one request under the key of the same request with `hero_seed: seed`.

        Where the author has set that already, or the job's seed is not known, the job's id takes its place.
        """
        image, delivered = await self._picture(candidate, submission, give_up_at)
        is_free = seed is not None and candidate.request["seed"] is None
        about = {"seed": seed} if is_free else {"job": submission.job_id}
        record = self._record(
            {**candidate.request, **about}, submission, image, delivered, page=request.page, is_new=False
        )
        store = await thread(self.keep, request.page, record, image.data)
        if self.is_home(store):
            await thread(self._journal.close, candidate.key, submission.job_id)
        shows = f", and `hero_seed: {seed}` shows it" if is_free else ""
        self._notify(
            logging.INFO,
            f"{request.page}: {submission.provider} had accepted an earlier call as well; its image is cached{shows}",
        )

    async def _picture(
        self, candidate: Candidate, submission: Submission, give_up_at: float
    ) -> tuple[GeneratedImage, ImageInfo]:
        while True:
            image = await candidate.provider.fetch(submission, give_up_at=give_up_at)
            try:
                return image, await thread(self._inspect, image.data)
            except PictureError as error:
                if submission.image is not None:
                    raise JobFailed(
                        f"sent something that {error}", provider=submission.provider, charged=Charged.YES
                    ) from error
                if self._clock.now() + DAMAGED_WAIT_S >= give_up_at:
                    raise JobUnfinished(
                        f"the image {error}", provider=submission.provider, charged=Charged.YES
                    ) from error
                await self._clock.sleep(DAMAGED_WAIT_S)

    def _record(
        self,
        pixels: Mapping[str, JsonValue],
        submission: Submission,
        image: GeneratedImage,
        delivered: ImageInfo,
        *,
        page: str,
        is_new: bool,
    ) -> PictureRecord:
        now = self._clock.now()
        return PictureRecord(
            key=request_key(pixels),
            digest=digest_of(image.data),
            extension=delivered.extension,
            provider=submission.provider,
            model=submission.model,
            job_id=submission.job_id,
            cost_usd=submission.cost_usd if image.cost_usd is None else image.cost_usd,
            created_at=now,
            width_px=delivered.width_px,
            height_px=delivered.height_px,
            # The render time of an earlier build's job is unknown.
            seconds=max(0.0, round(now - submission.accepted_at, 3)) if is_new else None,
            page=page,
            marks=delivered.marks,
            request=pixels,
        )

    def keep(self, page: str, record: PictureRecord, data: bytes, *, is_new: bool = True) -> PictureStore:
        """Store the picture first and close its journal entry afterwards: no bookkeeping error may lose a paid picture.

        A picture that is not new is in a team's store as well.
        """
        for place, store in enumerate(self._keep):
            try:
                store.save(record, data)
            except StoreUnavailable as error:
                last = error
                continue
            if place == 0:
                with suppress(StoreUnavailable):
                    self._journal.close(record.key, record.job_id)
            elif not is_new:
                self._notify(
                    logging.INFO,
                    f"{page}: its image is the team's, and could not be stored in the cache ({last}); free disk "
                    "space or make cache_dir writable",
                )
            else:
                # The entry stays open: the next build collects the job again, which costs nothing.
                self._notify(
                    logging.WARNING,
                    f"{page}: its new image could not be stored in the cache ({last}); free disk space or "
                    "make cache_dir writable, and build here again",
                )
            return store
        raise StoreUnavailable(f"the image of {page} could not be stored anywhere")

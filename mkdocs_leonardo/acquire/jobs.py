"""Collection of jobs: fetch and store the picture of a job, or carry out the decision on an error.

Fetching is free and repeatable. A picture is stored before any other step.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from mkdocs_leonardo.acquire.failover import Decision, Step, decide
from mkdocs_leonardo.acquire.request import BuildContext, JobRequest
from mkdocs_leonardo.clock import DAY_S
from mkdocs_leonardo.concurrency import to_thread
from mkdocs_leonardo.errors import (
    Charged,
    JobEmpty,
    JobFailed,
    JobUnfinished,
    JobUnknown,
    PictureError,
    PollFailed,
    PromptRefused,
    ProviderError,
    StoreUnavailable,
)
from mkdocs_leonardo.providers.base import Provider
from mkdocs_leonardo.resolution import Complaint
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
from mkdocs_leonardo.storage.entries import UNKNOWN_S, Refusal

if TYPE_CHECKING:
    from mkdocs_leonardo.storage.base import PictureStore

#: An earlier build's job of this age gets one attempt to collect it, without a wait (seconds).
OLD_JOB_S = 600.0
#: The timeout of that attempt (seconds).
ONE_LOOK_S = 5.0
#: The interval between two downloads of a picture that arrived damaged (seconds).
DAMAGED_WAIT_S = 1.0


class Jobs:
    """The jobs of one build: their collection, and the decisions that follow from errors."""

    def __init__(self, context: BuildContext) -> None:
        self._context = context
        #: The provider of each create call in flight.
        self.providers_in_call: list[Provider] = []
        #: The create calls of this build, by key and number.
        self.sent_calls: set[tuple[str, int]] = set()
        #: The jobs of this build whose pictures are not stored yet, by key; known even if the journal is deleted.
        self.uncollected: dict[str, Submission] = {}

    # Collecting ------------------------------------------------------------------------------------------------------

    async def collect(
        self, request: JobRequest, job: Submission, *, give_up_at: float, source: Source
    ) -> StoredPicture:
        """Collect and store the picture of a job; ProviderError if there is none by `give_up_at`."""
        image, delivered = await self._fetch_checked(request, job, give_up_at)
        # This request makes no further job, so the slot is free before the picture is stored.
        request.release_slot()
        is_new = source is Source.GENERATED
        record = self._make_record(
            request.candidate.generation_request, job, image, delivered, page=request.page, is_new=is_new
        )
        store = await to_thread(self.store_and_close, request.page, record, image.data)
        self.uncollected.pop(request.key, None)
        request.add_attempt("generated" if is_new else "collected")
        return StoredPicture(record, store, source)

    async def collect_paid(self, request: JobRequest, job: Submission) -> StoredPicture | None:
        """Collect the picture of a job that is paid for already; None if there is none yet."""
        try:
            give_up_at = self._choose_give_up_at(request, job)
            return await self.collect(request, job, give_up_at=give_up_at, source=Source.COLLECTED)
        except ProviderError as error:
            decision = self.decide(error, request)
            await self.carry_out(decision, error, request, job=job)
            is_over = not decision.forget and await self._defer_job(request, job, error)
            if decision.step is Step.NEXT_PROVIDER and not is_over:
                request.attempts.passed_over.add(request.provider.name)
        return None

    async def collect_duplicate(self, request: JobRequest, job: Submission) -> None:
        """Collect a duplicate job: store its picture under a key of its own.

        A page with this request and the job's seed as its `hero_seed` has that key. If the author has set `hero_seed`,
        or the seed is not known, the request gets the job's id instead.
        """
        entry = await to_thread(self._context.journal.get_entry, request.key)
        seeds = [call.seed for call in entry.accepted if call.job_id == job.job_id] if entry is not None else []
        seed = seeds[0] if seeds else None
        try:
            image, delivered = await self._fetch_checked(request, job, self._choose_give_up_at(request, job))
        except ProviderError as error:
            request.add_attempt(str(error))
            if self.decide(error, request).forget:
                await request.publish(await to_thread(self._context.journal.delete_job, request.key, job.job_id))
            else:
                await self._defer_job(request, job, error)
            return
        generation_request = request.candidate.generation_request
        is_free = seed is not None and generation_request["seed"] is None
        about = {"seed": seed} if is_free else {"job": job.job_id}
        record = self._make_record(
            {**generation_request, **about}, job, image, delivered, page=request.page, is_new=False
        )
        if await to_thread(self.store_and_close, request.page, record, image.data) is self._context.lookup.writable[0]:
            await to_thread(self._context.journal.delete_job, request.key, job.job_id)
        shows = f", and `hero_seed: {seed}` shows it" if is_free else ""
        self._context.notify(
            logging.INFO,
            f"{request.page}: {job.provider} had accepted an earlier call as well; its image is cached{shows}",
        )

    async def _fetch_checked(
        self, request: JobRequest, job: Submission, give_up_at: float
    ) -> tuple[GeneratedImage, ImageInfo]:
        """Fetch the picture of a job and decode it as a check; a damaged picture is fetched again."""
        while True:
            image = await request.provider.fetch(job, give_up_at=give_up_at)
            try:
                return image, await to_thread(self._context.inspect, image.data)
            except PictureError as error:
                if job.image is not None:
                    raise JobFailed(
                        f"sent something that {error}", provider=job.provider, charged=Charged.YES
                    ) from error
                if self._context.clock.now() + DAMAGED_WAIT_S >= give_up_at:
                    raise JobUnfinished(f"the image {error}", provider=job.provider, charged=Charged.YES) from error
                await self._context.clock.sleep(DAMAGED_WAIT_S)

    def _make_record(
        self,
        generation_request: Mapping[str, JsonValue],
        job: Submission,
        image: GeneratedImage,
        delivered: ImageInfo,
        *,
        page: str,
        is_new: bool,
    ) -> PictureRecord:
        """Make the record of a picture that a job delivered."""
        now = self._context.clock.now()
        return PictureRecord(
            key=request_key(generation_request),
            digest=digest_of(image.data),
            extension=delivered.extension,
            provider=job.provider,
            model=job.model,
            job_id=job.job_id,
            cost_usd=job.cost_usd if image.cost_usd is None else image.cost_usd,
            created_at=now,
            width_px=delivered.width_px,
            height_px=delivered.height_px,
            # The generation time of an earlier build's job is unknown.
            seconds=max(0.0, round(now - job.accepted_at, 3)) if is_new else None,
            page=page,
            marks=delivered.marks,
            request=generation_request,
        )

    def store_and_close(self, page: str, record: PictureRecord, data: bytes, *, is_new: bool = True) -> PictureStore:
        """Store the picture, and then delete its job from the journal: no error in between loses a paid picture.

        `is_new=False`: the image came from the team's store, so the loss of the local copy costs nothing.
        """
        for index, store in enumerate(self._context.lookup.writable):
            try:
                store.save(record, data)
            except StoreUnavailable as error:
                last_error = error
                continue
            if index == 0:
                with suppress(StoreUnavailable):
                    self._context.journal.delete_job(record.key, record.job_id)
            elif not is_new:
                self._context.notify(
                    logging.INFO,
                    f"{page}: its image is the team's, and could not be stored in the cache ({last_error}); free disk "
                    "space or make cache_dir writable",
                )
            else:
                # The entry stays open: the next build collects the job again, which costs nothing.
                self._context.notify(
                    logging.WARNING,
                    Complaint(
                        [page],
                        f"its new image could not be stored in the cache ({last_error}); free disk space or make "
                        "cache_dir writable, and build here again",
                    ),
                )
            return store
        raise StoreUnavailable(f"the image of {page} could not be stored anywhere")

    def _choose_give_up_at(self, request: JobRequest, job: Submission) -> float:
        now = self._context.clock.now()
        return now + (ONE_LOOK_S if now - job.accepted_at > OLD_JOB_S else request.provider.timeout_s)

    # Jobs without a picture ------------------------------------------------------------------------------------------

    @staticmethod
    def decide(error: ProviderError, request: JobRequest) -> Decision:
        """Decide on an accepted job that cannot be collected; never decides on a second create call."""
        return decide(error, calls=0, can_look=request.provider.keeps_jobs)

    async def carry_out(
        self,
        decision: Decision,
        error: ProviderError,
        request: JobRequest,
        *,
        number: int | None = None,
        job: Submission | None = None,
    ) -> None:
        """Carry out the decision up to its step; raises `error` if that step is STOP.

        `number` is the failed create call, if one was sent. `job` is the job that could not be collected.
        """
        name = request.provider.name
        request.add_attempt(str(error))
        if decision.cooldown_s:
            await self._context.access.cool_down(name, str(error), decision.cooldown_s)
        if decision.switch_off:
            self._context.access.switch_off(name, str(error), logging.WARNING if decision.warn else logging.INFO)
        if isinstance(error, JobUnfinished):
            self._context.notify(
                logging.INFO, f"{request.page}: {name} {error}; the job is paid for; a later build collects it"
            )
        if decision.log_prompt:
            await to_thread(self._context.reject, request, name, str(error))
        if decision.forget:
            await self._forget(error, request, number, job)
        if decision.step is Step.STOP:
            raise error
        if decision.wait_s:
            await self._context.clock.sleep(decision.wait_s)

    async def _forget(
        self, error: ProviderError, request: JobRequest, number: int | None, job: Submission | None
    ) -> None:
        key = request.key
        # Without the refusal, every build would pay again for a job without a picture.
        is_empty = isinstance(error, JobEmpty) or (isinstance(error, JobFailed) and error.charged is not Charged.NO)
        if is_empty or isinstance(error, PromptRefused):
            job_id = job.job_id if job else ""
            refusal = Refusal(key, str(error), request.page, request.provider.name, job_id, is_empty=is_empty)
            await to_thread(self._context.journal.refuse, refusal)
        if isinstance(error, PromptRefused) and request.team_lease is not None:
            await request.team_lease.refuse(key, str(error))
        if job is not None:
            self.uncollected.pop(key, None)
            entry = await to_thread(self._context.journal.delete_job, key, job.job_id)
        elif number is not None:
            entry = await to_thread(self._context.journal.delete_call, key, number)
        else:
            return
        if not isinstance(error, JobEmpty):
            # Other machines ask for an empty job themselves, and record the refusal then.
            await request.publish(entry)

    async def _defer_job(self, request: JobRequest, job: Submission, error: ProviderError) -> bool:
        entry = await to_thread(self._context.journal.get_entry, request.key)
        numbers = [call.number for call in entry.accepted if call.job_id == job.job_id] if entry is not None else []
        is_unknown, was_reached = isinstance(error, JobUnknown), not isinstance(error, PollFailed)
        return await self.defer(request, numbers, is_unknown=is_unknown, was_reached=was_reached)

    async def defer(
        self, request: JobRequest, numbers: Iterable[int], *, is_unknown: bool = False, was_reached: bool = True
    ) -> bool:
        """Record a failed collection; later builds wait longer before they ask. Returns True if a job is given up.

        A job is given up, with a warning, when it is too old, or unknown to the service for hours.
        """
        is_over = False
        for number in numbers:
            note = partial(self._context.journal.note_asked, is_unknown=is_unknown, was_reached=was_reached)
            call = await to_thread(note, request.key, number)
            if call is None or not was_reached or not call.is_over(self._context.clock.now()):
                # A service that was not reached said nothing about the job.
                continue
            is_over = True
            await request.publish(await to_thread(self._context.journal.give_up, request.key, number))
            reason = (
                f"has not known it for {UNKNOWN_S / 3600:.0f} hours" if call.unknown_since else "never gave its image"
            )
            days = (self._context.clock.now() - call.began_at) / DAY_S
            self._context.notify(
                logging.WARNING,
                Complaint(
                    [request.page],
                    f"the job {call.job_id or 'without a number'} of {request.provider.name} is given up after "
                    f"{days:.0f} days: the service {reason}; it may have been charged",
                ),
            )
        return is_over

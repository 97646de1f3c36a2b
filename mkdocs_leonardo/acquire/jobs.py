"""The jobs of a build: collect one, or carry out what follows from an error."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from mkdocs_leonardo.acquire.access import Access
from mkdocs_leonardo.acquire.collect import Collector
from mkdocs_leonardo.acquire.failover import Decision, Step, decide
from mkdocs_leonardo.acquire.orders import PictureRequest, thread, update_team_lease
from mkdocs_leonardo.errors import (
    Charged,
    JobEmpty,
    JobFailed,
    JobUnfinished,
    JobUnknown,
    NotAsked,
    PromptRefused,
    ProviderError,
)
from mkdocs_leonardo.lookup import Candidate
from mkdocs_leonardo.progress import Notify
from mkdocs_leonardo.providers.base import Clock, FindsLostJobs
from mkdocs_leonardo.spec import Source, Submission
from mkdocs_leonardo.storage.base import StoredPicture
from mkdocs_leonardo.storage.entries import UNKNOWN_S

if TYPE_CHECKING:
    from mkdocs_leonardo.storage.entries import Entry
    from mkdocs_leonardo.storage.journal import Journal

#: An earlier build's job that is older than this is asked for once instead of being waited for (seconds).
OLD_JOB_S = 600.0
#: The timeout of that one question (seconds).
ONE_LOOK_S = 5.0


class Jobs:
    """Collects the jobs of one build, and carries out the decisions that follow from errors."""

    def __init__(
        self,
        *,
        journal: Journal,
        access: Access,
        collector: Collector,
        clock: Clock,
        notify: Notify,
        reject: Callable[[PictureRequest, str, str], None],
    ) -> None:
        self._journal = journal
        self._access = access
        self._collector = collector
        self._clock = clock
        self._notify = notify
        self._reject = reject
        #: Of this build and not stored yet: they are known even if the journal is deleted meanwhile.
        self.uncollected: dict[str, Submission] = {}

    async def collect(
        self,
        request: PictureRequest,
        candidate: Candidate,
        job: Submission,
        *,
        give_up_at: float,
        source: Source,
        landed: Callable[[], None],
    ) -> StoredPicture:
        """Collect and store the picture of a job; ProviderError if there is none by `give_up_at`."""
        obtained = await self._collector.fetch_and_store(
            request, candidate, job, give_up_at=give_up_at, source=source, landed=landed
        )
        self.uncollected.pop(candidate.key, None)
        request.attempts.note(job.provider, "collected" if source is Source.RESUMED else "generated")
        return obtained

    async def collect_paid(
        self, request: PictureRequest, candidate: Candidate, job: Submission
    ) -> StoredPicture | None:
        """Collect the picture of a job that is paid for already; None if there is none yet."""
        try:
            return await self.collect(
                request,
                candidate,
                job,
                give_up_at=self._give_up_at(candidate, job),
                source=Source.RESUMED,
                landed=request.landed,
            )
        except ProviderError as error:
            decision = self.decide(error, candidate)
            await self.after(decision, error, request, candidate, job=job)
            is_over = not decision.forget and await self._put_off(request, candidate, job, error)
            if decision.step is Step.NEXT_PROVIDER and not is_over:
                request.attempts.passed_over.add(candidate.provider.name)
        return None

    def due(self, entry: Entry) -> Iterator[Submission]:
        """The known jobs that may be asked for now."""
        now = self._clock.now()
        return (job for job, one in zip(entry.jobs, entry.accepted, strict=True) if one.is_due(now))

    @staticmethod
    def decide(error: ProviderError, candidate: Candidate) -> Decision:
        """Decide on an accepted job that cannot be collected; no decision is a second create call."""
        return decide(error, creates=0, can_look=isinstance(candidate.provider, FindsLostJobs))

    async def _put_off(
        self, request: PictureRequest, candidate: Candidate, job: Submission, error: ProviderError
    ) -> bool:
        entry = await thread(self._journal.entry, candidate.key)
        numbers = [one.number for one in entry.accepted if one.job_id == job.job_id] if entry is not None else []
        is_unknown, is_vain = isinstance(error, JobUnknown), not isinstance(error, NotAsked)
        return await self.put_off(request, candidate, numbers, is_unknown=is_unknown, is_vain=is_vain)

    async def put_off(
        self,
        request: PictureRequest,
        candidate: Candidate,
        numbers: Iterable[int],
        *,
        is_unknown: bool = False,
        is_vain: bool = True,
    ) -> bool:
        """Note that the jobs of these create calls were not collected: later builds ask at growing intervals.

        True if they are given up, with one message: they are too old, or the service has not known them for hours.
        """
        is_over = False
        for number in numbers:
            one = await thread(
                lambda number=number: self._journal.ask(candidate.key, number, is_unknown=is_unknown, is_vain=is_vain)
            )
            if one is None or not is_vain or not one.is_over(self._clock.now()):
                # A service that was not reached gave no answer on the job.
                continue
            is_over = True
            left = await thread(self._journal.give_up, candidate.key, number)
            await update_team_lease(request, candidate.key, left)
            why = f"has not known it for {UNKNOWN_S / 3600:.0f} hours" if one.unknown_since else "never gave its image"
            days = (self._clock.now() - one.began_at) / 86400
            self._notify(
                logging.WARNING,
                f"{request.page}: the job {one.job_id or 'without a number'} of {candidate.provider.name} is given up "
                f"after {days:.0f} days: the service {why}; it may have been charged",
            )
        return is_over

    async def collect_spare(self, request: PictureRequest, candidate: Candidate, job: Submission) -> None:
        """Store the picture of a second job for a request that has its picture."""
        entry = await thread(self._journal.entry, candidate.key)
        seeds = [one.seed for one in entry.accepted if one.job_id == job.job_id] if entry is not None else []
        try:
            await self._collector.fetch_and_store_spare(
                request, candidate, job, seed=seeds[0] if seeds else None, give_up_at=self._give_up_at(candidate, job)
            )
        except ProviderError as error:
            request.attempts.note(candidate.provider.name, str(error))
            if self.decide(error, candidate).forget:
                await update_team_lease(
                    request, candidate.key, await thread(self._journal.close, candidate.key, job.job_id)
                )
            else:
                await self._put_off(request, candidate, job, error)

    def _give_up_at(self, candidate: Candidate, job: Submission) -> float:
        now = self._clock.now()
        return now + (ONE_LOOK_S if now - job.accepted_at > OLD_JOB_S else candidate.provider.timeout_s)

    async def after(
        self,
        decision: Decision,
        error: ProviderError,
        request: PictureRequest,
        candidate: Candidate,
        *,
        number: int = 0,
        job: Submission | None = None,
    ) -> None:
        """Carry the decision out, up to its next step; raises the error if that step is to stop.

        `number` is the create call's that failed; `job` the one that could not be collected.
        """
        name = candidate.provider.name
        request.attempts.note(name, str(error))
        if decision.rest_s:
            await self._access.cool_down(name, str(error), decision.rest_s)
        if decision.switch_off:
            self._access.switch_off(name, str(error), logging.WARNING if decision.warn else logging.INFO)
        if isinstance(error, JobUnfinished):
            self._notify(
                logging.INFO, f"{request.page}: {name} {error}; the job is paid for; a later build collects it"
            )
        if decision.log_prompt:
            await thread(self._reject, request, name, str(error))
        if decision.forget:
            await self._forget(error, request, candidate, number, job)
        if decision.step is Step.STOP:
            raise error
        if decision.wait_s:
            await self._clock.sleep(decision.wait_s)

    async def _forget(
        self, error: ProviderError, request: PictureRequest, candidate: Candidate, number: int, job: Submission | None
    ) -> None:
        key = candidate.key
        # Without a note, every build would pay for the job without a picture again.
        is_empty = isinstance(error, JobEmpty) or (isinstance(error, JobFailed) and error.charged is not Charged.NO)
        if is_empty or isinstance(error, PromptRefused):
            about = {"page": request.page, "provider": candidate.provider.name, "job_id": job.job_id if job else ""}
            await thread(lambda: self._journal.refuse(key, str(error), is_empty=is_empty, **about))
        if isinstance(error, PromptRefused):
            await request.team_lease.refuse(key, str(error))
        if job is not None:
            self.uncollected.pop(key, None)
            left = await thread(self._journal.close, key, job.job_id)
        else:
            left = await thread(self._journal.withdraw, key, number)
        if not isinstance(error, JobEmpty):
            # Other machines ask for an empty job themselves, and remember it then.
            await update_team_lease(request, key, left)

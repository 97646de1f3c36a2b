"""The job runner: collects the paid jobs of one request, and only then creates a new one, within the caps.

The order of writes makes a crash safe at any moment. The create call is journalled before it is sent, and the job id
before the first poll. The picture is stored before its job is deleted from the journal.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mkdocs_leonardo.acquire.create import JobCreator
from mkdocs_leonardo.acquire.jobs import Jobs
from mkdocs_leonardo.acquire.request import BuildContext, JobRequest, PictureRequest
from mkdocs_leonardo.acquire.unanswered_calls import UnansweredCalls
from mkdocs_leonardo.concurrency import to_thread
from mkdocs_leonardo.errors import PictureUnavailable, PromptRefused, ProviderError
from mkdocs_leonardo.lookup import Candidate, can_fetch_again
from mkdocs_leonardo.resolution import describe_attempts, not_again_message, unanswered_message
from mkdocs_leonardo.spec import PictureRecord, Submission
from mkdocs_leonardo.storage.base import StoredPicture

if TYPE_CHECKING:
    from mkdocs_leonardo.storage.entries import Entry


class JobRunner:
    """The collector and creator of jobs for one build."""

    def __init__(self, context: BuildContext, jobs: Jobs) -> None:
        self._context = context
        self._jobs, self._unanswered = jobs, UnansweredCalls(context)

    # Paid jobs --------------------------------------------------------------------------------------------------------

    async def collect_earlier_jobs(
        self, request: PictureRequest, candidates: Sequence[Candidate], damaged: Mapping[str, PictureRecord]
    ) -> StoredPicture | None:
        """Collect the first finished job of an earlier build; returns None without one. Pays nothing.

        `damaged` holds the records of stored pictures with damaged bytes: their jobs can be fetched once more.
        """
        for candidate in candidates:
            if not candidate.may_be_asked or self._context.access.is_off(candidate.provider.name):
                continue
            job_request = request.address_to(candidate)
            for job in await self._recover_paid_jobs(job_request, damaged):
                stored = await self._jobs.collect_paid(job_request, job)
                if stored is not None:
                    await self.collect_duplicates(job_request, stored.record)
                    return stored
        return None

    async def _recover_paid_jobs(
        self, request: JobRequest, damaged: Mapping[str, PictureRecord]
    ) -> tuple[Submission, ...]:
        """Bring journal and team lease up to date on earlier calls; return the paid jobs to collect now.

        Deletes a call whose answer was the picture itself and is lost.
        """
        provider, key = request.provider, request.key
        team_entry = request.team_lease.get_open_job(key) if request.team_lease is not None else None
        if team_entry is not None:
            refusal = await to_thread(self._context.journal.get_refusal, key)
            if refusal is None or not refusal.is_empty:
                await to_thread(self._context.journal.inherit, team_entry)
        entry = await to_thread(self._context.journal.get_entry, key)
        if entry is not None:
            await request.publish(entry)
        uncollected = self._jobs.uncollected.get(key)
        if uncollected is not None and (entry is None or not entry.accepted):
            # The journal comes first: another build may have taken over during a suspension of this one.
            return (uncollected,)
        if entry is None:
            if not can_fetch_again(request.candidate, damaged):
                return ()
            record = damaged[key]
            return (Submission(provider.name, record.model, record.job_id, record.created_at, record.cost_usd),)
        if entry.accepted:
            return entry.get_due_jobs(self._context.clock.now())
        if provider.keeps_jobs:
            return await self._find_unanswered(request, entry)
        # This build does not repeat its own calls; the next build may.
        if not any((key, call.number) in self._jobs.sent_calls for call in entry.intended):
            # The answer was the picture itself, and was not stored.
            self._context.notify(logging.WARNING, unanswered_message(request.page, provider.name))
            await request.publish(await to_thread(self._context.journal.delete_call, key))
        return ()

    async def _find_unanswered(self, request: JobRequest, entry: Entry) -> tuple[Submission, ...]:
        """Search for the jobs of unanswered calls, unless a build has done so recently."""
        if not any(call.is_due(self._context.clock.now()) for call in entry.intended):
            return ()
        result = await self._unanswered.search(request)
        if result.doubt is not None:
            numbers = [call.number for call in entry.intended if call.number not in result.jobs]
            await self._jobs.defer(request, numbers, was_reached=result.was_read)
        return tuple(result.jobs.values())

    async def collect_duplicates(self, request: JobRequest, shown_record: PictureRecord) -> None:
        """Collect the duplicate jobs of a request, whose pictures are not that of `shown_record`."""
        entry = await to_thread(self._context.journal.get_entry, request.key)
        if entry is None or not request.provider.keeps_jobs:
            return
        for job in (*entry.get_due_jobs(self._context.clock.now()), *await self._find_unanswered(request, entry)):
            # If the cache could not take the shown picture, its own job is still open, and is no duplicate.
            if job.job_id != shown_record.job_id:
                await self._jobs.collect_duplicate(request, job)

    # New jobs ---------------------------------------------------------------------------------------------------------

    async def acquire_new(self, request: PictureRequest, candidates: Sequence[Candidate]) -> StoredPicture:
        """Create the picture at the first provider that makes it; raises PromptRefused or PictureUnavailable."""
        stored: StoredPicture | None = None
        refusal: ProviderError | None = None
        try:
            stored = await self._try_providers(request, candidates)
        except ProviderError as error:
            refusal = error
        stored = await self._collect_lost(request, candidates, stored)
        if stored is not None:
            return stored
        raise refusal or PictureUnavailable(describe_attempts(request.attempts.made))

    async def _try_providers(self, request: PictureRequest, candidates: Sequence[Candidate]) -> StoredPicture | None:
        """Return the picture of the first provider that makes one; None if none does."""
        for candidate in candidates:
            lease = request.team_lease
            reason = None if lease is None else lease.get_refusal_reason(candidate.key)
            if reason is not None:
                raise PromptRefused(reason, provider=candidate.provider.name)
            refusal = await to_thread(self._context.journal.get_refusal, candidate.key)
            if refusal is not None and refusal.stops_chain:
                raise PromptRefused(refusal.reason, provider=candidate.provider.name)
            if refusal is not None:
                request.address_to(candidate).add_attempt(not_again_message(refusal.reason, candidate.key))
            elif candidate.may_be_asked and candidate.provider.name not in request.attempts.passed_over:
                stored = await JobCreator(
                    self._context, self._jobs, self._unanswered, request.address_to(candidate)
                ).try_provider()
                if stored is not None:
                    return stored
        return None

    async def _collect_lost(
        self, request: PictureRequest, candidates: Sequence[Candidate], stored: StoredPicture | None
    ) -> StoredPicture | None:
        """Collect the lost jobs of this build's create calls; returns the picture to show.

        The picture of a lost job replaces `stored`, unless the same provider made `stored`.
        """
        for candidate in candidates:
            job_request = request.address_to(candidate)
            # Without a list of jobs, the call's outcome stays unknown.
            if candidate.provider.keeps_jobs and await self._unanswered.has_uncertain_calls(candidate.key):
                # The next page need not wait for this search.
                request.release_slot()
                for job in (await self._unanswered.search(job_request)).jobs.values():
                    if stored is None or stored.record.key != candidate.key:
                        stored = await self._jobs.collect_paid(job_request, job) or stored
            if stored is not None and stored.record.key == candidate.key:
                await self.collect_duplicates(job_request, stored.record)
        return stored

"""Create calls that failed or got no answer, and the search for their jobs in the account's list.

Such a call counts as paid in journal and budget until a list proves that it made no job. Such a list reaches back to
before the call, does not show the job, and was read at least 10 s after the call's end.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from anyio import Lock

from mkdocs_leonardo.acquire.budget import Reservation
from mkdocs_leonardo.acquire.failover import RETRY_WAIT_S, SEARCH_S
from mkdocs_leonardo.acquire.request import BuildContext, JobRequest
from mkdocs_leonardo.concurrency import to_thread
from mkdocs_leonardo.errors import ListUnclear, ProviderError, RequestRefused, ServiceFailed, StoreUnavailable
from mkdocs_leonardo.spec import Submission
from mkdocs_leonardo.storage.entries import CLOCKS_APART_S, CLOSED_S, FRESH_S, CreateCall, Entry


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The result of a search for the lost jobs of one picture.

    `jobs`: the jobs that were found, by the numbers of their calls.
    `doubt`: why other calls are still in doubt; None if no call is.
    `is_final`: a second search would find no more.
    `was_read`: whether the list could be read.
    """

    jobs: Mapping[int, Submission] = field(default_factory=dict)
    doubt: str | None = None
    is_final: bool = False
    was_read: bool = True


class UnansweredCalls:
    """The search for the jobs of failed and unanswered create calls, which also rules out calls without a job."""

    def __init__(self, context: BuildContext) -> None:
        self._context = context
        self._locks: dict[str, Lock] = {}
        self._reserved: dict[tuple[str, int], Reservation] = {}
        self._ended_at: dict[tuple[str, int], float] = {}
        self._seen_at: dict[tuple[str, int], float] = {}
        #: The requests of which this build has ruled a call out, by key.
        self._ruled_out: dict[str, Entry] = {}

    async def note_failed_call(self, key: str, number: int, reservation: Reservation) -> None:
        """Record a failed call of this build that may have made a job. The call's reservation still counts."""
        self._context.budget.mark_uncertain(reservation)
        self._reserved[key, number] = reservation
        self._ended_at[key, number] = self._context.clock.now()
        with suppress(StoreUnavailable):
            # Without this time, later builds count from the time at which the call was sent.
            await to_thread(self._context.journal.note_failed, key, number)

    async def has_uncertain_calls(self, key: str) -> bool:
        """Return whether a call of this build for `key` may have made a job."""
        if not any(reserved == key for reserved, _ in self._reserved):
            return False
        entry = await to_thread(self._context.journal.get_entry, key)
        return entry is not None and any((key, call.number) in self._reserved for call in entry.intended)

    async def search(self, request: JobRequest) -> SearchResult:
        """Search until a job is found, every call is ruled out, or further searches are useless."""
        began_at = self._context.clock.now()
        while True:
            # Computed before the request: a list that was requested too early proves nothing.
            left_s = await self._seconds_until_proof(request.key)
            result = await self.search_once(request)
            if result.jobs or result.is_final or left_s <= 0:
                return result
            # The intervals grow: the list shows a lost job at once, or it lags.
            pause_s = max(RETRY_WAIT_S, (self._context.clock.now() - began_at) / 2)
            await self._context.clock.sleep(min(pause_s, await self._seconds_until_proof(request.key)))

    async def search_once(self, request: JobRequest) -> SearchResult:
        """Search the list once for each create call of this picture whose outcome is unknown."""
        entry = await to_thread(self._context.journal.get_entry, request.key)
        jobs: dict[int, Submission] = {}
        for call in entry.intended if entry is not None else ():
            is_conclusive = self._seconds_until_proof_of_call(request.key, call) <= 0
            try:
                job = await self._adopt_job(request, call)
            except ProviderError as error:
                doubt, is_final = f"its list of jobs could not be read ({error})", isinstance(error, RequestRefused)
                if is_conclusive or not isinstance(error, ServiceFailed):
                    request.add_attempt(doubt)
                was_read = is_final or isinstance(error, ListUnclear)
                return SearchResult(jobs, doubt, is_final=is_final, was_read=was_read)
            if job is not None:
                jobs[call.number] = job
            elif is_conclusive:
                await self._rule_out(request, call)
        return SearchResult(jobs)

    async def _rule_out(self, request: JobRequest, call: CreateCall) -> None:
        """Delete a call that made no job from budget, journal and team lease."""
        provider, key = request.provider.name, request.key
        self._ruled_out[key] = request.entry
        reservation = self._reserved.pop((key, call.number), None)
        if reservation is not None:
            self._context.budget.count_only_at(reservation, provider)
        await request.publish(await to_thread(self._context.journal.delete_call, key, call.number))

    async def _adopt_job(self, request: JobRequest, call: CreateCall) -> Submission | None:
        """Find the job of one call in the list, and record the job in the journal; None if the list lacks the job."""
        provider, key = request.provider, request.key
        is_of_this_build = (key, call.number) in self._reserved
        since = min(call.sent_at, self._context.clock.now())
        if call.seed is not None and not is_of_this_build:
            since -= CLOCKS_APART_S
        # One search at a time: two pictures with equal calls must not both take the same job.
        async with self._locks.setdefault(provider.name, Lock()):
            picture, known_ids = replace(request.picture, seed=call.seed), frozenset[str]()
            job: Submission | None = None
            # Another picture's call may be accepted during the reading. The list is then read again without its job.
            while job is None or job.job_id in known_ids:
                known_ids = await to_thread(self._context.journal.get_known_job_ids, provider.name)
                job = await provider.find(picture, since=since, known=known_ids)
                if job is None:
                    return None
                if call.seed is not None and request.candidate.generation_request["seed"] is not None:
                    # The job may be that of an equal call for another picture.
                    await self._check_equal_calls(request)
                    if self._context.clock.now() - call.sent_at > CLOSED_S:
                        raise ListUnclear("other images' jobs of that time are forgotten", provider=provider.name)
                    known_ids = await to_thread(self._context.journal.get_known_job_ids, provider.name)
            await request.publish(await to_thread(self._context.journal.accept, key, job, call.number))
        if is_of_this_build:
            self._context.budget.settle(self._reserved.pop((key, call.number)), job.cost_usd)
            request.add_attempt("had accepted the job after all")
        else:
            self._context.notify(logging.INFO, f"{request.page}: found the job that an earlier build had paid for")
        return job

    async def _check_equal_calls(self, request: JobRequest) -> None:
        """Raise ListUnclear if another picture's lost call has the same seed, prompt, size and model.

        Ruled out calls count as well, since the list may have hidden their jobs until now.
        """
        names, values = ("seed", "prompt", "width", "height", "model"), request.candidate.generation_request
        entries = await to_thread(self._context.journal.get_entries)
        lost_entries = {key: entry for key, entry in entries.items() if entry.intended}
        for key, other_entry in (self._ruled_out | lost_entries).items():
            is_other = key != request.key and other_entry.provider == request.provider.name
            if is_other and all(other_entry.request.get(name) == values[name] for name in names):
                raise ListUnclear(
                    f"it does not show styles, and {other_entry.page} lost a job with the same prompt and seed",
                    provider=request.provider.name,
                )

    async def _seconds_until_proof(self, key: str) -> float:
        """Return how many seconds until a list can prove that none of the calls made a job; 0 if it already can."""
        entry = await to_thread(self._context.journal.get_entry, key)
        calls = entry.intended if entry is not None else ()
        return max((0.0, *(self._seconds_until_proof_of_call(key, call) for call in calls)))

    def _seconds_until_proof_of_call(self, key: str, call: CreateCall) -> float:
        """Return how many seconds until a list can prove that the call made no job; 0 or less if it already can."""
        now = self._context.clock.now()
        if (key, call.number) in self._reserved:
            return self._ended_at[key, call.number] + SEARCH_S - now
        if abs(now - max(call.sent_at, call.ended_at)) > FRESH_S + CLOCKS_APART_S:
            return 0.0
        # The call's process may have died, and the call may still arrive at the service.
        return self._seen_at.setdefault((key, call.number), now) + SEARCH_S - now

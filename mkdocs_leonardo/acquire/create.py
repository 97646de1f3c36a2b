"""Create a job at one provider: the create call, on the one line that spends money, and the steps around it.

`JobCreator.try_provider` takes these steps in order, and goes back to `_prepare_call` if the call is to be repeated:

| step                | what it does                                                                                 |
|---------------------|----------------------------------------------------------------------------------------------|
| `_check_caps`       | looks whether the caps have room, before any connection is opened                            |
| `_prepare_call`     | waits until the provider may be called, and uploads what the call names                      |
| `Budget.reserve`    | counts the call against the caps, or refuses it                                              |
| `_journal_call`     | writes the call to journal and team lease                                                    |
| `_send_call`        | sends the call: the one line that spends money                                               |
| `_handle_failure`   | after an error: searches for a job that was made after all, and decides whether to repeat    |
| `_collect_picture`  | after an accepted call: waits for the picture, and stores it                                 |
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from anyio import CancelScope

from mkdocs_leonardo.acquire.budget import Reservation
from mkdocs_leonardo.acquire.failover import MAX_CALLS, Decision, Step, choose_cooldown_s, decide
from mkdocs_leonardo.acquire.jobs import Jobs
from mkdocs_leonardo.acquire.request import BuildContext, JobRequest
from mkdocs_leonardo.acquire.unanswered_calls import UnansweredCalls
from mkdocs_leonardo.concurrency import to_thread
from mkdocs_leonardo.errors import (
    Charged,
    JobEmpty,
    JobFailed,
    LookupOutdated,
    PromptRefused,
    ProviderError,
    ServiceFailed,
    StoreUnavailable,
)
from mkdocs_leonardo.resolution import unwritable_journal_message
from mkdocs_leonardo.spec import Source, Submission, create_call_seed, dollars, lease_name
from mkdocs_leonardo.storage.base import StoredPicture

if TYPE_CHECKING:
    from mkdocs_leonardo.storage.entries import CreateCall


class JobCreator:
    """The creator, and collector, of a job for a request to one provider."""

    def __init__(self, context: BuildContext, jobs: Jobs, unanswered: UnansweredCalls, request: JobRequest) -> None:
        self._context = context
        self._jobs = jobs
        self._unanswered = unanswered
        self._request = request
        self._provider = request.provider
        self._calls: dict[int, Reservation] = {}
        self._failure: ServiceFailed | None = None

    async def try_provider(self) -> StoredPicture | None:
        """Create and collect the picture; returns None if the next provider is to be asked."""
        name, access = self._provider.name, self._context.access
        if not self._check_caps():
            return None
        await access.check_account(self._provider)
        async with access.hold_account_slot(name) as release_account_slot, access.throttle(name):
            try:
                return await self._call_until_decided(release_account_slot)
            finally:
                try:
                    if self._failure is not None and access.get_breaker(name).record_failed_caller(self):
                        await self._cool_down(self._failure)
                finally:
                    access.get_breaker(name).leave(self)

    def _check_caps(self) -> bool:
        """Return whether the caps have room for this picture; adds an attempt to the request if not."""
        estimate_usd = self._provider.estimate_usd(self._request.picture)
        if self._context.budget.would_fit(estimate_usd, self._provider.name):
            return True
        if self._request.attempts.capped_usd is None:
            # The next build asks the first provider again, so the estimate of that provider counts.
            self._request.attempts.capped_usd = estimate_usd
        self._request.add_attempt(
            f"a cap of this build does not allow it (about {dollars(estimate_usd)})", is_held_back=True
        )
        return False

    async def _cool_down(self, failure: ServiceFailed) -> None:
        """Cool the provider down as after a 429, since two pages in a row have found it down."""
        seconds, name = choose_cooldown_s(failure.retry_after_s), self._provider.name
        self._context.notify(logging.INFO, f"{name} is not asked for {seconds:.0f} s, since it seems to be down")
        await self._context.access.cool_down(name, str(failure), seconds)

    async def _call_until_decided(self, release_account_slot: Callable[[], None]) -> StoredPicture | None:
        """Send create calls until one gives a picture, or the next provider is to be asked."""
        while True:
            if not await self._prepare_call():
                return None
            estimate_usd = self._provider.estimate_usd(self._request.picture)
            reservation = self._context.budget.reserve(estimate_usd, self._provider.name)
            if reservation is None and self._calls:
                # A lost job gives the picture. A call without a job frees its reservation for the next provider.
                jobs = (await self._unanswered.search(self._request)).jobs
                if jobs:
                    number, job = next(iter(jobs.items()))
                    return await self._collect_picture(job, number, release_account_slot)
            if reservation is None:
                self._check_caps()
                return None
            call = await self._journal_call(reservation)
            try:
                job = await self._send_call(call, reservation)
            except ProviderError as error:
                decision, jobs = await self._handle_failure(error, call)
                if jobs:
                    number, job = next(iter(jobs.items()))
                    return await self._collect_picture(job, number, release_account_slot)
                if decision.step is not Step.CREATE_AGAIN:
                    return None
            else:
                return await self._collect_picture(job, call.number, release_account_slot)

    async def _prepare_call(self) -> bool:
        """Wait until a create call may be sent, and upload its files; adds an attempt to the request if it may not."""
        reason = await self._context.access.wait_to_call(self._provider.name, self)
        if reason is None:
            reason = await self._find_reason_to_skip()
        if reason is not None:
            self._request.add_attempt(reason)
            return False
        try:
            await self._provider.prepare(self._request.picture)
        except ProviderError as error:
            self._record_in_breaker(error)
            # No create call was sent: there is no call to repeat, and nothing to delete from the journal.
            decision = replace(decide(error, calls=MAX_CALLS, can_look=False), forget=False)
            await self._jobs.carry_out(decision, error, self._request)
            return False
        return True

    def _record_in_breaker(self, error: ProviderError) -> None:
        breaker = self._context.access.get_breaker(self._provider.name)
        if isinstance(error, ServiceFailed) and error.charged is not Charged.YES:
            self._failure = error
            breaker.record_failure()
        else:
            self._failure = None
            breaker.reset()

    async def _find_reason_to_skip(self) -> str | None:
        """Return why this provider gets no create call for the picture; None if it may get one."""
        entry = await to_thread(self._context.journal.get_entry, self._request.key)
        if entry is None and self._request.key not in self._jobs.uncollected:
            return None
        if entry is None or entry.accepted:
            return "has a job that is paid for and not collected yet"
        if all(call.number in self._calls for call in entry.intended):
            return None
        return "may have accepted an earlier call; it gets no new one until that is known"

    async def _journal_call(self, reservation: Reservation) -> CreateCall:
        """Write the call to journal and team lease before it is sent; a failure voids the reservation."""
        try:
            return await self._write_call(reservation.estimate_usd)
        except BaseException:
            # A cancelled build sends no call.
            self._context.budget.void(reservation)
            raise

    async def _write_call(self, estimate_usd: float) -> CreateCall:
        request, provider = self._request, self._provider
        journal, lease = self._context.journal, lease_name(request.picture)

        def seed(number: int) -> int | None:
            if not provider.keeps_jobs:
                return None
            return create_call_seed(request.key, number) if request.picture.seed is None else request.picture.seed

        try:
            entry = await to_thread(
                lambda: journal.record_call(request.entry, estimate_usd=estimate_usd, lease=lease, seed=seed)
            )
        except StoreUnavailable as error:
            raise StoreUnavailable(unwritable_journal_message(error)) from error
        call = entry.calls[-1]
        if request.team_lease is not None:
            try:
                await request.team_lease.record_call(entry)
            except LookupOutdated:
                await to_thread(journal.delete_call, request.key, call.number)
                raise
        return call

    async def _send_call(self, call: CreateCall, reservation: Reservation) -> Submission:
        """Send the create call, the only one for images that costs money. Caps allow it, and the journal holds it."""
        context, request, provider = self._context, self._request, self._provider
        context.notify(logging.INFO, f"{request.page}: {provider.name} is asked for an image")
        self._calls[call.number] = reservation
        self._jobs.sent_calls.add((request.key, call.number))
        request.attempts.reservations.append(reservation)
        context.budget.mark_uncertain(reservation)
        self._jobs.providers_in_call.append(provider)
        try:
            job = await provider.submit(
                replace(request.picture, seed=request.picture.seed if call.seed is None else call.seed)
            )
        finally:
            self._jobs.providers_in_call.remove(provider)
        # The budget comes first: other pages may be waiting for room in it.
        context.budget.settle(reservation, job.cost_usd)
        self._jobs.uncollected[request.key] = job
        context.access.get_breaker(provider.name).record_acceptance(self)
        with CancelScope(shield=True), suppress(StoreUnavailable):
            # A full disk costs the job id only: the picture is collected now, and stored elsewhere.
            await request.publish(await to_thread(context.journal.accept, request.key, job, call.number))
        return job

    async def _handle_failure(
        self, error: ProviderError, call: CreateCall
    ) -> tuple[Decision, Mapping[int, Submission]]:
        """Carry out the decision on a failed create call; returns it, with the jobs that the calls made after all."""
        context, reservation = self._context, self._calls[call.number]
        self._record_in_breaker(error)
        if error.charged is Charged.NO:
            context.budget.void(reservation)
        else:
            await self._unanswered.note_failed_call(self._request.key, call.number, reservation)
        decision = decide(error, calls=len(self._calls), can_look=self._provider.keeps_jobs)
        await self._jobs.carry_out(decision, error, self._request, number=call.number)
        if not decision.look_first:
            return decision, {}
        search = self._unanswered.search if decision.look_for_s else self._unanswered.search_once
        result = await search(self._request)
        if decision.look_for_s and result.doubt is not None:
            # Whether the call made a job is still unknown; the next build searches again before it pays.
            decision = replace(decision, step=Step.NEXT_PROVIDER)
        return decision, result.jobs

    async def _collect_picture(
        self, job: Submission, number: int, release_account_slot: Callable[[], None]
    ) -> StoredPicture | None:
        """Collect the picture of a job of this build; returns None if the next provider is to be asked."""
        context, request = self._context, self._request
        self._failure = None

        def release_slots() -> None:
            release_account_slot()
            request.release_slot()

        # An answer that holds the picture is stored even by a build that is being cancelled.
        with CancelScope(shield=job.image is not None):
            try:
                return await self._jobs.collect(
                    replace(request, release_slot=release_slots),
                    job,
                    give_up_at=job.accepted_at + self._provider.timeout_s,
                    source=Source.GENERATED,
                )
            except ProviderError as error:
                if isinstance(error, JobFailed | JobEmpty | PromptRefused):
                    # The job has ended without a picture.
                    if error.charged is Charged.NO:
                        context.budget.zero_cost(self._calls[number])
                    else:
                        context.budget.mark_uncertain(self._calls[number])
                # The job is treated like that of an earlier build, so no error leads to a second create call.
                decision = self._jobs.decide(error, request)
                await self._jobs.carry_out(decision, error, request, job=job)
        return None

"""Create a job at one provider: the create call, on the one line that spends money, and the steps after it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from anyio import CancelScope

from mkdocs_leonardo.acquire.budget import Reservation
from mkdocs_leonardo.acquire.context import BuildContext
from mkdocs_leonardo.acquire.failover import MAX_CALLS, Decision, Step, choose_cooldown_s, decide
from mkdocs_leonardo.acquire.jobs import Jobs
from mkdocs_leonardo.acquire.lost_jobs import LostJobs
from mkdocs_leonardo.acquire.request import JobRequest, LeaseTakenOver, thread
from mkdocs_leonardo.errors import (
    Charged,
    JobEmpty,
    JobFailed,
    PromptRefused,
    ProviderError,
    ServiceFailed,
    StoreUnavailable,
)
from mkdocs_leonardo.providers.base import FindsLostJobs, Prepares
from mkdocs_leonardo.spec import Source, Submission, create_call_seed
from mkdocs_leonardo.storage.base import StoredPicture

if TYPE_CHECKING:
    from mkdocs_leonardo.storage.entries import CreateCall


class JobCreator:
    """Creates a job for a request to one provider, and collects it."""

    def __init__(self, context: BuildContext, jobs: Jobs, lost: LostJobs, request: JobRequest) -> None:
        self._context = context
        self._jobs = jobs
        self._lost = lost
        self._request = request
        self._provider = request.provider
        self._calls: dict[int, Reservation] = {}
        self._failure: ServiceFailed | None = None
        self._release_account_slot: Callable[[], None]

    async def try_provider(self) -> StoredPicture | None:
        """The picture; None if the next provider is to be asked."""
        name, access = self._provider.name, self._context.access
        if not self._fits_caps():
            return None
        await access.check_account(self._provider)
        async with access.slot(name) as self._release_account_slot, access.throttled(name):
            try:
                return await self._call_until_decided()
            finally:
                try:
                    if self._failure is not None and access.outage(name).record_failed_caller(self):
                        await self._cool_down(self._failure)
                finally:
                    access.outage(name).leave(self)

    def _fits_caps(self) -> bool:
        """Whether the caps have room for this picture, checked before any connection is opened; notes a refusal."""
        estimate_usd = self._provider.estimate_usd(self._request.picture)
        if self._context.budget.would_fit(estimate_usd, self._provider.name):
            return True
        if self._request.attempts.capped_usd is None:
            # Of the provider that is asked first: the next build will ask it again.
            self._request.attempts.capped_usd = estimate_usd
        self._request.note(f"a cap of this build does not allow it (about ${estimate_usd:.3f})", is_held_back=True)
        return False

    async def _cool_down(self, failure: ServiceFailed) -> None:
        """Cool the provider down as after a 429, since two pages in a row have found it down."""
        seconds, name = choose_cooldown_s(failure.retry_after_s), self._provider.name
        self._context.notify(logging.INFO, f"{name} is not asked for {seconds:.0f} s, since it seems to be down")
        await self._context.access.cool_down(name, str(failure), seconds)

    async def _call_until_decided(self) -> StoredPicture | None:
        while True:
            if not await self._may_call():
                return None
            estimate_usd = self._provider.estimate_usd(self._request.picture)
            reservation = self._context.budget.reserve(estimate_usd, self._provider.name)
            if reservation is None and self._calls:
                # A call that made a job gives the picture; one that made none frees its reservation for the fallback.
                found = (await self._lost.search(self._request)).found
                for number, submission in found.items():
                    return await self._collect_picture(submission, number)
            if reservation is None:
                self._fits_caps()
                return None
            call = await self._journal_call(reservation)
            try:
                submission = await self._send_call(call, reservation)
            except ProviderError as error:
                decision, found = await self._handle_failure(error, call)
                for number, submission in found.items():
                    return await self._collect_picture(submission, number)
                if decision.step is not Step.CREATE_AGAIN:
                    return None
            else:
                return await self._collect_picture(submission, call.number)

    async def _may_call(self) -> bool:
        """Whether a create call may be sent, and the service has the files that it names; notes a refusal."""
        reason = await self._context.access.wait_to_call(self._provider.name, self) or await self._reason_to_skip()
        if reason:
            self._request.note(reason)
            return False
        if not isinstance(self._provider, Prepares):
            return True
        try:
            await self._provider.prepare(self._request.picture)
        except ProviderError as error:
            self._note_outage(error)
            # No create call was sent, so there is no entry to forget and no call to repeat.
            decision = replace(decide(error, calls=MAX_CALLS, can_look=False), forget=False)
            await self._jobs.carry_out(decision, error, self._request)
            return False
        return True

    def _note_outage(self, error: ProviderError) -> None:
        outage = self._context.access.outage(self._provider.name)
        if isinstance(error, ServiceFailed) and error.charged is not Charged.YES:
            self._failure = error
            outage.record_failure()
        else:
            self._failure = None
            outage.record_refusal()

    async def _reason_to_skip(self) -> str:
        """Why no new job is to be created here; empty if one may be."""
        entry = await thread(self._context.journal.entry, self._request.key)
        if entry is None and self._request.key not in self._jobs.uncollected:
            return ""
        if entry is None or entry.accepted:
            return "has a job that is paid for and not collected yet"
        if all(call.number in self._calls for call in entry.intended):
            return ""
        return "may have accepted an earlier call; nothing is paid for until that is known"

    async def _journal_call(self, reservation: Reservation) -> CreateCall:
        """Journal the create call before it is sent; if that fails, the reservation is withdrawn."""
        try:
            return await self._write_call(reservation.estimate_usd)
        except BaseException:
            # Also where the build is cancelled meanwhile: the call never leaves.
            self._context.budget.void(reservation)
            raise

    async def _write_call(self, estimate_usd: float) -> CreateCall:
        request, provider = self._request, self._provider
        journal = self._context.journal

        def seed(number: int) -> int | None:
            if not isinstance(provider, FindsLostJobs):
                return None
            return create_call_seed(request.key, number) if request.picture.seed is None else request.picture.seed

        try:
            entry = await thread(
                partial(journal.intend, request.entry, estimate_usd=estimate_usd, lease=request.lease, seed=seed)
            )
        except StoreUnavailable as error:
            raise StoreUnavailable(
                f"nothing is bought, since the journal cannot be written ({error}); make cache_dir writable"
            ) from error
        except ValueError:
            # The process that took the lease over while this one was asleep pays, or has paid.
            raise LeaseTakenOver from None
        call = entry.calls[-1]
        if request.team_lease is not None and not await request.team_lease.intend(entry):
            await thread(journal.delete_call, request.key, call.number)
            raise LeaseTakenOver
        return call

    async def _send_call(self, call: CreateCall, reservation: Reservation) -> Submission:
        """Send the create call, the one place where money is spent: capped, journalled and needed by the request."""
        context, request, provider = self._context, self._request, self._provider
        context.notify(logging.INFO, f"{request.page}: {provider.name} is asked for an image")
        self._calls[call.number] = reservation
        self._jobs.sent_calls.add((request.key, call.number))
        request.attempts.paid.append(reservation)
        context.budget.mark_uncertain(reservation)
        self._jobs.providers_in_call.append(provider)
        try:
            submission = await provider.submit(
                replace(request.picture, seed=request.picture.seed if call.seed is None else call.seed)
            )
        finally:
            self._jobs.providers_in_call.remove(provider)
        # Before the pages that wait for room, or for the provider to accept something.
        context.budget.settle(reservation, submission.cost_usd)
        self._jobs.uncollected[request.key] = submission
        context.access.outage(provider.name).record_acceptance(self)
        with CancelScope(shield=True), suppress(StoreUnavailable):
            # With a full disk only the job id is lost; the picture is fetched first, and the loss reported later.
            await request.publish(await thread(context.journal.accept, request.key, submission, call.number))
        return submission

    async def _handle_failure(
        self, error: ProviderError, call: CreateCall
    ) -> tuple[Decision, Mapping[int, Submission]]:
        """Carry out what follows from a failed create call, up to the next step; returns the jobs that it made."""
        context, reservation = self._context, self._calls[call.number]
        self._note_outage(error)
        if error.charged is Charged.NO:
            context.budget.void(reservation)
        else:
            await thread(self._lost.note_failed_call, self._request.key, call.number, reservation)
        decision = decide(error, calls=len(self._calls), can_look=isinstance(self._provider, FindsLostJobs))
        await self._jobs.carry_out(decision, error, self._request, number=call.number)
        if not decision.look_first:
            return decision, {}
        search = self._lost.search if decision.look_for_s else self._lost.search_once
        result = await search(self._request)
        if decision.look_for_s and result.trouble is not None:
            # Whether the call made a job is still unknown; the next build searches again before it pays.
            decision = replace(decision, step=Step.NEXT_PROVIDER)
        return decision, result.found

    async def _collect_picture(self, submission: Submission, number: int) -> StoredPicture | None:
        """The picture of a job that this build paid for; None if the next provider is to be asked."""
        context, request = self._context, self._request
        self._failure = None

        def release_slots() -> None:
            self._release_account_slot()
            request.release_slot()

        # A picture that is here already is kept, even by a build that is being cancelled.
        with CancelScope(shield=submission.image is not None):
            try:
                return await self._jobs.collect(
                    replace(request, release_slot=release_slots),
                    submission,
                    give_up_at=submission.accepted_at + self._provider.timeout_s,
                    source=Source.GENERATED,
                )
            except ProviderError as error:
                if isinstance(error, JobFailed | JobEmpty | PromptRefused):  # the job has ended without a picture
                    end = context.budget.zero_cost if error.charged is Charged.NO else context.budget.mark_uncertain
                    end(self._calls[number])
                # The job is accepted like an earlier build's: no error from here on leads to a second create.
                decision = self._jobs.decide(error, request)
                await self._jobs.carry_out(decision, error, request, job=submission)
        return None

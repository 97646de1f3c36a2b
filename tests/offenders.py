"""A small provider that meets the contract, and variants of it that each violate one requirement."""

from __future__ import annotations

import logging
import socket
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import urlsplit

import anyio

from mkdocs_leonardo.errors import (
    AccountRefused,
    AnswerLost,
    Charged,
    JobUnfinished,
    JobUnknown,
    NotSent,
    ProviderError,
    RateLimited,
    ServiceFailed,
    TransportError,
)
from mkdocs_leonardo.providers.answers import Answer, text_at
from mkdocs_leonardo.providers.base import Provider, ProviderContext
from mkdocs_leonardo.providers.declaration import Declaration
from mkdocs_leonardo.providers.http import Api
from mkdocs_leonardo.spec import GeneratedImage, JsonValue, PictureSpec, Submission
from mkdocs_leonardo.testing import LoopbackService, ProviderContract, Reply, Request, Requirement

log = logging.getLogger("offenders")


class Honest(Provider):
    """A provider with jobs that meets every requirement."""

    name = "honest"
    model = "brush-1"
    timeout_s = 5.0
    submit_s: ClassVar[float] = 4.0
    late_s: ClassVar[float] = 0.0

    def __init__(self, context: ProviderContext[Any]) -> None:
        self.context = context
        self.clock = context.clock
        self._api: Api | None = None
        self.options = self.options_of_pixels()

    def options_of_pixels(self) -> Mapping[str, JsonValue]:
        """The options that change pixels."""
        return {"quality": "best"}

    @property
    def base_url(self) -> str:
        """The address of the service."""
        options: Any = self.context.options
        return str(options["base_url"])

    @property
    def api(self) -> Api:
        """The connection, made on first use."""
        if self._api is None:
            self._api = Api(
                provider=self.name,
                base_url=self.base_url,
                secret_headers={"authorization": f"Bearer {self.context.key or ''}"},
                rate_limiter=self.rate_limiter,
                clock=self.clock,
            )
        return self._api

    def rate_limiter(self, now: float) -> float:
        """The limiter that every request waits for."""
        return self.context.rate_limiter(now)

    def estimate_usd(self, picture: PictureSpec) -> float:  # noqa: ARG002 - the protocol's
        """The estimate: one cent."""
        return 0.01

    async def submit(self, picture: PictureSpec) -> Submission:
        """Send one create request."""
        try:
            answer = await self.create(picture)
        except NotSent as error:
            raise self.error(ServiceFailed, str(error)) from error
        except AnswerLost as error:
            raise self.error(ServiceFailed, str(error), Charged.UNKNOWN) from error
        job_id = text_at(answer.body, "id")
        if answer.status == 200 and job_id:
            return Submission(self.name, self.model, job_id, self.clock.now())
        raise self.refusal(answer)

    async def create(self, picture: PictureSpec) -> Answer:
        """Send the request, and return its answer."""
        return await self.api.request(
            "POST", self.address("/jobs"), json={"prompt": picture.prompt}, timeout_s=self.submit_s
        )

    def address(self, path: str) -> str:
        """The path of a request."""
        return path

    def refusal(self, answer: Answer) -> ProviderError:
        """The error that an answer means."""
        if answer.status == 401:
            return self.error(AccountRefused, "does not accept the key")
        if answer.status == 429:
            return self.error(RateLimited, "is busy")
        return self.error(ServiceFailed, f"answered {answer.status}", Charged.UNKNOWN)

    def error(self, kind: type[ProviderError], text: str, charged: Charged = Charged.NO) -> ProviderError:
        """The error of a failed request."""
        return kind(text, provider=self.name, charged=charged)

    async def fetch(self, submission: Submission, *, give_up_at: float) -> GeneratedImage:
        """Poll until the picture is there or the deadline has passed."""
        end_at = give_up_at + self.late_s
        while True:
            try:
                return GeneratedImage(await self.look(submission, end_at))
            except TransportError as error:
                if self.clock.now() >= end_at:
                    raise self.error(JobUnfinished, str(error), Charged.YES) from error
                await self.again(submission)
            await self.clock.sleep(0.1)

    async def look(self, submission: Submission, end_at: float) -> bytes:
        """Poll once: the picture, or TransportError while there is none."""
        left_s = max(0.1, min(2.0, end_at - self.clock.now()))
        answer = await self.api.request("GET", f"/jobs/{submission.job_id}", timeout_s=left_s)
        url = text_at(answer.body, "url")
        if not url:
            raise AnswerLost("is still at work")
        return await self.api.download(url, hosts=(), timeout_s=2.0)

    async def again(self, submission: Submission) -> None:
        """Wait before the next poll."""

    async def aclose(self) -> None:
        """Close connections."""
        if self._api is not None:
            await self._api.aclose()


class SendsAgain(Honest):
    """Sends the create request a second time after a lost answer."""

    async def create(self, picture: PictureSpec) -> Answer:
        """Send the request, and once more if its answer is lost."""
        try:
            return await super().create(picture)
        except AnswerLost:
            return await super().create(picture)


class SendsAgainAfter500(Honest):
    """Sends the create request a second time after a server error."""

    async def create(self, picture: PictureSpec) -> Answer:
        """Send the request, and once more after a server error."""
        answer = await super().create(picture)
        return await super().create(picture) if answer.status == 500 else answer


class BuysInFetch(Honest):
    """Creates a new job if polling an old one fails."""

    async def again(self, submission: Submission) -> None:  # noqa: ARG002 - the protocol's
        """Create another job."""
        await self.submit(PictureSpec("again"))


class CallsItFree(Honest):
    """Reports a lost answer as not charged."""

    def error(self, kind: type[ProviderError], text: str, charged: Charged = Charged.NO) -> ProviderError:
        """The error of a failed request, as not charged unless the request was accepted."""
        return super().error(kind, text, charged if kind is JobUnfinished else Charged.NO)


class LetsOthersErrorsOut(Honest):
    """Lets exceptions escape that are no provider errors."""

    async def submit(self, picture: PictureSpec) -> Submission:
        """Raise KeyError for an unexpected answer."""
        try:
            return await super().submit(picture)
        except ServiceFailed as error:
            raise KeyError("id") from error


class MistakesTheLimit(Honest):
    """Reports a 429 as an ordinary failure."""

    def refusal(self, answer: Answer) -> ProviderError:
        """An ordinary failure for every answer."""
        if answer.status == 429:
            return self.error(ServiceFailed, "is busy")
        return super().refusal(answer)


class QuotesTheKey(Honest):
    """Quotes the refused key in its error."""

    def refusal(self, answer: Answer) -> ProviderError:
        """An error with the key in its text."""
        return self.error(type(super().refusal(answer)), f"refuses {self.context.key}", super().refusal(answer).charged)


class LogsTheKey(Honest):
    """Logs its requests with the key."""

    async def create(self, picture: PictureSpec) -> Answer:
        """Log the header, and send the request."""
        log.debug("sending Authorization: Bearer %s", self.context.key)
        return await super().create(picture)


class PutsTheKeyIntoTheAddress(Honest):
    """Sends the key in the address."""

    def address(self, path: str) -> str:
        """The path of a request, with the key."""
        return f"{path}?key={self.context.key}"


class GivesUpAtOnce(Honest):
    """Ends at the first failed poll."""

    async def look(self, submission: Submission, end_at: float) -> bytes:
        """Poll once, and give up after an error."""
        try:
            return await super().look(submission, end_at)
        except TransportError as error:
            if "still at work" in str(error):
                raise
            raise self.error(JobUnfinished, str(error), Charged.YES) from error


#: What `ForgetsWithTheProcess` remembers.
JOBS: dict[str, str] = {}


class ForgetsWithTheProcess(Honest):
    """Keeps its jobs in memory only."""

    async def submit(self, picture: PictureSpec) -> Submission:
        """Send one create request, and keep its job in memory."""
        submission = await super().submit(picture)
        JOBS[submission.job_id] = picture.prompt
        return submission

    async def fetch(self, submission: Submission, *, give_up_at: float) -> GeneratedImage:
        """Fetch a job of this process."""
        if submission.job_id not in JOBS:
            raise self.error(JobUnknown, "never heard of it", Charged.UNKNOWN)
        return await super().fetch(submission, give_up_at=give_up_at)


class OverrunsItsDeadline(Honest):
    """Polls beyond the deadline."""

    late_s = 4.0


class WaitsForEverToSubmit(Honest):
    """Waits without a limit for the answer to a create request."""

    submit_s = 30.0


class HeedsNoCancellation(Honest):
    """Shields its polling from cancellation."""

    async def fetch(self, submission: Submission, *, give_up_at: float) -> GeneratedImage:
        """Poll inside a shield."""
        images: list[GeneratedImage] = []
        with anyio.CancelScope(shield=True):
            images.append(await super().fetch(submission, give_up_at=give_up_at))
        return images[0]


class NamesPicturesByChance(Honest):
    """Lets the order of a set into the options that change pixels."""

    def options_of_pixels(self) -> Mapping[str, JsonValue]:
        """The options, in another order in every process."""
        return {"words": list({f"word {number}" for number in range(20)})}


class NamesPicturesByAddress(Honest):
    """Lets the service's address into the options that change pixels."""

    def options_of_pixels(self) -> Mapping[str, JsonValue]:
        """The options with the address."""
        return {"base_url": self.base_url}


class CostsNothing(Honest):
    """Estimates no cost."""

    def estimate_usd(self, picture: PictureSpec) -> float:  # noqa: ARG002 - the protocol's
        """An estimate of zero."""
        return 0.0


class ConnectsAtOnce(Honest):
    """Connects to the service when it is made."""

    def __init__(self, context: ProviderContext[Any]) -> None:
        super().__init__(context)
        parts = urlsplit(self.base_url)
        with socket.socket() as probe:
            probe.connect_ex((parts.hostname or "", parts.port or 0))


class WaitsForNoTurn(Honest):
    """Passes the limiter by."""

    def rate_limiter(self, now: float) -> float:  # noqa: ARG002 - the protocol's
        """A limiter that delays nothing."""
        return 0.0


class SignsForSomebodyElse(Honest):
    """Puts another provider's name on its picture."""

    async def submit(self, picture: PictureSpec) -> Submission:
        """Send one create request under a wrong name."""
        return replace(await super().submit(picture), provider="somebody")


class TheirService(LoopbackService):
    """The loopback service of these providers: jobs, each with an address once it is done."""

    def answer(self, request: Request) -> Reply:
        """A new job, or the status of one."""
        if self.is_create(request):
            return Reply(body={"id": "job-1"})
        return Reply(body={"url": self.picture_url} if self.is_finished else {"status": "pending"})


class TheirContract(ProviderContract):
    """The contract test of one of these providers."""

    service = TheirService
    late_s = 2.5


#: What each one breaks.
OFFENDERS: Mapping[type[Honest], Requirement] = {
    SendsAgain: Requirement.SUBMITS_ONCE,
    SendsAgainAfter500: Requirement.SUBMITS_ONCE,
    BuysInFetch: Requirement.SUBMITS_ONCE,
    CallsItFree: Requirement.STATES_CHARGED,
    LetsOthersErrorsOut: Requirement.RAISES_OURS,
    MistakesTheLimit: Requirement.RAISES_OURS,
    QuotesTheKey: Requirement.KEEPS_KEYS,
    LogsTheKey: Requirement.KEEPS_KEYS,
    PutsTheKeyIntoTheAddress: Requirement.KEEPS_KEYS,
    GivesUpAtOnce: Requirement.TRIES_AGAIN,
    ForgetsWithTheProcess: Requirement.FETCHES_LATER,
    OverrunsItsDeadline: Requirement.KEEPS_TIME,
    WaitsForEverToSubmit: Requirement.KEEPS_TIME,
    HeedsNoCancellation: Requirement.ENDS_WHEN_CANCELLED,
    NamesPicturesByChance: Requirement.SAME_KEY,
    NamesPicturesByAddress: Requirement.SAME_KEY,
    CostsNothing: Requirement.IS_COMPLETE,
    ConnectsAtOnce: Requirement.OPENS_NOTHING,
    WaitsForNoTurn: Requirement.ASKS_FIRST,
    SignsForSomebodyElse: Requirement.DELIVERS,
}


EVERYBODY: tuple[type[Honest], ...] = (Honest, *OFFENDERS)


def contract_of(kind: type[Honest]) -> ProviderContract:
    """Make the contract test of one provider; a new process finds it in this module by its name."""
    contract: ProviderContract = globals()[f"{kind.__name__}Contract"]()
    return contract


for _kind in EVERYBODY:
    _name = f"{_kind.__name__}Contract"
    # Keys of their own, so that no provider is blamed for another one's log lines.
    _members = {
        "declaration": Declaration(make=_kind, options=object),
        "key": f"key-of-{_kind.__name__}-5f3a9c07",
        "__module__": __name__,
    }
    globals()[_name] = type(_name, (TheirContract,), _members)

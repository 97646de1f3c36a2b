"""Leonardo's models: a job is created and paid for, asked for until it is done, and downloaded.

The create call has two forms, v1 and v2, which `orders` makes; everything else is v1 in both. By the vendor's guides
they name the same models, modes, contrasts and styles, so that what is asked for is the same picture: both have the
same key, a change of the form buys nothing anew, and a job made under one is found and collected under the other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote as quote_path

from mkdocs_leonardo.errors import (
    AccountRefused,
    AnswerLost,
    Charged,
    DownloadRefused,
    HostNotListed,
    JobEmpty,
    JobFailed,
    JobUnfinished,
    JobUnknown,
    NoAnswer,
    NotAsked,
    NotSent,
    PictureElsewhere,
    PromptRefused,
    ProviderError,
    RateLimited,
    RequestRefused,
    ServiceFailed,
    TransportError,
)
from mkdocs_leonardo.providers.answers import (
    Answer,
    firewall,
    member,
    number_at,
    quote,
    retry_after_s,
    served_at,
    text_at,
    utc_seconds,
)
from mkdocs_leonardo.providers.base import Account, Clock, Uploads
from mkdocs_leonardo.providers.leonardo.models import row_of
from mkdocs_leonardo.providers.leonardo.options import LeonardoOptions
from mkdocs_leonardo.providers.leonardo.orders import (
    Order,
    Version,
    estimate_usd,
    has_seed,
    key_model,
    key_options,
    mode_of,
    order_for,
)
from mkdocs_leonardo.providers.leonardo.polling import RenderClock, next_poll_s
from mkdocs_leonardo.providers.prices import LEONARDO_CREDIT_USD
from mkdocs_leonardo.providers.references import LeonardoUploads
from mkdocs_leonardo.spec import GeneratedImage, JsonValue, PictureSpec, Submission, clean_text

if TYPE_CHECKING:
    import anyio

    from mkdocs_leonardo.providers.base import Connection, ProviderContext

NAME = "leonardo"
_READ_TIMEOUT_S = 10.0
_DOWNLOAD_TIMEOUT_S = 30.0
#: What was asked for before the deadline may arrive a little after it: a job that is done is paid for.
_GRACE_PART = 0.25
_LEAST_GRACE_S = 2.0
_MOST_GRACE_S = 10.0
#: A job of an earlier process is asked for at this interval once it should long be done.
_OVERDUE_POLL_S = 1.5
#: A job that is complete without a picture is asked for until it was so for this long: pictures may come after it.
_EMPTY_S = 3.0
#: Clocks and timers differ by this much at most.
_TICK_S = 0.01
_RETRY_WAITS_S = (0.5, 1.0, 2.0)
#: How far createdAt may lie before our own idea of the time of a lost create call.
_CLOCK_SLACK_S = 120.0
#: The same where the service's answers do not tell its time: our clock may be wrong by so much more.
_NO_DATE_SLACK_S = 3600.0
_PAGE = 50
#: A list that has not come to its end by then is not known to be whole.
_MOST_PAGES = 40

_SERVER_ERROR = 500
_TOO_MANY = 429
_NOT_FOUND = 404
#: Words of a failure in which a job may have been made after all.
_UNCERTAIN = re.compile(r"internal (server )?error|service error|timed? ?out|unavailable", re.IGNORECASE)
_TOO_OFTEN = re.compile(r"too many requests|rate limit", re.IGNORECASE)
#: What it says of an id that is no uploaded picture's: nothing was ordered.
_NO_REFERENCE = re.compile(r"invalid init image id|couldn't access image|init image.*not found", re.IGNORECASE)
_JOB_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


def create(context: ProviderContext) -> LeonardoProvider:
    """The provider as the entry point makes it."""
    options = context.options if isinstance(context.options, LeonardoOptions) else LeonardoOptions()
    api = context.connection(
        NAME, base_url=api_root(options.base_url), secret_headers=lambda key: {"authorization": f"Bearer {key}"}
    )
    render_clock = RenderClock(context.render_times.seen, context.render_times.observe)
    return LeonardoProvider(options, api=api, clock=context.clock, render_clock=render_clock, uploads=context.uploads)


def api_root(base_url: str) -> str:
    """The address above the versions of the API."""
    root, _, version = base_url.rstrip("/").rpartition("/")
    return root if version in {"v1", "v2"} else base_url


class LeonardoProvider:
    """`submit` costs money; `fetch`, `find` and `account` are free."""

    name = NAME

    def __init__(
        self,
        options: LeonardoOptions,
        *,
        api: Connection,
        clock: Clock,
        render_clock: RenderClock,
        uploads: Uploads,
    ) -> None:
        """Make the provider; nothing is connected yet."""
        self._options = options
        self._api = api
        self._clock = clock
        self._render_clock = render_clock
        self._user_id = ""
        self._uploads = LeonardoUploads(uploads, clock, lambda path: self._path("v1", path))
        # What kind of job an id is, for those created by this process: a Submission does not say its size.
        self._kinds: dict[str, str] = {}

    @property
    def model(self) -> str:
        """The model that draws; part of the key."""
        return key_model(self._options)

    @property
    def options(self) -> Mapping[str, JsonValue]:
        """What else changes the pixels; part of the key."""
        return key_options(self._options)

    @property
    def takes_references(self) -> bool:
        """Whether the model is one of those of which it is known how they take a reference."""
        return row_of(self._options.model) is not None

    @property
    def timeout_s(self) -> float:
        """How long a page waits for an accepted job, counted from acceptance."""
        return self._options.timeout_s

    def estimate_usd(self, picture: PictureSpec) -> float:
        """What one picture is expected to cost."""
        return estimate_usd(self._options, picture)

    async def aclose(self) -> None:
        """Close connections."""
        await self._api.aclose()

    # Create ------------------------------------------------------------------------------------------------------

    async def submit(self, picture: PictureSpec) -> Submission:
        """A job, accepted and so paid for. The create request is sent exactly once."""
        # Checked before anything is uploaded for it.
        order = order_for(self._options, picture)
        reference_id = ""
        if picture.look is not None:
            reference_id = await self._uploads.id_of(picture.look, self._api(), self._user)
            order = order_for(self._options, picture, reference_id)
        try:
            answer = await self._api().request(
                "POST",
                self._path(order.version, "/generations"),
                json={**order.body},
                timeout_s=self._options.create_timeout_s,
            )
        except NotSent as error:
            raise _error(ServiceFailed, str(error)) from error
        except AnswerLost as error:
            raise _error(NoAnswer, str(error), charged=Charged.UNKNOWN) from error
        job = _accepted(answer.body)
        job_id = text_at(job, "generationId")
        if not 200 <= answer.status < 300 or not _JOB_ID.fullmatch(job_id):  # noqa: PLR2004 - HTTP's own numbers
            if picture.look is not None and _NO_REFERENCE.search(_text(answer)) and answer.status < _SERVER_ERROR:
                self._uploads.forget(picture.look, reference_id)
                raise _error(ServiceFailed, f"has lost the reference; it is uploaded again ({_said(answer)})")
            raise self._create_refusal(answer)
        self._kinds[job_id] = self._kind(picture.width_px, picture.height_px)
        return Submission(
            provider=NAME,
            model=self.model,
            job_id=job_id,
            accepted_at=self._clock.now(),
            cost_usd=_cost_usd(job),
        )

    def _create_refusal(self, answer: Answer) -> ProviderError:
        known = self._known_refusal(answer)
        if known is not None:
            return known
        said = _said(answer)
        if answer.status in {_NOT_FOUND, 405} or 300 <= answer.status < 400:  # noqa: PLR2004 - HTTP's own numbers
            return _error(AccountRefused, f"has no such address; check leonardo.base_url ({said})")
        # v2 refuses with 200 and a list of errors: no job was made.
        is_refusal = answer.status < 300 and bool(_errors_in(answer.body)) and not _UNCERTAIN.search(said)  # noqa: PLR2004 - same
        if answer.status == _TOO_MANY or (is_refusal and _TOO_OFTEN.search(said)):
            return _error(RateLimited, said, retry_after_s=retry_after_s(answer, self._clock.now()))
        if answer.status < 300 and not is_refusal:  # noqa: PLR2004 - same
            return _error(NoAnswer, f"accepted the job without naming it ({said})", charged=Charged.UNKNOWN)
        if answer.status >= _SERVER_ERROR or answer.status == 408:  # noqa: PLR2004 - HTTP's own number
            return _error(
                ServiceFailed,
                said,
                charged=Charged.UNKNOWN,
                retry_after_s=retry_after_s(answer, self._clock.now()),
            )
        return _error(RequestRefused, f"does not take the request ({said})")

    def _known_refusal(self, answer: Answer) -> ProviderError | None:
        """What the service says in so many words. Its texts are more telling than its status codes."""
        said = _said(answer)
        text = _text(answer).lower()
        if "authorization hook" in text or "authentication hook" in text or answer.status == 401:  # noqa: PLR2004 - HTTP's own number
            return _error(AccountRefused, firewall(answer) or f"does not accept LEONARDO_API_KEY ({said})")
        if "not enough api tokens" in text or answer.status == 402:  # noqa: PLR2004 - same
            return _error(AccountRefused, "has no credit left on this account; top it up")
        if "content moderation" in text or "inappropriate content" in text:
            return _error(PromptRefused, f"refuses the prompt ({said})")
        if "not supported within the production api" in text:
            return _error(AccountRefused, f"does not offer the model {self.model!r} any more; set leonardo.model")
        if answer.status == 403:  # noqa: PLR2004 - same
            return _error(AccountRefused, firewall(answer) or f"does not let LEONARDO_API_KEY in ({said})")
        return None

    # Fetch -------------------------------------------------------------------------------------------------------

    async def fetch(self, submission: Submission, *, give_up_at: float) -> GeneratedImage:
        """The picture of an accepted job, asked for when it is likely to be done, and one last time at `give_up_at`.

        Failed polls and downloads are tried again until then. What was begun before may end up to 10 s after it. A job
        of an earlier process is asked for at once.
        """
        grace_s = min(max(_GRACE_PART * self.timeout_s, _LEAST_GRACE_S), _MOST_GRACE_S)
        watch = _Watch(self, submission, give_up_at=give_up_at, end_at=max(give_up_at, self._clock.now()) + grace_s)
        return await watch.run(self._kinds.pop(submission.job_id, None))

    # Lost jobs ---------------------------------------------------------------------------------------------------

    async def find(self, picture: PictureSpec, *, since: float, known: frozenset[str]) -> Submission | None:
        """The accepted, not failed job for `picture` made after `since` (Unix seconds) and not in `known`."""
        order = order_for(self._options, picture)
        if not has_seed(self._options):
            # Its jobs look alike in the list, and not known is not "no".
            raise _error(ServiceFailed, f"cannot tell jobs of {self._options.model} from one another in its list")
        user_id = await self._user()
        listing = _Listing(order, since=since, known=known)
        for _ in range(_MOST_PAGES):
            path = f"/generations/user/{quote_path(user_id, safe='')}?offset={listing.length}&limit={_PAGE}"
            answer = await self._read(self._path("v1", path))
            listed = member(answer.body, "generations")
            if not isinstance(listed, list):
                raise _error(ServiceFailed, f"shows no list of jobs ({_said(answer)})")
            listing.add(listed, served_at(answer), self._clock.now())
            if not listed or listing.is_enough:
                break
        else:
            if listing.best is None:
                raise _error(
                    ServiceFailed, f"lists more than {listing.length} jobs, and this one may be among the rest"
                )
        if listing.best is None:
            if listing.has_unseeded:
                raise _error(ServiceFailed, "lists a job that may be this one, without its seed")
            return None
        created, job_id = listing.best
        self._kinds[job_id] = self._kind(picture.width_px, picture.height_px)
        return Submission(provider=NAME, model=self.model, job_id=job_id, accepted_at=min(created, self._clock.now()))

    # The account -------------------------------------------------------------------------------------------------

    async def account(self) -> Account:
        """Credits and slots; ProviderError when refused or unreadable."""
        details = await self._me()
        amounts = [number_at(details, name) for name in ("apiPaidTokens", "apiSubscriptionTokens")]
        stated = [amount for amount in amounts if amount is not None]
        # Credits are whole by the vendor's schema (June 2026); a fraction was seen on an account in dollars.
        usd = [amount for amount in stated if not amount.is_integer()]
        whole = sum(amount for amount in stated if amount.is_integer())
        # No paid tokens and none of a subscription: null says that they are not known, not that there are none.
        is_known = amounts[0] is not None or whole > 0
        slots = number_at(details, "apiConcurrencySlots")
        return Account(
            credits=whole if is_known and (whole or not usd) else None,
            usd=sum(usd) if usd else None,
            slots=int(slots) if slots is not None and slots >= 1 else None,
            credit_usd=LEONARDO_CREDIT_USD,
        )

    async def _me(self) -> JsonValue:
        answer = await self._read(self._path("v1", "/me"))
        details = member(answer.body, "user_details", 0)
        if details is None:
            raise _error(ServiceFailed, f"says nothing of the account ({_said(answer)})")
        self._user_id = text_at(details, "user", "id") or self._user_id
        return details

    async def _user(self) -> str:
        if not self._user_id:
            await self._me()
        if not self._user_id:
            raise _error(ServiceFailed, "does not say whose account it is, so its list of jobs cannot be read")
        return self._user_id

    async def _read(self, path: str) -> Answer:
        """A 200 answer to a question that costs nothing, tried three times; ProviderError without one."""
        error: ProviderError
        for wait_s in (*_RETRY_WAITS_S[:2], None):
            try:
                answer = await self._api().request("GET", path, timeout_s=_READ_TIMEOUT_S)
            except TransportError as lost:
                error = _error(ServiceFailed, str(lost))
            else:
                if answer.status == 200 and answer.body is not None:  # noqa: PLR2004 - HTTP's own number
                    return answer
                error = self._read_refusal(answer)
                if not isinstance(error, ServiceFailed):
                    raise error
            if wait_s is None:
                break
            await self._clock.sleep(wait_s)
        raise error

    def _read_refusal(self, answer: Answer) -> ProviderError:
        known = self._known_refusal(answer)
        if isinstance(known, AccountRefused):
            return known
        if answer.status == _TOO_MANY:
            return _error(RateLimited, _said(answer), retry_after_s=retry_after_s(answer, self._clock.now()))
        if 400 <= answer.status < _SERVER_ERROR:  # noqa: PLR2004 - HTTP's own number
            return _error(RequestRefused, _said(answer))
        return _error(ServiceFailed, _said(answer))

    def _kind(self, width_px: int, height_px: int) -> str:
        mode = mode_of(self._options).lower()
        quality = {"quality": "alchemy", "": "alchemy" if self._options.alchemy else "fast"}.get(mode, mode)
        return f"{NAME}/{self.model}/{width_px}x{height_px}/{quality}"

    def _path(self, version: Version, path: str) -> str:
        """Below `api_root`; an address that names no version is taken as it is."""
        return path if api_root(self._options.base_url) == self._options.base_url else f"/{version}{path}"


class _Listing:
    """The account's list of jobs as far as it was read, in search of the one that `order` made after `since`."""

    def __init__(self, order: Order, *, since: float, known: frozenset[str]) -> None:
        self._order = order
        self._since = since
        self._known = known
        self._times: list[float] = []
        self._is_newest_first = True
        self.length = 0
        #: Time of creation by our clock, and id.
        self.best: tuple[float, str] | None = None
        #: A job may be the one, but its seed is not shown.
        self.has_unseeded = False
        self.is_enough = False

    def add(self, listed: Sequence[JsonValue], served: float | None, now: float) -> None:
        """One more page, which came at `now`; `served` is the service's time then, if it told."""
        # createdAt is by the service's clock, `since` by ours.
        ahead_s = (now if served is None else served) - now
        since = self._since - _CLOCK_SLACK_S - (_NO_DATE_SLACK_S if served is None else 0.0)
        for entry in listed:
            stated = utc_seconds(text_at(entry, "createdAt"))
            created = None if stated is None else stated - ahead_s
            self._note_order(created)
            job_id = text_at(entry, "id")
            if job_id in self._known or not _JOB_ID.fullmatch(job_id):
                continue
            is_recent = created is not None and created >= since
            if _is_made_by(entry, self._order) and (is_recent or (created is None and self._order.seed is not None)):
                self.best = max(self.best or (0.0, ""), (now if created is None else created, job_id))
            elif is_recent and _may_be_made_by(entry, self._order):
                self.has_unseeded = True
        self.length += len(listed)
        is_past = len(set(self._times)) > 1 and self._times[-1] < since
        self.is_enough = self._is_newest_first and (is_past or self.best is not None)

    def _note_order(self, created: float | None) -> None:
        if created is None or (self._times and created > self._times[-1]):
            self._is_newest_first = False
        else:
            self._times.append(created)


class _Watch:
    """One job on its way from acceptance to bytes."""

    def __init__(self, provider: LeonardoProvider, submission: Submission, *, give_up_at: float, end_at: float) -> None:
        self._provider = provider
        self._options = provider._options  # noqa: SLF001 - one thing in two classes
        self._clock = provider._clock  # noqa: SLF001 - same
        self._api = provider._api()  # noqa: SLF001 - same
        self._submission = submission
        self._give_up_at = give_up_at
        self._end_at = end_at
        self._failures = 0
        self._was_answered = False
        self._trouble = ""
        self._is_unknown = False
        self._empty_since: float | None = None

    async def run(self, kind: str | None) -> GeneratedImage:
        """The picture, or the ProviderError that ends the wait."""
        url = await (self._wait_overdue() if kind is None else self._wait_planned(kind))
        return await self._collect(url)

    # Waiting -----------------------------------------------------------------------------------------------------

    async def _wait_planned(self, name: str) -> str:
        """The picture's address, asked for at the times that the render clock suggests."""
        clock = self._provider._render_clock  # noqa: SLF001 - one thing in two classes
        kind = await clock.kind(name)
        last_s = 0.0
        with kind.waiting() as token:
            while True:
                changed = kind.changed()
                elapsed_s = self._elapsed_s()
                scout = kind.is_scout(token)
                wait_s = next_poll_s(elapsed_s, last_s, kind.seen, self._options.render_estimate_s, scout=scout)
                if await self._sleep(wait_s, changed):
                    continue
                asked_s = self._elapsed_s()
                url, retry_s = await self._ask()
                if url is not None:
                    await clock.add(name, last_s, asked_s)
                    return url
                if retry_s is None:
                    last_s = asked_s
                self._check_deadline()
                if retry_s is not None:
                    await self._sleep(retry_s)

    async def _wait_overdue(self) -> str:
        """The picture's address of a job that this process did not create; it may long be done."""
        while True:
            url, retry_s = await self._ask()
            if url is not None:
                return url
            self._check_deadline()
            await self._sleep(_OVERDUE_POLL_S if retry_s is None else retry_s)

    async def _sleep(self, seconds: float, changed: anyio.Event | None = None) -> bool:
        """Sleep, at most until the deadline; True if `changed` came first."""
        import anyio

        seconds = min(seconds, max(0.0, self._give_up_at - self._clock.now()))
        if changed is None or seconds <= 0:
            await self._clock.sleep(max(0.0, seconds))
            return False
        slept = False
        async with anyio.create_task_group() as tasks:

            async def sleep() -> None:
                nonlocal slept
                await self._clock.sleep(seconds)
                slept = True
                tasks.cancel_scope.cancel()

            tasks.start_soon(sleep)
            await changed.wait()
            tasks.cancel_scope.cancel()
        return not slept

    def _check_deadline(self) -> None:
        now = self._clock.now()
        if now < self._give_up_at - _TICK_S:
            return
        if self._is_unknown:
            raise _error(JobUnknown, "does not know the job", charged=Charged.UNKNOWN)
        if self._empty_since is not None and now - self._empty_since >= min(_EMPTY_S, self._provider.timeout_s / 2):
            raise _error(JobEmpty, "finished the job without an image", charged=Charged.UNKNOWN)
        if self._empty_since is not None:
            raise self._unfinished("finished the job without an image so far")
        if not self._was_answered:
            raise _error(NotAsked, self._trouble or "could not be asked for the job", charged=Charged.YES)
        raise self._unfinished(self._trouble or f"has not finished after {self._elapsed_s():.0f} s")

    # One poll ----------------------------------------------------------------------------------------------------

    async def _ask(self) -> tuple[str | None, float | None]:
        """The picture's address, or None and, if the question itself failed, the seconds until the next."""
        path = self._provider._path("v1", f"/generations/{quote_path(self._submission.job_id, safe='')}")  # noqa: SLF001 - one thing in two classes
        # The last question gets a second to be answered, however late it is.
        end_at = max(self._end_at, self._clock.now() + 1.0)
        try:
            answer = await self._api.request(
                "GET",
                path,
                timeout_s=min(_READ_TIMEOUT_S, end_at - self._clock.now()),
                give_up_at=end_at,
            )
        except TransportError as error:
            return None, self._failed(str(error))
        self._was_answered = True
        job = member(answer.body, "generations_by_pk")
        if answer.status == 200 and isinstance(job, dict):  # noqa: PLR2004 - HTTP's own number
            self._failures = 0
            self._trouble = ""
            self._is_unknown = False
            return self._url(job), None
        if self._says_unknown(answer):
            # What a service says of a job that it has just accepted may lag behind itself, for seconds or longer.
            self._is_unknown = True
            return None, None
        return None, self._refused(answer)

    def _url(self, job: JsonValue) -> str | None:
        """The address in a job that is known; None while it is pending. JobFailed, PromptRefused if it ended badly."""
        status = text_at(job, "status").upper()
        if status == "FAILED":
            raise _error(JobFailed, "could not make the image (status FAILED, not charged)")
        if status != "COMPLETE":
            # PENDING, and whatever word is added next.
            self._empty_since = None
            return None
        self._empty_since = self._empty_since or self._clock.now()
        images = member(job, "generated_images")
        for image in images if isinstance(images, list) else ():
            if member(image, "nsfw") is True:
                raise _error(PromptRefused, "made an image that it marks as not safe", charged=Charged.YES)
            url = text_at(image, "url")
            if url:
                return url
        return None

    @staticmethod
    def _says_unknown(answer: Answer) -> bool:
        if answer.status == 200:  # noqa: PLR2004 - HTTP's own number
            return isinstance(answer.body, dict) and answer.body.get("generations_by_pk", answer) is None
        # A wrong address answers 404 as well, and must not make us forget what was paid for.
        text = _text(answer).lower()
        return answer.status == _NOT_FOUND and isinstance(answer.body, dict) and "endpoint" not in text

    def _refused(self, answer: Answer) -> float:
        """The seconds until the next question after an answer that says nothing of the job."""
        said = _said(answer)
        known = self._provider._known_refusal(answer)  # noqa: SLF001 - one thing in two classes
        if isinstance(known, AccountRefused):
            raise self._unfinished(f"does not answer for this job now: {known}")
        wait_s = self._failed(said)
        if answer.status == _TOO_MANY:
            return max(wait_s, retry_after_s(answer, self._clock.now()) or 2.0)
        if 300 <= answer.status < _SERVER_ERROR and answer.status != 408:  # noqa: PLR2004 - HTTP's own numbers
            raise self._unfinished(said)
        return wait_s

    def _failed(self, trouble: str) -> float:
        self._trouble = f"could not be asked for the job: {trouble}"
        wait_s = _RETRY_WAITS_S[min(self._failures, len(_RETRY_WAITS_S) - 1)]
        self._failures += 1
        return wait_s

    # The picture -------------------------------------------------------------------------------------------------

    async def _collect(self, url: str) -> GeneratedImage:
        """The bytes. A download that fails is tried again, each time at the address that the job shows by then."""
        self._failures = 0
        while True:
            left_s = self._end_at - self._clock.now()
            try:
                data = await self._api.download(
                    url, hosts=self._options.image_hosts, timeout_s=min(_DOWNLOAD_TIMEOUT_S, max(1.0, left_s))
                )
            except HostNotListed as error:
                hosts = ", ".join((*self._options.image_hosts, error.host))
                raise PictureElsewhere(
                    f"made the image, but it is on {error.host}, which is not among image_hosts; if that host is "
                    f"Leonardo's, write `leonardo: image_hosts: [{hosts}]`, and the next build collects it",
                    provider=NAME,
                    charged=Charged.YES,
                ) from error
            except DownloadRefused as error:
                raise self._unfinished(f"made the image, but it is not fetched: {error}") from error
            except TransportError as error:
                trouble = f"made the image, but it cannot be fetched: {error}"
            else:
                return GeneratedImage(data, self._submission.cost_usd)
            wait_s = self._failed(trouble)
            self._trouble = trouble
            if self._clock.now() + wait_s >= self._give_up_at:
                raise self._unfinished(trouble)
            await self._clock.sleep(wait_s)
            failures = self._failures
            fresh, _ = await self._ask()
            self._failures = failures
            url = fresh or url

    def _elapsed_s(self) -> float:
        return max(0.0, self._clock.now() - self._submission.accepted_at)

    @staticmethod
    def _unfinished(message: str) -> JobUnfinished:
        return JobUnfinished(message, provider=NAME, charged=Charged.YES)


def _fits(entry: JsonValue, order: Order) -> bool:
    """Whether a listed job has the prompt, size and model of `order`, in either form, and did not fail."""
    return (
        clean_text(text_at(entry, "prompt")) == order.prompt
        and text_at(entry, "modelId").lower() in order.models
        and (number_at(entry, "imageWidth"), number_at(entry, "imageHeight")) == order.size
        and text_at(entry, "status").upper() != "FAILED"
    )


def _is_made_by(entry: JsonValue, order: Order) -> bool:
    """Whether a listed job was made by `order`; one that was sent without a seed, by whatever else the list shows."""
    if not _fits(entry, order):
        return False
    if order.seed is not None:
        return number_at(entry, "seed") == order.seed
    negative = clean_text(text_at(entry, "negativePrompt"))
    preset = text_at(entry, "presetStyle").upper()
    # What either side leaves open is no difference.
    return (not negative or not order.negative_prompt or negative == order.negative_prompt) and (
        not preset or not order.preset or preset == order.preset
    )


def _may_be_made_by(entry: JsonValue, order: Order) -> bool:
    """Whether only the seed is missing to tell."""
    return order.seed is not None and number_at(entry, "seed") is None and _fits(entry, order)


def _accepted(body: JsonValue | None) -> JsonValue | None:
    """The job in an answer: wrapped in either name, bare as the specification has it, or alone in a list."""
    if isinstance(body, list) and len(body) == 1:
        body = body[0]
    return member(body, "sdGenerationJob") or member(body, "generate") or body


def _errors_in(body: JsonValue | None) -> list[JsonValue]:
    """The errors of a refusal that came as a list, bare or as `errors`; empty for any other answer."""
    listed = body if isinstance(body, list) else member(body, "errors")
    return [one for one in listed if text_at(one, "message")] if isinstance(listed, list) else []


def _cost_usd(job: JsonValue) -> float | None:
    """What a create answer says it charged; None where it says nothing (0 is what it says when it does not know)."""
    amount = number_at(job, "cost", "amount")
    unit = text_at(job, "cost", "unit").upper()
    if amount is not None and amount > 0 and unit in {"DOLLARS", "CREDITS"}:
        return round(amount if unit == "DOLLARS" else amount * LEONARDO_CREDIT_USD, 6)
    credit = number_at(job, "apiCreditCost")
    return round(credit * LEONARDO_CREDIT_USD, 6) if credit is not None and credit > 0 else None


def _text(answer: Answer) -> str:
    words = [text_at(answer.body, "error") or text_at(answer.body, "message")]
    for one in _errors_in(answer.body)[:1]:
        details = member(one, "extensions", "details")
        # Text, an object with errors of its own, or nothing: all three are in use.
        deeper = details if isinstance(details, str) else text_at(details, "errors", 0, "message")
        words = [text_at(one, "message"), deeper if deeper != text_at(one, "message") else ""]
    return ": ".join(filter(None, words)) or answer.text


def _said(answer: Answer) -> str:
    words = quote(_text(answer))
    return f"answered {answer.status}: {words}" if words else f"answered {answer.status}"


def _error(
    kind: type[ProviderError], message: str, *, charged: Charged = Charged.NO, retry_after_s: float | None = None
) -> ProviderError:
    return kind(message, provider=NAME, charged=charged, retry_after_s=retry_after_s)

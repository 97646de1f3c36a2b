"""Leonardo's Phoenix: a job is created and paid for, asked for until it is done, and downloaded.

The create call has two forms, v1 and v2; everything else is v1 in both. By the vendor's guides they name the same
model, modes, contrasts and styles, so that what is asked for is the same picture: both have the same key, a change of
the form buys nothing anew, and a job made under one is found and collected under the other.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote as quote_path

from mkdocs_leonardo.errors import (
    AccountRefused,
    AnswerLost,
    Charged,
    DownloadRefused,
    HostNotListed,
    JobFailed,
    JobUnfinished,
    JobUnknown,
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
from mkdocs_leonardo.providers.base import Account, Clock
from mkdocs_leonardo.providers.options import PHOENIX_1_0, ApiVersion, LeonardoOptions
from mkdocs_leonardo.providers.polling import RenderClock, next_poll_s
from mkdocs_leonardo.providers.prices import LEONARDO_CREDIT_USD, leonardo_usd
from mkdocs_leonardo.spec import GeneratedImage, JsonValue, PictureSpec, Submission, clean_text

if TYPE_CHECKING:
    import anyio

    from mkdocs_leonardo.providers.base import ProviderContext
    from mkdocs_leonardo.providers.http import Api

NAME = "leonardo"
#: Vendor's error page, January 2026, and guide, July 2026. Longer prompts were seen to be cut in silence as well, so it
#: is checked here.
MAX_PROMPT: Mapping[ApiVersion, int] = {"v1": 1500, "v2": 2000}
#: Of the negative prompt, v2 (vendor's OpenAPI file, October 2026).
MAX_NEGATIVE_PROMPT = 1000

#: The v1 ids that v2 knows by name (vendor's guide, July 2026).
_V2_MODELS: Mapping[str, str] = {PHOENIX_1_0: "phoenix-v1.0"}
#: What v1 says in numbers (vendor's two guides to Phoenix, spring and July 2026).
_V2_CONTRASTS: Mapping[float, str] = {3.0: "LOW", 3.5: "MEDIUM", 4.0: "HIGH"}

_READ_TIMEOUT_S = 10.0
_DOWNLOAD_TIMEOUT_S = 30.0
#: What was asked for before the deadline may arrive a little after it: a job that is done is paid for.
_GRACE_PART = 0.25
_LEAST_GRACE_S = 2.0
_MOST_GRACE_S = 10.0
#: A job of an earlier process is asked for at this interval once it should long be done.
_OVERDUE_POLL_S = 1.5
#: A job that the service does not know is asked for once more after this time: its answers may lag behind itself.
_NULL_AGAIN_S = 3.0
#: Clocks and timers differ by this much at most.
_TICK_S = 0.01
_RETRY_WAITS_S = (0.5, 1.0, 2.0)
#: How far createdAt may lie before our own idea of the time of a lost create call.
_CLOCK_SLACK_S = 120.0
_PAGE = 50
_MOST_PAGES = 4

_SERVER_ERROR = 500
_TOO_MANY = 429
_NOT_FOUND = 404
_JOB_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


@dataclass(frozen=True, slots=True)
class _Style:
    """A style as Phoenix takes it, and the nearest value of the older field that other models take."""

    style_id: str
    preset: str


#: Ids from the vendor's guide to Phoenix, July 2026; presets from the API's schema, June 2026.
STYLES: Mapping[str, _Style] = {
    "CINEMATIC": _Style("a5632c7c-ddbb-4e2f-ba34-8456ab3ac436", "CINEMATIC"),
    "CREATIVE": _Style("6fedbf1f-4a17-45ec-84fb-92fe524a29ef", "CREATIVE"),
    "DYNAMIC": _Style("111dc692-d470-4eec-b791-3475abac4c46", "DYNAMIC"),
    "3D_RENDER": _Style("debdf72a-91a4-467b-bf61-cc02bdeb69c6", "RENDER_3D"),
    "BOKEH": _Style("9fdc5e8c-4d13-49b4-9ce6-5a74cbb19177", "BOKEH"),
    "CINEMATIC_CONCEPT": _Style("33abbb99-03b9-4dd7-9761-ee98650b2c88", "CINEMATIC"),
    "FASHION": _Style("594c4a08-a522-4e0e-b7ff-e4dac4b6b622", "FASHION"),
    "GRAPHIC_DESIGN_POP_ART": _Style("2e74ec31-f3a4-4825-b08b-2894f6d13941", "NONE"),
    "GRAPHIC_DESIGN_VECTOR": _Style("1fbb6a68-9319-44d2-8d56-2957ca0ece6a", "NONE"),
    "ILLUSTRATION": _Style("645e4195-f63d-4715-a3f2-3fb1e6eb8c70", "ILLUSTRATION"),
    "MACRO": _Style("30c1d34f-e3a9-479a-b56f-c018bbc9c02a", "MACRO"),
    "MINIMALIST": _Style("cadc8cd6-7838-4c99-b645-df76be8ba8d8", "MINIMALISTIC"),
    "MOODY": _Style("621e1c9a-6319-4bee-a12d-ae40659162fa", "MOODY"),
    "NONE": _Style("556c1ee5-ec38-42e8-955a-1e82dad0ffa1", "NONE"),
    "PORTRAIT": _Style("ab5a4220-7c42-41e5-a578-eddb9fed3d75", "PORTRAIT"),
    "PRO_BW_PHOTOGRAPHY": _Style("22a9a7d2-2166-4d86-80ff-22e2643adbcf", "MONOCHROME"),
    "PRO_COLOR_PHOTOGRAPHY": _Style("7c3f932b-a572-47cb-9b9b-f20211e63b5b", "PHOTOGRAPHY"),
    "PRO_FILM_PHOTOGRAPHY": _Style("581ba6d6-5aac-4492-bebe-54c424a0d46e", "FILM"),
    "RAY_TRACED": _Style("b504f83c-3326-4947-82e1-7fe9e839ec0f", "RAYTRACED"),
    "SKETCH_BW": _Style("be8c6b58-739c-4d44-b9c1-b032ed308b61", "SKETCH_BW"),
    "SKETCH_COLOR": _Style("093accc3-7633-4ffd-82da-d34000dfc0d6", "SKETCH_COLOR"),
    "STOCK_PHOTO": _Style("5bdc3f2a-1be6-4d1c-8e77-992a30824a2c", "STOCK_PHOTO"),
    "VIBRANT": _Style("dee282d3-891f-4f73-ba02-7f8131e5541b", "VIBRANT"),
}


def create(context: ProviderContext) -> LeonardoProvider:
    """The provider as the entry point makes it."""
    options = context.options if isinstance(context.options, LeonardoOptions) else LeonardoOptions()
    api = context.connection(
        NAME, base_url=api_root(options.base_url), secret_headers=lambda key: {"authorization": f"Bearer {key}"}
    )
    render_clock = RenderClock(context.render_times.seen, context.render_times.observe)
    return LeonardoProvider(options, api=api, clock=context.clock, render_clock=render_clock)


def api_root(base_url: str) -> str:
    """The address above the versions of the API."""
    root, _, version = base_url.rstrip("/").rpartition("/")
    return root if version in {"v1", "v2"} else base_url


class LeonardoProvider:
    """`submit` costs money; `fetch`, `find` and `account` are free."""

    name = NAME

    def __init__(
        self, options: LeonardoOptions, *, api: Callable[[], Api], clock: Clock, render_clock: RenderClock
    ) -> None:
        """Make the provider; `api` is called on first use."""
        self._options = options
        self._make_api = api
        self._api: Api | None = None
        self._clock = clock
        self._render_clock = render_clock
        self._user_id = ""
        # What kind of job an id is, for those created by this process: a Submission does not say its size.
        self._kinds: dict[str, str] = {}

    @property
    def model(self) -> str:
        """The model that draws, under its v1 id where it has one; part of the key."""
        model = self._options.model
        return next((number for number, name in _V2_MODELS.items() if model == name), model)

    @property
    def options(self) -> Mapping[str, JsonValue]:
        """What else changes the pixels; part of the key."""
        return {"alchemy": self._options.alchemy, "contrast": self._options.contrast}

    @property
    def timeout_s(self) -> float:
        """How long a page waits for an accepted job, counted from acceptance."""
        return self._options.timeout_s

    def estimate_usd(self, picture: PictureSpec) -> float:
        """What one picture is expected to cost."""
        return leonardo_usd(alchemy=self._options.alchemy, width_px=picture.width_px, height_px=picture.height_px)

    async def aclose(self) -> None:
        """Close connections."""
        if self._api is not None:
            await self._api.aclose()

    # Create ------------------------------------------------------------------------------------------------------

    async def submit(self, picture: PictureSpec) -> Submission:
        """A job, accepted and so paid for. The create request is sent exactly once."""
        order = self._order(picture)
        try:
            answer = await self._connected().request(
                "POST",
                self._path(self._options.api_version, "/generations"),
                json=_v2_request(order) if self._options.api_version == "v2" else order,
                timeout_s=self._options.create_timeout_s,
            )
        except NotSent as error:
            raise _error(ServiceFailed, str(error)) from error
        except AnswerLost as error:
            raise _error(ServiceFailed, str(error), charged=Charged.UNKNOWN) from error
        job = member(answer.body, "sdGenerationJob") or member(answer.body, "generate") or answer.body
        job_id = text_at(job, "generationId")
        if not 200 <= answer.status < 300 or not _JOB_ID.fullmatch(job_id):  # noqa: PLR2004 - HTTP's own numbers
            raise self._create_refusal(answer)
        self._kinds[job_id] = self._kind(picture.width_px, picture.height_px)
        return Submission(
            provider=NAME,
            model=self.model,
            job_id=job_id,
            accepted_at=self._clock.now(),
            cost_usd=_cost_usd(job),
        )

    def _order(self, picture: PictureSpec) -> dict[str, JsonValue]:
        """The body of v1's create call; ProviderError, before anything is sent, for what the service would refuse."""
        prompt = clean_text(picture.prompt)
        negative = clean_text(picture.negative_prompt)
        if not prompt:
            raise _error(RequestRefused, "was not asked: the prompt is empty")
        most = MAX_PROMPT[self._options.api_version]
        if len(prompt) > most:
            raise _error(RequestRefused, f"was not asked: the prompt has {len(prompt)} characters, {most} are allowed")
        if self._options.api_version == "v2":
            self._check_v2(negative)
        elif not _is_uuid(self.model):
            # The service answers this with a 500, which would look as if a job might have been made.
            raise _error(AccountRefused, f"was not asked: leonardo.model must be a UUID, not {self.model!r}")
        style = STYLES.get(picture.style)
        if style is None:
            raise _error(RequestRefused, f"was not asked: it has no style {picture.style!r}")
        body: dict[str, JsonValue] = {
            "modelId": self.model,
            "prompt": prompt,
            "width": picture.width_px,
            "height": picture.height_px,
            "num_images": 1,
            "alchemy": self._options.alchemy,
            "contrast": self._options.contrast,
            "presetStyle": style.preset,
            "styleUUID": style.style_id,
            "enhancePrompt": False,
            "public": False,
        }
        if negative:
            body["negative_prompt"] = negative
        if picture.seed is not None:
            body["seed"] = picture.seed
        return body

    def _check_v2(self, negative: str) -> None:
        """ProviderError for what only the newer call would refuse."""
        if _is_uuid(self.model) and self.model not in _V2_MODELS:
            raise _error(
                AccountRefused,
                f"was not asked: v2 of its API knows models by name, and {self.model!r} is an id; set leonardo.model "
                "to the name, or leonardo.api_version to v1",
            )
        if self._options.contrast not in _V2_CONTRASTS:
            raise _error(RequestRefused, f"was not asked: v2 of its API has no contrast {self._options.contrast:g}")
        if len(negative) > MAX_NEGATIVE_PROMPT:
            raise _error(
                RequestRefused,
                f"was not asked: the negative prompt has {len(negative)} characters, {MAX_NEGATIVE_PROMPT} are allowed",
            )

    def _create_refusal(self, answer: Answer) -> ProviderError:
        known = self._known_refusal(answer)
        if known is not None:
            return known
        said = _said(answer)
        if answer.status in {_NOT_FOUND, 405} or 300 <= answer.status < 400:  # noqa: PLR2004 - HTTP's own numbers
            return _error(AccountRefused, f"has no such address; check leonardo.base_url ({said})")
        if answer.status == _TOO_MANY:
            return _error(RateLimited, said, retry_after_s=retry_after_s(answer, self._clock.now()))
        if answer.status < 300:  # noqa: PLR2004 - HTTP's own number
            return _error(ServiceFailed, f"accepted the job without naming it ({said})", charged=Charged.UNKNOWN)
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
        if "authorization hook" in text or answer.status == 401:  # noqa: PLR2004 - HTTP's own number
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
        """The newest accepted, not failed job for `picture` made after `since` (Unix seconds) and not in `known`."""
        order = self._order(picture)
        if self._options.api_version == "v2":
            # Never sent, so that what the list shows in its place says nothing.
            del order["presetStyle"]
        user_id = await self._user()
        best: tuple[float, str] | None = None
        for page in range(_MOST_PAGES):
            path = f"/generations/user/{quote_path(user_id, safe='')}?offset={page * _PAGE}&limit={_PAGE}"
            answer = await self._read(self._path("v1", path))
            listed = member(answer.body, "generations")
            if not isinstance(listed, list):
                raise _error(ServiceFailed, f"shows no list of jobs ({_said(answer)})")
            # createdAt is by the service's clock, `since` by ours.
            ahead_s = (served_at(answer) or self._clock.now()) - self._clock.now()
            any_newer = False
            for entry in listed:
                created = utc_seconds(text_at(entry, "createdAt"))
                if created is None or created - ahead_s < since - _CLOCK_SLACK_S:
                    continue
                any_newer = True
                job_id = text_at(entry, "id")
                if job_id not in known and _JOB_ID.fullmatch(job_id) and _matches(entry, order):
                    best = max(best or (created - ahead_s, job_id), (created - ahead_s, job_id))
            if len(listed) < _PAGE or not any_newer:
                break
        if best is None:
            return None
        self._kinds[best[1]] = self._kind(picture.width_px, picture.height_px)
        return Submission(provider=NAME, model=self.model, job_id=best[1], accepted_at=min(best[0], self._clock.now()))

    # The account -------------------------------------------------------------------------------------------------

    async def account(self) -> Account:
        """Credits and slots; ProviderError when refused or unreadable."""
        details = await self._me()
        amounts = [number_at(details, name) for name in ("apiPaidTokens", "apiSubscriptionTokens")]
        stated = [amount for amount in amounts if amount is not None]
        slots = number_at(details, "apiConcurrencySlots")
        return Account(
            credits=sum(stated) if stated else None,
            slots=int(slots) if slots is not None and slots >= 1 else None,
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
                answer = await self._connected().request("GET", path, timeout_s=_READ_TIMEOUT_S)
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
        quality = "alchemy" if self._options.alchemy else "fast"
        return f"{NAME}/{self.model}/{width_px}x{height_px}/{quality}"

    def _path(self, version: ApiVersion, path: str) -> str:
        """Below `api_root`; an address that names no version is taken as it is."""
        return path if api_root(self._options.base_url) == self._options.base_url else f"/{version}{path}"

    def _connected(self) -> Api:
        if self._api is None:
            self._api = self._make_api()
        return self._api


class _Watch:
    """One job on its way from acceptance to bytes."""

    def __init__(self, provider: LeonardoProvider, submission: Submission, *, give_up_at: float, end_at: float) -> None:
        self._provider = provider
        self._options = provider._options  # noqa: SLF001 - one thing in two classes
        self._clock = provider._clock  # noqa: SLF001 - same
        self._api = provider._connected()  # noqa: SLF001 - same
        self._submission = submission
        self._give_up_at = give_up_at
        self._end_at = end_at
        self._failures = 0
        self._trouble = ""
        self._unknown_since: float | None = None
        self._empty = False

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
        import anyio  # noqa: PLC0415 - a warm build needs no event loop

        seconds = min(seconds, max(0.0, self._give_up_at - self._clock.now()))
        if self._unknown_since is not None:
            # The second question after an answer of "no such job" is worth a moment beyond the deadline.
            seconds = max(seconds, self._unknown_since + _NULL_AGAIN_S - self._clock.now())
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
        if self._unknown_since is not None and now < self._unknown_since + _NULL_AGAIN_S - _TICK_S:
            return
        if self._empty:
            raise _error(JobFailed, "finished the job without a picture", charged=Charged.UNKNOWN)
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
        job = member(answer.body, "generations_by_pk")
        if answer.status == 200 and isinstance(job, dict):  # noqa: PLR2004 - HTTP's own number
            self._failures = 0
            self._trouble = ""
            self._unknown_since = None
            return self._url(job), None
        if self._says_unknown(answer):
            return None, self._unknown()
        return None, self._refused(answer)

    def _url(self, job: JsonValue) -> str | None:
        """The address in a job that is known; None while it is pending. JobFailed, PromptRefused if it ended badly."""
        status = text_at(job, "status").upper()
        if status == "FAILED":
            raise _error(JobFailed, "could not make the picture (status FAILED, not charged)")
        self._empty = status == "COMPLETE"
        if status != "COMPLETE":
            # PENDING, and whatever word is added next.
            return None
        images = member(job, "generated_images")
        for image in images if isinstance(images, list) else ():
            if member(image, "nsfw") is True:
                raise _error(PromptRefused, "made a picture that it marks as not safe", charged=Charged.YES)
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

    def _unknown(self) -> float:
        now = self._clock.now()
        if self._unknown_since is None:
            self._unknown_since = now
        elif now - self._unknown_since >= _NULL_AGAIN_S - _TICK_S:
            raise _error(JobUnknown, "does not know the job", charged=Charged.UNKNOWN)
        return _NULL_AGAIN_S

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
                    f"made the picture, but it lies on {error.host}, which is not among image_hosts; if that host is "
                    f"Leonardo's, write `leonardo: image_hosts: [{hosts}]`, and the next build collects it",
                    provider=NAME,
                    charged=Charged.YES,
                ) from error
            except DownloadRefused as error:
                raise self._unfinished(f"made the picture, but it is not fetched: {error}") from error
            except TransportError as error:
                trouble = f"made the picture, but it cannot be fetched: {error}"
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


def _v2_request(order: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The same order in the words of v2. The preset has none; its defaults are others, so nothing is left to them."""
    model = str(order["modelId"])
    parameters: dict[str, JsonValue] = {
        "prompt": order["prompt"],
        "mode": "QUALITY" if order["alchemy"] else "FAST",
        "contrast": _V2_CONTRASTS[float(str(order["contrast"]))],
        "width": order["width"],
        "height": order["height"],
        "quantity": 1,
        "prompt_enhance": "OFF",
        "style_ids": [order["styleUUID"]],
    }
    parameters |= {name: order[name] for name in ("negative_prompt", "seed") if name in order}
    return {"model": _V2_MODELS.get(model, model), "public": False, "parameters": parameters}


def _matches(entry: JsonValue, request: Mapping[str, JsonValue]) -> bool:
    """Whether a listed job was made by `request`, in whichever form. What either side leaves open is no difference."""
    seed = number_at(entry, "seed")
    negative = clean_text(text_at(entry, "negativePrompt"))
    preset = text_at(entry, "presetStyle").upper()
    return (
        clean_text(text_at(entry, "prompt")) == request["prompt"]
        and text_at(entry, "modelId").lower() in _names(str(request["modelId"]))
        and number_at(entry, "imageWidth") == request["width"]
        and number_at(entry, "imageHeight") == request["height"]
        and text_at(entry, "status").upper() != "FAILED"
        and (seed is None or "seed" not in request or seed == request["seed"])
        and (not negative or "negative_prompt" not in request or negative == request["negative_prompt"])
        and (not preset or "presetStyle" not in request or preset == request["presetStyle"])
    )


def _cost_usd(job: JsonValue) -> float | None:
    """What a create answer says it charged; None where it says nothing (0 is what it says when it does not know)."""
    amount = number_at(job, "cost", "amount")
    unit = text_at(job, "cost", "unit").upper()
    if amount is not None and amount > 0 and unit in {"DOLLARS", "CREDITS"}:
        return round(amount if unit == "DOLLARS" else amount * LEONARDO_CREDIT_USD, 6)
    credit = number_at(job, "apiCreditCost")
    return round(credit * LEONARDO_CREDIT_USD, 6) if credit is not None and credit > 0 else None


def _text(answer: Answer) -> str:
    return text_at(answer.body, "error") or text_at(answer.body, "message") or answer.text


def _said(answer: Answer) -> str:
    words = quote(_text(answer))
    return f"answered {answer.status}: {words}" if words else f"answered {answer.status}"


def _names(model: str) -> frozenset[str]:
    """What a listed job may call the model; what one made under v2 shows there, if anything, is not documented."""
    name = _V2_MODELS.get(model)
    return frozenset({model.lower()} if name is None else {model.lower(), name, ""})


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def _error(
    kind: type[ProviderError], message: str, *, charged: Charged = Charged.NO, retry_after_s: float | None = None
) -> ProviderError:
    return kind(message, provider=NAME, charged=charged, retry_after_s=retry_after_s)

"""Leonardo's models: a job is created and paid for, polled until it is done, and its picture downloaded.

The create call has two forms, v1 and v2, which `create_requests` builds; all other requests are v1's. By the vendor's
guides both forms name the same models, modes, contrasts and styles, so they request the same picture. Both have the
same key, and a change of the form buys nothing anew. A job of one form is found and collected under the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote as quote_path

from mkdocs_leonardo.providers.interface import (
    Account,
    Charged,
    GeneratedImage,
    JsonValue,
    ListUnclear,
    NoAnswer,
    PictureSpec,
    Provider,
    ProviderError,
    RequestRefused,
    ServiceFailed,
    Submission,
)
from mkdocs_leonardo.providers.leonardo.create_requests import (
    Version,
    build_create_request,
    estimate_usd,
    key_model,
    key_options,
    mode_of,
)
from mkdocs_leonardo.providers.leonardo.listing import Listing
from mkdocs_leonardo.providers.leonardo.models import CREDIT_USD, NAME, find_model
from mkdocs_leonardo.providers.leonardo.poller import JobPoller
from mkdocs_leonardo.providers.leonardo.responses import (
    JOB_ID,
    Meaning,
    error_of_create_call,
    error_of_free_request,
    job_in,
    leonardo_error,
    quote_answer,
    stated_cost_usd,
    text_of,
)
from mkdocs_leonardo.providers.leonardo.schedule import GenerationTimeTable
from mkdocs_leonardo.providers.leonardo.uploads import LeonardoUploads
from mkdocs_leonardo.providers.toolkit import (
    Answer,
    AnswerLost,
    NotSent,
    TransportError,
    answered_at,
    member,
    number_at,
    says,
    text_at,
)

if TYPE_CHECKING:
    from mkdocs_leonardo.providers.interface import ProviderContext
    from mkdocs_leonardo.providers.leonardo.options import LeonardoOptions

_READ_TIMEOUT_S = 10.0
#: The waits between the tries of a free request (seconds).
_RETRY_WAITS_S = (0.5, 1.0)
_PAGE = 50
#: The most pages of the list of jobs that are read; a longer list may hide a job.
_MOST_PAGES = 40


def api_root(base_url: str) -> str:
    """Return the address above the versions of the API."""
    root, _, version = base_url.rstrip("/").rpartition("/")
    return root if version in {"v1", "v2"} else base_url


class LeonardoProvider(Provider):
    """Leonardo AI as a provider. `submit` costs money; `fetch`, `find` and `account` are free."""

    name = NAME

    def __init__(self, context: ProviderContext[LeonardoOptions]) -> None:
        """Make the provider without connecting to the service."""
        options = context.options
        self._options = options
        self.model = key_model(options)
        self.options: Mapping[str, JsonValue] = key_options(options)
        self.timeout_s = options.timeout_s
        # The form of a reference is known for the models of the table only.
        self.takes_references = find_model(options.model).is_known
        self._api = context.connection(
            NAME,
            base_url=api_root(options.base_url),
            secret_headers=lambda api_key: {"authorization": f"Bearer {api_key}"},
        )
        self._clock = context.clock
        self._generation_times = GenerationTimeTable(context.memory)
        self._user_id = ""
        self._uploads = LeonardoUploads(
            context.memory, context.clock, self._api, lambda path: self._path("v1", path), self._read_user_id
        )
        # The kinds of the jobs that this process has created, by id: a Submission does not say its size.
        self._kinds: dict[str, str] = {}

    def estimate_usd(self, picture: PictureSpec) -> float:
        """Return the expected cost of one picture."""
        return estimate_usd(self._options, picture)

    async def aclose(self) -> None:
        """Close connections."""
        await self._api.aclose()

    # Create ------------------------------------------------------------------------------------------------------

    async def prepare(self, picture: PictureSpec) -> None:
        """Upload the reference, unless the account has it."""
        await self._reference_id(picture)

    async def submit(self, picture: PictureSpec) -> Submission:
        """Create a job, which costs money; the create request is sent exactly once."""
        # Remembered since `prepare`; uploaded again if a create call has found it lost.
        reference_id = await self._reference_id(picture)
        call = build_create_request(self._options, picture, reference_id)
        try:
            answer = await self._api().request(
                "POST",
                self._path(call.version, "/generations"),
                json={**call.body},
                timeout_s=self._options.create_timeout_s,
            )
        except NotSent as error:
            raise leonardo_error(ServiceFailed, str(error), charged=Charged.NO) from error
        except AnswerLost as error:
            raise leonardo_error(NoAnswer, str(error)) from error
        job = job_in(answer.body)
        job_id = text_at(job, "generationId")
        if not 200 <= answer.status < 300 or not JOB_ID.fullmatch(job_id):
            is_lost = answer.status < 500 and says(Meaning.REFERENCE_LOST, text_of(answer))
            if picture.reference is not None and is_lost:
                self._uploads.forget(picture.reference, reference_id)
                message = f"has lost the reference; it is uploaded again ({quote_answer(answer)})"
                raise leonardo_error(ServiceFailed, message, charged=Charged.NO)
            raise error_of_create_call(answer, self.model, self._clock.now())
        self._kinds[job_id] = self._job_kind(picture.width_px, picture.height_px)
        return Submission(
            provider=NAME,
            model=self.model,
            job_id=job_id,
            accepted_at=self._clock.now(),
            cost_usd=stated_cost_usd(job),
        )

    async def _reference_id(self, picture: PictureSpec) -> str:
        """Return the id of the reference in the account, uploaded if need be; "" without a reference."""
        if picture.reference is None:
            return ""
        # Checked before anything is uploaded for it.
        build_create_request(self._options, picture)
        return await self._uploads.id_of(picture.reference)

    # Fetch -------------------------------------------------------------------------------------------------------

    async def fetch(self, submission: Submission, *, give_up_at: float) -> GeneratedImage:
        """Fetch the picture of an accepted job. Polls come when the job is likely to be done, the last at `give_up_at`.

        Failed polls and downloads are repeated until `give_up_at`. A request that began earlier may end up to 10 s
        after `give_up_at`. A job of an earlier process is polled at once.
        """
        poller = JobPoller(
            submission,
            self._options,
            api=self._api(),
            path=self._path("v1", f"/generations/{quote_path(submission.job_id, safe='')}"),
            clock=self._clock,
            generation_times=self._generation_times,
            give_up_at=give_up_at,
        )
        return await poller.run(self._kinds.pop(submission.job_id, None))

    # Lost jobs ---------------------------------------------------------------------------------------------------

    async def find(self, picture: PictureSpec, *, since: float, known: frozenset[str]) -> Submission | None:
        """Find the accepted job for `picture` that was created after `since` and is not in `known`."""
        call = build_create_request(self._options, picture)
        if find_model(self._options.model).seed_max is None:
            # Its jobs look alike in the list, so an unknown job is no proof that there is none.
            raise leonardo_error(
                RequestRefused, f"cannot tell jobs of {self._options.model} from one another in its list"
            )
        user_id = await self._read_user_id()
        listing = Listing(call, since=since, known=known)
        is_whole = False
        for _ in range(_MOST_PAGES):
            path = f"/generations/user/{quote_path(user_id, safe='')}?offset={listing.length}&limit={_PAGE}"
            answer = await self._get(self._path("v1", path))
            entries = member(answer.body, "generations")
            if not isinstance(entries, list):
                raise leonardo_error(ServiceFailed, f"shows no list of jobs ({quote_answer(answer)})")
            listing.add(entries, answered_at(answer), self._clock.now())
            is_whole = not entries or listing.is_enough
            if is_whole or listing.repeats:
                break
        if listing.best is None:
            if not is_whole:
                raise leonardo_error(ListUnclear, "lists more jobs than it shows, and this one may be among the rest")
            if listing.has_likely:
                raise leonardo_error(ListUnclear, "lists a job that may be this one, without all that would tell")
            return None
        created, job_id = listing.best
        self._kinds[job_id] = self._job_kind(picture.width_px, picture.height_px)
        return Submission(provider=NAME, model=self.model, job_id=job_id, accepted_at=min(created, self._clock.now()))

    # The account -------------------------------------------------------------------------------------------------

    async def account(self) -> Account:
        """Return credits and slots; ProviderError when refused or unreadable."""
        details = await self._read_account()
        amounts = [number_at(details, name) for name in ("apiPaidTokens", "apiSubscriptionTokens")]
        known_amounts = [amount for amount in amounts if amount is not None]
        # Credits are whole by the vendor's schema (June 2026); a fraction was seen on an account in dollars.
        usd = [amount for amount in known_amounts if not amount.is_integer()]
        whole = sum(amount for amount in known_amounts if amount.is_integer())
        # No paid tokens and none of a subscription: null says that they are not known, not that there are none.
        is_known = amounts[0] is not None or whole > 0
        slots = number_at(details, "apiConcurrencySlots")
        return Account(
            credits=whole if is_known and (whole or not usd) else None,
            usd=sum(usd) if usd else None,
            slots=int(slots) if slots is not None and slots >= 1 else None,
            credit_usd=CREDIT_USD,
        )

    async def _read_account(self) -> JsonValue:
        answer = await self._get(self._path("v1", "/me"))
        details = member(answer.body, "user_details", 0)
        if details is None:
            raise leonardo_error(ServiceFailed, f"says nothing of the account ({quote_answer(answer)})")
        self._user_id = text_at(details, "user", "id") or self._user_id
        return details

    async def _read_user_id(self) -> str:
        if not self._user_id:
            await self._read_account()
        if not self._user_id:
            raise leonardo_error(ServiceFailed, "does not say whose account it is, so its list of jobs cannot be read")
        return self._user_id

    async def _get(self, path: str) -> Answer:
        """Send a free request up to three times; return the answer of status 200, or raise ProviderError."""
        error: ProviderError
        for wait_s in (*_RETRY_WAITS_S, None):
            try:
                answer = await self._api().request("GET", path, timeout_s=_READ_TIMEOUT_S)
            except TransportError as lost:
                error = leonardo_error(ServiceFailed, str(lost), charged=Charged.NO)
            else:
                if answer.status == 200 and answer.body is not None:
                    return answer
                error = error_of_free_request(answer, self.model, self._clock.now())
                if not isinstance(error, ServiceFailed):
                    raise error
            if wait_s is None:
                break
            await self._clock.sleep(wait_s)
        raise error

    def _job_kind(self, width_px: int, height_px: int) -> str:
        mode = mode_of(self._options).lower()
        quality = {"quality": "alchemy", "": "alchemy" if self._options.alchemy else "fast"}.get(mode, mode)
        return f"{NAME}/{self.model}/{width_px}x{height_px}/{quality}"

    def _path(self, version: Version, path: str) -> str:
        """Return `path` with the version in front, or `path` alone for a `base_url` that names no version."""
        return path if api_root(self._options.base_url) == self._options.base_url else f"/{version}{path}"

"""Services that answer the create call with the picture itself, and keep no job."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from mkdocs_leonardo.errors import (
    AccountRefused,
    Charged,
    DownloadRefused,
    JobFailed,
    JobUnknown,
    NotSent,
    ProviderError,
    RateLimited,
    RequestRefused,
    ServiceFailed,
    TransportError,
)
from mkdocs_leonardo.files import MAX_PICTURE_BYTES
from mkdocs_leonardo.providers.answers import Answer, retry_after_s, status_and, text_at
from mkdocs_leonardo.providers.base import Provider, ProviderContext
from mkdocs_leonardo.providers.wording import worded
from mkdocs_leonardo.spec import GeneratedImage, JsonValue, PictureSpec, Submission, clean_text

if TYPE_CHECKING:
    from mkdocs_leonardo.providers.http import Part

#: The time for downloading a picture from an address, and the wait between two tries (seconds).
DOWNLOAD_S = 30.0
DOWNLOAD_AGAIN_S = 1.0
FREE_TIMEOUT_S = 10.0

_TO_STANDARD = str.maketrans("-_", "+/")
_ADDRESS = re.compile(r"\s*https?://", re.IGNORECASE)
_DATA_URI = re.compile(r"\s*data:[^,]{0,200},", re.IGNORECASE)


class SynchronousOptions(Protocol):
    """The options that every provider of this kind needs."""

    @property
    def model(self) -> str: ...  # noqa: D102 - a protocol's
    @property
    def timeout_s(self) -> float: ...  # noqa: D102 - a protocol's
    @property
    def base_url(self) -> str: ...  # noqa: D102 - a protocol's


class SynchronousProvider(Provider):
    """The base of providers whose `submit` returns the picture, so there is no job to fetch or find afterwards."""

    takes_references = True
    #: The limit of a prompt in characters: OpenAI's. Gemini's image models publish none, and have the same.
    prompt_max: ClassVar[int] = 32_000

    def __init__(
        self, context: ProviderContext[SynchronousOptions], *, secret_headers: Callable[[str], Mapping[str, str]]
    ) -> None:
        """Take `model`, `timeout_s` and `base_url` from the options; connect to nothing."""
        options = context.options
        self.model: str = options.model
        self.timeout_s: float = options.timeout_s
        self._api = context.connection(self.name, base_url=options.base_url, secret_headers=secret_headers)
        self._clock = context.clock

    async def fetch(self, submission: Submission, *, give_up_at: float) -> GeneratedImage:  # noqa: ARG002 - the protocol's
        """Return the picture that `submit` returned; JobUnknown if it was lost, since the service keeps no job."""
        if submission.image is None:
            raise self._error(
                JobUnknown,
                "does not store images: this one's answer was lost with an earlier build",
                charged=Charged.YES,
            )
        return submission.image

    async def aclose(self) -> None:
        """Close connections."""
        await self._api.aclose()

    # For the services' own `submit` ----------------------------------------------------------------------------------

    def _prompt(self, picture: PictureSpec) -> str:
        """Return the prompt for the service; RequestRefused if it is empty or too long."""
        prompt = worded(picture)
        if not clean_text(picture.prompt):
            raise self._error(RequestRefused, "was not asked: the prompt is empty")
        if len(prompt) > self.prompt_max:
            raise self._error(
                RequestRefused,
                f"was not asked: the prompt has {len(prompt)} characters, {self.prompt_max} are allowed",
            )
        return prompt

    async def _create(self, path: str, request: JsonValue | None, *, parts: Sequence[Part] | None = None) -> Answer:
        """Send the create request exactly once; return the answer of status 200. ProviderError for any other answer."""
        answer = await self._send(
            "POST",
            path,
            json=request,
            parts=parts,
            timeout_s=self.timeout_s,
            # The picture in base64 has four bytes for three.
            max_bytes=MAX_PICTURE_BYTES * 3 // 2,
            keep_once_sent=True,
        )
        if answer.status != 200:
            raise self._error_for(answer)
        if not isinstance(answer.body, dict):
            raise self._error(ServiceFailed, "sent an answer that cannot be read")
        return answer

    def _error_for(self, answer: Answer) -> ProviderError:
        """Return the error for an answer with a status other than 200."""
        words = text_at(answer.body, "error", "message") or answer.text
        status = answer.status
        message = status_and(words, answer)
        specific = self._specific_error(answer, words, message)
        if specific is not None:
            return specific
        if status == 429:
            return self._error(RateLimited, message, retry_after_s=retry_after_s(answer, self._clock.now()))
        if status == 404 or 300 <= status < 400:
            options = f"{self.name}.base_url and {self.name}.model"
            return self._error(AccountRefused, f"answered {status}; check {options} ({message})")
        if status >= 500 or status < 300 or status in {408, 409}:
            # A gateway or proxy may have answered in the service's place.
            return self._error(ServiceFailed, message)
        return self._error(RequestRefused, f"does not take the request ({message})")

    def _specific_error(self, answer: Answer, words: str, message: str) -> ProviderError | None:  # noqa: ARG002 - a service's
        """Return the error for an answer with a special meaning at this service, or None.

        `words` is the service's text, and `message` the clause that quotes the text.
        """
        return None

    async def _send(self, method: Literal["GET", "POST"], path: str, **request: Any) -> Answer:  # noqa: ANN401 - Api's
        """Send a request exactly once and return its answer; ServiceFailed without one.

        A GET costs nothing, whether or not the service has read it.
        """
        try:
            return await self._api().request(method, path, **request)
        except TransportError as error:
            is_free = method == "GET" or isinstance(error, NotSent)
            raise self._error(ServiceFailed, str(error), charged=Charged.NO if is_free else None) from error

    async def _picture(self, entries: Iterable[tuple[str, str]]) -> bytes:
        """Return the first picture among `entries`, pairs of base64 and address, either of which may be empty.

        JobFailed if there is none, since the answer is paid for.
        """
        reason = "no image"
        for encoded, url in entries:
            # Gateways write the picture itself where an address is expected, and an address in place of the picture.
            for text, is_address in ((encoded, _ADDRESS.match(encoded)), (url, not _DATA_URI.match(url))):
                if text and is_address:
                    return await self._download(text.strip())
                data = picture_from(text)
                if data:
                    return data
                reason = "an image that cannot be read" if text else reason
        raise self._error(JobFailed, f"answered with {reason}", charged=Charged.YES)

    async def _download(self, url: str) -> bytes:
        """Download the picture from the address in an answer, to the end even if the build is cancelled.

        The picture is paid for, and its address is not stored, since it may be signed.
        """
        from anyio import CancelScope

        give_up_at = self._clock.now() + DOWNLOAD_S
        with CancelScope(shield=True):
            while (left_s := give_up_at - self._clock.now()) > 0:
                try:
                    return await self._api().download(url, hosts=None, timeout_s=max(1.0, left_s))
                except DownloadRefused as error:
                    reason = str(error)
                    break
                except (TransportError, ProviderError) as error:
                    reason = str(error)
                await self._clock.sleep(DOWNLOAD_AGAIN_S)
        raise self._error(JobFailed, f"made the image, but it cannot be fetched: {reason}", charged=Charged.YES)

    def _submission(self, job_id: str, data: bytes, cost_usd: float | None) -> Submission:
        """Return the submission of a complete job, with its picture."""
        return Submission(
            provider=self.name,
            model=self.model,
            job_id=job_id,
            accepted_at=self._clock.now(),
            cost_usd=cost_usd,
            image=GeneratedImage(data, cost_usd),
        )

    def _error(
        self,
        kind: type[ProviderError],
        message: str,
        *,
        charged: Charged | None = None,
        retry_after_s: float | None = None,
    ) -> ProviderError:
        return kind(message, provider=self.name, charged=charged, retry_after_s=retry_after_s)


def picture_from(encoded: str) -> bytes:
    """Return the picture decoded from base64; empty if it cannot be decoded, is cut short or is too large.

    Accepts both alphabets, missing padding, line breaks and the beginning of a data URI, as gateways write them.
    """
    from mkdocs_leonardo.imaging.formats import is_whole_picture

    text = "".join(_DATA_URI.sub("", encoded, count=1).split()).rstrip("=").translate(_TO_STANDARD)
    try:
        data = b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""
    return data if len(data) <= MAX_PICTURE_BYTES and is_whole_picture(data) else b""

"""Services that answer the create call with the picture itself, and keep no job."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from mkdocs_leonardo.errors import (
    AnswerLost,
    Charged,
    DownloadRefused,
    JobFailed,
    JobUnknown,
    NotSent,
    ProviderError,
    RequestRefused,
    ServiceFailed,
    TransportError,
)
from mkdocs_leonardo.providers.answers import Answer, is_whole_picture
from mkdocs_leonardo.providers.base import ProviderContext
from mkdocs_leonardo.providers.wording import worded
from mkdocs_leonardo.spec import GeneratedImage, JsonValue, PictureSpec, Submission, clean_text

if TYPE_CHECKING:
    from mkdocs_leonardo.providers.http import Part

#: OpenAI's limit of characters. Gemini's image models publish none, and get the same.
MAX_PROMPT = 32_000
MAX_ANSWER_BYTES = 64 * 2**20
#: The time for downloading a picture from an address, and the wait between two tries (seconds).
DOWNLOAD_S = 30.0
DOWNLOAD_AGAIN_S = 1.0
_FREE_TIMEOUT_S = 10.0

_TO_STANDARD = str.maketrans("-_", "+/")
_ADDRESS = re.compile(r"\s*https?://", re.IGNORECASE)
_DATA_URI = re.compile(r"\s*data:[^,]{0,200},", re.IGNORECASE)


class SynchronousProvider:
    """The base of such providers: `submit` returns the picture, and no job can be fetched or found afterwards."""

    name: ClassVar[str]
    takes_references: ClassVar[bool] = True

    def __init__(
        self,
        context: ProviderContext,
        *,
        model: str,
        timeout_s: float,
        base_url: str,
        secret_headers: Callable[[str], Mapping[str, str]],
    ) -> None:
        """Make the provider; nothing is connected yet."""
        self.model = model
        self.timeout_s = timeout_s
        self._api = context.connection(self.name, base_url=base_url, secret_headers=secret_headers)
        self._clock = context.clock

    async def fetch(self, submission: Submission, *, give_up_at: float) -> GeneratedImage:  # noqa: ARG002 - the protocol's
        """The picture that `submit` returned. JobUnknown after an answer was lost, since the service keeps no job."""
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
        """The prompt for the service; RequestRefused, before any request, if the service would refuse it."""
        prompt = worded(picture)
        if not clean_text(picture.prompt):
            raise self._error(RequestRefused, "was not asked: the prompt is empty")
        if len(prompt) > MAX_PROMPT:
            raise self._error(
                RequestRefused, f"was not asked: the prompt has {len(prompt)} characters, {MAX_PROMPT} are allowed"
            )
        return prompt

    async def _create(self, path: str, request: JsonValue | None, *, parts: Sequence[Part] | None = None) -> Answer:
        """The answer to the create request, which is sent exactly once; ServiceFailed if there is none."""
        try:
            return await self._api().request(
                "POST",
                path,
                json=request,
                parts=parts,
                timeout_s=self.timeout_s,
                max_bytes=MAX_ANSWER_BYTES,
                keep_once_sent=True,
            )
        except NotSent as error:
            raise self._error(ServiceFailed, str(error)) from error
        except AnswerLost as error:
            raise self._error(ServiceFailed, str(error), charged=Charged.UNKNOWN) from error

    async def _free_answer(self, path: str) -> Answer:
        """The answer to a free request; ServiceFailed if there is none."""
        try:
            return await self._api().request("GET", path, timeout_s=_FREE_TIMEOUT_S)
        except TransportError as error:
            raise self._error(ServiceFailed, str(error)) from error

    async def _picture(self, entries: Iterable[tuple[str, str]]) -> bytes:
        """The first picture among `entries`, pairs of base64 and address, either of which may be empty.

        JobFailed if there is none, since the answer is paid for.
        """
        trouble = "no image"
        for encoded, url in entries:
            # Gateways write the picture itself where an address is expected, and an address in place of the picture.
            for text, is_address in ((encoded, _ADDRESS.match(encoded)), (url, not _DATA_URI.match(url))):
                if text and is_address:
                    return await self._download(text.strip())
                data = picture_from(text)
                if data:
                    return data
                trouble = "an image that cannot be read" if text else trouble
        raise self._error(JobFailed, f"answered with {trouble}", charged=Charged.YES)

    async def _download(self, url: str) -> bytes:
        """Download the picture from the address in an answer; also a cancelled build downloads it to the end.

        The picture is paid for, and its address is not stored, since it may be signed.
        """
        from anyio import CancelScope

        give_up_at = self._clock.now() + DOWNLOAD_S
        with CancelScope(shield=True):
            while (left_s := give_up_at - self._clock.now()) > 0:
                try:
                    return await self._api().download(url, hosts=None, timeout_s=max(1.0, left_s))
                except DownloadRefused as error:
                    trouble = str(error)
                    break
                except (TransportError, ProviderError) as error:
                    trouble = str(error)
                await self._clock.sleep(DOWNLOAD_AGAIN_S)
        raise self._error(JobFailed, f"made the image, but it cannot be fetched: {trouble}", charged=Charged.YES)

    def _finished(self, job_id: str, data: bytes, cost_usd: float | None) -> Submission:
        """A job that is done, with its picture."""
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
        charged: Charged = Charged.NO,
        retry_after_s: float | None = None,
    ) -> ProviderError:
        return kind(message, provider=self.name, charged=charged, retry_after_s=retry_after_s)


def picture_from(encoded: str) -> bytes:
    """The picture decoded from base64; empty if it cannot be decoded, or is cut short.

    Accepts both alphabets, missing padding, line breaks and the beginning of a data URI, as gateways write them.
    """
    text = "".join(_DATA_URI.sub("", encoded, count=1).split()).rstrip("=").translate(_TO_STANDARD)
    try:
        data = b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""
    return data if is_whole_picture(data) else b""

"""The behaviours that a test can give the loopback services: plain values that travel as JSON.

One call can meet one behaviour of each kind:

- an *answer* says what comes back over the connection,
- a *fate* says what becomes of the job that a create call makes,
- a *picture* says which bytes are delivered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

Kind = Literal["answer", "fate", "picture"]

#: Where a redirect or a job's address may point. ``{here}`` is the address asked for, ``{elsewhere}`` another loopback
#: port (that serves a good picture and records who comes).
TO_ITSELF = "{here}"
TO_OTHER_PORT = "{elsewhere}/picture.jpg"
TO_PRIVATE_ADDRESS = "http://10.0.0.1/picture.jpg"
TO_METADATA_ADDRESS = "http://169.254.169.254/latest/meta-data/"
TO_FOREIGN_HOST = "https://pictures.example/picture.jpg"
TO_FOREIGN_HOST_IN_CLEAR = "http://cdn.leonardo.ai/picture.jpg"
TO_FILE = "file:///etc/hostname"


@dataclass(frozen=True)
class Behaviour:
    """Base of all behaviours."""

    @property
    def kind(self) -> Kind:
        """The part of a call that the behaviour replaces."""
        return "answer"


@dataclass(frozen=True)
class Normally(Behaviour):
    """The usual behaviour, as a rest in a sequence."""


# --- answers given instead of carrying the request out ---


@dataclass(frozen=True)
class Instead(Behaviour):
    """Base of answers in place of carrying the call out."""


@dataclass(frozen=True)
class Afterwards(Behaviour):
    """Base of answers after the call was carried out."""


@dataclass(frozen=True)
class Answer(Instead):
    """A literal answer. `body` is sent as it is if it is text, as JSON otherwise."""

    status: int = 200
    body: object = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer429(Instead):
    """Too many requests, in the service's own words; `Retry-After` in seconds or, with `as_date`, as an HTTP date."""

    retry_after_s: float | None = None
    as_date: bool = False


@dataclass(frozen=True)
class Answer500(Instead):
    """A server error in the service's own words; nothing was carried out."""

    message: str = "internal error"
    status: int = 500


@dataclass(frozen=True)
class CutBeforeRead(Instead):
    """The connection is reset; nothing was carried out."""


@dataclass(frozen=True)
class Redirect(Instead):
    """A redirect `to` one of the ``TO_...`` addresses or any other."""

    to: str = TO_OTHER_PORT
    status: int = 302


@dataclass(frozen=True)
class HugeBody(Instead):
    """200 with `size_bytes` of streamed zeros behind a JPEG's first bytes; without a length unless `declared`."""

    size_bytes: int = 200_000_000
    declared: bool = True


# --- answers given after the request was carried out (a create call has made, and charged for, its job) ---


@dataclass(frozen=True)
class LostAnswer(Afterwards):
    """Carried out, then answered with a server error."""

    status: int = 500
    message: str = "internal error"


@dataclass(frozen=True)
class CutAfterRead(Afterwards):
    """Carried out, then the connection is reset before a byte of the answer."""


@dataclass(frozen=True)
class CutAfterHeaders(Afterwards):
    """Carried out; status line and headers arrive, then the connection closes."""


@dataclass(frozen=True)
class CutMidAnswer(Afterwards):
    """Carried out; headers promise the whole body, `fraction` of it arrives."""

    fraction: float = 0.5


@dataclass(frozen=True)
class Slow(Afterwards):
    """Carried out at once, answered after `seconds`."""

    seconds: float = 1.0


@dataclass(frozen=True)
class SlowBody(Afterwards):
    """Carried out; headers at once, the body evenly over `seconds`."""

    seconds: float = 1.0


@dataclass(frozen=True)
class Drip(Afterwards):
    """Carried out; the body `chunk_bytes` at a time, `every_s` apart: never a silence, never an end."""

    every_s: float = 0.05
    chunk_bytes: int = 1


@dataclass(frozen=True)
class Held(Afterwards):
    """Carried out at once, answered when `Services.release` is called."""


@dataclass(frozen=True)
class Unparsable(Afterwards):
    """Carried out, then 200 with a body that is not the promised JSON."""

    body: str = "<html><body>Bad gateway</body></html>"


# --- Leonardo's refusals of a create call; nothing is charged ---


@dataclass(frozen=True)
class LeonardoRefusal(Instead):
    """Base of refusals that only Leonardo gives."""


@dataclass(frozen=True)
class NotEnoughTokens(LeonardoRefusal):
    """400, the balance is empty; the text names the user's id."""


@dataclass(frozen=True)
class PromptModerated(LeonardoRefusal):
    """400 or 403, a content check refused the prompt."""

    status: int = 400
    text: str = "content moderation filter: blood"


@dataclass(frozen=True)
class ModelWithdrawn(LeonardoRefusal):
    """400, the model left the list."""


@dataclass(frozen=True)
class PendingQueueFull(LeonardoRefusal):
    """429, too many jobs wait already."""

    retry_after_s: float | None = None


# --- OpenAI's refusals of a create call; nothing is charged unless it says so ---


@dataclass(frozen=True)
class OpenAIRefusal(Instead):
    """Base of refusals that only OpenAI gives."""


@dataclass(frozen=True)
class QuotaUsedUp(OpenAIRefusal):
    """429 `insufficient_quota`: waiting will not help."""


@dataclass(frozen=True)
class ModerationBlocked(OpenAIRefusal):
    """400 `moderation_blocked`."""


@dataclass(frozen=True)
class BillingLimitReached(OpenAIRefusal):
    """400, the account's hard limit."""


@dataclass(frozen=True)
class OrganisationNotVerified(OpenAIRefusal):
    """403, the organisation must be verified to use the model."""


@dataclass(frozen=True)
class ModelNotFound(OpenAIRefusal):
    """404 `model_not_found`, whatever the model."""


@dataclass(frozen=True)
class NoPicture(OpenAIRefusal):
    """200 and charged, with an empty `data`."""


@dataclass(frozen=True)
class BadBase64(OpenAIRefusal):
    """200 and charged, with a picture in base64 that does not decode; also for Gemini."""


# --- Gemini's refusals of a create call, most of them under status 200; nothing is charged unless it says so ---


@dataclass(frozen=True)
class GeminiRefusal(Instead):
    """Base of refusals that only Gemini gives."""


@dataclass(frozen=True)
class NoImageQuota(GeminiRefusal):
    """429 with a limit of 0: the project may not draw at all, though the answer names a delay."""


@dataclass(frozen=True)
class DailyQuotaUsedUp(GeminiRefusal):
    """429 for a quota of a whole day."""


@dataclass(frozen=True)
class KeyBlocked(GeminiRefusal):
    """403, the key was found in public."""


@dataclass(frozen=True)
class ModelShutDown(GeminiRefusal):
    """404, whatever the model."""


@dataclass(frozen=True)
class PromptBlocked(GeminiRefusal):
    """200 without a candidate: the prompt is refused before anything is drawn."""

    reason: str = "SAFETY"


@dataclass(frozen=True)
class FinishesWithoutPicture(GeminiRefusal):
    """200 with a candidate that holds no picture, `charged` as if it did."""

    reason: str = "IMAGE_SAFETY"
    text: str = ""
    charged: bool = True


@dataclass(frozen=True)
class ThinksAloud(GeminiRefusal):
    """200 and charged: the picture stands among drafts and text."""


# --- fates of a job that Leonardo accepted ---


@dataclass(frozen=True)
class JobFate(Behaviour):
    """The fate of an accepted job, which renders for `render_s`, or as long as the service's setting says."""

    render_s: float | None = None

    @property
    def kind(self) -> Kind:
        """A fate."""
        return "fate"


@dataclass(frozen=True)
class RendersIn(JobFate):
    """Completes after `render_s`."""


@dataclass(frozen=True)
class RendersBetween(JobFate):
    """Completes after a time drawn evenly from `low_s` to `high_s`; n-th jobs of a prompt draw alike under one seed."""

    low_s: float = 0.0
    high_s: float = 0.1
    seed: int = 0


@dataclass(frozen=True)
class Fails(JobFate):
    """Ends FAILED, and the charge is given back."""


@dataclass(frozen=True)
class NeverFinishes(JobFate):
    """Stays PENDING (and holds no slot) until `Services.finish_jobs` is called."""


@dataclass(frozen=True)
class Vanishes(JobFate):
    """Paid, but every poll says `generations_by_pk: null`; the account's list does not have it either."""


@dataclass(frozen=True)
class CompletesWithoutImages(JobFate):
    """COMPLETE with an empty `generated_images`."""


@dataclass(frozen=True)
class CompletesWithUrl(JobFate):
    """COMPLETE with this address (null by default) instead of the one on the picture host."""

    url: str | None = None


@dataclass(frozen=True)
class MarkedNsfw(JobFate):
    """COMPLETE with `nsfw: true`; the picture is delivered all the same."""


# --- pictures ---


@dataclass(frozen=True)
class PictureBehaviour(Behaviour):
    """Base of deliveries in place of the usual JPEG of the requested size."""

    @property
    def kind(self) -> Kind:
        """A picture."""
        return "picture"


@dataclass(frozen=True)
class Picture(PictureBehaviour):
    """The prompt's picture in another form.

    `scale` multiplies the size asked for; `width_px` and `height_px` replace it. `orientation` is an EXIF orientation
    (2 to 8) and the stored pixels are turned so that honouring it shows the picture upright. `swapped_profile` embeds
    an ICC profile that swaps red and green, and the stored pixels are swapped so that honouring it shows the picture
    right. `content_type` replaces the true one. `with_marks`: a JPEG with an XMP packet and a C2PA head.
    """

    format: Literal["JPEG", "PNG", "WEBP"] = "JPEG"
    mode: Literal["RGB", "RGBA", "L", "CMYK"] = "RGB"
    scale: float = 1.0
    width_px: int | None = None
    height_px: int | None = None
    orientation: int = 1
    swapped_profile: bool = False
    content_type: str | None = None
    with_marks: bool = False


@dataclass(frozen=True)
class HalfPicture(PictureBehaviour):
    """The first half of the JPEG with a matching length, so that only decoding finds the loss."""


@dataclass(frozen=True)
class NotAPicture(PictureBehaviour):
    """A web page in place of the picture, under status 200."""

    content_type: str = "text/html"


@dataclass(frozen=True)
class PixelBomb(PictureBehaviour):
    """A valid PNG of `side_px` x `side_px` pixels in about a hundred kilobytes."""

    side_px: int = 30_000


def _all_kinds(base: type[Behaviour] = Behaviour) -> Iterator[type[Behaviour]]:
    for kind in base.__subclasses__():
        yield kind
        yield from _all_kinds(kind)


def to_json(behaviour: Behaviour) -> dict[str, object]:
    """The behaviour as JSON: its class name under ``behaviour``, beside its fields."""
    return {"behaviour": type(behaviour).__name__, **asdict(behaviour)}


def from_json(value: Mapping[str, object]) -> Behaviour:
    """The behaviour that `to_json` wrote; LookupError for an unknown name."""
    fields = dict(value)
    name = fields.pop("behaviour")
    for kind in _all_kinds():
        if kind.__name__ == name:
            return kind(**fields)
    raise LookupError(f"no behaviour is called {name!r}")

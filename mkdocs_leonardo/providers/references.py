"""References on their way to a service: the bytes of a look."""

from __future__ import annotations

from mkdocs_leonardo.errors import Charged, ProviderError, RequestRefused
from mkdocs_leonardo.spec import Look, digest_of

_KINDS = {b"\xff\xd8": "jpg", b"\x89P": "png", b"RI": "webp"}


def bytes_of(look: Look, provider: str) -> tuple[bytes, str]:
    """The picture and its extension; RequestRefused, before anything is sent, if it is not what it was."""
    name = look.path.name
    try:
        data = look.path.read_bytes()
    except OSError as error:
        raise _refused(provider, f"the reference {name} cannot be read any more ({error.strerror})") from error
    if digest_of(data) != look.digest:
        raise _refused(provider, f"the reference {name} has changed since the build began; build again")
    return data, _KINDS.get(data[:2], "jpg")


def mime_of(extension: str) -> str:
    """The type of a picture with that extension."""
    return f"image/{'jpeg' if extension == 'jpg' else extension}"


def _refused(provider: str, reason: str) -> ProviderError:
    return RequestRefused(f"was not asked: {reason}", provider=provider, charged=Charged.NO)

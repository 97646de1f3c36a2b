"""The copy of a reference image for a service."""

from __future__ import annotations

from mkdocs_leonardo.errors import Charged, PictureError, ProviderError, RequestRefused
from mkdocs_leonardo.spec import Reference, digest_of

#: The media type of `copy_for_service`.
EXTENSION, MIME_TYPE = "jpg", "image/jpeg"


async def copy_for_service(reference: Reference, provider: str) -> bytes:
    """Copy the reference's file; RequestRefused if the file has changed since the build began."""
    from anyio import to_thread

    # A photograph takes a quarter of a second, in which other pages go on.
    return await to_thread.run_sync(_copy, reference, provider)


def _copy(reference: Reference, provider: str) -> bytes:
    from mkdocs_leonardo.imaging.reference import copy_without_metadata

    name = reference.path.name
    try:
        data = reference.path.read_bytes()
    except OSError as error:
        raise _refused(provider, f"the reference {name} cannot be read any more ({error.strerror})") from error
    if digest_of(data) != reference.digest:
        raise _refused(provider, f"the reference {name} has changed since the build began; build again")
    try:
        return copy_without_metadata(data)
    except PictureError as error:
        raise _refused(provider, f"the reference {name} {error}") from error


def _refused(provider: str, reason: str) -> ProviderError:
    return RequestRefused(f"was not asked: {reason}", provider=provider, charged=Charged.NO)

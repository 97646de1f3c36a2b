"""The tools for a provider: an HTTP client, answers, prompts in plain words, converters of options, and base classes.

`interface` is the contract. Network libraries are imported on first use, since every build reads declarations, also one
that needs no image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mkdocs_leonardo.converters import (
    Converter,
    host_name,
    list_of,
    one_of,
    optional,
    seconds,
    service_address,
    switch,
    visible_text,
    whole_number,
)
from mkdocs_leonardo.errors import AnswerLost, DownloadRefused, HostNotListed, NotSent, TransportError
from mkdocs_leonardo.providers.answers import (
    LONGEST_WAIT_S,
    Answer,
    answered_at,
    firewall,
    list_at,
    member,
    number_at,
    quote,
    retry_after_s,
    says,
    status_and,
    text_at,
    utc_seconds,
)
from mkdocs_leonardo.providers.synchronous import FREE_TIMEOUT_S, SynchronousOptions, SynchronousProvider
from mkdocs_leonardo.providers.texts import ImageAndTextProvider
from mkdocs_leonardo.providers.wording import EXTENSION, MIME_TYPE, WORDING, copy_for_service, look_words, worded
from mkdocs_leonardo.spec import clean_text

if TYPE_CHECKING:
    from mkdocs_leonardo.concurrency import to_thread
    from mkdocs_leonardo.providers.http import Api, Part

__all__ = [  # noqa: RUF022 - by subject
    "Api", "Part", "TransportError", "NotSent", "AnswerLost", "DownloadRefused", "HostNotListed",
    "Answer", "member", "text_at", "number_at", "list_at", "answered_at", "utc_seconds", "retry_after_s",
    "LONGEST_WAIT_S", "quote", "status_and", "says", "firewall",
    "WORDING", "worded", "look_words", "clean_text", "copy_for_service", "EXTENSION", "MIME_TYPE",
    "Converter", "host_name", "list_of", "one_of", "optional", "seconds", "service_address", "switch",
    "visible_text", "whole_number",
    "SynchronousProvider", "SynchronousOptions", "ImageAndTextProvider", "FREE_TIMEOUT_S", "to_thread",
]  # fmt: skip


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import a name whose module imports network libraries."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from mkdocs_leonardo import concurrency
        from mkdocs_leonardo.providers import http

        return concurrency.to_thread if name == "to_thread" else getattr(http, name)

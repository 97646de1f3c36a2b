"""The public interface for providers: all names that a provider imports, built-in or of another package.

A name's module is imported on first use, since every build reads declarations, also one that needs no image.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs_leonardo.clock import Clock
    from mkdocs_leonardo.concurrency import to_thread
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
        ListUnclear,
        NoAnswer,
        NotSent,
        NotSetUp,
        PictureElsewhere,
        PollFailed,
        PromptRefused,
        ProviderError,
        RateLimited,
        RequestRefused,
        ServerError,
        ServiceFailed,
        TransportError,
    )
    from mkdocs_leonardo.picture_rules import (
        MAX_PROMPT_CHARACTERS,
        MAX_SEED,
        MIN_SIDE_PX,
        SIDE_STEP_PX,
        STYLES,
        PictureRules,
    )
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
        status_and,
        text_at,
        utc_seconds,
    )
    from mkdocs_leonardo.providers.base import (
        Account,
        Memory,
        PageFacts,
        Provider,
        ProviderContext,
        Suggestion,
    )
    from mkdocs_leonardo.providers.declaration import (
        ALERT,
        INTERNAL,
        Alchemy,
        Alert,
        Declaration,
        Limits,
        lazy_import,
        option,
    )
    from mkdocs_leonardo.providers.http import Api, Part
    from mkdocs_leonardo.providers.synchronous import FREE_TIMEOUT_S, SynchronousOptions, SynchronousProvider
    from mkdocs_leonardo.providers.texts import ImageAndTextProvider
    from mkdocs_leonardo.providers.wording import EXTENSION, MIME_TYPE, WORDING, copy_for_service, look_words, worded
    from mkdocs_leonardo.spec import GeneratedImage, JsonValue, PictureSpec, Reference, Submission, clean_text

#: The modules that define the names; the last ones import network libraries.
_MODULES = (
    "mkdocs_leonardo.errors",
    "mkdocs_leonardo.spec",
    "mkdocs_leonardo.picture_rules",
    "mkdocs_leonardo.clock",
    "mkdocs_leonardo.converters",
    "mkdocs_leonardo.providers.base",
    "mkdocs_leonardo.providers.declaration",
    "mkdocs_leonardo.providers.wording",
    "mkdocs_leonardo.providers.answers",
    "mkdocs_leonardo.providers.synchronous",
    "mkdocs_leonardo.providers.texts",
    "mkdocs_leonardo.concurrency",
    "mkdocs_leonardo.providers.http",
)

__all__ = [  # noqa: RUF022 - by subject
    "Provider", "ProviderContext", "Account", "Memory", "Clock", "Api", "Part", "Declaration", "Limits", "Alert",
    "Alchemy", "PictureRules", "option", "ALERT", "INTERNAL", "lazy_import",
    "PictureSpec", "Reference", "Submission", "GeneratedImage", "PageFacts", "Suggestion", "JsonValue",
    "ProviderError", "RateLimited", "ServiceFailed", "ServerError", "NoAnswer", "ListUnclear", "AccountRefused",
    "NotSetUp", "PromptRefused", "RequestRefused", "JobFailed", "JobEmpty", "JobUnfinished", "PollFailed",
    "PictureElsewhere", "JobUnknown", "Charged", "TransportError", "NotSent", "AnswerLost", "DownloadRefused",
    "HostNotListed",
    "Answer", "member", "text_at", "number_at", "list_at", "answered_at", "utc_seconds", "retry_after_s",
    "LONGEST_WAIT_S", "quote", "status_and", "firewall",
    "WORDING", "worded", "look_words", "clean_text", "copy_for_service", "EXTENSION", "MIME_TYPE",
    "Converter", "host_name", "list_of", "one_of", "optional", "seconds", "service_address", "switch",
    "visible_text", "whole_number",
    "STYLES", "MAX_SEED", "MAX_PROMPT_CHARACTERS", "MIN_SIDE_PX", "SIDE_STEP_PX",
    "SynchronousProvider", "SynchronousOptions", "ImageAndTextProvider", "FREE_TIMEOUT_S", "to_thread",
]  # fmt: skip


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import a name."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        modules = map(import_module, _MODULES)
        return next(getattr(module, name) for module in modules if hasattr(module, name))

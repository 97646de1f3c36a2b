"""The contract of providers, built-in or of another package: what they declare, have, exchange with a build and raise.

`toolkit` has the tools for keeping it. A provider imports these two modules, and nothing else of the plugin.
"""

from __future__ import annotations

from mkdocs_leonardo.clock import Clock
from mkdocs_leonardo.errors import (
    AccountRefused,
    Charged,
    JobEmpty,
    JobFailed,
    JobUnfinished,
    JobUnknown,
    ListUnclear,
    NoAnswer,
    NotSetUp,
    PictureElsewhere,
    PollFailed,
    PromptRefused,
    ProviderError,
    RateLimited,
    RequestRefused,
    ServerError,
    ServiceFailed,
)
from mkdocs_leonardo.picture_rules import (
    MAX_PROMPT_CHARACTERS,
    MAX_SEED,
    MIN_SIDE_PX,
    SIDE_STEP_PX,
    STYLES,
    PictureRules,
)
from mkdocs_leonardo.providers.base import (
    Account,
    Memory,
    PageFacts,
    Provider,
    ProviderContext,
    Suggestion,
    TextProvider,
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
from mkdocs_leonardo.spec import GeneratedImage, JsonValue, PictureSpec, Reference, Submission

__all__ = [  # noqa: RUF022 - by subject
    "Declaration", "Limits", "Alert", "Alchemy", "PictureRules", "option", "ALERT", "INTERNAL", "lazy_import",
    "Provider", "TextProvider", "ProviderContext", "Account", "Memory", "Clock",
    "PictureSpec", "Reference", "Submission", "GeneratedImage", "PageFacts", "Suggestion", "JsonValue",
    "STYLES", "MAX_SEED", "MAX_PROMPT_CHARACTERS", "MIN_SIDE_PX", "SIDE_STEP_PX",
    "ProviderError", "Charged", "RateLimited", "ServiceFailed", "ServerError", "NoAnswer", "ListUnclear",
    "AccountRefused", "NotSetUp", "PromptRefused", "RequestRefused", "JobFailed", "JobEmpty", "JobUnfinished",
    "PollFailed", "PictureElsewhere", "JobUnknown",
]  # fmt: skip

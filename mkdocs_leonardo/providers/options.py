"""The providers' settings as values: no network library is imported to read a configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from mkdocs_leonardo.providers.balance import Alert

#: The entry point group in which providers register, and the names of our own.
PROVIDER_GROUP = "mkdocs_leonardo.providers"
BUILT_IN = ("leonardo", "openai", "gemini", "local")

#: The forms of Leonardo's create call; `auto` is v1 where it can do the order.
ApiVersion = Literal["auto", "v1", "v2"]

PHOENIX_1_0 = "de7d3faf-762f-48e0-b3b7-9d0ac3a3fcf3"


@dataclass(frozen=True, slots=True)
class LeonardoOptions:
    """Leonardo's settings; times in seconds.

    `mode` is empty where `alchemy` says it, or the model's own default is meant.
    """

    model: str = PHOENIX_1_0
    alchemy: bool = True
    contrast: float = 3.5
    timeout_s: float = 30.0
    render_estimate_s: float = 15.0
    requests_per_minute: int = 150
    base_url: str = "https://cloud.leonardo.ai/api/rest/v1"
    image_hosts: tuple[str, ...] = ("cdn.leonardo.ai",)
    credit_alert: Alert | None = None
    api_version: ApiVersion = "auto"
    mode: str = ""
    create_timeout_s: float = 30.0


@dataclass(frozen=True, slots=True)
class OpenAIOptions:
    """OpenAI's settings; times in seconds."""

    model: str = "gpt-image-2"
    quality: str = "medium"
    timeout_s: float = 120.0
    base_url: str = "https://api.openai.com/v1"
    text_model: str = "gpt-5.6-luna"


@dataclass(frozen=True, slots=True)
class GeminiOptions:
    """Gemini's settings; times in seconds."""

    model: str = "gemini-nano-banana-2.1"
    timeout_s: float = 120.0
    base_url: str = "https://generativelanguage.googleapis.com/v1beta"
    text_model: str = "gemini-3.5-flash-lite"


def key_variable(provider: str) -> str:
    """The environment variable that holds a provider's API key."""
    return f"{provider.upper().replace('-', '_')}_API_KEY"

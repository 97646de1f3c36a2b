"""Leonardo's settings."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from mkdocs_leonardo.providers.interface import ALERT, INTERNAL, Alchemy, Alert, option
from mkdocs_leonardo.providers.leonardo.models import CONTRASTS, MIN_ALCHEMY_CONTRAST, MODES, PHOENIX_1_0, find_model
from mkdocs_leonardo.providers.toolkit import (
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

#: The forms of the create call; `auto` is v1 for each call that v1 takes.
ApiVersion = Literal["auto", "v1", "v2"]

#: The least timeout of a comparison (seconds): no build waits for it, and a late picture can still be compared.
_COMPARISON_TIMEOUT_S = 120.0


def _convert_contrast(value: object) -> float:
    for contrast in CONTRASTS:
        if value == contrast and not isinstance(value, bool):
            return contrast
    raise ValueError(f"the service takes {', '.join(f'{contrast:g}' for contrast in CONTRASTS)} and nothing between")


_contrast = Converter(_convert_contrast, {"enum": [*CONTRASTS]})
_hosts = list_of(host_name, such_as="[cdn.leonardo.ai]")


@dataclass(frozen=True, slots=True)
class LeonardoOptions:
    """Settings of Leonardo AI."""

    model: str = field(default=PHOENIX_1_0, metadata=option(visible_text))
    """The model's name (such as `lucid-origin`) or id; by default Phoenix 1.0. Another model is another image."""
    api_version: ApiVersion = field(default="auto", metadata=option(one_of(get_args(ApiVersion))))
    """Version of the create call: `v1`, `v2`, or `auto` for v1 where possible. The image is the same."""
    alchemy: bool = field(default=True, metadata=option(switch))
    """Quality mode of Phoenix: slower, sharper. Off is another image."""
    mode: str | None = field(default=None, metadata=option(optional(one_of(MODES))))
    """Other quality modes: `ultra` of Phoenix and Lucid; `low` or `high` of GPT Image 2."""
    contrast: float = field(default=3.5, metadata=option(_contrast))
    """1 to 4.5 in the service's steps; at least 2.5 with Alchemy. Another contrast is another image."""
    timeout_s: float = field(default=30.0, metadata=option(seconds, name="timeout"))
    """Seconds from a job's acceptance to the next provider's turn; a later build collects the late job."""
    generation_estimate_s: float = field(default=15.0, metadata=option(seconds, name="render_estimate"))
    """Expected seconds per image, until real times are known."""
    requests_per_minute: int = field(default=150, metadata=option(whole_number(1)))
    """Limit for all requests to Leonardo, over all builds that share the cache."""
    base_url: str = field(default="https://cloud.leonardo.ai/api/rest/v1", metadata=option(service_address))
    """Address of the API."""
    image_hosts: tuple[str, ...] = field(default=("cdn.leonardo.ai",), metadata=option(_hosts))
    """The only hosts to download images from."""
    credit_alert: Alert | None = field(default=None, metadata=option(optional(ALERT)))
    """Warn before a build that will spend if less is left: credits, or dollars such as `$5`."""
    create_timeout_s: float = field(default=30.0, metadata=INTERNAL)
    """Seconds to wait for the answer to the create call."""


def comparison(options: LeonardoOptions, alchemy: Alchemy | None) -> dict[bool, LeonardoOptions]:
    """Return the options of each series of a comparison, with a contrast that Alchemy takes; ValueError with the fix.

    A model that is not in the table may have the switch.
    """
    model = find_model(options.model)
    if alchemy is not None and model.is_known and "QUALITY" not in model.modes:
        raise ValueError(f"{options.model} draws without Alchemy; leave it out")
    modes = {None: (options.alchemy,), "both": (True, False), "on": (True,), "off": (False,)}[alchemy]
    return {
        is_on: replace(
            options,
            alchemy=is_on,
            contrast=max(options.contrast, MIN_ALCHEMY_CONTRAST) if is_on else options.contrast,
            timeout_s=max(options.timeout_s, _COMPARISON_TIMEOUT_S),
        )
        for is_on in modes
    }

"""`compare`: one prompt in several styles, with and without Alchemy; images, seconds and dollars side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from mkdocs_leonardo.acquire.budget import Budget
from mkdocs_leonardo.author_text import did_you_mean, find_style
from mkdocs_leonardo.commands.folders import prepare_folder, require_own_folder
from mkdocs_leonardo.commands.hero_status import PAID_STATES, HeroStatus, find_statuses, open_runtime
from mkdocs_leonardo.commands.purchases import (
    GENERATE_IS_OFF,
    PurchasePlan,
    carry_out,
    confirm_payment,
    warn_of_blocked,
    warn_of_waiting,
)
from mkdocs_leonardo.commands.sheet import SheetItem, write_sheet
from mkdocs_leonardo.commands.site import read_config
from mkdocs_leonardo.commands.terminal import CommandError, Console
from mkdocs_leonardo.providers.declaration import Alchemy, creator_of, declaration_of, key_variable
from mkdocs_leonardo.report import pluralise
from mkdocs_leonardo.spec import HeroSpec, JsonValue, PictureRecord, PictureSpec, clean_text, dollars

if TYPE_CHECKING:
    from mkdocs_leonardo.settings import Settings

_MOST_COLUMNS = 4
#: The words for a mode, by whether it has Alchemy.
_MODE_WORDS = {True: "with Alchemy", False: "without Alchemy"}


@dataclass(frozen=True, slots=True)
class Sample:
    """One image of the comparison. `cost_usd` is the service's statement, else the estimate."""

    style: str
    seed: int
    alchemy: bool
    record: PictureRecord
    data: bytes
    cost_usd: float


def compare(
    config_file: str | None,
    console: Console,
    prompt: str,
    *,
    styles: str,
    count: int,
    alchemy: Alchemy | None,
    output: Path,
    yes: bool,
) -> int:
    """Make the images and show them; 1 if there is none to show."""
    settings = read_config(config_file, console).settings
    provider, series = _find_series(settings, alchemy)
    rules = declaration_of(provider).rules(settings.options[provider], settings.defaults.picture)
    wanted_styles = _parse_styles(styles, rules.styles)
    require_own_folder(output, "--output")
    prompt = clean_text(prompt)
    if not prompt:
        raise CommandError("PROMPT is empty; describe an image")
    budget = Budget(max_new_images=settings.max_new_images, max_cost_usd=settings.max_cost_usd)
    # One mode is made after the other: together they would slow each other.
    plans = {
        mode: PurchasePlan(
            _find_wanted(mode_settings, prompt, wanted_styles, count, console, alchemy=mode), mode_settings, budget
        )
        for mode, mode_settings in series.items()
    }
    _show_plans(plans, console)
    if any(plan.allowed for plan in plans.values()) and not confirm_payment(console, yes=yes):
        return 1
    prepare_folder(output, "--output")
    carry_out([*plans.values()], console)
    samples = [sample for mode, plan in plans.items() for sample in _read_samples(plan, console, alchemy=mode)]
    if not samples:
        return 1
    _write_comparison(samples, prompt, output, console, styles=wanted_styles)
    console.print_json(_as_json(samples, prompt, output))
    return 0


def _parse_styles(text: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
    styles: list[str] = []
    for name in text.split(","):
        style = find_style(name, allowed)
        if style is None:
            raise CommandError(f"--styles: {name.strip()!r} is no style; {did_you_mean(name, allowed)}")
        styles.append(style)
    return tuple(dict.fromkeys(styles))


def _find_series(settings: Settings, alchemy: Alchemy | None) -> tuple[str, dict[bool, Settings]]:
    """Return the provider to compare, and the settings of each series of its images, by whether it has Alchemy."""
    for provider, options in settings.options.items():
        try:
            series = declaration_of(provider).comparison(options, alchemy)
        except ValueError as error:
            raise CommandError(f"--alchemy: {error}") from error
        if series:
            return provider, {
                mode: replace(settings, providers=(provider,), options={provider: mode_options})
                for mode, mode_options in series.items()
            }
    raise CommandError("no provider draws images to compare")


# Buying --------------------------------------------------------------------------------------------------------------


def _find_wanted(
    settings: Settings, prompt: str, styles: Sequence[str], count: int, console: Console, *, alchemy: bool
) -> tuple[HeroStatus, ...]:
    """Find the status of each wanted image. Every style has the same seeds, so that only the style differs."""
    heroes = [
        HeroSpec(
            f"compare: {style}, seed {seed}{'' if alchemy else ', no Alchemy'}",
            PictureSpec(
                prompt,
                style=style,
                seed=seed,
                width_px=settings.defaults.picture.width_px,
                height_px=settings.defaults.picture.height_px,
            ),
        )
        for style in styles
        for seed in range(1, count + 1)
    ]
    with open_runtime(settings, console) as runtime:
        statuses = find_statuses(runtime, heroes)
        if not runtime.providers_with_api_key and any(status.state == "missing" for status in statuses):
            (provider,) = settings.providers
            fix = f"set {key_variable(provider)} in the environment"
            raise CommandError(f"{fix}; the images of a comparison come from {creator_of(provider)}")
    if not settings.generate and any(status.state in PAID_STATES | {"missing"} for status in statuses):
        raise CommandError(GENERATE_IS_OFF)
    warn_of_blocked(statuses, console)
    warn_of_waiting(statuses, console)
    return statuses


def _show_plans(plans: Mapping[bool, PurchasePlan], console: Console) -> None:
    for mode, plan in plans.items():
        for line in plan.describe():
            console.say(f"{_MODE_WORDS[mode]}: {line}")
    if all(status.record is not None for plan in plans.values() for status in plan.statuses):
        console.note("every image is stored; nothing is paid for")
    elif len(plans) > 1 and not all(plan.is_idle for plan in plans.values()):
        console.say(f"together about {dollars(sum(plan.estimate_usd for plan in plans.values()))}")


# Showing -------------------------------------------------------------------------------------------------------------


def _read_samples(plan: PurchasePlan, console: Console, *, alchemy: bool) -> Iterator[Sample]:
    with open_runtime(plan.settings, console, asks_providers=False) as runtime:
        for status in find_statuses(runtime, [status.hero for status in plan.statuses]):
            picture = status.hero.picture
            record = status.record
            if picture is None or record is None:
                continue
            cost_usd = status.offers[0].estimate_usd if record.cost_usd is None else record.cost_usd
            yield Sample(picture.style, picture.seed or 0, alchemy, record, status.read_picture(), cost_usd)


def _write_comparison(
    samples: Sequence[Sample], prompt: str, output: Path, console: Console, *, styles: Sequence[str]
) -> None:
    """Write the contact sheet, and print the averages of each style."""
    both = len({sample.alchemy for sample in samples}) > 1
    ordered = sorted(samples, key=lambda sample: (styles.index(sample.style), sample.seed, not sample.alchemy))
    items = [
        SheetItem(
            _make_stem(sample),
            f"{sample.style}, seed {sample.seed}" + (f", {_MODE_WORDS[sample.alchemy]}" if both else ""),
            f"{_describe_average([sample])}, {dollars(sample.cost_usd)}",
            sample.data,
            sample.record,
        )
        for sample in ordered
    ]
    record = samples[0].record
    creator = creator_of(record.provider)
    subtitle = f"{pluralise(len(samples), 'image', 'images')} from {creator}, model {record.model}"
    in_a_row = (2 if both else 1) * len({sample.seed for sample in samples})
    columns = in_a_row if 1 < in_a_row <= _MOST_COLUMNS else _MOST_COLUMNS - 1
    write_sheet(output, title=prompt, subtitle=subtitle, items=items, columns=columns)
    rows = []
    for style in styles:
        for mode in (True, False):
            group = [sample for sample in samples if (sample.style, sample.alchemy) == (style, mode)]
            if group:
                cost = dollars(fmean(sample.cost_usd for sample in group))
                rows.append((style, "on" if mode else "off", str(len(group)), _describe_average(group), cost))
    console.print_table(rows, heads=("style", "Alchemy", "images", "seconds each", "cost each"))
    if both:
        console.say(_describe_overhead(samples))
    console.say(f"look at them: {output / 'index.html'} and {output / 'sheet.jpg'}")


def _make_stem(sample: Sample) -> str:
    """Return the name of the image's file, without its extension."""
    return f"{sample.style.lower().replace('_', '-')}-{sample.seed}{'' if sample.alchemy else '-no-alchemy'}"


def _pair_samples(samples: Sequence[Sample]) -> list[tuple[Sample, Sample]]:
    """Pair the images with Alchemy and without, by style and seed; leave out incomplete pairs."""
    fast = {(sample.style, sample.seed): sample for sample in samples if not sample.alchemy}
    return [
        (sample, fast[sample.style, sample.seed])
        for sample in samples
        if sample.alchemy and (sample.style, sample.seed) in fast
    ]


def _describe_overhead(samples: Sequence[Sample]) -> str:
    """Describe the mean extra time and cost of Alchemy, over all pairs."""
    pairs = _pair_samples(samples)
    if not pairs:
        return "Alchemy overhead: unknown, as no style has an image of both kinds"
    cost_usd = fmean(slow.cost_usd - fast.cost_usd for slow, fast in pairs)
    line = f"Alchemy overhead: {'-' if cost_usd < 0 else '+'}{dollars(abs(cost_usd))} an image"
    slow_s, fast_s = (_average_s([pair[index] for pair in pairs]) for index in (0, 1))
    if slow_s is not None and fast_s:
        line += f", {slow_s - fast_s:+.1f} s ({slow_s:.1f} s instead of {fast_s:.1f} s, {slow_s / fast_s:.1f} times)"
    return f"{line}, over {pluralise(len(pairs), 'pair', 'pairs')}"


def _as_json(samples: Sequence[Sample], prompt: str, output: Path) -> JsonValue:
    pairs = _pair_samples(samples)
    return {
        "prompt": prompt,
        "pictures": [
            {
                "style": sample.style,
                "seed": sample.seed,
                "alchemy": sample.alchemy,
                "file": str(output / f"{_make_stem(sample)}.{sample.record.extension}"),
                "seconds": sample.record.seconds,
                "cost_usd": round(sample.cost_usd, 6),
            }
            for sample in samples
        ],
        "alchemy_overhead": {
            "pairs": len(pairs),
            "cost_usd": round(fmean(slow.cost_usd - fast.cost_usd for slow, fast in pairs), 6) if pairs else None,
        },
        "index": str(output / "index.html"),
        "sheet": str(output / "sheet.jpg"),
    }


def _average_s(samples: Sequence[Sample]) -> float | None:
    seconds = [sample.record.seconds for sample in samples if sample.record.seconds is not None]
    return fmean(seconds) if seconds else None


def _describe_average(samples: Sequence[Sample]) -> str:
    seconds = _average_s(samples)
    return "unknown" if seconds is None else f"{seconds:.1f} s"

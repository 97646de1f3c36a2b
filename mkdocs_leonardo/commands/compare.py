"""`compare`: one prompt in several styles, with and without Alchemy; images, seconds and dollars side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Literal

from mkdocs_leonardo.acquire.budget import Budget
from mkdocs_leonardo.author_text import did_you_mean, find_style
from mkdocs_leonardo.commands.folders import prepare_folder, require_own_folder
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
from mkdocs_leonardo.commands.status import HeroStatus, find_statuses, open_runtime
from mkdocs_leonardo.commands.terminal import CommandError, Console
from mkdocs_leonardo.providers.declaration import declaration_of
from mkdocs_leonardo.report import pluralise
from mkdocs_leonardo.spec import HeroSpec, JsonValue, PictureRecord, PictureSpec, clean_text, dollars

if TYPE_CHECKING:
    from mkdocs_leonardo.settings import Settings

Alchemy = Literal["on", "off", "both"]

#: The timeout of a comparison (seconds): no build waits for it, and a late picture can still be compared.
LEAST_TIMEOUT_S = 120.0
_MOST_COLUMNS = 4
#: The words for a mode, by whether it has Alchemy.
_MODE_WORDS = {True: "with Alchemy", False: "without Alchemy"}
#: The service whose images are compared, with its options `alchemy` and `contrast`.
_SERVICE = "leonardo"


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
    rules = declaration_of(_SERVICE).rules(settings.options[_SERVICE], settings.defaults.picture)
    wanted_styles = _parse_styles(styles, rules.styles)
    require_own_folder(output, "--output")
    prompt = clean_text(prompt)
    if not prompt:
        raise CommandError("PROMPT is empty; describe an image")
    budget = Budget(max_new_images=settings.max_new_images, max_cost_usd=settings.max_cost_usd)
    # One mode is made after the other: together they would slow each other.
    plans = [
        PurchasePlan(_find_wanted(restricted, prompt, wanted_styles, count, console), restricted, budget)
        for restricted in (_restrict_to_leonardo(settings, alchemy=mode) for mode in _choose_modes(alchemy, settings))
    ]
    _show_plans(plans, console)
    if any(plan.allowed for plan in plans) and not confirm_payment(console, yes=yes):
        return 1
    prepare_folder(output, "--output")
    carry_out(plans, console)
    samples = [sample for plan in plans for sample in _read_samples(plan, console)]
    if not samples:
        return 1
    _write_comparison(samples, prompt, output, console, styles=wanted_styles)
    console.print_json(_as_json(samples, prompt, output))
    return 0


def _parse_styles(text: str, known: tuple[str, ...]) -> tuple[str, ...]:
    styles: list[str] = []
    for name in text.split(","):
        style = find_style(name, known)
        if style is None:
            raise CommandError(f"--styles: {name.strip()!r} is no style; {did_you_mean(name, known)}")
        styles.append(style)
    return tuple(dict.fromkeys(styles))


def _choose_modes(alchemy: Alchemy | None, settings: Settings) -> tuple[bool, ...]:
    options = settings.options[_SERVICE]
    if alchemy is None:
        return (options.alchemy,)
    if not options.has_alchemy_switch:
        raise CommandError(f"--alchemy: {options.model} draws without Alchemy; leave it out")
    return {"both": (True, False), "on": (True,), "off": (False,)}[alchemy]


def _restrict_to_leonardo(settings: Settings, *, alchemy: bool) -> Settings:
    """Return the settings with Leonardo as the only service, and with more time for late images."""
    options = settings.options[_SERVICE].with_alchemy(is_on=alchemy)
    options = replace(options, timeout_s=max(options.timeout_s, LEAST_TIMEOUT_S))
    return replace(settings, providers=(_SERVICE,), options={_SERVICE: options})


# Buying --------------------------------------------------------------------------------------------------------------


def _find_wanted(
    settings: Settings, prompt: str, styles: Sequence[str], count: int, console: Console
) -> tuple[HeroStatus, ...]:
    """Find the status of each wanted image. Every style has the same seeds, so that only the style differs."""
    heroes = [
        HeroSpec(
            f"compare: {style}, seed {seed}{'' if settings.options[_SERVICE].alchemy else ', no Alchemy'}",
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
        found = find_statuses(runtime, heroes)
        if not runtime.providers_with_api_key and any(one.state == "missing" for one in found):
            raise CommandError("set LEONARDO_API_KEY in the environment; the images of a comparison come from Leonardo")
    if not settings.generate and any(one.state in {"missing", "paid", "uncertain"} for one in found):
        raise CommandError(GENERATE_IS_OFF)
    warn_of_blocked(found, console)
    warn_of_waiting(found, console)
    return found


def _show_plans(plans: Sequence[PurchasePlan], console: Console) -> None:
    for plan in plans:
        for line in plan.describe():
            console.say(f"{_MODE_WORDS[plan.settings.options[_SERVICE].alchemy]}: {line}")
    if all(status.record is not None for plan in plans for status in plan.wanted):
        console.note("every image is stored; nothing is paid for")
    elif len(plans) > 1 and not all(plan.is_idle for plan in plans):
        console.say(f"together about {dollars(sum(plan.estimate_usd for plan in plans))}")


# Showing -------------------------------------------------------------------------------------------------------------


def _read_samples(plan: PurchasePlan, console: Console) -> Iterator[Sample]:
    alchemy = plan.settings.options[_SERVICE].alchemy
    with open_runtime(plan.settings, console, asks_providers=False) as runtime:
        for status in find_statuses(runtime, [status.hero for status in plan.wanted]):
            picture = status.hero.picture
            record = status.record
            if picture is None or record is None:
                continue
            cost_usd = status.offers[0].estimate_usd if record.cost_usd is None else record.cost_usd
            yield Sample(picture.style, picture.seed or 0, alchemy, record, status.read_picture(), cost_usd)


def _write_comparison(
    samples: Sequence[Sample], prompt: str, output: Path, console: Console, *, styles: Sequence[str]
) -> None:
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
    subtitle = f"{pluralise(len(samples), 'image', 'images')} from Leonardo, model {samples[0].record.model}"
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

"""`mkdocs-leonardo status`: where each page's hero is, and what it would cost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs_leonardo.commands.hero_status import HeroStatus, drop_repeats, find_statuses, open_runtime
from mkdocs_leonardo.commands.site import read_site
from mkdocs_leonardo.commands.terminal import Console, shorten
from mkdocs_leonardo.providers.declaration import key_variable
from mkdocs_leonardo.report import pluralise
from mkdocs_leonardo.runtime import Runtime
from mkdocs_leonardo.spec import dollars, short_key

if TYPE_CHECKING:
    from mkdocs_leonardo.spec import JsonValue

#: The states in the order of the count, with the table's words for them.
_STATE_WORDS = {
    "pinned": "pinned",
    "cached": "cached",
    "own": "own image",
    "paid": "paid, to be collected",
    "uncertain": "may be paid, looked for first",
    "damaged": "damaged",
    "refused": "refused",
    "empty": "came without an image",
    "missing": "missing",
}
_PROMPT_CHARACTERS = 48


def status(config_file: str | None, console: Console) -> int:
    """Show the table, or print it as JSON. Opens no connection."""
    site = read_site(config_file, console)
    cache_problem = site.config.cache_problem
    problems = (*site.problem_lines, *[f"cache_dir: {cache_problem}"] * bool(cache_problem))
    with open_runtime(site.settings, console) as runtime:
        statuses = find_statuses(runtime, site.heroes)
        if console.for_program:
            console.print_json(_as_json(runtime, statuses, problems))
            return 0
        console.warn(*problems)
        if statuses:
            console.print_table(
                [_make_row(status) for status in statuses], heads=("page", "hero", "key", "would cost", "prompt")
            )
        console.say(_summarise(statuses))
        for status in statuses:
            if status.fault or status.state == "damaged":
                console.warn(f"{status.hero.page}: {status.problem}")
            console.warn(*status.losses)
        if any(status.state == "missing" for status in statuses):
            if not site.settings.generate:
                console.note("generate: false: no image is paid for")
            for note in _explain_unset_variables(runtime):
                console.note(note)
    return 0


def _explain_unset_variables(runtime: Runtime) -> Iterator[str]:
    """Yield the messages on missing keys, each with its consequence for missing heroes."""
    keyed = runtime.providers_with_api_key
    if not keyed:
        if runtime.unset_key_variables:
            yield f"{' and '.join(runtime.unset_key_variables)} not set: missing heroes are placeholders"
        return
    services = [provider.name for provider in runtime.chain]
    for index, name in enumerate(services):
        if name in keyed:
            continue
        next_name = next((later for later in services[index:] if later in keyed), "")
        previous_name = next((earlier for earlier in reversed(services[:index]) if earlier in keyed), "")
        consequence = (
            f"{next_name} is asked instead" if next_name else f"where {previous_name} fails, a page shows a placeholder"
        )
        yield f"{key_variable(name)} not set: {consequence}"


def _make_row(status: HeroStatus) -> tuple[str, ...]:
    word = _STATE_WORDS[status.state]
    if status.record is not None:
        word += f" ({status.record.provider})"
    if status.record is not None and status.jobs:
        word += f", one from {status.jobs[0].provider} to be {'collected' if status.is_certain else 'looked for'}"
    if status.last is not None:
        word += ", shows its last one"
    cost = f"about {dollars(status.estimate_usd)}" if status.has_price else ""
    picture = status.hero.picture
    prompt = (
        shorten(picture.prompt, _PROMPT_CHARACTERS)
        if picture
        else str(status.hero.own_image and status.hero.own_image.name)
    )
    return status.hero.page, word, short_key(status.key), cost, prompt


def _summarise(statuses: tuple[HeroStatus, ...]) -> str:
    counts = {state: sum(status.state == state for status in statuses) for state in _STATE_WORDS}
    parts = [f"{number} {_STATE_WORDS[state]}" for state, number in counts.items() if number]
    line = pluralise(len(statuses), "hero", "heroes")
    if parts:
        line += f": {', '.join(parts)}"
    priced = drop_repeats(status for status in statuses if status.has_price)
    if priced:
        price_usd = sum(status.estimate_usd for status in priced)
        line += f"; about {dollars(price_usd)} for {pluralise(len(priced), 'image', 'images')}"
        if not priced[0].must_be_bought:
            line += " once a key is set"
    return line


def _as_json(runtime: Runtime, statuses: tuple[HeroStatus, ...], problems: tuple[str, ...]) -> JsonValue:
    """Describe every page and the totals for programs."""
    pages: list[JsonValue] = []
    for status in statuses:
        record = status.record
        picture = status.hero.picture
        path = _find_file(runtime, status)
        pages.append(
            {
                "page": status.hero.page,
                "state": status.state,
                "key": short_key(status.key) or None,
                "provider": record.provider if record else None,
                "model": record.model if record else None,
                "file": str(path) if path else None,
                "estimate_usd": round(status.estimate_usd, 6),
                "to_collect_from": [offer.provider for offer in status.jobs],
                "shows": short_key(record.key) if record else short_key(status.last.key) if status.last else None,
                "prompt": picture.prompt if picture else None,
                "style": picture.style if picture else None,
                "seed": picture.seed if picture else None,
                "problem": status.problem or None,
            }
        )
    to_buy = drop_repeats(status for status in statuses if status.must_be_bought)
    return {
        "pages": pages,
        "totals": {
            **{state: sum(status.state == state for status in statuses) for state in _STATE_WORDS},
            "to_buy": len(to_buy),
            "estimate_usd": round(sum(status.estimate_usd for status in to_buy), 6),
        },
        "missing_keys": list(runtime.unset_key_variables),
        "problems": list(problems),
    }


def _find_file(runtime: Runtime, status: HeroStatus) -> Path | None:
    """Find the picture's file in the gallery or the cache; None if neither has the file."""
    if status.record is None:
        return status.hero.own_image
    for folder in (runtime.gallery, runtime.cache):
        if status.store is folder:
            return folder.path(status.record)
    return None

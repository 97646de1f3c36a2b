"""The reports of a build: its JSON report, the lines of its log, and the table in the summary of a GitHub job."""

from __future__ import annotations

import json
import logging
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs_leonardo.files import write_atomically, write_plain_file
from mkdocs_leonardo.resolution import Complaint, Resolution
from mkdocs_leonardo.spec import JsonValue, OnMissing, Source, dollars, replace_unprintable, short_key

if TYPE_CHECKING:
    from mkdocs_leonardo.storage.base import StoreStats

#: The sources in the order of the summary, with the words for them.
_SUMMARY = (
    (Source.PINNED, "pinned"),
    (Source.CACHED, "cached"),
    (Source.GENERATED, "generated"),
    (Source.COLLECTED, "resumed"),
    (Source.OWN, "own"),
    (Source.LAST, "previous"),
    (Source.PAINTED, "local"),
)

_SHOWN = {Source.LAST: "its previous hero", Source.PAINTED: "a placeholder painted on this machine"}
#: The words for the sources in the table of a job.
_CELLS = {
    **dict(_SUMMARY),
    Source.COLLECTED: "collected, paid for earlier",
    Source.LAST: "its previous hero",
    Source.PAINTED: "painted on this machine",
}
#: The most rows of that table.
MOST_ROWS = 200
#: The most bytes of a step's summary; GitHub refuses a larger one as a whole ("Workflow commands", 2026).
MOST_BYTES = 1024 * 1024
#: The most characters of a cell. A failure may have the messages of several services.
_CELL_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Spending:
    """A build's spending: paid jobs, dollars (estimates where the service stated nothing), API requests.

    `uncertain` counts new images that may have been charged without a picture, as no service has denied it.
    """

    new_images: int = 0
    uncertain: int = 0
    cost_usd: float = 0.0
    requests: int = 0


def make_report(
    resolutions: Sequence[Resolution], spending: Spending, store: StoreStats | None = None
) -> dict[str, JsonValue]:
    """Return the content of ``report.json``.

    Names of files in the site begin with `key`. `marks` are the marks of origin in the service's own file (``xmp``,
    ``c2pa``). The cache's copy keeps them; the site's files have the plugin's mark.
    """
    heroes: list[JsonValue] = [
        {
            "page": resolution.hero.page,
            "key": short_key(resolution.asset.key) if resolution.asset else None,
            "provider": resolution.asset.provider if resolution.asset else None,
            "source": resolution.asset.source.value if resolution.asset else None,
            "attempts": [{"provider": attempt.provider, "result": attempt.result} for attempt in resolution.attempts],
            "cost_usd": round(resolution.cost_usd, 6),
            "seconds": round(resolution.seconds, 3),
            "marks": [*resolution.asset.marks.split()] if resolution.asset else [],
            "failure": resolution.failure.text if resolution.failure else None,
        }
        for resolution in resolutions
    ]
    sources = _count_sources(resolutions)
    content: dict[str, JsonValue] = {
        "heroes": heroes,
        "totals": {
            "cached": sources[Source.CACHED],
            "generated": sources[Source.GENERATED],
            "resumed": sources[Source.COLLECTED],
            "pinned": sources[Source.PINNED],
            "local": sources[Source.PAINTED],
            "failed": sum(bool(resolution.failure) for resolution in resolutions),
            "new_images": spending.new_images,
            "uncertain": spending.uncertain,
            "cost_usd": round(spending.cost_usd, 6),
            "requests": spending.requests,
        },
    }
    if store is not None:
        content["store"] = {**asdict(store)}
    return content


def summarise(resolutions: Sequence[Resolution], spending: Spending, store: StoreStats | None = None) -> str:
    """Return one line: ``12 heroes: 9 cached, 2 generated, 1 local; 2 new images, $0.07``."""
    sources = _count_sources(resolutions)
    parts = [f"{sources[source]} {word}" for source, word in _SUMMARY if sources[source]]
    missing = sum(resolution.asset is None for resolution in resolutions)
    if missing:
        parts.append(f"{missing} missing")
    line = f"{pluralise(len(resolutions), 'hero', 'heroes')}: {', '.join(parts)}"
    if spending.new_images:
        # Not `dollars`, since users' programs read this line.
        line += f"; {pluralise(spending.new_images, 'new image', 'new images')}, ${spending.cost_usd:.2f}"
    if spending.uncertain:
        line += f" ({spending.uncertain} of them may have been charged without an image)"
    if store is not None:
        line += f"; store: {_describe_store(store)}"
    return line


def _describe_store(stats: StoreStats) -> str:
    parts = [
        f"{number} {word}"
        for number, word in (
            (stats.hits, "found"),
            (stats.misses, "missing"),
            (stats.writes, "added"),
            (stats.refusals, "refused"),
            (stats.failures, "failed"),
        )
        if number
    ]
    return ", ".join(parts) or "not needed"


def list_complaints(
    resolutions: Sequence[Resolution], *, on_missing: OnMissing, without_provider: str = ""
) -> list[tuple[int, Complaint]]:
    """List one message, with its level, for each reason why pages show another picture than they ask for.

    `without_provider` is the reason why no provider could be asked, usually missing keys. A message with this reason is
    INFO for pages that show their previous hero, and ERROR under `on_missing: error`. A refused prompt is at least a
    warning, since its author must change it.
    """
    level = {"warn": logging.WARNING, "error": logging.ERROR, "ignore": logging.INFO}[on_missing]
    groups: defaultdict[tuple[int, str], list[Resolution]] = defaultdict(list)
    for resolution in resolutions:
        if resolution.failure:
            told_at = max(level, logging.WARNING) if resolution.is_refused else level
            groups[told_at, _describe_failure(resolution)].append(resolution)
        elif without_provider and resolution.asset is not None and resolution.asset.is_substitute:
            text = f"shows {describe_shown(resolution)}: {without_provider}"
            if on_missing == "error":
                groups[logging.ERROR, text].append(resolution)
            elif resolution.asset.source is Source.LAST:
                groups[logging.INFO, text].append(resolution)
    return [
        (told_at, Complaint([resolution.hero.page for resolution in group], f"{text}{_describe_price(group)}"))
        for (told_at, text), group in groups.items()
    ]


def describe_shown(resolution: Resolution) -> str:
    """Return the words for the picture that a page shows instead of its own."""
    return _SHOWN.get(resolution.asset.source, "no hero") if resolution.asset else "no hero"


def write_json(path: Path, value: JsonValue) -> None:
    """Replace the file at `path` as a whole; OSError if it cannot be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, _encode(json.dumps(value, indent=2, ensure_ascii=False)))


def append_json_line(path: Path, value: JsonValue) -> None:
    """Add one line to the file at `path`; OSError if it cannot be written, or is a link."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_plain_file(path, _encode(json.dumps(value, ensure_ascii=False)), is_added=True)


def _encode(text: str) -> bytes:
    """Encode the line. Halves of characters, which file names may hold, become JSON's escapes."""
    return f"{text}\n".encode("utf-8", "backslashreplace")


def _describe_failure(resolution: Resolution) -> str:
    """Return the text of a complaint: the picture that the page shows, the reason, and the fix."""
    reason = resolution.failure.text if resolution.failure else ""
    if resolution.is_refused:
        return f"hero_prompt was refused by a content check ({reason}); describe another image"
    if resolution.hero.picture is None:
        return f"{reason}; the page has no hero"
    shows = describe_shown(resolution)
    if resolution.capped_usd is not None:
        return f"shows {shows}, since max_new_images or max_cost_usd allows no more in one build"
    return f"shows {shows}: {reason}"


def _describe_price(group: Sequence[Resolution]) -> str:
    """Return the estimated cost of pictures that a cap did not allow. A picture of several pages counts once."""
    prices = {resolution.hero.picture: resolution.capped_usd for resolution in group if resolution.capped_usd}
    return f" (about {dollars(sum(filter(None, prices.values())))} for {len(prices)})" if prices else ""


def _count_sources(resolutions: Sequence[Resolution]) -> Counter[Source]:
    return Counter(resolution.asset.source for resolution in resolutions if resolution.asset)


def left_behind_message(heroes: int) -> str:
    """Return the message of a build or a preview that ends while heroes are made."""
    return f"{pluralise(heroes, 'hero was', 'heroes were')} being made; the next build collects what the services keep"


def pluralise(number: int, singular: str, plural: str) -> str:
    """Return the number with its noun: ``1 image``, ``2 images``."""
    return f"{number} {singular if number == 1 else plural}"


# The summary of a GitHub job ------------------------------------------------------------------------------------------


def append_job_summary(path: Path, resolutions: Sequence[Resolution], *, title: str, totals: str) -> None:
    """Add a table of the heroes to the step's summary; OSError if that cannot be done."""
    if not resolutions:
        return
    head = f"\n### Heroes: {_escape_cell(title)}\n\n{_escape_cell(totals[:1].upper() + totals[1:])}\n"
    room = MOST_BYTES - (path.stat().st_size if path.exists() else 0)
    for text in (f"{head}\n{_render_table(resolutions)}\n", f"{head}\n"):
        data = text.encode("utf-8", "replace")
        if len(data) <= room:
            with path.open("ab") as file:
                file.write(data)
            return
    raise OSError(f"more than {MOST_BYTES // 1024} KiB would be in it")


def _render_table(resolutions: Sequence[Resolution]) -> str:
    """Return the table: failures first, then new pictures."""
    ordered = sorted(resolutions, key=lambda page: (not page.failure, not (page.cost_usd or _is_new(page))))
    rows = ["| page | hero | made by | cost | what happened |", "|---|---|---|--:|---|"]
    for resolution in ordered[:MOST_ROWS]:
        asset = resolution.asset
        cells = (
            resolution.hero.page,
            _CELLS[asset.source] if asset else "none",
            asset.provider if asset and asset.source is not Source.OWN else "",
            dollars(resolution.cost_usd) if resolution.cost_usd else "",
            _describe_outcome(resolution),
        )
        rows.append(f"| {' | '.join(map(_escape_cell, cells))} |")
    more = len(ordered) - MOST_ROWS
    return "\n".join(rows) + (f"\n\nand {more} more\n" if more > 0 else "\n")


def _is_new(resolution: Resolution) -> bool:
    return resolution.asset is not None and resolution.asset.source in {Source.GENERATED, Source.COLLECTED}


def _describe_outcome(resolution: Resolution) -> str:
    """Return the row's last cell: the page's failure, or the providers that failed before one made the picture."""
    if resolution.failure:
        return resolution.failure.text
    maker = resolution.asset.provider if resolution.asset else ""
    passed = [f"{attempt.provider}: {attempt.result}" for attempt in resolution.attempts if attempt.provider != maker]
    return "; ".join(dict.fromkeys(passed))


def _escape_cell(text: str) -> str:
    """Escape the text for Markdown and HTML, in one line without invisible characters."""
    line = " ".join(replace_unprintable(text, " ").split())
    if len(line) > _CELL_CHARACTERS:
        line = f"{line[: _CELL_CHARACTERS - 1]}…"
    return re.sub(r"[^\w\s.,;/…-]|_", lambda match: f"&#{ord(match[0])};", line)

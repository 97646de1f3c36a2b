"""The summary of a GitHub Actions job: a table of the build's heroes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs_leonardo.spec import Source

if TYPE_CHECKING:
    from mkdocs_leonardo.resolution import Resolution

#: The most rows of the table.
MOST_ROWS = 200
#: The most bytes of a step's summary; GitHub refuses a larger one as a whole ("Workflow commands", 2026).
MOST_BYTES = 1024 * 1024
#: The most characters of a cell. A failure may have the messages of several services.
_CELL_CHARACTERS = 300
_COST_DIGITS = 3

_WORDS = {
    Source.PINNED: "pinned",
    Source.CACHED: "cached",
    Source.GENERATED: "generated",
    Source.RESUMED: "collected, paid for earlier",
    Source.OWN: "own",
    Source.LAST: "its previous hero",
    Source.LOCAL: "painted on this machine",
}


def append_summary(path: Path, resolutions: Sequence[Resolution], *, title: str, totals: str) -> None:
    """Add a table of the heroes to the step's summary; OSError if that cannot be done."""
    if not resolutions:
        return
    head = f"\n### Heroes: {_cell(title)}\n\n{_cell(totals[:1].upper() + totals[1:])}\n"
    room = MOST_BYTES - (path.stat().st_size if path.exists() else 0)
    for text in (f"{head}\n{_table(resolutions)}\n", f"{head}\n"):
        data = text.encode("utf-8", "replace")
        if len(data) <= room:
            with path.open("ab") as file:
                file.write(data)
            return
    raise OSError(f"more than {MOST_BYTES // 1024} KiB would be in it")


def _table(resolutions: Sequence[Resolution]) -> str:
    """Return the table: failures first, then new pictures."""
    ordered = sorted(resolutions, key=lambda one: (not one.failure, not (one.cost_usd or _is_new(one))))
    rows = ["| page | hero | made by | cost | what happened |", "|---|---|---|--:|---|"]
    for one in ordered[:MOST_ROWS]:
        asset = one.asset
        cells = (
            one.hero.page,
            _WORDS[asset.source] if asset else "none",
            asset.provider if asset and asset.source is not Source.OWN else "",
            f"${one.cost_usd:.{_COST_DIGITS}f}" if one.cost_usd else "",
            _story(one),
        )
        rows.append(f"| {' | '.join(map(_cell, cells))} |")
    more = len(ordered) - MOST_ROWS
    return "\n".join(rows) + (f"\n\nand {more} more\n" if more > 0 else "\n")


def _is_new(resolution: Resolution) -> bool:
    return resolution.asset is not None and resolution.asset.source in {Source.GENERATED, Source.RESUMED}


def _story(resolution: Resolution) -> str:
    """Return the row's last cell: the page's failure, or the providers that failed before one made the picture."""
    if resolution.failure:
        return resolution.failure.text
    maker = resolution.asset.provider if resolution.asset else ""
    passed = [f"{attempt.provider}: {attempt.result}" for attempt in resolution.attempts if attempt.provider != maker]
    return "; ".join(dict.fromkeys(passed))


def _cell(text: str) -> str:
    """Escape the text for Markdown and HTML, in one line without invisible characters."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    if len(line) > _CELL_CHARACTERS:
        line = f"{line[: _CELL_CHARACTERS - 1]}…"
    return re.sub(r"[^\w\s.,;/…-]|_", lambda match: f"&#{ord(match[0])};", line)

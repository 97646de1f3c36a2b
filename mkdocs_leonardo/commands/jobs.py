"""`jobs`: lists jobs that are, or may be, paid for, and prompts that are not sent again; gives one up."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mkdocs_leonardo.clock import DAY_S
from mkdocs_leonardo.commands.hero_status import open_runtime, read_open_jobs
from mkdocs_leonardo.commands.site import read_config
from mkdocs_leonardo.commands.terminal import CommandError, Console
from mkdocs_leonardo.report import pluralise
from mkdocs_leonardo.spec import dollars, short_key

if TYPE_CHECKING:
    from mkdocs_leonardo.runtime import Runtime
    from mkdocs_leonardo.spec import JsonValue
    from mkdocs_leonardo.storage.entries import CreateCall, Entry, Refusal

#: The fewest characters of an id that may select a row.
_LEAST_OF_ID = 6
_HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of the table: a job, or with `number` 0 a prompt that is not sent again. `at` is in Unix seconds."""

    id: str
    of: Entry | Refusal
    job_id: str
    at: float
    state: str
    number: int = 0
    cost_usd: float | None = None


def jobs(config_file: str | None, console: Console, *, forget: str | None, yes: bool) -> int:
    """List the jobs, or give up the one with the id `forget` after a question. Opens no connection."""
    settings = read_config(config_file, console).settings
    with open_runtime(settings, console) as runtime:
        lines = tuple(_read_rows(runtime))
        if forget is not None:
            _forget(runtime, _choose(lines, forget), console, yes=yes)
            return 0
        now = time.time()
        if console.for_program:
            console.print_json({"jobs": [_as_json(line, now) for line in lines]})
            return 0
    if not lines:
        console.say("no job is open, and nothing is remembered as refused")
        return 0
    rows = [
        (line.id, line.of.page, line.of.provider, _describe_age(now - line.at), _describe_cost(line), line.state)
        for line in lines
    ]
    console.print_table(rows, heads=("id", "page", "provider", "age", "cost", "state"))
    console.say(pluralise(len(lines), "line", "lines"))
    return 0


def _read_rows(runtime: Runtime) -> Iterator[_Row]:
    for entry in read_open_jobs(runtime).values():
        for call in entry.calls:
            name = call.job_id or f"{short_key(entry.key)}-{call.number}"
            cost_usd = call.cost_usd if call.cost_usd is not None else call.estimate_usd
            yield _Row(name, entry, call.job_id, call.began_at, _describe_state(call), call.number, cost_usd)
    for refusal in runtime.journal.get_refusals().values():
        state = f"{refusal.reason}; not made again" if refusal.is_empty else f"refused: {refusal.reason}"
        yield _Row(short_key(refusal.key), refusal, refusal.job_id, refusal.refused_at, state)


def _describe_state(call: CreateCall) -> str:
    if call.state == "intended":
        return "no answer: may be paid for, looked for by the next build"
    return "paid for; the service does not know it" if call.unknown_since else "paid for, to be collected"


def _choose(lines: Sequence[_Row], name: str) -> _Row:
    """Find the row whose id or key is `name`, or whose id begins with `name`; CommandError unless one row fits."""
    exact = [line for line in lines if name in (line.id, line.of.key)]
    fitting = exact or [line for line in lines if len(name) >= _LEAST_OF_ID and line.id.startswith(name)]
    if len(fitting) == 1:
        return fitting[0]
    ids = ", ".join(line.id for line in (fitting or lines))
    reason = "is the beginning of several" if fitting else "is no job that is open or remembered"
    raise CommandError(f"{name!r} {reason}; choose one of: {ids or 'none is left'}")


def _forget(runtime: Runtime, line: _Row, console: Console, *, yes: bool) -> None:
    if line.number:
        job = f"{line.of.provider}'s job {line.id}, {_describe_age(time.time() - line.at)} old, {_describe_cost(line)}"
        console.say(f"{line.of.page}: {job}: its image is lost, and the next build pays for another one")
    else:
        console.say(f"{line.of.page or short_key(line.of.key)}: {line.state}; the next build may pay for it once more")
    if not console.is_agreed("Give it up?", yes=yes, otherwise="nothing was changed"):
        return
    if line.number:
        runtime.journal.give_up(line.of.key, line.number)
    else:
        runtime.journal.forget_refusal(line.of.key)
    console.say("given up")


def _as_json(line: _Row, now: float) -> JsonValue:
    return {
        "id": line.id,
        "key": short_key(line.of.key),
        "page": line.of.page or None,
        "provider": line.of.provider or None,
        "job_id": line.job_id or None,
        "age_s": round(max(0.0, now - line.at), 1),
        "cost_usd": None if line.cost_usd is None else round(line.cost_usd, 6),
        "state": line.state,
    }


def _describe_cost(line: _Row) -> str:
    return "" if line.cost_usd is None else f"about {dollars(line.cost_usd)}"


def _describe_age(seconds: float) -> str:
    if seconds >= 2 * DAY_S:
        return f"{seconds / DAY_S:.0f} days"
    return f"{seconds / _HOUR_S:.0f} h" if seconds >= 2 * _HOUR_S else f"{max(0.0, seconds) / 60:.0f} min"

"""Mutations: copies of the package with one guard removed, which the simulation must find."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

#: A removed guard must be found within this many histories.
MOST_HISTORIES = 10_000

_ROOT = Path(__file__).parents[2]
_FOUND = re.compile(r"^seed (\d+): (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Mutation:
    """One guard and its replacement. `before` occurs once in the module."""

    guard: str
    module: str
    before: str
    after: str

    def apply(self, package: Path) -> None:
        """Remove the guard from the copy of the package."""
        path = package / self.module
        text = path.read_text(encoding="utf-8")
        if text.count(self.before) != 1:
            raise ValueError(f"{self.guard}: {self.module} holds the text {text.count(self.before)} times, not once")
        path.write_text(text.replace(self.before, self.after), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Found:
    """The number of histories until a removed guard was found, and the violation."""

    histories: int
    message: str


MUTATIONS: Mapping[str, Mutation] = {
    "intent": Mutation(
        "a create call is noted down before it leaves",
        "storage/journal.py",
        "return self._write(replace(entry, calls=(*earlier_calls, intended)))",
        "return replace(entry, calls=(*earlier_calls, intended))",
    ),
    "cap": Mutation(
        "the cap on images holds",
        "acquire/budget.py",
        "if self.new_images + len(hidden) + 1 > self._max_new_images:",
        "if self.new_images + len(hidden) > self._max_new_images:",
    ),
    "money": Mutation(
        "the cap on money holds",
        "acquire/budget.py",
        "spent_usd + estimate_usd <= self._max_cost_usd + _SLACK_USD",
        "spent_usd <= self._max_cost_usd + _SLACK_USD",
    ),
    "unknown": Mutation(
        "a call whose outcome is unknown counts as spent",
        "acquire/create.py",
        "if error.charged is Charged.NO:\n            context.budget.void(reservation)",
        "if error.charged is not Charged.YES:\n            context.budget.void(reservation)",
    ),
    "look": Mutation(
        "the list of jobs is read before a call is sent again",
        "acquire/failover.py",
        "wait_s=RETRY_WAIT_S, look_first=True, forget=False)",
        "wait_s=RETRY_WAIT_S, forget=False)",
    ),
    "lost": Mutation(
        "a lost answer's job is looked for 10 s",
        "acquire/failover.py",
        "SEARCH_S = 10.0",
        "SEARCH_S = 1.0",
    ),
    "wait": Mutation(
        "a call is sent again after 2 s at the soonest",
        "acquire/failover.py",
        "RETRY_WAIT_S = 2.0",
        "RETRY_WAIT_S = 0.5",
    ),
    "retry": Mutation(
        "a call is sent again once",
        "acquire/failover.py",
        "MAX_CALLS = 2",
        "MAX_CALLS = 3",
    ),
    "outage": Mutation(
        "a service that seems to be down gets few calls",
        "acquire/access.py",
        "MOST_PROBES = 2",
        "MOST_PROBES = 20",
    ),
    "unfinished": Mutation(
        "a job that is late is kept",
        "acquire/failover.py",
        "case ServiceFailed() | JobUnfinished():\n            return Decision(Step.NEXT_PROVIDER, forget=False)",
        "case ServiceFailed() | JobUnfinished():\n            return Decision(Step.NEXT_PROVIDER)",
    ),
    "late": Mutation(
        "a late job is collected where another image stands in",
        "lookup.py",
        "can_fetch_again(candidate, damaged) if entry is None else entry.is_due(self._clock.now())",
        "can_fetch_again(candidate, damaged)",
    ),
    "upload": Mutation(
        "one process uploads a reference, and the others wait for it",
        "providers/leonardo/uploads.py",
        "is_free = not isinstance(value, int | float) or not now < value <= now + UPLOAD_TURN_S",
        "is_free = True",
    ),
    "page": Mutation(
        "the list is read until it is past the order",
        "providers/leonardo/listing.py",
        "self.is_enough = self._is_newest_first and (is_past or self.best is not None)",
        "self.is_enough = True",
    ),
}


def histories_until_found(
    mutation: Mutation, folder: Path, *, most: int = MOST_HISTORIES, jobs: int = 1
) -> Found | None:
    """The number of histories that find the mutation in a copy in `folder`; None if `most` do not."""
    shutil.copytree(_ROOT / "mkdocs_leonardo", folder / "mkdocs_leonardo")
    shutil.copytree(_ROOT / "tests" / "simulation", folder / "tests" / "simulation")
    mutation.apply(folder / "mkdocs_leonardo")
    # The folder in which it runs comes first in Python's search for modules.
    played = subprocess.run(
        [sys.executable, "-m", "tests.simulation", str(most), "--stop", "--jobs", str(jobs)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    found = _FOUND.search(played.stdout)
    if found is None and played.returncode:
        raise RuntimeError(played.stderr)
    return Found(int(found[1]) + 1, found[2]) if found else None


def show_mutations(jobs: int) -> int:
    """Print the number of histories for each removed guard; return 1 if one was not found."""
    missed = 0
    for mutation in MUTATIONS.values():
        with tempfile.TemporaryDirectory() as folder:
            found = histories_until_found(mutation, Path(folder), jobs=jobs)
        missed += found is None
        result = f"{found.histories:>6,}: {found.message}" if found else f"not within {MOST_HISTORIES:,}"
        print(f"{mutation.guard:<70} {result}", flush=True)
    return 1 if missed else 0

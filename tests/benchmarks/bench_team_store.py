"""Builds one site on several machines with empty caches and one store, and kills some at random moments.

    python tests/benchmarks/bench_team_store.py [--machines 8] [--pages 50] [--kill 2] [--rounds 1] [--store moto]

Stores are ``moto``, ``rclone``, ``apache`` and ``folder``. After each round, the killed machines build again. Each
round prints its submissions, payments, double payments and seconds. The exit code is 1 if a page has no picture, or if
a picture was paid twice. ``--hold`` shortens the time after which a silent machine counts as dead. Then rounds are
shorter, and more machines lose their leases while they live.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from builds import Site
from kill_harness import LEONARDO_ONLY, kill, pages, running
from services import AnyServices, ServicesProcess
from stores import KINDS, WRITER, TeamStore
from stores import running as running_store

#: The time limit of a round (seconds); a longer one hangs.
ROUND_S = 900.0
#: A build whose leases live and die faster.
_HURRIED = """
import sys
from mkdocs_leonardo.team import leases
factor = float(sys.argv.pop(1)) / leases.TEAM_HOLD_S
for name in ("TEAM_HEARTBEAT_S", "HEARTBEAT_CALL_S", "TEAM_HOLD_S", "LOOK_S"):
    setattr(leases, name, getattr(leases, name) * factor)
from mkdocs.__main__ import cli
cli()
"""


class Machine(Site):
    """A copy of the site with a cache of its own."""

    team: TeamStore
    hold_s: float | None = None

    def environ(self, services: AnyServices | None, environ: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment with the store's credentials and the permission to write."""
        return super().environ(services, {**self.team.environ, **WRITER, **(environ or {})})

    def command(self, *arguments: str) -> list[str]:
        """The command of a build, with shorter times for leases if `hold_s` is given."""
        command = super().command(*arguments)
        if self.hold_s is None:
            return command
        return [command[0], "-c", _HURRIED, str(self.hold_s), *command[3:]]


@dataclass(frozen=True)
class Round:
    """The figures of one round."""

    submitted: int
    paid: int
    paid_twice: int
    unanswered: int
    incomplete: int
    killed: int
    seconds: float
    sources: Counter[str]

    def __str__(self) -> str:
        """The round as one line."""
        sources = ", ".join(f"{number} {name}" for name, number in sorted(self.sources.items()))
        return (
            f"submitted {self.submitted}, paid {self.paid}, twice {self.paid_twice}, incomplete {self.incomplete}, "
            f"killed {self.killed}, answers that were lost {self.unanswered}, {self.seconds:.0f} s ({sources})"
        )


def one_round(machines: list[Machine], services: ServicesProcess, *, kills: int, dice: random.Random) -> Round:
    """Build on all machines at once; kill `kills` of them once a random part of the pages is paid for."""
    number_of_pages = len(machines[0].pages)
    doomed = dice.sample(range(len(machines)), kills)
    began_at, killed = time.monotonic(), 0
    with ExitStack() as stack:
        builds = [stack.enter_context(running(machine, services)) for machine in machines]
        for victim in sorted(doomed, key=lambda _: dice.random()):
            moment = dice.randrange(0, number_of_pages)
            while services.ledger.paid_jobs < moment and builds[victim].poll() is None:
                time.sleep(0.02)
            # What it is doing in that moment is the thing.
            time.sleep(dice.uniform(0, 0.5))
            killed += builds[victim].poll() is None
            kill(builds[victim])
        for place, build in enumerate(builds):
            if place not in doomed:
                build.wait(timeout=ROUND_S)
    seconds = time.monotonic() - began_at
    for victim in doomed:
        machines[victim].build(services)
    ledger = services.ledger
    heroes = [hero for machine in machines for hero in _report(machine)]
    wanted = number_of_pages * len(machines)
    return Round(
        submitted=ledger.creates,
        paid=ledger.paid_jobs,
        paid_twice=len(ledger.paid_twice()),
        unanswered=sum(entry.status == 0 for entry in ledger.requests_to("leonardo", "create")),
        incomplete=wanted - sum(hero["provider"] == "leonardo" for hero in heroes),
        killed=killed,
        seconds=seconds,
        sources=Counter(hero["source"] for hero in heroes),
    )


def _report(machine: Machine) -> list[Mapping[str, str]]:
    try:
        text = (machine.cache / "report.json").read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    heroes: list[Mapping[str, str]] = json.loads(text)["heroes"]
    return heroes


def main() -> int:
    """Print each round and the totals; return 0 if every page was paid for once and is on every machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, default=8)
    parser.add_argument("--pages", type=int, default=50)
    parser.add_argument("--kill", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--store", choices=KINDS, default="moto")
    parser.add_argument("--hold", type=float)
    parser.add_argument("--render", type=float, default=0.5)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    dice, total = random.Random(arguments.seed), Counter[str]()
    with ServicesProcess() as services:
        services.leonardo.render_s = arguments.render
        services.leonardo.latency_s = services.cdn.latency_s = 0.05
        for number in range(arguments.rounds):
            services.clear_ledger()
            with (
                tempfile.TemporaryDirectory() as folder,
                running_store(arguments.store, Path(folder) / "store") as team,
            ):
                machines = []
                for copy in range(arguments.machines):
                    options = {**LEONARDO_ONLY, "max_new_images": 10 * arguments.pages, "shared_store": team.url}
                    machine = Machine(Path(folder) / str(copy), pages=pages(arguments.pages), options=options)
                    machine.team, machine.hold_s = team, arguments.hold
                    machine.configure(services)
                    machines.append(machine)
                result = one_round(machines, services, kills=arguments.kill, dice=dice)
                keep = os.environ.get("KEEP_LOGS")
                if keep and (result.paid_twice or result.incomplete):
                    _keep(machines, Path(keep) / str(number))
            print(f"round {number + 1}: {result}", flush=True)
            total["pages"] += arguments.pages
            total["submitted"] += result.submitted
            total["paid"] += result.paid
            total["paid twice"] += result.paid_twice
            total["killed"] += result.killed
            total["incomplete"] += result.incomplete
    print(", ".join(f"{name}: {number}" for name, number in total.items()))
    return int(total["paid"] != total["pages"] or total["incomplete"] > 0)


def _keep(machines: list[Machine], folder: Path) -> None:
    """Copy the logs of a failed round."""
    for machine in machines:
        for log in machine.folder.glob("log*.txt"):
            (folder / machine.folder.name).mkdir(parents=True, exist_ok=True)
            (folder / machine.folder.name / log.name).write_bytes(log.read_bytes())


if __name__ == "__main__":
    sys.exit(main())

"""Machines whose store fails for a while or for good: they pay for nothing that another may have paid for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from builds import Built
from services import ServicesProcess
from stores import Gate, Outage, TeamStore, gate_to, running
from test_team_builds import Machine, build_at_once, exit_code_of, machines, providers, result_of

PAGES = 4


@dataclass
class GatedTeam:
    """A store behind a gate, and machines with empty caches that build one site."""

    folder: Path
    services: ServicesProcess
    store: TeamStore
    gate: Gate
    number: int = 0
    machines: list[Machine] = field(default_factory=list)

    def machine(self, **options: object) -> Machine:
        """A new machine, which reaches the store through the gate."""
        self.number += 1
        machine = machines(self.folder / str(self.number), self.store, 1, number_of_pages=PAGES)[0]
        machine.options = {**machine.options, "shared_store": self.gate.url, **options}
        return machine

    def build(self, environ: Mapping[str, str] | None = None, **options: object) -> Built:
        """The site built on a new machine."""
        return self.machine(**options).build(self.services, environ=environ)


@pytest.fixture
def team(tmp_path: Path, services_process: ServicesProcess) -> Iterator[GatedTeam]:
    """A team with an empty store."""
    services_process.leonardo.render_s = 0.3
    with running("moto", tmp_path / "store") as store, gate_to(store) as gate:
        yield GatedTeam(tmp_path, services_process, store, gate)


def reads(method: str, path: str) -> bool:
    """Whether the request reads a record or a picture."""
    return method == "GET" and "/pictures/" in path


def is_shared(method: str, path: str) -> bool:
    """Whether the request writes a picture."""
    return method == "PUT" and "/pictures/" in path


class AfterTheFirst:
    """A condition that is true from the second matching request on."""

    def __init__(self) -> None:
        self.seen = 0

    def __call__(self, method: str, path: str) -> bool:
        """Whether the outage starts."""
        self.seen += reads(method, path)
        return self.seen > 1


@pytest.mark.parametrize("status", [0, 429, 503])
def test_store_that_fails_for_seconds_after_its_first_answer_is_waited_for(team: GatedTeam, status: int) -> None:
    """A store that fails for seconds while reading delays a build, and no picture is paid for twice."""
    team.build()
    team.gate.outage = Outage(status, 6.0, starts=AfterTheFirst())

    second = team.build()

    assert team.gate.outage.started_at is not None
    assert team.services.ledger.creates == PAGES, second.log
    assert second.sources == dict.fromkeys(second.sources, "cached")
    assert second.warnings == []


def test_store_that_fails_for_seconds_while_sharing_is_waited_for(team: GatedTeam) -> None:
    """A picture that was paid for while the store failed for seconds is in the store afterwards."""
    team.gate.outage = Outage(503, 6.0, starts=is_shared)
    copies = [team.machine(), team.machine()]

    with build_at_once(copies, team.services) as builds:
        assert [exit_code_of(process) for process in builds] == [0, 0]

    assert team.gate.outage.started_at is not None
    assert team.services.ledger.creates == PAGES, team.services.ledger.totals()
    assert [providers(machine) for machine in copies] == [{"leonardo"}] * 2
    assert len(team.store.names()) == 2 * PAGES
    assert [result_of(machine).warnings for machine in copies] == [[], []]


#: What a store answers for good: to which requests, with which status and body, and what the one warning says of it.
LASTING = {
    "500 on reads": (Outage(500, hits=reads), "it answers 500"),
    "507 on writes": (Outage(507, hits=lambda method, _: method == "PUT"), "507: it is full"),
    "an expired token": (
        Outage(400, body=b"<Error><Code>ExpiredToken</Code><Message>ask x</Message></Error>"),
        "ExpiredToken: the session of these credentials has expired; get new ones",
    ),
    "403 on the check of a lease before a call": (Outage(403, hits=lambda _, path: path.endswith("-000002")), "403"),
}


@pytest.mark.parametrize("fault", LASTING)
def test_store_that_fails_for_good_is_reported_and_nothing_is_paid_twice(team: GatedTeam, fault: str) -> None:
    """With a store that fails for good, pages show placeholders, and one warning names the cause."""
    if fault == "500 on reads":
        team.build()
    team.gate.outage, words = LASTING[fault]
    paid = team.services.ledger.creates

    failing = team.build()

    assert team.services.ledger.creates == paid, failing.log
    assert failing.exit_code == 0
    assert failing.sources == dict.fromkeys(failing.sources, "local")
    assert len(failing.warnings) == 2, failing.log
    assert words in failing.warnings[0]
    assert "the build goes on, and makes nothing that another machine may have paid for" in failing.warnings[0]
    assert "the team's store cannot say whether another machine has paid for it" in failing.warnings[1]
    assert "was suspended" not in failing.log
    assert not failing.has_traceback

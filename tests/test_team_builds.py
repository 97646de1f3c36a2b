"""Builds on machines with nothing in common but a store: each picture is paid for once in all."""

import json
import re
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from builds import BUILD_TIMEOUT_S, Built, Site, page
from fork_server import Process
from kill_harness import LEONARDO_ONLY, kill, lock, pages, running, states, stop, wait_until
from services import AnyServices, Held, MarkedNsfw, NeverFinishes, ServicesProcess
from stores import KINDS, WRITER, BreakableProxy, Kind, TeamStore
from stores import running as running_store

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="stops processes as Linux does")


class Machine(Site):
    """A copy of the site with an empty cache and the permission to write to the store."""

    team: TeamStore
    may_write = True

    def environ(self, services: AnyServices | None, environ: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment with the store's credentials."""
        rights = WRITER if self.may_write else {}
        return super().environ(services, {**self.team.environ, **rights, **(environ or {})})


def machines(
    folder: Path, team: TeamStore, number: int, *, number_of_pages: int, concurrency: int = 10
) -> list[Machine]:
    """Copies of a site, each with a cache of its own."""
    copies = []
    for copy in range(number):
        machine = Machine(
            folder / f"machine{copy}",
            pages=pages(number_of_pages),
            options={**LEONARDO_ONLY, "max_new_images": 100, "shared_store": team.url, "concurrency": concurrency},
        )
        machine.team = team
        copies.append(machine)
    return copies


@contextmanager
def build_at_once(copies: Sequence[Machine], services: AnyServices) -> Iterator[list[Process]]:
    """Run a build on each machine at the same time."""
    for machine in copies:
        machine.configure(services)
    with ExitStack() as stack:
        yield [stack.enter_context(running(machine, services)) for machine in copies]


def exit_code_of(process: Process) -> int:
    """The build's exit code."""
    return process.wait(timeout=BUILD_TIMEOUT_S)


def result_of(machine: Machine) -> Built:
    """The result of the machine's last build, with its log."""
    log = "\n".join(path.read_text(encoding="utf-8") for path in sorted(machine.folder.glob("log*.txt")))
    return Built(0, log, machine.folder)


def providers(machine: Machine) -> set[str]:
    """The providers of the pictures on the machine's pages."""
    return {hero["provider"] for hero in result_of(machine).report["heroes"]}


def leases(team: TeamStore) -> list[str]:
    """The leases that are left in a store with visible files."""
    assert team.folder is not None
    return sorted(str(path.relative_to(team.folder)) for path in (team.folder / "claims").rglob("*") if path.is_file())


def texts(team: TeamStore) -> list[str]:
    """The content of these leases."""
    assert team.folder is not None
    found = []
    for name in leases(team):
        # Deleted between the two looks.
        with suppress(FileNotFoundError):
            found.append((team.folder / name).read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_builds_started_at_once_with_empty_caches_pay_for_each_page_once(
    tmp_path: Path, services_process: ServicesProcess, kind: Kind
) -> None:
    """Simultaneous builds show every picture, pay once for each, and leave only pictures in the store."""
    services_process.leonardo.render_s = 0.3
    with running_store(kind, tmp_path / "store") as team:
        copies = machines(tmp_path, team, 3, number_of_pages=4)
        with build_at_once(copies, services_process) as builds:
            codes = [exit_code_of(process) for process in builds]

        assert codes == [0, 0, 0], [result_of(machine).log for machine in copies]
        assert services_process.ledger.creates == services_process.ledger.paid_jobs == 4, (
            services_process.ledger.totals()
        )
        assert [providers(machine) for machine in copies] == [{"leonardo"}] * 3
        assert len(team.names()) == 2 * 4
        if kind == "folder":
            assert leases(team) == []


@linux_only
def test_machines_that_died_or_slept_are_followed_by_another_that_pays_for_nothing_twice(
    tmp_path: Path, services_process: ServicesProcess
) -> None:
    """A third machine has the pictures of one that died with a job and of one that slept before its call.

    It collects the first one's job. The second one finds, when it wakes up, that its picture was paid for meanwhile.
    """
    services = services_process
    with running_store("folder", tmp_path / "store") as team:
        killed, asleep, third = machines(tmp_path, team, 3, number_of_pages=2)
        for machine, left_out in ((killed, "page1.md"), (asleep, "index.md")):
            (machine.folder / "docs" / left_out).unlink()
            machine.configure(services)
        third.configure(services)
        services.leonardo.on_create(NeverFinishes()).once()
        with running(killed, services) as process:
            wait_until(lambda: states(killed.cache) == ["accepted"])
            wait_until(lambda: any('"accepted"' in text for text in texts(team)))
            kill(process)
        services.leonardo.on_me(Held()).once()
        with running(asleep, services) as sleeper:
            services.wait_until(lambda ledger: len(ledger.requests_to("leonardo", "me")) == 2)
            with lock(asleep.cache / "index"):
                services.release()
                wait_until(lambda: any('"intended"' in text for text in texts(team)))
                stop(sleeper.pid)
            services.finish_jobs()
            with running(third, services) as process:
                assert exit_code_of(process) == 0
            assert services.ledger.creates == 2
            sleeper.send_signal(signal.SIGCONT)
            assert exit_code_of(sleeper) == 0

        assert services.ledger.creates == services.ledger.paid_jobs == 2, services.ledger.totals()
        assert result_of(third).sources == {"index.md": "resumed", "page1.md": "generated"}
        assert result_of(asleep).sources == {"page1.md": "cached"}
        # Each picture has had two owners; nothing is open with the second.
        assert [name.rpartition("-")[2] for name in leases(team)] == ["000001", "000002", "000002.free"] * 2
        assert [json.loads(text)["claim"]["jobs"] for text in texts(team)[1::3]] == [{}, {}]


def test_refusal_that_one_machine_paid_for_is_known_to_the_next(
    tmp_path: Path, services_process: ServicesProcess
) -> None:
    """A withheld picture that one machine paid for is asked for once, and each build says why."""
    services = services_process
    services.leonardo.on_create(MarkedNsfw())
    with running_store("moto", tmp_path / "store") as team:
        first, second = machines(tmp_path, team, 2, number_of_pages=1)
        logs = [machine.build(services).log for machine in (first, second)]
        assert services.ledger.creates == services.ledger.paid_jobs == 1, services.ledger.totals()
        for log in logs:
            assert "index.md" in log
            assert "not safe" in log
            assert "describe another image" in log
        assert [providers(machine) for machine in (first, second)] == [{"local"}] * 2

        # Another prompt is another picture.
        services.forget_rules()
        second.write({"index.md": page("Home", hero_prompt="a harmless harbour")})
        second.build(services)
        assert services.ledger.creates == 2
        assert providers(second) == {"leonardo"}


def test_store_that_is_gone_halfway_costs_no_build_its_pictures(
    tmp_path: Path, services_process: ServicesProcess
) -> None:
    """With `on_store_failure: generate`, builds whose store fails show every picture with one warning each."""
    services = services_process
    services.leonardo.render_s = 0.5
    with running_store("moto", tmp_path / "store") as team:
        copies = machines(tmp_path, team, 2, number_of_pages=4, concurrency=2)
        for machine in copies:
            machine.options = {**machine.options, "on_store_failure": "generate"}
        with build_at_once(copies, services) as builds:
            services.wait_until(lambda ledger: ledger.paid_jobs >= 3, timeout_s=60)
            team.stop()
            codes = [exit_code_of(process) for process in builds]

    assert codes == [0, 0], [result_of(machine).log for machine in copies]
    assert [providers(machine) for machine in copies] == [{"leonardo"}] * 2
    assert 4 <= services.ledger.paid_jobs <= 2 * 4
    for machine in copies:
        assert len(result_of(machine).warnings) == 1, result_of(machine).log
        assert not result_of(machine).has_traceback


def test_line_that_breaks_for_seconds_costs_no_picture_twice(tmp_path: Path, services_process: ServicesProcess) -> None:
    """A machine waits for a store that is unreachable for seconds instead of paying for another's picture."""
    services = services_process
    services.leonardo.render_s = 2.0
    with running_store("moto", tmp_path / "store") as team:
        shaky, steady = machines(tmp_path, team, 2, number_of_pages=8, concurrency=2)
        line = BreakableProxy(int(team.url.rpartition(":")[2].partition("&")[0]))
        shaky.options = {**shaky.options, "shared_store": re.sub(r":\d+", f":{line.port}", team.url)}
        with build_at_once((shaky, steady), services) as builds:
            services.wait_until(lambda ledger: ledger.paid_jobs >= 3, timeout_s=60)
            line.break_off()
            # Until the breaker is open, and while the other machine finishes what it has.
            services.wait_until(lambda ledger: ledger.paid_jobs >= 6, timeout_s=60)
            line.mend()
            codes = [exit_code_of(process) for process in builds]
        line.close()

    assert codes == [0, 0], [result_of(machine).log for machine in (shaky, steady)]
    assert services.ledger.creates == services.ledger.paid_jobs == 8, services.ledger.totals()
    assert [providers(machine) for machine in (shaky, steady)] == [{"leonardo"}] * 2
    assert len(result_of(shaky).warnings) <= 1, result_of(shaky).log
    assert result_of(steady).warnings == []

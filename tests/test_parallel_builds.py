"""Simultaneous builds on one cache, and builds over a broken line: each picture is paid for once."""

import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event

import pytest
from builds import Built, Site, page
from fork_server import Process
from kill_harness import (
    LEONARDO_ONLY,
    all_at_once,
    books,
    build_until_done,
    kill,
    lock,
    pages,
    running,
    states,
    stop,
    wait_until,
)
from services import Answer429, CutAfterRead, Held, NeverFinishes, ServicesProcess

from mkdocs_leonardo.storage.text_store import TextStore

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="stops processes as Linux does")


def sites(folder: Path, number: int, *, number_of_pages: int) -> list[Site]:
    """Copies of one site in folders of their own, on one cache."""
    options = {**LEONARDO_ONLY, "cache_dir": str(folder / "cache")}
    return [Site(folder / f"copy{copy}", pages=pages(number_of_pages), options=options) for copy in range(number)]


def providers_of(site: Site) -> set[str]:
    """The providers of the pictures on the built pages."""
    built = Built(0, "", site.folder)
    return {
        line.partition('data-provider="')[2].partition('"')[0]
        for path in built.site.rglob("index.html")
        for line in path.read_text(encoding="utf-8").splitlines()
        if "data-provider" in line
    }


def has_open(pid: int, path: Path) -> bool:
    """Whether the process has the file open (Linux)."""
    found = Path(f"/proc/{pid}/fd")
    with suppress(OSError):
        return any(descriptor.readlink() == path for descriptor in found.iterdir())
    return False


@contextmanager
def beating(owner: Process, cache: Path) -> Iterator[None]:
    """Renew a process's leases inside the block, so that they do not expire."""
    ended = Event()

    def renew() -> None:
        store = TextStore.open(cache / "journal", durable=False)
        while not ended.wait(0.5):
            with store.transaction():
                for name, lease in store.items("lease:"):
                    assert isinstance(lease, dict)
                    assert isinstance(lease["owner"], dict)
                    if lease["owner"]["pid"] == owner.pid:
                        store.set(name, {**lease, "ticked": time.monotonic()})
        store.close()

    with ThreadPoolExecutor(1) as pool:
        renewing = pool.submit(renew)
        try:
            yield
        finally:
            ended.set()
            renewing.result()


# Simultaneous builds --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [2, 8])
def test_builds_of_copies_of_a_site_on_one_cache_pay_for_each_page_once(
    tmp_path: Path, services_process: ServicesProcess, number: int
) -> None:
    """Simultaneous builds of copies on one cache succeed, show every picture, and pay once."""
    services_process.leonardo.render_s = 0.3
    copies = sites(tmp_path, number, number_of_pages=6)

    codes = all_at_once([(site, ()) for site in copies], services_process)

    assert codes == [0] * number
    assert books(tmp_path / "cache", services_process.ledger, number_of_pages=6).balance
    assert services_process.ledger.creates == services_process.ledger.downloads == 6
    assert [providers_of(site) for site in copies] == [{"leonardo"}] * number
    assert [len(list(site.folder.glob("site/assets/leonardo/*-480.jpg"))) for site in copies] == [6] * number


def test_builds_of_one_folder_into_two_places_pay_for_each_page_once(
    tmp_path: Path, services_process: ServicesProcess
) -> None:
    """`mkdocs build` beside `mkdocs build --site-dir` shares the cache, which has a relative name, and pays once."""
    services_process.leonardo.render_s = 0.3
    site = Site(tmp_path, pages=pages(4), options=LEONARDO_ONLY)

    codes = all_at_once([(site, ()), (site, ("--site-dir", str(tmp_path / "other")))], services_process)

    assert codes == [0, 0]
    assert books(site.cache, services_process.ledger, number_of_pages=4).balance
    ours, others = (
        sorted(path.name for path in tmp_path.glob(f"{place}/assets/leonardo/*")) for place in ("site", "other")
    )
    assert ours == others


@linux_only
def test_build_takes_over_at_once_from_one_that_was_killed(tmp_path: Path, services_process: ServicesProcess) -> None:
    """A second build waits while the first one lives, and collects its jobs as soon as it is dead."""
    services = services_process
    services.leonardo.on_create(NeverFinishes())
    first, second = sites(tmp_path, 2, number_of_pages=2)
    second.configure(services)
    first.configure(services)
    with running(first, services) as holder:
        wait_until(lambda: states(tmp_path / "cache") == ["accepted", "accepted"])
        with running(second, services) as waiter:
            wait_until(lambda: has_open(waiter.pid, tmp_path / "cache/journal/cache.db"))
            with pytest.raises(TimeoutError):
                services.wait_until(lambda ledger: len(ledger.requests_to("leonardo", "me")) > 1, timeout_s=1)
            kill(holder)
            services.finish_jobs()
            with beating(holder, tmp_path / "cache"):
                assert waiter.wait(timeout=60) == 0

    assert services.ledger.downloads == 2
    assert books(tmp_path / "cache", services.ledger, number_of_pages=2).balance
    assert providers_of(second) == {"leonardo"}


@linux_only
def test_build_that_was_stopped_past_its_lease_does_not_submit_when_it_goes_on(
    tmp_path: Path, services_process: ServicesProcess
) -> None:
    """A build that was stopped past its lease drops its create call and shows the other build's picture."""
    services = services_process
    first, second = sites(tmp_path, 2, number_of_pages=1)
    for site in (first, second):
        site.configure(services)
    services.leonardo.on_me(Held()).once()
    with running(first, services) as sleeper:
        services.wait_until(lambda ledger: len(ledger.requests_to("leonardo", "me")) == 1)
        with lock(tmp_path / "cache/index"):
            services.release()
            wait_until(lambda: states(tmp_path / "cache") == ["intended"])
            stop(sleeper.pid)
        with running(second, services) as awake:
            assert awake.wait(timeout=60) == 0
        assert services.ledger.creates == 1
        sleeper.send_signal(signal.SIGCONT)
        assert sleeper.wait(timeout=60) == 0

    assert services.ledger.creates == 1
    assert books(tmp_path / "cache", services.ledger, number_of_pages=1).balance
    assert providers_of(first) == providers_of(second) == {"leonardo"}


# A line that breaks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 3, 5])
def test_builds_over_a_line_that_breaks_at_random_pay_for_each_page_once(
    tmp_path: Path, services_process: ServicesProcess, seed: int
) -> None:
    """Builds pay once if half of the create calls are cut after reading, and a fifth of other connections."""
    services_process.leonardo.on_create(CutAfterRead()).at_random(0.5, seed=seed)
    services_process.random_cuts(0.2, seed=seed)
    options = {**LEONARDO_ONLY, "leonardo": {"timeout": 10}}
    site = Site(tmp_path, pages=pages(6), options=options)

    build_until_done(site, services_process)

    ledger = services_process.ledger
    assert any(entry.status == 0 for entry in ledger.requests_to("leonardo", "create")), "no create call was cut"
    assert books(site.cache, ledger, number_of_pages=6).balance, ledger.totals()


# Limits ---------------------------------------------------------------------------------------------------------------


def api_requests(services: ServicesProcess) -> int:
    """The number of requests to Leonardo's API."""
    return len(services.ledger.requests_to("leonardo"))


def test_requests_per_minute_holds_for_two_builds_together(tmp_path: Path, services_process: ServicesProcess) -> None:
    """Two builds with a limit of twelve requests send twelve together."""
    services = services_process
    services.leonardo.on_create(NeverFinishes())
    copies = sites(tmp_path, 2, number_of_pages=8)
    for site in copies:
        site.configure(services, {"leonardo": {"requests_per_minute": 12}})
    with running(copies[0], services) as one, running(copies[1], services) as other:
        services.wait_until(lambda ledger: len(ledger.requests_to("leonardo")) == 12, timeout_s=40)
        with pytest.raises(TimeoutError):
            services.wait_until(lambda ledger: len(ledger.requests_to("leonardo")) > 12, timeout_s=2)
        assert one.poll() is None
        assert other.poll() is None

    assert services.ledger.worst_sliding_minute == 12


def test_concurrency_bounds_jobs_in_flight(tmp_path: Path, services_process: ServicesProcess) -> None:
    """A build has `concurrency` jobs in flight, and never more."""
    site = Site(tmp_path, pages=pages(9), options={**LEONARDO_ONLY, "concurrency": 3})

    assert site.build_held(services_process, 3).totals["generated"] == 9
    assert services_process.ledger.peak_in_flight == 3


def test_slots_of_the_account_bound_jobs_in_flight(tmp_path: Path, services_process: ServicesProcess) -> None:
    """A build does not submit a job that would queue behind the account's slots."""
    services_process.leonardo.slots = 2
    site = Site(tmp_path, pages=pages(6), options=LEONARDO_ONLY)

    assert site.build_held(services_process, 2).totals["generated"] == 6
    ledger = services_process.ledger
    assert ledger.peak_in_flight == 2
    assert all(job.starts_s == job.created_s for job in ledger.jobs)


def test_rest_after_429_holds_for_the_next_build(tmp_path: Path, services_process: ServicesProcess) -> None:
    """A build that begins within the delay of an earlier 429 sends the provider no request."""
    services_process.leonardo.on_create(Answer429(retry_after_s=60)).once()
    first, second = sites(tmp_path, 2, number_of_pages=1)
    assert first.build(services_process).exit_code == 0
    before = api_requests(services_process)

    assert second.build(services_process).exit_code == 0
    assert api_requests(services_process) == before
    assert providers_of(second) == {"local"}


def test_rest_after_429_holds_for_a_build_that_is_under_way(tmp_path: Path, services_process: ServicesProcess) -> None:
    """A running build sends no create call after another build got a 429."""
    services = services_process
    services.leonardo.on_me(Held()).times(2)
    services.leonardo.on_create(Answer429(retry_after_s=60))
    options = {**LEONARDO_ONLY, "cache_dir": str(tmp_path / "cache")}
    copies = [
        Site(tmp_path / name, pages={"index.md": page(name, hero_prompt=name)}, options=options) for name in ("a", "b")
    ]
    for site in copies:
        site.configure(services)
    with running(copies[0], services) as one, running(copies[1], services) as other:
        services.wait_until(lambda ledger: len(ledger.requests_to("leonardo", "me")) == 2, timeout_s=20)
        stop(other.pid)
        services.release()
        assert one.wait(timeout=60) == 0
        other.send_signal(signal.SIGCONT)
        assert other.wait(timeout=60) == 0

    assert services.ledger.creates == 1

"""Killed builds: the next build collects what was paid for and pays for nothing twice."""

import os
import random
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
from builds import Built, Site, page
from kill_harness import (
    LEONARDO_ONLY,
    SLOW_TO_ENCODE,
    books,
    build_until_done,
    kill,
    kill_at_random,
    lock,
    pages,
    records,
    running,
    states,
    stop,
    unread_bytes,
    wait_until,
)
from services import Held, NeverFinishes, ServicesProcess, SlowBody, shows

from mkdocs_leonardo.acquire.leases import LOCAL_HOLD_S

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="stops processes and looks at them as Linux does")


class Moment(Protocol):
    """A block in which the build of a site is held at one state."""

    def __call__(self, site: Site, services: ServicesProcess) -> AbstractContextManager[None]: ...  # noqa: D102 - a protocol's


@contextmanager
def intended(site: Site, services: ServicesProcess) -> Iterator[None]:
    """The intent is on disk, and the create call cannot leave, since the limiter's database is locked."""
    services.leonardo.on_me(Held()).once()
    services.wait_until(lambda ledger: len(ledger.requests_to("leonardo", "me")) == 1)
    with lock(site.cache / "index"):
        services.release()
        wait_until(lambda: states(site.cache) == ["intended"])
        assert services.ledger.creates == 0
        yield


@contextmanager
def answer_on_its_way(site: Site, services: ServicesProcess) -> Iterator[None]:
    """The service has made and charged the job, and holds the answer."""
    services.leonardo.on_create(Held()).once()
    services.wait_until(lambda ledger: ledger.paid_jobs == 1)
    assert states(site.cache) == ["intended"]
    yield


@contextmanager
def accepted(site: Site, services: ServicesProcess) -> Iterator[None]:
    """The job id is on disk, and no poll can leave, since the limiter's database is locked."""
    services.leonardo.on_create(Held()).once()
    services.wait_until(lambda ledger: ledger.paid_jobs == 1)
    with lock(site.cache / "index"):
        services.release()
        wait_until(lambda: states(site.cache) == ["accepted"])
        assert services.ledger.polls == 0
        yield


@contextmanager
def pending(site: Site, services: ServicesProcess) -> Iterator[None]:
    """The job was polled and is not done."""
    services.leonardo.on_create(NeverFinishes()).once()
    services.wait_until(lambda ledger: any(entry.ended_s for entry in ledger.requests_to("leonardo", "poll")))
    assert states(site.cache) == ["accepted"]
    yield
    services.finish_jobs()


@contextmanager
def complete(site: Site, services: ServicesProcess) -> Iterator[None]:
    """The job is done, and the service holds the first byte of its picture."""
    services.leonardo.on_download(Held()).once()
    services.wait_until(lambda ledger: ledger.downloads == 1)
    assert states(site.cache) == ["accepted"]
    yield


@contextmanager
def downloading(site: Site, services: ServicesProcess) -> Iterator[None]:
    """A part of the picture has arrived."""
    services.leonardo.on_download(SlowBody(60)).once()
    services.wait_until(lambda ledger: any(entry.ended_s for entry in ledger.requests_to("cdn")))
    assert records(site.cache) == []
    yield


@contextmanager
def stored(site: Site, services: ServicesProcess) -> Iterator[None]:
    """The picture is stored, and its entry cannot be closed, since the journal is locked."""
    services.leonardo.on_download(Held()).once()
    services.wait_until(lambda ledger: ledger.downloads == 1)
    with lock(site.cache / "journal"):
        services.release()
        wait_until(lambda: len(records(site.cache)) == 1)
        yield
    assert states(site.cache) == ["accepted"]


@contextmanager
def encoding(site: Site, services: ServicesProcess) -> Iterator[None]:
    """The picture is stored and its entry closed, and its files are being encoded."""
    services.wait_until(lambda ledger: ledger.downloads == 1)
    wait_until(lambda: len(records(site.cache)) == 1 and states(site.cache) == [])
    yield


def kill_at(moment: Moment, site: Site, services: ServicesProcess, options: Mapping[str, Any] | None = None) -> Built:
    """Kill a build at `moment`, build until done, and return the last build."""
    site.configure(services, options)
    with running(site, services) as process, moment(site, services):
        assert process.poll() is None, "the build ended before it could be killed"
        kill(process)
    services.release()
    return build_until_done(site, services)[-1]


@pytest.mark.parametrize(
    ("moment", "source", "options"),
    [
        (intended, "generated", {}),
        (answer_on_its_way, "resumed", {}),
        (accepted, "resumed", {}),
        (pending, "resumed", {}),
        (complete, "resumed", {}),
        (downloading, "resumed", {}),
        (stored, "cached", {}),
        (encoding, "cached", SLOW_TO_ENCODE),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_build_killed_at_a_state_of_the_journal_is_made_good_by_the_next(
    tmp_path: Path, services_process: ServicesProcess, moment: Moment, source: str, options: Mapping[str, Any]
) -> None:
    """After a build killed at any state, the next one collects the one paid job and empties the journal."""
    site = Site(tmp_path, pages=pages(1), options=LEONARDO_ONLY)

    built = kill_at(moment, site, services_process, options)

    assert built.sources == {"index.md": source}
    assert books(site.cache, services_process.ledger, number_of_pages=1).balance, services_process.ledger.totals()
    assert services_process.ledger.creates == 1
    if source == "cached":
        assert services_process.ledger.downloads == 1
    assert built.totals["new_images"] == (1 if source == "generated" else 0)
    pictures = [name for name in built.pictures() if name.endswith("-480.jpg")]
    assert shows(built.asset(pictures[0]), "view number 0")


def test_create_call_that_is_read_after_its_sender_died_is_found(
    tmp_path: Path, services_process: ServicesProcess
) -> None:
    """A call that the service reads after the next build has begun leads to one job, not two."""
    services = services_process
    site = Site(tmp_path, pages=pages(1), options=LEONARDO_ONLY)
    site.configure(services)
    services.leonardo.on_me(Held()).once()
    with running(site, services) as process:
        services.wait_until(lambda ledger: len(ledger.requests_to("leonardo", "me")) == 1)
        with lock(site.cache / "index"):
            # The limiter cannot count the create call, so that it stays where it is until the service is stopped.
            services.release()
            wait_until(lambda: states(site.cache) == ["intended"])
            stop(services.pid)
        try:
            wait_until(lambda: any(unread_bytes(services.leonardo.base_url)))
            kill(process)
            before = len(unread_bytes(services.leonardo.base_url))
            with running(site, services) as after:
                wait_until(lambda: len([size for size in unread_bytes(services.leonardo.base_url) if size]) > 1)
                os.kill(services.pid, signal.SIGCONT)
                assert after.wait(timeout=60) == 0
        finally:
            os.kill(services.pid, signal.SIGCONT)
    assert before

    assert books(site.cache, services.ledger, number_of_pages=1).balance, services.ledger.totals()
    assert services.ledger.creates == 1


@pytest.mark.parametrize("seed", [0, 2, 3])
def test_builds_killed_at_random_moments_pay_for_each_page_once(
    tmp_path: Path, services_process: ServicesProcess, seed: int
) -> None:
    """After four builds killed at random moments, the next build leaves each page paid for once."""
    services = services_process
    services.leonardo.render_s = 0.2
    services.leonardo.latency_s = services.cdn.latency_s = 0.05
    dice = random.Random(seed)
    site = Site(tmp_path, pages=pages(4), options={**LEONARDO_ONLY, "concurrency": 2})
    site.configure(services)
    for _ in range(4):
        kill_at_random(site, services, dice)

    build_until_done(site, services)

    assert books(site.cache, services.ledger, number_of_pages=4).balance, services.ledger.totals()


@pytest.mark.parametrize("how", ["interrupted", "asleep past its lease"])
def test_answer_that_is_the_picture_itself_is_waited_for(
    tmp_path: Path, services_process: ServicesProcess, how: str
) -> None:
    """A build that is cancelled or was suspended stores the answer of a service that keeps no copy."""
    services = services_process
    services.openai.render_s = 2.0
    site = Site(tmp_path, pages={"index.md": page(hero_prompt="a harbour")}, options={"providers": ["openai"]})

    with site.building(services) as process:
        services.wait_until(lambda ledger: ledger.creates == 1, timeout_s=30)
        if how == "interrupted":
            process.send_signal(signal.SIGINT)
        else:
            process.send_signal(signal.SIGSTOP)
            time.sleep(LOCAL_HOLD_S + 1)  # a laptop that is closed for a while
            process.send_signal(signal.SIGCONT)
        log, _ = process.communicate(timeout=60)
    again = site.build(services)

    assert again.sources == {"index.md": "cached"}, log
    assert services.ledger.paid_jobs == 1
    if how == "interrupted":
        assert process.returncode != 0
        assert "waiting for openai, whose answer is paid for" in log
        assert "Traceback" not in log
    else:
        assert "index.md: this build was suspended, or cut off from its store; checking" in log


def test_build_interrupted_twice_gives_the_answer_up_and_says_that_it_is_lost(
    tmp_path: Path, services_process: ServicesProcess
) -> None:
    """A second Ctrl-C ends a build's wait for an answer that is the picture; the log names the service."""
    services = services_process
    services.openai.on_create(Held()).once()
    site = Site(tmp_path, pages={"index.md": page(hero_prompt="a harbour")}, options={"providers": ["openai"]})

    with site.building(services) as process:
        services.wait_until(lambda ledger: ledger.paid_jobs == 1, timeout_s=30)
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        read = iter(process.stdout.readline, "")
        assert any("waiting for openai, whose answer is paid for; Ctrl-C again gives it up" in line for line in read)
        process.send_signal(signal.SIGINT)
        log, _ = process.communicate(timeout=60)
    services.release()

    assert "stopped waiting for openai; an answer still to come is lost and may have been charged" in log
    assert "Traceback" not in log

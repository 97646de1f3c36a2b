"""Request windows, cooldowns and render times, shared by all processes on a cache."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mkdocs_leonardo.spec import JsonValue
from mkdocs_leonardo.storage.limits import (
    LONGEST_COOLDOWN_S,
    WINDOW_S,
    Cooldowns,
    RateLimiter,
    admit,
)
from mkdocs_leonardo.storage.text_store import InMemoryStore, TextStore

NOW = 1_790_000_000.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TextStore]:
    """A store that processes share."""
    store = TextStore.open(tmp_path / "store", durable=False)
    yield store
    store.close()


@pytest.fixture
def closed(tmp_path: Path) -> TextStore:
    """A store that fails at every call."""
    store = TextStore.open(tmp_path / "closed", durable=False)
    store.close()
    return store


# The window -----------------------------------------------------------------------------------------------------------


@given(
    per_minute=st.integers(1, 5),
    steps=st.lists(st.one_of(st.floats(0, 30), st.floats(0, 0.001), st.just(WINDOW_S)), max_size=60),
)
def test_no_minute_has_more_requests_than_allowed(per_minute: int, steps: list[float]) -> None:
    """Every minute has at most `per_minute` requests if callers wait as told."""
    now, times, made = NOW, tuple[float, ...](), list[float]()
    for step in steps:
        now += step
        wait_s, times = admit(times, now, per_minute)
        while wait_s:
            now += wait_s
            wait_s, times = admit(times, now, per_minute)
        made.append(now)

    assert all(later - earlier >= WINDOW_S for earlier, later in zip(made, made[per_minute:], strict=False))
    assert len(times) <= per_minute


@given(
    per_minute=st.integers(1, 4),
    jumps=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20),
)
def test_clock_that_jumps_blocks_for_two_windows_at_most(per_minute: int, jumps: list[float]) -> None:
    """After any jump of the clock, a caller that waits as told passes within two minutes."""
    now, times = NOW, tuple[float, ...]()
    for jump in jumps:
        now += jump
        waited_s = 0.0
        wait_s, times = admit(times, now, per_minute)
        while wait_s:
            waited_s += wait_s
            now += wait_s
            assert waited_s <= 2 * WINDOW_S + 0.01
            wait_s, times = admit(times, now, per_minute)


@given(
    per_minute=st.integers(1, 4),
    skews=st.lists(st.floats(-5, 5), min_size=1, max_size=30),
)
@example(per_minute=2, skews=[0.0] * 20 + [4.0, -3.0])
def test_readings_that_come_late_do_not_open_the_window(per_minute: int, skews: list[float]) -> None:
    """The window counts right if the readings of two processes arrive in the wrong order."""
    times, made = tuple[float, ...](), list[float]()
    for number, skew in enumerate(skews):
        now = NOW + 3 * number + skew
        wait_s, times = admit(times, now, per_minute)
        if not wait_s:
            made.append(now)
    made.sort()

    assert all(later - earlier >= WINDOW_S for earlier, later in zip(made, made[per_minute:], strict=False))


def test_request_that_was_not_counted_has_to_wait() -> None:
    """A request that was not counted waits longer than 0.0, whatever rounding does."""
    time = 4 + 5.3e-15

    wait_s, times = admit((time,), 4 + WINDOW_S, 1)

    assert (wait_s, times) == (0.001, (time,))


def test_window_counts_per_provider_and_tells_how_long_to_wait(store: TextStore) -> None:
    """Each provider has its own window; a third request of two waits until the first is a minute old."""
    window = RateLimiter(store, "leonardo", 2)

    assert [window.reserve(NOW), window.reserve(NOW + 10), window.reserve(NOW + 20)] == [0.0, 0.0, WINDOW_S - 20]
    assert RateLimiter(store, "openai", 2).reserve(NOW + 20) == 0.0
    assert window.reserve(NOW + WINDOW_S) == 0.0
    assert window.reserve(NOW + WINDOW_S + 1) == 9.0


@pytest.mark.parametrize("value", [None, 5, "x", {}, ["a", None, True, [1]], [1e300, -1e300], [NOW + 1e9] * 5], ids=str)
def test_window_that_is_not_ours_blocks_for_a_minute_at_most(store: TextStore, value: JsonValue) -> None:
    """A crafted window blocks for at most a minute."""
    store.set("window:leonardo", value)
    window = RateLimiter(store, "leonardo", 2)

    wait_s = window.reserve(NOW)

    assert wait_s <= WINDOW_S
    assert window.reserve(NOW + wait_s) == 0.0


RESERVE = """
import sys, time
from pathlib import Path
from mkdocs_leonardo.storage.text_store import TextStore
from mkdocs_leonardo.storage.limits import RateLimiter
window = RateLimiter(TextStore.open(Path(sys.argv[1]), durable=False), "leonardo", 150)
print("ready", flush=True)
sys.stdin.readline()
print(sum(window.reserve(time.time()) == 0.0 for _ in range(100)))
"""


def test_window_is_exact_between_processes(tmp_path: Path) -> None:
    """Three processes that want 100 requests each get 150 together."""
    command = [sys.executable, "-c", RESERVE, str(tmp_path / "store")]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[0] for process in processes]

    assert sum(map(int, said)) == 150


def test_window_goes_on_alone_without_its_store(tmp_path: Path, closed: TextStore) -> None:
    """With a failing store, the limit holds for the process, from the last known count."""
    alone = RateLimiter(closed, "leonardo", 1)
    assert [alone.reserve(NOW), alone.reserve(NOW + 1)] == [0.0, WINDOW_S - 1]

    store = TextStore.open(tmp_path / "store", durable=False)
    window = RateLimiter(store, "leonardo", 1)
    assert window.reserve(NOW) == 0.0
    store.close()
    assert window.reserve(NOW + 1) == WINDOW_S - 1


# Cooldowns ------------------------------------------------------------------------------------------------------------


def test_cooldown_is_heard_by_others_and_never_shortened(store: TextStore) -> None:
    """A cooldown holds for every process, and a shorter one does not replace it."""
    Cooldowns(store, lambda: NOW).cool_down("leonardo", NOW + 60)
    cooldowns = Cooldowns(store, lambda: NOW)
    cooldowns.cool_down("leonardo", NOW + 5)

    assert cooldowns.get_end("leonardo") == NOW + 60
    assert cooldowns.get_end("openai") == 0.0


@pytest.mark.parametrize("until", [NOW + 1e9, float("inf"), float("nan")])
def test_cooldown_lasts_an_hour_at_most(store: TextStore, until: float) -> None:
    """A cooldown lasts at most an hour."""
    cooldowns = Cooldowns(store, lambda: NOW)
    cooldowns.cool_down("leonardo", until)

    assert cooldowns.get_end("leonardo") == NOW + LONGEST_COOLDOWN_S


@pytest.mark.parametrize("value", [NOW + 3601, 1e300, "soon", True, [NOW], {}], ids=str)
def test_cooldown_that_was_never_asked_for_is_none(store: TextStore, value: JsonValue) -> None:
    """A crafted cooldown, or one beyond an hour after a clock was put back, is ignored."""
    store.set("rest:leonardo", value)
    cooldowns = Cooldowns(store, lambda: NOW)

    assert cooldowns.get_end("leonardo") == 0.0
    cooldowns.cool_down("leonardo", NOW + 5)
    assert cooldowns.get_end("leonardo") == NOW + 5


def test_cooldowns_go_on_alone_without_their_store(closed: TextStore) -> None:
    """With a failing store, a cooldown holds for the process."""
    cooldowns = Cooldowns(closed, lambda: NOW)
    cooldowns.cool_down("leonardo", NOW + 5)

    assert cooldowns.get_end("leonardo") == NOW + 5


def test_memory_will_do_as_a_store() -> None:
    """Windows and cooldowns work with a store in memory."""
    store = InMemoryStore()

    assert RateLimiter(store, "p", 1).reserve(NOW) == 0.0
    assert RateLimiter(store, "p", 1).reserve(NOW) == WINDOW_S

"""The journal: paid jobs are remembered until they are collected, and one process at a time works on a key."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mkdocs_leonardo.errors import JobAccepted, LeaseTakenOver
from mkdocs_leonardo.spec import JsonValue, Submission
from mkdocs_leonardo.storage.entries import CLOSED_S, GIVE_UP_S, CreateCall, Entry, Refusal
from mkdocs_leonardo.storage.journal import Journal, copy_rows
from mkdocs_leonardo.storage.process_leases import LEASE_S, Owner
from mkdocs_leonardo.storage.text_store import InMemoryStore, TextStore

KEY = "5" * 64
REQUEST: dict[str, JsonValue] = {"prompt": "a lighthouse", "seed": None}
TIMES: dict[str, JsonValue] = dict.fromkeys(
    ("estimate_usd", "sent_at", "ended_at", "accepted_at", "asked_at", "vain_since", "unknown_since"), 0.0
)
HERE = Owner.of_this_process()
ELSEWHERE = Owner(id="other", machine="another machine", pid=1)


class Time:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 1_790_000_000.0

    def __call__(self) -> float:
        """Unix seconds."""
        return self.now_s


@pytest.fixture
def time() -> Time:
    """The clock of every journal of a test."""
    return Time()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TextStore]:
    """A durable store, as journals have."""
    store = TextStore.open(tmp_path / "store", durable=True)
    yield store
    store.close()


@pytest.fixture
def journal(store: TextStore, time: Time) -> Journal:
    """The journal of this process."""
    return Journal(store, HERE, time, stopwatch=time)


def intend(
    journal: Journal, key: str = KEY, *, lease: str = "", seed: Callable[[int], int | None] = lambda _: None
) -> Entry:
    """An intent like the pipeline's."""
    entry = Entry(key, "leonardo", "phoenix", "a.md", calls=(), request=REQUEST)
    return journal.record_call(entry, estimate_usd=0.01, lease=lease, seed=seed)


def submission(job_id: str = "job-1") -> Submission:
    """An accepted job."""
    return Submission("leonardo", "phoenix", job_id, accepted_at=1_790_000_007.0, cost_usd=0.0125)


# Jobs -----------------------------------------------------------------------------------------------------------------


def test_intent_is_there_for_the_next_process(tmp_path: Path, store: TextStore, journal: Journal, time: Time) -> None:
    """An intent, with everything needed to find its job, is on disk before the request."""
    entry = intend(journal)

    sent = CreateCall(1, estimate_usd=0.01, sent_at=1_790_000_000.0)
    assert entry == Entry(KEY, "leonardo", "phoenix", "a.md", (sent,), REQUEST)
    other = TextStore.open(tmp_path / "store", durable=True)
    assert Journal(other, ELSEWHERE, time).get_entries() == {KEY: entry}
    other.close()
    assert journal.get_entry(KEY) == entry
    assert store.set_aside_note is None


def test_each_create_call_has_a_number_a_time_and_a_seed_of_its_own(journal: Journal, time: Time) -> None:
    """Calls for one picture have different numbers, times and seeds, and numbers continue after settled calls."""
    first = intend(journal)
    time.now_s += 5

    second = intend(journal, seed=lambda number: 40 + number)

    sent = CreateCall(2, seed=42, estimate_usd=0.01, sent_at=1_790_000_005.0)
    assert second == replace(first, calls=(*first.calls, sent))
    assert journal.delete_call(KEY, 1) == replace(second, calls=(sent,))
    journal.accept(KEY, submission())
    journal.delete_job(KEY, "job-1")
    assert [one.number for one in intend(journal).calls] == [3]


def test_number_of_a_call_is_never_used_again_whatever_was_deleted_first(journal: Journal) -> None:
    """A later call continues after the highest number, also if that call was deleted before an earlier one."""
    intend(journal)
    intend(journal)
    journal.accept(KEY, submission(), 1)
    journal.delete_call(KEY, 2)
    journal.delete_job(KEY, "job-1")

    assert [call.number for call in intend(journal).calls] == [3]


def test_number_of_a_call_is_the_higher_one_after_a_move(time: Time) -> None:
    """A journal that is moved into another one keeps the higher number of each picture's calls."""
    source, target = InMemoryStore(), InMemoryStore()
    for store, count in ((source, 3), (target, 1)):
        journal = Journal(store, HERE, time, stopwatch=time)
        for _ in range(count):
            intend(journal)
        journal.delete_call(KEY)

    copy_rows(source, target)

    assert [call.number for call in intend(Journal(target, HERE, time, stopwatch=time)).calls] == [4]


def test_job_belongs_to_the_call_that_made_it(journal: Journal, time: Time) -> None:
    """Jobs of two open calls are closed by their own ids."""
    intend(journal)
    intend(journal)
    journal.accept(KEY, submission("second"))
    time.now_s += 60
    journal.accept(KEY, submission("first"), 1)

    entry = journal.get_entry(KEY)

    assert entry is not None
    assert [(one.number, one.state, one.job_id) for one in entry.calls] == [
        (1, "accepted", "first"),
        (2, "accepted", "second"),
    ]
    left = journal.delete_job(KEY, "second")
    assert left is not None
    assert [one.job_id for one in left.calls] == ["first"]
    assert journal.delete_job(KEY, "first") is None
    assert journal.get_known_job_ids("leonardo") == {"first", "second"}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"state": "intended", "creates": 2}, CreateCall(2, estimate_usd=0.01, sent_at=5.0)),
        (
            {"state": "accepted", "creates": 1, "job_id": "job-1", "accepted_at": 7.0, "cost_usd": 0.02},
            CreateCall(1, "accepted", None, 0.01, 5.0, job_id="job-1", accepted_at=7.0, cost_usd=0.02),
        ),
    ],
)
def test_entry_of_an_earlier_version_is_one_call_without_a_seed(
    store: TextStore, journal: Journal, row: dict[str, JsonValue], expected: CreateCall
) -> None:
    """An entry of an earlier version is read as one call without a seed."""
    common: dict[str, JsonValue] = {"key": KEY, "provider": "leonardo", "model": "phoenix", "page": "a.md"}
    numbers: dict[str, JsonValue] = {"estimate_usd": 0.01, "intended_at": 5.0, "accepted_at": 0.0, "cost_usd": None}
    store.set(f"job:{KEY}", {**common, **numbers, "job_id": "", "request": {**REQUEST}, **row})

    entry = journal.get_entry(KEY)

    assert entry == Entry(KEY, "leonardo", "phoenix", "a.md", (expected,), REQUEST)


def test_row_can_be_read_by_earlier_versions(store: TextStore, journal: Journal) -> None:
    """Earlier versions find their fields in a row."""
    intend(journal)
    intend(journal)
    journal.accept(KEY, submission())

    row: Any = store.get(f"job:{KEY}")

    assert (row["state"], row["job_id"], row["creates"]) == ("accepted", "job-1", 2)
    assert (row["intended_at"], row["accepted_at"]) == (1_790_000_000.0, 1_790_000_007.0)


def test_job_that_was_asked_for_in_vain_is_due_at_growing_intervals(journal: Journal, time: Time) -> None:
    """A pending job is due at once, after a minute, and later at intervals that grow with its age."""
    intend(journal)
    journal.accept(KEY, submission())
    waited = []
    for age_s in (20.0, 600.0, 86_400.0):
        time.now_s = 1_790_000_007.0 + age_s
        asked = journal.note_asked(KEY, 1, is_unknown=False)
        assert asked is not None
        waited.append(next(seconds for seconds in range(100_000) if asked.is_due(time.now_s + seconds)))
        assert asked.is_due(time.now_s - 2 * 3600)

    assert waited == [60, 300, 43_200]


def test_old_job_is_given_up_when_it_was_asked_for_twice_in_vain(journal: Journal, time: Time) -> None:
    """An old job is given up after two polls hours apart."""
    intend(journal)
    journal.accept(KEY, submission())
    time.now_s += 32 * 86_400.0
    once = journal.note_asked(KEY, 1, is_unknown=False)
    assert once is not None
    is_over_at_once, is_due_at_once = once.is_over(time.now_s), once.is_due(time.now_s + 3600)
    time.now_s += 8 * 3600.0
    is_due_later = once.is_due(time.now_s)
    twice = journal.note_asked(KEY, 1, is_unknown=False)

    assert (is_over_at_once, is_due_at_once, is_due_later) == (False, False, True)
    assert twice is not None
    assert twice.is_over(time.now_s)


def test_accepted_job_is_remembered_with_its_request(journal: Journal, time: Time) -> None:
    """The entry of an accepted job has all that `fetch` and the picture's record need."""
    first = intend(journal)
    time.now_s += 7

    entry = journal.accept(KEY, submission())

    (sent,) = first.calls
    accepted = replace(sent, state="accepted", job_id="job-1", accepted_at=1_790_000_007.0, cost_usd=0.0125)
    assert entry == replace(first, calls=(accepted,))
    assert journal.get_entry(KEY) == entry


def test_intent_over_an_accepted_job_is_not_written(journal: Journal) -> None:
    """An intent over an accepted job raises JobAccepted, and the job stays."""
    intend(journal)
    accepted = journal.accept(KEY, submission())

    with pytest.raises(JobAccepted):
        intend(journal)
    assert journal.get_entry(KEY) == accepted


def test_accepted_job_without_an_intent_is_kept(journal: Journal) -> None:
    """An accepted job without an intent, as after a deleted journal, is stored."""
    journal.accept(KEY, submission())

    entry = journal.get_entry(KEY)

    assert entry is not None
    assert entry.get_due_jobs(0.0) == (replace(submission(), cost_usd=0.0125),)
    assert entry.calls[0].sent_at == 1_790_000_007.0


def test_job_without_id_or_cost_is_kept(journal: Journal) -> None:
    """A job without an id or with a senseless cost is stored."""
    intend(journal)
    journal.accept(KEY, Submission("openai", "gpt-image-2", "", accepted_at=1.0, cost_usd=-3.0))

    entry = journal.get_entry(KEY)

    assert entry is not None
    assert [(one.state, one.job_id, one.cost_usd) for one in entry.calls] == [("accepted", "", None)]


def test_withdrawn_intent_is_gone_and_an_accepted_job_is_not(journal: Journal) -> None:
    """Withdrawing removes an intent, but not an accepted job."""
    intend(journal)
    intend(journal)
    journal.delete_call(KEY)
    assert journal.get_entries() == {}

    accepted = journal.accept(KEY, submission())
    journal.delete_call(KEY)
    journal.delete_call("0" * 64)
    assert journal.get_entries() == {KEY: accepted}


def test_job_ids_are_known_while_open_and_for_a_day_after(journal: Journal, time: Time) -> None:
    """The id of a job is known while its entry is open and for a day afterwards."""
    journal.accept(KEY, submission("open"))
    journal.accept("6" * 64, submission("closed"))
    journal.accept("7" * 64, Submission("openai", "gpt-image-2", "theirs", accepted_at=1.0))
    journal.delete_job("6" * 64)
    journal.delete_job("8" * 64)

    assert journal.get_known_job_ids("leonardo") == {"open", "closed"}
    assert journal.get_known_job_ids("openai") == {"theirs"}
    time.now_s += CLOSED_S + 1
    assert journal.get_known_job_ids("leonardo") == {"open"}
    assert set(journal.get_entries()) == {KEY, "7" * 64}


def test_job_that_was_collected_is_known_for_as_long_as_a_lost_one_is_looked_for(journal: Journal, time: Time) -> None:
    """The id of a collected job is known for as long as a lost call with its seed is looked for."""
    journal.accept(KEY, submission("closed"))
    journal.delete_job(KEY)

    time.now_s += GIVE_UP_S + 86_400

    assert journal.get_known_job_ids("leonardo") == {"closed"}


def test_job_that_another_replaced_is_still_known(journal: Journal) -> None:
    """The id of a job that a second create call replaced is still known."""
    journal.accept(KEY, submission("first"))
    journal.accept(KEY, submission("second"))

    assert journal.get_known_job_ids("leonardo") == {"first", "second"}


def test_job_id_may_be_any_text(journal: Journal) -> None:
    """A job id may be any text."""
    journal.accept(KEY, submission("a:b/../\udcff" + "x" * 3000))
    journal.delete_job(KEY)

    assert journal.get_known_job_ids("leonardo") == {"a:b/../\udcff" + "x" * 3000}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("key", "6" * 64),
        ("provider", None),
        ("model", 5),
        ("page", []),
        ("request", "x"),
        ("tries", []),
        ("tries", {}),
        ("tries", [1]),
        *(
            ("tries", [{"number": 1, "state": "sent", "seed": None, "job_id": "", **TIMES, name: value}])
            for name, value in (
                ("number", "1"),
                ("state", "paid"),
                ("seed", 0.5),
                ("sent_at", "now"),
                ("accepted_at", -1),
                ("job_id", {}),
                ("job_id", "x" * 5000),
            )
        ),
    ],
)
def test_entry_that_is_not_ours_is_none(store: TextStore, journal: Journal, name: str, value: JsonValue) -> None:
    """A crafted row is no entry, and hides no other."""
    kept = intend(journal, "6" * 64)
    intend(journal)
    row: Any = store.get(f"job:{KEY}")
    store.set(f"job:{KEY}", {**row, name: value})

    assert journal.get_entry(KEY) is None
    assert journal.get_entries() == {"6" * 64: kept}


def test_rows_of_another_shape_are_passed_over(store: TextStore, journal: Journal) -> None:
    """Lists and numbers in rows are misses."""
    for name in ("job:", "closed:", "lease:", "refused:", "last:"):
        store.set(name + KEY, [1])

    assert (journal.get_entry(KEY), journal.get_entries(), journal.get_known_job_ids("leonardo")) == (
        None,
        {},
        frozenset(),
    )
    assert (journal.get_lease_holder(KEY), journal.get_refusal(KEY), journal.get_last_hero("a.md")) == (
        None,
        None,
        None,
    )
    assert journal.acquire_lease(KEY)


def test_refusal_is_remembered(journal: Journal) -> None:
    """A refusal is stored, with a long reason shortened."""
    assert journal.get_refusal(KEY) is None
    journal.refuse(Refusal(KEY, "the content check said no " + "x" * 10_000))

    refusal = journal.get_refusal(KEY)

    assert refusal is not None
    assert refusal.reason.startswith("the content check said no x")


def test_last_hero_is_remembered_by_page(journal: Journal) -> None:
    """Each page has its own last hero, with any bytes in its name."""
    journal.remember_hero("a.md", KEY)
    journal.remember_hero("a.md", "6" * 64)
    journal.remember_hero("\udcff.md", KEY)

    assert journal.get_last_hero("a.md") == "6" * 64
    assert journal.get_last_hero("\udcff.md") == KEY
    assert journal.get_last_hero("b.md") is None


def test_last_hero_is_the_sites_own_and_an_earlier_versions_until_there_is_one(store: TextStore, time: Time) -> None:
    """Last heroes belong to a configuration; one of an earlier version serves each until it has its own."""
    Journal(store, HERE, time).remember_hero("index.md", KEY)
    other = "6" * 64
    english, german = (Journal(store, HERE, time, site) for site in ("mkdocs.en.yml", "mkdocs.de.yml"))
    assert english.get_last_hero("index.md") == german.get_last_hero("index.md") == KEY
    assert english.get_last_heroes() == {}

    english.remember_hero("index.md", KEY)
    assert (english.get_last_hero("index.md"), german.get_last_hero("index.md")) == (KEY, None)
    german.remember_hero("index.md", other)
    assert (english.get_last_hero("index.md"), german.get_last_hero("index.md")) == (KEY, other)
    assert english.get_last_heroes() == {"index.md": KEY}
    assert english.get_heroes_by_config() == {"mkdocs.en.yml": {KEY}, "mkdocs.de.yml": {other}}


def test_journal_in_memory_is_the_same(time: Time) -> None:
    """A journal in memory works like one on disk."""
    journal = Journal(InMemoryStore(), HERE, time)
    intend(journal)
    accepted = journal.accept(KEY, submission())

    assert journal.get_entries() == {KEY: accepted}
    assert journal.acquire_lease(KEY)


# Leases ---------------------------------------------------------------------------------------------------------------


def living(store: TextStore, time: Time, ident: str = "neighbour") -> Journal:
    """Another journal in this living process."""
    return Journal(store, replace(HERE, id=ident), time, stopwatch=time)


def test_key_is_claimed_by_one_owner(store: TextStore, journal: Journal, time: Time) -> None:
    """A key has one owner, who may claim it again; other keys are free."""
    neighbour = living(store, time)

    assert journal.acquire_lease(KEY)
    assert journal.acquire_lease(KEY)
    assert not neighbour.acquire_lease(KEY)
    assert neighbour.acquire_lease("6" * 64)
    assert journal.get_lease_holder(KEY) == HERE
    assert neighbour.get_lease_holder(KEY) == HERE
    assert journal.heartbeat() == {KEY}
    assert neighbour.heartbeat() == {"6" * 64}


def test_intent_under_the_lease_of_another_owner_is_not_written(store: TextStore, journal: Journal, time: Time) -> None:
    """An intent under another owner's lease raises LeaseTakenOver, even over that owner's accepted job."""
    neighbour = living(store, time)
    neighbour.acquire_lease(KEY)
    with pytest.raises(LeaseTakenOver):
        intend(journal, lease=KEY)
    assert journal.get_entry(KEY) is None

    intend(neighbour, lease=KEY)
    accepted = neighbour.accept(KEY, submission())
    with pytest.raises(LeaseTakenOver):
        intend(journal, lease=KEY)
    assert journal.get_entry(KEY) == accepted


def test_released_key_is_free_and_only_its_holder_releases(store: TextStore, journal: Journal, time: Time) -> None:
    """A key is free after its owner releases it; a release by another owner has no effect."""
    neighbour = living(store, time)
    journal.acquire_lease(KEY)

    neighbour.release_lease(KEY)
    assert not neighbour.acquire_lease(KEY)

    journal.release_lease(KEY)
    assert journal.get_lease_holder(KEY) is None
    assert journal.heartbeat() == frozenset()
    assert neighbour.acquire_lease(KEY)


def test_silent_holder_loses_its_lease_and_beats_keep_it(store: TextStore, journal: Journal, time: Time) -> None:
    """Beats keep a lease; an owner that lost it learns so before it pays, and does not regain it."""
    neighbour = living(store, time)
    journal.acquire_lease(KEY)
    for _ in range(10):
        time.now_s += LEASE_S - 1
        journal.heartbeat()
        assert not neighbour.acquire_lease(KEY)
    time.now_s += LEASE_S + 1

    assert neighbour.acquire_lease(KEY)
    assert journal.heartbeat() == frozenset()
    assert journal.get_lease_holder(KEY) == replace(HERE, id="neighbour")
    journal.release_lease(KEY)
    assert neighbour.heartbeat() == {KEY}


def test_intent_renews_the_lease(store: TextStore, journal: Journal, time: Time) -> None:
    """An intent renews the lease of its key."""
    journal.acquire_lease(KEY)
    time.now_s += LEASE_S + 1

    intend(journal, lease=KEY)
    assert not living(store, time).acquire_lease(KEY)


def test_clock_put_back_makes_no_lease_immortal(store: TextStore, journal: Journal, time: Time) -> None:
    """A lease whose last beat is in the future is free, until its owner's next beat."""
    journal.acquire_lease(KEY)
    journal.acquire_lease("6" * 64)
    time.now_s -= 86_400
    neighbour = living(store, time)

    assert neighbour.acquire_lease(KEY)
    journal.heartbeat()
    assert not neighbour.acquire_lease("6" * 64)


@pytest.mark.parametrize("by_s", [3600, -3600])
def test_clock_that_is_set_takes_no_lease_from_a_living_process(
    store: TextStore, journal: Journal, time: Time, by_s: int
) -> None:
    """Setting the clock takes no lease from a living process on the machine."""
    journal.acquire_lease(KEY)
    late = Journal(store, replace(HERE, id="late"), lambda: time() + by_s, stopwatch=time)

    assert not late.acquire_lease(KEY)
    time.now_s += LEASE_S + 1
    assert late.acquire_lease(KEY)


def test_holder_on_another_machine_is_not_judged_by_its_process_id(store: TextStore, time: Time) -> None:
    """The process id of another machine's owner is ignored."""
    for pid in (1, 2**22 + 1):
        key = f"{pid:064x}"
        Journal(store, replace(ELSEWHERE, pid=pid), time, stopwatch=time).acquire_lease(key)
        journal = Journal(store, HERE, time, stopwatch=time)

        assert not journal.acquire_lease(key)
        time.now_s += LEASE_S + 1
        assert journal.acquire_lease(key)


def test_holder_whose_process_id_was_given_away_is_dead(store: TextStore, journal: Journal, time: Time) -> None:
    """An owner is dead if its process id belongs to a process with another start time."""
    if not HERE.started:
        pytest.skip("this system does not tell when a process started")
    Journal(store, replace(HERE, id="before", started="1"), time, stopwatch=time).acquire_lease(KEY)

    assert journal.acquire_lease(KEY)


@pytest.mark.parametrize("pid", [0, -1, 2**70])
def test_nonsense_process_id_is_no_proof_of_death(store: TextStore, journal: Journal, time: Time, pid: int) -> None:
    """A senseless process id neither raises nor frees a lease."""
    Journal(store, replace(HERE, id="odd", pid=pid), time, stopwatch=time).acquire_lease(KEY)

    assert not journal.acquire_lease(KEY)
    time.now_s += LEASE_S + 1
    assert journal.acquire_lease(KEY)


HOLD = """
import sys, time
from pathlib import Path
from mkdocs_leonardo.storage.text_store import TextStore
from mkdocs_leonardo.storage.journal import Journal
from mkdocs_leonardo.storage.process_leases import Owner
journal = Journal(TextStore.open(Path(sys.argv[1]), durable=True), Owner.of_this_process(), lambda: 1_790_000_000.0)
print(journal.acquire_lease("5" * 64), flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.parametrize("is_reaped", [True, False])
def test_lease_of_a_killed_process_is_free_at_once(
    tmp_path: Path, store: TextStore, time: Time, *, is_reaped: bool
) -> None:
    """The lease of a killed process is free at once, also before its parent has noticed."""
    journal = Journal(store, HERE, time)
    command = [sys.executable, "-c", HOLD, str(tmp_path / "store")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        assert not journal.acquire_lease(KEY)
        holder.send_signal(signal.SIGKILL)
        if is_reaped:
            holder.wait(timeout=60)
        elif Path("/proc/self/stat").exists():
            os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)
        else:
            pytest.skip("this system does not tell a zombie")

        assert journal.acquire_lease(KEY)


RACE = """
import sys, time
from pathlib import Path
from mkdocs_leonardo.storage.text_store import TextStore
from mkdocs_leonardo.storage.journal import Journal
from mkdocs_leonardo.storage.process_leases import Owner
journal = Journal(TextStore.open(Path(sys.argv[1]), durable=False), Owner.of_this_process(), time.time)
print("ready", flush=True)
sys.stdin.readline()
print(*[number for number in range(60) if journal.acquire_lease(f"{number:064x}")], flush=True)
sys.stdin.readline()
"""


def test_processes_that_claim_the_same_keys_win_each_once(tmp_path: Path) -> None:
    """Of several processes that claim a key, exactly one gets it, in every round."""
    command = [sys.executable, "-c", RACE, str(tmp_path / "store")]
    racers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    won: list[int] = []
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    for racer in racers:
        assert racer.stdout is not None
        won += map(int, racer.stdout.readline().split())
    for racer in racers:
        racer.communicate(timeout=60)

    assert sorted(won) == list(range(60))

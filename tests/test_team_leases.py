"""Leases of runners that share an object store and nothing else: each picture is made once."""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from stores import in_loop, running

from mkdocs_leonardo.errors import CallUnpublished, LeaseTakenOver
from mkdocs_leonardo.storage.entries import CLOCKS_APART_S, CreateCall, Entry
from mkdocs_leonardo.team.address import StoreAddress
from mkdocs_leonardo.team.leases import (
    MOST_UNFINISHED,
    MOST_WAIT_S,
    TEAM_HOLD_S,
    TeamLease,
    TeamLeases,
)
from mkdocs_leonardo.team.object_store import ObjectStore, ObjectVersion

pytestmark = pytest.mark.anyio

LEASE_NAME = "a" * 64
KEY = "5" * 64
OTHER_KEY = "6" * 64
NOW = 1_790_000_000.0
#: A second of these tests in real seconds.
SECOND_S = 0.01
SENT = CreateCall(1, sent_at=NOW)
INTENT = Entry(key=KEY, provider="leonardo", model="phoenix", page="a.md", calls=(SENT,))
ACCEPTED = replace(INTENT, calls=(replace(SENT, state="accepted", job_id="job-1", accepted_at=NOW),))


class Stopping(ObjectStore):
    """A store that can be cut off, or hold a runner at its next call."""

    is_cut = False
    failed = lose_answers = 0

    def __init__(self, folder: Path, told: list[str]) -> None:
        super().__init__(
            StoreAddress.parse(f"file://{folder}"),
            {},
            notify=lambda _, message: told.append(message),
            sleep=lambda seconds: anyio.sleep(seconds * SECOND_S),
            monotonic=lambda: time.monotonic() / SECOND_S,
        )
        self.calls: list[str] = []
        self.before_replace: list[Callable[[], Any]] = []
        self.after_delete: list[Callable[[], Any]] = []

    def _pass(self, what: str) -> None:
        if self.is_cut:
            self.failed += 1
            raise OSError("HTTP error: the line is cut")
        self.calls.append(what)

    async def _get(self, name: str, max_bytes: int) -> bytes | None:
        self._pass("get")
        return await super()._get(name, max_bytes)

    async def _create(self, name: str, data: bytes) -> bool:
        self._pass("create")
        is_made = await super()._create(name, data)
        if self.lose_answers:
            self.lose_answers -= 1
            raise OSError("HTTP error: the answer is lost")
        return is_made

    async def _replace(self, name: str, data: bytes) -> None:
        self._pass("replace")
        for step in [self.before_replace.pop() for _ in self.before_replace]:
            await step()
        await super()._replace(name, data)

    async def _delete(self, name: str) -> None:
        self._pass("delete")
        await super()._delete(name)
        for step in [self.after_delete.pop() for _ in self.after_delete]:
            await step()

    async def _list(self, folder: str) -> dict[str, ObjectVersion]:
        self._pass("list")
        return await super()._list(folder)


class Team:
    """Runners on one folder, in a time that runs a hundred times as fast."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told: list[str] = []

    def runner(
        self, *, ahead_s: float = 0.0, secret: str = "", store: Stopping | None = None, timeout_s: float = MOST_WAIT_S
    ) -> TeamLeases:
        """A runner whose clock is ahead by so much."""
        return TeamLeases(
            store or self.store(),
            now=lambda: NOW + ahead_s,
            sleep=lambda seconds: anyio.sleep(seconds * SECOND_S),
            monotonic=lambda: (time.monotonic() + ahead_s) / SECOND_S,
            secret=secret.encode() or None,
            timeout_s=timeout_s,
        )

    def store(self) -> Stopping:
        """One runner's client of the folder."""
        return Stopping(self.folder, self.told)

    @property
    def objects(self) -> list[str]:
        """The numbers of the picture's leases in the store."""
        return sorted(path.name.rpartition("-")[2] for path in (self.folder / "claims").glob(f"{LEASE_NAME}-*"))

    def content(self, number: int) -> dict[str, Any]:
        """The content of one lease."""
        path = self.folder / "claims" / f"{LEASE_NAME}-{number:06}"
        lease: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["claim"]
        return lease


@pytest.fixture
def team(tmp_path: Path) -> Team:
    """Runners on a new folder."""
    (tmp_path / "store").mkdir()
    return Team(tmp_path / "store")


async def take(runner: TeamLeases) -> TeamLease:
    """The lease of a runner that gets it at once."""
    lease = await runner.acquire(LEASE_NAME, {KEY})
    assert lease is not None
    return lease


async def take_over(runner: TeamLeases) -> TeamLease:
    """The lease that a runner gets after a wait."""
    while (lease := await runner.acquire(LEASE_NAME, {KEY})) is None:
        assert await runner.wait(LEASE_NAME)
    return lease


# One at a time --------------------------------------------------------------------------------------------------------


async def test_lease_taken_keeps_every_other_runner_out(team: Team) -> None:
    """Of eight runners that claim a picture at the same moment, one gets the lease."""
    got: list[TeamLease | None] = []

    async def ask(runner: TeamLeases) -> None:
        got.append(await runner.acquire(LEASE_NAME, {KEY}))

    async with anyio.create_task_group() as group:
        for _ in range(8):
            group.start_soon(ask, team.runner())

    assert sum(lease is not None for lease in got) == 1


async def test_lease_of_a_new_picture_costs_one_create_call(team: Team) -> None:
    """The claim of a new picture costs one request, without a list or a read."""
    store = team.store()

    await take(team.runner(store=store))

    assert store.calls == ["create"]


async def test_lease_released_with_nothing_open_leaves_nothing(team: Team) -> None:
    """A lease that is released without an open job leaves no object."""
    lease = await take(team.runner())
    await lease.record_call(INTENT)
    await lease.accept(ACCEPTED)
    await lease.delete_job(KEY)

    await lease.release()

    assert team.objects == []


async def test_lease_released_while_the_line_breaks_deletes_no_lease_of_another_runner(team: Team) -> None:
    """A deletion whose answer is lost is not repeated, since another runner may have the lease."""
    store = team.store()
    first = await take(team.runner(store=store))
    successors: list[TeamLease] = []

    async def follow() -> None:
        successors.append(await take(team.runner()))
        raise OSError("HTTP error: the answer is lost")

    store.after_delete.append(follow)
    await first.release()

    assert team.objects == ["000001"]
    await successors[0].record_call(INTENT)


@pytest.mark.parametrize("job", [None, ACCEPTED])
async def test_lease_released_ends_the_wait_of_others_at_once(team: Team, job: Entry | None) -> None:
    """A released lease ends the wait of other runners at once."""
    store = team.store()
    first, second = team.runner(), team.runner(store=store)
    lease = await take(first)
    if job is not None:
        await lease.accept(job)
    assert await second.acquire(LEASE_NAME, {KEY}) is None
    async with anyio.create_task_group() as group:
        group.start_soon(second.wait, LEASE_NAME)
        await lease.release()
        looks = len(store.calls)

    # A look that was under way, and the next one.
    assert store.calls[looks:].count("list") <= 2
    assert await second.acquire(LEASE_NAME, {KEY}) is not None


async def test_lease_that_beats_is_waited_for_long_past_the_hold(team: Team) -> None:
    """Beats keep a lease beyond its hold."""
    first, second = team.runner(), team.runner()
    await take(first)
    assert await second.acquire(LEASE_NAME, {KEY}) is None
    with anyio.move_on_after(3 * TEAM_HOLD_S * SECOND_S) as scope:
        async with anyio.create_task_group() as group:
            group.start_soon(first.heartbeat)
            await second.wait(LEASE_NAME)

    assert scope.cancelled_caught


async def test_lease_that_beats_without_end_is_not_waited_for_any_longer(team: Team) -> None:
    """A runner stops waiting for a beating lease after its patience, and does not pay."""
    first, second = team.runner(), team.runner(timeout_s=3 * TEAM_HOLD_S)
    await take(first)
    assert await second.acquire(LEASE_NAME, {KEY}) is None
    started = time.monotonic()
    async with anyio.create_task_group() as group:
        group.start_soon(first.heartbeat)
        assert not await second.wait(LEASE_NAME)
        group.cancel_scope.cancel()

    assert (time.monotonic() - started) / SECOND_S > 3 * TEAM_HOLD_S
    assert team.objects == ["000001"]


async def test_lease_of_a_dead_runner_is_taken_over_by_one_of_many(team: Team) -> None:
    """Of seven watchers of a silent owner, one gets the lease, and six wait for that one."""
    await take(team.runner())
    watchers = [team.runner() for _ in range(7)]
    got: list[TeamLease] = []

    async def wait(runner: TeamLeases) -> None:
        while (lease := await runner.acquire(LEASE_NAME, {KEY})) is None:
            assert await runner.wait(LEASE_NAME)
            if got:
                return
        got.append(lease)

    async with anyio.create_task_group() as group:
        for watcher in watchers:
            group.start_soon(wait, watcher)

    assert len(got) == 1
    assert team.objects == ["000001", "000002"]


async def test_lease_of_a_runner_that_watched_while_asleep_is_not_taken_over(team: Team) -> None:
    """A runner whose own clock jumps ahead does not take over a living owner's lease."""
    jumps = iter([0.0, 0.0, 0.0, *[10 * TEAM_HOLD_S] * 1000])
    sleeper = TeamLeases(
        team.store(),
        now=lambda: NOW,
        sleep=lambda seconds: anyio.sleep(seconds * SECOND_S),
        secret=None,
        monotonic=lambda: time.monotonic() / SECOND_S + next(jumps),
    )
    first = team.runner()
    await take(first)
    assert await sleeper.acquire(LEASE_NAME, {KEY}) is None
    with anyio.move_on_after(TEAM_HOLD_S / 2 * SECOND_S) as scope:
        await sleeper.wait(LEASE_NAME)

    assert scope.cancelled_caught


# What is paid ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("job", [INTENT, ACCEPTED])
async def test_lease_taken_over_comes_with_the_open_job(team: Team, job: Entry) -> None:
    """The successor of a dead runner knows its intended or accepted job."""
    dead = await take(team.runner())
    await dead.record_call(INTENT)
    if job is ACCEPTED:
        await dead.accept(ACCEPTED)

    left = (await take_over(team.runner())).get_open_job(KEY)

    assert left is not None
    assert (bool(left.accepted), left.provider, left.page) == (bool(job.accepted), "leonardo", "a.md")
    assert [one.job_id for one in left.calls] == [one.job_id for one in job.calls]


async def test_lease_released_with_an_open_job_leaves_it_to_the_next(team: Team) -> None:
    """An open job of a released lease is collected by the next owner."""
    first = await take(team.runner())
    await first.record_call(INTENT)
    await first.accept(ACCEPTED)
    await first.release()

    second = await take(team.runner())
    left = second.get_open_job(KEY)
    assert left is not None
    assert [one.job_id for one in left.accepted] == ["job-1"]
    await second.delete_job(KEY)
    await second.release()
    assert (await take(team.runner())).get_open_job(KEY) is None


async def test_intent_of_an_owner_that_was_overtaken_is_refused(team: Team) -> None:
    """A runner that slept past its hold does not submit, since another one has the lease."""
    asleep = await take(team.runner())
    await take_over(team.runner())

    with pytest.raises(LeaseTakenOver):
        await asleep.record_call(INTENT)


async def test_intent_of_an_owner_that_was_overtaken_is_refused_after_the_other_is_done(team: Team) -> None:
    """A runner that slept past its hold does not submit after its successor has released the lease."""
    asleep = await take(team.runner())
    other = await take_over(team.runner())
    await other.release()

    with pytest.raises(LeaseTakenOver):
        await asleep.record_call(INTENT)


async def test_intent_is_refused_or_known_to_the_successor_whenever_the_takeover_comes(team: Team) -> None:
    """A runner that is stopped before its intent either fails or has left the intent to its successor."""
    store = team.store()
    owner = await take(team.runner(store=store))
    successors: list[TeamLease] = []

    async def overtake() -> None:
        successors.append(await take_over(team.runner()))

    store.before_replace.append(overtake)

    with pytest.raises(LeaseTakenOver):
        await owner.record_call(INTENT)
    assert successors[0].get_open_job(KEY) is None


async def test_successor_reads_what_its_predecessor_wrote_after_the_look_that_found_it_dead(team: Team) -> None:
    """A successor reads its predecessor's intent after the take-over, so that a late one is not missed."""
    owner = await take(team.runner())
    store = team.store()
    successor = team.runner(store=store)
    assert await successor.acquire(LEASE_NAME, {KEY}) is None
    assert await successor.wait(LEASE_NAME)

    # The predecessor wakes up after it was found dead, and before it is overtaken: its mark is another by then.
    await owner.record_call(INTENT)

    left = (await take_over(successor)).get_open_job(KEY)
    assert left is not None
    assert not left.accepted


async def test_jobs_of_earlier_owners_are_handed_on_by_one_that_died_at_once(team: Team) -> None:
    """An owner that died before reading its predecessor's jobs does not hide them."""
    first = await take(team.runner())
    await first.record_call(INTENT)
    store = team.store()
    second = team.runner(store=store)
    assert await second.acquire(LEASE_NAME, {KEY}) is None
    assert await second.wait(LEASE_NAME)

    async def die() -> None:
        store.is_cut = True
        raise OSError("HTTP error: gone")

    store.before_replace.append(die)
    await second.acquire(LEASE_NAME, {KEY})
    assert team.content(2)["jobs"] == {}

    left = (await take_over(team.runner())).get_open_job(KEY)

    assert team.objects == ["000001", "000002", "000003"]
    assert left is not None


async def test_runner_that_wakes_and_is_still_the_owner_goes_on(team: Team) -> None:
    """A runner that wakes up keeps its lease if no other owner came."""
    runner = team.runner()
    first = await take(runner)
    await first.record_call(INTENT)

    again = await take(runner)

    assert team.objects == ["000001"]
    await again.record_call(INTENT)


async def test_refusal_that_was_paid_for_is_read_by_all_builds_and_needs_no_lease(team: Team) -> None:
    """A paid refusal is read by a hundred builds, which leave no object."""
    lease = await take(team.runner())
    await lease.refuse(KEY, "no violence,\nplease")
    await lease.release()

    for _ in range(3):
        other = await take(team.runner())
        assert other.get_refusal_reason(KEY) == "no violence, please"
        await other.release()

    assert team.objects == ["000001", "000001.free"]


async def test_refusal_of_one_key_leaves_the_picture_to_other_providers(team: Team) -> None:
    """A refusal of one provider's key leaves the picture to builds with other providers."""
    lease = await take(team.runner())
    await lease.refuse(KEY, "no")
    await lease.release()

    other = await team.runner().acquire(LEASE_NAME, {OTHER_KEY})

    assert other is not None
    await other.record_call(replace(INTENT, key=OTHER_KEY))


# Clocks ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ahead_s", [-7200.0, -300.0, 0.0, 300.0, 7200.0])
async def test_clocks_that_disagree_change_nothing(team: Team, ahead_s: float) -> None:
    """With clocks minutes or hours apart, living owners keep their leases, and dead ones are followed."""
    first, second = team.runner(ahead_s=ahead_s), team.runner()
    lease = await take(first)
    sent = replace(SENT, sent_at=NOW + ahead_s)
    await lease.record_call(replace(INTENT, calls=(sent,)))
    await lease.accept(
        replace(INTENT, calls=(replace(sent, state="accepted", job_id="job-1", accepted_at=NOW + ahead_s),))
    )
    assert await second.acquire(LEASE_NAME, {KEY}) is None
    with anyio.move_on_after(1.5 * TEAM_HOLD_S * SECOND_S) as scope:
        async with anyio.create_task_group() as group:
            group.start_soon(first.heartbeat)
            await second.wait(LEASE_NAME)
    assert scope.cancelled_caught

    left = (await take_over(second)).get_open_job(KEY)

    assert left is not None
    assert left.calls[0].sent_at < NOW
    if ahead_s > -CLOCKS_APART_S:
        assert left.calls[0].accepted_at == NOW


# The store ------------------------------------------------------------------------------------------------------------


async def test_store_that_cannot_be_reached_holds_up_no_build(team: Team) -> None:
    """An unreachable store is reported once; a runner that pays anyway says no more."""
    store = team.store()
    runner = team.runner(store=store)
    store.is_cut = True

    lease = await take(runner)

    assert "cannot be written (the connection broke)" in str(lease.doubt)
    await lease.record_call(INTENT)
    await lease.accept(ACCEPTED)
    await lease.release()
    assert len(team.told) == 1
    assert "the connection broke" in team.told[0]


def test_store_that_cannot_be_listed_is_one_warning(tmp_path: Path) -> None:
    """A store that cannot be listed is one warning; its leases are doubtful, except those of new pictures."""
    told: list[tuple[int, str]] = []

    def runner(url: str) -> TeamLeases:
        objects = ObjectStore(StoreAddress.parse(url), {}, notify=lambda level, text: told.append((level, text)))
        return TeamLeases(objects, now=time.time, sleep=lambda seconds: anyio.sleep(seconds * SECOND_S), secret=None)

    async def act(url: str) -> None:
        first, second = runner(url), runner(url)
        assert (await take(first)).doubt is None
        assert "cannot be listed (403" in str((await take(second)).doubt)
        assert "cannot be listed (403" in str((await take(second)).doubt)
        other = await second.acquire("e" * 64, {KEY})
        assert other is not None
        assert other.doubt is None

    with running("apache", tmp_path / "store") as store:
        in_loop(lambda: act(store.url.replace("/team", "/unlisted")))
    assert [level for level, _ in told] == [logging.WARNING, logging.DEBUG]
    assert "cannot be listed (403" in told[0][1]


async def test_store_that_fails_again_and_again_is_left_alone(team: Team) -> None:
    """A store that fails costs a build a few calls, not one for each page."""
    store = team.store()
    runner = team.runner(store=store)
    assert await runner.acquire(OTHER_KEY, {KEY}) is not None
    store.is_cut = True
    for page in range(100):
        assert await runner.acquire(f"{page:064x}", {KEY}) is not None

    assert store.failed < 20


async def test_store_that_fails_once_is_asked_once_more(team: Team) -> None:
    """A call to the store whose answer was lost is repeated, and its lease found."""
    store = team.store()
    assert await store.get("pictures/a") is None
    store.lose_answers = 1
    runner = team.runner(store=store)

    lease = await take(runner)

    assert team.objects == ["000001"]
    await lease.record_call(INTENT)
    assert await team.runner().acquire(LEASE_NAME, {KEY}) is None
    assert team.told == []


async def test_store_that_fails_now_and_then_is_asked_again(team: Team) -> None:
    """After a short failure of the store, the next pages get their leases."""
    store = team.store()
    runner = team.runner(store=store)
    assert await runner.acquire(OTHER_KEY, {KEY}) is not None
    for page in range(6):
        store.is_cut = page % 2 == 0
        async with anyio.create_task_group() as group:
            group.start_soon(runner.acquire, f"{page:064x}", {KEY})
            await anyio.sleep(3 * SECOND_S)
            store.is_cut = False

    assert await runner.acquire(LEASE_NAME, {KEY}) is not None
    assert await team.runner().acquire(LEASE_NAME, {KEY}) is None


async def test_store_cut_off_halfway_leaves_the_owner_at_work(team: Team) -> None:
    """An owner whose store is cut off works on without an exception, and waiting runners try again."""
    store = team.store()
    runner = team.runner(store=store)
    lease = await take(runner)
    other_store = team.store()
    waiting = team.runner(store=other_store)
    assert await waiting.acquire(LEASE_NAME, {KEY}) is None
    store.is_cut = other_store.is_cut = True

    with pytest.raises(CallUnpublished):
        await lease.record_call(INTENT)
    await lease.release()
    assert (await take(runner)).doubt
    assert await waiting.wait(LEASE_NAME)
    assert (await take(waiting)).doubt


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        b'{"claim": {"version": 1}}',
        b'{"claim": {"version": 1, "owner": "x", "beat": 1, "jobs": [], "refusals": {}}}',
        b"[" * 100_000,
        b"x" * 2**19,
    ],
)
async def test_object_that_is_no_lease_counts_for_nothing(team: Team, text: bytes) -> None:
    """A foreign object in a lease's place is waited for like a dead runner, and then reported."""
    (team.folder / "claims").mkdir()
    (team.folder / "claims" / f"{LEASE_NAME}-000001").write_bytes(text)

    lease = await take_over(team.runner())

    await lease.record_call(INTENT)
    assert team.objects == ["000001", "000002"]
    assert len(team.told) == 1


async def test_job_that_could_lead_elsewhere_is_not_believed(team: Team) -> None:
    """A job id with characters that could change an address is dropped."""
    lease = await take(team.runner())
    await lease.accept(replace(ACCEPTED, calls=(replace(ACCEPTED.calls[0], job_id="../../me"),)))
    await lease.release()

    assert (await take(team.runner())).get_open_job(KEY) is None


async def test_job_signed_with_another_secret_is_not_believed(team: Team) -> None:
    """A job in a lease with another secret's signature is ignored."""
    forger = await take(team.runner(secret="wrong"))
    await forger.accept(ACCEPTED)
    await forger.release()

    lease = await take(team.runner(secret="right"))

    assert lease.get_open_job(KEY) is None
    await lease.accept(ACCEPTED)
    await lease.release()
    honest = (await take(team.runner(secret="right"))).get_open_job(KEY)
    assert honest is not None


# What a writer may have put there ------------------------------------------------------------------------------------


def _forge(team: Team, *names: str, data: bytes = b"{}") -> None:
    for name in names:
        path = team.folder / "claims" / f"{LEASE_NAME}-{name}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)


@pytest.mark.parametrize("number", ["020000", "099999", "999999", "999999999"])
async def test_forged_number_holds_up_no_runner(team: Team, number: str) -> None:
    """A forged lease number neither delays a runner nor hides the plugin's leases."""
    _forge(team, number, f"{number}.free", "000002")
    store = team.store()
    owner = await take(team.runner(store=store, secret="team"))
    await owner.record_call(INTENT)
    other = team.runner(store=store, secret="team")
    assert await other.acquire(LEASE_NAME, {KEY}) is None

    assert await other.wait(LEASE_NAME)
    heir = await take(other)

    assert heir.get_open_job(KEY) is not None
    with pytest.raises(LeaseTakenOver):
        await owner.record_call(INTENT)
    assert len(store.calls) < 3 * MOST_UNFINISHED


async def test_forged_word_does_not_free_a_lease(team: Team) -> None:
    """A forged release of a signed lease does not free it."""
    owner = await take(team.runner(secret="team"))
    _forge(team, "000001.free", data=b'{"claim": {}}')
    other = team.runner(secret="team")

    assert await other.acquire(LEASE_NAME, {KEY}) is None
    await owner.record_call(INTENT)

    await owner.release()
    assert await other.wait(LEASE_NAME)
    lease = await take(other)
    assert lease.get_open_job(KEY) is not None


async def test_unsigned_lease_is_ignored(team: Team) -> None:
    """An unsigned lease is ignored by runners with a secret."""
    assert await team.runner().acquire(LEASE_NAME, {KEY}) is not None

    lease = await take(team.runner(secret="team"))

    await lease.record_call(INTENT)


# Services that check nothing -----------------------------------------------------------------------------------------


async def test_owner_whose_lease_was_overwritten_does_not_pay(team: Team) -> None:
    """An owner whose lease was overwritten notices it and does not pay."""
    store = team.store()
    first = await take(team.runner(store=store))
    store.honours_preconditions = False
    path = team.folder / "claims" / f"{LEASE_NAME}-000001"
    value = json.loads(path.read_text(encoding="utf-8"))
    value["claim"]["owner"] = "another"
    path.write_text(json.dumps(value), encoding="utf-8")

    with pytest.raises(LeaseTakenOver):
        await first.record_call(INTENT)

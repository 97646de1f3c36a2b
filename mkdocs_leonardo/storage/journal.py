"""The memory of what was paid and not yet collected, and of who works on it.

An intent is on disk before the request that may cost money leaves; its job id is on disk before anything else
happens to the answer. So whatever dies, the next build knows what to look for, and pays for nothing twice.
"""

from __future__ import annotations

import math
import os
import socket
import sys
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

from mkdocs_leonardo.spec import JsonValue, Submission, digest_of
from mkdocs_leonardo.storage.base import OpenJob
from mkdocs_leonardo.storage.cache import Store

#: A holder that has not been heard of for so long has lost its lease. Holders beat about every 2 s.
LEASE_S = 10.0
#: How long the job id of a closed entry is remembered, so that it is not taken for a lost one.
CLOSED_S = 86400.0

_DAY_S = 86400.0
_JOB = "job:"
_CLOSED = "closed:"
_LEASE = "lease:"
_REFUSED = "refused:"
_LAST = "last:"
_MOST_TEXT = 4096
_LARGEST = 1e12
#: Where /proc/<pid>/stat has the state and the start time, counted after the command (proc(5), fields 3 and 22).
_STATE, _START = 0, 19


@dataclass(frozen=True, slots=True)
class Owner:
    """Who holds a lease: one journal in one process. Process ids mean something only where `machine` is the same."""

    id: str
    machine: str
    pid: int
    started: str = ""

    @classmethod
    def of_this_process(cls) -> Owner:
        """A new owner in the running process."""
        pid = os.getpid()
        return cls(id=uuid.uuid4().hex, machine=_machine(), pid=pid, started=_process(pid).started)

    def is_dead_here(self, machine: str) -> bool:
        """Whether the process is known to be gone, seen from `machine`; False where that cannot be known."""
        if self.machine != machine:
            return False
        process = _process(self.pid)
        return process.is_gone or bool(self.started and process.started and self.started != process.started)


@dataclass(frozen=True, slots=True)
class Entry:
    """A job that was intended or accepted and whose picture is not stored yet. Times in Unix seconds.

    `intended_at` is the time of the first unanswered intent, `creates` how many create calls were intended.
    `job_id`, `accepted_at` and `cost_usd` are those of an accepted one.
    """

    key: str
    provider: str
    model: str
    page: str
    state: Literal["intended", "accepted"]
    request: Mapping[str, JsonValue] = field(default_factory=dict)
    estimate_usd: float = 0.0
    intended_at: float = 0.0
    creates: int = 0
    job_id: str = ""
    accepted_at: float = 0.0
    cost_usd: float | None = None

    @classmethod
    def of(cls, job: OpenJob) -> Entry:
        """The job as an entry."""
        if isinstance(job, cls):
            return job
        return cls(
            key=job.key,
            provider=job.provider,
            model=job.model,
            page=job.page,
            state="accepted" if job.state == "accepted" else "intended",
            intended_at=job.intended_at,
            creates=1,
            job_id=job.job_id,
            accepted_at=job.accepted_at,
            cost_usd=job.cost_usd,
        )


class Journal:
    """Jobs, leases, refusals and last heroes in a store. Thread-safe; every method may raise StoreUnavailable.

    The store should be a durable one: what `intend` and `accept` wrote must outlive a power cut.
    """

    def __init__(self, store: Store, owner: Owner, now: Callable[[], float]) -> None:
        self._store = store
        self._owner = owner
        self._now = now
        self._held: set[str] = set()
        self._lock = threading.Lock()

    # Jobs ------------------------------------------------------------------------------------------------------------

    def entry(self, key: str) -> Entry | None:
        """The open job of `key`."""
        return entry_from(key, self._store.get(_JOB + key))

    def entries(self) -> dict[str, Entry]:
        """Every open job by key."""
        found = {name.removeprefix(_JOB): value for name, value in self._store.items(_JOB)}
        return {key: entry for key, value in found.items() if (entry := entry_from(key, value)) is not None}

    def intend(
        self,
        key: str,
        *,
        provider: str,
        model: str,
        page: str,
        request: Mapping[str, JsonValue],
        estimate_usd: float,
        lease: str = "",
    ) -> Entry:
        """On disk: a create call is about to be sent.

        ValueError if its job was accepted already (that is paid), or if `lease` has passed to another owner: it may
        have paid meanwhile, and closed the entry too. Nothing is written then. Else the lease is good for another
        LEASE_S.
        """
        with self._lock, self._store.transaction():
            if lease:
                if not self._is_mine(lease):
                    self._held.discard(lease)
                    raise ValueError(f"{key} is another owner's business by now")
                self._renew(lease)
            before = self.entry(key)
            if before is not None and before.state == "accepted":
                raise ValueError(f"{key} has an accepted job; it is to be collected, not bought again")
            entry = Entry(
                key=key,
                provider=provider,
                model=model,
                page=page,
                state="intended",
                request=dict(request),
                estimate_usd=estimate_usd,
                intended_at=self._now() if before is None else before.intended_at,
                creates=1 if before is None else before.creates + 1,
            )
            self._store.set(_JOB + key, entry_value(entry))
        return entry

    def inherit(self, job: OpenJob) -> None:
        """On disk: a job that another runner left open, unless there is one for its key already."""
        with self._store.transaction():
            if self.entry(job.key) is None:
                self._store.set(_JOB + job.key, entry_value(Entry.of(job)))

    def accept(self, key: str, submission: Submission) -> Entry:
        """On disk: the service accepted, under this job id. Also where the intent was lost: the job is paid."""
        with self._store.transaction():
            before = self.entry(key)
            if before is None:
                before = Entry(key, submission.provider, submission.model, page="", state="intended", creates=1)
                before = replace(before, intended_at=submission.accepted_at)
            elif before.job_id and before.job_id != submission.job_id:
                self._remember_closed(before)
            entry = replace(
                before,
                provider=submission.provider,
                model=submission.model,
                state="accepted",
                job_id=submission.job_id,
                accepted_at=submission.accepted_at,
                cost_usd=_amount(submission.cost_usd),
            )
            self._store.set(_JOB + key, entry_value(entry))
        return entry

    def withdraw(self, key: str) -> None:
        """No intent of `key` is left: the create call certainly led to no job. An accepted job stays."""
        with self._store.transaction():
            entry = self.entry(key)
            if entry is None or entry.state == "intended":
                self._store.delete(_JOB + key)

    def close(self, key: str) -> None:
        """Nothing is left to collect: the picture is stored, or the job failed or is unknown."""
        with self._store.transaction():
            entry = self.entry(key)
            if entry is not None and entry.job_id:
                self._remember_closed(entry)
            self._store.delete(_JOB + key)

    def known_jobs(self, provider: str) -> frozenset[str]:
        """Job ids at `provider` that belong to an open entry, or to one closed within a day."""
        known = {entry.job_id for entry in self.entries().values() if entry.provider == provider and entry.job_id}
        now = self._now()
        for _, value in self._store.items(_CLOSED):
            if not isinstance(value, dict) or value.get("provider") != provider:
                continue
            job_id, closed_at = value.get("job_id"), _amount(value.get("closed_at"))
            if isinstance(job_id, str) and closed_at is not None and abs(now - closed_at) <= CLOSED_S:
                known.add(job_id)
        return frozenset(known)

    def _remember_closed(self, entry: Entry) -> None:
        # By digest: a job id is a service's text and may be anything.
        name = digest_of(f"{entry.provider}\0{entry.job_id}".encode("utf-8", "surrogatepass"))
        value: JsonValue = {"provider": entry.provider, "job_id": entry.job_id, "closed_at": self._now()}
        self._store.set(_CLOSED + name, value, expire_s=2 * _DAY_S)

    # Leases ----------------------------------------------------------------------------------------------------------

    def claim(self, key: str) -> bool:
        """True if this owner is now the only one that works on `key`: it was free, or its holder is dead or silent."""
        with self._lock, self._store.transaction():
            holder = self.holder(key)
            if holder is not None and holder.id != self._owner.id:
                self._held.discard(key)
                return False
            self._renew(key)
            self._held.add(key)
            return True

    def beat(self) -> frozenset[str]:
        """Every lease of this owner, good for another LEASE_S; those that others took over are given up."""
        with self._lock:
            if not self._held:
                return frozenset()
            with self._store.transaction():
                self._held = {key for key in self._held if self._is_mine(key)}
                for key in self._held:
                    self._renew(key)
                return frozenset(self._held)

    def still_mine(self, key: str) -> bool:
        """Whether the claim has not passed to another owner; if so, it is good for another LEASE_S."""
        with self._lock, self._store.transaction():
            if not self._is_mine(key):
                self._held.discard(key)
                return False
            self._renew(key)
            self._held.add(key)
            return True

    def release(self, key: str) -> None:
        """Others may claim `key`; a lease of theirs is left alone."""
        with self._lock:
            self._held.discard(key)
            with self._store.transaction():
                if self._is_mine(key):
                    self._store.delete(_LEASE + key)

    def holder(self, key: str) -> Owner | None:
        """Who works on `key`: None if nobody, or nobody who is alive and was heard of within LEASE_S."""
        lease = _lease(self._store.get(_LEASE + key))
        if lease is None:
            return None
        owner, beat_at = lease
        # Either way: a time ahead of ours was written before the clock was put back, and is no sign of life.
        is_silent = abs(self._now() - beat_at) > LEASE_S
        if owner.id != self._owner.id and (is_silent or owner.is_dead_here(self._owner.machine)):
            return None
        return owner

    def is_leased(self) -> bool:
        """Whether any living owner works on any key."""
        names = [name.removeprefix(_LEASE) for name, _ in self._store.items(_LEASE)]
        return any(self.holder(key) is not None for key in names)

    def _is_mine(self, key: str) -> bool:
        lease = _lease(self._store.get(_LEASE + key))
        return lease is not None and lease[0].id == self._owner.id

    def _renew(self, key: str) -> None:
        owner: dict[str, JsonValue] = dict(asdict(self._owner))
        self._store.set(_LEASE + key, {"owner": owner, "beat_at": self._now()}, expire_s=_DAY_S)

    # What pages have -------------------------------------------------------------------------------------------------

    def refuse(self, key: str, reason: str) -> None:
        """Remember a refused prompt, so that it is not sent again."""
        self._store.set(_REFUSED + key, {"reason": reason[:_MOST_TEXT], "refused_at": self._now()})

    def refusal(self, key: str) -> str | None:
        """Why `key` was refused, if it was."""
        return _text_in(self._store.get(_REFUSED + key), "reason")

    def accept_hero(self, page: str, key: str) -> None:
        """Remember the picture that `page` shows now."""
        self._store.set(_LAST + _page_name(page), {"page": page, "key": key})

    def last_heroes(self) -> dict[str, str]:
        """The key of the picture that each page showed last: one question instead of a thousand."""
        found = ((_text_in(value, "page"), _text_in(value, "key")) for _, value in self._store.items(_LAST))
        return {page: key for page, key in found if page is not None and key is not None}

    def last_hero(self, page: str) -> str | None:
        """The key of the picture that `page` showed last."""
        value = self._store.get(_LAST + _page_name(page))
        return _text_in(value, "key") if _text_in(value, "page") == page else None


def entry_value(entry: Entry) -> JsonValue:
    """The entry as JSON."""
    value: dict[str, JsonValue] = dict(asdict(replace(entry, request={})))
    value["request"] = dict(entry.request)
    value["estimate_usd"] = _amount(entry.estimate_usd) or 0.0
    return value


def entry_from(key: str, value: JsonValue | None) -> Entry | None:
    """The entry in `value`; None if it is not one that `entry_value` wrote for `key`."""
    if not isinstance(value, dict) or value.get("key") != key:
        return None
    texts = {name: _text_in(value, name) for name in ("provider", "model", "page", "job_id")}
    times = {name: _amount(value.get(name)) for name in ("intended_at", "accepted_at", "estimate_usd")}
    state, creates, request = value.get("state"), value.get("creates"), value.get("request")
    if (
        None in texts.values()
        or None in times.values()
        or not isinstance(creates, int)
        or not isinstance(request, dict)
        or state not in ("intended", "accepted")
    ):
        return None
    return Entry(
        key=key,
        provider=texts["provider"] or "",
        model=texts["model"] or "",
        page=texts["page"] or "",
        state="accepted" if state == "accepted" else "intended",
        request=request,
        estimate_usd=times["estimate_usd"] or 0.0,
        intended_at=times["intended_at"] or 0.0,
        creates=creates,
        job_id=texts["job_id"] or "",
        accepted_at=times["accepted_at"] or 0.0,
        cost_usd=_amount(value.get("cost_usd")),
    )


def adopt_rows(source: Store, target: Store) -> None:
    """Everything that `source` knows and `target` does not is in `target`; an accepted job replaces an intended one."""
    with target.transaction():
        for name, value in source.items(""):
            mine = target.get(name)
            if mine is None or _is_further(name.removeprefix(_JOB), value, mine):
                target.set(name, value, expire_s=2 * _DAY_S if name.startswith((_LEASE, _CLOSED)) else None)


def _is_further(key: str, value: JsonValue, mine: JsonValue) -> bool:
    theirs, ours = entry_from(key, value), entry_from(key, mine)
    return theirs is not None and ours is not None and (theirs.state, ours.state) == ("accepted", "intended")


def _lease(value: JsonValue | None) -> tuple[Owner, float] | None:
    """Holder and last beat; None if it is not a lease that `_renew` wrote."""
    if not isinstance(value, dict):
        return None
    owner, beat_at = value.get("owner"), _amount(value.get("beat_at"))
    ident, machine, started = (_text_in(owner, name) for name in ("id", "machine", "started"))
    pid = owner.get("pid") if isinstance(owner, dict) else None
    if ident is None or machine is None or started is None or beat_at is None or not isinstance(pid, int):
        return None
    return Owner(id=ident, machine=machine, pid=pid, started=started), beat_at


def _text_in(value: JsonValue | None, name: str) -> str | None:
    text = value.get(name) if isinstance(value, dict) else None
    return text if isinstance(text, str) and len(text) <= _MOST_TEXT else None


def _amount(value: object) -> float | None:
    """A finite number, not below 0; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value if 0 <= value <= _LARGEST else None


def _page_name(page: str) -> str:
    """A page as part of a key: the name of a file may hold bytes that are no text."""
    return digest_of(page.encode("utf-8", "surrogatepass"))


@dataclass(frozen=True, slots=True)
class _Process:
    """What the system says of a process id. `started` is empty where it does not say."""

    is_gone: bool
    started: str = ""


def _process(pid: int) -> _Process:
    if Path("/proc/self/stat").exists():
        try:
            text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return _is_signalled(pid)
        except OSError:
            return _Process(is_gone=False)
        fields = text.rpartition(")")[2].split()
        # A killed process whose parent has not asked yet is a zombie: it works no more.
        return _Process(is_gone=fields[_STATE] in {"Z", "X"}, started=fields[_START])
    return _is_signalled(pid)


def _is_signalled(pid: int) -> _Process:
    """Whether signal 0 finds the process; on Windows `os.kill` would end it, so nothing is known there."""
    if sys.platform == "win32":
        return _Process(is_gone=False)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return _Process(is_gone=True)
    except (OSError, OverflowError):
        return _Process(is_gone=False)
    return _Process(is_gone=False)


def _machine() -> str:
    """What processes have in common whose ids can be compared: one boot, and on Linux one name space of ids."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}:{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        if sys.platform == "linux":
            # Containers may share a host name and an address: better never to compare.
            return uuid.uuid4().hex
        return f"{socket.gethostname()}:{uuid.getnode():x}"

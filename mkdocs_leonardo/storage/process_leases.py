"""Leases in a store, held by processes that renew them."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from mkdocs_leonardo.clock import DAY_S
from mkdocs_leonardo.spec import JsonValue
from mkdocs_leonardo.storage.checked_json import (
    check_amount,
    check_amount_or_none,
    check_integer,
    check_mapping,
    check_text,
)
from mkdocs_leonardo.storage.text_store import TextStore

#: A holder loses its lease after this time without a renewal (seconds). Holders renew about every 2 s.
LEASE_S = 10.0
#: How long a store keeps a lease (seconds).
KEPT_S = DAY_S

#: The beginning of the key of a lease's row.
LEASE = "lease:"
#: Where /proc/<pid>/stat has the state and the start time, counted after the command (proc(5), fields 3 and 22).
_STATE, _START = 0, 19


@dataclass(frozen=True, slots=True)
class Owner:
    """The holder of leases: one journal in one process. Process ids can be compared on one `machine` only."""

    id: str
    machine: str
    pid: int
    started: str = ""

    @classmethod
    def of_this_process(cls) -> Owner:
        """Return a new owner in the running process."""
        pid = os.getpid()
        return cls(id=uuid.uuid4().hex, machine=_name_machine(), pid=pid, started=_look_up_process(pid)[1])

    def is_dead_here(self, machine: str) -> bool:
        """Return whether the process is known to be gone, seen from `machine`; False where that cannot be known."""
        if self.machine != machine:
            return False
        is_gone, started = _look_up_process(self.pid)
        return is_gone or bool(self.started and started and self.started != started)


class ProcessLeases:
    """The leases of one owner in a store. Thread-safe; every method may raise StoreUnavailable."""

    def __init__(
        self, store: TextStore, owner: Owner, now: Callable[[], float], stopwatch: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._owner = owner
        self._now = now
        self._stopwatch = stopwatch
        self._held_leases: set[str] = set()
        self._lock = threading.Lock()

    def acquire_lease(self, name: str) -> bool:
        """Take the lease `name` if it is free, or its holder is dead or silent; returns whether this owner has it."""
        with self._lock, self._store.transaction():
            holder = self.get_lease_holder(name)
            if holder is not None and holder.id != self._owner.id:
                self._held_leases.discard(name)
                return False
            self._renew(name)
            self._held_leases.add(name)
            return True

    def heartbeat(self) -> frozenset[str]:
        """Renew every lease of this owner for LEASE_S; returns the leases that no other owner took over."""
        with self._lock:
            if not self._held_leases:
                return frozenset()
            with self._store.transaction():
                self._held_leases = {name for name in self._held_leases if self._is_mine(name)}
                for name in self._held_leases:
                    self._renew(name)
                return frozenset(self._held_leases)

    def release_lease(self, name: str) -> None:
        """Release this owner's lease `name`; the lease of another owner stays."""
        with self._lock:
            self._held_leases.discard(name)
            with self._store.transaction():
                if self._is_mine(name):
                    self._store.delete(LEASE + name)

    def get_lease_holder(self, name: str) -> Owner | None:
        """Return the living holder of the lease `name`, if it was renewed within LEASE_S; else None."""
        lease = _parse_lease(self._store.get(LEASE + name))
        if lease is None:
            return None
        owner, beat_at, ticked = lease
        # The clock may have been set since the last renewal; the machine's stopwatch cannot be.
        is_here = owner.machine == self._owner.machine
        silent_s = self._stopwatch() - ticked if is_here and ticked is not None else self._now() - beat_at
        # A renewal in the future was written before the clock was put back, and counts as silence.
        is_silent = abs(silent_s) > LEASE_S
        if owner.id != self._owner.id and (is_silent or owner.is_dead_here(self._owner.machine)):
            return None
        return owner

    def is_leased(self) -> bool:
        """Return whether a living owner holds any lease."""
        names = [name.removeprefix(LEASE) for name, _ in self._store.items(LEASE)]
        return any(self.get_lease_holder(name) is not None for name in names)

    def _is_mine(self, name: str) -> bool:
        lease = _parse_lease(self._store.get(LEASE + name))
        return lease is not None and lease[0].id == self._owner.id

    def _renew(self, name: str) -> None:
        owner: dict[str, JsonValue] = dict(asdict(self._owner))
        beat: JsonValue = {"owner": owner, "beat_at": self._now(), "ticked": self._stopwatch()}
        self._store.set(LEASE + name, beat, expire_s=KEPT_S)


def _parse_lease(value: JsonValue | None) -> tuple[Owner, float, float | None] | None:
    """Parse a lease: the holder, and the last renewal by clock and stopwatch; None if `_renew` did not write it.

    Earlier versions wrote no stopwatch.
    """
    try:
        lease = check_mapping(value)
        owner = check_mapping(lease.get("owner"))
        ident, machine, started = (check_text(owner, name) for name in ("id", "machine", "started"))
        holder = Owner(id=ident, machine=machine, pid=check_integer(owner.get("pid")), started=started)
        return holder, check_amount(lease.get("beat_at")), check_amount_or_none(lease.get("ticked"))
    except ValueError:
        return None


def _look_up_process(pid: int) -> tuple[bool, str]:
    """Return whether the process is gone, and the time of its start, "" if the system does not state the time."""
    if not Path("/proc/self/stat").exists():
        return _is_gone(pid), ""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return _is_gone(pid), ""
    except OSError:
        return False, ""
    fields = text.rpartition(")")[2].split()
    # A process that has ended and whose parent has not waited for it is a zombie.
    return fields[_STATE] in {"Z", "X"}, fields[_START]


def _is_gone(pid: int) -> bool:
    """Return whether signal 0 finds no process; False on Windows, where `os.kill` would end the process."""
    if sys.platform != "win32":
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        except (OSError, OverflowError):
            pass
    return False


def _name_machine() -> str:
    """Return a name that processes share if their ids can be compared.

    These are the processes of one boot, and on Linux of one PID namespace.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}:{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        if sys.platform == "linux":
            # Containers may share host name and address, so ids are never compared.
            return uuid.uuid4().hex
        return f"{socket.gethostname()}:{uuid.getnode():x}"

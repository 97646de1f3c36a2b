"""The journal: jobs that are paid for and not collected, leases, refusals, and the heroes that pages showed last.

A create call is on disk before it is sent, and its job id before anything else happens to the answer. So after a crash
at any moment, the next build finds the job if the service keeps a list of jobs. Without a list, the call is paid for
again after a warning.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, replace

from mkdocs_leonardo.clock import DAY_S
from mkdocs_leonardo.errors import JobAccepted, LeaseTakenOver
from mkdocs_leonardo.spec import JsonValue, Submission, digest_of
from mkdocs_leonardo.storage.checked_json import (
    MOST_TEXT,
    check_amount_or_none,
    check_integer,
    check_mapping,
    check_text_or_none,
)
from mkdocs_leonardo.storage.entries import CLOSED_S, UNKNOWN_S, CreateCall, Entry, Refusal, encode_entry, parse_entry
from mkdocs_leonardo.storage.process_leases import KEPT_S, LEASE, Owner, ProcessLeases
from mkdocs_leonardo.storage.text_store import TextStore

#: How long the number of a picture's last create call is kept after its entry is deleted (seconds).
NUMBERS_S = 90 * DAY_S

_MOST_NUMBER = 1_000_000
_JOB = "job:"
_CLOSED = "closed:"
_REFUSED = "refused:"
_LAST = "last:"
_NUMBER = "number:"


class Journal(ProcessLeases):
    """Jobs, leases, refusals and last heroes in a store. Thread-safe; every method may raise StoreUnavailable.

    The store should be a durable one: what `record_call` and `accept` wrote must outlive a power cut.
    """

    def __init__(
        self,
        store: TextStore,
        owner: Owner,
        now: Callable[[], float],
        config_name: str = "",
        *,
        stopwatch: Callable[[], float] = time.monotonic,
    ) -> None:
        """`config_name` names the configuration whose last heroes are read and written; all of them share the jobs.

        `now` gives Unix seconds. `stopwatch` gives seconds since an event that is the same for all processes of the
        machine.
        """
        super().__init__(store, owner, now, stopwatch)
        self._config_name = config_name

    # Jobs ------------------------------------------------------------------------------------------------------------

    def get_entry(self, key: str) -> Entry | None:
        """Return the entry of `key`, if there is one."""
        return parse_entry(key, self._store.get(_JOB + key))

    def get_entries(self) -> dict[str, Entry]:
        """Return every entry by key."""
        values = {name.removeprefix(_JOB): value for name, value in self._store.items(_JOB)}
        return {key: entry for key, value in values.items() if (entry := parse_entry(key, value)) is not None}

    def record_call(
        self,
        entry: Entry,
        *,
        estimate_usd: float,
        lease: str = "",
        seed: Callable[[int], int | None] = lambda _number: None,
    ) -> Entry:
        """Write a create call of `entry` before it is sent; `seed` maps the number of the call to its seed.

        Renews `lease` for LEASE_S. Writes nothing, and raises JobAccepted if the key has an accepted job, or
        LeaseTakenOver if another owner holds `lease` and may have paid.
        """
        key = entry.key
        with self._lock, self._store.transaction():
            if lease:
                if not self._is_mine(lease):
                    self._held_leases.discard(lease)
                    raise LeaseTakenOver
                self._renew(lease)
            former_entry = self.get_entry(key)
            if former_entry is not None and former_entry.accepted:
                raise JobAccepted
            earlier_calls = former_entry.calls if former_entry is not None else ()
            number = 1 + max(self._read_last_number(key), *(call.number for call in earlier_calls), 0)
            intended = CreateCall(
                number, seed=seed(number), estimate_usd=check_amount_or_none(estimate_usd) or 0.0, sent_at=self._now()
            )
            return self._write(replace(entry, calls=(*earlier_calls, intended)))

    def inherit(self, entry: Entry) -> None:
        """Add an entry that another machine left open, unless its key has one."""
        with self._store.transaction():
            if self.get_entry(entry.key) is None:
                self._write(entry)

    def accept(self, key: str, submission: Submission, number: int | None = None) -> Entry:
        """Write the job that the service accepted, even if its call is not in the journal, since the job is paid for.

        `number` is that of the call; None: the last call.
        """
        with self._store.transaction():
            entry = self.get_entry(key)
            if entry is None:
                entry = Entry(key, submission.provider, submission.model, page="", calls=())
            fitting = [call for call in entry.calls if number in (None, call.number)]
            call = fitting[-1] if fitting else CreateCall(number or 1, sent_at=submission.accepted_at)
            if call.job_id not in ("", submission.job_id):
                self._remember_closed(entry.provider, call.job_id)
            accepted = replace(
                call,
                state="accepted",
                job_id=submission.job_id,
                accepted_at=submission.accepted_at,
                cost_usd=check_amount_or_none(submission.cost_usd),
                asked_at=0.0,
                vain_since=0.0,
                unknown_since=0.0,
            )
            unchanged = (call for call in entry.calls if call.number != accepted.number)
            calls = tuple(sorted((*unchanged, accepted), key=lambda call: call.number))
            return self._write(replace(entry, provider=submission.provider, model=submission.model, calls=calls))

    def note_failed(self, key: str, number: int) -> None:
        """Write that the call failed, and that its outcome is unknown."""
        self._change(key, number, lambda call: replace(call, ended_at=self._now()))

    def note_asked(self, key: str, number: int, *, is_unknown: bool, was_reached: bool = True) -> CreateCall | None:
        """Write that the job could not be collected; returns the call as written.

        `is_unknown`: the service does not know the job. `was_reached`: the service answered, so that the failure counts
        against the job.
        """
        now = self._now()

        def change(call: CreateCall) -> CreateCall:
            # In its first hours, a job may be unfinished.
            is_vain = was_reached and now - call.began_at >= UNKNOWN_S
            return replace(
                call,
                asked_at=now,
                vain_since=call.vain_since or (now if is_vain else 0.0),
                unknown_since=(call.unknown_since or now) if is_unknown else 0.0,
            )

        return self._change(key, number, change)

    def delete_call(self, key: str, number: int | None = None) -> Entry | None:
        """Delete a call without a job to collect (None: all such calls); returns the rest of the entry."""
        return self._drop(key, lambda call: call.state == "intended" and number in (None, call.number))

    def delete_job(self, key: str, job_id: str | None = None) -> Entry | None:
        """Delete the collected job `job_id`, or the whole entry for None; returns the rest of the entry."""
        return self._drop(key, lambda call: job_id is None or (call.state == "accepted" and call.job_id == job_id))

    def give_up(self, key: str, number: int) -> Entry | None:
        """Delete a call whose job is given up; returns the rest of the entry."""
        return self._drop(key, lambda call: call.number == number)

    def _change(self, key: str, number: int, change: Callable[[CreateCall], CreateCall]) -> CreateCall | None:
        with self._store.transaction():
            entry = self.get_entry(key)
            if entry is None:
                return None
            calls = tuple(change(call) if call.number == number else call for call in entry.calls)
            self._write(replace(entry, calls=calls))
            return next((call for call in calls if call.number == number), None)

    def _drop(self, key: str, is_over: Callable[[CreateCall], bool]) -> Entry | None:
        with self._store.transaction():
            entry = self.get_entry(key)
            if entry is None:
                self._store.delete(_JOB + key)
                return None
            over = [call for call in entry.calls if is_over(call)]
            for call in over:
                if call.job_id:
                    self._remember_closed(entry.provider, call.job_id)
            remaining = tuple(call for call in entry.calls if call not in over)
            if over or not remaining:
                # The next call for the same picture gets a seed that no earlier job has.
                number = max(self._read_last_number(key), *(call.number for call in entry.calls), 0)
                self._store.set(_NUMBER + key, {"number": number}, expire_s=NUMBERS_S)
            if remaining:
                return self._write(replace(entry, calls=remaining)) if over else entry
            self._store.delete(_JOB + key)
            return None

    def _read_last_number(self, key: str) -> int:
        return _parse_number(self._store.get(_NUMBER + key))

    def _write(self, entry: Entry) -> Entry:
        self._store.set(_JOB + entry.key, encode_entry(entry))
        return entry

    def get_known_job_ids(self, provider: str) -> frozenset[str]:
        """Return the job ids at `provider` in open entries, and the ids that were deleted within CLOSED_S."""
        entries = [entry for entry in self.get_entries().values() if entry.provider == provider]
        job_ids = {call.job_id for entry in entries for call in entry.calls if call.job_id}
        now = self._now()
        for _, value in self._store.items(_CLOSED):
            if not isinstance(value, dict) or value.get("provider") != provider:
                continue
            job_id, closed_at = value.get("job_id"), check_amount_or_none(value.get("closed_at"))
            if isinstance(job_id, str) and closed_at is not None and abs(now - closed_at) <= CLOSED_S:
                job_ids.add(job_id)
        return frozenset(job_ids)

    def _remember_closed(self, provider: str, job_id: str) -> None:
        # The row is named by a digest, since a job id may be any text.
        name = digest_of(f"{provider}\0{job_id}".encode("utf-8", "surrogatepass"))
        value: JsonValue = {"provider": provider, "job_id": job_id, "closed_at": self._now()}
        self._store.set(_CLOSED + name, value, expire_s=CLOSED_S + DAY_S)

    # Refusals and heroes ----------------------------------------------------------------------------------------------

    def refuse(self, refusal: Refusal) -> None:
        """Remember a refused prompt, or a prompt whose job gave no picture, so that builds do not send it again."""
        noted: dict[str, JsonValue] = asdict(refusal) | {"refused_at": self._now()}
        noted["reason"] = refusal.reason[:MOST_TEXT]
        del noted["key"]
        self._store.set(_REFUSED + refusal.key, noted)

    def get_refusal(self, key: str) -> Refusal | None:
        """Return the refusal of the prompt of `key`, if there is one."""
        return _read_refusal(key, self._store.get(_REFUSED + key))

    def get_refusals(self) -> dict[str, Refusal]:
        """Return all refusals by key."""
        refusals = (_read_refusal(name.removeprefix(_REFUSED), value) for name, value in self._store.items(_REFUSED))
        return {refusal.key: refusal for refusal in refusals if refusal is not None}

    def forget_refusal(self, key: str) -> None:
        """Delete the refusal of `key`, so that its prompt may be sent again."""
        self._store.delete(_REFUSED + key)

    def remember_hero(self, page: str, key: str) -> None:
        """Remember the picture that `page` shows now."""
        with self._store.transaction():
            self._store.set(_LAST + self._name_row(page), {"page": page, "key": key, "site": self._config_name})
            if (
                self._config_name
                and _parse_hero(page, self._store.get(_LAST + _digest_page(page)), config_name="") == key
            ):
                # An earlier version wrote the hero without its configuration, which is known now.
                self._store.delete(_LAST + _digest_page(page))

    def get_last_heroes(self) -> dict[str, str]:
        """Return the key of the picture that each page of this configuration showed last, in one query."""
        return {page: key for page, key, config_name in self._read_heroes() if config_name == self._config_name}

    def get_heroes_by_config(self) -> dict[str, frozenset[str]]:
        """Return the keys of the last heroes by configuration; "" stands for heroes of earlier versions."""
        heroes = self._read_heroes()
        return {name: frozenset(key for _, key, config_name in heroes if config_name == name) for _, _, name in heroes}

    def get_last_hero(self, page: str) -> str | None:
        """Return the key of the picture that `page` showed last; earlier versions wrote it for all configurations."""
        key = _parse_hero(page, self._store.get(_LAST + self._name_row(page)), config_name=self._config_name)
        return key or _parse_hero(page, self._store.get(_LAST + _digest_page(page)), config_name="")

    def _read_heroes(self) -> list[tuple[str, str, str]]:
        """Return page, key and configuration of every stored hero."""
        rows = [
            (
                check_text_or_none(value, "page"),
                check_text_or_none(value, "key"),
                check_text_or_none(value, "site") or "",
            )
            for _, value in self._store.items(_LAST)
        ]
        return [(page, key, config_name) for page, key, config_name in rows if page is not None and key is not None]

    def _name_row(self, page: str) -> str:
        return _digest_page(f"{self._config_name}\0{page}" if self._config_name else page)


def copy_rows(source: TextStore, target: TextStore) -> None:
    """Copy the rows of `source` that `target` lacks; an accepted job replaces an intended one."""
    with target.transaction():
        for name, value in source.items(""):
            merge = _choose_higher if name.startswith(_NUMBER) else _merge_rows
            merged = merge(name.removeprefix(_JOB), value, target.get(name))
            if merged is not None:
                kept_s = {LEASE: KEPT_S, _CLOSED: CLOSED_S + DAY_S, _NUMBER: NUMBERS_S}
                expire_s = next((seconds for prefix, seconds in kept_s.items() if name.startswith(prefix)), None)
                target.set(name, merged, expire_s=expire_s)


def _choose_higher(_name: str, value: JsonValue, present: JsonValue | None) -> JsonValue | None:
    """Return the row with the higher number of a call; None if that is the target's."""
    return value if _parse_number(value) > _parse_number(present) else None


def _parse_number(value: JsonValue | None) -> int:
    try:
        return check_integer(check_mapping(value).get("number"), 0, _MOST_NUMBER)
    except ValueError:
        return 0


def _merge_rows(key: str, value: JsonValue, present: JsonValue | None) -> JsonValue | None:
    """Return the new value of the target's row; None if the row stays as it is."""
    if present is None:
        return value
    incoming, existing = parse_entry(key, value), parse_entry(key, present)
    if incoming is None or existing is None:
        return None
    calls = {call.number: call for call in (*incoming.intended, *existing.calls)}
    for call in incoming.accepted:
        target_call = calls.get(call.number, call)
        is_taken = target_call.state == "accepted" and target_call.job_id != call.job_id
        number = max(calls) + 1 if is_taken else call.number
        calls[number] = replace(call, number=number)
    return encode_entry(replace(existing, calls=tuple(calls[number] for number in sorted(calls))))


def _read_refusal(key: str, value: JsonValue | None) -> Refusal | None:
    reason = check_text_or_none(value, "reason")
    if not isinstance(value, dict) or reason is None:
        return None
    page, provider, job_id = (check_text_or_none(value, name) or "" for name in ("page", "provider", "job_id"))
    refused_at = check_amount_or_none(value.get("refused_at")) or 0.0
    return Refusal(key, reason, page, provider, job_id, refused_at, is_empty=value.get("is_empty") is True)


def _parse_hero(page: str, value: JsonValue | None, *, config_name: str) -> str | None:
    """Return the key of a stored hero of `page` and `config_name`; None for any other row."""
    is_about = check_text_or_none(value, "page") == page and (check_text_or_none(value, "site") or "") == config_name
    return check_text_or_none(value, "key") if is_about else None


def _digest_page(page: str) -> str:
    """Return the digest of a page's name, which may hold bytes that are no text."""
    return digest_of(page.encode("utf-8", "surrogatepass"))

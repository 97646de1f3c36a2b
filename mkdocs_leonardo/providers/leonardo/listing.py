"""The search for the job of a lost answer in the account's list of jobs."""

from __future__ import annotations

from collections.abc import Sequence

from mkdocs_leonardo.providers.interface import JsonValue
from mkdocs_leonardo.providers.leonardo.create_requests import CreateRequest
from mkdocs_leonardo.providers.leonardo.responses import JOB_ID
from mkdocs_leonardo.providers.toolkit import clean_text, number_at, text_at, utc_seconds

#: The most by which createdAt may be earlier than the time of a lost create call (seconds).
_CLOCK_SLACK_S = 120.0
#: The addition to `_CLOCK_SLACK_S` if answers have no date, since this machine's clock may be wrong (seconds).
_NO_DATE_SLACK_S = 3600.0
#: After this many pages in a row without a new job, the list repeats itself.
_STALE_PAGES = 3


class Listing:
    """The account's list of jobs, as far as it was read. `best`: the job made by `call`, after `since`."""

    def __init__(self, call: CreateRequest, *, since: float, known: frozenset[str]) -> None:
        self._call = call
        self._since = since
        self._known_ids = known
        self._times: list[float] = []
        self._is_newest_first = True
        self.length = 0
        #: The time of creation by this machine's clock, and the id.
        self.best: tuple[float, str] | None = None
        #: Whether a listed job may be the one, by the values that the list shows.
        self.has_likely = False
        self.is_enough = False
        self._ids: set[str] = set()
        self._stale_pages = 0

    def add(self, entries: Sequence[JsonValue], served: float | None, now: float) -> None:
        """Read one more page, which came at `now`; `served` is its time by the service's clock, None without a date."""
        # createdAt is by the service's clock, `since` by ours.
        ahead_s = (now if served is None else served) - now
        since = self._since - _CLOCK_SLACK_S - (_NO_DATE_SLACK_S if served is None else 0.0)
        for entry in entries:
            service_time = utc_seconds(text_at(entry, "createdAt"))
            created = None if service_time is None else service_time - ahead_s
            self._note_time(created)
            job_id = text_at(entry, "id")
            if job_id in self._known_ids or not JOB_ID.fullmatch(job_id):
                continue
            is_recent = created is not None and created >= since
            if _is_made_by(entry, self._call) and (is_recent or (created is None and self._call.seed is not None)):
                self.best = max(self.best or (0.0, ""), (now if created is None else created, job_id))
            elif (is_recent or created is None) and _may_be_made_by(entry, self._call):
                self.has_likely = True
        self.length += len(entries)
        ids = {text_at(entry, "id") for entry in entries}
        self._stale_pages = self._stale_pages + 1 if ids <= self._ids else 0
        self._ids |= ids
        is_past = len(set(self._times)) > 1 and self._times[-1] < since
        self.is_enough = self._is_newest_first and (is_past or self.best is not None)

    @property
    def repeats(self) -> bool:
        """Whether the last pages showed only jobs of earlier pages.

        A single such page proves nothing: a job that is created meanwhile pushes a listed one onto the next page.
        """
        return self._stale_pages >= _STALE_PAGES

    def _note_time(self, created: float | None) -> None:
        if created is None or (self._times and created > self._times[-1]):
            self._is_newest_first = False
        else:
            self._times.append(created)


def _fits(entry: JsonValue, call: CreateRequest) -> bool:
    """Return whether a listed job has the call's prompt, and its size and model if the list shows them."""
    model = text_at(entry, "modelId").lower()
    size = (number_at(entry, "imageWidth"), number_at(entry, "imageHeight"))
    return (
        clean_text(text_at(entry, "prompt")) == call.prompt
        and (not model or model in call.models)
        and size in {call.size, (None, None)}
    )


def _is_made_by(entry: JsonValue, call: CreateRequest) -> bool:
    """Return whether `call` made the listed job: by its seed, or for a call without a seed by the other values."""
    if _has_failed(entry) or not _fits(entry, call):
        return False
    if call.seed is not None:
        return number_at(entry, "seed") == call.seed
    negative = clean_text(text_at(entry, "negativePrompt"))
    preset = text_at(entry, "presetStyle").upper()
    # A value that only one side has is no difference.
    return (not negative or not call.negative_prompt or negative == call.negative_prompt) and (
        not preset or not call.preset or preset == call.preset
    )


def _may_be_made_by(entry: JsonValue, call: CreateRequest) -> bool:
    """Return whether `call` may have made the listed job, whose values the list may hide."""
    if call.seed is None or _has_failed(entry):
        return False
    seed = number_at(entry, "seed")
    if seed is None:
        return _fits(entry, call)
    # A job with the call's seed belongs to another call only if its prompt differs: the list may cut a prompt, show the
    # finished image's size, or name the model by another id.
    prompt = clean_text(text_at(entry, "prompt")).removesuffix("...").removesuffix("…")
    return seed == call.seed and call.prompt.startswith(prompt)


def _has_failed(entry: JsonValue) -> bool:
    return text_at(entry, "status").upper() == "FAILED"

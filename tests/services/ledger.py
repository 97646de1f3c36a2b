"""The ledger: every request, every job, and the bill of a real account."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, cast

Status = Literal["PENDING", "COMPLETE", "FAILED"]

MINUTE_S = 60.0


@dataclass(frozen=True)
class RequestEntry:
    """One request. `status` is the answer's, 0 if the connection was cut first, None while the request is handled.

    `service` is ``leonardo``, ``cdn``, ``openai``, ``gemini`` or ``elsewhere``. `headers` has lower-case names and no
    key. `key_ok` is None if no key was sent. `leak` means that the request carried a key to a picture host, or in its
    address.
    """

    service: str
    endpoint: str
    method: str
    path: str
    started_s: float
    prompt: str = ""
    job_id: str = ""
    key_ok: bool | None = None
    leak: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    behaviour: str = ""
    status: int | None = None
    ended_s: float | None = None


@dataclass(frozen=True)
class Job:
    """One accepted job; times in Unix seconds.

    `seed` is the one sent, None if none was; `drawn_seed` the one used. `quality` is ``alchemy``, ``fast``, ``ultra``
    (Leonardo) or OpenAI's word. `style` is the style's name if its id is known. `request` is the body as sent.
    `status`, `completed_s` and `refunded` are those of the moment the ledger was read.
    """

    provider: str
    job_id: str
    model: str
    prompt: str
    width_px: int
    height_px: int
    charged_usd: float
    created_s: float
    style: str = ""
    negative_prompt: str = ""
    quality: str = ""
    seed: int | None = None
    drawn_seed: int = 0
    images: int = 1
    account: str = ""
    request: Mapping[str, object] = field(default_factory=dict)
    #: The picture that the look is taken from, as far as the service took it, and how much of it.
    reference: str = ""
    reference_strength: str = ""
    is_square: bool = False
    # What will become of it.
    starts_s: float = 0.0
    ends_s: float | None = None
    fails: bool = False
    vanishes: bool = False
    without_images: bool = False
    foreign_url: bool = False
    url: str | None = None
    nsfw: bool = False
    # What has happened so far.
    status: Status = "PENDING"
    completed_s: float | None = None
    refunded: bool = False
    polls: int = 0
    collected_s: float | None = None
    downloads: int = 0
    deleted: bool = False

    def at(self, now_s: float) -> Job:
        """The job at that time."""
        if self.ends_s is None or now_s < self.ends_s:
            return self
        if self.fails:
            return replace(self, status="FAILED", completed_s=self.ends_s, refunded=True)
        return replace(self, status="COMPLETE", completed_s=self.ends_s)

    @property
    def paid(self) -> bool:
        """Whether the job was charged and not refunded."""
        return self.charged_usd > 0 and not self.refunded

    @property
    def picture_asked_for(self) -> tuple[object, ...]:
        """The properties by which two jobs of one provider buy the same picture."""
        return (
            self.provider,
            self.model,
            self.prompt,
            self.negative_prompt,
            self.style,
            self.quality,
            self.width_px,
            self.height_px,
            self.seed,
            self.reference,
            self.reference_strength,
        )


def _peak(spans: Iterable[tuple[float, float]]) -> int:
    # An end at the same instant as a start counts first: the two did not overlap.
    steps = sorted(step for start, end in spans for step in ((start, 1), (end, -1)))
    peak = level = 0
    for _, change in steps:
        level += change
        peak = max(peak, level)
    return peak


@dataclass(frozen=True)
class LedgerView:
    """The ledger at the time when it was read."""

    requests: tuple[RequestEntry, ...] = ()
    jobs: tuple[Job, ...] = ()

    def requests_to(self, service: str, endpoint: str | None = None) -> tuple[RequestEntry, ...]:
        """The requests to one service (and endpoint), oldest first."""
        return tuple(
            entry for entry in self.requests if entry.service == service and endpoint in (None, entry.endpoint)
        )

    def jobs_of(self, provider: str) -> tuple[Job, ...]:
        """The jobs of one provider, oldest first."""
        return tuple(job for job in self.jobs if job.provider == provider)

    def jobs_for(self, prompt: str) -> tuple[Job, ...]:
        """The jobs whose prompt contains the text, oldest first."""
        return tuple(job for job in self.jobs if prompt in job.prompt)

    def job(self, job_id: str) -> Job:
        """The job with that id; LookupError if there is none."""
        found = next((job for job in self.jobs if job.job_id == job_id), None)
        if found is None:
            raise LookupError(f"no job {job_id}")
        return found

    @property
    def paid(self) -> tuple[Job, ...]:
        """The jobs that were charged and not refunded."""
        return tuple(job for job in self.jobs if job.paid)

    @property
    def paid_jobs(self) -> int:
        """The number of jobs that were charged and not refunded."""
        return len(self.paid)

    @property
    def paid_usd(self) -> float:
        """The account's bill without refunds."""
        return round(sum(job.charged_usd for job in self.paid), 6)

    @property
    def creates(self) -> int:
        """The number of create requests at all providers, whatever their answer."""
        return sum(entry.endpoint == "create" for entry in self.requests)

    @property
    def polls(self) -> int:
        """The number of polls."""
        return len(self.requests_to("leonardo", "poll"))

    @property
    def downloads(self) -> int:
        """The number of downloads."""
        return len(self.requests_to("cdn"))

    @property
    def uncollected(self) -> tuple[Job, ...]:
        """Paid Leonardo jobs without a download."""
        return tuple(job for job in self.paid if job.provider == "leonardo" and not job.downloads)

    @property
    def authorization_leaks(self) -> tuple[RequestEntry, ...]:
        """Requests that carried a key to a host that must never see one, or in their address."""
        return tuple(entry for entry in self.requests if entry.leak)

    @property
    def trespasses(self) -> tuple[RequestEntry, ...]:
        """Requests to the other loopback port, to which only a followed redirect or a foreign address leads."""
        return self.requests_to("elsewhere")

    @property
    def peak_in_flight(self) -> int:
        """The most jobs between acceptance and end at one time, of all providers, with abandoned ones."""
        return self.peak_jobs()

    def peak_jobs(self, provider: str | None = None) -> int:
        """The most jobs of the provider between acceptance and end at one time."""
        jobs = self.jobs if provider is None else self.jobs_of(provider)
        return _peak((job.created_s, float("inf") if job.ends_s is None else job.ends_s) for job in jobs)

    def peak_requests(self, service: str, endpoint: str | None = None) -> int:
        """The most requests that were handled at one time."""
        return _peak(
            (entry.started_s, float("inf") if entry.ended_s is None else entry.ended_s)
            for entry in self.requests_to(service, endpoint)
        )

    @property
    def worst_sliding_minute(self) -> int:
        """The most API requests to Leonardo in any 60 seconds, without downloads."""
        return self.worst_window("leonardo")

    def worst_window(self, service: str, endpoint: str | None = None, seconds: float = MINUTE_S) -> int:
        """The most requests to the service in any window of that length."""
        times = sorted(entry.started_s for entry in self.requests_to(service, endpoint))
        worst = first = 0
        for last, time_s in enumerate(times):
            while times[first] <= time_s - seconds:
                first += 1
            worst = max(worst, last - first + 1)
        return worst

    def paid_twice(self) -> tuple[tuple[Job, ...], ...]:
        """Groups of paid jobs of one provider that bought the same picture."""
        counts = Counter(job.picture_asked_for for job in self.paid)
        return tuple(
            tuple(job for job in self.paid if job.picture_asked_for == asked)
            for asked, count in counts.items()
            if count > 1
        )

    def paid_at_two_providers(self) -> tuple[str, ...]:
        """Prompts that were paid for at more than one provider."""
        prompts = Counter(prompt for prompt, _ in {(job.prompt, job.provider) for job in self.paid})
        return tuple(sorted(prompt for prompt, count in prompts.items() if count > 1))

    def totals(self) -> dict[str, object]:
        """The figures as JSON."""
        return {
            "paid_jobs": self.paid_jobs,
            "paid_usd": self.paid_usd,
            "creates": self.creates,
            "polls": self.polls,
            "downloads": self.downloads,
            "peak_in_flight": self.peak_in_flight,
            "worst_sliding_minute": self.worst_sliding_minute,
            "authorization_leaks": len(self.authorization_leaks),
            "paid_twice": [[job.job_id for job in group] for group in self.paid_twice()],
        }

    def to_json(self) -> dict[str, object]:
        """Everything as JSON; `from_json` needs `requests` and `jobs` only."""
        return {
            "totals": self.totals(),
            # In place of asdict, which copies in depth: a waiting test reads this a hundred times a second.
            "requests": [vars(entry) for entry in self.requests],
            "jobs": [vars(job) for job in self.jobs],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> LedgerView:
        """The view that `to_json` wrote."""
        requests = cast("list[dict[str, object]]", value["requests"])
        jobs = cast("list[dict[str, object]]", value["jobs"])
        return cls(
            requests=tuple(RequestEntry(**entry) for entry in requests),  # type: ignore[arg-type]  # written by to_json
            jobs=tuple(Job(**job) for job in jobs),  # type: ignore[arg-type]  # written by to_json
        )


class Ledger:
    """The mutable state of the services; safe to use from many threads."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._numbers = itertools.count()
        self._requests: dict[int, RequestEntry] = {}
        self._jobs: dict[str, Job] = {}

    def now(self) -> float:
        """Unix seconds."""
        return self._clock()

    def view(self) -> LedgerView:
        """A view of the ledger at this time."""
        with self._lock:
            now_s = self.now()
            return LedgerView(tuple(self._requests.values()), tuple(job.at(now_s) for job in self._jobs.values()))

    def clear(self) -> None:
        """Forget every request and job."""
        with self._lock:
            self._requests.clear()
            self._jobs.clear()

    def open(self, entry: RequestEntry) -> int:
        """Note a request on its arrival; return its number for `close`."""
        with self._lock:
            number = next(self._numbers)
            self._requests[number] = entry
            return number

    def close(self, number: int, *, status: int, behaviour: str) -> None:
        """Note the answer before it is sent."""
        with self._lock:
            entry = self._requests.get(number)
            if entry is not None:  # else cleared in between
                self._requests[number] = replace(entry, status=status, behaviour=behaviour, ended_s=self.now())

    def recent(self, service: str, endpoint: str | None) -> int:
        """The number of requests in the last 60 seconds."""
        with self._lock:
            since_s = self.now() - MINUTE_S
            return sum(
                entry.started_s > since_s and entry.service == service and endpoint in (None, entry.endpoint)
                for entry in self._requests.values()
            )

    def admit(self, job: Job, render_s: float | None, *, slots: int, pending_limit: int) -> Job | None:
        """Accept the job and plan its time; None if too many jobs wait already.

        The job starts as soon as fewer than `slots` of the provider's jobs are at work, first come, first served. With
        `render_s` None, the job never ends and holds no slot.
        """
        with self._lock:
            now_s = self.now()
            ends = sorted(
                other.ends_s
                for other in self._jobs.values()
                if other.provider == job.provider and other.ends_s is not None and other.ends_s > now_s
            )
            if len(ends) - slots >= pending_limit:
                return None
            starts_s = ends[-slots] if len(ends) >= slots else now_s
            ends_s = None if render_s is None else starts_s + render_s
            planned = replace(job, created_s=now_s, starts_s=starts_s, ends_s=ends_s)
            self._jobs[job.job_id] = planned
            return planned

    def find(self, job_id: str) -> Job | None:
        """The job at this time, None if it is unknown or was deleted."""
        with self._lock:
            job = self._jobs.get(job_id)
            return None if job is None or job.deleted else job.at(self.now())

    def jobs(self) -> tuple[Job, ...]:
        """The jobs at this time, oldest first, without deleted ones."""
        with self._lock:
            now_s = self.now()
            return tuple(job.at(now_s) for job in self._jobs.values() if not job.deleted)

    def paid_usd(self, provider: str) -> float:
        """The provider's bill."""
        with self._lock:
            return sum(job.charged_usd for job in self.jobs() if job.provider == provider and job.paid)

    def note_poll(self, job_id: str) -> None:
        """Count a poll; the first poll after completion collects the job."""
        with self._lock:
            job = self._jobs[job_id]
            complete = job.at(self.now()).status == "COMPLETE"
            collected_s = self.now() if complete and job.collected_s is None else job.collected_s
            self._jobs[job_id] = replace(job, polls=job.polls + 1, collected_s=collected_s)

    def note_download(self, job_id: str) -> None:
        """Count a download whose answer had a body."""
        with self._lock:
            job = self._jobs[job_id]
            self._jobs[job_id] = replace(job, downloads=job.downloads + 1)

    def delete(self, job_id: str) -> None:
        """Delete the job from the account; the ledger keeps it."""
        with self._lock:
            self._jobs[job_id] = replace(self._jobs[job_id], deleted=True)

    def finish(self) -> None:
        """End every pending job."""
        with self._lock:
            now_s = self.now()
            for job_id, job in self._jobs.items():
                if job.ends_s is None or job.ends_s > now_s:
                    self._jobs[job_id] = replace(job, starts_s=min(job.starts_s, now_s), ends_s=now_s)

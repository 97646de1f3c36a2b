"""The true events of a history, hidden from its processes: orders, jobs, builds.

Times are the scheduler's seconds.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from mkdocs_leonardo.spec import JsonValue

if TYPE_CHECKING:
    from .disk import Disk

NEVER = float("inf")

#: The end of an order for the process that sent it. "nothing": it never heard, since it died or was interrupted.
Heard = Literal["nothing", "accepted", "refused", "failed", "lost", "not sent"]


@dataclass(eq=False, slots=True)
class Job:
    """A service's job for an order, and the times at which it is shown. From `visible_from` on the list has the job."""

    number: int
    id: str
    order: Order | None
    created_at: float
    visible_from: float
    known_from: float
    done_at: float
    ending: str
    cost_usd: float
    fields: dict[str, JsonValue]
    picture: bytes = b""
    downloadable_from: float = 0.0
    damaged_downloads: int = 0
    asked_by: set[int] = field(default_factory=set)
    asked_at: list[float] = field(default_factory=list)
    given_up_at: float = NEVER

    def ask(self, build: BuildRecord, now: float) -> None:
        """Note that the build knows the job."""
        self.asked_by.add(build.number)
        if self.order is not None and self.order.build is not build:
            build.adopted.append(self.order)
        if self.order is None or self.order.build is not build or build.has_slept or build.was_hindered:
            self.asked_at.append(now)

    @property
    def is_deliverable(self) -> bool:
        """Whether the job's picture can ever be downloaded."""
        return self.deliverable_from < NEVER

    @property
    def deliverable_from(self) -> float:
        """The time from which the job's picture can be downloaded."""
        return max(self.done_at, self.known_from, self.downloadable_from) if self.ending == "picture" else NEVER


@dataclass(eq=False, slots=True)
class Upload:
    """One reference that a build sends to an account. `status` is the answer, 0 if none arrived."""

    id: str
    build: BuildRecord
    began_at: float
    ended_at: float = NEVER
    status: int = 0


@dataclass(eq=False, slots=True)
class Order:
    """One create call. `job` is its result; a service without jobs has one, too, for the charge.

    `reserved_at` is the time at which the caps allowed the order, before its reference was uploaded.
    """

    number: int
    build: BuildRecord
    service: str
    key: str
    estimate_usd: float
    sent_at: float
    arrived_at: float = NEVER
    heard: Heard = "nothing"
    heard_at: float = NEVER
    stated_usd: float | None = None
    job: Job | None = None
    reference: str = ""
    seed: JsonValue = None
    reserved_at: float = NEVER

    @property
    def is_open(self) -> bool:
        """Whether the sending process cannot know the outcome."""
        return self.heard in {"nothing", "failed", "lost"}


@dataclass(eq=False, slots=True)
class BuildRecord:
    """One build: its caps, its requests and its messages.

    `asked` counts the orders that the build began; some of them never left.
    """

    number: int
    disk: Disk
    max_new_images: int
    max_cost_usd: float | None
    started_at: float
    orders: list[Order] = field(default_factory=list)
    looks: list[tuple[float, bool]] = field(default_factory=list)
    adopted: list[Order] = field(default_factory=list)
    requests: int = 0
    asked: int = 0
    vain_questions: int = 0
    interrupted_at: float = NEVER
    ended_at: float = NEVER
    end: Literal["running", "finished", "killed", "interrupted", "broken"] = "running"
    fault: str = ""
    totals: dict[str, Any] = field(default_factory=dict)
    heroes: list[Any] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    is_calm: bool = False
    was_hindered: bool = False
    #: The build lost its lease, and began anew.
    has_begun_anew: bool = False
    has_slept: bool = False


class Ledger:
    """The world's ledger, and the trace of all events, by which a replay is compared."""

    def __init__(self) -> None:
        self.orders: list[Order] = []
        self.jobs: list[Job] = []
        self.builds: list[BuildRecord] = []
        self.uploads: list[Upload] = []
        self.trace: list[tuple[float, str, object]] = []

    def note(self, now: float, event: str, detail: object = "") -> None:
        """Add one event to the trace."""
        self.trace.append((now, event, detail))

    @property
    def kinds(self) -> Counter[str]:
        """The number of events of each kind."""
        return Counter(event for _, event, _ in self.trace)

    def digest(self) -> str:
        """The digest of the whole history."""
        text = "\n".join(f"{now:.9f} {event} {detail}" for now, event, detail in self.trace)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

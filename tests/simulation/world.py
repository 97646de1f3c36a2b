"""The simulated world of one history: its weather, its services and its wire, all drawn from one seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from .clock import Scheduler
from .ledger import NEVER, Ledger
from .services import ImageService, JobService

T = TypeVar("T")

#: What may be wrong, by where it strikes. Some words are read by the service: "accepts and fails: 502".
KINDS: Mapping[str, Sequence[str]] = {
    "create": (
        *(f"refuses: {name}" for name in ("429", "429 without a word", "hook", "401", "credit", "403", "shape")),
        *("refuses: moderated", "refuses: array"),
        *(f"fails: {status}" for status in (500, 502, 503, 504)),
        *(f"accepts and fails: {status}" for status in (500, 502, 503, 504)),
        *("accepts and is lost", "never arrives", "accepts without a name") * 2,
    ),
    "image": (
        *(f"refuses: {name}" for name in ("429", "quota", "moderated", "shape", "401")),
        *(f"fails: {status}" for status in (500, 502, 503)),
        *("accepts and fails: 502", "accepts and fails: 504", "accepts and is lost", "never arrives"),
        *("is spoilt", "sends nothing"),
    ),
    "list": ("500", "503", "is lost", "answers null", "429"),
    "ask": ("500", "is lost", "answers null", "429", "503"),
    "me": ("500", "is lost", "answers null"),
    "download": ("fails",),
    "form": ("500", "is lost", "429"),
    "storage": ("403", "503", "is lost", "never arrives"),
    "reference": ("seconds", "minutes", "hours", "at once"),
    "price": ("charges differently", "says nothing"),
    "lag": ("a moment", "seconds", "a minute", "for ever"),
    "null": ("seconds", "minutes", "for ever"),
    "render": ("late", "very late", "never"),
    "ending": ("failed", "empty", "nsfw", "spoilt"),
    "cdn": ("late", "never", "damaged once", "damaged"),
    "wire": ("not sent", "slow", "very slow"),
    "always": ("shows other presets", "lists the oldest first", "says 404 for null", "shows no clock"),
    "disk": ("full", "sealed", "fails at times"),
    "death": ("at an await", "at a time", "interrupted", "power cut"),
    "sleep": ("seconds", "a minute"),
    "clock": ("forward", "back"),
    "cache": ("restored older", "copied", "damaged", "lost"),
    "strangers": ("a few", "a page", "many"),
}
#: Which services a site asks, in which order.
CHAINS: Sequence[tuple[str, ...]] = (
    *(("leonardo",),) * 3,
    *(("leonardo", "openai"),) * 3,
    ("openai", "leonardo"),
    ("openai",),
)
#: The weight of a kind of place that is not 1.
_WEIGHTS = {"create": 6, "lag": 3, "null": 2, "death": 5, "image": 2, "disk": 2, "list": 2, "cache": 2, "strangers": 1}
#: Places that a chain without the service never comes to.
_ONLY_JOBS = frozenset(
    {"create", "list", "ask", "me", "download", "price", "lag", "null", "render", "ending", "cdn"}
) | {
    "always",
    "strangers",
    "form",
    "storage",
    "reference",
}
_ONLY_IMAGES = frozenset({"image"})


def _places(providers: tuple[str, ...]) -> Sequence[str]:
    """The places of a chain where a fault can happen, each repeated by its weight."""
    left_out = (frozenset() if "leonardo" in providers else _ONLY_JOBS) | (
        frozenset() if "openai" in providers else _ONLY_IMAGES
    )
    return tuple(place for place in KINDS if place not in left_out for _ in range(_WEIGHTS.get(place, 1)))


_PLACES = {providers: _places(providers) for providers in CHAINS}


@dataclass(frozen=True, slots=True)
class Trouble:
    """A fault with the probability `chance` between two times."""

    place: str
    kind: str
    start: float
    end: float
    chance: float


class Habits:
    """Properties of jobs, drawn for each job by the weather."""

    def __init__(self, world: World) -> None:
        self._world = world

    def lag_s(self) -> float:
        """The seconds in which the list hides a job."""
        draw = self._world.between
        match self._world.struck("lag"):
            case "a moment":
                return draw(0.1, 1.8)
            case "seconds":
                return draw(2.0, 9.5)
            case "a minute":
                return draw(10.0, 90.0)
            case "for ever":
                return NEVER
        return 0.0

    def null_s(self) -> float:
        """The seconds in which the service does not know the job by its id."""
        match self._world.struck("null"):
            case "seconds":
                return self._world.between(0.5, 9.0)
            case "minutes":
                return self._world.between(20.0, 600.0)
            case "for ever":
                return NEVER
        return 0.0

    def render_s(self) -> float:
        """The seconds that the picture takes."""
        match self._world.struck("render"):
            case "late":
                return self._world.between(25.0, 90.0)
            case "very late":
                return self._world.between(300.0, 3000.0)
            case "never":
                return NEVER
        return self._world.between(1.0, 20.0)

    def ending(self) -> str:
        """The end of the job."""
        return self._world.struck("ending") or "picture"

    def cdn_s(self) -> float:
        """The seconds from the order until the picture can be downloaded."""
        match self._world.struck("cdn"):
            case "late":
                return self._world.between(10.0, 120.0)
            case "never":
                return NEVER
        return 0.0

    def reference_s(self) -> float:
        """The seconds for which the service keeps an uploaded reference."""
        match self._world.struck("reference"):
            case "seconds":
                return self._world.between(0.5, 9.0)
            case "minutes":
                return self._world.between(20.0, 600.0)
            case "hours":
                return self._world.between(3600.0, 90_000.0)
            case "at once":
                return 0.0
        return NEVER

    def damaged_downloads(self) -> int:
        """The number of downloads with wrong bytes."""
        return {"damaged once": 1, "damaged": 5}.get(self._world.struck("cdn"), 0)


class World:
    """The weather, services, ledger and time of one history."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.providers = self.draw(CHAINS)
        self.scheduler = Scheduler(self.random, is_drawn=self.random.random() < 0.5)
        self.ledger = Ledger()
        self.troubles: dict[str, list[Trouble]] = {}
        for _ in range(self.draw((1, 2, 2, 3, 3, 4, 5, 7))):
            trouble = self._trouble()
            self.troubles.setdefault(trouble.place, []).append(trouble)
            self.note("trouble", f"{trouble.place}: {trouble.kind}")
        self.habits = Habits(self)
        self.is_calm = False
        self.jobs = JobService(self)
        self.images = ImageService(self)

    @property
    def now(self) -> float:
        """Seconds since the history began."""
        return self.scheduler.now

    def _trouble(self) -> Trouble:
        place = self.draw(_PLACES[self.providers])
        start = self.draw((0.0, 0.0, 0.0, 0.0, 3.0, 30.0))
        lasts = self.draw((2.0, 10.0, 60.0, 600.0, NEVER, NEVER))
        chance = self.draw((0.3, 0.6, 1.0))
        return Trouble(place, self.draw(KINDS[place]), start, start + lasts, chance)

    def draw(self, values: Sequence[T]) -> T:
        """One of `values`."""
        return values[int(self.random.random() * len(values))]

    def between(self, low: float, high: float) -> float:
        """A number between the two."""
        return low + (high - low) * self.random.random()

    def chance(self, probability: float) -> bool:
        """Whether something with that probability happens."""
        return self.random.random() < probability

    def struck(self, place: str) -> str:
        """The faults at that place now."""
        if not self.is_calm:
            for trouble in self.troubles.get(place, ()):
                if trouble.start <= self.now < trouble.end and self.chance(trouble.chance):
                    self.note(f"{place}: {trouble.kind}")
                    return trouble.kind
        return ""

    def is_always(self, kind: str) -> bool:
        """Whether the world is of that kind from its beginning to its end."""
        return any(trouble.kind == kind for trouble in self.troubles.get("always", ()))

    def note(self, event: str, detail: object = "") -> None:
        """Add one event to the trace."""
        self.ledger.note(self.now, event, detail)

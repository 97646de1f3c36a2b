"""One history, drawn from a seed: builds in a changing world, and closing builds in a calm one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import cast
from unittest.mock import patch

from PIL import Image

from mkdocs_leonardo.spec import HeroSpec, PictureSpec, Reference, digest_of
from mkdocs_leonardo.storage import process_leases

from .clock import Stuck, without_threads
from .disk import Disk
from .invariants import Violation, check
from .ledger import NEVER, Ledger
from .process import Machine, Process, SiteConfig, product_of
from .world import World

#: When the calm builds come, each counted from the one before (seconds). Jobs are asked for at growing intervals.
CALM_WAITS_S = (7200.0, 86_400.0, 20 * 86_400.0, 20 * 86_400.0)
#: What may pass between builds (seconds).
_WAITS_S = (0.0, 1.0, 8.0, 60.0, 700.0, 5000.0, 30_000.0, 90_000.0, 32 * 86_400.0)
#: A build that takes longer than this has a fault (seconds).
LONGEST_BUILD_S = 3 * 3600.0


def _grey() -> bytes:
    """A small picture that Pillow reads."""
    file = BytesIO()
    Image.new("L", (16, 9)).save(file, "PNG")
    return file.getvalue()


_GREY = _grey()


class _File:
    """A reference in the site's folder."""

    name = "look.jpg"

    @staticmethod
    def read_bytes() -> bytes:
        """The bytes of the file."""
        return _GREY


_STYLES = ("CINEMATIC", "MOODY", "DYNAMIC")
#: A picture whose look some pages take over.
_LOOK = Reference(digest_of(_GREY), path=cast("Path", _File()))
_PROMPTS = ("a lighthouse", "a harbour", "a meadow")


class History:
    """The machines, builds and world of one seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.world = World(seed)
        self.site = self._site()
        self.machine = Machine("m1", Disk("d1"))
        self._snapshots: list[Disk] = []
        self._disks = 1

    @property
    def ledger(self) -> Ledger:
        """The world's ledger."""
        return self.world.ledger

    @property
    def keys(self) -> list[list[str]]:
        """For each page, the keys of its picture in the chain's order."""
        return [[product_of(name, hero.picture).key for name in self.site.providers] for hero in self.site.heroes]

    @property
    def twins(self) -> set[str]:
        """Keys of pictures that differ in style alone and have an author's seed, so that the list shows them alike."""
        pictures = {
            hero.picture for hero in self.site.heroes if hero.picture is not None and hero.picture.seed is not None
        }
        alike = Counter((picture.prompt, picture.seed) for picture in pictures)
        return {product_of("leonardo", picture).key for picture in pictures if alike[picture.prompt, picture.seed] > 1}

    def shows_a_better_one(self, key: str) -> bool:
        """Whether every page that could show `key` has a picture of an earlier provider."""
        return all(any(map(self.machine.disk.has, keys[: keys.index(key)])) for keys in self.keys if key in keys)

    def run(self) -> None:
        """Run from the first build to the last; Violation at the first violated invariant."""
        with without_threads(), _processes_of(self):
            try:
                self.world.jobs.add_strangers(0.0)
                for _ in range(self.world.draw((1, 1, 2, 2, 3))):
                    self._round()
                self._closing()
                self.world.scheduler.wait(60.0)
            except Stuck as error:
                raise Violation(str(error)) from error

    # What is drawn ---------------------------------------------------------------------------------------------------

    def _site(self) -> SiteConfig:
        draw = self.world.draw
        # An image service takes no seed, so that there only the prompt tells one order from another.
        seeds = (None, None, None, 7) if self.world.providers == ("leonardo",) else (None,)
        looks = draw(((None,), (None,), (None, _LOOK), (_LOOK,)))
        pictures = [
            PictureSpec(draw(_PROMPTS), style=draw(_STYLES), seed=draw(seeds), reference=draw(looks))
            for _ in range(draw((1, 1, 1, 2, 2, 3, 5)))
        ]
        heroes = [HeroSpec(f"page-{number}.md", picture) for number, picture in enumerate(pictures)]
        return SiteConfig(
            heroes=heroes,
            providers=self.world.providers,
            max_new_images=draw((1, 2, 3, 25)),
            max_cost_usd=draw((None, None, 0.05, 0.1)),
            concurrency=draw((1, 2, 10)),
            api_version=draw(("v1", "v1", "v2")),
        )

    def _round(self) -> None:
        """Run one build, or several side by side, and the events between builds."""
        world = self.world
        self._snapshots.append(self.machine.disk.copy(f"d{self._disks}"))
        processes = [self._process(self.machine) for _ in range(world.draw((1, 1, 1, 2)))]
        if world.struck("cache") == "copied":
            copy = Machine("m2", self.machine.disk.copy("other"))
            processes.append(self._process(copy))
        for process in processes:
            world.scheduler.at(world.now + world.draw((0.0, 0.0, 0.5, 3.0, 12.0)), process.start)
        if trouble := world.struck("disk"):
            self._disk_trouble(trouble)
        if trouble := world.struck("clock"):
            by_s = world.draw((30.0, 3600.0)) * (1 if trouble == "forward" else -1)
            world.scheduler.at(world.now + world.between(0.0, 20.0), lambda: self._set_clock(by_s))
        self._finish(processes)
        self.machine.disk.trouble, self.machine.disk.failing_part = "", 0.0
        self._between_builds()

    def _process(self, machine: Machine) -> Process:
        world = self.world
        fate = world.struck("death")
        if fate == "power cut":
            machine.power_left = int(world.between(1, 150))
        process = Process(
            world, machine, self.site, touches_left=int(world.between(1, 150)) if fate == "at an await" else 0
        )
        if fate == "at a time":
            world.scheduler.at(world.now + world.between(0.0, 40.0), lambda: process.kill("at a time"))
        if fate == "interrupted":
            world.scheduler.at(world.now + world.between(0.0, 40.0), process.interrupt)
        if nap := world.struck("sleep"):
            seconds = world.between(1.0, 15.0) if nap == "seconds" else world.between(15.0, 90.0)
            world.scheduler.at(world.now + world.between(0.0, 40.0), lambda: process.freeze(seconds))
        return process

    def _disk_trouble(self, trouble: str) -> None:
        world, disk = self.world, self.machine.disk

        def begin() -> None:
            if trouble == "fails at times":
                disk.failing_part = world.draw((0.05, 0.3))
            else:
                disk.trouble = trouble

        def end() -> None:
            disk.trouble, disk.failing_part = "", 0.0

        start = world.now + world.draw((0.0, 1.0, 5.0))
        world.scheduler.at(start, begin)
        world.scheduler.at(start + world.draw((1.0, 10.0, 1000.0)), end)

    def _set_clock(self, by_s: float) -> None:
        if not self.machine.clock_error_s:
            self.world.note("clock set", by_s)
            self.machine.clock_error_s = by_s

    def _between_builds(self) -> None:
        world, disk = self.world, self.machine.disk
        match world.struck("cache"):
            case "restored older":
                self._disks += 1
                self.machine = Machine(f"m1-{self._disks}", world.draw(self._snapshots).copy(f"d{self._disks}"))
            case "lost":
                self._disks += 1
                self.machine = Machine(f"m1-{self._disks}", Disk(f"d{self._disks}"))
            case "damaged" if disk.files:
                name = world.draw(sorted(disk.files))
                disk.files[name] = b"version https://git-lfs.github.com/spec/v1"
                disk.damaged.add(name)
        self._wait(world.draw(_WAITS_S))

    # Running ---------------------------------------------------------------------------------------------------------

    def _finish(self, processes: list[Process]) -> None:
        self.world.scheduler.run(self.world.now + LONGEST_BUILD_S)
        if not all(process.is_over for process in processes):
            raise Violation(f"a build has not ended after {LONGEST_BUILD_S:.0f} s")

    def _wait(self, seconds: float) -> None:
        self.world.scheduler.wait(seconds)

    def _closing(self) -> None:
        """Run builds in a calm world until every paid picture is stored and the builds ask for nothing."""
        world = self.world
        world.is_calm = True
        world.note("calm")
        self.site = replace(self.site, max_new_images=25, max_cost_usd=None, concurrency=10)
        for wait_s in CALM_WAITS_S:
            self._wait(wait_s)
            disk = self.machine.disk
            is_at_hand = not disk.has_open_jobs and all(disk.has(keys[0]) for keys in self.keys)
            process = Process(world, self.machine, self.site)
            process.start()
            self._finish([process])
            if is_at_hand and process.record.requests:
                raise Violation(f"a build whose heroes are all at hand asks {process.record.requests} times")
            if is_at_hand:
                # A later build has no request left.
                break


@contextmanager
def _processes_of(history: History) -> Iterator[None]:
    """Let the journal ask about simulated processes inside the block."""
    builds = history.ledger.builds

    def look(pid: int) -> tuple[bool, str]:
        return builds[pid - 1].ended_at < NEVER, ""

    with patch.object(process_leases, "_look_up_process", look):
        yield


def play(seed: int) -> History:
    """Play the history of `seed` with all its invariants checked; Violation otherwise."""
    history = History(seed)
    try:
        history.run()
        check(history)
    except Violation as violation:
        violation.seed = seed
        violation.history = history
        raise
    return history

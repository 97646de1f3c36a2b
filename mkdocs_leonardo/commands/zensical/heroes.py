"""The heroes of one build with Zensical: missing images are made, and manifest and state written.

With the state of the last build, whose heroes are settled, the next build need not read each page.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mkdocs_leonardo import __version__
from mkdocs_leonardo.acquire.budget import Budget
from mkdocs_leonardo.commands.terminal import CommandError, Console
from mkdocs_leonardo.files import link_or_copy, write_if_changed
from mkdocs_leonardo.log import PREFIX
from mkdocs_leonardo.resolution import Failure, Resolution
from mkdocs_leonardo.spec import MANIFEST, STYLESHEET

if TYPE_CHECKING:
    from mkdocs_leonardo.build import Build
    from mkdocs_leonardo.commands.site import SitePages
    from mkdocs_leonardo.commands.zensical.project import Project
    from mkdocs_leonardo.runtime import Runtime
    from mkdocs_leonardo.settings import Settings
    from mkdocs_leonardo.spec import HeroSpec

_STATE = "state.json"
#: The ends of the names of pages, and of files of metadata.
_SOURCES = (".md", ".yml", ".yaml")
#: The keys whose problems end with a change of the file that they name.
_KEYS_OF_FILES = frozenset({"hero_image", "hero_reference"})
_ENVIRONMENT = re.compile(r"!ENV\s+\[?([^\]\n]+)")
_DECLINED = Failure("it is not stored, and its cost was not agreed to (--yes agrees)")


class VerifiedFile(NamedTuple):
    """A verified file for the site, with its name there, its path, its size and its time."""

    name: str
    path: str
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, name: str, path: Path) -> VerifiedFile:
        """Describe the file as it is now."""
        status = path.stat()
        return cls(name, str(path), status.st_size, status.st_mtime_ns)

    @property
    def identity(self) -> tuple[int, int] | None:
        """The file's device and inode; None if it has changed."""
        try:
            status = os.stat(self.path)  # noqa: PTH116 - slower, and called for each picture on every build
        except OSError:
            return None
        is_unchanged = (status.st_size, status.st_mtime_ns) == (self.size, self.mtime_ns)
        return (status.st_dev, status.st_ino) if is_unchanged else None


@dataclass(frozen=True, slots=True)
class BuildState:
    """The heroes of all pages. Every build repeats `warnings`. `stop_reason` is the reason to build no site, or "".

    `own` are authors' images on pages. `identities` are device and inode of the files that were just verified.
    """

    warnings: tuple[str, ...] = ()
    files: tuple[VerifiedFile, ...] = ()
    own: tuple[VerifiedFile, ...] = ()
    stop_reason: str = ""
    identities: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def _compute_fingerprint(project: Project) -> str:
    """Return the digest of version, day, installed packages, configuration, and the text of all pages."""
    # An installation or upgrade, as of Pillow or of a provider's package, changes the time of the packages' folder.
    packages = _read_times(path for path in sys.path if path.endswith("-packages"))
    digest = hashlib.sha256(f"{__version__} {time.strftime('%Y-%m-%d')} {packages}".encode())
    for path in project.files:
        data = path.read_bytes()
        digest.update(data)
        for names in _ENVIRONMENT.findall(data.decode("utf-8", "replace")):
            digest.update(repr([os.environ.get(name.strip(" '\"")) for name in names.split(",")]).encode())
    for name, source in sorted(file for file in list_files(project) if file[0].endswith(_SOURCES)):
        digest.update(name.encode("utf-8", "surrogatepass") + b"\0")
        # An editor's lock may be a link that leads nowhere. `read_pages` reports a page that cannot be read.
        with suppress(OSError), open(source, "rb") as file:  # noqa: PTH123 - slower, and called for each page
            digest.update(file.read() + b"\0")
    return digest.hexdigest()


def list_files(project: Project) -> Iterator[tuple[str, str]]:
    """Yield names and paths of all files in the documentation folder."""
    docs_dir = str(project.docs_dir)
    for folder, _, files in os.walk(docs_dir, followlinks=True):
        for name in files:
            path = os.path.join(folder, name)  # noqa: PTH118 - pathlib is slower, for each file
            yield path[len(docs_dir) :], path


def _find_set_keys(variables: Iterable[str]) -> dict[str, bool]:
    """Find which of the environment variables hold an API key."""
    return {name: bool(os.environ.get(name, "").strip()) for name in variables}


def _read_times(folders: Iterable[str]) -> dict[str, int | None]:
    """Return when a file last came into each folder, or left it; None for a missing folder."""
    times: dict[str, int | None] = dict.fromkeys(folders)
    for folder in times:
        with suppress(OSError):
            times[folder] = Path(folder).stat().st_mtime_ns
    return times


def _read_state(folder: Path, project: Project, now: datetime) -> BuildState | None:
    """Read the state of the last build; None if a file or key has changed since, or a post's date has come."""
    try:
        value: dict[str, Any] = json.loads((folder / _STATE).read_bytes())
        state = BuildState(
            warnings=tuple(map(str, value["warnings"])),
            files=tuple(VerifiedFile(*values) for values in value["files"]),
            own=tuple(VerifiedFile(*values) for values in value["own"]),
        )
        is_current = (
            (value["ends_at"] is None or now.timestamp() < value["ends_at"])
            and value["keys"] == _find_set_keys(value["keys"])
            and value["folders"] == _read_times(value["folders"])
            and value["fingerprint"] == _compute_fingerprint(project)
        )
    except (OSError, ValueError, LookupError, TypeError):
        return None
    if not is_current:
        return None
    identities = {file.path: file.identity for file in (*state.files, *state.own)}
    known = {path: identity for path, identity in identities.items() if identity is not None}
    return replace(state, identities=known) if len(known) == len(identities) else None


# The build ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BuiltHeroes:
    """The heroes of one build, with its summary for the log (`totals`)."""

    site: SitePages
    build: Build
    resolutions: tuple[Resolution, ...]
    totals: str

    @property
    def are_stored(self) -> bool:
        """Whether each page shows its own picture."""
        return all(
            page.asset is not None and not (page.failure or page.asset.is_substitute) for page in self.resolutions
        )

    @property
    def are_settled(self) -> bool:
        """Whether another build would show the same: each picture is stored, or there is no provider or team to ask."""
        if any(problem.key in _KEYS_OF_FILES for problem in self.site.problems):
            return False
        is_alone = self.site.settings.shared_store is None and bool(self.build.no_provider_fix)
        return self.are_stored or (
            is_alone and not any(page.failure or page.asset is None for page in self.resolutions)
        )


@contextmanager
def prepare_build(
    project: Project, console: Console, *, yes: bool, now: datetime | None = None
) -> Iterator[BuildState]:
    """Prepare the heroes of this build and write the manifest; missing images are made after a question.

    The pages are not read again if nothing on which heroes depend has changed since they were settled.
    """
    folder = project.build_folder
    now = now or datetime.now(UTC)
    state = _read_state(folder, project, now)
    if state is not None:
        console.warn(*state.warnings)
        yield state
        return
    from mkdocs_leonardo.commands.site import read_project_pages

    fingerprint = _compute_fingerprint(project)
    site = read_project_pages(project, console, now=now)
    console.warn(*site.problem_lines)
    times = _read_times(map(str, (site.settings.gallery_dir, site.settings.cache_dir / "pictures")))
    with build_heroes(site, site.settings, console, yes=yes) as heroes:
        console.note(f"{PREFIX}{heroes.totals}")
        yield save_heroes(project, heroes, console, inputs={"fingerprint": fingerprint, "folders": times})


@contextmanager
def build_heroes(site: SitePages, settings: Settings, console: Console, *, yes: bool = False) -> Iterator[BuiltHeroes]:
    """Resolve the heroes of a build with these settings; buy missing images, within the caps, after a question.

    The heroes' files exist until the end of the block.
    """
    from mkdocs_leonardo.build import Build

    budget = Budget(max_new_images=0, max_cost_usd=0.0)
    build = Build(settings, environ=os.environ, notify=console.notify, budget=budget)
    try:
        missing = [hero for hero in site.heroes if not build.take_stored(hero)]
        to_buy = missing if settings.generate else []
        is_declined = bool(to_buy) and not _is_agreed(build.runtime, to_buy, settings, budget, console, yes=yes)
        for hero in missing:
            build.request_hero(hero)
        results, totals = build.join(title=site.config.config_file.parent.name)
        resolutions = tuple(
            replace(page, failure=_DECLINED, capped_usd=None) if is_declined and page.capped_usd is not None else page
            for page in results
        )
        yield BuiltHeroes(site, build, resolutions, totals)
    finally:
        build.close()


def _is_agreed(
    runtime: Runtime, to_buy: Sequence[HeroSpec], settings: Settings, budget: Budget, console: Console, *, yes: bool
) -> bool:
    """Show the missing images and their cost; return whether it is agreed to. `budget` then allows it."""
    from mkdocs_leonardo.acquire.failover import MAX_CALLS
    from mkdocs_leonardo.commands.hero_status import find_statuses
    from mkdocs_leonardo.commands.purchases import PurchasePlan, confirm_payment

    plan = PurchasePlan(find_statuses(runtime, to_buy), settings)
    plan.show(console)
    if plan.allowed and not (yes or (console.can_ask and confirm_payment(console, yes=False))):
        return False
    # A fallback after a failed job is a new image as well; the plan has shown what that may cost.
    most_calls = MAX_CALLS * sum(offer.can_be_bought for status in plan.allowed for offer in status.offers)
    budget.replace_caps(max_new_images=min(settings.max_new_images, most_calls), max_cost_usd=plan.most_usd)
    return True


def save_heroes(
    project: Project,
    heroes: BuiltHeroes,
    console: Console,
    *,
    inputs: Mapping[str, Any] | None = None,
    theme: Path | None = None,
) -> BuildState:
    """Write the manifest, the stylesheet and the state; return the further files of the site, and messages.

    `inputs` are the fingerprint and the folders' times from before the build; without them, no state is kept. With
    `theme`, the pictures are put there, and Zensical copies them into the site.
    """
    from mkdocs_leonardo.commands.folders import make_entry
    from mkdocs_leonardo.page.manifest import Manifest, write_manifest
    from mkdocs_leonardo.page.stylesheet import build_zensical_stylesheet
    from mkdocs_leonardo.report import list_complaints
    from mkdocs_leonardo.storage.cache_move import hide_from_git

    settings, folder = heroes.site.settings, project.build_folder
    pairs = {result.hero.page: (result.hero, result.asset) for result in heroes.resolutions if result.asset is not None}
    entries = {page: make_entry(hero, asset) for page, (hero, asset) in pairs.items()}
    manifest = Manifest(settings.defaults, settings.markup, entries)
    # In a preview, `host.preview` reports missing heroes.
    shown_by_build = () if theme is not None else heroes.resolutions
    messages = list_complaints(
        shown_by_build, on_missing=settings.on_missing, without_provider=heroes.build.no_provider_fix
    )
    for level, text in messages:
        console.notify(level, str(text))
    sheet = build_zensical_stylesheet(manifest)
    own_paths = [path for result in heroes.resolutions for path in _find_own_files(result.hero)]
    try:
        hide_from_git(folder)
        write_if_changed(folder / STYLESHEET, sheet)
        places = {variant.name: variant.path for _, asset in pairs.values() for variant in asset.rendering.variants}
        files = [VerifiedFile.of(name, path) for name, path in {**places, STYLESHEET: folder / STYLESHEET}.items()]
        if theme is not None:
            link_files(files, theme / project.assets)
        # The manifest is written last, so that it never names a missing file.
        write_if_changed(folder / MANIFEST, write_manifest(manifest))
        state = BuildState(
            warnings=(*heroes.site.problem_lines, *(str(text) for level, text in messages if level >= logging.WARNING)),
            files=tuple(files),
            own=tuple(VerifiedFile.of("", path) for path in own_paths),
            stop_reason="heroes are missing, and `on_missing: error` stops the build"
            if any(level >= logging.ERROR for level, _ in messages)
            else "",
        )
        if inputs and not messages and heroes.are_settled:
            write_if_changed(folder / _STATE, _encode_state(state, heroes, inputs))
        else:
            # The next build reads every page.
            (folder / _STATE).unlink(missing_ok=True)
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}; make {folder} writable") from error
    return state


def _encode_state(state: BuildState, heroes: BuiltHeroes, inputs: Mapping[str, Any]) -> bytes:
    """Encode the state for the next build as JSON."""
    from mkdocs_leonardo.providers.declaration import key_variable

    ends_at = heroes.site.next_post_at
    value = {
        "fingerprint": inputs["fingerprint"],
        "ends_at": ends_at.timestamp() if ends_at is not None else None,
        "keys": _find_set_keys(key_variable(provider.name) for provider in heroes.build.runtime.chain),
        # A picture that was stored during the build takes the place of a placeholder in the next build.
        "folders": _read_times(inputs["folders"]) if heroes.are_stored else inputs["folders"],
        "warnings": state.warnings,
        "files": state.files,
        "own": state.own,
    }
    return json.dumps(value).encode()


def _find_own_files(hero: HeroSpec) -> Iterator[Path]:
    """Yield the author's files on which a page's hero depends: its own image, or its reference."""
    look = hero.picture.reference if hero.picture is not None else None
    for path in (hero.own_image, look.path if look is not None else None):
        if path is not None:
            yield path


def link_files(files: Sequence[VerifiedFile], folder: Path) -> None:
    """Link files of the cache into the folder; copy them on another disk. Cache files are never written to again."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        link_or_copy(file.path, f"{folder}{os.sep}{file.name}")

"""`zensical build`: makes missing images, then has Zensical build the site with heroes, covers and tags for sharing."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs_leonardo.acquire.budget import Budget
from mkdocs_leonardo.commands.terminal import CommandError, Console
from mkdocs_leonardo.commands.zensical import Project, project_for
from mkdocs_leonardo.commands.zensical_host import Addition, assets_folder, run_zensical
from mkdocs_leonardo.commands.zensical_state import (
    PublishedFile,
    State,
    fingerprint_of,
    forget_state,
    read_state,
    write_state,
)
from mkdocs_leonardo.files import is_below, link_over, write_if_changed
from mkdocs_leonardo.host.published_folder import PublishedFolder
from mkdocs_leonardo.report import counted
from mkdocs_leonardo.resolution import Failure, Resolution
from mkdocs_leonardo.spec import MANIFEST, MARKDOWN_EXTENSION, STYLESHEET
from mkdocs_leonardo.storage.cache_move import is_in_use

if TYPE_CHECKING:
    from mkdocs_leonardo.build import Build
    from mkdocs_leonardo.commands.site import SitePages
    from mkdocs_leonardo.runtime import Runtime
    from mkdocs_leonardo.settings import Settings
    from mkdocs_leonardo.spec import HeroSpec

_DECLINED = Failure("it is not stored, and its cost was not agreed to (--yes agrees)")


def build(
    config_file: str | None, console: Console, *, rest: Sequence[str], clean: bool, strict: bool, yes: bool
) -> int:
    """Build the site; Zensical's exit code, or 1 for a warning of ours under `--strict`.

    `rest` are the options that only Zensical reads.
    """
    project = project_for(config_file)
    arguments = ["build", "--config-file", str(project.path), *["--strict"] * strict, *rest]
    if not uses_plugin(project, console):
        return run_zensical([*arguments, *["--clean"] * clean], None)
    with ready(project, console, yes=yes) as state:
        if state.stops:
            console.note(f"Error: {state.stops}")
            return 1
        if clean and not _is_cleaned(project, console):
            arguments.append("--clean")
        return _run(arguments, project, state, console, strict=strict)


def _run(arguments: list[str], project: Project, state: State, console: Console, *, strict: bool) -> int:
    folder = folder_of(project)
    report = folder / "report.jsonl"
    with suppress(OSError):
        report.unlink(missing_ok=True)
    published = PublishedFolder(project.site_dir, assets_of(project))
    published.set_aside()
    try:
        code = run_zensical(arguments, Addition(str(folder / MANIFEST), str(report)))
    finally:
        places = {f"{assets_of(project)}/{file.name}": file.path for file in state.files}
        there = published.put_back(places, state.seen)
    if code != 0:
        return code
    warnings = dict.fromkeys((*state.warnings, *_finish_site(project, state, there), *_lines(report)))
    console.warn(*(text for text in warnings if text not in state.warnings))
    if warnings and (strict or project.values.get("strict") is True):
        console.note(f"leonardo: {counted(len(warnings), 'warning', 'warnings')} in strict mode")
        return 1
    return 0


def uses_plugin(project: Project, console: Console) -> bool:
    """Whether the site uses the plugin; a note says so if it does not."""
    if project.is_on("leonardo"):
        return True
    console.note(f"leonardo: {project.path.name} does not use the plugin, or switches it off; the site has no heroes")
    return False


def folder_of(project: Project) -> Path:
    """The folder of manifest and state for this site: out of reach of `--clean`, and not in the site."""
    return project.root / ".leonardo/zensical"


def assets_of(project: Project) -> str:
    """The pictures' folder below the site's."""
    return assets_folder(project.extensions.get(MARKDOWN_EXTENSION, {}))


# Heroes --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Heroes:
    """The heroes of one build."""

    site: SitePages
    build: Build
    resolutions: tuple[Resolution, ...]
    totals: str

    @property
    def are_settled(self) -> bool:
        """Whether another build would show the same: each picture is stored, or there is no provider or team to ask."""
        if all(map(_shows_own_image, self.resolutions)):
            return True
        is_alone = self.site.settings.shared_store is None and bool(self.build.provider_wanted)
        return is_alone and not any(one.failure or one.asset is None for one in self.resolutions)


def _shows_own_image(resolution: Resolution) -> bool:
    """Whether the page shows what it asks for."""
    return not resolution.failure and resolution.asset is not None and not resolution.asset.is_placeholder


@contextmanager
def ready(project: Project, console: Console, *, yes: bool) -> Iterator[State]:
    """The heroes of this build, with the manifest written; missing images are made after a question.

    A site whose pages and configuration have not changed since all heroes were stored is not read again.
    """
    folder = folder_of(project)
    state = read_state(folder, project)
    if state is not None:
        console.warn(*state.warnings)
        yield state
        return
    from mkdocs_leonardo.commands.site import project_pages

    fingerprint = fingerprint_of(project)
    site = project_pages(project, console)
    console.warn(*site.problems)
    with built(site, site.settings, console, yes=yes) as heroes:
        console.note(f"leonardo: {heroes.totals}")
        yield published(project, heroes, console, fingerprint=fingerprint)


@contextmanager
def built(site: SitePages, settings: Settings, console: Console, *, yes: bool = False) -> Iterator[Heroes]:
    """The heroes that a build with these settings shows; missing images are bought, within the caps, after a question.

    Their files exist until the end of the block.
    """
    from mkdocs_leonardo.build import Build

    budget = Budget(max_new_images=0, max_cost_usd=0.0)
    build = Build(settings, environ=os.environ, notify=console.notify, budget=budget)
    try:
        missing = [hero for hero in site.heroes if not build.take_stored(hero)]
        to_buy = missing if settings.generate else []
        is_declined = bool(to_buy) and not _is_agreed(build.runtime, to_buy, settings, budget, console, yes=yes)
        for hero in missing:
            build.want(hero)
        found, totals = build.finish(title=site.options.config_file.parent.name)
        resolutions = tuple(
            replace(one, failure=_DECLINED, capped_usd=None) if is_declined and one.capped_usd is not None else one
            for one in found
        )
        yield Heroes(site, build, resolutions, totals)
    finally:
        build.close()


def _is_agreed(
    runtime: Runtime, to_buy: Sequence[HeroSpec], settings: Settings, budget: Budget, console: Console, *, yes: bool
) -> bool:
    """Show what is missing and its cost; whether it is agreed to, so that `budget` allows it."""
    from mkdocs_leonardo.commands.generate import show_plan
    from mkdocs_leonardo.commands.purchases import Plan, agreed
    from mkdocs_leonardo.commands.status import statuses

    plan = Plan(statuses(runtime, to_buy), settings)
    show_plan(plan, console)
    if plan.allowed and not (yes or (console.can_ask and agreed(console, yes=False))):
        return False
    budget.allow(max_new_images=len(plan.allowed), max_cost_usd=plan.most_usd)
    return True


def published(
    project: Project, heroes: Heroes, console: Console, *, fingerprint: str = "", theme: Path | None = None
) -> State:
    """Write the manifest and the stylesheet; the site's further files, and messages.

    With `theme`, the pictures lie there, for Zensical to copy into the site.
    """
    from mkdocs_leonardo.commands.publish import manifest_of
    from mkdocs_leonardo.page.manifest import write_manifest
    from mkdocs_leonardo.page.stylesheet import published_stylesheet
    from mkdocs_leonardo.report import complaints
    from mkdocs_leonardo.storage.cache_move import hide_from_git

    settings, folder = heroes.site.settings, folder_of(project)
    manifest = manifest_of(settings, heroes.resolutions)
    # In a preview, `host.preview` reports missing heroes.
    shown_by_build = () if theme is not None else heroes.resolutions
    told = complaints(shown_by_build, on_missing=settings.on_missing, without_provider=heroes.build.provider_wanted)
    for level, text in told:
        console.notify(level, str(text))
    sheet = published_stylesheet(manifest)
    shown = [one.asset.rendering.variants for one in heroes.resolutions if one.asset is not None]
    own = [path for one in heroes.resolutions for path in _own_files(one.hero)]
    try:
        hide_from_git(folder)
        write_if_changed(folder / STYLESHEET, sheet)
        places = {variant.name: variant.path for variants in shown for variant in variants}
        files = [PublishedFile.of(name, path) for name, path in {**places, STYLESHEET: folder / STYLESHEET}.items()]
        if theme is not None:
            _put(files, theme / assets_of(project))
        # Last, so that it never names a file that is not there.
        write_if_changed(folder / MANIFEST, write_manifest(manifest))
        state = State(
            warnings=(*heroes.site.problems, *(str(text) for level, text in told if level >= logging.WARNING)),
            files=tuple(files),
            own=tuple(PublishedFile.of("", path) for path in own),
            stops="heroes are missing, and `on_missing: error` stops the build"
            if any(level >= logging.ERROR for level, _ in told)
            else "",
        )
        if fingerprint and not told and heroes.are_settled:
            write_state(folder, state, fingerprint)
        else:
            forget_state(folder)
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}; make {folder} writable") from error
    return state


def _own_files(hero: HeroSpec) -> Iterator[Path]:
    """The author's files on which a page's hero depends: its own picture, or its reference."""
    look = hero.picture.reference if hero.picture is not None else None
    for path in (hero.own_image, look.path if look is not None else None):
        if path is not None:
            yield path


# The site ------------------------------------------------------------------------------------------------------------


def _finish_site(project: Project, state: State, there: frozenset[str]) -> Iterator[str]:
    """Put the pictures into the site, and the tags into the pages' heads; the error messages.

    `there` are the places of pictures that the site holds already.
    """
    assets = assets_of(project)
    try:
        _put([file for file in state.files if f"{assets}/{file.name}" not in there], project.site_dir / assets)
        bare = sum(_lacks_tags(project, path) for path in _pages_in(project.site_dir))
    except (OSError, ValueError) as error:
        yield f"the site is not finished: {error}"
        return
    if bare:
        yield f"{counted(bare, 'page has', 'pages have')} no tags for sharing, since no end of the head was found"


def _pages_in(folder: Path) -> Iterator[str]:
    """The places of all HTML files below a folder."""
    for place, _, names in os.walk(folder):
        yield from (f"{place}{os.sep}{name}" for name in names if name.endswith(".html"))


def _lacks_tags(project: Project, path: str) -> bool:
    """Finish one page, if it shows a hero; whether it has no place for the tags for sharing."""
    from mkdocs_leonardo.page.finish import MARKS, finish

    with open(path, "rb") as page:  # noqa: PTH123 - slower, and called for each page on every build
        data = page.read()
    if MARKS not in data:
        return False
    place = path[len(str(project.site_dir)) + 1 :].replace(os.sep, "/")
    url = _url(place, project.values.get("use_directory_urls") is False)
    finished, is_named = finish(data, url, project.site_url)
    with open(path, "wb") as target:  # noqa: PTH123 - same
        target.write(finished)
    return not is_named


def _url(place: str, is_plain: bool) -> str:  # noqa: FBT001 - the site's option
    """The address of a file of the site, relative to the site's."""
    return place if is_plain and place != "index.html" else place.removesuffix("index.html")


def _put(files: Sequence[PublishedFile], folder: Path) -> None:
    """Link the cache's files, which are never written to again, into the site; copies on another disk."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        target = f"{folder}{os.sep}{file.name}"
        try:
            link_over(file.path, target)
        except OSError:
            shutil.copyfile(file.path, target)


def _is_cleaned(project: Project, console: Console) -> bool:
    """Whether this has emptied Zensical's cache, since `--clean` would also remove the paid images in it."""
    from mkdocs_leonardo.config import DEFAULT_CACHE

    wiped = project.root / ".cache"
    # The default folder of MkDocs holds what could not be moved to Zensical's.
    kept_dir = project.root / str(project.plugins["leonardo"].get("cache_dir") or DEFAULT_CACHE)
    if not is_in_use(kept_dir) or not is_below(kept_dir, wiped):
        return False
    _empty(wiped, kept_dir)
    console.note(f"leonardo: {wiped} is emptied, but for {kept_dir}")
    return True


def _empty(folder: Path, kept_dir: Path) -> None:
    """Remove what is in the folder, but for `kept_dir` and the folders that it is in."""
    with suppress(FileNotFoundError):
        for path in list(folder.iterdir()):
            if is_below(kept_dir, path):
                if not is_below(path, kept_dir):
                    _empty(path, kept_dir)
            elif path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                with suppress(OSError):
                    path.unlink()


def _lines(report: Path) -> Iterator[str]:
    """The messages of the Markdown extension."""
    with suppress(OSError, ValueError):
        for line in report.read_text(encoding="utf-8").splitlines():
            yield str(json.loads(line))

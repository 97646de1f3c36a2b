"""Folders that commands write for their user: contact sheets, copies of heroes, and heroes for a build with Zensical.

Such a folder is empty before, or holds what a command has written. In a folder of the documentation, `generate --into`
writes images and manifest for a build that Zensical runs alone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs_leonardo.commands.hero_status import find_statuses, open_runtime
from mkdocs_leonardo.commands.purchases import explain_failure
from mkdocs_leonardo.commands.terminal import CommandError, Console, describe_error
from mkdocs_leonardo.errors import BrokenEntry, HeroError
from mkdocs_leonardo.files import make_writable_folder, write_if_changed
from mkdocs_leonardo.page.manifest import (
    Manifest,
    ShownHero,
    digest_request,
    read_manifest,
    write_manifest,
)
from mkdocs_leonardo.page.stylesheet import build_zensical_stylesheet
from mkdocs_leonardo.report import pluralise
from mkdocs_leonardo.spec import MANIFEST, PAINTER, STYLESHEET, VARIANT_NAME, Source, digest_of, short_key

if TYPE_CHECKING:
    from mkdocs_leonardo.commands.site import SitePages
    from mkdocs_leonardo.spec import HeroAsset, HeroSpec

#: The file that marks a folder as written by a command.
MARK = ".mkdocs-leonardo"
_MARK_TEXT = "mkdocs-leonardo writes into this folder, and replaces what is in it.\n"
_UNSPENT = "; nothing was spent"
#: Files of a contact sheet of takes.
TAKE_NAME = re.compile(r"(?:now|seed-[0-9]{1,10})\.(?:avif|webp|jpg|png)|index\.html|sheet\.jpg")


def is_marked(entries: Sequence[Path]) -> bool:
    """Return whether a file in the folder marks the folder as a command's own."""
    return any(path.name == MARK for path in entries)


def require_own_folder(folder: Path, option: str, *, is_own: Callable[[Sequence[Path]], bool] = is_marked) -> None:
    """Raise CommandError, before anything is spent, if the folder holds files that are not the command's own."""
    try:
        entries = sorted(folder.iterdir()) if folder.exists() else []
    except OSError as error:
        raise CommandError(f"{option}: {folder} cannot be read ({error.strerror or error}){_UNSPENT}") from error
    if entries and not is_own(entries):
        raise CommandError(
            f"{option}: {folder} holds files that this command did not make, and writing there might replace them; "
            f"name an empty folder, or put an empty file called {MARK} into this one{_UNSPENT}"
        )


def prepare_folder(folder: Path, option: str, *, gets_mark: bool = True) -> None:
    """Create the folder, and mark it. CommandError if the folder cannot be written; no image is paid for before."""
    try:
        make_writable_folder(folder)
        if gets_mark and not (folder / MARK).exists():
            (folder / MARK).write_text(_MARK_TEXT, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{option}: {folder} cannot be written ({error.strerror or error}){_UNSPENT}") from error


# Copies --------------------------------------------------------------------------------------------------------------


def copy_into(site: SitePages, heroes: Sequence[HeroSpec], folder: Path, console: Console) -> None:
    """Copy each stored hero into the folder, as delivered and in every size and format of the site."""
    count = 0
    with open_runtime(site.settings, console, asks_providers=False) as runtime:
        try:
            for status in find_statuses(runtime, heroes):
                if status.record is None and status.hero.picture is not None:
                    continue
                resolution = runtime.loop.run(runtime.pipeline.resolve, status.hero)
                if status.record is not None:
                    delivered = folder / f"{make_slug(status.hero.page)}.{status.record.extension}"
                    delivered.write_bytes(status.read_picture())
                for variant in resolution.asset.rendering.variants if resolution.asset else ():
                    (folder / variant.name).write_bytes(variant.path.read_bytes())
                count += resolution.asset is not None
        except (HeroError, OSError) as error:
            raise CommandError(f"--into: {describe_error(error)}") from error
    console.say(f"{pluralise(count, 'hero', 'heroes')} in {folder}")


def make_slug(page: str) -> str:
    """Return a file name for the page, different for each page."""
    plain = page.removesuffix(".md").replace("/", "--")
    name = re.sub(r"[^\w.-]+", "-", plain).strip("-.") or "page"
    # A digest makes an ambiguous name unique.
    return name if name == plain and "--" not in page else f"{name}-{digest_of(page.encode())[:8]}"


# Folders of the documentation ----------------------------------------------------------------------------------------


def is_in_site(site: SitePages, folder: Path) -> bool:
    """Return whether the files in `folder` become a part of the built site."""
    return folder.resolve().is_relative_to(site.config.docs_dir.resolve())


def is_own_output(entries: Sequence[Path]) -> bool:
    """Return whether `publish_into` has written these files or a part of them. A manifest is a mark as well."""
    names = {path.name for path in entries} - {STYLESHEET}
    return is_marked(entries) or MANIFEST in names or all(map(VARIANT_NAME.fullmatch, names))


def prepare_for_zensical(site: SitePages, console: Console) -> SitePages:
    """Return the site with its cache out of reach of `zensical build --clean`."""
    from mkdocs_leonardo.config import DEFAULT_CACHE
    from mkdocs_leonardo.settings import ZENSICAL_CACHE, move_cache

    settings = site.settings
    root = site.config.config_file.parent
    if settings.cache_may_move:
        settings = replace(settings, cache_dir=root / ZENSICAL_CACHE, former_cache=root / DEFAULT_CACHE)
        settings = move_cache(settings, console.notify, os.environ)
    site = replace(site, config=replace(site.config, settings=settings, is_for_zensical=True))
    if site.config.cache_problem:
        console.warn(f"cache_dir: {site.config.cache_problem}")
    return site


def publish_into(site: SitePages, heroes: Sequence[HeroSpec], folder: Path, console: Console) -> None:
    """Publish every page's hero in all sizes and formats, the stylesheet and the manifest.

    A page whose picture is missing keeps its published picture, or else gets its last hero or a placeholder, as in a
    build. Files of an earlier run that no page needs any more are removed.
    """
    try:
        earlier_manifest = read_earlier_manifest(folder, console)
        pages = {hero.page for hero in site.heroes}
        entries = {page: hero for page, hero in earlier_manifest.heroes.items() if page in pages}
        # The heroes are those that a build without providers would show.
        with open_runtime(site.settings, console, asks_providers=False) as runtime:
            for resolution in runtime.loop.map(runtime.pipeline.resolve, heroes):
                page, asset = resolution.hero.page, resolution.asset
                if asset is None:
                    console.warn(f"{page}: no image: {explain_failure(resolution)}")
                elif not (asset.is_substitute and _has_real_picture(entries.get(page), folder)):
                    entries[page] = make_entry(resolution.hero, asset)
                    for variant in asset.rendering.variants:
                        write_if_changed(folder / variant.name, variant.path.read_bytes())
        manifest = Manifest(site.settings.defaults, site.settings.markup, entries)
        write_if_changed(folder / STYLESHEET, build_zensical_stylesheet(manifest))
        # The manifest is written last, so that it never names a missing file.
        write_if_changed(folder / MANIFEST, write_manifest(manifest))
        for name in earlier_manifest.names - manifest.names:
            (folder / name).unlink(missing_ok=True)
    except (HeroError, OSError) as error:
        raise CommandError(f"--into: {describe_error(error)}") from error
    painted = sum(hero.asset.provider == PAINTER for hero in entries.values())
    addition = f", {painted} of them painted on this machine" if painted else ""
    console.say(f"{pluralise(len(entries), 'hero', 'heroes')} in {folder}{addition}")


def has_wanted_picture(hero: HeroSpec, manifest: Manifest, folder: Path) -> bool:
    """Return whether the published picture is the one that the page asks for, with all of its files."""
    entry = manifest.heroes.get(hero.page)
    return entry is not None and _has_real_picture(entry, folder) and entry.request_digest == digest_request(hero)


def read_earlier_manifest(folder: Path, console: Console) -> Manifest:
    """Read the manifest of an earlier run; returns an empty manifest if the file cannot be read."""
    try:
        return read_manifest((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        return Manifest()
    except BrokenEntry as error:
        console.note(f"{folder / MANIFEST}: {error}; `generate --into` writes it anew")
        return Manifest()


def _has_real_picture(entry: ShownHero | None, folder: Path) -> bool:
    """Return whether the page has a published picture that is no placeholder, with all of its files."""
    if entry is None or entry.asset.provider == PAINTER:
        return False
    return all((folder / variant.name).is_file() for variant in entry.asset.rendering.variants)


def make_entry(hero: HeroSpec, asset: HeroAsset) -> ShownHero:
    """Return the manifest's entry for a page. The entry of an earlier hero has no digest of the hero's request."""
    digest = "" if asset.source is Source.LAST else digest_request(hero, own_digest=short_key(asset.key))
    return ShownHero(digest, hero.focus, asset)

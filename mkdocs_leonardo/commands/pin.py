"""`pin`: copies images into the gallery, which the author commits. A pinned image is never paid for again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mkdocs_leonardo.commands.hero_status import find_statuses, open_runtime
from mkdocs_leonardo.commands.purchases import download_team_pictures
from mkdocs_leonardo.commands.site import choose_heroes, read_site
from mkdocs_leonardo.commands.terminal import CommandError, Console
from mkdocs_leonardo.errors import BrokenEntry, StoreUnavailable
from mkdocs_leonardo.report import pluralise

if TYPE_CHECKING:
    from mkdocs_leonardo.spec import JsonValue


def pin(config_file: str | None, console: Console, pages: tuple[str, ...]) -> int:
    """Copy heroes from the cache, or else from the team's store, into the gallery."""
    site = read_site(config_file, console)
    console.warn(*site.problem_lines)
    heroes = choose_heroes(site, pages)
    download_team_pictures(site.settings, heroes, console)
    copied: dict[str, JsonValue] = {}
    pinned: list[JsonValue] = []
    missing: list[JsonValue] = []
    with open_runtime(site.settings, console) as runtime:
        for status in find_statuses(runtime, heroes):
            page = status.hero.page
            record = status.record
            if status.state == "pinned":
                pinned.append(page)
            elif record is not None:
                try:
                    runtime.gallery.save(replace(record, page=page, config_name=""), status.read_picture())
                except (BrokenEntry, StoreUnavailable) as error:
                    raise CommandError(f"{page}: {error}") from error
                copied[page] = site.config.display_path(runtime.gallery.path(record))
                console.say(f"{page}: {copied[page]}")
            elif status.state != "own":
                missing.append(page)
                nothing = f"there is no image to pin; run mkdocs-leonardo generate {page}"
                console.warn(f"{page}: {status.reason if status.state == 'damaged' else nothing}")
    folder = site.config.display_path(site.settings.gallery_dir)
    summary = f"{pluralise(len(copied), 'hero', 'heroes')} copied to {folder}"
    console.say(f"{summary}, {len(pinned)} there already, {len(missing)} missing")
    console.print_json({"copied": copied, "there": pinned, "missing": missing})
    return 0

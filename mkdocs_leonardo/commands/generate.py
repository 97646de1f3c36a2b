"""`generate`: makes missing images after a question; with `--takes`, makes alternatives to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs_leonardo.commands import folders
from mkdocs_leonardo.commands.hero_status import BLOCKED_STATES, PAID_STATES, HeroStatus, find_statuses, open_runtime
from mkdocs_leonardo.commands.purchases import (
    GENERATE_IS_OFF,
    PurchasePlan,
    carry_out,
    confirm_payment,
    describe_seconds,
    download_team_pictures,
    explain_failure,
    warn_of_blocked,
    warn_of_waiting,
)
from mkdocs_leonardo.commands.sheet import SheetItem, write_sheet
from mkdocs_leonardo.commands.site import SitePages, choose_heroes, read_site
from mkdocs_leonardo.commands.terminal import CommandError, Console
from mkdocs_leonardo.host.stamp import wake_previews
from mkdocs_leonardo.providers.declaration import declared_names
from mkdocs_leonardo.report import pluralise
from mkdocs_leonardo.spec import dollars, short_key

if TYPE_CHECKING:
    from mkdocs_leonardo.resolution import Resolution
    from mkdocs_leonardo.runtime import Runtime
    from mkdocs_leonardo.settings import Settings
    from mkdocs_leonardo.spec import HeroSpec, JsonValue, PictureRecord

#: The image that a page shows at present, among its takes.
_NOW = "as it is now"


def generate(
    config_file: str | None,
    console: Console,
    pages: tuple[str, ...],
    *,
    dry_run: bool,
    yes: bool,
    takes: int | None,
    into: Path | None,
) -> int:
    """Make the missing images; 1 if an image could not be made, or if the price was not agreed to."""
    site = read_site(config_file, console)
    is_in_site = into is not None and not takes and folders.is_in_site(site, into)
    site = folders.prepare_for_zensical(site, console) if is_in_site else site
    console.warn(*site.problem_lines)
    heroes = choose_heroes(site, pages)
    requested = _make_takes(heroes, pages, takes) if takes else heroes
    folder = site.settings.cache_dir / "takes" / folders.make_slug(heroes[0].page) if takes and into is None else into
    if folder is not None and not dry_run:
        _refuse_link(folder, site.settings.cache_dir / "takes")
        folders.require_own_folder(folder, "--into", is_own=folders.is_own_output if is_in_site else folders.is_marked)
    if not dry_run and download_team_pictures(site.settings, requested, console):
        wake_previews(site.settings.cache_dir)
    with open_runtime(site.settings, console) as runtime:
        statuses = find_statuses(runtime, requested)
        plan = PurchasePlan(statuses, site.settings)
        no_provider_reason = _explain_no_provider(site.settings, runtime)
    unmakable = _show_plan(plan, statuses, console, no_provider_reason=no_provider_reason)
    if dry_run:
        console.print_json(_plan_as_json(plan, unmakable))
        return 0
    if is_in_site and no_provider_reason:
        # Without a key, placeholders are copied, as a build would show them.
        unmakable = sum(status.state in BLOCKED_STATES for status in statuses)
    purchases: list[Resolution] = []
    failures = unmakable + plan.held_back
    if plan.allowed and not confirm_payment(console, yes=yes):
        return 1
    if folder is not None:
        folders.prepare_folder(folder, "--into", gets_mark=not is_in_site)
    if not plan.is_idle:
        purchases, budget = carry_out([plan], console)
        images = pluralise(sum(purchase.stored is not None for purchase in purchases), "image", "images")
        new = pluralise(budget.new_images, "new image", "new images")
        console.say(f"{images}; {new}, {dollars(budget.cost_usd)}")
        failures += sum(purchase.stored is None for purchase in purchases)
        wake_previews(site.settings.cache_dir)
    if takes and folder is not None:
        _show_takes(site, heroes[0], requested, console, folder)
    elif folder is not None:
        write = folders.publish_into if is_in_site else folders.copy_into
        write(site, heroes, folder, console)
    console.print_json(_results_as_json(purchases, failures))
    return 1 if failures else 0


def _plan_as_json(plan: PurchasePlan, unmakable: int) -> JsonValue:
    return {
        "buy": [
            {
                "page": status.hero.page,
                "prompt": status.hero.picture.prompt if status.hero.picture else None,
                "estimate_usd": round(status.estimate_usd, 6),
            }
            for status in plan.allowed
        ],
        "collect": [status.hero.page for status in plan.collect],
        "held_back": plan.held_back,
        "cannot_be_made": unmakable,
        "estimate_usd": round(plan.estimate_usd, 6),
        "most_usd": round(plan.most_usd, 6),
    }


def _results_as_json(purchases: Sequence[Resolution], failed: int) -> JsonValue:
    pictures: list[JsonValue] = []
    for purchase in purchases:
        record = purchase.stored.record if purchase.stored else None
        pictures.append(
            {
                "page": purchase.hero.page,
                "key": short_key(record.key) if record else None,
                "provider": record.provider if record else None,
                "source": purchase.stored.source if purchase.stored else None,
                "cost_usd": round(purchase.cost_usd, 6),
                "seconds": record.seconds if record else None,
                "failure": None if purchase.stored else explain_failure(purchase),
            }
        )
    return {"pictures": pictures, "failed": failed, "cost_usd": round(sum(page.cost_usd for page in purchases), 6)}


def _show_plan(plan: PurchasePlan, statuses: Sequence[HeroStatus], console: Console, *, no_provider_reason: str) -> int:
    """Print the plan and warnings; return the number of pages that lack an image even after the purchases."""
    states = PAID_STATES | {"missing"} if no_provider_reason else {"missing"}
    unmakable = warn_of_blocked(statuses, console)
    unmakable += sum(status.state in states and not status.must_be_bought for status in statuses)
    if not no_provider_reason:
        unmakable += warn_of_waiting(statuses, console)
    elif unmakable:
        console.warn(
            f"{pluralise(unmakable, 'image is', 'images are')} missing and cannot be made: {no_provider_reason}"
        )
    if plan.is_idle:
        count = sum(status.state in {"own", "pinned", "cached"} for status in statuses)
        stored = f"{count} of {pluralise(len(statuses), 'hero is', 'heroes are')} stored"
        console.say(f"nothing was made: {stored}" if unmakable else f"nothing to make: {stored}")
        return unmakable
    plan.show(console)
    return unmakable


def _explain_no_provider(settings: Settings, runtime: Runtime) -> str:
    """Say why no provider can be asked; returns `""` if a provider can be asked."""
    if not settings.generate:
        return GENERATE_IS_OFF
    if runtime.providers_with_api_key:
        return ""
    names = " or ".join(runtime.unset_key_variables)
    if names:
        return f"no provider has a key; set {names} in the environment"
    installed = ", ".join(declared_names())
    return f"the configuration names no provider besides the painter; add one of {installed} to providers"


# Takes ---------------------------------------------------------------------------------------------------------------


def _make_takes(heroes: Sequence[HeroSpec], pages: tuple[str, ...], number: int) -> tuple[HeroSpec, ...]:
    """Copy the one hero with the seeds 1, 2, 3 and so on; CommandError if there are several heroes, or no prompt.

    A later run with more takes pays for no seed twice. Each take has a page name of its own, since it is not the page's
    hero until its seed is in the front matter.
    """
    if len(pages) != 1 or len(heroes) != 1:
        raise CommandError("--takes makes alternatives for one page; name it, and only it")
    hero = heroes[0]
    picture = heroes[0].picture
    if picture is None:
        raise CommandError(f"{hero.page} shows your own image (hero_image); there is nothing to make takes of")
    return tuple(
        replace(hero, page=f"{hero.page} (hero_seed: {seed})", picture=replace(picture, seed=seed))
        for seed in range(1, number + 1)
    )


def _refuse_link(folder: Path, takes: Path) -> None:
    """Raise CommandError if a folder of takes in the cache is a link."""
    if folder.is_relative_to(takes) and (takes.is_symlink() or folder.is_symlink()):
        raise CommandError(f"{folder}: is a symbolic link; put a folder in its place, or name another one with --into")


def _show_takes(site: SitePages, hero: HeroSpec, takes: Sequence[HeroSpec], console: Console, folder: Path) -> None:
    """Write the contact sheet, and print the front matter line of each take."""
    items: list[SheetItem] = []
    lines: list[str] = []
    prompt = hero.picture.prompt if hero.picture else ""
    with open_runtime(site.settings, console, asks_providers=False) as runtime:
        current, *statuses = find_statuses(runtime, (hero, *takes))
        now = current.record.key if current.record is not None else ""
        rows = [(f"hero_seed: {number}", f"seed-{number}", take) for number, take in enumerate(statuses, 1)]
        if now not in {take.record.key for take in statuses if take.record is not None}:
            rows.insert(0, (_NOW, "now", current))
        for label, name, status in rows:
            if status.record is None:
                continue
            words = describe_record(status.record)
            if status.record.key == now and status is not current:
                words = f"{words}, {_NOW}"
            items.append(SheetItem(name, label, words, status.read_picture(), status.record))
            lines.append(f"  {label:<24}{words}")
    if not lines:
        return
    write_sheet(folder, title=f"Takes for {hero.page}", subtitle=prompt, items=items, columns=2)
    console.say(f"look at them: {folder / 'index.html'}")
    console.say(f"then put the line of the one you like into the front matter of {hero.page}:")
    for line in lines:
        console.say(line)


def describe_record(record: PictureRecord) -> str:
    """Return the picture's provider, generation time and stated cost."""
    parts = [record.provider, *describe_seconds(record)]
    if record.cost_usd is not None:
        parts.append(dollars(record.cost_usd))
    return ", ".join(parts)

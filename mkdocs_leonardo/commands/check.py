"""`check`: the gate before a deployment, with one finding for each page that would not show its hero."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Literal

from mkdocs_leonardo.commands.folders import has_wanted_picture, read_earlier_manifest
from mkdocs_leonardo.commands.hero_status import ABSENT_STATES, HeroStatus, find_statuses, open_runtime
from mkdocs_leonardo.commands.prune import OtherConfigurations
from mkdocs_leonardo.commands.site import SitePages, read_site
from mkdocs_leonardo.commands.terminal import CommandError, Console
from mkdocs_leonardo.errors import BrokenEntry, InputError, PictureError
from mkdocs_leonardo.host.github import Annotations
from mkdocs_leonardo.log import is_read_by_github
from mkdocs_leonardo.lookup import get_own_path
from mkdocs_leonardo.page.markup import may_cover
from mkdocs_leonardo.page.stylesheet import is_outdated
from mkdocs_leonardo.report import pluralise
from mkdocs_leonardo.spec import MANIFEST, STYLESHEET, short_key

if TYPE_CHECKING:
    from pathlib import Path

    from mkdocs_leonardo.runtime import Runtime
    from mkdocs_leonardo.spec import JsonValue, PictureRecord, Rendering

#: What a theme's configuration may say of alternative texts, in `hero_alt`.
ALT_RULES = ("required", "optional")
Kind = Literal[
    "front matter", "missing", "stale", "damaged", "contrast", "small", "no alt text", "card", "orphaned", "old"
]
#: The kinds of findings that are warnings.
_WARNING_KINDS = frozenset[Kind]({"small", "old"})
#: An encoded file may differ from the picture that was measured by one step of the scrim.
_CONTRAST_TOLERANCE = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding of `check`. `where` is a page, or with `is_file` a file relative to the site's folder.

    `problem` is the problem in front matter, None for any other finding.
    """

    where: str
    kind: Kind
    text: str
    problem: InputError | None = None
    is_file: bool = False

    def describe(self) -> str:
        """Return the finding as a line for people."""
        return f"{self.where}: {self.kind}: {self.text}" if self.problem is None else self.text

    def as_json(self) -> JsonValue:
        """Return the finding for a program."""
        return {"where": self.where, "kind": self.kind, "message": self.text}


def check(config_file: str | None, console: Console, *, require_alt: bool) -> int:
    """Print one line with a fix for each page that would not show its hero; 1 if there is such a page."""
    site = read_site(config_file, console)
    require_alt = _is_alt_required(site) or require_alt
    with open_runtime(site.settings, console) as runtime:
        statuses = find_statuses(runtime, site.heroes)
        published, outdated = _check_published_folder(site, statuses, console)
        all_findings = [*_check_site(site, runtime, statuses, require_alt=require_alt, published=published), *outdated]
    findings = [finding for finding in all_findings if finding.kind not in _WARNING_KINDS]
    warnings = [finding for finding in all_findings if finding.kind in _WARNING_KINDS]
    if console.for_program:
        console.print_json(
            {
                "heroes": len(statuses),
                "findings": [finding.as_json() for finding in findings],
                "warnings": [finding.as_json() for finding in warnings],
            }
        )
    else:
        for finding in findings:
            console.say(finding.describe())
        console.warn(*(warning.describe() for warning in warnings))
        console.say(f"{pluralise(len(statuses), 'hero', 'heroes')}, {pluralise(len(findings), 'finding', 'findings')}")
    if is_read_by_github(os.environ):
        # With --json, standard output holds only JSON.
        _annotate(site, findings).flush(to_stderr=console.for_program)
    return 1 if findings else 0


def _check_published_folder(
    site: SitePages, statuses: Sequence[HeroStatus], console: Console
) -> tuple[frozenset[str], list[Finding]]:
    """Return the pages that only the published folder has images for, and findings about that folder.

    Images of those pages are up to date. A finding says that the folder's stylesheet is of another version.
    """
    folder = site.config.published_folder
    if folder is None:
        return frozenset(), []
    manifest = read_earlier_manifest(folder, console)
    heroes = [status.hero for status in statuses if status.state in ABSENT_STATES and not status.fault]
    published = frozenset(hero.page for hero in heroes if has_wanted_picture(hero, manifest, folder))
    if not (folder / MANIFEST).is_file() or not is_outdated(manifest, folder):
        return published, []
    shown_dir = site.config.display_path(folder)
    text = f"another version wrote it, or it is missing; run mkdocs-leonardo generate --into {shown_dir}"
    return published, [Finding(f"{shown_dir}/{STYLESHEET}", "old", text)]


def _find_half(status: HeroStatus, halves: Sequence[Path]) -> Path | None:
    """Find the page's image in the gallery if its record is missing; builds do not show such an image."""
    stems = {short_key(offer.key) for offer in status.offers}
    return next((path for path in halves if path.stem in stems and path.suffix != ".json"), None)


def _is_alt_required(site: SitePages) -> bool:
    """Return whether the theme's configuration asks for an alternative text of every hero."""
    rule = site.config.alt_rule
    if rule not in {None, *ALT_RULES}:
        raise CommandError(f"theme: hero_alt is {rule!r}; {' and '.join(ALT_RULES)} are allowed")
    return rule == "required"


def _annotate(site: SitePages, findings: Sequence[Finding]) -> Annotations:
    """Return the findings as annotations at the lines to change."""
    root = site.config.config_file.parent
    annotations = Annotations(os.environ, config_file=site.config.config_file, docs_dir=site.config.docs_dir)
    for finding in findings:
        if finding.problem is not None:
            annotations.about_problem(logging.ERROR, finding.problem)
        elif finding.is_file:
            annotations.about_file(logging.ERROR, root / finding.where, f"{finding.kind}: {finding.text}")
        else:
            annotations.annotate_page(logging.ERROR, finding.where, f"{finding.kind}: {finding.text}")
    return annotations


def _check_site(
    site: SitePages, runtime: Runtime, statuses: Sequence[HeroStatus], *, require_alt: bool, published: Collection[str]
) -> Iterator[Finding]:
    """Yield the findings about front matter, pages, templates and the gallery."""
    for problem in site.problems:
        yield Finding(problem.page, "front matter", str(problem), problem)
    configurations = OtherConfigurations(site.config, runtime)
    unused = configurations.find_orphans(statuses)
    halves = runtime.gallery.find_incomplete_pairs()
    for status in statuses:
        if status.hero.page not in published:
            yield from _check_page(site, runtime, status, unused, halves)
        if require_alt and not status.hero.alt:
            yield Finding(status.hero.page, "no alt text", "say what the image shows in hero_alt")
    for path in site.coverless:
        text = (
            "shows no post's content, so no post has its cover on the blog's views; put {{ post.content }} into it, "
            "or say cards: false"
        )
        yield Finding(site.config.display_path(path), "card", text, is_file=True)
    for record in unused:
        yield Finding(
            site.config.display_path(runtime.gallery.path(record)),
            "orphaned",
            f"no page asks for it{f' (made for {record.page})' if record.page else ''}; "
            "run mkdocs-leonardo prune --gallery, or bring the page's prompt back",
            is_file=True,
        )
    for path in configurations.find_idle_halves(statuses):
        text = "its image or its .json is missing, and no page asks for it; run mkdocs-leonardo prune --gallery"
        yield Finding(site.config.display_path(path), "orphaned", text, is_file=True)


def _check_page(
    site: SitePages, runtime: Runtime, status: HeroStatus, unused: Sequence[PictureRecord], halves: Sequence[Path]
) -> Iterator[Finding]:
    """Yield the findings about one page's hero."""
    page = status.hero.page
    half = _find_half(status, halves)
    fix = f"run mkdocs-leonardo generate {page}{_pin_step(site, page)}"
    if status.fault:
        yield Finding(page, "damaged", f"{_shorten_paths(status.fault, site)}; {_choose_fix(site, status)}")
    if half is not None:
        yield Finding(
            page,
            "damaged",
            f"{site.config.display_path(half)} has no {half.stem}.json beside it; commit both (mkdocs-leonardo pin "
            f"{page} makes them again where the image is in the cache)",
        )
    if status.state == "own":
        yield from _check_own_image(runtime, status, site)
    elif status.record is not None:
        yield from _check_stored_image(status, site)
    elif status.fault or half is not None:
        return
    elif status.state == "damaged":
        yield Finding(page, "damaged", _shorten_paths(status.reason, site))
    elif reason := _explain_missing(status):
        yield Finding(page, "missing", reason)
    elif status.last is not None or any(record.page == page for record in unused):
        text = "the image that is there was made for another prompt, style, size or seed"
        yield Finding(page, "stale", f"{text}; {fix}")
    else:
        yield Finding(page, "missing", f"no image is pinned or cached; {fix}")


def _explain_missing(status: HeroStatus) -> str:
    """Say why the page's image was not made, with the fix; `""` if nothing prevents it."""
    page = status.hero.page
    reasons = {
        "paid": f"its image is paid for and not collected; run mkdocs-leonardo generate {page}",
        "uncertain": f"its image may be paid for; run mkdocs-leonardo generate {page} to look for it",
        "refused": f"a content check refused hero_prompt ({status.reason}); write another one",
        "empty": f"its job {status.reason}",
    }
    return reasons.get(status.state, "")


def _pin_step(site: SitePages, page: str) -> str:
    """Return the second half of the fix for a site that commits its images; `""` for another site."""
    return f", then mkdocs-leonardo pin {page}" if site.settings.gallery_dir.is_dir() else ""


def _choose_fix(site: SitePages, status: HeroStatus) -> str:
    """Return the fix for a damaged image: another copy of the image, if the stores have one."""
    page = status.hero.page
    folder = site.settings.gallery_dir
    if status.is_pin_faulty and status.state == "cached":
        return f"run mkdocs-leonardo pin {page}, and commit {site.config.display_path(folder)}"
    # The image is not bought again while either of its files exists. A job that the service keeps is fetched again.
    delete = "delete both halves and " if status.state == "damaged" else ""
    if status.is_pin_faulty:
        return f"restore it from the repository, or {delete}run mkdocs-leonardo generate {page}{_pin_step(site, page)}"
    return f"{delete}run mkdocs-leonardo generate {page}"


def _check_own_image(runtime: Runtime, status: HeroStatus, site: SitePages) -> Iterator[Finding]:
    """Check that the author's own image can be shown, and is as large as its place on the page."""
    from mkdocs_leonardo.imaging.normalise import read_upright_size

    page = status.hero.page
    path = get_own_path(status.hero)
    try:
        record, data = runtime.renderer.read_own(path)
        yield from _check_contrast(status, runtime.renderer.load(record, status.hero), data, site)
        width_px, height_px = read_upright_size(data)
    except (PictureError, OSError) as error:
        yield Finding(page, "damaged", f"hero_image {path.name} {error}; replace the file")
        return
    encoding = site.settings.encoding
    if width_px < encoding.width_px or height_px < encoding.height_px:
        text = f"hero_image {path.name} has {width_px} x {height_px} pixels and is used as it is"
        fix = f"screens show it sharp from {encoding.width_px} x {encoding.height_px} on"
        yield Finding(page, "small", f"{text}; {fix}")


def _check_stored_image(status: HeroStatus, site: SitePages) -> Iterator[Finding]:
    """Check that the page can show its stored image, and that the title on it is legible."""
    page = status.hero.page
    try:
        yield from _check_contrast(status, status.rendering, status.read_picture(), site)
    except (PictureError, BrokenEntry, OSError) as error:
        text = f"its image {_shorten_paths(str(error), site)}; run mkdocs-leonardo generate {page}"
        yield Finding(page, "damaged", text)


def _check_contrast(status: HeroStatus, rendering: Rendering | None, data: bytes, site: SitePages) -> Iterator[Finding]:
    """Check that the text is legible on the image, with the shade of its rendering or the site's own.

    Without a shade, check only that the image can be decoded: the next build measures a shade that suffices.
    """
    from mkdocs_leonardo.imaging.normalise import inspect

    if not may_cover(status.hero.layout):
        inspect(data)
    elif site.config.shade is not None:
        yield from _check_contrast_under(site.config.shade, status, data, site)
    elif rendering is None:
        inspect(data)
    elif not _is_legible(status, rendering):
        folder = site.config.display_path(site.settings.cache_dir / "variants")
        yield Finding(status.hero.page, "contrast", f"its text cannot be read; delete {folder} and build again")


def _check_contrast_under(shade: float, status: HeroStatus, data: bytes, site: SitePages) -> Iterator[Finding]:
    """Check that the site's own shade, an alpha, suffices for the image."""
    from mkdocs_leonardo.imaging.contrast import SHARP_MARGIN, encode_blur_up, find_dominant_colour, measure
    from mkdocs_leonardo.imaging.normalise import normalise
    from mkdocs_leonardo.tint import SCRIM_STEP

    encoding = site.settings.encoding
    focus = status.hero.focus
    image = normalise(data, width_px=encoding.width_px, height_px=encoding.height_px, focus=focus)
    scrim = measure(image, encode_blur_up(image), focus, dominant=find_dominant_colour(image))
    if not may_cover(status.hero.layout, scrim):
        return
    # Scripts from right to left and long titles have other areas, which most sites do not need.
    percent = max(scrim.narrow, scrim.wide)
    if 100 * shade <= percent - SCRIM_STEP - (0 if scrim.blur else SHARP_MARGIN):
        yield Finding(
            status.hero.page,
            "contrast",
            f"its text cannot be read; a stylesheet of the site sets --leonardo-hero-scrim to {shade:g} where this "
            f"image needs {percent / 100:g}; raise the value, or leave it to the plugin",
        )


def _is_legible(status: HeroStatus, rendering: Rendering) -> bool:
    """Return whether the shade behind the text suffices for the largest file, measured anew on the same ground."""
    from mkdocs_leonardo.imaging.contrast import measure_blurred, measure_sharp
    from mkdocs_leonardo.imaging.normalise import normalise

    heroes = [variant for variant in rendering.variants if variant.role == "hero"]
    largest = max(heroes, key=lambda variant: (variant.width_px, variant.format == "jpeg"))
    image = normalise(largest.path.read_bytes(), width_px=largest.width_px, height_px=largest.height_px)
    focus, dominant = status.hero.focus, rendering.dominant
    scrim = (
        measure_blurred(rendering.blur_up, focus, dominant=dominant)
        if rendering.scrim.blur
        else measure_sharp(image, focus, dominant=dominant)
    )
    pairs = zip(astuple(scrim), astuple(rendering.scrim), strict=True)
    return all(least <= percent + _CONTRAST_TOLERANCE for least, percent in pairs)


def _shorten_paths(text: str, site: SitePages) -> str:
    """Return the message with paths relative to the site's folder."""
    return text.replace(f"{site.config.config_file.parent}{os.sep}", "")

"""`prune`: lists files that no page uses, and deletes them after a question. In doubt, a file is not listed.

`OtherConfigurations` decides for `check` as well which pictures of the gallery are unused.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs_leonardo.commands.folders import MARK, TAKE_NAME
from mkdocs_leonardo.commands.hero_status import (
    HeroStatus,
    find_statuses,
    find_used_records,
    open_runtime,
    read_open_jobs,
)
from mkdocs_leonardo.commands.site import SitePages, read_site
from mkdocs_leonardo.commands.terminal import CommandError, Console
from mkdocs_leonardo.errors import BrokenEntry, StoreUnavailable
from mkdocs_leonardo.files import DRAFT_NAME
from mkdocs_leonardo.report import pluralise
from mkdocs_leonardo.resolution import name_some
from mkdocs_leonardo.spec import VARIANT_NAME, ZENSICAL_TOML, HeroSpec, PictureRecord, dollars, short_key
from mkdocs_leonardo.storage.pictures import PAIR_NAME

if TYPE_CHECKING:
    from mkdocs_leonardo.commands.site import SiteConfig
    from mkdocs_leonardo.runtime import Runtime
    from mkdocs_leonardo.spec import JsonValue
    from mkdocs_leonardo.storage.pictures import PictureFolder

#: A file without a record that is younger may be part of a pair that a build is writing (seconds).
STRAY_AFTER_S = 3600.0
_UNITS = ((2**30, "GB"), (2**20, "MB"), (2**10, "kB"))
#: A configuration that uses the plugin, or may inherit it.
_USES_PLUGIN = re.compile(r"^INHERIT\s*:|^[^#\n]*\bleonardo\b", re.MULTILINE)
_CONFIGURATIONS = ("*.yml", "*.yaml", ZENSICAL_TOML)


@dataclass(frozen=True)
class Unused:
    """Files to delete together, with a description. `paid_usd` is the cost of making them again; 0 if unknown."""

    files: tuple[Path, ...]
    text: str
    paid_usd: float = 0.0

    @cached_property
    def size_bytes(self) -> int:
        """The size of the files on the disk, measured before the files are deleted."""
        size = 0
        for path in self.files:
            with suppress(OSError):
                size += path.lstat().st_size
        return size


def prune(config_file: str | None, console: Console, *, yes: bool, gallery: bool) -> int:
    """List files that no page uses; delete them if `yes`, or after a question on the terminal."""
    # Drafts are pages too: only a preview reads them.
    site, preview = read_site(config_file, console), read_site(config_file, console, command="serve")
    if site.not_installed:
        raise CommandError(
            f"what pages use cannot be known without {name_some(site.not_installed)}; install that first"
        )
    problems = dict.fromkeys((*site.problem_lines, *preview.problem_lines))
    if problems:
        console.warn(*problems)
        raise CommandError(
            "nothing is pruned while front matter is wrong, since its images would look unused; fix it first"
        )
    with open_runtime(site.settings, console) as runtime:
        if runtime.journal_problem:
            raise CommandError(f"what pages use cannot be known without the journal: {runtime.journal_problem}")
        unused = list(_find_unused(site, preview, runtime, gallery=gallery))
        _show_unused(unused, console)
        is_wanted = bool(unused) and _is_agreed(console, yes=yes)
        if is_wanted:
            _delete(runtime, unused, site.settings.cache_dir)
            console.say(f"deleted, {_format_size(sum(item.size_bytes for item in unused))} freed")
    lines: list[JsonValue] = [
        {
            "text": item.text,
            "files": [str(path) for path in item.files],
            "size_bytes": item.size_bytes,
            "paid_usd": round(item.paid_usd, 6),
        }
        for item in unused
    ]
    console.print_json({"unused": lines, "is_deleted": is_wanted})
    return 0


def _show_unused(unused: Sequence[Unused], console: Console) -> None:
    if not unused:
        console.say("nothing to delete")
        return
    for item in unused:
        console.say(f"{item.text} ({_format_size(item.size_bytes)})")
    total = _format_size(sum(item.size_bytes for item in unused))
    paid_usd = sum(item.paid_usd for item in unused)
    price = f", about {dollars(paid_usd)} to make again" if paid_usd else ""
    console.say(f"{pluralise(len(unused), 'thing', 'things')} that no page uses: {total}{price}")


def _is_agreed(console: Console, *, yes: bool) -> bool:
    if not yes and (console.for_program or not console.can_ask):
        console.note("nothing was deleted; add --yes to delete all of it")
        return False
    return console.is_agreed("Delete all of it?", yes=yes, otherwise="nothing was deleted")


def _find_unused(site: SitePages, preview: SitePages, runtime: Runtime, *, gallery: bool) -> Iterator[Unused]:
    """Yield what no page, job or other configuration uses."""
    heroes = dict.fromkeys((*site.heroes, *preview.heroes))
    statuses = find_statuses(runtime, heroes)
    cache_dir, gallery_dir = site.settings.cache_dir, site.settings.gallery_dir
    pages = site.pages | preview.pages
    used_keys = {offer.key for status in statuses for offer in status.offers} | set(read_open_jobs(runtime))
    used_keys |= {record.key for status in statuses for record in find_used_records(runtime, status)}
    sound = list(runtime.cache.read_records())
    kept_records = list[PictureRecord]()
    configurations = OtherConfigurations(site.config, runtime)
    for record in sound:
        # A page that exists and was not read now may be another language's, or built on other days only.
        is_elsewhere = record.page and record.page not in pages and (site.config.docs_dir / record.page).is_file()
        if record.key in used_keys:
            continue
        if is_elsewhere or configurations.may_use(record):
            kept_records.append(record)
            continue
        yield _collect_files(runtime.cache, record)
    stems = {short_key(key) for key in used_keys} | {short_key(record.key) for record in sound}
    yield from _find_strays(cache_dir / "pictures", stems, temporary_only=configurations.are_there)
    yield from _find_unused_variants(runtime, cache_dir / "variants", statuses, kept_records)
    takes = [file for folder in _list_entries(cache_dir / "takes") for file in _list_files(folder) if _is_take(file)]
    if takes:
        yield Unused(tuple(takes), "takes: contact sheets of earlier choices")
    if gallery:
        for record in configurations.find_orphans(statuses):
            yield _collect_files(runtime.gallery, record, "gallery: ")
        for path in configurations.find_idle_halves(statuses):
            yield Unused((path,), f"gallery: incomplete pair, {path.name}")
        yield from _find_strays(gallery_dir, set(), temporary_only=True)


def _collect_files(folder: PictureFolder, record: PictureRecord, prefix: str = "") -> Unused:
    path = folder.path(record)
    prompt = record.request.get("prompt")
    words = f" {prompt[:60]!r}" if isinstance(prompt, str) else ""
    text = f"{prefix}image {short_key(record.key)}{f' of {record.page}' if record.page else ''}{words}"
    return Unused((path, path.with_suffix(".json")), text, record.cost_usd or 0.0)


def _find_strays(folder: Path, stems: set[str], *, temporary_only: bool = False) -> Iterator[Unused]:
    """Find files of incomplete pairs, and files that a killed process left."""
    for path in _list_files(folder):
        match = PAIR_NAME.fullmatch(path.name)
        is_stray = _is_temporary(path, PAIR_NAME) or (match and match[1] not in stems and not temporary_only)
        if is_stray and _is_old(path):
            yield Unused((path,), f"stray file {path.name}")


def _find_unused_variants(
    runtime: Runtime, folder: Path, statuses: tuple[HeroStatus, ...], kept_records: Sequence[PictureRecord]
) -> Iterator[Unused]:
    """Find encoded files that no page shows with the present options. Making them again costs nothing."""
    pairs = [(record, status.hero) for status in statuses for record in find_used_records(runtime, status)]
    # With the usual focal point, since the pages of other configurations are not read here.
    pairs += [(record, HeroSpec(record.page)) for record in kept_records]
    renderings = [runtime.renderer.load(record, hero) for record, hero in pairs]
    used_paths = {variant.path for rendering in renderings if rendering for variant in rendering.variants}
    unused = [
        path
        for path in _list_files(folder)
        if (_is_temporary(path, VARIANT_NAME) and _is_old(path))
        or (VARIANT_NAME.fullmatch(path.name) and path not in used_paths)
    ]
    if unused:
        yield Unused(tuple(unused), f"{pluralise(len(unused), 'encoded file', 'encoded files')} of images not in use")


def _is_temporary(path: Path, name: re.Pattern[str]) -> bool:
    match = DRAFT_NAME.fullmatch(path.name)
    return match is not None and name.fullmatch(match[1]) is not None


def _is_old(path: Path) -> bool:
    """Return whether the file is too old to belong to a running build."""
    with suppress(OSError):
        return time.time() - path.lstat().st_mtime > STRAY_AFTER_S
    return False


def _is_take(path: Path) -> bool:
    is_left = _is_temporary(path, TAKE_NAME) and _is_old(path)
    return path.name == MARK or TAKE_NAME.fullmatch(path.name) is not None or is_left


def _list_files(folder: Path) -> list[Path]:
    """List the plain files in the folder; empty if the folder is a link."""
    return [path for path in _list_entries(folder) if path.is_file()]


def _list_entries(folder: Path) -> list[Path]:
    """List files and folders in the folder, without links; empty for a link, and for an unreadable folder."""
    try:
        return [] if folder.is_symlink() else sorted(path for path in folder.iterdir() if not path.is_symlink())
    except OSError:
        return []


def _delete(runtime: Runtime, unused: list[Unused], cache_dir: Path) -> None:
    try:
        for item in unused:
            for path in item.files:
                path.unlink(missing_ok=True)
    except OSError as error:
        raise CommandError(f"{error.filename} cannot be deleted ({error.strerror})") from error
    takes = cache_dir / "takes"
    for folder in (*_list_entries(takes), takes):
        with suppress(OSError):
            # Other files stay, and so do folders that hold some.
            folder.rmdir()
    with suppress(StoreUnavailable):
        for key in runtime.renderer.cache.keys():  # noqa: SIM118 - a cache is no mapping
            try:
                runtime.renderer.cache.load(key)
            except BrokenEntry:
                runtime.renderer.cache.remove(key)


def _format_size(size_bytes: int) -> str:
    for unit_bytes, name in _UNITS:
        if size_bytes >= unit_bytes:
            return f"{size_bytes / unit_bytes:.1f} {name}"
    return f"{size_bytes} bytes"


# Other configurations -----------------------------------------------------------------------------------------------


class OtherConfigurations:
    """The other configurations with the same cache or gallery. A configuration without a file does not count."""

    def __init__(self, config: SiteConfig, runtime: Runtime) -> None:
        self._config = config
        self._runtime = runtime

    def may_use(self, record: PictureRecord) -> bool:
        """Return whether another configuration may use a picture that no page here uses."""
        if record.config_name not in {"", self._config.settings.config_name} and self._is_there(record.config_name):
            return True
        return record.key in self._other_keys or (not record.config_name and self.are_there)

    def find_orphans(self, statuses: Sequence[HeroStatus]) -> tuple[PictureRecord, ...]:
        """Find records in the gallery that neither a page of `statuses` nor another configuration uses."""
        keys = {offer.key for status in statuses for offer in status.offers}
        records = self._runtime.gallery.read_records()
        return tuple(record for record in records if record.key not in keys and not self.may_use(record))

    def find_idle_halves(self, statuses: Sequence[HeroStatus]) -> tuple[Path, ...]:
        """Find the gallery's incomplete pairs that neither a page of `statuses` nor another configuration uses."""
        stems = {short_key(offer.key) for status in statuses for offer in status.offers}
        halves = () if self.are_there else self._runtime.gallery.find_incomplete_pairs()
        return tuple(path for path in halves if path.stem not in stems)

    @cached_property
    def are_there(self) -> bool:
        """Whether there are other configurations, each of which may use a picture whose record names none."""
        own_path = self._config.config_file
        neighbours = (path for pattern in _CONFIGURATIONS for path in own_path.parent.glob(pattern) if path != own_path)
        return any(map(self._may_use_plugin, neighbours)) or any(map(self._is_there, self._heroes))

    @cached_property
    def _heroes(self) -> dict[str, frozenset[str]]:
        """The keys of each other configuration's pictures. The key `""` holds those that earlier versions recorded."""
        heroes = self._runtime.journal.get_heroes_by_config()
        return {name: keys for name, keys in heroes.items() if name != self._config.settings.config_name}

    @cached_property
    def _other_keys(self) -> frozenset[str]:
        """The keys that the journal has noted for other configurations."""
        keys = [keys for name, keys in self._heroes.items() if (self._is_there(name) if name else self.are_there)]
        return frozenset().union(*keys)

    def _is_there(self, name: str) -> bool:
        folders = (self._config.config_file.parent, self._config.settings.cache_dir)
        return bool(name) and any((folder / name).is_file() for folder in folders)

    @staticmethod
    def _may_use_plugin(path: Path) -> bool:
        try:
            return _USES_PLUGIN.search(path.read_text(encoding="utf-8", errors="replace")) is not None
        except OSError:
            return False

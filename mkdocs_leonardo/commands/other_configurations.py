"""Pictures that other configurations with the same cache or gallery use, and commands therefore keep."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs_leonardo.errors import StoreUnavailable
from mkdocs_leonardo.spec import short_key

if TYPE_CHECKING:
    from mkdocs_leonardo.commands.hero_status import HeroStatus
    from mkdocs_leonardo.commands.site import SiteOptions
    from mkdocs_leonardo.runtime import Runtime
    from mkdocs_leonardo.spec import PictureRecord

#: A configuration that uses the plugin, or may inherit it.
_USES_PLUGIN = re.compile(r"^INHERIT\s*:|^[^#\n]*\bleonardo\b", re.MULTILINE)
_CONFIGURATIONS = ("*.yml", "*.yaml", "zensical.toml")


class OtherConfigurations:
    """The other configurations with the same cache or gallery. One whose file is gone does not count."""

    def __init__(self, options: SiteOptions, runtime: Runtime) -> None:
        self._options = options
        self._runtime = runtime

    def may_use(self, record: PictureRecord) -> bool:
        """Whether another configuration may use a picture that no page here uses."""
        if record.site not in {"", self._options.settings.site} and self._is_there(record.site):
            return True
        return record.key in self._noted or (not record.site and self.are_there)

    def find_orphans(self, found: Sequence[HeroStatus]) -> tuple[PictureRecord, ...]:
        """Find records in the gallery that neither a page of `found` nor another configuration uses."""
        wanted = {quote.key for status in found for quote in status.quotes}
        records = self._runtime.gallery.records()
        return tuple(record for record in records if record.key not in wanted and not self.may_use(record))

    def find_idle_halves(self, found: Sequence[HeroStatus]) -> tuple[Path, ...]:
        """Find files of incomplete pairs in the gallery that no page of `found`, nor another configuration, uses."""
        wanted = {short_key(quote.key) for status in found for quote in status.quotes}
        halves = () if self.are_there else self._runtime.gallery.incomplete_pairs()
        return tuple(path for path in halves if path.stem not in wanted)

    @cached_property
    def are_there(self) -> bool:
        """Whether there are other configurations. They may use a picture whose record names none."""
        return any(self._names_plugin(path) for path in self._list_neighbours()) or any(
            map(self._is_there, self._sites)
        )

    @cached_property
    def _sites(self) -> dict[str, frozenset[str]]:
        """The keys of each other configuration's pictures. The key `""` holds those that earlier versions recorded."""
        with suppress(StoreUnavailable):
            found = self._runtime.journal.get_heroes_by_site()
            return {site: keys for site, keys in found.items() if site != self._options.settings.site}
        return {}

    @cached_property
    def _noted(self) -> frozenset[str]:
        keys = [keys for site, keys in self._sites.items() if (self._is_there(site) if site else self.are_there)]
        return frozenset().union(*keys)

    def _is_there(self, site: str) -> bool:
        places = (self._options.config_file.parent, self._options.settings.cache_dir)
        return bool(site) and any((place / site).is_file() for place in places)

    def _list_neighbours(self) -> Iterator[Path]:
        own = self._options.config_file
        for pattern in _CONFIGURATIONS:
            yield from (path for path in own.parent.glob(pattern) if path != own)

    @staticmethod
    def _names_plugin(path: Path) -> bool:
        try:
            return _USES_PLUGIN.search(path.read_text(encoding="utf-8", errors="replace")) is not None
        except OSError:
            return False

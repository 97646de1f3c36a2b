"""`Settings`: the checked options for the rest of the package, made from the options that MkDocs has read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mkdocs_leonardo.author_text import did_you_mean
from mkdocs_leonardo.config import DEFAULT_CACHE, LeonardoConfig
from mkdocs_leonardo.converters import OFF
from mkdocs_leonardo.errors import PictureError, SettingsError
from mkdocs_leonardo.front_matter import HeroDefaults
from mkdocs_leonardo.imaging.reference import read_reference
from mkdocs_leonardo.picture_rules import ANY_PICTURE, PictureRules
from mkdocs_leonardo.providers.declaration import declared_names, is_declared
from mkdocs_leonardo.spec import PAINTER, Encoding, MarkupOptions, OnMissing, Origin, Reference
from mkdocs_leonardo.team.address import StoreAddress

if TYPE_CHECKING:
    from mkdocs_leonardo.log import Notify

#: The cache's folder on Zensical's sites, since `zensical build --clean` removes the whole `.cache`.
ZENSICAL_CACHE = ".leonardo/cache"


@dataclass(frozen=True, slots=True)
class Settings:
    """Every option but `enabled`, checked. Paths are absolute.

    `defaults` holds the options of pictures and layout, `markup` those of HTML, `encoding` those of files. Each other
    option has a field of its name.
    """

    providers: tuple[str, ...]
    defaults: HeroDefaults
    generate: bool
    max_new_images: int
    max_cost_usd: float | None
    concurrency: int
    on_missing: OnMissing
    on_serve: Origin
    markup: MarkupOptions
    encoding: Encoding
    cache_dir: Path
    gallery_dir: Path
    options: Mapping[str, Any]
    """Each provider's options by its name, as an object of the class that it declares."""
    notes: tuple[str, ...]
    """The providers' remarks on allowed options, for the log."""
    shared_store: StoreAddress | None
    on_store_failure: Origin
    cache_may_move: bool
    """Whether the cache is in MkDocs's default folder, from which it can move to Zensical's."""
    former_cache: Path | None
    """The folder from which `move_cache` moves the cache to `cache_dir`; None if the cache is there."""
    config_name: str
    """The path of the configuration file, relative to its folder, or to a cache or gallery outside that folder."""

    def for_preview(self) -> Settings:
        """Return the settings of a preview's builds, which pay for nothing, wait for nothing and log no warnings."""
        return replace(self, generate=False, on_missing="ignore", shared_store=None)


def settings_from(
    config: LeonardoConfig,
    config_file: Path,
    *,
    docs_dir: Path,
    site_dir: Path | None = None,
    for_zensical: bool = False,
) -> Settings:
    """Make `Settings` from the options in `config_file`; SettingsError if a folder is in the wrong place.

    A cache that was moved for Zensical stays there, also for builds by MkDocs.
    """
    root = config_file.resolve().parent
    _check_providers(config.providers)
    if config.shared_store is not None and find_spec("obstore") is None:
        raise SettingsError(
            "shared_store: its client is not installed; pip install 'mkdocs-leonardo[team]', or leave the line out"
        )
    names = {name: str(config[name]) for name in ("cache_dir", "gallery_dir")}
    former = None
    cache_is_default = "cache_dir" not in config.written
    if cache_is_default and (for_zensical or (root / ZENSICAL_CACHE).is_dir()):
        former = Path(os.path.abspath(root / DEFAULT_CACHE))  # noqa: PTH100 - it may be a link, which has to go
        names["cache_dir"] = ZENSICAL_CACHE
    folders = {name: _resolve_folder(root, name, folder) for name, folder in names.items()}
    _check_places(folders, names, docs_dir, site_dir)
    same = {field.name: config[field.name] for field in fields(Settings) if field.name in config}
    return Settings(
        **{**same, **folders},
        markup=MarkupOptions(**{field.name: config[field.name] for field in fields(MarkupOptions)}),
        defaults=HeroDefaults(
            picture=replace(config.picture, reference=_read_reference(config, (root, docs_dir))),
            prompt_template=config.prompt_template,
            layout=config.layout,
            strength=config.style_strength,
            rules=_choose_rules(config.rules, config.unlimited_styles),
        ),
        encoding=Encoding(
            formats=config.formats,
            widths=tuple(sorted(config.widths)),
            width_px=config.width,
            height_px=config.height,
            social=config.social,
            spares_fallback="formats" not in config.written,
        ),
        cache_may_move=cache_is_default and former is None,
        former_cache=former,
        config_name=_make_config_name(root / config_file.name, folders.values()),
        options=config.provider_options,
        notes=tuple(config.notes),
    )


def _choose_rules(rules: Sequence[PictureRules], unlimited_styles: Iterable[str] = ()) -> PictureRules:
    """Return the first provider's rules, which hold for pages. `rules` holds each provider's, in their order.

    If the first provider has none, pages may have all that any one of the providers takes. `unlimited_styles` are those
    that providers without rules declare.
    """
    if rules and not rules[0].is_unlimited:
        return rules[0]
    all_rules = (ANY_PICTURE, *rules)
    return PictureRules(
        styles=tuple(dict.fromkeys([*(style for each in all_rules for style in each.styles), *unlimited_styles])),
        prompt_max=max(model_rules.prompt_max for model_rules in all_rules),
        negative_prompt_max=max(model_rules.negative_prompt_max for model_rules in all_rules),
        seed_max=max(model_rules.seed_max for model_rules in all_rules),
    )


def _check_places(folders: Mapping[str, Path], names: Mapping[str, str], docs_dir: Path, site_dir: Path | None) -> None:
    """Raise SettingsError for a folder that overlaps another one; `names` holds the folders as written."""
    dirs = {"docs_dir": (docs_dir.resolve(), "where `mkdocs serve` would rebuild without end")}
    if site_dir is not None:
        dirs["site_dir"] = (site_dir.resolve(), "which every build empties, so that every image would be paid again")
    for name, folder in folders.items():
        for option, (taken_dir, reason) in dirs.items():
            if folder.is_relative_to(taken_dir):
                raise SettingsError(f"{name}: {names[name]!r} is inside {option}, {reason}; choose a folder beside it")
            if taken_dir.is_relative_to(folder):
                raise SettingsError(f"{name}: {names[name]!r} holds {option}; choose a folder of its own")
    cache_dir, gallery_dir = folders.values()
    if cache_dir.is_relative_to(gallery_dir) or gallery_dir.is_relative_to(cache_dir):
        raise SettingsError(
            f"gallery_dir: {names['gallery_dir']!r} and cache_dir {names['cache_dir']!r} overlap; "
            "a cache may be thrown away and a gallery may not, so choose two separate folders"
        )


def move_cache(settings: Settings, notify: Notify, environ: Mapping[str, str]) -> Settings:
    """Move the former cache into its folder, and return the settings with the folder that is in use."""
    if settings.former_cache is None:
        return settings
    from mkdocs_leonardo.storage.cache_move import move_or_stay

    is_ci = environ.get("CI", "").strip().lower() not in {"", *OFF}
    cache_dir, may_buy = move_or_stay(settings.former_cache, settings.cache_dir, notify=notify, is_carried=is_ci)
    return replace(settings, cache_dir=cache_dir, generate=settings.generate and may_buy, former_cache=None)


def _make_config_name(config_file: Path, folders: Iterable[Path]) -> str:
    """Return a name for the configuration, which is equal on every machine.

    Two configurations that use the same folders have different names.
    """
    folders = list(folders)
    if all(folder.is_relative_to(config_file.parent) for folder in folders):
        return config_file.name
    try:
        return Path(os.path.relpath(config_file, folders[0])).as_posix()
    except ValueError:
        # The folder is on another drive.
        return config_file.as_posix()


def _resolve_folder(root: Path, option: str, name: str) -> Path:
    """Return the folder that an option names; SettingsError for a path with an unknown user or a shell's variable."""
    if (root / name).is_dir():
        # This includes a folder called `~`, which earlier versions created.
        return (root / name).resolve()
    if re.search(r"^\$|\$\{|^%\w+%", name):
        raise SettingsError(f"{option}: it is {name!r}; a variable is filled in where !ENV stands before its name")
    try:
        return (root / Path(name).expanduser()).resolve()
    except RuntimeError:
        raise SettingsError(f"{option}: it is {name!r}; there is no such user, so write the whole path") from None


def _read_reference(config: LeonardoConfig, folders: tuple[Path, ...]) -> Reference | None:
    """Return the site's reference; SettingsError, with the fix, if the file is not usable."""
    if config.style_reference is None:
        return None
    name = config.style_reference
    path = next((folder / name for folder in folders if (folder / name).is_file()), None)
    if path is None:
        raise SettingsError(
            f"style_reference: there is no file {name!r}; write its path relative to mkdocs.yml or to docs_dir"
        )
    try:
        return read_reference(path.resolve(), config.style_strength)
    except PictureError as error:
        raise SettingsError(f"style_reference: {name!r} {error}") from None


def _check_providers(names: tuple[str, ...]) -> None:
    """Raise SettingsError for a provider that is not installed."""
    for name in names:
        if name != PAINTER and not is_declared(name):
            choices = tuple(sorted({PAINTER, *declared_names()}))
            raise SettingsError(f"providers: no provider {name!r} is installed; {did_you_mean(name, choices)}")

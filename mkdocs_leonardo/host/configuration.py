"""A site's configuration: its file, the host that it is for, and the settings in it.

A host is MkDocs or ProperDocs, which takes MkDocs's name. This module imports neither.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs_leonardo.spec import MARKDOWN_EXTENSION, ZENSICAL_FOLDER, ZENSICAL_TOML

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig

    from mkdocs_leonardo.config import LeonardoConfig
    from mkdocs_leonardo.settings import Settings

#: The hosts by the names of their packages, loggers and groups of entry points.
HOSTS = ("mkdocs", "properdocs")
#: The distributions of hosts with their titles, the forks first: they bring a `mkdocs` of their own.
DISTRIBUTIONS = (("properdocs", "ProperDocs"), ("mkdocs-ng", "mkdocs-ng"), ("mkdocs", "MkDocs"))
#: The names of each host's configuration. ProperDocs looks for its own ones, then for those of MkDocs.
CONFIGURATIONS = {host: (f"{host}.yml", f"{host}.yaml") for host in HOSTS}


def use_host_of(config_file: str | None) -> None:
    """Make `import mkdocs` load ProperDocs if the site has a ProperDocs configuration or MkDocs is not installed.

    Call it before any import of `mkdocs`. `config_file` None: the host's default file.
    """
    if "mkdocs" in sys.modules or find_spec("properdocs") is None:
        return
    is_its_own = (
        has_configuration("properdocs")
        if config_file is None
        else Path(config_file).name in CONFIGURATIONS["properdocs"]
    )
    if is_its_own or find_spec("mkdocs") is None:
        import_module("properdocs.replacement")


def has_configuration(*hosts: str) -> bool:
    """Return whether a configuration of any of the hosts lies in the working directory."""
    return any(Path(name).is_file() for host in hosts for name in CONFIGURATIONS[host])


def base_name(plugin_name: str) -> str:
    """Return a plugin's name without theme and number: ``blog`` for ``material/blog #2``."""
    return plugin_name.partition(" ")[0].rpartition("/")[2]


def is_for_zensical(config_file: Path, extensions: Iterable[str]) -> bool:
    """Return whether Zensical builds the site: zensical.toml, the extension or `.leonardo/zensical` shows it."""
    root = config_file.parent
    is_named = config_file.suffix == ".toml" or MARKDOWN_EXTENSION in extensions or (root / ZENSICAL_TOML).is_file()
    return is_named or (root / ZENSICAL_FOLDER).is_dir()


def find_config_file(config: MkDocsConfig) -> Path:
    """Return the path of the site's configuration file, which may not exist."""
    return Path(config.config_file_path or "mkdocs.yml")


def read_settings(options: LeonardoConfig, config: MkDocsConfig) -> Settings:
    """Read the settings of a site that MkDocs builds; SettingsError if its options cannot be used."""
    from mkdocs_leonardo.settings import settings_from

    file = find_config_file(config)
    return settings_from(
        options,
        file,
        docs_dir=Path(config.docs_dir),
        site_dir=Path(config.site_dir),
        for_zensical=is_for_zensical(file, config.markdown_extensions),
    )

"""The plugin's options as a site's configuration gives them, checked, with the cache in its folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs_leonardo.settings import is_for_zensical, settings_from, settled

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig

    from mkdocs_leonardo.config import LeonardoConfig
    from mkdocs_leonardo.progress import Notify
    from mkdocs_leonardo.settings import Settings


def settings_of(options: LeonardoConfig, config: MkDocsConfig, notify: Notify) -> Settings:
    """The settings of a site that MkDocs builds; SettingsError if there are none."""
    path = config_file_of(config)
    return settings_in(
        path.resolve().parent,
        options,
        notify,
        docs_dir=Path(config.docs_dir),
        site_dir=Path(config.site_dir),
        config_name=path.name,
        for_zensical=is_for_zensical(path, config.markdown_extensions),
    )


def settings_in(
    root: Path,
    options: LeonardoConfig,
    notify: Notify,
    *,
    docs_dir: Path,
    site_dir: Path,
    config_name: str,
    for_zensical: bool,
) -> Settings:
    """The settings of a site whose configuration lies in `root`; SettingsError if there are none."""
    settings = settings_from(
        options,
        root=root,
        docs_dir=docs_dir,
        site_dir=site_dir,
        config_name=config_name,
        for_zensical=for_zensical,
    )
    return settled(settings, notify, os.environ)


def config_file_of(config: MkDocsConfig) -> Path:
    """The site's configuration file, which need not be there."""
    return Path(config.config_file_path or "mkdocs.yml")

"""The plugin's options as a site's configuration gives them, checked, with the cache in its folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs_leonardo.settings import is_for_zensical, settings_from

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig

    from mkdocs_leonardo.config import LeonardoConfig
    from mkdocs_leonardo.progress import Notify
    from mkdocs_leonardo.settings import Settings


def settings_of(options: LeonardoConfig, config: MkDocsConfig, notify: Notify) -> Settings:
    """The settings of a site that MkDocs builds, with the cache in its folder; SettingsError if there are none."""
    file = config_file_of(config)
    return settings_from(
        options,
        file,
        docs_dir=Path(config.docs_dir),
        site_dir=Path(config.site_dir),
        notify=notify,
        environ=os.environ,
        for_zensical=is_for_zensical(file, config.markdown_extensions),
    )


def config_file_of(config: MkDocsConfig) -> Path:
    """The site's configuration file, which need not be there."""
    return Path(config.config_file_path or "mkdocs.yml")

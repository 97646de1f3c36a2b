"""Settings of a site that MkDocs builds, from the plugin's options in its configuration."""

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


def read_settings(options: LeonardoConfig, config: MkDocsConfig, notify: Notify) -> Settings:
    """Read the settings of a site that MkDocs builds; SettingsError if its options cannot be used."""
    file = find_config_file(config)
    return settings_from(
        options,
        file,
        docs_dir=Path(config.docs_dir),
        site_dir=Path(config.site_dir),
        notify=notify,
        environ=os.environ,
        for_zensical=is_for_zensical(file, config.markdown_extensions),
    )


def find_config_file(config: MkDocsConfig) -> Path:
    """Return the path of the site's configuration file, which may not exist."""
    return Path(config.config_file_path or "mkdocs.yml")

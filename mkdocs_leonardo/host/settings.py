"""The plugin's options as a site's configuration gives them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs_leonardo.config import is_for_zensical, settings_from

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig

    from mkdocs_leonardo.config import LeonardoConfig, Settings


def settings_of(options: LeonardoConfig, config: MkDocsConfig) -> Settings:
    """The settings of the site; ValidationError, with the cure, if they cannot be as the options say."""
    path = config_file_of(config)
    return settings_from(
        options,
        root=path.resolve().parent,
        docs_dir=Path(config.docs_dir),
        site_dir=Path(config.site_dir),
        config_name=path.name,
        for_zensical=is_for_zensical(path, config.markdown_extensions),
    )


def config_file_of(config: MkDocsConfig) -> Path:
    """The site's configuration file, which need not be there."""
    return Path(config.config_file_path or "mkdocs.yml")

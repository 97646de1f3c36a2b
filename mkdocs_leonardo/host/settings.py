"""The plugin's options as a site's configuration gives them, checked, with the cache in its folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.config.base import ValidationError

from mkdocs_leonardo.config import is_for_zensical, settings_from, settled
from mkdocs_leonardo.errors import HeroError

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig

    from mkdocs_leonardo.config import LeonardoConfig, Settings


class WrongOptions(HeroError):
    """Options that are right one by one and not together; the message holds the cure."""


def settings_of(options: LeonardoConfig, config: MkDocsConfig, tell: Callable[[int, str], None]) -> Settings:
    """The settings of a site that MkDocs builds; WrongOptions if there are none."""
    path = config_file_of(config)
    return settings_in(
        path.resolve().parent,
        options,
        tell,
        docs_dir=Path(config.docs_dir),
        site_dir=Path(config.site_dir),
        config_name=path.name,
        for_zensical=is_for_zensical(path, config.markdown_extensions),
    )


def settings_in(
    root: Path,
    options: LeonardoConfig,
    tell: Callable[[int, str], None],
    *,
    docs_dir: Path,
    site_dir: Path,
    config_name: str,
    for_zensical: bool,
) -> Settings:
    """The settings of a site whose configuration lies in `root`; WrongOptions if there are none."""
    try:
        settings = settings_from(
            options,
            root=root,
            docs_dir=docs_dir,
            site_dir=site_dir,
            config_name=config_name,
            for_zensical=for_zensical,
        )
    except ValidationError as error:
        raise WrongOptions(str(error)) from None
    return settled(settings, tell, os.environ)


def config_file_of(config: MkDocsConfig) -> Path:
    """The site's configuration file, which need not be there."""
    return Path(config.config_file_path or "mkdocs.yml")

"""Pictures for sharing, named before they exist, and the cards of Material's social plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig


def draws_cards(config: MkDocsConfig) -> bool:
    """Whether Material's social plugin is on, and has no background of the site's own choice."""
    for name, plugin in config.plugins.items():
        if _bare(name) == "social":
            options = plugin.config.get("cards_layout_options") or {}
            return bool(plugin.config.get("cards")) and "background_image" not in options
    return False


def has_blog(config: MkDocsConfig) -> bool:
    """Whether Material's blog plugin, in any number of instances, makes views on which covers can stand."""
    return any(_bare(name) == "blog" for name in config.plugins)


def _bare(plugin_name: str) -> str:
    """``material/blog #2`` and ``materialx/blog`` without number and theme."""
    return plugin_name.partition(" ")[0].rpartition("/")[2]

"""A project of Zensical that has no mkdocs.yml, as MkDocs reads a site."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.metadata import entry_points
from io import StringIO
from pathlib import Path
from typing import Any

from mkdocs_leonardo.commands.terminal import Trouble

#: The file's usual name.
ZENSICAL = "zensical.toml"
#: What decides which pages there are, where they are and what they are called; it means the same to both builders.
_SETTINGS = ("site_name", "site_url", "docs_dir", "site_dir", "use_directory_urls", "nav", "exclude_docs", "draft_docs")
#: Plugins of Material that know drafts and folders' metadata; Zensical has its own of the same names and options.
_READERS = ("blog", "meta")


class _Configuration(StringIO):
    """Text that says which file it stands for, since paths in it are relative to that."""

    def __init__(self, text: str, name: str) -> None:
        super().__init__(text)
        self.name = name


def project_as_mkdocs(path: Path) -> StringIO:
    """The project's settings that matter here, in the form of a mkdocs.yml; Trouble if they cannot be read."""
    import yaml  # noqa: PLC0415 - MkDocs's own

    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Trouble(f"{path} cannot be read: {error}") from error
    project = content.get("project", content)
    plugins = _named(project.get("plugins"), path)
    config: dict[str, Any] = {name: project[name] for name in _SETTINGS if name in project}
    config["plugins"] = [{"leonardo": plugins.get("leonardo") or {}}]
    installed = entry_points(group="mkdocs.plugins").names
    for name in _READERS:
        if name not in plugins:
            continue
        if f"material/{name}" not in installed:
            raise Trouble(
                f"{path} uses the plugin {name}, which this command reads with Material's: pip install mkdocs-material"
            )
        config["plugins"].append({f"material/{name}": plugins[name] or {}})
        config["theme"] = {"name": "material"}
    return _Configuration(yaml.safe_dump(config), str(path))


def _named(plugins: object, path: Path) -> Mapping[str, Any]:
    """Plugins and their options, however they are written."""
    if plugins is None:
        return {}
    entries = plugins if isinstance(plugins, list) else [plugins]
    named: dict[str, Any] = {}
    for entry in entries:
        if isinstance(entry, str):
            named[entry] = {}
        elif isinstance(entry, Mapping):
            named |= entry
        else:
            raise Trouble(f"{path}: plugins must be tables, such as [project.plugins.leonardo]")
    return {name.removeprefix("material/"): options for name, options in named.items()}

"""A site's configuration as Zensical reads it: without its theme, its plugins or MkDocs."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mkdocs_leonardo.commands.terminal import CommandError
from mkdocs_leonardo.host.configuration import CONFIGURATIONS
from mkdocs_leonardo.spec import MARKDOWN_EXTENSION, SITE_FOLDER

if TYPE_CHECKING:
    import yaml

    from mkdocs_leonardo.config import LeonardoConfig

#: The files that Zensical looks for, in its order.
ZENSICAL_TOML = "zensical.toml"
_CONFIGURATIONS = (ZENSICAL_TOML, *CONFIGURATIONS["mkdocs"])
#: The most files in a chain of INHERIT.
_MOST_PARENTS = 20


@dataclass(frozen=True)
class Project:
    """A site's configuration. `files` are its files: the author's own, then those that it inherits."""

    path: Path
    values: Mapping[str, Any]
    files: tuple[Path, ...]

    @property
    def root(self) -> Path:
        """The folder that other paths are relative to."""
        return self.path.parent

    @property
    def docs_dir(self) -> Path:
        """The folder of the pages."""
        return self.root / self.get_text("docs_dir", "docs")

    @property
    def site_dir(self) -> Path:
        """The folder of the built site."""
        return self.root / self.get_text("site_dir", "site")

    @property
    def site_url(self) -> str:
        """The site's address with a slash at its end; `""` if it has none."""
        url = self.get_text("site_url")
        return f"{url.rstrip('/')}/" if url else ""

    @property
    def build_folder(self) -> Path:
        """The folder of manifest and state. `zensical build --clean` does not remove it."""
        return self.root / ".leonardo/zensical"

    @property
    def assets(self) -> str:
        """The pictures' folder, relative to the site's."""
        return find_assets_folder(self.extensions.get(MARKDOWN_EXTENSION, {}))

    @cached_property
    def plugins(self) -> Mapping[str, Mapping[str, Any]]:
        """The plugins and their options, in any spelling. Zensical's own have the names of Material's."""
        found = dict(parse_named(self.values.get("plugins"), self.path, "plugins"))
        return {name.removeprefix("material/"): options for name, options in found.items()}

    @cached_property
    def extensions(self) -> Mapping[str, Mapping[str, Any]]:
        """The Markdown extensions and their options."""
        return dict(parse_named(self.values.get("markdown_extensions"), self.path, "markdown_extensions"))

    @property
    def theme(self) -> Mapping[str, Any]:
        """The theme's name and settings."""
        theme = self.values.get("theme")
        return theme if isinstance(theme, Mapping) else {"name": theme or "material"}

    def get_text(self, name: str, default: str = "") -> str:
        """Return a setting that is text."""
        value = self.values.get(name)
        return str(value) if value is not None else default

    def is_on(self, plugin: str) -> bool:
        """Whether the site uses a plugin and has not switched it off."""
        switch = self.plugins[plugin].get("enabled", True) if plugin in self.plugins else False
        # `!ENV` gives text.
        return str(switch).strip().lower() not in {"false", "no", "off", "0"}


def find_assets_folder(options: Mapping[str, object]) -> str:
    """Return the pictures' folder, relative to the site's, by the options of the Markdown extension."""
    return str(options.get("assets", SITE_FOLDER)).strip("/")


def find_project(config_file: str | None) -> Project:
    """Read the configuration that Zensical would find; CommandError if there is none."""
    name = config_file or next((each for each in _CONFIGURATIONS if Path(each).is_file()), "")
    if not name:
        raise CommandError(
            "there is no zensical.toml and no mkdocs.yml here; run this in your site's folder, or use -f"
        )
    return read_project(require_file(name))


def require_file(name: str) -> Path:
    """Return the file that -f names; CommandError if there is none."""
    if not Path(name).is_file():
        raise CommandError(f"-f: there is no file {name}")
    return Path(name)


def read_project(path: Path) -> Project:
    """Read a configuration; CommandError if it cannot be read."""
    path = path.resolve()
    if path.suffix != ".toml":
        values, files = _read_yaml(path, _MOST_PARENTS)
        return Project(path, values, files)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}") from error
    return Project(path, content.get("project", content), (path,))


def read_plugin_config(project: Project) -> LeonardoConfig:
    """Read and check the plugin's options; CommandError if one is wrong, or if the site does not use the plugin."""
    from mkdocs_leonardo.config import LeonardoConfig

    if "leonardo" not in project.plugins:
        where = "[project.plugins.leonardo]" if project.path.suffix == ".toml" else "`- leonardo` below `plugins:`"
        raise CommandError(f"{project.path} does not use the plugin; add {where}")
    config = LeonardoConfig()
    config.load_dict(dict(project.plugins["leonardo"]))
    errors, _ = config.validate()
    if errors:
        raise CommandError(
            "\n".join(f"{project.path}: plugin 'leonardo': option '{name}': {why}" for name, why in errors)
        )
    return config


def parse_named(value: object, path: Path, setting: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield names and options from a list of names and mappings, or from one mapping."""
    if value is None:
        return
    for entry in value if isinstance(value, list) else [value]:
        if isinstance(entry, str):
            yield entry, {}
        elif isinstance(entry, Mapping):
            for name, options in entry.items():
                yield str(name), options if isinstance(options, Mapping) else {}
        else:
            raise CommandError(f"{path}: {setting} must be names or tables, such as [project.{setting}.leonardo]")


# YAML ----------------------------------------------------------------------------------------------------------------


def _read_yaml(path: Path, most_parents: int) -> tuple[dict[str, Any], tuple[Path, ...]]:
    """Read a file and those that it inherits from. A file's entry replaces its parent's."""
    import yaml

    try:
        values = yaml.load(path.read_text(encoding="utf-8"), _make_loader())  # noqa: S506 - a safe loader
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CommandError(f"{path} cannot be read: {error}") from error
    if not isinstance(values, dict):
        raise CommandError(f"{path} holds no settings")
    parent = values.pop("INHERIT", None)
    if parent is None:
        return values, (path,)
    if not most_parents:
        raise CommandError(f"{path}: INHERIT leads from file to file without end")
    from mergedeep import merge

    inherited, files = _read_yaml((path.parent / str(parent)).resolve(), most_parents - 1)
    return dict(merge(inherited, values)), (path, *files)


def _make_loader() -> type[yaml.SafeLoader]:
    """Return a YAML loader that knows `!ENV`. It reads other tags, which only themes and extensions need, as None."""
    import yaml
    from yaml_env_tag import construct_env_tag

    base = cast("type[yaml.SafeLoader]", getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    loader = cast("type[yaml.SafeLoader]", type("_ProjectLoader", (base,), {}))
    loader.add_constructor("!ENV", construct_env_tag)
    loader.add_multi_constructor("!", lambda *_: None)
    loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)
    return loader

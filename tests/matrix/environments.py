"""The table of environments: their packages, hosts, themes and plugins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: Themes whose pages send no request to other hosts.
MATERIAL: Mapping[str, Any] = {"name": "material", "font": False}
MATERIALX: Mapping[str, Any] = {"name": "materialx", "font": False}


@dataclass(frozen=True, slots=True)
class Environment:
    """One row. `packages` are installed with the plugin; then `removed` go, and `restored` are installed over the rest.

    `host` is the module that builds: ``python -m HOST build``. `plugins` are the site's other plugins. Every theme is
    one column of the checks.
    """

    name: str
    packages: tuple[str, ...]
    themes: tuple[Mapping[str, Any], ...]
    host: str = "mkdocs"
    plugins: tuple[str, ...] = ("search",)
    removed: tuple[str, ...] = ()
    restored: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)


def named(*names: str) -> tuple[Mapping[str, Any], ...]:
    """Themes without options."""
    return tuple({"name": name} for name in names)


HOSTS: tuple[Environment, ...] = (
    Environment("mkdocs-1.6.1", ("mkdocs==1.6.1",), named("mkdocs", "readthedocs")),
    Environment(
        "lowest",
        (
            "mkdocs==1.6.0",
            "httpx==0.27.0",
            "pillow==11.3.0",
            "diskcache==5.6.3",
            "anyio==4.4.0",
            "click==8.1.0",
            "mkdocs-material==9.7.0",
        ),
        (*named("mkdocs", "readthedocs"), MATERIAL),
    ),
    Environment("material", ("mkdocs-material>=9.7",), (MATERIAL,)),
    Environment("materialx", ("mkdocs-materialx",), (MATERIALX,)),
    Environment(
        "properdocs",
        ("properdocs", "properdocs-theme-mkdocs", "properdocs-theme-readthedocs", "mkdocs-material>=9.7"),
        (*named("mkdocs", "readthedocs"), MATERIAL),
        host="properdocs",
    ),
    Environment(
        "properdocs-alone",
        ("properdocs", "properdocs-theme-mkdocs", "properdocs-theme-readthedocs", "mkdocs-material>=9.7"),
        (*named("mkdocs"), MATERIAL),
        host="properdocs",
        removed=("mkdocs",),
    ),
    Environment(
        "mkdocs-ng",
        ("mkdocs-material>=9.7",),
        (*named("mkdocs", "readthedocs"), MATERIAL),
        removed=("mkdocs",),
        restored=("mkdocs-ng",),
    ),
    # Backstage's bundle of theme, plugins and extensions, which wants versions of its own.
    Environment("techdocs-core", ("mkdocs-techdocs-core>=1.7",), named("material"), plugins=("techdocs-core",)),
    # Further themes for MkDocs, by their use in repositories and by their age: from Bootstrap 3 to Tailwind.
    Environment(
        "themes",
        (
            "mkdocs-bootswatch",
            "mkdocs-cinder",
            "mkdocs-dracula-theme",
            "mkdocs-gitbook",
            "mkdocs-ivory",
            "mkdocs-shadcn",
            "mkdocs-simple-blog",
            "mkdocs-terminal",
            "mkdocs-windmill",
        ),
        named("flatly", "cinder", "dracula", "gitbook", "ivory", "shadcn", "simple-blog", "terminal", "windmill"),
    ),
)

#: Material and everything that its users put beside it, in one environment.
NEIGHBOURS = Environment(
    "neighbours",
    (
        "mike",
        "mkdocs-awesome-nav",
        "mkdocs-charts-plugin",
        "mkdocs-encryptcontent-plugin",
        "mkdocs-exclude",
        "mkdocs-gen-files",
        "mkdocs-git-revision-date-localized-plugin",
        "mkdocs-glightbox",
        "mkdocs-htmlproofer-plugin",
        "mkdocs-literate-nav",
        "mkdocs-macros-plugin",
        "mkdocs-material[imaging]>=9.7",
        "mkdocs-minify-html-plugin",
        "mkdocs-minify-plugin",
        "mkdocs-monorepo-plugin",
        "mkdocs-multirepo-plugin",
        "mkdocs-redirects",
        "mkdocs-rss-plugin",
        "mkdocs-section-index",
        "mkdocs-static-i18n[material]",
    ),
    (MATERIAL,),
)

ALL: Mapping[str, Environment] = {each.name: each for each in (*HOSTS, NEIGHBOURS)}

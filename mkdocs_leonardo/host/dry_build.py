"""A dry build: MkDocs reads the heroes that the pages of a site ask for, and stops before it writes a file.

A hero may come from Material's `meta` plugin, a script of gen-files or a hook, and the blog plugin decides which posts
are drafts. So the host builds with all plugins. To save minutes, pages are read without text, and plugins get no
content of pages, since no hero comes from the content.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from jinja2 import Environment, TemplateError, meta, nodes
from mkdocs.commands.build import build
from mkdocs.config import load_config

from mkdocs_leonardo.errors import HeroError
from mkdocs_leonardo.front_matter import decides_hero
from mkdocs_leonardo.host.configuration import HOSTS
from mkdocs_leonardo.log import PREFIX, log

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

    from mkdocs_leonardo.config import LeonardoConfig
    from mkdocs_leonardo.errors import InputError
    from mkdocs_leonardo.front_matter import FrontMatter
    from mkdocs_leonardo.host.site_build import SiteBuild
    from mkdocs_leonardo.log import Notify
    from mkdocs_leonardo.spec import HeroSpec


class SiteUnreadable(HeroError):
    """The host, or one of its plugins, cannot read the site. The message is the host's or the plugin's."""


class LoadedSite:
    """A site's configuration, read by the host, and, after `read`, its pages.

    `pages` holds all pages, and `problems` the problems in front matter. `coverless` holds the templates of blog views
    that cannot show a post's cover.
    """

    def __init__(self, config_file: str | None, notify: Notify) -> None:
        """`config_file` None: the host's default file. `notify` gets what the host logs.

        SiteUnreadable if the configuration is wrong.
        """
        self._notify = notify
        self.heroes: list[HeroSpec] = []
        self.pages: list[str] = []
        self.undecided: list[str] = []
        self.problems: list[InputError] = []
        self.coverless: list[Path] = []
        self._views: set[str] = set()
        self._has_post = False
        with _explain_errors(notify):
            self.config = load_config(config_file)

    @property
    def options(self) -> LeonardoConfig | None:
        """The plugin's options; None if the site does not use the plugin, or another plugin has not loaded it yet."""
        plugin: Any = self.config.plugins.get("leonardo")
        return plugin.config if plugin is not None else None

    def bring_grouped_plugins(self) -> None:
        """Let plugins such as Material's `group` load further plugins, as they do at the start of a build."""
        with _explain_errors(self._notify):
            try:
                self.config.plugins.on_startup(command="build", dirty=False)
                self.config.plugins.on_config(self.config)
            finally:
                self.config.plugins.on_shutdown()

    def read(self, command: Literal["build", "serve"]) -> None:
        """Read every page; SiteUnreadable if a plugin fails. `serve` reads drafts as well."""
        site_dir = self.config.site_dir
        plugins = self.config.plugins
        with _explain_errors(self._notify), tempfile.TemporaryDirectory(prefix="mkdocs-leonardo-") as nowhere:
            self.config["site_dir"] = nowhere
            plugins.on_startup(command=command, dirty=False)
            try:
                # After the event in which Material's `group` plugin adds plugins, perhaps this one. It takes every
                # bound method for a plugin's.
                plugins.events["pre_build"].append(lambda config: self._attach(config))  # noqa: PLW0108 - no bound method
                with suppress(_AllPagesRead):
                    build(self.config, serve_url="http://127.0.0.1:8000/" if command == "serve" else None)
            finally:
                plugins.on_shutdown()
        self.config["site_dir"] = site_dir

    def _attach(self, config: MkDocsConfig) -> None:
        plugin: Any = config.plugins.get("leonardo")
        if plugin is not None:
            site_build: SiteBuild = plugin.build
            site_build.listen(self._take)
        # Every plugin is loaded by now.
        config.plugins.events["page_content"].clear()
        config.plugins.events["env"][:] = [self._end]

    def _take(self, page: Page, reading: FrontMatter) -> None:
        self.pages.append(page.file.src_uri)
        if not decides_hero(page.meta):
            self.undecided.append(page.file.src_uri)
        self.problems += reading.problems
        if reading.hero is not None:
            self.heroes.append(reading.hero)
        # In Material's blog, a view has posts, and a post has an excerpt.
        if hasattr(page, "posts"):
            self._views.add(str(page.meta.get("template", "blog.html")))
        self._has_post |= reading.hero is not None and hasattr(page, "excerpt")

    def _end(self, env: Environment, **_: object) -> None:
        root = Path(self.config.config_file_path or ".").resolve().parent
        for view in sorted(self._views) if self._has_post else ():
            files = [Path(name) for name in find_templates_without_excerpts(env, view)]
            # The site's own template comes first; files elsewhere belong to the theme.
            self.coverless += [*filter(lambda file: file.is_relative_to(root), files), *files][:1]
        raise _AllPagesRead


def find_templates_without_excerpts(env: Environment, view: str) -> tuple[str, ...]:
    """Find why a blog view cannot show covers: return the files of a view that shows no excerpt's content.

    Covers stand at the head of excerpts. The view's own file comes first. Returns () for a view that shows the content,
    or chooses parts of a post while a page is built. Returns () for a broken template, which the build reports.
    """
    loader = env.loader
    if loader is None:
        return ()
    waiting = [view]
    files = dict[str, str]()
    while waiting:
        name = waiting.pop(0)
        if name in files:
            continue
        try:
            text, path, _ = loader.get_source(env, name)
            tree = env.parse(text)
        except TemplateError:
            return ()
        references = list(meta.find_referenced_templates(tree))
        if _is_content_shown(tree) or (None in references and _is_about_posts(tree)):
            return ()
        files[name] = path or name
        waiting += [reference for reference in references if reference is not None]
    return tuple(files.values())


def _is_about_posts(tree: nodes.Template) -> bool:
    """Return whether the template mentions posts. The loops of any other template may be over icons, for example."""
    return any(node.name in {"post", "posts", "excerpt"} for node in tree.find_all(nodes.Name))


def _is_content_shown(tree: nodes.Template) -> bool:
    """Return whether the template shows, as HTML, the content of an object other than the page."""
    plain = {
        id(node)
        for stripped in tree.find_all(nodes.Filter)
        if stripped.name == "striptags"
        for node in stripped.find_all(nodes.Getattr)
    }
    return any(
        node.attr == "content" and id(node) not in plain
        for node in tree.find_all(nodes.Getattr)
        if not (isinstance(node.node, nodes.Name) and node.node.name == "page")
    )


class _AllPagesRead(BaseException):
    """The signal that a build has read its last page.

    It is a BaseException, since the host reports each `Exception` to the hooks as a failed build.
    """


class _HostLog(logging.Handler):
    """A handler of the host's log, which alone has the text of an error."""

    def __init__(self, notify: Notify) -> None:
        super().__init__(logging.INFO)
        self._notify = notify
        self.errors: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the text of an error, and pass any other record on."""
        text = record.getMessage().removeprefix(PREFIX)
        if record.levelno >= logging.ERROR:
            self.errors.append(text)
        else:
            # The real build warns about other plugins.
            self._notify(record.levelno if record.name == log.logger.name else logging.INFO, text)


@contextmanager
def _explain_errors(notify: Notify) -> Iterator[None]:
    """Send the host's log to `notify` while the block runs, and plugins' prints to standard error.

    Code of plugins and hooks may raise any exception. It becomes SiteUnreadable, with the log's text if there is one.
    """
    loggers = [logging.getLogger(host) for host in HOSTS]
    handler = _HostLog(notify)
    propagated = [logger.propagate for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.propagate = False
    try:
        # What plugins print is not part of the result.
        with redirect_stdout(sys.stderr):
            yield
    except Exception as error:
        lines = list(dict.fromkeys(handler.errors))
        if not lines:
            text = str(error)
            lines = [text if type(error).__module__.startswith(HOSTS) else f"{type(error).__name__}: {text}"]
        raise SiteUnreadable("the site cannot be read: " + "\n".join(lines)) from error
    finally:
        for logger, is_propagated in zip(loggers, propagated, strict=True):
            logger.removeHandler(handler)
            logger.propagate = is_propagated

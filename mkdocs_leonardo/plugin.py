"""The plugin's hooks: each passes MkDocs's arguments to the build or to the preview."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from mkdocs.plugins import BasePlugin, CombinedEvent, event_priority

from mkdocs_leonardo.config import LeonardoConfig
from mkdocs_leonardo.host.serving import Serving
from mkdocs_leonardo.host.site_build import SiteBuild, begin_build

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2 import Environment
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.livereload import LiveReloadServer
    from mkdocs.structure.files import Files
    from mkdocs.structure.nav import Navigation
    from mkdocs.structure.pages import Page
    from mkdocs.utils.templates import TemplateContext


class LeonardoPlugin(BasePlugin[LeonardoConfig]):
    """Heroes for every page that asks for one. `mkdocs serve` keeps this object over all its builds."""

    def __init__(self) -> None:
        super().__init__()
        self._is_dirty = False
        self._serving = Serving()
        #: The build that runs, for the hooks and for a dry build.
        self.build = SiteBuild()

    def on_startup(self, *, command: Literal["build", "gh-deploy", "serve"], dirty: bool) -> None:
        """Pass on whether `mkdocs serve` runs. Its builds never spend; the generator beside them may."""
        self._is_dirty = dirty
        self._serving.start(command, self.config)

    def on_config(self, config: MkDocsConfig) -> None:
        """Check the options against each other, and begin a build."""
        self.build.close()
        self._serving.before_build(self.config, config)
        self.build = begin_build(self.config, config, is_preview=self._serving.is_on)

    # After every other plugin: from here to the cleaning, nothing may fail.
    @event_priority(-100)
    def on_pre_build(self, *, config: MkDocsConfig) -> None:
        """Keep the files of the previous build from the host's cleaning."""
        self.build.keep_pictures(config.site_dir, is_dirty=self._is_dirty)

    # Before Material's meta plugin (50), which stops the build where a page has another type than its folder.
    @event_priority(100)
    def _on_page_markdown_opt_out(self, markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> None:  # noqa: ARG002 - the host's signature
        """Write `hero_prompt: false` as text: Material's meta plugin refuses another type than the folder's text."""
        self.build.write_opt_out_as_text(page)

    # After Material's meta plugin (50) and those that write metadata at the default priority.
    @event_priority(-50)
    def _on_page_markdown_read(self, markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str | None:
        """Read the page's hero, and start at once to generate a missing one, while other pages are rendered."""
        return self.build.read_page(markdown, page, config, files)

    on_page_markdown = CombinedEvent(_on_page_markdown_opt_out, _on_page_markdown_read)

    # After Material's `optimize` (0), which would encode the plugin's files again and drop their AI mark.
    @event_priority(-50)
    def on_env(self, env: Environment, *, config: MkDocsConfig, files: Files) -> None:  # noqa: ARG002 - the host's signature
        """Wait for every hero, and add the heroes' files to the site."""
        self.build.heroes.join(config, files)

    # After Material's blog plugin (-100), which makes the excerpts; after every search plugin, which reads the content.
    @event_priority(-110)
    def on_page_context(
        self,
        context: TemplateContext,
        *,
        page: Page,
        config: MkDocsConfig,  # noqa: ARG002 - the host's signature
        nav: Navigation,  # noqa: ARG002 - the host's signature
    ) -> None:
        """Put the page's hero into its content, and covers on the excerpts of a blog view."""
        variables: dict[str, Any] = context  # type: ignore[assignment]  # templates may hold more than the host's own
        self.build.heroes.show(page, variables)

    # After plugins that write social tags of their own (Material's: 50), before minifiers (0).
    @event_priority(40)
    def on_post_page(self, output: str, *, page: Page, config: MkDocsConfig) -> str | None:  # noqa: ARG002 - the host's signature
        """Complete the head, and move a hero in full layout to where it spans the window."""
        return self.build.heroes.complete(page, output)

    # After mkdocs-rss-plugin (0), which writes its feeds here.
    @event_priority(-50)
    def on_post_build(self, *, config: MkDocsConfig) -> None:
        """Complete other plugins' files, end the build, and leave missing heroes to a preview."""
        self.build.heroes.mend_feeds(config)
        self.build.close()
        self._serving.after_build(self.build, config)

    def on_serve(
        self,
        server: LiveReloadServer,
        /,
        *,
        config: MkDocsConfig,  # noqa: ARG002 - the host's signature
        builder: Callable[[MkDocsConfig | None], None],  # noqa: ARG002 - the host's signature
    ) -> None:
        """Have the server rebuild when a new hero is ready."""
        self._serving.watch(server, self.build)

    def on_build_error(self, *, error: Exception) -> None:  # noqa: ARG002 - the host's signature
        """End the build's work; the journal holds paid jobs."""
        self.build.close()

    def on_shutdown(self) -> None:
        """End the build's work and the preview's."""
        self.build.close()
        self._serving.close()

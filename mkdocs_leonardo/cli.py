"""The command line: reads arguments and calls one function per command."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from mkdocs_leonardo import __version__

if TYPE_CHECKING:
    from mkdocs_leonardo.providers.balance import Alert

_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@dataclass(frozen=True, slots=True)
class _Common:
    """The options that every command accepts."""

    config_file: str | None
    verbose: bool


#: The options of the program and of each command.
_OPTIONS: tuple[tuple[list[str], dict[str, Any]], ...] = (
    (["-f", "--config-file"], {"metavar": "FILE", "help": "The site's configuration (default: mkdocs.yml here)."}),
    (["-v", "--verbose"], {"is_flag": True, "help": "Show more details."}),
)


def _examples(*lines: str) -> str:
    """Examples for the end of a help text; click does not wrap what follows a backspace."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def _pages_here(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 - click's own signature
    """The pages of a site in its usual folder, for the completion of a shell."""
    root = context.find_root().params.get("config_file") or context.params.get("config_file") or "mkdocs.yml"
    docs_dir = Path(str(root)).parent / "docs"
    pages = (path.relative_to(docs_dir).as_posix() for path in docs_dir.rglob("*.md"))
    return sorted(page for page in pages if page.startswith(incomplete))


class _Alert(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.3 only
    """A parameter type: an amount of credits, or of dollars after a dollar sign."""

    name = "alert"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401 - click's own signature
        """Parse `value`, which is empty where a shell has expanded the dollar sign as a variable."""
        from mkdocs_leonardo.providers.balance import Alert

        try:
            return Alert.of(value)
        except ValueError as error:
            self.fail(f"{value!r} is no such amount; {error}, with the quotes.", param, ctx)


class _Command(click.Command):
    """A command that also accepts the program's options, so that they may stand before or after it."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - click's own signature
        super().__init__(*arguments, **options)
        self.params += [click.Option(names, hidden=True, **kind) for names, kind in _OPTIONS]

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's own signature
        """Run the command with the program's options, wherever they stand."""
        config_file, verbose = ctx.params.pop("config_file"), ctx.params.pop("verbose")
        ctx.obj = _Common(config_file or ctx.obj.config_file, verbose or ctx.obj.verbose)
        return super().invoke(ctx)


class _Commands(click.Group):
    """The group of commands, whose output works in any encoding."""

    command_class = _Command

    def main(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - click's own signature
        """Run one command; characters that the output cannot encode are printed as escapes."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        return super().main(*arguments, **options)


@click.group(
    cls=_Commands,
    context_settings=_SETTINGS,
    epilog=_examples(
        "mkdocs-leonardo status",
        "mkdocs-leonardo generate blog/posts/storm.md",
        "mkdocs-leonardo -f docs/mkdocs.yml check",
    ),
)
@click.option(*_OPTIONS[0][0], **_OPTIONS[0][1])
@click.option(*_OPTIONS[1][0], **_OPTIONS[1][1])
@click.version_option(__version__, message="%(version)s")
@click.pass_context
def main(context: click.Context, config_file: str | None, *, verbose: bool) -> None:
    """Generate, choose, pin and check the heroes of an MkDocs site.

    Uses the configuration, cache and journal of `mkdocs build`. Keys come from the environment only:
    LEONARDO_API_KEY, OPENAI_API_KEY, GEMINI_API_KEY. Commands ask before they spend, unless you add --yes.
    """
    context.obj = _Common(config_file, verbose)
    if os.environ.get("NO_COLOR"):
        context.color = False


@main.command(
    epilog=_examples(
        "mkdocs-leonardo status",
        "mkdocs-leonardo status --json | jq '.totals.estimate_usd'",
    )
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def status(common: _Common, *, as_json: bool) -> None:
    """Show each page's hero: where its image is, or what it would cost.

    Opens no connection.
    """
    from mkdocs_leonardo.commands.status import status as run

    _finish(common, run, as_json=as_json)


@main.command(
    epilog=_examples(
        "mkdocs-leonardo generate --dry-run",
        "mkdocs-leonardo generate --dry-run --json | jq '.estimate_usd'",
        "mkdocs-leonardo generate index.md 'blog/posts/2026-*'",
        "mkdocs-leonardo generate blog/posts/storm.md --takes 4",
        "mkdocs-leonardo generate --yes --into press/",
        "mkdocs-leonardo generate --yes --into docs/assets/leonardo",
    )
)
@click.argument("pages", nargs=-1, metavar="[PAGE]...", shell_complete=_pages_here)
@click.option("--dry-run", is_flag=True, help="Show the plan and its cost; open no connection.")
@click.option("-y", "--yes", is_flag=True, help="Agree to the cost in advance.")
@click.option(
    "--takes",
    type=click.IntRange(1, 50),
    metavar="N",
    help="Generate N alternatives of one page's image, and show the hero_seed line that selects each.",
)
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Copy the images to DIR. If DIR is inside docs_dir, publish them there for Zensical.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON: the plan, or the generated images.")
@click.pass_obj
def generate(
    common: _Common,
    pages: tuple[str, ...],
    *,
    dry_run: bool,
    yes: bool,
    takes: int | None,
    into: Path | None,
    as_json: bool,
) -> None:
    """Generate missing images.

    For all pages, or for the named ones; PAGE may be a folder or a pattern.

    Shows the plan and its cost, and asks before it spends. The caps of the configuration apply. Exits with 1 if an
    image could not be generated.

    After Ctrl-C, the same command collects Leonardo's paid jobs. OpenAI and Gemini do not store images, so Ctrl-C
    waits for their answer. A second Ctrl-C does not wait: that image is lost and may be charged.
    """
    from mkdocs_leonardo.commands.generate import generate as run

    _finish(common, run, pages, dry_run=dry_run, yes=yes, takes=takes, into=into, for_program=as_json)


@main.command(
    epilog=_examples(
        'mkdocs-leonardo compare "a lighthouse in a storm, dawn" -o compared',
        'mkdocs-leonardo compare "a harbour" --styles MOODY,BOKEH --count 5 --alchemy both -o compared',
    )
)
@click.argument("prompt")
@click.option(
    "--styles", default="CINEMATIC,CREATIVE,DYNAMIC", show_default=True, metavar="A,B", help="Styles to compare."
)
@click.option(
    "--count", type=click.IntRange(1, 50), default=1, show_default=True, metavar="N", help="Images per style."
)
@click.option(
    "--alchemy",
    type=click.Choice(["on", "off", "both"]),
    help="With Alchemy, without, or both (default: as configured).",
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder for images, index.html and sheet.jpg.",
)
@click.option("-y", "--yes", is_flag=True, help="Agree to the cost in advance.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def compare(
    common: _Common,
    prompt: str,
    *,
    styles: str,
    count: int,
    alchemy: Literal["on", "off", "both"] | None,
    output: Path,
    yes: bool,
    as_json: bool,
) -> None:
    """Compare one prompt in several styles.

    Generates images with Leonardo, and shows them side by side with their times and costs.

    Asks before it spends. Image 1 of each style has seed 1, and so on, so only the style differs. Existing images are
    not paid for again.
    """
    from mkdocs_leonardo.commands.compare import compare as run

    _finish(
        common, run, prompt, styles=styles, count=count, alchemy=alchemy, output=output, yes=yes, for_program=as_json
    )


@main.command(
    epilog=_examples(
        "mkdocs-leonardo suggest",
        "mkdocs-leonardo suggest blog/posts --write",
    )
)
@click.argument("pages", nargs=-1, metavar="[PAGE]...", shell_complete=_pages_here)
@click.option("--write", is_flag=True, help="Write the proposals into the pages' front matter.")
@click.option("-y", "--yes", is_flag=True, help="Agree to the cost in advance.")
@click.pass_obj
def suggest(common: _Common, pages: tuple[str, ...], *, write: bool, yes: bool) -> None:
    """Propose prompts and alternative texts for pages without them.

    A text model of OpenAI or Gemini reads title, description and the first thousand words of each page. Asks before
    it spends. --write adds lines to the front matter and changes nothing else.
    """
    from mkdocs_leonardo.commands.suggest import suggest as run

    _finish(common, run, pages, write=write, yes=yes)


@main.command(
    epilog=_examples(
        "mkdocs-leonardo balance",
        "mkdocs-leonardo balance --alert-below 2000",
        "mkdocs-leonardo balance --alert-below '$5'",
    )
)
@click.option("--alert-below", type=_Alert(), metavar="N", help="Exit with 1 if less is left: credits, or '$5'.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def balance(common: _Common, *, alert_below: Alert | None, as_json: bool) -> None:
    """Show the account's balance.

    Free. Exits with 1 if less than N is left, or if the service does not answer.
    """
    from mkdocs_leonardo.commands.accounts import balance as run

    _finish(common, run, alert_below=alert_below, as_json=as_json)


@main.command(
    epilog=_examples(
        "mkdocs-leonardo pin",
        "mkdocs-leonardo pin index.md 'blog/*'",
    )
)
@click.argument("pages", nargs=-1, metavar="[PAGE]...", shell_complete=_pages_here)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def pin(common: _Common, pages: tuple[str, ...], *, as_json: bool) -> None:
    """Copy images from the cache into the gallery.

    The gallery is gallery_dir, which you commit to the repository. A pinned image is never paid for again. Images that
    the cache lacks come from shared_store, if there is one.
    """
    from mkdocs_leonardo.commands.gallery import pin as run

    _finish(common, run, pages, for_program=as_json)


@main.command(
    epilog=_examples(
        "mkdocs-leonardo check",
        "mkdocs-leonardo check --require-alt --json",
    )
)
@click.option(
    "--require-alt",
    is_flag=True,
    help="Require an alternative text (hero_alt) for every hero, whatever the theme says.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def check(common: _Common, *, require_alt: bool, as_json: bool) -> None:
    """Check every page's hero, for example in CI.

    Opens no connection.

    Finds missing, stale, orphaned and damaged images, and text that is hard to read. Prints one line per finding, with
    its fix. Exits with 1 if there is a finding.
    """
    from mkdocs_leonardo.commands.gallery import check as run

    _finish(common, run, as_json=as_json, require_alt=require_alt)


@main.command(
    epilog=_examples(
        "mkdocs-leonardo prune",
        "mkdocs-leonardo prune --gallery --yes",
    )
)
@click.option("-y", "--yes", is_flag=True, help="Delete without asking.")
@click.option("--gallery", is_flag=True, help="Include gallery_dir.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; do not ask.")
@click.pass_obj
def prune(common: _Common, *, yes: bool, gallery: bool, as_json: bool) -> None:
    """List and delete unused images.

    Includes encoded files and leftovers in the cache. Asks before it deletes.

    Never deletes images of drafts and pending jobs, nor the gallery, unless you add --gallery. Without a terminal it
    only lists, unless you add --yes.
    """
    from mkdocs_leonardo.commands.prune import prune as run

    _finish(common, run, yes=yes, gallery=gallery, for_program=as_json)


@main.command(
    epilog=_examples(
        "mkdocs-leonardo jobs",
        "mkdocs-leonardo jobs --forget 1f197fd2",
    )
)
@click.option("--forget", metavar="ID", help="Give up the job with this id, or beginning of an id.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def jobs(common: _Common, *, forget: str | None, yes: bool, as_json: bool) -> None:
    """List pending jobs.

    These are jobs that are paid for, or may be, and whose image is not collected yet. Also lists prompts that are not
    sent again: refused ones, and those whose job had no image.

    Builds ask for pending jobs at growing intervals, for 30 days. Opens no connection.
    """
    from mkdocs_leonardo.commands.jobs import jobs as run

    _finish(common, run, forget=forget, yes=yes, as_json=as_json)


@main.command(
    epilog=_examples(
        "mkdocs-leonardo doctor",
    )
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def doctor(common: _Common, *, as_json: bool) -> None:
    """Check keys, services, cache, theme and encoders.

    Never shows a key. Sends each service one free request. Exits with 1 if anything is wrong.
    """
    from mkdocs_leonardo.commands.accounts import doctor as run

    _finish(common, run, as_json=as_json)


@main.group(
    name="zensical",
    epilog=_examples(
        "mkdocs-leonardo zensical build --strict",
        "mkdocs-leonardo zensical serve --dev-addr localhost:9000",
    ),
)
def zensical() -> None:
    """Build or serve the site with Zensical, with heroes.

    Type this instead of `zensical`. The configuration needs the plugin's section only.
    """


_PASSED_ON = {**_SETTINGS, "ignore_unknown_options": True}
_CONFIG_FILE = click.option("-f", "--config-file", "named", metavar="FILE", help="The site's configuration.")
_STRICT = click.option("-s", "--strict", is_flag=True, help="Exit with 1 after any warning, Zensical's or ours.")


@zensical.command(name="build", context_settings=_PASSED_ON)
@_CONFIG_FILE
@click.option("-c", "--clean", is_flag=True, help="Empty Zensical's cache first. Paid images stay.")
@_STRICT
@click.option("-y", "--yes", is_flag=True, help="Agree to the cost of missing images in advance.")
@click.argument("rest", nargs=-1, type=click.UNPROCESSED, metavar="[ZENSICAL'S OPTIONS]...")
@click.pass_obj
def zensical_build(
    common: _Common, named: str | None, *, clean: bool, strict: bool, yes: bool, rest: tuple[str, ...]
) -> None:
    """Generate missing images, then build the site.

    Shows what is missing and its cost, and asks before it spends. The caps of the configuration apply. Without a
    terminal it buys nothing unless you add --yes: pages show their previous hero or a placeholder.
    """
    from mkdocs_leonardo.commands.terminal import Console
    from mkdocs_leonardo.commands.zensical_build import build, call_for

    call = call_for(named or common.config_file, rest, is_clean=clean, is_strict=strict)
    sys.exit(build(call, Console(verbose=common.verbose), yes=yes))


@zensical.command(name="serve", context_settings=_PASSED_ON)
@_CONFIG_FILE
@click.argument("rest", nargs=-1, type=click.UNPROCESSED, metavar="[ZENSICAL'S OPTIONS]...")
@click.pass_obj
def zensical_serve(common: _Common, named: str | None, rest: tuple[str, ...]) -> None:
    """Serve the site while you write, with heroes.

    Reads a changed prompt when its page is saved. on_serve decides whether its image is generated. A new image appears
    without a restart.
    """
    from mkdocs_leonardo.commands.terminal import Console
    from mkdocs_leonardo.commands.zensical_build import call_for
    from mkdocs_leonardo.commands.zensical_serve import serve

    call = call_for(named or common.config_file, rest)
    sys.exit(serve(call, Console(verbose=common.verbose)))


def _finish(
    common: _Common, run: Callable[..., int], *arguments: object, for_program: bool = False, **options: object
) -> None:
    """Run one command and exit with what it returns."""
    from mkdocs_leonardo.commands.terminal import Console

    console = Console(verbose=common.verbose, for_program=for_program or bool(options.get("as_json")))
    sys.exit(run(common.config_file, console, *arguments, **options))


if __name__ == "__main__":
    main()

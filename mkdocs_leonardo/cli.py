"""The command line. Reads arguments, calls one function; nothing is decided here."""

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
    """What every command gets."""

    config_file: str | None
    verbose: bool


#: The options of the program and of each command.
_OPTIONS: tuple[tuple[list[str], dict[str, Any]], ...] = (
    (["-f", "--config-file"], {"metavar": "FILE", "help": "The site's configuration (default: mkdocs.yml here)."}),
    (["-v", "--verbose"], {"is_flag": True, "help": "Say what is going on."}),
)


def _examples(*lines: str) -> str:
    """The end of a help text; click leaves what follows a backspace as it is."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def _pages_here(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 - click's own signature
    """The pages of a site in its usual folder, for the completion of a shell."""
    root = context.find_root().params.get("config_file") or context.params.get("config_file") or "mkdocs.yml"
    docs_dir = Path(str(root)).parent / "docs"
    pages = (path.relative_to(docs_dir).as_posix() for path in docs_dir.rglob("*.md"))
    return sorted(page for page in pages if page.startswith(incomplete))


class _Alert(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.3 only
    """Credits, or dollars behind their sign."""

    name = "alert"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401 - click's own signature
        """The alert in `value`; a shell that reads a dollar sign as a variable's leaves nothing of it."""
        from mkdocs_leonardo.providers.balance import Alert  # noqa: PLC0415 - `--help` should be quick

        try:
            return Alert.of(value)
        except ValueError as error:
            self.fail(f"{value!r} is no such amount; {error}, with the quotes.", param, ctx)


class _Command(click.Command):
    """A command that takes the program's own options as well, so that they may stand before it or after it."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - click's own signature
        super().__init__(*arguments, **options)
        self.params += [click.Option(names, hidden=True, **kind) for names, kind in _OPTIONS]

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's own signature
        """Run the command with what was said of the options, wherever it was said."""
        config_file, verbose = ctx.params.pop("config_file"), ctx.params.pop("verbose")
        ctx.obj = _Common(config_file or ctx.obj.config_file, verbose or ctx.obj.verbose)
        return super().invoke(ctx)


class _Commands(click.Group):
    """The commands, whose output is printed in whatever encoding there is."""

    command_class = _Command

    def main(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - click's own signature
        """Run one command; a character that the output cannot show is printed as its number."""
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
    """Heroes of an MkDocs site: look at them, make them, choose, keep and check them.

    Works on the same configuration, cache and journal as `mkdocs build`. Keys come from the environment only:
    LEONARDO_API_KEY, OPENAI_API_KEY, GEMINI_API_KEY. Nothing is paid for without your agreement, or --yes.
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
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_obj
def status(common: _Common, *, as_json: bool) -> None:
    """Show where each page's hero is, and what it would cost.

    Lists each page that wants one, with the key of its picture. Opens no connection.
    """
    from mkdocs_leonardo.commands.status import status as run  # noqa: PLC0415 - `--help` should be quick

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
@click.option("--dry-run", is_flag=True, help="Show what would be made and what it would cost; open no connection.")
@click.option("-y", "--yes", is_flag=True, help="Agree to the cost beforehand.")
@click.option(
    "--takes",
    type=click.IntRange(1, 50),
    metavar="N",
    help="Make N alternatives of one page's picture, and show the hero_seed line that chooses each.",
)
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Copy the pictures there; into a folder of docs_dir, with what Zensical needs to show them.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs: the plan or, once made, the pictures.")
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
    """Make the heroes that are missing.

    Of all pages, or of those that are named; folders and patterns will do.

    Shows what it will do and what that costs, and asks before it spends; the caps of the configuration hold. Exits
    with 1 if any picture could not be made.

    Ctrl-C ends it: the same command collects what Leonardo has been paid for. OpenAI and Gemini keep no pictures, so
    an answer of theirs is waited for; Ctrl-C again gives it up, and it may have been charged.
    """
    from mkdocs_leonardo.commands.generate import generate as run  # noqa: PLC0415 - `--help` should be quick

    _finish(common, run, pages, dry_run=dry_run, yes=yes, takes=takes, into=into, for_program=as_json)


@main.command(
    epilog=_examples(
        'mkdocs-leonardo compare "a lighthouse in a storm, dawn" -o compared',
        'mkdocs-leonardo compare "a harbour" --styles MOODY,BOKEH --count 5 --alchemy both -o compared',
    )
)
@click.argument("prompt")
@click.option("--styles", default="CINEMATIC,CREATIVE,DYNAMIC", show_default=True, metavar="A,B", help="Which styles.")
@click.option(
    "--count", type=click.IntRange(1, 50), default=1, show_default=True, metavar="N", help="Pictures a style."
)
@click.option(
    "--alchemy",
    type=click.Choice(["on", "off", "both"]),
    help="With Alchemy, without, or both; default: as configured.",
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where pictures, index.html and sheet.jpg go.",
)
@click.option("-y", "--yes", is_flag=True, help="Agree to the cost beforehand.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
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
    """Make one prompt in several styles, to compare.

    Leonardo makes the pictures; they, seconds and dollars are laid side by side.

    Asks before it spends. Picture 1 of each style has seed 1, and so on, so only the style differs. Running it again
    pays for nothing that is there.
    """
    from mkdocs_leonardo.commands.compare import compare as run  # noqa: PLC0415 - `--help` should be quick

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
@click.option("--write", is_flag=True, help="Put the proposals into the pages' front matter.")
@click.option("-y", "--yes", is_flag=True, help="Agree to the cost beforehand.")
@click.pass_obj
def suggest(common: _Common, pages: tuple[str, ...], *, write: bool, yes: bool) -> None:
    """Propose prompts and alternative texts for pages that have none.

    A text model of OpenAI's or Gemini's reads title, description and the first thousand words of each page. Asks
    before it spends. With --write, lines are added to the front matter, and no other byte of a file is touched; what
    is there is never changed.
    """
    from mkdocs_leonardo.commands.suggest import suggest as run  # noqa: PLC0415 - `--help` should be quick

    _finish(common, run, pages, write=write, yes=yes)


@main.command(
    epilog=_examples(
        "mkdocs-leonardo balance",
        "mkdocs-leonardo balance --alert-below 2000",
        "mkdocs-leonardo balance --alert-below '$5'",
    )
)
@click.option("--alert-below", type=_Alert(), metavar="N", help="Exit with 1 if less is left: credits, or '$5'.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_obj
def balance(common: _Common, *, alert_below: Alert | None, as_json: bool) -> None:
    """Show what is left of the account.

    Costs nothing. Exits with 1 if less than N is left, or if the service cannot be asked.
    """
    from mkdocs_leonardo.commands.accounts import balance as run  # noqa: PLC0415 - `--help` should be quick

    _finish(common, run, alert_below=alert_below, as_json=as_json)


@main.command(
    epilog=_examples(
        "mkdocs-leonardo pin",
        "mkdocs-leonardo pin index.md 'blog/*'",
    )
)
@click.argument("pages", nargs=-1, metavar="[PAGE]...", shell_complete=_pages_here)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_obj
def pin(common: _Common, pages: tuple[str, ...], *, as_json: bool) -> None:
    """Copy heroes from the cache into the gallery.

    That is gallery_dir, which you commit to the repository; what is pinned is never made again. Where there is a
    shared_store, what the cache does not have is looked for there.
    """
    from mkdocs_leonardo.commands.gallery import pin as run  # noqa: PLC0415 - `--help` should be quick

    _finish(common, run, pages, for_program=as_json)


@main.command(
    epilog=_examples(
        "mkdocs-leonardo check",
        "mkdocs-leonardo check --require-alt --json",
    )
)
@click.option(
    "--require-alt", is_flag=True, help="Every hero must have an alternative text (hero_alt), whatever the theme says."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_obj
def check(common: _Common, *, require_alt: bool, as_json: bool) -> None:
    """Check every page's hero; a gate for CI.

    Opens no connection.

    Every hero is pinned or cached, none is stale, nothing in the gallery is orphaned, no file is damaged, and text can
    be read. One line for each finding, with its cure; exits with 1 if there is any.
    """
    from mkdocs_leonardo.commands.gallery import check as run  # noqa: PLC0415 - `--help` should be quick

    _finish(common, run, as_json=as_json, require_alt=require_alt)


@main.command(
    epilog=_examples(
        "mkdocs-leonardo prune",
        "mkdocs-leonardo prune --gallery --yes",
    )
)
@click.option("-y", "--yes", is_flag=True, help="Delete without asking.")
@click.option("--gallery", is_flag=True, help="Look at gallery_dir as well.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs; nobody is asked.")
@click.pass_obj
def prune(common: _Common, *, yes: bool, gallery: bool, as_json: bool) -> None:
    """List what no page uses, and delete it.

    That is pictures, encoded files and leftovers in the cache; you are asked first.

    What drafts use is kept, and so is what is paid for and still rendering. The gallery is left alone unless you say
    --gallery. Without a terminal it only lists, unless you say --yes.
    """
    from mkdocs_leonardo.commands.prune import prune as run  # noqa: PLC0415 - `--help` should be quick

    _finish(common, run, yes=yes, gallery=gallery, for_program=as_json)


@main.command(
    epilog=_examples(
        "mkdocs-leonardo jobs",
        "mkdocs-leonardo jobs --forget 1f197fd2",
    )
)
@click.option("--forget", metavar="ID", help="Give one up; the beginning of its id will do.")
@click.option("-y", "--yes", is_flag=True, help="Give it up without asking.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_obj
def jobs(common: _Common, *, forget: str | None, yes: bool, as_json: bool) -> None:
    """List jobs that are paid for, or may be, and not collected.

    And prompts that are not sent again: refused, or answered by a job without a picture.

    Builds ask for such jobs by themselves, at growing intervals, for 30 days. Opens no connection.
    """
    from mkdocs_leonardo.commands.jobs import jobs as run  # noqa: PLC0415 - `--help` should be quick

    _finish(common, run, forget=forget, yes=yes, as_json=as_json)


@main.command(
    epilog=_examples(
        "mkdocs-leonardo doctor",
    )
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_obj
def doctor(common: _Common, *, as_json: bool) -> None:
    """Look for what could go wrong here.

    Looks at keys (which are never shown), services, cache, theme and encoders; exits with 1 if anything is wrong. Asks
    each service one question that costs nothing.
    """
    from mkdocs_leonardo.commands.accounts import doctor as run  # noqa: PLC0415 - `--help` should be quick

    _finish(common, run, as_json=as_json)


@main.group(
    name="zensical",
    epilog=_examples(
        "mkdocs-leonardo zensical build --strict",
        "mkdocs-leonardo zensical serve --dev-addr localhost:9000",
    ),
)
def zensical() -> None:
    """Let Zensical build or serve the site, with heroes.

    Type this instead of `zensical`: the plugin's section in the configuration is all that it needs.
    """


_PASSED_ON = {**_SETTINGS, "ignore_unknown_options": True}
_CONFIG_FILE = click.option("-f", "--config-file", "named", metavar="FILE", help="The site's configuration.")
_STRICT = click.option("-s", "--strict", is_flag=True, help="Exit with 1 after any warning, Zensical's or ours.")


@zensical.command(name="build", context_settings=_PASSED_ON)
@_CONFIG_FILE
@click.option("-c", "--clean", is_flag=True, help="Empty Zensical's cache first; pictures that are paid for stay.")
@_STRICT
@click.option("-y", "--yes", is_flag=True, help="Agree to the cost of missing pictures beforehand.")
@click.argument("rest", nargs=-1, type=click.UNPROCESSED, metavar="[ZENSICAL'S OPTIONS]...")
@click.pass_obj
def zensical_build(
    common: _Common, named: str | None, *, clean: bool, strict: bool, yes: bool, rest: tuple[str, ...]
) -> None:
    """Make the heroes that are missing, then build the site.

    Shows what is missing and what that costs, and asks before it spends; the caps of the configuration hold. Without
    a terminal nothing is bought unless you say --yes, and pages show what they had, or a painted picture.
    """
    from mkdocs_leonardo.commands.terminal import Console  # noqa: PLC0415 - `--help` should be quick
    from mkdocs_leonardo.commands.zensical_build import build, call_for  # noqa: PLC0415 - same

    call = call_for(named or common.config_file, rest, is_clean=clean, is_strict=strict)
    sys.exit(build(call, Console(verbose=common.verbose), yes=yes))


@zensical.command(name="serve", context_settings=_PASSED_ON)
@_CONFIG_FILE
@click.argument("rest", nargs=-1, type=click.UNPROCESSED, metavar="[ZENSICAL'S OPTIONS]...")
@click.pass_obj
def zensical_serve(common: _Common, named: str | None, rest: tuple[str, ...]) -> None:
    """Serve the site while you write, with heroes.

    A changed prompt is read as soon as its page is saved; on_serve says whether its picture is made. A picture that is
    there is shown by itself.
    """
    from mkdocs_leonardo.commands.terminal import Console  # noqa: PLC0415 - `--help` should be quick
    from mkdocs_leonardo.commands.zensical_build import call_for  # noqa: PLC0415 - same
    from mkdocs_leonardo.commands.zensical_serve import serve  # noqa: PLC0415 - same

    call = call_for(named or common.config_file, rest)
    sys.exit(serve(call, Console(verbose=common.verbose)))


def _finish(
    common: _Common, run: Callable[..., int], *arguments: object, for_program: bool = False, **options: object
) -> None:
    """Run one command and exit with what it returns."""
    from mkdocs_leonardo.commands.terminal import Console  # noqa: PLC0415 - `--help` should be quick

    console = Console(verbose=common.verbose, for_program=for_program or bool(options.get("as_json")))
    sys.exit(run(common.config_file, console, *arguments, **options))


if __name__ == "__main__":
    main()

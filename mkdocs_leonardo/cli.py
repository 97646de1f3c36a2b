"""The command line: arguments and help of each command. A command is a function of `commands`, imported to run."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mkdocs_leonardo import __version__
from mkdocs_leonardo.providers import BUILT_IN, named_key_variable

if TYPE_CHECKING:
    from mkdocs_leonardo.providers.declaration import Alert

_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
#: Zensical's own options stand beside a command's; `rest` collects them.
_PASSED_ON = {**_SETTINGS, "ignore_unknown_options": True}


def _format_examples(*lines: str) -> str:
    """Format examples for the end of a help text. Click does not wrap what follows a backspace."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def _complete_pages(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 - click's own signature
    """List the pages of a site in its usual folder, for the completion of a shell."""
    root = context.find_root().params.get("config_file") or context.params.get("config_file") or "mkdocs.yml"
    docs_dir = Path(str(root)).parent / "docs"
    pages = (path.relative_to(docs_dir).as_posix() for path in docs_dir.rglob("*.md"))
    return sorted(page for page in pages if page.startswith(incomplete))


def _parse_alert(context: click.Context, parameter: click.Parameter, value: str | None) -> Alert | None:
    """Parse the amount of `--alert-below`. It is empty if the shell has expanded the dollar sign as a variable."""
    from mkdocs_leonardo.providers.declaration import Alert

    try:
        return None if value is None else Alert.of(value)
    except ValueError as error:
        text = f"{value!r} is no such amount; {error}, with the quotes."
        raise click.BadParameter(text, context, parameter) from error


def _make_program_options(*, hidden: bool = False) -> list[click.Parameter]:
    """Return the options of the program. Each command accepts these options as well."""
    config_file = "The site's configuration (default: mkdocs.yml here)."
    return [
        click.Option(["-f", "--config-file"], metavar="FILE", help=config_file, hidden=hidden),
        click.Option(["-v", "--verbose"], is_flag=True, help="Show more details.", hidden=hidden),
    ]


class _Command(click.Command):
    """A command whose work is a function in `commands`: `zensical.build.build` for `zensical build`.

    The function gets the configuration's name, the console, and each parameter by its name. `--json` belongs to the
    console. The function returns the exit code; CommandError and HeroError end it with their text and code 2.
    """

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's own signature
        """Run the command, and exit with its code."""
        from mkdocs_leonardo.commands.terminal import CommandError, Console
        from mkdocs_leonardo.errors import HeroError

        options = dict(ctx.params)
        program = ctx.find_root().params
        config_file = options.pop("config_file") or program["config_file"]
        verbose = options.pop("verbose", False) or program["verbose"]
        console = Console(verbose=verbose, for_program=options.pop("as_json", False))
        group = ctx.parent.command.name if ctx.parent else None
        module = ".".join(filter(None, ("mkdocs_leonardo.commands", group, self.name)))
        run = getattr(import_module(module), str(self.name))
        try:
            sys.exit(run(config_file, console, **options))
        except HeroError as error:
            raise CommandError(str(error)) from error


class _Commands(click.Group):
    """The group of commands. The commands' output works in any encoding, without colours if NO_COLOR is set."""

    def main(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - click's own signature
        """Run one command; characters that the output cannot encode are printed as escapes."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        return super().main(*arguments, color=False if os.environ.get("NO_COLOR") else None, **options)


main = _Commands(
    help=f"""Generate, choose, pin and check the heroes of an MkDocs site.

    Uses the configuration, cache and journal of `mkdocs build`. Keys come from the environment only:
    {", ".join(map(named_key_variable, BUILT_IN))}. Commands ask before they spend, unless you add --yes.
    """,
    params=_make_program_options(),
    epilog=_format_examples(
        "mkdocs-leonardo status",
        "mkdocs-leonardo generate blog/posts/storm.md",
        "mkdocs-leonardo -f docs/mkdocs.yml check",
    ),
    context_settings=_SETTINGS,
)
click.version_option(__version__, message="%(version)s")(main)


def _make_flag(*names: str, text: str) -> click.Option:
    return click.Option(names, is_flag=True, help=text)


def _make_folder_option(*names: str, text: str, required: bool = False) -> click.Option:
    kind = click.Path(file_okay=False, path_type=Path)
    return click.Option(names, type=kind, metavar="DIR", required=required, help=text)


_PAGES = click.Argument(["pages"], nargs=-1, metavar="[PAGE]...", shell_complete=_complete_pages)
_JSON = _make_flag("--json", "as_json", text="Print JSON.")
_YES = _make_flag("-y", "--yes", text="Agree to the cost in advance.")
_CONFIG_FILE = click.Option(["-f", "--config-file"], metavar="FILE", help="The site's configuration.")
_REST = click.Argument(["rest"], nargs=-1, type=click.UNPROCESSED, metavar="[ZENSICAL'S OPTIONS]...")


def _add_command(name: str, text: str, *parameters: click.Parameter, examples: Sequence[str]) -> None:
    """Add a command to the program."""
    all_parameters = [*parameters, *_make_program_options(hidden=True)]
    end = _format_examples(*examples)
    main.add_command(_Command(name, help=text, params=all_parameters, epilog=end, context_settings=_SETTINGS))


_add_command(
    "status",
    """Show each page's hero: where its image is, or what it would cost.

    Opens no connection.
    """,
    _JSON,
    examples=("mkdocs-leonardo status", "mkdocs-leonardo status --json | jq '.totals.estimate_usd'"),
)

_add_command(
    "generate",
    """Generate missing images.

    For all pages, or for the named ones; PAGE may be a folder or a pattern.

    Shows the plan and its cost, and asks before it spends. The caps of the configuration apply. Exits with 1 if an
    image could not be generated.

    After Ctrl-C, the same command collects paid jobs, such as Leonardo's. If a service stores no images, as
    with OpenAI, Ctrl-C waits for its answer. A second Ctrl-C does not wait: that image is lost and may be charged.
    """,
    _PAGES,
    _make_flag("--dry-run", text="Show the plan and its cost; open no connection."),
    _YES,
    click.Option(
        ["--takes"],
        type=click.IntRange(1, 50),
        metavar="N",
        help="Generate N alternatives of one page's image, and show the hero_seed line that selects each.",
    ),
    _make_folder_option(
        "--into", text="Copy the images to DIR. If DIR is inside docs_dir, publish them there for Zensical."
    ),
    _make_flag("--json", "as_json", text="Print JSON: the plan, or the generated images."),
    examples=(
        "mkdocs-leonardo generate --dry-run",
        "mkdocs-leonardo generate --dry-run --json | jq '.estimate_usd'",
        "mkdocs-leonardo generate index.md 'blog/posts/2026-*'",
        "mkdocs-leonardo generate blog/posts/storm.md --takes 4",
        "mkdocs-leonardo generate --yes --into press/",
        "mkdocs-leonardo generate --yes --into docs/assets/leonardo",
    ),
)

_add_command(
    "compare",
    """Compare one prompt in several styles.

    Generates images with Leonardo, and shows them side by side with their times and costs.

    Asks before it spends. Image 1 of each style has seed 1, and so on, so only the style differs. Existing images are
    not paid for again.
    """,
    click.Argument(["prompt"]),
    click.Option(
        ["--styles"],
        default="CINEMATIC,CREATIVE,DYNAMIC",
        show_default=True,
        metavar="A,B",
        help="Styles to compare.",
    ),
    click.Option(
        ["--count"],
        type=click.IntRange(1, 50),
        default=1,
        show_default=True,
        metavar="N",
        help="Images per style.",
    ),
    click.Option(
        ["--alchemy"],
        type=click.Choice(["on", "off", "both"]),
        help="With Alchemy, without, or both (default: as configured).",
    ),
    _make_folder_option("-o", "--output", text="Folder for images, index.html and sheet.jpg.", required=True),
    _YES,
    _JSON,
    examples=(
        'mkdocs-leonardo compare "a lighthouse in a storm, dawn" -o compared',
        'mkdocs-leonardo compare "a harbour" --styles MOODY,BOKEH --count 5 --alchemy both -o compared',
    ),
)

_add_command(
    "suggest",
    """Propose prompts and alternative texts for pages without them.

    A service's text model, such as OpenAI's, reads title, description and the first thousand words of each page. Asks
    before it spends. --write adds lines to the front matter and changes nothing else.
    """,
    _PAGES,
    _make_flag("--write", text="Write the proposals into the pages' front matter."),
    _YES,
    examples=("mkdocs-leonardo suggest", "mkdocs-leonardo suggest blog/posts --write"),
)

_add_command(
    "balance",
    """Show the account's balance.

    Free. Exits with 1 if less than N is left, or if the service does not answer.
    """,
    click.Option(
        ["--alert-below"], callback=_parse_alert, metavar="N", help="Exit with 1 if less is left: credits, or '$5'."
    ),
    _JSON,
    examples=(
        "mkdocs-leonardo balance",
        "mkdocs-leonardo balance --alert-below 2000",
        "mkdocs-leonardo balance --alert-below '$5'",
    ),
)

_add_command(
    "pin",
    """Copy images from the cache into the gallery.

    The gallery is gallery_dir, which you commit to the repository. A pinned image is never paid for again. Images that
    the cache lacks come from shared_store, if there is one.
    """,
    _PAGES,
    _JSON,
    examples=("mkdocs-leonardo pin", "mkdocs-leonardo pin index.md 'blog/*'"),
)

_add_command(
    "check",
    """Check every page's hero, for example in CI.

    Opens no connection.

    Finds missing, stale, orphaned and damaged images, and text that is hard to read. Prints one line per finding, with
    its fix. Exits with 1 if there is a finding.
    """,
    _make_flag(
        "--require-alt", text="Require an alternative text (hero_alt) for every hero, even if the theme does not."
    ),
    _JSON,
    examples=("mkdocs-leonardo check", "mkdocs-leonardo check --require-alt --json"),
)

_add_command(
    "prune",
    """List and delete unused images.

    Includes encoded files and leftovers in the cache. Asks before it deletes.

    Never deletes images of drafts and pending jobs, nor the gallery, unless you add --gallery. Without a terminal it
    only lists, unless you add --yes.
    """,
    _make_flag("-y", "--yes", text="Delete without asking."),
    _make_flag("--gallery", text="Include gallery_dir."),
    _make_flag("--json", "as_json", text="Print JSON; do not ask."),
    examples=("mkdocs-leonardo prune", "mkdocs-leonardo prune --gallery --yes"),
)

_add_command(
    "jobs",
    """List pending jobs.

    A pending job is, or may be, paid for, and its image is not collected yet. Also lists prompts that are not sent
    again: refused ones, and those whose job had no image.

    Builds ask for pending jobs at growing intervals, for 30 days. Opens no connection.
    """,
    click.Option(["--forget"], metavar="ID", help="Give up the job with this id, or beginning of an id."),
    _make_flag("-y", "--yes", text="Do not ask."),
    _JSON,
    examples=("mkdocs-leonardo jobs", "mkdocs-leonardo jobs --forget 1f197fd2"),
)

_add_command(
    "doctor",
    """Check keys, services, cache, theme and encoders.

    Never shows a key. Sends each service one free request. Exits with 1 if anything is wrong.
    """,
    _JSON,
    examples=("mkdocs-leonardo doctor",),
)

_zensical = click.Group(
    "zensical",
    help="""Build or serve the site with Zensical, with heroes.

    Type this instead of `zensical`. The configuration needs the plugin's section only.
    """,
    epilog=_format_examples(
        "mkdocs-leonardo zensical build --strict",
        "mkdocs-leonardo zensical serve --dev-addr localhost:9000",
    ),
)
main.add_command(_zensical)


def _add_zensical_command(name: str, text: str, *parameters: click.Parameter) -> None:
    """Add a command that passes unknown options on to Zensical's command of the same name."""
    all_parameters = [_CONFIG_FILE, *parameters, _REST]
    _zensical.add_command(_Command(name, help=text, params=all_parameters, context_settings=_PASSED_ON))


_add_zensical_command(
    "build",
    """Generate missing images, then build the site.

    Shows what is missing and its cost, and asks before it spends. The caps of the configuration apply. Without a
    terminal it buys nothing unless you add --yes: pages show their previous hero or a placeholder.
    """,
    _make_flag("-c", "--clean", text="Empty Zensical's cache first. Paid images stay."),
    _make_flag("-s", "--strict", text="Exit with 1 after any warning of Zensical or the plugin."),
    _make_flag("-y", "--yes", text="Agree to the cost of missing images in advance."),
)

_add_zensical_command(
    "serve",
    """Serve the site while you write, with heroes.

    Reads a changed prompt when its page is saved. on_serve decides whether its image is generated. A new image appears
    without a restart.
    """,
)


if __name__ == "__main__":
    main()

"""Zensical, run with the Markdown extension, which the site's configuration need not name.

Zensical calls `zensical.config.parse_config` at the start and at each restart of its server. A replacement of that
function completes its result. Each addition is independent: if a later Zensical lacks the setting, the addition is left
out, and the site is built.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mkdocs_leonardo.commands.terminal import CommandError
from mkdocs_leonardo.log import PREFIX
from mkdocs_leonardo.spec import MARKDOWN_EXTENSION, digest_of


@dataclass(frozen=True, slots=True)
class Addition:
    """The additions to Zensical's configuration. `theme` is a folder whose files it copies into the site."""

    manifest: str
    report: str = ""
    theme: str = ""


def run_zensical(arguments: list[str], addition: Addition | None) -> int:
    """Run Zensical's command in this process; return its exit code. CommandError if Zensical is not installed."""
    try:
        from zensical import config, main
    except ImportError as error:
        raise CommandError(f"Zensical cannot be started ({error}); pip install zensical") from error
    if addition is not None:
        _install(config, addition)
    # Loaded modules stay, so garbage collection need not look through them.
    gc.freeze()
    try:
        main.cli(arguments, prog_name="zensical", standalone_mode=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except RuntimeError as error:
        # Newer versions report a failed build with this exception, after a message.
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _install(config: Any, addition: Addition) -> None:  # noqa: ANN401 - a module that need not be there
    parse: Callable[[str], Any] | None = getattr(config, "parse_config", None)
    if parse is None:
        _say("this version of Zensical reads its configuration in another way")
        return

    def parse_config(path: str) -> Any:  # noqa: ANN401 - Zensical's own signature
        read = parse(path)
        extend_config(read, addition)
        return read

    config.parse_config = parse_config


def extend_config(config: Any, addition: Addition) -> None:  # noqa: ANN401 - its type differs between versions of Zensical
    """Name the extension in a parsed configuration, with a hash that changes with the manifest."""
    revision = _compute_revision(Path(addition.manifest))
    options = {"manifest": addition.manifest, "revision": revision, "report": addition.report}
    try:
        extensions, configs = config["markdown_extensions"], config["mdx_configs"]
        configs[MARKDOWN_EXTENSION] = {**configs.get(MARKDOWN_EXTENSION, {}), **options}
        if MARKDOWN_EXTENSION not in extensions:
            extensions.append(MARKDOWN_EXTENSION)
    except (AttributeError, KeyError, TypeError) as error:
        _say(f"this version of Zensical keeps its extensions elsewhere ({error!r})")
        return
    try:
        mixed = digest_of(f"{config['mdx_configs_hash']:d} {revision}".encode())
        config["mdx_configs_hash"] = int(mixed, 16) % 2**64
    except (KeyError, TypeError, ValueError):
        _say("pages may show an old image until `--clean`, since this version of Zensical caches in another way")
    if not addition.theme:
        return
    try:
        # As the last folder, it hides no template of the theme.
        config["theme_dirs"].append(addition.theme)
        config["watched_files"].append((addition.manifest, 0))
    except (AttributeError, KeyError, TypeError):
        _say("a new image is shown after a restart, since this version of Zensical watches other files")


def _compute_revision(manifest: Path) -> str:
    from mkdocs_leonardo import __version__

    try:
        return digest_of(__version__.encode() + manifest.read_bytes())
    except OSError:
        return ""


def _say(text: str) -> None:
    sys.stderr.write(f"{PREFIX}{text}\n")


def make_command(arguments: list[str], addition: Addition) -> list[str]:
    """Return the command line that runs Zensical in a process of its own."""
    return [sys.executable, "-P", "-m", __name__, json.dumps(asdict(addition)), *arguments]


if __name__ == "__main__":
    sys.exit(run_zensical(sys.argv[2:], Addition(**json.loads(sys.argv[1]))))

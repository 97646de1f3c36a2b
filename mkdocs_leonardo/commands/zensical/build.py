"""`zensical build`: the command, and the last steps in the built site."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from mkdocs_leonardo.commands.terminal import Console
from mkdocs_leonardo.commands.zensical.heroes import BuildState, link_files, prepare_build
from mkdocs_leonardo.commands.zensical.launch import Addition, run_zensical
from mkdocs_leonardo.commands.zensical.project import Project, find_project
from mkdocs_leonardo.files import is_below
from mkdocs_leonardo.host.kept_folder import KeptFolder
from mkdocs_leonardo.log import PREFIX
from mkdocs_leonardo.report import pluralise
from mkdocs_leonardo.spec import MANIFEST
from mkdocs_leonardo.storage.cache_move import is_in_use


def build(
    config_file: str | None, console: Console, *, rest: Sequence[str], clean: bool, strict: bool, yes: bool
) -> int:
    """Build the site; return Zensical's exit code, or 1 for a warning under `--strict`.

    `rest` holds the options that only Zensical reads.
    """
    project = find_project(config_file)
    arguments = ["build", "--config-file", str(project.path), *["--strict"] * strict, *rest]
    if not is_plugin_used(project, console):
        return run_zensical([*arguments, *["--clean"] * clean], None)
    with prepare_build(project, console, yes=yes) as state:
        if state.stop_reason:
            console.note(f"Error: {state.stop_reason}")
            return 1
        if clean and not _clean_cache(project, console):
            arguments.append("--clean")
        return _run(arguments, project, state, console, strict=strict)


def _run(arguments: list[str], project: Project, state: BuildState, console: Console, *, strict: bool) -> int:
    folder = project.build_folder
    report = folder / "report.jsonl"
    with suppress(OSError):
        report.unlink(missing_ok=True)
    kept_folder = KeptFolder(project.site_dir, project.assets)
    kept_folder.set_aside()
    try:
        code = run_zensical(arguments, Addition(str(folder / MANIFEST), str(report)))
    finally:
        places = {f"{project.assets}/{file.name}": file.path for file in state.files}
        names = kept_folder.put_back(places, state.identities)
    if code != 0:
        return code
    warnings = dict.fromkeys((*state.warnings, *_finish_site(project, state, names), *_read_messages(report)))
    console.warn(*(text for text in warnings if text not in state.warnings))
    if warnings and (strict or project.values.get("strict") is True):
        console.note(f"{PREFIX}{pluralise(len(warnings), 'warning', 'warnings')} in strict mode")
        return 1
    return 0


def is_plugin_used(project: Project, console: Console) -> bool:
    """Return whether the site uses the plugin; a note says so if it does not."""
    if project.is_on("leonardo"):
        return True
    console.note(f"{PREFIX}{project.path.name} does not use the plugin, or switches it off; the site has no heroes")
    return False


# The site ------------------------------------------------------------------------------------------------------------


def _finish_site(project: Project, state: BuildState, names: frozenset[str]) -> Iterator[str]:
    """Put the pictures into the site, and the tags into the pages' heads; yield the error messages.

    `names` are the paths of pictures that the site holds already.
    """
    assets = project.assets
    try:
        link_files([file for file in state.files if f"{assets}/{file.name}" not in names], project.site_dir / assets)
        bare = sum(_finish_page(project, path) for path in _list_html_files(project.site_dir))
    except (OSError, ValueError) as error:
        yield f"the site is not finished: {error}"
        return
    if bare:
        yield f"{pluralise(bare, 'page has', 'pages have')} no tags for sharing, since no end of the head was found"


def _list_html_files(folder: Path) -> Iterator[str]:
    """Yield the paths of all HTML files below a folder."""
    for parent, _, names in os.walk(folder):
        yield from (f"{parent}{os.sep}{name}" for name in names if name.endswith(".html"))


def _finish_page(project: Project, path: str) -> bool:
    """Finish a page that shows a hero; return True if it has no place for the tags for sharing."""
    from mkdocs_leonardo.page.head import MARKS, move_to_head

    with open(path, "rb") as page:  # noqa: PTH123 - slower, and called for each page on every build
        data = page.read()
    if MARKS not in data:
        return False
    site_path = path[len(str(project.site_dir)) + 1 :].replace(os.sep, "/")
    # Relative to the site's address.
    is_plain = project.values.get("use_directory_urls") is False and site_path != "index.html"
    url = site_path if is_plain else site_path.removesuffix("index.html")
    finished, is_named = move_to_head(data, url, project.site_url)
    with open(path, "wb") as target:  # noqa: PTH123 - pathlib is slower, for each page
        target.write(finished)
    return not is_named


def _clean_cache(project: Project, console: Console) -> bool:
    """Empty Zensical's cache but for paid images, which `--clean` would remove; return whether that was needed."""
    from mkdocs_leonardo.config import DEFAULT_CACHE

    wiped = project.root / ".cache"
    # Images that could not be moved to Zensical's cache are in MkDocs's default folder.
    kept_dir = project.root / str(project.plugins["leonardo"].get("cache_dir") or DEFAULT_CACHE)
    if not is_in_use(kept_dir) or not is_below(kept_dir, wiped):
        return False
    _empty_folder(wiped, kept_dir)
    console.note(f"{PREFIX}{wiped} is emptied, but for {kept_dir}")
    return True


def _empty_folder(folder: Path, kept_dir: Path) -> None:
    """Remove the content of the folder, but for `kept_dir` and the folders that contain it."""
    with suppress(FileNotFoundError):
        for path in list(folder.iterdir()):
            if is_below(kept_dir, path):
                if not is_below(path, kept_dir):
                    _empty_folder(path, kept_dir)
            elif path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                with suppress(OSError):
                    path.unlink()


def _read_messages(report: Path) -> Iterator[str]:
    """Yield the messages of the Markdown extension."""
    with suppress(OSError, ValueError):
        for line in report.read_text(encoding="utf-8").splitlines():
            yield str(json.loads(line))

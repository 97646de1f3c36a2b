"""`doctor`: checks of everything that a build needs."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mkdocs_leonardo import __version__
from mkdocs_leonardo.commands.balance import SILENT, await_answer
from mkdocs_leonardo.commands.hero_status import open_runtime
from mkdocs_leonardo.commands.site import SiteConfig, read_config
from mkdocs_leonardo.commands.terminal import Console
from mkdocs_leonardo.errors import NotSetUp, ProviderError, StorageError, TransportError
from mkdocs_leonardo.files import make_writable_folder
from mkdocs_leonardo.host.configuration import DISTRIBUTIONS, base_name
from mkdocs_leonardo.page.themes import THEMES
from mkdocs_leonardo.providers.declaration import key_variable
from mkdocs_leonardo.report import pluralise

if TYPE_CHECKING:
    from mkdocs_leonardo.providers.base import Provider
    from mkdocs_leonardo.runtime import Runtime
    from mkdocs_leonardo.settings import Settings
    from mkdocs_leonardo.team.pictures import Grade

_MARKS: dict[Grade, tuple[str, str]] = {"ok": ("ok", "green"), "note": ("note", "yellow"), "bad": ("BAD", "red")}
_PACKAGES = ("zensical", "mkdocs-material", "mkdocs-materialx", "pillow", "httpx")
#: Further themes with which heroes were looked at.
_TRIED_THEMES = ("cinder", "dracula", "ivory", "shadcn", "terminal", "windmill")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The result of one check."""

    grade: Grade
    subject: str
    text: str


def doctor(config_file: str | None, console: Console) -> int:
    """Check everything that a build needs; 1 if a check fails. Shows no key."""
    site = read_config(config_file, console)
    findings = [replace(finding, text=_hide_paths(finding.text, site)) for finding in _run_checks(site, console)]
    if console.for_program:
        console.print_json({"findings": [asdict(finding) for finding in findings]})
    else:
        width = max(len(finding.subject) for finding in findings)
        for finding in findings:
            word, colour = _MARKS[finding.grade]
            console.say(
                f"  {finding.subject.ljust(width)}  {finding.text}", start=click.style(word.ljust(4), fg=colour)
            )
    return 1 if any(finding.grade == "bad" for finding in findings) else 0


def _run_checks(site: SiteConfig, console: Console) -> Iterator[Diagnosis]:
    versions = filter(None, map(_find_version, (*(package for package, _ in reversed(DISTRIBUTIONS)), *_PACKAGES)))
    yield Diagnosis("ok", "versions", f"mkdocs-leonardo {__version__}, {', '.join(versions)}")
    yield Diagnosis("ok", "host", _describe_host(site))
    if not site.enabled:
        yield Diagnosis("note", "enabled", "the plugin is switched off in this configuration")
    if not site.settings.generate:
        yield Diagnosis("note", "generate", "false: no provider is ever called")
    yield _check_theme(site)
    yield from _check_cache(site)
    with open_runtime(site.settings, console) as runtime:
        yield from _check_stores(runtime, site.settings)
        for provider in runtime.chain:
            yield _check_provider(runtime, provider)
        if runtime.team is not None:
            try:
                diagnoses = await_answer(runtime, runtime.team.examine)
            except TransportError as error:
                yield Diagnosis("bad", "shared_store", str(error))
            else:
                yield from (Diagnosis(grade, "shared_store", text) for grade, text in diagnoses)
    yield from _check_encoders(site.settings)


def _hide_paths(text: str, site: SiteConfig) -> str:
    """Return the text without private paths: relative to the configuration file, or to the home folder."""
    for folder, short in ((site.config_file.parent.resolve(), "."), (Path.home(), "~")):
        text = text.replace(f"{folder}{os.sep}", f"{short}/")
    return text


def _describe_host(site: SiteConfig) -> str:
    """Describe the host that builds the site. Zensical has no plugins, so its command builds its sites."""
    if site.is_for_zensical:
        name = "Zensical"
    else:
        # If several are installed, the command that the author types decides.
        name = " or ".join(title for package, title in DISTRIBUTIONS if _find_version(package)) or "MkDocs"
    return f"{name} on Python {platform.python_version()}, {platform.system()} ({platform.machine()})"


def _find_version(package: str) -> str:
    """Return the package and its version; `""` without the package."""
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return ""


def _check_theme(site: SiteConfig) -> Diagnosis:
    blog = ", with a blog" if "blog" in map(base_name, site.plugins) else ""
    if site.theme in {*THEMES, *_TRIED_THEMES}:
        return Diagnosis("ok", "theme", f"{site.theme}{blog}")
    return Diagnosis(
        "note", "theme", f"{site.theme or 'none'}{blog}: not a theme known here; look at one page before you publish"
    )


def _check_cache(site: SiteConfig) -> Iterator[Diagnosis]:
    folder = site.settings.cache_dir
    try:
        make_writable_folder(folder)
    except OSError as error:
        fix = "make it writable, or choose another one"
        yield Diagnosis("bad", "cache_dir", f"{folder} cannot be written ({error.strerror}); {fix}")
    else:
        yield Diagnosis("ok", "cache_dir", f"{folder} can be written")
    if site.cache_problem:
        yield Diagnosis("note", "cache_dir", site.cache_problem)


def _check_stores(runtime: Runtime, settings: Settings) -> Iterator[Diagnosis]:
    try:
        jobs = runtime.journal.get_entries()
        pictures, pinned = len(list(runtime.cache.read_records())), len(list(runtime.gallery.read_records()))
    except StorageError as error:
        yield Diagnosis("bad", "journal", f"cannot be read ({error})")
        return
    keepers = {provider.name for provider in runtime.chain if provider.keeps_jobs}
    waiting = sum(bool(job.accepted) for job in jobs.values())
    words = f"{pluralise(waiting, 'paid image waits', 'paid images wait')} to be collected"
    yield Diagnosis("ok", "journal", words if waiting else "nothing is waiting to be collected")
    unknown = sum(not job.accepted and job.provider in keepers for job in jobs.values())
    if unknown:
        words = f"{pluralise(unknown, 'image', 'images')} may be paid for; the next build looks for the jobs"
        yield Diagnosis("note", "journal", words)
    if len(jobs) > waiting + unknown:
        unanswered = pluralise(len(jobs) - waiting - unknown, "image was", "images were")
        yield Diagnosis(
            "note", "journal", f"{unanswered} asked for without an answer so far; see mkdocs-leonardo status"
        )
    yield Diagnosis("ok", "images", f"{pictures} in the cache, {pinned} in {settings.gallery_dir}")
    if pictures and not pinned and runtime.team is None:
        yield Diagnosis(
            "note", "images", "paid images exist only in the cache; mkdocs-leonardo pin copies them into the repository"
        )


def _check_provider(runtime: Runtime, provider: Provider) -> Diagnosis:
    variable = key_variable(provider.name)
    if provider.name not in runtime.providers_with_api_key:
        return Diagnosis("note", provider.name, f"skipped: {variable} is not set")
    try:
        if provider.reports_account:
            words = await_answer(runtime, provider.account).describe() or SILENT
        else:
            words = await_answer(runtime, provider.check_access)
        if not words:
            return Diagnosis("note", provider.name, f"{variable} is set; this provider cannot be tried without paying")
    except (ProviderError, TransportError) as error:
        subject = "" if isinstance(error, NotSetUp) else "the service "
        return Diagnosis("bad", provider.name, f"{variable} is set; {subject}{error}")
    return Diagnosis("ok", provider.name, f"{variable} is set and accepted; {words}")


def _check_encoders(settings: Settings) -> Iterator[Diagnosis]:
    from mkdocs_leonardo.imaging.render import split_formats

    formats, dropped = split_formats(settings.encoding.formats)
    yield Diagnosis("ok", "encoders", f"{', '.join(formats)} will be written")
    if dropped:
        yield Diagnosis(
            "bad", "encoders", f"this Pillow cannot write {', '.join(dropped)}; install a wheel of pillow 11.3 or later"
        )

"""`suggest`: proposes prompts and alternative texts for pages without them, and writes them if asked to."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs_leonardo.author_text import make_legible
from mkdocs_leonardo.commands.hero_status import open_runtime
from mkdocs_leonardo.commands.purchases import GENERATE_IS_OFF, confirm_payment
from mkdocs_leonardo.commands.site import SitePages, choose_pages, read_site
from mkdocs_leonardo.commands.terminal import CommandError, Console
from mkdocs_leonardo.errors import AccountRefused, ProviderError, RateLimited
from mkdocs_leonardo.files import write_atomically
from mkdocs_leonardo.front_matter import MAX_ALT_CHARACTERS
from mkdocs_leonardo.picture_rules import MAX_PROMPT_CHARACTERS
from mkdocs_leonardo.providers.base import PageFacts, Suggestion, TextProvider
from mkdocs_leonardo.providers.declaration import key_variable
from mkdocs_leonardo.providers.texts import estimate_usd, most_usd
from mkdocs_leonardo.report import pluralise
from mkdocs_leonardo.spec import dollars

if TYPE_CHECKING:
    from mkdocs_leonardo.runtime import Runtime

#: The most words of a page that the text model gets.
MOST_WORDS = 1000
_HEADING = re.compile(r"^#\s+(.+?)\s*#*\s*$", re.MULTILINE)
#: A file's front matter as MkDocs finds it: a line of three hyphens, lines, a line of three hyphens or dots.
_BLOCK = re.compile(
    rb"""\A (?P<bom>\xef\xbb\xbf)? -{3} [ \t]* (?P<end>\r\n|\n|\r)
         (?P<lines> .*? (?:\r\n|\n|\r))
         (?= (?:-{3}|\.{3}) [ \t]* (?:\r\n|\n|\r))""",
    re.DOTALL | re.VERBOSE,
)
#: Metadata without the hyphens (MultiMarkdown), which MkDocs also reads; quotes there are part of the value.
_BARE = re.compile(rb"\A(?:\xef\xbb\xbf)?[A-Za-z0-9_-]+:\s")
_INDENT = re.compile(rb"(?m)^([ ]*)[^\s#]")
#: The largest number that YAML's short escape holds.
_LARGEST_SHORT = 0xFFFF
_FIRST_END = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class _UnpromptedPage:
    """A page without a prompt. `data` is its file's content."""

    name: str
    path: Path
    data: bytes
    facts: PageFacts
    has_alt: bool


def suggest(config_file: str | None, console: Console, pages: tuple[str, ...], *, write: bool, yes: bool) -> int:
    """Ask a text model for each page; 1 if any page failed."""
    site = read_site(config_file, console)
    unprompted = _find_pages(site, pages, console)
    if not unprompted:
        console.note("every page has a prompt; nothing is paid for")
        return 0
    if not site.settings.generate:
        raise CommandError(GENERATE_IS_OFF)
    with open_runtime(site.settings, console) as runtime:
        provider = _choose_provider(runtime)
        _show_price(provider, unprompted, site.settings.max_cost_usd, console)
        if not confirm_payment(console, yes=yes):
            return 1
        failures = _ask(runtime, provider, unprompted, console, write=write)
    if not write:
        console.note("nothing was written; --write puts these lines into the front matter")
    return 1 if failures else 0


def _show_price(
    provider: TextProvider, pages: Sequence[_UnpromptedPage], cap_usd: float | None, console: Console
) -> None:
    """Print the price of asking about each page; CommandError if the price may be above the cap."""
    expected_usd = sum(estimate_usd(provider, page.facts) for page in pages)
    console.say(
        f"{pluralise(len(pages), 'page', 'pages')} without a prompt; {provider.name}'s {provider.text_model} reads "
        f"title, description and the first {MOST_WORDS} words of each: about {dollars(expected_usd)}"
    )
    highest_usd = sum(most_usd(provider, page.facts) for page in pages)
    if cap_usd is not None and highest_usd > cap_usd:
        raise CommandError(
            f"max_cost_usd is {dollars(cap_usd)}, and these pages may cost up to {dollars(highest_usd)}; raise it, or "
            "name fewer pages"
        )


def _find_pages(site: SitePages, names: tuple[str, ...], console: Console) -> list[_UnpromptedPage]:
    """Find the pages that set neither prompt nor image; warn of pages that cannot be read or edited."""
    unprompted = []
    for name in choose_pages(site, names):
        path = site.config.docs_dir / name
        if name not in site.undecided or not path.is_file():
            # A page without a file is made by a plugin.
            continue
        try:
            data = path.read_bytes()
            meta, text = _split_page(data)
        except (OSError, Uneditable) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            console.warn(f"{name}: left out, as it {reason}")
            continue
        unprompted.append(
            _UnpromptedPage(name, path, data, _extract_facts(name, meta, text), has_alt="hero_alt" in meta)
        )
    return unprompted


def _extract_facts(name: str, meta: Mapping[str, object], text: str) -> PageFacts:
    heading = _HEADING.search(text)
    title = meta.get("title") or (heading[1] if heading else Path(name).stem)
    return PageFacts(str(title), str(meta.get("description") or ""), " ".join(text.split()[:MOST_WORDS]))


def _choose_provider(runtime: Runtime) -> TextProvider:
    """Choose the first provider with a text model and a key; the site's providers come first."""
    variables = []
    for provider in chain(runtime.chain, runtime.make_unlisted_providers()):
        if isinstance(provider, TextProvider) and provider.text_model:
            if runtime.get_api_key(provider.name):
                return provider
            variables.append(key_variable(provider.name))
    raise CommandError(f"set {' or '.join(variables)} in the environment; a text model of theirs reads the pages")


def _ask(
    runtime: Runtime, provider: TextProvider, pages: Sequence[_UnpromptedPage], console: Console, *, write: bool
) -> int:
    """Ask about each page in turn; return the number of failures.

    A proposal is shown and written before the next one is paid for.
    """
    failures = 0
    try:
        for index, page in enumerate(pages):
            try:
                suggestion = runtime.loop.run(provider.suggest, page.facts)
            except ProviderError as error:
                failures += 1
                console.warn(f"{page.name}: {provider.name} {error}")
                if isinstance(error, AccountRefused | RateLimited):
                    # Every page would have the same error.
                    return failures + len(pages) - index - 1
                continue
            failures += not _show_and_write(page, suggestion, console, write=write)
    finally:
        if provider not in runtime.chain:
            runtime.loop.run(provider.aclose)
    return failures


def _show_and_write(page: _UnpromptedPage, suggestion: Suggestion, console: Console, *, write: bool) -> bool:
    """Show a proposal, and write it if asked to; return whether that succeeded."""
    # A build would fill in or refuse braces.
    prompt = make_legible(suggestion.prompt.replace("{", "(").replace("}", ")"))[:MAX_PROMPT_CHARACTERS]
    values = {"hero_prompt": prompt}
    alt = make_legible(suggestion.alt)[:MAX_ALT_CHARACTERS]
    if alt and not page.has_alt:
        values["hero_alt"] = alt
    console.say(page.name, is_bold=True)
    for key, value in values.items():
        console.say(f"  {key}: {value}")
    if not write:
        return True
    try:
        write_atomically(page.path, _edit(page, values), keeps_mode=True)
    except (OSError, Uneditable) as error:
        reason = f"cannot be written ({error.strerror})" if isinstance(error, OSError) else str(error)
        console.warn(f"{page.name}: nothing was written, as it {reason}")
        return False
    return True


def _edit(page: _UnpromptedPage, values: Mapping[str, str]) -> bytes:
    if page.path.read_bytes() != page.data:
        raise Uneditable("has changed meanwhile; run the command again")
    return add_lines(page.data, values)


# Front matter --------------------------------------------------------------------------------------------------------


class Uneditable(ValueError):
    """The file cannot be edited safely; the text has the reason and the fix."""


def _split_page(data: bytes) -> tuple[dict[str, object], str]:
    """Return a page's metadata and the text behind it, as MkDocs reads them; Uneditable if the YAML is broken."""
    import yaml

    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Uneditable("is not in UTF-8; save it as UTF-8 first") from error
    match = _BLOCK.match(data)
    if match is None:
        if _BARE.match(data):
            raise Uneditable("has metadata without lines of three hyphens around it; put them there first")
        return {}, text
    try:
        meta = yaml.safe_load(match["lines"].decode())
    except (yaml.YAMLError, ValueError) as error:
        raise Uneditable("has front matter that is no YAML; fix it first") from error
    if not isinstance(meta, dict | None):
        raise Uneditable("has front matter that holds no keys; fix it first")
    rest = data[match.end() :].decode()
    return {str(key): value for key, value in (meta or {}).items()}, "\n".join(rest.splitlines()[1:])


def add_lines(data: bytes, values: Mapping[str, str]) -> bytes:
    """Return the file with a line for each of `values` at the end of its front matter; Uneditable if that is not safe.

    Values are always quoted, so that YAML in them has no effect. The result is parsed, and must hold the earlier
    metadata and `values`.
    """
    meta, _ = _split_page(data)
    present = [key for key in values if key in meta]
    if present:
        raise Uneditable(f"has {present[0]} already; it is left as it is")
    match = _BLOCK.match(data)
    if match is None:
        bom = b"\xef\xbb\xbf" if data.startswith(b"\xef\xbb\xbf") else b""
        line_end = _FIRST_END.search(data)
        end = line_end[0] if line_end is not None else b"\n"
        edited = bom + b"---" + end + _format_lines(values, b"", end) + b"---" + end + end + data[len(bom) :]
    else:
        indent = _INDENT.search(match["lines"])
        added = _format_lines(values, indent[1] if indent is not None else b"", match["end"])
        position = match.end()
        edited = data[:position] + added + data[position:]
    try:
        edited_meta, _ = _split_page(edited)
    except Uneditable:
        edited_meta = {}
    if edited_meta != {**meta, **values}:
        raise Uneditable("has front matter to which lines cannot be added safely; add them by hand")
    return edited


def _format_lines(values: Mapping[str, str], indent: bytes, end: bytes) -> bytes:
    # A text of JSON is a quoted text of YAML.
    return b"".join(indent + f"{key}: {_quote_yaml(value)}".encode() + end for key, value in values.items())


def _quote_yaml(value: str) -> str:
    """Return the text in double quotes. Unprintable characters are escaped, since some break lines in YAML."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(character if character.isprintable() else _escape(ord(character)) for character in text)


def _escape(number: int) -> str:
    return f"\\u{number:04x}" if number <= _LARGEST_SHORT else f"\\U{number:08x}"

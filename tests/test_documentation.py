"""The documents agree with the code: options, keys, styles, messages, examples, links."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from pkgutil import resolve_name
from typing import Any
from urllib.parse import urlsplit

import click
import pytest
import reference_tables as tables
import yaml
from benchmarks.contact_sheet import PROMPTS
from builds import Site, page
from cli_rig import Shell
from documents import DOCS, README, ROOT, SITE, Block, blocks, name_of, table_below, text_of, without_blocks
from mkdocs.utils.yaml import yaml_load
from PIL import Image
from services import Services

import mkdocs_leonardo
from mkdocs_leonardo import cli, front_matter
from mkdocs_leonardo.commands.purchases import INTERRUPTED
from mkdocs_leonardo.commands.terminal import CommandError
from mkdocs_leonardo.config import LeonardoConfig
from mkdocs_leonardo.front_matter import HeroDefaults
from mkdocs_leonardo.page.site_markup import HeroContext
from mkdocs_leonardo.picture_rules import MAX_PROMPT_CHARACTERS, MAX_SEED, STYLES
from mkdocs_leonardo.providers import BUILT_IN, interface, toolkit
from mkdocs_leonardo.providers.base import Provider, TextProvider
from mkdocs_leonardo.providers.declaration import declaration_of, key_variable
from mkdocs_leonardo.providers.gemini import provider as gemini
from mkdocs_leonardo.providers.leonardo.create_requests import estimate_usd
from mkdocs_leonardo.providers.leonardo.options import LeonardoOptions
from mkdocs_leonardo.providers.openai import provider as openai
from mkdocs_leonardo.report import Spending, list_complaints, make_report
from mkdocs_leonardo.resolution import Failure, FailureKind, Resolution, unanswered_message
from mkdocs_leonardo.spec import HeroAsset, HeroSpec, PictureSpec, Rendering, Scrim, Source

DOCUMENTS = [README, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
PAGES = [path for path in sorted(DOCS.rglob("*.md")) if "blog" not in path.parts]
POSTS = sorted((DOCS / "blog/posts").glob("*.md"))

#: Names with an underscore that documents may mention besides options and front matter keys: those of other programs.
FOREIGN_NAMES = {
    "site_url", "site_dir", "docs_dir", "custom_dir", "extra_css", "pull_request_target", "wait_for",
    "resource_group", "pre_build", "workflow_dispatch", "author_text", "picture_rules",
    "mkdocs_leonardo", "front_matter", "cost_usd", "new_images", "timeout_s", "width_px",
    "give_up_at", "key_variable", "rate_limiter", "is_create", "is_free", "late_s", "submit_limit_s",
    "background_color", "background_image", "cards_layout_options",
}  # fmt: skip


def _first_column(text: str, heading: str) -> list[str]:
    """The first code span of every row of the first table below a heading."""
    return [re.findall(r"`([^`]+)`", row[0])[0] for row in table_below(heading, text)]


def _plugin_options(block: Block) -> dict[str, Any] | None:
    """The plugin's options in a block of ``mkdocs.yml``; None if the block does not name the plugin."""
    config = yaml_load(block.text) if block.language == "yaml" and "plugins:" in block.text else None
    for plugin in (config or {}).get("plugins", ()):
        if plugin == "leonardo":
            return {}
        if isinstance(plugin, dict) and "leonardo" in plugin:
            options: dict[str, Any] = plugin["leonardo"]
            return options
    return None


def _front_matter(text: str) -> dict[str, Any] | None:
    match = re.match(r"---\n(.*?)^---$", text, re.MULTILINE | re.DOTALL)
    return yaml.safe_load(match[1]) if match else None


# Options and keys ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", tables.DOCUMENTS, ids=name_of)
def test_generated_parts_of_a_document_equal_the_code(path: Path) -> None:
    """The text between the marks is the code's; ``python tests/reference_tables.py`` refreshes it."""
    text = text_of(path)
    assert [*tables.groups_in(text), *tables.commands_in(text)]
    assert tables.refresh(text) == text


def test_option_reference_shows_every_group() -> None:
    """The reference of options has a table for every group."""
    assert list(tables.GROUPS) == tables.groups_in(text_of(DOCS / "reference/options.md"))


def test_option_table_has_every_option_of_the_configuration() -> None:
    """The plugin's table of options has every option of the configuration."""
    names = {name for group in tables.GROUPS for name in re.findall(r"^\| `(\w+)`", tables.table(group), re.MULTILINE)}
    assert {name.rpartition(".")[2] for name in tables.option_names()} == names


def test_front_matter_table_lists_the_keys_of_the_code() -> None:
    """The table of the front matter lists every key of the code and no other."""
    assert list(front_matter.KEYS) == _first_column(text_of(DOCS / "reference/front-matter.md"), "# Front matter")


def test_front_matter_page_states_the_limits_of_the_code() -> None:
    """The page of the front matter states the limits of the code."""
    text = text_of(DOCS / "reference/front-matter.md")
    assert f"from 0 to {MAX_SEED}" in text
    assert f"| {MAX_PROMPT_CHARACTERS} characters" in text
    assert f"| {front_matter.MAX_TAGLINE_CHARACTERS} characters |" in text
    assert f"| {front_matter.MAX_ALT_CHARACTERS} characters |" in text


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_provider_is_in_the_lists_of_services(name: str) -> None:
    """Each built-in provider has its host, its name and its key's variable in the documents' lists."""
    host = urlsplit(declaration_of(name).options().base_url).hostname
    assert f"`{host}`" in text_of(DOCS / "guide/network.md")
    for page_name in ("guide/look.md", "reference/provenance.md"):
        assert f"`{name}`" in text_of(DOCS / page_name)
    for page_name in ("reference/options.md", "reference/command-line.md"):
        assert f"`{key_variable(name)}`" in text_of(DOCS / page_name)


def test_styles_page_lists_the_styles_of_the_code() -> None:
    """The page of styles lists all 23 styles in the order of the code."""
    assert list(STYLES) == _first_column(text_of(DOCS / "guide/styles.md"), "## The list")


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_document_names_no_option_that_does_not_exist(path: Path) -> None:
    """Each name in the prose that looks like an option or a key is one, or a provider's, or another program's."""
    text = without_blocks(path)
    known = {name.rpartition(".")[2] for name in tables.option_names()} | set(front_matter.KEYS)
    for kind in (Provider, TextProvider):
        known |= {*vars(kind), *kind.__annotations__}
    known |= {*interface.__all__, *toolkit.__all__}
    assert set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", text)) <= known | FOREIGN_NAMES
    assert set(re.findall(rf"`((?:{'|'.join(BUILT_IN)})\.[a-z_]+)`", text)) <= tables.option_names()
    assert set(re.findall(r"`([a-z]+(?:_[a-z]+)+): [^`]*`", text)) <= known | FOREIGN_NAMES
    names = set(re.findall(r"\bhero_[a-z_]+", text)) - set(front_matter.KEYS)
    assert not names, "every hero_ name in the prose must be a front matter key: name an option without that prefix"


@pytest.mark.parametrize(
    ("path", "block"),
    [(path, block) for path in DOCUMENTS for block in blocks(path) if _plugin_options(block) is not None],
    ids=name_of,
)
def test_configuration_example_is_accepted(path: Path, block: Block) -> None:
    """Every example of ``mkdocs.yml`` with the plugin is a valid configuration."""
    config = LeonardoConfig()
    config.load_dict(_plugin_options(block) or {})
    assert config.validate() == ([], []), path


@pytest.mark.parametrize(
    ("path", "block"),
    [
        (path, block)
        for path in DOCUMENTS
        for block in blocks(path)
        if re.search(r"^hero_", block.text, re.MULTILINE) and block.title != "mkdocs_theme.yml"
    ],
    ids=name_of,
)
def test_front_matter_example_is_understood(path: Path, block: Block) -> None:
    """Every example of front matter is read without a complaint."""
    meta = _front_matter(block.text) or yaml.safe_load(block.text)
    found = front_matter.read(meta, page="guide/index.md", title="A page", defaults=HeroDefaults())
    assert found.problems == (), path
    assert meta == {"hero_prompt": False} or found.hero is not None


# Commands ------------------------------------------------------------------------------------------------------------


def _invocations(path: Path) -> Iterator[list[str]]:
    """The arguments of every `mkdocs-leonardo` in a document: in blocks, and in code spans that name a command."""
    lines = [line for block in blocks(path) if block.language != "text" for line in block.text.splitlines()]
    lines += re.findall(r"`([^`\n]+)`", without_blocks(path))
    for line in lines:
        command = re.match(r"(?:\s*- run: |\$ )?mkdocs-leonardo( [^|]*)", line)
        if command is not None:
            yield shlex.split(command[1])


def test_command_reference_shows_the_help_of_every_command() -> None:
    """The reference has the help of every command, in the order of the code, each below its heading."""
    text = text_of(DOCS / "reference/command-line.md")
    assert list(tables.COMMANDS) == tables.commands_in(text)
    assert list(cli.main.commands) == re.findall(r"^## (\S+)\n\n<!-- help: \1 -->$", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("path", "arguments"),
    [(path, arguments) for path in DOCUMENTS for arguments in _invocations(path)],
    ids=lambda value: " ".join(value) if isinstance(value, list) else name_of(value),
)
def test_command_in_a_document_is_one_that_exists(path: Path, arguments: list[str]) -> None:
    """Every command line in a document names an existing command with existing options and valid values."""
    name = next((argument for argument in arguments if argument in cli.main.commands), None)
    assert name is not None, path
    place = arguments.index(name) + 1
    try:
        with cli.main.make_context(tables.PROGRAM, arguments[:place]) as program:
            cli.main.commands[name].make_context(name, arguments[place:], parent=program).close()
    except click.UsageError as error:
        pytest.fail(f"{path}: {error.format_message()}")


def test_command_reference_lists_the_exit_codes_of_the_code() -> None:
    """The reference lists the exit codes of the code."""
    codes = _first_column(text_of(DOCS / "reference/command-line.md"), "## Exit codes")
    assert codes == ["0", "1", str(CommandError.exit_code), str(INTERRUPTED)]


#: What differs between two runs, or between two machines.
FIGURES = re.compile(
    r"[+-]?\d+\.\d (?:s|kB|times)\b|\d+\.\d+\.\d+|[\d,]+ credits left \(about \$[\d.]+\)|(?<=, )\w+ \(\w+\)$"
)


def _without_figures(text: str) -> list[str]:
    """The lines in sorted order without figures, since pictures finish in any order."""
    return sorted(FIGURES.sub("…", line) for line in text.splitlines() if line)


def test_walk_through_of_the_commands_prints_what_it_shows(tmp_path: Path, services: Services) -> None:
    """The commands of the guide print what the guide shows, except for figures."""
    site = Site(
        tmp_path,
        pages={
            "index.md": page("Home"),
            "guide/boats.md": page("Boats", hero_prompt="a harbour at dusk, fishing boats"),
            "blog/dunes.md": page("Dunes", hero_prompt="desert dunes at golden hour", hero_style="DYNAMIC"),
        },
        options={"formats": ["avif", "webp", "jpeg"], "leonardo": {"render_estimate": 0.1}},
        config={"theme": {"name": "material"}},
    )
    services.leonardo.render_s = 0.05
    shell = Shell(site, services)
    ran = set()
    for block in blocks(DOCS / "guide/commands.md"):
        if block.title.startswith("docs/"):
            site.write({block.title.removeprefix("docs/"): f"{block.text}# Home\n"})
        if block.language != "console":
            continue
        first, _, shown = block.text.partition("\n")
        arguments = shlex.split(first.removeprefix("$ mkdocs-leonardo "))
        asked = re.search(r"^.*\[y/N\]: y\n", shown, re.MULTILINE)
        printed = shell(*arguments, *(["--yes"] if asked else []))
        shown = shown.replace(asked[0] if asked else "", "").replace("$ git add heroes\n", "")
        expected = shown.replace("/home/you/site", str(tmp_path))
        assert _without_figures(expected) == _without_figures(printed.out + printed.err), first
        ran.add(arguments[0])
    assert ran == set(cli.main.commands) - {"balance", "zensical"}
    assert services.ledger.creates == 10


# Money and structure -------------------------------------------------------------------------------------------------


def _dollars(cost_usd: float) -> str:
    """The amount, rounded half up as a person does."""
    return f"${cost_usd + 1e-9:.4f}"


def test_prices_in_the_documents_are_those_of_the_code() -> None:
    """The prices in the documents are the estimates of the code."""
    size = {"width_px": 1536, "height_px": 864}
    with_alchemy, without = (
        estimate_usd(LeonardoOptions(alchemy=alchemy), PictureSpec("a lake")) for alchemy in (True, False)
    )
    low, medium, high = (openai.picture_usd("gpt-image-2", quality, **size) for quality in ("low", "medium", "high"))
    page_of_costs = text_of(DOCS / "money/costs.md")
    for cost in (low, medium, high):
        assert f"| ${cost:.3f} |" in page_of_costs
    for cost in (with_alchemy, without):
        assert f"| {_dollars(cost)} |" in page_of_costs
    for model, mode in (
        ("phoenix", "ultra"),
        ("lucid-origin", ""),
        ("lucid-realism", "ultra"),
        ("flux-dev", ""),
        ("flux-schnell", ""),
        ("gpt-image-2", "low"),
        ("gpt-image-2", ""),
        ("gpt-image-2", "high"),
        ("nano-banana-2", ""),
    ):
        assert _dollars(estimate_usd(LeonardoOptions(model=model, mode=mode), PictureSpec("a lake"))) in page_of_costs
    least, most = re.findall(r"About (\d) to (\d) US cents", text_of(README))[0]
    assert {round(100 * with_alchemy), round(100 * medium)} <= {*range(int(least), int(most) + 1)}
    for model in ("gemini-nano-banana-2.1", "gemini-3.1-flash-lite-image", "gemini-3-pro-image"):
        row = next(line for line in page_of_costs.splitlines() if f"`{model}`" in line)
        assert f"| ${gemini.picture_usd(model):.3f} |" in row
    for model in ("gpt-image-1.5", "gpt-image-1-mini"):
        costs = [openai.picture_usd(model, quality, **size) for quality in ("low", "medium", "high")]
        row = next(line for line in page_of_costs.splitlines() if f"`{model}`" in line)
        assert costs == [float(figure) for figure in re.findall(r"\$(\d\.\d+)", row)]


def test_report_in_the_documents_has_the_fields_of_the_code() -> None:
    """The example of `report.json` has the report's fields in their order."""
    block = next(block for block in blocks(DOCS / "money/paid-when.md") if block.language == "json")
    rendering = Rendering((), "", "", Scrim(0, 0, 0, 0, 0, 0), 0, 0)
    asset = HeroAsset("0" * 64, "leonardo", "a model", Source.CACHED, rendering)
    written = make_report([Resolution(HeroSpec(page="a.md", picture=PictureSpec("a lake")), asset)], Spending())
    shown = json.loads(block.text)
    heroes = written["heroes"]
    assert isinstance(heroes, list)
    assert isinstance(heroes[0], dict)
    assert list(heroes[0]) == list(shown["heroes"][0])
    assert list(written["totals"]) == list(shown["totals"])  # type: ignore[arg-type]  # any JSON, for mypy


def test_contributing_names_functions_that_are_there() -> None:
    """Every function that CONTRIBUTING.md names exists."""
    text = text_of(ROOT / "CONTRIBUTING.md").partition("### The way of an image")[2].partition("Two rules")[0]
    names = re.findall(r"`([a-z_]+(?:\.\w+)+)`", text)
    assert len(names) > 10
    for name in names:
        if name.endswith((".py", ".css")):
            assert list((ROOT / "mkdocs_leonardo").rglob(name)), name
            continue
        assert resolve_name(f"mkdocs_leonardo.{name}"), name


def test_contributing_lists_the_layers_that_are_held() -> None:
    """The table of layers is the one that import-linter checks, from top to bottom."""
    config = tomllib.loads(text_of(ROOT / "pyproject.toml"))
    (contract,) = (each for each in config["tool"]["importlinter"]["contracts"] if each["type"] == "layers")
    table = re.search(r"^\| layer \|.*?\n\n", text_of(ROOT / "CONTRIBUTING.md"), re.MULTILINE | re.DOTALL)
    assert table is not None
    listed = [re.findall(r"`(\w+)`", row.split("|")[1]) for row in table[0].splitlines()[2:] if row]
    held = [re.findall(r"\w+", layer) for layer in contract["layers"]]
    assert [name for layer in listed for name in sorted(layer)] == [name for layer in held for name in sorted(layer)]


# Look, templates, messages -------------------------------------------------------------------------------------------


def test_look_page_lists_the_custom_properties_of_the_stylesheet() -> None:
    """The guide's table has each custom property that the stylesheet reads, and no other."""
    css = "".join(map(text_of, Path(mkdocs_leonardo.__file__).parent.glob("page/css/*.css")))
    read = set(re.findall(r"var\((--leonardo-[\w-]+)", css))
    assert sorted(read) == sorted(_first_column(text_of(DOCS / "guide/look.md"), "## Custom properties"))


def test_look_page_lists_the_attributes_of_the_template_variable() -> None:
    """The guide's table has each attribute of the template variable `hero`, and no other."""
    table = re.search(r"^## Draw it yourself\n.*?^```", text_of(DOCS / "guide/look.md"), re.MULTILINE | re.DOTALL)
    assert table is not None
    attributes = {name for name in dir(HeroContext) if not name.startswith("_")}
    assert attributes == set(re.findall(r"`hero\.(\w+)`", table[0]))


def _templates() -> Iterator[str]:
    """Every text of the package, with a mark where a value is filled in."""
    for path in Path(mkdocs_leonardo.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(text_of(path))):
            match node:
                case ast.Call(func=ast.Name("Complaint"), args=[_, text]):
                    yield from (f"{FILLED_IN}: {template}" for template in _template(text))
                case _:
                    yield from _template(node)


def _template(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else FILLED_IN for part in node.values)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def _composed_messages() -> Iterator[str]:
    """Messages that are built from several texts, in the form that an author gets."""
    metas: list[dict[str, object]] = [
        {"hero_prompt": "a lake", "hero_style": "CINEMTIC", "hero_promt": "a lake"},
        {"hero_prompt": "", "hero_seed": -1, "hero_tagline": 7},
    ]
    for meta in metas:
        found = front_matter.read(meta, page="a.md", title="", defaults=HeroDefaults())
        yield from map(str, found.problems)
    for option in ({"widht": 960}, {"width": 1001}, {"cards": "maybe"}):
        config = LeonardoConfig()
        config.load_dict(option)
        yield from (str(message) for problems in config.validate() for _, message in problems)
    hero = HeroSpec(page="a.md", picture=PictureSpec("a lake"))
    rendering = Rendering((), "", "", Scrim(0, 0, 0, 0, 0, 0), 0, 0)
    painted = HeroAsset("0" * 64, "local", "painter", Source.PAINTED, rendering)
    resolutions = [
        Resolution(hero, painted, failure=Failure("leonardo: broken")),
        Resolution(hero, painted, failure=Failure("leonardo: held back"), capped_usd=0.03),
        Resolution(hero, painted, failure=Failure("leonardo: refused", FailureKind.REFUSED)),
    ]
    yield from (message for _, message in list_complaints(resolutions, on_missing="warn"))
    yield unanswered_message("a.md", "leonardo")


FILLED_IN = "\N{DOUBLE DAGGER}"
TROUBLES = [
    line
    for block in blocks(DOCS / "guide/troubleshooting.md")
    if block.language == "text"
    for line in block.text.splitlines()
]


@pytest.fixture(scope="module")
def messages() -> tuple[str, ...]:
    """Every message of the package."""
    return (*_composed_messages(), *_templates())


@pytest.mark.parametrize("message", TROUBLES)
def test_message_in_the_troubleshooting_is_one_of_the_code(message: str, messages: tuple[str, ...]) -> None:
    """Each message in the troubleshooting is a message of the code, with `…` for filled-in parts."""
    shape = re.compile(".+".join(map(re.escape, message.split("…"))))
    assert any(shape.search(text) for text in messages)


# Links ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [README, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"], ids=name_of)
def test_relative_links_in_a_document_lead_to_files_and_headings(path: Path) -> None:
    """Each relative link leads to a file and a heading; the site's own links are checked by its build."""
    targets = re.findall(r"\]\(([^)\s]+)\)", without_blocks(path))
    for target in targets:
        if "://" in target:
            continue
        place, _, anchor = target.partition("#")
        assert (path.parent / place).exists(), target
        headings = (
            re.findall(r"^#+ (.*)$", without_blocks(path.parent / place), re.MULTILINE) if place.endswith(".md") else []
        )
        slugs = {re.sub(r"[^\w\s-]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
        assert not anchor or anchor in slugs, target


def test_readme_shows_a_small_picture_of_a_built_page() -> None:
    """The README shows one picture of a built page in less than 150 kB."""
    shown = re.findall(r"!\[[^]]{20,}\]\(([^)]+)\)", text_of(README))
    assert len(shown) == 1
    assert 0 < (ROOT / shown[0]).stat().st_size < 150_000


@pytest.mark.parametrize(
    ("page", "name"),
    [("styles", "contact-sheet.webp"), ("styles", "style-sheet.webp"), ("gallery", "layout-sheet.webp")],
)
def test_sheet_of_pictures_is_small_enough_for_a_page(page: str, name: str) -> None:
    """A sheet of pictures has less than 300 kB and is shown with its true size."""
    path = DOCS / "images" / name
    assert 0 < path.stat().st_size < 300_000
    with Image.open(path) as sheet:
        shown = f'{name}){{ width="{sheet.width}" height="{sheet.height}"'
    assert shown in text_of(DOCS / f"guide/{page}.md")


def test_styles_page_names_the_prompts_of_the_contact_sheet() -> None:
    """The page of styles lists the prompts of its contact sheet."""
    assert list(PROMPTS) == re.findall(r"^\d+\. (.*)$", text_of(DOCS / "guide/styles.md"), re.MULTILINE)


# The example site ----------------------------------------------------------------------------------------------------


def test_example_site_has_a_hero_on_every_page_and_post() -> None:
    """Every page and post has a hero, in at least six styles and in every layout, one with an own picture."""
    metas = {path: _front_matter(text_of(path)) or {} for path in [*PAGES, *POSTS, DOCS / "blog/index.md"]}
    assert len(PAGES) >= 8
    assert len(POSTS) >= 5
    assert all("hero_prompt" in meta or "hero_image" in meta for meta in metas.values())
    assert len({meta.get("hero_style") for meta in metas.values()}) >= 6
    assert {"CINEMATIC", "CREATIVE", "DYNAMIC"} <= {meta.get("hero_style") for meta in metas.values()}
    assert {"full", "stacked", "split", "auto"} <= {meta.get("hero_layout") for meta in metas.values()}
    assert [path for path, meta in metas.items() if "hero_image" in meta] == [DOCS / "guide/look.md"]


def test_costs_page_counts_the_prompts_of_this_site() -> None:
    """The page of costs states the sum for this site's prompts."""
    prompts = {
        (meta["hero_prompt"], meta.get("hero_style"), meta.get("hero_seed"))
        for meta in (_front_matter(text_of(path)) or {} for path in DOCS.rglob("*.md"))
        if "hero_prompt" in meta
    }
    assert f"prompts | {len(prompts)} | ${0.022425 * len(prompts):.2f}, once |" in text_of(DOCS / "money/costs.md")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example site with small files only, built with ``--strict`` and without keys."""
    folder = tmp_path_factory.mktemp("example")
    config = (
        text_of(SITE / "mkdocs.yml")
        .replace("theme:", f"docs_dir: {DOCS}\n\ntheme:", 1)
        .replace("custom_dir: overrides", f"custom_dir: {SITE / 'overrides'}", 1)
        .replace(
            "      credit: true",
            "      credit: true\n      width: 768\n      height: 432\n      formats: [jpeg]\n      widths: [480]",
            1,
        )
    )
    (folder / "mkdocs.yml").write_text(config, encoding="utf-8")
    environ = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    run = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(folder / "mkdocs.yml")],
        env={**environ, "NO_MKDOCS_2_WARNING": "1", "COLUMNS": "500"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    return folder


def test_example_site_builds_strictly_without_key(built: Path) -> None:
    """The example site builds without a warning or a request, with a picture on each page."""
    report = json.loads(text_of(built / ".cache/plugin/leonardo/report.json"))
    assert len([*PAGES, *POSTS]) + 1 == len(report["heroes"])
    assert {"local", "own"} == {hero["source"] for hero in report["heroes"]}
    assert (report["totals"]["new_images"], report["totals"]["requests"]) == (0, 0)


def test_example_site_loads_nothing_from_elsewhere(built: Path) -> None:
    """Every script, stylesheet, font and picture of the example site is its own."""
    for path in sorted((built / "site").rglob("*.html")):
        loads = re.findall(r"<(?:script|img|iframe|source)\b[^>]*\bsrc(?:set)?=\"([^\"]*)\"", text_of(path))
        loads += re.findall(
            r"<link\b[^>]*rel=\"(?:stylesheet|icon|preload|preconnect)\"[^>]*href=\"([^\"]*)\"", text_of(path)
        )
        loads += re.findall(
            r"<link\b[^>]*href=\"([^\"]*)\"[^>]*rel=\"(?:stylesheet|icon|preload|preconnect)\"", text_of(path)
        )
        assert [load for load in loads if re.match(r"(?:https?:)?//", load)] == [], path
    for path in sorted((built / "site/assets").rglob("*.css")):
        assert not re.search(r"(?:@import|url\()[\s\"']*(?:https?:)?//", text_of(path)), path


def test_example_site_shows_cards_on_blog_views(built: Path) -> None:
    """The blog's index and every category show the posts' covers."""
    index = text_of(built / "site/blog/index.html")
    assert len(POSTS) == index.count('<a class="leonardo-card"')
    for view in ("category/money", "category/speed", "archive/2026/11", "author/makers"):
        assert '<a class="leonardo-card"' in text_of(built / f"site/blog/{view}/index.html"), view


def test_override_in_the_documents_draws_the_hero(tmp_path: Path) -> None:
    """The guide's template draws the hero as printed: formats, escaped words, without the plugin's markup.

    `layout: none` holds for the whole site; a page that asks for another layout has the plugin's hero and no cover.
    """
    override = next(block for block in blocks(DOCS / "guide/look.md") if block.title == "overrides/main.html")
    (tmp_path / "overrides").mkdir()
    (tmp_path / "overrides/main.html").write_text(override.text, encoding="utf-8")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/index.md").write_text(
        "---\nhero_prompt: a quiet lake\nhero_alt: 'boats \"&\" <b>'\nhero_tagline: <i>Rest</i>\n---\n# Lake\n",
        encoding="utf-8",
    )
    (tmp_path / "docs/own.md").write_text(
        "---\nhero_prompt: a quiet lake\nhero_layout: stacked\n---\n# Own\n", encoding="utf-8"
    )
    (tmp_path / "mkdocs.yml").write_text(
        "site_name: A site\ntheme: {name: material, custom_dir: overrides, font: false}\n"
        "plugins: [{leonardo: {layout: none, formats: [webp, jpeg], widths: [480]}}]\n",
        encoding="utf-8",
    )
    environ = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    run = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(tmp_path / "mkdocs.yml")],
        env={**environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    html = text_of(tmp_path / "site/index.html")
    cover = html[html.index('<figure class="cover">') : html.index("</figure>")]
    assert 'type="image/webp"' in cover
    assert 'alt="boats &#34;&amp;&#34; &lt;b&gt;"' in cover
    assert "&lt;i&gt;Rest&lt;/i&gt;" in cover
    assert "leonardo-hero" not in html
    source = re.search(r'src="(assets/leonardo/[^"]+\.jpg)"', cover)
    assert source is not None
    assert (tmp_path / "site" / source[1]).is_file()
    other = text_of(tmp_path / "site/own/index.html")
    assert "leonardo-hero--stacked" in other
    assert '<figure class="cover">' not in other


def test_gallery_commands_in_the_documents_pin_a_hero(tmp_path: Path, services: Services) -> None:
    """The gallery's commands pin a picture, which a build shows without cache, key and network."""
    site = Site(tmp_path, pages={"index.md": page("Harbour", hero_prompt="a harbour at dusk")})
    assert site.build(services).sources == {"index.md": "generated"}
    commands = next(block for block in blocks(DOCS / "money/paid-when.md") if "mkdocs-leonardo pin" in block.text)
    lines = [line.removeprefix("$ ") for line in commands.text.splitlines() if "git add" not in line]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        ["bash", "-ec", "\n".join(lines)], cwd=tmp_path, env={**os.environ, "PATH": path}, check=True, timeout=60
    )
    shutil.rmtree(tmp_path / ".cache")
    again = site.build(None, "--strict")
    assert (again.exit_code, again.sources) == (0, {"index.md": "pinned"})


def test_cache_folder_that_was_moved_is_as_good(tmp_path: Path, services: Services) -> None:
    """A moved cache folder, as CI may restore it, causes no request."""
    pages = {"index.md": page("Harbour", hero_prompt="a harbour at dusk")}
    first = Site(tmp_path / "first", pages=pages)
    assert first.build(services).sources == {"index.md": "generated"}
    second = Site(tmp_path / "second", pages=pages)
    shutil.move(first.folder / ".cache", second.folder / ".cache")
    built = second.build(services)
    assert built.sources == {"index.md": "cached"}
    assert (built.totals["new_images"], built.totals["requests"]) == (0, 0)

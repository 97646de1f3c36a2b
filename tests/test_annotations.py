"""GitHub Actions: annotations on the lines to mend, and the table in the job's summary."""

from __future__ import annotations

import html
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from builds import Site, page
from cli_rig import Shell
from hypothesis import given
from hypothesis import strategies as st
from services import Answer429, Fails, PromptModerated, Services

from mkdocs_leonardo.host.github import MOST_SHOWN, Annotation, Annotations
from mkdocs_leonardo.report import MOST_BYTES, MOST_ROWS, append_job_summary
from mkdocs_leonardo.resolution import Attempt, Failure, Resolution
from mkdocs_leonardo.spec import HeroAsset, HeroSpec, PictureSpec, Rendering, Scrim, Source, printable

#: GitHub's runner reads a line so: a command only at its beginning, properties up to the next two colons.
COMMAND = re.compile(r"^::(warning|error) ([^:]*(?:[^:]|:(?!:))*?)::(.*)$")


@dataclass(frozen=True)
class Shown:
    """One annotation as GitHub shows it."""

    kind: str
    file: str
    line: int
    title: str
    text: str


def unescape(text: str) -> str:
    """The text as the runner decodes it."""
    for code, sign in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, sign)
    return text


def read(log: str) -> list[Shown]:
    """The annotations in a step's output."""
    found = []
    for line in log.split("\n"):
        match = COMMAND.match(line)
        if match:
            given = dict(pair.partition("=")[::2] for pair in match[2].split(","))
            values = {name: unescape(value) for name, value in given.items()}
            line_number = int(values.get("line", "0"))
            found.append(Shown(match[1], values.get("file", ""), line_number, values["title"], unescape(match[3])))
    return found


def actions(workspace: Path, **more: str) -> dict[str, str]:
    """The environment of a step."""
    return {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(workspace), **more}


def lines_of(log: str) -> list[str]:
    """The log without the workflow commands."""
    return [line for line in log.splitlines() if line and not line.startswith("::")]


# The lines -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A workspace with a repository that holds a site in one of its folders."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "handbook/docs/blog").mkdir(parents=True)
    (tmp_path / "handbook/mkdocs.yml").write_text("site_name: x\nplugins:\n  - search\n  - leonardo:\n")
    return tmp_path


def annotate(repository: Path, *, environ: Mapping[str, str] | None = None) -> Annotations:
    """Annotations of the site in `repository`."""
    handbook = repository / "handbook"
    given = actions(repository) if environ is None else environ
    return Annotations(given, config_file=handbook / "mkdocs.yml", docs_dir=handbook / "docs")


@pytest.mark.parametrize(
    ("text", "key", "line"),
    [
        ("---\ntitle: x\nhero_style: Y\nhero_prompt: z\n---\n# X\n", "hero_style", 3),
        ("---\ntitle: x\nhero_prompt: z\n---\nhero_style: in the text\n", "hero_style", 3),
        ("---\r\ntitle: x\r\nhero_prompt: >\r\n  a\r\n  b\r\nhero_seed: x\r\n---\r\n", "hero_seed", 6),
        ('\ufeff---\ntitle: x\n"hero_style" : Y\n---\n', "hero_style", 3),
        ("---\ntitle: a\u2028b\x0bc\nhero_style: Y\n---\n", "hero_style", 3),
        ("title: x\nhero_style: Y\n\nhero_seed: text\n", "hero_style", 2),
        ("title: x\nhero_image: Y\n\nhero_seed: text\n", "hero_seed", 2),
        ("# A page\n", "hero_style", 1),
        ("", "hero_style", 1),
    ],
)
def test_annotation_is_on_the_line_of_its_key(repository: Path, text: str, key: str, line: int) -> None:
    """An annotation is on the key's line in the front matter, else on the prompt's line, else on the first line."""
    (repository / "handbook/docs/blog/x.md").write_bytes(text.encode())
    notes = annotate(repository)
    notes.annotate_page(logging.WARNING, "blog/x.md", "is wrong", key=key)
    (shown,) = read("\n".join(notes.commands()))
    assert shown == Shown("warning", "handbook/docs/blog/x.md", line, f"leonardo: {key}", "is wrong")


def test_annotation_of_a_folders_metadata_is_in_the_folders_file(repository: Path) -> None:
    """An annotation about a folder's metadata is in the folder's file, and not in its pages."""
    (repository / "handbook/docs/blog/x.md").write_text("---\ntitle: x\n---\n")
    (repository / "handbook/docs/.meta.yml").write_text("tags: [a]\nhero_prompt: x\nhero_style: Y\n")
    notes = annotate(repository)
    for name in ("blog/x.md", "blog/x.md"):
        notes.annotate_page(logging.WARNING, name, "is wrong", key="hero_style")
    (shown,) = read("\n".join(notes.commands()))
    assert (shown.file, shown.line) == ("handbook/docs/.meta.yml", 3)


def test_annotation_of_a_page_without_a_file_names_the_page(repository: Path) -> None:
    """An annotation about a page that another plugin wrote names the page and no line."""
    notes = annotate(repository)
    notes.annotate_page(logging.WARNING, "made/x.md", "is wrong", key="hero_style")
    (shown,) = read("\n".join(notes.commands()))
    assert (shown.file, shown.text) == ("", "made/x.md: is wrong")


def test_annotation_about_the_site_is_on_the_plugins_line(repository: Path) -> None:
    """An annotation about the whole site is on the plugin's line of the configuration."""
    notes = annotate(repository)
    notes.about_site(logging.WARNING, "leonardo has 3 credits left")
    (site,) = read("\n".join(notes.commands()))
    assert (site.file, site.line) == ("handbook/mkdocs.yml", 4)


@pytest.mark.parametrize(
    ("checkout", "workspace", "git", "file"),
    [
        ("", "", True, "handbook/docs/a.md"),
        ("", "", False, "handbook/docs/a.md"),
        ("source", "", True, "handbook/docs/a.md"),
        ("", None, True, "handbook/docs/a.md"),
        ("", None, False, "docs/a.md"),
        ("", "elsewhere", False, ""),
    ],
    ids=["workspace", "no git", "checked out into a folder", "no workspace", "nothing known", "outside"],
)
def test_annotation_names_the_file_as_the_repository_does(
    tmp_path: Path, *, checkout: str, workspace: str | None, git: bool, file: str
) -> None:
    """An annotation names a file by its path in the repository, wherever site and repository are."""
    top = tmp_path / checkout
    (top / "handbook/docs").mkdir(parents=True)
    (top / "handbook/docs/a.md").write_text("# A\n")
    if git:
        (top / ".git").write_text("gitdir: elsewhere\n")
    environ = {} if workspace is None else {"GITHUB_WORKSPACE": str(tmp_path / workspace)}
    notes = annotate(top, environ=environ)
    notes.annotate_page(logging.WARNING, "a.md", "is wrong")
    assert read("\n".join(notes.commands()))[0].file == file


@given(
    text=st.text(max_size=40),
    title=st.text(max_size=20),
    file=st.text(min_size=1, max_size=20),
    line=st.integers(1, 99),
)
def test_annotation_whatever_its_texts_is_one_line_that_reads_back(text: str, title: str, file: str, line: int) -> None:
    """Colons, commas, percent signs and line ends in a value neither end an annotation nor begin another."""
    command = Annotation(logging.WARNING, text, title, file, line).command()
    assert not re.search(r"[\r\n]", command)
    # Line ends arrive; other control characters are shown as their numbers.
    file, title, text = (re.sub(r"[^\r\n]+", lambda part: printable(part[0]), each) for each in (file, title, text))
    assert read(command) == [Shown("warning", file, line, title, text)]


def test_annotations_beyond_githubs_limit_show_each_reason_first_and_count_the_rest(repository: Path) -> None:
    """A step shows ten annotations: nine with different reasons, and one with the number of the rest."""
    for number in range(40):
        (repository / f"handbook/docs/{number}.md").write_text("---\nhero_prompt: x\n---\n")
    notes = annotate(repository)
    for number in range(38):
        notes.annotate_page(logging.WARNING, f"{number}.md", "shows a placeholder painted on this machine")
    notes.annotate_page(logging.WARNING, "38.md", "was refused", key="hero_prompt")
    notes.annotate_page(logging.ERROR, "39.md", "is missing")
    shown = read("\n".join(notes.commands()))
    assert shown[0].kind == "error"
    warnings = shown[1:]
    assert len(warnings) == MOST_SHOWN
    assert warnings[1].text == "was refused"
    assert warnings[-1] == Shown("warning", "", 0, "leonardo", "and 30 more; the log names all of them")


# Builds --------------------------------------------------------------------------------------------------------------


def test_build_in_actions_annotates_what_it_warns_of(tmp_path: Path, services: Services) -> None:
    """A build annotates the lines of wrong front matter, a refused prompt and a placeholder, and logs as elsewhere."""
    services.leonardo.on_create(PromptModerated()).when_prompt("refused")
    services.leonardo.on_create(Fails()).when_prompt("failed")
    (tmp_path / ".git").mkdir()
    site = Site(
        tmp_path / "handbook",
        {
            "index.md": page("Home", hero_prompt="a harbour"),
            "blog/wrong.md": page("Wrong", tags="x", hero_prompt="a quay", hero_style="CINEMTIC"),
            "refused.md": page("Refused", tags="x", hero_prompt="refused"),
            "failed.md": page("Failed", hero_seed=3, hero_prompt="failed"),
            "own.md": page("Own", hero_image="there-is-none.jpg"),
            "unread.md": "---\ntitle: a: b\nhero_prompt: x\n---\n\n# X\n",
        },
        {"providers": ["leonardo"]},
    )
    built = site.build(services, environ=actions(tmp_path))
    assert built.exit_code == 0, built.log
    shown = {one.file: one for one in read(built.log)}
    assert len(shown) == len(read(built.log)) == len(built.warnings) == 5
    assert {(file, one.line, one.title) for file, one in shown.items()} == {
        ("handbook/docs/blog/wrong.md", 4, "leonardo: hero_style"),
        ("handbook/docs/refused.md", 3, "leonardo"),
        ("handbook/docs/failed.md", 3, "leonardo"),
        ("handbook/docs/own.md", 2, "leonardo: hero_image"),
        ("handbook/docs/unread.md", 3, "leonardo: hero_prompt"),
    }
    assert shown["handbook/docs/blog/wrong.md"].text == "hero_style is 'CINEMTIC'; did you mean CINEMATIC?"
    assert shown["handbook/docs/refused.md"].text.endswith("describe another image")
    assert shown["handbook/docs/failed.md"].text.startswith("shows a placeholder painted on this machine: leonardo: ")
    elsewhere = Site(tmp_path / "plain", site.pages, site.options).build(services)
    assert read(elsewhere.log) == []
    assert len(elsewhere.warnings) == 5


def test_build_in_actions_that_stops_tells_of_every_page(tmp_path: Path, services: Services) -> None:
    """A build that `on_missing: error` stops has annotated its errors and all earlier warnings."""
    services.leonardo.on_create(Fails())
    services.openai.on_create(Answer429())
    site = Site(
        tmp_path,
        {
            "a.md": page("A", hero_prompt="a harbour"),
            "b.md": page("B", hero_prompt="a quay", hero_seed=-1),
        },
        {"on_missing": "error"},
    )
    built = site.build(services, environ=actions(tmp_path))
    assert built.exit_code == 1
    assert [(one.kind, one.file) for one in read(built.log)] == [("error", "docs/a.md"), ("warning", "docs/b.md")]


def test_commands_other_than_a_build_print_no_annotation_but_check(tmp_path: Path, services: Services) -> None:
    """`status` prints no annotation; `check` annotates its findings beside clean JSON."""
    site = Site(
        tmp_path,
        {"a.md": page("A", tags="x", hero_prompt="a harbour"), "b.md": page("B", hero_prompt="a quay", hero_seed=-1)},
    )
    shell = Shell(site, services, environ=actions(tmp_path))
    status = shell("status")
    assert read(status.out) == read(status.err) == []
    check = shell("check")
    assert check.exit_code == 1
    found = {(one.kind, one.file, one.line, one.title) for one in read(check.out)}
    assert found == {("error", "docs/a.md", 3, "leonardo"), ("error", "docs/b.md", 3, "leonardo: hero_seed")}
    assert read(check.err) == []
    as_json = shell("check", "--json")
    assert len(as_json.json["findings"]) == len(read(as_json.err)) == 2


def test_check_in_actions_annotates_the_gallerys_orphan(tmp_path: Path, services: Services) -> None:
    """`check` annotates the file of an image that no page uses."""
    site = Site(tmp_path, {"a.md": page("A", hero_prompt="a harbour")})
    shell = Shell(site, services, environ=actions(tmp_path))
    shell("generate", "--yes")
    shell("pin")
    site.write({"a.md": page("A")})
    (orphan,) = (tmp_path / "heroes").glob("*.jpg")
    (one,) = read(shell("check").out)
    assert one.file == f"heroes/{orphan.name}"


# The summary ---------------------------------------------------------------------------------------------------------


def resolve(name: str, **changes: object) -> Resolution:
    """One page's hero, made by OpenAI."""
    rendering = Rendering((), "", "", Scrim(0, 0, 0, 0, 0, 0), 0, 0)
    hero = HeroSpec(page=name, picture=PictureSpec("a lake"))
    asset = HeroAsset("0" * 64, "openai", "gpt-image-2", Source.CACHED, rendering)
    return Resolution(hero, **{"asset": asset, **changes})  # type: ignore[arg-type]  # tests name their own fields


def cells(summary: str) -> list[list[str]]:
    """The rows of the table as a reader sees them."""
    heads = ("| page |", "|---")
    rows = [line for line in summary.splitlines() if line.startswith("|") and not line.startswith(heads)]
    return [[html.unescape(cell.strip()) for cell in row.strip("|").split("|")] for row in rows]


def test_build_in_actions_appends_a_table_to_the_summary(tmp_path: Path, services: Services) -> None:
    """Each build of a step appends a table of fallbacks, costs and totals to the summary."""
    # Unlike a 429, it says nothing of the other page, whichever of the two comes first.
    services.leonardo.on_create(Fails()).when_prompt("a quay")
    summary = tmp_path / "summary.md"
    summary.write_text("Before.\n")
    site = Site(
        tmp_path,
        {"a.md": page("A", hero_prompt="a harbour"), "b|c.md": page("B", hero_prompt="a quay")},
        {"concurrency": 1},
        {"site_name": "Ships & <b>more</b>"},
    )
    site.build(services, environ=actions(tmp_path, GITHUB_STEP_SUMMARY=str(summary)))
    text = summary.read_text()
    assert text.startswith("Before.\n")
    assert "<b>" not in text
    assert "### Heroes: Ships &#38; &#60;b&#62;more" in text
    rows = {row[0]: row[1:] for row in cells(text)}
    assert rows["a.md"][:3] == ["generated", "leonardo", f"${services.ledger.jobs_for('a harbour')[0].charged_usd:.3f}"]
    assert rows["b|c.md"][:2] == ["generated", "openai"]
    assert rows["b|c.md"][3].startswith("leonardo: ")
    assert re.search(r"^2 heroes&#58; 2 generated; 3 new images, &#36;0\.\d\d$", text, re.MULTILINE)
    site.build(services, environ=actions(tmp_path, GITHUB_STEP_SUMMARY=str(summary)))
    assert len(cells(summary.read_text())) == 4


def test_build_without_heroes_writes_no_summary(tmp_path: Path) -> None:
    """A build without heroes appends nothing to the summary."""
    summary = tmp_path / "summary.md"
    built = Site(tmp_path, {"index.md": page()}).build(environ=actions(tmp_path, GITHUB_STEP_SUMMARY=str(summary)))
    assert built.exit_code == 0
    assert not summary.exists()
    assert read(built.log) == []


def test_summary_that_cannot_be_written_is_one_line_of_the_log(tmp_path: Path) -> None:
    """A summary that cannot be written is one line of the log, and `--strict` passes."""
    site = Site(tmp_path, {"a.md": page("A", hero_prompt="a harbour")})
    built = site.build(None, "--strict", environ=actions(tmp_path, GITHUB_STEP_SUMMARY=str(tmp_path)))
    assert built.exit_code == 0, built.log
    assert len(re.findall("the job's summary cannot be written", built.log)) == 1


def test_summary_shows_what_needs_attention_first_and_counts_what_is_left_out(tmp_path: Path) -> None:
    """The summary has at most some hundred rows: failures, then new images, then cached ones."""
    path = tmp_path / "summary.md"
    at_hand = [resolve(f"{number}.md") for number in range(MOST_ROWS + 50)]
    failed = resolve("failed.md", failure=Failure("leonardo: answered 500"), asset=None)
    bought = resolve("bought.md", cost_usd=0.05, attempts=(Attempt("leonardo", "status FAILED"),))
    append_job_summary(path, [*at_hand, bought, failed], title="x", totals="y")
    rows = cells(path.read_text())
    assert [row[0] for row in rows[:3]] == ["failed.md", "bought.md", "0.md"]
    assert rows[0][1] == "none"
    assert rows[1][3:] == ["$0.050", "leonardo: status FAILED"]
    assert len(rows) == MOST_ROWS
    assert path.read_text().rstrip().endswith("and 52 more")


@given(name=st.text(min_size=1, max_size=60), failure=st.text(max_size=400))
def test_summary_whatever_its_texts_is_one_row_without_html(
    tmp_path_factory: pytest.TempPathFactory, name: str, failure: str
) -> None:
    """Names of pages and answers of services neither end a cell or row nor become a tag or link."""
    path = tmp_path_factory.mktemp("summary") / "summary.md"
    append_job_summary(
        path, [resolve(name, failure=Failure(failure) if failure else None)], title=name, totals="1 hero"
    )
    text = path.read_text(encoding="utf-8")
    (row,) = cells(text)
    assert len(row) == 5
    assert not re.search(r"[<>\[\]`*_\\~()!@\"']", text.replace("|---|---|---|--:|---|", ""))


def test_summary_stays_below_githubs_limit(tmp_path: Path) -> None:
    """The summary stays below GitHub's limit: it leaves out the table first, and then everything."""
    path = tmp_path / "summary.md"
    many = [resolve(f"{number}.md", failure=Failure("\N{SPLASHING SWEAT SYMBOL}" * 300)) for number in range(MOST_ROWS)]
    append_job_summary(path, many, title="x", totals="y")
    size = path.stat().st_size
    assert size < MOST_BYTES
    path.write_bytes(b"x" * (MOST_BYTES - size + 10))
    append_job_summary(path, many, title="x", totals="y")
    assert path.read_bytes().endswith(b"x\n### Heroes: x\n\nY\n\n")
    path.write_bytes(b"x" * (MOST_BYTES - 5))
    with pytest.raises(OSError, match="1024 KiB"):
        append_job_summary(path, many, title="x", totals="y")

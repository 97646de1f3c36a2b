"""The pages of the commands, and their display: `status` on sites with metadata from many sources."""

from __future__ import annotations

import re
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest
from builds import Site, page
from cli_rig import Shell
from PIL import Image
from services import LEONARDO_KEY, Services

from mkdocs_leonardo.commands import site as site_module
from mkdocs_leonardo.commands.terminal import Console, count_columns

HOOK = """
from mkdocs.structure.files import File

def on_files(files, config):
    files.append(File.generated(config, "made.md", content="---\\nhero_prompt: a glacier\\n---\\n# Made\\n"))

def on_page_markdown(markdown, page, config, files):
    print("hooks may print")
    if page.file.src_uri == "hooked.md":
        page.meta["hero_prompt"] = "a volcano"

def on_page_content(html, page, config, files):
    raise ValueError("nobody is told of content that is not there")

def on_build_error(error):
    raise SystemExit("the build did not fail")

def on_post_build(config):
    raise SystemExit("nothing is built")
"""


def test_status_counts_what_a_real_build_would_see(tmp_path: Path) -> None:
    """`status` counts heroes of Material's meta and blog plugins, groups and hooks, but no drafts, in clean JSON."""
    post = "---\ndate: 2026-01-0{day}\n{more}---\n# Post\n\nText.\n"
    site = Site(
        tmp_path,
        {
            "index.md": page("Home", "A [dead link](nowhere.md)."),
            "hooked.md": page("Hooked"),
            "notes/.meta.yml": "hero_prompt: a fjord\n",
            "notes/one.md": page("One"),
            "notes/none.md": page("None", hero_prompt="false"),
            "blog/index.md": page("Blog"),
            "blog/posts/a.md": post.format(day=1, more="hero_prompt: a forest\n"),
            "blog/posts/draft.md": post.format(day=2, more="hero_prompt: a draft\ndraft: true\n"),
        },
        config={
            "theme": {"name": "material"},
            "hooks": ["hook.py"],
            "plugins": [
                "meta",
                "blog",
                {"group": {"enabled": True, "plugins": [{"leonardo": {"widths": [480], "formats": ["webp"]}}]}},
            ],
        },
    )
    (tmp_path / "hook.py").write_text(HOOK, encoding="utf-8")
    ran = Shell(site)("status", "--json")
    assert ran.exit_code == 0, ran.err
    report = ran.json
    assert {entry["page"]: entry["prompt"] for entry in report["pages"]} == {
        "made.md": "a glacier",
        "hooked.md": "a volcano",
        "notes/one.md": "a fjord",
        "blog/posts/a.md": "a forest",
    }
    assert report["missing_keys"] == ["LEONARDO_API_KEY", "OPENAI_API_KEY"]
    assert not (tmp_path / "site").exists()


def test_status_says_what_is_wrong_and_what_is_kept(tmp_path: Path, services: Services) -> None:
    """`status` has own words for own pictures, wrong values, damaged pictures and previous heroes."""
    services.leonardo.render_s = 0.05
    site = Site(
        tmp_path,
        {
            "a.md": page("A", hero_prompt="a canyon"),
            "b.md": page("B", hero_prompt="a delta"),
            "own.md": page("Own", hero_image="own.jpg"),
            "wrong.md": page("Wrong", hero_prompt="a moor", hero_style="CINEMTIC"),
        },
    )
    shell = Shell(site, services)
    Image.new("RGB", (64, 36), "navy").save(tmp_path / "docs/own.jpg")
    assert site.build(services).exit_code == 0
    site.write({"a.md": page("A", hero_prompt="another canyon")})
    Path(shell.pages()["b.md"]["file"]).write_bytes(b"not what was stored")

    ran = shell("status")
    assert ran.exit_code == 0
    lines = {line.split()[0]: line for line in ran.out.splitlines()}
    assert "missing, shows its last one" in lines["a.md"]
    assert "paid, to be collected" in lines["b.md"]
    assert "own image" in lines["own.md"]
    assert "wrong.md: hero_style is 'CINEMTIC'; did you mean CINEMATIC?" in ran.err
    assert "b.md: " in ran.err
    assert "is not the image that was stored" in ran.err


def test_command_outside_a_site_says_what_to_do(tmp_path: Path) -> None:
    """A command without a configuration, the plugin or right options exits with 2 and one plain line."""
    site = Site(tmp_path, {"index.md": page("Home")})
    shell = Shell(site)
    shell.site.configure(None, {"enabled": False})
    off = shell("status")
    assert (off.exit_code, off.out) == (2, "")
    assert "switched off" in off.err

    shell.site.configure(None, {"style": "CINEMTIC"})
    wrong = shell("check")
    assert wrong.exit_code == 2
    assert "did you mean CINEMATIC?" in wrong.err

    (tmp_path / "mkdocs.yml").write_text("site_name: A site\n", encoding="utf-8")
    without = shell("balance")
    assert without.exit_code == 2
    assert "add `- leonardo` below `plugins:`" in without.err
    absent = shell("-f", "nowhere.yml", "status")
    assert absent.exit_code == 2
    assert "there is no file nowhere.yml" in absent.err
    (tmp_path / "mkdocs.yml").unlink()
    outside = shell("generate", "--yes")
    assert outside.exit_code == 2
    assert "there is no mkdocs.yml here; run this in your site's folder, or name the file with -f" in outside.err


def test_help_shows_examples_for_every_command(tmp_path: Path) -> None:
    """The help of every command has examples."""
    shell = Shell(Site(tmp_path))
    commands = ("status", "generate", "compare", "balance", "pin", "check", "prune", "doctor")
    overview = shell("--help")
    assert overview.exit_code == 0
    for command in commands:
        assert f"\n  {command} " in overview.out
        assert f"Examples:\n    mkdocs-leonardo {command}" in shell(command, "--help").out
    assert shell("generate", "--takes", "none").exit_code == 2


def test_output_that_knows_few_letters_shows_the_others_as_numbers(tmp_path: Path) -> None:
    """Output in a small encoding shows other letters as numbers, and JSON has them whole."""
    shell = Shell(Site(tmp_path, {"index.md": page("Home", hero_prompt="\u5d50\u306e\u706f\u53f0")}))
    narrow = {"PYTHONUTF8": "0", "PYTHONIOENCODING": "cp1252"}

    shown = shell("status", environ=narrow).check()
    said = shell("status", "--json", environ=narrow).check().json

    assert r"\u5d50" in shown.out
    assert "\u5d50\u306e\u706f\u53f0" in str(said)


def test_table_on_a_terminal_fits_it_and_lines_up(tmp_path: Path) -> None:
    """A table fits the terminal's width, and its columns line up with wide characters."""
    site = Site(
        tmp_path,
        {
            "index.md": page("Home", hero_prompt="a lake " * 20),
            "\u706f\u53f0.md": page("T", hero_prompt="\u706f\u53f0"),
        },
    )

    ran = Shell(site).on_terminal("status", environ={"COLUMNS": "80"})

    lines = [line for line in re.sub(r"\x1b\[[0-9;]*m", "", ran.out).splitlines() if "missing  " in line]
    assert len(lines) == 2
    assert max(map(count_columns, lines)) <= 80
    assert len({count_columns(line[: line.index("missing  ")]) for line in lines}) == 1
    assert next(line for line in lines if line.startswith("index.md")).endswith("\u2026")


def test_configuration_may_be_named_before_and_after_the_command(tmp_path: Path) -> None:
    """`-f` and `-v` are accepted before and after the command."""
    site = Site(tmp_path / "elsewhere", {"index.md": page("Home", hero_prompt="a lake")})
    site.configure(None)
    (tmp_path / "here").mkdir()
    shell = Shell(Site(tmp_path / "here"))

    outputs = [
        shell(*arguments).out
        for arguments in (
            ("-f", str(site.folder / "mkdocs.yml"), "status"),
            ("status", "-f", str(site.folder / "mkdocs.yml")),
            ("status", "-v", "--config-file", str(site.folder / "mkdocs.yml")),
        )
    ]

    assert "a lake" in outputs[0]
    assert len(set(outputs)) == 1


@pytest.mark.parametrize(
    ("keys", "note"),
    [
        ((), "LEONARDO_API_KEY and OPENAI_API_KEY not set: missing heroes are placeholders"),
        (("LEONARDO_API_KEY",), "OPENAI_API_KEY not set: where leonardo fails, a page shows a placeholder"),
        (("OPENAI_API_KEY",), "LEONARDO_API_KEY not set: openai is asked instead"),
        (("LEONARDO_API_KEY", "OPENAI_API_KEY"), ""),
    ],
    ids=["none", "leonardo", "openai", "both"],
)
def test_status_says_what_follows_from_each_missing_key(tmp_path: Path, keys: tuple[str, ...], note: str) -> None:
    """`status` explains a missing key by the keys that are set."""
    shell = Shell(Site(tmp_path, {"index.md": page("Home", hero_prompt="a lake")}))

    ran = shell("status", environ=dict.fromkeys(keys, LEONARDO_KEY))

    assert ran.err.strip() == note
    assert ran.out.splitlines()[-1].endswith("for 1 image" if keys else "for 1 image once a key is set")


def test_completion_offers_the_pages_of_the_site(tmp_path: Path) -> None:
    """Shell completion of PAGE offers the files below docs."""
    site = Site(tmp_path, {"index.md": page("Home"), "blog/a.md": page("A"), "blog/b.md": page("B")})
    words = {
        "_MKDOCS_LEONARDO_COMPLETE": "bash_complete",
        "COMP_WORDS": "mkdocs-leonardo generate blog/",
        "COMP_CWORD": "2",
    }

    ran = Shell(site)(environ=words)

    assert [line.partition(",")[2] for line in ran.out.splitlines()] == ["blog/a.md", "blog/b.md"]


def test_doctor_for_an_issue_shows_no_path_of_its_user_and_suggests_to_pin(tmp_path: Path, services: Services) -> None:
    """`doctor` for an issue names host, Python and paths within the site, and suggests pinning."""
    shell = Shell(Site(tmp_path, {"index.md": page("Home", hero_prompt="a lake")}), services)
    shell("generate", "--yes")

    ran = shell("doctor", "--json")

    findings = [(one["subject"], one["text"]) for one in ran.json["findings"]]
    assert str(tmp_path) not in ran.out
    assert str(Path.home()) not in ran.out
    assert re.match(r"MkDocs on Python 3\.\d+", dict(findings)["host"])
    assert ("cache_dir", "./.cache/plugin/leonardo can be written") in findings
    assert (
        "images",
        "paid images exist only in the cache; mkdocs-leonardo pin copies them into the repository",
    ) in findings
    shell("pin")
    assert "exist only in the cache" not in shell("doctor").out


def test_site_without_a_theme_is_read_by_mkdocs_where_material_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A site without a theme has MkDocs's default theme, and not Zensical's Material."""

    def without_material(group: str) -> list[EntryPoint]:
        return [each for each in entry_points(group=group) if "material" not in each.name]

    monkeypatch.setattr(site_module, "entry_points", without_material)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/index.md").write_text(page("Home", hero_prompt="a fjord"), encoding="utf-8")
    (tmp_path / "mkdocs.yml").write_text("site_name: T\nplugins: [leonardo]\n", encoding="utf-8")
    read = site_module.read_site(str(tmp_path / "mkdocs.yml"), Console(verbose=False))

    assert read.not_installed == ()
    assert [hero.page for hero in read.heroes] == ["index.md"]

"""Sites that Zensical builds: the same heroes, from the same front matter and configuration."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from builds import Built, Site, page
from cli_rig import Ran, Shell
from services import API_KEYS, Picture, Services
from services.pictures import draw
from zensical_rig import BLOG, EXTENSIONS, FOLDER, PUBLISH, Zensical, build

GUIDE = Path(__file__).resolve().parent.parent / "example-site/docs/guide/zensical.md"
ALT = 'A lighthouse & a "storm"'
POSTS = {
    f"blog/posts/{name}.md": page(
        f"Post {name}",
        f"Intro of {name}.\n\n<!-- more -->\n\nRest of {name}.",
        date=date(2026, 1, number),
        categories=["Sea"],
        hero_prompt=f"an image of {name}",
        hero_tagline=f"Tagline of {name}",
    )
    for number, name in enumerate(("one", "two"), 1)
}
PAGES: dict[str, str | bytes] = {
    "index.md": page("Home", "The keeper's text.", hero_prompt="a lighthouse", hero_alt=ALT, hero_tagline="A <line>"),
    "guide/deep/page.md": page("Deep `code`", hero_prompt="a deep sea", hero_focus="left"),
    "guide/titled.md": "---\ntitle: Ti & tled\nhero_prompt: a title\n---\n\nOnly text.\n",
    "guide/no-heading.md": "---\nhero_prompt: a page\n---\n\nOnly text.\n",
    "guide/empty.md": "---\ntitle: Empty\nhero_prompt: nothing\n---\n",
    "guide/own.md": page("Own", hero_image="../images/own.jpg"),
    "guide/none.md": page("None", hero_prompt="no layout", hero_layout="none"),
    "guide/full.md": page("Full", hero_prompt="a wide sea", hero_layout="full"),
    "guide/wide.md": page("Wide", hero_prompt="a wide sea", hero_layout="full", hide=["navigation", "toc"]),
    "guide/declined.md": page("Declined", hero_prompt=False),
    "guide/plain.md": page("Plain"),
    "blog/index.md": page("Blog"),
    "images/own.jpg": draw("own", "", 960, 540, Picture()),
    **POSTS,
}
#: Quickly painted.
SMALL = {"formats": ["jpeg"], "widths": [320], "width": 320, "height": 176}
VIEWS = ("blog/index.html", "blog/archive/2026/index.html", "blog/category/sea/index.html")


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A site with a blog, below a path of its host."""
    with Services() as services:
        services.leonardo.render_s = 0.05
        site = Site(
            tmp_path_factory.mktemp("zensical"),
            PAGES,
            options={
                "credit": True,
                "formats": ["webp", "jpeg"],
                "widths": [480, 768],
                "prompt_template": "{prompt}, {title}",
            },
            config={**EXTENSIONS, "site_url": "https://example.org/sub/"},
            plugins=BLOG,
        )
        yield Shell(site, services)


@pytest.fixture(scope="module")
def published(shell: Shell) -> Ran:
    """The site with published pictures."""
    return shell(*PUBLISH)


@pytest.fixture(scope="module")
def built(shell: Shell, published: Ran) -> Zensical:
    """The site as Zensical builds it."""
    assert published.exit_code == 0
    return build(shell.site, "--strict")


@pytest.fixture(scope="module")
def by_mkdocs(shell: Shell, published: Ran, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The site as MkDocs builds it: with the plugin, the extension, and the published pictures."""
    assert published.exit_code == 0
    folder = shutil.copytree(
        shell.site.folder, tmp_path_factory.mktemp("mkdocs") / "site", ignore=shutil.ignore_patterns("site")
    )
    site = replace(shell.site, folder=folder, pages={})
    return site.build(shell.services, "--strict")


def plain(header: str) -> str:
    """A hero without the lines that only Zensical's pages need, and without the paths of its files."""
    header = re.sub(r" data-search-exclude|&para;|¶", "", header)
    return re.sub(r"(?<=[\s\"])[^\s\"]*assets/leonardo/", "", header)


def texts(built: Zensical, word: str) -> list[str]:
    """The entries of the search index that contain a word."""
    return [item["location"] for item in built.search if word in f"{item['title']} {item['text']}"]


def test_pages_show_the_heroes_that_mkdocs_shows(built: Zensical, by_mkdocs: Built) -> None:
    """A page has one hero with the markup, texts, contrast, focal point and credit of MkDocs's page."""
    assert (built.exit_code, by_mkdocs.exit_code) == (0, 0), by_mkdocs.log
    assert "leonardo" not in built.log
    for place in (
        "index.html",
        "guide/deep/page/index.html",
        "guide/titled/index.html",
        "guide/own/index.html",
        "guide/no-heading/index.html",
    ):
        (ours,) = built.headers(place)
        theirs = re.findall(r'<header class="leonardo-hero .*?</header>', by_mkdocs.html(place), re.DOTALL)
        assert [plain(ours)] == [plain(each) for each in theirs]
        assert built.html(place).count("<h1") == 1
    assert "Picture made by AI: Leonardo AI" in built.html("index.html")
    assert 'alt="A lighthouse &amp; a &quot;storm&quot;"' in built.html("index.html")
    assert ">Ti &amp; tled</h1>" in built.html("guide/titled/index.html")


def test_posts_show_the_heroes_that_mkdocs_shows(built: Zensical, by_mkdocs: Built) -> None:
    """A post's hero differs from MkDocs's only by the paths of its files."""
    for number, name in enumerate(("one", "two"), 1):
        place = f"blog/2026/01/0{number}/post-{name}/index.html"
        (ours,) = built.headers(place)
        (theirs,) = re.findall(r'<header class="leonardo-hero .*?</header>', by_mkdocs.html(place), re.DOTALL)
        assert plain(ours) == plain(theirs)


def test_mkdocs_with_plugin_and_extension_builds_one_hero(by_mkdocs: Built) -> None:
    """With the extension beside the plugin and published pictures in docs_dir, MkDocs builds one hero."""
    home = by_mkdocs.html("index.html")
    assert home.count('class="leonardo-hero ') == 1
    assert "data-search-exclude" not in home
    assert re.search(r'href="assets/leonardo/hero\.[0-9a-f]{8}\.css"', home)
    assert 'href="assets/leonardo/hero.css"' not in home
    assert by_mkdocs.totals["cached"] == len(by_mkdocs.report["heroes"]) - 1  # one is an own picture


@pytest.mark.parametrize("options", [{}, {"use_directory_urls": False}, {"site_url": ""}], ids=str)
def test_every_address_leads_to_a_file(options: dict[str, Any], shell: Shell, built: Zensical, tmp_path: Path) -> None:
    """Every address of a hero leads to a file, on pages, posts and blog views, with each shape of URLs."""
    if options:
        folder = shutil.copytree(
            shell.site.folder, tmp_path / "site", ignore=shutil.ignore_patterns(".leonardo", "site")
        )
        site = replace(shell.site, folder=folder, pages={}, config={**shell.site.config, **options})
        site.configure(shell.services)
        built = build(site)
    seen = 0
    for place in built.pages:
        for address in built.addresses(place):
            seen += 1
            assert built.has(address), f"{place}: {address}"
        for link in re.findall(r'<link rel="stylesheet" href="([^"]*hero\.css)"', built.html(place)):
            assert built.has(built.resolved(place, link))
    assert seen > 40


@pytest.mark.parametrize("place", VIEWS)
def test_blog_views_show_a_cover_for_every_post(place: str, built: Zensical) -> None:
    """Each excerpt in index, archive and category begins with the post's picture and its linked title."""
    covers = built.headers(place)
    assert len(covers) == len(POSTS)
    for name, cover in zip(("two", "one"), covers, strict=True):
        assert re.search(rf'<h2 [^>]*><a class="toclink" href="[^"]*post-{name}/">Post {name}</a></h2>', cover)
        assert 'class="leonardo-hero__image"' in cover
    assert "Rest of" not in built.html(place)


def test_search_index_holds_each_text_once(built: Zensical) -> None:
    """The search index has title and text of a page once, and no tagline, as on MkDocs."""
    for title, place in (("Home", ""), ("Post one", "blog/2026/01/01/post-one/"), ("Ti & tled", "guide/titled/")):
        assert texts(built, title) == [place]
    assert texts(built, "Tagline of") == []
    assert texts(built, "creditText") == []
    assert [item["text"] for item in built.search if item["location"] == "guide/titled/"] == ["<p>Only text.</p>"]


def test_own_picture_none_full_and_false_are_honoured(built: Zensical) -> None:
    """`hero_image`, `hero_prompt: false` and the layouts `none` and `full` act as with MkDocs."""
    assert 'data-provider="own"' in built.headers("guide/own/index.html")[0]
    for name in ("declined", "plain", "none"):
        assert "leonardo" not in built.html(f"guide/{name}/index.html")
    assert 'class="leonardo-hero leonardo-hero--content"' in built.headers("guide/full/index.html")[0]
    assert 'class="leonardo-hero leonardo-hero--full"' in built.headers("guide/wide/index.html")[0]
    assert len(built.headers("guide/empty/index.html")) == 1


def test_machines_read_who_made_the_picture(built: Zensical) -> None:
    """JSON-LD is at the end of the content, so that no excerpt repeats it; an own picture has none."""
    assert '"creditText": "Leonardo AI"' in built.html("index.html")
    assert "application/ld+json" not in built.html("guide/own/index.html")
    assert "creditText" not in built.html("blog/index.html")


def test_stylesheet_in_extra_css_is_not_linked_again(shell: Shell, built: Zensical, tmp_path: Path) -> None:
    """The content links the stylesheet, unless `extra_css` names it."""
    assert built.html("index.html").count("hero.css") == 1
    folder = shutil.copytree(shell.site.folder, tmp_path / "site", ignore=shutil.ignore_patterns(".leonardo", "site"))
    site = replace(
        shell.site, folder=folder, pages={}, config={**shell.site.config, "extra_css": ["assets/leonardo/hero.css"]}
    )
    site.configure(shell.services)
    page_html = build(site).html("guide/own/index.html")
    assert page_html.count("hero.css") == 1
    assert page_html.index("hero.css") < page_html.index("</head>")


def test_override_in_the_documents_names_the_picture_for_sharing(shell: Shell, built: Zensical, tmp_path: Path) -> None:
    """The template of the guide puts the page's picture and its escaped alternative text into the head."""
    template = re.search(r'```html\+jinja title="overrides/main.html"\n(.*?)```', GUIDE.read_text("utf-8"), re.DOTALL)
    assert template is not None
    folder = shutil.copytree(shell.site.folder, tmp_path / "site", ignore=shutil.ignore_patterns(".leonardo", "site"))
    (folder / "overrides").mkdir()
    (folder / "overrides/main.html").write_text(template[1], encoding="utf-8")
    theme = {**EXTENSIONS["theme"], "custom_dir": "overrides"}
    site = replace(shell.site, folder=folder, pages={}, config={**shell.site.config, "theme": theme})
    site.configure(shell.services)
    head = build(site).html("index.html").partition("</head>")[0]
    image = re.search(r'property="og:image" content="(.*?)"', head)
    assert image is not None
    assert built.has(image[1])
    assert image[1].endswith("-social.jpg")
    assert 'property="og:image:alt" content="A lighthouse &amp; a &quot;storm&quot;"' in head
    assert "og:image" not in build(site).html("guide/plain/index.html")


# What is missing or old ----------------------------------------------------------------------------------------------


@pytest.fixture
def small(tmp_path: Path) -> Shell:
    """Two pages with placeholders, since there is no key."""
    pages = {"index.md": page("Home", hero_prompt="a lighthouse"), "two.md": page("Two", hero_prompt="a desert")}
    config = {**EXTENSIONS, "watch": [FOLDER]}
    shell = Shell(Site(tmp_path, pages, options=SMALL, config=config))
    (tmp_path / FOLDER).mkdir(parents=True)
    return shell


def keys(built: Zensical) -> list[str]:
    """The keys of the pictures on both pages."""
    found = [re.search(r'data-key="(.*?)"', built.html(place)) for place in ("index.html", "two/index.html")]
    return [match[1] if match else "" for match in found]


def test_without_published_pictures_the_site_is_built_and_the_command_named(small: Shell) -> None:
    """Without published pictures, pages have no heroes, and one line for the whole site names the command."""
    for _ in range(2):
        # Also where Zensical takes its pages from its cache.
        built = build(small.site)
        assert built.exit_code == 0
        assert keys(built) == ["", ""]
        assert built.log.count("leonardo:") == 1
        assert f"run `mkdocs-leonardo generate --into {FOLDER}` and build again" in built.log


def test_fresh_clone_is_published_and_built(small: Shell) -> None:
    """The commands make a missing folder of `watch`, at which MkDocs would stop."""
    (small.site.folder / FOLDER).rmdir()
    assert small("status").exit_code == 0
    (small.site.folder / FOLDER).rmdir()
    assert small(*PUBLISH).exit_code == 0
    assert all(keys(build(small.site, "--strict")))


def test_check_looks_into_the_published_folder(tmp_path: Path, services: Services) -> None:
    """`check` passes a clone with published pictures and no cache, and finds a changed prompt."""
    services.leonardo.render_s = 0.05
    pages = {"index.md": page("Home", hero_prompt="a lighthouse"), "two.md": page("Two", hero_prompt="a desert")}
    site = Site(tmp_path, pages, options=SMALL, config=EXTENSIONS)
    shell = Shell(site, services)
    assert shell(*PUBLISH).exit_code == 0
    shutil.rmtree(site.cache)
    assert shell("check").exit_code == 0
    site.write({"two.md": page("Two", hero_prompt="an oasis")})
    ran = shell("check", "--json")
    assert (ran.exit_code, [one["where"] for one in ran.json["findings"]]) == (1, ["two.md"])
    assert services.ledger.creates == 2


def test_changed_prompt_shows_the_old_picture_until_the_command_ran(small: Shell) -> None:
    """A page with a changed prompt keeps its picture, and the log names page and command until it has run."""
    assert small(*PUBLISH).exit_code == 0
    first = build(small.site)
    before = keys(first)
    assert "leonardo" not in first.log
    small.site.write({"two.md": page("Two", hero_prompt="an oasis"), "three.md": page("Three", hero_prompt="sand")})
    stale = build(small.site)
    assert keys(stale) == before
    assert stale.log.count("leonardo: ") == 2
    assert "two.md: the image is not the one that its front matter asks for now" in stale.log
    assert "three.md: there is no image for it yet" in stale.log
    assert "leonardo-hero" not in stale.html("three/index.html")

    assert small(*PUBLISH).exit_code == 0
    fresh = build(small.site)
    assert "leonardo: " not in fresh.log
    assert keys(fresh)[0] == before[0]
    assert keys(fresh)[1] != before[1]
    assert len(fresh.headers("three/index.html")) == 1


def test_stylesheet_of_another_version_is_reported_until_the_command_ran(small: Shell) -> None:
    """Builds report a stylesheet of another version, and `check` warns of it, until the command has run."""
    assert small(*PUBLISH).exit_code == 0
    stylesheet = small.site.folder / FOLDER / "hero.css"
    written = stylesheet.read_bytes()
    stylesheet.write_text(".leonardo-hero {}", encoding="utf-8")
    told = f"leonardo: {stylesheet} comes from another version, or is missing; run `mkdocs-leonardo generate --into"
    assert told in build(small.site).log
    (warning,) = small("check", "--json").json["warnings"]
    assert (warning["where"], warning["kind"]) == (f"{FOLDER}/hero.css", "old")
    assert small(*PUBLISH).exit_code == 0
    assert stylesheet.read_bytes() == written
    assert "hero.css" not in build(small.site).log
    assert small("check", "--json").json["warnings"] == []


def test_damaged_manifest_never_breaks_a_build(small: Shell) -> None:
    """A damaged manifest leaves the site without heroes. The log and `check` name the fix, which works."""
    for content in (b"{}", b"\xff", b'{"version": 99}'):
        (small.site.folder / FOLDER / "heroes.json").write_bytes(content)
        built = build(small.site, "--clean")
        assert built.exit_code == 0
        assert keys(built) == ["", ""]
        assert "heroes.json cannot be used" in built.log
    assert small("check").err.count("mkdocs-leonardo; `generate --into` writes it anew") == 1
    assert small(*PUBLISH).exit_code == 0
    assert all(keys(build(small.site)))


def test_wrong_front_matter_is_reported_and_the_page_is_built(small: Shell) -> None:
    """Wrong front matter is the same message as on MkDocs, with page, key, value and fix."""
    assert small(*PUBLISH).exit_code == 0
    small.site.write({"two.md": page("Two", hero_prompt="a desert", hero_style="CINEMTIC")})
    built = build(small.site)
    assert built.exit_code == 0
    assert "two.md: hero_style is 'CINEMTIC'; did you mean CINEMATIC?" in built.log
    assert keys(built)[1] == ""


# Publishing ----------------------------------------------------------------------------------------------------------


def published_names(shell: Shell) -> set[str]:
    """The names of all published files."""
    return {path.name for path in (shell.site.folder / FOLDER).iterdir()}


def test_publishing_without_a_key_paints_and_succeeds(small: Shell) -> None:
    """Publishing without a key paints placeholders and succeeds."""
    ran = small("generate", "--into", FOLDER)
    assert ran.exit_code == 0
    assert f"2 heroes in {FOLDER}, 2 of them painted on this machine" in ran.out
    assert {"heroes.json", "hero.css"} < published_names(small)


def test_publishing_again_removes_what_no_page_needs(small: Shell) -> None:
    """Publishing removes files of an earlier run that no page needs, and leaves foreign files."""
    small(*PUBLISH)
    before = published_names(small)
    (small.site.folder / FOLDER / "mine.jpg").write_bytes(b"mine")
    (small.site.folder / "docs/two.md").unlink()
    small(*PUBLISH)
    after = published_names(small)
    assert "mine.jpg" in after
    assert len(after - {"mine.jpg"}) < len(before)
    assert after - {"mine.jpg"} < before


def test_publishing_named_pages_leaves_the_others(small: Shell) -> None:
    """Publishing named pages leaves the files of other pages."""
    small(*PUBLISH)
    before = keys(build(small.site))
    small.site.write({"two.md": page("Two", hero_prompt="an oasis"), "index.md": page("Home", hero_prompt="a cliff")})
    small("generate", "two.md", "--into", FOLDER)
    after = keys(build(small.site))
    assert after[0] == before[0]
    assert after[1] != before[1]


def test_placeholder_never_takes_the_place_of_a_picture(tmp_path: Path, services: Services) -> None:
    """A published picture is not replaced by a placeholder, even if every cache is lost."""
    services.leonardo.render_s = 0.05
    site = Site(tmp_path, {"index.md": page("Home", hero_prompt="a lighthouse")}, options=SMALL, config=EXTENSIONS)
    shell = Shell(site, services)
    assert shell(*PUBLISH).exit_code == 0
    before = published_names(shell)
    shutil.rmtree(site.cache)
    site.write({"index.md": page("Home", hero_prompt="a storm")})
    keyless = dict.fromkeys(API_KEYS, "")
    assert shell(*PUBLISH, environ=keyless).exit_code == 0
    assert published_names(shell) == before
    assert services.ledger.creates == 1


def test_into_a_folder_outside_the_documentation_copies_plain_pictures(small: Shell) -> None:
    """`--into` a folder outside docs_dir copies pictures without manifest and stylesheet."""
    small("generate", "--into", "press")
    assert not {"heroes.json", "hero.css"} & {path.name for path in (small.site.folder / "press").iterdir()}


def test_folder_that_cannot_be_written_is_one_line(small: Shell) -> None:
    """A folder that cannot be written is one line with folder and reason."""
    (small.site.folder / "docs/file").write_bytes(b"")
    ran = small("generate", "--into", "docs/file/heroes")
    assert ran.exit_code == 2
    assert "--into: " in ran.err


def test_site_with_nothing_but_zensical_toml_gets_its_heroes(tmp_path: Path) -> None:
    """The commands read options, folders and the blog from zensical.toml, and Zensical shows the pictures."""
    draft = page("Draft", hero_prompt="a draft", date=date(2026, 1, 3), draft=True)
    site = Site(tmp_path, {"index.md": page("Home", hero_prompt="a lighthouse"), "blog/posts/draft.md": draft, **POSTS})
    project = """
        [project]
        site_name = "A site"
        site_url = "https://example.org/sub/"
        [project.plugins.blog]
        [project.plugins.leonardo]
        formats = ["jpeg"]
        widths = [320]
        width = 320
        height = 176
        [project.markdown_extensions."mkdocs_leonardo.markdown"]
    """
    (tmp_path / "zensical.toml").write_text(project, encoding="utf-8")
    shell = Shell(site)
    (tmp_path / "mkdocs.yml").rename(tmp_path / "used-by-the-rig.yml")
    status = shell("status", "--json").json
    assert {each["page"] for each in status["pages"]} == {"index.md", *POSTS}
    assert shell("-f", "zensical.toml", *PUBLISH).exit_code == 0
    (tmp_path / "used-by-the-rig.yml").rename(tmp_path / "mkdocs.yml")
    built = build(site, "--strict")
    assert (built.exit_code, "leonardo" in built.log) == (0, False)
    assert "-320.jpg" in built.headers("index.html")[0]
    assert len(built.headers("blog/index.html")) == len(POSTS)


def test_site_is_read_without_its_theme_and_plugins(tmp_path: Path) -> None:
    """A site whose theme and plugins are not installed is read: metadata, drafts, exclusions, titles and YAML tags.

    The commands say that plugins are missing, and `prune` deletes nothing.
    """
    pages = {
        "index.md": page("Home", hero_prompt="a lighthouse"),
        "guide/.meta.yml": "hero_style: MOODY\ntags: [a]\n",
        "guide/one.md": page("One", hero_prompt="a pier"),
        "guide/README.md": "# Not read, since there is an index\n",
        "guide/index.md": "---\nhero_prompt: {a: b\n---\n# Guide\n",
        "blog/posts/post.md": page("Post", hero_prompt="a post", date=date(2026, 1, 1)),
        "blog/posts/draft.md": page("Draft", hero_prompt="a draft", draft=True),
        "secret/page.md": page("Secret", hero_prompt="a secret"),
        ".hidden/page.md": page("Hidden", hero_prompt="hidden"),
    }
    site = Site(tmp_path, pages, options={**SMALL, "prompt_template": "{prompt}, {title}"})
    (tmp_path / "base.yml").write_text("site_name: A site\ndocs_dir: docs\nstrict: true\n")
    (tmp_path / "mkdocs.yml").write_text(
        "INHERIT: base.yml\nexclude_docs: /secret/\nnav:\n  - Start: index.md\n  - guide/one.md\n"
        "theme: {name: a-theme-that-is-nowhere}\n"
        "markdown_extensions:\n  - pymdownx.emoji:\n      emoji_index: !!python/name:nowhere.at_all\n"
        "plugins:\n  - a-plugin-that-is-nowhere\n  - meta\n  - blog\n"
        "  - leonardo: {prompt_template: '{prompt}, {title}', generate: !ENV [NOT_SET_HERE, false]}\n"
    )
    shell = Shell.__new__(Shell)
    shell.site, shell.services, shell.environ = site, None, None
    ran = shell("status", "--json")
    found = {each["page"]: each for each in ran.json["pages"]}
    assert set(found) == {"index.md", "guide/one.md", "blog/posts/post.md"}
    assert found["index.md"]["prompt"] == "a lighthouse, Start"
    assert (found["guide/one.md"]["prompt"], found["guide/one.md"]["style"]) == ("a pier, One", "MOODY")
    assert "guide/index.md: hero_prompt is not read, since the front matter is no YAML" in str(ran.json["problems"])
    assert "read without a-theme-that-is-nowhere, a-plugin-that-is-nowhere, meta, blog" in ran.err
    assert "install that first" in shell("prune").err
    assert shell("check").exit_code == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[project", "zensical.toml cannot be read"),
        ('[project]\nplugins = [1]\nsite_name = "A"', "plugins must be names or tables"),
        ('[project]\nsite_name = "A"\n[project.plugins.leonardo]\nwidht = 1', "did you mean width"),
        ("[project]", "add [project.plugins.leonardo]"),
    ],
)
def test_wrong_zensical_toml_is_reported_in_a_line(text: str, message: str, tmp_path: Path) -> None:
    """A wrong zensical.toml is one line with the mistake, without a traceback."""
    shell = Shell(Site(tmp_path, {"index.md": page()}))
    (tmp_path / "zensical.toml").write_text(text, encoding="utf-8")
    ran = shell("-f", "zensical.toml", "status")
    assert ran.exit_code == 2
    assert message in ran.err

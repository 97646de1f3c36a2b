"""`mkdocs-leonardo zensical`: one command, with nothing in the configuration but the plugin's section."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from builds import Site, page
from cli_rig import COMMAND, Ran, Shell
from ports import reserved_port
from services import AnyServices, Fails, Picture, Services
from services.pictures import draw
from serving import Preview
from zensical_rig import BLOG, Zensical
from zensical_rig import build as plain_build

from mkdocs_leonardo.commands.zensical.launch import Addition, extend_config
from mkdocs_leonardo.spec import MARKDOWN_EXTENSION

SMALL = {"formats": ["jpeg"], "widths": [320], "width": 320, "height": 176, "max_new_images": 50}
URL = "https://example.org/sub/"
THEME: dict[str, Any] = {"theme": {"name": "material", "font": False}, "site_url": URL}


def post(number: int, prompt: str = "") -> str:
    """The source of one post of the blog."""
    return page(
        f"Post {number}",
        f"Intro of {number}.\n\n<!-- more -->\n\nRest.",
        date=date(2026, 1, 1) + timedelta(days=number),
        categories=["Sea"],
        hero_prompt=prompt or f"an image of {number}",
    )


def post_url(number: int) -> str:
    """The post's path below the site's address."""
    return f"blog/{date(2026, 1, 1) + timedelta(days=number):%Y/%m/%d}/post-{number}/"


POSTS = {f"blog/posts/{number}.md": post(number) for number in range(40)}
#: Posts on one page of a view, as Material and Zensical have it.
ON_ONE_PAGE = 10
PAGES: dict[str, str | bytes] = {
    "index.md": page("Home", "Text.", hero_prompt="a lighthouse", hero_alt='A "storm"', description="About a storm"),
    "guide/own.md": page("Own", hero_image="own.png"),
    "guide/own.png": draw("own", "", 640, 360, Picture()),
    "folder/.meta.yml": "hero_image: ../guide/own.png\nimage: cover.png\n",
    "folder/deep/page.md": page("Deep", image="cover.png"),
    "folder/deep/cover.png": draw("cover", "", 640, 360, Picture()),
    "guide/plain.md": page("Plain", "No hero here: `data-leonardo-style`, `data-leonardo-social`."),
    "guide/wide.md": page("Wide", hero_prompt="a wide sea", hero_layout="none"),
    "blog/index.md": page("Blog"),
    **POSTS,
}


def build(shell: Shell, *arguments: str, environ: Mapping[str, str] | None = None) -> tuple[Ran, Zensical]:
    """Build with the wrapper, and return the result with the site."""
    ran = shell("zensical", "build", *arguments, environ=environ)
    url = str(shell.site.config.get("site_url") or "http://127.0.0.1/anywhere/")
    return ran, Zensical(ran.exit_code, ran.out + ran.err, shell.site.folder / "site", url)


def files_below(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def clone_of(shell: Shell, folder: Path) -> Shell:
    """A fresh clone of the site, with the cache that CI carries."""
    unknown = shutil.ignore_patterns(".leonardo", ".cache", "site", "by_mkdocs")
    clone = shutil.copytree(shell.site.folder, folder / "clone", ignore=unknown)
    shutil.copytree(shell.site.folder / ".leonardo/cache", clone / ".leonardo/cache")
    return replace(shell, site=replace(shell.site, folder=clone, pages={}))


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A blog with the plugin alone, whose pictures a build of MkDocs has bought."""
    with Services() as services:
        services.leonardo.render_s = 0.05
        folder = tmp_path_factory.mktemp("blog")
        site = Site(folder, PAGES, options=SMALL, config=THEME, plugins=(*BLOG, "meta"))
        shell = Shell(site, services)
        assert site.build(services, "--strict").exit_code == 0
        assert services.ledger.creates == len(POSTS) + 2
        (folder / "site").rename(folder / "by_mkdocs")
        yield shell


@pytest.fixture(scope="module")
def first(shell: Shell) -> Zensical:
    """The first build by the wrapper."""
    before = files_below(shell.site.folder / "docs")
    ran, site = build(shell, "--strict")
    assert ran.exit_code == 0, ran
    assert files_below(shell.site.folder / "docs") == before
    return site


def test_blog_with_nothing_but_the_plugin_shows_heroes_and_covers(first: Zensical) -> None:
    """The wrapper shows the pictures that MkDocs bought; addresses lead to files, and the head links one stylesheet."""
    places = ("index.html", "guide/own/index.html", *(f"{post_url(number)}index.html" for number in range(len(POSTS))))
    for place in places:
        assert len(first.headers(place)) == 1
    assert len(first.headers("blog/index.html")) == ON_ONE_PAGE
    for place in (*places, "blog/index.html"):
        text = first.html(place)
        assert all(first.has(address) for address in first.addresses(place))
        assert text.count("hero.css") == 1
        link = re.search(r'href="([^"]*hero\.css)"', text.partition("</head>")[0])
        assert link is not None
        assert first.has(first.resolved(place, link[1]))
        assert "data-leonardo-s" not in text


def test_pages_name_their_own_picture_for_sharing(first: Zensical) -> None:
    """A page with a hero has MkDocs's tags for sharing; blog views and other pages have none."""
    head = first.html("index.html").partition("</head>")[0]
    image = re.search(r'property="og:image" content="(.*?)"', head)
    assert image is not None
    assert first.has(image[1])
    for line in (
        f'<meta property="og:url" content="{URL}">',
        '<meta property="og:title" content="Home">',
        '<meta property="og:description" content="About a storm">',
        '<meta property="og:image:alt" content="A &quot;storm&quot;">',
        '<meta property="og:image:width" content="',
        '<meta name="twitter:card" content="summary_large_image">',
    ):
        assert line in head
    assert 'property="og:image"' in first.html("guide/wide/index.html")
    assert f'property="og:image" content="{URL}folder/deep/cover.png"' in first.html("folder/deep/page/index.html")
    assert "og:image" not in first.html("blog/index.html")
    assert "og:image" not in first.html("guide/plain/index.html")


def test_address_that_cannot_be_read_is_no_picture_for_sharing(tmp_path: Path) -> None:
    """A page whose `image` is no readable address shares its hero."""
    pages: dict[str, str | bytes] = {
        "index.md": page("Home", hero_image="own.png", image="https://[cdn]/a.png"),
        "own.png": draw("own", "", 640, 360, Picture()),
    }
    ran, built = build(Shell(Site(tmp_path, pages, options=SMALL, config=THEME)))
    assert ran.exit_code == 0, ran
    image = re.search(r'property="og:image" content="(.*?)"', built.html("index.html"))
    assert image is not None
    assert image[1].endswith("-social.jpg")


def test_blog_shows_and_names_the_pictures_that_it_does_with_mkdocs(shell: Shell, first: Zensical) -> None:
    """Every post has its hero, its picture for sharing, and its cover in the view."""
    by_mkdocs = replace(first, folder=shell.site.folder / "by_mkdocs")
    for number in range(len(POSTS)):
        ours, theirs = (site.html(f"{post_url(number)}index.html") for site in (first, by_mkdocs))
        for pattern in (r'data-key="(\w+)"', r'property="og:image" content="(.*?)"'):
            assert re.findall(pattern, ours) == re.findall(pattern, theirs)
            assert len(re.findall(pattern, ours)) == 1
    covers = by_mkdocs.html("blog/index.html").count('class="leonardo-card"')
    assert covers == len(first.headers("blog/index.html")) == ON_ONE_PAGE


def test_pages_without_a_hero_are_as_zensical_alone_builds_them(shell: Shell, first: Zensical, tmp_path: Path) -> None:
    """Pages without a hero and all files of other origin are, byte for byte, those of `zensical build`."""
    folder = shutil.copytree(
        shell.site.folder, tmp_path / "site", ignore=shutil.ignore_patterns(".leonardo", ".cache", "site", "by_mkdocs")
    )
    site = replace(shell.site, folder=folder, pages={})
    site.configure(shell.services)
    (folder / "mkdocs.yml").write_text(
        re.sub(r"- leonardo:(\n    .*)*", "", (folder / "mkdocs.yml").read_text("utf-8")), encoding="utf-8"
    )
    alone = plain_build(site)
    assert alone.exit_code == 0
    theirs = files_below(alone.folder)
    ours = {name: data for name, data in files_below(first.folder).items() if not name.startswith("assets/leonardo/")}
    assert set(ours) == set(theirs)
    assert ours["guide/plain/index.html"] == theirs["guide/plain/index.html"]
    changed = {name for name in ours if ours[name] != theirs[name]}
    assert changed <= {"search.json", *(name for name in ours if b"leonardo" in ours[name])}


def test_fresh_clone_with_the_carried_cache_pays_for_nothing(shell: Shell, first: Zensical, tmp_path: Path) -> None:
    """A clone with CI's cache builds the same pages with `--clean` and `--strict`, without a connection.

    The second build neither removes nor links a picture anew.
    """
    assert shell.services is not None
    asked = len(shell.services.ledger.requests)
    clone = clone_of(shell, tmp_path)
    site, folder = clone.site, clone.site.folder
    site.configure(shell.services)
    linked_at: set[tuple[tuple[str, int], ...]] = set()
    for _ in range(2):
        ran, again = build(clone, "--clean", "-s", environ={"CI": "true"})
        assert ran.exit_code == 0, ran
        assert {name: data for name, data in files_below(again.folder).items() if name.endswith(".html")} == {
            name: data for name, data in files_below(first.folder).items() if name.endswith(".html")
        }
        pictures = sorted((again.folder / "assets/leonardo").glob("*.jpg"))
        linked_at.add(tuple((path.name, path.stat().st_ctime_ns) for path in pictures))
    assert len(linked_at) == 1
    assert not (folder / "site/.mkdocs-leonardo").exists()
    assert len(shell.services.ledger.requests) == asked
    bought = len(POSTS) + 2
    assert len(list((folder / ".leonardo/cache/pictures").glob("*.json"))) == bought
    assert site.build(shell.services, "--strict").totals["cached"] == bought


# What is missing -----------------------------------------------------------------------------------------------------


@pytest.fixture
def small(tmp_path: Path, services: Services) -> Shell:
    """Two pages with missing heroes."""
    services.leonardo.render_s = 0.05
    pages = {"index.md": page("Home", hero_prompt="a lighthouse"), "two.md": page("Two", hero_prompt="a desert")}
    return Shell(Site(tmp_path, pages, options=SMALL, config=THEME), services)


def keys(site: Zensical) -> list[str]:
    """The keys of the pictures on both pages."""
    found = [re.search(r'data-key="(.*?)"', site.html(place)) for place in ("index.html", "two/index.html")]
    return [match[1] if match else "" for match in found]


def test_missing_pictures_are_bought_once_that_is_agreed_on(small: Shell, services: Services) -> None:
    """Without a terminal or --yes nothing is bought and strict fails; with --yes a changed prompt costs one picture."""
    ran, site = build(small, "--strict")
    assert (ran.exit_code, services.ledger.creates) == (1, 0)
    assert "its cost was not agreed to (--yes agrees)" in ran.err
    assert all(keys(site))
    ran, site = build(small, "--yes", "--strict")
    assert (ran.exit_code, services.ledger.creates) == (0, 2)
    before = keys(site)
    small.site.write({"two.md": page("Two", hero_prompt="an oasis")})
    ran, site = build(small, "--yes")
    assert (ran.exit_code, services.ledger.creates) == (0, 3)
    assert keys(site)[0] == before[0]
    assert keys(site)[1] not in {before[1], ""}
    asked = small.on_terminal("zensical", "build", typed="y\n")
    assert asked.exit_code == 0
    assert "[y/N]" not in asked.out
    assert services.ledger.creates == 3


def test_reference_of_a_page_and_of_the_site_is_read_as_mkdocs_reads_it(small: Shell, services: Services) -> None:
    """References count as with MkDocs: its pictures are found, and another reference needs another picture."""
    small.site.options = {**SMALL, "style_reference": "docs/look.png"}
    reference = draw("look", "", 64, 64, Picture())
    small.site.write({"look.png": reference, "two.md": page("Two", hero_prompt="a desert", hero_reference="own.png")})
    small.site.write({"own.png": draw("own", "", 64, 64, Picture())})
    assert small.site.build(services).exit_code == 0
    assert services.ledger.creates == 2
    for _ in range(2):
        ran, _ = build(small, "--strict")
        assert (ran.exit_code, services.ledger.creates) == (0, 2), ran
    small.site.write({"own.png": reference})
    ran, _ = build(small, "--strict")
    assert (ran.exit_code, services.ledger.creates) == (1, 2)


def test_fallback_makes_what_the_first_service_fails_to_make(small: Shell, services: Services) -> None:
    """A page whose job fails gets its picture from the next service, as the agreed cost includes."""
    services.leonardo.on_create(Fails())

    ran, site = build(small, "--yes")

    assert (ran.exit_code, services.ledger.creates) == (0, 4)
    assert [re.findall(r'data-provider="(\w+)"', site.html(at)) for at in ("index.html", "two/index.html")] == [
        ["openai"],
        ["openai"],
    ]


def test_prompt_as_long_as_the_model_takes_is_shown(small: Shell, services: Services) -> None:
    """A page's rules are those of the site's model, also where the extension reads the page again."""
    small.site.options = {**SMALL, "leonardo": {"model": "lucid-realism"}}
    small.site.configure(services)
    small.site.write({"index.md": page("Home", hero_prompt="a lighthouse " * 200)})

    ran, site = build(small, "--yes", "--strict")

    assert (ran.exit_code, services.ledger.creates) == (0, 2), ran
    assert all(keys(site))


def test_cap_holds_and_is_reported(small: Shell, services: Services) -> None:
    """`max_new_images` bounds the purchases of the wrapper, which says so."""
    small.site.options = {**SMALL, "max_new_images": 1}
    small.site.configure(services)
    ran, _ = build(small, "--yes")
    assert (ran.exit_code, services.ledger.creates) == (0, 1)
    assert "max_new_images or max_cost_usd allows no more" in ran.err


def test_site_without_a_key_is_painted_and_strict_passes(small: Shell) -> None:
    """Without a key, pages show placeholders and `--strict` passes; `on_missing: error` stops before the build."""
    small.services = None
    small.site.configure(None)
    ran, site = build(small, "--strict")
    assert ran.exit_code == 0
    assert 'data-provider="local"' in site.html("index.html")
    shutil.rmtree(site.folder)
    small.site.options = {**SMALL, "on_missing": "error"}
    small.site.configure(None)
    ran, site = build(small)
    assert ran.exit_code == 1
    assert "`on_missing: error` stops the build" in ran.err
    assert not site.folder.exists()


@pytest.mark.parametrize("store", ["cache", "gallery"])
def test_placeholder_gives_way_to_a_picture_that_is_stored_later(store: str, small: Shell, tmp_path: Path) -> None:
    """A build without a key shows pictures that another command has bought since, or that Git has brought."""
    assert small.services is not None
    no_key = {name: "" for name in small.services.environ if name.endswith("_API_KEY")}
    _, site = build(small, environ=no_key)
    painted = keys(site)
    assert keys(build(small, environ=no_key)[1]) == painted
    elsewhere = small
    if store == "gallery":
        elsewhere = replace(small, site=replace(small.site, folder=tmp_path / "elsewhere"))
    assert elsewhere("generate", "--yes").exit_code == 0
    if store == "gallery":
        assert elsewhere("pin").exit_code == 0
        shutil.copytree(elsewhere.site.folder / "heroes", small.site.folder / "heroes")

    ran, site = build(small, "--strict", environ=no_key)

    assert ran.exit_code == 0
    assert set(keys(site)).isdisjoint(painted)
    assert "2 heroes" in ran.err
    assert "2 heroes" not in build(small, environ=no_key)[0].err, "the warm build has read the pages"


@pytest.mark.parametrize(("key", "picture"), [("hero_image", "own.png"), ("hero_reference", "own.png")])
def test_image_that_is_mended_ends_its_warning(key: str, picture: str, small: Shell) -> None:
    """An image that was missing or damaged counts as soon as it is there, though no page has changed."""
    small.services = None
    hero = {"hero_image": picture} if key == "hero_image" else {"hero_prompt": "a desert", "hero_reference": picture}
    small.site.write({"two.md": page("Two", **hero)})
    if key == "hero_reference":
        small.site.write({picture: b"damaged"})
    small.site.configure(None)
    for _ in range(2):
        assert f"two.md: {key} is '{picture}'" in build(small)[0].err
    small.site.write({picture: draw("own", "", 640, 360, Picture())})

    ran, site = build(small, "--strict")

    assert ran.exit_code == 0, ran.err
    assert all(keys(site))


def test_links_that_lead_nowhere_cost_at_most_a_line(small: Shell) -> None:
    """An editor's lock in the documentation does not matter, and a page that cannot be read is one line."""
    small.services = None
    small.site.configure(None)
    (small.site.folder / "docs/.#two.md").symlink_to("author@machine.1")
    assert build(small)[0].exit_code == 0
    (small.site.folder / "docs/three.md").symlink_to("gone.md")
    ran, _ = build(small)
    assert ran.exit_code == 2
    assert "docs/three.md cannot be read: No such file or directory; mend or remove it" in ran.err


def test_build_says_what_it_shows_and_reports_pages_in_their_order(small: Shell, services: Services) -> None:
    """The wrapper reports its pages in their order, also if missing images are ignored or the first page is late."""
    small.site.options = {**SMALL, "on_missing": "ignore"}
    for prompt in ("a lighthouse", "another lighthouse"):
        small.site.write({"index.md": page("Home", hero_prompt=prompt), "two.md": page("Two", hero_prompt="a desert")})
        small.site.configure(services)
        ran, _ = build(small, "--yes")
        assert "leonardo: 2 heroes" in ran.out + ran.err
    report = json.loads((small.site.folder / ".leonardo/cache/report.json").read_bytes())
    assert [one["page"] for one in report["heroes"]] == ["index.md", "two.md"]
    assert services.ledger.creates == 3


def test_warnings_are_repeated_by_warm_builds_and_counted(small: Shell) -> None:
    """A warm build repeats and counts the warnings about pages that Zensical takes from its cache."""
    small.services = None
    small.site.write({"two.md": page("Two", hero_prompt="a desert", hero_style="CINEMTIC")})
    small.site.configure(None)
    for arguments, code in (((), 0), ((), 0), (("--strict",), 1)):
        ran, _ = build(small, *arguments)
        assert ran.exit_code == code
        assert ran.err.count("two.md: hero_style is 'CINEMTIC'; did you mean CINEMATIC?") == 1


def test_clean_spares_a_cache_that_the_author_keeps_below_its_folder(small: Shell, services: Services) -> None:
    """`--clean` removes everything in `.cache` except the plugin's cache, also if `.cache` is a link."""
    (small.site.folder / "disk").mkdir()
    (small.site.folder / ".cache").symlink_to("disk", target_is_directory=True)
    small.site.options = {**SMALL, "cache_dir": ".cache/mine/heroes"}
    small.site.configure(services)
    assert build(small, "--yes")[0].exit_code == 0
    (small.site.folder / ".cache/other").mkdir()
    ran, _ = build(small, "-c", "--strict")
    assert (ran.exit_code, services.ledger.creates) == (0, 2)
    assert not (small.site.folder / ".cache/other").exists()
    assert len(list((small.site.folder / ".cache/mine/heroes/pictures").glob("*.json"))) == 2


def test_clean_spares_a_cache_that_could_not_be_moved(small: Shell, services: Services) -> None:
    """`--clean` leaves a cache in its old place if the new folder cannot be made."""
    small.site.options = {**SMALL, "cache_dir": ".cache/plugin/leonardo"}
    small.site.configure(services)
    assert build(small, "--yes")[0].exit_code == 0
    (small.site.folder / ".leonardo/cache").write_text("in the way", encoding="utf-8")
    small.site.options = dict(SMALL)
    small.site.configure(services)
    ran, _ = build(small, "-c")
    assert (ran.exit_code, services.ledger.creates) == (0, 2)
    assert len(list((small.site.folder / ".cache/plugin/leonardo/pictures").glob("*.json"))) == 2


def test_site_that_switches_the_plugin_off_is_built_by_zensical_alone(small: Shell) -> None:
    """With `enabled: false`, the wrapper prints one sentence, and Zensical builds without heroes."""
    small.site.options = {**SMALL, "enabled": False}
    small.site.configure(None)
    ran, site = build(small, "--strict")
    assert ran.exit_code == 0
    assert "the site has no heroes" in ran.err
    assert "leonardo" not in site.html("index.html")


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({}, "keeps its extensions elsewhere"),
        (
            {"markdown_extensions": [], "mdx_configs": {}, "mdx_configs_hash": "text"},
            "caches in another way",
        ),
        ({"markdown_extensions": [], "mdx_configs": {}, "mdx_configs_hash": 1}, "watches other files"),
    ],
    ids=["extensions", "hash", "theme"],
)
def test_changed_zensical_costs_one_sentence(
    config: dict[str, Any], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a version of Zensical that lacks a function, the wrapper prints one sentence and does the rest."""
    manifest = tmp_path / "heroes.json"
    extend_config(config, Addition(str(manifest), theme="theme" if "watches" in sentence else ""))
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert sentence in told
    assert ("markdown_extensions" not in config) or config["markdown_extensions"] == [MARKDOWN_EXTENSION]


# Serving -------------------------------------------------------------------------------------------------------------


@contextmanager
def serving(site: Site, services: AnyServices | None) -> Iterator[Preview]:
    """Run a real server of Zensical's behind the wrapper until the end of the block."""
    site.configure(services)
    log = site.folder / "serve.log"
    with reserved_port() as port, log.open("wb") as output:
        process = subprocess.Popen(
            [COMMAND, "zensical", "serve", "--dev-addr", f"127.0.0.1:{port}"],
            cwd=site.folder,
            env=site.environ(services),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield Preview(f"http://127.0.0.1:{port}/", log, process)  # type: ignore[arg-type]  # it waits and ends alike
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def test_preview_shows_a_new_picture_by_itself(shell: Shell, first: Zensical, tmp_path: Path) -> None:
    """With `on_serve: generate`, the preview buys a picture for a changed prompt and updates its page alone."""
    assert first.exit_code == 0
    assert shell.services is not None
    site = clone_of(shell, tmp_path).site
    site.options = {**SMALL, "on_serve": "generate"}
    site.write({"new.md": page("New", hero_prompt="a desert")})
    before = shell.services.ledger.creates
    with serving(site, shell.services) as preview:

        def shown(url: str) -> str:
            """The key of the picture on the page if a service has made it."""
            found = re.search(r'data-provider="leonardo" data-key="(\w+)"', preview.html(f"sub/{url}"))
            return found[1] if found else ""

        urls = ["", "new/", *map(post_url, range(len(POSTS)))]
        keys_before: dict[str, str] = {}

        def are_all_shown() -> bool:
            """Whether each page shows a picture; notes the keys."""
            keys_before.update({url: shown(url) for url in urls})
            return all(keys_before.values())

        preview.wait_until(are_all_shown)
        site.write({"blog/posts/7.md": post(7, "an oasis")})
        preview.wait_until(lambda: shown(post_url(7)) not in {keys_before[post_url(7)], ""})
        preview.wait_until(lambda: [url for url in urls if shown(url) != keys_before[url]] == [post_url(7)])
    assert shell.services.ledger.creates == before + 2
    assert not preview.has_traceback, preview.log


def test_preview_shows_a_changed_image_of_the_author(tmp_path: Path) -> None:
    """The preview shows an author's own image once it is there, and again when it changes."""
    pages = {"index.md": page("Home", hero_image="own.png")}
    site = Site(tmp_path, pages, options=SMALL, config=THEME)
    with serving(site, None) as preview:

        def shown() -> str:
            found = re.search(r'data-key="(.*?)"', preview.html("sub/"))
            return found[1] if found else ""

        preview.wait_until(lambda: preview.html("sub/") != "" and not shown())
        site.write({"own.png": draw("own", "", 640, 360, Picture())})
        preview.wait_until(lambda: bool(shown()))
        before = shown()
        site.write({"own.png": draw("other", "", 640, 360, Picture())})
        preview.wait_until(lambda: shown() not in {before, ""})


def test_preview_spends_nothing_by_default_and_ends_with_a_signal(tmp_path: Path, services: Services) -> None:
    """With `on_serve: cached`, the preview shows a placeholder and names the command; a signal ends the server."""
    site = Site(tmp_path, {"index.md": page("Home", hero_prompt="a lighthouse")}, options=SMALL, config=THEME)
    with serving(site, services) as preview:
        preview.wait_until(lambda: 'data-provider="local"' in preview.html("sub/"))
        preview.wait_until(lambda: "`mkdocs-leonardo generate index.md` makes the new one" in preview.log)
    assert services.ledger.creates == 0
    assert preview.process.returncode == 0
    with pytest.raises(OSError, match="refused"):
        preview.html("sub/")

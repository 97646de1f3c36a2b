"""The HTML of built pages, in each theme."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from builds import Built, Site, page
from images import plain
from PIL import Image

from mkdocs_leonardo.imaging.render import list_available_formats
from mkdocs_leonardo.spec import Encoding

THEMES = ("mkdocs", "readthedocs", "material")


def picture(colour: str = "steelblue", size: tuple[int, int] = (640, 400)) -> bytes:
    """A JPEG of one colour, as an author's own picture."""
    return plain(colour, size)


def own(title: str = "A page", body: str = "Some text.", **meta: object) -> str:
    """A page in the docs root with its own picture."""
    return page(title, body, hero_image="hero.jpg", **meta)


def urls_in(html: str) -> list[str]:
    """Every URL of the plugin's files in a page, as written."""
    found = re.findall(r'(?:href|src)="([^"]*assets/leonardo/[^"]*)"', html)
    for srcset in re.findall(r'srcset="([^"]*)"', html):
        found += [candidate.split()[0] for candidate in srcset.split(",") if "assets/leonardo/" in candidate]
    return found


def dead_urls_in(built: Built, place: str, *, site_path: str = "/") -> list[str]:
    """The plugin's URLs in the page at `place` that lead to no file of the site."""
    base = f"https://example.org{site_path}{place}"
    paths = [urlsplit(urljoin(base, url)).path for url in urls_in(built.html(place))]
    assert paths, "the page shows nothing of ours"
    return [path for path in paths if not (built.site / path.removeprefix(site_path)).is_file()]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("use_directory_urls", [True, False])
def test_page_with_hero_in_each_theme_links_files_that_exist(
    tmp_path: Path, theme: str, *, use_directory_urls: bool
) -> None:
    """Every file that a page names is in the site, in each theme, with each shape of URLs, two folders down."""
    site = Site(
        tmp_path,
        pages={
            "hero.jpg": picture(),
            "index.md": own("Home"),
            "a/b/deep.md": page("Deep", hero_image="../../hero.jpg", hero_alt="A field"),
            "plain.md": page("Plain"),
        },
        config={
            "theme": {"name": theme},
            "use_directory_urls": use_directory_urls,
            "site_url": "https://example.org/sub/path/",
        },
    )

    built = site.build(None, "--strict")

    assert built.exit_code == 0, built.log
    deep = "a/b/deep/index.html" if use_directory_urls else "a/b/deep.html"
    for place in ("index.html", deep):
        assert dead_urls_in(built, place, site_path="/sub/path/") == []
        assert built.html(place).count("<h1") == 1
        assert '<header class="leonardo-hero' in built.html(place)
    plain = built.html("plain/index.html" if use_directory_urls else "plain.html")
    assert "leonardo" not in plain


@pytest.mark.parametrize("theme", THEMES)
def test_page_without_hero_is_byte_for_byte_what_it_was(tmp_path: Path, theme: str) -> None:
    """A page without hero keys is the same, byte for byte, with the plugin and without."""
    pages: dict[str, str | bytes] = {
        "hero.jpg": picture(),
        "index.md": own("Home"),
        "plain.md": page("Plain", "![](hero.jpg) Text."),
    }
    config = {"theme": {"name": theme}}
    with_plugin = Site(tmp_path / "with", pages=pages, config=config)
    without = Site(tmp_path / "without", pages=pages, config=config, options={"enabled": False})

    first, second = with_plugin.build(), without.build()

    assert first.exit_code == second.exit_code == 0
    assert _timeless(first.html("plain/index.html")) == _timeless(second.html("plain/index.html"))
    assert "leonardo" not in second.html("index.html")
    assert not (second.site / "assets/leonardo").exists()


def _timeless(html: str) -> str:
    """The page without the search index's version and the build's date."""
    return re.sub(r"Build Date UTC : .*", "", html)


def test_heading_from_metadata_is_written_by_the_hero(tmp_path: Path) -> None:
    """A page whose title is in its metadata has one heading, in the hero."""
    pages: dict[str, str | bytes] = {
        "hero.jpg": picture(),
        "index.md": '---\ntitle: "Fish & <Chips>"\nhero_image: hero.jpg\n---\nNo heading here.\n',
    }
    for theme in THEMES:
        built = Site(tmp_path / theme, pages=pages, config={"theme": {"name": theme}}).build()

        html = built.html("index.html")
        assert html.count("<h1") == 1, theme
        assert "Fish &amp; &lt;Chips&gt;</h1>" in html, theme


def test_shared_link_shows_the_hero_where_the_author_gave_no_image(tmp_path: Path) -> None:
    """`og:image` and `page.meta.image` are the hero's absolute URL, unless the author gave an `image`."""
    site = Site(
        tmp_path,
        pages={
            "hero.jpg": picture(size=(1536, 864)),
            "index.md": own("Home", hero_alt="A blue field"),
            "mine.md": own("Mine", image="https://example.org/mine.png"),
            "relative.md": own("Relative", image="img/mine.png"),
            "img/mine.png": picture(),
            "theme/main.html": '{% extends "base.html" %}{% block extrahead %}'
            '<meta name="seen" content="{{ page.meta.image }}">{% endblock %}',
        },
        config={
            "site_url": "https://example.org/sub/",
            "theme": {"name": "mkdocs", "custom_dir": "docs/theme"},
            "exclude_docs": "theme/",
        },
    )

    built = site.build(None, "--strict")

    home, mine = built.html("index.html"), built.html("mine/index.html")
    (image,) = re.findall(r'<meta property="og:image" content="([^"]*)">', home)
    assert image.startswith("https://example.org/sub/assets/leonardo/")
    assert Image.open(built.site / image.removeprefix("https://example.org/sub/")).size == (1200, 630)
    assert '<meta property="og:image:alt" content="A blue field">' in home
    assert '<meta name="twitter:card" content="summary_large_image">' in home
    assert f'<meta name="seen" content="{image}">' in home
    assert '<meta name="seen" content="https://example.org/mine.png">' in mine
    for name, value in {"type": "image/jpeg", "width": "1200", "height": "630"}.items():
        assert f'<meta property="og:image:{name}" content="{value}">' in home
    for html, wanted in {
        mine: "https://example.org/mine.png",
        built.html("relative/index.html"): "https://example.org/sub/img/mine.png",
    }.items():
        assert re.findall(r'<meta property="og:image([^"]*)" content="([^"]*)">', html) == [("", wanted)]
        assert f'<meta name="twitter:image" content="{wanted}">' in html


def test_social_off_or_site_url_unknown_writes_no_shared_picture(tmp_path: Path) -> None:
    """With `social: false` or without `site_url`, a page names no picture for sharing."""
    pages: dict[str, str | bytes] = {"hero.jpg": picture(), "index.md": own("Home")}

    off = Site(tmp_path / "off", pages=pages, options={"social": False}).build()
    unknown = Site(tmp_path / "unknown", pages=pages, config={"site_url": ""}).build()

    assert off.exit_code == unknown.exit_code == 0
    assert "og:image" not in off.html("index.html") + unknown.html("index.html")
    assert not [name for name in off.pictures() if "social" in name]


def test_error_page_names_files_by_absolute_path(tmp_path: Path) -> None:
    """The error page names files from the root of the site, since servers show it at any depth."""
    site = Site(
        tmp_path,
        pages={"hero.jpg": picture(), "index.md": page("Home"), "404.md": own("Lost")},
        config={"site_url": "https://example.org/sub/", "use_directory_urls": False},
    )

    html = site.build(None, "--strict").html("404.html")

    ours = urls_in(html)
    assert ours
    assert all(url.startswith("/sub/assets/leonardo/") for url in ours)


def test_layout_none_writes_files_and_variables_only(tmp_path: Path) -> None:
    """`layout: none` writes files and the template variable, and no markup."""
    site = Site(
        tmp_path,
        pages={
            "hero.jpg": picture(size=(1536, 864)),
            "index.md": own("Home", hero_layout="none", hero_alt="A field", hero_focus="30% 60%"),
            "theme/main.html": '{% extends "base.html" %}{% block content %}'
            '<i data-src="{{ hero.src }}" data-webp="{{ hero.srcset["image/webp"] }}" data-alt="{{ hero.alt }}"'
            ' data-size="{{ hero.width }}x{{ hero.height }}" data-provider="{{ hero.provider }}"'
            ' data-focus="{{ hero.focus }}" data-colour="{{ hero.dominant }}"></i>{{ page.content }}{% endblock %}',
        },
        config={"theme": {"name": "mkdocs", "custom_dir": "docs/theme"}, "exclude_docs": "theme/"},
    )

    built = site.build(None, "--strict")

    html = built.html("index.html")
    assert "leonardo-hero" not in html
    assert "hero." not in " ".join(built.pictures()), "a stylesheet without a link"
    assert dead_urls_in(built, "index.html") == []
    assert 'data-alt="A field"' in html
    assert 'data-size="1536x864"' in html
    assert 'data-provider="own"' in html
    assert 'data-focus="30% 60%"' in html
    assert re.search(r'data-webp="assets/leonardo/[0-9a-f]{16}[^"]*-480\.webp 480w', html)
    assert re.search(r'data-colour="#[0-9a-f]{6}"', html)


def test_search_index_holds_the_heading_once(tmp_path: Path) -> None:
    """The search index has the heading in the hero once."""
    site = Site(
        tmp_path,
        pages={"hero.jpg": picture(), "index.md": own("Harbour lights", hero_tagline="Only a tagline")},
    )

    built = site.build(None, "--strict")

    index = json.loads((built.site / "search/search_index.json").read_text(encoding="utf-8"))
    assert [entry["title"] for entry in index["docs"]].count("Harbour lights") == 2  # the page, and its first section
    assert "leonardo" not in json.dumps(index)


def test_dirty_build_keeps_what_is_there(tmp_path: Path) -> None:
    """A dirty build after a clean one leaves every page and picture in place."""
    site = Site(tmp_path, pages={"hero.jpg": picture(), "index.md": own("Home"), "other.md": own("Other")})
    clean = site.build()
    before = clean.pictures()
    site.write({"other.md": own("Other", "Changed.")})

    dirty = site.build(None, "--dirty")

    assert dirty.exit_code == 0, dirty.log
    assert dirty.pictures() == before
    assert "Changed." in dirty.html("other/index.html")
    assert dead_urls_in(dirty, "other/index.html") == []
    assert dead_urls_in(dirty, "index.html") == []


def test_draft_and_excluded_pages_ask_for_nothing(tmp_path: Path) -> None:
    """Drafts and excluded pages buy nothing."""
    site = Site(
        tmp_path,
        pages={"hero.jpg": picture(), "index.md": own("Home"), "wip.md": own("Draft"), "old.md": own("Old")},
        config={"draft_docs": "wip.md", "exclude_docs": "old.md"},
    )

    built = site.build(None, "--strict")

    assert built.exit_code == 0, built.log
    assert list(built.sources) == ["index.md"]


def test_metadata_of_a_folder_counts_as_front_matter(tmp_path: Path) -> None:
    """Metadata of Material's meta plugin gives a folder's pages heroes, and `hero_prompt: false` removes one."""
    site = Site(
        tmp_path,
        pages={
            "index.md": page("Home"),
            "posts/hero.jpg": picture(),
            "posts/.meta.yml": "hero_image: hero.jpg\nhero_tagline: From the folder\n",
            "posts/a.md": page("A"),
            "posts/b.md": page("B", hero_prompt=False),
        },
        config={"theme": {"name": "material"}, "plugins": ["leonardo", "meta"]},
    )
    site.configure(None)

    built = site.build(None, "--strict")

    assert built.exit_code == 0, built.log
    assert "From the folder" in built.html("posts/a/index.html")
    assert "leonardo-hero" not in built.html("posts/b/index.html")


def test_own_picture_that_is_missing_or_broken_is_reported_and_the_page_is_built(tmp_path: Path) -> None:
    """A missing or broken own picture is one warning with page, key and fix; the page has no hero."""
    site = Site(
        tmp_path,
        pages={
            "index.md": page("Home", hero_image="nowhere.jpg"),
            "broken.jpg": b"<!DOCTYPE html><p>Not found",
            "broken.md": page("Broken", hero_image="broken.jpg"),
        },
    )

    built = site.build()

    assert built.exit_code == 0, built.log
    assert not built.has_traceback
    assert len(built.warnings) == 2
    assert any("index.md: hero_image" in line and "nowhere.jpg" in line for line in built.warnings)
    assert any("broken.md: hero_image" in line and "<!DOCTYPE" in line for line in built.warnings)
    assert "leonardo-hero" not in built.html("index.html") + built.html("broken/index.html")
    assert site.build(None, "--strict").exit_code == 1


def test_files_in_the_site_may_be_changed_without_harm_to_the_next_build(tmp_path: Path) -> None:
    """A cached file that was changed through its link in the site is made again by the next build."""
    site = Site(tmp_path, pages={"hero.jpg": picture(), "index.md": own("Home")})
    built = site.build()
    name = next(name for name in built.pictures() if name.endswith(".webp"))
    whole = built.asset(name)
    with (built.site / "assets/leonardo" / name).open("r+b") as file:
        file.write(b"overwritten")

    again = site.build(None, "--strict")

    assert again.exit_code == 0, again.log
    assert again.asset(name) == whole
    assert name.partition("-")[2] in again.log, "no message"


def test_pillow_without_avif_writes_the_other_formats_and_says_so_once(tmp_path: Path) -> None:
    """A Pillow without AVIF writes the other formats and says so once."""
    site = Site(
        tmp_path,
        pages={"hero.jpg": picture(), "index.md": own("Home"), "b.md": own("B")},
        options={"formats": ["avif", "webp", "jpeg"]},
        config={"hooks": ["without_avif.py"]},
    )
    (tmp_path / "without_avif.py").write_text(
        "from PIL import features\n\nfeatures.modules['avif'] = ('PIL._gone', None)\n"
    )

    built = site.build(None, "--strict")

    assert built.exit_code == 0, built.log
    assert built.log.count("cannot write avif; heroes are written as webp and jpeg") == 1
    assert {name.rpartition(".")[2] for name in built.pictures()} == {"webp", "jpg", "css"}
    assert dead_urls_in(built, "index.html") == []


@pytest.mark.skipif("avif" not in list_available_formats(), reason="this Pillow cannot write AVIF")
def test_hero_is_nine_files_unless_the_site_lists_formats(tmp_path: Path) -> None:
    """A hero has nine files by default: AVIF in all widths, some JPEGs, and one for sharing; or the listed formats.

    Encoded files are not encoded again. In layout `full`, a picture with enough pixels is 2048 wide.
    """
    site = Site(tmp_path, {"hero.jpg": picture(size=(2400, 1350)), "index.md": own("Home")})
    variants = site.cache / "variants"

    def files() -> dict[str, int]:
        return {path.name: path.stat().st_mtime_ns for path in variants.iterdir()}

    site.build(options={"formats": ["avif", "webp", "jpeg"], "widths": list(Encoding().widths)})
    written = files()
    site.has_small_files = False
    built = site.build(None, "--strict")

    assert built.exit_code == 0, built.log
    kinds = [name.partition("-")[2] for name in built.pictures()]
    avif = {f"{width}.avif" for width in (480, 768, 960, 1200, 1536)}
    assert {*kinds} == {*avif, "768.jpg", "1200.jpg", "1536.jpg", "social.jpg", ""}
    assert len(written) == 16
    assert files() == written
    assert dead_urls_in(built, "index.html") == []

    site.write({"index.md": own("Home", hero_layout="full")})
    wide = site.build(None, "--strict")
    assert {name.partition("-")[2] for name in wide.pictures()} == {
        *avif,
        "2048.avif",
        "960.jpg",
        "2048.jpg",
        "social.jpg",
        "",
    }
    new = {name.partition("-")[2] for name in files().keys() - written.keys()}
    assert new == {"2048.avif", "2048.jpg", "960.jpg"}
    assert "-2048.avif 2048w" in wide.html("index.html")


def test_page_refuses_the_prompt_of_its_folder(tmp_path: Path) -> None:
    """`hero_prompt: false` wins over a folder's text, although Material's meta plugin merges equal types only."""
    site = Site(
        tmp_path,
        pages={
            "index.md": page("Home"),
            "posts/.meta.yml": "hero_prompt: a harbour at dusk\n",
            "posts/a.md": page("A"),
            "posts/b.md": page("B", hero_prompt=False),
        },
        config={"theme": {"name": "material"}},
        plugins=("meta",),
    )

    built = site.build(None, "--strict")

    assert built.exit_code == 0, built.log
    assert built.sources == {"posts/a.md": "local"}
    assert "leonardo-hero" not in built.html("posts/b/index.html")


BLOG: dict[str, str | bytes] = {
    "hero.jpg": picture(),
    "index.md": page("Home"),
    "blog/index.md": page("Blog"),
    "blog/.authors.yml": "authors:\n  ada:\n    name: Ada\n    description: Writer\n    avatar: ../hero.jpg\n",
    "blog/posts/one.md": page(
        "First post",
        "Excerpt one.\n\n<!-- more -->\n\nRest.",
        date=date(2026, 1, 1),
        categories=["News"],
        authors=["ada"],
        hero_image="../../hero.jpg",
        hero_alt="A blue field",
    ),
    "blog/posts/two.md": page(
        "Second post", "Excerpt two.\n\n<!-- more -->\n\nRest.", date=date(2026, 2, 1), hero_image="../../hero.jpg"
    ),
    "blog/posts/plain.md": page("Third post", "Excerpt three.\n\n<!-- more -->\n\nRest.", date=date(2026, 3, 1)),
    "blog/posts/wip.md": page("Draft", "Text.", date=date(2026, 4, 1), draft=True, hero_image="../../hero.jpg"),
}


def test_blog_views_show_covers_of_posts_that_have_a_hero(tmp_path: Path) -> None:
    """Index, archive, category and author views have a linked cover for each post with a hero; the first is eager."""
    site = Site(
        tmp_path,
        pages=BLOG,
        plugins=("search", {"blog": {"authors_profiles": True, "post_dir": "blog/posts"}}),
        config={"theme": {"name": "material"}, "site_url": "https://example.org/sub/"},
    )

    built = site.build(None, "--strict")

    assert built.exit_code == 0, built.log
    for place, covers in {
        "blog/index.html": 2,
        "blog/archive/2026/index.html": 2,
        "blog/category/news/index.html": 1,
        "blog/author/ada/index.html": 1,
    }.items():
        html = built.html(place)
        assert html.count('<a class="leonardo-card"') == covers, place
        assert html.count('fetchpriority="high"') <= 1, place
        assert dead_urls_in(built, place, site_path="/sub/") == []
    index = built.html("blog/index.html")
    first = index.index("Second post")
    assert index.index('<a class="leonardo-card"') < first, "the cover stands at the head of the excerpt"
    assert 'alt="A blue field"' in index
    for href in re.findall(r'<a class="leonardo-card" href="([^"]*)"', index):
        target = urlsplit(urljoin("https://example.org/sub/blog/", href)).path.removeprefix("/sub/")
        assert (built.site / target / "index.html").is_file()
    assert '<header class="leonardo-hero' in built.html("blog/2026/01/01/first-post/index.html")
    assert '"high"' in index[index.index('<a class="leonardo-card') : first], "the first cover is not fetched first"
    assert sorted(built.sources) == ["blog/posts/one.md", "blog/posts/two.md"]


#: Another plugin's template variable with the name of Material's excerpts, which may be read once.
FOREIGN_POSTS = """
def on_page_context(context, page, **_):
    if page.is_homepage:
        context["posts"] = {posts}
"""


def test_blog_view_with_a_hero_of_its_own_fetches_that_first(tmp_path: Path) -> None:
    """A blog view with a hero of its own has no eager cover; a variable `posts` on another page is left as it is."""
    site = Site(
        tmp_path,
        pages={**BLOG, "blog/index.md": page("Blog", hero_image="../hero.jpg")},
        plugins=("search", "blog"),
        config={"theme": {"name": "material"}, "hooks": ["hook.py"]},
    )
    (tmp_path / "hook.py").write_text(FOREIGN_POSTS.format(posts='[{"title": "A post"}]'), encoding="utf-8")

    built = site.build(None, "--strict")

    assert built.exit_code == 0, built.log
    html = built.html("blog/index.html")
    assert html.count('<a class="leonardo-card"') == 2
    assert html.count('fetchpriority="high"') == 1
    assert html.index('fetchpriority="high"') < html.index('<a class="leonardo-card"')


def test_variable_posts_without_a_blog_is_left_to_its_template(tmp_path: Path) -> None:
    """On a site without Material's blog, a template reads another plugin's `posts` to its end."""
    site = Site(
        tmp_path,
        {"index.md": page("Home", hero_image="hero.jpg"), "hero.jpg": picture()},
        config={"theme": {"name": "mkdocs", "custom_dir": "own"}, "hooks": ["hook.py"]},
    )
    (tmp_path / "hook.py").write_text(FOREIGN_POSTS.format(posts='iter(["First post"])'), encoding="utf-8")
    (tmp_path / "own").mkdir()
    (tmp_path / "own/main.html").write_text(
        "{% extends 'base.html' %}{% block footer %}{% for post in posts %}{{ post }}{% endfor %}{% endblock %}",
        encoding="utf-8",
    )

    built = site.build(None, "--strict")

    assert built.exit_code == 0, built.log
    assert "First post" in built.html("index.html")


def test_cards_off_leaves_blog_views_alone(tmp_path: Path) -> None:
    """With `cards: false`, blog views have no covers, and posts keep their heroes."""
    site = Site(
        tmp_path,
        pages=BLOG,
        plugins=("search", "blog"),
        options={"cards": False},
        config={"theme": {"name": "material"}},
    )

    built = site.build(None, "--strict")

    assert "leonardo" not in built.html("blog/index.html")
    assert "leonardo-hero" in built.html("blog/2026/01/01/first-post/index.html")

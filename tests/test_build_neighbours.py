"""Other plugins in whole builds: generated files, templates without the hero, and feeds."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from builds import Site, page
from mkdocs.config.defaults import MkDocsConfig
from services import Picture
from services.pictures import draw

from mkdocs_leonardo.host.social import mend_feeds

PICTURE = draw("own", "", 640, 360, Picture())
#: What a script of gen-files, a multirepo or a translation does: a file of the site that is not in docs_dir.
HOOK = """
from mkdocs.structure.files import File

def on_files(files, config):
    files.append(File.generated(config, "pictures/made.png", abs_src_path="{place}"))
    with open("{place}", "rb") as picture:
        files.append(File.generated(config, "pictures/memory.png", content=picture.read()))
"""


def test_own_picture_is_found_where_an_image_in_the_text_is(tmp_path: Path) -> None:
    """An own picture may be a generated file, behind a copied link, or beside the folder's metadata that names it."""
    site = Site(
        tmp_path,
        {
            "index.md": page("Home", hero_image="pictures/made.png"),
            "linked.md": page("Linked", hero_image="link.png"),
            "memory.md": page("In memory", hero_image="pictures/memory.png"),
            "guide/.meta.yml": "hero_image: folder.png\n",
            "guide/folder.png": PICTURE,
            "guide/deep/page.md": page("Deep"),
            "guide/own.md": page("Own", hero_image="../guide/folder.png"),
        },
        config={"theme": {"name": "material"}, "hooks": ["hook.py"], "plugins": ["meta", "leonardo"]},
        is_new_interpreter=True,  # which looks for its folder of temporary files itself
    )
    (tmp_path / "elsewhere.png").write_bytes(PICTURE)
    (tmp_path / "hook.py").write_text(HOOK.format(place=tmp_path / "elsewhere.png"), encoding="utf-8")
    (tmp_path / "docs/link.png").symlink_to("../elsewhere.png")

    (tmp_path / "temporary").mkdir()

    built = site.build(None, "--strict", environ={"TMPDIR": str(tmp_path / "temporary")})

    assert built.exit_code == 0, built.log
    assert set(built.sources.values()) == {"own"}
    assert set(built.sources) == {"index.md", "linked.md", "memory.md", "guide/deep/page.md", "guide/own.md"}
    assert list((tmp_path / "temporary").iterdir()) == []


def test_picture_for_sharing_is_found_beside_the_page(tmp_path: Path) -> None:
    """`image` is found beside the page, else from the root; a page without it shares its hero, with a warning."""
    site = Site(
        tmp_path,
        {
            "guide/beside.md": page("Beside", hero_image="cover.png", image="cover.png"),
            "guide/cover.png": PICTURE,
            "guide/root.md": page("Root", hero_image="cover.png", image="guide/cover.png"),
            "guide/far.md": page("Far", hero_image="cover.png", image="https://example.com/a.png"),
            "guide/lost.md": page("Lost", hero_image="cover.png", image="lost.png"),
            "guide/garbled.md": page("Garbled", hero_image="cover.png", image="https://[cdn]/a.png"),
            "guide/plain.md": page("Plain", image="lost.png"),
            "index.md": page("Home"),
        },
    )

    built = site.build()

    cover = '<meta property="og:image" content="https://example.org/guide/cover.png">'
    assert cover in built.html("guide/beside/index.html")
    assert cover in built.html("guide/root/index.html")
    assert 'og:image" content="https://example.com/a.png"' in built.html("guide/far/index.html")
    for name, image in (("garbled", "https://[cdn]/a.png"), ("lost", "lost.png")):
        assert "-social.jpg" in built.html(f"guide/{name}/index.html")
        assert f"guide/{name}.md: image is '{image}'; there is no such file in the site" in built.log
    assert len(built.warnings) == 2, built.warnings


def test_template_that_leaves_the_hero_out_is_reported(tmp_path: Path) -> None:
    """A template without the page's content is a warning with the fix, unless it draws the hero itself."""
    site = Site(
        tmp_path,
        {
            "index.md": page("Home", hero_image="own.png", template="landing.html"),
            "drawn.md": page("Drawn", hero_image="own.png", template="drawn.html"),
            "wide.md": page("Wide", hero_image="own.png", hero_layout="full"),
            "own.png": PICTURE,
        },
        config={"theme": {"name": "mkdocs", "custom_dir": "overrides"}},
    )
    (tmp_path / "overrides").mkdir()
    (tmp_path / "overrides/landing.html").write_text("<html><head></head><body>Welcome</body></html>")
    (tmp_path / "overrides/drawn.html").write_text('<html><head></head><body><img src="{{ hero.src }}"></body></html>')

    built = site.build()

    assert len(built.warnings) == 1, built.warnings
    assert "index.md: landing.html shows neither the page's content nor its hero" in built.warnings[0]
    assert "{{ hero.src }}" in built.warnings[0]


def test_further_pages_of_a_blog_are_no_further_heroes(tmp_path: Path) -> None:
    """The pages of a paginated blog index show the index's one hero."""
    site = Site(
        tmp_path,
        {
            "index.md": page("Home"),
            "blog/index.md": page("Blog", hero_image="../own.png"),
            "own.png": PICTURE,
            **{f"blog/posts/{day}.md": page(f"Post {day}", date=date(2026, 1, day)) for day in (1, 2, 3)},
        },
        config={"theme": {"name": "material"}},
        plugins=("search", {"blog": {"pagination_per_page": 1, "archive": False, "categories": False}}),
    )

    built = site.build(None, "--strict")

    assert built.exit_code == 0, built.log
    assert list(built.sources) == ["blog/index.md"]
    assert "1 hero: 1 own" in built.log
    assert 'class="leonardo-hero ' in built.html("blog/page/2/index.html")


def test_feed_gets_the_size_of_a_picture_that_was_never_published(tmp_path: Path) -> None:
    """A feed has the size of the plugin's pictures, cropped ones too, and other entries are left alone."""
    feed = '<rss><enclosure url="https://example.org/a-social.jpg" type="image/jpeg" length="None" />\n'
    feed += '<enclosure url="https://example.org/c-social-30x60.jpg" type="image/jpeg" length="None" />\n'
    feed += '<enclosure url="https://example.org/b.jpg" type="image/jpeg" length="None" /></rss>'
    (tmp_path / "feed.xml").write_text(feed)
    (tmp_path / "cached.jpg").write_bytes(bytes(1234))
    pictures = dict.fromkeys(("a-social.jpg", "c-social-30x60.jpg"), str(tmp_path / "cached.jpg"))
    config = MkDocsConfig()
    config.update({"site_url": "https://example.org", "site_dir": str(tmp_path), "plugins": {}})

    mend_feeds(config, pictures)
    assert (tmp_path / "feed.xml").read_text() == feed
    config["plugins"] = {"rss": object()}
    mend_feeds(config, pictures)

    assert (tmp_path / "feed.xml").read_text() == feed.replace("None", "1234", 2)

"""Real plugins beside this one, in either order: each does its work, and the heroes are there."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from services import Services

from .environments import MATERIAL
from .rig import SMALL, Built, Place, front, heroes, picture, run

FIRST_AND_LAST = pytest.mark.parametrize("is_first", [True, False], ids=["first", "last"])

TEXT = "The keeper climbs the stairs."


def plugins(is_first: bool, *neighbours: Any, **options: Any) -> list[Any]:  # noqa: ANN401, FBT001 - the host's options
    """The list of plugins, with `leonardo` first or last."""
    ours = {"leonardo": {**SMALL, **options}}
    return [ours, *neighbours] if is_first else [*neighbours, ours]


def build(place: Place, listed: Sequence[Any], *, strict: bool = True, **config: Any) -> Built:  # noqa: ANN401 - the host's options
    """The site, built with Material without warnings."""
    made = place.build("site", *(["--strict"] if strict else []), **{"theme": dict(MATERIAL)} | config, plugins=listed)
    assert made.exit_code == 0, made.log
    return made


def hero_page(title: str = "Home", **meta: object) -> str:
    """The source of a page with a hero."""
    return front(f"# {title}\n\n{TEXT}", hero_prompt="a lighthouse", **meta)


def the_hero(html: str) -> str:
    """The only hero of a page."""
    (hero,) = heroes(html)
    assert html.count("<h1") == 1
    return hero


def report(place: Place) -> dict[str, Any]:
    """The report of the last build."""
    found: dict[str, Any] = json.loads((place.folder / ".cache/plugin/leonardo/report.json").read_text("utf-8"))
    return found


# Material's own ------------------------------------------------------------------------------------------------------


@FIRST_AND_LAST
def test_search_index_holds_the_heading_once(beside: Place, is_first: bool) -> None:  # noqa: FBT001 - a column
    """The index has the heading as a title, as without a hero, and neither tagline nor markup."""
    beside.write({"docs/index.md": hero_page("Wickstone", hero_tagline="Unheard of")})

    made = build(beside, plugins(is_first, "search"))

    index = made.html("search/search_index.json")
    assert index.count("Wickstone") == 1
    assert "Unheard" not in index
    assert "leonardo" not in index


@FIRST_AND_LAST
def test_blog_twice_has_covers_in_both(beside: Place, is_first: bool) -> None:  # noqa: FBT001 - a column
    """Posts of two blog instances have heroes, and both views have covers."""
    for blog in ("blog", "news"):
        beside.write(
            {
                f"docs/{blog}/index.md": f"# {blog}\n",
                f"docs/{blog}/posts/one.md": hero_page("One", date=date(2026, 1, 2), hero_alt="A tower"),
                f"docs/{blog}/posts/two.md": front("# Two\n\nText.", date=date(2026, 1, 1)),
            }
        )
    beside.write({"docs/index.md": "# Home\n"})

    made = build(beside, plugins(is_first, "search", "blog", {"blog": {"blog_dir": "news"}}))

    for blog in ("blog", "news"):
        assert made.html(f"{blog}/index.html").count('class="leonardo-card"') == 1
        assert made.html(f"{blog}/archive/2026/index.html").count('class="leonardo-card"') == 1
        the_hero(made.html(f"{blog}/2026/01/02/one/index.html"))
        assert not heroes(made.html(f"{blog}/2026/01/01/two/index.html"))


@FIRST_AND_LAST
def test_meta_gives_a_folder_its_prompt(beside: Place, is_first: bool) -> None:  # noqa: FBT001 - a column
    """A folder's prompt gives every page a hero, except a page that says `false`."""
    beside.write(
        {
            "docs/index.md": "# Home\n",
            "docs/guide/.meta.yml": "hero_prompt: a harbour\n",
            "docs/guide/one.md": "# One\n",
            "docs/guide/two.md": front("# Two", hero_prompt=False),
        }
    )

    made = build(beside, plugins(is_first, "meta"))

    the_hero(made.html("guide/one/index.html"))
    assert not heroes(made.html("guide/two/index.html"))
    assert not heroes(made.html("index.html"))


@FIRST_AND_LAST
def test_tags_are_listed_below_a_hero(beside: Place, is_first: bool) -> None:  # noqa: FBT001 - a column
    """A page with tags keeps them, and the page that lists tags may have a hero."""
    beside.write(
        {
            "docs/index.md": hero_page("Home", tags=["sea"]),
            "docs/tags.md": front("# Tags\n\n<!-- material/tags -->", hero_prompt="knots"),
        }
    )

    made = build(beside, plugins(is_first, "tags"))

    the_hero(made.html("index.html"))
    assert "md-tag" in made.html("index.html")
    the_hero(made.html("tags/index.html"))
    assert made.html("tags/index.html").index("</header>") < made.html("tags/index.html").index('id="tag:sea"')


@FIRST_AND_LAST
def test_optimize_leaves_the_ai_mark_in_pictures(beside: Place, services: Services, is_first: bool) -> None:  # noqa: FBT001 - a column
    """Every generated picture keeps its AI mark after `optimize`."""
    beside.environ = services.environ
    beside.write({"docs/index.md": hero_page()})

    made = build(beside, plugins(is_first, {"optimize": {"optimize_png": False}}, **services.plugin_options))

    pictures = [*(made.site / "assets/leonardo").glob("*.jpg"), *(made.site / "assets/leonardo").glob("*.webp")]
    assert len(pictures) >= 2
    for path in pictures:
        assert b"trainedAlgorithmicMedia" in path.read_bytes(), path.name


@FIRST_AND_LAST
def test_privacy_fetches_nothing_because_of_a_hero(beside: Place, is_first: bool) -> None:  # noqa: FBT001 - a column
    """The plugin `privacy` finds no external file in a hero."""
    beside.write({"docs/index.md": hero_page(hero_layout="full")})

    made = build(beside, plugins(is_first, {"privacy": {"assets_exclude": ["unpkg.com/*"]}}))

    the_hero(made.html("index.html"))
    assert not (made.site / "assets/external").exists()


@FIRST_AND_LAST
def test_offline_site_shows_heroes_from_the_disk(beside: Place, is_first: bool) -> None:  # noqa: FBT001 - a column
    """Without directory URLs and without a server, every file of a hero is where its page says."""
    beside.write({"docs/index.md": hero_page(), "docs/guide/one.md": hero_page("One")})

    made = build(beside, plugins(is_first, "search", "offline"))

    for name in ("index.html", "guide/one.html"):
        the_hero(made.html(name))
        named = re.findall(r'"((?:\.\./)?assets/leonardo/[^" ]+)', made.html(name))
        assert named
        for place in named:
            assert (made.site / name).parent.joinpath(place).is_file(), place


@FIRST_AND_LAST
def test_group_may_hold_the_plugin(beside: Place, is_first: bool) -> None:  # noqa: FBT001 - a column
    """The plugin works inside an enabled `group`."""
    beside.write({"docs/index.md": hero_page()})
    group = {"group": {"enabled": True, "plugins": plugins(is_first, "tags")}}

    made = build(beside, ["search", group])

    the_hero(made.html("index.html"))


# Other people's ------------------------------------------------------------------------------------------------------


@FIRST_AND_LAST
def test_rss_feed_has_the_hero_as_enclosure(beside: Place, is_first: bool) -> None:  # noqa: FBT001 - a column
    """The feed names the picture for sharing, whose file is in the site."""
    beside.write({"docs/index.md": hero_page(date=date(2026, 1, 2)), "docs/plain.md": "# Plain\n"})
    rss = {"rss": {"use_git": False, "date_from_meta": {"as_creation": "date"}}}

    made = build(beside, plugins(is_first, rss), strict=False)

    feed = ET.fromstring(made.html("feed_rss_created.xml"))  # noqa: S314 - our own feed
    (enclosure,) = feed.iter("enclosure")
    assert enclosure.attrib["type"] == "image/jpeg"
    address = enclosure.attrib["url"]
    assert (made.site / address.removeprefix("https://example.org/")).is_file()
    assert f'content="{address}"' in made.html("index.html")
    size = (made.site / address.removeprefix("https://example.org/")).stat().st_size
    assert enclosure.attrib["length"] == str(size)


@FIRST_AND_LAST
def test_htmlproofer_knows_the_heroes_files(beside: Place, is_first: bool) -> None:  # noqa: FBT001 - a column
    """The build with htmlproofer and `raise_error` ends well, so it finds every file of a hero."""
    beside.write({"docs/index.md": hero_page(), "docs/guide/deep.md": hero_page("Deep", hero_layout="full")})
    proofer = {"htmlproofer": {"raise_error": True, "validate_external_urls": False}}

    made = build(beside, plugins(is_first, proofer))

    assert "<picture" in the_hero(made.html("index.html"))


@FIRST_AND_LAST
def test_charts_are_drawn_below_a_hero(beside: Place, is_first: bool) -> None:  # noqa: FBT001 - a column
    """The charts plugin draws a page's chart with a hero and without."""
    chart = '```vegalite\n{"mark": "bar", "data": {"values": [{"a": 1}]}, "encoding": {}}\n```'
    beside.write({"docs/index.md": front(f"# Home\n\n{chart}", hero_prompt="a lighthouse"), "docs/two.md": chart})
    fence = "{name: vegalite, class: vegalite, format: !!python/name:mkdocs_charts_plugin.fences.fence_vegalite }"
    beside.write({"fence.yml": f"markdown_extensions: [pymdownx.superfences: {{custom_fences: [{fence}]}} ]\n"})
    scripts = [f"https://example.org/{name}.js" for name in ("vega", "vega-lite", "vega-embed")]

    made = build(beside, plugins(is_first, "charts"), INHERIT="fence.yml", extra_javascript=scripts)

    the_hero(made.html("index.html"))
    for name in ("index.html", "two/index.html"):
        assert 'vegalite">{"mark": "bar"' in made.html(name)


@FIRST_AND_LAST
def test_glightbox_wraps_the_text_and_not_the_hero(beside: Place, is_first: bool) -> None:  # noqa: FBT001 - a column
    """The light-box opens pictures of the text, but neither heroes nor covers."""
    beside.write(
        {
            "docs/index.md": front(f"# Home\n\n![A tower](tower.png)\n\n{TEXT}", hero_prompt="a lighthouse"),
            "docs/full.md": front("# Full\n\n![A tower](tower.png)", hero_prompt="a mast", hero_layout="full"),
            "docs/tower.png": b"",
            "docs/blog/index.md": "# Blog\n",
            "docs/blog/posts/one.md": hero_page("One", date=date(2026, 1, 2)),
        }
    )

    made = build(beside, plugins(is_first, "blog", "glightbox"))

    for name in ("index.html", "full/index.html"):
        html = made.html(name)
        assert "glightbox" not in the_hero(html)
        assert html.count('<a class="glightbox"') == 1
    view = made.html("blog/index.html")
    assert view.count('class="leonardo-card"') == 1
    assert '<a class="glightbox"' not in view


@FIRST_AND_LAST
@pytest.mark.parametrize(
    "minifier",
    [
        {"minify": {"minify_html": True, "htmlmin_opts": {"remove_comments": True}}},
        {"minify_html": {"minify_css": True, "minify_js": True}},
    ],
    ids=["minify", "minify-html"],
)
def test_minified_page_keeps_its_hero(beside: Place, minifier: dict[str, Any], is_first: bool) -> None:  # noqa: FBT001 - a column
    """A page keeps its hero, also a full one, with a minifier before or after the plugin."""
    beside.write({"docs/index.md": hero_page(hero_layout="full"), "docs/one.md": hero_page("One")})

    made = build(beside, plugins(is_first, minifier))

    full, one = made.html("index.html"), made.html("one/index.html")
    for html in (full, one):
        assert len(re.findall(r"<header class=\"?leonardo-hero", html)) == 1
        assert html.count("<h1") == 1
        assert len(re.findall(r"assets/leonardo/hero\.\w+\.css", html)) == 1
        assert len(html.splitlines()) < 200
    assert full.index("leonardo-hero--full") < full.index("md-main__inner")


LANGUAGES = [
    {"locale": "en", "default": True, "name": "English", "build": True},
    {"locale": "de", "name": "Deutsch", "build": True},
]


@FIRST_AND_LAST
@pytest.mark.parametrize("structure", ["suffix", "folder"])
def test_translations_share_one_picture(
    beside: Place,
    services: Services,
    structure: str,
    is_first: bool,  # noqa: FBT001 - a column
) -> None:
    """Translations with one prompt share one paid picture, each with its own alternative text and tagline."""
    beside.environ = services.environ
    english = hero_page("Home", hero_alt="A tower", hero_tagline="In a storm")
    german = hero_page("Start", hero_alt="Ein Turm", hero_tagline="Im Sturm")
    names = ("docs/index.md", "docs/index.de.md") if structure == "suffix" else ("docs/en/index.md", "docs/de/index.md")
    beside.write(dict(zip(names, (english, german), strict=True)))
    i18n = {"i18n": {"docs_structure": structure, "languages": LANGUAGES}}

    made = build(beside, plugins(is_first, "search", i18n, **services.plugin_options))

    in_english, in_german = the_hero(made.html("index.html")), the_hero(made.html("de/index.html"))
    assert 'alt="A tower"' in in_english
    assert "In a storm" in in_english
    assert 'alt="Ein Turm"' in in_german
    assert "Im Sturm" in in_german
    assert _key(in_english) == _key(in_german)
    assert services.ledger.paid_jobs == 1


def _key(hero: str) -> str:
    found = re.search(r'data-key="(\w+)"', hero)
    assert found is not None
    return found[1]


@FIRST_AND_LAST
def test_navigation_plugins_change_no_hero(beside: Place, is_first: bool) -> None:  # noqa: FBT001 - a column
    """awesome-nav, literate-nav and section-index order the pages; each hero is on its page."""
    pages = {"docs/index.md": hero_page(), "docs/guide/index.md": hero_page("Guide"), "docs/guide/one.md": "# One\n"}
    beside.write({**pages, "docs/.nav.yml": "nav:\n  - guide\n  - index.md\n"})
    awesome = build(beside, plugins(is_first, "awesome-nav"))
    (beside.folder / "docs/.nav.yml").unlink()
    beside.write({"docs/SUMMARY.md": "* [The guide](guide/)\n* [Home](index.md)\n"})

    literate = build(beside, plugins(is_first, "literate-nav", "section-index"))

    for made in (awesome, literate):
        the_hero(made.html("index.html"))
        the_hero(made.html("guide/index.html"))
        assert not heroes(made.html("guide/one/index.html"))
        assert made.html("index.html").index('href="guide/"') > 0


@FIRST_AND_LAST
def test_generated_page_has_its_hero(beside: Place, is_first: bool) -> None:  # noqa: FBT001 - a column
    """A page that a script of gen-files writes has a hero, generated or its own."""
    script = (
        "import mkdocs_gen_files\n"
        "with mkdocs_gen_files.open('made.md', 'w') as page:\n"
        "    page.write('---\\nhero_prompt: a lighthouse\\n---\\n# Made\\n')\n"
    )
    beside.write({"docs/index.md": "# Home\n", "make.py": script})

    made = build(beside, plugins(is_first, {"gen-files": {"scripts": ["make.py"]}}))

    the_hero(made.html("made/index.html"))
    assert [each["page"] for each in report(beside)["heroes"]] == ["made.md"]


@FIRST_AND_LAST
def test_macros_in_front_matter_are_rendered(beside: Place, is_first: bool) -> None:  # noqa: FBT001 - a column
    """The prompt is the macro's text; a macro without a result is a warning, and costs nothing."""
    macro = "{{ place }}"
    beside.write(
        {
            "docs/index.md": front(f"# {macro}\n", hero_prompt=f"{macro} in a storm", hero_tagline=macro),
            "docs/own.md": front("# Own\n", hero_prompt="{{ subject }}", subject="a mast"),
            "docs/raw.md": front("# Raw\n", hero_prompt="a mast", hero_tagline=macro, render_macros=False),
        }
    )

    made = build(beside, plugins(is_first, "macros"), extra={"place": "a harbour"})

    assert '<p class="leonardo-hero__tagline">a harbour</p>' in the_hero(made.html("index.html"))
    assert macro in the_hero(made.html("raw/index.html"))
    prompts = {each["page"]: each["key"] for each in report(beside)["heroes"]}
    beside.write({"docs/index.md": front("# Home\n", hero_prompt="a harbour in a storm"), "docs/own.md": hero_page()})
    beside.write({"docs/raw.md": front("# Raw\n", hero_prompt="{{ unknown }}")})
    made = build(beside, plugins(is_first, "macros"), strict=False)
    assert report(beside)["heroes"][0]["key"] == prompts["index.md"]
    assert "raw.md: hero_prompt is '{{ unknown }}'; no plugin has rendered this macro" in made.log


@FIRST_AND_LAST
def test_redirects_and_excluded_pages_cost_nothing(beside: Place, is_first: bool) -> None:  # noqa: FBT001 - a column
    """Excluded pages and redirects buy nothing."""
    beside.write({"docs/index.md": hero_page(), "docs/drafts/one.md": hero_page("One")})
    neighbours = ({"redirects": {"redirect_maps": {"old.md": "index.md"}}}, {"exclude": {"glob": ["drafts/*"]}})

    made = build(beside, plugins(is_first, *neighbours))

    the_hero(made.html("index.html"))
    assert "leonardo" not in made.html("old/index.html")
    assert [each["page"] for each in report(beside)["heroes"]] == ["index.md"]


@FIRST_AND_LAST
def test_revision_date_stands_below_a_hero(beside: Place, is_first: bool) -> None:  # noqa: FBT001 - a column
    """Pages with and without a hero have the date of the last change."""
    beside.write({"docs/index.md": hero_page(), "docs/plain.md": "# Plain\n", ".gitignore": ".cache/\nsite/\n*.yml\n"})
    beside.commit()

    made = build(beside, plugins(is_first, "git-revision-date-localized"))

    the_hero(made.html("index.html"))
    for name in ("index.html", "plain/index.html"):
        assert "git-revision-date-localized-plugin" in made.html(name)


@FIRST_AND_LAST
def test_monorepo_pages_have_heroes(beside: Place, is_first: bool) -> None:  # noqa: FBT001 - a column
    """A page of an included repository has a hero, and its own pictures are found beside it."""
    beside.write(
        {
            "docs/index.md": hero_page(),
            "parts/lamp/mkdocs.yml": "site_name: lamp\nnav:\n  - Lamp: index.md\n  - Own: own.md\n  - Look: look.md\n",
            "parts/lamp/docs/index.md": hero_page("Lamp"),
            "parts/lamp/docs/look.md": front("# Look\n", hero_prompt="a lamp", hero_reference="grey.png"),
            "parts/lamp/docs/own.md": front("# Own\n", hero_image="grey.png"),
            "parts/lamp/docs/grey.png": picture(),
        }
    )
    nav = [{"Home": "index.md"}, {"Lamp": "!include ./parts/lamp/mkdocs.yml"}]

    made = build(beside, plugins(is_first, "monorepo"), nav=nav)

    the_hero(made.html("index.html"))
    the_hero(made.html("lamp/index.html"))
    assert 'data-provider="own"' in the_hero(made.html("lamp/own/index.html"))
    the_hero(made.html("lamp/look/index.html"))
    assert (beside.folder / ".cache/plugin/leonardo/report.json").is_file()


@FIRST_AND_LAST
def test_multirepo_pages_have_heroes(beside: Place, is_first: bool) -> None:  # noqa: FBT001 - a column
    """A page of a repository that the build clones has a hero, generated or its own."""
    lamp = Place(beside.environment, beside.python, beside.folder / "lamp")
    lamp.write(
        {
            "mkdocs.yml": "site_name: lamp\nnav:\n  - index.md\n  - own.md\n",
            "docs/index.md": hero_page("Lamp"),
            "docs/own.md": front("# Own\n", hero_image="grey.png"),
            "docs/grey.png": picture(),
        }
    )
    lamp.commit()
    branch = run(["git", "branch", "--show-current"], timeout_s=60, cwd=lamp.folder).stdout.strip()
    beside.write({"docs/index.md": hero_page()})
    nav = [{"Home": "index.md"}, {"Lamp": f"!import {lamp.folder.as_uri()}?branch={branch}"}]

    made = build(beside, plugins(is_first, "multirepo"), nav=nav)

    the_hero(made.html("index.html"))
    the_hero(made.html("lamp/index.html"))
    assert 'data-provider="own"' in the_hero(made.html("lamp/own/index.html"))


def test_mike_pays_once_for_all_versions(beside: Place, services: Services) -> None:
    """The build of a second version finds the picture that the first has paid for."""
    beside.environ = {**services.environ, "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org"}
    beside.environ = {**beside.environ, "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org"}
    beside.write({"docs/index.md": hero_page(), ".gitignore": ".cache/\nsite/\n"})
    listed = plugins(False, "search", "mike", **services.plugin_options)  # noqa: FBT003 - a column
    path = beside.configure("site", theme=dict(MATERIAL), plugins=listed)
    beside.commit()
    mike = Path(beside.python).with_name("mike")

    for version in ("1.0", "2.0"):
        done = beside.run(str(mike), "deploy", "--config-file", str(path), version)
        assert done.returncode == 0, done.stdout

    assert services.ledger.paid_jobs == 1
    assert (beside.folder / ".cache/plugin/leonardo/pictures").is_dir()
    listing = run(["git", "ls-tree", "-r", "--name-only", "gh-pages"], timeout_s=60, cwd=beside.folder).stdout
    for version in ("1.0", "2.0"):
        assert f"{version}/index.html" in listing
        assert f"{version}/assets/leonardo/" in listing
    page = run(["git", "show", "gh-pages:2.0/index.html"], timeout_s=60, cwd=beside.folder).stdout
    assert _key(the_hero(page)) in listing


# Encryption ----------------------------------------------------------------------------------------------------------


@FIRST_AND_LAST
def test_encryptcontent_page_has_no_hero(beside: Place, is_first: bool) -> None:  # noqa: FBT001 - a column
    """A page with a password has neither picture nor text in the clear and one warning; other pages have heroes."""
    beside.write(
        {
            "docs/index.md": hero_page(),
            "docs/vault.md": hero_page("Vault", password="sesame", hero_alt="The secret", hero_tagline="Opened"),
        }
    )

    made = build(beside, plugins(is_first, "encryptcontent"), strict=False)

    the_hero(made.html("index.html"))
    html = made.html("vault/index.html")
    assert TEXT not in html
    for text in ("leonardo", "The secret", "Opened"):
        assert text not in html
    assert made.log.count("vault.md: hero_prompt is not used, since another plugin encrypts the page") == 1

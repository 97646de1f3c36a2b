"""Every host with every theme: the plugin changes only pages with heroes."""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from browser.conftest import FLAGS, find_browser
from playwright.sync_api import Page, sync_playwright

from mkdocs_leonardo.page.themes import THEMES

from .environments import ALL, HOSTS, MATERIALX, Environment
from .rig import SMALL, Place, front, heroes, picture, without_heading, without_hero

TEXT = "The keeper climbs the stairs.\n\n## Wick\n\n```python\nlight = True\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
PLAIN: dict[str, str | bytes] = {
    "docs/plain.md": f"# Plain\n\n{TEXT}",
    "docs/guide/grüße.md": f"# Grüße & more\n\n{TEXT}",
    "docs/guide/index.md": f"No heading at all.\n\n{TEXT}",
}
WITH_HEROES: dict[str, str | bytes] = {
    "docs/index.md": front(
        f"# Home, *sweet* home\n\n{TEXT}", hero_prompt="a lighthouse", hero_tagline="Storms & calms"
    ),
    "docs/guide/full.md": front(f"# Across\n\n{TEXT}", hero_prompt="a harbour", hero_layout="full", hero_alt="Boats"),
    "docs/guide/own.md": front(f"# Our own\n\n{TEXT}", hero_image="grey.png"),
    "docs/guide/grey.png": picture(),
}
#: The pages with heroes, by their place in the site.
PLACES = ("index.html", "guide/full/index.html", "guide/own/index.html")
#: Themes in which the layout `full` spans the window; in other themes such a hero is as wide as the article.
ACROSS_THE_WINDOW = {*THEMES, "flatly"}
#: The theme's own heading stands above the article, which hides the first one in it.
WITH_TITLE_ABOVE = "shadcn"

CASES = [
    pytest.param(environment, theme, id=f"{environment.name}-{theme['name']}")
    for environment in HOSTS
    for theme in environment.themes
]


@pytest.mark.parametrize(("environment", "theme"), CASES)
def test_site_with_and_without_heroes_differs_only_by_them(
    environment: Environment, theme: Mapping[str, Any], python_of: Callable[[str], Path], tmp_path: Path
) -> None:
    """Pages without a hero keep their bytes; pages with one differ by the hero and lines in the head.

    Search indexes, sitemaps and all other files are the same as well, so the hero's text is indexed once.
    """
    place = Place(environment, python_of(environment.name), tmp_path)
    place.write({**PLAIN, **WITH_HEROES})
    place.commit()
    without = place.build("without", "--strict", theme=dict(theme), plugins=[*environment.plugins])
    assert without.exit_code == 0, without.log

    built = place.build(
        "site", "--strict", theme=dict(theme), plugins=[*environment.plugins, {"leonardo": dict(SMALL)}]
    )

    assert built.exit_code == 0, built.log
    assert "leonardo: 3 heroes" in built.log
    before, after = without.files(), built.files()
    if theme["name"] == "materialx":
        # Its search reads the finished pages, in which a hero's tagline is text as well.
        before, after = (
            {name: text for name, text in files.items() if "/search/" not in f"/{name}"} for files in (before, after)
        )
    assert [*before] == [*after]
    assert [name for name in before if before[name] != after[name]] == sorted(PLACES)
    for name in PLACES:
        (hero,) = heroes(built.html(name))
        assert hero.count("<h1") == 1
        assert without_heading(without.html(name), hero) == without_hero(built.html(name))
    (hero,) = heroes(built.html("guide/full/index.html"))
    assert ("leonardo-hero--full" in hero) == (theme["name"] in ACROSS_THE_WINDOW)


@pytest.mark.parametrize("environment", [pytest.param(each, id=each.name) for each in HOSTS])
def test_site_without_heroes_is_what_it_was_without_the_plugin(
    environment: Environment, python_of: Callable[[str], Path], tmp_path: Path
) -> None:
    """The plugin changes no byte of a site without hero keys, and adds no file."""
    place = Place(environment, python_of(environment.name), tmp_path)
    place.write({**PLAIN, "docs/index.md": f"# Home\n\n{TEXT}"})
    place.commit()
    without = place.build("without", "--strict", theme=dict(environment.themes[0]), plugins=[*environment.plugins])

    built = place.build(
        "site", "--strict", theme=dict(environment.themes[0]), plugins=[*environment.plugins, "leonardo"]
    )

    assert (without.exit_code, built.exit_code) == (0, 0), without.log + built.log
    assert without.files() == built.files()
    assert not (built.site / "assets/leonardo").exists()


@pytest.mark.parametrize("environment", [pytest.param(each, id=each.name) for each in HOSTS])
def test_command_line_reads_the_site_on_every_host(
    environment: Environment, python_of: Callable[[str], Path], tmp_path: Path
) -> None:
    """``mkdocs-leonardo status`` and ``generate`` see the same heroes as a build; ``doctor`` names the host."""
    place = Place(environment, python_of(environment.name), tmp_path)
    place.write({**PLAIN, **WITH_HEROES})
    path = place.configure(
        "site", theme=dict(environment.themes[0]), plugins=[*environment.plugins, {"leonardo": dict(SMALL)}]
    )
    command = Path(place.python).with_name("mkdocs-leonardo")

    status = place.run(str(command), "-f", str(path), "status")
    dry = place.run(str(command), "-f", str(path), "generate", "--dry-run")
    doctor = place.run(str(command), "-f", str(path), "doctor")

    assert status.returncode == 0, status.stdout
    for name in ("index.md", "guide/full.md", "guide/own.md"):
        assert name in status.stdout
    assert dry.returncode == 0, dry.stdout
    host = {"properdocs": "ProperDocs", "properdocs-alone": "ProperDocs", "mkdocs-ng": "mkdocs-ng"}
    # Other packages bring hosts as well: all that are installed are named.
    (line,) = (line for line in doctor.stdout.splitlines() if " host  " in line)
    assert host.get(environment.name, "MkDocs") in line.partition(" on Python")[0]


@pytest.mark.parametrize("environment", [pytest.param(each, id=each.name) for each in HOSTS])
def test_wrong_value_fails_a_strict_build_on_every_host(
    environment: Environment, python_of: Callable[[str], Path], tmp_path: Path
) -> None:
    """Each host counts the plugin's warnings, and shows them as its own."""
    place = Place(environment, python_of(environment.name), tmp_path)
    place.write({"docs/index.md": front("# Home", hero_prompt="a lighthouse", hero_style="CINEMTIC")})
    place.commit()

    built = place.build(
        "site", "--strict", theme=dict(environment.themes[0]), plugins=[*environment.plugins, "leonardo"]
    )

    assert built.exit_code == 1
    assert "WARNING -  leonardo: index.md: hero_style is 'CINEMTIC'; did you mean CINEMATIC?" in built.log


@contextmanager
def browsing(folder: Path) -> Iterator[Callable[[str], Page]]:
    """Opens a page of the sites in `folder`; requests to other hosts fail."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        page.route(re.compile(r"^https?://(?!127\.0\.0\.1)"), lambda route: route.abort())

        def open_page(place: str) -> Page:
            page.goto(f"http://127.0.0.1:{server.server_port}/{place}", wait_until="load")
            return page

        yield open_page
        chromium.close()
    server.shutdown()


@pytest.mark.parametrize("environment", [pytest.param(ALL["themes"], id="themes")])
def test_hero_in_themes_of_others_can_be_read(
    environment: Environment, python_of: Callable[[str], Path], tmp_path: Path
) -> None:
    """The picture is drawn, with title, emphasised words and tagline on it in white.

    Every theme of Bootswatch's is a theme of its own, whose layout `full` spans the window.
    """
    place = Place(environment, python_of(environment.name), tmp_path)
    heading = "Home, *sweet* home"
    place.write(
        {
            "docs/index.md": front(f"# {heading}\n\n{TEXT}", hero_prompt="a harbour", hero_layout="full"),
            "docs/one.md": front(f"# {heading}\n\n{TEXT}", hero_prompt="a harbour", hero_tagline="Storms"),
        }
    )
    listed = "import mkdocs_bootswatch, os; print(*next(os.walk(mkdocs_bootswatch.__path__[0]))[1])"
    bootswatch = {*place.run("-c", listed).stdout.split()} - {"__pycache__"}
    others = [str(theme["name"]) for theme in environment.themes if theme["name"] not in bootswatch]
    assert len(bootswatch) > len(others)
    for theme in (*sorted(bootswatch), *others):
        built = place.build(
            theme, "--strict", theme={"name": theme}, plugins=[{"leonardo": dict(SMALL)}], use_directory_urls=False
        )
        assert built.exit_code == 0, built.log
        assert ("leonardo-hero--full" in built.html("index.html")) == (theme in bootswatch)
    with browsing(tmp_path) as open_page:
        for theme in (*sorted(bootswatch), *others):
            page = open_page(f"{theme}/one.html")
            # Windmill shows each page in a frame.
            page.wait_for_function(
                "[window, ...Array.from(frames)]"
                ".some(one => one.document.querySelector('.leonardo-hero')?.offsetWidth > 0)"
            )
            frame = next(frame for frame in page.frames if frame.locator(".leonardo-hero").is_visible())
            hero = frame.locator(".leonardo-hero")
            hero.locator("img").first.evaluate("image => image.decode()")
            shown = hero.bounding_box()
            assert shown is not None
            assert shown["width"] > 500, theme
            assert shown["height"] > 200, theme
            assert hero.locator("h1").is_visible() == (theme != WITH_TITLE_ABOVE), theme
            words = hero.locator("h1 em" if theme != WITH_TITLE_ABOVE else ".leonardo-hero__tagline")
            assert words.evaluate("words => getComputedStyle(words).color") == "rgb(255, 255, 255)", theme


@pytest.mark.parametrize("environment", [pytest.param(ALL["materialx"], id="materialx")])
def test_buttons_of_materialx_can_all_be_clicked(
    environment: Environment, python_of: Callable[[str], Path], tmp_path: Path
) -> None:
    """MaterialX's buttons can be clicked on the picture, in the row of tags, and below a full hero."""
    place = Place(environment, python_of(environment.name), tmp_path)
    hero = {"hero_prompt": "a harbour", "hero_tagline": "Storms"}
    place.write(
        {
            "docs/index.md": front(f"# Home\n\n{TEXT}", **hero),
            "docs/tagged.md": front(f"# Home\n\n{TEXT}", **hero, tags=["storm", "night"]),
            "docs/full.md": front(f"# Home\n\n{TEXT}", **hero, hero_layout="full"),
        }
    )
    built = place.build(
        "site",
        "--strict",
        theme={**MATERIALX, "features": ["content.action.edit", "content.action.view"]},
        plugins=["materialx/tags", {"leonardo": dict(SMALL)}],
        repo_url="https://example.org/r",
        edit_uri="edit/main/docs",
        use_directory_urls=False,
    )
    assert built.exit_code == 0, built.log
    with browsing(tmp_path) as open_page:
        for name, width_px in itertools.product(("index", "tagged", "full"), (1280, 390)):
            page = open_page(f"site/{name}.html")
            page.set_viewport_size({"width": width_px, "height": 900})
            buttons = page.locator(".md-content__button").all()
            assert len(buttons) == 2, name
            for button in buttons:
                button.click(trial=True)  # which fails where another element would get the click


@pytest.mark.parametrize("environment", [pytest.param(ALL["properdocs"], id="properdocs")])
def test_configuration_of_properdocs_is_found(
    environment: Environment, python_of: Callable[[str], Path], tmp_path: Path
) -> None:
    """The host and the commands without `-f` find a site's configuration in `properdocs.yml`."""
    place = Place(environment, python_of(environment.name), tmp_path)
    place.write({"docs/index.md": front("# Home", hero_prompt="a lighthouse")})
    place.configure("site", theme={"name": "mkdocs"}, plugins=[{"leonardo": dict(SMALL)}]).rename(
        tmp_path / "properdocs.yml"
    )

    built = place.run("-m", "properdocs", "build", "--strict")
    status = place.run(str(place.python.with_name("mkdocs-leonardo")), "status")

    assert built.returncode == 0, built.stdout
    assert heroes((tmp_path / "site/index.html").read_text("utf-8"))
    assert status.returncode == 0, status.stdout
    assert "index.md" in status.stdout

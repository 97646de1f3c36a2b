"""Fixtures: sites of three themes, built once, served on the loopback interface, and read by one Chromium."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from local_http import Quiet, serve_http
from playwright.sync_api import Browser, Page, sync_playwright

from browser.drawing import draw
from browser.sites import Sites
from browser.windows import Windows
from mkdocs_leonardo.imaging.render import render
from mkdocs_leonardo.spec import Encoding, HeroAsset, PictureRecord, Source

POLICY = "default-src 'self'; img-src 'self' data:"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_browser() -> str | None:
    """The path of a Chromium, None if there is none."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder as `browser`."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium with a profile of its own for a module, whose tests must not use asyncio."""
    executable = find_browser()
    if executable is None:
        reason = "no Chromium on the path and none named in CHROMIUM"
        if os.environ.get("MKDOCS_LEONARDO_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def windows(browser: Browser) -> Windows:
    """The windows of one module's tests."""
    return Windows(browser)


@pytest.fixture
def open_page(windows: Windows) -> Iterator[Callable[..., Page]]:
    """Opens an address in a window of its own and waits until the page is loaded."""
    taken = []

    def open_page(address: str, before: str = "", hold: tuple[Any, Any] | None = None, **options: Any) -> Page:  # noqa: ANN401 - Playwright's own options
        taken.append(windows.take(before, **options))
        page = taken[-1][1]
        if hold is not None:
            page.route(*hold)
        page.goto(address, wait_until="load" if hold is None else "domcontentloaded")
        return page

    yield open_page
    for kind, page in taken:
        windows.give_back(kind, page)


class _Folder(Quiet, SimpleHTTPRequestHandler):
    """A server of a folder without a log; paths below /strict have a strict content security policy."""

    def end_headers(self) -> None:
        if self.path.startswith("/strict"):
            self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()


@pytest.fixture(scope="session")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    """A server for built sites, and six pictures to show on them."""
    folder = tmp_path_factory.mktemp("www")
    files = tmp_path_factory.mktemp("files")
    assets = {
        name: HeroAsset(
            key=(name.encode().hex() + "0" * 64)[:64],
            provider="leonardo",
            model="phoenix",
            source=Source.CACHED,
            rendering=render(
                draw(name),
                PictureRecord((name.encode().hex() + "0" * 64)[:64], "", "", "leonardo", "phoenix"),
                variant_key=name.encode().hex() + "0" * 16,
                encoding=Encoding() if name == "landscape" else Encoding(formats=("jpeg",), widths=(768, 1536)),
                folder=files,
            ),
            creator="Leonardo AI",
        )
        for name in ("landscape", "white", "black", "noise", "halves", "beside", "sky")
    }
    with serve_http(partial(_Folder, directory=str(folder))) as url:
        yield Sites(folder, url, assets)

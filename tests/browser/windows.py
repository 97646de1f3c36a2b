"""Browser windows that tests use again."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

from browser.sites import DESKTOP


class Windows:
    """Windows of one browser. An idle window serves the next test with its options, since a new one takes a second.

    Windows with the same options share cookies and cache.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: dict[str, BrowserContext] = {}
        self._idle: dict[tuple[str, str], list[Page]] = {}

    def take(self, before: str, **options: Any) -> tuple[tuple[str, str], Page]:  # noqa: ANN401 - Playwright's own options
        """A window like a new one, and its kind; the script `before` runs in it before those of any page."""
        viewport = options.pop("viewport", DESKTOP["viewport"])
        name = repr(sorted(options.items()))
        if self._idle.get((name, before)):
            page = self._idle[name, before].pop()
        else:
            if name not in self._contexts:
                self._contexts[name] = self._browser.new_context(**options)
            page = self._contexts[name].new_page()
            page.add_init_script(before)
        page.set_viewport_size(viewport)
        page.emulate_media(media="null", reduced_motion=options.get("reduced_motion", "null"))
        return (name, before), page

    def give_back(self, kind: tuple[str, str], page: Page) -> None:
        """Keep the window for a later test, with nothing in it and no pointer on it."""
        page.unroute_all(behavior="ignoreErrors")
        page.mouse.move(-1, -1)
        page.goto("about:blank")
        self._idle.setdefault(kind, []).append(page)

"""Moves the hero's tags from the content into the head of a page that Zensical has built."""

from __future__ import annotations

import json
import re
from html import unescape

from mkdocs_leonardo.page.head import SocialTags, insert_head

#: Attributes of elements that the Markdown extension adds to a page's content; each has "data-leonardo-".
STYLE_MARK = "data-leonardo-style"
SOCIAL_MARK = "data-leonardo-social"
MARKS = b"data-leonardo-s"

_HEAD_END = b"</head"
# A minifier may have removed or changed the quotes.
_HREF = re.compile(r"\bhref=[\"']?([^\"'\s>]+)")
_VALUE = re.compile(rf"\b{SOCIAL_MARK}=(?:\"([^\"]*)\"|'([^']*)')")


def finish(page: bytes, url: str, site_url: str) -> tuple[bytes, bool]:
    """Return the page with its head complete, and False if the head lacks the image of the page's hero.

    `url` is relative to `site_url`. The head gets one link to the stylesheet, and the tags for sharing of the page's
    hero. Tags of the posts on a blog view are dropped. The page, which may have a megabyte, is searched once.
    """
    page, links, templates = _take_marked(page)
    href = _HREF.search(links[0]) if links else None
    heroes = [json.loads(unescape(found[1] or found[2])) for each in templates if (found := _VALUE.search(each))]
    own = next((hero for hero in heroes if hero["page_url"] == site_url + url), None)
    end = page.find(b">", page.find(_HEAD_END)) + 1
    head = page[:end].decode("utf-8")
    finished = insert_head(
        head,
        stylesheet_url=unescape(href[1]) if href else "",
        social=None if own is None else SocialTags(**own),
    )
    is_named = own is None or "og:image" in finished
    return (page if finished == head else finished.encode("utf-8") + page[end:]), is_named


def _take_marked(page: bytes) -> tuple[bytes, list[str], list[str]]:
    """Return the page without marked elements, the links to the stylesheet, and the templates with tags."""
    links: list[str] = []
    templates: list[str] = []
    kept: list[bytes] = []
    position, place = 0, page.find(MARKS)
    while place >= 0:
        is_link = page.startswith(STYLE_MARK.encode(), place)
        start, end = (b"<link", b">") if is_link else (b"<template", b"</template>")
        first, last = page.rfind(start, position, place), page.find(end, place)
        # A mark in the page's text is no attribute.
        if first >= 0 and last >= 0 and page.find(b">", first, place) < 0:
            last += len(end)
            (links if is_link else templates).append(page[first:last].decode("utf-8"))
            kept.append(page[position:first])
            position = last
        place = page.find(MARKS, max(position, place + len(MARKS)))
    return (b"".join((*kept, page[position:])) if kept else page), links, templates

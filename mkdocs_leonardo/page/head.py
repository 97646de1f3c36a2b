"""The `<head>` of a page with a hero: its stylesheet, its image for sharing, the picture's origin."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable
from html import escape, unescape
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from mkdocs_leonardo.page.markup import TargetPage
from mkdocs_leonardo.spec import MADE_BY_AI, NO_AI, HeroAsset, HeroSpec, Variant, get_width_px

#: The end of the head, its `<meta>` tags, and elements whose text may look like either.
_HEAD_TOKEN = re.compile(
    r"<(?:!--.*?-->"
    r"|(?P<opaque>script|style|template|noscript|title)\b.*?</(?P=opaque)\s*>"
    r"|meta\b(?P<attributes>(?:[^=>]++|=\s*+(?:\"[^\"]*+\"|'[^']*+')?+)*+)>"
    r"|(?P<end>/head\s*>|body[\s>]))",
    re.IGNORECASE | re.DOTALL,
)
_META_NAME = re.compile(r"(?:^|[\s\"'])(?:property|name)\s*=\s*[\"']?\s*([^\s\"'>]+)", re.IGNORECASE)
#: Attributes of elements that the Markdown extension adds to a page's content; each has "data-leonardo-".
STYLE_MARK = "data-leonardo-style"
SOCIAL_MARK = "data-leonardo-social"
MARKS = b"data-leonardo-s"
_HEAD_END = b"</head"
# The patterns of marked elements are compiled when a page has some: only Zensical's pages have.
# A minifier may have removed or changed the quotes.
_HREF = r"\bhref=[\"']?([^\"'\s>]+)"
_VALUE = rf"\b{SOCIAL_MARK}=(?:\"([^\"]*)\"|'([^']*)')"

#: Made once: `dumps` makes one for each page.
_JSON = json.JSONEncoder(ensure_ascii=False)


class SocialTags(NamedTuple):
    """The tags for sharing: title, texts and image of a link to the page. All URLs are absolute; "" and 0 are unknown.

    `title` may hold character references such as ``&amp;``; tags in it are plain text.
    """

    image_url: str
    image_type: str = ""
    width_px: int = 0
    height_px: int = 0
    alt: str = ""
    page_url: str = ""
    title: str = ""
    description: str = ""
    site_name: str = ""


def locate_image(image: str, page: str, find: Callable[[str], str | None], *, default: str = "") -> str:
    """Return the URL of a page's `image` for sharing; `default` for a missing file, "" for an unreadable address.

    An address stays as it is. A file lies beside the page, else below the site's root; `find` returns its URL.
    """
    try:
        if urlsplit(image).scheme or image.startswith("/"):
            return image
    except ValueError:
        return ""
    places = (posixpath.normpath(posixpath.join(folder, image)) for folder in (posixpath.dirname(page), ""))
    return next(filter(None, map(find, places)), default)


def make_social_tags(
    page: TargetPage, spec: HeroSpec, file: Variant, site_url: str, folder_url: str, site_name: str
) -> SocialTags:
    """Make the tags of a page whose hero has the image `file` for sharing, in the folder at `folder_url`.

    `site_url` and `folder_url` end with a slash. The type and the size of an author's own image are unknown.
    """
    url = folder_url + file.name
    # On most pages, `image` is the address that the plugin has announced.
    shared = url if page.image in {"", url} else urljoin(site_url, page.image)
    tags = SocialTags(
        shared,
        page_url=site_url + page.url,
        title=page.title,
        description=page.description,
        site_name=site_name,
    )
    if shared != url:
        return tags
    return tags._replace(image_type="image/jpeg", width_px=file.width_px, height_px=file.height_px, alt=spec.alt)


def insert_head(
    output_html: str,
    *,
    stylesheet_url: str = "",
    social: SocialTags | None = None,
    origin: str = "",
) -> str:
    """Add the link to the stylesheet, the tags for sharing and `origin` at the end of the page's head.

    `origin` comes from `make_linked_data`. A page that has an image for sharing, of its own or of a plugin, gets no
    tags. Of the other properties, it gets those that it lacks. A page without a head is returned as it is.
    """
    names: set[str] = set()
    for token in _HEAD_TOKEN.finditer(output_html):
        if token["end"]:
            lines = [f'<link rel="stylesheet" href="{escape(stylesheet_url)}">'] if stylesheet_url else []
            if social is not None and names.isdisjoint({"og:image", "twitter:image"}):
                lines += [_render_meta(name, text) for name, text in _list_tags(social) if text and name not in names]
            if origin:
                lines.append(origin)
            return _insert(output_html, token.start(), token[0], "".join(f"{line}\n" for line in lines))
        if token["attributes"] and (name := _META_NAME.search(token["attributes"])):
            names.add(name[1].lower())
    return output_html


def _insert(text: str, place: int, end: str, more: str) -> str:
    """Return `text` with `more` before `end`, which is at `place`."""
    if text.find(end) == place:
        # Slices would copy the page twice, which on a large site has a hundred kilobytes and more.
        return text.replace(end, more + end, 1)
    return text[:place] + more + text[place:]


def _list_tags(social: SocialTags) -> list[tuple[str, str]]:
    """List the properties in Open Graph's order: those of an image follow the image."""
    return [
        ("og:type", "article"),
        ("og:title", unescape(social.title)),
        ("og:url", social.page_url),
        ("og:description", social.description),
        ("og:site_name", social.site_name),
        ("og:image", social.image_url),
        ("og:image:type", social.image_type),
        ("og:image:width", str(social.width_px or "")),
        ("og:image:height", str(social.height_px or "")),
        ("og:image:alt", social.alt),
        ("twitter:card", "summary_large_image"),
        ("twitter:image", social.image_url),
        ("twitter:image:alt", social.alt),
    ]


def _render_meta(name: str, text: str) -> str:
    attribute = "property" if name.startswith("og:") else "name"
    return f'<meta {attribute}="{name}" content="{escape(text)}">'


def make_linked_data(asset: HeroAsset, folder_url: str, *, caption: str) -> str:
    """Return the JSON-LD on the picture's origin: a provider's AI, or the mark in the author's picture; else "".

    `folder_url` is the absolute address of the hero's files, with a slash at its end. `caption` is the `alt` text.
    Browsers do not execute JSON-LD, so a policy without inline scripts allows it.
    """
    source_type = asset.rendering.source_type if asset.provider in NO_AI else MADE_BY_AI
    if not source_type:
        return ""
    heroes = [variant for variant in asset.rendering.variants if variant.role == "hero"]
    largest = max([variant for variant in heroes if variant.format == "jpeg"] or heroes, key=get_width_px)
    creator = asset.creator
    value = {
        "@context": "https://schema.org",
        "@type": "ImageObject",
        "contentUrl": folder_url + largest.name,
        **({"creditText": creator, "creator": {"@type": "Organization", "name": creator}} if creator else {}),
        "digitalSourceType": source_type,
        **({"caption": caption} if caption else {}),
    }
    # Inside a script element only "<" can end it or open a comment; in JSON it can be written as an escape.
    text = _JSON.encode(value).replace("<", "\\u003c")
    return f'<script type="application/ld+json">{text}</script>'


def move_to_head(page: bytes, url: str, site_url: str) -> tuple[bytes, bool]:
    """Move the hero's tags from the content into the head, on a page that Zensical has built.

    Returns the page, and False if the head lacks the image of the page's hero. `url` is relative to `site_url`. The
    head gets one link to the stylesheet, and the tags for sharing of the page's hero. Tags of the posts on a blog view
    are dropped. The page, which may have a megabyte, is searched once.
    """
    page, links, templates = _take_marked(page)
    href = re.search(_HREF, links[0]) if links else None
    heroes = [json.loads(unescape(match[1] or match[2])) for html in templates if (match := re.search(_VALUE, html))]
    tags = next((hero for hero in heroes if hero["page_url"] == site_url + url), None)
    end = page.find(b">", page.find(_HEAD_END)) + 1
    head = page[:end].decode("utf-8")
    finished = insert_head(
        head,
        stylesheet_url=unescape(href[1]) if href else "",
        social=None if tags is None else SocialTags(**tags),
    )
    is_named = tags is None or "og:image" in finished
    return (page if finished == head else finished.encode("utf-8") + page[end:]), is_named


def _take_marked(page: bytes) -> tuple[bytes, list[str], list[str]]:
    """Return the page without marked elements, the links to the stylesheet, and the templates with tags."""
    links: list[str] = []
    templates: list[str] = []
    pieces: list[bytes] = []
    position, place = 0, page.find(MARKS)
    while place >= 0:
        is_link = page.startswith(STYLE_MARK.encode(), place)
        start, end = (b"<link", b">") if is_link else (b"<template", b"</template>")
        first, last = page.rfind(start, position, place), page.find(end, place)
        # A mark in the page's text is no attribute.
        if first >= 0 and last >= 0 and page.find(b">", first, place) < 0:
            last += len(end)
            (links if is_link else templates).append(page[first:last].decode("utf-8"))
            pieces.append(page[position:first])
            position = last
        place = page.find(MARKS, max(position, place + len(MARKS)))
    return (b"".join((*pieces, page[position:])) if pieces else page), links, templates

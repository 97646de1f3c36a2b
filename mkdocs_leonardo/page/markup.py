"""Heroes and cards as HTML, and their places in a page. From values to text; places are found with `str.find`.

Author text (alternative text, tagline, title) never becomes markup. There is no inline style or script, so the HTML
fits a policy of ``default-src 'self'; img-src 'self' data:``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html import escape, unescape
from typing import NamedTuple
from unicodedata import east_asian_width

from mkdocs_leonardo.page.headings import find_title_heading
from mkdocs_leonardo.page.themes import compute_sizes, find_full_width_place
from mkdocs_leonardo.spec import (
    CENTER,
    FocalPoint,
    Format,
    HeroAsset,
    HeroSpec,
    Layout,
    MarkupOptions,
    Scrim,
    Variant,
    short_key,
)
from mkdocs_leonardo.tint import SCRIM_LIMIT, SCRIM_STEP, find_tint

#: The default text of the visible line that names the AI.
_CREDIT = "Picture made by AI: {creator}"

#: The formats for the plain `<img>`, which feed readers show. It has the first one that the site writes.
_FALLBACK_ORDER: tuple[Format, ...] = ("jpeg", "webp", "avif")

#: Readers that know neither `srcset` nor `<source>` get the widest file up to this width.
_PLAIN_WIDTH_PX = 960

#: Layouts whose text is beside or above the picture, not on it.
_APART = frozenset({"stacked", "split"})

#: `auto` puts a title above the picture if it has more letters, or would need at least this shade (percent).
_AUTO_LETTERS, _AUTO_SHADE = 100, 50

#: The role without which some screen readers take a `<header>` in ``<div role="main">`` for the site's banner.
_NO_ROLE = ' role="none"'

#: A text with more letters is long. Those of a tagline count half.
SHORT_TEXT = 66
#: The stylesheet has a smaller size for titles of more letters than each of these.
_TITLE_STEPS = (40, 66, 100)
_TAG = re.compile(r"<[^>]*>")

HERO_START = '<header class="leonardo-hero '
_CARD_START = '<a class="leonardo-card"'


class TargetPage(NamedTuple):
    """The facts of a page that its markup needs. `path` is its source below `docs_dir`, `url` is relative to the site.

    `hidden` comes from `list_hidden_parts`. `image` is the image for sharing in the page's metadata: the author's, or
    else the hero's.
    """

    path: str
    url: str
    title: str
    hidden: frozenset[str] = frozenset()
    is_post: bool = False
    description: str = ""
    image: str = ""


def format_focus(focus: FocalPoint) -> str:
    """Return the focal point in percent, as markup and stylesheet spell it: ``30-60``."""
    return f"{_format_percent(focus.x)}-{_format_percent(focus.y)}"


def render_hero(
    asset: HeroAsset,
    spec: HeroSpec,
    heading_html: str,
    page: TargetPage,
    *,
    url: Callable[[str], str],
    theme: str = "",
    markup: MarkupOptions = MarkupOptions(),
) -> str:
    """Return the hero of one page, with the page's own heading unchanged in it.

    `url` turns the name of a variant into a URL that works on this page. `theme` is MkDocs's name of the theme,
    "" for a custom one. With `markup.credit`, a line names the AI that made the picture, if one did. A text for
    `credit` is that line, with ``{creator}`` for the name.
    """
    spec = replace(spec, layout=choose_layout(spec, asset, heading_html))
    title = _extract_title(heading_html)
    sizes = compute_sizes(theme, spec.layout, hidden=page.hidden, is_post=page.is_post)
    is_apart = spec.layout in _APART
    shade = "" if is_apart else _render_scrim_attributes(asset.rendering.scrim, is_long=is_long(title, spec.tagline))
    blur_up_url = escape(asset.rendering.blur_up)
    tagline = [f'<p class="leonardo-hero__tagline">{escape(spec.tagline)}</p>'] if spec.tagline else []
    blur = f'<img class="leonardo-hero__blur" src="{blur_up_url}" alt="" aria-hidden="true">'
    ground = (
        [] if is_apart else [f'<div class="leonardo-hero__ground">{blur if asset.rendering.scrim.blur else ""}</div>']
    )
    text = ['<div class="leonardo-hero__text">', heading_html, *tagline, *ground, "</div>"]
    picture = _render_picture("leonardo-hero", asset, spec.alt, sizes, url, 'fetchpriority="high" decoding="async"')
    # While a page loads, the stylesheet takes the text for complete once an element follows it. That is the blur-up
    # image, which is painted below the text. Its class is a name that sites' own stylesheets use.
    blur_up = f'<img class="leonardo-hero__placeholder" src="{blur_up_url}" alt="" aria-hidden="true">'
    caption = _render_caption("figcaption" if is_apart else "p", asset.creator, markup.credit)
    if is_apart:
        inside = [*text, '<figure class="leonardo-hero__figure">', picture, blur_up, *caption, "</figure>"]
    else:
        inside = [picture, *text, blur_up, *caption]
    attributes = f"{_render_attributes(asset, spec)}{shade}{_render_title_attribute(title)}{_NO_ROLE}"
    return "\n".join([f'{HERO_START}leonardo-hero--{spec.layout}"{attributes}>', *inside, "</header>"])


def _render_caption(tag: str, creator: str, credit: bool | str) -> list[str]:  # noqa: FBT001 - as the site's option has it
    words = escape(credit if isinstance(credit, str) else _CREDIT).replace("{creator}", escape(creator))
    return [f'<{tag} class="leonardo-hero__credit">{words}</{tag}>'] if creator and credit else []


def choose_layout(spec: HeroSpec, asset: HeroAsset, heading_html: str) -> Layout:
    """Return the layout of a hero with this heading. `auto` becomes `stacked` or `content`; any other layout stays."""
    if spec.layout != "auto":
        return spec.layout
    title = _extract_title(heading_html)
    scrim = asset.rendering.scrim
    shades = (scrim.long_narrow, scrim.long_wide) if is_long(title, spec.tagline) else (scrim.narrow, scrim.wide)
    return "stacked" if _count_letters(title) > _AUTO_LETTERS or max(shades) >= _AUTO_SHADE else "content"


def may_cover(layout: Layout, scrim: Scrim | None = None) -> bool:
    """Return whether text may stand on the image. `scrim`: the shade that the image needs, if it is known."""
    if layout == "auto" and scrim is not None:
        return max(scrim.narrow, scrim.wide) < _AUTO_SHADE
    return layout not in _APART | {"none"}


def _extract_title(heading_html: str) -> str:
    """Return the heading's words, without its permalink."""
    return unescape(_TAG.sub("", heading_html)).removesuffix("\u00b6")


def render_card(
    asset: HeroAsset,
    spec: HeroSpec,
    *,
    href: str,
    url: Callable[[str], str],
    sizes: str = "100vw",
    is_eager: bool = False,
) -> str:
    """Return the cover of one post on a blog view, linked to the post.

    The tab order and screen readers skip the link, since the linked title follows. The alternative text is for browsers
    that show no images. `is_eager`: the browser loads the picture at once, as for the first card.
    """
    if is_eager:
        loading = 'fetchpriority="high" decoding="async"'
    else:
        # Browsers that know "auto" use the real width of a lazy picture; other browsers skip the word.
        loading = 'loading="lazy" decoding="async"'
        sizes = f"auto, {sizes}"
    lines = [f'{_CARD_START} href="{escape(href)}" tabindex="-1" aria-hidden="true"{_render_attributes(asset, spec)}>']
    if is_eager:
        # Later cards are below the window, so their blur-up images would only make the page larger.
        lines.append(f'<img class="leonardo-card__placeholder" src="{escape(asset.rendering.blur_up)}" alt="">')
    return "\n".join([*lines, _render_picture("leonardo-card", asset, spec.alt, sizes, url, loading), "</a>"])


def insert_hero(content_html: str, header: Callable[[str], str], title: str) -> str:
    """Return the page's content with the hero at its top, and the page's own heading moved into the hero.

    `header` makes the hero from the heading's HTML. Content without a heading gets one from `title`, which may hold
    character references such as ``&amp;``; tags in it are plain text.
    """
    heading = find_title_heading(content_html)
    if heading is None:
        return f"{header(f'<h1>{escape(unescape(title), quote=False)}</h1>')}\n{content_html}"
    start, end = heading
    return f"{header(content_html[start:end])}\n{content_html[:start]}{content_html[end:]}"


def place_full(output_html: str, header: str) -> str:
    """Move the hero `header` of a rendered page out of the content to where the hero can span the window.

    `insert_hero` has put the hero into the content. The move comes after rendering, since Material writes a heading of
    its own over content without a heading. In a theme without a known place, the hero stays, in the layout `content`.
    """
    start = output_html.find(header)
    if start < 0:
        return output_html
    rest = output_html[start + len(header) :]
    place, is_in_main = find_full_width_place(output_html[:start])
    if place < 0:
        return f"{output_html[:start]}{header.replace('--full', '--content', 1)}{rest}"
    if not is_in_main:
        # Outside the main part of a page, every text should belong to some landmark.
        header = header.replace(_NO_ROLE, ' role="banner"', 1)
    return f"{output_html[:place]}\n{header}\n{output_html[place:start]}" + rest.removeprefix("\n")


def insert_card(excerpt_html: str, card_html: str) -> str:
    """Return the excerpt with the card at its head. An excerpt that has a card stays as it is."""
    return excerpt_html if excerpt_html.startswith(_CARD_START) else f"{card_html}\n{excerpt_html}"


def _render_picture(block: str, asset: HeroAsset, alt: str, sizes: str, url: Callable[[str], str], loading: str) -> str:
    ladders = asset.rendering.ladders
    plain_format = next(name for name in _FALLBACK_ORDER if name in ladders)
    sizes = escape(sizes)
    lines = [f'<picture class="{block}__picture">']
    lines.extend(
        f'<source type="image/{name}" srcset="{_render_srcset(ladders[name], url)}" sizes="{sizes}">'
        for name in reversed(_FALLBACK_ORDER)
        if name in ladders and name != plain_format
    )
    ladder = ladders[plain_format]
    plain = next((variant for variant in reversed(ladder) if variant.width_px <= _PLAIN_WIDTH_PX), ladder[0])
    lines.append(
        f'<img class="{block}__image" src="{escape(url(plain.name))}" srcset="{_render_srcset(ladder, url)}"'
        f' sizes="{sizes}" width="{ladder[-1].width_px}" height="{ladder[-1].height_px}"'
        f' alt="{escape(alt)}" {loading}>'
    )
    lines.append("</picture>")
    return "\n".join(lines)


def _render_srcset(ladder: list[Variant], url: Callable[[str], str]) -> str:
    return escape(", ".join([f"{_escape_candidate(url(variant.name))} {variant.width_px}w" for variant in ladder]))


def _escape_candidate(url: str) -> str:
    """Escape the URL's commas and spaces, which would end a candidate of `srcset`."""
    return url.replace(" ", "%20").replace(",", "%2C")


def is_long(title: str, tagline: str) -> bool:
    """Return whether title and half of the tagline have more than `SHORT_TEXT` letters."""
    return _count_letters(title) + _count_letters(tagline) / 2 > SHORT_TEXT


def _count_letters(text: str) -> int:
    """Count the text's letters; an East Asian letter counts twice (Unicode, annex 11)."""
    return len(text) if text.isascii() else sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def _render_title_attribute(title: str) -> str:
    """Return the attribute of the title's size, from 2 to 4; "" for 1, the largest."""
    size = 1 + sum(_count_letters(title) > letters for letters in _TITLE_STEPS)
    return f' data-title="{size}"' if size > 1 else ""


def _render_scrim_attributes(scrim: Scrim, *, is_long: bool) -> str:
    narrow, wide, wide_rtl = scrim.narrow, scrim.wide, scrim.wide_rtl
    if is_long:
        narrow, wide, wide_rtl = scrim.long_narrow, scrim.long_wide, scrim.long_wide_rtl
    measured = {"narrow": narrow, "wide": wide, "wide-rtl": wide_rtl}
    return "".join(f' data-scrim-{view}="{_round_to_scrim_step(percent):02}"' for view, percent in measured.items())


def _round_to_scrim_step(percent: int) -> int:
    """Round up to the next percentage that the stylesheet knows."""
    return min(SCRIM_LIMIT, -(-max(0, percent) // SCRIM_STEP) * SCRIM_STEP)


def _render_attributes(asset: HeroAsset, spec: HeroSpec) -> str:
    focus = "" if spec.focus == CENTER else f' data-focus="{format_focus(spec.focus)}"'
    tint = find_tint(asset.rendering.dominant)
    return (
        f' data-provider="{escape(asset.provider)}" data-key="{escape(short_key(asset.key))}"{focus} data-tint="{tint}"'
    )


def _format_percent(fraction: float) -> int:
    return round(min(1.0, max(0.0, fraction)) * 100)

"""The heroes of one built site: their HTML on each page, and their files. Values in, text out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from mkdocs_leonardo.page.head import SocialTags, insert_head, make_linked_data, make_social_tags
from mkdocs_leonardo.page.markup import (
    HERO_START,
    TargetPage,
    insert_card,
    insert_hero,
    place_full,
    render_card,
    render_hero,
)
from mkdocs_leonardo.page.stylesheet import build_stylesheet
from mkdocs_leonardo.page.themes import compute_sizes, find_full_width_place
from mkdocs_leonardo.spec import SITE_FOLDER, HeroAsset, HeroSpec, MarkupOptions, Variant, short_key


@dataclass(frozen=True, slots=True)
class HeroContext:
    """The template variable ``hero``. Its URLs are relative to the page, except `social`: absolute, or "".

    `layout` is the page's or the site's; with ``none``, a template draws the hero. `provider` is leonardo, openai,
    local, own or another one. `credit` names the AI that made the picture, "" if none did. The files' names begin with
    `key`. `width` and `height` are the picture's, in pixels. `dominant` is its main colour as ``#rrggbb``, and `focus`
    its focal point in the syntax of `object-position`. `placeholder`, a name that templates use, is the blur-up image
    as a data URI.
    """

    _asset: HeroAsset
    _url: Callable[[str], str]
    layout: str
    alt: str
    tagline: str
    provider: str
    credit: str
    key: str
    width: int
    height: int
    dominant: str
    placeholder: str
    focus: str
    social: str

    @property
    def src(self) -> str:
        """URL of the largest file that every browser can show. Computed on access, since few themes use it."""
        ladders = self._asset.rendering.ladders
        return self._url((ladders.get("jpeg") or next(iter(ladders.values())))[-1].name)

    @property
    def srcset(self) -> Mapping[str, str]:
        """The candidates for a ``<source>`` of each MIME type, best type first. Computed on access."""
        return {
            f"image/{name}": ", ".join(f"{self._url(variant.name)} {variant.width_px}w" for variant in ladder)
            for name, ladder in self._asset.rendering.ladders.items()
        }


class SiteMarkup:
    """The HTML and files of a site's heroes: one object per build, made when all heroes are known."""

    def __init__(
        self,
        heroes: Mapping[str, tuple[HeroSpec, HeroAsset]],
        *,
        site_url: str,
        theme: str,
        site_name: str,
        markup: MarkupOptions,
        relative: Callable[[str, str], str],
    ) -> None:
        """`heroes` has the source paths of pages as keys. `relative(uri, page_url)` is the host's relative URL."""
        self._heroes = dict(heroes)
        self._site_url = make_absolute_url(site_url, "") if site_url else ""
        self._folder_url = make_absolute_url(site_url, f"{SITE_FOLDER}/")
        self._theme = theme
        self._site_name = site_name
        self._markup = markup
        self._relative = relative
        specs = [spec for spec, _ in heroes.values()]
        self._stylesheet = build_stylesheet(specs, theme, markup)
        self._headers: dict[str, str] = {}
        self._with_cards: set[str] = set()
        self._last_folder: tuple[str | None, str] = None, ""

    def remove(self, path: str) -> None:
        """Remove the page's hero and its image for sharing."""
        self._heroes.pop(path, None)

    # Files -----------------------------------------------------------------------------------------------------------

    def list_pictures(self) -> dict[str, str]:
        """Map the path in the site of every picture to its file."""
        return {
            f"{SITE_FOLDER}/{variant.name}": variant.path_text
            for _, asset in self._heroes.values()
            for variant in asset.rendering.variants
        }

    def get_social_picture(self, path: str) -> Variant | None:
        """Return the picture for sharing the page; None without one."""
        return self._heroes[path][1].rendering.social if path in self._heroes else None

    def make_stylesheet(self) -> tuple[str, bytes] | None:
        """Return path in the site and content of the stylesheet; None if no page needs it."""
        has_cards = self._markup.cards and self._heroes
        if not has_cards and all(spec.layout == "none" for spec, _ in self._heroes.values()):
            return None
        name, content = self._stylesheet
        return f"{SITE_FOLDER}/{name}", content

    # Pages -----------------------------------------------------------------------------------------------------------

    def describe_hero(self, page: TargetPage) -> HeroContext | None:
        """Return the template variable `hero` of the page; None without a hero."""
        if page.path not in self._heroes:
            return None
        spec, asset = self._heroes[page.path]
        rendering = asset.rendering
        file = rendering.social if self._site_url else None
        return HeroContext(
            asset,
            self._make_url_function(page),
            layout=spec.layout,
            alt=spec.alt,
            tagline=spec.tagline,
            provider=asset.provider,
            credit=asset.creator,
            key=short_key(asset.key),
            width=rendering.width_px,
            height=rendering.height_px,
            dominant=rendering.dominant,
            placeholder=rendering.blur_up,
            focus=f"{spec.focus.x * 100:g}% {spec.focus.y * 100:g}%",
            social=self._folder_url + file.name if file is not None else "",
        )

    def add_hero(self, page: TargetPage, content_html: str) -> str:
        """Return the page's content with its hero at the top."""
        if page.path not in self._heroes:
            return content_html
        spec, asset = self._heroes[page.path]
        if spec.layout == "none":
            return content_html

        def header(heading_html: str) -> str:
            hero = self._headers[page.url] = render_hero(
                asset,
                spec,
                heading_html,
                page,
                url=self._make_url_function(page),
                theme=self._theme,
                markup=self._markup,
            )
            return hero

        return insert_hero(content_html, header, page.title)

    def add_cover(self, page: TargetPage, post: str, content_html: str, *, href: str) -> str:
        """Return a post's excerpt on a blog view, with the post's cover at its head.

        A browser should fetch one picture first: the view's own hero, or else the first cover.
        """
        if not self._markup.cards or post not in self._heroes:
            return content_html
        spec, asset = self._heroes[post]
        sizes = compute_sizes(self._theme, "content", hidden=page.hidden, is_card=True)
        has_hero = page.path in self._heroes and self._heroes[page.path][0].layout != "none"
        is_eager = not has_hero and page.url not in self._with_cards
        self._with_cards.add(page.url)
        cover = render_card(asset, spec, href=href, url=self._make_url_function(page), sizes=sizes, is_eager=is_eager)
        return insert_card(content_html, cover)

    def has_hero(self, path: str) -> bool:
        """Return whether the page at `path` has a hero."""
        return path in self._heroes

    def is_unseen(self, page: TargetPage, output_html: str) -> bool:
        """Return whether the page's template shows neither the content, where the hero is, nor any file of the hero."""
        if page.url not in self._headers or HERO_START.rstrip() in output_html:
            return False
        _, asset = self._heroes[page.path]
        names = (variant.name for variant in asset.rendering.variants if variant.role == "hero")
        return not any(name in output_html for name in names)

    def is_left_in_content(self, page: TargetPage, output_html: str) -> bool:
        """Return whether the page's hero has the layout `full`, for which the theme has no known place."""
        is_full = page.url in self._headers and self._heroes[page.path][0].layout == "full"
        return is_full and find_full_width_place(output_html)[0] < 0

    def complete(self, page: TargetPage, output_html: str) -> str:
        """Put the hero of a rendered page into its final place, and complete the page's head."""
        header = self._headers.pop(page.url, None)
        hero = self._heroes.get(page.path)
        shows = header is not None or page.url in self._with_cards
        if not shows and hero is None:
            return output_html
        if header is not None and hero is not None and hero[0].layout == "full":
            output_html = place_full(output_html, header)
        name, _ = self._stylesheet
        social, origin = self._describe(page, *hero) if hero is not None and self._site_url else (None, "")
        stylesheet_url = self._make_url_function(page)(name) if shows else ""
        return insert_head(output_html, stylesheet_url=stylesheet_url, social=social, origin=origin)

    def _describe(self, page: TargetPage, spec: HeroSpec, asset: HeroAsset) -> tuple[SocialTags | None, str]:
        """Return the tags for sharing the page, and the JSON-LD on its picture's origin."""
        origin = make_linked_data(asset, self._folder_url, caption=spec.alt)
        file = asset.rendering.social
        if not self._markup.social or file is None:
            return None, origin
        return make_social_tags(page, spec, file, self._site_url, self._folder_url, self._site_name), origin

    def _make_url_function(self, page: TargetPage) -> Callable[[str], str]:
        """Return the function from a file's name to its URL on `page`."""
        if self._last_folder[0] != page.url:
            # Called several times a page.
            self._last_folder = page.url, self._folder_on(page.url)
        folder = self._last_folder[1]
        return lambda name: folder + name

    def _folder_on(self, page_url: str) -> str:
        if page_url == "404.html":
            # It is served in place of missing pages at any depth, where only an absolute path works.
            return f"{urlsplit(self._site_url).path or '/'}{SITE_FOLDER}/"
        return self._relative(f"{SITE_FOLDER}/", page_url)


def make_absolute_url(site_url: str, site_path: str) -> str:
    """Return the absolute URL of `site_path`, which is a URL relative to `site_url`."""
    return f"{site_url}{site_path}" if site_url.endswith("/") else f"{site_url}/{site_path}"

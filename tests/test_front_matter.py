"""Front matter becomes a hero, or a one-line message and no purchase."""

import itertools
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import PurePosixPath

import pytest
import yaml
from endless import ending
from hypothesis import example, given
from hypothesis import strategies as st
from mkdocs.utils.meta import get_data

from mkdocs_leonardo.author_text import describe_value, did_you_mean, find_style
from mkdocs_leonardo.front_matter import (
    KEYS,
    LAYOUTS,
    MAX_ALT_CHARACTERS,
    MAX_TAGLINE_CHARACTERS,
    FrontMatter,
    HeroDefaults,
    read,
)
from mkdocs_leonardo.picture_rules import MAX_PROMPT_CHARACTERS, MAX_SEED, STYLES, PictureRules
from mkdocs_leonardo.spec import FocalPoint, PictureSpec, generation_key

PROMPT = "a lighthouse in a storm, dawn"
EVERY_STYLE = f"it may be {', '.join(STYLES[:-1])} or {STYLES[-1]}"
#: Beyond what `str` and `repr` of a number may write.
HUGE = 0xF << 40_000


def read_meta(
    meta: Mapping[str, object],
    *,
    page: str = "blog/a.md",
    title: str = "Harbours",
    defaults: HeroDefaults = HeroDefaults(),  # noqa: B008 - frozen
) -> FrontMatter:
    """Read the metadata of one page."""
    return read(meta, page=page, title=title, defaults=defaults)


def read_yaml(lines: str) -> FrontMatter:
    """Read the text of a file as the host parses it."""
    _, meta = get_data(f"---\n{lines}\n---\n\n# A page\n")
    return read_meta(meta)


def picture_of(front_matter: FrontMatter) -> PictureSpec:
    """The picture request of a page without a problem."""
    assert front_matter.problems == ()
    assert front_matter.hero is not None
    assert front_matter.hero.picture is not None
    return front_matter.hero.picture


def problem_of(front_matter: FrontMatter) -> str:
    """The one message of a page without a hero."""
    assert front_matter.hero is None
    assert front_matter.image is None
    assert len(front_matter.problems) == 1
    return str(front_matter.problems[0])


# What is right ------------------------------------------------------------------------------------


def test_read_without_hero_keys_wants_nothing_and_says_nothing() -> None:
    """Metadata without hero keys, of any types, gives neither a hero nor a message."""
    assert read_meta({"title": "x", "date": date(2026, 1, 1), 5: 6, None: 1}) == FrontMatter(None)  # type: ignore[dict-item]  # as YAML gives them


def test_read_of_every_key_gives_the_hero_they_describe() -> None:
    """Each key sets its own field of the hero."""
    front_matter = read_yaml(
        """
hero_prompt: a lighthouse in a storm, dawn
hero_style: creative
hero_negative_prompt: people
hero_seed: 42
hero_alt: A lighthouse
hero_tagline: Where ships come home
hero_focus: 30% 60%
hero_layout: full
"""
    )

    assert picture_of(front_matter) == PictureSpec(
        prompt=PROMPT, style="CREATIVE", negative_prompt="people", seed=42, width_px=1536, height_px=864
    )
    hero = front_matter.hero
    assert hero is not None
    assert (hero.page, hero.alt, hero.tagline) == ("blog/a.md", "A lighthouse", "Where ships come home")
    assert (hero.focus, hero.layout) == (FocalPoint(0.3, 0.6), "full")
    assert front_matter.image is None


def test_read_of_a_prompt_alone_takes_the_sites_defaults() -> None:
    """A prompt alone gives a hero with the site's defaults."""
    defaults = HeroDefaults(
        PictureSpec("", style="MOODY", negative_prompt=" text ", width_px=1024, height_px=576),
        prompt_template="{title}: {prompt}, film grain",
        layout="full",
    )

    front_matter = read_meta({"hero_prompt": PROMPT}, title="Harbours {of} \n Europe", defaults=defaults)

    assert picture_of(front_matter) == PictureSpec(
        prompt=f"Harbours {{of}} Europe: {PROMPT}, film grain",
        style="MOODY",
        negative_prompt="text",
        width_px=1024,
        height_px=576,
    )
    assert front_matter.hero is not None
    assert (front_matter.hero.alt, front_matter.hero.tagline, front_matter.hero.layout) == ("", "", "full")


def test_read_of_a_negative_prompt_adds_to_the_sites_own() -> None:
    """The negative prompt is the site's text followed by the page's."""
    front_matter = read_meta(
        {"hero_prompt": PROMPT, "hero_negative_prompt": "boats"},
        defaults=HeroDefaults(PictureSpec("", negative_prompt="people, text")),
    )

    assert picture_of(front_matter).negative_prompt == "people, text, boats"


def test_read_of_other_keys_without_a_prompt_wants_nothing() -> None:
    """Hero keys without a prompt, such as a folder's style, give no hero."""
    assert read_meta({"hero_style": "MOODY", "hero_layout": "full"}) == FrontMatter(None)


@pytest.mark.parametrize("line", ["false", "no", "off", "False", '"false"', "' FALSE '"])
def test_read_with_prompt_false_wins_over_everything_inherited(line: str) -> None:
    """`false` in any spelling of YAML gives no hero and no message about inherited values."""
    front_matter = read_yaml(f"hero_prompt: {line}\nhero_style: NOPE\nhero_seed: -1\nhero_image: ../../../x\n")

    assert front_matter == FrontMatter(None)


def test_read_with_prompt_false_still_names_unknown_keys() -> None:
    """An unknown key beside `hero_prompt: false` is a message."""
    front_matter = read_meta({"hero_prompt": False, "hero_stlye": "MOODY"})

    assert front_matter.hero is None
    assert [problem.key for problem in front_matter.problems] == ["hero_stlye"]


def test_read_of_metadata_without_dashes_means_the_same_as_yaml() -> None:
    """Numbers and `false` in the older metadata format, which has only text, mean the same as in YAML."""
    _, wanted = get_data(f"hero_prompt: {PROMPT}\nhero_seed: 42\n\n# A page\n")
    _, declined = get_data("hero_prompt: false\nhero_style: MOODY\n\n# A page\n")

    assert picture_of(read_meta(wanted)).seed == 42
    assert read_meta(declined) == FrontMatter(None)


@pytest.mark.parametrize(
    "text",
    [
        "🌊🌅 a lighthouse 🗼",
        "🌊",
        "منارة في عاصفة عند الفجر",
        "\u200fמגדלור בסערה",  # noqa: RUF001 - Hebrew
        "嵐の灯台、夜明け",
        "\"quoted\" and 'single' and «guillemets»",
        "<script>alert('x')</script> & <b>bold</b> &amp; {title %s $HOME",
        "x" * MAX_PROMPT_CHARACTERS,
    ],
)
def test_read_of_unusual_text_keeps_it_as_it_is(text: str) -> None:
    """Emoji, right-to-left text, quotes and HTML are kept unescaped."""
    meta = {"hero_prompt": text, "hero_alt": text[:MAX_ALT_CHARACTERS], "hero_tagline": text[:MAX_TAGLINE_CHARACTERS]}

    front_matter = read_meta(meta)

    assert picture_of(front_matter).prompt == text
    assert front_matter.hero is not None
    assert front_matter.hero.alt == text[:MAX_ALT_CHARACTERS]
    assert front_matter.hero.tagline == text[:MAX_TAGLINE_CHARACTERS]


def test_read_of_a_prompt_over_several_lines_folds_it_into_one() -> None:
    """Line breaks, tabs and control characters in a prompt become spaces."""
    front_matter = read_yaml('hero_prompt: "a lighthouse\\n\\t in a\\0 storm,\\u2028\\x85 dawn "')

    assert picture_of(front_matter).prompt == PROMPT


def test_read_of_emoji_written_as_two_escapes_joins_the_halves() -> None:
    """An emoji in two JSON escapes is joined, and half a character alone does not break the key."""
    picture = picture_of(read_meta({"hero_prompt": "\ud83c\udf0a storm \ud83c"}))

    assert picture.prompt == "🌊 storm"
    assert generation_key("p", "m", picture, {})


@pytest.mark.parametrize(
    ("text", "style"),
    [
        ("CINEMATIC", "CINEMATIC"),
        (" cinematic concept ", "CINEMATIC_CONCEPT"),
        ("3D Render", "3D_RENDER"),
        ("Pro B&W photography", "PRO_BW_PHOTOGRAPHY"),
        ("Sketch (B&W)", "SKETCH_BW"),
        ("graphic-design-pop-art", "GRAPHIC_DESIGN_POP_ART"),
        ("Ray Traced", "RAY_TRACED"),
        ("none", "NONE"),
    ],
)
def test_style_named_as_the_service_shows_it_is_found(text: str, style: str) -> None:
    """A style is found regardless of case, spaces and punctuation."""
    assert find_style(text) == style


@pytest.mark.parametrize("style", STYLES)
def test_style_named_finds_every_documented_style(style: str) -> None:
    """Every documented style is found in either case."""
    assert find_style(style) == find_style(style.lower()) == style


@pytest.mark.parametrize(
    ("line", "seed"),
    [("0", 0), ("42", 42), ("'42'", 42), ("1_000", 1000), ("0x10", 16), (str(MAX_SEED), MAX_SEED)],
)
def test_read_of_a_seed_as_yaml_writes_whole_numbers_is_taken(line: str, seed: int) -> None:
    """Every spelling of a whole number is a valid seed, quoted or not."""
    assert picture_of(read_yaml(f"hero_prompt: {PROMPT}\nhero_seed: {line}")).seed == seed


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("left", FocalPoint(0.0, 0.5)),
        ("right", FocalPoint(1.0, 0.5)),
        ("top", FocalPoint(0.5, 0.0)),
        ("bottom", FocalPoint(0.5, 1.0)),
        (" Center ", FocalPoint(0.5, 0.5)),
        ("0% 100%", FocalPoint(0.0, 1.0)),
        ("12.4%   59.6%", FocalPoint(0.12, 0.6)),
        ("0.5% 1.5%", FocalPoint(0.0, 0.02)),
    ],
)
def test_read_of_a_focus_gives_its_point(text: str, point: FocalPoint) -> None:
    """Words and percentages give a focal point within the picture, in the whole percents of its files' names."""
    front_matter = read_meta({"hero_prompt": PROMPT, "hero_focus": text})

    assert front_matter.hero is not None
    assert front_matter.hero.focus == point


@pytest.mark.parametrize("layout", LAYOUTS)
def test_read_of_a_layout_overrides_the_sites(layout: str) -> None:
    """A page can choose each layout; `none` is a word and not null."""
    front_matter = read_yaml(f"hero_prompt: {PROMPT}\nhero_layout: {layout}")

    assert front_matter.hero is not None
    assert front_matter.hero.layout == layout


@pytest.mark.parametrize("key", ["hero_alt", "hero_tagline", "hero_negative_prompt"])
def test_read_of_an_empty_text_in_quotes_is_no_text(key: str) -> None:
    """An empty `hero_alt` is an absent one."""
    front_matter = read_meta({"hero_prompt": PROMPT, key: ""})

    assert picture_of(front_matter).negative_prompt == ""
    assert front_matter.hero is not None
    assert front_matter.hero.alt == front_matter.hero.tagline == ""


# The author's own picture -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "text", "path"),
    [
        ("index.md", "harbour.jpg", "harbour.jpg"),
        ("index.md", "./images/harbour.jpg", "images/harbour.jpg"),
        ("index.md", "images/../harbour.jpg", "harbour.jpg"),
        ("blog/posts/a.md", "harbour.jpg", "blog/posts/harbour.jpg"),
        ("blog/posts/a.md", " ../../images/harbour.jpg ", "images/harbour.jpg"),
        ("blog/posts/a.md", "images//my harbour, 50%.jpg", "blog/posts/images/my harbour, 50%.jpg"),
        ("blog/a.md", "👩‍💻 مرفأ.png", "blog/👩‍💻 مرفأ.png"),
    ],
)
def test_read_of_an_own_picture_resolves_it_against_the_page(page: str, text: str, path: str) -> None:
    """The path of an own picture is relative to the page, and the hero's to docs_dir."""
    front_matter = read_meta({"hero_prompt": PROMPT, "hero_image": text, "hero_alt": "A harbour"}, page=page)

    assert front_matter.problems == ()
    assert front_matter.image == PurePosixPath(path)
    assert front_matter.hero is not None
    assert front_matter.hero.picture is None
    assert front_matter.hero.alt == "A harbour"


_RELATIVE = "it must be an image's path relative to the page, such as images/harbour.jpg or ../images/harbour.jpg"
_COPY = "copy the image into the documentation folder and write its path, such as images/harbour.jpg"
_FOLDER = "it names a folder; add the image's name, as in images/harbour.jpg"
_SLASHES = "write / between the folders, as in images/harbour.jpg"
_UNSEEN = "leave out the colon or invisible character, which not every system can have in a path"
_INSIDE = "it must stay inside the documentation folder"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, f"is empty; {_RELATIVE}"),
        ("", f"is empty; {_RELATIVE}"),
        (False, f"is false (as YAML also reads no and off); {_RELATIVE}"),
        (["a.jpg"], f"is ['a.jpg']; {_RELATIVE}"),
        ("/etc/passwd", f"is '/etc/passwd'; {_RELATIVE}"),
        ("//[half", f"is '//[half'; {_RELATIVE}"),
        (r"\\server\a.jpg", rf"is '\\\\server\\a.jpg'; {_RELATIVE}"),
        ("images\\a.jpg", rf"is 'images\\a.jpg'; {_SLASHES}"),
        ("..\\..\\..\\a.jpg", rf"is '..\\..\\..\\a.jpg'; {_SLASHES}"),
        ("C:\\a.jpg", rf"is 'C:\\a.jpg'; {_COPY}"),
        ("http://[half", f"is 'http://[half'; {_COPY}"),
        ("data:image/png;base64,AAAA", f"is 'data:image/png;base64,AAAA'; {_COPY}"),
        ("./C:/a.jpg", f"is './C:/a.jpg'; {_UNSEEN}"),
        ("../../a.jpg", f"is '../../a.jpg'; {_INSIDE}"),
        ("images/../../../blog/a.jpg", f"is 'images/../../../blog/a.jpg'; {_INSIDE}"),
        (".", f"is '.'; {_FOLDER}"),
        ("..", f"is '..'; {_FOLDER}"),
        ("images/", f"is 'images/'; {_FOLDER}"),
        ("a\0.jpg", f"is 'a\\x00.jpg'; {_UNSEEN}"),
        ("a\nb.jpg", f"is 'a\\nb.jpg'; {_UNSEEN}"),
        ("a\ud83c.jpg", f"is 'a\\ud83c.jpg'; {_UNSEEN}"),
    ],
)
def test_read_of_an_own_picture_elsewhere_is_refused(value: object, message: str) -> None:
    """An own picture outside docs_dir, or with a path of one system only, is a message."""
    assert problem_of(read_meta({"hero_image": value})) == f"blog/a.md: hero_image {message}"


def test_read_of_an_own_picture_above_a_page_in_the_root_is_refused() -> None:
    """An own picture above docs_dir is a message."""
    front_matter = read_meta({"hero_image": "../a.jpg"}, page="index.md")

    assert problem_of(front_matter) == f"index.md: hero_image is '../a.jpg'; {_INSIDE}"


def test_read_of_an_own_picture_by_signed_address_keeps_the_secret_out_of_the_message() -> None:
    """The message about an address as own picture contains neither password nor signature."""
    front_matter = read_meta({"hero_image": "https://me:pass@cdn.example/a.jpg?signature=abc#frag"})

    assert problem_of(front_matter) == f"blog/a.md: hero_image is 'https://…cdn.example/a.jpg…'; {_COPY}"


@given(st.text(alphabet="./\\ab:", max_size=24), st.sampled_from(["a.md", "b/a.md", "b/c/a.md"]))
def test_read_of_any_own_picture_stays_inside_the_documentation_folder(text: str, page: str) -> None:
    """Every mixture of dots, slashes and drives stays inside docs_dir or is refused."""
    image = read_meta({"hero_image": text}, page=page).image

    if image is not None:
        assert not image.is_absolute()
        assert not {"..", ".", ""} & set(image.parts)
        assert not any("\\" in part or ":" in part for part in image.parts)


# What is wrong ------------------------------------------------------------------------------------

_WORDS = "describe the image in words (put quotes around them), or write false for no hero"
_FEW_WORDS = "describe the image in a few words, or write false for no hero"
_SEED = "it must be a whole number from 0 to 9999999998"
_FOCUS = 'it may be left, right, top, bottom, center or two percentages such as "30% 60%"'
_TRUE = "is true (as YAML also reads yes and on)"
_FALSE = "is false (as YAML also reads no and off)"
_QUOTES = "it must be text; put quotes around it"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("hero_prompt:", f"is empty; {_FEW_WORDS}"),
        ("hero_prompt: ''", f"is empty; {_FEW_WORDS}"),
        ('hero_prompt: " \\t\\u200b\\u00a0"', f"is empty; {_FEW_WORDS}"),
        ("hero_prompt: none", f"is 'none'; {_FEW_WORDS}"),
        ("hero_prompt: 'Yes'", f"is 'Yes'; {_FEW_WORDS}"),
        ("hero_prompt: true", f"{_TRUE}; {_WORDS}"),
        ("hero_prompt: on", f"{_TRUE}; {_WORDS}"),
        ("hero_prompt: 1984", f"is 1984; {_WORDS}"),
        ("hero_prompt: 2024-05-01", f"is 2024-05-01; {_WORDS}"),
        ("hero_prompt: 2024-05-01 12:30:00", f"is 2024-05-01T12:30:00; {_WORDS}"),
        ("hero_prompt: [harbour, dusk]", f"is ['harbour', 'dusk']; {_WORDS}"),
        ("hero_prompt: {harbour: dusk}", f"is {{'harbour': 'dusk'}}; {_WORDS}"),
        ("hero_prompt: .nan", f"is nan; {_WORDS}"),
        ("hero_prompt: &a [*a]", f"is [[[...]]]; {_WORDS}"),
        ("hero_style: CINEMTIC", "is 'CINEMTIC'; did you mean CINEMATIC?"),
        ("hero_style: bokee", "is 'bokee'; did you mean BOKEH?"),
        ("hero_style: watercolour", f"is 'watercolour'; {EVERY_STYLE}"),
        ("hero_style:", f"is empty; {EVERY_STYLE}"),
        ("hero_style: no", f"{_FALSE}; {EVERY_STYLE}"),
        ("hero_style: [CINEMATIC]", f"is ['CINEMATIC']; {EVERY_STYLE}"),
        ("hero_style: <script>", f"is '<script>'; {EVERY_STYLE}"),
        ("hero_seed: true", f"{_TRUE}; {_SEED}"),
        ("hero_seed: -1", f"is -1; {_SEED}"),
        ("hero_seed: 1.5", f"is 1.5; {_SEED}"),
        ("hero_seed: 42.0", f"is 42.0; {_SEED}"),
        ("hero_seed: many", f"is 'many'; {_SEED}"),
        ("hero_seed: 9999999999", f"is 9999999999; {_SEED}"),
        ("hero_seed: '99999999999999999999999'", f"is '99999999999999999999999'; {_SEED}"),
        ("hero_seed:", f"is empty; {_SEED}"),
        ("hero_alt: 5", f"is 5; {_QUOTES}"),
        ("hero_alt:", "is empty; write some text, or remove the line"),
        ("hero_tagline: 2024-05-01", f"is 2024-05-01; {_QUOTES}"),
        ("hero_tagline: [a]", f"is ['a']; {_QUOTES}"),
        ("hero_negative_prompt: no", f"{_FALSE}; {_QUOTES}"),
        ("hero_focus: centre", f"is 'centre'; {_FOCUS}"),
        ("hero_focus: 30", f"is 30; {_FOCUS}"),
        ("hero_focus: 30% 101%", f"is '30% 101%'; {_FOCUS}"),
        ("hero_focus: -5% 50%", f"is '-5% 50%'; {_FOCUS}"),
        ("hero_focus: 30 60", f"is '30 60'; {_FOCUS}"),
        ("hero_focus: [30%, 60%]", f"is ['30%', '60%']; {_FOCUS}"),
        ("hero_layout: ful", "is 'ful'; did you mean full?"),
        ("hero_layout: wide", "is 'wide'; it may be content, full, stacked, split, auto or none"),
        ("hero_layout: off", f"{_FALSE}; it may be content, full, stacked, split, auto or none"),
    ],
)
def test_read_of_a_wrong_value_names_page_key_value_and_fix(line: str, message: str) -> None:
    """A wrong value gives no hero and one line with page, key, value and fix."""
    key = line.partition(":")[0]
    prompt = "" if key == "hero_prompt" else f"hero_prompt: {PROMPT}\n"

    assert problem_of(read_yaml(f"{prompt}{line}")) == f"blog/a.md: {key} {message}"


@pytest.mark.parametrize(
    ("key", "most"),
    [
        ("hero_prompt", MAX_PROMPT_CHARACTERS),
        ("hero_negative_prompt", MAX_PROMPT_CHARACTERS),
        ("hero_alt", MAX_ALT_CHARACTERS),
        ("hero_tagline", MAX_TAGLINE_CHARACTERS),
    ],
)
def test_read_of_a_hundred_thousand_characters_says_how_many_are_allowed(key: str, most: int) -> None:
    """The message about a long value states its length and the limit, without the value."""
    message = problem_of(read_meta({"hero_prompt": PROMPT, key: "long " * 20_000}))

    assert message.endswith(f"; it has 99,999 characters, and at most {most:,} are allowed")
    assert len(message) < 200


@pytest.mark.parametrize(
    "prompt",
    [
        "{{ place }} in a storm",
        "{% if dawn %}a mast{% endif %}",
        "a {{\nplace }}",
        "{{place.name}}",
        "{{place|upper}} at {{ hour + 1 }}",
        "{{- place -}}",
    ],
)
def test_read_of_a_prompt_with_a_macro_wants_nothing(prompt: str) -> None:
    """A prompt with an unrendered macro gives no hero and a message."""
    found = read_meta({"hero_prompt": prompt})

    assert found.hero is None
    (problem,) = found.problems
    assert "; no plugin has rendered this macro; write the words themselves" in str(problem)


#: What a page says of itself.
POST = {
    "description": " A quiet\nharbour ",
    "categories": ["Sea", "Travel"],
    "tags": ["boats", 2026, None],
}


@pytest.mark.parametrize(
    ("prompt", "filled"),
    [
        ("{title} in ink", "Har{b}ours & {{co}} in ink"),
        ("{description}, {category}: {tags}", "A quiet harbour, Sea: boats, 2026"),
        ("a poster of {site_name}", "a poster of The {title} Log"),
        ("the set {{a, b}} in neon, {{{category}}}", "the set {a, b} in neon, {Sea}"),
        ("brackets {{ and }}, {{tight}}", "brackets { and }, {tight}"),
        ("a smile :} and a beard :{", "a smile :} and a beard :{"),
    ],
)
def test_read_of_a_prompt_with_names_in_braces_fills_them_in_once(prompt: str, filled: str) -> None:
    """Names in braces are replaced by the page's values, and braces in a value stay."""
    meta = {"hero_prompt": prompt, **POST}

    hero = read(meta, page="a.md", title="Har{b}ours & {{co}}", site_name="The {title} Log", defaults=HeroDefaults())

    assert picture_of(hero).prompt == filled


@pytest.mark.parametrize(
    ("meta", "filled"),
    [
        ({}, "a view of , , ."),
        ({"category": "Coast", "tags": "a single tag"}, "a view of Coast, a single tag, ."),
        ({"categories": {"a": 1}, "tags": [True, ["x"]], "description": None}, "a view of , , ."),
    ],
)
def test_read_of_a_prompt_fills_in_nothing_where_the_page_says_nothing(meta: dict[str, object], filled: str) -> None:
    """A missing value or one of a wrong type is replaced by nothing."""
    assert (
        picture_of(read_meta({"hero_prompt": "a view of {category}, {tags}, {description}.", **meta})).prompt == filled
    )


def test_read_of_names_in_braces_is_the_same_in_the_template_as_in_the_prompt() -> None:
    """The template may use the same names in braces as the prompt, and `{prompt}`."""
    defaults = HeroDefaults(prompt_template="{title} ({category}): {prompt}, {{sic}}")

    assert picture_of(read_meta({"hero_prompt": "a {tags} poster", **POST}, defaults=defaults)).prompt == (
        "Harbours (Sea): a boats, 2026 poster, {sic}"
    )


@pytest.mark.parametrize(
    ("prompt", "fix"),
    [
        ("{Title} at dusk", "{Title} cannot be filled in; did you mean {title}?"),
        ("{titel} at dusk", "{titel} cannot be filled in; did you mean {title}?"),
        ("{ title } at dusk", "{ title } cannot be filled in; did you mean {title}?"),
        ("{prompt}", "{prompt} cannot be filled in; "),
        ("{} at dusk", "{} cannot be filled in; "),
        ("{title!r:>9}", "{title!r:>9} cannot be filled in; did you mean {title}?"),
        (
            "the set {a, b} in neon",
            "{a, b} cannot be filled in; {title}, {description}, {category}, {tags} and {site_name} can",
        ),
        ("{" + "long " * 20 + "}", "long long long…"),
    ],
)
def test_read_of_an_unknown_name_in_braces_wants_nothing(prompt: str, fix: str) -> None:
    """An unknown name in braces gives no hero and a message."""
    message = problem_of(read_meta({"hero_prompt": prompt}))

    assert message.startswith("blog/a.md: hero_prompt is ")
    assert fix in message


def test_read_of_a_prompt_of_nothing_but_empty_names_wants_nothing() -> None:
    """A prompt that is empty after its names are filled in gives no hero and a message."""
    message = problem_of(read_meta({"hero_prompt": "{description} {tags}"}))

    assert message.endswith("; the page has no values for its names; add them to the front matter, or add words")


def test_read_of_a_prompt_that_its_names_make_too_long_says_so() -> None:
    """The message about a prompt that its values make too long says so."""
    message = problem_of(read_meta({"hero_prompt": "a poster of {description}", "description": "x" * 1500}))

    assert message.endswith("; it has 1,512 characters once it is filled in, and at most 1,500 are allowed")


def test_read_of_a_prompt_as_long_as_the_model_takes_it() -> None:
    """The limit of a prompt's length is the model's, and the message states it."""
    defaults = HeroDefaults(rules=PictureRules("lucid-realism", prompt_max=9999))

    assert picture_of(read_meta({"hero_prompt": "x" * 9999}, defaults=defaults)).prompt == "x" * 9999
    message = problem_of(read_meta({"hero_prompt": "x" * 10_000}, defaults=defaults))
    assert message.endswith("; it has 10,000 characters, and at most 9,999 are allowed")


def test_read_of_a_prompt_that_the_template_makes_too_long_says_so() -> None:
    """The message about a prompt that the template makes too long names the template."""
    defaults = HeroDefaults(prompt_template="{prompt}, " + "y" * 1000)

    message = problem_of(read_meta({"hero_prompt": "x" * 600}, defaults=defaults))

    assert message.endswith("; it has 1,602 characters with the site's prompt_template, and at most 1,500 are allowed")


def test_read_of_a_negative_prompt_that_the_sites_own_makes_too_long_says_so() -> None:
    """The message about a negative prompt that is too long with the site's says so."""
    meta = {"hero_prompt": PROMPT, "hero_negative_prompt": "x" * 1000}

    message = problem_of(read_meta(meta, defaults=HeroDefaults(PictureSpec("", negative_prompt="y" * 600))))

    assert message.endswith("; it has 1,602 characters with the site's negative_prompt, and at most 1,500 are allowed")


def test_read_of_several_wrong_values_names_each_of_them() -> None:
    """Several wrong values give a message each."""
    front_matter = read_meta({"hero_prompt": 5, "hero_style": "x", "hero_seed": -1, "hero_stlye": "y"})

    assert front_matter.hero is None
    assert [problem.key for problem in front_matter.problems] == [
        "hero_prompt",
        "hero_style",
        "hero_seed",
        "hero_stlye",
    ]


@pytest.mark.parametrize(
    ("key", "fix"),
    [
        ("hero_promt", "did you mean hero_prompt?"),
        ("hero_prompts", "did you mean hero_prompt?"),
        ("hero_stlye", "did you mean hero_style?"),
        ("hero_negative", "did you mean hero_negative_prompt?"),
        ("hero_img", "did you mean hero_image?"),
        ("Hero_Prompt", "did you mean hero_prompt?"),
        ("hero_title", "did you mean hero_tagline?"),
        ("heroImage", "did you mean hero_image?"),
        ("hero-alt", "did you mean hero_alt?"),
        ("hero_colour", f"it may be {', '.join(KEYS[:-1])} or {KEYS[-1]}"),
        ("hero_", f"it may be {', '.join(KEYS[:-1])} or {KEYS[-1]}"),
    ],
)
def test_read_of_an_unknown_key_suggests_one_and_keeps_the_hero(key: str, fix: str) -> None:
    """An unknown hero key is a message with a suggestion, and the page keeps its hero."""
    front_matter = read_meta({"hero_prompt": PROMPT, key: "x"})

    assert front_matter.hero is not None
    assert [str(problem) for problem in front_matter.problems] == [f"blog/a.md: {key} is not a known key; {fix}"]


@pytest.mark.parametrize("key", ["hero-prompt", "heroPrompt", "heroprompt", "HERO PROMPT", "hero.prompt"])
def test_read_of_a_misspelt_prompt_alone_suggests_the_key(key: str) -> None:
    """A misspelt `hero_prompt` is a message with the right key."""
    front_matter = read_meta({"title": "A page", key: PROMPT})

    assert front_matter.hero is None
    assert problem_of(front_matter) == f"blog/a.md: {key} is not a known key; did you mean hero_prompt?"


def test_read_of_a_prompt_below_hero_says_where_it_belongs() -> None:
    """A `prompt` in a mapping `hero` is a message with the right key."""
    front_matter = read_meta({"hero": {"Prompt": PROMPT}})

    assert front_matter.hero is None
    assert "write hero_prompt: … on a line of its own" in problem_of(front_matter)


@pytest.mark.parametrize(
    "meta",
    [{"hero": {"title": "x"}}, {"hero": "x.jpg"}, {"heroImage": "x.jpg"}, {"heroes": ["a"]}, {"superhero_prompt": "x"}],
    ids=lambda meta: next(iter(meta)),
)
def test_read_of_keys_of_another_tool_says_nothing(meta: dict[str, object]) -> None:
    """A key `hero` with another tool's values is no message."""
    assert read_meta(meta) == FrontMatter(None)


@pytest.mark.parametrize("key", ["hero_" + "x" * 100_000, "hero_\nfoo\x1b[31m", "hero_\u202eabc"])
def test_read_of_an_unknown_key_of_any_shape_is_reported_on_one_line(key: str) -> None:
    """An unknown key of any length or characters is a message of one line."""
    message = problem_of(read_meta({key: 1}))

    assert message.isprintable()
    assert len(message) < 400


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "value",
    [HUGE, -HUGE, [HUGE], {HUGE: [HUGE]}, b"\xff" * 1000, {1, 2}, 1j, float("inf"), object(), "\ud83c", "\x1b\n"],
    ids=lambda value: type(value).__name__,
)
def test_read_of_values_that_python_refuses_to_write_is_reported_on_one_line(key: str, value: object) -> None:
    """Huge numbers, sets, bytes and halves of characters give a message of one line, or none."""
    front_matter = read_meta({key: value})

    assert front_matter.hero is None
    for problem in front_matter.problems:
        assert str(problem).isprintable()
        assert len(str(problem)) < 600


def test_read_of_nested_aliases_answers_at_once() -> None:
    """The message about deeply nested YAML aliases shows only their beginning."""
    levels = ["hero_prompt_0: &x0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    levels += [f"hero_prompt_{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9)}]" for n in range(1, 12)]
    meta = yaml.safe_load("\n".join([*levels, "hero_prompt: *x11"]))

    with ending():
        front_matter = read_meta(meta)

    assert len(str(front_matter.problems[0])) < 300


# For every input ----------------------------------------------------------------------------------

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.text(alphabet=st.characters(categories=["Cs", "Cc", "Cf", "Lu"])),
    st.binary(),
    st.dates(),
    st.datetimes(),
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=5,
)
right: dict[str, st.SearchStrategy[object]] = {
    "hero_prompt": st.just(PROMPT) | st.text(alphabet="äz🌊ﷺ ", min_size=1).map("a{}".format),
    "hero_style": st.sampled_from(STYLES),
    "hero_negative_prompt": st.text(alphabet="abc ,"),
    "hero_seed": st.integers(0, MAX_SEED),
    "hero_alt": st.text(max_size=50),
    "hero_tagline": st.text(max_size=50),
    "hero_focus": st.sampled_from(["left", "right", "top", "bottom", "center", "30% 60%"]),
    "hero_layout": st.sampled_from(LAYOUTS),
    "hero_image": st.sampled_from(["a.jpg", "b/c.png"]),
    "hero_reference": st.sampled_from(["a.jpg", "b/c.png"]),
}
right_values = st.fixed_dictionaries(
    {"hero_prompt": right["hero_prompt"]},
    optional={key: values for key, values in right.items() if key != "hero_prompt"},
)
_not_text = st.one_of(
    st.none(),
    st.integers(),
    st.floats(),
    st.dates(),
    st.binary(),
    st.lists(scalars),
    st.dictionaries(st.text(), scalars),
)
wrong: dict[str, st.SearchStrategy[object]] = {
    "hero_prompt": _not_text | st.just(value=True) | st.sampled_from(["", " \n", "\u200b", "x" * 1501, "off"]),
    "hero_style": _not_text | st.booleans() | st.text().filter(lambda text: find_style(text) is None),
    "hero_negative_prompt": _not_text | st.booleans() | st.just("x" * 1501),
    "hero_seed": st.one_of(
        st.none(),
        st.booleans(),
        st.floats(),
        st.integers(max_value=-1),
        st.integers(min_value=MAX_SEED + 1),
        st.text(alphabet="abc.-"),
        st.lists(st.integers()),
    ),
    "hero_alt": _not_text | st.booleans() | st.just("x" * 1001),
    "hero_tagline": _not_text | st.booleans() | st.just("x" * 301),
    "hero_focus": _not_text | st.booleans() | st.sampled_from(["", "middle", "1%", "101% 5%", "5% 1e9%", "a% b%"]),
    "hero_layout": _not_text | st.booleans() | st.sampled_from(["", "wide", "contents"]),
    "hero_reference": _not_text | st.sampled_from(["", "/etc/passwd", "C:/a.jpg", "a/", "../../../a.jpg"]),
    "hero_image": _not_text
    | st.booleans()
    | st.sampled_from(["", "/a", "../../a", "a\\b", "https://x/y", "a/", "a\0"]),
}


@given(
    st.dictionaries(
        st.sampled_from(KEYS) | st.text(max_size=9).map("hero_{}".format) | st.integers() | st.none(),
        anything,
        max_size=6,
    )
)
@example({"hero_prompt": "\ud83c"})
def test_read_of_any_metadata_never_raises_and_never_spends_on_nonsense(meta: dict[str, object]) -> None:
    """Any metadata gives a hero with a key, or printable messages of one line, or neither."""
    front_matter = read_meta(meta)

    for problem in front_matter.problems:
        assert str(problem).startswith("blog/a.md: ")
        assert str(problem).isprintable()
        assert len(str(problem)) < 600
    assert front_matter.hero is None or not [problem for problem in front_matter.problems if problem.key in KEYS]
    if front_matter.hero is not None and front_matter.hero.picture is not None:
        picture = front_matter.hero.picture
        assert isinstance(meta["hero_prompt"], str)
        assert picture.style in STYLES
        assert picture.prompt.strip()
        assert generation_key("p", "m", picture, {})


@given(st.data())
def test_read_with_one_wrong_value_among_right_ones_gives_one_message_and_no_hero(data: st.DataObject) -> None:
    """One wrong value among right ones gives one message and no hero."""
    key = data.draw(st.sampled_from(KEYS))
    meta = data.draw(right_values)
    meta[key] = data.draw(wrong[key])

    front_matter = read_meta(meta)

    assert front_matter.hero is None
    assert [problem.key for problem in front_matter.problems] == [key]


@given(right_values)
def test_read_of_right_values_gives_a_hero_and_no_message(meta: dict[str, object]) -> None:
    """Every combination of valid values gives a hero and no message."""
    front_matter = read_meta(meta)

    assert front_matter.problems == ()
    assert front_matter.hero is not None
    assert (front_matter.hero.picture is None) == ("hero_image" in meta)


@given(st.dictionaries(st.sampled_from([key for key in KEYS if key != "hero_prompt"]), anything, max_size=4))
def test_read_with_prompt_false_never_wants_a_hero(meta: dict[str, object]) -> None:
    """`hero_prompt: false` beside any other values gives no hero."""
    assert read_meta({**meta, "hero_prompt": False}) == FrontMatter(None)


@given(anything)
def test_shown_of_any_value_is_one_short_printable_line(value: object) -> None:
    """Any value is shown on one short printable line."""
    assert 0 < len(describe_value(value)) <= 121
    assert describe_value(value).isprintable()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "empty"),
        ("\n", "empty"),
        (datetime(2024, 5, 1, 12, 30, tzinfo=UTC), "2024-05-01T12:30:00+00:00"),
        ([1, [2, [3]]], "[1, [2, [...]]]"),
        ([True, None, date(2024, 5, 1)], "[true, null, 2024-05-01]"),
        (list(range(9)), "[0, 1, 2, ...]"),
        (HUGE, "a very large number"),
        ("it's", '"it\'s"'),
    ],
    ids=lambda value: type(value).__name__,
)
def test_shown_writes_values_as_their_author_knows_them(value: object, text: str) -> None:
    """Values are shown as in YAML, long ones shortened, without a name of Python's."""
    assert describe_value(value) == text


def test_did_you_mean_of_a_hundred_thousand_characters_answers_at_once() -> None:
    """A suggestion for a very long word compares only its beginning."""
    with ending():
        for letters in itertools.islice(itertools.cycle(["ab", "cinematic"]), 20):
            did_you_mean(letters * 50_000, STYLES)

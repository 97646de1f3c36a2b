"""Wrong front matter and options in whole builds: one message each, and no purchase."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from builds import Built, Site, page
from services import Services

PROMPT = "a lighthouse in a storm, dawn"
SCRIPT = "\"><script>alert('x')</script><b>&amp;"


@pytest.fixture(scope="module")
def free_of_charge(tmp_path_factory: pytest.TempPathFactory) -> tuple[Built, Built, int]:
    """Build a site of mistakes plainly and strictly; return both builds and the number of requests."""
    with Services() as services:
        pages = {name: page(name, "Some text.", **meta) for name, (meta, _) in WRONG.items()}
        site = Site(tmp_path_factory.mktemp("wrong"), {**pages, "good.md": page("Good")})
        return site.build(services), site.build(services, "--strict"), len(services.ledger.requests)


#: Front matter, and what the one warning about it must say besides page and key.
WRONG: Mapping[str, tuple[dict[str, object], tuple[str, ...]]] = {
    "prompt-list.md": ({"hero_prompt": ["a", "b"]}, ("hero_prompt", "['a', 'b']", "words")),
    "prompt-number.md": ({"hero_prompt": 42}, ("hero_prompt", "42")),
    "prompt-true.md": ({"hero_prompt": True}, ("hero_prompt", "true")),
    "prompt-mapping.md": ({"hero_prompt": {"a": "b"}}, ("hero_prompt", "{'a': 'b'}")),
    "prompt-empty.md": ({"hero_prompt": ""}, ("hero_prompt", "empty")),
    "prompt-null.md": ({"hero_prompt": None}, ("hero_prompt", "empty")),
    "prompt-blank.md": ({"hero_prompt": " \u200b\n "}, ("hero_prompt", "empty")),
    "prompt-name.md": ({"hero_prompt": "{titel} in ink"}, ("hero_prompt", "{titel} in ink", "did you mean {title}?")),
    "prompt-braces.md": ({"hero_prompt": "the set {a, b}"}, ("hero_prompt", "{site_name} can, and {{ is a brace")),
    "prompt-long.md": ({"hero_prompt": "storm " * 16_667}, ("hero_prompt", "100,00", "1,500")),
    "style-typo.md": (
        {"hero_prompt": PROMPT, "hero_style": "CINEMTIC"},
        ("hero_style", "CINEMTIC", "did you mean CINEMATIC?"),
    ),
    "style-list.md": ({"hero_prompt": PROMPT, "hero_style": ["CINEMATIC"]}, ("hero_style", "CINEMATIC")),
    "style-empty.md": ({"hero_prompt": PROMPT, "hero_style": ""}, ("hero_style", "empty")),
    "style-script.md": ({"hero_prompt": PROMPT, "hero_style": SCRIPT}, ("hero_style", "CINEMATIC, CREATIVE")),
    "seed-text.md": ({"hero_prompt": PROMPT, "hero_seed": "seven"}, ("hero_seed", "seven", "whole number")),
    "seed-negative.md": ({"hero_prompt": PROMPT, "hero_seed": -1}, ("hero_seed", "-1", "from 0 to")),
    "seed-huge.md": ({"hero_prompt": PROMPT, "hero_seed": 10**30}, ("hero_seed", "from 0 to")),
    "seed-float.md": ({"hero_prompt": PROMPT, "hero_seed": 1.5}, ("hero_seed", "1.5")),
    "negative-number.md": ({"hero_prompt": PROMPT, "hero_negative_prompt": 3}, ("hero_negative_prompt", "3", "text")),
    "alt-mapping.md": ({"hero_prompt": PROMPT, "hero_alt": {"a": 1}}, ("hero_alt", "text")),
    "alt-long.md": ({"hero_prompt": PROMPT, "hero_alt": "x" * 100_000}, ("hero_alt", "100,000", "1,000")),
    "tagline-list.md": ({"hero_prompt": PROMPT, "hero_tagline": [1]}, ("hero_tagline", "text")),
    "tagline-long.md": ({"hero_prompt": PROMPT, "hero_tagline": "x" * 100_000}, ("hero_tagline", "100,000", "300")),
    "focus-word.md": ({"hero_prompt": PROMPT, "hero_focus": "middle"}, ("hero_focus", "middle", "center")),
    "focus-outside.md": ({"hero_prompt": PROMPT, "hero_focus": "130% 20%"}, ("hero_focus", "130% 20%")),
    "layout-typo.md": ({"hero_prompt": PROMPT, "hero_layout": "ful"}, ("hero_layout", "did you mean full?")),
    "image-outside.md": ({"hero_image": "../../etc/passwd"}, ("hero_image", "inside the documentation folder")),
    "image-absolute.md": ({"hero_image": "/etc/passwd"}, ("hero_image", "relative to the page")),
    "image-url.md": ({"hero_image": "https://example.org/a.jpg?sig=secret"}, ("hero_image", "copy the image")),
    "image-missing.md": ({"hero_image": "nowhere.jpg"}, ("hero_image", "nowhere.jpg", "no such file")),
    "key-unknown.md": ({"hero_pormpt": PROMPT}, ("hero_pormpt", "did you mean hero_prompt?")),
    "key-strange.md": ({"hero_banana": 1}, ("hero_banana", "not a known key")),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_front_matter_is_one_warning_with_page_key_and_fix(
    free_of_charge: tuple[Built, Built, int], name: str
) -> None:
    """Wrong front matter is one WARNING with page, key, value and what is allowed, and the page has no hero."""
    built, _, _ = free_of_charge
    lines = [line for line in built.warnings if line.startswith(f"{name}: ")]

    assert len(lines) == 1, lines
    for word in WRONG[name][1]:
        assert word in lines[0]
    assert len(lines[0]) < 700
    html = built.html(f"{name.removesuffix('.md')}/index.html")
    assert "leonardo-hero" not in html
    assert "Some text." in html


def test_wrong_front_matter_costs_nothing_and_fails_only_a_strict_build(
    free_of_charge: tuple[Built, Built, int],
) -> None:
    """A site of mistakes sends no request and logs no traceback; only the strict build fails."""
    built, strict, requests = free_of_charge

    assert (built.exit_code, strict.exit_code) == (0, 1)
    assert requests == 0
    assert not built.has_traceback
    assert not strict.has_traceback
    assert len(built.warnings) == len(WRONG)
    assert "secret" not in built.log


#: Prompts that are unusual and right.
UNUSUAL = {
    "emoji": "🌊 a wave 👩‍👩‍👧 family 🇩🇪",
    "rtl": "منارة في عاصفة عند الفجر",
    "mixed": "ひまわり畑 \u202eabc\u202c ñandú",
    "quotes": "a \"quoted\" 'prompt' with `ticks` and \\ backslash",
    "html": SCRIPT,
    "template": "{ config.site_name {% raw %s $HOME",
    "lines": "a lighthouse\n\nin a   storm\t, dawn",
    "longest": "storm " * 249 + "storm",
}


def test_unusual_text_travels_whole_and_never_becomes_markup(tmp_path: Path, services: Services) -> None:
    """Emoji, right-to-left text, quotes, HTML and braces reach the service unchanged, and the page as text."""
    pages = {
        f"{name}.md": page(name, hero_prompt=text, hero_alt=text[:900], hero_tagline=text[:290])
        for name, text in UNUSUAL.items()
    }
    site = Site(tmp_path, pages)

    built = site.build(services, "--strict")

    assert built.exit_code == 0, built.log
    assert not built.has_traceback
    sent = {job.prompt for job in services.ledger.jobs}
    assert sent == {" ".join(text.split()) for text in UNUSUAL.values()}
    for name in UNUSUAL:
        html = built.html(f"{name}/index.html")
        assert "<script>alert" not in html
        assert 'data-provider="leonardo"' in html
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;&lt;b&gt;&amp;amp;" in built.html("html/index.html")
    assert UNUSUAL["rtl"] in built.html("rtl/index.html")
    assert site.build(services).totals["cached"] == len(UNUSUAL)
    assert services.ledger.creates == len(UNUSUAL)


#: Front matter that is not read, and a part of its warning.
UNREAD = {
    "colon": (
        "---\ntitle: A page\nhero_prompt: dawn: first light\n---\n# A page\n",
        "line 3, 'hero_prompt: dawn: first light'",
    ),
    "title": (
        "---\ntitle: Part one: dawn\nhero_prompt: first light\n---\n# A page\n",
        "line 2, 'title: Part one: dawn'",
    ),
    "quotes": ('---\nhero_prompt: "first light\n---\n# A page\n', "line 2, "),
    "address": (
        "---\nhero_image: https://example.org/a.jpg?sig=secret: x\n---\n# A page\n",
        "line 2, 'hero_image: https://… x'",
    ),
    "date": ("---\ndate: 2026-02-30\nhero_prompt: first light\n---\n# A page\n", "(day "),
    "space": ("---\nhero_prompt:first light\n---\n# A page\n", "write a space after the colon"),
    "empty": ("\n---\nhero_prompt: first light\n---\n# A page\n", "remove the empty lines or spaces before ---"),
    "end": ("---\nhero_prompt: first light\n\n# A page\n", "has no end"),
    "toml": ("+++\nhero_prompt = 'first light'\n+++\n# A page\n", "is TOML"),
    "hyphen": ("---\nhero-prompt: first light\n---\n# A page\n", "did you mean hero_prompt?"),
    "mapping": ("---\nhero:\n  prompt: first light\n---\n# A page\n", "write hero_prompt: … on a line of its own"),
}


def test_front_matter_that_is_not_read_is_one_warning_with_the_fix(tmp_path: Path, services: Services) -> None:
    """Front matter that MkDocs cannot read is one warning with the fix, and costs nothing."""
    site = Site(tmp_path, {f"{name}.md": text for name, (text, _) in UNREAD.items()})

    built = site.build(services)

    warnings = dict(warning.split(".md: ", 1) for warning in built.warnings)
    assert len(built.warnings) == len(UNREAD)
    for name, (_, part) in UNREAD.items():
        assert part in warnings[name]
    assert built.exit_code == 0
    assert not built.has_traceback
    assert services.ledger.creates == 0


def test_prompt_that_yaml_cuts_is_reported_before_it_is_bought(tmp_path: Path, services: Services) -> None:
    """A prompt that YAML cuts at a `#` is a warning before its picture is made, and not afterwards."""
    aligned = '---\nhero_prompt:  "a pond # at dusk"\n---\n# Another page\n'
    site = Site(tmp_path, {"index.md": "---\nhero_prompt: a lake # at dawn\n---\n# A page\n", "other.md": aligned})

    built = site.build(services, "--strict")

    assert "index.md: hero_prompt ends before '# at dawn', which YAML takes for a comment" in built.log
    assert "other.md: hero_prompt ends" not in built.log
    assert sorted(job.prompt for job in services.ledger.jobs) == ["a lake", "a pond # at dusk"]
    assert "takes for a comment" not in site.build(services, "--strict").log


def test_rules_and_yaml_in_the_text_of_a_page_are_no_mistake(tmp_path: Path, services: Services) -> None:
    """Rules and examples of front matter in a page's text cause no warning."""
    pages = {
        "index.md": "---\n\nA rule, dawn: first light.\n\n---\n\nMore.\n",
        "shown.md": page("Shown", "```yaml\n---\nhero_prompt: dawn: first light\n---\n```", tags=["x"]),
    }

    built = Site(tmp_path, pages).build(services, "--strict")

    assert built.exit_code == 0, built.log


def test_false_prompt_takes_an_inherited_hero_back(tmp_path: Path, services: Services) -> None:
    """`hero_prompt: false` removes an inherited hero without a warning or a submission."""
    built = Site(tmp_path, {"index.md": page("Home", hero_prompt=False, hero_style="CREATIVE")}).build(
        services, "--strict"
    )

    assert built.exit_code == 0, built.log
    assert "leonardo-hero" not in built.html("index.html")
    assert services.ledger.requests == ()


def test_prompt_of_a_folder_gives_each_of_its_pages_a_picture_of_its_own(tmp_path: Path, services: Services) -> None:
    """A folder's prompt with names in braces gives each page its own picture, with the values filled in once."""
    pages: dict[str, str | bytes] = {
        "posts/.meta.yml": 'hero_prompt: "{title}, {tags}, a {{sign}} of {site_name}"\nhero_negative_prompt: people\n',
        "posts/one.md": page("Har{b}ours", tags=["boats", "dusk"]),
        "posts/two.md": page("Two"),
        "posts/off.md": page("Off", hero_prompt=False),
    }
    site = Site(
        tmp_path, pages, {"prompt_template": "{category}{prompt}"}, {"theme": {"name": "material"}}, ["material/meta"]
    )

    built = site.build(services, "--strict")

    assert built.exit_code == 0, built.log
    assert {(job.prompt, job.request["negative_prompt"]) for job in services.ledger.jobs} == {
        ("Har{b}ours, boats, dusk, a {sign} of A site", "people"),
        ("Two, , a {sign} of A site", "people"),
    }
    assert site.build(services).totals["cached"] == 2
    assert services.ledger.creates == 2


#: An option's wrong value, and what the message must name.
OPTIONS: Mapping[str, tuple[dict[str, object], tuple[str, ...]]] = {
    "width not a multiple": ({"width": 1001}, ("width", "1001", "multiple of 8")),
    "width above": ({"width": 80_000}, ("width", "80000", "multiple of 8, from 16 to")),
    "height below": ({"height": 8}, ("height", "8", "multiple of 8, from 16 to")),
    "style": ({"style": "CINEMTIC"}, ("style", "CINEMTIC", "CINEMATIC")),
    "template": ({"prompt_template": "no braces"}, ("prompt_template", "{prompt}")),
    "cap": ({"max_new_images": -1}, ("max_new_images", "-1", "0 or more")),
    "cost": ({"max_cost_usd": "much"}, ("max_cost_usd", "much", "US dollars")),
    "on_missing": ({"on_missing": "shout"}, ("on_missing", "shout", "warn")),
    "formats": ({"formats": ["gif"]}, ("formats", "gif", "webp")),
    "widths": ({"widths": [1]}, ("widths", "1", "64")),
    "concurrency": ({"concurrency": 0}, ("concurrency", "0", "1")),
    "unknown": ({"styel": "CINEMATIC"}, ("styel", "did you mean style?")),
    "unknown below": ({"leonardo": {"modell": "x"}}, ("modell", "did you mean model?")),
    "key in the file": ({"leonardo": {"api_key": "secret-key-value"}}, ("api_key", "environment")),
    "contrast": ({"leonardo": {"contrast": 3.7}}, ("contrast", "3.7", "3.5")),
    "clear text": ({"openai": {"base_url": "http://api.example.com"}}, ("base_url", "https://")),
    "cache in docs": ({"cache_dir": "docs/cache"}, ("cache_dir", "docs/cache", "docs_dir")),
    "provider": ({"providers": ["midjourney"]}, ("providers", "midjourney", "leonardo")),
    "misspelt provider": ({"providers": ["leonrdo"]}, ("providers", "leonrdo", "did you mean leonardo?")),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_wrong_option_ends_the_build_with_option_value_and_range(tmp_path: Path, case: str) -> None:
    """A wrong option ends the build with exit 1 and names option, value and what is allowed, but no key."""
    options, words = OPTIONS[case]

    built = Site(tmp_path, {"index.md": page("Home", hero_prompt=PROMPT)}, options).build()

    assert built.exit_code == 1
    assert not built.has_traceback, built.log
    for word in words:
        assert word in built.log
    assert "secret-key-value" not in built.log
    assert not re.search(r"^INFO +- +leonardo: index", built.log, re.MULTILINE)

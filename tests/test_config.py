"""The configuration: documented defaults, accepted values, and messages for wrong ones."""

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from builds import install_provider
from hypothesis import given, settings
from hypothesis import strategies as st
from mkdocs.config.base import load_config
from mkdocs.exceptions import Abort
from mkdocs.utils.yaml import get_yaml_loader, yaml_load

from mkdocs_leonardo.config import LeonardoConfig
from mkdocs_leonardo.errors import SettingsError
from mkdocs_leonardo.front_matter import HeroDefaults, read
from mkdocs_leonardo.picture_rules import ANY_PICTURE, STYLES, PictureRules
from mkdocs_leonardo.providers import BUILT_IN
from mkdocs_leonardo.providers.declaration import Alert, declaration_of, key_variable, options_in
from mkdocs_leonardo.providers.gemini import GeminiOptions
from mkdocs_leonardo.providers.leonardo.options import LeonardoOptions
from mkdocs_leonardo.providers.openai import OpenAIOptions
from mkdocs_leonardo.settings import Settings, _choose_rules, move_cache, settings_from
from mkdocs_leonardo.spec import Encoding, MarkupOptions, PictureSpec

HUGE = 0xF << 40_000


def validate(options: Mapping[str, object]) -> tuple[LeonardoConfig, list[str], list[str]]:
    """The configuration after the host's own steps, with errors and warnings as the host prints them."""
    config = LeonardoConfig()
    config.load_dict(dict(options))
    errors, warnings = config.validate()
    return config, [f"option '{name}': {error}" for name, error in errors], [str(warning) for warning in warnings]


def accept(options: Mapping[str, object]) -> LeonardoConfig:
    """A configuration without any option."""
    config, errors, warnings = validate(options)
    assert errors == []
    assert warnings == []
    return config


def section_of(config: LeonardoConfig, name: str) -> dict[str, object]:
    """The options of a provider, by the names that authors write."""
    options = config.provider_options[name]
    return {each: getattr(options, option.field) for each, option in options_in(type(options)).items()}


def refuse(options: Mapping[str, object]) -> str:
    """The one error of a configuration."""
    _, errors, warnings = validate(options)
    assert warnings == []
    assert len(errors) == 1
    return errors[0]


# Defaults -------------------------------------------------------------------------------------------


def test_options_left_out_have_the_documented_defaults() -> None:
    """Options have the defaults of the documentation's table."""
    config = accept({})

    assert {name: value for name, value in config.items() if name not in BUILT_IN} == {
        "enabled": True,
        "providers": ("leonardo", "openai"),
        "style": "CINEMATIC",
        "width": 1536,
        "height": 864,
        "prompt_template": "{prompt}",
        "negative_prompt": None,
        "generate": True,
        "max_new_images": 25,
        "max_cost_usd": None,
        "concurrency": 10,
        "on_missing": "warn",
        "on_serve": "cached",
        "on_store_failure": "cached",
        "layout": "content",
        "cards": True,
        "social": True,
        "credit": False,
        "formats": ("avif", "jpeg"),
        "widths": (480, 768, 960, 1200, 1536),
        "cache_dir": ".cache/plugin/leonardo",
        "gallery_dir": "heroes",
        "shared_store": None,
        "style_reference": None,
        "style_strength": "mid",
    }
    assert section_of(config, "leonardo") == {
        "model": "de7d3faf-762f-48e0-b3b7-9d0ac3a3fcf3",
        "alchemy": True,
        "contrast": 3.5,
        "timeout": 30.0,
        "render_estimate": 15.0,
        "requests_per_minute": 150,
        "base_url": "https://cloud.leonardo.ai/api/rest/v1",
        "image_hosts": ("cdn.leonardo.ai",),
        "credit_alert": None,
        "api_version": "auto",
        "mode": None,
    }
    assert section_of(config, "gemini") == {
        "model": "gemini-nano-banana-2.1",
        "timeout": 120.0,
        "base_url": "https://generativelanguage.googleapis.com/v1beta",
        "text_model": "gemini-3.5-flash-lite",
    }
    assert section_of(config, "openai") == {
        "model": "gpt-image-2",
        "quality": "medium",
        "timeout": 120.0,
        "base_url": "https://api.openai.com/v1",
        "text_model": "gpt-5.6-luna",
    }


@pytest.mark.parametrize("section", BUILT_IN)
@pytest.mark.parametrize("value", [None, {}])
def test_section_left_blank_is_all_defaults(section: str, value: object) -> None:
    """A provider's section with every line commented out has the defaults."""
    assert section_of(accept({section: value}), section) == section_of(accept({}), section)


def test_two_configurations_share_nothing() -> None:
    """Options of one configuration do not change another one in the same process."""
    first = accept({"leonardo": {"contrast": 4}, "widths": [480]})

    second = accept({})

    assert (section_of(first, "leonardo")["contrast"], section_of(second, "leonardo")["contrast"]) == (4.0, 3.5)
    assert second.widths == (480, 768, 960, 1200, 1536)


# What is taken --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "taken"),
    [
        ("providers", ["openai"], ("openai",)),
        ("providers", ["openai", "leonardo", "openai"], ("openai", "leonardo")),
        ("style", "graphic design, pop art", "GRAPHIC_DESIGN_POP_ART"),
        ("style", "Pro B&W photography", "PRO_BW_PHOTOGRAPHY"),
        ("style", "none", "NONE"),
        ("width", 32, 32),
        ("width", 1536, 1536),
        ("height", 1536, 1536),
        ("prompt_template", "  {title}: {prompt}, in {{braces}} ", "{title}: {prompt}, in {{braces}}"),
        ("negative_prompt", "people, text", "people, text"),
        ("negative_prompt", "", None),
        ("max_new_images", 0, 0),
        ("max_new_images", 100_000, 100_000),
        ("max_cost_usd", 0, 0.0),
        ("max_cost_usd", 0.5, 0.5),
        ("max_cost_usd", None, None),
        ("concurrency", 1, 1),
        ("concurrency", 200, 200),
        ("on_missing", "error", "error"),
        ("on_serve", "generate", "generate"),
        ("on_store_failure", "generate", "generate"),
        ("layout", "none", "none"),
        ("formats", ["jpeg"], ("jpeg",)),
        ("widths", [1536, 64, 1536], (1536, 64)),
        ("cache_dir", "../one cache/ひ", "../one cache/ひ"),
    ],
)
def test_option_within_its_range_is_taken(name: str, value: object, taken: object) -> None:
    """An option accepts the ends of its range, and lists drop repetitions."""
    assert accept({name: value})[name] == taken


@pytest.mark.parametrize(
    ("section", "name", "value", "taken"),
    [
        ("leonardo", "contrast", 4, 4.0),
        ("leonardo", "timeout", 0.5, 0.5),
        ("leonardo", "requests_per_minute", 1_000_000, 1_000_000),
        (
            "leonardo",
            "base_url",
            "https://gateway.example:8443/leonardo/v1/",
            "https://gateway.example:8443/leonardo/v1",
        ),
        ("leonardo", "base_url", "http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("leonardo", "base_url", "http://[::1]:8000/v1", "http://[::1]:8000/v1"),
        ("openai", "base_url", "http://localhost:8000/v1", "http://localhost:8000/v1"),
        ("leonardo", "image_hosts", ["CDN.leonardo.ai.", "127.0.0.1"], ("cdn.leonardo.ai", "127.0.0.1")),
        ("leonardo", "credit_alert", 500, Alert(500.0)),
        ("leonardo", "credit_alert", "$5", Alert(5.0, is_usd=True)),
        ("leonardo", "alchemy", False, False),
        ("openai", "quality", "high", "high"),
        ("openai", "model", "gpt-image-1", "gpt-image-1"),
    ],
)
def test_sub_option_within_its_range_is_taken(section: str, name: str, value: object, taken: object) -> None:
    """A provider's option accepts the ends of its range, and http for this machine alone."""
    assert section_of(accept({section: {name: value}}), section)[name] == taken


def test_low_contrast_without_alchemy_is_taken() -> None:
    """A contrast below Alchemy's minimum is accepted without Alchemy."""
    assert section_of(accept({"leonardo": {"contrast": 1, "alchemy": False}}), "leonardo")["contrast"] == 1.0


def test_credit_in_the_sites_own_words_is_accepted() -> None:
    """A text with the name's placeholder is accepted as `credit`."""
    assert accept({"credit": "Bild von KI: {creator}"}).credit == "Bild von KI: {creator}"


@pytest.mark.parametrize("name", ["enabled", "generate", "cards", "social", "credit"])
@pytest.mark.parametrize(
    ("value", "truth"),
    [
        (True, True),
        (False, False),
        ("true", True),
        ("False", False),
        (" on ", True),
        ("no", False),
        (1, True),
        (0, False),
        ("1", True),
        ("0", False),
    ],
)
def test_switch_is_taken_as_environments_write_it(name: str, value: object, *, truth: bool) -> None:
    """`true`, `1` and `on` from the environment switch the plugin on."""
    assert accept({name: value})[name] is truth


@pytest.mark.parametrize(("variable", "truth"), [("1", True), ("true", True), ("0", False), ("off", False)])
def test_switch_from_env_tag_is_taken(monkeypatch: pytest.MonkeyPatch, variable: str, *, truth: bool) -> None:
    """An `!ENV` tag of the configuration file sets the switch."""
    monkeypatch.setenv("HEROES_FOR_TEST", variable)

    options = yaml_load("enabled: !ENV HEROES_FOR_TEST", get_yaml_loader())

    assert accept(options).enabled is truth


def test_switch_from_env_tag_that_is_not_set_is_refused_with_the_reason() -> None:
    """An `!ENV` tag with a missing variable is an error with the reason."""
    options = yaml_load("enabled: !ENV HEROES_NEVER_SET", get_yaml_loader())

    assert refuse(options) == (
        "option 'enabled': it is empty, as an unset !ENV variable is; give it a value, or leave the line out"
    )


# What is refused ------------------------------------------------------------------------------------

_WIDTH = "it must be a multiple of 8, from 16 to 6336"
_WIDTHS = "it must be a whole number, from 64 to 4096, as pages show images no narrower and no wider"
_LIST = "it must be a list of at least one, such as"
_PROVIDERS = f"{_LIST} [leonardo, openai]; for the local painter alone, write generate: false"
_DOLLARS = "it must be US dollars, 0 or more; leave the line out for no cap"
_FIELDS = (
    "cannot be filled in; only {prompt}, {title}, {description}, {category}, {tags} and {site_name}, "
    "in exactly this spelling, can"
)
_BRACE = "it has a stray brace; write {{ or }} for a brace in the text"
_SECONDS = "it must be seconds, more than 0 and at most 86400 (a day)"
_TRUE = "it is true (as YAML also reads yes and on)"
_FALSE = "it is false (as YAML also reads no and off)"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("enabled", "maybe", "it is 'maybe'; it must be true or false"),
        ("enabled", 2, "it is 2; it must be true or false"),
        ("cards", [True], "it is [true]; it must be true or false"),
        (
            "credit",
            "Bild von KI",
            "it is 'Bild von KI'; it must be true, false, or the line in your words, with {creator} in it",
        ),
        ("providers", [], f"it is []; {_PROVIDERS}"),
        ("providers", "leonardo", f"it is 'leonardo'; {_PROVIDERS}"),
        ("providers", {"leonardo": {}}, f"it is {{'leonardo': {{}}}}; {_PROVIDERS}"),
        ("providers", ["leonardo", 5], "it holds 5; it must be text; put quotes around it"),
        ("providers", [None], "it holds an empty entry; it must be text; put quotes around it"),
        ("style", "CINEMTIC", "it is 'CINEMTIC'; did you mean CINEMATIC?"),
        ("style", False, f"{_FALSE}; it may be {', '.join(STYLES[:-1])} or VIBRANT"),
        ("width", 1500, f"it is 1500; {_WIDTH}"),
        ("width", 6344, f"it is 6344; {_WIDTH}"),
        ("width", 8, f"it is 8; {_WIDTH}"),
        ("width", 2056, "it is 2056; phoenix-v1.0 draws multiples of 8 from 32 to 2048"),
        ("height", 24, "it is 24; phoenix-v1.0 draws multiples of 8 from 32 to 2048"),
        ("width", 1536.0, f"it is 1536.0; {_WIDTH}"),
        ("width", "1536", f"it is '1536'; {_WIDTH}"),
        ("height", True, f"{_TRUE}; it must be a multiple of 8, from 16 to 5504"),
        ("prompt_template", "a look", "it is 'a look'; it leaves the page's own words out; it must contain {prompt}"),
        ("prompt_template", "{promt}", f"it is '{{promt}}'; {{promt}} {_FIELDS}"),
        ("prompt_template", "{prompt} {}", f"it is '{{prompt}} {{}}'; {{}} {_FIELDS}"),
        ("prompt_template", "{prompt!r}", f"it is '{{prompt!r}}'; {{prompt}} {_FIELDS}"),
        ("prompt_template", "{prompt:d}", f"it is '{{prompt:d}}'; {{prompt}} {_FIELDS}"),
        ("prompt_template", "{prompt.x}", f"it is '{{prompt.x}}'; {{prompt.x}} {_FIELDS}"),
        ("prompt_template", "{prompt[0]}", f"it is '{{prompt[0]}}'; {{prompt[0]}} {_FIELDS}"),
        ("prompt_template", "{prompt", f"it is '{{prompt'; {_BRACE}"),
        ("prompt_template", "{prompt} }", f"it is '{{prompt}} }}'; {_BRACE}"),
        ("prompt_template", 5, "it is 5; it must be text; put quotes around it"),
        ("prompt_template", "", "it is empty; write some text, or leave the line out"),
        ("negative_prompt", ["people"], "it is ['people']; it must be text; put quotes around it"),
        ("max_new_images", -1, "it is -1; it must be a whole number, 0 or more (0 allows none)"),
        ("max_new_images", 2.5, "it is 2.5; it must be a whole number, 0 or more (0 allows none)"),
        ("max_cost_usd", -0.01, f"it is -0.01; {_DOLLARS}"),
        ("max_cost_usd", "none", f"it is 'none'; {_DOLLARS}"),
        ("max_cost_usd", True, f"{_TRUE}; {_DOLLARS}"),
        ("max_cost_usd", float("nan"), f"it is nan; {_DOLLARS}"),
        ("max_cost_usd", float("inf"), f"it is inf; {_DOLLARS}"),
        (
            "concurrency",
            0,
            "it is 0; it must be a whole number, from 1 to 200, as services queue what goes beyond",
        ),
        ("on_missing", "warning", "it is 'warning'; did you mean warn?"),
        ("on_missing", "panic", "it is 'panic'; it may be warn, error or ignore"),
        ("on_serve", "generated", "it is 'generated'; did you mean generate?"),
        ("on_serve", True, f"{_TRUE}; it may be cached or generate"),
        ("layout", "contents", "it is 'contents'; did you mean content?"),
        ("formats", ["avif", "jpg"], "it holds 'jpg'; did you mean jpeg?"),
        ("formats", "jpeg", f"it is 'jpeg'; {_LIST} [avif, webp, jpeg]"),
        (
            "widths",
            [480, 9999],
            f"it holds 9999; {_WIDTHS}",
        ),
        ("cache_dir", "", "it is empty; write some text, or leave the line out"),
        ("cache_dir", "a\0b", "it is 'a\\x00b'; it holds characters that cannot be seen; write it anew"),
        ("gallery_dir", 5, "it is 5; it must be text; put quotes around it"),
        ("leonardo", 5, "it is 5; write its settings below it, one a line, as name: value"),
        ("leonardo", ["alchemy"], "it is ['alchemy']; write its settings below it, one a line, as name: value"),
    ],
)
def test_option_out_of_its_range_is_refused_with_value_and_fix(name: str, value: object, message: str) -> None:
    """The error about an option names the value, what is allowed, and the reason if it is not plain."""
    assert refuse({name: value}) == f"option '{name}': {message}"


@pytest.mark.parametrize(
    ("section", "name", "value", "message"),
    [
        (
            "leonardo",
            "contrast",
            3.2,
            "it is 3.2; the service takes 1, 1.3, 1.8, 2.5, 3, 3.5, 4, 4.5 and nothing between",
        ),
        (
            "leonardo",
            "contrast",
            True,
            f"{_TRUE}; the service takes 1, 1.3, 1.8, 2.5, 3, 3.5, 4, 4.5 and nothing between",
        ),
        (
            "leonardo",
            "contrast",
            1.8,
            "it is 1.8; with alchemy the service asks for 2.5 at least, so raise it or set alchemy: false",
        ),
        ("leonardo", "alchemy", "very", "it is 'very'; it must be true or false"),
        ("leonardo", "timeout", 0, f"it is 0; {_SECONDS}"),
        ("leonardo", "timeout", "30s", f"it is '30s'; {_SECONDS}"),
        ("leonardo", "render_estimate", -1, f"it is -1; {_SECONDS}"),
        ("openai", "timeout", 86_401, f"it is 86401; {_SECONDS}"),
        ("leonardo", "requests_per_minute", 0, "it is 0; it must be a whole number, 1 or more"),
        ("leonardo", "credit_alert", -1, "it is -1; it must be credits, 0 or more, or US dollars, such as '$5'"),
        ("leonardo", "model", "", "it is empty; write some text, or leave the line out"),
        (
            "leonardo",
            "model",
            None,
            "it is empty, as an unset !ENV variable is; give it a value, or leave the line out",
        ),
        ("leonardo", "image_hosts", [], f"it is []; {_LIST} [cdn.leonardo.ai]"),
        ("openai", "quality", "hihg", "it is 'hihg'; did you mean high?"),
    ],
)
def test_sub_option_out_of_its_range_is_refused_with_value_and_fix(
    section: str, name: str, value: object, message: str
) -> None:
    """The error about a provider's option names section, option, value and what is allowed."""
    assert refuse({section: {name: value}}) == f"option '{section}': Sub-option '{name}': {message}"


@pytest.mark.parametrize("name", ["width", "max_cost_usd", "concurrency", "enabled", "style", "cache_dir"])
def test_number_that_python_refuses_to_write_is_refused_like_any_other(name: str) -> None:
    """A number of forty thousand bits is an ordinary error."""
    assert refuse({name: HUGE}).startswith(f"option '{name}': it is a very large number; ")


def test_prompt_template_that_leaves_no_room_is_refused() -> None:
    """A template as long as a whole prompt is an error."""
    message = refuse({"prompt_template": "{prompt} " + "x" * 2000})

    assert message.endswith("it has 2,009 characters, and with a page's own words services take at most 1,500")


def test_negative_prompt_longer_than_services_take_is_refused() -> None:
    """A negative prompt beyond the services' limit is one error of the configuration."""
    message = refuse({"negative_prompt": "x" * 1501})

    assert message.endswith("it has 1,501 characters, and services take at most 1,500")


@pytest.mark.parametrize("section", BUILT_IN)
@pytest.mark.parametrize(
    "address",
    [
        "https://me:hunter2@api.example/v1",
        "me:hunter2@api.example/v1",
        "//me:hunter2@api.example",
        "https://me:hunter2@\u2100.example/v1",
        "https://api.example/v1?key=hunter2",
        "https://api.example/v1#hunter2",
        "https://[hunter2",
        "https://api.example:hunter2/v1",
        "https://hunter2 .example/v1",
        "https:///hunter2",
        "http://api.example/hunter2",
        "ftp://api.example/hunter2",
        "sk-hunter2",
    ],
)
def test_base_url_that_is_refused_is_never_repeated(section: str, address: str) -> None:
    """The error about a `base_url` does not repeat a key or password in it."""
    message = refuse({section: {"base_url": address}})

    assert message.startswith(f"option '{section}': Sub-option 'base_url': it ")
    assert "hunter2" not in message


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("http://api.example/v1", "it must begin with https:// (with http:// only for this machine itself)"),
        ("http://127.0.0.1.example", "it must begin with https:// (with http:// only for this machine itself)"),
        ("https://a@b.example", "it must hold no credentials and no ? or #; keys come from the environment only"),
        ("api.example", "it cannot be read as an address; it must look like https://api.example.com/v1"),
        (
            "https://api.example:99999/v1",
            "it cannot be read as an address; it must look like https://api.example.com/v1",
        ),
        ("https://a.example\n/v1", "it cannot be read as an address; it must look like https://api.example.com/v1"),
    ],
)
def test_base_url_that_is_refused_says_why(address: str, message: str) -> None:
    """A `base_url` with plain http to another machine, with secrets or without a host is an error with the reason."""
    assert refuse({"leonardo": {"base_url": address}}) == f"option 'leonardo': Sub-option 'base_url': {message}"


@pytest.mark.parametrize(
    "host", ["https://cdn.example", "cdn.example:443", "*.example", "a@b.example", "a b", "a/b", ".a", "a..", "."]
)
def test_image_host_that_is_no_plain_name_is_refused(host: str) -> None:
    """An entry of `image_hosts` that is no plain host name is an error."""
    message = "it must hold names of hosts such as cdn.leonardo.ai, without scheme, port, path and *"

    assert refuse({"leonardo": {"image_hosts": [host]}}) == f"option 'leonardo': Sub-option 'image_hosts': {message}"


# What is unknown ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("max_new_image", "max_new_images"),
        ("max-new-images", "max_new_images"),
        ("provider", "providers"),
        ("negativ_prompt", "negative_prompt"),
        ("colour_cards", None),
    ],
)
def test_unknown_option_is_an_error_with_a_suggestion(name: str, suggestion: str | None) -> None:
    """An unknown option is an error with a suggestion."""
    message = refuse({name: {}})

    assert message.startswith(f"option '{name}': there is no such option; ")
    if suggestion:
        assert message.endswith(f"did you mean {suggestion}?")
    else:
        assert message.endswith("it may be enabled, providers, " + message.partition("providers, ")[2])


@pytest.mark.parametrize(
    ("section", "name", "message"),
    [
        ("leonardo", "timout", "there is no such option; did you mean timeout?"),
        ("openai", "alchemy", "there is no such option; it may be model, quality, timeout, base_url or text_model"),
    ],
)
def test_unknown_sub_option_is_an_error_with_a_suggestion(section: str, name: str, message: str) -> None:
    """An unknown option of a provider is an error with a suggestion from the same section."""
    assert refuse({section: {name: 1}}) == f"option '{section}': Sub-option '{name}': {message}"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"contrast": 4.5}, "Sub-option 'contrast': it is 4.5; phoenix-v1.0 takes 3, 3.5, 4 by v2"),
        (
            {"base_url": "https://api.example/leonardo"},
            (
                "Sub-option 'base_url': with v2 it must end in /v1 or /v2: jobs are made under one and "
                "read under the other"
            ),
        ),
        ({"api_version": "v3"}, "Sub-option 'api_version': it is 'v3'; it may be auto, v1 or v2"),
    ],
)
def test_api_version_2_with_what_it_cannot_do_is_refused(options: dict[str, object], message: str) -> None:
    """An option that v2 lacks is an error together with `api_version: 2`."""
    assert refuse({"leonardo": {"api_version": "v2", **options}}) == f"option 'leonardo': {message}"


@pytest.mark.parametrize("base_url", ["https://cloud.leonardo.ai/api/rest/v1", "https://cloud.leonardo.ai/api/rest/v2"])
def test_api_version_2_takes_the_address_of_either(base_url: str) -> None:
    """`api_version: 2` accepts the default address and one that ends in v2."""
    config = accept({"leonardo": {"api_version": "v2", "base_url": base_url}})

    assert section_of(config, "leonardo")["api_version"] == "v2"


@pytest.mark.parametrize(
    ("options", "variables"),
    [
        ({"api_key": "hunter2"}, ", ".join(key_variable(name) for name in BUILT_IN)),
        ({"openai": {"api_key": "hunter2"}}, "OPENAI_API_KEY"),
        ({"leonardo": {"LEONARDO_API_KEY": "hunter2"}}, "LEONARDO_API_KEY"),
    ],
)
def test_key_in_the_configuration_is_refused_and_sent_to_the_environment(
    options: dict[str, object], variables: str
) -> None:
    """A key in the configuration is an error that names its variable and does not repeat the key."""
    message = refuse(options)

    assert message.endswith(f"keys come from the environment only ({variables})")
    assert "hunter2" not in message


@pytest.mark.parametrize("providers", [5, True, "acme", None, {"acme": 1}])
def test_unknown_option_beside_providers_that_are_no_list_is_reported(providers: object) -> None:
    """An unknown option and a wrong `providers` are both reported."""
    _, errors, _ = validate({"providers": providers, "acme": 1})

    assert [error.partition(":")[0] for error in errors] == ["option 'providers'", "option 'acme'"]
    assert "there is no such option" in errors[1]


def test_unknown_and_wrong_options_are_reported_together() -> None:
    """An unknown option is reported beside a wrong value, although the host stops at the latter."""
    _, errors, warnings = validate({"width": 7, "hieght": 864, "concurency": 3})

    assert [error.partition(":")[0] for error in errors] == ["option 'width'", "option 'hieght'", "option 'concurency'"]
    assert warnings == []


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(10**400) | st.binary() | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc_é ", max_size=9), inner, max_size=3),
    max_leaves=4,
)


@pytest.mark.parametrize("name", [name for name, _ in LeonardoConfig._schema])
@settings(max_examples=25)
@given(value=_anything)
def test_option_with_any_value_is_taken_or_refused_in_one_line(name: str, value: object) -> None:
    """An option accepts any value or refuses it with one short line."""
    _, errors, _ = validate({name: value})

    for error in errors:
        assert len(error) < 600
        assert "\n" not in error


@pytest.mark.parametrize("section", BUILT_IN)
@given(data=st.data(), value=_anything)
def test_sub_option_with_any_value_is_taken_or_refused_in_one_line(
    section: str, data: st.DataObject, value: object
) -> None:
    """A provider's option accepts any value or refuses it with one short line."""
    name = data.draw(st.sampled_from(sorted(section_of(accept({}), section))))

    _, errors, _ = validate({section: {name: value}})

    for error in errors:
        assert len(error) < 600
        assert "\n" not in error


# In the host ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("{width: 1500}", f"option 'width': it is 1500; {_WIDTH}"),
        ("{max_new_image: 3}", "option 'max_new_image': there is no such option; did you mean max_new_images?"),
        ("{leonardo: {timeout: 0}}", f"option 'leonardo': Sub-option 'timeout': it is 0; {_SECONDS}"),
    ],
)
def test_mistake_in_the_configuration_file_is_one_sentence_of_the_host(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, options: str, sentence: str
) -> None:
    """`mkdocs build` stops at a wrong option with one line that continues the host's sentence."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "mkdocs.yml").write_text(f"site_name: x\nplugins:\n  - leonardo: {options}\n")

    with pytest.raises(Abort):
        load_config(str(tmp_path / "mkdocs.yml"))

    assert f"Config value 'plugins': Plugin 'leonardo' {sentence}" in caplog.messages


@pytest.mark.parametrize("entry", ["leonardo", "leonardo:", "leonardo: {}", "leonardo: {leonardo: , openai: {}}"])
def test_configuration_file_that_says_little_is_loaded(tmp_path: Path, entry: str) -> None:
    """The plugin's name alone is a valid configuration."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "mkdocs.yml").write_text(f"site_name: x\nplugins:\n  - {entry}\n")

    config = load_config(str(tmp_path / "mkdocs.yml")).plugins["leonardo"].config

    assert config.items() >= accept({}).items()
    assert config.provider_options == accept({}).provider_options


# Settings -------------------------------------------------------------------------------------------


def settings_for(root: Path, **options: object) -> Settings:
    """The settings of a site in `root`."""
    return settings_from(
        accept(options),
        root / "mkdocs.yml",
        docs_dir=root / "docs",
        site_dir=root / "site",
    )


#: The options of every built-in provider that a site gets without naming one.
DEFAULT_OPTIONS = {name: declaration_of(name).options() for name in BUILT_IN}


def test_settings_from_defaults_are_the_defaults_of_every_part(tmp_path: Path) -> None:
    """The settings of an empty configuration are the defaults of the dataclasses."""
    settings = settings_for(tmp_path)

    assert settings.defaults == HeroDefaults()
    assert settings.encoding == Encoding()
    assert settings.options == DEFAULT_OPTIONS
    assert settings.cache_dir == tmp_path.resolve() / ".cache/plugin/leonardo"
    assert settings.gallery_dir == tmp_path.resolve() / "heroes"


def test_settings_from_options_leave_the_cache_where_it_is(tmp_path: Path) -> None:
    """The settings of a site for Zensical name the former cache, which a build or a command moves when it begins."""
    former, own = tmp_path / ".cache/plugin/leonardo", tmp_path / ".leonardo/cache"
    (former / "pictures").mkdir(parents=True)
    settings = settings_from(accept({}), tmp_path / "mkdocs.yml", docs_dir=tmp_path / "docs", for_zensical=True)
    assert (settings.former_cache, settings.cache_dir) == (former, own)
    assert (former.is_dir(), own.exists()) == (True, False)

    moved = move_cache(settings, lambda *_: None, {})
    assert (moved.former_cache, moved.cache_dir) == (None, own)
    assert (former.exists(), (own / "pictures").is_dir()) == (False, True)


def test_settings_from_options_carry_each_of_them(tmp_path: Path) -> None:
    """The settings contain every option of the configuration."""
    settings = settings_for(
        tmp_path,
        providers=["openai"],
        style="moody",
        width=1024,
        height=576,
        prompt_template="{prompt}, ink",
        negative_prompt="people",
        generate=False,
        max_new_images=3,
        max_cost_usd=1,
        concurrency=4,
        on_missing="error",
        on_serve="generate",
        layout="full",
        cards=False,
        social=False,
        credit=True,
        formats=["webp", "jpeg"],
        widths=[960, 480],
        cache_dir="cache",
        gallery_dir=str(tmp_path / "gallery"),
        leonardo={
            "model": "m",
            "alchemy": False,
            "contrast": 1,
            "timeout": 5,
            "render_estimate": 2,
            "requests_per_minute": 7,
            "base_url": "http://127.0.0.1:1",
            "image_hosts": ["127.0.0.1"],
            "credit_alert": 9,
            "api_version": "v1",
        },
        openai={"model": "n", "quality": "low", "timeout": 6, "base_url": "http://127.0.0.1:2"},
        gemini={"model": "o", "timeout": 7, "base_url": "http://127.0.0.1:3"},
    )

    assert settings == Settings(
        providers=("openai",),
        defaults=HeroDefaults(PictureSpec("", "MOODY", "people", None, 1024, 576), "{prompt}, ink", "full"),
        generate=False,
        max_new_images=3,
        max_cost_usd=1.0,
        concurrency=4,
        on_missing="error",
        on_serve="generate",
        markup=MarkupOptions(cards=False, social=False, credit=True),
        encoding=Encoding(("webp", "jpeg"), (480, 960), 1024, 576, social=False, spares_fallback=False),
        cache_dir=tmp_path.resolve() / "cache",
        gallery_dir=tmp_path.resolve() / "gallery",
        options={
            **DEFAULT_OPTIONS,
            "leonardo": LeonardoOptions(
                model="m",
                api_version="v1",
                alchemy=False,
                contrast=1.0,
                timeout_s=5.0,
                generation_estimate_s=2.0,
                requests_per_minute=7,
                base_url="http://127.0.0.1:1",
                image_hosts=("127.0.0.1",),
                credit_alert=Alert(9.0),
            ),
            "openai": OpenAIOptions("n", "low", 6.0, "http://127.0.0.1:2"),
            "gemini": GeminiOptions("o", 7.0, "http://127.0.0.1:3"),
        },
        notes=(),
        shared_store=None,
        on_store_failure="cached",
        cache_may_move=False,
        former_cache=None,
        config_name="mkdocs.yml",
    )


_IN_DOCS = "is inside docs_dir, where `mkdocs serve` would rebuild without end; choose a folder beside it"
_IN_SITE = (
    "is inside site_dir, which every build empties, so that every image would be paid again; choose a folder beside it"
)


@pytest.mark.parametrize("name", ["cache_dir", "gallery_dir"])
@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("docs", _IN_DOCS),
        ("docs/assets", _IN_DOCS),
        (
            "x/../docs/.c",
            _IN_DOCS,
        ),
        (
            "site/cache",
            _IN_SITE,
        ),
        (".", "holds docs_dir; choose a folder of its own"),
        ("..", "holds docs_dir; choose a folder of its own"),
    ],
)
def test_settings_from_a_folder_in_the_wrong_place_are_refused(
    tmp_path: Path, name: str, folder: str, message: str
) -> None:
    """A folder of pictures inside docs_dir or site_dir is an error, since the host watches or cleans it."""
    with pytest.raises(SettingsError) as caught:
        settings_for(tmp_path, **{name: folder})

    assert str(caught.value) == f"{name}: {folder!r} {message}"


def test_settings_from_a_folder_that_links_into_docs_are_refused(tmp_path: Path) -> None:
    """A folder of pictures that links into docs_dir is an error."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "elsewhere").symlink_to(tmp_path / "docs")

    with pytest.raises(SettingsError, match="is inside docs_dir"):
        settings_for(tmp_path, cache_dir="elsewhere/cache")


def test_settings_from_a_folder_named_like_docs_are_taken(tmp_path: Path) -> None:
    """`docs-cache` beside `docs` is a valid folder."""
    assert settings_for(tmp_path, cache_dir="docs-cache").cache_dir == tmp_path.resolve() / "docs-cache"


@pytest.mark.parametrize(("cache_dir", "gallery_dir"), [("a", "a"), ("a/b", "a"), ("a", "a/b")])
def test_settings_from_cache_and_gallery_in_one_another_are_refused(
    tmp_path: Path, cache_dir: str, gallery_dir: str
) -> None:
    """A gallery inside the cache, or the reverse, is an error."""
    with pytest.raises(SettingsError, match="overlap"):
        settings_for(tmp_path, cache_dir=cache_dir, gallery_dir=gallery_dir)


# Providers of other packages ------------------------------------------------------------------------

ACME = """
from dataclasses import dataclass
from typing import Literal

from mkdocs_leonardo.providers.declaration import Declaration, Limits


@dataclass(frozen=True)
class Options:
    rate: int = 1
    max_tokens: int | None = None
    paper: Literal["rough", "smooth"] = "rough"
    colours: tuple[str, ...] = ("red", "blue")
    title: str = ""


def problems(options, given, picture):
    if "rate" in given and options.rate > 5:
        yield "acme-draws.rate", "it is too quick"
    if picture.width_px < 100:
        yield "width", "acme draws nothing so small"


create = Declaration(make=None, options=Options, problems=problems, key_variable="ACME_TOKEN")
"""


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a provider that an installed package offers."""
    return install(tmp_path, monkeypatch, ACME)


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, module: str) -> str:
    """Install a package with one module, which declares a provider."""
    monkeypatch.syspath_prepend(install_provider(folder, "acme", "acme-draws = acme:create", module))
    monkeypatch.delitem(sys.modules, "acme", raising=False)
    return "acme-draws"


def test_provider_of_another_package_has_the_options_that_it_declares(foreign: str) -> None:
    """A package's options have the types and defaults of their fields."""
    options = {foreign: {"rate": 3, "max_tokens": 5, "colours": ["green"], "paper": "smooth"}}

    assert section_of(accept(options), foreign) == {
        "rate": 3,
        "max_tokens": 5,
        "paper": "smooth",
        "colours": ("green",),
        "title": "",
    }
    assert section_of(accept({foreign: None}), foreign)["colours"] == ("red", "blue")
    assert foreign in accept({"providers": [foreign]}).provider_options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"acme-draws": 5}, "'acme-draws': it is 5; write its settings below it, one a line, as name: value"),
        (
            {"acme-draws": {"api_key": "hunter2"}},
            (
                "'acme-draws': Sub-option 'api_key': there is no such option; keys come from the environment only "
                "(ACME_TOKEN)"
            ),
        ),
        (
            {"acme-draws": {"papr": "rough"}},
            "'acme-draws': Sub-option 'papr': there is no such option; did you mean paper?",
        ),
        (
            {"acme-draws": {"paper": "ruogh"}},
            "'acme-draws': Sub-option 'paper': it is 'ruogh'; did you mean rough?",
        ),
        (
            {"acme-draws": {"rate": "3"}},
            "'acme-draws': Sub-option 'rate': it is '3'; it must be a whole number",
        ),
        (
            {"acme-draws": {"colours": [5]}},
            "'acme-draws': Sub-option 'colours': it holds 5; it must be text; put quotes around it",
        ),
        ({"providers": ["acme-draws"], "acme-draws": {"rate": 6}}, "'acme-draws': Sub-option 'rate': it is too quick"),
        ({"providers": ["acme-draws"], "width": 96, "height": 96}, "'width': acme draws nothing so small"),
    ],
    ids=str,
)
@pytest.mark.usefixtures("foreign")
def test_option_that_another_package_does_not_take_is_refused(options: dict[str, object], message: str) -> None:
    """A wrong option of a package's provider is an error with name, value and fix."""
    assert refuse(options) == f"option {message}"


@pytest.mark.parametrize(
    ("meta", "problem"),
    [
        ({"hero_negative_prompt": "boats"}, "lucid-origin takes none"),
        (
            {"hero_seed": 5_000_000_000},
            "it must be a whole number from 0 to 2147483647, as lucid-origin takes no other",
        ),
        ({"hero_style": "BOKEH"}, "lucid-origin does not have it"),
    ],
    ids=["negative prompt", "seed", "style"],
)
def test_pages_may_ask_for_what_the_first_provider_takes(
    tmp_path: Path, foreign: str, meta: dict[str, object], problem: str
) -> None:
    """The rules of a page's values are those of the first provider; one without rules accepts every value."""
    lucid = {"leonardo": {"model": "lucid-origin"}}
    found = {
        first: read(
            {"hero_prompt": "a lake", **meta},
            page="a.md",
            title="A",
            defaults=settings_for(tmp_path, providers=[first, second], **lucid).defaults,
        )
        for first, second in ((foreign, "leonardo"), ("leonardo", foreign))
    }

    assert found[foreign].problems == ()
    assert found[foreign].hero is not None
    assert [problem in str(each) for each in found["leonardo"].problems] == [True]


def test_page_behind_a_provider_without_rules_may_have_a_later_one_s_style(tmp_path: Path, foreign: str) -> None:
    """A page's style is valid if one model of the providers knows it."""
    lucid = {"leonardo": {"model": "lucid-realism"}}
    defaults = settings_for(tmp_path, providers=[foreign, "leonardo"], **lucid).defaults

    page = read({"hero_prompt": "a lake " * 300, "hero_style": "FILM"}, page="a.md", title="A", defaults=defaults)

    assert page.problems == ()


def test_style_of_a_package_s_own_model_is_an_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`style` may be one that a listed package declares, in any case; without that package it is no style."""
    foreign = install(tmp_path, monkeypatch, ACME.replace("options=Options,", "options=Options, styles=('OIL',),"))

    assert accept({"providers": [foreign], "style": "oil"}).style == "OIL"
    assert "'style': it is 'oil'; it may be CINEMATIC, " in refuse({"style": "oil"})
    assert "OIL" in settings_for(tmp_path, providers=[foreign]).defaults.rules.styles
    assert "WATERCOLOR" not in settings_for(tmp_path, providers=["openai", "leonardo"]).defaults.rules.styles


def test_rules_that_allow_every_setting_are_no_rules() -> None:
    """A package's own `PictureRules()` hides no style of a later provider, as the default does not."""
    film = PictureRules("lucid-realism", styles=("FILM",))

    assert _choose_rules([PictureRules(), film]) == _choose_rules([ANY_PICTURE, film])
    assert "FILM" in _choose_rules([PictureRules(), film]).styles
    assert _choose_rules([PictureRules("model-1"), film]).styles == STYLES


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("raise RuntimeError('no licence')", "no licence"),
        ("def create(context): ...", "acme:create is no Declaration"),
        (
            (
                "from dataclasses import dataclass\n"
                "from mkdocs_leonardo.providers.declaration import Declaration\n"
                "@dataclass\nclass Options:\n    inks: dict = None\n"
                "create = Declaration(make=None, options=Options)\n"
            ),
            "inks is a <class 'dict'>; declare its converter with option()",
        ),
    ],
    ids=["raises", "no declaration", "no converter"],
)
def test_package_that_declares_nothing_sound_is_reported_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, message: str
) -> None:
    """A package with a broken declaration is one line in its own words, without a traceback."""
    name = install(tmp_path, monkeypatch, module)

    assert refuse({"providers": [name]}) == f"option '{name}': the provider '{name}' cannot be used: {message}"


def test_section_of_a_package_that_is_not_installed_says_so() -> None:
    """The section of a provider whose package is not installed is an error that says so."""
    message = refuse({"providers": ["acme"], "acme": {}})

    assert message == "option 'acme': no provider 'acme' is installed; install its package, or remove the section"


def test_section_of_the_painter_is_reported_to_have_no_options() -> None:
    """A section `local` is an error that says that the painter has no options."""
    message = refuse({"providers": ["leonardo", "local"], "local": {"x": 1}})

    assert message == "option 'local': 'local' has no options; remove the section"

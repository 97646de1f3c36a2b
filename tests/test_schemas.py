"""The schemas for editors accept what the plugin accepts."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
import reference_tables as tables
import yaml
from jsonschema import Draft202012Validator
from mkdocs.utils.yaml import yaml_load

from mkdocs_leonardo import front_matter
from mkdocs_leonardo.config import LeonardoConfig
from mkdocs_leonardo.front_matter import HeroDefaults

SITE = tables.ROOT / "example-site"


@cache
def validator(name: str) -> Draft202012Validator:
    """A validator of the published schema with that name."""
    schema = json.loads((SITE / f"docs/schema/{name}.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def is_accepted(options: dict[str, Any]) -> bool:
    """Whether the plugin accepts these options."""
    config = LeonardoConfig()
    config.load_dict(options)
    return config.validate() == ([], [])


def test_published_schemas_equal_the_code() -> None:
    """The published schemas are those of the code; ``python tests/reference_tables.py`` refreshes them."""
    for path, content in tables.schemas().items():
        assert path.read_text(encoding="utf-8") == content


def test_example_site_follows_both_schemas() -> None:
    """The example site's configuration and front matter fit the schemas."""
    config = yaml_load((SITE / "mkdocs.yml").read_text(encoding="utf-8"))
    assert not list(validator("mkdocs").iter_errors(config))
    pages = sorted((SITE / "docs").rglob("*.md"))
    for path in pages:
        meta = yaml.safe_load(path.read_text(encoding="utf-8").split("---\n")[1])
        # Dates are no JSON; they are none of our keys.
        ours = {key: value for key, value in meta.items() if key.startswith("hero_")}
        assert not list(validator("front-matter").iter_errors(ours)), path
    assert len(pages) > 20


@pytest.mark.parametrize("plugins", [["leonardo"], [{"leonardo": None}], {"leonardo": {}}, [{"blog": {"width": "x"}}]])
def test_forms_of_the_plugins_list_are_accepted(plugins: object) -> None:
    """The schema accepts every form of `plugins`: names, empty options, mappings, other plugins."""
    assert validator("mkdocs").is_valid({"plugins": plugins})


OPTIONS: list[dict[str, Any]] = [
    {"enabled": False},
    {"enabled": "perhaps"},
    {"style": "MOODY"},
    {"style": "CINEMTIC"},
    {"width": 1024},
    {"width": 1025},
    {"widht": 1024},
    {"concurrency": 0},
    {"concurrency": 201},
    {"max_cost_usd": 0.5},
    {"max_cost_usd": None},
    {"max_cost_usd": -1},
    {"on_missing": "error"},
    {"on_missing": "shout"},
    {"formats": ["avif", "png"]},
    {"formats": ["jpeg"]},
    {"formats": []},
    {"widths": [480, 960]},
    {"widths": [1]},
    {"credit": True},
    {"credit": "Bild: {creator}"},
    {"credit": "Bild"},
    {"providers": ["openai"]},
    {"providers": "openai"},
    {"leonardo": {"timeout": 40, "contrast": 3}},
    {"leonardo": {"timeout": 0}},
    {"leonardo": {"contrast": 3.2}},
    {"leonardo": {"colour": True}},
    {"leonardo": None},
    {"openai": {"quality": "low"}},
    {"openai": {"quality": "lowest"}},
]


@pytest.mark.parametrize("options", OPTIONS, ids=json.dumps)
def test_schema_of_the_options_judges_as_the_plugin_does(options: dict[str, Any]) -> None:
    """The schema of the options refuses exactly what a build refuses."""
    assert validator("mkdocs").is_valid({"plugins": [{"leonardo": options}]}) is is_accepted(options)


METAS: list[dict[str, Any]] = [
    {"hero_prompt": "a lake"},
    {"hero_prompt": False},
    {"hero_prompt": ""},
    {"hero_prompt": 7},
    {"hero_prompt": "a lake", "hero_style": "MOODY"},
    {"hero_prompt": "a lake", "hero_style": "CINEMTIC"},
    {"hero_prompt": "a lake", "hero_seed": 7},
    {"hero_prompt": "a lake", "hero_seed": -1},
    {"hero_prompt": "a lake", "hero_focus": "30% 60%"},
    {"hero_prompt": "a lake", "hero_focus": "middle"},
    {"hero_prompt": "a lake", "hero_layout": "full"},
    {"hero_prompt": "a lake", "hero_layout": "fuller"},
    {"hero_prompt": "a lake", "hero_tagline": "x" * 301},
    {"hero_image": "images/a.jpg", "hero_alt": "A lake"},
]


@pytest.mark.parametrize("meta", METAS, ids=lambda meta: json.dumps(meta)[:60])
def test_schema_of_front_matter_judges_as_the_plugin_does(meta: dict[str, Any]) -> None:
    """The schema of the front matter refuses exactly the values that a build warns of."""
    read = front_matter.read(meta, page="a.md", title="A", defaults=HeroDefaults())
    assert validator("front-matter").is_valid(meta) is not bool(read.problems)


def test_schema_explains_every_key_and_option() -> None:
    """The schemas have the documentation's text for every key and option."""
    keys = validator("front-matter").schema["properties"]
    assert list(keys) == list(front_matter.KEYS)
    assert all(key["description"] for key in keys.values())
    options = validator("mkdocs").schema["$defs"]["leonardo"]["anyOf"][0]["properties"]
    assert all(option["description"] for option in options.values())
    assert {*options} == {name.partition(".")[0] for name in tables.option_names()}

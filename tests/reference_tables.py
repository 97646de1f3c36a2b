"""Writes the tables of options, the help of the commands and the schemas for editors into the documentation.

    python tests/reference_tables.py

Tables and help stand between marks in the documents; a test fails if they differ from the code. An option's meaning is
the docstring below it, a command's is its `--help`, and a front matter key's is its table.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path

import click

from mkdocs_leonardo import cli, config, front_matter
from mkdocs_leonardo.config import LeonardoConfig
from mkdocs_leonardo.converters import schema_of
from mkdocs_leonardo.picture_rules import MAX_PROMPT_CHARACTERS, MAX_SEED
from mkdocs_leonardo.providers import BUILT_IN
from mkdocs_leonardo.providers.declaration import built_in_styles, declaration_of, options_in
from mkdocs_leonardo.providers.leonardo.models import MODELS
from mkdocs_leonardo.spec import JsonValue

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "example-site/docs/reference"
#: Every document with something between `<!-- options: NAME -->` and `<!-- end of options -->`, or the same of `help`.
DOCUMENTS = (REFERENCE / "options.md", REFERENCE / "command-line.md")

PROGRAM = "mkdocs-leonardo"
#: What has a help text of its own, in the order of the code.
COMMANDS: dict[str, click.Command] = {PROGRAM: cli.main, **cli.main.commands}

#: The prefix of an option's name in the documents, and the class that declares it.
GROUPS: dict[str, type[object]] = {
    "plugin": LeonardoConfig,
    **{name: declaration_of(name).options for name in BUILT_IN},
}

_MARKED = re.compile(r"(<!-- options: (\w+) -->\n).*?(<!-- end of options -->)", re.DOTALL)
_HELP = re.compile(r"(<!-- help: ([\w-]+) -->\n).*?(<!-- end of help -->)", re.DOTALL)
#: Names with underscores and long options in a help text, which the documents show as code.
_NAMES = re.compile(r"(?<![`\w-])(--[a-z][a-z-]+|\w+_\w+)(?![`\w])")


def option_names() -> set[str]:
    """Every option as the documents spell it: ``style``, ``leonardo.model``."""
    return {
        name if group == "plugin" else f"{group}.{name}" for group, kind in GROUPS.items() for name in defaults(kind)
    }


def defaults(kind: type[object]) -> dict[str, object]:
    """The value of each option in a configuration that says nothing."""
    if not issubclass(kind, config.LeonardoConfig):
        return {name: option.default for name, option in options_in(kind).items()}
    empty = kind()
    empty.load_dict({})
    errors, warnings = empty.validate()
    if errors or warnings:
        raise AssertionError(errors or warnings)
    return {name: empty[name] for name, _ in empty._schema}


def table(group: str) -> str:
    """The options of one group in Markdown, in the order of the code."""
    kind = GROUPS[group]
    meanings = _docstrings(kind)
    rows = [f"| `{name}` | {_as_yaml(value)} | {meanings[name]} |" for name, value in defaults(kind).items()]
    return "\n".join(["| option | default | meaning |", "|---|---|---|", *rows, ""])


def refresh(text: str) -> str:
    """The document with the text between its marks made from the code."""
    text = _MARKED.sub(lambda mark: f"{mark[1]}{table(mark[2])}{mark[3]}", text)
    return _HELP.sub(lambda mark: f"{mark[1]}{help_of(mark[2])}{mark[3]}", text)


def groups_in(text: str) -> list[str]:
    """The tables that the document shows."""
    return [mark[2] for mark in _MARKED.finditer(text)]


def commands_in(text: str) -> list[str]:
    """The commands whose help the document shows."""
    return [mark[2] for mark in _HELP.finditer(text)]


def help_of(name: str) -> str:
    """The ``--help`` of a command in Markdown: usage, paragraphs, a table of options, examples."""
    command = COMMANDS[name]
    with click.Context(cli.main, info_name=PROGRAM, help_option_names=["-h", "--help"]) as program:
        context = program if command is cli.main else click.Context(command, info_name=name, parent=program)
        usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
        paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
        parts = [f"```text\n{usage}\n```", *(_as_code(" ".join(text.split())) for text in paragraphs)]
        # The document says once that every command has `--help`.
        options = command.get_params(context) if command is cli.main else command.params
        records = [option.get_help_record(context) for option in options if isinstance(option, click.Option)]
        rows = [_option(*record) for record in records if record]
    if rows:
        parts.append("\n".join(["| option | meaning |", "|---|---|", *rows]))
    elif isinstance(command, click.Group):
        parts += _parts(command, context)
    if command is cli.main:
        parts.append("\n".join(["| command | what it does |", "|---|---|", *_summaries()]))
    examples = (command.epilog or "").partition("Examples:\n")[2].splitlines()
    parts.append("\n".join(["```console", *(f"$ {line.strip()}" for line in examples), "```"]))
    return "\n" + "\n\n".join([*parts, ""])


def _parts(group: click.Group, context: click.Context) -> Iterator[str]:
    """Usage, paragraphs and options of each command of a group."""
    for name, command in group.commands.items():
        inner = click.Context(command, info_name=name, parent=context)
        yield f"```text\n{' '.join([inner.command_path, *command.collect_usage_pieces(inner)])}\n```"
        yield from (_as_code(" ".join(text.split())) for text in inspect.cleandoc(command.help or "").split("\n\n"))
        records = [option.get_help_record(inner) for option in command.params if isinstance(option, click.Option)]
        yield "\n".join(["| option | meaning |", "|---|---|", *(_option(*record) for record in records if record)])


def _summaries() -> Iterator[str]:
    for name, command in cli.main.commands.items():
        yield f"| [`{name}`](#{name}) | {command.get_short_help_str(limit=200)} |"


def _option(names: str, meaning: str) -> str:
    """The row of one option; click's brackets behind the meaning become words."""
    meaning, _, extra = meaning.partition("  [")
    extra = re.sub(r"(\d+)<=x<=(\d+)", r"\1 to \2", extra.removesuffix("]"))
    extra = re.sub(r"x>=(\d+)", r"\1 or more", extra)
    shown = ", ".join(f"`{name}`" for name in names.split(", "))
    meaning = f"{meaning.removesuffix('.')} ({extra})." if extra else meaning
    return f"| {shown} | {_as_code(meaning)} |"


def _as_code(text: str) -> str:
    return _NAMES.sub(r"`\1`", text)


def _docstrings(kind: type[object]) -> dict[str, str]:
    """The docstring below each option in the body of its class."""
    (node,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(node, ast.ClassDef)
    body = node.body
    names = (
        {} if issubclass(kind, config.LeonardoConfig) else {each.field: name for name, each in options_in(kind).items()}
    )
    found = {}
    for option, meaning in itertools.pairwise(body):
        target = option.targets[0] if isinstance(option, ast.Assign) else getattr(option, "target", None)
        if isinstance(target, ast.Name) and isinstance(meaning, ast.Expr) and isinstance(meaning.value, ast.Constant):
            found[names.get(target.id, target.id)] = " ".join(str(meaning.value.value).split())
    return found


def _as_yaml(value: object) -> str:
    """A default value in YAML."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`[{', '.join(map(str, value))}]`"
    if isinstance(value, float):
        return f"`{value:g}`"
    return f'`"{value}"`' if "{" in str(value) else f"`{value}`"


# Schemas -------------------------------------------------------------------------------------------------------------

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[Path, str]:
    """Each schema file with its content: the plugin's part of `mkdocs.yml`, and a page's front matter."""
    named: JsonValue = {"leonardo": {"$ref": "#/$defs/leonardo"}}
    mkdocs: JsonValue = {
        "$schema": _DIALECT,
        "title": "The options of mkdocs-leonardo in mkdocs.yml",
        "type": "object",
        "properties": {"plugins": {"items": {"properties": named}, "properties": named}},
        "$defs": {"leonardo": {"anyOf": [_group_schema("plugin"), {"type": "null"}]}},
    }
    page: JsonValue = {
        "$schema": _DIALECT,
        "title": "The front matter of a page with a hero",
        "type": "object",
        "properties": {key: {"description": meaning, **_KEYS[key]} for key, meaning in _key_meanings().items()},
        "patternProperties": {"^hero_": True},
    }
    folder = ROOT / "example-site/docs/schema"
    files = {folder / "mkdocs.json": mkdocs, folder / "front-matter.json": page}
    return {path: json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for path, schema in files.items()}


_TEXT: dict[str, JsonValue] = {"type": "string", "minLength": 1}
#: What each key of front matter takes.
_KEYS: dict[str, dict[str, JsonValue]] = {
    "hero_prompt": {"anyOf": [{**_TEXT, "maxLength": max(model.prompt_max for model in MODELS)}, {"const": False}]},
    "hero_style": {"enum": [*built_in_styles()]},
    "hero_negative_prompt": {**_TEXT, "maxLength": MAX_PROMPT_CHARACTERS},
    "hero_seed": {"type": "integer", "minimum": 0, "maximum": MAX_SEED},
    "hero_alt": {**_TEXT, "maxLength": front_matter.MAX_ALT_CHARACTERS},
    "hero_tagline": {**_TEXT, "maxLength": front_matter.MAX_TAGLINE_CHARACTERS},
    "hero_focus": {
        "anyOf": [
            {"enum": ["left", "right", "top", "bottom", "center"]},
            {"type": "string", "pattern": r"^\d{1,3}(\.\d+)?%\s+\d{1,3}(\.\d+)?%$"},
        ]
    },
    "hero_layout": {"enum": [*front_matter.LAYOUTS]},
    "hero_image": _TEXT,
    "hero_reference": _TEXT,
}


def _group_schema(group: str) -> dict[str, JsonValue]:
    kind = GROUPS[group]
    meanings = _docstrings(kind)
    if issubclass(kind, config.LeonardoConfig):
        taken = {name: option.schema for name, option in kind()._schema if isinstance(option, config.Checked)}
    else:
        taken = {name: schema_of(option.convert) for name, option in options_in(kind).items()}
    properties: dict[str, JsonValue] = {name: {"description": meanings[name], **each} for name, each in taken.items()}
    if group != "plugin":
        return {"type": "object", "properties": properties, "additionalProperties": False}
    for name in BUILT_IN:
        summary = inspect.getdoc(GROUPS[name]) or ""
        properties[name] = {"description": summary, "anyOf": [_group_schema(name), {"type": "null"}]}
    # Providers of other packages have sections of their own.
    return {"type": "object", "properties": properties, "additionalProperties": {"type": "object"}}


def _key_meanings() -> dict[str, str]:
    text = (REFERENCE / "front-matter.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(hero_\w+)` \| .*? \| (.*) \|$", text, re.MULTILINE)
    return {key: re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", meaning).replace("`", "") for key, meaning in rows}


def main() -> None:
    """Write every document that differs from the code, and print its name."""
    for path, new in schemas().items():
        path.parent.mkdir(exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != new:
            path.write_text(new, encoding="utf-8")
            print(f"{path.relative_to(ROOT)}: written anew")
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        new = refresh(text)
        if new != text:
            path.write_text(new, encoding="utf-8")
            print(f"{path.relative_to(ROOT)}: written anew")


if __name__ == "__main__":
    main()

"""The tables of options in the documentation, made from the docstrings that stand below the options.

    python tests/reference_tables.py

writes them anew between the marks of the documents that show them; a test fails while they differ.
"""

from __future__ import annotations

import ast
import itertools
import re
from pathlib import Path

from mkdocs_leonardo import config
from mkdocs_leonardo.config import LeonardoConfig

ROOT = Path(__file__).resolve().parent.parent
#: Every document with a table between `<!-- options: NAME -->` and `<!-- end of options -->`.
DOCUMENTS = (ROOT / "README.md", ROOT / "example-site/docs/reference/options.md")

#: The prefix of an option's name in the documents, and the class that declares it.
GROUPS = {"plugin": LeonardoConfig, "leonardo": config.LeonardoServiceConfig, "openai": config.OpenAIServiceConfig}

_MARKED = re.compile(r"(<!-- options: (\w+) -->\n).*?(<!-- end of options -->)", re.DOTALL)


def option_names() -> set[str]:
    """Every option as the documents spell it: ``style``, ``leonardo.model``."""
    return {
        name if group == "plugin" else f"{group}.{name}" for group, kind in GROUPS.items() for name in defaults(kind)
    }


def defaults(kind: type[config.StrictConfig]) -> dict[str, object]:
    """The value of each option in a configuration that says nothing; groups of options are left out."""
    empty = kind()
    empty.load_dict({})
    errors, warnings = empty.validate()
    if errors or warnings:
        raise AssertionError(errors or warnings)
    return {name: empty[name] for name, _ in empty._schema if not isinstance(empty[name], config.StrictConfig)}


def table(group: str) -> str:
    """The options of one group in Markdown, in the order of the code."""
    kind = GROUPS[group]
    meanings = _docstrings(kind.__name__)
    rows = [f"| `{name}` | {_shown(value)} | {meanings[name]} |" for name, value in defaults(kind).items()]
    return "\n".join(["| option | default | meaning |", "|---|---|---|", *rows, ""])


def refreshed(text: str) -> str:
    """The document with the tables between its marks as the code has them."""
    return _MARKED.sub(lambda mark: f"{mark[1]}{table(mark[2])}{mark[3]}", text)


def groups_in(text: str) -> list[str]:
    """The tables that the document shows."""
    return [mark[2] for mark in _MARKED.finditer(text)]


def _docstrings(class_name: str) -> dict[str, str]:
    """What stands below each assignment in the body of a class of `config`."""
    tree = ast.parse(Path(config.__file__).read_text(encoding="utf-8"))
    body = next(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == class_name)
    found = {}
    for option, meaning in itertools.pairwise(body):
        target = option.targets[0] if isinstance(option, ast.Assign) else getattr(option, "target", None)
        if isinstance(target, ast.Name) and isinstance(meaning, ast.Expr) and isinstance(meaning.value, ast.Constant):
            found[target.id] = " ".join(str(meaning.value.value).split())
    return found


def _shown(value: object) -> str:
    """A default as its author would write it in YAML."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`[{', '.join(map(str, value))}]`"
    if isinstance(value, float):
        return f"`{value:g}`"
    return f'`"{value}"`' if "{" in str(value) else f"`{value}`"


def main() -> None:
    """Write every document whose tables differ, and say which."""
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        new = refreshed(text)
        if new != text:
            path.write_text(new, encoding="utf-8")
            print(f"{path.relative_to(ROOT)}: tables written anew")


if __name__ == "__main__":
    main()

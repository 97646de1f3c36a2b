"""Golden files: front matter, the pages made of it and the lines of the log, one file for each case.

    PYTHONPATH=tests python -m goldens.rig

builds every case again and writes the results; look at the difference before you commit it. A file has these keys:

    about: what the case shows
    docs: the pages, and `picture` for a picture of the author's (`look`: one whose bytes a key may hold)
    options, config: of the plugin, and of the site
    happens: what the services do (HAPPENS below); by default they work
    exit_code, log, site: results of the build with `--strict`: exit code, messages of the plugin, built pages

The theme is one line, so that a page is what the plugin makes of it. Left out are values that pixels decide, and
addresses of this machine.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from builds import Built, Site
from images import plain
from services import Fails, PromptModerated, Services

FOLDER = Path(__file__).parent
#: A picture with the same bytes in every version of Pillow.
LOOK = FOLDER.parent / "earlier_cache/26c3686a9006ceeb.jpg"
THEME = {
    "main.html": "<html><head><title>{{ page.title }}</title></head><body>{{ page.content }}</body></html>",
    "blog.html": "<html><head></head><body>{{ page.content }}{% for post in posts %}"
    "<article>{{ post.content }}</article>{% endfor %}</body></html>",
    "blog-post.html": "<html><head></head><body>{{ page.content }}</body></html>",
    "blog-archive.html": "",
    "blog-category.html": "",
}
OPTIONS = {"leonardo": {"render_estimate": 0.2}, "widths": [480], "formats": ["jpeg"], "social": False}
HAPPENS: dict[str, Callable[[Services], object]] = {
    "all is well": lambda _: None,
    "no key": lambda _: None,
    "Leonardo's job fails": lambda services: services.leonardo.on_create(Fails()),
    "Leonardo refuses the prompt": lambda services: services.leonardo.on_create(PromptModerated()),
    "nothing can be reached": lambda _: None,
}
#: What pixels, processes and ports decide.
LEFT_OUT = (
    (r'src="data:image/webp;base64,[^"]+"', 'src="data:image/webp;base64,…"'),
    (r"assets/leonardo/hero\.\w+\.css", "assets/leonardo/hero.….css"),
    (r'(data-(?:tint|scrim)[a-z-]*)="\d+"', r'\1="…"'),
    (r"127\.0\.0\.1(:| port )\d+", r"127.0.0.1\1…"),
)


def cases() -> list[Path]:
    """The paths of the golden files."""
    return sorted(FOLDER.glob("*.yml"))


def build_case(case: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Build the case, and return the results as its file has them."""
    for name, text in THEME.items():
        (folder / "theme" / name).parent.mkdir(exist_ok=True)
        (folder / "theme" / name).write_text(text, encoding="utf-8")
    pictures = {"picture": plain((30, 60, 120), (960, 540)), "look": LOOK.read_bytes()}
    docs = {name: pictures.get(text, text) for name, text in case["docs"].items()}
    theme = {"theme": {"name": None, "custom_dir": str(folder / "theme"), "language": "en"}}
    options = {
        "leonardo": {"render_estimate": 0.2},
        "widths": [480],
        "formats": ["jpeg"],
        "social": False,
        **case.get("options", {}),
    }
    config = {**theme, **case.get("config", {})}
    plugins = config.pop("plugins", ())
    happens = case.get("happens", "all is well")
    with Services() as services:
        HAPPENS[happens](services)
        if happens == "nothing can be reached":
            down = {"base_url": services.refusing_url}
            options = {**options, "leonardo": {**options["leonardo"], **down}, "openai": down}
        site = Site(folder, docs, options, config, plugins, has_small_files=False)
        built = site.build(None if happens == "no key" else services, "--strict")
    return {"exit_code": built.exit_code, "log": _log(built), "site": _pages(built)}


def _log(built: Built) -> str:
    """The plugin's messages of any level, without progress, which depends on the machine's load."""
    lines = re.findall(r"^(\w+) +-  leonardo: (?!\d+ of \d+ heroes ready)(.*)$", built.log, re.MULTILINE)
    return _lasting("\n".join(f"{level}: {text}" for level, text in lines))


def _pages(built: Built) -> dict[str, str]:
    """The built pages, with each tag of the plugin on a line of its own."""
    found = sorted(built.site.rglob("index.html")) if built.site.is_dir() else []
    return {path.relative_to(built.site).as_posix(): _lasting(path.read_text(encoding="utf-8")) for path in found}


def _lasting(text: str) -> str:
    for pattern, replacement in LEFT_OUT:
        text = re.sub(pattern, replacement, text)
    # A file of the author's, and what the painter paints, have keys that other versions of Pillow change.
    for key in re.findall(r'data-provider="(?:own|local)" data-key="(\w+)"', text):
        text = text.replace(key, "…")
    return "\n".join(line.rstrip() for line in text.strip().splitlines()) + "\n" if text.strip() else ""


class _Dumper(yaml.SafeDumper):
    """A YAML dumper that writes texts of several lines as blocks."""


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)


def main() -> None:
    """Write every golden file again."""
    for path in cases():
        case = yaml.safe_load(path.read_text(encoding="utf-8"))
        with tempfile.TemporaryDirectory() as folder:
            case.update(build_case(case, Path(folder)))
        text = yaml.dump(case, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=10_000)
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path.name}\n")


if __name__ == "__main__":
    main()

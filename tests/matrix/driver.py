"""Builds a site in an environment of the matrix, with some plugins left out or added.

``python driver.py HOST FILE CHANGES``. CHANGES is JSON with these keys: `site_dir`, `dropped` (names of plugins),
`added` (plugins), `options` (laid over the plugins' options), `config` (laid over the configuration).
"""

from __future__ import annotations

import json
import logging
import sys
from importlib import import_module
from pathlib import Path
from typing import Any


def main(host: str, file: str, changes: dict[str, Any]) -> None:
    """Build the site."""
    if host == "properdocs":
        import_module("properdocs.replacement")
    config_of = import_module("mkdocs.config")
    build = import_module("mkdocs.commands.build").build
    yaml_load = import_module("mkdocs.utils.yaml").yaml_load
    logging.basicConfig(format="%(levelname)-7s -  %(message)s", level=logging.INFO, stream=sys.stdout)
    with Path(file).open("rb") as opened:
        plugins = [*_each(yaml_load(opened).get("plugins", ["search"]))]
    kept = [(name, options) for name, options in plugins if name not in changes["dropped"]]
    chosen = [{name: {**(options or {}), **changes["options"].get(name, {})}} for name, options in kept]
    config = config_of.load_config(
        file, strict=False, site_dir=changes["site_dir"], plugins=[*chosen, *changes["added"]], **changes["config"]
    )
    config.plugins.on_startup(command="build", dirty=False)
    build(config)
    config.plugins.on_shutdown()


def _each(plugins: Any) -> Any:  # noqa: ANN401 - as the host reads it
    if isinstance(plugins, dict):
        yield from plugins.items()
        return
    for plugin in plugins:
        yield from plugin.items() if isinstance(plugin, dict) else [(plugin, {})]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))

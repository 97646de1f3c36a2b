"""The choice between MkDocs and ProperDocs, which takes MkDocs's name. This module imports neither."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

#: The hosts by the names of their packages, loggers and groups of entry points.
HOSTS = ("mkdocs", "properdocs")
#: The names of each host's configuration. ProperDocs looks for its own ones, then for those of MkDocs.
CONFIGURATIONS = {host: (f"{host}.yml", f"{host}.yaml") for host in HOSTS}


def use_host_of(config_file: str | None) -> None:
    """Make `import mkdocs` load ProperDocs if the site has a ProperDocs configuration or MkDocs is not installed.

    Call it before any import of `mkdocs`. `config_file` None: the host's default file.
    """
    if "mkdocs" in sys.modules or find_spec("properdocs") is None:
        return
    is_its_own = (
        has_configuration("properdocs")
        if config_file is None
        else Path(config_file).name in CONFIGURATIONS["properdocs"]
    )
    if is_its_own or find_spec("mkdocs") is None:
        import_module("properdocs.replacement")


def has_configuration(*hosts: str) -> bool:
    """Whether a configuration of any of the hosts lies in the working directory."""
    return any(Path(name).is_file() for host in hosts for name in CONFIGURATIONS[host])

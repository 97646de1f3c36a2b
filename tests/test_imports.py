"""The contracts of import-linter, with planted imports that break each of them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from mkdocs_leonardo.providers import BUILT_IN

ROOT = Path(__file__).parents[1]

#: A module, an import that has no business there, and the contract that forbids it.
BREACHES = [
    ("acquire/runner", "httpx", "httpx is known"),
    ("acquire/runner", "diskcache", "diskcache is known"),
    ("acquire/runner", "mkdocs", "MkDocs is known"),
    ("build", "mkdocs", "MkDocs is known"),
    ("commands/site", "mkdocs", "MkDocs is known"),
    ("acquire/runner", "PIL", "Pillow is known"),
    ("acquire/pipeline", "obstore", "The client of object stores is known"),
    ("acquire/runner", "httpcore", "httpx is known"),
    ("commands/site", "properdocs", "MkDocs is known"),
    ("acquire/jobs", "mkdocs_leonardo.storage.text_store", "The acquisition opens no store itself"),
    ("acquire/jobs", "mkdocs_leonardo.team.client", "The acquisition opens no store itself"),
    ("lookup", "anyio", "Event loops are known"),
    ("storage/journal", "mkdocs_leonardo.concurrency", "What a stored picture needs is synchronous"),
    ("page/markup", "asyncio", "Event loops are known"),
    ("providers/base", "anyio", "Event loops are known"),
    ("files", "asyncio", "Event loops are known"),
    ("painter/stage", "mkdocs_leonardo.files", "The painter knows what a picture is"),
    ("errors", "mkdocs_leonardo.plugin", "Imports point downwards only"),
    ("host/pages", "mkdocs_leonardo.commands.site", "Imports point downwards only"),
    ("build", "mkdocs_leonardo.host.social", "Imports point downwards only"),
]


def lint(folder: Path) -> str:
    """The verdict of import-linter on the package in `folder`."""
    run = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "500"},
        capture_output=True,
        text=True,
        check=False,
    )
    return run.stdout + run.stderr


@pytest.fixture(scope="module")
def breached(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The verdict on a copy of the package with every import of BREACHES."""
    folder = tmp_path_factory.mktemp("breached")
    shutil.copy(ROOT / "pyproject.toml", folder)
    shutil.copytree(ROOT / "mkdocs_leonardo", folder / "mkdocs_leonardo", ignore=shutil.ignore_patterns("__pycache__"))
    for module, name, _ in BREACHES:
        path = folder / f"mkdocs_leonardo/{module}.py"
        path.write_text(path.read_text(encoding="utf-8") + f"\nimport {name}\n", encoding="utf-8")
    return lint(folder)


def test_package_as_it_is_keeps_every_contract() -> None:
    """The package has no forbidden import."""
    assert re.search(r"Contracts: \d+ kept, 0 broken", lint(ROOT))


def find_strays(graph: grimp.ImportGraph, provider: str) -> set[str]:
    """The imports of a built-in provider beyond the two public modules, and the modules that import the provider."""
    package = f"mkdocs_leonardo.providers.{provider}"
    modules = {package, *graph.find_descendants(package)}
    imported = {found for module in modules for found in graph.find_modules_directly_imported_by(module)}
    importers = {found for module in modules for found in graph.find_modules_that_directly_import(module)}
    public = {f"mkdocs_leonardo.providers.{name}" for name in ("interface", "toolkit")}
    return (imported | importers) - modules - public


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_provider_is_kept_apart(name: str) -> None:
    """A built-in provider imports the two public modules alone, as other packages do, and no module imports it."""
    graph = grimp.build_graph("mkdocs_leonardo", cache_dir=None)
    package = f"mkdocs_leonardo.providers.{name}"

    assert find_strays(graph, name) == set()
    graph.add_import(importer=f"{package}.provider", imported="mkdocs_leonardo.errors")
    graph.add_import(importer="mkdocs_leonardo.runtime", imported=package)
    assert find_strays(graph, name) == {"mkdocs_leonardo.errors", "mkdocs_leonardo.runtime"}


@pytest.mark.parametrize(("module", "name", "contract"), BREACHES)
def test_planted_import_breaks_its_contract(breached: str, module: str, name: str, contract: str) -> None:
    """A planted import breaks its contract, whose report names the module."""
    importer = "mkdocs_leonardo." + module.replace("/", ".")
    assert re.search(rf"^{contract}.* BROKEN", breached, re.MULTILINE)
    assert re.search(rf"{re.escape(importer)} -> {re.escape(name)}\b", breached)


@pytest.mark.parametrize(
    "name",
    [
        "anyio.from_thread",
        "anyio.run",
        "anyio.to_thread",
        "asyncio",
        "concurrent.futures.ProcessPoolExecutor",
        "concurrent.futures.ThreadPoolExecutor",
        "multiprocessing",
        "threading.Thread",
        "threading.Timer",
    ],
)
def test_synchronous_code_meets_asynchronous_code_in_one_module(name: str) -> None:
    """Ruff refuses threads and other event loops everywhere but in `concurrency`."""
    parent, _, attribute = name.rpartition(".")
    planted = f"from {parent} import {attribute}\n" if parent else f"import {name}\n"
    ruff = Path(sys.executable).with_name("ruff")
    codes = {
        module: subprocess.run(
            [
                ruff,
                "check",
                "--no-cache",
                "--select",
                "TID251",
                "--stdin-filename",
                f"mkdocs_leonardo/{module}.py",
                "-",
            ],
            cwd=ROOT,
            input=planted,
            capture_output=True,
            text=True,
            check=False,
        ).returncode
        for module in ("concurrency", "acquire/runner", "host/serving", "team/client")
    }
    assert codes == {"concurrency": 0, "acquire/runner": 1, "host/serving": 1, "team/client": 1}


def test_package_has_no_circle_of_imports() -> None:
    """The package has no circle of imports, with those inside functions and for types."""
    graph = grimp.build_graph("mkdocs_leonardo", cache_dir=None)
    circles = [
        chain
        for importer in graph.modules
        for imported in graph.find_modules_directly_imported_by(importer)
        if (chain := graph.find_shortest_chain(importer=imported, imported=importer)) is not None
    ]
    assert circles == []

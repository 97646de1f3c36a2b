"""The installed package, its distributions, and CI."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from configparser import ConfigParser
from email.message import Message
from email.parser import Parser
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest
import yaml

import mkdocs_leonardo
from mkdocs_leonardo.providers import BUILT_IN
from mkdocs_leonardo.providers.declaration import (
    PROVIDER_GROUP,
    creator_of,
    declaration_of,
    declared_names,
    key_variable,
)

ROOT = Path(__file__).resolve().parent.parent
RUN = ROOT / ".ci/run"


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a wheel and an sdist of this checkout, built here or by CI."""
    given = os.environ.get("MKDOCS_LEONARDO_DIST")
    if given:
        return Path(given)
    folder = tmp_path_factory.mktemp("dist")
    run = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Iterator[zipfile.ZipFile]:
    """The path of the wheel."""
    (path,) = dist.glob("*.whl")
    with zipfile.ZipFile(path) as opened:
        yield opened


def _metadata(wheel: zipfile.ZipFile) -> Message:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return Parser().parsestr(wheel.read(name).decode())


def readme_command(name: str) -> str:
    """The command below its mark in the README."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(rf"^<!-- command: {name} -->\n```console\n(.*)\n```$", text, re.MULTILINE)
    assert found is not None, name
    return found[1]


def test_ci_clears_every_key_before_anything_runs() -> None:
    """CI clears every key from the environment before its first step."""
    (line,) = re.findall(r"^unset .*_API_KEY.*$", RUN.read_text(encoding="utf-8"), re.MULTILINE)
    keys = {key_variable(name): "a key" for name in BUILT_IN}

    for environ in (keys, {}):
        script = f"set -euo pipefail\n{line}\nenv"
        run = subprocess.run(
            ["/bin/bash", "-c", script], env={**environ, "PATH": os.defpath}, capture_output=True, text=True, check=True
        )
        assert "_API_KEY" not in run.stdout


@pytest.mark.parametrize("name", BUILT_IN)
def test_provider_that_comes_with_the_plugin_is_named_to_readers(name: str) -> None:
    """Each built-in provider has a name for the credit line."""
    assert creator_of(name) != name


def test_wheel_holds_the_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    """The wheel contains the package and its metadata, without tests, documentation and caches."""
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    assert tops == {"mkdocs_leonardo", f"mkdocs_leonardo-{mkdocs_leonardo.__version__}.dist-info"}
    assert not [name for name in wheel.namelist() if "tests/" in name or "__pycache__" in name]


def test_wheel_holds_every_file_of_the_package(wheel: zipfile.ZipFile) -> None:
    """The wheel contains every file of the package in git."""
    package = Path(mkdocs_leonardo.__file__).parent
    files = {
        path.relative_to(package.parent).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {"mkdocs_leonardo/py.typed", "mkdocs_leonardo/page/css/common.css"} <= files
    assert files <= set(wheel.namelist())


def test_wheel_metadata_names_licence_python_and_extras(wheel: zipfile.ZipFile) -> None:
    """The wheel's metadata have the licence, Python 3.11 or later, both extras and the README."""
    metadata = _metadata(wheel)
    assert metadata["License-Expression"] == "MIT"
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in wheel.namelist())
    pythons = [name.rpartition(" ")[2] for name in metadata.get_all("Classifier") or () if ":: 3." in name]
    assert metadata["Requires-Python"] == f">={pythons[0]}"
    assert {"example", "test"} <= set(metadata.get_all("Provides-Extra") or ())
    assert "hero_prompt" in str(metadata.get_payload())


def test_wheel_shows_a_readme_whose_links_work_anywhere(wheel: zipfile.ZipFile) -> None:
    """On PyPI, every link of the README is an absolute address, and so is every picture."""
    metadata = _metadata(wheel)
    (repository,) = (
        url.partition(", ")[2] for url in metadata.get_all("Project-URL") or () if url.startswith("Repository, ")
    )
    text = re.sub(r"^```.*?^```$", "", str(metadata.get_payload()), flags=re.MULTILINE | re.DOTALL)
    targets = [target for target in re.findall(r"\]\(([^)\s]+)\)", text) if not target.startswith("#")]
    of_the_project = [target for target in targets if target.startswith(f"{repository}/blob/v")]
    assert len(of_the_project) > 10
    assert [target for target in targets if not target.startswith("https://")] == []
    for picture in re.findall(r"!\[[^\]]*\]\(([^)\s]+)\)", text):
        path = re.sub(r"^https://raw\.githubusercontent\.com/[^/]+/[^/]+/v[^/]+/", "", picture)
        assert (ROOT / path).is_file()


def test_wheel_requires_mkdocs_below_version_2(wheel: zipfile.ZipFile) -> None:
    """The wheel requires MkDocs below 2, which has no plugins, and Pillow without an upper bound."""
    required = [
        line.replace(" ", "") for line in _metadata(wheel).get_all("Requires-Dist") or () if "extra" not in line
    ]
    (mkdocs,) = (line for line in required if line.startswith("mkdocs"))
    (pillow,) = (line for line in required if line.startswith("pillow"))
    assert "<2" in mkdocs
    assert "<" not in pillow


def test_sdist_holds_what_the_tests_need(dist: Path) -> None:
    """The sdist contains the files that the tests need."""
    (path,) = dist.glob("*.tar.gz")
    with tarfile.open(path) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    assert {
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "LICENSE",
        "example-site/mkdocs.yml",
        "tests/test_package.py",
        ".ci/run",
        ".pre-commit-config.yaml",
        ".github/SECURITY.md",
    } <= names
    assert not [name for name in names if name.startswith(("example-site/site/", "example-site/.cache/", ".venv/"))]


def test_plugin_is_found_under_its_name() -> None:
    """`plugins: [leonardo]` finds the class."""
    (found,) = entry_points(group="mkdocs.plugins", name="leonardo")
    assert found.value == "mkdocs_leonardo.plugin:LeonardoPlugin"
    assert found.load().__name__ == "LeonardoPlugin"


def test_providers_are_registered_as_others_would(wheel: zipfile.ZipFile) -> None:
    """The built-in providers use the same entry points as other packages."""
    (path,) = (name for name in wheel.namelist() if name.endswith(".dist-info/entry_points.txt"))
    registered = ConfigParser()
    registered.read_string(wheel.read(path).decode())
    declared = {name: EntryPoint(name, value, PROVIDER_GROUP) for name, value in registered[PROVIDER_GROUP].items()}
    assert {*declared} == {*BUILT_IN} <= {*declared_names()}
    assert {name: each.load() for name, each in declared.items()} == {name: declaration_of(name) for name in BUILT_IN}


def test_ci_runs_the_commands_of_the_readme() -> None:
    """CI takes both commands from the README by their marks, and runs the tests last."""
    script = RUN.read_text(encoding="utf-8")
    extract = re.search(r"readme_command\(\) \{.*?^\}", script, re.MULTILINE | re.DOTALL)
    assert extract is not None
    for name in ("example", "tests"):
        run = subprocess.run(
            ["bash", "-c", f"{extract[0]}\nreadme_command {name}"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        assert run.stdout == f"{readme_command(name)}\n"
    assert script.rstrip().endswith('bash -c "$test_command"')


def test_ci_script_is_executable_and_stops_at_the_first_failure() -> None:
    """CI's script is executable and stops at the first failure."""
    assert os.access(RUN, os.X_OK)
    assert "set -euo pipefail" in RUN.read_text(encoding="utf-8")
    subprocess.run(["bash", "-n", str(RUN)], check=True, timeout=30)


def test_pythons_and_systems_of_the_classifiers_are_those_that_the_documents_name(wheel: zipfile.ZipFile) -> None:
    """CI runs each Python and system of the classifiers, and the documents name them."""
    classifiers = _metadata(wheel).get_all("Classifier") or []
    pythons = [name.rpartition(" ")[2] for name in classifiers if "Python :: 3." in name]
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))["jobs"]
    table = (ROOT / "example-site/docs/reference/compatibility.md").read_text(encoding="utf-8")

    (setup,) = (
        step for step in jobs["everything"]["steps"] if step.get("uses", "").startswith("actions/setup-python@")
    )
    tested = [setup["with"]["python-version"], *jobs["pythons"]["strategy"]["matrix"]["python"]]
    assert sorted(tested) == pythons
    assert pythons == [f"3.{minor}" for minor in range(11, 11 + len(pythons))]
    assert f"| Python {pythons[0]} to {pythons[-1]} |" in table
    systems = [name.rpartition(" ")[2] for name in classifiers if name.startswith("Operating System")]
    assert systems == ["MacOS", "Windows", "Linux"]
    assert jobs["systems"]["strategy"]["matrix"]["os"] == ["macos-latest", "windows-latest"]
    assert "| macOS, Windows |" in table
    for document in ("README.md", "CONTRIBUTING.md", "example-site/docs/guide/start.md"):
        assert f"Python {pythons[0]} or later" in (ROOT / document).read_text(encoding="utf-8")


def test_readme_commands_need_nothing_but_python() -> None:
    """Both commands of the README make an environment and install from the checkout."""
    for name in ("example", "tests"):
        steps = readme_command(name).split(" && ")
        assert steps[0] == "python3 -m venv .venv"
        assert all(step.startswith(".venv/bin/") for step in steps[1:])


def test_contributing_names_the_same_set_up_as_the_readme() -> None:
    """CONTRIBUTING.md has the README's command of the set-up."""
    install = " && ".join(readme_command("tests").split(" && ")[:2])
    assert install in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_pre_commit_hooks_use_the_tools_of_the_project() -> None:
    """Each pre-commit hook calls a tool of the extra `test`, but for the one that reads a commit's subject."""
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert {repo["repo"] for repo in config["repos"]} == {"local"}
    hooks = [hook for repo in config["repos"] for hook in repo["hooks"]]
    assert {hook["language"] for hook in hooks} == {"system"}
    assert {hook["entry"].split()[0] for hook in hooks} == {
        "awk",
        ".venv/bin/ruff",
        ".venv/bin/mypy",
        ".venv/bin/lint-imports",
    }


@pytest.mark.parametrize(
    ("schema", "file"),
    [
        ("vendor.github-workflows", ".github/workflows/ci.yml"),
        ("vendor.github-workflows", ".github/workflows/release.yml"),
        ("vendor.github-issue-forms", ".github/ISSUE_TEMPLATE/bug.yml"),
        ("vendor.github-issue-config", ".github/ISSUE_TEMPLATE/config.yml"),
    ],
    ids=lambda value: value.rpartition("/")[2],
)
def test_file_for_the_git_host_follows_its_published_schema(schema: str, file: str) -> None:
    """Each file for the Git host fits its published schema."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(ROOT / file)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 0, run.stdout


def test_workflows_run_what_ci_runs_and_tests_that_are_there() -> None:
    """The workflows call CI's script, and name only existing tests."""
    ci, release = ((ROOT / f".github/workflows/{name}.yml").read_text(encoding="utf-8") for name in ("ci", "release"))
    assert "- run: .ci/run\n" in ci
    assert "- run: .ci/run\n" in release
    named = re.findall(r"tests/test_\w+\.py", ci)
    assert named
    assert [name for name in named if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("name", ["ci.yml", "release.yml"])
def test_workflow_names_each_action_by_its_commit_and_release(name: str) -> None:
    """A workflow names each action by its full commit, which stays what it is, and the release in a comment."""
    used = re.findall(r"uses: (.*)", (ROOT / ".github/workflows" / name).read_text(encoding="utf-8"))
    assert used
    assert [action for action in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)] == []


def test_hook_for_pre_commit_calls_the_command_that_is_installed() -> None:
    """The hook for other repositories calls the installed command with an existing subcommand."""
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    program, subcommand = hook["entry"].split()
    (found,) = entry_points(group="console_scripts", name=program)
    assert subcommand in found.load().commands
    assert re.search(hook["files"], "docs/blog/.meta.yml")
    assert re.search(hook["files"], "docs/index.md")
    assert not re.search(hook["files"], "docs/index.md.jpg")


def test_changelog_speaks_of_the_version() -> None:
    """The changelog has a section for a released version, else Unreleased."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## [Unreleased]" in text or f"## [{mkdocs_leonardo.__version__}]" in text

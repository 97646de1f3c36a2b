"""The recipes of the documentation: each file is taken from its page, checked against its schema, and run.

The hosts are simulated by their documents: steps in turn, a cache with keys, secrets as variables. Packages are not
installed, since this environment has them.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from builds import TRACEBACK, Site, page
from cli_rig import Shell
from documents import DOCS, Block, blocks
from fork_server import write_command
from services import LEONARDO_KEY, OPENAI_KEY, NeverFinishes, Services

#: The time limit of a step (seconds).
STEP_TIMEOUT_S = 120.0
CACHE = ".cache/plugin/leonardo"
SECRETS = {"LEONARDO_API_KEY": LEONARDO_KEY, "OPENAI_API_KEY": OPENAI_KEY}
#: What the recipes may install: they are for people who have nothing yet.
PACKAGES = {"mkdocs-material", "mkdocs-leonardo"}

#: The inputs of the actions that the recipes use, from each action's own `action.yml` (October 2026).
ACTIONS = {
    "actions/checkout@v4": {"fetch-depth", "ref", "path", "persist-credentials"},
    "actions/setup-python@v5": {"python-version", "cache"},
    "actions/cache/restore@v4": {"path", "key", "restore-keys", "fail-on-cache-miss", "lookup-only"},
    "actions/cache/save@v4": {"path", "key", "upload-chunk-size"},
    "actions/upload-pages-artifact@v3": {"path", "name", "retention-days"},
    "actions/deploy-pages@v4": {"token", "timeout", "artifact_name"},
}


def recipe(page_name: str, title: str, *, place: int = 0) -> Block:
    """A file of a page of the documentation; `place` counts those with the same name."""
    return [block for block in blocks(DOCS / "guide" / page_name) if block.title == title][place]


WITH_CACHE = recipe("ci.md", ".github/workflows/docs.yml")
WITH_GALLERY = recipe("ci.md", ".github/workflows/deploy.yml")
GITLAB = recipe("hosts.md", ".gitlab-ci.yml")
NETLIFY_GALLERY = recipe("hosts.md", "netlify.toml")
NETLIFY_CACHE = recipe("hosts.md", "netlify.toml", place=1)
CLOUDFLARE = recipe("hosts.md", "build.sh")
READTHEDOCS = recipe("hosts.md", ".readthedocs.yaml")


# A machine of a host -------------------------------------------------------------------------------------------------


@dataclass
class Checkout:
    """A fresh checkout of the site with the committed files. `log` is all that its steps print."""

    folder: Path
    environ: dict[str, str]
    log: str = ""
    uploaded: list[str] = field(default_factory=list)

    def run(
        self, script: str, environ: Mapping[str, str] | None = None, *, until: Callable[[], object] | None = None
    ) -> int:
        """Run one step as hosts do; interrupt it, as Cancel does, when `until` returns."""
        process = subprocess.Popen(
            ["bash", "-e", "-o", "pipefail", "-c", script],
            cwd=self.folder,
            env={**self.environ, **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        try:
            if until is not None:
                until()
                os.killpg(process.pid, signal.SIGINT)
            log, _ = process.communicate(timeout=STEP_TIMEOUT_S)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.log += log
        return process.returncode

    @property
    def sources(self) -> dict[str, str]:
        """The source of each page's picture by the build's report."""
        report = json.loads((self.folder / CACHE / "report.json").read_text(encoding="utf-8"))
        return {hero["page"]: hero["source"] for hero in report["heroes"]}


@dataclass
class Host:
    """A host's repository and cache between builds.

    An entry of the cache belongs to a scope, such as the ref that a run was started for.
    """

    repository: Path
    services: Services
    folder: Path
    cache: dict[tuple[str, str], Path] = field(default_factory=dict)
    builds: int = 0

    def machine(self, **environ: str) -> Checkout:
        """A new machine with a checkout. Its `pip` checks the requirements, and has them already."""
        self.builds += 1
        folder = self.folder / f"machine-{self.builds}"
        shutil.copytree(self.repository, folder, ignore=shutil.ignore_patterns(".cache", "site"))
        tools = self.folder / "tools"
        tools.mkdir(exist_ok=True)
        pip = tools / "pip"
        pip.write_text(f"#!{sys.executable}\nimport sys\nprint('PIP', *sys.argv[1:])\n", encoding="utf-8")
        pip.chmod(0o755)
        for name in ("mkdocs", "mkdocs-leonardo"):
            write_command(tools / name, Path(sys.executable).with_name(name))
        path = os.pathsep.join((str(tools), str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"))
        plain = {"PATH": path, "HOME": str(folder), "LANG": "C.UTF-8", "CI": "true", "NO_MKDOCS_2_WARNING": "1"}
        return Checkout(folder, {**plain, **environ})

    def save(self, key: str, folder: Path, *, scope: str = "") -> None:
        """Store a copy of the folder under the key as the newest entry."""
        self.builds += 1
        if folder.is_dir():
            kept = self.folder / f"kept-{self.builds}"
            shutil.copytree(folder, kept)
            self.cache.pop((scope, key), None)
            self.cache[scope, key] = kept

    def restore(self, key: str, folder: Path, *, prefixes: Sequence[str] = (), scopes: Sequence[str] = ("",)) -> bool:
        """Restore the entry with the key, or the newest one whose key has one of these prefixes.

        The search covers these scopes in their order.
        """
        hits: list[Path] = []
        for scope in scopes:
            mine = {name: kept for (owner, name), kept in self.cache.items() if owner == scope}
            hits += [mine[key]] if key in mine else []
            hits += [mine[name] for prefix in prefixes for name in reversed(mine) if name.startswith(prefix)]
        if hits:
            shutil.copytree(hits[0], folder)
        return bool(hits)


def assert_fine(machine: Checkout) -> None:
    """Assert that the log has neither a traceback nor a key, and that nothing else was installed."""
    assert not TRACEBACK.search(machine.log), machine.log
    for secret in SECRETS.values():
        assert secret not in machine.log
    for line in re.findall(r"^PIP (.*)$", machine.log, re.MULTILINE):
        install, *wanted = line.split()
        assert install == "install"
        assert set(wanted) == PACKAGES


#: The page on CI has it so.
ON_MISSING = "on_missing: !ENV [HEROES_ON_MISSING, warn]"
PAGES = {"index.md": page("Home", hero_prompt="a harbour"), "notes/b.md": page("B", hero_prompt="a quay")}


@pytest.fixture
def host(tmp_path: Path, services: Services) -> Host:
    """A host with a repository of a site that has two heroes."""
    services.leonardo.render_s = 0.05
    site = Site(tmp_path / "repository", PAGES)
    config = site.configure(services)
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("- leonardo:\n", f"- leonardo:\n    {ON_MISSING}\n"), encoding="utf-8")
    (tmp_path / "host").mkdir()
    return Host(site.folder, services, tmp_path / "host")


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pictures that an author made on a machine with a key."""
    with Services() as services:
        services.leonardo.render_s = 0.05
        shell = Shell(Site(tmp_path_factory.mktemp("author"), PAGES), services)
        assert shell("generate", "--yes").exit_code == 0
        assert shell("pin").exit_code == 0
    return shell.site.folder / "heroes"


@pytest.fixture
def pinned(host: Host, gallery: Path) -> Host:
    """The host with the pictures in its repository; every service is unreachable."""
    shutil.copytree(gallery, host.repository / "heroes")
    host.services.leonardo.down = host.services.openai.down = True
    return host


# GitHub Actions ------------------------------------------------------------------------------------------------------


#: The default branch, whose entries of the cache every run may restore.
MAIN = "refs/heads/main"


def fill_in(text: str, values: Mapping[str, str]) -> str:
    """The text with GitHub's expressions filled in; an unknown secret is empty, anything else unknown is an error."""
    return re.sub(r"\$\{\{(.*?)\}\}", lambda match: evaluate(match[1], values), text)


def evaluate(expression: str, values: Mapping[str, str]) -> str:
    """The value of an expression of names, literals, `!=`, `&&` and `||`, which bind in this order; `""` is false."""
    for operator in ("||", "&&", "!="):
        left, found, right = expression.partition(operator)
        if found:
            first = evaluate(left, values)
            if operator == "!=":
                return "" if first == evaluate(right, values) else "true"
            return first if bool(first) is (operator == "||") else evaluate(right, values)
    name = expression.strip()
    if name.startswith("'"):
        return name.strip("'")
    return values.get(name, "") if name.startswith("secrets.") else values[name]


def on_github(
    host: Host,
    block: Block,
    *,
    run_id: int,
    attempt: int = 1,
    secrets: Mapping[str, str] = SECRETS,
    event: str = "push",
    pull_request: int | None = None,
    cancel: Callable[[], object] | None = None,
) -> tuple[bool, Checkout]:
    """Run a workflow for an event, or for a pull request; return whether it succeeded.

    With `cancel`, the build is cancelled when that returns.
    """
    (job,) = yaml.safe_load(block.text)["jobs"].values()
    ref = MAIN if pull_request is None else f"refs/pull/{pull_request}/merge"
    values = {"github.run_id": str(run_id), "github.run_attempt": str(attempt), "github.ref": ref}
    values["github.event_name"] = event if pull_request is None else "pull_request"
    values |= {f"secrets.{name}": value for name, value in secrets.items()}
    machine = host.machine(GITHUB_ACTIONS="true", GITHUB_WORKSPACE="")
    machine.environ |= {
        "GITHUB_WORKSPACE": str(machine.folder),
        "GITHUB_STEP_SUMMARY": str(machine.folder / "summary.md"),
    }
    succeeds = True
    for step in job["steps"]:
        if not succeeds and step.get("if") != "always()":
            continue
        given = {name: fill_in(str(value), values) for name, value in step.get("with", {}).items()}
        environ = {name: fill_in(value, values) for name, value in step.get("env", {}).items()}
        match step.get("uses", "").partition("@")[0]:
            case "":
                is_build = step["run"].startswith("mkdocs build")
                code = machine.run(step["run"], environ, until=cancel if is_build else None)
                succeeds = succeeds and code == 0
            case "actions/cache/restore":
                prefixes = given["restore-keys"].split()
                scopes = dict.fromkeys((ref, MAIN))
                host.restore(given["key"], machine.folder / given["path"], prefixes=prefixes, scopes=tuple(scopes))
            case "actions/cache/save":
                # An entry never changes once it is written.
                assert (ref, given["key"]) not in host.cache
                host.save(given["key"], machine.folder / given["path"], scope=ref)
            case "actions/upload-pages-artifact":
                machine.uploaded = sorted(path.name for path in (machine.folder / given["path"]).iterdir())
    assert_fine(machine)
    return succeeds, machine


def test_github_workflow_with_cache_pays_once(host: Host) -> None:
    """The first run pays for both pictures, and the next one shows them from the cache without a connection."""
    succeeds, first = on_github(host, WITH_CACHE, run_id=1)
    assert succeeds, first.log
    assert host.services.ledger.paid_jobs == 2
    asked = len(host.services.ledger.requests)
    succeeds, second = on_github(host, WITH_CACHE, run_id=2)
    assert succeeds, second.log
    assert second.sources == {"index.md": "cached", "notes/b.md": "cached"}
    assert len(host.services.ledger.requests) == asked
    assert "2 heroes&#58; 2 cached" in (second.folder / "summary.md").read_text()


def test_github_workflow_with_cache_keeps_what_a_second_attempt_buys(host: Host) -> None:
    """The second attempt of a run, with the same number, saves what it pays for."""
    on_github(host, WITH_CACHE, run_id=1)
    (host.repository / "docs/c.md").write_text(page("C", hero_prompt="a pier"))
    succeeds, again = on_github(host, WITH_CACHE, run_id=1, attempt=2)
    assert succeeds, again.log
    assert again.sources == {"index.md": "cached", "notes/b.md": "cached", "c.md": "generated"}
    _, next_run = on_github(host, WITH_CACHE, run_id=2)
    assert set(next_run.sources.values()) == {"cached"}
    assert host.services.ledger.paid_jobs == 3


def test_github_workflow_for_a_fork_pays_nothing_and_passes(host: Host) -> None:
    """A fork's run without secrets shows cached pictures, paints missing ones, and passes `--strict`."""
    on_github(host, WITH_CACHE, run_id=1)
    asked = len(host.services.ledger.requests)
    (host.repository / "docs/c.md").write_text(page("C", hero_prompt="somebody's pier"))
    succeeds, fork = on_github(host, WITH_CACHE, run_id=2, secrets={}, pull_request=7)
    assert succeeds, fork.log
    assert fork.sources == {"index.md": "cached", "notes/b.md": "cached", "c.md": "local"}
    assert len(host.services.ledger.requests) == asked
    assert "::warning" not in fork.log


@pytest.mark.parametrize("event", ["push", "schedule", "workflow_dispatch"])
def test_github_workflow_without_its_secrets_publishes_no_placeholder(host: Host, event: str) -> None:
    """A publishing run without a secret fails with the names of the empty variables."""
    succeeds, run = on_github(host, WITH_CACHE, run_id=1, event=event, secrets={})
    assert not succeeds
    assert "there is no key in LEONARDO_API_KEY or OPENAI_API_KEY" in run.log
    succeeds, run = on_github(host, WITH_CACHE, run_id=2, event=event)
    assert succeeds, run.log
    assert set(run.sources.values()) == {"generated"}


def test_github_workflow_pays_once_for_a_prompt_that_comes_by_pull_request(host: Host) -> None:
    """A pull request's prompt is paid for after the merge alone, since the branch cannot restore its cache."""
    on_github(host, WITH_CACHE, run_id=1)
    (host.repository / "docs/c.md").write_text(page("C", hero_prompt="a pier"))
    for run_id in (2, 3):
        succeeds, proposed = on_github(host, WITH_CACHE, run_id=run_id, pull_request=7)
        assert succeeds, proposed.log
        assert proposed.sources == {"index.md": "cached", "notes/b.md": "cached", "c.md": "local"}
    for source in ("generated", "cached"):
        run_id += 1
        succeeds, merged = on_github(host, WITH_CACHE, run_id=run_id)
        assert succeeds, merged.log
        assert merged.sources == {"index.md": "cached", "notes/b.md": "cached", "c.md": source}
    assert host.services.ledger.paid_jobs == 3


def test_github_workflow_that_is_cancelled_leaves_its_paid_job_to_the_next_run(host: Host) -> None:
    """A cancelled run saves the journal, and the next run collects both pictures without paying."""
    host.services.leonardo.on_create(NeverFinishes())
    polled = lambda: host.services.wait_until(lambda ledger: ledger.creates == 2 and ledger.polls > 1)  # noqa: E731 - short
    succeeds, _ = on_github(host, WITH_CACHE, run_id=1, cancel=polled)
    assert not succeeds
    host.services.forget_rules()
    host.services.finish_jobs()
    succeeds, second = on_github(host, WITH_CACHE, run_id=2)
    assert succeeds, second.log
    assert second.sources == {"index.md": "resumed", "notes/b.md": "resumed"}
    assert host.services.ledger.creates == 2


def test_github_workflow_with_gallery_needs_no_key_and_no_service(pinned: Host) -> None:
    """Committed pictures pass the check, are built strictly and uploaded without a connection."""
    asked = len(pinned.services.ledger.requests)
    succeeds, machine = on_github(pinned, WITH_GALLERY, run_id=1, secrets={})
    assert succeeds, machine.log
    assert machine.sources == {"index.md": "pinned", "notes/b.md": "pinned"}
    assert "index.html" in machine.uploaded
    assert len(pinned.services.ledger.requests) == asked


def test_github_workflow_with_gallery_stops_where_a_picture_is_not_committed(pinned: Host) -> None:
    """A missing picture fails the check with an annotation on the prompt's line, and stops the deployment."""
    (pinned.repository / "docs/c.md").write_text(page("C", tags="x", hero_prompt="a pier"))
    succeeds, machine = on_github(pinned, WITH_GALLERY, run_id=1, secrets={})
    assert not succeeds
    assert machine.uploaded == []
    assert "::error file=docs/c.md,line=3,title=leonardo::missing: no image is pinned or cached" in machine.log


# GitLab --------------------------------------------------------------------------------------------------------------


def merge_jobs(block: Block) -> dict[str, dict[str, Any]]:
    """The jobs of a ``.gitlab-ci.yml``, merged with the jobs that they extend."""
    config: dict[str, dict[str, Any]] = yaml.safe_load(block.text)
    return {name: {**config.get(job.get("extends", ""), {}), **job} for name, job in config.items() if name[0] != "."}


def on_gitlab(
    host: Host, name: str, *, protected: bool, variables: Mapping[str, str] = SECRETS
) -> tuple[bool, Checkout]:
    """Run one job; return whether it succeeded."""
    job = merge_jobs(GITLAB)[name]
    machine = host.machine(GITLAB_CI="true", **variables, **job.get("variables", {}))
    (path,) = job["cache"]["paths"]
    key = f"{job['cache']['key']}-{'protected' if protected else 'non_protected'}"
    host.restore(key, machine.folder / path)
    succeeds = machine.run("\n".join((*job["before_script"], *job["script"]))) == 0
    if succeeds or job["cache"].get("when") == "always":
        host.save(key, machine.folder / path)
    for artifact in job.get("artifacts", {}).get("paths", ()) if succeeds else ():
        machine.uploaded += sorted(file.name for file in (machine.folder / artifact).iterdir())
    assert_fine(machine)
    return succeeds, machine


def test_gitlab_jobs_pay_once_on_each_side_of_protection(host: Host) -> None:
    """Protected and other branches have separate caches; with a key each pays once, and without one never."""
    for _ in range(2):
        succeeds, machine = on_gitlab(host, "pages", protected=True)
        assert succeeds, machine.log
        assert "index.html" in machine.uploaded
        assert host.services.ledger.paid_jobs == 2
    assert set(machine.sources.values()) == {"cached"}
    succeeds, proposed = on_gitlab(host, "test", protected=False, variables={})
    assert succeeds, proposed.log
    assert set(proposed.sources.values()) == {"local"}
    assert host.services.ledger.paid_jobs == 2
    on_gitlab(host, "test", protected=False)
    assert host.services.ledger.paid_jobs == 4


def test_gitlab_pages_without_the_protected_variable_publish_no_placeholder(host: Host) -> None:
    """A publishing job without its protected variable fails with the names of the empty variables."""
    succeeds, machine = on_gitlab(host, "pages", protected=False, variables={})
    assert not succeeds
    assert "there is no key in LEONARDO_API_KEY or OPENAI_API_KEY" in machine.log
    assert machine.uploaded == []


def test_gitlab_job_that_fails_keeps_what_it_paid_for(host: Host) -> None:
    """A failed strict build keeps the pictures of the other pages in the cache."""
    (host.repository / "docs/c.md").write_text(page("C", hero_prompt="a pier", hero_style="CINEMTIC"))
    succeeds, _ = on_gitlab(host, "pages", protected=True)
    assert not succeeds
    (host.repository / "docs/c.md").unlink()
    succeeds, machine = on_gitlab(host, "pages", protected=True)
    assert succeeds, machine.log
    assert set(machine.sources.values()) == {"cached"}
    assert host.services.ledger.paid_jobs == 2


# Other hosts ---------------------------------------------------------------------------------------------------------


def on_netlify(host: Host, block: Block, **variables: str) -> tuple[bool, Checkout]:
    """Run a ``netlify.toml`` with its plugin, which saves after a success only."""
    config = tomllib.loads(block.text)
    machine = host.machine(NETLIFY="true", **config["build"]["environment"], **variables)
    kept = [path for plugin in config.get("plugins", ()) for path in plugin["inputs"]["paths"]]
    for path in kept:
        host.restore(path, machine.folder / path)
    succeeds = machine.run(config["build"]["command"]) == 0
    for path in kept if succeeds else ():
        host.save(path, machine.folder / path)
    if succeeds:
        machine.uploaded = sorted(path.name for path in (machine.folder / config["build"]["publish"]).iterdir())
    assert_fine(machine)
    return succeeds, machine


def on_cloudflare(host: Host, block: Block) -> tuple[bool, Checkout]:
    """Run the build script by the build command of the page."""
    machine = host.machine(CF_PAGES="1")
    (machine.folder / block.title).write_text(block.text, encoding="utf-8")
    text = (DOCS / "guide/hosts.md").read_text(encoding="utf-8")
    command, output = re.findall(r"the command is `(.*?)`, the output directory `(.*?)`", text)[0]
    succeeds = machine.run(command) == 0
    if succeeds:
        machine.uploaded = sorted(path.name for path in (machine.folder / output).iterdir())
    assert_fine(machine)
    return succeeds, machine


def on_readthedocs(host: Host, block: Block) -> tuple[bool, Checkout]:
    """Install, run the jobs before the build, then the host's own call of MkDocs."""
    config = yaml.safe_load(block.text)
    machine = host.machine(READTHEDOCS="True", READTHEDOCS_OUTPUT="_readthedocs")
    (install,) = config["python"]["install"]
    packages = recipe("hosts.md", install["requirements"]).text.split()
    strict = "--strict" if config["mkdocs"]["fail_on_warning"] else ""
    build = f"mkdocs build --clean --site-dir $READTHEDOCS_OUTPUT/html -f {config['mkdocs']['configuration']} {strict}"
    steps = [f"pip install {' '.join(packages)}", *config["build"]["jobs"]["pre_build"], build]
    succeeds = machine.run("\n".join(steps)) == 0
    if succeeds:
        machine.uploaded = sorted(path.name for path in (machine.folder / "_readthedocs/html").iterdir())
    assert_fine(machine)
    return succeeds, machine


@pytest.mark.parametrize(
    ("carry_out", "block"),
    [(on_netlify, NETLIFY_GALLERY), (on_cloudflare, CLOUDFLARE), (on_readthedocs, READTHEDOCS)],
    ids=["netlify", "cloudflare", "readthedocs"],
)
def test_gallery_recipe_needs_no_key_and_stops_where_a_picture_is_missing(
    pinned: Host, carry_out: Callable[[Host, Block], tuple[bool, Checkout]], block: Block
) -> None:
    """Each host publishes committed pictures without a connection, and stops at a missing one."""
    asked = len(pinned.services.ledger.requests)
    succeeds, machine = carry_out(pinned, block)
    assert succeeds, machine.log
    assert "index.html" in machine.uploaded
    assert set(machine.sources.values()) == {"pinned"}
    (pinned.repository / "docs/c.md").write_text(page("C", hero_prompt="a pier"))
    succeeds, machine = carry_out(pinned, block)
    assert not succeeds
    assert machine.uploaded == []
    assert "c.md: missing: no image is pinned or cached" in machine.log
    assert len(pinned.services.ledger.requests) == asked


def test_netlify_recipe_with_cache_pays_once(host: Host) -> None:
    """The plugin carries the cache from a successful build to the next, which pays nothing."""
    succeeds, preview = on_netlify(host, NETLIFY_CACHE)
    assert succeeds, preview.log
    assert host.services.ledger.paid_jobs == 0
    for _ in range(2):
        succeeds, machine = on_netlify(host, NETLIFY_CACHE, **SECRETS)
        assert succeeds, machine.log
        assert host.services.ledger.paid_jobs == 2
    assert set(machine.sources.values()) == {"cached"}


# The files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("block", "schema"),
    [
        (WITH_CACHE, "vendor.github-workflows"),
        (WITH_GALLERY, "vendor.github-workflows"),
        (GITLAB, "vendor.gitlab-ci"),
        (READTHEDOCS, "vendor.readthedocs"),
    ],
    ids=lambda value: value.title if isinstance(value, Block) else "",
)
def test_recipe_is_what_the_host_reads(tmp_path: Path, block: Block, schema: str) -> None:
    """Each file fits the published schema of its host."""
    path = tmp_path / Path(block.title).name
    path.write_text(block.text, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("block", [WITH_CACHE, WITH_GALLERY], ids=lambda block: block.title)
def test_github_workflow_uses_actions_with_inputs_that_they_have(block: Block) -> None:
    """A workflow gives each action only inputs that it has."""
    (job,) = yaml.safe_load(block.text)["jobs"].values()
    used = [step for step in job["steps"] if "uses" in step]
    assert used
    for step in used:
        assert set(step.get("with", {})) <= ACTIONS[step["uses"]], step


@pytest.mark.parametrize("block", [NETLIFY_GALLERY, NETLIFY_CACHE], ids=["gallery", "cache"])
def test_netlify_recipe_has_keys_that_netlify_knows(block: Block) -> None:
    """The Netlify file has only sections and keys of Netlify's reference."""
    config = tomllib.loads(block.text)
    assert set(config) <= {"build", "plugins"}
    assert set(config["build"]) == {"command", "publish", "environment"}
    assert all(isinstance(value, str) for value in config["build"]["environment"].values())
    assert all(set(plugin) == {"package", "inputs"} for plugin in config.get("plugins", ()))


def _files() -> Iterator[tuple[str, Block]]:
    for name in ("ci.md", "hosts.md"):
        for block in blocks(DOCS / "guide" / name):
            if block.title and block.title != "mkdocs.yml":
                yield name, block


def test_recipes_are_all_carried_out_here() -> None:
    """Each file of the pages is run by a test of this module."""
    known = [WITH_CACHE, WITH_GALLERY, GITLAB, NETLIFY_GALLERY, NETLIFY_CACHE, CLOUDFLARE, READTHEDOCS]
    assert [block for _, block in _files() if block.title != "requirements.txt"] == known

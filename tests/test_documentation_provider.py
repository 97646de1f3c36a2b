"""The example provider of the documentation, installed as a package, in its own test and in real builds."""

from __future__ import annotations

import importlib.util
import io
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from builds import Site, install_provider, page
from cli_rig import Shell
from PIL import Image

from mkdocs_leonardo.testing import Fault, LoopbackService, Requirement

PAGE = Path(__file__).resolve().parent.parent / "example-site/docs/reference/providers.md"
FILES = ("pyproject.toml", "easel.py", "test_easel.py")
KEY = "easel-key-3c9f10b7"


def blocks() -> dict[str, str]:
    """Every block of the page with a title."""
    text = PAGE.read_text(encoding="utf-8")
    return {
        match[1]: match[2]
        for match in re.finditer(r"^```\w+ title=\"([^\"]+)\"\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    }


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package's folder, with its installed files in ``installed``."""
    folder = tmp_path_factory.mktemp("easel")
    for name in FILES:
        (folder / name).write_text(blocks()[name], encoding="utf-8")
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
            "--no-index",
            "--disable-pip-version-check",
            "--target",
            str(folder / "installed"),
            str(folder),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return folder


@pytest.fixture
def service(package: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackService]:
    """The service of the package's own test."""
    monkeypatch.syspath_prepend(package / "installed")
    spec = importlib.util.spec_from_file_location("test_easel", package / "test_easel.py")
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with module.Service() as running:
        yield running


def environ(package: Path) -> Mapping[str, str]:
    """An environment with the installed package and its key."""
    return {"PYTHONPATH": str(package / "installed"), "EASEL_API_KEY": KEY}


def site_with(folder: Path, service: LoopbackService, **settings: object) -> Site:
    """A site with the page's configuration and the address of `service`."""
    options = yaml.safe_load(blocks()["mkdocs.yml, below the plugin"])
    options["easel"] |= {"base_url": service.url, **settings}
    pages = {"index.md": page("Home", hero_prompt="a harbour at dusk")}
    return Site(folder, pages, options={**options, "widths": [1536], "formats": ["jpeg"]})


def test_example_package_is_little_more_than_a_hundred_lines() -> None:
    """All files of the example together, with options, a limit and a check, have little over a hundred lines."""
    assert sum(len(blocks()[name].splitlines()) for name in FILES) <= 115


def test_example_package_passes_its_own_test(package: Path) -> None:
    """The example's own test passes."""
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "test_easel.py"],
        cwd=package,
        env={**os.environ, **environ(package)},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{len(Requirement) + 1} passed" in run.stdout  # its time limits are two tests


def test_example_package_draws_in_a_real_build(tmp_path: Path, package: Path, service: LoopbackService) -> None:
    """A build shows the service's picture, paid once; the next build sends no request."""
    site = site_with(tmp_path, service)
    site.options = {**site.options, "credit": True}
    built = site.build(None, "--strict", environ=environ(package))
    assert built.exit_code == 0, built.log
    assert built.hero("index.md")["provider"] == "easel"
    assert 'data-provider="easel"' in built.html("index.html")
    assert "Picture made by AI: Easel AI" in built.html("index.html")
    (name,) = (name for name in built.pictures() if name.endswith("-1536.jpg"))
    with Image.open(io.BytesIO(built.asset(name))) as shown, Image.open(io.BytesIO(service.picture)) as drawn:
        for point in ((700, 20), (700, 430), (700, 840)):
            found, wanted = (image.convert("L").getpixel(point) for image in (shown, drawn))
            assert isinstance(found, int | float)
            assert isinstance(wanted, int | float)
            assert abs(found - wanted) < 12
    assert service.creates == 1
    order: Any = service.requests[0].json()
    assert (order["model"], order["width"], order["height"]) == ("oil-3", 1536, 864)
    assert service.requests[0].headers["authorization"] == f"Bearer {KEY}"
    requests = len(service.requests)
    again = site.build(None, "--strict", environ=environ(package))
    assert again.sources == {"index.md": "cached"}
    assert len(service.requests) == requests
    assert KEY not in built.log + again.log


def test_example_package_without_its_key_is_skipped(tmp_path: Path, package: Path, service: LoopbackService) -> None:
    """Without its key, the example is skipped, and one message names the variable."""
    built = site_with(tmp_path, service).build(None, "--strict", environ={**environ(package), "EASEL_API_KEY": ""})
    assert built.exit_code == 0, built.log
    assert built.sources == {"index.md": "local"}
    assert "EASEL_API_KEY" in built.log
    assert service.requests == []


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (
            {"colour": 1},
            "Sub-option 'colour': there is no such option; it may be model, timeout, requests_per_minute or",
        ),
        ({"timeout": "soon"}, "Sub-option 'timeout': it is 'soon'; it must be a number"),
        ({"api_key": "hunter2"}, "there is no such option; keys come from the environment only (EASEL_API_KEY)"),
    ],
    ids=["unknown", "wrong", "key"],
)
def test_example_package_refuses_a_setting_in_one_line(
    tmp_path: Path, package: Path, service: LoopbackService, setting: dict[str, object], message: str
) -> None:
    """An unknown or wrong option of the example stops the build with name, value and fix."""
    built = site_with(tmp_path, service, **setting).build(None, environ=environ(package))
    assert built.exit_code == 1
    assert not built.has_traceback, built.log
    assert "option 'easel'" in built.log
    assert message in built.log
    assert "hunter2" not in built.log
    assert service.requests == []


def test_provider_with_another_name_than_its_entry_point_is_refused(
    tmp_path: Path, package: Path, service: LoopbackService
) -> None:
    """A provider whose name is not its entry point's is refused before any request."""
    installed = install_provider(tmp_path, "sketch", "sketch = easel:easel")
    site = site_with(tmp_path / "site", service)
    options = dict(site.options)
    site.options = {**options, "providers": ["sketch"], "sketch": options.pop("easel")}
    site.options.pop("easel")
    paths = os.pathsep.join([str(installed), str(package / "installed")])
    built = site.build(None, environ={"PYTHONPATH": paths, "SKETCH_API_KEY": KEY})
    assert built.exit_code == 1
    assert not built.has_traceback, built.log
    assert "the provider 'sketch' calls itself 'easel'; give its entry point that name" in built.log
    assert service.requests == []


@pytest.mark.parametrize(
    ("line", "instead", "message"),
    [
        pytest.param(
            "class Easel(Provider):", "class Easel:", "its class does not inherit Provider", id="not-inherited"
        ),
        pytest.param("Limits(options.requests_per_minute)", "1 / 0", "division by zero", id="limits-raise"),
        pytest.param(
            "class Options:",
            "class Options:\n    __post_init__ = lambda _: 1 / 0",
            "division by zero",
            id="options-raise",
        ),
        *(
            pytest.param("make=Easel", f"make=Easel, {name}=lambda *_: 1 / 0", "division by zero", id=f"{name}-raise")
            for name in ("problems", "rules", "notes")
        ),
        pytest.param(
            "    async def aclose(self):",
            "    @property\n    def name(self):\n        return 1 / 0\n\n    async def aclose(self):",
            "division by zero",
            id="name-raises",
        ),
        pytest.param(
            "make=Easel",
            "make=lambda _: exec(\"from mkdocs_leonardo.errors import HeroError; raise HeroError('no brush')\")",
            "no brush",
            id="make-raises",
        ),
    ],
)
def test_provider_that_breaks_the_interface_is_refused(
    tmp_path: Path, package: Path, service: LoopbackService, line: str, instead: str, message: str
) -> None:
    """A provider that breaks the interface is refused before it is asked for anything, with the fix."""
    text = blocks()["easel.py"].replace(line, instead)
    installed = install_provider(tmp_path, "sketch", "easel = sketch:easel", text)

    paths = os.pathsep.join([str(installed), str(package / "installed")])
    built = site_with(tmp_path / "site", service).build(None, environ={"PYTHONPATH": paths, "EASEL_API_KEY": KEY})

    assert built.exit_code == 1
    assert not built.has_traceback, built.log
    assert f"the provider 'easel' cannot be used: {message}" in built.log
    assert service.requests == []


def test_provider_that_cannot_close_costs_no_build(tmp_path: Path, package: Path, service: LoopbackService) -> None:
    """A provider whose `aclose` raises has made its image, and the build succeeds."""
    text = blocks()["easel.py"].replace("await self._api.aclose()", "await self._api.aclose()\n        raise OSError")
    installed = install_provider(tmp_path, "sketch", "easel = sketch:easel", text)

    paths = os.pathsep.join([str(installed), str(package / "installed")])
    built = site_with(tmp_path / "site", service).build(None, environ={"PYTHONPATH": paths, "EASEL_API_KEY": KEY})

    assert built.exit_code == 0, built.log
    assert list(built.sources.values()) == ["generated"]


def test_key_in_a_variable_of_its_own_is_noticed_by_a_warm_build(
    tmp_path: Path, package: Path, service: LoopbackService
) -> None:
    """A build by Zensical that showed placeholders offers to buy once the variable that the provider names is set."""
    text = blocks()["easel.py"].replace("Declaration(\n", 'Declaration(\n    key_variable="EASEL_TOKEN",\n')
    installed = install_provider(tmp_path, "sketch", "easel = sketch:easel", text)
    site = site_with(tmp_path / "site", service)
    site.config = {"theme": {"name": "material", "font": False}}
    paths = os.pathsep.join([str(installed), str(package / "installed")])
    shell = Shell(site, environ={"PYTHONPATH": paths})
    told = "its cost was not agreed to"

    assert told not in shell("zensical", "build").err
    assert told in shell("zensical", "build", environ={"EASEL_TOKEN": KEY}).err
    assert service.requests == []


def test_example_package_is_reported_by_status_and_doctor(
    tmp_path: Path, package: Path, service: LoopbackService
) -> None:
    """`status` shows the example's estimate, and `doctor` checks its key without paying."""
    shell = Shell(site_with(tmp_path, service), environ=environ(package))

    ran = shell("status", "--json")
    assert ran.exit_code == 0, ran.err
    (hero,) = ran.json["pages"]
    assert hero["estimate_usd"] == 0.02
    well = shell("doctor")
    assert re.search(r"^ok    easel +EASEL_API_KEY is set and accepted; oil-3$", well.out, re.MULTILINE)
    service.always_on_fetch = Fault.REFUSED_KEY
    broken = shell("doctor")
    assert re.search(r"^BAD   easel +EASEL_API_KEY is set; the service answered 401$", broken.out, re.MULTILINE)
    assert service.creates == 0
    assert KEY not in well.out + broken.out


def test_example_package_has_a_limit_of_its_own(tmp_path: Path, package: Path, service: LoopbackService) -> None:
    """The example's requests wait for its own `requests_per_minute`."""
    service.is_finished = False
    site = site_with(tmp_path, service, requests_per_minute=2)
    site.options = {**site.options, "leonardo": {"requests_per_minute": 100_000}}

    with Shell(site, environ=environ(package)).running("generate", "--yes") as process:
        give_up_at = time.monotonic() + 30
        while len(service.requests) < 2 and time.monotonic() < give_up_at:
            time.sleep(0.02)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=2)

    assert len(service.requests) == 2
    assert service.creates == 1


def test_page_lists_every_requirement_of_the_contract() -> None:
    """The page lists the requirements of the contract test word for word."""
    text = PAGE.read_text(encoding="utf-8").partition("## The test")[2]
    assert re.findall(r"^- (.*)$", text, re.MULTILINE) == [str(requirement) for requirement in Requirement]


def test_page_lists_every_member_of_a_provider() -> None:
    """The page lists the members that a provider sets or overrides: those that each one has, and the optional ones."""
    from mkdocs_leonardo.providers.base import Provider, TextProvider

    members = {name for name in {**vars(Provider), **Provider.__annotations__} if not name.startswith("_")}
    members -= {name for name, value in vars(Provider).items() if isinstance(value, property)}
    optional = {name for name in members if name in vars(Provider)} - Provider.__abstractmethods__
    text = PAGE.read_text(encoding="utf-8").partition("## What a provider has")[2].partition("`make(context)`")[0]
    table, _, rest = text.partition("Optional members")
    others, _, texts = rest.partition("`TextProvider`")
    assert {*re.findall(r"`(\w+)[`(]", "".join(re.findall(r"^\| (.*?) \|", table, re.MULTILINE)))} == members - optional
    named = re.findall(r"^- `(\w+)", others, re.MULTILINE)
    assert (len(named), {*named}) == (len(optional), optional)
    own = {name for name in {**vars(TextProvider), **TextProvider.__annotations__} if not name.startswith("_")}
    assert {*re.findall(r"^- `(\w+)", texts, re.MULTILINE)} == own


def test_page_lists_every_error_a_provider_may_raise() -> None:
    """The page's table of errors is the tree of classes in the code."""
    from mkdocs_leonardo.errors import ProviderError

    def tree(kind: type[Exception]) -> Iterator[tuple[str, str]]:
        for each in kind.__subclasses__():
            yield each.__name__, "" if kind is ProviderError else kind.__name__
            yield from tree(each)

    table = PAGE.read_text(encoding="utf-8").partition("## What it may raise")[2].partition("## What to import")[0]
    rows = re.findall(r"^\| `(\w+)`(?:, an? `(\w+)`)? \|", table, re.MULTILINE)
    assert sorted(rows) == sorted(tree(ProviderError))


def test_page_lists_every_name_of_interface_and_toolkit() -> None:
    """The page lists the names of both modules, each once."""
    from mkdocs_leonardo.providers import interface, toolkit

    text = PAGE.read_text(encoding="utf-8")
    errors = re.findall(r"^\| `(\w+)`", text.partition("## What it may raise")[2].partition("## What")[0], re.MULTILINE)
    tables = text.partition("## What to import")[2].partition("## The test")[0].split("providers.toolkit`")
    contract, tools = (
        re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", table, re.MULTILINE))) for table in tables
    )
    assert sorted([*errors, *contract]) == sorted(interface.__all__)
    assert sorted(tools) == sorted(toolkit.__all__)
    assert all(hasattr(interface, name) for name in interface.__all__)
    assert all(hasattr(toolkit, name) for name in toolkit.__all__)
    assert not hasattr(interface, "BUILT_IN")

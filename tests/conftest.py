"""Fixtures and hooks of all tests."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from services import Services, ServicesProcess

# A busy machine makes a single example slow now and then; that is no defect of what is tested.
settings.register_profile("busy machine", deadline=None)
settings.load_profile("busy machine")


#: The files that take longest. Those that wait, one test after the other, begin beside those that calculate.
LONG = (
    "test_team_outages.py",
    "test_build_doubts.py",
    "browser/test_hero_pages.py",
    "test_build_chain.py",
    "test_build_main.py",
    "test_build_stores.py",
    "test_serve.py",
    "test_team_builds.py",
    "test_build_shared_store.py",
    "test_team_object_store.py",
    "test_goldens.py",
    "test_parallel_builds.py",
    "test_kill.py",
    "test_build_known_jobs.py",
    "test_build_pages.py",
    "test_preview.py",
    "browser/test_live_preview.py",
    "test_provider_contract.py",
    "test_build_zensical_wrapper.py",
    "test_references.py",
    "test_documentation.py",
    "test_documentation_provider.py",
    "test_recipes.py",
    "test_build_zensical.py",
    "browser/test_example_site.py",
    "test_cli_generate.py",
    "test_cli_gallery.py",
    "test_team_pictures.py",
    "simulation/test_histories.py",
    "browser/test_zensical.py",
    "browser/test_documentation_search.py",
    "test_build_damage.py",
    "test_build_caps.py",
    "test_build_gemini.py",
    "test_package.py",
)


def pytest_configure(config: pytest.Config) -> None:
    """Restore the handler of Ctrl-C, which a shell's background job and all its children ignore.

    Several workers take the files in the order of the collection, and not those with the most tests first.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest tests, so that no worker is alone with one in the end."""
    places = {Path(__file__).parent / name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path, len(LONG)))


@pytest.fixture
def anyio_backend() -> str:
    """The event loop of MkDocs builds."""
    return "asyncio"


@pytest.fixture
def services() -> Iterator[Services]:
    """Image services on loopback, new for each test; see the package `services`."""
    with Services() as running:
        yield running


@pytest.fixture
def services_process() -> Iterator[ServicesProcess]:
    """Image services in a process of their own, for builds that are killed or that share one account."""
    with ServicesProcess() as running:
        yield running

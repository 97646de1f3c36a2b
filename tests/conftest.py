"""Fixtures that every test may take."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings
from services import Services, ServicesProcess

# A busy machine makes a single example slow now and then; that is no defect of what is tested.
settings.register_profile("busy machine", deadline=None)
settings.load_profile("busy machine")


def pytest_configure() -> None:
    """Let tests interrupt what they start: a shell's background job ignores Ctrl-C, and so would all its children."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def anyio_backend() -> str:
    """The event loop that MkDocs builds get."""
    return "asyncio"


@pytest.fixture
def services() -> Iterator[Services]:
    """Image services on loopback, new for each test; see the package `services`."""
    with Services() as running:
        yield running


@pytest.fixture
def services_process() -> Iterator[ServicesProcess]:
    """The same in a process of their own, for builds that are killed or that share one account."""
    with ServicesProcess() as running:
        yield running

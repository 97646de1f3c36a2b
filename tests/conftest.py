"""Fixtures that every test may take."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from services import Services, ServicesProcess


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

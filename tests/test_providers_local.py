"""The painter behind the interface that every provider has."""

from __future__ import annotations

import io
import time
from importlib.metadata import entry_points

import anyio
import pytest
from PIL import Image

from mkdocs_leonardo.clock import SystemClock
from mkdocs_leonardo.errors import JobUnknown
from mkdocs_leonardo.providers.base import Provider, ProviderContext, RenderTimes
from mkdocs_leonardo.providers.local import create, paint
from mkdocs_leonardo.spec import PictureSpec, Submission

CONTEXT = ProviderContext(
    key=None,
    options=None,
    clock=SystemClock(),
    window=lambda _: 0.0,
    render_times=RenderTimes(lambda _: (), lambda _, __: None),
)
SMALL = PictureSpec("a harbour at dusk", width_px=192, height_px=112)


def test_painter_submits_a_finished_picture_that_costs_nothing() -> None:
    """What is fetched is the painter's picture, pixel for pixel, as a PNG."""
    provider: Provider = create(CONTEXT)

    submission = anyio.run(provider.submit, SMALL)

    assert submission.image is not None
    assert submission.cost_usd == provider.estimate_usd(SMALL) == 0.0
    assert submission.accepted_at <= time.time()
    with Image.open(io.BytesIO(submission.image.data)) as picture:
        assert picture.format == "PNG"
        assert picture.tobytes() == paint(SMALL).tobytes()


def test_painter_knows_no_job_of_an_earlier_process() -> None:
    """It keeps nothing, and says so instead of painting something else."""

    async def fetch() -> None:
        provider: Provider = create(CONTEXT)
        await provider.fetch(Submission("local", "painter", "", 0.0), give_up_at=time.time())
        await provider.aclose()

    with pytest.raises(JobUnknown):
        anyio.run(fetch)


def test_every_built_in_provider_is_registered_as_others_are() -> None:
    """The three built-ins are in the same entry point group as every provider, and can be made from it."""
    found = {entry.name: entry for entry in entry_points(group="mkdocs_leonardo.providers")}

    assert {"leonardo", "openai", "local"} <= set(found)
    for name in ("leonardo", "openai", "local"):
        provider: Provider = found[name].load()(CONTEXT)
        assert provider.name == name
        assert provider.estimate_usd(SMALL) >= 0

"""The end of a build's patience, below the hooks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from services import Services

from mkdocs_leonardo.build import RENDER_S, Build
from mkdocs_leonardo.config import LeonardoConfig
from mkdocs_leonardo.runtime import Runtime
from mkdocs_leonardo.settings import settings_from
from mkdocs_leonardo.spec import HeroSpec, PictureSpec, Source


def test_page_that_is_not_ready_in_time_shows_a_placeholder_and_keeps_its_job(
    tmp_path: Path, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page whose image does not come within the build's time shows a placeholder; the next build gets the image."""
    # The real limit is minutes away, and a page's own deadlines come before it.
    monkeypatch.setattr(Runtime, "compute_timeout_s", lambda _, pages: 2.0 - pages * RENDER_S)
    services.leonardo.render_s = None
    config = LeonardoConfig()
    own: dict[str, Any] = {"formats": ["jpeg"], "widths": [480], "providers": ["leonardo"]}
    config.load_dict({**services.plugin_options, **own})
    assert config.validate() == ([], [])
    settings = settings_from(config, tmp_path / "mkdocs.yml", docs_dir=tmp_path / "docs")
    build = Build(settings, environ=services.environ, notify=lambda _level, _text: None)

    build.request_hero(HeroSpec("late.md", PictureSpec("a harbour", style="CINEMATIC", width_px=1536, height_px=864)))
    (late,), _ = build.join(title="Site")

    assert late.failure is not None
    assert "it took too long" in late.failure.text
    assert late.asset is not None
    assert late.asset.source is Source.PAINTED
    assert Path(late.asset.rendering.variants[0].path_text).is_file()
    build.close()
    assert services.ledger.creates == 1

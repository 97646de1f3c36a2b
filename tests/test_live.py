"""One picture of each real service with a real key, two of Leonardo: ``pytest -m live``.

The project's settings leave the mark `live` out, so these tests run only on request.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from builds import Site, page
from PIL import Image

pytestmark = pytest.mark.live


@pytest.mark.parametrize(
    ("provider", "variable", "form"),
    [
        ("leonardo", "LEONARDO_API_KEY", "v1"),
        ("leonardo", "LEONARDO_API_KEY", "v2"),
        ("openai", "OPENAI_API_KEY", "v1"),
        ("gemini", "GEMINI_API_KEY", "v1"),
    ],
)
def test_real_service_makes_a_picture_once(tmp_path: Path, provider: str, variable: str, form: str) -> None:
    """One line of front matter is one paid picture of the right size; the second build sends no request."""
    key = os.environ.get(variable)
    if not key:
        pytest.skip(f"no {variable} in the environment")
    site = Site(
        tmp_path,
        pages={"index.md": page("A harbour", hero_prompt="a quiet harbour at dusk, seen from a hill")},
        options={
            "providers": [provider],
            "max_new_images": 1,
            "leonardo": {"timeout": 180, "api_version": form},
            "widths": [1536],
        },
    )

    first = site.build(None, environ={variable: key})
    second = site.build(None, environ={variable: key})

    assert first.exit_code == second.exit_code == 0, first.log
    assert first.hero("index.md")["provider"] == provider, first.log
    assert first.totals["new_images"] == 1
    name = next(name for name in first.pictures() if name.endswith("-1536.jpg"))
    assert Image.open(io.BytesIO(first.asset(name))).size == (1536, 864)
    assert second.sources == {"index.md": "cached"}
    assert second.totals["requests"] == 0
    assert key not in first.log + second.log

"""Rendering: from delivered bytes to every file and value that a page needs."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from images import encode
from PIL import Image, ImageChops, ImageDraw, ImageStat, features

from mkdocs_leonardo.errors import PictureError, StoreUnavailable
from mkdocs_leonardo.imaging.provenance import Provenance, detect
from mkdocs_leonardo.imaging.render import list_available_formats, list_rendering_inputs, render
from mkdocs_leonardo.spec import (
    CENTER,
    MADE_BY_AI,
    Encoding,
    FocalPoint,
    PictureRecord,
    Rendering,
    Scrim,
    Variant,
    variant_key,
)

KEY = "0123456789abcdef" * 4
VARIANT_KEY = "fedcba9876543210" * 4
SMALL = Encoding(("avif", "webp", "jpeg"), widths=(96, 192, 5000), width_px=320, height_px=180, spares_fallback=False)


def scene(width_px: int = 320, height_px: int = 180) -> Image.Image:
    """Soft colours with a few shapes in them."""
    corners = Image.new("RGB", (2, 2))
    corners.putdata([(220, 40, 40), (40, 200, 60), (40, 60, 220), (230, 220, 90)])
    image = corners.resize((width_px, height_px), Image.Resampling.BILINEAR)
    draw = ImageDraw.Draw(image)
    for step in range(6):
        x = width_px * step // 6
        draw.ellipse((x, height_px // 2, x + width_px // 9, height_px * 3 // 4), fill=(40 * step, 90, 200 - 30 * step))
    return image


def render_scene(  # noqa: D103 - `render` with defaults
    picture: bytes | Image.Image,
    folder: Path,
    encoding: Encoding = SMALL,
    *,
    focus: FocalPoint = CENTER,
    provider: str = "leonardo",
    known: Sequence[Variant] = (),
) -> Rendering:
    return render(
        picture,
        PictureRecord(KEY, "", "", provider, "phoenix", created_at=1_780_000_000.0),
        variant_key=VARIANT_KEY,
        encoding=replace(encoding, focus=focus),
        folder=folder,
        known_files=known,
    )


def names(rendering: Rendering) -> list[str]:
    """The names of the files in the site."""
    return [variant.name for variant in rendering.variants]


def test_render_writes_each_width_in_each_format_and_a_social_picture(tmp_path: Path) -> None:
    """The files are named by key, width and format, and none is wider than the picture."""
    rendering = render_scene(encode(scene(), "PNG"), tmp_path)

    extensions = [
        "jpg" if name == "jpeg" else name for name in ("avif", "webp", "jpeg") if name in list_available_formats()
    ]
    expected = [f"0123456789abcdef-{width}.{extension}" for width in (96, 192, 320) for extension in extensions]
    assert [*expected, "0123456789abcdef-social.jpg"] == names(rendering)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        name.replace("0123456789abcdef", "fedcba9876543210") for name in names(rendering)
    )


def test_render_variants_are_what_they_are_said_to_be(tmp_path: Path) -> None:
    """Format, size, digest and length of each file are right, and the file shows the picture."""
    rendering = render_scene(encode(scene(), "PNG"), tmp_path)

    for variant in rendering.variants:
        data = variant.path.read_bytes()
        image = Image.open(BytesIO(data))
        assert (variant.format.upper(), (variant.width_px, variant.height_px)) == (image.format, image.size)
        assert (sha256(data).hexdigest(), len(data)) == (variant.digest, variant.size_bytes)
        if variant.role == "hero":
            expected = scene().resize(image.size, Image.Resampling.LANCZOS)
            error = ImageStat.Stat(ImageChops.difference(image.convert("RGB"), expected)).mean
            assert sum(error) / 3 < 4


def test_render_jpeg_is_progressive_with_halved_colour(tmp_path: Path) -> None:
    """JPEGs are progressive, with half the resolution of colour."""
    (hero, _) = render_scene(encode(scene(), "PNG"), tmp_path, replace(SMALL, formats=("jpeg",), widths=())).variants
    image = Image.open(hero.path)

    assert image.info.get("progressive") == 1
    assert b"\xff\xc0" not in hero.path.read_bytes()
    assert [layer[1:3] for layer in image.layer] == [(2, 2), (1, 1), (1, 1)]  # type: ignore[attr-defined]  # of JPEG alone


@pytest.mark.parametrize(("provider", "mark"), [("openai", MADE_BY_AI), ("local", "")])
def test_render_every_file_says_where_it_came_from(tmp_path: Path, provider: str, mark: str) -> None:
    """Each file of each format has the mark of origin."""
    rendering = render_scene(encode(scene(), "PNG"), tmp_path, provider=provider)

    for variant in rendering.variants:
        data = variant.path.read_bytes()
        assert detect(data) == Provenance("xmp", mark)
        assert b'xmp:CreatorTool="phoenix"' in data


def test_render_own_picture_made_by_an_ai_keeps_its_mark(tmp_path: Path) -> None:
    """The files of an own picture keep its AI mark."""
    source = render_scene(encode(scene(), "PNG"), tmp_path / "a").variants[-1].path.read_bytes()

    again = render_scene(source, tmp_path / "b", provider="own").variants[0].path.read_bytes()

    assert detect(again).source_type == MADE_BY_AI


def test_render_without_avif_writes_the_other_formats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Pillow without AVIF writes the other formats."""
    monkeypatch.setattr(features, "check", lambda name: name != "avif")
    rendering = render_scene(encode(scene(), "PNG"), tmp_path)

    assert {variant.format for variant in rendering.variants} == {"webp", "jpeg"}


def test_render_without_social_writes_heroes_only(tmp_path: Path) -> None:
    """Without `social`, no picture for sharing is written."""
    rendering = render_scene(encode(scene(), "PNG"), tmp_path, replace(SMALL, social=False))

    assert {variant.role for variant in rendering.variants} == {"hero"}


def test_render_social_picture_is_cropped_around_the_focus_and_named_for_it(tmp_path: Path) -> None:
    """Two focal points of one picture give two pictures for sharing, and share the heroes."""
    image = scene(1536, 864)
    image.paste("white", (0, 0, 1536, 60))
    encoding = Encoding(formats=("jpeg",), widths=())

    top = render_scene(encode(image, "PNG"), tmp_path / "top", encoding, focus=FocalPoint(0.5, 0.0))
    bottom = render_scene(encode(image, "PNG"), tmp_path / "bottom", encoding, focus=FocalPoint(0.5, 1.0))

    assert names(top) == ["0123456789abcdef-1536.jpg", "0123456789abcdef-social-50x0.jpg"]
    assert names(bottom) == ["0123456789abcdef-1536.jpg", "0123456789abcdef-social-50x100.jpg"]
    assert [(v.width_px, v.height_px) for v in (top.variants[-1], bottom.variants[-1])] == [(1200, 630)] * 2
    rows = [Image.open(rendering.variants[-1].path).convert("L").getpixel((600, 20)) for rendering in (top, bottom)]
    assert isinstance(rows[0], int)
    assert isinstance(rows[1], int)
    assert rows[0] > 240 > rows[1]


def test_render_picture_that_had_to_be_cropped_is_named_for_its_focus(tmp_path: Path) -> None:
    """Two crops of one picture have different names."""
    encoding = replace(SMALL, formats=("jpeg",), widths=(), social=False)

    assert names(render_scene(encode(scene(320, 240), "PNG"), tmp_path, encoding, focus=FocalPoint(0.5, 0.2))) == [
        "0123456789abcdef-50x20-320.jpg"
    ]
    assert names(render_scene(encode(scene(320, 240), "PNG"), tmp_path, encoding)) == ["0123456789abcdef-320.jpg"]


def test_render_image_equals_its_bytes(tmp_path: Path) -> None:
    """An image in memory renders like a file with it."""
    one = render_scene(scene(480, 270), tmp_path / "a")
    other = render_scene(encode(scene(480, 270), "PNG"), tmp_path / "b")

    assert [variant.digest for variant in one.variants] == [variant.digest for variant in other.variants]
    assert replace(one, variants=()) == replace(other, variants=())


def test_render_same_input_gives_same_bytes(tmp_path: Path) -> None:
    """Two renderings of the same input have the same bytes."""
    one, other = (render_scene(encode(scene(), "PNG"), tmp_path / folder) for folder in "ab")

    assert [variant.digest for variant in one.variants] == [variant.digest for variant in other.variants]


def test_render_measures_blur_up_image_colour_and_scrim(tmp_path: Path) -> None:
    """The rendering has the picture's blur-up image, colour and scrim."""
    rendering = render_scene(Image.new("RGB", (320, 180), "white"), tmp_path)

    assert (rendering.dominant, rendering.scrim) == ("#ffffff", Scrim(58, 58, 58, 58, 58, 58))
    assert rendering.blur_up.startswith("data:image/webp;base64,")
    assert (rendering.width_px, rendering.height_px) == (320, 180)


def test_render_bad_bytes_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    """Bytes that are no picture are refused and leave no file."""
    with pytest.raises(PictureError, match="begins with '<html>'"):
        render_scene(b"<html>", tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_render_into_an_impossible_folder_says_the_store_is_unavailable(tmp_path: Path) -> None:
    """A file in the place of the folder is an unavailable store, not a bad picture."""
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(StoreUnavailable, match="cannot be written"):
        render_scene(encode(scene(), "PNG"), tmp_path / "file" / "folder")


def test_render_full_disk_says_the_store_is_unavailable_and_leaves_nothing(tmp_path: Path) -> None:
    """A disk that is full (here: a limit of the process) is an unavailable store, and no partial file remains."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, hard))
    try:
        with pytest.raises(StoreUnavailable, match="cannot be written"):
            render_scene(Image.effect_noise((320, 180), 90).convert("RGB"), tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert list(tmp_path.iterdir()) == []


def test_render_uses_the_files_that_are_there(tmp_path: Path) -> None:
    """Existing files are used unchanged, and only missing ones are written."""
    first = render_scene(encode(scene(), "PNG"), tmp_path / "a")
    known = [variant for variant in first.variants if variant.width_px != 192]

    again = render_scene(encode(scene(), "PNG"), tmp_path / "b", known=known)

    assert again == replace(first, variants=again.variants)
    assert [each.digest for each in again.variants] == [each.digest for each in first.variants]
    assert {path.name.partition("-")[2][:3] for path in (tmp_path / "b").iterdir()} == {"192"}


@pytest.mark.skipif("avif" not in list_available_formats(), reason="this Pillow cannot write AVIF")
def test_inputs_of_a_placeholder_name_a_quicker_encoder() -> None:
    """The painter's picture, which a service's replaces, is not encoded as thoroughly."""

    def speed(provider: str) -> object:
        files: Any = list_rendering_inputs(Encoding(), PictureRecord("", "", "", provider, "m"))["files"]
        return files[0][2]["speed"]

    assert (speed("leonardo"), speed("local")) == (6, 9)


def test_inputs_move_with_everything_that_changes_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of these is another rendering; the order of widths and formats that cannot be written are not."""
    monkeypatch.setattr(features, "check", lambda name: name != "avif")

    def key(encoding: Encoding = SMALL, *, provider: str = "p", model: str = "m") -> str:
        return variant_key("digest", list_rendering_inputs(encoding, PictureRecord("", "", "", provider, model)))

    different = [
        key(),
        key(replace(SMALL, widths=(96,))),
        key(replace(SMALL, width_px=640)),
        key(replace(SMALL, height_px=181)),
        key(replace(SMALL, formats=("jpeg",))),
        key(replace(SMALL, social=False)),
        key(replace(SMALL, focus=FocalPoint(0.1, 0.5))),
        key(provider="q"),
        key(model="n"),
    ]
    assert len(set(different)) == len(different)
    assert key() == key(replace(SMALL, widths=(5000, 192, 96))) == key(replace(SMALL, formats=("webp", "jpeg")))

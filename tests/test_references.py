"""References: pictures whose look the generated ones take over."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zlib
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import anyio
import pytest
from builds import Site, page
from cli_rig import Shell
from images import encode
from PIL import Image
from providers_rig import FastClock, gemini_at, leonardo_at, openai_at
from services import (
    CUSTOM,
    KNOWN,
    LEONARDO_KEY,
    SIGNATURE,
    UNKNOWN_LEONARDO_KEY,
    Answer,
    CutAfterRead,
    Picture,
    Services,
)
from services.fronts import Leonardo
from services.pictures import draw

from mkdocs_leonardo.errors import Charged, ProviderError, RequestRefused, ServiceFailed
from mkdocs_leonardo.imaging.provenance import REFERENCE_USED
from mkdocs_leonardo.imaging.reference import MAX_REFERENCE_BYTES, copy_without_metadata
from mkdocs_leonardo.providers.base import ProcessMemory, Provider
from mkdocs_leonardo.providers.leonardo.uploads import UPLOAD_TURN_S, LeonardoUploads
from mkdocs_leonardo.spec import JsonValue, PictureSpec, Reference, Strength, generation_key
from mkdocs_leonardo.storage.limits import SharedValues
from mkdocs_leonardo.storage.text_store import TextStore

pytestmark = pytest.mark.anyio

LOOK = draw("a look", "", 320, 180, Picture())
DIGEST = hashlib.sha256(LOOK).hexdigest()
#: What services get of it.
SENT = hashlib.sha256(copy_without_metadata(LOOK)).hexdigest()
OTHER = draw("another look", "", 320, 180, Picture(format="PNG"))
SMALL: dict[str, Any] = {"formats": ["jpeg"], "widths": [320], "width": 512, "height": 288, "concurrency": 20}


@pytest.fixture
def look(tmp_path: Path) -> Reference:
    """A picture whose look generated ones take over."""
    path = tmp_path / "look.jpg"
    path.write_bytes(LOOK)
    return Reference(DIGEST, "high", path)


def picture(look: Reference | None, **more: Any) -> PictureSpec:  # noqa: ANN401 - chosen by tests
    """A picture with a reference."""
    return PictureSpec(prompt="a lighthouse", style="DYNAMIC", reference=look, **more)


# The key -------------------------------------------------------------------------------------------------------------


def test_key_holds_the_files_digest_and_the_strength_and_no_path(look: Reference) -> None:
    """The key has the reference's digest and strength, but neither its path nor a service's id."""

    def key(look: Reference | None) -> str:
        return generation_key("leonardo", "m", picture(look), {})

    assert key(look) == key(replace(look, path=Path("/elsewhere.jpg")))
    assert len({key(None), key(look), key(replace(look, strength="low")), key(replace(look, digest="0" * 64))}) == 4


# Orders --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strength", ["low", "mid", "high"])
@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_order_of_every_model_takes_the_reference(
    services: Services, look: Reference, version: str, strength: Strength
) -> None:
    """Each order has the model's own kind of reference, since the service drops other kinds."""
    names = [name for name, known in KNOWN.items() if version == "v2" or known.model_id]
    for name in names:
        provider = leonardo_at(services, options={"model": name, "api_version": version})
        await provider.submit(picture(replace(look, strength=strength)))
        await provider.aclose()

    jobs = services.ledger.jobs
    assert [job.reference for job in jobs] == [SENT] * len(names)
    assert {job.reference_strength for job in jobs if job.model != "gpt-image-2"} == {strength.upper()}
    plain = [job for job in jobs if job.model in {"gpt-image-2", "nano-banana-2"}]
    assert all("palette, light and manner, and nothing of what it shows" in job.prompt for job in plain)
    assert all(job.prompt == "a lighthouse" for job in jobs if job not in plain)
    assert services.ledger.authorization_leaks == ()


async def test_order_of_openai_is_an_edit_of_the_exact_size(services: Services, look: Reference) -> None:
    """OpenAI's order is an edit with the picture, told to be no subject, and without fields that the model refuses."""
    provider = openai_at(services)
    submission = await provider.submit(picture(look))
    await provider.aclose()

    (job,) = services.ledger.jobs
    assert (job.reference, job.width_px, job.height_px, job.quality) == (SENT, 1536, 864, "medium")
    assert set(job.request) == {"model", "prompt", "n", "size", "quality", "output_format", "output_compression"}
    assert "take over exactly its palette" in job.prompt
    assert submission.image is not None
    (entry,) = services.ledger.requests_to("openai", "create")
    assert entry.path == "/v1/images/edits"


async def test_order_of_gemini_holds_the_picture_beside_the_words(services: Services, look: Reference) -> None:
    """Gemini's order has the picture inline with its type."""
    provider = gemini_at(services)
    await provider.submit(picture(look))
    await provider.aclose()

    (job,) = services.ledger.jobs
    assert job.reference == SENT
    assert "nothing of what it shows" in job.prompt


def test_estimate_with_a_reference_is_not_below_the_one_without(services: Services, look: Reference) -> None:
    """The estimate with a reference is not lower than without."""
    for provider in (leonardo_at(services), openai_at(services), gemini_at(services)):
        assert provider.estimate_usd(picture(look)) > provider.estimate_usd(picture(None))


@pytest.mark.parametrize("make", [leonardo_at, openai_at, gemini_at], ids=["leonardo", "openai", "gemini"])
@pytest.mark.parametrize("change", ["gone", "another"])
async def test_reference_that_has_changed_meanwhile_is_not_sent(
    services: Services, look: Reference, make: Callable[[Services], Provider], change: str
) -> None:
    """A reference that has changed since its key was computed is not sent."""
    if change == "gone":
        look.path.unlink()
    else:
        look.path.write_bytes(OTHER)
    provider = make(services)
    with pytest.raises(RequestRefused, match=r"look\.jpg"):
        await provider.submit(picture(look))
    await provider.aclose()
    assert services.ledger.creates == 0


def photograph(**options: Any) -> bytes:  # noqa: ANN401 - Pillow's
    """A large picture as a phone writes it: rotated, with a blue upright top, location, camera and a comment."""
    image = Image.new("RGB", (3000, 2000), "orange")
    image.paste("blue", (0, 0, 1500, 2000))
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Secret Phone"
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)})
    return encode(image, options.pop("format"), exif=exif, **options)


@pytest.mark.parametrize(
    "options",
    [
        {"format": "JPEG", "comment": b"Secret words", "xmp": b"<x:xmpmeta>Secret</x:xmpmeta>", "quality": 50},
        {"format": "PNG", "compress_level": 1},
        {"format": "WEBP", "xmp": b"<x:xmpmeta>Secret</x:xmpmeta>", "quality": 50},
        {"format": "AVIF", "speed": 10, "quality": 50},
    ],
    ids=lambda options: options["format"],
)
def test_copy_that_services_get_is_upright_and_holds_nothing_but_pixels(options: dict[str, Any]) -> None:
    """Services get an upright copy of the reference without location and camera."""
    sent = copy_without_metadata(photograph(**options))

    image = Image.open(io.BytesIO(sent))
    assert (image.format, image.size) == ("JPEG", (1024, 1536))
    red, _, blue = image.convert("RGB").getpixel((512, 100))  # type: ignore[misc]  # three bands
    assert blue > red
    assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density", "progressive", "progression"}
    assert not image.getexif()
    assert b"Secret" not in sent


# Uploads -------------------------------------------------------------------------------------------------------------


def uploads(services: Services) -> tuple[int, int]:
    """The numbers of requested forms and of uploads to the storage."""
    ledger = services.ledger
    return len(ledger.requests_to("leonardo", "form")), len(ledger.requests_to("storage", "upload"))


async def test_upload_is_done_once_for_pages_that_are_made_side_by_side(services: Services, look: Reference) -> None:
    """Pages that are made side by side wait for one upload."""
    provider = leonardo_at(services)
    async with anyio.create_task_group() as tasks:
        for number in range(8):
            tasks.start_soon(provider.submit, picture(look, seed=number))
    await provider.aclose()

    assert uploads(services) == (1, 1)
    assert {job.reference for job in services.ledger.jobs} == {SENT}


async def test_upload_is_known_to_later_processes_of_the_same_account_alone(
    services: Services, look: Reference, tmp_path: Path
) -> None:
    """A later process with the same account finds the upload by the file's digest, under any name."""
    memory = ProcessMemory()
    copy = replace(look, path=tmp_path / "copy.jpg")
    copy.path.write_bytes(LOOK)
    accounts = (LEONARDO_KEY, LEONARDO_KEY, UNKNOWN_LEONARDO_KEY)
    services.leonardo.keys = [*accounts]
    for key, each in zip(accounts, (look, copy, look), strict=True):
        provider = leonardo_at(services, key=key)
        uploads_ = LeonardoUploads(
            memory, FastClock(), provider._api, lambda path: f"/v1{path}", provider._read_user_id
        )
        await uploads_.id_of(each)
        await provider.aclose()

    assert uploads(services) == (2, 2)
    assert len(services.ledger.requests_to("leonardo", "look")) == 1


@pytest.mark.parametrize("as_text", [True, False])
async def test_upload_reads_the_forms_fields_as_text_and_as_an_object(
    services: Services, look: Reference, *, as_text: bool
) -> None:
    """The form's fields are read from text with JSON and from an object."""
    services.leonardo.fields_as_text = as_text
    provider = leonardo_at(services)
    await provider.submit(picture(look))
    await provider.aclose()
    assert services.ledger.jobs[0].reference == SENT


@pytest.mark.parametrize(
    "trouble",
    [
        lambda leonardo: leonardo.on_upload(Answer(403, "<Error/>")).once(),
        lambda leonardo: leonardo.on_upload(CutAfterRead()).once(),
        lambda leonardo: leonardo.on_form(Answer(500, {"error": "internal error"})).once(),
        lambda leonardo: leonardo.on_form(Answer(200, {"uploadInitImage": None})).once(),
    ],
    ids=["403", "cut", "no form", "empty form"],
)
async def test_upload_that_fails_once_is_made_anew_with_a_new_form(
    services: Services, look: Reference, trouble: Callable[[Leonardo], object]
) -> None:
    """A failed upload is repeated with a new form before anything is ordered."""
    trouble(services.leonardo)
    provider = leonardo_at(services)
    await provider.submit(picture(look))
    await provider.aclose()

    assert services.ledger.jobs[0].reference == SENT
    assert uploads(services)[0] == 2


async def test_upload_that_comes_too_late_for_its_form_orders_nothing(services: Services, look: Reference) -> None:
    """An upload that is too late for every form orders nothing and is a free failure."""
    services.leonardo.form_life_s = -1.0
    provider = leonardo_at(services)
    with pytest.raises(ServiceFailed, match="the storage answered 403; nothing was ordered without it") as caught:
        await provider.submit(picture(look))
    await provider.aclose()

    assert caught.value.charged is Charged.NO
    assert SIGNATURE not in str(caught.value)
    assert services.ledger.creates == 0


@pytest.mark.parametrize(
    ("url", "problem"),
    [("http://storage.example/form", r"is not https \(http\)"), ("https:///form", "names no host")],
)
async def test_upload_to_an_address_that_breaks_a_rule_is_not_tried_again(
    services: Services, look: Reference, url: str, problem: str
) -> None:
    """An address that the plugin refuses ends the upload at once, with the storage as the message's subject."""
    form = {"url": url, "id": "a1", "fields": "{}"}
    services.leonardo.on_form(Answer(200, {"uploadInitImage": form}))
    provider = leonardo_at(services)
    with pytest.raises(ServiceFailed, match=rf"look\.jpg: the storage's address {problem}; ") as caught:
        await provider.submit(picture(look))
    await provider.aclose()

    assert (caught.value.charged, uploads(services), services.ledger.creates) == (Charged.NO, (1, 0), 0)


async def test_reference_that_the_service_loses_between_two_posts_is_uploaded_again(
    services: Services, look: Reference
) -> None:
    """A refusal for a lost reference costs nothing, and the next order uploads it again."""
    provider = leonardo_at(services)
    await provider.submit(picture(look, seed=1))
    lost = services.ledger.jobs[0].request["controlnets"]
    services.leonardo.lost_uploads = [lost[0]["initImageId"]]  # type: ignore[index]  # a list of objects

    with pytest.raises(ProviderError, match="has lost the reference") as caught:
        await provider.submit(picture(look, seed=2))
    await provider.submit(picture(look, seed=2))
    await provider.aclose()

    assert (type(caught.value), caught.value.charged) == (ServiceFailed, Charged.NO)
    assert [job.reference for job in services.ledger.jobs] == [SENT] * 2
    assert uploads(services) == (2, 2)


# Whole builds --------------------------------------------------------------------------------------------------------


def blog(folder: Path, count: int, **options: Any) -> Site:  # noqa: ANN401 - chosen by tests
    """A blog whose folder has one prompt and one reference for all posts."""
    pages: dict[str, str | bytes] = {
        "posts/.meta.yml": 'hero_prompt: "a still life about {title}"\n',
        "assets/look.jpg": LOOK,
        **{f"posts/{number}.md": page(f"Post {number}") for number in range(count)},
    }
    theme = {"theme": {"name": "material"}}
    return Site(folder, pages, {**SMALL, "style_reference": "assets/look.jpg", **options}, theme, ["material/meta"])


def test_blog_of_forty_posts_with_one_prompt_and_one_reference_uploads_once(tmp_path: Path, services: Services) -> None:
    """Forty pictures need one upload; later builds, other machines and a lost upload buy nothing."""
    site = blog(tmp_path / "a", 40, max_new_images=40, providers=["leonardo"])
    built = site.build(services, "--strict")

    assert built.exit_code == 0, built.log
    jobs = services.ledger.jobs
    assert (len(jobs), uploads(services)) == (40, (1, 1))
    assert {(job.reference, job.reference_strength) for job in jobs} == {(SENT, "MID")}
    assert site.build(services).totals["cached"] == 40
    records = [json.loads(path.read_text()) for path in (site.cache / "pictures").glob("*.json")]
    assert {json.dumps(record["request"]["reference"]) for record in records} == {
        json.dumps({"digest": DIGEST, "strength": "mid"})
    }

    # Another machine has the cache's pictures, and the file elsewhere.
    other = blog(tmp_path / "b", 41, max_new_images=40, providers=["leonardo"], style_reference="look.jpg")
    (tmp_path / "b" / "look.jpg").write_bytes(LOOK)
    other.cache.mkdir(parents=True)
    (site.cache / "pictures").rename(other.cache / "pictures")
    (site.cache / "index").rename(other.cache / "index")
    sent: Any = jobs[0].request["controlnets"]
    services.leonardo.lost_uploads = [sent[0]["initImageId"]]
    moved = other.build(services, "--strict")

    assert moved.exit_code == 0, moved.log
    assert (moved.totals["cached"], moved.totals["generated"]) == (40, 1)
    assert (len(services.ledger.jobs), uploads(services)) == (41, (2, 2))
    assert services.ledger.jobs[-1].reference == SENT


def test_files_of_an_image_with_a_reference_say_so_and_no_others(tmp_path: Path, services: Services) -> None:
    """Files of an image with a reference say so in every format, beside the AI mark; other files do not."""
    pages: dict[str, str | bytes] = {
        "with.md": page("With", hero_prompt="a pier", hero_reference="look.jpg"),
        "without.md": page("Without", hero_prompt="a pier"),
        "look.jpg": LOOK,
    }
    built = Site(tmp_path, pages, {**SMALL, "formats": ["avif", "webp", "jpeg"]}).build(services, "--strict")

    assert built.exit_code == 0, built.log
    for name in ("with.md", "without.md"):
        files = [file for file in built.pictures() if built.hero(name)["key"][:16] in file]
        assert {Path(file).suffix for file in files} == {".avif", ".webp", ".jpg"}
        for file in files:
            assert b"trainedAlgorithmicMedia" in built.asset(file)
            assert (REFERENCE_USED.encode() in built.asset(file)) == (name == "with.md"), file


def test_build_whose_reference_is_lost_pays_once_and_draws_with_it(tmp_path: Path, services: Services) -> None:
    """A build whose reference was lost uploads it again, pays once, and draws with it."""
    lost = Answer(400, {"error": "invalid init image id", "path": "$", "code": "unexpected"})
    services.leonardo.on_create(lost).once()

    built = blog(tmp_path, 1, max_new_images=1).build(services, "--strict")

    assert built.exit_code == 0, built.log
    assert (built.totals["generated"], built.totals["new_images"]) == (1, 1)
    assert [(job.provider, job.reference) for job in services.ledger.jobs] == [("leonardo", SENT)]
    assert uploads(services) == (2, 2)


def test_build_whose_upload_always_comes_too_late_asks_the_next_provider_with_the_look(
    tmp_path: Path, services: Services
) -> None:
    """A build whose upload is always too late orders nothing there, and asks the next provider with the look."""
    services.leonardo.form_life_s = -1.0

    built = blog(tmp_path, 1).build(services, "--strict")

    assert built.exit_code == 0, built.log
    assert built.totals["new_images"] == 1
    assert [(job.provider, job.reference) for job in services.ledger.jobs] == [("openai", SENT)]
    assert "could not take the reference look.jpg: the storage answered 403" in json.dumps(built.report)


def test_build_whose_reference_cannot_be_brought_tells_it_and_pays_in_the_next_one(
    tmp_path: Path, services: Services
) -> None:
    """A failed upload is a warning, and the next build pays once and draws with the look."""
    services.leonardo.on_upload(CutAfterRead())
    site = blog(tmp_path, 1, providers=["leonardo"])

    built = site.build(services)
    paid = services.ledger.creates, built.totals["new_images"]
    services.forget_rules()
    again = site.build(services, "--strict")

    (line,) = built.warnings
    assert "could not take the reference look.jpg" in line
    assert "nothing was ordered without it" in line
    assert paid == (0, 0)
    assert again.exit_code == 0, again.log
    assert [job.reference for job in services.ledger.jobs] == [SENT]


def test_page_of_its_own_reference_takes_that_one_and_not_the_sites(tmp_path: Path, services: Services) -> None:
    """A page's reference, beside it or in a folder above, wins over the site's, with the site's strength."""
    site = blog(tmp_path, 1, style_strength="low")
    site.write(
        {
            "posts/own.md": page("Own", hero_reference="own.png"),
            "posts/own.png": OTHER,
            "posts/deep/er.md": page("Deeper", hero_reference="assets/look.jpg", hero_seed=3),
            "notes/.meta.yml": 'hero_prompt: "a note on {title}"\nhero_reference: own.png\n',
            "notes/own.png": OTHER,
            "notes/2026/new.md": page("New"),
        }
    )

    built = site.build(services, "--strict")

    assert built.exit_code == 0, built.log
    references = {job.prompt: (job.reference, job.reference_strength) for job in services.ledger.jobs}
    assert references == {
        "a still life about Post 0": (SENT, "LOW"),
        "a still life about Own": (hashlib.sha256(copy_without_metadata(OTHER)).hexdigest(), "LOW"),
        "a still life about Deeper": (SENT, "LOW"),
        "a note on New": (hashlib.sha256(copy_without_metadata(OTHER)).hexdigest(), "LOW"),
    }


WRONG: Mapping[str, tuple[Any, tuple[str, ...]]] = {
    "missing.md": ("nowhere.jpg", ("'nowhere.jpg'", "is not there", "relative to the page")),
    "text.md": ("text.jpg", ("'text.jpg'", "is not a JPEG, PNG, WebP or AVIF image")),
    "cut.md": ("cut.jpg", ("'cut.jpg'", "cut short or damaged")),
    "heic.md": ("look.heic", ("'look.heic'", "AVIF image but HEIC; save it as JPEG")),
    "svg.md": ("look.svg", ("'look.svg'", "AVIF image but SVG; save it as JPEG")),
    "gif.md": ("look.gif", ("'look.gif'", "AVIF image but GIF; save it as JPEG")),
    "moving.md": ("moving.webp", ("'moving.webp'", "is animated; save one frame of it as JPEG")),
    "moving-png.md": ("moving.png", ("'moving.png'", "is animated; save one frame of it as JPEG")),
    "wide.md": ("wide.png", ("'wide.png'", "30000 x 30000 pixels, more than the 40 megapixels allowed")),
    "large.md": ("large.png", ("'large.png'", "more than 10 MB")),
    "outside.md": ("../../etc/passwd", ("hero_reference", "inside the documentation folder")),
    "url.md": ("https://example.org/a.jpg?sig=secret", ("hero_reference", "copy the reference")),
    "list.md": (["a.jpg"], ("hero_reference", "relative to the page")),
}


def test_reference_that_cannot_be_one_is_one_warning_and_buys_nothing(tmp_path: Path, services: Services) -> None:
    """A bad reference of a page is one warning with page, key, value and fix, and buys nothing."""
    frames = [Image.new("RGB", (64, 36), colour) for colour in ("red", "blue")]
    wide = b"IHDR" + (30_000).to_bytes(4, "big") * 2 + OTHER[24:29]
    moving = {kind: io.BytesIO() for kind in ("WEBP", "PNG", "GIF")}
    for kind, file in moving.items():
        frames[0].save(file, kind, save_all=True, append_images=frames[1:])
    pages: dict[str, str | bytes] = {
        **{name: page(name, hero_prompt="a pier", hero_reference=value) for name, (value, _) in WRONG.items()},
        "text.jpg": "no image at all",
        "cut.jpg": LOOK[: len(LOOK) // 2],
        "look.heic": b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + bytes(100),
        "look.svg": '<?xml version="1.0"?>\n<!-- drawn -->\n<svg xmlns="http://www.w3.org/2000/svg"/>',
        "look.gif": moving["GIF"].getvalue(),
        "moving.webp": moving["WEBP"].getvalue(),
        "moving.png": moving["PNG"].getvalue(),
        "wide.png": OTHER[:12] + wide + zlib.crc32(wide).to_bytes(4, "big") + OTHER[33:],
        "large.png": OTHER + os.urandom(MAX_REFERENCE_BYTES),
    }

    built = Site(tmp_path, pages, SMALL).build(services)

    assert built.exit_code == 0
    assert not built.has_traceback
    assert "secret" not in built.log
    for name, (_, words) in WRONG.items():
        (line,) = [line for line in built.warnings if line.startswith(f"{name}: ")]
        assert all(word in line for word in words), line
    assert services.ledger.requests == ()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("nowhere.jpg", "style_reference: there is no file 'nowhere.jpg'; write its path relative to mkdocs.yml or to"),
        ("mkdocs.yml", "style_reference: 'mkdocs.yml' is not a JPEG, PNG, WebP or AVIF image"),
    ],
)
def test_sites_reference_that_cannot_be_one_stops_the_build(tmp_path: Path, value: str, words: str) -> None:
    """A bad reference of the site stops the build before any request."""
    built = Site(tmp_path, {"a.md": page("A", hero_prompt="a pier")}, {"style_reference": value}).build()

    assert built.exit_code == 1
    assert words in built.log
    assert not built.has_traceback


SO_NONE = "so it draws no page that has one; leave style_reference and hero_reference out, or choose another model"


def test_provider_that_takes_no_reference_is_reported_and_not_asked(tmp_path: Path, services: Services) -> None:
    """A provider that takes no reference is reported and gets no order with one."""
    site = blog(tmp_path, 2, providers=["leonardo"], leonardo={"model": CUSTOM})

    built = site.build(services)

    assert [line for line in built.warnings if "takes no reference" in line] == [
        f"leonardo takes no reference with the model {CUSTOM}, {SO_NONE}"
    ]
    shell = Shell(site, services)
    totals = shell("status", "--json").json["totals"]
    assert (totals["missing"], totals["to_buy"], totals["estimate_usd"]) == (2, 0, 0)
    assert "$" not in shell("status").out
    ran = shell("generate", "--yes")
    assert (ran.exit_code, ran.out) == (1, "nothing was made: 0 of 2 heroes are stored\n")
    assert "takes no reference" in ran.err
    assert services.ledger.requests == ()


#: Adds a line to `calls.txt` for each call of a database: its caller, if the event loop waits for it, or "-".
WATCH = """
import asyncio, pathlib, sys
from mkdocs_leonardo.storage.text_store import TextStore
place = pathlib.Path(__file__).with_name("calls.txt")

def watched(call):
    def use(store):
        try:
            asyncio.get_running_loop()
            caller = sys._getframe(2).f_code.co_qualname
        except RuntimeError:
            caller = "-"
        with place.open("a") as file:
            file.write(f"{caller}\\n")
        return call(store)
    return use

def on_config(config):
    TextStore._use = watched(TextStore._use)
"""


def test_databases_are_read_and_written_outside_of_the_event_loop(tmp_path: Path, services: Services) -> None:
    """Worker threads call the cache's databases, so a locked one does not stop the event loop."""
    options = {**SMALL, "style_reference": "look.jpg"}
    site = Site(tmp_path, {"index.md": page("Home", hero_prompt="a lighthouse")}, options, {"hooks": ["watch.py"]})
    (tmp_path / "docs" / "look.jpg").write_bytes(LOOK)
    (tmp_path / "watch.py").write_text(WATCH, encoding="utf-8")

    assert site.build(services).sources == {"index.md": "generated"}

    calls = (tmp_path / "calls.txt").read_text(encoding="utf-8").splitlines()
    assert set(calls) == {"-"}


# Several processes ---------------------------------------------------------------------------------------------------


def _not_asked() -> NoReturn:
    raise AssertionError("the service is not asked")


def test_upload_of_one_file_is_one_processs_turn_until_it_ends_or_dies(tmp_path: Path) -> None:
    """Builds on one cache upload a file one at a time, and take over from a dead one."""
    with (
        closing(TextStore.open(tmp_path, durable=False)) as one,
        closing(TextStore.open(tmp_path, durable=False)) as other,
    ):
        clock = FastClock()
        first, second = (
            LeonardoUploads(SharedValues(store), clock, _not_asked, str, _not_asked) for store in (one, other)
        )

        assert first._claim_turn("a")
        assert not second._claim_turn("a")
        assert second._claim_turn("b")
        first._remember("a", "the id")
        first._end_turn("a")
        assert second._remembered_id("a") == "the id"
        assert second._claim_turn("a")
        assert not first._claim_turn("a")
        clock._now += UPLOAD_TURN_S
        assert first._claim_turn("a")


async def test_upload_of_another_process_is_waited_for_and_used(services: Services, look: Reference) -> None:
    """A build waits for another process's upload of the file and uses its id."""

    class Shared(ProcessMemory):
        """The cache's entries during another build's upload."""

        def get(self, key: str) -> JsonValue | None:
            """The value of the key; the id from the second look on."""
            found = super().get(key)
            self._values[key] = "made-by-another"
            return found

    clock = FastClock()
    provider = leonardo_at(services)
    memory = Shared()
    memory._values[f"uploading:leonardo:{await provider._read_user_id()}:{look.digest}"] = (
        clock.now() + UPLOAD_TURN_S / 2
    )
    waiting = LeonardoUploads(memory, clock, provider._api, lambda path: f"/v1{path}", provider._read_user_id)

    found = await waiting.id_of(look)

    await provider.aclose()
    assert found == "made-by-another"
    assert uploads(services) == (0, 0)

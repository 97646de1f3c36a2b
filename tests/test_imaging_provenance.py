"""The marks of origin: written into every picture, and read from delivered ones without being trusted."""

import struct
import zlib
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from images import encode
from PIL import Image, features

from mkdocs_leonardo.imaging.provenance import Provenance, detect, make_xmp_packet
from mkdocs_leonardo.spec import MADE_BY_AI, PictureRecord

needs_avif = pytest.mark.skipif(not features.check("avif"), reason="this Pillow cannot write AVIF")
FORMATS = ["jpeg", "webp", "png", pytest.param("avif", marks=needs_avif)]
NAMESPACES = {
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
}
COMPOSITE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeSynthetic"


def fields(packet: bytes) -> dict[str, str]:
    """The packet's properties, read by an independent XML parser."""
    root = ET.fromstring(packet.decode())  # noqa: S314 - our own packet
    (description,) = root.iter("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description")
    found = {}
    for name, uri in NAMESPACES.items():
        for attribute, value in description.attrib.items():
            if attribute.startswith(f"{{{uri}}}"):
                found[f"{name}:{attribute.rpartition('}')[2]}"] = value
    return found


def picture(picture_format: str, **options: object) -> bytes:
    """A small picture as a file."""
    return encode(Image.new("RGB", (32, 18), "teal"), picture_format, **options)


def png_with(kind: bytes, body: bytes) -> bytes:
    """A PNG with one additional chunk."""
    plain = picture("png")
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return plain[:33] + chunk + plain[33:]


def test_xmp_packet_of_an_ai_picture_says_so() -> None:
    """The packet of an AI picture has provider, model, date and the IPTC's mark for a trained model."""
    created = datetime(2026, 7, 1, 12, 30, tzinfo=UTC).timestamp()

    packet = make_xmp_packet(PictureRecord("", "", "", "leonardo", "phoenix-1.0", created_at=created))

    assert fields(packet) == {
        "photoshop:Credit": "leonardo",
        "xmp:CreatorTool": "phoenix-1.0",
        "xmp:CreateDate": "2026-07-01T12:30:00Z",
        "Iptc4xmpExt:DigitalSourceType": MADE_BY_AI,
    }


@pytest.mark.parametrize("provider", ["local", "own"])
def test_xmp_packet_of_other_pictures_has_no_ai_mark(provider: str) -> None:
    """The packets of placeholders and own pictures have no AI mark."""
    assert "Iptc4xmpExt:DigitalSourceType" not in fields(
        make_xmp_packet(PictureRecord("", "", "", provider, "x", created_at=1.0))
    )


def test_xmp_packet_of_an_own_picture_keeps_the_mark_it_came_with() -> None:
    """An own picture keeps its AI mark, and a provider's picture has one whatever it came with."""
    own = fields(make_xmp_packet(PictureRecord("", "", "", "own", ""), COMPOSITE))
    made = fields(make_xmp_packet(PictureRecord("", "", "", "openai", "m"), COMPOSITE))

    assert own == {"photoshop:Credit": "own", "Iptc4xmpExt:DigitalSourceType": COMPOSITE}
    assert made["Iptc4xmpExt:DigitalSourceType"] == MADE_BY_AI


@given(st.text(), st.text(), st.floats(0, 4e9))
@example("leonardo" * 8, "m" * 80, 4e9)
def test_xmp_packet_any_names_give_small_valid_xml(provider: str, model: str, created_at: float) -> None:
    """Any names give valid XML of at most 700 bytes."""
    packet = make_xmp_packet(
        PictureRecord("", "", "", provider, model, created_at=created_at, request={"reference": {}})
    )

    assert len(packet) < 700
    assert "Iptc4xmpExt:DigitalSourceType" in fields(packet) or provider in ("local", "own")


@pytest.mark.parametrize("picture_format", FORMATS)
def test_detect_finds_the_written_packet(picture_format: str) -> None:
    """The packet written into a file of any format is found again."""
    packet = make_xmp_packet(PictureRecord("", "", "", "leonardo", "phoenix", created_at=1.0))
    if picture_format == "png":
        data = png_with(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet)
    else:
        data = picture(picture_format, xmp=packet)

    assert detect(data) == Provenance("xmp", MADE_BY_AI)


def test_detect_reads_compressed_and_element_form() -> None:
    """The mark is found as an XML element, and compressed in a PNG."""
    text = f"<x><Iptc4xmpExt:DigitalSourceType>{COMPOSITE}</Iptc4xmpExt:DigitalSourceType></x>".encode()
    data = png_with(b"iTXt", b"XML:com.adobe.xmp\0\1\0en\0\0" + zlib.compress(text))

    assert detect(data) == Provenance("xmp", COMPOSITE)


JUMBF = b"jumb\0\0\0\x1ejumdc2pa\0digitalSourceTypexF" + MADE_BY_AI.encode() + b"msoftwareAgent"


def c2pa_file(picture_format: str) -> bytes:
    """A picture with a C2PA manifest store at its format's place."""
    plain = picture(picture_format)
    if picture_format == "jpeg":
        body = b"JP\0\1\0\0\0\1" + struct.pack(">I", len(JUMBF) + 4) + JUMBF
        return plain[:2] + b"\xff\xeb" + struct.pack(">H", len(body) + 2) + body + plain[2:]
    if picture_format == "png":
        return png_with(b"caBX", JUMBF)
    if picture_format == "webp":
        return plain + b"C2PA" + struct.pack("<I", len(JUMBF)) + JUMBF
    box = bytes.fromhex("d8fec3d61b0e483c92975828877ec481") + JUMBF
    return plain + struct.pack(">I", len(box) + 8) + b"uuid" + box


@pytest.mark.parametrize("picture_format", FORMATS)
def test_detect_finds_c2pa(picture_format: str) -> None:
    """A C2PA manifest and the mark inside it are found in each format."""
    assert detect(c2pa_file(picture_format)) == Provenance("c2pa", MADE_BY_AI)


def test_detect_xmp_says_more_than_c2pa_of_an_ingredient() -> None:
    """The mark in XMP wins over one in C2PA, wherever they are in the file."""
    packet = make_xmp_packet(PictureRecord("", "", "", "own", ""), COMPOSITE)
    for data in (JUMBF + packet, packet + JUMBF):
        assert detect(data).source_type == COMPOSITE


@pytest.mark.parametrize("picture_format", FORMATS)
def test_detect_plain_picture_has_no_marks(picture_format: str) -> None:
    """A picture without marks has none found."""
    assert detect(picture(picture_format)) == Provenance()


def test_detect_foreign_value_is_not_taken_over() -> None:
    """A mark that is no NewsCodes address is ignored, since it could reach a page."""
    packet = b'<x:xmpmeta Iptc4xmpExt:DigitalSourceType="javascript:alert(1)"/>'

    assert detect(picture("jpeg", xmp=packet)) == Provenance("xmp")


def test_detect_compressed_bomb_is_read_up_to_its_limit() -> None:
    """A packet that inflates to 200 MB is inflated up to one megabyte."""
    data = png_with(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(bytes(200_000_000), 9))

    assert detect(data) == Provenance("xmp")


@given(
    st.sampled_from([b"\xff\xd8\xff\xe1", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b"\0\0\0\x10ftypavif", b""]),
    st.binary(max_size=300),
)
def test_detect_arbitrary_bytes_never_raise(magic: bytes, data: bytes) -> None:
    """Bytes that are no picture have no marks."""
    assert isinstance(detect(magic + data), Provenance)


@given(st.integers(0, 2000), st.integers(0, 255))
def test_detect_changed_byte_never_raises(position: int, value: int) -> None:
    """A picture with a changed byte raises no exception."""
    for picture_format in ("jpeg", "png", "webp"):
        data = bytearray(c2pa_file(picture_format))
        data[position % len(data)] = value

        assert isinstance(detect(bytes(data)), Provenance)

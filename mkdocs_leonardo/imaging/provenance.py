"""The marks of a picture's origin: the mark that is written, and marks that are found.

Pillow drops all metadata when it encodes a picture again, so every written file gets the mark anew.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from mkdocs_leonardo.spec import NOT_GENERATED

#: IPTC NewsCodes, Digital Source Type, concept "created using generative AI" (as of 2026-07).
TRAINED_ALGORITHMIC_MEDIA = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"

#: For the property "AI Prompt Information" (IPTC Photo Metadata Standard 2025.1).
REFERENCE_USED = "A style reference was used."

#: The packet is in every file a phone loads, so names are cut to keep it below 700 bytes.
MAX_NAME_BYTES = 32

#: Segments or chunks of one file that are looked at. The longest files that cameras and services write have thousands.
MAX_PARTS = 50_000

#: Not what is inside a scan: stuffing, fill bytes and restarts.
_JPEG_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")
_XMP_JPEG = b"http://ns.adobe.com/xap/1.0/\0"
_XMP_PNG = b"XML:com.adobe.xmp"
# C2PA 2.1, appendix A: the UUID of the box that holds a manifest store in ISO BMFF files such as AVIF.
_C2PA_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_MAX_XMP_BYTES = 1_000_000
# The value stands in XMP as an attribute or an element, in C2PA as text in CBOR: in all of them behind the name.
_SOURCE_TYPE = re.compile(
    rb"digitalSourceType.{1,40}?(https?://cv\.iptc\.org/newscodes/digitalsourcetype/[A-Za-z]{1,40})",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Provenance:
    """The marks of origin in a file. They prove nothing: any program can write, remove or copy them.

    `digital_source_type` is an IPTC NewsCodes URL.
    """

    xmp: bool = False
    c2pa: bool = False
    digital_source_type: str | None = None


def xmp_packet(
    *,
    provider: str,
    model: str,
    created_at: float,
    digital_source_type: str | None = None,
    has_reference: bool = False,
) -> bytes:
    """An XMP packet of less than 700 bytes that says who made the picture, with which model, and when.

    `created_at` is in Unix seconds, 0 if unknown. Pictures of AI providers are marked as such; other pictures
    get only the mark they came with (`digital_source_type`). `has_reference`: another picture gave this one its look.
    The prompt is not in the packet, since it may be private.
    """
    if provider not in NOT_GENERATED:
        digital_source_type = TRAINED_ALGORITHMIC_MEDIA
    fields = [("photoshop:Credit", _name(provider)), ("xmp:CreatorTool", _name(model))]
    if created_at > 0:
        fields.append(("xmp:CreateDate", datetime.fromtimestamp(created_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")))
    if digital_source_type:
        fields.append(("Iptc4xmpExt:DigitalSourceType", digital_source_type))
    if has_reference:
        fields.append(("Iptc4xmpExt:AIPromptInformation", REFERENCE_USED))
    attributes = "".join(f'\n {name}="{escape(value)}"' for name, value in fields if value)
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about=""'
        ' xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        ' xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"'
        ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
        f"{attributes}/></rdf:RDF></x:xmpmeta>"
        '\n<?xpacket end="r"?>'
    ).encode()


def detect(data: bytes) -> Provenance:
    """The marks in a JPEG, PNG, WebP or AVIF file; none in other bytes. Never raises."""
    xmp = b""
    c2pa = b""
    for kind, body in _marks(data):
        if kind == "xmp":
            xmp = xmp or body
        else:
            c2pa += body
    found = _SOURCE_TYPE.search(xmp) or _SOURCE_TYPE.search(c2pa)
    return Provenance(
        xmp=bool(xmp), c2pa=bool(c2pa), digital_source_type=found.group(1).decode("ascii") if found else None
    )


def jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The marker segments of a JPEG as (marker, body), up to the end of image (0xD9) if there is one.

    The compressed scans are stepped over, so that an end of image inside an embedded thumbnail does not count. A file
    of more than `MAX_PARTS` has no end here.
    """
    position = 2
    for _ in range(MAX_PARTS):
        found = _JPEG_MARKER.search(data, position)
        if found is None:
            return
        marker, position = found[1][0], found.end()
        if marker == 0xD9:  # noqa: PLR2004 -- EOI
            yield marker, b""
            return
        length = int.from_bytes(data[position : position + 2], "big")
        yield marker, data[position + 2 : position + length]
        position += max(length, 2)


def png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bool]]:
    """The chunks of a PNG as (type, body, whether the checksum holds), up to the last whole one or `MAX_PARTS`."""
    position = 8
    for _ in range(MAX_PARTS):
        if position + 12 > len(data):
            return
        length = int.from_bytes(data[position : position + 4], "big")
        kind = data[position + 4 : position + 8]
        end = position + 8 + length
        if end + 4 > len(data):
            return
        checksum = int.from_bytes(data[end : end + 4], "big")
        yield kind, data[position + 8 : end], zlib.crc32(memoryview(data)[position + 4 : end]) == checksum
        position = end + 4


def _name(value: str) -> str:
    """The name without markup and control characters (XML has no way to write these), cut to its length limit."""
    plain = "".join(character for character in value if character.isprintable() and character not in "<>&\"'")
    return plain.encode("utf-8", "ignore")[:MAX_NAME_BYTES].decode("utf-8", "ignore").strip()


def _marks(data: bytes) -> Iterator[tuple[str, bytes]]:
    if data.startswith(b"\xff\xd8"):
        yield from _jpeg_marks(data)
    elif data.startswith(b"\x89PNG"):
        yield from _png_marks(data)
    elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        yield from _webp_marks(data)
    elif data[4:8] == b"ftyp":
        yield from _avif_marks(data)


def _jpeg_marks(data: bytes) -> Iterator[tuple[str, bytes]]:
    for marker, body in jpeg_segments(data):
        if marker == 0xE1 and body.startswith(_XMP_JPEG):  # noqa: PLR2004 -- APP1
            yield "xmp", body[len(_XMP_JPEG) :]
        elif marker == 0xEB and body.startswith(b"JP") and b"jumb" in body[:32]:  # noqa: PLR2004 -- APP11
            yield "c2pa", body


def _png_marks(data: bytes) -> Iterator[tuple[str, bytes]]:
    for kind, body, _ in png_chunks(data):
        if kind == b"caBX":
            yield "c2pa", body
        elif kind == b"iTXt" and body.startswith(_XMP_PNG + b"\0"):
            compressed = body[len(_XMP_PNG) + 1 : len(_XMP_PNG) + 2] == b"\1"
            # Behind the compression bytes stand language and translated keyword, each closed by a zero.
            text = body[len(_XMP_PNG) + 3 :].split(b"\0", 2)[-1]
            yield "xmp", _inflated(text) if compressed else text


def _webp_marks(data: bytes) -> Iterator[tuple[str, bytes]]:
    position = 12
    while position + 8 <= len(data):
        kind = data[position : position + 4]
        length = int.from_bytes(data[position + 4 : position + 8], "little")
        body = data[position + 8 : position + 8 + length]
        if kind == b"XMP ":
            yield "xmp", body
        elif kind == b"C2PA":
            yield "c2pa", body
        position += 8 + length + length % 2


def _avif_marks(data: bytes) -> Iterator[tuple[str, bytes]]:
    # XMP is an item somewhere in the file, reached through three tables; its text is found without them.
    start = data.find(b"<x:xmpmeta")
    if start != -1:
        end = data.find(b"</x:xmpmeta>", start, start + _MAX_XMP_BYTES)
        yield "xmp", data[start : end if end != -1 else start + _MAX_XMP_BYTES]
    position = 0
    while position + 8 <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        kind = data[position + 4 : position + 8]
        if length == 1:
            length = int.from_bytes(data[position + 8 : position + 16], "big")
        if kind == b"uuid" and data[position + 8 : position + 24] == _C2PA_UUID:
            yield "c2pa", data[position : position + length] if length else data[position:]
        if length < 8:  # noqa: PLR2004 -- 0 is "to the end of the file"; less than a box header is nonsense
            return
        position += length


def _inflated(data: bytes) -> bytes:
    """The text, or the part that can be decompressed; at most a megabyte."""
    try:
        return zlib.decompressobj().decompress(data, _MAX_XMP_BYTES)
    except zlib.error:
        return b""

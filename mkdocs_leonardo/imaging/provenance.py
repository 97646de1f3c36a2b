"""The marks of a picture's origin: the mark that is written, and marks that are found.

Pillow drops all metadata when it encodes a picture again, so every written file gets the mark anew.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from mkdocs_leonardo.imaging.normalise import read_png_chunks
from mkdocs_leonardo.spec import MADE_BY_AI, NO_AI, PictureRecord, replace_unprintable

#: For the property "AI Prompt Information" (IPTC Photo Metadata Standard 2025.1).
REFERENCE_USED = "A style reference was used."

#: The packet is in every file a phone loads, so names are cut to keep it below 700 bytes.
MAX_NAME_BYTES = 32

_XMP_PNG = b"XML:com.adobe.xmp\0"
#: The headers of XMP in JPEG and PNG files, and the beginning of the text itself.
_XMP = re.compile(rb"http://ns\.adobe\.com/xap/1\.0/\0|" + re.escape(_XMP_PNG) + rb"|<\?xpacket|<x:xmpmeta")
#: The beginning of the description of a manifest store (C2PA 2.1, section 11.1): box type and UUID.
_C2PA = b"jumdc2pa"
_MAX_XMP_BYTES = 1_000_000
# XMP has the value as an attribute or an element, C2PA as text in CBOR (RFC 8949: x and its length), after the name.
_SOURCE_TYPE = re.compile(
    rb"digitalSourceType(?:x(.)|.{1,40}?)(https?://cv\.iptc\.org/newscodes/digitalsourcetype/[A-Za-z]{1,40})",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Provenance:
    """The marks of origin in a file. They prove nothing: any program can write, remove or copy them.

    `marks` names them: ``xmp``, ``c2pa``, both or nothing. `source_type` is an IPTC digital source type, a URL, or "".
    """

    marks: str = ""
    source_type: str = ""


def make_xmp_packet(record: PictureRecord, source_type: str = "") -> bytes:
    """Return an XMP packet of less than 700 bytes with the maker, the model and the time of the picture.

    Pictures of AI providers are marked as such; other pictures get only the mark they came with (`source_type`).
    The prompt is not in the packet, since it may be private.
    """
    fields = [("photoshop:Credit", _strip_markup(record.provider)), ("xmp:CreatorTool", _strip_markup(record.model))]
    if record.created_at > 0:
        created = datetime.fromtimestamp(record.created_at, UTC)
        fields.append(("xmp:CreateDate", created.strftime("%Y-%m-%dT%H:%M:%SZ")))
    fields.append(("Iptc4xmpExt:DigitalSourceType", source_type if record.provider in NO_AI else MADE_BY_AI))
    if record.has_reference:
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
    """Return the marks of origin in a JPEG, PNG, WebP or AVIF file. Raises no exception.

    All of these formats hold XMP and C2PA as plain bytes, but for PNG, whose XMP may be compressed. So the marks are
    looked for in the whole file. The first source type in XMP counts, else the first one in the file.
    """
    if data.startswith(b"\x89PNG"):
        data = b"".join((data, *(_decompress_text(body) for kind, body, _ in read_png_chunks(data) if kind == b"iTXt")))
    source_type, xmp = "", _XMP.search(data)
    if match := (xmp and _SOURCE_TYPE.search(data, xmp.start())) or _SOURCE_TYPE.search(data):
        length, value = match.groups()
        source_type = value[: length[0] if length else None].decode("ascii")
    marks = [name for name, is_there in (("xmp", xmp is not None), ("c2pa", _C2PA in data)) if is_there]
    return Provenance(" ".join(marks), source_type)


def _strip_markup(value: str) -> str:
    """Return the name, cut to its length limit, without markup and without characters that XML cannot hold."""
    plain = re.sub(r"[<>&\"']", "", replace_unprintable(value))
    return plain.encode("utf-8", "ignore")[:MAX_NAME_BYTES].decode("utf-8", "ignore").strip()


def _decompress_text(body: bytes) -> bytes:
    """Return the readable part of a compressed iTXt chunk with XMP, at most a megabyte; empty for any other chunk."""
    if not body.startswith(_XMP_PNG + b"\1"):
        return b""
    # Behind the compression bytes stand language and translated keyword, each closed by a zero.
    text = body[len(_XMP_PNG) + 2 :].split(b"\0", 2)[-1]
    try:
        return zlib.decompressobj().decompress(text, _MAX_XMP_BYTES)
    except zlib.error:
        return b""

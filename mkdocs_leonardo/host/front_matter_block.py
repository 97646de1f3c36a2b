"""The borders of front matter in a page's text, and the name of a folder's metadata file."""

from __future__ import annotations

import re

#: The file that holds the metadata of a whole folder, by the default of Material's `meta` plugin.
FOLDER_METADATA = ".meta.yml"
#: The beginning of a text that may be malformed front matter: a border, or a comment before one.
POSSIBLE_OPENING = re.compile(r"[\s\ufeff]*[-+<]")
#: The line that ends front matter.
CLOSING = r"^(?:---|\.\.\.)[ \t]*$"
#: The front matter of a page's text; the first group has its lines without the borders.
FRONT_MATTER = re.compile(rf"\ufeff?---[ \t]*\r?\n(.*?){CLOSING}", re.DOTALL | re.MULTILINE)
_EMPTY_LINE = re.compile(r"\n[ \t]*\n")


def metadata_text(text: str) -> str:
    """Return the beginning of `text`, up to the end of its metadata.

    The host also reads metadata without borders, which ends at the first empty line.
    """
    block = FRONT_MATTER.match(text)
    return _EMPTY_LINE.split(text, maxsplit=1)[0] if block is None else block[0]

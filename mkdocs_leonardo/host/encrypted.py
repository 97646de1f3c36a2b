"""Pages that another plugin encrypts. They get no hero, whose image and texts would not be encrypted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mkdocs_leonardo.errors import InputError

#: Attributes that encryptcontent sets on a page before it encrypts the page, and when it begins.
_MARKS = ("encryptcontent", "encrypted")


def has_encryption_mark(page: object) -> bool:
    """Whether another plugin has marked the page and will encrypt it."""
    return any(bool(getattr(page, name, None)) for name in _MARKS)


def is_replaced(content: str, ids: Iterable[str]) -> bool:
    """Whether another plugin has replaced a page's content, which then has none of the page's headings (`ids`)."""
    ids = list(ids)
    return bool(ids) and not any(f'id="{each}"' in content or f"id={each}" in content for each in ids)


def encryption_problem(page: str, meta: Mapping[str, object]) -> InputError:
    """Return the warning for an encrypted page that asks for a hero."""
    key = "hero_image" if "hero_image" in meta and "hero_prompt" not in meta else "hero_prompt"
    return InputError(
        page,
        key,
        "is not used, since another plugin encrypts the page, and its image and texts would stand in the clear; "
        "write hero_prompt: false, or leave the page unencrypted",
    )

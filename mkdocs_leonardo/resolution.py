"""The results of resolving heroes, as values for the report, the log and the pages."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Self

from mkdocs_leonardo.spec import HeroAsset, HeroSpec, printable, short_key
from mkdocs_leonardo.storage.base import StoredPicture

if TYPE_CHECKING:
    from concurrent.futures import Future

    from mkdocs_leonardo.log import Notify

#: The most pages that a message names; further pages are counted.
_PAGES_NAMED = 10


class FailureKind(Enum):
    """The kinds of failure that the program treats differently."""

    NOT_ALLOWED = auto()
    """The build may generate no image: `generate: false`, or a preview."""
    REFUSED = auto()
    """A content check refused the prompt."""
    FAULT = auto()
    """An error in this package that it did not foresee."""
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Failure:
    """The reason why a page shows another picture than it asks for: `kind` for the program, `text` for people."""

    text: str
    kind: FailureKind = FailureKind.OTHER


#: The failure of a page whose picture may not be generated.
GENERATION_OFF = Failure(
    "it is not stored, and nothing is generated (`generate: false`, or a preview)", FailureKind.NOT_ALLOWED
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt at one provider, in words for the report. `is_held_back`: a cap did not allow it."""

    provider: str
    result: str
    is_held_back: bool = False


@dataclass(frozen=True, slots=True)
class Resolution:
    """The result for one page's hero.

    `stored`: the picture.
    `asset`: the picture or the substitute, with files.
    `failure`: the reason why the page shows a substitute. None if the page shows its picture, or if a substitute is
    expected since no provider has a key.
    `capped_usd`: the estimate of a picture that a cap held back.
    """

    hero: HeroSpec
    asset: HeroAsset | None = None
    stored: StoredPicture | None = None
    attempts: tuple[Attempt, ...] = ()
    cost_usd: float = 0.0
    seconds: float = 0.0
    failure: Failure | None = None
    capped_usd: float | None = None

    @property
    def is_not_allowed(self) -> bool:
        """Whether the picture is missing because the build may generate none."""
        return self.failure is not None and self.failure.kind is FailureKind.NOT_ALLOWED

    @property
    def is_refused(self) -> bool:
        """Whether a content check refused the prompt, so that only another prompt helps."""
        return self.failure is not None and self.failure.kind is FailureKind.REFUSED


class Complaint(str):
    """A message, with the `pages` that it is about and its `text` without their names."""

    __slots__ = ("pages", "text")

    pages: tuple[str, ...]
    text: str

    def __new__(cls, pages: Sequence[str], text: str) -> Self:
        """Make one line of the form ``a.md, b.md: text``, as the log would."""
        text = printable(text)
        self = super().__new__(cls, f"{name_some(pages)}: {text}")
        self.pages = tuple(pages)
        self.text = text
        return self


def name_some(names: Sequence[str]) -> str:
    """Return the first few names in one line, and the number of further names."""
    more = len(names) - _PAGES_NAMED
    return ", ".join(names[:_PAGES_NAMED]) + (f" and {more} more" if more > 0 else "")


def describe_attempts(attempts: Iterable[Attempt]) -> str:
    """Return the attempts in one line, without repeats."""
    return "; ".join(dict.fromkeys(f"{attempt.provider}: {attempt.result}" for attempt in attempts))


def get_resolution(work: Future[Resolution], hero: HeroSpec, timed_out: Failure, notify: Notify) -> Resolution:
    """Return the result of the work on a page's hero; cancels the work if it is not done, which is `timed_out`."""
    if not work.done() or work.cancelled():
        work.cancel()
        return Resolution(hero, failure=timed_out)
    try:
        return work.result()
    except Exception as error:  # noqa: BLE001 - an unforeseen error costs a page its picture, never the build
        notify(logging.DEBUG, f"{hero.page}: {error!r}")
        return Resolution(hero, failure=unexpected_failure(error))


def unexpected_failure(error: Exception) -> Failure:
    """Return the failure for an unforeseen `error`, with a fix for the author."""
    return Failure(
        f"an unexpected error came up ({type(error).__name__}); build again, and please report it with what "
        "`mkdocs build --verbose` says if it happens again",
        FailureKind.FAULT,
    )


def not_again_message(ending: str, key: str) -> str:
    """Return the failure text of a picture whose job ended without an image, with the ways to try again."""
    return (
        f"{ending}; it is not paid for again until prompt, style, seed or model change, or "
        f"`mkdocs-leonardo jobs --forget {short_key(key)}`"
    )


def interrupted_message(names: Sequence[str]) -> str:
    """Return the message of an interrupted program that waits for `names`: their answer is the image."""
    return f"waiting for {' and '.join(names)}, whose answer is paid for; Ctrl-C again gives it up"


def given_up_message(names: Sequence[str]) -> str:
    """Return the message after a second Ctrl-C has ended the wait for `names`."""
    return f"stopped waiting for {' and '.join(names)}; an answer still to come is lost and may have been charged"


def unreadable_journal_message(error: Exception) -> str:
    """Return the message on a journal that cannot be read, with the fix."""
    return f"the journal of paid jobs cannot be read ({error}); make cache_dir writable"


def unwritable_journal_message(error: Exception) -> str:
    """Return the message on a journal that cannot be written, with the fix."""
    return f"nothing is bought, since the journal cannot be written ({error}); make cache_dir writable"


def unanswered_message(page: str, provider: str) -> Complaint:
    """Return the message on a create call whose answer, the image itself, never arrived."""
    text = f"an earlier run never got {provider}'s answer; that image is lost and may have been charged"
    return Complaint([page], text)

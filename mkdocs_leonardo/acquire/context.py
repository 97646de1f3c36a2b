"""The parts of one build that the steps of acquiring a picture share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mkdocs_leonardo.acquire.access import Access
from mkdocs_leonardo.acquire.budget import Budget
from mkdocs_leonardo.acquire.request import PictureRequest
from mkdocs_leonardo.clock import Clock
from mkdocs_leonardo.log import Notify
from mkdocs_leonardo.lookup import Lookup
from mkdocs_leonardo.renderer import Renderer
from mkdocs_leonardo.spec import ImageInfo

if TYPE_CHECKING:
    from mkdocs_leonardo.storage.journal import Journal
    from mkdocs_leonardo.team.leases import TeamLeases
    from mkdocs_leonardo.team.pictures import TeamPictures


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildContext:
    """The parts of one build.

    `inspect` decodes a picture, or raises PictureError. `reject` logs a refused request with its provider and the
    reason. `team` and `team_leases` belong to the store that machines share; None without one. `pays_in_doubt`: the
    build also pays for pictures that another machine may have paid for.
    """

    lookup: Lookup
    renderer: Renderer
    journal: Journal
    budget: Budget
    access: Access
    clock: Clock
    notify: Notify
    inspect: Callable[[bytes], ImageInfo]
    reject: Callable[[PictureRequest, str, str], None]
    concurrency: int
    team: TeamPictures | None = None
    team_leases: TeamLeases | None = None
    pays_in_doubt: bool = False

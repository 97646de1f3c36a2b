"""Writing files and comparing paths on systems other than Linux."""

from __future__ import annotations

from pathlib import Path

import pytest

from mkdocs_leonardo.files import is_below, write_atomically


@pytest.mark.parametrize(("refusals", "is_written"), [(2, True), (99, False)], ids=["for a moment", "for good"])
def test_write_over_a_file_that_another_process_reads_is_tried_again(
    refusals: int,
    is_written: bool,  # noqa: FBT001 - a column
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A write over a file that Windows keeps open is tried again; a final refusal leaves no temporary file."""
    path, left, rename = tmp_path / "a.json", [None] * refusals, Path.replace

    def refuse(self: Path, target: Path) -> Path:
        if left:
            left.pop()
            raise PermissionError(13, "is used by another process", str(target))
        return rename(self, target)

    path.write_bytes(b"old")
    monkeypatch.setattr(Path, "replace", refuse)

    try:
        write_atomically(path, b"new")
    except PermissionError:
        assert not is_written

    assert path.read_bytes() == (b"new" if is_written else b"old")
    assert list(tmp_path.iterdir()) == [path]


def test_is_below_knows_a_folder_by_its_other_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder is recognised through a link, through `..`, and in other letters on a file system without case."""
    (tmp_path / ".cache/mine").mkdir(parents=True)
    (tmp_path / "link").symlink_to(".cache/mine", target_is_directory=True)
    cache = tmp_path / ".cache"

    assert is_below(cache, cache)
    assert is_below(tmp_path / "link/heroes", cache)
    assert is_below(tmp_path / "link/../new", cache)
    assert not is_below(tmp_path, cache)
    assert not is_below(tmp_path / ".cached", cache)
    monkeypatch.setattr(Path, "samefile", lambda one, other: str(one).casefold() == str(other).casefold())
    assert is_below(tmp_path / ".Cache/heroes", cache)

"""The index of renderings: a rendering is loaded only if each of its files is the written one."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mkdocs_leonardo.errors import BrokenEntry
from mkdocs_leonardo.spec import Rendering, Scrim, Variant, digest_of
from mkdocs_leonardo.storage.renderings import RenderingCache
from mkdocs_leonardo.storage.text_store import InMemoryStore

KEY = "ab" * 32
#: Columns of a record that are texts, a word for each file; the other columns are lists of numbers.
TEXTS = frozenset({"roles", "formats", "digests", "names", "files"})


def written(folder: Path) -> Rendering:
    """A rendering whose files are in `folder`."""
    folder.mkdir(exist_ok=True)
    variants = []
    for name in ("50d963aadec4b200-768.avif", "50d963aadec4b200-768.webp", "50d963aadec4b200-social-30x60.jpg"):
        data = name.encode() * 100
        path = folder / f"abababababababab{name[16:]}"
        path.write_bytes(data)
        variants.append(
            Variant(
                role="social" if "social" in name else "hero",
                format="jpeg" if name.endswith("jpg") else "webp" if name.endswith("webp") else "avif",
                width_px=768,
                height_px=432,
                name=name,
                folder=folder,
                file=path.name,
                digest=digest_of(data),
                size_bytes=len(data),
            )
        )
    return Rendering(
        variants=tuple(variants),
        blur_up="data:image/webp;base64,UklGRhgAAABXRUJQ+/==",
        dominant="#1a2b3c",
        scrim=Scrim(narrow=42, wide=30, wide_rtl=35, long_narrow=43, long_wide=31, long_wide_rtl=36),
        width_px=1536,
        height_px=864,
    )


def spoil(store: InMemoryStore, number: int, change: Mapping[str, Any]) -> None:
    """Write other values into one file's place in the columns of the record."""
    record: Any = store.get(f"rendering:{KEY}")
    for column, value in change.items():
        values = record["variants"][column].split(" ") if column in TEXTS else record["variants"][column]
        values[number] = value
        record["variants"][column] = " ".join(values) if column in TEXTS else values
    store.set(f"rendering:{KEY}", record)


@pytest.fixture
def store() -> InMemoryStore:
    """The store of names, sizes and digests."""
    return InMemoryStore()


@pytest.fixture
def rendering(tmp_path: Path) -> Rendering:
    """A rendering with files on the disk."""
    return written(tmp_path / "variants")


@pytest.fixture
def cache(tmp_path: Path, store: InMemoryStore, rendering: Rendering) -> RenderingCache:
    """A cache that holds `rendering` under KEY."""
    cache = RenderingCache(tmp_path / "variants", store)
    cache.save(KEY, rendering)
    return cache


def test_rendering_comes_back_as_it_was_saved(cache: RenderingCache, rendering: Rendering) -> None:
    """A rendering reads back with every field of every variant."""
    assert cache.load(KEY) == rendering
    assert cache.keys() == (KEY,)


def test_unknown_rendering_is_none(cache: RenderingCache) -> None:
    """An unknown or removed rendering gives None."""
    assert cache.load("cd" * 32) is None
    cache.remove(KEY)
    cache.remove(KEY)
    assert cache.load(KEY) is None
    assert cache.keys() == ()


def test_folder_may_move(tmp_path: Path, store: InMemoryStore, cache: RenderingCache) -> None:
    """A moved folder keeps its renderings, since names are relative."""
    (tmp_path / "variants").rename(tmp_path / "moved")

    loaded = RenderingCache(tmp_path / "moved", store).load(KEY)

    assert loaded is not None
    assert [variant.path.parent for variant in loaded.variants] == [tmp_path / "moved"] * 3
    with pytest.raises(BrokenEntry):
        cache.load(KEY)


def changed(path: Path) -> None:
    """The file with one changed byte."""
    path.write_bytes(b"?" + path.read_bytes()[1:])


def truncated(path: Path) -> None:
    """The file without its last byte."""
    path.write_bytes(path.read_bytes()[:-1])


def longer(path: Path) -> None:
    """The file with one more byte."""
    path.write_bytes(path.read_bytes() + b"?")


def linked(path: Path) -> None:
    """A link to the right bytes."""
    path.symlink_to(path.rename(path.with_name("elsewhere")))


def made_a_folder(path: Path) -> None:
    """A folder in the file's place."""
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("spoil", [changed, truncated, longer, linked, made_a_folder, Path.unlink])
@pytest.mark.parametrize("number", [0, 2])
def test_file_that_is_not_what_was_written_is_reported(
    cache: RenderingCache, rendering: Rendering, spoil: Callable[[Path], None], number: int
) -> None:
    """One bad file breaks the rendering, and the message names the file."""
    path = rendering.variants[number].path
    spoil(path)

    with pytest.raises(BrokenEntry, match=path.name):
        cache.load(KEY)


@pytest.mark.parametrize(
    "name",
    ["../secret.jpg", "a/b.jpg", "a\\b.jpg", "/etc/x.jpg", "..jpg", ".x.jpg", "a..jpg", "x.html", "x", "x.jpg\n"],
)
@pytest.mark.parametrize("column", ["files", "names"])
def test_name_in_a_crafted_record_stays_in_its_folder(
    tmp_path: Path, store: InMemoryStore, cache: RenderingCache, name: str, column: str
) -> None:
    """A crafted record names no file outside the folder, and nothing but pictures."""
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    spoil(store, 0, {column: name, "digests": digest_of(b"secret"), "sizes_bytes": 6})

    with pytest.raises(BrokenEntry, match="is incomplete"):
        cache.load(KEY)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("placeholder", 'data:image/webp;base64,"onload='),
        ("placeholder", "javascript:alert(1)"),
        ("placeholder", None),
        ("dominant", "red;}"),
        ("scrim", {"narrow": 1, "wide": 1}),
        ("scrim", {"narrow": 1, "wide": 101, "wide_rtl": 1}),
        ("scrim", {"narrow": 1, "wide": "1", "wide_rtl": 1}),
        ("width_px", 0),
        ("height_px", True),
        ("variants", []),
        ("variants", {}),
        ("variants", "hero"),
        ("variants", [["hero"]]),
    ],
)
def test_crafted_record_is_reported(store: InMemoryStore, cache: RenderingCache, field: str, value: Any) -> None:  # noqa: ANN401 - any JSON
    """A record with a value of another type is broken."""
    record: Any = store.get(f"rendering:{KEY}")
    store.set(f"rendering:{KEY}", {**record, field: value})

    with pytest.raises(BrokenEntry, match="is incomplete"):
        cache.load(KEY)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("roles", "x"),
        ("roles", "hero hero"),
        ("formats", "svg"),
        ("formats", ""),
        ("digests", "0"),
        ("digests", "0" * 63 + "g"),
        ("digests", "0" * 65),
        ("digests", "0" * 64 + "\n"),
        ("sizes_bytes", 2**40),
        ("sizes_bytes", 64 * 2**20 + 1),
        ("sizes_bytes", 0),
        ("sizes_bytes", -1),
        ("sizes_bytes", True),
        ("sizes_bytes", 4400.0),
        ("sizes_bytes", "4400"),
        ("sizes_bytes", [4400]),
        ("sizes_bytes", None),
        ("widths_px", 0),
        ("widths_px", 2**16 + 1),
        ("heights_px", 2**16 + 1),
        ("files", "a.jpg b.jpg"),
        ("files", "a.jpg "),
        ("names", "a.jpg b.jpg"),
    ],
)
def test_crafted_variant_is_reported(store: InMemoryStore, cache: RenderingCache, column: str, value: Any) -> None:  # noqa: ANN401 - any JSON
    """A file's value of another type breaks the record."""
    spoil(store, 1, {column: value})

    with pytest.raises(BrokenEntry, match="is incomplete"):
        cache.load(KEY)


@pytest.mark.parametrize("column", ["roles", "formats", "widths_px", "heights_px", "sizes_bytes", "digests", "names"])
@pytest.mark.parametrize("value", [None, 5, "", [], ["hero"], {}, "missing", "one less"])
def test_crafted_column_is_reported(store: InMemoryStore, cache: RenderingCache, column: str, value: Any) -> None:  # noqa: ANN401 - any JSON
    """A column of another type, an empty one or a shorter one breaks the record."""
    record: Any = store.get(f"rendering:{KEY}")
    if value == "missing":
        del record["variants"][column]
    elif value == "one less":
        whole = record["variants"][column]
        record["variants"][column] = whole.rpartition(" ")[0] if column in TEXTS else whole[:-1]
    else:
        record["variants"][column] = value
    store.set(f"rendering:{KEY}", record)

    with pytest.raises(BrokenEntry, match="is incomplete"):
        cache.load(KEY)


def test_one_file_named_twice_is_no_trouble(store: InMemoryStore, cache: RenderingCache, rendering: Rendering) -> None:
    """A rendering with two variants in one file is whole."""
    first = rendering.variants[0]
    spoil(store, 1, {"files": first.file, "digests": first.digest, "sizes_bytes": first.size_bytes})

    loaded = cache.load(KEY)

    assert loaded is not None
    assert [variant.file for variant in loaded.variants[:2]] == [first.file] * 2


def test_files_that_were_loaded_were_seen(cache: RenderingCache, rendering: Rendering) -> None:
    """The cache knows the files that it has verified, and no other file."""
    path = rendering.variants[1].path
    data = path.read_bytes()
    changed(path)
    with pytest.raises(BrokenEntry):
        cache.load(KEY)
    assert cache.file_identities == {}

    path.write_bytes(data)
    assert cache.load(KEY) is not None

    status = {variant.path_text: variant.path.stat() for variant in rendering.variants}
    assert cache.file_identities == {place: (found.st_dev, found.st_ino) for place, found in status.items()}


def test_record_that_is_no_object_is_reported(store: InMemoryStore, cache: RenderingCache) -> None:
    """A record that is a list is broken."""
    store.set(f"rendering:{KEY}", [1])

    with pytest.raises(BrokenEntry, match="is incomplete"):
        cache.load(KEY)


def test_rendering_with_files_elsewhere_is_a_mistake_of_the_caller(cache: RenderingCache, rendering: Rendering) -> None:
    """Saving a rendering with files outside the folder raises."""
    stray = rendering.variants[0]._replace(folder=Path("elsewhere"))

    with pytest.raises(ValueError, match="not in"):
        cache.save(KEY, replace(rendering, variants=(stray,)))
    with pytest.raises(ValueError, match="not the text"):
        cache.save(KEY, replace(rendering, variants=(rendering.variants[0]._replace(name="a/b.jpg"),)))


def test_store_holds_no_path_of_the_machine(tmp_path: Path, store: InMemoryStore, cache: RenderingCache) -> None:
    """The store contains no absolute path."""
    assert cache.keys() == (KEY,)
    assert str(tmp_path) not in json.dumps(store.get(f"rendering:{KEY}"))

"""Measures how long a machine with an empty cache searches a distant team store.

    python tests/benchmarks/bench_store_latency.py [--pages 100 1000] [--latency-ms 20 100 200] [--missing]

Apache serves the pictures (1536 x 864, about 200 KB). A proxy delays every request and every new connection by the
latency. These are printed: seconds, requests, and the seconds that one request after the other would take. With
``--missing``, the store is empty, and two providers are searched for.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import anyio
from anyio.abc import SocketAttribute, SocketStream
from anyio.from_thread import start_blocking_portal
from images import encode
from PIL import Image
from stores import running

from mkdocs_leonardo.spec import PictureRecord, digest_of
from mkdocs_leonardo.storage.pictures import PictureFolder
from mkdocs_leonardo.team.address import StoreAddress
from mkdocs_leonardo.team.object_store import ObjectStore
from mkdocs_leonardo.team.pictures import StoreRights, TeamPictures
from mkdocs_leonardo.team.records import sign_record


class Distance:
    """A proxy that delays everything to `port` by `latency_s`, there and back together."""

    def __init__(self, port: int, latency_s: float) -> None:
        self.requests = 0
        self._port = port
        self._latency_s = latency_s

    async def carry(self, near: SocketStream) -> None:
        """Carry one connection."""
        await anyio.sleep(self._latency_s)
        async with near, await anyio.connect_tcp("127.0.0.1", self._port) as far, anyio.create_task_group() as group:
            group.start_soon(self._pass_on, far, near, group.cancel_scope)
            with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
                while True:
                    request = await near.receive()
                    self.requests += 1
                    await anyio.sleep(self._latency_s)
                    await far.send(request)
            group.cancel_scope.cancel()

    async def _pass_on(self, far: SocketStream, near: SocketStream, connection: anyio.CancelScope) -> None:
        with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
            while True:
                await near.send(await far.receive(2**18))
        # Web servers end a connection after some time or some requests, and clients must learn that.
        connection.cancel()


@contextmanager
def far_away(port: int, latency_s: float) -> Iterator[tuple[int, Distance]]:
    """The port of the proxy."""
    distance = Distance(port, latency_s)
    with start_blocking_portal() as portal:
        listener = portal.call(partial(anyio.create_tcp_listener, local_host="127.0.0.1"))
        serving = portal.start_task_soon(listener.serve, distance.carry)
        yield listener.extra(SocketAttribute.local_port), distance  # noqa: S610 - no Django here
        serving.cancel()


def photograph() -> bytes:
    """A picture of the size and weight that a service delivers."""
    small = Image.frombytes("RGB", (192, 108), random.Random(1).randbytes(192 * 108 * 3))
    return encode(small.resize((1536, 864), Image.Resampling.BICUBIC), quality=68)


def fill(folder: Path, pages: int) -> list[str]:
    """Store a picture for each of this many pages, and return their keys."""
    (folder / "pictures").mkdir(exist_ok=True)
    data = photograph()
    first = folder / "picture"
    first.write_bytes(data)
    keys = [digest_of(str(number).encode()) for number in range(pages)]
    for key in keys:
        record = PictureRecord(key, digest_of(data), "jpg", "leonardo", "phoenix", width_px=1536, height_px=864)
        (folder / f"pictures/{key}.json").write_bytes(sign_record(record, b"secret"))
        os.link(first, folder / f"pictures/{key}-{record.digest[:16]}.jpg")
    return keys


async def look_up(url: str, keys: list[str], *, is_missing: bool, cache: Path) -> int:
    """Search for every picture with an empty cache, all pages at once; return how many are found."""
    rights = StoreRights(secret=b"secret")
    pictures = TeamPictures(ObjectStore(StoreAddress.parse(url), {}), rights)
    folder = PictureFolder(cache)

    def save(record: PictureRecord, data: bytes) -> PictureFolder:
        folder.save(record, data)
        return folder

    async with anyio.create_task_group() as group:
        for key in keys:
            wanted = [(key, "leonardo")]
            if is_missing:
                wanted = [(digest_of(key.encode()), "leonardo"), (digest_of(key[1:].encode()), "openai")]
            group.start_soon(pictures.download_first, wanted, save)
    return pictures.stats.hits


def main() -> int:
    """Print one line for each number of pages and each latency."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pages", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--latency-ms", type=float, nargs="+", default=[20, 100, 200])
    parser.add_argument("--missing", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, running("apache", Path(place) / "store") as store:
        assert store.folder is not None
        address = StoreAddress.parse(store.url)
        keys = fill(store.folder, max(asked.pages))
        print(f"{'pages':>6} {'ms':>5} {'seconds':>8} {'requests':>9} {'one by one':>11}")
        for pages in asked.pages:
            for latency_ms in asked.latency_ms:
                with far_away(int(address.bucket.rpartition(":")[2]), latency_ms / 1000) as (port, distance):
                    url = f"http://127.0.0.1:{port}/{address.prefix}"
                    started = time.monotonic()
                    cache = Path(place) / f"{pages}-{latency_ms}"
                    act = partial(look_up, url, keys[:pages], is_missing=asked.missing, cache=cache)
                    found = anyio.run(act)
                    seconds = time.monotonic() - started
                assert found == (0 if asked.missing else pages), found
                apart_s = distance.requests * latency_ms / 1000
                print(f"{pages:6} {latency_ms:5g} {seconds:8.1f} {distance.requests:9} {apart_s:11.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

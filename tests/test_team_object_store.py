"""The client of real object stores: moto, rclone, Apache and a folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import anyio
import pytest
from local_http import Quiet, serve_http
from stores import BUCKET, KEYS, KINDS, Kind, Outage, TeamStore, gate_to, in_loop, running, silence

from mkdocs_leonardo.errors import BrokenEntry, StoreUnavailable
from mkdocs_leonardo.team import object_store as module
from mkdocs_leonardo.team.address import StoreAddress
from mkdocs_leonardo.team.object_store import ObjectStore


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TeamStore]:
    """An empty store of each kind."""
    with running(request.param, tmp_path / "store") as started:
        yield started


def failure(url: str, environ: dict[str, str] | None = None) -> str:
    """The message of a failed read at an address."""
    address = StoreAddress.parse(url)
    with pytest.raises(StoreUnavailable) as caught:
        in_loop(lambda: ObjectStore(address, environ or {}).get("pictures/a"))
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return str(caught.value)


# What a store does ---------------------------------------------------------------------------------


def test_object_that_was_created_is_read_back_and_listed(store: TeamStore) -> None:
    """A created object is read back and listed with the service's time."""

    async def act() -> None:
        objects = store.objects()
        assert await objects.get("pictures/a") is None
        assert await objects.list("pictures") == {}
        assert await objects.create("pictures/a", b"one")
        assert await objects.get("pictures/a") == b"one"
        assert await objects.create("pictures/b", b"four")
        listed = await objects.list("pictures")
        assert [(name, size_bytes) for name, (_, _, size_bytes) in listed.items()] == [
            ("pictures/a", 3),
            ("pictures/b", 4),
        ]
        assert all(abs(written_at - time.time()) < 60 for _, written_at, _ in listed.values())

    in_loop(act)


def test_create_of_an_object_that_is_there_changes_nothing(store: TeamStore) -> None:
    """The first writer of an object wins, also if the service would overwrite it."""

    async def act() -> None:
        objects = store.objects()
        assert await objects.create("pictures/a", b"one")
        assert not await store.objects().create("pictures/a", b"two")
        assert not await objects.create("pictures/a", b"two")
        assert await objects.create("pictures/a", b"one")
        found = await objects.get("pictures/a")
        assert found is not None
        assert found == b"one"

    in_loop(act)


def test_eight_creates_at_once_have_one_winner_whose_bytes_stay(store: TeamStore) -> None:
    """Of eight simultaneous creates one wins, also if the service ignores the condition or checks it early."""

    async def act() -> None:
        # The first create of a client looks how the service behaves; the later ones know.
        writers = [store.objects() for _ in range(64)]
        won: list[int] = []

        async def write(number: int) -> None:
            if await writers[number].create("pictures/a", b"writer %d" % number, timeout_s=60):
                won.append(number)

        async with anyio.create_task_group() as group:
            for number in range(8):
                group.start_soon(write, number)
        found = await store.objects().get("pictures/a")
        assert found is not None
        assert [b"writer %d" % number for number in won] == [found]

    in_loop(act)


@pytest.mark.parametrize(("kind", "honours"), [("moto", True), ("rclone", False), ("apache", True), ("folder", True)])
def test_service_that_ignores_the_condition_is_noticed_by_its_first_create(
    kind: Kind, tmp_path: Path, *, honours: bool
) -> None:
    """The first create shows whether the service ignores the condition."""

    async def act(objects: ObjectStore) -> None:
        assert objects.honours_preconditions is None
        await objects.create("pictures/a", b"one")
        assert objects.honours_preconditions is honours

    with running(kind, tmp_path / "store") as started:
        started.call(act)


def test_object_is_replaced_and_deleted(store: TeamStore) -> None:
    """An object is replaced or created, and deleted; deleting an absent one is no failure."""

    async def act() -> None:
        objects = store.objects()
        await objects.replace("pictures/a", b"one")
        await objects.replace("pictures/a", b"two")
        found = await objects.get("pictures/a")
        assert found is not None
        assert found == b"two"
        await objects.delete("pictures/a")
        await objects.delete("pictures/a")
        assert await objects.get("pictures/a") is None

    in_loop(act)


def test_object_larger_than_asked_for_is_not_read(store: TeamStore) -> None:
    """An object one byte above the limit is a broken entry."""
    store.write("pictures/a", b"x" * 1001)
    assert len(store.read("pictures/a")) == 1001

    with pytest.raises(BrokenEntry, match="is larger than 1000 bytes"):
        store.call(lambda objects: objects.get("pictures/a", max_bytes=1000))


def test_empty_object_is_found(store: TeamStore) -> None:
    """An empty object is found, and is not taken for an absent one."""
    store.write("pictures/a", b"")

    assert store.read("pictures/a") == b""


# What goes wrong -----------------------------------------------------------------------------------


def test_store_without_a_server_says_so_at_once(tmp_path: Path) -> None:
    """A call to an address without a server fails at once with the address and without its query."""
    with running("moto", tmp_path / "store") as store:
        store.stop()
        message = failure(store.url)

    # The message is another one than "no answer within 10 s".
    assert message == f"{store.url.partition('?')[0]}: cannot be read (it cannot be reached)"


def test_store_that_never_answers_is_given_up() -> None:
    """A call without an answer ends after its time limit."""
    with silence() as url, pytest.raises(StoreUnavailable) as caught:
        in_loop(lambda: ObjectStore(StoreAddress.parse(url), {}).get("a", timeout_s=1.0))

    assert str(caught.value) == f"s3://{BUCKET}: cannot be read (no answer within 1 s)"


def test_store_that_has_not_answered_is_left_alone() -> None:
    """After a call without any answer, later calls fail at once."""

    async def act(objects: ObjectStore) -> None:
        with pytest.raises(StoreUnavailable, match=r"no answer within 0\.5 s"):
            await objects.get("a", timeout_s=0.5)
        with pytest.raises(StoreUnavailable, match=r"not asked again after it failed: no answer within 0\.5 s"):
            await objects.get("a")

    with silence() as url:
        in_loop(lambda: act(ObjectStore(StoreAddress.parse(url), {})))


def test_store_that_answers_one_of_two_calls_is_asked_again() -> None:
    """A call without an answer does not count if a simultaneous one got any answer."""
    is_over = threading.Event()
    asked: list[str] = []

    class Answers(Quiet, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.rpartition("/")[2]
            asked.append(name)
            is_over.wait(30)
            self.send_response(503 if name == "slow" and asked.count(name) <= 6 else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

    async def act(objects: ObjectStore) -> None:
        async def fail() -> None:
            with pytest.raises(StoreUnavailable, match="no answer within"):
                await objects.get("silent", timeout_s=0.5)
            is_over.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(fail)
            assert await objects.get("slow", timeout_s=30.0) is None

    with serve_http(Answers) as url:
        in_loop(lambda: act(ObjectStore(StoreAddress.parse(f"s3://{BUCKET}?endpoint={url}"), KEYS)))


def test_store_that_answered_before_is_asked_again(tmp_path: Path) -> None:
    """A failed call to a store that has answered is repeated, less often after several failures."""
    now_s = 0.0

    async def pause(seconds: float) -> None:
        nonlocal now_s
        now_s += seconds

    async def act() -> int:
        objects = ObjectStore(StoreAddress.parse(started.url), {}, sleep=pause, monotonic=lambda: now_s)
        await objects.get("a")
        started.stop()
        with pytest.raises(StoreUnavailable):
            await objects.get("a")
        return objects.failures

    with running("apache", tmp_path / "store") as started:
        failures = in_loop(act)

    assert module.OUTAGE_S <= now_s < module.OUTAGE_S + 2 * module.RETRY_S
    assert module.MOST_FAILURES < failures < module.OUTAGE_S / module.RETRY_S


@pytest.mark.parametrize("kind", ["moto", "rclone"])
def test_bucket_that_does_not_exist_is_no_missing_object(kind: Kind, tmp_path: Path) -> None:
    """An unknown bucket is a failure and not an absent object."""
    with running(kind, tmp_path / "store") as store:
        mistyped = store.url.replace(BUCKET, "heros")
        message = failure(mistyped)

    assert message == f"{mistyped.partition('?')[0]}: cannot be read (there is no such bucket)"


def test_wrong_keys_are_reported_without_the_keys(tmp_path: Path) -> None:
    """The message about wrong keys does not contain them."""
    with running("rclone", tmp_path / "store") as store:
        store.stop()
    other = {**KEYS, "AWS_SECRET_ACCESS_KEY": "wrong"}
    with running("rclone", tmp_path / "other", keys=other) as store:
        message = failure(store.url)

    assert message.startswith(f"s3://{BUCKET}/team: cannot be read (SignatureDoesNotMatch: the secret key does not")
    assert not any(secret in message for secret in KEYS.values() if secret != KEYS["AWS_REGION"])


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (400, "<Error><Code>ExpiredToken</Code></Error>", "ExpiredToken: the session of these credentials has expired"),
        (403, "<Error><Code>InvalidAccessKeyId</Code></Error>", "InvalidAccessKeyId: it does not know this access key"),
        (403, "<Error><Code>RequestTimeTooSkewed</Code></Error>", "RequestTimeTooSkewed: this machine's clock is"),
        (403, "<Error><Code>AccessDenied</Code></Error>", "403: not allowed"),
        (
            400,
            "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-3</Region></Error>",
            "AuthorizationHeaderMalformed: the bucket is in eu-west-3; write ?region=eu-west-3 behind the address",
        ),
        (301, "<Error><Code>PermanentRedirect</Code></Error>", "the bucket is in another region"),
        (
            400,
            "<Error><Code>InvalidBucketName</Code><Message>secret</Message></Error>",
            "it answers 400, Invalid",
        ),
        (200, "\n<!DOCTYPE html><html><title>Log in</title></html>", "the server there is no object store"),
        (404, "<html>nothing here</html>", "the server there is no object store"),
        (404, '{"detail": "Not Found"}', "the server there is no object store"),
    ],
)
def test_answer_that_names_its_cause_is_reported_with_its_fix(status: int, body: str, reason: str) -> None:
    """The message about a failed call has the fix for the answer's code, and nothing else of the answer."""
    address = f"s3://{BUCKET}/team?endpoint=http://127.0.0.1:1"
    with gate_to(TeamStore("moto", address)) as gate:
        gate.outage = Outage(status, body=body.encode())
        message = failure(gate.url)

    assert message.startswith(f"s3://{BUCKET}/team: cannot be read ({reason}")
    assert "secret" not in message


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("reader", "403: not allowed"),
        ("full", "507: it is full"),
        ("gone", "the folder in its address"),
    ],
)
def test_web_server_that_takes_no_writes_says_why(path: str, reason: str, tmp_path: Path) -> None:
    """A refused write has different messages for forbidden, full and absent folders."""
    with running("apache", tmp_path / "store") as store:
        store.write("pictures/a", b"one")
        address = StoreAddress.parse(store.url.replace("/team", f"/{path}"))
        for act in (
            lambda: ObjectStore(address, {}).create("pictures/b", b"two"),
            lambda: ObjectStore(address, {}).replace("pictures/b", b"two"),
        ):
            with pytest.raises(StoreUnavailable) as caught:
                in_loop(act)
            # On a busy machine, one call's tries are enough for the store to be left alone.
            message = str(caught.value).replace("not asked again after it failed: ", "")
            assert message.startswith(f"{address}: cannot be written ({reason}")
        assert store.names() == ["pictures/a"]


def test_folder_that_is_not_mounted_is_not_made(tmp_path: Path) -> None:
    """An absent network folder is a failure and is not created."""
    place = tmp_path / "mount"

    assert failure(place.as_uri()) == f"{place.as_uri()}: cannot be read (No such file or directory)"
    with pytest.raises(StoreUnavailable):
        in_loop(lambda: ObjectStore(StoreAddress.parse(place.as_uri()), {}).create("pictures/a", b"one"))
    assert not place.exists()


_HUNG = """
import sys, time
import anyio
from obstore import store
from mkdocs_leonardo.errors import StoreUnavailable
from mkdocs_leonardo.team.address import StoreAddress
from mkdocs_leonardo.team.object_store import ObjectStore

class Hangs:
    def __init__(self, path):
        time.sleep(120)

store.LocalStore = Hangs

async def main():
    try:
        await ObjectStore(StoreAddress.parse("file:///mnt/gone"), {}).get("a", timeout_s=1)
    except StoreUnavailable as error:
        print(error)

anyio.run(main)
"""


def test_network_folder_that_hangs_does_not_hold_up_the_end_of_the_process() -> None:
    """A hanging read of a network folder does not delay the end of the process."""
    ran = subprocess.run([sys.executable, "-c", _HUNG], capture_output=True, text=True, timeout=60, check=False)

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.strip() == "file:///mnt/gone: cannot be read (no answer within 1 s)"


def test_web_store_gets_its_authorization_from_the_environment(tmp_path: Path) -> None:
    """The Authorization header comes from the environment, and no message has it."""
    environ = {module.AUTHORIZATION_VARIABLE: "Bearer open-sesame"}
    with running("apache", tmp_path / "store") as store:
        store.write("pictures/a", b"one")
        address = StoreAddress.parse(store.url.replace("/team", "/guarded"))

        assert in_loop(lambda: ObjectStore(address, environ).get("pictures/a")) is not None
        message = failure(str(address), {module.AUTHORIZATION_VARIABLE: "Bearer guess"})

    assert "403" in message
    assert "guess" not in message


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"])
def test_endpoint_comes_from_the_environment_where_the_address_has_none(name: str, tmp_path: Path) -> None:
    """An address without an endpoint uses the environment's, also with plain http."""
    with running("moto", tmp_path / "store") as store:
        store.write("pictures/a", b"one")
        bare, _, query = store.url.partition("?endpoint=")
        endpoint = {name: query.partition("&")[0]}
        code = (
            "import asyncio, os\n"
            "from mkdocs_leonardo.team.address import StoreAddress\n"
            "from mkdocs_leonardo.team.object_store import ObjectStore\n"
            f"objects = ObjectStore(StoreAddress.parse({bare!r}), os.environ)\n"
            "async def look():\n"
            "    print((await objects.get('pictures/a')).decode())\n"
            "    await objects.aclose()\n"
            "asyncio.run(look())\n"
        )
        # In a process of its own: the client reads the environment of the process.
        printed = subprocess.check_output(
            [sys.executable, "-c", code], env={**os.environ, **KEYS, **endpoint}, text=True
        )

    assert printed == "one\n"


@pytest.mark.parametrize("text", ["minio:9000", "minio.local", "http://minio:99999", "https://key:secret@minio"])
@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"])
def test_endpoint_that_is_no_address_is_named_with_its_fix(name: str, text: str) -> None:
    """A malformed endpoint is an error with the variable and the fix, without its value."""
    message = failure("s3://heroes/team", {**KEYS, name: text})

    assert message == (
        f"s3://heroes/team: cannot be read ({name} must be an address without credentials, such as "
        "https://s3.example.com)"
    )


def test_process_that_ends_right_after_its_last_call_ends_well(tmp_path: Path) -> None:
    """A process that ends right after its last call does not abort, twenty times on busy cores."""
    (tmp_path / "store/pictures").mkdir(parents=True)
    (tmp_path / "store/pictures/a").write_bytes(b"one")
    code = (
        "import anyio, os\n"
        "from mkdocs_leonardo.team.address import StoreAddress\n"
        "from mkdocs_leonardo.team.object_store import ObjectStore\n"
        f"objects = ObjectStore(StoreAddress.parse({(tmp_path / 'store').as_uri()!r}), os.environ)\n"
        "async def look():\n"
        "    async with anyio.create_task_group() as group:\n"
        "        for _ in range(64):\n"
        "            group.start_soon(objects.get, 'pictures/a')\n"
        "    await objects.aclose()\n"
        "anyio.run(look)\n"
    )

    def end(_number: int) -> int:
        return subprocess.run([sys.executable, "-c", code], check=False).returncode

    with ThreadPoolExecutor(4) as processes:
        assert set(processes.map(end, range(20))) == {0}


# Addresses -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("s3://bucket", "s3://bucket"),
        ("s3://bucket/a/b/?endpoint=https://s3.example.com&region=eu-central-1", "s3://bucket/a/b"),
        ("s3://bucket/a?endpoint=http://minio:9000", "s3://bucket/a"),
        ("gs://bucket/heroes", "gs://bucket/heroes"),
        ("az://container/heroes", "az://container/heroes"),
        ("https://dav.example.com:8443/heroes/", "https://dav.example.com:8443/heroes"),
        ("http://127.0.0.1:8080/heroes", "http://127.0.0.1:8080/heroes"),
        ("file:///mnt/heroes", "file:///mnt/heroes"),
        ("file:///mnt/our%20heroes", "file:///mnt/our heroes"),
    ],
)
def test_address_is_read_and_shown_without_its_query(text: str, shown: str) -> None:
    """An address is shown without its query."""
    assert str(StoreAddress.parse(text)) == shown


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("bucket/heroes", "must begin with s3://"),
        ("ftp://host/heroes", "must begin with s3://"),
        ("http://dav.example.com/heroes", "must begin with https://"),
        ("s3://", "names no bucket"),
        ("s3:///heroes", "names no bucket"),
        ("s3://bucket:9000/heroes", "has no port"),
        ("s3://key:secret@bucket/heroes", "no credentials"),
        ("https://user:secret@host/heroes", "no credentials"),
        ("https:///heroes", "names no host"),
        ("s3://bucket/heroes?secret=secret", "only endpoint and region may stand"),
        ("s3://bucket/heroes?endpoint=https://key:secret@host", "endpoint must be an address"),
        ("s3://bucket/heroes?endpoint=minio:9000", "endpoint must be an address"),
        ("s3://bucket/heroes?region=a b", "region cannot be read"),
        ("az://container/heroes?sig=secret", "nothing may stand behind the ?"),
        ("https://host/heroes?token=secret", "nothing may stand behind the ?"),
        ("s3://bucket/../secret", "no .. and no empty part"),
        ("s3://bucket/%2e%2e/secret", "no .. and no empty part"),
        ("s3://bucket/a//b", "no .. and no empty part"),
        ("s3://bucket/heroes#secret", "no #"),
        ("file://host/heroes", "three slashes"),
        ("file:///", "from the root"),
        ("https://[::1/heroes", "cannot be read as an address"),
    ],
)
def test_address_that_cannot_be_used_is_refused_without_repeating_it(text: str, fix: str) -> None:
    """The message about an unusable address does not repeat it."""
    with pytest.raises(ValueError, match=re.escape(fix)) as caught:
        StoreAddress.parse(text)

    assert "secret" not in str(caught.value)

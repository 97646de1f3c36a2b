"""Whole builds on machines that share nothing but an object store."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from builds import Built, Site, page
from cli_rig import Shell
from services import API_KEYS, AnyServices, Picture, Services, shows
from services.pictures import draw
from serving import serving
from stores import KEYS, WRITER, Kind, Outage, TeamStore, gate_to, running, silence

from mkdocs_leonardo.renderer import inspect_image
from mkdocs_leonardo.spec import PictureRecord, digest_of
from mkdocs_leonardo.team.object_store import MOST_FAILURES
from mkdocs_leonardo.team.records import sign_record

PROMPTS = {"index.md": "a lighthouse in a storm", "a.md": "a harbour at dusk", "b.md": "a bridge in the fog"}
PAGES = {name: page(name, hero_prompt=prompt) for name, prompt in PROMPTS.items()}
QUICK: dict[str, object] = {
    "formats": ["jpeg"],
    "social": False,
    "leonardo": {"render_estimate": 0.2, "requests_per_minute": 100_000},
}
NO_KEYS = dict.fromkeys(API_KEYS, "")
SECRET = {"MKDOCS_LEONARDO_STORE_SECRET": "the team's secret"}


@dataclass
class Runners:
    """Machines of a team, each with an empty cache."""

    folder: Path
    services: AnyServices
    number: int = 0

    def site(self, url: str, pages: Mapping[str, str] = PAGES) -> Site:
        """A checkout on a machine that has never built it."""
        self.number += 1
        return Site(self.folder / str(self.number), dict(pages), {**QUICK, "shared_store": url})

    def build(self, store: TeamStore, *environs: Mapping[str, str], **options: object) -> Built:
        """The site built on a new machine."""
        environ = dict(store.environ)
        for more in environs:
            environ |= more
        return self.site(store.url).build(self.services, options=options, environ=environ)


@pytest.fixture
def runners(tmp_path: Path, services: Services) -> Runners:
    """Machines that have built nothing."""
    return Runners(tmp_path / "runners", services)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TeamStore]:
    """A store that honours conditions."""
    with running("moto", tmp_path / "store") as started:
        yield started


def picture_on(built: Built, source: str) -> bytes:
    """The picture in the site that a page shows."""
    key = built.hero(source)["key"]
    return built.asset(f"{key}-480.jpg")


# Paid once -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["moto", "rclone", "apache"])
def test_second_machine_pays_nothing(kind: Kind, tmp_path: Path, runners: Runners) -> None:
    """A second machine shows the first one's pictures, with and without keys, and the summary says so."""
    with running(kind, tmp_path / "store") as store:
        first = runners.build(store, WRITER)
        second = runners.build(store, NO_KEYS, generate=False)

    assert first.exit_code == 0
    assert first.totals["generated"] == 3
    assert first.report["store"] == {"hits": 0, "misses": 3, "writes": 3, "refusals": 0, "failures": 0}
    assert "; 3 new images, " in first.log
    assert "; store: 3 missing, 3 added\n" in first.log
    assert second.sources == dict.fromkeys(PAGES, "cached")
    assert second.report["store"] == {"hits": 3, "misses": 0, "writes": 0, "refusals": 0, "failures": 0}
    assert "leonardo: 3 heroes: 3 cached; store: 3 found\n" in second.log
    assert second.warnings == []
    assert all(shows(picture_on(second, name), prompt) for name, prompt in PROMPTS.items())
    assert runners.services.ledger.paid_jobs == 3


def test_picture_of_the_team_that_cannot_be_kept_is_shown_all_the_same(tmp_path: Path, runners: Runners) -> None:
    """A machine that cannot store the team's picture shows it, and says so without a warning."""
    with running("folder", tmp_path / "store") as store:
        runners.build(store, WRITER)
        (tmp_path / "cache").mkdir()
        (tmp_path / "cache/pictures").write_text("in the way", encoding="utf-8")
        built = runners.build(store, NO_KEYS, cache_dir=str(tmp_path / "cache"))
    assert built.exit_code == 0, built.log
    assert built.warnings == []
    assert "; store: 3 found\n" in built.log
    assert "index.md: its image is the team's, and could not be stored in the cache (" in built.log
    assert built.html("index.html").count('data-provider="leonardo"') == 1
    assert runners.services.ledger.paid_jobs == 3


def test_commands_find_what_the_team_has_before_they_ask_for_money_or_give_up(tmp_path: Path, runners: Runners) -> None:
    """`generate` and `pin` look into the store, also without a key; commands without connections do not."""
    with running("folder", tmp_path / "store") as store:
        bought = {name: PAGES[name] for name in ("index.md", "a.md")}
        runners.site(store.url, bought).build(runners.services, environ={**store.environ, **WRITER})
        author = Shell(runners.site(store.url), runners.services, store.environ)
        keyless = Shell(runners.site(store.url), runners.services, {**store.environ, **NO_KEYS})
        fresh = Shell(runners.site(store.url), runners.services, {**store.environ, **NO_KEYS})

        assert "3 missing" in keyless("status").out
        assert "2 images found" not in keyless("generate", "--dry-run").out
        made = keyless("generate", "--yes")
        assert made.exit_code == 1
        assert made.out == "2 images found in the team's store\nnothing was made: 2 of 3 heroes are stored\n"
        assert "1 image is missing and cannot be made" in made.err
        assert "2 cached, 1 missing" in keyless("status").out
        assert "2 heroes copied to heroes, 0 there already, 1 missing" in fresh("pin").out

        assert "1 new image from leonardo: about $0.022," in author("generate", "--yes").out
        assert runners.services.ledger.paid_jobs == 3


def test_warm_build_does_not_ask_the_store(store: TeamStore, runners: Runners) -> None:
    """A warm build sends the store no request, so it succeeds while the store is gone."""
    runners.build(store, WRITER)
    site = runners.site(store.url)
    site.build(runners.services, environ=store.environ)
    store.stop()

    warm = site.build(runners.services, "--strict", environ=store.environ)

    assert warm.exit_code == 0
    assert warm.sources == dict.fromkeys(PAGES, "cached")
    assert "leonardo: 3 heroes: 3 cached; store: not needed\n" in warm.log
    assert runners.services.ledger.paid_jobs == 3


def test_machine_without_the_right_adds_nothing(store: TeamStore, runners: Runners) -> None:
    """A machine without the permission to write, such as a pull request's, adds nothing to the store."""
    built = runners.build(store)

    assert built.totals["generated"] == 3
    assert built.report["store"]["writes"] == 0
    assert store.names() == []


def without_client(folder: Path) -> Mapping[str, str]:
    """The environment of a machine without the extra `team`."""
    (folder / "sitecustomize.py").write_text("import sys\nsys.modules['obstore'] = None\n", encoding="utf-8")
    return {"PYTHONPATH": str(folder)}


def test_site_without_a_store_says_nothing_of_one_and_needs_no_client(tmp_path: Path, services: Services) -> None:
    """Without `shared_store`, summary and report do not mention a store, and no client is needed."""
    site = Site(tmp_path, {"index.md": PAGES["index.md"]}, QUICK)
    built = site.build(services, environ=without_client(tmp_path))

    assert built.exit_code == 0, built.log
    assert built.sources == {"index.md": "generated"}
    assert "store" not in built.report
    assert "store:" not in built.log


# Forged pictures ----------------------------------------------------------------------------------


def test_forged_pictures_are_on_no_page(store: TeamStore, runners: Runners) -> None:
    """Forged records are shown on no page, and their pictures bought again only with `on_store_failure: generate`."""
    runners.build(store, WRITER, SECRET)
    foreign = draw("a foreign image", "", 1536, 864, Picture())
    decoded = inspect_image(foreign)
    for name in [name for name in store.names() if name.endswith(".json")]:
        values = json.loads(store.read(name))
        forged = PictureRecord(
            key=values["key"],
            digest=digest_of(foreign),
            extension="jpg",
            provider=values["provider"],
            model=values["model"],
            width_px=decoded.width_px,
            height_px=decoded.height_px,
        )
        store.write(f"pictures/{forged.key}-{forged.digest[:16]}.jpg", foreign)
        store.write(name, sign_record(forged, b"a guess"))

    painted = runners.build(store, NO_KEYS, SECRET)
    assert painted.exit_code == 0
    assert painted.sources == dict.fromkeys(PAGES, "local")
    assert painted.report["store"]["refusals"] == 3
    assert "is signed with another secret, or was changed; it is not shown" in painted.log
    assert not any(shows(picture_on(painted, name), "a foreign image") for name in PROMPTS)

    careful = runners.build(store, WRITER, SECRET)
    assert careful.sources == dict.fromkeys(PAGES, "local")
    assert runners.services.ledger.creates == 3
    assert len(careful.warnings) == 3
    for name in PROMPTS:
        assert any(name in text and "restore the object or delete it" in text for text in careful.warnings)

    mended = runners.build(store, WRITER, SECRET, on_store_failure="generate")
    assert mended.report["store"] == {"hits": 0, "misses": 0, "writes": 3, "refusals": 3, "failures": 0}
    assert runners.build(store, NO_KEYS, SECRET).sources == dict.fromkeys(PAGES, "cached")


# Failing stores ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "reason"), [("closed", "403"), ("full", "507"), ("", "reached")])
def test_store_that_fails_is_one_warning_and_a_build_that_goes_on(
    path: str, reason: str, tmp_path: Path, runners: Runners
) -> None:
    """A store that refuses, is full or is down is one warning; with `generate`, every page gets its hero."""
    with running("apache", tmp_path / "store") as store:
        store.url = store.url.replace("/team", f"/{path}")
        if not path:
            store.stop()
        built = runners.build(store, WRITER, on_store_failure="generate")

    assert built.exit_code == 0
    assert built.totals["generated"] == 3
    assert len(built.warnings) == 1
    assert reason in built.warnings[0]
    assert built.warnings[0].startswith("shared_store http://127.0.0.1:")
    assert "the build goes on, and pays for what other machines may have paid for" in built.warnings[0]
    assert built.report["store"]["failures"] >= MOST_FAILURES
    assert not built.has_traceback


def test_store_that_never_answers_holds_a_build_up_for_one_call_only(runners: Runners) -> None:
    """A store that never answers delays the build by one timeout for all pages, with one warning."""
    environ = {**KEYS, **WRITER}
    with silence() as url:
        options = {"on_store_failure": "generate"}
        built = runners.site(url).build(runners.services, "--strict", options=options, environ=environ)

    assert built.exit_code == 1
    assert built.totals["generated"] == 3
    assert len(built.warnings) == 1
    assert "(no answer " in built.warnings[0]


def test_store_that_is_cut_off_half_way_does_not_end_the_build(store: TeamStore, runners: Runners) -> None:
    """A store that fails during the build ends neither the build nor its paid pictures, and no other is paid for."""
    pages = {f"{number}.md": page(str(number), hero_prompt=f"harbour {number}") for number in range(12)}
    pages["index.md"] = PAGES["index.md"]
    site = runners.site(store.url, pages)
    options = {"concurrency": 2}
    with site.building(runners.services, options=options, environ={**store.environ, **WRITER}) as process:
        runners.services.wait_until(lambda ledger: ledger.creates >= 4)
        store.stop()
        log, _ = process.communicate(timeout=90)
    built = Built(process.returncode, log, site.folder)

    assert built.exit_code == 0
    assert 4 <= built.totals["generated"] == runners.services.ledger.creates < 13
    assert set(built.sources.values()) == {"generated", "local"}
    assert len(built.warnings) == 2
    assert "the team's store cannot say whether another machine has paid for it" in built.warnings[1]
    assert built.report["store"]["failures"] >= MOST_FAILURES
    assert runners.services.ledger.paid_twice() == ()


# In preview ----------------------------------------------------------------------------------------


def test_preview_opens_no_connection_to_the_store(tmp_path: Path, services: Services) -> None:
    """A preview with `on_serve: cached` opens no connection to the store."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        url = f"s3://heroes?endpoint=http://127.0.0.1:{server.getsockname()[1]}"
        site = Site(tmp_path, {"index.md": PAGES["index.md"]}, {**QUICK, "shared_store": url})
        with serving(site, services, environ=KEYS) as preview:
            preview.wait_until(lambda: 'data-provider="local"' in preview.html())
        with pytest.raises(BlockingIOError):
            server.accept()


def test_preview_that_generates_looks_into_the_store_before_it_pays(store: TeamStore, runners: Runners) -> None:
    """A generating preview shows the team's picture without paying."""
    runners.build(store, WRITER)
    site = Site(runners.folder / "preview", dict(PAGES), {**QUICK, "shared_store": store.url, "on_serve": "generate"})

    with serving(site, runners.services, environ=KEYS) as preview:
        preview.wait_until(lambda: 'data-provider="leonardo"' in preview.html())

    assert runners.services.ledger.paid_jobs == len(PAGES)


# Messages to authors -------------------------------------------------------------------------------


def test_missing_client_stops_the_build_before_anything_is_paid(tmp_path: Path, runners: Runners) -> None:
    """A build with `shared_store` and without the extra `team` stops before it pays."""
    built = runners.site("s3://heroes/team").build(runners.services, environ=without_client(tmp_path))

    assert built.exit_code == 1
    assert "shared_store: its client is not installed; pip install 'mkdocs-leonardo[team]'" in built.log
    assert not built.has_traceback
    assert runners.services.ledger.creates == 0


def test_address_with_credentials_is_refused_without_repeating_them(runners: Runners) -> None:
    """A store address with credentials is refused by a message that does not repeat them."""
    built = runners.site("s3://AKID:hunter2@heroes/team").build(runners.services)

    assert built.exit_code == 1
    assert "it must hold no credentials; they come from the environment" in built.log
    assert "hunter2" not in built.log


def remarks(runners: Runners, url: str, environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """The lines of `doctor` about the store."""
    ran = Shell(runners.site(url), None, {**KEYS, **environ})("doctor", "--json")
    return [(line["grade"], line["text"]) for line in ran.json["findings"] if line["subject"] == "shared_store"]


@pytest.mark.parametrize(("kind", "words"), [("moto", "the first one for a key stays"), ("rclone", "ignores If-None")])
def test_doctor_tries_what_a_writer_can_do(kind: Kind, words: str, tmp_path: Path, runners: Runners) -> None:
    """`doctor` reports that a writer can read, write, sign and create conditionally, and leaves nothing there."""
    with running(kind, tmp_path / "store") as store:
        found = remarks(runners, store.url, {**WRITER, **SECRET})
        assert store.names("claims") == []

    assert [grade for grade, _ in found] == ["ok", "ok" if kind == "moto" else "note", "ok"]
    assert "can be read" in found[0][1]
    assert words in found[1][1]
    assert "only signed images are believed" in found[2][1]


def test_doctor_tells_of_a_store_that_cannot_be_listed(tmp_path: Path, runners: Runners) -> None:
    """`doctor` reports a store that cannot be listed, since machines cannot see each other's leases."""
    with running("apache", tmp_path / "store") as store:
        found = remarks(runners, store.url.replace("/team", "/unlisted"), {**WRITER, **SECRET})
        assert store.names("claims") == []

    assert [grade for grade, _ in found] == ["ok", "ok", "bad", "ok"]
    assert "cannot be listed (403" in found[2][1]
    assert "machines that build at the same moment cannot see each other's work" in found[2][1]


@pytest.mark.parametrize("answer", [b"<!DOCTYPE html><title>Log in</title>", b'{"status": "ok"}'])
def test_doctor_tells_of_what_is_no_object_store(runners: Runners, answer: bytes) -> None:
    """`doctor` reports an address that answers with a web page."""
    url = "s3://heroes/team?endpoint=http://127.0.0.1:1"
    with gate_to(TeamStore("moto", url)) as gate:
        gate.outage = Outage(200, body=answer)
        found = remarks(runners, gate.url, {})

    assert [grade for grade, _ in found] == ["bad", "note"]
    assert "the server there is no object store" in found[0][1]


def test_doctor_tells_of_missing_rights_and_secrets(tmp_path: Path, runners: Runners) -> None:
    """`doctor` notes a missing secret, and reports a missing permission and an unreachable store as bad."""
    with running("apache", tmp_path / "store") as store:
        reader = remarks(runners, store.url, {})
        forbidden = remarks(runners, store.url.replace("/team", "/reader"), WRITER)
        store.stop()
        gone = remarks(runners, store.url, {})

    assert [grade for grade, _ in reader] == ["ok", "note", "note"]
    assert "MKDOCS_LEONARDO_STORE_WRITE is not 1" in reader[1][1]
    assert "anyone who can write to the store decides what pages show" in reader[2][1]
    assert [grade for grade, _ in forbidden] == ["ok", "bad", "note"]
    assert [grade for grade, _ in gone] == ["bad", "note"]

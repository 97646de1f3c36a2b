"""The failure table in whole builds: one site on which every failure of a service happens once."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from builds import BUILD_TIMEOUT_S, Built, Site, page
from services import (
    LEONARDO_KEY,
    TO_FILE,
    TO_FOREIGN_HOST,
    TO_FOREIGN_HOST_IN_CLEAR,
    TO_ITSELF,
    TO_METADATA_ADDRESS,
    TO_OTHER_PORT,
    TO_PRIVATE_ADDRESS,
    UNKNOWN_LEONARDO_KEY,
    Answer,
    Answer429,
    Answer500,
    AnyServices,
    BadBase64,
    Behaviour,
    BillingLimitReached,
    CompletesWithoutImages,
    CompletesWithUrl,
    CutAfterHeaders,
    CutAfterRead,
    CutBeforeRead,
    CutMidAnswer,
    Drip,
    Fails,
    HalfPicture,
    HugeBody,
    LedgerView,
    LostAnswer,
    MarkedNsfw,
    ModelNotFound,
    ModelWithdrawn,
    ModerationBlocked,
    NeverFinishes,
    NoPicture,
    NotAPicture,
    NotEnoughTokens,
    OrganisationNotVerified,
    PendingQueueFull,
    Picture,
    PixelBomb,
    PromptModerated,
    QuotaUsedUp,
    Redirect,
    Services,
    Slow,
    Unparsable,
    Vanishes,
    shows,
)
from services.script import RuleHandle

from mkdocs_leonardo.concurrency import MOST_QUEUED

Provider = Literal["leonardo", "openai", "local"]

#: Small and quick: these tests are not about encoding.
PLAIN: dict[str, object] = {"formats": ["jpeg"], "social": False, "max_new_images": 500, "concurrency": 100}

#: The smallest pictures, for tests of many.
SMALL: dict[str, object] = {"width": 512, "height": 288}

#: Of Leonardo: no limit that a test would have to wait for, and a deadline that a busy machine does not miss.
UNHURRIED = {"timeout": 300, "render_estimate": 0.2, "requests_per_minute": 100_000}
#: Where what happens is the deadline.
HASTY = {**UNHURRIED, "timeout": 1.5}
#: Of a day on which some pages meet the deadline: late ones, and those that a busy machine must not make late.
DEADLINES: dict[bool, dict[str, object]] = {
    False: {"leonardo": UNHURRIED, "openai": {"timeout": 300}},
    True: {"leonardo": {**UNHURRIED, "timeout": 10}, "openai": {"timeout": 10}},
}


@dataclass(frozen=True)
class Row:
    """One page, and the failures of its picture. `creates` and `paid` count both services.

    `said` is a part of the report's attempts. `later` is the provider of the picture in the next build, when all is
    well. `is_late` if a service's timeout ends the attempt. `is_alone` puts the page on a site of its own if OpenAI is
    down for it, since a second such page would be an outage.
    """

    name: str
    happens: Callable[[Services], tuple[RuleHandle, ...]]
    gives: Provider
    creates: int
    paid: int
    said: str = ""
    later: Provider | None = None
    is_late: bool = False
    is_alone: bool = False

    @property
    def source(self) -> str:
        """The page's source file."""
        return f"{self.name}.md"

    @property
    def prompt(self) -> str:
        """The page's prompt, which no other page's prompt contains."""
        return f"<{self.name}>"

    @property
    def site(self) -> str:
        """The name of the site with the page."""
        if self.is_alone:
            return self.name
        return "late" if self.is_late else "others"

    def arrange(self, services: Services) -> None:
        """Put the rules in force for this page."""
        for rule in self.happens(services):
            rule.when_prompt(self.prompt)


def create(*behaviours: Behaviour) -> Callable[[Services], tuple[RuleHandle, ...]]:
    """Rules for Leonardo's create calls."""
    return lambda services: tuple(services.leonardo.on_create(each) for each in behaviours)


def create_once(*behaviours: Behaviour) -> Callable[[Services], tuple[RuleHandle, ...]]:
    """Rules for Leonardo's first create call."""
    return lambda services: tuple(services.leonardo.on_create(each).once() for each in behaviours)


def poll(*behaviours: Behaviour) -> Callable[[Services], tuple[RuleHandle, ...]]:
    """Rules for Leonardo's polls, in turn, or one rule for all."""
    return lambda services: (services.leonardo.on_poll(*behaviours),)


def download(*behaviours: Behaviour) -> Callable[[Services], tuple[RuleHandle, ...]]:
    """Rules for downloads, in turn, or one rule for all."""
    return lambda services: (services.leonardo.on_download(*behaviours),)


def download_once(behaviour: Behaviour) -> Callable[[Services], tuple[RuleHandle, ...]]:
    """A rule for the first download."""
    return lambda services: (services.leonardo.on_download(behaviour).once(),)


def openai(*behaviours: Behaviour) -> Callable[[Services], tuple[RuleHandle, ...]]:
    """Rules for OpenAI's calls, in turn, or one rule for all."""
    return lambda services: (services.openai.on_create(*behaviours),)


def openai_once(behaviour: Behaviour) -> Callable[[Services], tuple[RuleHandle, ...]]:
    """A rule for OpenAI's first call."""
    return lambda services: (services.openai.on_create(behaviour).once(),)


def leonardo_fails_and_openai(behaviour: Behaviour) -> Callable[[Services], tuple[RuleHandle, ...]]:
    """Rules: Leonardo's job fails, and OpenAI answers so."""
    return lambda services: (services.leonardo.on_create(Fails()), services.openai.on_create(behaviour))


ROWS = (
    Row("well", lambda _: (), "leonardo", creates=1, paid=1, said="leonardo: generated"),
    # The create call.
    Row("500-once", create_once(Answer500()), "leonardo", creates=2, paid=1, said="answered 500"),
    Row("500-always", create(Answer500()), "openai", creates=3, paid=1, said="answered 500"),
    Row(
        "500-but-accepted", create_once(LostAnswer()), "leonardo", creates=1, paid=1, said="accepted the job after all"
    ),
    Row("502-but-accepted", create_once(LostAnswer(502)), "leonardo", creates=1, paid=1, said="after all"),
    Row("503-once", create_once(Answer500(status=503)), "leonardo", creates=2, paid=1, said="answered 503"),
    Row("cut-before-read-once", create_once(CutBeforeRead()), "leonardo", creates=2, paid=1),
    Row("cut-before-read-always", create(CutBeforeRead()), "openai", creates=3, paid=1),
    Row("cut-after-read", create_once(CutAfterRead()), "leonardo", creates=1, paid=1, said="after all"),
    Row("cut-after-headers", create_once(CutAfterHeaders()), "leonardo", creates=1, paid=1, said="after all"),
    Row("cut-mid-answer", create_once(CutMidAnswer()), "leonardo", creates=1, paid=1, said="after all"),
    Row("unparsable", create_once(Unparsable()), "leonardo", creates=1, paid=1, said="after all"),
    Row("400-of-shape", create(Answer(400, {"error": "bad width"})), "openai", creates=2, paid=1, said="bad width"),
    Row("refused-400", create(PromptModerated()), "local", creates=1, paid=0, said="refuses", later="local"),
    Row("refused-403", create(PromptModerated(403)), "local", creates=1, paid=0, said="refuses", later="local"),
    # The job.
    Row("failed", create(Fails()), "openai", creates=2, paid=1, said="status FAILED"),
    Row(
        "never-finished",
        create(NeverFinishes()),
        "openai",
        creates=2,
        paid=2,
        said="not finished",
        later="leonardo",
        is_late=True,
    ),
    Row(
        "without-picture",
        create(CompletesWithoutImages()),
        "openai",
        creates=2,
        paid=2,
        said="without an image",
        is_late=True,
    ),
    Row("null-url", create(CompletesWithUrl()), "openai", creates=2, paid=2, said="without an image", is_late=True),
    Row("nsfw", create(MarkedNsfw()), "local", creates=1, paid=1, said="not safe", later="local"),
    Row(
        "adopted-nsfw",
        create_once(LostAnswer(), MarkedNsfw()),
        "local",
        creates=1,
        paid=1,
        said="not safe",
        later="local",
    ),
    Row("vanished", create(Vanishes()), "openai", creates=2, paid=2, said="does not know the job", is_late=True),
    Row("private-url", create(CompletesWithUrl(url=TO_PRIVATE_ADDRESS)), "openai", creates=2, paid=2, later="openai"),
    Row("file-url", create(CompletesWithUrl(url=TO_FILE)), "openai", creates=2, paid=2, said="https", later="openai"),
    # Polls.
    Row("polls-fail", poll(Answer500(), CutMidAnswer()), "leonardo", creates=1, paid=1),
    Row("polls-cut", poll(Unparsable(), CutBeforeRead()), "leonardo", creates=1, paid=1),
    Row("poll-429", poll(Answer429(retry_after_s=0.2), Answer500()), "leonardo", creates=1, paid=1),
    Row(
        "polls-always-fail",
        poll(Answer500()),
        "openai",
        creates=2,
        paid=2,
        said="could not be asked",
        later="leonardo",
        is_late=True,
    ),
    # The picture.
    Row(
        "cdn-404",
        download(Answer(404)),
        "openai",
        creates=2,
        paid=2,
        said="answered 404",
        later="leonardo",
        is_late=True,
    ),
    Row("cdn-403-once", download_once(Answer(403)), "leonardo", creates=1, paid=1),
    Row(
        "cdn-html",
        download(NotAPicture()),
        "openai",
        creates=2,
        paid=2,
        said="no whole image",
        later="leonardo",
        is_late=True,
    ),
    Row("cdn-html-as-jpeg", download_once(NotAPicture("image/jpeg")), "leonardo", creates=1, paid=1),
    Row("cdn-half-of-its-length", download_once(CutMidAnswer()), "leonardo", creates=1, paid=1),
    Row("cdn-half-once", download_once(HalfPicture()), "leonardo", creates=1, paid=1),
    Row("cdn-half-always", download(HalfPicture()), "openai", creates=2, paid=2, later="leonardo", is_late=True),
    Row("cdn-bomb", download(PixelBomb()), "openai", creates=2, paid=2, later="leonardo", is_late=True),
    Row("cdn-200-mb", download(HugeBody()), "openai", creates=2, paid=2, said="more than 64 MiB", later="leonardo"),
    Row("cdn-200-mb-undeclared", download(HugeBody(declared=False)), "openai", creates=2, paid=2, later="leonardo"),
    Row("cdn-drip", download(Drip()), "openai", creates=2, paid=2, later="leonardo", is_late=True),
    Row("cdn-larger", download(Picture(scale=1.5)), "leonardo", creates=1, paid=1),
    Row("cdn-png", download(Picture(format="PNG", content_type="text/plain")), "leonardo", creates=1, paid=1),
    Row("cdn-transparent", download(Picture(format="WEBP", mode="RGBA")), "leonardo", creates=1, paid=1),
    Row("cdn-cmyk", download(Picture(mode="CMYK")), "leonardo", creates=1, paid=1),
    Row("cdn-rotated", download(Picture(orientation=6)), "leonardo", creates=1, paid=1),
    Row("cdn-profile", download(Picture(swapped_profile=True)), "leonardo", creates=1, paid=1),
    *(
        Row(f"cdn-redirect-{name}", download(Redirect(to)), "openai", creates=2, paid=2, later="leonardo")
        for name, to in {
            "loop": TO_ITSELF,
            "port": TO_OTHER_PORT,
            "private": TO_PRIVATE_ADDRESS,
            "metadata": TO_METADATA_ADDRESS,
            "clear": TO_FOREIGN_HOST_IN_CLEAR,
            "file": TO_FILE,
        }.items()
    ),
    # The fallback.
    Row(
        "openai-500-once",
        lambda s: (*create(Fails())(s), *openai_once(Answer500())(s)),
        "openai",
        creates=3,
        paid=1,
    ),
    *(
        Row(name, leonardo_fails_and_openai(behaviour), "local", creates, paid, later="leonardo", is_alone=True)
        for name, behaviour, creates, paid in (
            ("openai-500-always", Answer500(), 3, 0),
            ("openai-cut", CutAfterRead(), 2, 1),
            ("openai-cut-mid-answer", CutMidAnswer(), 2, 1),
            ("openai-unparsable", Unparsable(), 2, 1),
        )
    ),
    Row("openai-refuses", leonardo_fails_and_openai(ModerationBlocked()), "local", creates=2, paid=0, later="leonardo"),
    Row("openai-no-picture", leonardo_fails_and_openai(NoPicture()), "local", creates=2, paid=1, later="leonardo"),
    Row("openai-bad-base64", leonardo_fails_and_openai(BadBase64()), "local", creates=2, paid=1, later="leonardo"),
    Row("openai-half", leonardo_fails_and_openai(HalfPicture()), "local", creates=2, paid=1, later="leonardo"),
    Row("openai-bomb", leonardo_fails_and_openai(PixelBomb()), "local", creates=2, paid=1, later="leonardo"),
    Row("openai-png", leonardo_fails_and_openai(Picture(format="PNG", mode="RGBA")), "openai", creates=2, paid=1),
    Row(
        "openai-slow", leonardo_fails_and_openai(Slow(60.0)), "local", creates=2, paid=1, later="leonardo", is_late=True
    ),
)


@dataclass(frozen=True)
class Day:
    """The builds of one day, by site; `bill` is the account after them."""

    builds: Mapping[str, Built]
    bill: LedgerView

    def of(self, row: Row) -> Built:
        """The build with the row's page."""
        return self.builds[row.site]

    @property
    def warnings(self) -> list[str]:
        """The text of every warning of the plugin."""
        return [text for built in self.builds.values() for text in built.warnings]


def build_at_once(folder: Path, services: Services) -> Day:
    """Build all sites in processes side by side, since a build spends most of its time waiting."""
    with ExitStack() as running:
        processes = {}
        for name in dict.fromkeys(row.site for row in ROWS):
            there = [row for row in ROWS if row.site == name]
            pages = {row.source: page(row.name, hero_prompt=row.prompt) for row in there}
            site = Site(folder / name, pages, {**PLAIN, **DEADLINES[there[0].is_late], **SMALL})
            processes[name] = running.enter_context(site.building(services))
        logs = {name: process.communicate(timeout=BUILD_TIMEOUT_S)[0] for name, process in processes.items()}
    builds = {name: Built(processes[name].returncode, log, folder / name) for name, log in logs.items()}
    return Day(builds, services.ledger)


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> tuple[Day, Day, Day]:
    """Three days of builds for all rows: every failure on the first day, and none later."""
    folder = tmp_path_factory.mktemp("day")
    with Services() as services:
        services.leonardo.slots = 200
        for row in ROWS:
            row.arrange(services)
        first = build_at_once(folder / "first", services)
        services.forget_rules()
        services.finish_jobs()
        shutil.copytree(folder / "first", folder / "second")
        second = build_at_once(folder / "second", services)
        shutil.copytree(folder / "second", folder / "third")
        return first, second, build_at_once(folder / "third", services)


@pytest.fixture
def day(days: tuple[Day, Day, Day]) -> Day:
    """The bad day."""
    return days[0]


def provider_of(built: Built, row: Row) -> str:
    """The provider of the picture that the page shows, by the page's own markup."""
    html = built.html(f"{row.name}/index.html")
    (provider,) = re.findall(r'<header class="leonardo-hero[^>]*data-provider="([^"]*)"', html)
    return str(provider)


def picture(built: Built, row: Row) -> bytes:
    """The picture that the page shows."""
    (name,) = re.findall(r'src="[^"]*assets/leonardo/([^"]+)"', built.html(f"{row.name}/index.html"))
    return built.asset(str(name))


rows = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)


@rows
def test_bad_day_page_shows_the_picture_that_the_table_gives(day: Day, row: Row) -> None:
    """Every page shows its hero, made by the provider that the table names."""
    built = day.of(row)
    assert provider_of(built, row) == row.gives
    hero = built.hero(row.source)
    assert hero["provider"] == row.gives
    assert hero["source"] == ("local" if row.gives == "local" else "generated")
    if row.gives == "leonardo":
        assert shows(picture(built, row), row.prompt)


@rows
def test_bad_day_pays_what_the_table_gives_and_says_why(day: Day, row: Row) -> None:
    """Each page costs as many create calls and paid jobs as the table says, and the report has every answer."""
    creates = [entry for entry in day.bill.requests if entry.endpoint == "create" and row.prompt in entry.prompt]
    paid = [job for job in day.bill.jobs_for(row.prompt) if job.paid]

    assert (len(creates), len(paid)) == (row.creates, row.paid)
    said = "; ".join(
        f"{attempt['provider']}: {attempt['result']}" for attempt in day.of(row).hero(row.source)["attempts"]
    )
    assert row.said in said


@rows
def test_day_after_collects_what_is_paid_and_buys_only_what_is_missing(days: tuple[Day, Day, Day], row: Row) -> None:
    """The next build collects paid jobs free of charge, replaces placeholders, and buys missing pictures."""
    bad_day, day_after, _ = days
    built = day_after.of(row)
    expected = row.later or row.gives
    assert provider_of(built, row) == expected
    before = {job.job_id for job in bad_day.bill.jobs_for(row.prompt)}
    new = [job for job in day_after.bill.jobs_for(row.prompt) if job.job_id not in before]
    is_bought_now = row.gives == "local" and expected != "local"
    assert len(new) == is_bought_now
    source = built.hero(row.source)["source"]
    if expected == "local":
        assert source == "local"
    elif is_bought_now:
        assert source == "generated"
    else:
        assert source == ("cached" if expected == row.gives else "resumed")
    if expected == "leonardo":
        assert shows(picture(built, row), row.prompt)


def test_bad_day_ends_well_for_the_build(day: Day) -> None:
    """The build succeeds without a traceback, pays once, leaks no key, and calls no foreign host."""
    for built in day.builds.values():
        assert built.exit_code == 0, built.log
        assert not built.has_traceback
    assert day.bill.paid_twice() == ()
    assert day.bill.authorization_leaks == ()
    assert day.bill.trespasses == ()
    assert sum(built.totals["new_images"] for built in day.builds.values()) >= day.bill.paid_jobs


def test_bad_day_warns_of_the_pages_that_show_a_placeholder_and_of_no_other(day: Day) -> None:
    """The build warns of placeholders and refused prompts, but not of a fallback that delivered."""
    warned = "\n".join(day.warnings)
    for row in ROWS:
        assert (re.search(rf"(?<![\w-]){row.source}", warned) is not None) == (row.gives == "local"), row.name
    for name in ("refused-400", "refused-403", "nsfw", "adopted-nsfw", "openai-refuses"):
        (line,) = [line for line in day.warnings if re.search(rf"(?<![\w-]){name}.md", line)]
        assert "describe another image" in line


def test_bad_day_keeps_failed_and_refused_prompts_for_analysis(day: Day) -> None:
    """`rejected.jsonl` has the original prompt, the page, the provider and its reason."""
    path = day.builds["others"].folder / ".cache/plugin/leonardo/rejected.jsonl"
    entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    found = {entry["page"]: entry for entry in entries if entry["provider"] == "leonardo"}
    for name in ("failed", "refused-400", "refused-403", "nsfw"):
        assert found[f"{name}.md"]["prompt"] == f"<{name}>"
        assert found[f"{name}.md"]["reason"]
    assert "well.md" not in found


def test_bad_day_gives_openai_the_original_prompt(day: Day) -> None:
    """The fallback gets the author's prompt unchanged."""
    (job,) = [job for job in day.bill.jobs_of("openai") if "<failed>" in job.prompt]
    assert job.prompt.startswith("<failed>")


def test_third_day_is_quiet(days: tuple[Day, Day, Day]) -> None:
    """A build with all heroes cached sends no request, except for the page with the refused prompt."""
    _, second, third = days
    assert {built.exit_code for day in (second, third) for built in day.builds.values()} == {0}
    assert third.bill.creates == second.bill.creates
    assert second.bill.paid_twice() == ()
    stuck = {row.source for row in ROWS if row.later == "openai"}
    asked = [entry for entry in third.bill.requests[len(second.bill.requests) :] if entry.service != "cdn"]
    assert len(asked) <= 2 * len(stuck), [entry.path for entry in asked]


# What concerns the whole account --------------------------------------------------------------------------------------


def site_of(folder: Path, *names: str, **options: object) -> Site:
    """A site with a hero on each of these pages and one picture at a time."""
    return Site(
        folder,
        {f"{name}.md": page(name, hero_prompt=f"<{name}>") for name in names},
        {**PLAIN, **DEADLINES[False], "concurrency": 1, **options},
    )


def providers(built: Built) -> dict[str, str]:
    """The provider of each page's picture."""
    return {hero["page"].removesuffix(".md"): hero["provider"] for hero in built.report["heroes"]}


def creates(services: AnyServices, service: str) -> int:
    """The number of the service's create calls."""
    return len(services.ledger.requests_to(service, "create"))


def assert_fine(built: Built, services: AnyServices) -> None:
    """Assert that the build succeeded, without a traceback, a second payment or a leaked key."""
    assert built.exit_code == 0, built.log
    assert not built.has_traceback, built.log
    assert services.ledger.paid_twice() == ()
    assert services.ledger.authorization_leaks == ()


@pytest.mark.parametrize("behaviour", [Answer429(), Answer429(retry_after_s=300), PendingQueueFull()])
def test_rate_limit_rests_the_provider_for_every_page_and_the_next_build(
    tmp_path: Path, services: Services, behaviour: Behaviour
) -> None:
    """After one 429, every page and the next build go to the next provider at once."""
    services.leonardo.on_create(behaviour).once()
    site = site_of(tmp_path, "a", "b", "c")

    built = site.build(services, "--strict")

    assert_fine(built, services)
    assert providers(built) == {"a": "openai", "b": "openai", "c": "openai"}
    assert creates(services, "leonardo") == 1
    assert services.ledger.paid_jobs == 3
    site.write({"d.md": page("d", hero_prompt="<d>")})
    assert providers(site.build(services)) == {"a": "openai", "b": "openai", "c": "openai", "d": "openai"}
    assert creates(services, "leonardo") == 1


def test_rate_limit_that_ends_at_once_rests_no_provider(tmp_path: Path, services: Services) -> None:
    """After `Retry-After: 0`, one page goes to the next provider, and the next page to the first."""
    services.leonardo.on_create(Answer429(retry_after_s=0)).once()

    built = site_of(tmp_path, "a", "b").build(services)

    assert_fine(built, services)
    assert sorted(providers(built).values()) == ["leonardo", "openai"]


OFF = {
    "malformed key": ({"LEONARDO_API_KEY": "not-a-uuid"}, None, "does not accept LEONARDO_API_KEY"),
    "unknown key": ({"LEONARDO_API_KEY": UNKNOWN_LEONARDO_KEY}, None, "does not accept LEONARDO_API_KEY"),
    "forbidden": ({}, Answer(403, {"error": "Forbidden"}), "does not let LEONARDO_API_KEY in"),
    "withdrawn model": ({}, ModelWithdrawn(), "does not offer the model"),
    "empty balance": ({}, NotEnoughTokens(), "top it up"),
}


@pytest.mark.parametrize("case", OFF)
def test_account_that_refuses_is_asked_once_and_reported_once(tmp_path: Path, services: Services, case: str) -> None:
    """A refused key, model or balance is said once at INFO, and all pages go to the next provider."""
    environ, behaviour, words = OFF[case]
    if behaviour is not None:
        services.leonardo.on_create(behaviour)

    built = site_of(tmp_path, "a", "b", "c").build(services, "--strict", environ=environ)

    assert_fine(built, services)
    assert set(providers(built).values()) == {"openai"}
    assert creates(services, "leonardo") == 1
    assert len(re.findall(rf"INFO    -  leonardo: leonardo is off for this build: .*{words}", built.log)) == 1
    assert environ.get("LEONARDO_API_KEY", LEONARDO_KEY) not in built.log + json.dumps(built.report)


def test_empty_balance_with_many_pages_is_asked_by_those_in_flight_only(tmp_path: Path, services: Services) -> None:
    """An empty balance costs twelve pages, three at a time, at most three refused create calls."""
    services.leonardo.balance_usd = 0.0
    services.leonardo.latency_s = 0.1
    names = [f"p{number}" for number in range(12)]

    built = site_of(tmp_path, *names, concurrency=3, providers=["leonardo"]).build(services)

    assert_fine(built, services)
    assert 1 <= creates(services, "leonardo") <= 3
    assert services.ledger.paid_jobs == 0
    (warning,) = built.warnings
    assert "p0.md" in warning
    assert "and 2 more" in warning


def test_as_many_pictures_are_in_flight_as_the_site_allows(tmp_path: Path, services: Services) -> None:
    """A build has as many jobs in flight as `concurrency` allows, also beyond the event loop's queue."""
    services.leonardo.slots = 100
    most = MOST_QUEUED + 1
    names = [f"p{number}" for number in range(most + 1)]
    site = site_of(tmp_path, *names, concurrency=most, providers=["leonardo"], **SMALL)

    built = site.build_held(services, most)

    assert_fine(built, services)
    assert set(providers(built).values()) == {"leonardo"}
    assert services.ledger.peak_in_flight == most


@pytest.mark.parametrize(
    "behaviour", [QuotaUsedUp(), BillingLimitReached(), OrganisationNotVerified(), ModelNotFound()]
)
def test_openai_account_that_refuses_is_asked_once(tmp_path: Path, services: Services, behaviour: Behaviour) -> None:
    """A refusal of OpenAI's account switches it off for the build, and placeholders have one warning."""
    services.openai.on_create(behaviour)

    built = site_of(tmp_path, "a", "b", providers=["openai"]).build(services)

    assert_fine(built, services)
    assert set(providers(built).values()) == {"local"}
    assert creates(services, "openai") == 1
    (warning,) = built.warnings
    assert warning.startswith("a.md, b.md: ")


def test_openai_rate_limit_rests_it(tmp_path: Path, services: Services) -> None:
    """A 429 of the last provider leads to placeholders without a retry."""
    services.openai.on_create(Answer429(retry_after_s=300)).once()

    built = site_of(tmp_path, "a", "b", providers=["openai"]).build(services)

    assert_fine(built, services)
    assert creates(services, "openai") == 1
    assert len(built.warnings) == 1


@pytest.mark.parametrize(
    ("arrange", "later"),
    [
        (create(CompletesWithUrl(url=TO_FOREIGN_HOST)), {"cached": 3}),
        (download(Redirect(TO_FOREIGN_HOST)), {"resumed": 1, "cached": 2}),
    ],
    ids=["address", "redirect"],
)
def test_picture_on_a_host_that_is_not_listed_switches_the_provider_off_with_a_warning(
    tmp_path: Path,
    services: Services,
    arrange: Callable[[Services], tuple[RuleHandle, ...]],
    later: dict[str, int],
) -> None:
    """One warning names option, host and fix; no other page pays; a later build fetches the picture."""
    rules = arrange(services)
    site = site_of(tmp_path, "a", "b", "c")

    built = site.build(services)

    assert_fine(built, services)
    assert providers(built) == {"a": "openai", "b": "openai", "c": "openai"}
    assert (creates(services, "leonardo"), creates(services, "openai")) == (1, 3)
    (warning,) = built.warnings
    assert "pictures.example" in warning
    assert "`leonardo: image_hosts: [127.0.0.1, pictures.example]`" in warning
    assert services.ledger.trespasses == ()
    for rule in rules:
        rule.drop()
    again = site.build(services)
    assert_fine(again, services)
    assert services.ledger.creates == 4
    # Which of the three pages was the first to ask is chance.
    assert Counter(again.sources.values()) == later
    assert bool(again.warnings) == ("resumed" not in later)


# Jobs of other builds -------------------------------------------------------------------------------------------------


def test_adopted_job_that_fails_goes_to_the_next_provider(tmp_path: Path, services: Services) -> None:
    """A failed job that was found after a lost answer leads to the next provider, not to a second create call."""
    services.leonardo.on_create(LostAnswer()).once()
    services.leonardo.on_create(Fails(render_s=60))
    site = site_of(tmp_path, "a")

    with site.building(services) as process:
        (job,) = services.wait_until(lambda ledger: ledger.polls > 0).jobs
        services.finish_jobs()
        log, _ = process.communicate(timeout=60)

    built = Built(process.returncode, log, tmp_path)
    assert_fine(built, services)
    assert services.ledger.job(job.job_id).status == "FAILED"
    assert creates(services, "leonardo") == 1
    assert providers(built) == {"a": "openai"}
    assert built.totals["cost_usd"] == services.ledger.paid_usd


def test_late_job_with_no_other_provider_shows_a_placeholder_until_it_is_collected(
    tmp_path: Path, services: Services
) -> None:
    """A late job without another provider is a placeholder and a warning; the next build collects it free."""
    services.leonardo.on_create(NeverFinishes())
    site = site_of(tmp_path, "a", providers=["leonardo"], leonardo=HASTY)

    first = site.build(services)

    assert_fine(first, services)
    assert first.sources == {"a.md": "local"}
    assert len(first.warnings) == 1
    services.finish_jobs()
    second = site.build(services, "--strict", options={"leonardo": UNHURRIED})
    assert_fine(second, services)
    assert second.sources == {"a.md": "resumed"}
    assert shows(second.asset(second.pictures()[0]), "<a>")
    assert second.totals["new_images"] == 0
    assert services.ledger.creates == 1


def test_lost_answer_with_unreadable_list_is_not_paid_again_and_found_later(tmp_path: Path, services: Services) -> None:
    """A lost answer with an unreadable list leads to OpenAI without a second create; a later build finds the job."""
    services.leonardo.on_create(CutAfterRead()).once()
    services.leonardo.on_list(Answer500())
    site = site_of(tmp_path, "a", leonardo=HASTY)

    first = site.build(services)

    assert_fine(first, services)
    assert providers(first) == {"a": "openai"}
    assert creates(services, "leonardo") == 1
    services.forget_rules()
    second = site.build(services, options={"leonardo": UNHURRIED})
    assert_fine(second, services)
    assert (second.sources, providers(second)) == ({"a.md": "resumed"}, {"a": "leonardo"})
    assert services.ledger.creates == 2
    assert services.ledger.uncollected == ()


def test_late_job_that_ends_badly_leaves_the_page_its_fallback(tmp_path: Path, services: Services) -> None:
    """The page keeps OpenAI's picture if Leonardo's late job ends without one."""
    services.leonardo.on_create(MarkedNsfw(render_s=60))
    site = site_of(tmp_path, "a", leonardo=HASTY)
    assert providers(site.build(services)) == {"a": "openai"}
    services.finish_jobs()

    built = site.build(services, "--strict", options={"leonardo": UNHURRIED})

    assert_fine(built, services)
    assert (built.sources, providers(built)) == ({"a.md": "cached"}, {"a": "openai"})
    assert services.ledger.paid_jobs == 2


# No provider ----------------------------------------------------------------------------------------------------------


def no_provider(services: AnyServices) -> dict[str, object]:
    """Options under which every connection is refused."""
    return {"leonardo": {"base_url": services.refusing_url}, "openai": {"base_url": services.refusing_url}}


@pytest.mark.parametrize(
    ("on_missing", "exit_code", "strict_exit_code", "level"),
    [("warn", 0, 1, "WARNING"), ("error", 1, 1, "ERROR"), ("ignore", 0, 0, "INFO")],
    ids=["warn", "error", "ignore"],
)
def test_everything_down_is_reported_once_for_all_pages_at_the_level_of_on_missing(
    tmp_path: Path, services: Services, on_missing: str, exit_code: int, strict_exit_code: int, level: str
) -> None:
    """With all services down, pages show placeholders, and one message of `on_missing`'s level names them."""
    site = site_of(tmp_path, "a", "b", "c", concurrency=10, on_missing=on_missing, **no_provider(services))

    built = site.build(services)

    assert built.exit_code == exit_code
    assert not built.has_traceback
    (line,) = [line for line in built.log.splitlines() if "a.md, b.md, c.md: shows a placeholder painted" in line]
    assert line.startswith(level)
    assert set(built.sources.values()) == {"local"}
    assert services.ledger.paid_jobs == 0
    if level != "ERROR":
        assert 'data-provider="local"' in built.html("c/index.html")
    assert site.build(services, "--strict").exit_code == strict_exit_code


def test_everything_down_shows_the_last_accepted_hero(tmp_path: Path, services: Services) -> None:
    """With all services down, a page keeps its previous hero, and the next build makes the new one."""
    site = site_of(tmp_path, "a")
    before = site.build(services).pictures()
    site.write({"a.md": page("a", hero_prompt="<another>")})

    built = site.build(services, options=no_provider(services))

    assert_fine(built, services)
    assert built.sources == {"a.md": "last"}
    assert built.pictures() == before
    assert "shows its previous hero" in built.warnings[0]
    assert site.build(services).sources == {"a.md": "generated"}


def test_page_without_any_key_says_that_it_shows_its_previous_hero(tmp_path: Path, services: Services) -> None:
    """Without a key, every build names the pages that show a previous hero, and `--strict` passes."""
    site = site_of(tmp_path, "a")
    site.build(services)
    site.write({"a.md": page("a", hero_prompt="<another>")})
    said = "a.md: shows its previous hero: there is no key in LEONARDO_API_KEY or OPENAI_API_KEY"

    for _ in range(2):
        built = site.build(None, "--strict")
        assert built.exit_code == 0
        assert built.sources == {"a.md": "last"}
        assert re.search(rf"^INFO +-  leonardo: {said}", built.log, re.MULTILINE)


def test_build_with_one_key_says_nothing_of_the_other(tmp_path: Path, services: Services) -> None:
    """A build with Leonardo's key alone does not mention the fallback's key."""
    built = site_of(tmp_path, "a").build(services, environ={"OPENAI_API_KEY": ""})

    assert_fine(built, services)
    assert built.sources == {"a.md": "generated"}
    assert "OPENAI" not in built.log


def test_generate_false_opens_no_connection_and_reports_what_is_missing(tmp_path: Path, services: Services) -> None:
    """With `generate: false`, a missing picture is a placeholder and a warning, and no connection is opened."""
    built = site_of(tmp_path, "a", generate=False).build(services)

    assert_fine(built, services)
    assert built.sources == {"a.md": "local"}
    assert "generate: false" in built.warnings[0]
    assert services.ledger.requests == ()


# Caps -----------------------------------------------------------------------------------------------------------------


def test_cap_of_zero_opens_no_connection_and_names_pages_and_cost(tmp_path: Path, services: Services) -> None:
    """`max_new_images: 0` opens no connection, and the warning names pages and estimated cost."""
    built = site_of(tmp_path, "a", "b", max_new_images=0).build(services)

    assert_fine(built, services)
    assert services.ledger.requests == ()
    (warning,) = built.warnings
    assert warning.startswith("a.md, b.md: ")
    assert "max_new_images" in warning
    assert re.search(r"\(about \$0\.\d{2,3} for 2\)$", warning)


def test_cap_on_images_makes_some_now_and_the_rest_later(tmp_path: Path, services: Services) -> None:
    """A cap of two makes two of three pictures, and the next build makes the third."""
    site = site_of(tmp_path, "a", "b", "c", max_new_images=2, concurrency=10)

    first, second = site.build(services), None
    assert services.ledger.paid_jobs == first.totals["new_images"] == 2
    second = site.build(services)

    assert_fine(second, services)
    assert services.ledger.paid_jobs == 3
    assert sorted(second.sources.values()) == ["cached", "cached", "generated"]


def test_cap_on_cost_is_checked_before_every_submission(tmp_path: Path, services: Services) -> None:
    """A cost cap for two pictures refuses the third."""
    built = site_of(tmp_path, "a", "b", "c", max_cost_usd=0.062, concurrency=10).build(services)

    assert_fine(built, services)
    assert services.ledger.paid_jobs == 2
    assert services.ledger.paid_usd <= 0.062
    (warning,) = built.warnings
    assert "max_cost_usd" in warning


def test_cap_counts_the_fallback(tmp_path: Path, services: Services) -> None:
    """A failed job counts against the cap, so a cap of one leaves none for OpenAI."""
    services.leonardo.on_create(Fails())

    built = site_of(tmp_path, "a", max_new_images=1).build(services)

    assert_fine(built, services)
    assert built.sources == {"a.md": "local"}
    assert services.ledger.creates == 1


@pytest.mark.parametrize("caps", [{"max_new_images": 4}, {"max_cost_usd": 0.1}])
def test_cap_holds_on_a_bad_day(tmp_path: Path, services: Services, caps: dict[str, float]) -> None:
    """Lost answers, failures and fallbacks together cost no more than the cap allows."""
    services.leonardo.on_create(LostAnswer()).at_random(0.3, seed=1)
    services.leonardo.on_create(CutAfterRead()).at_random(0.3, seed=2)
    services.leonardo.on_create(Fails()).at_random(0.4, seed=3)
    services.leonardo.on_create(CompletesWithoutImages()).at_random(0.3, seed=4)
    services.openai.on_create(NoPicture()).at_random(0.3, seed=5)
    services.openai.on_create(CutAfterRead()).at_random(0.5, seed=6)
    names = [f"p{number}" for number in range(10)]
    site = site_of(tmp_path, *names, **{**caps, "concurrency": 10, "leonardo": HASTY})

    built = site.build(services)

    assert_fine(built, services)
    assert services.ledger.paid_jobs <= caps.get("max_new_images", 10)
    assert services.ledger.paid_usd <= caps.get("max_cost_usd", 1.0)
    assert built.totals["cost_usd"] >= services.ledger.paid_usd - 1e-9
    assert built.totals["local"] > 0


def test_request_limit_leaves_room_for_the_polls_of_what_is_paid(tmp_path: Path, services: Services) -> None:
    """A low request limit bounds the jobs in flight, so that no paid job is late for want of polls."""
    services.leonardo.render_s = 0.5
    names = [f"p{number}" for number in range(6)]
    limited = {"render_estimate": 0.5, "requests_per_minute": 12}
    site = site_of(tmp_path, *names, concurrency=6, leonardo=limited)

    with site.building(services):
        services.wait_until(lambda ledger: ledger.downloads == 2, timeout_s=30)
        # The rest would wait for the next minute.

    assert services.ledger.peak_jobs("leonardo") == 2
    assert creates(services, "openai") == 0

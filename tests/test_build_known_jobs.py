"""Jobs with a known number in whole builds: asked for until they end or are given up; `jobs` lists them."""

from __future__ import annotations

from pathlib import Path

from builds import Site, page
from cli_rig import Shell
from kill_harness import LEONARDO_ONLY, age, entries
from services import (
    Answer,
    Answer500,
    CompletesWithoutImages,
    CutAfterRead,
    NoPicture,
    PromptModerated,
    Services,
    Vanishes,
)

from mkdocs_leonardo.storage.text_store import TextStore

DAY_S, HOUR_S = 86_400.0, 3600.0
HASTY: dict[str, object] = {
    "formats": ["jpeg"],
    "social": False,
    "leonardo": {"timeout": 2, "render_estimate": 0.2, "requests_per_minute": 100_000},
}


def site_of(folder: Path, **options: object) -> Site:
    """A site with one hero."""
    return Site(folder, {"a.md": page("A", hero_prompt="<a>")}, {**HASTY, **options})


def test_picture_that_never_comes_is_asked_for_at_growing_intervals_and_given_up_after_a_month(
    tmp_path: Path, services: Services
) -> None:
    """Builds ask for a pending job at growing intervals, and give it up with one warning after a month."""
    services.leonardo.on_download(Answer(404))
    site = site_of(tmp_path)
    assert site.build(services).sources == {"a.md": "generated"}
    age(site.cache, 2 * DAY_S)

    asked = [site.build(services, "--strict").totals["requests"] > 0 for _ in range(3)]
    age(site.cache, 1.1 * DAY_S)
    asked_again = [site.build(services, "--strict").totals["requests"] > 0 for _ in range(2)]

    assert (asked, asked_again) == ([True, False, False], [True, False])
    age(site.cache, 28 * DAY_S)
    last = site.build(services)
    (warning,) = last.warnings
    assert "a.md: the job " in warning
    assert "of leonardo is given up after 31 days" in warning
    assert entries(site.cache) == {}
    over = site.build(services, "--strict")
    assert (over.exit_code, over.totals["requests"], over.sources) == (0, 0, {"a.md": "cached"})


def test_lost_job_is_not_given_up_while_the_list_cannot_be_read(tmp_path: Path, services: Services) -> None:
    """A lost call is not given up before a list has been read, however old it is."""
    lost = services.leonardo.on_create(CutAfterRead())
    failing = services.leonardo.on_list(Answer500())
    site = site_of(tmp_path, **LEONARDO_ONLY)
    for days in (31, 1, 1):
        built = site.build(services)
        assert built.sources == {"a.md": "local"}
        assert "given up" not in built.log
        age(site.cache, days * DAY_S)
    lost.drop()
    failing.drop()

    assert site.build(services).sources == {"a.md": "resumed"}
    assert services.ledger.creates == 1


def test_job_that_the_service_does_not_know_for_hours_is_made_anew(tmp_path: Path, services: Services) -> None:
    """A job that the service does not know is kept for minutes, and bought again after hours."""
    rule = services.leonardo.on_create(Vanishes())
    site = site_of(tmp_path, **LEONARDO_ONLY)
    assert site.build(services).sources == {"a.md": "local"}
    rule.drop()

    assert site.build(services).sources == {"a.md": "local"}
    age(site.cache, 8 * HOUR_S)
    made = site.build(services)

    assert made.sources == {"a.md": "generated"}
    assert services.ledger.creates == 2
    assert "has not known it for 6 hours" in made.warnings[0]


def test_refusal_without_a_reason_is_a_refusal(tmp_path: Path, services: Services) -> None:
    """A refusal whose record has lost its reason still keeps both services from being paid."""
    rule = services.leonardo.on_create(PromptModerated())
    site = site_of(tmp_path)
    assert site.build(services).sources == {"a.md": "local"}
    rule.drop()
    store = TextStore.open(site.cache / "journal", durable=True)
    ((name, refusal),) = store.items("refused:")
    assert isinstance(refusal, dict)
    store.set(name, {**refusal, "reason": ""})
    store.close()

    assert site.build(services).sources == {"a.md": "local"}
    assert services.ledger.paid_jobs == 0


def test_job_without_a_picture_is_remembered_until_it_is_forgotten(tmp_path: Path, services: Services) -> None:
    """A job without a picture is not bought again until `jobs --forget`, which the message names."""
    rule = services.leonardo.on_create(CompletesWithoutImages())
    site = site_of(tmp_path, **LEONARDO_ONLY)
    shell = Shell(site, services)
    first = site.build(services)
    assert first.sources == {"a.md": "local"}
    assert (first.totals["new_images"], first.totals["uncertain"]) == (1, 1)
    assert "1 new image, $0.02 (1 of them may have been charged without an image)" in first.log
    rule.drop()
    (job,) = services.ledger.jobs

    second = site.build(services)

    assert second.sources == {"a.md": "local"}
    assert (services.ledger.creates, second.totals["requests"]) == (1, 0)
    (line,) = shell("jobs", "--json").json["jobs"]
    assert (line["page"], line["provider"], line["job_id"]) == ("a.md", "leonardo", job.job_id)
    assert f"`mkdocs-leonardo jobs --forget {line['id']}`" in second.warnings[0]
    assert shell.pages()["a.md"]["state"] == "empty"
    for command in ("check", "generate --dry-run"):
        ran = shell(*command.split())
        assert "refused" not in ran.out + ran.err
        assert f"`mkdocs-leonardo jobs --forget {line['id']}`" in ran.out + ran.err
    assert shell("jobs", "--forget", line["id"]).exit_code == 2
    assert "nothing was changed" in shell.on_terminal("jobs", "--forget", line["id"], typed="n\n").out
    assert "given up" in shell("jobs", "--forget", line["id"], "--yes").out
    assert shell("jobs", "--json").json["jobs"] == []
    assert site.build(services).sources == {"a.md": "generated"}


def test_paid_answer_without_a_picture_is_not_asked_for_again(tmp_path: Path, services: Services) -> None:
    """A paid answer without a picture, of a service without jobs, is remembered like a failed job."""
    rule = services.openai.on_create(NoPicture())
    site = site_of(tmp_path, providers=["openai"])
    assert site.build(services).sources == {"a.md": "local"}
    rule.drop()

    second = site.build(services)

    assert second.sources == {"a.md": "local"}
    assert (services.ledger.creates, second.totals["requests"]) == (1, 0)
    assert "`mkdocs-leonardo jobs --forget " in second.warnings[0]


def test_jobs_lists_what_is_open_and_gives_one_up(tmp_path: Path, services: Services) -> None:
    """`jobs` lists page, provider, age, cost and state as text and JSON, without a connection."""
    services.leonardo.on_download(Answer(404))
    site = site_of(tmp_path, **LEONARDO_ONLY)
    site.build(services)
    age(site.cache, 3 * DAY_S)
    shell = Shell(site, services)
    (job,) = services.ledger.jobs
    requests = len(services.ledger.requests)

    told = shell("jobs").out

    assert [part in told for part in (job.job_id, "a.md", "leonardo", "3 days", "$0.022", "to be collected")] == [
        True
    ] * 6
    (line,) = shell("jobs", "--json").json["jobs"]
    assert (line["id"], line["page"], line["cost_usd"]) == (job.job_id, "a.md", 0.0224)
    assert 3 * DAY_S <= line["age_s"] < 3.1 * DAY_S
    assert "is no job" in shell("jobs", "--forget", "nonsense").err
    assert shell("jobs", "--forget", job.job_id[:12], "--yes").exit_code == 0
    assert entries(site.cache) == {}
    assert "no job is open" in shell("jobs").out
    assert len(services.ledger.requests) == requests


def test_damaged_picture_is_fetched_again_though_the_page_has_a_fallback(tmp_path: Path, services: Services) -> None:
    """A damaged paid picture is fetched again, even if the page shows a fallback's picture."""
    rule = services.leonardo.on_download(Answer(404))
    site = site_of(tmp_path)
    assert site.build(services).sources == {"a.md": "generated"}
    rule.drop()
    assert site.build(services).sources == {"a.md": "resumed"}
    (picture,) = (
        path.with_suffix(".jpg")
        for path in (site.cache / "pictures").glob("*.json")
        if '"leonardo"' in path.read_text(encoding="utf-8")
    )
    whole = picture.read_bytes()
    picture.write_bytes(whole[:-1])

    sources = [site.build(services).sources["a.md"] for _ in range(2)]

    assert sources == ["resumed", "cached"]
    assert picture.read_bytes() == whole
    assert services.ledger.creates == 2

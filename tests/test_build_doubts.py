"""Create calls of unknown outcome: they count as spent, are looked for, and are found or given back."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from threading import Event, Thread

import pytest
from builds import Site, page
from kill_harness import entries, records
from services import Answer, Answer500, CutAfterRead, LostAnswer, Services, Slow

QUICK: dict[str, object] = {
    "formats": ["jpeg"],
    "social": False,
    "leonardo": {"timeout": 30, "render_estimate": 0.2, "requests_per_minute": 100_000},
}


def site_of(folder: Path, number: int, **options: object) -> Site:
    """A site with this many pages of different prompts."""
    pages = {f"p{place}.md": page(f"Page {place}", hero_prompt=f"<p{place}>") for place in range(number)}
    return Site(folder, pages, {**QUICK, **options})


def test_calls_that_are_accepted_in_secret_are_no_more_than_the_cap(tmp_path: Path, services: Services) -> None:
    """The cap holds for calls that are accepted, answered 500 and hidden from the list for an hour."""
    services.leonardo.on_create(LostAnswer())
    services.leonardo.list_lag_s = 3600.0
    site = site_of(tmp_path, 5, max_new_images=1, concurrency=1, providers=["leonardo"])

    built = site.build(services)

    assert built.exit_code == 0, built.log
    assert services.ledger.paid_jobs == services.ledger.creates == 1


@pytest.mark.parametrize("lag_s", [0.0, 5.0])
def test_call_with_a_lost_answer_is_looked_for_until_its_job_is_in_the_list(
    tmp_path: Path, services: Services, lag_s: float
) -> None:
    """A job whose answer was lost is found in the list and shown, paid for once."""
    services.leonardo.on_create(LostAnswer()).once()
    services.leonardo.list_lag_s = lag_s

    built = site_of(tmp_path, 1, max_new_images=1).build(services, "--strict")

    assert built.exit_code == 0, built.log
    assert services.ledger.paid_jobs == services.ledger.creates == 1
    assert (built.totals["new_images"], built.totals["uncertain"]) == (1, 0)
    assert built.totals["cost_usd"] == built.hero("p0.md")["cost_usd"] > 0


def test_list_that_answers_slowly_is_read_again_when_ten_seconds_are_over(tmp_path: Path, services: Services) -> None:
    """A list that was requested within ten seconds of the call is read again after them."""
    services.leonardo.on_create(CutAfterRead()).once()
    services.leonardo.list_lag_s = 9.0
    services.leonardo.on_list(Slow(3.0))

    built = site_of(tmp_path, 1, providers=["leonardo"]).build(services, "--strict")

    assert built.exit_code == 0, built.log
    assert services.ledger.paid_jobs == services.ledger.creates == 1


def test_outage_is_found_out_with_few_calls_and_leaves_the_cap_to_the_fallback(
    tmp_path: Path, services: Services
) -> None:
    """An outage of Leonardo costs few calls, and twenty pages have OpenAI's pictures under a cap of 25."""
    services.leonardo.on_create(Answer500())
    services.leonardo.on_list(Answer500())
    site = site_of(tmp_path, 20, max_new_images=25)

    built = site.build(services, "--strict")

    assert built.exit_code == 0, built.log
    assert Counter(hero["provider"] for hero in built.report["heroes"]) == {"openai": 20}
    calls = len(services.ledger.requests_to("leonardo", "create"))
    assert 1 <= calls <= 4
    assert (built.totals["uncertain"], built.totals["new_images"]) == (calls, calls + 20)
    assert f"({calls} of them may have been charged without an image)" in built.log


def test_outage_lasts_as_long_as_the_service_says(tmp_path: Path, services: Services) -> None:
    """After two failed pages, `Retry-After: 0` lets the next page ask the service at once."""
    services.leonardo.on_create(Answer(503, {"error": "busy"}, {"Retry-After": "0"}))
    site = site_of(tmp_path, 3, concurrency=1)

    built = site.build(services, "--strict")

    assert built.exit_code == 0, built.log
    assert Counter(hero["provider"] for hero in built.report["heroes"]) == {"openai": 3}
    assert len(services.ledger.requests_to("leonardo", "create")) == 6


def test_what_became_of_doubtful_calls_is_known_at_the_end(tmp_path: Path, services: Services) -> None:
    """A build finds its jobs in a list that lags, begins with the oldest and shows another preset.

    One 500 hid its job for longer than the retry waits, so both pictures are kept. Another one made no job, and nothing
    counts.
    """
    services.leonardo.list_lag_s, services.leonardo.newest_first = 4.0, False
    services.leonardo.shown_preset = "DYNAMIC"
    services.leonardo.on_create(LostAnswer()).once().when_prompt("<hidden>")
    services.leonardo.on_create(CutAfterRead()).once().when_prompt("<same>")
    services.leonardo.on_create(CutAfterRead()).once().when_prompt("<same>")
    services.leonardo.on_create(Answer500()).when_prompt("<down>")
    prompts = {"hidden": {}, "down": {}, "same": {"hero_style": "CINEMATIC"}, "moody": {"hero_style": "MOODY"}}
    pages = {
        f"{name}.md": page(name, hero_prompt="<same>" if name == "moody" else f"<{name}>", **more)
        for name, more in prompts.items()
    }
    site = Site(tmp_path, pages, QUICK)

    built = site.build(services, "--strict")

    assert built.exit_code == 0, built.log
    providers = {hero["page"]: hero["provider"] for hero in built.report["heroes"]}
    assert providers == {"hidden.md": "leonardo", "down.md": "openai", "same.md": "leonardo", "moody.md": "leonardo"}
    kept = {record.page: record for record in records(site.cache) if record.provider == "leonardo"}
    styles = {job.job_id: job.style for job in services.ledger.jobs_of("leonardo")}
    assert styles[kept["same.md"].job_id] == "CINEMATIC"
    assert styles[kept["moody.md"].job_id] == "MOODY"
    assert {record.job_id for record in records(site.cache)} == {*styles, ""}
    assert len(services.ledger.jobs_for("<hidden>")) == 2
    assert "`hero_seed: " in built.log
    assert (built.totals["uncertain"], built.totals["new_images"]) == (0, 5)
    assert entries(site.cache) == {}


def test_twin_calls_are_ruled_out_by_a_list_without_a_job(tmp_path: Path, services: Services) -> None:
    """Two lost calls with one prompt and seed in two styles are both ruled out by a list without a job."""
    services.leonardo.on_create(Answer500()).once()
    services.leonardo.on_create(Answer500()).once()
    pages = {
        f"{style}.md": page(style, hero_prompt="<same>", hero_seed=7, hero_style=style)
        for style in ("CINEMATIC", "MOODY")
    }

    built = Site(tmp_path, pages, {**QUICK, "providers": ["leonardo"]}).build(services, "--strict")

    assert built.exit_code == 0, built.log
    assert services.ledger.paid_jobs == 2
    assert (built.totals["new_images"], built.totals["uncertain"]) == (2, 0)


def test_job_that_the_list_hid_is_not_taken_for_its_twins(tmp_path: Path, services: Services) -> None:
    """A job that the list hid is not adopted for a call with the same prompt and seed in another style."""
    services.leonardo.on_create(CutAfterRead()).times(3)
    services.leonardo.list_lag_s = 3600.0
    pages = {
        f"{style}.md": page(style, hero_prompt="<same>", hero_seed=7, hero_style=style)
        for style in ("CINEMATIC", "MOODY")
    }
    has_ended = Event()

    def show() -> None:
        while services.ledger.creates < 3 and not has_ended.wait(0.05):
            pass
        services.leonardo.list_lag_s = 0.0

    shower = Thread(target=show)
    shower.start()
    try:
        options = {**QUICK, "providers": ["leonardo"], "concurrency": 1}
        built = Site(tmp_path, pages, options).build(services)
    finally:
        has_ended.set()
        shower.join()

    assert set(built.sources.values()) == {"local"}, "its style may be the other page's"
    assert services.ledger.creates == 3
    assert built.totals["uncertain"] == 1


def test_openai_that_answers_500_and_charges_stays_within_the_cap(tmp_path: Path, services: Services) -> None:
    """Each 5xx of OpenAI, which has no list of jobs, counts in cap and report."""
    services.openai.on_create(LostAnswer())
    pages = {f"{number}.md": page("P", hero_prompt=f"view {number}") for number in range(5)}
    site = Site(tmp_path, pages, {"providers": ["openai"], "max_new_images": 1, "concurrency": 1})

    built = site.build(services)

    assert services.ledger.paid_jobs == services.ledger.creates == 1
    assert (built.totals["new_images"], built.totals["uncertain"]) == (1, 1)
    assert built.totals["cost_usd"] > 0
    assert "may have been charged" in built.log

"""Gemini in the chain, in whole builds."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from builds import Site, page
from cli_rig import Shell
from PIL import Image
from services import (
    GEMINI_KEY,
    Answer429,
    Answer500,
    BadBase64,
    Behaviour,
    CutAfterRead,
    FinishesWithoutPicture,
    HalfPicture,
    LostAnswer,
    ModelShutDown,
    NoImageQuota,
    PromptBlocked,
    Services,
    shows,
)
from services.script import RuleHandle

from mkdocs_leonardo.providers.wording import worded
from mkdocs_leonardo.spec import PictureSpec

#: Gemini before the other providers, small files.
FIRST = {
    "providers": ["gemini", "leonardo", "openai"],
    "formats": ["jpeg"],
    "widths": [1536],
    "social": False,
    "leonardo": {"timeout": 10, "render_estimate": 0.2},
}


def site_of(folder: Path, *prompts: str, **options: object) -> Site:
    """A site with a page for each prompt, named after it."""
    pages = {f"{prompt}.md": page(prompt, hero_prompt=prompt) for prompt in prompts}
    return Site(folder, pages, options={**FIRST, **options})


def test_gemini_first_in_the_chain_draws_the_hero(tmp_path: Path, services: Services) -> None:
    """Gemini's picture is cropped and scaled to the site's size, after one request and none to another service."""
    site = site_of(tmp_path, "canyon", credit=True)
    built = site.build(services, "--strict")
    assert built.exit_code == 0, built.log
    assert built.hero("canyon.md")["provider"] == "gemini"
    assert built.totals["cost_usd"] == services.ledger.paid_usd == 0.0336
    html = built.html("canyon/index.html")
    assert 'data-provider="gemini"' in html
    assert "Google Gemini" in html
    (name,) = (name for name in built.pictures() if name.endswith("-1536.jpg"))
    assert Image.open(io.BytesIO(built.asset(name))).size == (1536, 864)
    assert shows(built.asset(name), worded(PictureSpec("canyon")))
    assert GEMINI_KEY not in built.log
    again = site.build(services, "--strict")
    assert again.sources == {"canyon.md": "cached"}
    assert [entry.service for entry in services.ledger.requests] == ["gemini"]
    assert services.ledger.authorization_leaks == ()


def test_gemini_failures_lead_where_they_should(tmp_path: Path, services: Services) -> None:
    """Prompts that Gemini refuses are not offered elsewhere; failed pictures go to the next provider, paid once."""
    rules: dict[str, tuple[Behaviour, str]] = {
        "blocked": (PromptBlocked(), "local"),
        "withheld": (FinishesWithoutPicture("IMAGE_SAFETY"), "local"),
        "spoken": (FinishesWithoutPicture("STOP", "No."), "leonardo"),
        "garbled": (BadBase64(), "leonardo"),
        "torn": (HalfPicture(), "leonardo"),
        "lost": (CutAfterRead(), "leonardo"),
        "broken": (LostAnswer(), "leonardo"),
    }
    for prompt, (behaviour, _) in rules.items():
        services.gemini.on_create(behaviour).when_prompt(prompt)
    busy: RuleHandle = services.gemini.on_create(Answer500(status=503)).when_prompt("busy").once()
    # One after another: two pages in a row that failed would be taken for an outage.
    site = site_of(tmp_path, *rules, "busy", concurrency=1)
    built = site.build(services)
    assert built.exit_code == 0
    assert not built.has_traceback
    given = {hero["page"]: hero["provider"] for hero in built.report["heroes"]}
    assert given == {**{f"{prompt}.md": provider for prompt, (_, provider) in rules.items()}, "busy.md": "gemini"}
    created = services.ledger.requests_to("gemini", "create")
    times = {prompt: sum(prompt in entry.prompt for entry in created) for prompt in (*rules, "busy")}
    assert times == {**dict.fromkeys(rules, 1), "busy": 2}
    assert {job.prompt for job in services.ledger.jobs_of("leonardo")} == {
        prompt for prompt, (_, provider) in rules.items() if provider == "leonardo"
    }
    assert len(built.warnings) == 2
    assert all("another prompt" in warning or "hero_prompt" in warning for warning in built.warnings), built.warnings

    busy.drop()
    second = site.build(services)
    assert second.sources["spoken.md"] == second.sources["lost.md"] == "cached"
    later = [entry.prompt for entry in services.ledger.requests_to("gemini", "create")[len(created) :]]
    # A refused prompt is not asked again, whether or not the refusal was charged.
    assert [prompt.partition("\n")[0] for prompt in later] == []


def test_gemini_without_a_quota_is_asked_once_and_not_waited_for(tmp_path: Path, services: Services) -> None:
    """A quota of 0 switches Gemini off for the build and is said once; the next provider draws every page."""
    services.gemini.on_create(NoImageQuota())
    site = site_of(tmp_path, "canyon", "delta", "moor", concurrency=1)
    built = site.build(services, "--verbose")
    assert set(built.sources.values()) == {"generated"}, built.log
    assert {hero["provider"] for hero in built.report["heroes"]} == {"leonardo"}
    assert len(services.ledger.requests_to("gemini")) == 1
    assert len(re.findall(r"gemini is off for this build: .*no quota", built.log)) == 1
    assert services.ledger.jobs_of("gemini") == ()


def test_gemini_asked_too_often_rests_for_the_other_pages(tmp_path: Path, services: Services) -> None:
    """After a 429 with a delay, pages go to the next provider, and to Gemini after the delay."""
    services.gemini.on_create(Answer429(retry_after_s=600)).once()
    site = site_of(tmp_path, "canyon", "delta", concurrency=1)
    built = site.build(services)
    assert {hero["provider"] for hero in built.report["heroes"]} == {"leonardo"}
    assert len(services.ledger.requests_to("gemini")) == 1
    assert "off for this build" not in built.log


@pytest.mark.parametrize(
    ("key", "model", "grade", "words"),
    [
        (GEMINI_KEY, "gemini-nano-banana-2.1", "ok", "accepted; gemini-nano-banana-2.1"),
        ("AIzaSy-nobody-issued-this-1234567", "gemini-nano-banana-2.1", "bad", "does not accept GEMINI_API_KEY"),
        (GEMINI_KEY, "gemini-2.5-flash-image", "bad", "does not know the model 'gemini-2.5-flash-image'"),
    ],
)
def test_doctor_asks_gemini_without_paying(
    tmp_path: Path, services: Services, key: str, model: str, grade: str, words: str
) -> None:
    """`doctor` checks Gemini's key and model with a free request."""
    site = site_of(tmp_path, "canyon", gemini={"model": model})
    ran = Shell(site, services, {"GEMINI_API_KEY": key})("doctor", "--json")
    (finding,) = (finding for finding in ran.json["findings"] if finding["subject"] == "gemini")
    assert finding["grade"] == grade
    assert words in finding["text"]
    assert services.ledger.jobs == ()
    assert key not in ran.out + ran.err


def test_status_and_generate_reckon_with_gemini(tmp_path: Path, services: Services) -> None:
    """`status` shows the estimate of the first provider, and `generate` buys there."""
    shell = Shell(site_of(tmp_path, "canyon"), services)
    report = shell("status", "--json").json
    assert report["pages"][0]["estimate_usd"] == 0.0336
    assert services.ledger.requests == ()
    assert shell("generate", "--yes").exit_code == 0
    assert [job.provider for job in services.ledger.jobs] == ["gemini"]


def test_model_shut_down_names_the_setting(tmp_path: Path, services: Services) -> None:
    """The message about a model that was shut down names the option to change."""
    services.gemini.on_create(ModelShutDown())
    built = site_of(tmp_path, "canyon", providers=["gemini"]).build(services)
    assert built.sources == {"canyon.md": "local"}
    assert any("gemini.model" in warning for warning in built.warnings)

"""A real `mkdocs serve` on loopback: rebuilds spend nothing, and background pictures are paid for once."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path

import pytest
from builds import Site, page
from cli_rig import Shell
from services import Held, NeverFinishes, PromptModerated, Services, shows
from serving import PATIENCE_S, serving

LOCAL, LEONARDO = 'data-provider="local"', 'data-provider="leonardo"'


def test_preview_spends_nothing_and_keeps_the_last_hero(tmp_path: Path, services: Services) -> None:
    """A changed prompt shows the page's last hero until the named command has made the new one."""
    site = Site(
        tmp_path,
        pages={"index.md": page("Home", hero_prompt="a harbour at dusk")},
        config={"site_url": ""},
    )
    bought, shell = site.build(services), Shell(site, services)
    key = bought.hero("index.md")["key"]
    asked = len(services.ledger.requests)

    with serving(site, services) as preview:
        preview.wait_until(lambda: f'data-key="{key}"' in preview.html())
        site.write({"index.md": page("Home", "Changed.", hero_prompt="another harbour, half typ")})
        preview.wait_until(lambda: "Changed." in preview.html())
        shown, builds = preview.html(), preview.builds
        site.write({"new page.md": page("New", hero_prompt="a desert at noon")})
        preview.wait_until(lambda: LOCAL in preview.html("new%20page/"))
        settled, asked_meanwhile = preview.builds, len(services.ledger.requests)
        shell("generate", "index.md", "--yes")
        preview.wait_until(lambda: f'data-key="{key}"' not in preview.html() and LEONARDO in preview.html())

    assert f'data-key="{key}"' in shown, "the previous hero is gone"
    assert asked_meanwhile == asked, "a preview asked a service"
    assert services.ledger.paid_jobs == 2
    assert builds == 2, preview.log
    assert settled == 3, preview.log
    shows_last = "index.md: shows its previous hero; `mkdocs-leonardo generate index.md` makes the new one"
    shows_paint = "new page.md: shows a placeholder painted on this machine; `mkdocs-leonardo generate 'new page.md'`"
    told = [text for _, text in preview.messages if "mkdocs-leonardo" in text]
    assert told == [shows_last, f"{shows_paint} makes the new one"]
    assert {level for level, _ in preview.messages} == {"INFO"}
    assert "Traceback" not in preview.log


def test_generating_preview_pays_once_for_ten_saves_and_reloads_by_itself(tmp_path: Path, services: Services) -> None:
    """Ten saves pay for the last prompt, the page shows a placeholder meanwhile, and it reloads once."""
    services.leonardo.render_s = 2.0
    site = Site(
        tmp_path,
        pages={"index.md": page("Home", hero_prompt="a"), "other.md": page("Other")},
        options={"on_serve": "generate"},
        config={"site_url": ""},
    )
    prompt = "a lighthouse on a cliff in a storm"

    with serving(site, services) as preview:
        preview.wait_until(lambda: LOCAL in preview.html())
        for length in range(len(prompt) - 9, len(prompt) + 1):
            site.write({"index.md": page("Home", hero_prompt=prompt[:length])})
            time.sleep(0.3)  # the pace of an editor that saves by itself
        preview.wait_until(lambda: services.ledger.creates == 1)
        standing_in = preview.html()
        preview.wait_until(lambda: LEONARDO in preview.html())
        made = preview.builds
        site.write({"other.md": page("Other", "Changed.")})
        preview.wait_until(lambda: "Changed." in preview.html("other/"))
        settled = preview.builds
        pictures = [*(site.cache / "pictures").rglob("*.jpg")]

    assert LOCAL in standing_in, "the page waited for its image"
    assert services.ledger.paid_jobs == services.ledger.creates == 1
    assert [shows(path.read_bytes(), prompt) for path in pictures] == [True]
    assert settled == made + 1, preview.log
    assert not preview.has_traceback, preview.log
    assert {level for level, _ in preview.messages} == {"INFO"}, preview.log


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "killed"])
def test_generating_preview_that_is_stopped_loses_nothing(
    tmp_path: Path, services: Services, number: signal.Signals
) -> None:
    """A stopped preview ends at once, and the next build collects its job."""
    services.leonardo.on_create(NeverFinishes()).once()
    site = Site(
        tmp_path,
        pages={"index.md": page("Home", hero_prompt="a harbour at dusk")},
        options={"on_serve": "generate", "leonardo": {"timeout": 10 * PATIENCE_S}},
    )

    with serving(site, services) as preview:
        preview.wait_until(lambda: services.ledger.polls > 0)
        preview.end(number)
    services.finish_jobs()
    built = site.build(services)

    assert not preview.has_traceback, preview.log
    if number is signal.SIGINT:
        assert preview.process.returncode == 0, preview.log
        assert "1 hero was being made; the next build collects what the services keep" in preview.log
        assert "waiting for" not in preview.log
    assert built.sources == {"index.md": "resumed"}
    assert services.ledger.paid_jobs == services.ledger.creates == 1


@pytest.mark.parametrize("how", ["ctrl-c twice", "terminated"])
def test_generating_preview_that_does_not_wait_for_openai_loses_its_answer_and_says_so(
    tmp_path: Path, services: Services, how: str
) -> None:
    """After a preview that did not wait for OpenAI, the next build warns of the lost answer and pays again."""
    services.openai.on_create(Held()).once()
    site = Site(
        tmp_path,
        pages={"index.md": page("Home", hero_prompt="a harbour at dusk")},
        options={"on_serve": "generate", "providers": ["openai"]},
    )

    with serving(site, services) as preview:
        preview.wait_until(lambda: services.ledger.paid_jobs == 1)
        if how == "terminated":
            preview.end(signal.SIGTERM)
        else:
            preview.process.send_signal(signal.SIGINT)
            preview.wait_until(lambda: "waiting for openai, whose answer is paid for; Ctrl-C again" in preview.log)
            preview.end(signal.SIGINT)
            assert (
                "stopped waiting for openai; an answer still to come is lost and may have been charged" in preview.log
            )
    services.release()
    built = site.build(services)

    assert not preview.has_traceback, preview.log
    assert built.warnings == [
        "index.md: an earlier run never got openai's answer; that image is lost and may have been charged"
    ]
    assert built.sources == {"index.md": "generated"}
    assert services.ledger.paid_jobs == 2


def test_generating_preview_holds_the_caps_and_asks_once_over_all_its_rebuilds(
    tmp_path: Path, services: Services
) -> None:
    """The caps and a refused prompt hold for all rebuilds of a preview together."""
    services.leonardo.on_create(PromptModerated()).when_prompt("refused")
    site = Site(
        tmp_path,
        pages={
            "refused.md": page("Refused", hero_prompt="a refused harbour"),
            "index.md": page("Home", hero_prompt="a harbour at dusk"),
        },
        options={"on_serve": "generate", "max_new_images": 2, "providers": ["leonardo"]},
        config={"site_url": ""},
    )

    with serving(site, services) as preview:
        preview.wait_until(lambda: LEONARDO in preview.html() and "was refused" in preview.log)
        site.write({f"{name}.md": page(name, hero_prompt=f"a desert at {name}") for name in ("noon", "night")})
        preview.wait_until(lambda: "max_new_images" in preview.log)
        preview.wait_until(lambda: LEONARDO in preview.html("noon/") + preview.html("night/"))
        site.write({"refused.md": page("Refused", "Changed.", hero_prompt="a refused harbour")})
        preview.wait_until(lambda: "Changed." in preview.html("refused/"))

    warnings = [text for level, text in preview.messages if level == "WARNING"]
    assert services.ledger.paid_jobs == 2, "the cap began anew"
    assert services.ledger.creates == 3, "the refused prompt was sent again"
    assert len(warnings) == 2, preview.log
    assert "refused.md: hero_prompt was refused" in warnings[0]
    assert "shows a placeholder painted on this machine, since max_new_images" in warnings[1]
    assert warnings[1].endswith("a preview counts as one build")


def test_generating_preview_without_live_reload_says_how_to_get_it(tmp_path: Path, services: Services) -> None:
    """A preview without live reload says how to get it and rebuilds nothing; `--clean` buys no more."""
    site = Site(
        tmp_path,
        pages={"index.md": page("Home", hero_prompt="a harbour at dusk")},
        options={"on_serve": "generate"},
        config={"site_url": ""},
    )

    with serving(site, services, "--no-livereload", "--clean", livereload=False) as preview:
        preview.wait_until(lambda: LOCAL in preview.html())
        asked = len(services.ledger.requests)
        preview.end(signal.SIGINT)

    assert asked == 0, "a build of the preview asked a service"
    assert len(re.findall(r"live reload is off.*`mkdocs serve --livereload`", preview.log)) == 1, preview.log
    assert not preview.has_traceback, preview.log


def test_generating_preview_without_a_key_paints_and_says_so_once(tmp_path: Path, services: Services) -> None:
    """A preview without a key keeps its placeholder and says so once."""
    site = Site(
        tmp_path,
        pages={"index.md": page("Home", hero_prompt="a harbour at dusk")},
        options={"on_serve": "generate"},
        config={"site_url": ""},
    )
    no_keys = dict.fromkeys(services.environ, "")

    with serving(site, services, environ=no_keys) as preview:
        preview.wait_until(lambda: LOCAL in preview.html())
        site.write({"index.md": page("Home", "Changed.", hero_prompt="another harbour")})
        preview.wait_until(lambda: "Changed." in preview.html())

    assert [text for _, text in preview.messages if "key" in text] == [
        "no key in LEONARDO_API_KEY or OPENAI_API_KEY: new heroes are placeholders painted on this machine"
    ]
    assert {level for level, _ in preview.messages} == {"INFO"}
    assert services.ledger.requests == ()

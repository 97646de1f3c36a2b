"""The commands `generate` and `status` against loopback services."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest
from builds import Site, page
from cli_rig import Shell
from fork_server import Process
from services import Answer429, Fails, Held, LostAnswer, ModerationBlocked, PromptModerated, Services, shows

LIGHTHOUSE, DESERT = "a lighthouse in a storm", "a desert at noon"


@pytest.fixture
def shell(tmp_path: Path, services: Services) -> Shell:
    """A site with three heroes, two of which are the same picture."""
    services.leonardo.render_s = 0.05
    pages = {
        "index.md": page("Home", hero_prompt=LIGHTHOUSE),
        "twin.md": page("Twin", hero_prompt=LIGHTHOUSE),
        "blog/dunes.md": page("Dunes", hero_prompt=DESERT, hero_style="DYNAMIC"),
        "plain.md": page("Plain"),
    }
    return Shell(Site(tmp_path, pages, options={"leonardo": {"render_estimate": 0.2}}), services)


def test_generate_shows_pays_once_and_a_build_finds_the_pictures(shell: Shell, services: Services) -> None:
    """`generate` pays only with --yes, once for each picture, and a build finds the pictures."""
    before = shell("status", "--json").json
    assert before["totals"]["to_buy"] == 2
    assert before["totals"]["estimate_usd"] == pytest.approx(0.04485)
    assert {page["state"] for page in before["pages"]} == {"missing"}

    dry = shell("generate", "--dry-run")
    assert dry.exit_code == 0
    assert "2 new images from leonardo: about $0.045, at most $0.13 if openai has to step in" in dry.out
    plan = shell("generate", "--dry-run", "--json").json
    assert sorted(one["prompt"] for one in plan["buy"]) == [DESERT, LIGHTHOUSE]
    assert (plan["collect"], plan["held_back"], plan["cannot_be_made"]) == ([], 0, 0)
    assert (plan["estimate_usd"], plan["most_usd"]) == (pytest.approx(0.04485), pytest.approx(0.12885))
    unasked = shell("generate")
    assert unasked.exit_code == 2
    assert "--yes" in unasked.err
    assert services.ledger.requests == ()

    first = shell("generate", "--yes")
    assert first.exit_code == 0
    assert "index.md: made by leonardo" in first.out
    assert "2 images; 2 new images, $0.04" in first.out
    again = shell("generate", "--yes")
    assert (again.exit_code, again.out) == (0, "nothing to make: 3 of 3 heroes are stored\n")

    built = shell.site.build(services)
    assert built.totals["cached"] == 3
    assert services.ledger.creates == 2
    after = shell.pages()
    assert {page["state"] for page in after.values()} == {"cached"}
    assert shows(Path(after["blog/dunes.md"]["file"]).read_bytes(), DESERT)


def test_generate_tells_programs_what_came_of_it(shell: Shell, services: Services) -> None:
    """`generate --json` prints each picture with its provider and price, or the reason for its absence."""
    services.leonardo.on_create(Fails()).when_prompt(DESERT)
    services.openai.on_create(Answer429())

    ran = shell("generate", "--yes", "--json")

    assert ran.exit_code == 1
    report = ran.json
    pictures = {picture["page"]: picture for picture in report["pictures"]}
    assert (pictures["index.md"]["provider"], pictures["index.md"]["source"]) == ("leonardo", "generated")
    assert pictures["blog/dunes.md"]["provider"] is None
    assert "429" in pictures["blog/dunes.md"]["failure"]
    assert report["failed"] == 1
    assert report["cost_usd"] == pytest.approx(pictures["index.md"]["cost_usd"])
    assert report["cost_usd"] > 0


def test_generate_copies_pages_of_like_names_beside_each_other(shell: Shell) -> None:
    """`generate --into` writes two files for pages with similar names."""
    shell.site.write(
        {"blog-dunes.md": page("Dash", hero_prompt="a dash"), "blog--dunes.md": page("B", hero_prompt="b")}
    )

    assert shell("generate", "--yes", "--into", "copies").exit_code == 0

    names = [path.name for path in (shell.site.folder / "copies").glob("blog*dunes*")]
    assert len(names) == 3
    assert {"blog--dunes.jpg", "blog-dunes.jpg"} < set(names)


def test_generate_copies_only_into_an_empty_folder_or_one_of_its_own(shell: Shell, services: Services) -> None:
    """`generate --into` replaces an existing folder only with its own mark, and pays nothing for another one."""
    folder = shell.site.folder / "press"
    folder.mkdir()
    (folder / "index.jpg").write_text("mine", encoding="utf-8")

    refused = shell("generate", "--yes", "--into", "press")
    assert refused.exit_code == 2
    assert "--into: press holds files that this command did not make" in refused.err
    assert (folder / "index.jpg").read_text("utf-8") == "mine"
    assert services.ledger.requests == ()
    (shell.site.folder / "docs/img").mkdir()
    (shell.site.folder / "docs/img/mine.jpg").write_text("mine", encoding="utf-8")
    assert shell("generate", "--yes", "--into", "docs/img").exit_code == 2

    (folder / "index.jpg").unlink()
    assert shell("generate", "--yes", "--into", "press").exit_code == 0
    assert shell("generate", "--yes", "--into", "press").exit_code == 0
    (folder / ".mkdocs-leonardo").unlink()
    assert shell("generate", "--yes", "--into", "press").exit_code == 2


@pytest.mark.parametrize("arguments", ["--into press", "--into docs/press", "--takes 2 twin.md"])
def test_generate_pays_for_nothing_that_it_could_not_write(shell: Shell, services: Services, arguments: str) -> None:
    """`generate` reports a dead link and a foreign file in its output folder before it pays."""
    for name in ("press", "docs/press"):
        (shell.site.folder / name).symlink_to("nowhere/at/all")
    taken = shell.site.cache / "takes" / "twin" / "notes.txt"
    taken.parent.mkdir(parents=True)
    taken.write_text("mine", encoding="utf-8")

    refused = shell("generate", "--yes", *arguments.split())

    assert refused.exit_code == 2
    assert "nothing was spent" in refused.err
    assert services.ledger.creates == 0


def test_generate_with_names_makes_only_those_and_suggests_for_typos(shell: Shell, services: Services) -> None:
    """`generate` takes names, paths, folders and patterns of pages; any other one is exit 2 with a suggestion."""
    typo = shell("generate", "blog/dune.md", "--yes")
    assert (typo.exit_code, typo.out) == (2, "")
    assert "did you mean blog/dunes.md?" in typo.err
    plain = shell("generate", "plain.md", "--yes")
    assert plain.exit_code == 2
    assert "plain.md has no hero_prompt" in plain.err

    for name in ("docs/blog/dunes.md", "blog/", "*/dunes*"):
        assert "1 new image from leonardo" in shell("generate", name, "--dry-run").out
    assert shell("generate", "blog/dunes.md", "--yes").exit_code == 0
    assert [job.prompt for job in services.ledger.jobs] == [DESERT]


def test_generate_on_a_terminal_asks_and_shows_progress(shell: Shell, services: Services) -> None:
    """On a terminal, `generate` asks, pays nothing after a no, shows progress after a yes, and obeys NO_COLOR."""
    services.leonardo.render_s = 0.6
    refused = shell.on_terminal("generate", "index.md", typed="n\n")
    assert refused.exit_code == 1
    assert "nothing was spent" in refused.out
    assert services.ledger.creates == 0

    agreed = shell.on_terminal("generate", "index.md", typed="y\n")
    assert agreed.exit_code == 0
    assert "[------------------------] 0/1" in agreed.out
    assert services.ledger.creates == 1

    assert "\x1b[1m" in shell.on_terminal("status").out
    assert "\x1b[" not in shell.on_terminal("status", environ={"NO_COLOR": "1"}).out


def test_generate_interrupted_while_rendering_collects_later_without_paying(shell: Shell, services: Services) -> None:
    """After Ctrl-C, `generate` names rendering jobs, and the next run collects them without paying."""
    services.leonardo.render_s = None
    with shell.running("generate", "index.md", "--yes") as process:
        services.wait_until(lambda ledger: ledger.polls >= 1, timeout_s=30)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "paid for, and not collected yet: index.md (leonardo)" in err
    assert "Traceback" not in err
    assert shell.pages()["index.md"]["state"] == "paid"

    services.finish_jobs()
    resumed = shell("generate", "index.md")
    assert resumed.exit_code == 0
    assert "collected from leonardo, paid for earlier" in resumed.out
    assert services.ledger.creates == 1


def test_generate_interrupted_before_the_answer_finds_the_job_later(shell: Shell, services: Services) -> None:
    """A create call that Ctrl-C cut off is looked for before another one is paid for."""
    services.leonardo.on_create(Held()).once()
    with shell.running("generate", "index.md", "--yes") as process:
        services.wait_until(lambda ledger: ledger.paid_jobs == 1, timeout_s=30)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    services.release()
    assert process.returncode == 130
    assert "asked for, without an answer yet: index.md (leonardo)" in err
    assert shell.pages()["index.md"]["state"] == "uncertain"
    assert "1 image may be paid for and is looked for: index.md" in shell("generate", "index.md", "--dry-run").out
    assert "1 image may be paid for; the next build looks for the jobs" in shell("doctor").out
    assert "paid for and" not in shell("check").out

    assert shell("generate", "index.md").exit_code == 0
    assert services.ledger.paid_jobs == 1
    assert shell.pages()["index.md"]["state"] == "cached"


def read_until(process: Process, words: str) -> str:
    """Standard error up to the line with these words."""
    assert process.stderr is not None
    read = ""
    for line in process.stderr:
        read += line
        if words in line:
            return read
    raise AssertionError(read)


WAITING = "waiting for openai, whose answer is paid for; Ctrl-C again gives it up"
LOST = "index.md: an earlier run never got openai's answer; that image is lost and may have been charged"


@pytest.mark.parametrize("takes", [(), ("--takes", "1")], ids=["hero", "take"])
def test_generate_interrupted_waits_for_an_answer_that_is_the_picture(
    shell: Shell, services: Services, takes: tuple[str, ...]
) -> None:
    """After Ctrl-C, `generate` names the service it waits for, and keeps the picture that arrives."""
    shell.site.configure(services, {"providers": ["openai"]})
    services.openai.on_create(Held()).once()
    with shell.running("generate", "index.md", "--yes", *takes) as process:
        services.wait_until(lambda ledger: ledger.paid_jobs == 1, timeout_s=30)
        process.send_signal(signal.SIGINT)
        read_until(process, WAITING)
        services.release()
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "stored all the same, from openai" in out
    assert err == "interrupted: 1 of 1 image done\nnothing is left to collect\n"

    assert shell("generate", "index.md", "--yes", *takes).exit_code == 0
    assert services.ledger.paid_jobs == 1


def test_generate_interrupted_twice_gives_the_answer_up_and_says_that_it_is_lost(
    shell: Shell, services: Services
) -> None:
    """A second Ctrl-C ends the wait; then the picture is missing, and its price is shown again."""
    shell.site.configure(services, {"providers": ["openai"]})
    services.openai.on_create(Held()).once()
    with shell.running("generate", "index.md", "--yes") as process:
        services.wait_until(lambda ledger: ledger.paid_jobs == 1, timeout_s=30)
        process.send_signal(signal.SIGINT)
        read_until(process, WAITING)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted: 0 of 1 image done\ngiven up before the answer came: index.md (openai); " in err
    assert "Traceback" not in err
    services.release()
    assert_lost_answer_is_reported_and_paid_for_when_agreed(shell, services)


def test_generate_killed_before_an_answer_that_is_the_picture_promises_nothing(
    shell: Shell, services: Services
) -> None:
    """`status` shows a picture as pending while its command lives, and as missing and lost once it was killed."""
    shell.site.configure(services, {"providers": ["openai"]})
    services.openai.on_create(Held()).once()
    with shell.running("generate", "index.md", "--yes") as process:
        services.wait_until(lambda ledger: ledger.paid_jobs == 1, timeout_s=30)
        assert shell.pages()["index.md"]["state"] == "uncertain"
        process.kill()
        process.communicate(timeout=30)
    services.release()
    assert "1 image was asked for without an answer so far; see mkdocs-leonardo status" in shell("doctor").out
    assert_lost_answer_is_reported_and_paid_for_when_agreed(shell, services)


def assert_lost_answer_is_reported_and_paid_for_when_agreed(shell: Shell, services: Services) -> None:
    """Assert that every command reports the lost picture, and pays for another one only after agreement."""
    status = shell("status")
    assert "paid" not in status.out
    assert LOST in status.err
    dry = shell("generate", "index.md", "--dry-run")
    assert "1 new image from openai: about $0.042" in dry.out
    assert "collected" not in dry.out
    assert LOST in dry.err
    assert shell("generate", "index.md").exit_code == 2
    assert services.ledger.paid_jobs == 1

    paid = shell("generate", "index.md", "--yes")
    assert paid.exit_code == 0
    assert "1 image; 1 new image, $0.035" in paid.out
    assert paid.err.count("never got") == 1
    assert services.ledger.paid_jobs == 2
    assert shell("status").err == ""


def test_generate_with_a_failed_open_job_pays_only_when_agreed_again(shell: Shell, services: Services) -> None:
    """`generate` does not replace a paid job that failed by another one without agreement."""
    services.leonardo.on_create(Fails()).once()
    services.leonardo.render_s = None
    with shell.running("generate", "index.md", "--yes") as process:
        services.wait_until(lambda ledger: ledger.polls >= 1, timeout_s=30)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    shell.site.write({"copy.md": page("The same once more", hero_prompt=LIGHTHOUSE)})
    planned = shell("generate", "index.md", "copy.md", "--dry-run").out
    assert "1 image is paid for and will be collected: index.md, copy.md" in planned
    services.finish_jobs()
    services.leonardo.render_s = 0.05

    collected = shell("generate", "index.md")
    assert collected.exit_code == 1
    assert "no image: leonardo: " in collected.out
    assert "; run the command again to pay for another one\n" in collected.out
    assert "a cap of this build" not in collected.out
    assert services.ledger.creates == 1
    assert shell("generate", "index.md", "--yes").exit_code == 0
    assert services.ledger.creates == 2


def test_generate_announces_no_job_before_the_service_is_asked_for_it_again(shell: Shell, services: Services) -> None:
    """A job that was asked for a moment ago is not announced as collected, by `compare` neither; a warning names it."""
    services.leonardo.render_s = None
    shell.site.write({"late.md": "---\nhero_prompt: a late picture\nhero_seed: 1\n---\n# Late\n"})
    shell.site.configure(services, {"providers": ["leonardo"], "leonardo": {"timeout": 1, "render_estimate": 0.2}})
    assert shell("generate", "late.md", "--yes").exit_code == 1
    assert "1 image is paid for and will be collected: late.md" in shell("generate", "late.md").out
    requests = services.ledger.polls

    early = shell("generate", "late.md")

    assert (early.exit_code, early.out) == (1, "nothing was made: 0 of 1 hero is stored\n")
    assert "late.md: paid for, and not complete when it was last asked for; a later run collects it" in early.err
    assert shell.pages()["late.md"]["to_collect_from"] == ["leonardo"]
    compared = shell("compare", "a late picture", "--styles", "CINEMATIC", "-o", "out", "--yes")
    assert compared.exit_code == 1
    assert "CINEMATIC, seed 1: paid for, and not complete when it was last asked for" in compared.err
    assert (services.ledger.polls, services.ledger.creates) == (requests, 1)


def test_generate_within_caps_says_what_is_held_back(shell: Shell, services: Services) -> None:
    """The configuration's caps hold for `generate`, which names held-back pages and exits with 1."""
    shell.site.configure(services, {"max_new_images": 1})
    capped = shell("generate", "--yes")
    assert capped.exit_code == 1
    assert "1 more image is held back by max_new_images or max_cost_usd" in capped.out
    assert services.ledger.creates == 1

    shell.site.configure(services, {"max_new_images": 0})
    nothing = shell("generate", "--yes").out
    assert "held back by max_new_images or max_cost_usd; raise the cap" in nothing
    assert services.ledger.creates == 1

    shell.site.configure(services, {"max_cost_usd": 0.01})
    assert shell("generate", "--yes").exit_code == 1
    assert services.ledger.creates == 1


def test_generate_when_providers_fail_steps_over_and_says_why(shell: Shell, services: Services) -> None:
    """`generate` accepts a fallback's picture, and exits with 1 and the reasons if a page has none."""
    services.leonardo.on_create(Answer429()).when_prompt(LIGHTHOUSE)
    assert "index.md: made by openai" in shell("generate", "index.md", "--yes").out

    services.forget_rules()
    services.leonardo.on_create(PromptModerated())
    refused = shell("generate", "blog/dunes.md", "--yes", environ={"OPENAI_API_KEY": ""})
    assert refused.exit_code == 1
    assert "blog/dunes.md: no image: " in refused.out


def test_generate_that_may_not_collect_a_second_image_misses_none(shell: Shell, services: Services) -> None:
    """A job that `generate: false` leaves alone is no missing image while a fallback's image is stored."""
    services.leonardo.render_s = None
    shell.site.configure(services, {"leonardo": {"timeout": 1, "render_estimate": 0.2}})
    assert "index.md: made by openai" in shell("generate", "index.md", "--yes").out
    assert shell.pages()["index.md"]["to_collect_from"] == ["leonardo"]

    shell.site.configure(services, {"generate": False})
    ran = shell("generate", "index.md")

    assert (ran.exit_code, ran.out) == (0, "nothing to make: 1 of 1 hero is stored\n")


def test_generate_without_key_or_permission_spends_nothing(shell: Shell, services: Services) -> None:
    """Without a key, or with `generate: false`, `generate` exits with 1 and the fix, and paints nothing."""
    keyless = shell("generate", "--yes", environ={"LEONARDO_API_KEY": "", "OPENAI_API_KEY": ""})
    assert keyless.exit_code == 1
    assert (
        "images are missing and cannot be made: no provider has a key; set LEONARDO_API_KEY or OPENAI_API_KEY in the "
        "environment" in keyless.err
    )
    assert "nothing was made: 0 of 3 heroes are stored\n" in keyless.out

    shell.site.configure(services, {"generate": False})
    forbidden = shell("generate", "--yes")
    assert forbidden.exit_code == 1
    assert "generate: false" in forbidden.err
    status = shell("status")
    assert "generate: false: no image is paid for" in status.err
    assert "$" not in status.out
    assert "$" not in shell("status", environ={"LEONARDO_API_KEY": "", "OPENAI_API_KEY": ""}).out
    shell.site.configure(services, {"providers": ["local"]})
    assert "$" not in shell("status").out, "nothing is ever paid for"
    assert services.ledger.requests == ()


def test_status_of_an_image_does_not_depend_on_the_permission_to_generate(shell: Shell, services: Services) -> None:
    """A fallback's refusal is no reason to rewrite a prompt that the first provider takes."""
    services.leonardo.on_create(Fails())
    services.openai.on_create(ModerationBlocked())
    assert shell("generate", "index.md", "--yes").exit_code == 1
    before = shell.pages()["index.md"]
    assert (before["state"], before["problem"]) == ("missing", None)

    shell.site.configure(services, {"generate": False})

    after = shell.pages()["index.md"]
    assert (after["state"], after["problem"], after["key"]) == ("missing", None, before["key"])


def test_generate_takes_makes_alternatives_to_choose_by_seed(shell: Shell, services: Services) -> None:
    """Takes are on a contact sheet and paid for once; the chosen `hero_seed` makes one the page's hero for free."""
    both = shell("generate", "--takes", "2", "--yes")
    assert both.exit_code == 2
    assert "one page" in both.err

    ran = shell("generate", "blog/dunes.md", "--takes", "2", "--yes", "--into", "takes")
    assert ran.exit_code == 0
    assert "  hero_seed: 1 " in ran.out
    assert {"index.html", "sheet.jpg", "seed-1.jpg", "seed-2.jpg"} <= {
        path.name for path in (shell.site.folder / "takes").iterdir()
    }
    assert shell.pages()["blog/dunes.md"]["state"] == "missing"
    more = shell("generate", "blog/dunes.md", "--takes", "3", "--yes")
    assert "hero_seed: 3" in more.out
    assert sorted(job.seed or 0 for job in services.ledger.jobs) == [1, 2, 3]

    shell.site.write({"blog/dunes.md": page("Dunes", hero_prompt=DESERT, hero_style="DYNAMIC", hero_seed=2)})
    assert shell.pages()["blog/dunes.md"]["state"] == "cached"
    again = shell("generate", "blog/dunes.md", "--takes", "3", "--into", "takes")
    assert re.findall(r"^  hero_seed: (\d) .*, as it is now$", again.out, re.MULTILINE) == ["2"]
    copied = shell("generate", "blog/dunes.md", "--into", "copies")
    assert copied.exit_code == 0
    names = {path.name for path in (shell.site.folder / "copies").iterdir()}
    assert "blog--dunes.jpg" in names
    assert any(name.endswith("-480.webp") for name in names)
    assert services.ledger.creates == 3


def test_generate_takes_shows_the_present_picture_among_them(shell: Shell, services: Services) -> None:
    """The sheet and the list of takes begin with the page's present picture."""
    assert shell("generate", "index.md", "--yes").exit_code == 0
    ran = shell("generate", "index.md", "--takes", "1", "--yes", "--into", "takes")
    assert re.findall(r"^  (as it is now|hero_seed: 1) +leonardo, ", ran.out, re.MULTILINE) == [
        "as it is now", "hero_seed: 1",
    ]  # fmt: skip
    assert "as it is now" in (shell.site.folder / "takes/index.html").read_text(encoding="utf-8")
    assert (shell.site.folder / "takes/now.jpg").is_file()
    assert services.ledger.creates == 2


def test_generate_after_a_lost_answer_adopts_the_job(shell: Shell, services: Services) -> None:
    """`generate` adopts the job of a lost answer instead of paying again."""
    services.leonardo.on_create(LostAnswer()).once()
    assert shell("generate", "index.md", "--yes").exit_code == 0
    assert services.ledger.paid_jobs == 1

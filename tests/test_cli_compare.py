"""The commands `compare`, `balance` and `doctor` against loopback services."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from builds import Site, page
from cli_rig import Shell
from PIL import Image
from services import Answer, Answer500, Fails, Services

from mkdocs_leonardo.imaging.provenance import detect


@pytest.fixture
def shell(tmp_path: Path, services: Services) -> Shell:
    """A site without any hero."""
    services.leonardo.render_s = 0.05
    return Shell(Site(tmp_path, {"index.md": page("Home")}), services)


def test_compare_lays_styles_side_by_side_and_pays_once(shell: Shell, services: Services) -> None:
    """`compare` asks before it pays, makes every style with and without Alchemy by the same seeds, and pays once."""
    arguments = ("compare", "a <harbour> & more", "--styles", "cinematic,MOODY", "--alchemy", "both", "-o", "out")
    unasked = shell(*arguments)
    assert unasked.exit_code == 2
    assert "together about $0.07" in unasked.out
    assert services.ledger.requests == ()

    ran = shell(*arguments, "--yes")
    assert ran.exit_code == 0
    assert re.search(r"^CINEMATIC  on       1       \d+\.\d s +\$0\.022$", ran.out, re.MULTILINE)
    assert re.search(r"^Alchemy overhead: \+\$0\.007 an image, [+-]\d+\.\d s ", ran.out, re.MULTILINE)
    jobs = services.ledger.jobs
    assert sorted((job.style, job.quality, job.seed) for job in jobs) == [
        ("CINEMATIC", "alchemy", 1),
        ("CINEMATIC", "fast", 1),
        ("MOODY", "alchemy", 1),
        ("MOODY", "fast", 1),
    ]
    assert {job.prompt for job in jobs} == {"a <harbour> & more"}

    folder = shell.site.folder / "out"
    names = {path.name for path in folder.iterdir()}
    assert names == {
        ".mkdocs-leonardo",
        "index.html",
        "sheet.jpg",
        "cinematic-1.jpg",
        "cinematic-1-no-alchemy.jpg",
        "moody-1.jpg",
        "moody-1-no-alchemy.jpg",
    }
    html = (folder / "index.html").read_text("utf-8")
    assert "a &lt;harbour&gt; &amp; more" in html
    assert html.count("data:image/jpeg;base64,") == 4
    assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", html)
    with Image.open(folder / "sheet.jpg") as sheet:
        assert sheet.width > 900
    assert detect((folder / "sheet.jpg").read_bytes()).source_type

    again = shell(*arguments)
    assert again.exit_code == 0
    assert "every image is stored" in again.err
    next((shell.site.cache / "pictures").glob("*.json")).unlink()
    half = shell(*arguments)
    assert half.exit_code == 0
    assert "every image is stored" not in half.err
    assert " beside it; it is not paid for again while that file is there" in half.err
    assert services.ledger.creates == 4


def test_compare_takes_several_pictures_of_each_style(shell: Shell, services: Services) -> None:
    """`compare --count` uses seeds from 1 on, leaves failed pictures out of Alchemy's share, and reports in JSON."""
    services.leonardo.on_create(Fails()).when_prompt("harbour").times(1)
    arguments = ("compare", "a harbour", "--styles", "MOODY", "--count", "2", "--alchemy", "both", "-o", "out", "--yes")

    ran = shell(*arguments, "--json")

    assert ran.exit_code == 0, ran.err
    report = ran.json
    assert len(services.ledger.jobs) == 4
    assert sorted((job.quality, job.seed) for job in services.ledger.jobs) == [
        ("alchemy", 1),
        ("alchemy", 2),
        ("fast", 1),
        ("fast", 2),
    ]
    assert len(report["pictures"]) == 3
    assert report["alchemy_overhead"] == {"pairs": 1, "cost_usd": 0.0074}
    assert all((shell.site.folder / picture["file"]).is_file() for picture in report["pictures"])
    assert "an image, " in ran.err
    assert ", over 1 pair\n" in ran.err

    again = shell(*arguments)
    assert re.search(r"^MOODY  on       2 ", again.out, re.MULTILINE)
    assert ", over 2 pairs\n" in again.out
    assert services.ledger.creates == 5


def test_compare_waits_longer_than_a_build(shell: Shell, services: Services) -> None:
    """`compare` waits for a picture beyond a build's timeout."""
    shell.site.configure(services, {"leonardo": {"timeout": 1}})
    services.leonardo.render_s = 2.5

    ran = shell("compare", "a harbour", "--styles", "MOODY", "-o", "out", "--yes")

    assert ran.exit_code == 0
    assert re.search(r"^MOODY  on       1 ", ran.out, re.MULTILINE)


def test_compare_pays_for_nothing_that_it_could_not_show(shell: Shell, services: Services) -> None:
    """`compare` refuses an output folder that cannot be made before it pays."""
    (shell.site.folder / "file").write_text("", encoding="utf-8")

    ran = shell("compare", "a harbour", "-o", "file/out", "--yes")

    assert ran.exit_code == 2
    assert "nothing was spent" in ran.err
    assert services.ledger.creates == 0


def test_compare_within_caps_and_with_wrong_styles(shell: Shell, services: Services) -> None:
    """The caps of `compare` hold for both modes together; a misspelt style is refused before it pays."""
    wrong = shell("compare", "a harbour", "--styles", "CINEMTIC", "-o", "out", "--yes")
    assert wrong.exit_code == 2
    assert "did you mean CINEMATIC?" in wrong.err
    assert shell("compare", "a harbour", "--yes").exit_code == 2

    shell.site.configure(services, {"max_new_images": 3})
    capped = shell("compare", "a harbour", "--styles", "MOODY,MACRO", "--alchemy", "both", "-o", "out", "--yes")
    assert capped.exit_code == 0
    assert "1 more image is held back" in capped.out
    assert services.ledger.creates == 3

    keyless = shell("compare", "a hill", "-o", "out", "--yes", environ={"LEONARDO_API_KEY": ""})
    assert keyless.exit_code == 2
    assert "set LEONARDO_API_KEY" in keyless.err


def test_compare_of_a_model_without_alchemy_leaves_it_out(shell: Shell, services: Services) -> None:
    """`compare --alchemy` refuses a model that has no such switch before it pays."""
    shell.site.configure(services, {"leonardo": {"model": "lucid-origin"}})

    wrong = shell("compare", "a harbour", "--styles", "VIBRANT", "--alchemy", "both", "-o", "out", "--yes")

    assert wrong.exit_code == 2
    assert "--alchemy: lucid-origin draws without Alchemy; leave it out" in wrong.err
    assert services.ledger.requests == ()


def test_compare_writes_only_into_an_empty_folder_or_one_of_its_own(shell: Shell, services: Services) -> None:
    """`compare` replaces an existing folder only with its own mark, and pays nothing for another one."""
    arguments = ("compare", "a harbour", "--styles", "MOODY", "--yes", "-o", "public")
    page_file = shell.site.folder / "public" / "index.html"
    page_file.parent.mkdir()
    page_file.write_text("mine", encoding="utf-8")

    refused = shell(*arguments)
    assert refused.exit_code == 2
    assert "--output: public holds files that this command did not make" in refused.err
    assert page_file.read_text("utf-8") == "mine"
    assert services.ledger.requests == ()

    page_file.unlink()
    assert shell(*arguments).exit_code == 0
    assert shell(*arguments).exit_code == 0
    (page_file.parent / ".mkdocs-leonardo").unlink()
    assert shell(*arguments).exit_code == 2
    assert services.ledger.creates == 1


def test_balance_shows_credits_and_alerts(shell: Shell, services: Services) -> None:
    """`balance` exits with 0, with 1 below the alert or without an answer, and with 2 without a key."""
    plenty = shell("balance", "--alert-below", "10", "--json")
    assert plenty.exit_code == 0
    (account,) = plenty.json["accounts"]
    assert account["credits"] > 10
    low = shell("balance", "--alert-below", "1000000000")
    assert low.exit_code == 1
    assert "credits left (about $" in low.out

    nonsense = shell("balance", "--alert-below", "nan")
    assert nonsense.exit_code == 2
    assert "'nan' is no such amount; it must be credits, 0 or more, or US dollars, such as '$5'" in nonsense.err

    services.leonardo.on_me(Answer500())
    silent = shell("balance")
    assert silent.exit_code == 1
    assert "answered 500" in silent.out
    keyless = shell("balance", environ={"LEONARDO_API_KEY": ""})
    assert keyless.exit_code == 2
    assert "set LEONARDO_API_KEY in the environment" in keyless.err

    services.forget_rules()
    services.leonardo.on_me(Answer(200, {"user_details": [{"apiPaidTokens": None, "apiSubscriptionTokens": 0}]}))
    unknown = shell("balance", "--alert-below", "10")
    assert (unknown.exit_code, unknown.out) == (0, "leonardo: does not report a balance\n")
    services.forget_rules()
    services.leonardo.on_me(Answer(200, {"user_details": [{"apiPaidTokens": 12.4567}]}))
    dollars = shell("balance", "--alert-below", "$20")
    assert (dollars.exit_code, dollars.out) == (1, "leonardo: $12.46 left\n")
    assert "less than $20.00 is left" in dollars.err
    assert services.ledger.creates == 0


def test_doctor_finds_what_would_go_wrong(shell: Shell, services: Services) -> None:
    """`doctor` exits with 0 if all is well, and with 1 for a refused key, a silent service or a broken cache."""
    well = shell("doctor")
    assert well.exit_code == 0, well.out
    assert "BAD" not in well.out
    assert re.search(r"^ok    leonardo +LEONARDO_API_KEY is set and accepted; ", well.out, re.MULTILINE)
    assert re.search(r"^ok    openai +OPENAI_API_KEY is set and accepted; gpt-image-2$", well.out, re.MULTILINE)
    assert re.search(r"^ok    theme +mkdocs$", well.out, re.MULTILINE)
    assert services.ledger.creates == 0

    keyless = shell("doctor", "--json", environ={"LEONARDO_API_KEY": "", "OPENAI_API_KEY": "sk-of-somebody-else"})
    assert keyless.exit_code == 1
    grades = {finding["subject"]: finding["grade"] for finding in keyless.json["findings"]}
    assert (grades["leonardo"], grades["openai"]) == ("note", "bad")
    assert "sk-of-somebody-else" not in keyless.out + keyless.err

    copied = shell("doctor", "--json", environ={"LEONARDO_API_KEY": "half-\n-half", "OPENAI_API_KEY": "half-\n-half"})
    for variable, provider in (("LEONARDO_API_KEY", "leonardo"), ("OPENAI_API_KEY", "openai")):
        (text,) = [finding["text"] for finding in copied.json["findings"] if finding["subject"] == provider]
        assert text.startswith(f"{variable} is set; the key in {variable} holds a space, a line break"), text
    assert "half" not in copied.out + copied.err

    services.leonardo.down = True
    (shell.site.folder / "in-the-way").write_text("", encoding="utf-8")
    shell.site.configure(services, {"cache_dir": "in-the-way"})
    broken = shell("doctor")
    assert broken.exit_code == 1
    assert re.search(r"^BAD   cache_dir ", broken.out, re.MULTILINE)
    assert re.search(r"^BAD   leonardo +LEONARDO_API_KEY is set; the service ", broken.out, re.MULTILINE)

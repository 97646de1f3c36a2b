"""The preview's background work, hook by hook: jobs, their time, and messages."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from mkdocs.config.defaults import MkDocsConfig
from services import Answer500, Held, Services

from mkdocs_leonardo.config import LeonardoConfig
from mkdocs_leonardo.host.preview import Preview
from mkdocs_leonardo.host.serving import make_preview
from mkdocs_leonardo.host.stamp import STAMP, StampWatcher, make_stamp
from mkdocs_leonardo.resolution import GENERATION_OFF, Resolution
from mkdocs_leonardo.settings import Settings, settings_from
from mkdocs_leonardo.spec import HeroSpec, PictureSpec

#: Long enough that a busy machine does everything between two calls within it (seconds).
SETTLED_S = 0.5
PATIENCE_S = 20.0


class PreviewRig:
    """A preview whose rebuilds are calls; `told` has its messages."""

    def __init__(self, folder: Path, services: Services, *, settled_s: float = SETTLED_S, **options: object) -> None:
        self.folder = folder
        self.docs = folder / "docs"
        self.docs.mkdir(exist_ok=True)
        self.told: list[tuple[int, str]] = []
        #: Called with every message.
        self.listener: Callable[[str], object] = lambda _message: None
        self._services = services
        self._options = {"on_serve": "generate", **options}
        self.preview = Preview(
            environ=services.environ,
            notify=self._tell,
            command=["mkdocs-leonardo"],
            settled_s=settled_s,
        )

    def _tell(self, level: int, message: str) -> None:
        self.told.append((level, message))
        self.listener(message)

    def settings(self, **options: object) -> Settings:
        """The rig's options with some of them changed."""
        config = LeonardoConfig()
        own: dict[str, Any] = {"formats": ["jpeg"], "widths": [480]}
        config.load_dict({**own, **self._services.plugin_options, **self._options, **options})
        assert config.validate() == ([], [])
        return settings_from(config, self.folder / "mkdocs.yml", docs_dir=self.docs)

    def rebuild(self, prompts: Mapping[str, str], *, reason: str = "", **options: object) -> None:
        """Rebuild; these pages lack their picture."""
        self.preview.pause()
        self.end_rebuild(prompts, reason=reason, **options)

    def end_rebuild(self, prompts: Mapping[str, str], *, reason: str = "", **options: object) -> None:
        """End a rebuild."""
        missing = [Resolution(_hero(name, prompt), None, failure=GENERATION_OFF) for name, prompt in prompts.items()]
        self.preview.take(self.settings(**options), missing, docs_dir=self.docs, reason=reason)

    @property
    def stamped(self) -> str:
        """The content of the stamp file; `""` without a file."""
        path = self.settings().cache_dir / STAMP
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def texts(self, level: int) -> list[str]:
        """The messages of one level."""
        return [text for told_level, text in self.told if told_level == level]

    def wait_until(self, is_true: Callable[[], bool]) -> None:
        """Wait until the condition is true; AssertionError with all messages after a time limit."""
        end = time.monotonic() + PATIENCE_S
        while not is_true():
            assert time.monotonic() < end, self.told
            time.sleep(0.02)

    def wait_for_pictures(self, *pages: str) -> None:
        """Wait until the heroes of all these pages have been announced."""
        self.wait_until(lambda: all(any(f"{page}: its new hero" in text for _, text in self.told) for page in pages))


def _hero(name: str, prompt: str) -> HeroSpec:
    picture = PictureSpec(prompt=prompt, style="CINEMATIC", width_px=1536, height_px=864)
    return HeroSpec(page=name, picture=picture)


@contextmanager
def rig_of(
    folder: Path, services: Services, *, settled_s: float = SETTLED_S, **options: object
) -> Iterator[PreviewRig]:
    """A rig whose preview ends with the block."""
    rig = PreviewRig(folder, services, settled_s=settled_s, **options)
    try:
        yield rig
    finally:
        rig.preview.close()


def test_take_of_a_prompt_that_changes_pays_for_the_last_one_alone(tmp_path: Path, services: Services) -> None:
    """Each change of a prompt restarts the wait, and only the last prompt is paid for."""
    # Ten rebuilds within it, on any machine.
    with rig_of(tmp_path, services, settled_s=3.0) as rig:
        for length in range(5, 15):
            rig.rebuild({"a.md": "a harbour at dusk"[:length]})

        def ask() -> bool:
            rig.rebuild({"a.md": "a harbour"})
            return services.ledger.creates > 0

        rig.wait_until(ask)
        rig.wait_for_pictures("a.md")

    assert [job.prompt for job in services.ledger.jobs] == ["a harbour"]


def test_take_while_a_rebuild_is_under_way_starts_nothing(tmp_path: Path, services: Services) -> None:
    """A prompt is not paid for during a rebuild, since the rebuild may remove it."""
    with rig_of(tmp_path, services) as rig:
        rig.rebuild({"a.md": "a harb"})
        rig.preview.pause()
        time.sleep(2 * SETTLED_S)  # a slow rebuild
        rig.end_rebuild({"a.md": "a harbour at dusk"})
        rig.wait_for_pictures("a.md")

    assert [job.prompt for job in services.ledger.jobs] == ["a harbour at dusk"]


def test_page_saved_after_its_rebuild_began_is_left_to_the_next_one(tmp_path: Path, services: Services) -> None:
    """A page that was saved or deleted after its rebuild began is not paid for."""
    with rig_of(tmp_path, services) as rig:
        for name in ("a.md", "gone.md", "other.md"):
            (rig.docs / name).write_text("old", encoding="utf-8")
            os.utime(rig.docs / name, (1, 1))
        rig.rebuild({"a.md": "a harb", "gone.md": "a desert", "other.md": "a forest"})
        (rig.docs / "a.md").write_text("new", encoding="utf-8")
        (rig.docs / "gone.md").unlink()
        rig.wait_for_pictures("other.md")

    assert [job.prompt for job in services.ledger.jobs] == ["a forest"]


def test_prompt_changed_while_its_picture_is_made_gets_both(tmp_path: Path, services: Services) -> None:
    """A changed prompt is made after the running job of the old one has ended."""
    services.leonardo.on_create(Held()).once()
    with rig_of(tmp_path, services) as rig:
        rig.rebuild({"a.md": "a harbour"})
        services.wait_until(lambda ledger: ledger.creates == 1)
        rig.rebuild({"a.md": "a lighthouse"})
        services.wait_until(lambda ledger: ledger.creates == 2)
        services.release()
        rig.wait_until(lambda: len([text for _, text in rig.told if "its new hero is ready" in text]) == 2)

    assert sorted(job.prompt for job in services.ledger.jobs) == ["a harbour", "a lighthouse"]
    assert services.ledger.uncollected == ()


def test_many_pages_at_once_are_made_within_concurrency(tmp_path: Path, services: Services) -> None:
    """Six pages are made two at a time, and two pages with one picture pay once."""
    services.leonardo.render_s = None
    prompts = {f"{number}.md": f"a harbour, number {number}" for number in range(6)}
    with rig_of(tmp_path, services, concurrency=2) as rig:
        rig.rebuild({**prompts, "twin.md": prompts["0.md"]})
        services.wait_until(lambda ledger: ledger.paid_jobs == 2)
        services.leonardo.render_s = 0.05
        services.finish_jobs()
        services.wait_until(lambda ledger: ledger.downloads == 6)
        rig.wait_for_pictures(*prompts)

    assert services.ledger.paid_jobs == 6
    assert services.ledger.peak_in_flight == 2
    assert rig.stamped


def test_caps_hold_over_rebuilds_and_runtimes_until_they_are_raised(tmp_path: Path, services: Services) -> None:
    """The caps hold across rebuilds and changed configurations; a higher cap makes room for waiting pages."""
    with rig_of(tmp_path, services, max_new_images=1, providers=["leonardo"]) as rig:
        rig.rebuild({"a.md": "a harbour"})
        rig.wait_for_pictures("a.md")
        rig.rebuild({"b.md": "a desert"})
        rig.wait_until(lambda: len(rig.texts(logging.WARNING)) == 1)
        rig.rebuild({"b.md": "a desert", "c.md": "a forest"}, concurrency=3)
        rig.wait_until(lambda: len([text for _, text in rig.told if "max_new_images" in text]) == 3)
        capped = services.ledger.creates
        rig.rebuild({"b.md": "a desert"}, concurrency=3, max_new_images=2)
        rig.wait_for_pictures("b.md")

    assert capped == 1
    assert services.ledger.paid_jobs == 2


def test_configuration_changed_while_a_picture_is_made_does_not_pay_for_it_again(
    tmp_path: Path, services: Services
) -> None:
    """After a change of the configuration, a running job's picture is used and not bought again."""
    services.leonardo.on_create(Held()).once()
    with rig_of(tmp_path, services) as rig:
        rig.rebuild({"a.md": "a harbour"})
        services.wait_until(lambda ledger: ledger.creates == 1)
        rig.rebuild({"a.md": "a harbour", "b.md": "a desert"}, concurrency=3)
        rig.wait_for_pictures("b.md")
        services.release()
        rig.wait_for_pictures("a.md")

    assert sorted(job.prompt for job in services.ledger.jobs) == ["a desert", "a harbour"]
    assert rig.stamped


def test_prompt_that_failed_is_asked_for_once_whatever_rebuilds_follow(tmp_path: Path, services: Services) -> None:
    """A failed prompt is one call and one warning with the command; another prompt of the page is tried."""
    services.leonardo.on_create(Answer500()).when_prompt("broken")
    with rig_of(tmp_path, services, providers=["leonardo"]) as rig:
        rig.rebuild({"a.md": "a broken harbour"})
        rig.wait_until(lambda: bool(rig.texts(logging.WARNING)))
        asked = services.ledger.creates
        stamped = rig.stamped
        rig.rebuild({"a.md": "a broken harbour", "b.md": "a desert"})
        rig.wait_for_pictures("b.md")

    assert asked == len(services.ledger.requests_to("leonardo", "create")) - 1
    assert stamped == "", "a failure had the server rebuild"
    assert len(rig.texts(logging.WARNING)) == 1
    assert rig.texts(logging.WARNING)[0].endswith(
        "this preview does not try it again; `mkdocs-leonardo generate a.md` does"
    )


@pytest.mark.parametrize("change", [{"on_serve": "cached"}, {"generate": False}], ids=["cached", "no generation"])
def test_configuration_that_forbids_generation_stops_what_waits(
    tmp_path: Path, services: Services, change: dict[str, Any]
) -> None:
    """A queued page is not paid for after the configuration forbids generation."""
    services.leonardo.on_create(Held()).once()
    with rig_of(tmp_path, services, concurrency=1) as rig:
        rig.rebuild({"a.md": "a harbour", "b.md": "a desert"})
        services.wait_until(lambda ledger: ledger.creates == 1)
        rig.rebuild({"a.md": "a harbour", "b.md": "a desert"}, **change)
        services.release()
        background = rig.preview._background
        assert background is not None
        rig.wait_until(lambda: not background.in_flight)

    assert services.ledger.paid_jobs == services.ledger.creates == 1
    assert not [text for _, text in rig.told if "max_new_images" in text], "a cap is blamed for the author's choice"


def test_pages_without_a_provider_are_reported_with_what_they_show(tmp_path: Path, services: Services) -> None:
    """Without a provider, the reason is said once, and a page's state after each change of its prompt."""
    reason = "no key in LEONARDO_API_KEY: new heroes are placeholders painted on this machine"
    with rig_of(tmp_path, services) as rig:
        for prompt in ("a harb", "a harbour", "a harbour"):
            rig.rebuild({"a.md": prompt}, reason=reason)

    assert rig.told == [(logging.INFO, reason), *[(logging.INFO, "a.md: shows no hero")] * 2]
    assert services.ledger.requests == ()


def test_commands_are_named_once_for_each_prompt_until_it_has_its_hero(tmp_path: Path, services: Services) -> None:
    """The command is named once for each prompt, again for a lost hero, and in one line for many pages."""
    with rig_of(tmp_path, services, on_serve="cached") as rig:
        for prompts in ({"a.md": "x"}, {"a.md": "x"}, {"a.md": "y"}, {}, {"a.md": "y"}):
            rig.rebuild(prompts)
        one_by_one = rig.texts(logging.INFO)
        rig.told.clear()
        rig.rebuild({f"{number}.md": "x" for number in range(40)})

    assert one_by_one == ["a.md: shows no hero; `mkdocs-leonardo generate a.md` makes the new one"] * 3
    assert rig.texts(logging.INFO) == [
        "40 pages show a previous hero or a placeholder; `mkdocs-leonardo generate` generates their images"
    ]
    assert services.ledger.requests == ()


def test_close_waits_for_an_answer_that_is_the_picture_and_says_so(tmp_path: Path, services: Services) -> None:
    """The end of a preview waits for OpenAI's answer, which is the picture, and says so."""
    services.openai.on_create(Held()).once()
    rig = PreviewRig(tmp_path, services, providers=["openai"])
    rig.rebuild({"a.md": "a harbour"})
    rig.wait_until(lambda: services.ledger.paid_jobs == 1)
    rig.listener = lambda message: services.release() if message.startswith("waiting for") else None
    rig.preview.close()

    assert rig.texts(logging.INFO)[-2:] == [
        "1 hero was being made; the next build collects what the services keep",
        "waiting for openai, whose answer is paid for; Ctrl-C again gives it up",
    ]
    assert len(list(rig.settings().cache_dir.glob("pictures/**/*.json"))) == 1


def test_stamp_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    """A second preview leaves an existing stamp as it is, so that the first one does not rebuild."""
    path = make_stamp(tmp_path / "cache")
    assert path is not None
    os.utime(path, (1, 1))

    assert make_stamp(tmp_path / "cache") == path
    assert path.stat().st_mtime == 1


class _WatchingServer:
    """A server that remembers its watched paths."""

    def __init__(self) -> None:
        self.watched: list[str] = []
        self.calls = 0

    def watch(self, path: str) -> None:
        """Watch a path, as the host does."""
        self.watched.append(path)
        self.calls += 1

    def unwatch(self, path: str) -> None:
        """Stop watching a path, as the host does."""
        self.watched.remove(path)


def test_watch_follows_the_stamp_and_nothing_else(tmp_path: Path) -> None:
    """The preview watches the stamp again after a deleted cache or a changed `cache_dir`, and nothing else."""
    server: Any = _WatchingServer()
    watch = StampWatcher(server)
    for _ in range(3):
        watch.follow(tmp_path / "cache")
    calls = server.calls
    (tmp_path / "cache" / STAMP).unlink()
    watch.follow(tmp_path / "cache")
    is_there = (tmp_path / "cache" / STAMP).exists()
    watch.follow(tmp_path / "other")

    assert (calls, server.calls, is_there) == (1, 3, True)
    assert server.watched == [str(tmp_path / "other" / STAMP)]


def test_watch_without_a_place_to_write_watches_nothing(tmp_path: Path) -> None:
    """A file in the place of the cache leaves the preview without a watched path."""
    (tmp_path / "cache").write_text("", encoding="utf-8")
    server: Any = _WatchingServer()

    StampWatcher(server).follow(tmp_path / "cache")

    assert server.watched == []


@pytest.mark.parametrize(("strict", "level"), [(True, logging.INFO), (False, logging.WARNING)])
def test_warning_from_the_background_stops_no_rebuild_of_a_strict_preview(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, *, strict: bool, level: int
) -> None:
    """A warning of the background does not count for `--strict`; its command names the site's file."""
    monkeypatch.chdir(tmp_path)
    config = MkDocsConfig(config_file_path=str(tmp_path / "site.yml"))
    config.load_dict({"strict": strict})
    missing = [Resolution(_hero("a.md", "a harbour"), None, failure=GENERATION_OFF)]

    with caplog.at_level(logging.INFO):
        preview = make_preview(config)
        preview._notify(logging.WARNING, "100 %s")
        preview._log_shown(missing, "makes")

    assert [record.levelno for record in caplog.records] == [level, logging.INFO]
    assert caplog.messages == [
        "leonardo: 100 %s",
        "leonardo: a.md: shows no hero; `mkdocs-leonardo -f site.yml generate a.md` makes the new one",
    ]

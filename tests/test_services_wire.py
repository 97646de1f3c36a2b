from __future__ import annotations

import io
import os
import ssl
import subprocess
import sys
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from images import encode
from PIL import Image, ImageCms, ImageOps
from services import (
    LEONARDO_KEY,
    PHOENIX_1_0,
    TO_FOREIGN_HOST_IN_CLEAR,
    TO_ITSELF,
    TO_OTHER_PORT,
    TO_PRIVATE_ADDRESS,
    Answer,
    Answer429,
    Answer500,
    Behaviour,
    CutAfterHeaders,
    CutAfterRead,
    CutBeforeRead,
    CutMidAnswer,
    Drip,
    Fails,
    HalfPicture,
    Held,
    HugeBody,
    LostAnswer,
    ModerationBlocked,
    Normally,
    NotAPicture,
    Picture,
    PixelBomb,
    Redirect,
    RendersIn,
    Services,
    ServicesProcess,
    Slow,
    SlowBody,
    Unparsable,
    shows,
)
from services.server import AnyServices

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
#: One connection for each request, and no certificates to read: there is no TLS here.
HTTP = httpx.Client(verify=NO_TLS, limits=httpx.Limits(max_keepalive_connections=0), timeout=10)
HEADERS = {"Authorization": f"Bearer {LEONARDO_KEY}"}


def create(services: AnyServices, prompt: str = "harbour", **changes: object) -> httpx.Response:
    """The answer to one create call."""
    body = {"modelId": PHOENIX_1_0, "prompt": prompt, "width": 1536, "height": 864, "num_images": 1, "contrast": 3.5}
    url = f"{services.leonardo.base_url}/generations"
    return HTTP.post(url, json={**body, **changes}, headers=HEADERS, timeout=5)


def picture_url(services: AnyServices, prompt: str = "harbour") -> str:
    """The address of the finished picture of a new job."""
    services.leonardo.render_s = 0.0
    job_id = create(services, prompt).json()["sdGenerationJob"]["generationId"]
    found = HTTP.get(f"{services.leonardo.base_url}/generations/{job_id}", headers=HEADERS).json()
    return str(found["generations_by_pk"]["generated_images"][0]["url"])


@pytest.mark.parametrize(
    ("behaviour", "paid"),
    [(CutBeforeRead(), 0), (CutAfterRead(), 1), (CutAfterHeaders(), 1), (CutMidAnswer(), 1)],
)
def test_create_cut_fails_the_client_and_charges_if_carried_out(
    services: Services, behaviour: Behaviour, paid: int
) -> None:
    """A connection that is cut anywhere is an error for the client, and a carried-out call is paid."""
    services.leonardo.on_create(behaviour)
    with pytest.raises(httpx.TransportError):
        create(services)
    assert services.ledger.paid_jobs == paid


def test_site_down_resets_new_connections(services: Services) -> None:
    """A service that is down resets every new connection."""
    services.leonardo.down = True
    with pytest.raises(httpx.TransportError):
        create(services)
    assert services.ledger.requests == ()


def test_refusing_url_refuses(services: Services) -> None:
    """The refusing address refuses every connection."""
    with pytest.raises(httpx.ConnectError):
        HTTP.get(services.refusing_url)


def test_answer_unparsable_was_charged(services: Services) -> None:
    """A 200 that is no JSON was charged."""
    services.leonardo.on_create(Unparsable())
    answer = create(services)
    assert (answer.status_code, answer.text[:6]) == (200, "<html>")
    assert services.ledger.paid_jobs == 1


def test_answer_slow_was_carried_out_at_once(services: Services) -> None:
    """The job of a slow answer exists while the client waits."""
    services.leonardo.on_create(Slow(30))
    with pytest.raises(httpx.ReadTimeout):
        HTTP.post(
            f"{services.leonardo.base_url}/generations",
            json={"prompt": "x"},
            headers=HEADERS,
            timeout=httpx.Timeout(0.2),
        )
    assert services.ledger.creates == 1


@pytest.mark.parametrize(("as_date", "text"), [(False, "2"), (True, "GMT")])
def test_answer_429_tells_when_to_come_back(services: Services, *, as_date: bool, text: str) -> None:
    """A 429 has `Retry-After` in seconds or as a date."""
    services.leonardo.on_create(Answer429(retry_after_s=2, as_date=as_date)).times(1)
    refused = create(services)
    assert refused.status_code == 429
    assert refused.headers["retry-after"].endswith(text)
    assert create(services).status_code == 200


def test_rules_in_turn_are_met_one_call_each(services: Services) -> None:
    """Several behaviours of a rule hold for one call each, and then the service behaves well."""
    services.leonardo.on_create(Answer500(), Normally(), LostAnswer(502), Answer(418, {"a": 1}))
    assert [create(services).status_code for _ in range(5)] == [500, 200, 502, 418, 200]


def test_rules_by_prompt_and_by_number_hold_for_those_calls_only(services: Services) -> None:
    """A rule can hold for one prompt, or for one call."""
    services.leonardo.on_create(Answer500()).when_prompt("STORM").nth(2)
    prompts = ["storm", "calm", "a storm", "storm"]
    assert [create(services, prompt).status_code for prompt in prompts] == [200, 200, 500, 200]


def test_rules_of_two_kinds_hold_together(services: Services) -> None:
    """A lost answer and a fate can hold for one job."""
    services.leonardo.on_create(LostAnswer())
    services.leonardo.on_create(Fails(render_s=0))
    assert create(services).status_code == 500
    assert services.ledger.jobs[0].status == "FAILED"


def test_rules_at_random_repeat_under_one_seed() -> None:
    """Two random rules with one seed hold for equal calls."""
    runs = []
    for _ in range(2):
        with Services() as services:
            services.leonardo.on_me(Answer500()).at_random(0.5, seed=3)
            url = f"{services.leonardo.base_url}/me"
            with httpx.Client(headers=HEADERS, verify=NO_TLS) as client:
                runs.append([client.get(url).status_code for _ in range(12)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 500}


def test_rules_forgotten_leave_the_service_well(services: Services) -> None:
    """After one rule is dropped, or all are forgotten, the service behaves well."""
    services.leonardo.on_create(Answer500(status=503)).drop()
    services.leonardo.on_create(Answer500())
    services.forget_rules()
    assert create(services).status_code == 200


@pytest.mark.parametrize("behaviours", [(Fails(), Answer500()), (ModerationBlocked(),), (Picture(),), ()])
def test_rule_that_makes_no_sense_is_refused_when_made(services: Services, behaviours: tuple[Behaviour, ...]) -> None:
    """A senseless rule raises when it is made."""
    with pytest.raises(ValueError, match=r"rule|nothing that leonardo does"):
        services.leonardo.on_create(*behaviours)


def test_random_cuts_repeat_under_one_seed() -> None:
    """Two random cuts with one seed cut equal requests."""
    runs = []
    for _ in range(2):
        with Services() as services:
            services.random_cuts(0.5, seed=11)
            for _ in range(12):
                try:
                    create(services)
                except httpx.TransportError:
                    continue
            runs.append([entry.behaviour for entry in services.ledger.requests])
    assert runs[0] == runs[1]
    assert set(runs[0]) >= {"", "CutBeforeRead", "CutAfterRead"}


def test_request_limit_counts_every_endpoint(services: Services) -> None:
    """`request_limit` counts the requests of every endpoint."""
    services.leonardo.request_limit = 2
    assert [create(services).status_code for _ in range(3)] == [200, 200, 429]
    assert services.ledger.worst_sliding_minute == 3


def test_connections_are_kept_alive_and_many_at_once(services: Services) -> None:
    """Twenty clients with a kept connection each are served side by side."""
    services.leonardo.on_me(Held())
    together = threading.Barrier(20)

    def ask_twice(_: int) -> list[int]:
        with httpx.Client(headers=HEADERS, verify=NO_TLS, limits=httpx.Limits(max_connections=1)) as client:
            together.wait()
            return [client.get(f"{services.leonardo.base_url}/me").status_code for _ in range(2)]

    with ThreadPoolExecutor(20) as pool:
        answers = pool.map(ask_twice, range(20))
        services.wait_until(lambda ledger: len(ledger.requests_to("leonardo")) == 20)
        services.forget_rules()
        services.release()
        assert list(answers) == [[200, 200]] * 20
    assert services.ledger.peak_requests("leonardo") == 20


def test_server_stops_without_waiting_for_answers_on_their_way() -> None:
    """The server stops at once, also with an unfinished answer."""
    services = Services()
    services.leonardo.on_me(Held())
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(HTTP.get, f"{services.leonardo.base_url}/me", headers=HEADERS, timeout=None)
        services.wait_until(lambda ledger: len(ledger.requests) == 1)
        services.stop()
        assert isinstance(waiting.exception(), httpx.TransportError)


# --- pictures ---


@pytest.mark.parametrize(
    ("form", "size", "mode", "format_"),
    [
        (Picture(), (1536, 864), "RGB", "JPEG"),
        (Picture(scale=1.5), (2304, 1296), "RGB", "JPEG"),
        (Picture(width_px=1472, height_px=832), (1472, 832), "RGB", "JPEG"),
        (Picture(format="PNG", mode="RGBA"), (1536, 864), "RGBA", "PNG"),
        (Picture(format="WEBP"), (1536, 864), "RGB", "WEBP"),
        (Picture(mode="CMYK"), (1536, 864), "CMYK", "JPEG"),
        (Picture(orientation=6), (864, 1536), "RGB", "JPEG"),
        (Picture(orientation=5), (864, 1536), "RGB", "JPEG"),
        (Picture(swapped_profile=True), (1536, 864), "RGB", "JPEG"),
    ],
)
def test_picture_in_another_form_is_still_the_prompts(
    services: Services, form: Picture, size: tuple[int, int], mode: str, format_: str
) -> None:
    """`shows` recognises a picture in any size, mode, orientation and profile."""
    url = picture_url(services)
    services.leonardo.on_download(form)
    data = HTTP.get(url).content
    with Image.open(io.BytesIO(data)) as image:
        assert (image.size, image.mode, image.format) == (size, mode, format_)
        upright = ImageOps.exif_transpose(image)
        profile = image.info.get("icc_profile")
        if profile:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(upright, source, ImageCms.createProfile("sRGB"))
            assert converted is not None
            upright = converted
        data_upright = encode(upright.convert("RGB"), "PNG", compress_level=1)
    assert shows(data_upright, "harbour")
    assert shows(data, "harbour") == (form.orientation == 1 and not form.swapped_profile)


def test_picture_of_another_prompt_is_distinguished(services: Services) -> None:
    """`shows` tells pictures of similar prompts apart after strong compression."""
    data = HTTP.get(picture_url(services, "a harbour")).content
    with Image.open(io.BytesIO(data)) as image:
        small = encode(image.resize((480, 270)), "WEBP", quality=30)
    assert shows(small, "a harbour")
    assert not shows(small, "b harbour")


def test_picture_of_another_seed_has_other_bytes(services: Services) -> None:
    """Another seed or style gives other bytes in the prompt's colours."""
    services.leonardo.render_s = 0
    for seed in (1, 2):
        create(services, seed=seed)
    jobs = HTTP.get(
        f"{services.leonardo.base_url}/generations/user/{services.leonardo.user_id()}", headers=HEADERS
    ).json()["generations"]
    pictures = {HTTP.get(job["generated_images"][0]["url"]).content for job in jobs}
    assert len(pictures) == 2
    assert all(shows(picture, "harbour") for picture in pictures)


def test_picture_cut_in_two_shows_by_length_or_only_by_decoding(services: Services) -> None:
    """Half a JPEG under its full length is an HTTP error; under its own length, only decoding fails."""
    url = picture_url(services)
    whole = len(HTTP.get(url).content)
    services.leonardo.on_download(CutMidAnswer()).once()
    with pytest.raises(httpx.RemoteProtocolError):
        HTTP.get(url)
    services.leonardo.on_download(HalfPicture())
    half = HTTP.get(url)
    assert (half.status_code, len(half.content)) == (200, whole // 2)
    with Image.open(io.BytesIO(half.content)) as image, pytest.raises(OSError, match="truncated"):
        image.load()


def test_picture_that_is_none(services: Services) -> None:
    """A download can be a web page, have a wrong type, or be a 403 or 404."""
    url = picture_url(services)
    services.leonardo.on_download(NotAPicture(), Picture(content_type="text/plain"))
    page, mislabelled = HTTP.get(url), HTTP.get(url)
    assert (page.status_code, page.headers["content-type"], page.text[:9]) == (200, "text/html", "<!doctype")
    assert mislabelled.headers["content-type"] == "text/plain"
    assert shows(mislabelled.content, "harbour")
    services.leonardo.on_download(Answer(403), Answer(404))
    assert [HTTP.get(url).status_code for _ in range(3)] == [403, 404, 200]


def test_picture_bomb_is_small_on_the_wire_and_huge_in_memory(services: Services) -> None:
    """A bomb of nine hundred million pixels has a quarter of a megabyte."""
    url = picture_url(services)
    services.leonardo.on_download(PixelBomb())
    data = HTTP.get(url).content
    assert len(data) < 250_000
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(data))


def test_picture_bomb_of_a_bearable_size_decodes(services: Services) -> None:
    """A small bomb decodes as a valid PNG."""
    url = picture_url(services)
    services.leonardo.on_download(PixelBomb(side_px=1001))
    with Image.open(io.BytesIO(HTTP.get(url).content)) as image:
        image.load()
        assert image.size == (1001, 1001)


@pytest.mark.parametrize("declared", [True, False])
def test_picture_without_end_is_streamed_and_not_held(services: Services, *, declared: bool) -> None:
    """A body of two hundred megabytes is streamed, and the client may leave."""
    url = picture_url(services)
    services.leonardo.on_download(HugeBody(declared=declared))
    tracemalloc.start()
    with HTTP.stream("GET", url) as answer:
        assert answer.headers.get("content-length") == ("200000000" if declared else None)
        taken = 0
        for block in answer.iter_raw():
            taken += len(block)
            if taken > 5_000_000:
                break
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 3_000_000


@pytest.mark.parametrize("behaviour", [Drip(every_s=0.02), SlowBody(4)])
def test_picture_dripped_never_falls_silent(services: Services, behaviour: Behaviour) -> None:
    """A dripping body has headers at once and bytes at intervals."""
    url = picture_url(services)
    services.leonardo.on_download(behaviour)
    with HTTP.stream("GET", url, timeout=5) as answer:
        first = next(answer.iter_raw())
    assert 0 < len(first) < 2000


@pytest.mark.parametrize(
    ("to", "location"),
    [
        (TO_OTHER_PORT, "{elsewhere}/picture.jpg"),
        (TO_ITSELF, "{url}"),
        (TO_PRIVATE_ADDRESS, "http://10.0.0.1/picture.jpg"),
        (TO_FOREIGN_HOST_IN_CLEAR, "http://cdn.leonardo.ai/picture.jpg"),
    ],
)
def test_picture_redirected_leads_where_the_script_says(services: Services, to: str, location: str) -> None:
    """A redirect leads to the address of its ``TO_...`` constant."""
    url = picture_url(services)
    services.leonardo.on_download(Redirect(to))
    answer = HTTP.get(url)
    wanted = location.replace("{elsewhere}", services.urls["elsewhere"]).replace("{url}", url)
    assert (answer.status_code, answer.headers["location"]) == (302, wanted)


def test_redirect_followed_is_written_down(services: Services) -> None:
    """A followed redirect gets a picture, and the ledger notes it with or without a key."""
    url = picture_url(services)
    services.leonardo.on_download(Redirect(TO_OTHER_PORT))
    assert HTTP.get(url, follow_redirects=True).status_code == 200
    HTTP.get(services.urls["elsewhere"], headers=HEADERS)
    assert [entry.leak for entry in services.ledger.trespasses] == [False, True]


# --- the ledger, and a process of its own ---


def test_ledger_finds_what_was_paid_twice(services: Services) -> None:
    """The ledger finds a picture that was bought twice, but no other seed, size or prompt."""
    for changes in ({}, {"seed": 1}, {"width": 1024}, {"prompt": "mole"}):
        create(services, **{"prompt": "harbour", **changes})  # type: ignore[arg-type]  # prompt is a text
    assert services.ledger.paid_twice() == ()
    create(services)
    assert [len(group) for group in services.ledger.paid_twice()] == [2]


def test_ledger_counts_jobs_at_one_time(services: Services) -> None:
    """The ledger counts overlapping jobs together, but not successive ones."""
    services.leonardo.on_create(RendersIn(0.0)).times(2)
    services.leonardo.on_create(RendersIn(60)).times(3)
    for number in range(5):
        create(services, f"harbour {number}")
    assert services.ledger.peak_in_flight == 3
    assert services.ledger.totals()["paid_jobs"] == 5


def test_process_takes_the_same_script_and_tells_the_same_ledger(services_process: ServicesProcess) -> None:
    """Services in another process have the same rules, settings, waits and ledger."""
    services = services_process
    services.leonardo.on_create(Answer429(retry_after_s=2)).once()
    assert create(services).status_code == 429
    url = picture_url(services, "from afar")
    services.leonardo.on_download(Picture(scale=0.5))
    with Image.open(io.BytesIO(HTTP.get(url).content)) as image:
        assert image.size == (768, 432)
    assert services.leonardo.render_s == 0
    services.leonardo.on_create(RendersIn(60))
    create(services, "late")
    assert services.wait_until(lambda ledger: ledger.creates == 3).jobs_for("late")[0].status == "PENDING"
    services.finish_jobs()
    assert services.ledger.jobs_for("late")[0].status == "COMPLETE"
    assert services.ledger.paid_usd == pytest.approx(2 * 0.0224)
    services.clear_ledger()
    assert services.ledger.jobs == ()


def test_process_ends_when_its_owner_is_killed() -> None:
    """The services' process ends when its owner is killed."""
    owner = subprocess.Popen(
        [sys.executable, "-c", "import services, time; s = services.ServicesProcess(); print(s.pid); time.sleep(60)"],
        cwd=Path(__file__).parent,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
    )
    assert owner.stdout is not None
    with owner.stdout:
        pid = int(owner.stdout.readline())
    owner.kill()
    owner.wait()
    give_up_at = time.monotonic() + 10
    while _runs(pid):
        assert time.monotonic() < give_up_at
        time.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # Where no process collects orphans, the ended process stays as an entry without memory.
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")

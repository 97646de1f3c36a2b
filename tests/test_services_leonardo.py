from __future__ import annotations

import ssl
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from services import (
    LEONARDO_KEY,
    PHOENIX_1_0,
    SIGNATURE,
    UNKNOWN_LEONARDO_KEY,
    Answer500,
    Behaviour,
    CompletesWithoutImages,
    CompletesWithUrl,
    Fails,
    Held,
    LostAnswer,
    MarkedNsfw,
    ModelWithdrawn,
    NeverFinishes,
    NotEnoughTokens,
    PromptModerated,
    RendersBetween,
    RendersIn,
    Services,
    Vanishes,
    shows,
)

#: Without TLS, there are no certificates to read.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

CINEMATIC = "a5632c7c-ddbb-4e2f-ba34-8456ab3ac436"
GOOD: dict[str, object] = {
    "modelId": PHOENIX_1_0,
    "prompt": "harbour at dusk",
    "width": 1536,
    "height": 864,
    "num_images": 1,
    "alchemy": True,
    "contrast": 3.5,
    "styleUUID": CINEMATIC,
    "enhancePrompt": False,
    "public": False,
}


class Client:
    """A client that sends any request."""

    def __init__(self, services: Services, key: str = LEONARDO_KEY) -> None:
        self._services = services
        self.http = httpx.Client(headers={"Authorization": f"Bearer {key}"}, verify=NO_TLS)

    def create(self, **changes: object) -> httpx.Response:
        """The answer to a create call."""
        return self.http.post(f"{self._services.leonardo.base_url}/generations", json={**GOOD, **changes})

    def accepted(self, **changes: object) -> str:
        """The id of a new job."""
        return str(self.create(**changes).json()["sdGenerationJob"]["generationId"])

    def get(self, path: str) -> httpx.Response:
        """The answer at a path below the base."""
        return self.http.get(self._services.leonardo.base_url + path)

    def poll(self, job_id: str) -> Any:  # noqa: ANN401 - JSON
        """The service's status of a job."""
        return self.get(f"/generations/{job_id}").json()["generations_by_pk"]


@pytest.fixture
def client(services: Services) -> Iterator[Client]:
    """A client with a good key; jobs are done at once."""
    services.leonardo.render_s = 0.0
    made = Client(services)
    with made.http:
        yield made


def test_create_accepted_answers_with_a_version_6_id_and_a_cost_in_text(client: Client) -> None:
    """The create answer is wrapped, with an id of version 6 and the cost as text."""
    job = client.create().json()["sdGenerationJob"]
    assert uuid.UUID(job["generationId"]).version == 6
    assert job["apiCreditCost"] is None
    assert job["cost"] == {"amount": "0.0224", "unit": "DOLLARS"}


def test_create_in_credits_answers_with_credits(services: Services, client: Client) -> None:
    """With costs in credits, the answer states 15 credits and the ledger $0.0224."""
    services.leonardo.cost_unit = "CREDITS"
    assert client.create().json()["sdGenerationJob"]["cost"] == {"amount": "15", "unit": "CREDITS"}


@pytest.mark.parametrize(("shape", "path"), [("generate", ["generate"]), ("", [])])
def test_create_answer_shape_is_a_setting(services: Services, client: Client, shape: str, path: list[str]) -> None:
    """`answer_shape` moves the id into another wrapper or into none."""
    services.leonardo.answer_shape = shape
    answer = client.create().json()
    for name in path:
        answer = answer[name]
    assert "generationId" in answer


def test_job_done_is_polled_and_downloaded(services: Services, client: Client) -> None:
    """A job is created, polled as COMPLETE and downloaded in its size, with every step in the ledger."""
    job_id = client.accepted()
    found = client.poll(job_id)
    assert found["status"] == "COMPLETE"
    assert (found["presetStyle"], found["sdVersion"]) == (None, "PHOENIX_NEXT")
    picture = httpx.get(found["generated_images"][0]["url"], verify=NO_TLS)
    assert picture.headers["content-type"] == "image/jpeg"
    assert shows(picture.content, "harbour at dusk")
    job = services.ledger.job(job_id)
    assert (job.style, job.quality, job.polls, job.downloads, job.charged_usd) == (
        "CINEMATIC",
        "alchemy",
        1,
        1,
        0.0224,
    )
    assert services.ledger.uncollected == ()


def test_job_at_work_is_pending_without_images(services: Services, client: Client) -> None:
    """A job that is not done is PENDING with an empty list of images."""
    services.leonardo.render_s = 60
    found = client.poll(client.accepted())
    assert (found["status"], found["generated_images"]) == ("PENDING", [])


@pytest.mark.parametrize(
    ("fate", "status", "images"),
    [
        (Fails(), "FAILED", 0),
        (NeverFinishes(), "PENDING", 0),
        (CompletesWithoutImages(), "COMPLETE", 0),
        (MarkedNsfw(), "COMPLETE", 1),
        (CompletesWithUrl(), "COMPLETE", 1),
        (RendersIn(60), "PENDING", 0),
        (RendersBetween(low_s=50, high_s=60), "PENDING", 0),
    ],
)
def test_job_fate_decides_its_end(
    services: Services, client: Client, fate: Behaviour, status: str, images: int
) -> None:
    """Each fate has its own poll."""
    services.leonardo.on_create(fate)
    found = client.poll(client.accepted())
    assert (found["status"], len(found["generated_images"])) == (status, images)
    assert all(image["nsfw"] is isinstance(fate, MarkedNsfw) for image in found["generated_images"])


def test_job_failed_is_refunded(services: Services, client: Client) -> None:
    """A failed job is refunded."""
    services.leonardo.on_create(Fails())
    client.accepted()
    assert services.ledger.jobs[0].refunded
    assert (services.ledger.paid_jobs, services.ledger.paid_usd) == (0, 0)


def test_job_vanished_is_null_and_paid(services: Services, client: Client) -> None:
    """A vanished job is paid and null in polls."""
    services.leonardo.on_create(Vanishes())
    assert client.poll(client.accepted()) is None
    assert services.ledger.paid_jobs == 1


def test_job_with_a_foreign_address_says_so(services: Services, client: Client) -> None:
    """A poll has the scripted address of the picture."""
    services.leonardo.on_create(CompletesWithUrl(url="{elsewhere}/a.jpg"))
    found = client.poll(client.accepted())
    assert found["generated_images"][0]["url"] == f"{services.urls['elsewhere']}/a.jpg"


def test_finish_jobs_ends_the_job_that_never_finishes(services: Services, client: Client) -> None:
    """`finish_jobs` ends a job that never finishes."""
    services.leonardo.on_create(NeverFinishes())
    job_id = client.accepted()
    services.finish_jobs()
    assert client.poll(job_id)["status"] == "COMPLETE"


@pytest.mark.parametrize(
    ("key", "status", "text", "code"),
    [
        ("no-uuid", 500, "Invalid response from authorization hook", "unexpected"),
        (UNKNOWN_LEONARDO_KEY, 401, "Authentication hook unauthorized this request", "access-denied"),
    ],
)
def test_key_wrong_is_refused_as_the_service_does(
    services: Services, key: str, status: int, text: str, code: str
) -> None:
    """A malformed key is a 500, and an unknown one a 401."""
    with Client(services, key).http as http:
        answer = http.get(f"{services.leonardo.base_url}/me")
    assert (answer.status_code, answer.json()) == (status, {"error": text, "path": "$", "code": code})
    assert services.ledger.requests[0].key_ok is False
    assert key not in repr(services.ledger)


@pytest.mark.parametrize(
    ("change", "status", "text"),
    [
        ({"prompt": None}, 400, 'expecting a value for non-nullable variable: "prompt"'),
        ({"prompt": ""}, 400, "Invalid prompt"),
        ({"prompt": "x" * 1501}, 400, "Invalid prompt, maximum length of 1500 characters exceeded."),
        ({"width": 1530}, 400, "invalid dimensions"),
        ({"width": 1544}, 400, "invalid dimensions"),
        ({"height": 24}, 400, "invalid dimensions"),
        ({"num_images": 5}, 400, "too many images"),
        ({"num_images": 0}, 400, "too many images"),
        ({"contrast": 3.2}, 400, "invalid contrast"),
        ({"contrast": 1.8}, 400, "contrast must be at least 2.5"),
        ({"contrast": None}, 400, "contrast is required"),
        ({"ultra": True}, 400, "ultra cannot be combined with alchemy"),
        ({"Width": 1536}, 400, "Unexpected variable Width"),
        ({"alchemy": "true"}, 400, "expected a boolean for type 'Boolean', but found a string"),
        ({"width": True}, 400, "expected a 32-bit integer for type 'Int', but found a boolean"),
        ({"sd_version": "SDXL"}, 400, "Phoenix request requires sd_version to be PHOENIX."),
        ({"presetStyle": "3D_RENDER"}, 400, "expected one of the values"),
        ({"styleUUID": str(uuid.UUID(int=0))}, 400, "invalid style"),
        ({"seed": 9_999_999_999}, 400, "invalid seed"),
        ({"modelId": "phoenix"}, 500, "internal error"),
        ({"modelId": str(uuid.UUID(int=1))}, 400, f"{uuid.UUID(int=1)} is not supported within the Production API"),
    ],
)
def test_create_wrong_is_refused_and_free(
    services: Services, client: Client, change: dict[str, object], status: int, text: str
) -> None:
    """A wrong field is refused without a charge."""
    answer = client.create(**change)
    assert answer.status_code == status
    assert answer.json()["error"].startswith(text)
    assert services.ledger.jobs == ()


def test_create_without_a_number_of_images_is_charged_for_four(services: Services, client: Client) -> None:
    """A create call without a number of images is charged for four."""
    body = {name: value for name, value in GOOD.items() if name != "num_images"}
    client.http.post(f"{services.leonardo.base_url}/generations", json=body)
    assert services.ledger.paid_usd == pytest.approx(4 * 0.0224)


def test_create_without_a_model_runs_another_one(services: Services, client: Client) -> None:
    """A create call without a model runs the service's default, which is not Phoenix."""
    client.create(modelId=None)
    assert services.ledger.jobs[0].model != PHOENIX_1_0


def test_create_v2_takes_other_names_and_defaults(services: Services, client: Client) -> None:
    """v2 wraps its answer in `generate`, and its defaults are FAST and four images."""
    url = f"{services.leonardo.base_url_v2}/generations"
    answer = client.http.post(url, json={"model": "phoenix-v1.0", "parameters": {"prompt": "harbour"}})
    job = services.ledger.job(answer.json()["generate"]["generationId"])
    assert (job.images, job.quality, job.width_px, job.height_px) == (4, "fast", 1024, 1024)
    refused = client.http.post(url, json={"model": "phoenix-v1.0", "parameters": {"prompt": "h", "alchemy": True}})
    assert (refused.status_code, refused.json()[0]["extensions"]["details"]) == (
        200,
        {"errors": [{"message": "Unexpected variable alchemy"}]},
    )


@pytest.mark.parametrize(
    ("behaviour", "status", "text"),
    [
        (NotEnoughTokens(), 400, "not enough api tokens userId: "),
        (PromptModerated(), 400, "content moderation filter: "),
        (PromptModerated(403, "Your prompt appears to contain inappropriate content"), 403, "Your prompt appears"),
        (ModelWithdrawn(), 400, f"{PHOENIX_1_0} is not supported"),
        (Answer500("Service Error"), 500, "Service Error"),
    ],
)
def test_create_refused_by_script_is_free(
    services: Services, client: Client, behaviour: Behaviour, status: int, text: str
) -> None:
    """A scripted refusal has the service's error body and makes no job."""
    services.leonardo.on_create(behaviour)
    answer = client.create()
    assert answer.status_code == status
    assert answer.json()["error"].startswith(text)
    assert services.ledger.jobs == ()


def test_create_with_a_lost_answer_made_a_job_that_the_list_has(services: Services, client: Client) -> None:
    """The job of a create call that was answered 500 is in the list."""
    services.leonardo.on_create(LostAnswer()).once()
    assert client.create().status_code == 500
    user_id = client.get("/me").json()["user_details"][0]["user"]["id"]
    listed = client.get(f"/generations/user/{user_id}").json()["generations"]
    assert [job["prompt"] for job in listed] == ["harbour at dusk"]
    assert services.ledger.paid_jobs == 1


def test_list_is_newest_first_and_paged(services: Services, client: Client) -> None:
    """The list is newest first, and takes `offset` and `limit`, which is ten by default."""
    ids = [client.accepted(seed=seed) for seed in range(12)]
    url = f"/generations/user/{services.leonardo.user_id()}"
    assert [job["id"] for job in client.get(url).json()["generations"]] == ids[:1:-1]
    assert [job["id"] for job in client.get(f"{url}?offset=11&limit=5").json()["generations"]] == ids[:1]


def test_account_of_another_key_sees_nothing(services: Services, client: Client) -> None:
    """The list of another key does not have the account's jobs."""
    services.leonardo.keys = [LEONARDO_KEY, UNKNOWN_LEONARDO_KEY]
    job_id = client.accepted()
    other = Client(services, UNKNOWN_LEONARDO_KEY)
    with other.http:
        assert other.poll(job_id) is None
        assert other.get(f"/generations/user/{services.leonardo.user_id()}").json() == {"generations": []}


def test_delete_forgets_the_job_and_its_picture_but_not_the_charge(services: Services, client: Client) -> None:
    """A deleted job is null and its picture gone, and the ledger keeps the charge."""
    job_id = client.accepted()
    url = client.poll(job_id)["generated_images"][0]["url"]
    path = f"{services.leonardo.base_url}/generations/{job_id}"
    assert client.http.delete(path).json() == {"delete_generations_by_pk": {"id": job_id}}
    assert client.http.delete(path).json() == {"delete_generations_by_pk": None}
    assert client.poll(job_id) is None
    assert httpx.get(url, verify=NO_TLS).status_code == 404
    assert services.ledger.paid_jobs == 1


def test_me_counts_down_the_balance_until_creates_are_refused(services: Services, client: Client) -> None:
    """`/me` has the documented shape and the balance; at zero, a create call is a 400."""
    services.leonardo.balance_usd = 0.03
    before = client.get("/me").json()["user_details"][0]
    client.accepted()
    client.accepted(seed=1)
    after = client.get("/me").json()["user_details"][0]
    assert (before["apiPaidTokens"], after["apiPaidTokens"]) == (20, -10)
    assert client.create(seed=2).json()["error"].startswith("not enough api tokens userId: ")


def test_path_that_does_not_exist_is_not_found(client: Client) -> None:
    """An unknown path, such as `/users/me`, is a 404."""
    answer = client.get("/users/me")
    assert (answer.status_code, answer.json()["error"]) == (404, "Endpoint not found")


def test_pricing_calculator_answers_in_credits(services: Services, client: Client) -> None:
    """The pricing calculator quotes 15 credits for a picture with Alchemy."""
    parameters = {"imageWidth": 1472, "imageHeight": 832, "numImages": 1, "alchemyMode": True, "isPhoenix": True}
    answer = client.http.post(
        f"{services.leonardo.base_url}/pricing-calculator",
        json={"service": "IMAGE_GENERATION", "serviceParams": {"IMAGE_GENERATION": parameters}},
    )
    assert answer.json() == {"calculateProductionApiServiceCost": {"cost": 15}}


def test_slots_taken_make_later_jobs_wait(services: Services, client: Client) -> None:
    """With one slot, the second job starts when the first one ends."""
    services.leonardo.slots = 1
    services.leonardo.render_s = 60
    for seed in (1, 2):
        client.accepted(seed=seed)
    first, second = services.ledger.jobs
    assert second.starts_s == first.ends_s


def test_pending_limit_reached_is_429(services: Services, client: Client) -> None:
    """A job beyond `pending_limit` is a 429."""
    services.leonardo.slots, services.leonardo.pending_limit, services.leonardo.render_s = 1, 1, 60
    assert [client.create(seed=seed).status_code for seed in (1, 2, 3)] == [200, 200, 429]
    assert len(services.ledger.jobs) == 2


def test_create_limit_reached_is_429(services: Services, client: Client) -> None:
    """A create call beyond `create_limit` a minute is a 429."""
    services.leonardo.create_limit = 2
    assert [client.create(seed=seed).status_code for seed in (1, 2, 3)] == [200, 200, 429]


def test_picture_with_authorization_is_refused_and_written_down(services: Services, client: Client) -> None:
    """A download with a key is a 403 and noted as a leak."""
    url = client.poll(client.accepted())["generated_images"][0]["url"]
    assert client.http.get(url).status_code == 403
    assert [entry.service for entry in services.ledger.authorization_leaks] == ["cdn"]
    assert LEONARDO_KEY not in repr(services.ledger)


def test_picture_signed_needs_its_signature(services: Services, client: Client) -> None:
    """With `sign_urls`, a download without the signature fails."""
    services.leonardo.sign_urls = True
    url = client.poll(client.accepted())["generated_images"][0]["url"]
    assert SIGNATURE in url
    assert httpx.get(url, verify=NO_TLS).status_code == 200
    assert httpx.get(url.partition("?")[0], verify=NO_TLS).status_code == 403


def test_create_held_is_charged_and_answered_on_release(services: Services, client: Client) -> None:
    """A held create call is charged at once and answered on release."""
    services.leonardo.on_create(Held())
    with pytest.raises(httpx.ReadTimeout):
        client.http.post(f"{services.leonardo.base_url}/generations", json=GOOD, timeout=0.2)
    services.wait_until(lambda ledger: ledger.paid_jobs == 1)
    assert services.ledger.requests[0].status is None
    services.release()
    services.wait_until(lambda ledger: ledger.requests[0].status == 200)

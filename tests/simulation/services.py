"""Two services with random faults: one with jobs like Leonardo, one that returns the picture like OpenAI.

Their answers are known answers of the real services; the weather decides whether they are true, late or lost.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import formatdate
from typing import TYPE_CHECKING

from mkdocs_leonardo.providers.answers import Answer
from mkdocs_leonardo.spec import JsonValue

from .ledger import NEVER, Job, Order

if TYPE_CHECKING:
    from .world import World

#: The Unix time at which the world's clock begins.
EPOCH = 1_790_000_000.0
_USER = "7f0c9d6e-0000-4000-8000-000000000001"

#: Answers to a create call that make no job: status, body and headers.
REFUSALS: Mapping[str, tuple[int, JsonValue, dict[str, str]]] = {
    "429": (429, {"error": "rate limit"}, {"retry-after": "20"}),
    "429 without a word": (429, {}, {}),
    "hook": (500, {"error": "Invalid response from authorization hook", "code": "unexpected"}, {}),
    "401": (401, {"error": "unauthorized"}, {}),
    "credit": (400, {"error": "not enough api tokens"}, {}),
    "403": (403, {"error": "forbidden"}, {}),
    "shape": (400, {"error": "width is wrong", "code": "invalid"}, {}),
    "moderated": (400, {"error": "rejected by content moderation", "code": "moderated"}, {}),
    "reference": (400, {"error": "Invalid init image id"}, {}),
    "array": (200, [{"message": "Validation failed", "path": ["generate"]}], {}),
}
#: Answers that say nothing of whether a job was made.
FAILURES: Mapping[str, int] = {"500": 500, "502": 502, "503": 503, "504": 504}


def picture_bytes(number: int, *, is_sound: bool = True) -> bytes:
    """Bytes that begin and end like a JPEG, as the checks of the simulation want."""
    word = b"sound" if is_sound else b"spoilt"
    return b"\xff\xd8\xff" + word + b" %d" % number + b"\xff\xd9"


def parameters_of(json: JsonValue) -> dict[str, JsonValue]:
    """The parameters of a create call in either form: prompt, size, seed, style."""
    assert isinstance(json, dict)  # both services take objects
    parameters = json.get("parameters")
    if not isinstance(parameters, dict):
        return json
    styles = parameters.get("style_ids")
    style = styles[0] if isinstance(styles, list) else None
    return {**parameters, "styleUUID": style, "modelId": ""}


def reference_of(parameters: Mapping[str, JsonValue]) -> str:
    """The id of the reference in a create call; `""` if there is none."""
    guidances = parameters.get("guidances")
    named = next(iter(guidances.values())) if isinstance(guidances, dict) else None
    nets = parameters.get("controlnets") or named
    net = nets[0] if isinstance(nets, list) else None
    if not isinstance(net, dict):
        return ""
    image = net.get("image")
    return str(image["id"] if isinstance(image, dict) else net["initImageId"])


class JobService:
    """A service that creates jobs, lists them and reports their status."""

    name = "leonardo"

    def __init__(self, world: World) -> None:
        self._world = world
        self._jobs: list[Job] = []
        self._by_id: dict[str, Job] = {}
        self._forms = 0
        self._references: dict[str, tuple[float, float]] = {}
        self._clock_error_s = world.draw((0.0, 0.0, -40.0, 40.0))

    def add_strangers(self, now: float) -> None:
        """Add jobs of colleagues on the same account, as many as the weather draws."""
        number = {"a few": 3, "a page": 55, "many": 230}.get(self._world.struck("strangers"), 0)
        request: dict[str, JsonValue] = {"prompt": "a colleague's", "modelId": "", "width": 8, "height": 8, "seed": 1}
        for _ in range(number):
            job_id = f"theirs-{len(self._jobs)}"
            self._keep(Job(0, job_id, None, now, now, now, now, "picture", 0.0, self._fields(request, job_id, now)))

    def answer(self, _method: str, path: str, json: JsonValue, order: Order | None) -> Answer | None:
        """The answer; None if it gets lost."""
        if path.endswith("/init-image"):
            return self._form()
        if "/init-image/" in path:
            return self._reference(path.rpartition("/")[2])
        if order is not None:
            return self._create(order, parameters_of(json), "generate" if "/v2/" in path else "sdGenerationJob")
        if path.endswith("/me"):
            return self._me()
        if "/generations/user/" in path:
            return self._list(path)
        return self._job(path.rpartition("/")[2])

    # Create ----------------------------------------------------------------------------------------------------------

    def _create(self, order: Order, json: dict[str, JsonValue], wrapper: str) -> Answer | None:
        outcome = self._world.struck("create")
        if order.reference and not self._keeps(order.reference):
            outcome = "refuses: reference"
        kind, _, detail = outcome.partition(": ")
        if kind == "refuses":
            status, body, headers = REFUSALS[detail]
            return self._answered(status, body, headers)
        if kind == "fails":
            return self._answered(FAILURES[detail], {"error": "internal"})
        if kind != "never arrives":
            self._add(order, json, self._world.now)
        if kind.startswith("accepts"):  # the job is looked for in the list, which shows the colleagues' before it
            self.add_strangers(self._world.now)
        if kind in {"never arrives", "accepts and is lost"} or order.job is None:
            return None
        if kind == "accepts and fails":
            return self._answered(FAILURES[detail], {"error": "internal"})
        if kind == "accepts without a name":
            return self._answered(200, {wrapper: {"apiCreditCost": 20}})
        return self._answered(200, {wrapper: {"generationId": order.job.id, **self._cost(order, order.job)}})

    def _cost(self, order: Order, job: Job) -> dict[str, JsonValue]:
        """The cost that the service states."""
        if self._world.struck("price") == "says nothing":
            return {"apiCreditCost": 0}
        order.stated_usd = job.cost_usd
        return {"cost": {"amount": str(job.cost_usd), "unit": "DOLLARS"}}

    def _keep(self, job: Job) -> None:
        self._jobs.append(job)
        self._by_id[job.id] = job

    def _add(self, order: Order, json: dict[str, JsonValue], now: float) -> None:
        number = len(self._world.ledger.jobs) + 1
        made = self._world.habits
        cost = order.estimate_usd
        if self._world.struck("price") == "charges differently":
            cost = round(cost * self._world.draw((0.2, 0.5, 1.7, 3.0)), 6)
        job = Job(
            number=number,
            id=f"job-{number}",
            order=order,
            created_at=now,
            visible_from=now + made.lag_s(),
            known_from=now + made.null_s(),
            done_at=now + made.render_s(),
            ending=made.ending(),
            cost_usd=cost,
            fields=self._fields(json, f"job-{number}", now),
        )
        job.picture = picture_bytes(number, is_sound=job.ending != "spoilt")
        job.downloadable_from = now + made.cdn_s()
        job.damaged_downloads = made.damaged_downloads()
        self._world.ledger.jobs.append(job)
        self._keep(job)
        order.job = job

    def _fields(self, json: dict[str, JsonValue], job_id: str, now: float) -> dict[str, JsonValue]:
        """The fields of a job in the list, which has neither style nor contrast nor mode."""
        preset = json.get("presetStyle")
        if self._world.is_always("shows other presets"):
            preset = self._world.draw((None, "DYNAMIC", "LEONARDO"))
        return {
            "id": job_id,
            "createdAt": datetime.fromtimestamp(EPOCH + now + self._clock_error_s, UTC).isoformat()[:23],
            "prompt": json["prompt"],
            "negativePrompt": json.get("negative_prompt", ""),
            "modelId": json["modelId"],
            "imageWidth": json["width"],
            "imageHeight": json["height"],
            "seed": json.get("seed", 4_000_000 + len(self._jobs)),
            "presetStyle": preset,
        }

    # References ------------------------------------------------------------------------------------------------------

    def _form(self) -> Answer | None:
        failure = self._trouble("form")
        if failure is not None:
            return failure or None
        self._forms += 1
        upload_id = f"reference-{self._forms}"
        form: JsonValue = {"id": upload_id, "url": f"https://storage/{upload_id}", "fields": "{}"}
        return self._answered(200, {"uploadInitImage": form})

    def receive(self, upload_id: str) -> int | None:
        """The status of the storage's answer to a file; None if it gets lost."""
        kind = self._world.struck("storage")
        if kind in {"", "is lost"}:
            self._references[upload_id] = self._world.now, self._world.now + self._world.habits.reference_s()
        return None if kind in {"is lost", "never arrives"} else int(kind or 204)

    def _reference(self, upload_id: str) -> Answer | None:
        failure = self._trouble("ask")
        if failure is not None:
            return failure or None
        kept: JsonValue = {"id": upload_id} if self._keeps(upload_id) else None
        return self._answered(200, {"init_images_by_pk": kept})

    def _keeps(self, upload_id: str) -> bool:
        _, lost_at = self.kept(upload_id)
        return self._world.now < lost_at

    def kept(self, upload_id: str) -> tuple[float, float]:
        """The time span in which the account has the reference; an empty one if it never arrived."""
        return self._references.get(upload_id, (NEVER, 0.0))

    # Questions -------------------------------------------------------------------------------------------------------

    def _me(self) -> Answer | None:
        failure = self._trouble("me")
        if failure is not None:
            return failure or None
        user: JsonValue = {"user": {"id": _USER}, "apiPaidTokens": 1000, "apiConcurrencySlots": 10}
        return self._answered(200, {"user_details": [user]})

    def _list(self, path: str) -> Answer | None:
        failure = self._trouble("list")
        if failure is not None:
            return failure or None
        offset = int(path.partition("offset=")[2].partition("&")[0])
        limit = int(path.partition("limit=")[2])
        now = self._world.now
        shown = [job for job in self._jobs if job.visible_from <= now]
        if not self._world.is_always("lists the oldest first"):
            shown.reverse()
        page: list[JsonValue] = [{**job.fields, "status": _status(job, now)} for job in shown[offset : offset + limit]]
        return self._answered(200, {"generations": page})

    def _job(self, job_id: str) -> Answer | None:
        failure = self._trouble("ask")
        if failure is not None:
            return failure or None
        job, now = self._by_id[job_id], self._world.now
        if now < job.known_from:
            if self._world.is_always("says 404 for null"):
                return self._answered(404, {"error": "not found"})
            return self._answered(200, {"generations_by_pk": None})
        images: list[JsonValue] = []
        status = _status(job, now)
        if status == "COMPLETE" and job.ending != "empty":
            images = [{"url": f"https://cdn/{job_id}", "nsfw": job.ending == "nsfw"}]
        return self._answered(200, {"generations_by_pk": {"status": status, "generated_images": images}})

    def job(self, path: str) -> Job:
        """The job whose id ends the path."""
        return self._by_id[path.rpartition("/")[2]]

    def download(self, job_id: str) -> bytes | None:
        """The picture; None if the host has none."""
        job = self._by_id[job_id]
        if self._world.now < job.downloadable_from or self._world.struck("download"):
            return None
        if job.damaged_downloads > 0:
            job.damaged_downloads -= 1
            return picture_bytes(job.number, is_sound=False)
        return job.picture

    def _trouble(self, endpoint: str) -> Answer | tuple[()] | None:
        """A failed answer to a question; an empty tuple if it is lost, None without trouble."""
        kind = self._world.struck(endpoint)
        if not kind:
            return None
        if kind == "is lost":
            return ()
        if kind == "answers null":
            return self._answered(200, {"generations": None} if endpoint == "list" else None)
        return self._answered(int(kind), {"error": "internal"})

    def _answered(self, status: int, body: JsonValue, headers: Mapping[str, str] | None = None) -> Answer:
        said = {**(headers or {})}
        if not self._world.is_always("shows no clock"):
            said["date"] = formatdate(EPOCH + self._world.now + self._clock_error_s, usegmt=True)
        return Answer(status, said, body, "")


def _status(job: Job, now: float) -> str:
    if now < job.done_at:
        return "PENDING"
    return "FAILED" if job.ending == "failed" else "COMPLETE"


class ImageService:
    """A service that answers a create call with the picture itself, after a while."""

    name = "openai"

    def __init__(self, world: World) -> None:
        self._world = world

    def answer(self, _method: str, _path: str, _json: JsonValue, order: Order | None) -> Answer | None:
        """The answer; None if it gets lost."""
        assert order is not None  # there is nothing else to ask
        kind, _, detail = self._world.struck("image").partition(": ")
        if kind == "refuses":
            return Answer(*_OPENAI_REFUSALS[detail], "")
        if kind == "fails":
            return Answer(int(detail), {}, {"error": {"message": "internal"}}, "")
        if kind == "never arrives":
            return None
        job = self._add(order, is_sound=kind != "is spoilt")
        if kind == "accepts and fails":
            return Answer(int(detail), {}, {"error": {"message": "bad gateway"}}, "")
        if kind == "accepts and is lost":
            return None
        encoded = "" if kind == "sends nothing" else b64encode(job.picture).decode()
        if kind == "sends nothing":
            job.ending = "empty"
        body: dict[str, JsonValue] = {"data": [{"b64_json": encoded}]}
        return Answer(200, {"x-request-id": job.id}, body, "")

    def _add(self, order: Order, *, is_sound: bool) -> Job:
        number = len(self._world.ledger.jobs) + 1
        now = self._world.now
        ending = "picture" if is_sound else "spoilt"
        job = Job(number, f"request-{number}", order, now, NEVER, NEVER, now, ending, order.estimate_usd, {})
        job.picture = picture_bytes(number, is_sound=is_sound)
        order.job = job
        self._world.ledger.jobs.append(job)
        return job


_OPENAI_REFUSALS: Mapping[str, tuple[int, dict[str, str], JsonValue]] = {
    "429": (429, {"retry-after": "15"}, {"error": {"message": "slow down", "code": "rate_limit_exceeded"}}),
    "quota": (429, {}, {"error": {"message": "no money", "code": "insufficient_quota"}}),
    "moderated": (400, {}, {"error": {"message": "no", "code": "moderation_blocked"}}),
    "shape": (400, {}, {"error": {"message": "size", "code": "invalid_value"}}),
    "401": (401, {}, {"error": {"message": "key", "code": "invalid_api_key"}}),
}

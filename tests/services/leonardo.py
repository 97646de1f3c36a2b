"""Leonardo's API and its picture host.

Texts of errors are the service's where they are published. All further texts are made up, so no client may depend on
them. `leonardo_orders` checks the create calls.
"""

from __future__ import annotations

import contextlib
import json
import random
import re
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from .backend import Backend, Call, Refused, SharedState, bearer, text_of
from .behaviours import (
    CompletesWithoutImages,
    CompletesWithUrl,
    Fails,
    Instead,
    JobFate,
    MarkedNsfw,
    ModelWithdrawn,
    NeverFinishes,
    NotEnoughTokens,
    PendingQueueFull,
    PromptModerated,
    RendersBetween,
    Vanishes,
)
from .fronts import SIGNATURE, Leonardo, PictureHost
from .ledger import Job
from .leonardo_orders import (
    CREDIT_USD,
    FLUX_DEV,
    FLUX_SCHNELL,
    LUCID_ORIGIN,
    LUCID_REALISM,
    PHOENIX_1_0,
    check_v1,
    check_v2,
    integer,
    is_uuid,
    refuse,
    uuid6,
)
from .pictures import deliver
from .script import Chosen
from .uploads import Uploads
from .wire import Reply, Request, json_reply

_SD_VERSIONS = {
    LUCID_ORIGIN: "KINO_2_1",
    LUCID_REALISM: "KINO_2_0",
    FLUX_DEV: "FLUX_DEV",
    FLUX_SCHNELL: "FLUX",
}
_API = "/api/rest/v"
_JOB_PATH = re.compile(rf"{_API}1/generations/([^/]+)")
_LIST_PATH = re.compile(rf"{_API}1/generations/user/([^/]+)")
_UPLOAD_PATH = re.compile(rf"{_API}1/init-image/([^/]+)")
_PICTURE_PATH = re.compile(r"/users/[^/]+/generations/([^/]+)/[^/]+_(\d+)\.jpg")


class LeonardoBackend(Backend):
    """Leonardo's API behind one port."""

    def __init__(self, world: SharedState, front: Leonardo) -> None:
        super().__init__(world, front)
        self._front = front
        self.uploads = Uploads(world, front)

    def error(self, status: int, text: str, *, headers: Mapping[str, str] | None = None) -> Reply:
        """The service's error body."""
        return json_reply(status, {"error": text, "path": "$", "code": "unexpected"}, headers)

    def scripted(self, call: Call, answer: Instead) -> Reply:
        """The refusals of a create call."""
        return self._in_the_form_of(call, self._scripted(call, answer))

    def _scripted(self, call: Call, answer: Instead) -> Reply:
        match answer:
            case NotEnoughTokens():
                return self.error(400, f"not enough api tokens userId: {self._account(call)}")
            case PromptModerated():
                return self.error(answer.status, answer.text)
            case ModelWithdrawn():
                return self.error(400, f"{PHOENIX_1_0} is not supported within the Production API.")
            case PendingQueueFull():
                return self.too_many(answer.retry_after_s)
        return super().scripted(call, answer)

    def _in_the_form_of(self, call: Call, refusal: Reply) -> Reply:
        """The refusal in the version's form: v2 answers 200 with a list of errors."""
        details = self._front.refusal_details
        is_v2 = call.request.path.startswith(f"{_API}2/")
        if not is_v2 or details == "envelope" or not 400 <= refusal.status < 500 or refusal.status == 429:
            return refusal
        text = json.loads(refusal.body)["error"]
        extensions: dict[str, object] = {"code": "BAD_USER_INPUT"}
        if details == "text":
            extensions["details"] = text
        elif details == "errors":
            extensions["details"] = {"errors": [{"message": text}]}
        message = text if details == "absent" else "Validation failed"
        return json_reply(200, [{"message": message, "path": ["generate"], "extensions": extensions}])

    def route(self, request: Request) -> Call:
        """The meaning of the request."""
        key_ok = None if bearer(request) is None else bearer(request) in self._front.keys
        endpoint, job_id, prompt = self._endpoint(request)
        return Call(request, endpoint, prompt=prompt, job_id=job_id, key_ok=key_ok)

    def _endpoint(self, request: Request) -> tuple[str, str, str]:
        fixed = {
            ("POST", f"{_API}1/generations"): "create",
            ("POST", f"{_API}2/generations"): "create",
            ("GET", f"{_API}1/me"): "me",
            ("POST", f"{_API}1/pricing-calculator"): "price",
            ("POST", f"{_API}1/init-image"): "form",
        }
        endpoint = fixed.get((request.method, request.path))
        if endpoint is not None:
            return endpoint, "", _prompt_in(request) if endpoint == "create" else ""
        if request.method == "GET" and _LIST_PATH.fullmatch(request.path):
            return "list", "", ""
        looked_for = _UPLOAD_PATH.fullmatch(request.path)
        if request.method == "GET" and looked_for is not None:
            return "look", looked_for[1], ""
        found = _JOB_PATH.fullmatch(request.path)
        if found is not None and request.method in ("GET", "DELETE"):
            job = self._world.ledger.find(found[1])
            return "poll" if request.method == "GET" else "delete", found[1], job.prompt if job else ""
        return "unknown", "", ""

    def _account(self, call: Call) -> str:
        return self._front.user_id(bearer(call.request) or "")

    def _check_key(self, call: Call) -> None:
        key = bearer(call.request)
        if key is not None and not is_uuid(key):
            raise refuse(500, "Invalid response from authorization hook")
        if key not in self._front.keys:
            raise refuse(401, "Authentication hook unauthorized this request", "access-denied")

    def carry_out(self, call: Call, chosen: Chosen) -> Reply:
        """Carry the request out, and return its answer."""
        if call.endpoint == "unknown":
            raise refuse(404, "Endpoint not found", "not-found")
        self._check_key(call)
        if call.endpoint == "create":
            try:
                return self._create(call, chosen.fate or JobFate())
            except Refused as refused:
                return self._in_the_form_of(call, refused.reply)
        endpoints: Mapping[str, Callable[[Call], Reply]] = {
            "poll": self._poll,
            "delete": self._delete,
            "list": self._list,
            "me": self._me,
            "price": self._price,
            "form": lambda form: self.uploads.begin(self._account(form), _body_of(form.request)),
            "look": lambda look: self.uploads.look(look.job_id, self._account(look)),
        }
        return endpoints[call.endpoint](call)

    def _create(self, call: Call, fate: JobFate) -> Reply:
        front, ledger = self._front, self._world.ledger
        limit = front.create_limit
        if limit is not None and ledger.recent("leonardo", "create") > limit:
            return self.too_many(None)
        body = _body_of(call.request)
        version = call.request.path.removeprefix(_API)[0]

        def kind_of(picture_id: str) -> str:
            return self._kind_of(picture_id, self._account(call))

        if version == "1":
            order = check_v1(body, contrast_required=front.contrast_required, kind_of=kind_of)
        else:
            order = check_v2(body, kind_of=kind_of)
        price_usd = order.price_usd(quality_usd=front.price_usd, fast_usd=front.fast_price_usd)
        if front.balance_usd is not None and front.balance_usd - ledger.paid_usd("leonardo") <= 0:
            raise refuse(400, f"not enough api tokens userId: {self._account(call)}")
        job = ledger.admit(
            Job(
                provider="leonardo",
                job_id=uuid6(),
                model=order.model,
                prompt=order.prompt,
                width_px=order.width_px,
                height_px=order.height_px,
                # The bytes, since the same picture may be uploaded again.
                reference=self.uploads.digest(order.reference, self._account(call)) or order.reference,
                reference_strength=order.reference_strength,
                is_square=order.is_square,
                charged_usd=price_usd,
                created_s=0.0,
                style=order.style,
                negative_prompt=order.negative_prompt,
                quality=order.quality,
                seed=order.seed,
                drawn_seed=random.randrange(2**32) if order.seed is None else order.seed,
                images=order.images,
                account=self._account(call),
                request=body,
                fails=isinstance(fate, Fails),
                vanishes=isinstance(fate, Vanishes),
                without_images=isinstance(fate, CompletesWithoutImages),
                foreign_url=isinstance(fate, CompletesWithUrl),
                url=fate.url if isinstance(fate, CompletesWithUrl) else None,
                nsfw=isinstance(fate, MarkedNsfw),
            ),
            self._render_s(fate, order.prompt),
            slots=front.slots,
            pending_limit=front.pending_limit,
        )
        if job is None:
            return self.too_many(None)
        answer = {"generationId": job.job_id, "apiCreditCost": None, **self._cost(price_usd)}
        shape = (
            front.answer_shape if front.answer_shape is not None else {"1": "sdGenerationJob"}.get(version, "generate")
        )
        wrapped: object = {shape: answer} if shape not in {"", "[]"} else answer
        headers = {"X-Request-ID": uuid.uuid4().hex}
        return json_reply(200, [{"generate": answer}] if shape == "[]" else wrapped, headers)

    def _kind_of(self, picture_id: str, account: str) -> str:
        """The kind of the account's picture with that id."""
        if self.uploads.digest(picture_id, account):
            return "UPLOADED"
        jobs = (job for job in self._world.ledger.jobs() if job.account == account and job.status == "COMPLETE")
        made = {image["id"] for job in jobs for image in self._images(job)}
        return "GENERATED" if picture_id in made else ""

    def _cost(self, price_usd: float) -> dict[str, object]:
        unit = self._front.cost_unit
        if unit is None:
            return {}
        amount = f"{price_usd:.4f}" if unit == "DOLLARS" else str(round(price_usd / CREDIT_USD))
        return {"cost": {"amount": amount, "unit": unit}}

    def _render_s(self, fate: JobFate, prompt: str) -> float | None:
        if isinstance(fate, NeverFinishes):
            return None
        if isinstance(fate, RendersBetween):
            earlier = sum(job.prompt == prompt for job in self._world.ledger.jobs())
            return random.Random(f"{fate.seed}:{earlier}:{prompt}").uniform(fate.low_s, fate.high_s)
        return self._front.render_s if fate.render_s is None else fate.render_s

    def _own_job(self, call: Call) -> Job | None:
        if not is_uuid(call.job_id):
            raise refuse(400, f'invalid input syntax for type uuid: "{call.job_id}"', "data-exception")
        job = self._world.ledger.find(call.job_id)
        return job if job and job.provider == "leonardo" and job.account == self._account(call) else None

    def _poll(self, call: Call) -> Reply:
        job = self._own_job(call)
        if job is None or job.vanishes:
            return json_reply(200, {"generations_by_pk": None})
        self._world.ledger.note_poll(job.job_id)
        return json_reply(200, {"generations_by_pk": self._generation(job)})

    def _delete(self, call: Call) -> Reply:
        job = self._own_job(call)
        if job is None:
            return json_reply(200, {"delete_generations_by_pk": None})
        self._world.ledger.delete(job.job_id)
        return json_reply(200, {"delete_generations_by_pk": {"id": job.job_id}})

    def _list(self, call: Call) -> Reply:
        query, account = call.request.query, self._account(call)
        if call.request.path.rpartition("/")[2] != account:
            return json_reply(200, {"generations": []})
        listed_until_s = time.time() - self._front.list_lag_s
        jobs = [
            job
            for job in self._world.ledger.jobs()
            if job.account == account and not job.vanishes and job.created_s <= listed_until_s
        ]
        if self._front.newest_first:
            jobs.reverse()
        texts = query.get("offset", "0"), query.get("limit", "10")
        if not all(text.isdecimal() for text in texts):
            raise refuse(400, "expected a 32-bit integer for type 'Int', but found a string", "validation-failed")
        offset, limit = map(int, texts)
        return json_reply(200, {"generations": [self._generation(job) for job in jobs[offset : offset + limit]]})

    def _me(self, call: Call) -> Reply:
        tokens = self._front.paid_tokens
        if self._front.balance_usd is not None:
            tokens = round((self._front.balance_usd - self._world.ledger.paid_usd("leonardo")) / CREDIT_USD)
        details = {
            "user": {"id": self._account(call), "username": "stand-in"},
            "tokenRenewalDate": None,
            "paidTokens": 0,
            "subscriptionTokens": 0,
            "subscriptionGptTokens": 0,
            "subscriptionModelTokens": 0,
            "apiConcurrencySlots": self._front.slots,
            "apiPaidTokens": tokens,
            "apiSubscriptionTokens": 0,
            "apiPlanTokenRenewalDate": None,
        }
        return json_reply(200, {"user_details": [details]})

    def _price(self, call: Call) -> Reply:
        parameters: object = _body_of(call.request)
        for name in ("serviceParams", "IMAGE_GENERATION"):
            parameters = parameters.get(name) if isinstance(parameters, dict) else None
        if not isinstance(parameters, dict):
            raise refuse(400, 'expecting a value for non-nullable variable: "serviceParams"', "validation-failed")
        images = integer(parameters.get("numImages"), 4)
        price_usd = self._front.price_usd if parameters.get("alchemyMode") else self._front.fast_price_usd
        return json_reply(200, {"calculateProductionApiServiceCost": {"cost": round(images * price_usd / CREDIT_USD)}})

    def _generation(self, job: Job) -> dict[str, object]:
        return {
            "id": job.job_id,
            "status": job.status,
            "createdAt": datetime.fromtimestamp(job.created_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3],
            "modelId": job.model if is_uuid(job.model) else None,
            "prompt": job.prompt,
            "negativePrompt": job.negative_prompt,
            "imageWidth": job.width_px,
            "imageHeight": job.height_px,
            "seed": job.drawn_seed if self._front.shows_seed else None,
            "public": False,
            "presetStyle": self._front.shown_preset,
            "scheduler": "LEONARDO",
            "sdVersion": _SD_VERSIONS.get(job.model, "PHOENIX_NEXT"),
            "guidanceScale": None,
            "inferenceSteps": None,
            "initStrength": None,
            "photoReal": False,
            "promptMagic": False,
            "ultra": True if job.quality == "ultra" else None,
            "aFieldFromTheFuture": {"anything": [None]},
            "generation_elements": [],
            "generated_images": self._images(job) if job.status == "COMPLETE" and not job.without_images else [],
        }

    def _images(self, job: Job) -> list[dict[str, object]]:
        return [
            {
                "id": str(uuid.uuid5(uuid.UUID(job.job_id), str(number))),
                "nsfw": job.nsfw,
                "likeCount": 0,
                "url": self._url(job, number),
                "motionMP4URL": None,
                "generated_image_variation_generics": [],
            }
            for number in range(job.images)
        ]

    def _url(self, job: Job, number: int) -> str | None:
        slug = re.sub(r"[^a-z0-9]+", "_", job.prompt.lower())[:40].strip("_")
        path = f"/users/{job.account}/generations/{job.job_id}/Leonardo_Phoenix_10_{slug}_{number}.jpg"
        signature = f"?Expires=4102444800&Signature={SIGNATURE}" if self._front.sign_urls else ""
        own = f"{self._world.urls['cdn']}{path}{signature}"
        if not job.foreign_url:
            return own
        return None if job.url is None else self.address(job.url, here=own)


def _body_of(request: Request) -> dict[str, object]:
    try:
        body = request.json()
    except ValueError:
        raise refuse(400, "Error in $: not a valid json value", "invalid-json") from None
    if not isinstance(body, dict):
        raise refuse(400, "parsing HashMap failed, expected Object", "parse-failed")
    return body


def _prompt_in(request: Request) -> str:
    body: object = None
    with contextlib.suppress(ValueError):  # refused later, in the service's words
        body = request.json()
    if not isinstance(body, dict):
        return ""
    parameters = body.get("parameters")
    return text_of(body.get("prompt") or (parameters.get("prompt") if isinstance(parameters, dict) else ""))


class PictureBackend(Backend):
    """The picture host, with public addresses; it refuses requests with a key."""

    def __init__(self, world: SharedState, front: PictureHost, leonardo: Leonardo) -> None:
        super().__init__(world, front)
        self._leonardo = leonardo

    def route(self, request: Request) -> Call:
        """The job whose picture the request asks for."""
        found = _PICTURE_PATH.fullmatch(request.path)
        job = self._world.ledger.find(found[1]) if found else None
        return Call(
            request,
            "download",
            prompt=job.prompt if job else "",
            job_id=job.job_id if job else "",
            leak="authorization" in request.headers,
        )

    def carry_out(self, call: Call, chosen: Chosen) -> Reply:
        """The picture of a finished job."""
        if call.leak:
            return self.error(403, "Forbidden")
        if self._leonardo.sign_urls and call.request.query.get("Signature") != SIGNATURE:
            return self.error(403, "Forbidden")
        job = self._world.ledger.find(call.job_id)
        if job is None or job.status != "COMPLETE":
            return self.error(404, "Not Found")
        mark = f"{job.style} {job.seed} {job.quality} {call.request.path[-6:]}"
        width_px = job.height_px if job.is_square else job.width_px
        body, content_type = deliver(job.prompt, mark, width_px, job.height_px, chosen.picture)
        self._world.ledger.note_download(job.job_id)
        return Reply(200, body, {"Content-Type": content_type, "Cache-Control": "public, max-age=31536000"})


class ElsewhereBackend(Backend):
    """Another loopback port, which no client should call; it delivers a good picture to every client."""

    def route(self, request: Request) -> Call:
        """The meaning of every request: a picture."""
        return Call(request, "download", leak="authorization" in request.headers)

    def carry_out(self, call: Call, chosen: Chosen) -> Reply:
        """Deliver a picture."""
        body, content_type = deliver("elsewhere", call.request.path, 1536, 864, chosen.picture)
        return Reply(200, body, {"Content-Type": content_type})

"""Leonardo's API and its picture host.

Texts of errors are the service's where they are published; where only the fact is, the text is ours, and no client may
depend on it.
"""

from __future__ import annotations

import contextlib
import random
import re
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

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
from .pictures import deliver
from .script import Chosen
from .site import Call, Refused, Site, World, bearer, text_of
from .wire import Reply, Request, json_reply

PHOENIX_1_0 = "de7d3faf-762f-48e0-b3b7-9d0ac3a3fcf3"
PHOENIX_0_9 = "6b645e3a-d64f-4341-a6d8-7a3690fbf042"
#: What draws when a request names no model.
LIGHTNING_XL = "b24e16ff-06e3-43eb-8d33-4416c2d75876"
_PHOENIX = (PHOENIX_1_0, PHOENIX_0_9)
_MODELS = (*_PHOENIX, LIGHTNING_XL)

#: 299 dollars for 200 000 credits.
CREDIT_USD = 0.001495

STYLE_IDS = {
    "debdf72a-91a4-467b-bf61-cc02bdeb69c6": "3D_RENDER",
    "9fdc5e8c-4d13-49b4-9ce6-5a74cbb19177": "BOKEH",
    "a5632c7c-ddbb-4e2f-ba34-8456ab3ac436": "CINEMATIC",
    "33abbb99-03b9-4dd7-9761-ee98650b2c88": "CINEMATIC_CONCEPT",
    "6fedbf1f-4a17-45ec-84fb-92fe524a29ef": "CREATIVE",
    "111dc692-d470-4eec-b791-3475abac4c46": "DYNAMIC",
    "594c4a08-a522-4e0e-b7ff-e4dac4b6b622": "FASHION",
    "2e74ec31-f3a4-4825-b08b-2894f6d13941": "GRAPHIC_DESIGN_POP_ART",
    "1fbb6a68-9319-44d2-8d56-2957ca0ece6a": "GRAPHIC_DESIGN_VECTOR",
    "645e4195-f63d-4715-a3f2-3fb1e6eb8c70": "ILLUSTRATION",
    "30c1d34f-e3a9-479a-b56f-c018bbc9c02a": "MACRO",
    "cadc8cd6-7838-4c99-b645-df76be8ba8d8": "MINIMALIST",
    "621e1c9a-6319-4bee-a12d-ae40659162fa": "MOODY",
    "556c1ee5-ec38-42e8-955a-1e82dad0ffa1": "NONE",
    "ab5a4220-7c42-41e5-a578-eddb9fed3d75": "PORTRAIT",
    "22a9a7d2-2166-4d86-80ff-22e2643adbcf": "PRO_BW_PHOTOGRAPHY",
    "7c3f932b-a572-47cb-9b9b-f20211e63b5b": "PRO_COLOR_PHOTOGRAPHY",
    "581ba6d6-5aac-4492-bebe-54c424a0d46e": "PRO_FILM_PHOTOGRAPHY",
    "b504f83c-3326-4947-82e1-7fe9e839ec0f": "RAY_TRACED",
    "be8c6b58-739c-4d44-b9c1-b032ed308b61": "SKETCH_BW",
    "093accc3-7633-4ffd-82da-d34000dfc0d6": "SKETCH_COLOR",
    "5bdc3f2a-1be6-4d1c-8e77-992a30824a2c": "STOCK_PHOTO",
    "dee282d3-891f-4f73-ba02-7f8131e5541b": "VIBRANT",
}

_PRESETS = frozenset(
    (
        "ANIME",
        "BOKEH",
        "CINEMATIC",
        "CINEMATIC_CLOSEUP",
        "CREATIVE",
        "DYNAMIC",
        "ENVIRONMENT",
        "FASHION",
        "FILM",
        "FOOD",
        "GENERAL",
        "HDR",
        "ILLUSTRATION",
        "LEONARDO",
        "LONG_EXPOSURE",
        "MACRO",
        "MINIMALISTIC",
        "MONOCHROME",
        "MOODY",
        "NONE",
        "NEUTRAL",
        "PHOTOGRAPHY",
        "PORTRAIT",
        "RAYTRACED",
        "RENDER_3D",
        "RETRO",
        "SKETCH_BW",
        "SKETCH_COLOR",
        "STOCK_PHOTO",
        "VIBRANT",
        "UNPROCESSED",
    )
)
_CONTRASTS = (1.0, 1.3, 1.8, 2.5, 3.0, 3.5, 4.0, 4.5)
_LEAST_CONTRAST_WITH_ALCHEMY = 2.5
_LARGEST_SEED = 9_999_999_998
_LARGE_SIDE_PX = 768

_BOOLEAN = ("a boolean", "Boolean", (bool,))
_INTEGER = ("a 32-bit integer", "Int", (int,))
_FLOAT = ("a float", "Float", (int, float))
_STRING = ("a string", "String", (str,))
_ANYTHING = ("anything", "Any", (object,))
_V1_FIELDS = {
    "prompt": _STRING,
    "modelId": _STRING,
    "width": _INTEGER,
    "height": _INTEGER,
    "num_images": _INTEGER,
    "alchemy": _BOOLEAN,
    "ultra": _BOOLEAN,
    "contrast": _FLOAT,
    "styleUUID": _STRING,
    "presetStyle": _STRING,
    "enhancePrompt": _BOOLEAN,
    "enhancePromptInstruction": _STRING,
    "negative_prompt": _STRING,
    "seed": _INTEGER,
    "public": _BOOLEAN,
    "sd_version": _STRING,
    "guidance_scale": _FLOAT,
    "num_inference_steps": _INTEGER,
    "scheduler": _STRING,
    "tiling": _BOOLEAN,
    "transparency": _STRING,
    **dict.fromkeys(("photoReal", "promptMagic", "highContrast", "highResolution", "fantasyAvatar"), _BOOLEAN),
    **dict.fromkeys(("photoRealStrength", "promptMagicStrength", "init_strength"), _FLOAT),
    **dict.fromkeys(("photoRealVersion", "promptMagicVersion", "init_image_id", "init_generation_image_id"), _STRING),
    **dict.fromkeys(("controlnets", "elements", "userElements", "imagePrompts", "imagePromptWeight"), _ANYTHING),
}
_V2_ROOT = {"model": _STRING, "parameters": ("an object", "Object", (dict,)), "public": _BOOLEAN}
_V2_PARAMETERS = {
    "prompt": _STRING,
    "mode": _STRING,
    "contrast": _STRING,
    "width": _INTEGER,
    "height": _INTEGER,
    "quantity": _INTEGER,
    "prompt_enhance": _STRING,
    "style_ids": ("a list", "List", (list,)),
    "negative_prompt": _STRING,
    "seed": _INTEGER,
    "tiling": _BOOLEAN,
    "guidances": _ANYTHING,
}
_V2_CHOICES = {
    "mode": ("FAST", "QUALITY", "ULTRA"),
    "contrast": ("LOW", "MEDIUM", "HIGH"),
    "prompt_enhance": ("AUTO", "ON", "OFF"),
}
_JSON_NAMES = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list"}

Fields = Mapping[str, tuple[str, str, tuple[type, ...]]]


def refuse(status: int, text: str, code: str = "unexpected", path: str = "$") -> Refused:
    """The service's error, ready to raise."""
    return Refused(status, {"error": text, "path": path, "code": code})


def uuid6() -> str:
    """A new version 6 UUID (RFC 9562, 5.6): not the version that the published pattern asks for."""
    ticks = time.time_ns() // 100 + 0x01B2_1DD2_1381_4000
    high, low = ticks >> 12, ticks & 0xFFF
    return str(uuid.UUID(int=high << 80 | 6 << 76 | low << 64 | 2 << 62 | random.getrandbits(62)))


def _is_uuid(text: str) -> bool:
    return re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text) is not None


def _check_fields(body: Mapping[str, object], fields: Fields, path: str) -> None:
    for name, value in body.items():
        if name not in fields:
            raise refuse(400, f"Unexpected variable {name}", "bad-request")
        expected, kind, types = fields[name]
        # bool is an int to Python and not to the service.
        wrong = not isinstance(value, types) or (isinstance(value, bool) and types in ((int,), (int, float)))
        if value is not None and wrong:
            found = _JSON_NAMES.get(type(value), "an object")
            text = f"expected {expected} for type '{kind}', but found {found}"
            raise refuse(400, text, "validation-failed", f"{path}.{name}")


def _integer(value: object, default: int) -> int:
    return value if isinstance(value, int) else default


@dataclass(frozen=True)
class Order:
    """A create request that passed every check."""

    model: str
    prompt: str
    width_px: int
    height_px: int
    images: int
    quality: str
    style: str
    negative_prompt: str
    seed: int | None


def _check_prompt(body: Mapping[str, object], longest: int) -> str:
    prompt = body.get("prompt")
    if prompt is None:
        raise refuse(400, 'expecting a value for non-nullable variable: "prompt"', "validation-failed")
    text = text_of(prompt)
    if not text:
        raise refuse(400, "Invalid prompt, must not be empty.")
    if len(text) > longest:
        raise refuse(400, f"Invalid prompt, maximum length of {longest} characters exceeded.")
    return text


def _check_sides(body: Mapping[str, object], largest_px: int, defaults: tuple[int, int]) -> tuple[int, int]:
    width_px, height_px = _integer(body.get("width"), defaults[0]), _integer(body.get("height"), defaults[1])
    for side_px in (width_px, height_px):
        if side_px % 8 or not 32 <= side_px <= largest_px:
            raise refuse(400, "invalid dimensions")
    return width_px, height_px


def _check_seed(body: Mapping[str, object]) -> int | None:
    seed = body.get("seed")
    if isinstance(seed, int) and not 0 <= seed <= _LARGEST_SEED:
        raise refuse(400, "invalid seed")
    return seed if isinstance(seed, int) else None


def _check_style(style_id: str) -> str:
    if style_id not in STYLE_IDS:
        raise refuse(400, "invalid style")
    return STYLE_IDS[style_id]


def _check_contrast(body: Mapping[str, object], *, alchemy: bool, required: bool) -> None:
    contrast = body.get("contrast")
    if contrast is None:
        if required:
            raise refuse(400, "contrast is required")
    elif contrast not in _CONTRASTS:
        raise refuse(400, "invalid contrast", "validation-failed", "$.selectionSet.sdGenerationJob.args.arg1.contrast")
    elif alchemy and isinstance(contrast, int | float) and contrast < _LEAST_CONTRAST_WITH_ALCHEMY:
        raise refuse(400, "contrast must be at least 2.5 with alchemy")


def check_v1(body: Mapping[str, object], *, contrast_required: bool) -> Order:
    """The order in a v1 create body; raises `Refused`."""
    _check_fields(body, _V1_FIELDS, "$.selectionSet.sdGenerationJob.args.arg1")
    prompt = _check_prompt(body, 1500)
    model = text_of(body.get("modelId")) or LIGHTNING_XL
    if not _is_uuid(model):
        raise refuse(500, "internal error")
    if model not in _MODELS:
        raise refuse(400, f"{model} is not supported within the Production API. Please use another model.")
    width_px, height_px = _check_sides(body, 1536, (1024, 768))
    images = _integer(body.get("num_images"), 4)
    if not 1 <= images <= (4 if max(width_px, height_px) > _LARGE_SIDE_PX else 8):
        # A request that leaves the number out gets the four of the default.
        raise refuse(400, "too many images for this size")
    alchemy, ultra = body.get("alchemy") is not False, body.get("ultra") is True
    if ultra and alchemy:
        raise refuse(400, "ultra cannot be combined with alchemy")
    phoenix = model in _PHOENIX
    if phoenix and body.get("sd_version") not in (None, "PHOENIX"):
        raise refuse(400, "Phoenix request requires sd_version to be PHOENIX.")
    _check_contrast(body, alchemy=alchemy, required=contrast_required and phoenix)
    preset = text_of(body.get("presetStyle"))
    if preset and preset not in _PRESETS:
        path = "$.selectionSet.sdGenerationJob.args.arg1.presetStyle"
        text = f"expected one of the values {sorted(_PRESETS)} for type 'sd_generation_style', but found '{preset}'"
        raise refuse(400, text, "validation-failed", path)
    style_id = text_of(body.get("styleUUID"))
    return Order(
        model=model,
        prompt=prompt,
        width_px=width_px,
        height_px=height_px,
        images=images,
        quality="ultra" if ultra else "alchemy" if alchemy else "fast",
        # Phoenix honours the id; what it makes of the preset is not known.
        style=_check_style(style_id) if style_id else preset or "DYNAMIC",
        negative_prompt=text_of(body.get("negative_prompt")),
        seed=_check_seed(body),
    )


def check_v2(body: Mapping[str, object]) -> Order:
    """The order in a v2 create body; raises `Refused`."""
    _check_fields(body, _V2_ROOT, "$")
    if body.get("model") != "phoenix-v1.0":
        raise refuse(400, f"{body.get('model')} is not supported within the Production API.")
    parameters = body.get("parameters")
    parameters = parameters if isinstance(parameters, dict) else {}
    _check_fields(parameters, _V2_PARAMETERS, "$.parameters")
    prompt = _check_prompt(parameters, 2000)
    width_px, height_px = _check_sides(parameters, 2048, (1024, 1024))
    images = _integer(parameters.get("quantity"), 4)
    if not 1 <= images <= 8:
        raise refuse(400, "too many images")
    for name, choices in _V2_CHOICES.items():
        if parameters.get(name) not in (None, *choices):
            raise refuse(
                400, f"{name} must be one of {', '.join(choices)}", "validation-failed", f"$.parameters.{name}"
            )
    style_ids = parameters.get("style_ids") or []
    if len(style_ids) > 1:
        raise refuse(400, "style_ids takes one style", "validation-failed", "$.parameters.style_ids")
    return Order(
        model=PHOENIX_1_0,
        prompt=prompt,
        width_px=width_px,
        height_px=height_px,
        images=images,
        quality={"QUALITY": "alchemy", "ULTRA": "ultra"}.get(text_of(parameters.get("mode")), "fast"),
        style=_check_style(text_of(style_ids[0])) if style_ids else "DYNAMIC",
        negative_prompt=text_of(parameters.get("negative_prompt")),
        seed=_check_seed(parameters),
    )


_API = "/api/rest/v"
_JOB_PATH = re.compile(rf"{_API}1/generations/([^/]+)")
_LIST_PATH = re.compile(rf"{_API}1/generations/user/([^/]+)")
_PICTURE_PATH = re.compile(r"/users/[^/]+/generations/([^/]+)/[^/]+_(\d+)\.jpg")


class LeonardoSite(Site):
    """Leonardo's API behind one port."""

    def __init__(self, world: World, front: Leonardo) -> None:
        super().__init__(world, front)
        self._front = front

    def error(self, status: int, text: str, *, headers: Mapping[str, str] | None = None) -> Reply:
        """The service's envelope."""
        return json_reply(status, {"error": text, "path": "$", "code": "unexpected"}, headers)

    def scripted(self, call: Call, answer: Instead) -> Reply:
        """The refusals of a create call."""
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

    def route(self, request: Request) -> Call:
        """What the request is about."""
        key_ok = None if bearer(request) is None else bearer(request) in self._front.keys
        endpoint, job_id, prompt = self._endpoint(request)
        return Call(request, endpoint, prompt=prompt, job_id=job_id, key_ok=key_ok)

    def _endpoint(self, request: Request) -> tuple[str, str, str]:
        fixed = {
            ("POST", f"{_API}1/generations"): "create",
            ("POST", f"{_API}2/generations"): "create",
            ("GET", f"{_API}1/me"): "me",
            ("POST", f"{_API}1/pricing-calculator"): "price",
        }
        endpoint = fixed.get((request.method, request.path))
        if endpoint is not None:
            return endpoint, "", _prompt_in(request) if endpoint == "create" else ""
        if request.method == "GET" and _LIST_PATH.fullmatch(request.path):
            return "list", "", ""
        found = _JOB_PATH.fullmatch(request.path)
        if found is not None and request.method in ("GET", "DELETE"):
            job = self._world.ledger.find(found[1])
            return "poll" if request.method == "GET" else "delete", found[1], job.prompt if job else ""
        return "unknown", "", ""

    def _account(self, call: Call) -> str:
        return self._front.user_id(bearer(call.request) or "")

    def _check_key(self, call: Call) -> None:
        key = bearer(call.request)
        if key is not None and not _is_uuid(key):
            raise refuse(500, "Invalid response from authorization hook")
        if key not in self._front.keys:
            raise refuse(401, "Authentication hook unauthorized this request", "access-denied")

    def carry_out(self, call: Call, chosen: Chosen) -> Reply:
        """Do what is asked."""
        if call.endpoint == "unknown":
            raise refuse(404, "Endpoint not found", "not-found")
        self._check_key(call)
        if call.endpoint == "create":
            return self._create(call, chosen.fate or JobFate())
        endpoints: Mapping[str, Callable[[Call], Reply]] = {
            "poll": self._poll,
            "delete": self._delete,
            "list": self._list,
            "me": self._me,
            "price": self._price,
        }
        return endpoints[call.endpoint](call)

    def _create(self, call: Call, fate: JobFate) -> Reply:
        front, ledger = self._front, self._world.ledger
        limit = front.create_limit
        if limit is not None and ledger.recent("leonardo", "create") > limit:
            return self.too_many(None)
        body = _body_of(call.request)
        version = call.request.path.removeprefix(_API)[0]
        order = check_v1(body, contrast_required=front.contrast_required) if version == "1" else check_v2(body)
        price_usd = round(order.images * (front.fast_price_usd if order.quality == "fast" else front.price_usd), 6)
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
        return json_reply(200, {shape: answer} if shape else answer, {"X-Request-ID": uuid.uuid4().hex})

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
        if not _is_uuid(call.job_id):
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
        jobs = [job for job in self._world.ledger.jobs() if job.account == account and not job.vanishes]
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
        images = _integer(parameters.get("numImages"), 4)
        price_usd = self._front.price_usd if parameters.get("alchemyMode") else self._front.fast_price_usd
        return json_reply(200, {"calculateProductionApiServiceCost": {"cost": round(images * price_usd / CREDIT_USD)}})

    def _generation(self, job: Job) -> dict[str, object]:
        return {
            "id": job.job_id,
            "status": job.status,
            "createdAt": datetime.fromtimestamp(job.created_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3],
            "modelId": job.model,
            "prompt": job.prompt,
            "negativePrompt": job.negative_prompt,
            "imageWidth": job.width_px,
            "imageHeight": job.height_px,
            "seed": job.drawn_seed,
            "public": False,
            "presetStyle": None,
            "scheduler": "LEONARDO",
            "sdVersion": "PHOENIX_NEXT",
            "guidanceScale": None,
            "inferenceSteps": None,
            "initStrength": None,
            "photoReal": False,
            "promptMagic": False,
            "ultra": None,
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


class PictureSite(Site):
    """The picture host: public addresses, and no patience with keys."""

    def __init__(self, world: World, front: PictureHost, leonardo: Leonardo) -> None:
        super().__init__(world, front)
        self._leonardo = leonardo

    def route(self, request: Request) -> Call:
        """Which job's picture is asked for."""
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
        body, content_type = deliver(job.prompt, mark, job.width_px, job.height_px, chosen.picture)
        self._world.ledger.note_download(job.job_id)
        return Reply(200, body, {"Content-Type": content_type, "Cache-Control": "public, max-age=31536000"})


class ElsewhereSite(Site):
    """Another loopback port, where no client has any business; it hands out a good picture to whoever comes."""

    def route(self, request: Request) -> Call:
        """Anything goes."""
        return Call(request, "download", leak="authorization" in request.headers)

    def carry_out(self, call: Call, chosen: Chosen) -> Reply:
        """A picture."""
        body, content_type = deliver("elsewhere", call.request.path, 1536, 864, chosen.picture)
        return Reply(200, body, {"Content-Type": content_type})

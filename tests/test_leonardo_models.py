"""Leonardo's models: each gets an order that it accepts, and never one for what it does not draw."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from builds import Site, page
from providers_rig import leonardo_at, shows_no_secret
from services import (
    CUSTOM,
    KNOWN,
    LEONARDO_KEY,
    STYLE_IDS,
    Answer,
    Behaviour,
    CutAfterRead,
    ModelWithdrawn,
    NotEnoughTokens,
    PendingQueueFull,
    PromptModerated,
    Services,
)
from services.leonardo_orders import FLUX_DEV, FLUX_SCHNELL, LUCID_ORIGIN, LUCID_REALISM, OTHER_STYLE_IDS, PHOENIX_0_9

from mkdocs_leonardo.errors import (
    AccountRefused,
    Charged,
    NoAnswer,
    PromptRefused,
    ProviderError,
    RateLimited,
    RequestRefused,
)
from mkdocs_leonardo.picture_rules import MAX_PROMPT_CHARACTERS, MAX_SEED, STYLES
from mkdocs_leonardo.providers.declaration import built_in_styles
from mkdocs_leonardo.providers.leonardo.create_requests import (
    build_create_request,
    estimate_usd,
    key_model,
    key_options,
    problems,
    rules_for,
)
from mkdocs_leonardo.providers.leonardo.models import MODELS, V1_MAX_PROMPT
from mkdocs_leonardo.providers.leonardo.options import LeonardoOptions
from mkdocs_leonardo.spec import SEED_LIMIT, PictureSpec, generation_key

pytestmark = pytest.mark.anyio

PICTURE = PictureSpec(prompt="a lighthouse in a storm", style="DYNAMIC")
#: One picture with everything, one with nothing, as the keys below were made of.
PINNED = (
    PictureSpec(prompt="a lighthouse in a storm"),
    PictureSpec(
        prompt="a lighthouse in a storm",
        style="3D_RENDER",
        negative_prompt="people",
        seed=9_999_999_998,
        width_px=1024,
        height_px=576,
    ),
)
LIGHTNING_XL = "b24e16ff-06e3-43eb-8d33-4416c2d75876"
#: The largest and the smallest size of each model, by v2 and, where it has an id, by v1.
SIZES = {
    "phoenix-v1.0": ((32, 32), (2048, 2048)),
    "phoenix-v0.9": ((32, 32), (2048, 2048)),
    "lucid-origin": ((16, 16), (3840, 3616)),
    "lucid-realism": ((16, 16), (2496, 2496)),
    "flux-dev": ((480, 480), (2048, 2048)),
    "flux-schnell": ((32, 32), (2048, 2048)),
    "gpt-image-2": ((16, 16), (3808, 3584)),
    "nano-banana-2": ((16, 16), (6336, 5504)),
}


#: More than v1 draws.
LARGE: dict[str, Any] = {"width": 2048, "height": 1152, "formats": ["jpeg"], "widths": [320]}
NO_NEGATIVE = "lucid-origin takes none; say in hero_prompt what the image shows instead"
NO_OTHER = "as lucid-origin takes no other"
LUCID_STYLES = "CINEMATIC, CREATIVE, DYNAMIC, FASHION, NONE, PORTRAIT, STOCK_PHOTO or VIBRANT"


# Keys ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        ({}, ("84fe92ec580dec01", "0d447f268091584d")),
        ({"alchemy": False}, ("25789916a10b4530", "04333cbd86668eca")),
        ({"mode": "fast"}, ("25789916a10b4530", "04333cbd86668eca")),
        ({"mode": "quality"}, ("84fe92ec580dec01", "0d447f268091584d")),
        ({"contrast": 4.5}, ("cb2007314a6f7884", "8f8eb6d1e186ff36")),
        ({"api_version": "v2"}, ("84fe92ec580dec01", "0d447f268091584d")),
        ({"model": "phoenix-v1.0"}, ("84fe92ec580dec01", "0d447f268091584d")),
        ({"model": "Phoenix"}, ("84fe92ec580dec01", "0d447f268091584d")),
        ({"model": "phoenix-v0.9"}, ("c3da1d4f9256c2f6", "978703e1d463b3fe")),
        ({"model": PHOENIX_0_9}, ("7d66afb46afcd25b", "e6102aa4b56364f7")),
        ({"model": LUCID_ORIGIN, "alchemy": False}, ("3e2a11de16c0c9b2", "b8879f564569d6fa")),
        ({"model": LUCID_ORIGIN}, ("3e2a11de16c0c9b2", "b8879f564569d6fa")),
        ({"model": "lucid-origin"}, ("3e2a11de16c0c9b2", "b8879f564569d6fa")),
        ({"model": LUCID_REALISM, "alchemy": False, "contrast": 3.0}, ("8c47d00e72129bae", "7101897132f54407")),
        ({"model": FLUX_DEV}, ("6ff71020faaa8cb9", "0fa4d4e09e7a5e43")),
        ({"model": FLUX_DEV, "alchemy": False}, ("5357ae293b98936d", "f1afc9b08b83a2b7")),
        ({"model": FLUX_SCHNELL, "contrast": 2.5}, ("b7588b6f5bed8ac3", "d76ef16e30d8441e")),
        ({"model": "flux-dev"}, ("ee124aabfb7109d5", "4f1cbc3ef9255034")),
        ({"model": "flux-schnell", "alchemy": False}, ("f942975dbe4475f8", "a68e1c1cbfe3b77a")),
        ({"model": "gpt-image-2"}, ("448b46e217b97eee", "b87e851afc7900cd")),
        ({"model": "nano-banana-2"}, ("15c751942e03c622", "faabca2e4596e93e")),
        ({"model": LIGHTNING_XL}, ("b49277c9f2066f16", "660e1da7de45f43c")),
        ({"model": "kino-xl", "api_version": "v2"}, ("26fa1c2255eeca48", "b72b27c50b1d9c3f")),
    ],
    ids=lambda value: " ".join(map(str, value.values())) if isinstance(value, dict) else "",
)
def test_key_of_a_picture_is_what_it_was_before_models_had_rules(
    options: dict[str, Any], keys: tuple[str, str]
) -> None:
    """Keys are those of the version that sent one body to every model, so that nothing is bought again."""
    settings = LeonardoOptions(**options)
    made = (generation_key("leonardo", key_model(settings), each, key_options(settings))[:16] for each in PINNED)

    assert tuple(made) == keys


def test_key_of_another_mode_is_another_key() -> None:
    """Another mode gives another key."""
    modes = [("phoenix", mode) for mode in ("quality", "fast", "ultra")] + [("lucid-origin", m) for m in ("", "ultra")]
    modes += [("gpt-image-2", quality) for quality in ("low", "medium", "high")]

    keys = {
        generation_key("leonardo", key_model(each), PICTURE, key_options(each))
        for each in (LeonardoOptions(model=model, mode=mode) for model, mode in modes)
    }

    assert len(keys) == len(modes)


# Orders --------------------------------------------------------------------------------------------------------------


def modes_of(name: str) -> tuple[str, ...]:
    """The modes of a model, as authors write them."""
    return tuple(mode.lower() for mode in KNOWN[name].modes) or ("",)


def orders() -> Iterator[tuple[str, str, tuple[int, int], str]]:
    """Each model in each mode, at both ends of its sizes, by each version."""
    for name, sizes in SIZES.items():
        for mode in modes_of(name):
            yield from ((name, mode, size, "auto") for size in (*sizes, (1536, 864)))
            yield name, mode, (1536, 864), "v2"
            if KNOWN[name].model_id:
                yield from ((name, mode, size, "v1") for size in ((max(32, sizes[0][0]),) * 2, (1536, 1536)))


async def test_order_of_every_model_mode_and_size_is_taken(services: Services) -> None:
    """The loopback Leonardo, whose rules were written apart, accepts an order of every model, mode and size."""
    wanted = list(orders())
    for name, mode, (width_px, height_px), version in wanted:
        provider = leonardo_at(services, options={"model": name, "mode": mode, "api_version": version})
        await provider.submit(replace(PICTURE, width_px=width_px, height_px=height_px))
        await provider.aclose()

    drawn = services.ledger.jobs
    assert len(drawn) == len(wanted)
    for job, (name, mode, size, _) in zip(drawn, wanted, strict=True):
        assert job.model == (KNOWN[name].model_id or name)
        assert job.quality == {"quality": "alchemy", "": "fast"}.get(mode, mode)
        assert job.images == 1
        assert not job.is_square or size[0] == size[1]
        if name not in {"gpt-image-2", "nano-banana-2"}:
            assert (job.width_px, job.height_px) == size


async def test_order_in_every_style_of_a_model_names_that_style(services: Services) -> None:
    """The order in each style of a model has the style's id for that model."""
    for name, known in KNOWN.items():
        services.clear_ledger()
        for style in sorted(known.styles):
            provider = leonardo_at(services, options={"model": name})
            await provider.submit(replace(PICTURE, style=style))
            await provider.aclose()
        assert [job.style for job in services.ledger.jobs] == sorted(known.styles), name


@pytest.mark.parametrize(
    ("options", "picture", "version"),
    [
        ({}, {}, 1),
        ({}, {"width_px": 2048, "height_px": 1152}, 2),
        ({}, {"prompt": "x" * 1501}, 2),
        ({"model": "lucid-origin"}, {}, 1),
        ({"model": "lucid-origin"}, {"width_px": 1920, "height_px": 1080}, 2),
        ({"model": "lucid-origin"}, {"width_px": 16, "height_px": 16}, 2),
        ({"model": "gpt-image-2"}, {}, 2),
        ({"model": CUSTOM}, {}, 1),
    ],
)
async def test_order_goes_by_v1_where_v1_can_do_it(
    services: Services, options: dict[str, Any], picture: dict[str, Any], version: int
) -> None:
    """An order uses v1 if v1 can draw it, else v2."""
    provider = leonardo_at(services, options=options)
    await provider.submit(replace(PICTURE, **picture))
    await provider.aclose()

    (entry,) = services.ledger.requests_to("leonardo", "create")
    assert entry.path == f"/api/rest/v{version}/generations"


@pytest.mark.parametrize(
    ("options", "body"),
    [
        (
            {"model": "lucid-origin", "mode": "ultra"},
            {
                "modelId": LUCID_ORIGIN,
                "prompt": PICTURE.prompt,
                "width": 1536,
                "height": 864,
                "num_images": 1,
                "alchemy": False,
                "ultra": True,
                "contrast": 3.5,
                "styleUUID": "111dc692-d470-4eec-b791-3475abac4c46",
                "enhancePrompt": False,
                "public": False,
                "seed": 5,
            },
        ),
        (
            {"model": "lucid-realism", "api_version": "v2"},
            {
                "model": "lucid-realism",
                "public": False,
                "parameters": {
                    "prompt": PICTURE.prompt,
                    "width": 1536,
                    "height": 864,
                    "quantity": 1,
                    "prompt_enhance": "OFF",
                    "style_ids": ["111dc692-d470-4eec-b791-3475abac4c46"],
                    "mode": "FAST",
                    "seed": 5,
                },
            },
        ),
        (
            {"model": "gpt-image-2", "mode": "low"},
            {
                "model": "gpt-image-2",
                "public": False,
                "parameters": {
                    "prompt": PICTURE.prompt,
                    "width": 1536,
                    "height": 864,
                    "quantity": 1,
                    "prompt_enhance": "OFF",
                    "style_ids": ["111dc692-d470-4eec-b791-3475abac4c46"],
                    "quality": "LOW",
                },
            },
        ),
        (
            {"model": CUSTOM, "alchemy": False},
            {
                "modelId": CUSTOM,
                "prompt": PICTURE.prompt,
                "width": 1536,
                "height": 864,
                "num_images": 1,
                "alchemy": False,
                "public": False,
                "seed": 5,
            },
        ),
        (
            {"model": "kino-xl", "api_version": "v2"},
            {
                "model": "kino-xl",
                "public": False,
                "parameters": {
                    "prompt": PICTURE.prompt,
                    "width": 1536,
                    "height": 864,
                    "quantity": 1,
                    "prompt_enhance": "OFF",
                    "seed": 5,
                },
            },
        ),
    ],
    ids=lambda value: str(value.get("model", ""))[:12] if "prompt" not in value else "",
)
def test_order_holds_what_the_model_takes_and_nothing_else(options: dict[str, Any], body: dict[str, Any]) -> None:
    """An order has the fields of its model, and for an unknown model the fewest."""
    assert build_create_request(LeonardoOptions(**options), replace(PICTURE, seed=5)).body == body


@pytest.mark.parametrize(
    ("name", "wanted", "asked"),
    [
        ("nano-banana-2", (1536, 864), (1376, 768)),
        ("nano-banana-2", (1920, 1080), (2752, 1536)),
        ("nano-banana-2", (1024, 1024), (1024, 1024)),
        ("nano-banana-2", (1200, 512), (1584, 672)),
        ("gpt-image-2", (1536, 864), (1536, 864)),
        ("gpt-image-2", (1920, 1080), (2016, 1136)),
        ("gpt-image-2", (640, 360), (1136, 640)),
    ],
)
async def test_order_of_a_size_that_is_not_listed_asks_for_the_nearest(
    services: Services, name: str, wanted: tuple[int, int], asked: tuple[int, int]
) -> None:
    """An order of an unlisted size asks for the nearest listed one, since the service would draw a square."""
    provider = leonardo_at(services, options={"model": name})
    await provider.submit(replace(PICTURE, width_px=wanted[0], height_px=wanted[1]))
    await provider.aclose()

    (job,) = services.ledger.jobs
    assert (job.width_px, job.height_px) == asked
    assert not job.is_square or asked[0] == asked[1]


# Answers and refusals ------------------------------------------------------------------------------------------------


async def create_error(services: Services, options: dict[str, Any]) -> ProviderError:
    """The error of a create call."""
    provider = leonardo_at(services, options=options)
    with pytest.raises(ProviderError) as caught:
        await provider.submit(PICTURE)
    await provider.aclose()
    assert shows_no_secret(caught.value, LEONARDO_KEY)
    return caught.value


@pytest.mark.parametrize("details", ["text", "errors", "absent", "envelope"])
@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (NotEnoughTokens(), AccountRefused),
        (ModelWithdrawn(), AccountRefused),
        (PromptModerated(), PromptRefused),
        (PendingQueueFull(), RateLimited),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_refusal_of_v2_is_one_in_every_form(
    services: Services, details: str, refusal: Behaviour, kind: type[ProviderError]
) -> None:
    """A refusal of v2, a list under status 200, charges nothing and has a reason."""
    services.leonardo.refusal_details = details
    services.leonardo.on_create(refusal)

    error = await create_error(services, {"api_version": "v2"})

    assert (type(error), error.charged, services.ledger.paid_jobs) == (kind, Charged.NO, 0)


@pytest.mark.parametrize(
    ("body", "kind", "charged"),
    [
        ([{"message": "Too many requests", "path": ["generate"]}], RateLimited, Charged.NO),
        ({"errors": [{"message": "Validation failed", "extensions": {}}]}, RequestRefused, Charged.NO),
        ([{"message": "Authentication hook unauthorized this request"}], AccountRefused, Charged.NO),
        ([{"message": "Internal server error"}], NoAnswer, Charged.UNKNOWN),
        ([{"message": "x", "extensions": {"details": "request timed out"}}], NoAnswer, Charged.UNKNOWN),
        ([{"message": 5}], NoAnswer, Charged.UNKNOWN),
        ([], NoAnswer, Charged.UNKNOWN),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_list_of_errors_under_200_says_what_it_means_and_who_pays(
    services: Services, body: object, kind: type[ProviderError], charged: Charged
) -> None:
    """An error of v2 is a refusal without a charge, or of unknown outcome if a job may have been made."""
    services.leonardo.on_create(Answer(200, body))

    error = await create_error(services, {"api_version": "v2"})

    assert (type(error), error.charged) == (kind, charged)


@pytest.mark.parametrize("shape", ["sdGenerationJob", "generate", "", "[]"])
async def test_answer_of_v2_is_read_in_every_wrapping(services: Services, shape: str) -> None:
    """An answer of v2 is read wrapped, bare, and alone in a list."""
    services.leonardo.answer_shape = shape
    provider = leonardo_at(services, options={"model": "gpt-image-2"})

    submission = await provider.submit(PICTURE)

    await provider.aclose()
    assert submission.job_id == services.ledger.jobs[0].job_id
    assert submission.cost_usd == pytest.approx(services.ledger.paid_usd, abs=1e-4)


async def test_find_of_a_model_without_seeds_is_unknown_and_never_no(services: Services) -> None:
    """A search for a job of a model without seeds is an error, since its jobs look alike."""
    provider = leonardo_at(services, options={"model": "gpt-image-2"})
    await provider.submit(PICTURE)

    with pytest.raises(RequestRefused, match="cannot tell jobs of gpt-image-2 from one another"):
        await provider.find(PICTURE, since=0.0, known=frozenset())

    await provider.aclose()


# Prices --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "mode", "size", "usd"),
    [
        ("phoenix", "fast", (896, 896), 0.0150),
        ("phoenix", "", (1120, 1120), 0.0224),
        ("phoenix", "", (1536, 864), 0.0224),
        ("phoenix-v0.9", "ultra", (896, 896), 0.0538),
        ("phoenix", "ultra", (1024, 1024), 0.0658),
        ("phoenix", "ultra", (1120, 1120), 0.0748),
        ("lucid-origin", "", (1376, 768), 0.0120),
        ("lucid-origin", "", (1600, 896), 0.0164),
        ("lucid-origin", "", (1920, 1088), 0.0254),
        ("lucid-origin", "ultra", (1376, 768), 0.0628),
        ("lucid-origin", "ultra", (1920, 1088), 0.1256),
        ("lucid-realism", "", (1200, 1200), 0.0179),
        ("lucid-realism", "ultra", (1440, 1440), 0.1241),
        ("flux-dev", "", (896, 896), 0.0090),
        ("flux-dev", "", (1120, 1120), 0.0150),
        ("flux-schnell", "", (1024, 1024), 0.0030),
        ("flux-schnell", "", (1120, 1120), 0.0045),
        ("gpt-image-2", "low", (1376, 768), 0.0120),
        ("gpt-image-2", "low", (3584, 2016), 0.0762),
        ("gpt-image-2", "", (2048, 1136), 0.2153),
        ("gpt-image-2", "high", (1376, 768), 0.3902),
        ("gpt-image-2", "high", (3584, 2016), 2.6596),
        ("nano-banana-2", "", (1376, 768), 0.0389),
        ("nano-banana-2", "", (2752, 1536), 0.0583),
        ("nano-banana-2", "", (5504, 3072), 0.0777),
    ],
)
def test_price_is_that_of_the_vendors_calculator(model: str, mode: str, size: tuple[int, int], usd: float) -> None:
    """Estimates are those of the vendor's calculator of 2026-08-01, to a thousandth of a cent."""
    picture = PictureSpec("a lake", width_px=size[0], height_px=size[1])

    assert estimate_usd(LeonardoOptions(model=model, mode=mode), picture) == pytest.approx(usd, abs=6e-5)


def test_price_of_a_model_that_is_not_known_holds_a_cap_early() -> None:
    """The estimate for an unknown model is above that of each of the vendor's quality modes."""
    known = estimate_usd(LeonardoOptions(), PICTURE)

    assert estimate_usd(LeonardoOptions(model=CUSTOM), PICTURE) > known


# Whole builds --------------------------------------------------------------------------------------------------------


def test_build_tells_what_the_model_does_not_know_and_buys_the_rest(tmp_path: Path, services: Services) -> None:
    """A value that the model does not know is one warning with page, key and choices, and no fallback is paid."""
    pages: dict[str, str | bytes] = {
        "good.md": page("Good", hero_prompt="a harbour", hero_style="vibrant", hero_seed=2_147_483_647),
        "style.md": page("Style", hero_prompt="a pier", hero_style="MOODY"),
        "typo.md": page("Typo", hero_prompt="a pier", hero_style="VIBRNT"),
        "negative.md": page("Negative", hero_prompt="a quay", hero_negative_prompt="people"),
        "seed.md": page("Seed", hero_prompt="a mole", hero_seed=2_147_483_648),
    }
    site = Site(tmp_path, pages, {"leonardo": {"model": "Lucid Origin"}, "width": 1920, "height": 1080})

    built = site.build(services)

    assert built.exit_code == 0
    assert sorted(built.warnings) == [
        f"negative.md: hero_negative_prompt is 'people'; {NO_NEGATIVE}",
        f"seed.md: hero_seed is 2147483648; it must be a whole number from 0 to 2147483647, {NO_OTHER}",
        f"style.md: hero_style is 'MOODY'; lucid-origin does not have it; it may be {LUCID_STYLES}",
        "typo.md: hero_style is 'VIBRNT'; did you mean VIBRANT?",
    ]
    (job,) = services.ledger.jobs
    assert (job.provider, job.model, job.style, job.width_px) == ("leonardo", LUCID_ORIGIN, "VIBRANT", 1920)
    assert built.hero("good.md")["cost_usd"] == pytest.approx(17 * 0.001495, abs=1e-4)
    assert site.build(services, options={"leonardo": {"model": LUCID_ORIGIN}}).totals["cached"] == 1
    assert services.ledger.creates == 1


def test_build_tells_what_is_too_long_for_the_model_where_a_page_or_its_folder_says_it(
    tmp_path: Path, services: Services
) -> None:
    """A negative prompt that is too long for the version of the site's size is a warning, and no fallback is paid."""
    pages: dict[str, str | bytes] = {
        "good.md": page("Good", hero_prompt="a harbour", hero_negative_prompt="x" * 992),
        "long.md": page("Long", hero_prompt="a pier", hero_negative_prompt="x" * 993),
        "folder/.meta.yml": f"hero_prompt: a quay at {{title}}\nhero_negative_prompt: {'y' * 1001}\n",
        "folder/page.md": page("Page"),
        "folder/other.md": page("Other", hero_negative_prompt="boats"),
    }
    site = Site(
        tmp_path, pages, {**LARGE, "negative_prompt": "people"}, {"theme": {"name": "material"}}, ["material/meta"]
    )

    built = site.build(services)

    told = "characters with the site's negative_prompt, and at most 1,000 are allowed"
    ends = sorted(line.partition(":")[0] + line[line.rindex(";") :] for line in built.warnings)
    assert ends == [f"folder/page.md; it has 1,009 {told}", f"long.md; it has 1,001 {told}"]
    jobs = services.ledger.jobs
    assert sorted((job.provider, job.prompt) for job in jobs) == [
        ("leonardo", "a harbour"),
        ("leonardo", "a quay at Other"),
    ]


@pytest.mark.parametrize(
    ("options", "width_px", "most"),
    [
        ({}, 1536, 1500),
        ({}, 1544, 2000),
        ({"api_version": "v1"}, 1536, 1500),
        ({"api_version": "v2"}, 1536, 2000),
        ({"model": "lucid-origin", "api_version": "v1"}, 1536, 1500),
        ({"model": "lucid-realism"}, 1536, 9999),
        ({"model": "nano-banana-2"}, 1536, 2000),
        ({"model": CUSTOM}, 1536, 1500),
        ({"model": "kino-xl", "api_version": "v2"}, 1536, 2000),
    ],
)
def test_prompt_that_pages_may_have_is_what_the_order_takes(options: dict[str, Any], width_px: int, most: int) -> None:
    """A page's limit of the prompt is the order's."""
    settings = LeonardoOptions(**options)
    fits = replace(PICTURE, width_px=width_px, prompt="x" * most)

    assert rules_for(settings, fits).prompt_max == most
    assert len(build_create_request(settings, fits).prompt) == most
    if most > 1500:  # by v1, and auto, a longer one may go by v2
        with pytest.raises(RequestRefused, match=f"{most} are allowed"):
            build_create_request(settings, replace(fits, prompt="x" * (most + 1)))


@pytest.mark.parametrize(
    ("options", "width_px", "most"),
    [
        ({}, 1536, 1500),
        ({}, 1544, 1000),
        ({"api_version": "v1"}, 1536, 1500),
        ({"api_version": "v2"}, 1536, 1000),
        ({"model": "lucid-origin"}, 1536, 0),
        ({"model": "flux-dev", "api_version": "v2"}, 1536, 0),
        ({"model": "nano-banana-2"}, 1536, 0),
        ({"model": CUSTOM}, 1536, 1500),
        ({"model": "kino-xl", "api_version": "v2"}, 1536, 1000),
    ],
)
def test_negative_prompt_that_pages_may_have_is_what_the_order_takes(
    options: dict[str, Any], width_px: int, most: int
) -> None:
    """The limit of the negative prompt is the same for page, configuration and order."""
    settings = LeonardoOptions(**options)
    fits = replace(PICTURE, width_px=width_px, negative_prompt="x" * most)
    longer = replace(fits, negative_prompt="x" * (most + 1))

    assert rules_for(settings, fits).negative_prompt_max == most
    assert not [*problems(settings, frozenset(options), fits)]
    assert [name for name, _ in problems(settings, frozenset(options), longer)] == ["negative_prompt"]
    build_create_request(settings, fits)
    with pytest.raises(RequestRefused, match=f"negative_prompt: .* takes {most:,}" if most else "takes none"):
        build_create_request(settings, longer)


def test_build_with_a_model_of_ones_own_says_what_it_is_sent(tmp_path: Path, services: Services) -> None:
    """A model by id gets the smallest body; the log says so, and a strict build passes."""
    site = Site(tmp_path, {"a.md": page("A", hero_prompt="a harbour")}, {"leonardo": {"model": CUSTOM}})

    built = site.build(services, "--strict")

    assert built.exit_code == 0, built.log
    assert f"'{CUSTOM}' is not in the table of models: it is sent prompt, size, seed" in built.log
    (job,) = services.ledger.jobs
    assert set(job.request) <= {
        *("modelId", "prompt", "width", "height", "num_images", "alchemy", "public", "seed", "negative_prompt"),
    }


#: The cache of a version that knew no table of models: two images of Phoenix, one by v2, and one of another model.
EARLIER_CACHE = Path(__file__).parent / "earlier_cache"


def test_build_on_the_cache_of_an_earlier_version_buys_nothing(tmp_path: Path, services: Services) -> None:
    """Models by name, modes and `auto` find the images of an earlier version's cache; a changed mode buys one."""
    source = page(
        "Home", hero_prompt="a harbour at dusk", hero_style="VIBRANT", hero_negative_prompt="people", hero_seed=7
    )
    small = {"formats": ["jpeg"], "widths": [96], "width": 96, "height": 56, "providers": ["leonardo"]}
    site = Site(tmp_path, {"index.md": source}, small)
    copytree(EARLIER_CACHE, site.cache / "pictures")
    same: tuple[dict[str, Any], ...] = (
        {"model": "phoenix", "api_version": "v2"},
        {"mode": "fast", "contrast": 4.5},
        {"model": "phoenix-v1.0", "contrast": 4.0},
        {"model": LIGHTNING_XL, "alchemy": False},
    )

    for leonardo in same:
        built = site.build(services, "--strict", options={**small, "leonardo": leonardo})
        assert (built.exit_code, built.totals["cached"]) == (0, 1), built.log

    assert services.ledger.creates == 0
    assert site.build(services, options={**small, "leonardo": {"mode": "ultra"}}).totals["generated"] == 1


def test_build_that_loses_the_answer_of_a_model_without_seeds_does_not_pay_twice(
    tmp_path: Path, services: Services
) -> None:
    """A lost answer of a model without seeds stays unknown, in this build and the next, and is not paid again."""
    services.leonardo.on_create(CutAfterRead()).once()
    site = Site(
        tmp_path,
        {"a.md": page("A", hero_prompt="a harbour")},
        {"providers": ["leonardo"], "leonardo": {"model": "gpt-image-2"}, "on_missing": "ignore"},
    )

    built = site.build(services)
    again = site.build(services)

    assert "draws without a seed: another hero_seed is another image" in built.log
    assert (built.sources, again.sources) == ({"a.md": "local"}, {"a.md": "local"})
    assert services.ledger.creates == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"leonardo": {"model": "lucid-orgin"}}, "'model': it is 'lucid-orgin'; did you mean lucid-origin?"),
        ({"leonardo": {"model": "midjourney"}}, "nano-banana-2, or the UUID of another model"),
        ({"leonardo": {"model": "flux-dev"}}, "'style': it is CINEMATIC, which flux-dev does not have; it may be "),
        (
            {"leonardo": {"model": "lucid-origin"}, "negative_prompt": "people"},
            "'negative_prompt': lucid-origin takes none; say in prompt_template what images show instead",
        ),
        (
            {"leonardo": {"api_version": "v2"}, "negative_prompt": "x" * 1001},
            "'negative_prompt': it has 1,001 characters, and v2 takes 1,000",
        ),
        (
            {"leonardo": {"model": "lucid-origin", "alchemy": True}},
            "'alchemy': it is true, and lucid-origin draws without Alchemy; leave it out; mode may be fast, ultra",
        ),
        (
            {"leonardo": {"model": "lucid-origin", "mode": "quality"}},
            "'mode': it is 'quality', which lucid-origin does not have; it may be fast, ultra",
        ),
        (
            {"leonardo": {"alchemy": False, "mode": "quality"}},
            "'mode': it is 'quality', and alchemy says another one; leave alchemy out",
        ),
        (
            {"leonardo": {"model": "lucid-origin", "contrast": 4.5}},
            "'contrast': it is 4.5; lucid-origin takes 3, 3.5, 4 by v1",
        ),
        (
            {"leonardo": {"model": "lucid-origin", "contrast": 3.5}, "width": 1920, "height": 1080},
            "'contrast': it is 3.5, and lucid-origin takes none by v2; leave it out",
        ),
        (
            {"leonardo": {"model": "gpt-image-2", "contrast": 3}},
            "'contrast': it is 3, and gpt-image-2 takes none by v2; leave it out",
        ),
        (
            {"leonardo": {"model": CUSTOM}, "width": 1544},
            f"'width': it is 1544; {CUSTOM} draws multiples of 8 from 32 to 1536",
        ),
        ({"leonardo": {"model": CUSTOM, "contrast": 3}}, "may not know it, so it is not sent; leave it out"),
        (
            {"leonardo": {"model": "gpt-image-2", "api_version": "v1"}},
            "'api_version': it is v1, which does not know gpt-image-2; leave it out",
        ),
        (
            {"leonardo": {"api_version": "v1"}, "width": 2048, "height": 1152},
            "'width': it is 2048; phoenix-v1.0 draws multiples of 8 from 32 to 1536; without api_version: v1 it may be",
        ),
        (
            {"leonardo": {"model": "flux-dev", "api_version": "v2"}, "height": 400, "style": "dynamic"},
            "'height': it is 400; flux-dev draws multiples of 8 from 480 to 2048",
        ),
        (
            {"providers": ["openai"], "style": "watercolor"},
            "'style': it is WATERCOLOR, which only models of Leonardo AI know",
        ),
    ],
    ids=lambda value: "" if isinstance(value, str) else re.sub(r"[^\w.]+", " ", str(value))[:60],
)
def test_configuration_that_the_model_does_not_draw_is_refused_before_anything_is_built(
    options: dict[str, Any], message: str
) -> None:
    """A configuration that the model does not draw stops the build before any order."""
    from mkdocs_leonardo.config import LeonardoConfig

    config = LeonardoConfig()
    config.load_dict(options)
    errors, _ = config.validate()

    told = [f"'{name}': {error}".replace("'leonardo': Sub-option ", "") for name, error in errors]
    assert any(message in line for line in told), told


def test_style_of_the_site_may_be_one_of_every_model() -> None:
    """The option `style` takes the styles of all models, and no other."""
    assert set(built_in_styles()) == {style for model in MODELS for style in model.styles}
    assert built_in_styles()[: len(STYLES)] == STYLES


def test_limits_for_all_providers_suit_every_model() -> None:
    """The plugin's limits of seeds and prompts are those of the models."""
    seeds = [model.seed_max for model in MODELS if model.seed_max is not None]
    assert (min(seeds), max(seeds), V1_MAX_PROMPT) == (SEED_LIMIT, MAX_SEED, MAX_PROMPT_CHARACTERS)


def test_every_style_of_the_loopback_service_has_one_name_and_one_id() -> None:
    """The styles of the loopback Leonardo have different names and ids."""
    assert len({*STYLE_IDS, *OTHER_STYLE_IDS}) == len(STYLE_IDS) + len(OTHER_STYLE_IDS)

"""The public contract test: the built-in providers pass it, and each broken one fails the check that it breaks."""

from __future__ import annotations

import base64
import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import pytest
from offenders import EVERYBODY, OFFENDERS, Honest, contract_of

from mkdocs_leonardo.providers.gemini import GeminiOptions, gemini
from mkdocs_leonardo.providers.leonardo import leonardo
from mkdocs_leonardo.providers.leonardo.options import LeonardoOptions
from mkdocs_leonardo.providers.openai import OpenAIOptions, openai
from mkdocs_leonardo.spec import JsonValue
from mkdocs_leonardo.testing import (
    ContractViolation,
    LoopbackService,
    ProviderContract,
    Reply,
    Request,
    Requirement,
)


class LeonardoService(LoopbackService):
    """A loopback service with jobs that are made under v1 or v2, and polled under v1."""

    def answer(self, request: Request) -> Reply:
        """A new job, or the status of one."""
        if request.path.endswith("/generations"):
            job: JsonValue = {"generationId": "1f197fd2-30f6-6e90-a026-b7ff00000001"}
            return Reply(body={"sdGenerationJob" if "/v1/" in request.path else "generate": job})
        if not self.is_finished:
            return Reply(body={"generations_by_pk": {"status": "PENDING", "generated_images": []}})
        return Reply(
            body={"generations_by_pk": {"status": "COMPLETE", "generated_images": [{"url": self.picture_url}]}}
        )

    def error(self, status: int, text: str) -> Reply:
        """The service's error body."""
        return Reply(status, {"error": text, "path": "$", "code": "unexpected"})


class OpenAIService(LoopbackService):
    """A loopback service with the picture in the answer."""

    def answer(self, request: Request) -> Reply:  # noqa: ARG002 - there is but one
        """The picture."""
        return Reply(body={"data": [{"b64_json": base64.b64encode(self.picture).decode()}]})


class GeminiService(LoopbackService):
    """A loopback service with the picture in a part of the answer."""

    def answer(self, request: Request) -> Reply:  # noqa: ARG002 - there is but one
        """The picture."""
        part: JsonValue = {"inlineData": {"data": base64.b64encode(self.picture).decode()}}
        return Reply(body={"candidates": [{"content": {"parts": [part]}}]})


class TestLeonardo(ProviderContract):
    """The contract test of Leonardo's v1."""

    declaration = leonardo
    service = LeonardoService
    form: ClassVar[str] = "v1"

    def options(self, base_url: str) -> object:
        """Options with short limits."""
        return LeonardoOptions(
            base_url=f"{base_url}/api/rest/v1",
            timeout_s=8.0,
            generation_estimate_s=0.2,
            create_timeout_s=2.0,
            api_version="v2" if self.form == "v2" else "v1",
        )


class TestLeonardoV2(TestLeonardo):
    """The contract test of Leonardo's v2."""

    form = "v2"


class TestOpenAI(ProviderContract):
    """The contract test of OpenAI."""

    declaration = openai
    service = OpenAIService

    def options(self, base_url: str) -> object:
        """Options with short limits."""
        return OpenAIOptions(base_url=f"{base_url}/v1", timeout_s=2.0)


class TestGemini(ProviderContract):
    """The contract test of Gemini."""

    declaration = gemini
    service = GeminiService

    def options(self, base_url: str) -> object:
        """Options with short limits."""
        return GeminiOptions(base_url=f"{base_url}/v1beta", timeout_s=2.0)


# That the contract bites ---------------------------------------------------------------------------------------------


def violations(contract: ProviderContract) -> Mapping[str, ContractViolation]:
    """The names of the contract's tests that fail."""
    broken = {}
    for name in sorted(name for name in vars(ProviderContract) if name.startswith("test_")):
        try:
            getattr(contract, name)()
        except ContractViolation as error:
            broken[name] = error
    return broken


@pytest.fixture(scope="module")
def verdicts() -> Mapping[type[Honest], Mapping[str, ContractViolation]]:
    """The contract's verdicts on all providers, run side by side, since most of the time is waiting."""
    root = logging.getLogger()
    level = root.level
    # Each thread sets the level for its captured logs, and restores what it found, which another thread may have set.
    root.setLevel(logging.DEBUG)
    try:
        with ThreadPoolExecutor(8) as pool:
            asked = {kind: pool.submit(violations, contract_of(kind)) for kind in EVERYBODY}
    finally:
        root.setLevel(level)
    return {kind: verdict.result() for kind, verdict in asked.items()}


def test_contract_finds_nothing_in_a_provider_that_keeps_it(
    verdicts: Mapping[type[Honest], Mapping[str, ContractViolation]],
) -> None:
    """The provider that the broken ones derive from passes the contract test."""
    assert verdicts[Honest] == {}


@pytest.mark.parametrize("kind", OFFENDERS, ids=lambda kind: kind.__name__)
def test_contract_names_the_requirement_that_is_violated(
    verdicts: Mapping[type[Honest], Mapping[str, ContractViolation]], kind: type[Honest]
) -> None:
    """Each broken provider fails the checks of its one requirement and no other."""
    broken = verdicts[kind]
    assert {error.requirement for error in broken.values()} == {OFFENDERS[kind]}, broken
    assert len(broken) == 1
    assert all(str(error).startswith(f"A provider {OFFENDERS[kind]}: ") for error in broken.values())


def test_contract_has_an_offender_for_every_requirement() -> None:
    """Each requirement of the contract has a broken provider."""
    assert set(OFFENDERS.values()) == set(Requirement)


def test_count_of_connections_ends_although_the_server_accepts_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that accepts no connection ends the count with a timeout."""
    monkeypatch.setattr("mkdocs_leonardo.testing.service._ACCEPT_S", 0.2)
    service = LoopbackService()

    with pytest.raises(TimeoutError):
        service.count_connections()
    service._server.server_close()

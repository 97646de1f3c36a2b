"""Leonardo's answers: the job, its cost, and the reasons for a missing job."""

from __future__ import annotations

import re
from enum import StrEnum

from mkdocs_leonardo.providers.interface import (
    AccountRefused,
    Charged,
    JsonValue,
    NoAnswer,
    PromptRefused,
    ProviderError,
    RateLimited,
    RequestRefused,
    ServiceFailed,
)
from mkdocs_leonardo.providers.leonardo.models import CREDIT_USD, NAME
from mkdocs_leonardo.providers.toolkit import (
    Answer,
    firewall,
    list_at,
    member,
    number_at,
    retry_after_s,
    says,
    status_and,
    text_at,
)

JOB_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


class Meaning(StrEnum):
    """The meanings of the service's sentences, each with their pattern. `says` alone reads a sentence.

    The sources without a name are the vendor's page of error messages (2026-01-28). Most errors share one code, so the
    sentences tell more than the codes.
    """

    # AccountRefused. The first sentence comes with a 500; a probe of August 2026 had both for wrong keys.
    KEY_REFUSED = "authorization hook|authentication hook"
    # AccountRefused. Four public clients, one with an answer of 400 (2026).
    NO_CREDIT = "not enough api tokens"
    # AccountRefused.
    MODEL_WITHDRAWN = "not supported within the production api"
    # PromptRefused. The first is on the page on unsafe images (2026-01-21), with 400 and with 403.
    PROMPT_REFUSED = "content moderation|inappropriate content"
    # NoAnswer under status 200, as v2 answers: a job may have been made. Two of them are seen (SDK's issues, 2024).
    OUTCOME_UNKNOWN = "internal (server )?error|service error|timed? ?out|unavailable"
    # RateLimited under status 200; v1 answers 429, with a text that is not documented.
    TOO_OFTEN = "too many requests|rate limit"
    # ServiceFailed without a charge: the uploaded reference is gone.
    REFERENCE_LOST = "invalid init image id|couldn't access image|init image.*not found"
    # AccountRefused: the address is wrong, so a 404 says nothing of a job. Not documented; the words are those of
    # Hasura, whose errors the service passes on.
    WRONG_ADDRESS = "endpoint"


def error_of_create_call(answer: Answer, model: str, now: float) -> ProviderError:
    """Return the error for a failed create call; `charged` says whether it may have made a job."""
    specific = specific_error(answer, model)
    if specific is not None:
        return specific
    message, text = quote_answer(answer), text_of(answer)
    if answer.status in {404, 405} or 300 <= answer.status < 400:
        return leonardo_error(AccountRefused, f"has no such address; check leonardo.base_url ({message})")
    # v2 refuses with 200 and a list of errors: no job was made.
    is_refusal = answer.status < 300 and bool(_errors_in(answer.body)) and not says(Meaning.OUTCOME_UNKNOWN, text)
    if answer.status == 429 or (is_refusal and says(Meaning.TOO_OFTEN, text)):
        return leonardo_error(RateLimited, message, retry_after_s=retry_after_s(answer, now))
    if answer.status < 300 and not is_refusal:
        return leonardo_error(NoAnswer, f"accepted the job without an id ({message})")
    if answer.status >= 500 or answer.status == 408:
        return leonardo_error(ServiceFailed, message, retry_after_s=retry_after_s(answer, now))
    return leonardo_error(RequestRefused, f"does not take the request ({message})")


def specific_error(answer: Answer, model: str) -> ProviderError | None:  # noqa: PLR0911 - one return for each failure
    """Return the error for an answer that says why every request fails, or this prompt; None for any other answer."""
    message, text = quote_answer(answer), text_of(answer)
    if says(Meaning.KEY_REFUSED, text) or answer.status == 401:
        return leonardo_error(AccountRefused, firewall(answer) or f"does not accept LEONARDO_API_KEY ({message})")
    if answer.status >= 500:
        # The service may have made a job, whatever its sentence says.
        return None
    if says(Meaning.NO_CREDIT, text) or answer.status == 402:
        return leonardo_error(AccountRefused, "has no credit left on this account; top it up")
    if says(Meaning.PROMPT_REFUSED, text):
        return leonardo_error(PromptRefused, f"refuses the prompt ({message})")
    if says(Meaning.MODEL_WITHDRAWN, text):
        return leonardo_error(AccountRefused, f"does not offer the model {model!r} any more; set leonardo.model")
    if answer.status == 403:
        return leonardo_error(AccountRefused, firewall(answer) or f"does not let LEONARDO_API_KEY in ({message})")
    return None


def error_of_free_request(answer: Answer, model: str, now: float) -> ProviderError:
    """Return the error for a free request that the service refused."""
    specific = specific_error(answer, model)
    if isinstance(specific, AccountRefused):
        return specific
    if answer.status == 429:
        return leonardo_error(RateLimited, quote_answer(answer), retry_after_s=retry_after_s(answer, now))
    if 400 <= answer.status < 500:
        return leonardo_error(RequestRefused, quote_answer(answer))
    return leonardo_error(ServiceFailed, quote_answer(answer), charged=Charged.NO)


def job_in(body: JsonValue | None) -> JsonValue | None:
    """Return the job in an answer: under one of two names, at the top as in the specification, or alone in a list."""
    if isinstance(body, list) and len(body) == 1:
        body = body[0]
    return member(body, "sdGenerationJob") or member(body, "generate") or body


def _errors_in(body: JsonValue | None) -> list[JsonValue]:
    """Return the errors of a refusal that came as a list, bare or as `errors`; empty for any other answer."""
    return [error for error in list_at(body) or list_at(body, "errors") if text_at(error, "message")]


def stated_cost_usd(job: JsonValue) -> float | None:
    """Return the cost that a create answer states; None without one (0 means that the service does not know)."""
    amount = number_at(job, "cost", "amount")
    unit = text_at(job, "cost", "unit").upper()
    if amount is not None and amount > 0 and unit in {"DOLLARS", "CREDITS"}:
        return round(amount if unit == "DOLLARS" else amount * CREDIT_USD, 6)
    credit = number_at(job, "apiCreditCost")
    return round(credit * CREDIT_USD, 6) if credit is not None and credit > 0 else None


def text_of(answer: Answer) -> str:
    """Return the message in an answer, in any of its forms."""
    words = [text_at(answer.body, "error") or text_at(answer.body, "message")]
    for error in _errors_in(answer.body)[:1]:
        details = member(error, "extensions", "details")
        # Details are a text, an object with errors of its own, or nothing.
        deeper = details if isinstance(details, str) else text_at(details, "errors", 0, "message")
        words = [text_at(error, "message"), deeper if deeper != text_at(error, "message") else ""]
    return ": ".join(filter(None, words)) or answer.text


def quote_answer(answer: Answer) -> str:
    """Return the status and the message in an answer."""
    return status_and(text_of(answer), answer)


def leonardo_error(
    kind: type[ProviderError], message: str, *, charged: Charged | None = None, retry_after_s: float | None = None
) -> ProviderError:
    """Return an error with Leonardo as its provider."""
    return kind(message, provider=NAME, charged=charged, retry_after_s=retry_after_s)

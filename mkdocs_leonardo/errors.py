"""Every exception of the package. Branches answer one question: what can the caller do?

    HeroError
    ├── InputError                the author mends one line: page, key, value and fix are in the message
    ├── SettingsError             the author mends an option: its name, value and fix are in the message
    ├── PictureError              these bytes are not a picture we may show
    ├── ProviderError             failover decides; `charged` says whether money may be gone
    │   ├── RateLimited           let the provider rest, go on with the next one
    │   ├── ServiceFailed         the create call failed on their side: look for the job, else once more
    │   │   ├── ServerError       it answered 5xx and keeps no list of jobs: one repetition, both calls count
    │   │   ├── ListUnclear       its list of jobs was read, and leaves open whether the call made one
    │   │   └── NoAnswer          it may have been carried out: look for a while before anything is created again
    │   ├── AccountRefused        key, balance or model: the provider is off for this build
    │   │   └── NotSetUp          the fault lies with what this machine would send: nothing was sent
    │   ├── PromptRefused         a content check said no: the author needs another prompt
    │   ├── RequestRefused        the service does not take this request: the next provider
    │   ├── JobFailed             accepted, then failed: the next provider
    │   ├── JobEmpty              accepted, and ended without a picture: remembered; the next provider
    │   ├── JobUnfinished         accepted and not collected in time: keep the job, the next provider
    │   │   ├── NotAsked          the service was not reached, which says nothing of the job
    │   │   └── PictureElsewhere  it lies where `image_hosts` does not allow to fetch it: the owner must mend that
    │   └── JobUnknown            the service does not know the job: keep it, give it up when that lasts for hours
    ├── TransportError            no answer came; providers turn it into one of the above
    │   ├── NotSent               nothing reached the service
    │   ├── AnswerLost            the request may have been read; the answer never came
    │   └── DownloadRefused       the address or the bytes break a safety rule
    │       └── HostNotListed     the host is not among `image_hosts`
    └── StorageError
        ├── StoreUnavailable      read-only, full, locked or gone: go on without it
        │   └── StoreRefused      it is there, and says no: waiting does not help
        └── BrokenEntry           present, but not what was stored: a miss with a warning

No message holds a key, an ``Authorization`` value or a signed URL.
"""

from __future__ import annotations

from enum import StrEnum


class Charged(StrEnum):
    """Whether the account was billed for the call that failed."""

    NO = "no"
    YES = "yes"
    UNKNOWN = "unknown"


class HeroError(Exception):
    """Base of everything this package raises on purpose."""


class InputError(HeroError):
    """A line of an author's is wrong; the message names page, key, value and fix, and `text` all but the page."""

    def __init__(self, page: str, key: str, message: str) -> None:
        self.page = page
        self.key = key
        self.text = f"{key} {message}"
        super().__init__(f"{page}: {self.text}")


class SettingsError(HeroError):
    """An option of the site has a wrong value; the message names option, value and fix."""


class PictureError(HeroError):
    """Bytes that cannot be decoded into a picture within the size limits."""


class ProviderError(HeroError):
    """A provider could not deliver; `failover.decide` reads the attributes and nothing else."""

    def __init__(
        self,
        message: str,
        *,
        provider: str,
        charged: Charged = Charged.NO,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.provider = provider
        self.charged = charged
        self.retry_after_s = retry_after_s


class RateLimited(ProviderError):
    """HTTP 429 that ends with time; `retry_after_s` if the service said when."""


class ServiceFailed(ProviderError):
    """The create call ended in a 5xx or in no answer; `charged` is unknown unless nothing was sent."""


class ServerError(ServiceFailed):
    """The service answered the create call with a 5xx, and has no list that would show whether it made a picture."""


class ListUnclear(ServiceFailed):
    """The service's list of jobs was read, and leaves open whether it has the job that is looked for."""


class NoAnswer(ServiceFailed):
    """The create call was sent, and no answer came that says what became of it."""


class AccountRefused(ProviderError):
    """Wrong key, empty balance or quota, withdrawn model: every other page would fail as well."""


class NotSetUp(AccountRefused):
    """A key, address, certificate or proxy is unusable; the message's subject is one of them."""


class PromptRefused(ProviderError):
    """A content check refused the prompt or its picture."""


class RequestRefused(ProviderError):
    """The service rejects the shape of the request (any other 4xx)."""


class JobFailed(ProviderError):
    """The accepted job ended without a picture."""


class JobEmpty(ProviderError):
    """The accepted job is complete and has no picture, and never will have one."""


class JobUnfinished(ProviderError):
    """The accepted job was not collected before its deadline; it may still be, without paying again."""


class NotAsked(JobUnfinished):
    """The service could not be reached, so the state of the accepted job is unknown."""


class PictureElsewhere(JobUnfinished):
    """The picture is paid for and lies on a host that the configuration does not list, as every later one will."""


class JobUnknown(ProviderError):
    """The service answers that it has no such job."""


class TransportError(HeroError):
    """No usable answer came over the network."""


class NotSent(TransportError):
    """The connection was never made: no request was sent, so no job was paid for."""


class AnswerLost(TransportError):
    """The connection broke or timed out after the request may have been read."""


class DownloadRefused(TransportError):
    """The address or the bytes of a download break a safety rule; asking again changes nothing."""


class HostNotListed(DownloadRefused):
    """The picture's `host` is not among those that pictures may be fetched from."""

    def __init__(self, host: str) -> None:
        super().__init__(f"the image is on {host}, which is not among image_hosts")
        self.host = host


class StorageError(HeroError):
    """A store could not do what was asked."""


class StoreUnavailable(StorageError):
    """Read-only, full, locked, or gone: the build goes on without the store."""


class StoreRefused(StoreUnavailable):
    """The store answered, and will not do it: forbidden, full, not set up for it."""


class BrokenEntry(StorageError):
    """An entry is there but is not what was stored: truncated, changed, foreign."""

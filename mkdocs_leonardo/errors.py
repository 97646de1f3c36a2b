"""The errors of settings, pages, providers and stores. A branch says what the caller can do.

    HeroError
    ├── InputError                the author corrects a line of a page
    ├── SettingsError             the owner corrects an option, or a variable of the environment
    ├── SiteUnreadable            the host, or one of its plugins, cannot read the site
    ├── PictureError              the bytes are no picture that may be shown
    ├── ProviderError             the class decides on failover; `charged` says whether money may be gone
    │   ├── RateLimited           the provider gets no call for a time; the next provider
    │   ├── ServiceFailed         the create call failed: call once more if it surely made no job
    │   │   ├── ServerError       a 500 or 503 by a service without a list of jobs: call once more, both calls count
    │   │   ├── ListUnclear       the list of jobs leaves open whether the call made a job
    │   │   └── NoAnswer          the call may have been carried out: search for a while before calling once more
    │   ├── AccountRefused        key, balance or model: the provider is off for this build
    │   │   └── NotSetUp          a key, address, certificate or proxy of this machine is unusable; nothing was sent
    │   ├── PromptRefused         a content check refused: the author needs another prompt
    │   ├── RequestRefused        the service does not take this request: the next provider
    │   ├── JobFailed             accepted, then failed: the next provider
    │   ├── JobEmpty              accepted, complete without a picture: remembered; the next provider
    │   ├── JobUnfinished         accepted, not collected in time: the job is kept; the next provider
    │   │   ├── PollFailed        the service was not reached, so the state of the job is unknown
    │   │   └── PictureElsewhere  the picture's host is not in `image_hosts`: the owner adds it
    │   └── JobUnknown            the service does not know the job: kept, and given up after hours
    ├── PictureUnavailable        the build cannot get the picture: the page shows a substitute
    ├── LookupOutdated            no call was sent: look the picture up again
    │   ├── LeasedElsewhere       another machine makes the picture: wait for it first
    │   ├── LeaseTakenOver        another process or machine took the lease over, and may have paid
    │   ├── JobAccepted           a job for the picture was accepted meanwhile: collect it
    │   └── CallUnpublished       the team's store failed before it certainly held the call
    ├── TransportError            no usable answer; a provider turns it into a ProviderError
    │   ├── NotSent               no request reached the service
    │   ├── AnswerLost            the service may have read the request
    │   └── DownloadRefused       address or bytes break a safety rule
    │       └── HostNotListed     the host is not in `image_hosts`
    └── StorageError
        ├── StoreUnavailable      read-only, full, locked or gone: the build goes on without the store
        │   └── StoreRejected     the store answers and rejects the call: waiting does not help
        └── BrokenEntry           an entry that is not what was stored: a miss with a warning
            └── SignedOtherwise   a record of the team's store that is signed with another secret

Messages hold no key, no ``Authorization`` value and no signed URL. Exceptions that one module raises for itself, or for
one caller, stand there.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class Charged(StrEnum):
    """Whether the account was billed for the call that failed."""

    NO = "no"
    YES = "yes"
    UNKNOWN = "unknown"


class HeroError(Exception):
    """Base class of the package's exceptions."""


class InputError(HeroError):
    """An author's line is wrong. `str()` names page, key, value and fix; `text` omits the page."""

    def __init__(self, page: str, key: str, message: str) -> None:
        self.page = page
        self.key = key
        self.text = f"{key} {message}"
        super().__init__(f"{page}: {self.text}")


class SettingsError(HeroError):
    """An option or a variable of the environment has a wrong value; the message names it, the value and the fix."""


class PictureError(HeroError):
    """Bytes that cannot be decoded into a picture within the size limits."""


class ProviderError(HeroError):
    """A provider's failure. `failover.decide` goes by the class and these attributes; the message is for people."""

    #: The value of `charged` for an error that states none.
    charged_by_default: ClassVar[Charged] = Charged.NO

    def __init__(
        self,
        message: str,
        *,
        provider: str,
        charged: Charged | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.provider = provider
        self.charged = self.charged_by_default if charged is None else charged
        self.retry_after_s = retry_after_s


class RateLimited(ProviderError):
    """The service asks to wait (HTTP 429), for `retry_after_s` seconds if it says how long."""


class ServiceFailed(ProviderError):
    """The request failed at the service, or no answer came; `charged` is NO only if certainly nothing was made."""

    charged_by_default = Charged.UNKNOWN


class ServerError(ServiceFailed):
    """The service answered the create call with a 5xx, and has no list that would show its job."""


class ListUnclear(ServiceFailed):
    """The service's list of jobs was read, and leaves open whether it has the job."""


class NoAnswer(ServiceFailed):
    """The create call was sent, and no answer came that tells its outcome."""


class AccountRefused(ProviderError):
    """Wrong key, empty balance or quota, withdrawn model: a request for any page would fail."""


class NotSetUp(AccountRefused):
    """A key, address, certificate or proxy is unusable; the message's subject is one of them."""


class PromptRefused(ProviderError):
    """A content check refused the prompt or its picture."""


class RequestRefused(ProviderError):
    """The service rejects the form of the request (any other 4xx)."""


class JobFailed(ProviderError):
    """The accepted job ended without a picture."""


class JobEmpty(ProviderError):
    """The accepted job is complete without a picture, for good."""


class JobUnfinished(ProviderError):
    """The accepted job was not collected before its deadline; a later build may collect it without paying again."""


class PollFailed(JobUnfinished):
    """The service could not be reached, so the state of the accepted job is unknown."""


class PictureElsewhere(JobUnfinished):
    """The paid picture is on a host that the configuration does not list; the next pictures will be there too."""


class JobUnknown(ProviderError):
    """The service answers that it does not have the job."""


class PictureUnavailable(HeroError):
    """The build cannot get the picture; the message says why."""


class LookupOutdated(HeroError):
    """The picture's state has changed since it was looked up; no call was sent."""


class LeasedElsewhere(LookupOutdated):
    """Another machine holds the team lease of the request."""


class LeaseTakenOver(LookupOutdated):
    """Another process or machine holds the lease of the request."""


class JobAccepted(LookupOutdated):
    """The key has an accepted job, which is to be collected."""


class CallUnpublished(LookupOutdated):
    """The team's store failed before it was certain to hold the create call."""


class TransportError(HeroError):
    """A request over the network ended without a usable answer."""


class NotSent(TransportError):
    """The connection was not made: no request was sent, so no job is paid for."""


class AnswerLost(TransportError):
    """The connection broke or timed out after the request may have been read."""


class DownloadRefused(TransportError):
    """The address or the bytes of a download break a safety rule; asking again changes nothing."""


class HostNotListed(DownloadRefused):
    """The picture is on `host`, which `image_hosts` does not list."""

    def __init__(self, host: str) -> None:
        super().__init__(f"the image is on {host}, which is not among image_hosts")
        self.host = host


class StorageError(HeroError):
    """A store's failure."""


class StoreUnavailable(StorageError):
    """The store is read-only, full, locked or gone; the build goes on without it."""


class StoreRejected(StoreUnavailable):
    """The store answers and rejects the call: forbidden, full, or not set up for the request."""


class BrokenEntry(StorageError):
    """An entry that is not what was stored: truncated, changed or foreign."""

"""Polling of one accepted job, and the download of its picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mkdocs_leonardo.providers.interface import (
    AccountRefused,
    Charged,
    Clock,
    GeneratedImage,
    JobEmpty,
    JobFailed,
    JobUnfinished,
    JobUnknown,
    JsonValue,
    PictureElsewhere,
    PollFailed,
    PromptRefused,
    Submission,
)
from mkdocs_leonardo.providers.leonardo.models import NAME
from mkdocs_leonardo.providers.leonardo.options import LeonardoOptions
from mkdocs_leonardo.providers.leonardo.responses import Meaning, leonardo_error, quote_answer, specific_error, text_of
from mkdocs_leonardo.providers.leonardo.schedule import GenerationTimeTable, next_poll_s
from mkdocs_leonardo.providers.toolkit import (
    Answer,
    DownloadRefused,
    HostNotListed,
    TransportError,
    list_at,
    member,
    retry_after_s,
    says,
    text_at,
)

if TYPE_CHECKING:
    import anyio

    from mkdocs_leonardo.providers.toolkit import Api

_READ_TIMEOUT_S = 10.0
_DOWNLOAD_TIMEOUT_S = 30.0
#: An answer to a request before the deadline may arrive this much later, since a finished job is paid for (seconds).
_GRACE_PART = 0.25
_LEAST_GRACE_S = 2.0
_MOST_GRACE_S = 10.0
#: The interval of polls for an overdue job of an earlier process (seconds).
_OVERDUE_POLL_S = 1.5
#: The time for which a complete job without a picture is polled further, since its picture may follow (seconds).
_EMPTY_S = 3.0
#: The largest difference between clocks and timers (seconds).
_TICK_S = 0.01
_RETRY_WAITS_S = (0.5, 1.0, 2.0)


class JobPoller:
    """The poller of one job, which downloads the picture when the job is done."""

    def __init__(
        self,
        submission: Submission,
        options: LeonardoOptions,
        *,
        api: Api,
        path: str,
        clock: Clock,
        generation_times: GenerationTimeTable,
        give_up_at: float,
    ) -> None:
        """`path` is the job's own in the API; `give_up_at` is in Unix seconds."""
        self._options = options
        self._clock = clock
        self._generation_times = generation_times
        self._api = api
        self._path = path
        grace_s = min(max(_GRACE_PART * options.timeout_s, _LEAST_GRACE_S), _MOST_GRACE_S)
        self._end_at = max(give_up_at, clock.now()) + grace_s
        self._submission = submission
        self._give_up_at = give_up_at
        self._failures = 0
        self._was_answered = False
        self._last_failure = ""
        self._is_unknown = False
        self._empty_since: float | None = None

    async def run(self, kind: str | None) -> GeneratedImage:
        """Wait for the picture, and download it. ProviderError if the wait ends without a picture.

        `kind` is the job's kind in the table of generation times, None for a job of another process.
        """
        url = await (self._poll_overdue_job() if kind is None else self._poll_by_schedule(kind))
        return await self._download(url)

    # Waiting -----------------------------------------------------------------------------------------------------

    async def _poll_by_schedule(self, kind: str) -> str:
        """Poll at the times that earlier generation times suggest; return the picture's address."""
        group = await self._generation_times.group(kind)
        last_s = 0.0
        with group.waiting() as token:
            while True:
                changed = group.changed()
                elapsed_s = self._elapsed_s()
                early = group.claim_early_poll(token)
                wait_s = next_poll_s(elapsed_s, last_s, group.times, self._options.generation_estimate_s, early=early)
                if await self._sleep(wait_s, changed):
                    continue
                asked_s = self._elapsed_s()
                url, retry_s = await self._poll_once()
                if url is not None:
                    await self._generation_times.add(kind, last_s, asked_s)
                    return url
                if retry_s is None:
                    last_s = asked_s
                self._check_deadline()
                if retry_s is not None:
                    await self._sleep(retry_s)

    async def _poll_overdue_job(self) -> str:
        """Poll a job of another process, which may be done, at a fixed interval; return the picture's address."""
        while True:
            url, retry_s = await self._poll_once()
            if url is not None:
                return url
            self._check_deadline()
            await self._sleep(_OVERDUE_POLL_S if retry_s is None else retry_s)

    async def _sleep(self, seconds: float, changed: anyio.Event | None = None) -> bool:
        """Sleep, at most until the deadline; return whether `changed` came first."""
        import anyio

        seconds = min(seconds, max(0.0, self._give_up_at - self._clock.now()))
        if changed is None or seconds <= 0:
            await self._clock.sleep(max(0.0, seconds))
            return False
        async with anyio.create_task_group() as tasks:

            async def wake() -> None:
                await changed.wait()
                tasks.cancel_scope.cancel()

            tasks.start_soon(wake)
            await self._clock.sleep(seconds)
            tasks.cancel_scope.cancel()
        return changed.is_set()

    def _check_deadline(self) -> None:
        now = self._clock.now()
        if now < self._give_up_at - _TICK_S:
            return
        if self._is_unknown:
            raise leonardo_error(JobUnknown, "does not know the job", charged=Charged.UNKNOWN)
        if self._empty_since is not None and now - self._empty_since >= min(_EMPTY_S, self._options.timeout_s / 2):
            raise leonardo_error(JobEmpty, "finished the job without an image", charged=Charged.UNKNOWN)
        if self._empty_since is not None:
            raise self._unfinished("finished the job without an image so far")
        if not self._was_answered:
            raise leonardo_error(
                PollFailed, self._last_failure or "could not be asked for the job", charged=Charged.YES
            )
        raise self._unfinished(self._last_failure or f"has not finished after {self._elapsed_s():.0f} s")

    # One poll ----------------------------------------------------------------------------------------------------

    async def _poll_once(self) -> tuple[str | None, float | None]:
        """Poll the job once; return the address of a finished picture, and the wait after a failed poll (seconds)."""
        # The last poll gets a second for its answer, however late it is.
        end_at = max(self._end_at, self._clock.now() + 1.0)
        try:
            answer = await self._api.request(
                "GET",
                self._path,
                timeout_s=min(_READ_TIMEOUT_S, end_at - self._clock.now()),
                give_up_at=end_at,
            )
        except TransportError as error:
            return None, self._wait_after_failure(str(error))
        self._was_answered = True
        job = member(answer.body, "generations_by_pk")
        if answer.status == 200 and isinstance(job, dict):
            self._failures = 0
            self._last_failure = ""
            self._is_unknown = False
            return self._check_job(job), None
        if self._is_unknown_job(answer):
            # The service's status of a new job may lag by seconds or longer.
            self._is_unknown = True
            return None, None
        return None, self._wait_after_answer(answer)

    def _check_job(self, job: JsonValue) -> str | None:
        """Return the picture's address in a complete job; None while the job is pending.

        JobFailed or PromptRefused if the job has ended without a picture that may be shown.
        """
        status = text_at(job, "status").upper()
        if status == "FAILED":
            raise leonardo_error(JobFailed, "could not make the image (status FAILED, not charged)")
        if status != "COMPLETE":
            # PENDING, and any status that the service may add.
            self._empty_since = None
            return None
        self._empty_since = self._empty_since or self._clock.now()
        for image in list_at(job, "generated_images"):
            if member(image, "nsfw") is True:
                raise leonardo_error(PromptRefused, "made an image that it marks as not safe", charged=Charged.YES)
            url = text_at(image, "url")
            if url:
                return url
        return None

    @staticmethod
    def _is_unknown_job(answer: Answer) -> bool:
        """Return whether the service answers that it does not know the job."""
        if answer.status == 200:
            return isinstance(answer.body, dict) and answer.body.get("generations_by_pk", answer) is None
        # A wrong base_url answers 404 as well, and must not close the entry of a paid job.
        is_from_service = isinstance(answer.body, dict) and not says(Meaning.WRONG_ADDRESS, text_of(answer))
        return answer.status == 404 and is_from_service

    def _wait_after_answer(self, answer: Answer) -> float:
        """Return the wait for the next poll after an answer without the job; JobUnfinished if no poll can help."""
        message = quote_answer(answer)
        specific = specific_error(answer, self._submission.model)
        if isinstance(specific, AccountRefused):
            raise self._unfinished(f"does not answer for this job now: {specific}")
        wait_s = self._wait_after_failure(message)
        if answer.status == 429:
            return max(wait_s, retry_after_s(answer, self._clock.now()) or 2.0)
        if 300 <= answer.status < 500 and answer.status != 408:
            raise self._unfinished(message)
        return wait_s

    def _wait_after_failure(self, reason: str) -> float:
        """Note a failed request; return the seconds until the next one."""
        self._last_failure = f"could not be asked for the job: {reason}"
        wait_s = _RETRY_WAITS_S[min(self._failures, len(_RETRY_WAITS_S) - 1)]
        self._failures += 1
        return wait_s

    # The picture -------------------------------------------------------------------------------------------------

    async def _download(self, url: str) -> GeneratedImage:
        """Download the picture. After a failure, read a new address from the job: the old one may have expired."""
        self._failures = 0
        while True:
            left_s = self._end_at - self._clock.now()
            try:
                data = await self._api.download(
                    url, hosts=self._options.image_hosts, timeout_s=min(_DOWNLOAD_TIMEOUT_S, max(1.0, left_s))
                )
            except HostNotListed as error:
                hosts = ", ".join((*self._options.image_hosts, error.host))
                raise PictureElsewhere(
                    f"made the image, but it is on {error.host}, which is not among image_hosts; if that host is "
                    f"Leonardo's, write `leonardo: image_hosts: [{hosts}]`, and the next build collects it",
                    provider=NAME,
                    charged=Charged.YES,
                ) from error
            except DownloadRefused as error:
                raise self._unfinished(f"made the image, but it is not fetched: {error}") from error
            except TransportError as error:
                reason = f"made the image, but it cannot be fetched: {error}"
            else:
                return GeneratedImage(data, self._submission.cost_usd)
            wait_s = self._wait_after_failure(reason)
            self._last_failure = reason
            if self._clock.now() + wait_s >= self._give_up_at:
                raise self._unfinished(reason)
            await self._clock.sleep(wait_s)
            failures = self._failures
            fresh, _ = await self._poll_once()
            self._failures = failures
            url = fresh or url

    def _elapsed_s(self) -> float:
        return max(0.0, self._clock.now() - self._submission.accepted_at)

    @staticmethod
    def _unfinished(message: str) -> JobUnfinished:
        return JobUnfinished(message, provider=NAME, charged=Charged.YES)

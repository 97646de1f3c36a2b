"""The invariants of every history, checked with the world's ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from .ledger import NEVER, BuildRecord, Job, Order

if TYPE_CHECKING:
    from .disk import Disk
    from .histories import History

#: The seconds in which a service may hide the job of a call that ended in 5xx, or in a lost answer.
HIDDEN_AFTER_5XX_S = 2.0
HIDDEN_AFTER_LOSS_S = 10.0
#: A job whose number is known may be given up when it was unknown for this time (seconds).
UNKNOWN_FOR_GOOD_S = 6 * 3600.0
CLOCKS_APART_S = 3600.0
#: A job whose picture cannot be downloaded is given up after this time (seconds).
GIVEN_UP_S = 30 * 86_400.0
#: The contract's one retry.
MOST_CREATES = 2
#: Calls in the air at a service that has not accepted one yet; how long an outage is believed (seconds).
MOST_PROBES = 2
OUTAGE_S = 55.0
#: What travels and what rounding takes (seconds, dollars).
_MOMENT_S = 0.001
_SLACK_USD = 1e-6


class Violation(Exception):
    """The exception for a violated invariant."""

    seed: int = 0
    history: History | None = None


def check(history: History) -> None:
    """Raise Violation unless every invariant holds."""
    builds = history.ledger.builds
    for build in builds:
        for rule in _OF_A_BUILD:
            rule(build)
    _references_are_used(history)
    for disk in dict.fromkeys(build.disk for build in builds):
        _a_reference_is_uploaded_once(history, disk)
        _nothing_is_paid_for_twice(history, disk)
        _no_page_has_the_picture_of_another(history, disk)
    _what_is_paid_comes_home(history)


def _fail(message: str) -> None:
    raise Violation(message)


# One build ----------------------------------------------------------------------------------------------------------


def _it_ends_without_a_traceback(build: BuildRecord) -> None:
    if build.fault:
        _fail(f"a build ends in a traceback: build {build.number}, {build.fault}")


def _orders_stay_within_the_cap(build: BuildRecord) -> None:
    """Orders in flight or of unknown outcome count from their departure, and the caps hold."""
    orders = sorted(build.orders, key=lambda order: order.reserved_at)
    for number, order in enumerate(orders):
        standing = [earlier for earlier in orders[:number] if _stands(earlier, order.reserved_at)]
        if len(standing) + 1 > build.max_new_images:
            _fail(f"the cap on images is passed: build {build.number}, order {order.number}")
        if build.max_cost_usd is not None:
            cost_usd = sum(_amount_usd(earlier, order.reserved_at) for earlier in standing) + order.estimate_usd
            if cost_usd > build.max_cost_usd + _SLACK_USD:
                _fail(f"the cap on money is passed: build {build.number}, order {order.number}, ${cost_usd:.4f}")


def _a_retry_is_one_and_late_enough(build: BuildRecord) -> None:
    by_key: defaultdict[str, list[Order]] = defaultdict(list)
    for order in build.orders:
        by_key[order.key].append(order)
    for orders in by_key.values():
        if len(orders) > MOST_CREATES and not (build.has_slept or build.was_hindered):
            _fail(f"more than {MOST_CREATES} create calls for one key: build {build.number}, order {orders[-1].number}")
        for before, after in pairwise(orders):
            # A reference that the service has lost is uploaded anew; a build that lost its lease begins anew.
            is_anew = before.reference != after.reference or build.has_slept or build.has_begun_anew
            if before.heard == "refused" and before.service == "leonardo" and not is_anew:
                _fail(f"a refused call is sent again: build {build.number}, order {after.number}")
            wait_s = {"lost": HIDDEN_AFTER_LOSS_S, "failed": HIDDEN_AFTER_5XX_S}.get(before.heard, -NEVER)
            # What lost its lease starts anew, and such a service keeps no list to look at.
            is_cut_off = before.service == "openai" and (build.has_slept or build.has_begun_anew)
            if after.sent_at < before.heard_at + wait_s - _MOMENT_S and not is_cut_off:
                _fail(f"a call is sent again too soon: build {build.number}, order {after.number}")


def _an_outage_is_found_out_with_few_calls(build: BuildRecord) -> None:
    """A service gets few calls at a time until it accepts one, and none for a while after some failed."""
    for number, order in enumerate(build.orders):
        earlier = [one for one in build.orders[:number] if one.service == order.service]
        if any((one.heard == "accepted" and one.heard_at <= order.sent_at) or _is_adopted(one) for one in earlier):
            continue
        in_the_air = sum(one.heard != "nothing" and one.heard_at > order.sent_at for one in earlier)
        # A service that refuses in words is up.
        up_at = [one.heard_at for one in earlier if one.heard == "refused" and one.heard_at <= order.sent_at]
        since = max([order.sent_at - OUTAGE_S, *up_at])
        failed = sum(one.heard in {"failed", "lost"} and since < one.heard_at <= order.sent_at for one in earlier)
        # A build that was asleep through the end of its leases begins anew.
        is_long_known = failed >= MOST_PROBES * MOST_CREATES and not build.has_slept
        if in_the_air >= MOST_PROBES or is_long_known:
            _fail(f"a service that seems to be down is asked on and on: build {build.number}, order {order.number}")


def _is_adopted(order: Order) -> bool:
    """Whether the build found the order's job in the list, or the job of a cache's copy with the same seed."""
    return any(one.key == order.key for one in order.build.adopted) or (
        order.job is not None and order.build.number in order.job.asked_by
    )


def _the_report_is_true(build: BuildRecord) -> None:
    """The reported cost lies between the least and the most that the build may have paid."""
    if build.end != "finished":
        return
    totals, end = build.totals, build.ended_at
    standing = [order for order in build.orders if _stands(order, end)]
    known = [order for order in standing if order.heard == "accepted"]
    lost = [order for order in standing if order.heard != "accepted" and order.job is not None]
    lost = [order for order in lost if order.job is not None and _is_lost(order.job, build)]
    # A copy of the cache sends the same seeds: its jobs cannot be told from one's own.
    keys, seeds = ({getattr(one, name) for one in build.adopted} for name in ("key", "seed"))
    lost = [order for order in lost if order.key not in keys and order.seed not in seeds]
    # With the author's seed, the job of an earlier call that was ruled out answers for a later one.
    answered = {(one.key, one.seed) for one in build.orders if one.job and build.number in one.job.asked_by}
    lost = [order for order in lost if (order.key, order.seed) not in answered]
    sent = [order for order in build.orders if order.heard != "refused"]
    # A build that was asleep cannot tell whether a call left, which was about to.
    most = len(sent) + (build.asked - len(build.orders) if build.has_slept or build.was_hindered else 0)
    if not len(known) + len(lost) <= totals["new_images"] <= most:
        _fail(f"the report's new images are wrong: build {build.number}, {totals['new_images']}")
    least_usd = sum(_amount_usd(order, end) for order in [*known, *lost])
    most_usd = sum(max(order.stated_usd or 0.0, order.estimate_usd) for order in sent) + (most - len(sent))
    if not least_usd - _SLACK_USD <= totals["cost_usd"] <= most_usd + _SLACK_USD:
        _fail(f"the report's cost is wrong: build {build.number}, ${totals['cost_usd']}")
    empty = [order for order in sent if order.heard != "accepted" or (order.job and order.job.ending != "picture")]
    if not len(lost) <= totals["uncertain"] <= len(empty) + most - len(sent):
        _fail(f"the report's uncertain images are wrong: build {build.number}, {totals['uncertain']}")


def _is_lost(job: Job, build: BuildRecord) -> bool:
    """Whether the build paid for the job, or must assume so, and does not know the job."""
    has_failed = job.ending == "failed" and job.done_at <= build.ended_at
    is_listed = any(is_answered and job.visible_from <= at for at, is_answered in build.looks)
    return build.number not in job.asked_by and not is_listed and not has_failed


def _stands(order: Order, now: float) -> bool:
    """Whether the order counts as spent for its build at that time."""
    if order.heard == "refused" and order.heard_at <= now:
        return False
    return not _is_cleared(order, now)


def _is_cleared(order: Order, now: float) -> bool:
    """Whether the account's list, read late enough, showed no job of the order."""
    if order.heard not in {"failed", "lost"}:
        return False
    return any(
        order.heard_at + HIDDEN_AFTER_LOSS_S - _MOMENT_S <= at <= now and not _is_shown(order.job, at)
        for at, is_answered in order.build.looks
        if is_answered
    )


def _is_shown(job: Job | None, at: float) -> bool:
    """Whether the list shows at that time that there is something to collect."""
    return job is not None and job.visible_from <= at and not (job.ending == "failed" and job.done_at <= at)


def _amount_usd(order: Order, now: float) -> float:
    """The cost of the order that the build knows or must assume."""
    if order.job is not None and order.job.ending == "failed" and order.job.done_at <= now:
        return 0.0
    if order.heard == "accepted" and order.heard_at <= now and order.stated_usd is not None:
        return order.stated_usd
    return order.estimate_usd


_OF_A_BUILD: Sequence[Callable[[BuildRecord], None]] = (
    _it_ends_without_a_traceback,
    _orders_stay_within_the_cap,
    _a_retry_is_one_and_late_enough,
    _an_outage_is_found_out_with_few_calls,
    _the_report_is_true,
)


# References ---------------------------------------------------------------------------------------------------------


def _references_are_used(history: History) -> None:
    """Every job with a reference was ordered while the account had that reference."""
    for order in history.ledger.orders:
        if order.reference and order.job is not None:
            stored_at, _ = history.world.jobs.kept(order.reference)
            if stored_at > order.arrived_at:
                _fail(f"ordered with a reference that is not there: order {order.number}")


def _a_reference_is_uploaded_once(history: History, disk: Disk) -> None:
    """A reference is uploaded once at a time, and again only if the account or the cache lost it."""
    uploads = [one for one in history.ledger.uploads if one.build.disk is disk]
    for number, upload in enumerate(uploads):
        earlier = [before for before in uploads[:number] if not _is_troubled(before.build, upload.build)]
        if upload.build.vain_questions or "clock" in history.world.troubles:
            continue
        for before in earlier:
            if before.ended_at > upload.began_at:
                _fail(f"a reference is uploaded twice at a time: {before.id} and {upload.id}")
        # The cache remembers the newest.
        for before in [before for before in uploads[:number] if before.status == 204][-1:]:
            if before in earlier and upload.began_at < history.world.jobs.kept(before.id)[1]:
                _fail(f"a reference is uploaded again: {before.id}, then {upload.id}")


def _is_troubled(*builds: BuildRecord) -> bool:
    """Whether one of the builds could not finish, or could not note its work."""
    return any(build.has_slept or build.was_hindered or build.end in {"killed", "interrupted"} for build in builds)


# One cache's past ---------------------------------------------------------------------------------------------------


def _nothing_is_paid_for_twice(history: History, disk: Disk) -> None:
    """A second order for a key has an excuse."""
    twins = history.twins
    by_key: defaultdict[str, list[Order]] = defaultdict(list)
    for order in disk.orders:
        for before in by_key[order.key]:
            # Its number was never known, or could not be noted.
            is_nameless = before.is_open or before.build.was_hindered
            if before.key in twins and is_nameless and order.sent_at >= before.sent_at + GIVEN_UP_S:
                continue
            if _has_a_lost_twin(disk, before, order, twins):
                # The list cannot tell their jobs apart, and the one retry comes whether it can be read or not.
                continue
            if order.build.disk is disk and not _is_excused(before, order) and not _was_a_copys(history, before, order):
                _fail(f"paid for twice: order {before.number}, then order {order.number}")
        by_key[order.key].append(order)


def _was_a_copys(history: History, before: Order, after: Order) -> bool:
    """Whether a copy's job with the same seed was adopted for `before`, and failed or was given up."""
    copies = [
        other
        for other in history.ledger.orders
        if other.key == before.key and other.build.disk is not before.build.disk
    ]
    return any(
        _it_was_given_up(copy, after)
        or _its_job_is_unknown_for_good(copy, after)
        or (_it_made_nothing(copy, after) and copy.job is not None and before.build.number in copy.job.asked_by)
        for copy in copies
    )


def _has_a_lost_twin(disk: Disk, before: Order, after: Order, twins: set[str]) -> bool:
    """Whether another picture's call with the same prompt and seed has an unknown outcome."""
    others = (other for other in disk.orders if other.key != before.key and other.sent_at <= after.sent_at)
    is_retry = after.build is before.build and before.heard == "failed"
    return is_retry and before.key in twins and any(other.key in twins and other.is_open for other in others)


def _is_excused(before: Order, after: Order) -> bool:
    """Whether the build had to assume that no picture comes of `before`."""
    # What an interrupted build never heard was cut off when it was interrupted, and not when it had tidied up.
    ended_at = before.build.interrupted_at if before.heard == "nothing" else NEVER
    is_in_the_air = min(before.heard_at, before.build.ended_at, ended_at) > after.sent_at
    if is_in_the_air and not (before.build.has_slept or before.build.was_hindered):
        return False
    return any(excuse(before, after) for excuse in _EXCUSES)


def _it_was_refused(before: Order, after: Order) -> bool:
    return before.heard == "refused" and before.heard_at <= after.sent_at


def _it_made_nothing(before: Order, after: Order) -> bool:
    job = before.job
    return job is None or (job.ending == "failed" and job.done_at <= after.sent_at)


def _its_answer_was_the_picture(before: Order, after: Order) -> bool:
    """Whether the service keeps no jobs, so that a late or unstored answer is lost."""
    build = before.build
    is_late = before.is_open or before.heard_at > after.sent_at or build.has_slept
    return before.service == "openai" and (is_late or build.end in {"killed", "interrupted"} or build.was_hindered)


def _its_job_was_hidden(before: Order, after: Order) -> bool:
    """Whether the account's list hid the job for as long as builds look for it."""
    job, build = before.job, before.build
    if job is None or before.service == "openai":
        return False
    if before.heard_at > after.sent_at or before.heard == "nothing":
        has_ended = build.ended_at < after.sent_at
        return job.visible_from > (build.ended_at + HIDDEN_AFTER_LOSS_S if has_ended else after.sent_at - 1.0)
    if before.heard == "failed":
        looks = [is_answered for at, is_answered in build.looks if before.heard_at <= at <= after.sent_at]
        if after.build is build and not (looks and all(looks)):
            # The contract's one retry comes whether the list can be read or not.
            return True
        return job.visible_from > before.heard_at + HIDDEN_AFTER_5XX_S
    is_lost = before.heard == "lost" or build.was_hindered or build.end == "killed"
    return is_lost and job.visible_from > before.heard_at + HIDDEN_AFTER_LOSS_S


def _its_job_is_unknown_for_good(before: Order, after: Order) -> bool:
    job = before.job
    return job is not None and job.known_from > after.sent_at >= before.sent_at + UNKNOWN_FOR_GOOD_S


def _it_was_given_up(before: Order, after: Order) -> bool:
    """Whether the job was old, and more than one later build asked for it without success.

    In its first hours a job may just not be finished; the machines' clocks may differ by one of these.
    """
    job = before.job
    if job is None or not before.sent_at + GIVEN_UP_S <= job.given_up_at <= after.sent_at:
        return False
    since = before.sent_at + UNKNOWN_FOR_GOOD_S - CLOCKS_APART_S
    asked_at = [at for at in job.asked_at if since <= at <= job.given_up_at]
    return bool(asked_at) and max(asked_at) >= min(asked_at) + UNKNOWN_FOR_GOOD_S


_EXCUSES: Sequence[Callable[[Order, Order], bool]] = (
    _it_was_refused,
    _it_made_nothing,
    _its_answer_was_the_picture,
    _its_job_was_hidden,
    _its_job_is_unknown_for_good,
    _it_was_given_up,
)


def _no_page_has_the_picture_of_another(history: History, disk: Disk) -> None:
    """Every stored picture was ordered under the key under which it is stored."""
    orders = {job.id: job.order for job in history.ledger.jobs}
    keys = {key for of_a_page in history.keys for key in of_a_page}
    for key, job_id in disk.pictures():
        order = orders[job_id]
        if order is None or key not in keys or order.key == key:
            continue
        # Neither the list nor a cache that has lost its past, or could not be written, can tell them apart.
        is_forgotten = order.is_open or order.build.was_hindered or order.build.disk is not disk
        if not (is_forgotten and {key, order.key} <= history.twins):
            _fail(f"an image is stored under another one's key: order {order.number}")


# The end ------------------------------------------------------------------------------------------------------------


def _what_is_paid_comes_home(history: History) -> None:
    """Every deliverable picture of a job that a build knew is stored."""
    disk = history.machine.disk
    for order in disk.orders:
        job = order.job
        if (
            job is not None
            and order.service == "leonardo"
            and job.is_deliverable
            and job.asked_by & {build.number for build in history.ledger.builds if build.disk is disk}
            and not disk.has(order.key)
            # A picture without its record cannot be fetched again, and a warning says so.
            and f"{order.key[:16]}.json" not in disk.damaged
            and not history.shows_a_better_one(order.key)
            and not order.sent_at + GIVEN_UP_S <= job.given_up_at < NEVER
            # Its number could not be noted, and the list did not show it for as long as it was to be looked for.
            and not (order.build.was_hindered and job.visible_from > order.heard_at + HIDDEN_AFTER_LOSS_S)
        ):
            _fail(f"a finished image is not stored: order {order.number}")

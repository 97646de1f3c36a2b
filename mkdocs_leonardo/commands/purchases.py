"""Purchases of a command: the plan, the question, the payment, the wait, and Ctrl-C."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING

from mkdocs_leonardo.acquire.budget import Budget
from mkdocs_leonardo.commands.hero_status import (
    BLOCKED_STATES,
    PAID_STATES,
    HeroStatus,
    drop_repeats,
    find_statuses,
    open_runtime,
)
from mkdocs_leonardo.commands.terminal import Console, shorten
from mkdocs_leonardo.log import watch
from mkdocs_leonardo.report import pluralise
from mkdocs_leonardo.resolution import (
    Failure,
    Resolution,
    describe_attempts,
    get_resolution,
    interrupted_message,
    name_some,
)
from mkdocs_leonardo.spec import Source, dollars

if TYPE_CHECKING:
    from mkdocs_leonardo.runtime import Runtime
    from mkdocs_leonardo.settings import Settings
    from mkdocs_leonardo.spec import HeroSpec, PictureRecord

#: A shorter render time is not shown (seconds).
_LEAST_S = 0.05
_PROMPT_CHARACTERS = 60
#: The exit code after Ctrl-C that shells expect: 128 plus the number of the signal.
INTERRUPTED = 130
#: The reason why the configuration allows no purchase, and the fix.
GENERATE_IS_OFF = "the configuration says generate: false; take that line out to allow it"
#: The words for jobs that are left after Ctrl-C, and for what becomes of them, by their state.
_OPEN_JOB_WORDS = {
    "accepted": (
        "paid for, and not collected yet",
        "the same command collects what is there by then, without paying again",
    ),
    "intended": (
        "asked for, without an answer yet",
        "the same command looks whether the service took the job before it pays for another",
    ),
    "lost": (
        "given up before the answer came",
        "that service keeps no images, so this one is lost and may have been charged",
    ),
}
_RUN_TIMED_OUT = Failure("it took too long; the next run collects what is paid")


class PurchasePlan:
    """The purchases of a command, within the caps of the configuration."""

    def __init__(self, statuses: Sequence[HeroStatus], settings: Settings, budget: Budget | None = None) -> None:
        """`statuses` holds the pages' pictures; a stored picture costs nothing. `generate: false` allows no purchase.

        `budget` holds the caps for several plans. Without it, the caps of `settings` hold for this plan alone.
        """
        planned = budget or Budget(max_new_images=settings.max_new_images, max_cost_usd=settings.max_cost_usd)
        self.statuses = tuple(statuses)
        self.buy = drop_repeats(status for status in statuses if status.must_be_bought)
        self.collect = tuple(status for status in statuses if status.is_due)
        self.settings = settings
        self.allowed = tuple(takewhile(lambda status: planned.reserve(status.estimate_usd), self.buy))
        self.estimate_usd = sum(status.estimate_usd for status in self.allowed)
        self.most_usd = self.cap_usd(sum(status.most_usd for status in self.allowed))

    def cap_usd(self, amount_usd: float) -> float:
        """Return the amount, or the configuration's cap if that is less."""
        cap_usd = self.settings.max_cost_usd
        return amount_usd if cap_usd is None else min(amount_usd, cap_usd)

    @property
    def held_back(self) -> int:
        """The number of pictures that the caps do not allow to buy."""
        return len(self.buy) - len(self.allowed)

    @property
    def is_idle(self) -> bool:
        """Whether no picture is to be made or collected."""
        return not self.buy and not self.collect

    def show(self, console: Console) -> None:
        """Print each purchase and the lines of the plan, with warnings of lost answers."""
        for status in self.allowed:
            console.warn(*status.losses)
            picture = status.hero.picture
            prompt = shorten(picture.prompt, _PROMPT_CHARACTERS) if picture else ""
            console.say(f"  {status.hero.page}: about {dollars(status.estimate_usd)}: {prompt}")
        for line in self.describe():
            console.say(line)

    def describe(self) -> Iterator[str]:
        """Yield the lines of the plan, for a person to agree to."""
        for is_certain, words in (
            (True, ("image is paid for and will be collected", "images are paid for and will be collected")),
            (False, ("image may be paid for and is looked for", "images may be paid for and are looked for")),
        ):
            group = [status for status in self.collect if status.is_certain == is_certain]
            if group:
                pages = name_some([status.hero.page for status in group])
                yield f"{pluralise(len(drop_repeats(group)), *words)}: {pages}"
        if not self.buy:
            return
        first_offer = next(offer for offer in self.buy[0].offers if offer.can_be_bought)
        line = f"{pluralise(len(self.allowed), 'new image', 'new images')} from {first_offer.provider}: "
        line += f"about {dollars(self.estimate_usd)}"
        if self.most_usd > self.estimate_usd:
            further = dict.fromkeys(
                offer.provider for status in self.allowed for offer in status.offers if offer.can_be_bought
            )
            further.pop(first_offer.provider, None)
            line += f", at most {dollars(self.most_usd)} if {' or '.join(further)} has to step in"
        yield line
        if self.held_back:
            # If the cap allows nothing now, it allows nothing to another run.
            fix = "run the command again for the rest, or raise the cap" if self.allowed else "raise the cap"
            yield (
                f"{pluralise(self.held_back, 'more image is', 'more images are')} held back by max_new_images or "
                f"max_cost_usd; {fix}"
            )


def warn_of_blocked(statuses: Sequence[HeroStatus], console: Console) -> int:
    """Warn of each picture that no provider is asked for, with the fix; return their number."""
    blocked = [status for status in statuses if status.state in BLOCKED_STATES]
    for status in blocked:
        refused = f"the prompt was refused before ({status.reason}); write another one"
        console.warn(f"{status.hero.page}: {refused if status.state == 'refused' else status.reason}")
    return len(blocked)


def warn_of_waiting(statuses: Sequence[HeroStatus], console: Console) -> int:
    """Warn of each paid picture that its service was asked for a moment ago; return their number."""
    waiting = [status for status in statuses if status.state in PAID_STATES and not status.is_due]
    for status in waiting:
        condition = "paid for, and not complete" if status.is_certain else "may be paid for, and was not found"
        console.warn(f"{status.hero.page}: {condition} when it was last asked for; a later run collects it")
    return len(waiting)


def confirm_payment(console: Console, *, yes: bool) -> bool:
    """Return whether the plan is agreed to, by --yes or on the terminal."""
    return console.is_agreed("Pay for it?", yes=yes, otherwise="nothing was spent")


def download_team_pictures(settings: Settings, heroes: Sequence[HeroSpec], console: Console) -> bool:
    """Download missing pictures from the team's store into the cache; return whether it had any.

    Pays for nothing. Opens no connection if no picture is missing, or if the site has no store.
    """
    if settings.shared_store is None:
        return False
    with open_runtime(settings, console, asks_providers=False) as runtime:
        statuses = find_statuses(runtime, heroes)
        missing = [status for status in statuses if status.record is None and status.hero.picture is not None]
        if not missing:
            return False
        unique_heroes = [status.hero for status in drop_repeats(missing)]
        resolutions = runtime.loop.map(runtime.pipeline.acquire_picture, unique_heroes)
        count = sum(resolution.stored is not None for resolution in resolutions)
    if count:
        console.say(f"{pluralise(count, 'image', 'images')} found in the team's store")
    return count > 0


def carry_out(plans: Sequence[PurchasePlan], console: Console) -> tuple[list[Resolution], Budget]:
    """Carry out agreed plans, one after the other; return the results, and the budget of what was paid for.

    A plan's paid jobs are collected before its new pictures; a failed job is not paid for again. The caps of the
    configuration hold for all plans together, and each plan costs at most what it said.
    """
    results: list[Resolution] = []
    budget = Budget(max_new_images=0, max_cost_usd=None)
    for plan in plans:
        if plan.collect:
            results += _obtain(drop_repeats(plan.collect), plan.settings, console)
        if plan.allowed:
            most_usd = plan.cap_usd(budget.cost_usd + plan.most_usd)
            budget.replace_caps(max_new_images=plan.settings.max_new_images, max_cost_usd=most_usd)
            results += _obtain(plan.allowed, plan.settings, console, budget)
    return results, budget


def _obtain(
    statuses: Sequence[HeroStatus], settings: Settings, console: Console, budget: Budget | None = None
) -> tuple[Resolution, ...]:
    """Make or collect the pictures; return the results in the order of `statuses`.

    Without a budget, paid jobs are collected, and nothing new is paid for. Ctrl-C prints the jobs that are still
    rendering, and exits (SystemExit).
    """
    futures: dict[Future[Resolution], HeroSpec] = {}
    with open_runtime(settings, console, budget or Budget(max_new_images=0, max_cost_usd=0.0)) as runtime:
        try:
            for status in statuses:
                futures[runtime.loop.start(runtime.pipeline.acquire_picture, status.hero)] = status.hero
            results = _await_results(runtime, futures, console, may_pay=budget is not None)
            runtime.end_loop()
        except KeyboardInterrupt:
            _end_work(runtime, console)
            _report_open_work(runtime, futures, console)
            raise SystemExit(INTERRUPTED) from None
        return results


def _end_work(runtime: Runtime, console: Console) -> None:
    """End all work, but wait for paid answers that cannot be fetched again, until a second Ctrl-C."""

    def report_stop() -> None:
        awaited = runtime.pipeline.awaited
        console.note(interrupted_message(awaited) if awaited else "stopping; what is under way is in the journal …")

    # The jobs that are printed include calls whose answers the second Ctrl-C gave up.
    with suppress(KeyboardInterrupt):
        runtime.end_loop(report_stop)


def _await_results(
    runtime: Runtime, futures: Mapping[Future[Resolution], HeroSpec], console: Console, *, may_pay: bool
) -> tuple[Resolution, ...]:
    results: dict[str, Resolution] = {}
    for done, seconds in watch(futures, timeout_s=runtime.compute_timeout_s(len(futures))):
        for future in done:
            purchase = get_resolution(future, futures[future], _RUN_TIMED_OUT, console.notify)
            if purchase.stored is None and not may_pay:
                purchase = replace(purchase, failure=_explain_no_picture(purchase))
            results[purchase.hero.page] = purchase
            console.say(describe_result(purchase))
        if len(results) < len(futures):
            spent_usd = runtime.spending.cost_usd
            console.draw_progress(len(results), len(futures), f"{dollars(spent_usd)}  {seconds:.0f} s")
    for future, hero in futures.items():
        if hero.page not in results:
            results[hero.page] = get_resolution(future, hero, _RUN_TIMED_OUT, console.notify)
    return tuple(results[hero.page] for hero in futures.values())


def _explain_no_picture(purchase: Resolution) -> Failure | None:
    """Say why a paid job gave no picture, in a run that only collects."""
    reasons = describe_attempts(attempt for attempt in purchase.attempts if not attempt.is_held_back)
    return Failure(f"{reasons}; run the command again to pay for another one") if reasons else purchase.failure


def describe_result(purchase: Resolution) -> str:
    """Return the line on one picture's result."""
    page = purchase.hero.page
    if purchase.stored is None:
        return f"{page}: no image: {explain_failure(purchase)}"
    record, source = purchase.stored.record, purchase.stored.source
    if source is Source.GENERATED:
        return (
            f"{page}: made by {', '.join([record.provider, *describe_seconds(record)])}, {dollars(purchase.cost_usd)}"
        )
    if source is Source.COLLECTED:
        return f"{page}: collected from {record.provider}, paid for earlier"
    return f"{page}: stored"


def explain_failure(purchase: Resolution) -> str:
    """Say why there is no picture."""
    return purchase.failure.text if purchase.failure else "no provider could be asked"


def describe_seconds(record: PictureRecord) -> list[str]:
    """Return the words for the seconds from acceptance to download; empty if they are not known.

    A service whose answer is the picture has no job, so there are 0 seconds and no words.
    """
    return [f"{record.seconds:.1f} s"] if record.seconds is not None and record.seconds >= _LEAST_S else []


def _report_open_work(runtime: Runtime, futures: Mapping[Future[Resolution], HeroSpec], console: Console) -> None:
    """Print the pictures that arrived after all, and the open jobs, with what becomes of them."""
    statuses = find_statuses(runtime, futures.values())
    finished = {future for future in futures if future.done() and not future.cancelled()}
    for future, status in zip(futures, statuses, strict=True):
        if future not in finished and status.record is not None and not status.jobs:
            console.say(f"{status.hero.page}: stored all the same, from {status.record.provider}")
    count = sum(status.record is not None and not status.jobs for status in statuses)
    console.note(f"interrupted: {count} of {pluralise(len(futures), 'image', 'images')} done")
    open_jobs = [
        (f"{status.hero.page} ({offer.provider})", offer.job)
        for status in statuses
        for offer in status.offers
        if offer.job is not None and (status.record is None or status.record.key != offer.key)
    ]
    for state, (condition, consequence) in _OPEN_JOB_WORDS.items():
        names = [name for name, job in open_jobs if job == state]
        if names:
            console.note(f"{condition}: {name_some(names)}; {consequence}")
    if not open_jobs:
        console.note("nothing is left to collect")

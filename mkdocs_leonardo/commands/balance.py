"""`balance`: the balances of the accounts at the configured services."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from mkdocs_leonardo.commands.hero_status import open_runtime
from mkdocs_leonardo.commands.site import read_config
from mkdocs_leonardo.commands.terminal import CommandError, Console
from mkdocs_leonardo.errors import ProviderError, TransportError
from mkdocs_leonardo.providers.base import Account
from mkdocs_leonardo.providers.declaration import key_variable

if TYPE_CHECKING:
    from mkdocs_leonardo.providers.declaration import Alert
    from mkdocs_leonardo.runtime import Runtime
    from mkdocs_leonardo.spec import JsonValue

T = TypeVar("T")

#: The words for an account whose service states no number.
SILENT = "does not report a balance"
_TIMEOUT_S = 60.0


def balance(config_file: str | None, console: Console, *, alert_below: Alert | None) -> int:
    """Show the balances; 1 if a balance is below `alert_below`, or cannot be read."""
    site = read_config(config_file, console)
    is_low = is_short = False
    report: list[JsonValue] = []
    with open_runtime(site.settings, console) as runtime:
        providers = [provider for provider in runtime.chain if provider.name in runtime.providers_with_api_key]
        reporting = [provider for provider in providers if provider.reports_account]
        if not reporting:
            raise CommandError(_explain_no_balance(runtime))
        for provider in reporting:
            account, problem = Account(), ""
            try:
                account = await_answer(runtime, provider.account)
            except (ProviderError, TransportError) as error:
                problem = str(error)
            is_short = is_short or (alert_below is not None and alert_below.is_below(account))
            is_low = is_low or is_short or bool(problem)
            amounts = {"credits": account.credits, "usd": account.usd}
            report.append({"provider": provider.name, **amounts, "problem": problem or None})
            if not console.for_program:
                console.say(f"{provider.name}: {problem or account.describe() or SILENT}")
    if console.for_program:
        console.print_json({"accounts": report, "is_low": is_low})
    elif is_short:
        console.warn(f"less than {alert_below} is left; top the account up")
    return 1 if is_low else 0


def _explain_no_balance(runtime: Runtime) -> str:
    names = [provider.name for provider in runtime.chain if provider.reports_account]
    keys = [key_variable(name) for name in names]
    if keys:
        return f"set {' or '.join(keys)} in the environment"
    unlisted = [provider.name for provider in runtime.make_unlisted_providers() if provider.reports_account]
    return f"no configured provider reports a balance; add {' or '.join(unlisted)} to providers"


def await_answer(runtime: Runtime, ask: Callable[[], Awaitable[T]]) -> T:
    """Wait for the answer to a free request to a service; TransportError after a minute."""
    try:
        return runtime.loop.run(ask, timeout_s=_TIMEOUT_S)
    except TimeoutError:
        raise TransportError("does not answer in time") from None

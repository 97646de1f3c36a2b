"""The script: rules, which give calls their behaviours, and the services' settings."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Protocol, cast

from .behaviours import Behaviour, JobFate, Normally, PictureBehaviour, from_json, to_json


@dataclass(frozen=True)
class Rule:
    """`behaviours` for calls of `service` and `endpoint`, one call each in turn, `limit` calls in all (None: no end).

    `prompt` restricts the rule to calls about a prompt with that text. `nth` restricts it to the n-th such call since
    the rule was made, counted from 1. `probability` restricts it to that share of the calls, drawn from `seed`.
    """

    service: str
    endpoint: str
    behaviours: tuple[Behaviour, ...]
    limit: int | None = None
    prompt: str | None = None
    nth: int | None = None
    probability: float | None = None
    seed: int = 0
    rule_id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def __post_init__(self) -> None:
        kinds = {behaviour.kind for behaviour in self.behaviours if not isinstance(behaviour, Normally)}
        if len(kinds) > 1 or not self.behaviours:
            raise ValueError("a rule holds behaviours of one kind: answers, fates or images")

    @property
    def kind(self) -> str:
        """The part of a call that the rule replaces."""
        return next((each.kind for each in self.behaviours if not isinstance(each, Normally)), "answer")

    def matches(self, service: str, endpoint: str, prompt: str) -> bool:
        """Whether the rule is about the call."""
        return (
            service == self.service
            and endpoint == self.endpoint
            and (self.prompt is None or self.prompt.casefold() in prompt.casefold())
        )

    def fires(self, seen: int, fired: int) -> bool:
        """Whether the rule holds for the `seen`-th matching call after `fired` calls for which it held."""
        if self.nth is not None and seen != self.nth:
            return False
        if self.limit is not None and fired >= self.limit:
            return False
        drawn = random.Random(f"{self.seed}:{seen}").random()
        return self.probability is None or drawn < self.probability

    def to_json(self) -> dict[str, object]:
        """The rule as JSON."""
        return {**asdict(self), "behaviours": [to_json(each) for each in self.behaviours]}

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> Rule:
        """The rule that `to_json` wrote."""
        behaviours = cast("list[Mapping[str, object]]", value["behaviours"])
        fields = {**value, "behaviours": tuple(from_json(each) for each in behaviours)}
        return cls(**fields)  # type: ignore[arg-type]  # names and types come from `to_json`


@dataclass(frozen=True)
class Chosen:
    """The behaviours of one call."""

    answer: Behaviour | None = None
    fate: JobFate | None = None
    picture: PictureBehaviour | None = None


class Script(Protocol):
    """A store of rules and settings, in this process or in another."""

    def put(self, rule: Rule) -> None:
        """Add the rule, or replace the one with its id."""
        ...

    def drop(self, rule_id: str) -> None:
        """Remove the rule."""
        ...

    def get_setting(self, name: str, default: object) -> object:
        """The setting's value, `default` if the setting has none."""
        ...

    def set_setting(self, name: str, value: object) -> None:
        """Change a setting."""
        ...


class LocalScript:
    """Rules and settings in this process; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: dict[str, Rule] = {}
        self._seen: dict[str, int] = {}
        self._fired: dict[str, int] = {}
        self._settings: dict[str, object] = {}
        self._gate = threading.Event()

    def put(self, rule: Rule) -> None:
        """Add the rule, or replace the one with its id."""
        with self._lock:
            self._rules[rule.rule_id] = rule

    def drop(self, rule_id: str) -> None:
        """Remove the rule."""
        with self._lock:
            self._rules.pop(rule_id, None)

    def clear(self) -> None:
        """Remove every rule and keep the settings."""
        with self._lock:
            self._rules.clear()

    def get_setting(self, name: str, default: object) -> object:
        """The setting's value, `default` if the setting has none."""
        with self._lock:
            return self._settings.get(name, default)

    def set_setting(self, name: str, value: object) -> None:
        """Change a setting."""
        with self._lock:
            self._settings[name] = value

    def take(self, service: str, endpoint: str, prompt: str) -> Chosen:
        """The behaviours of this call: for each kind, that of the first rule that fires."""
        chosen: dict[str, Behaviour] = {}
        with self._lock:
            for rule in self._rules.values():
                if not rule.matches(service, endpoint, prompt):
                    continue
                seen = self._seen[rule.rule_id] = self._seen.get(rule.rule_id, 0) + 1
                fired = self._fired.get(rule.rule_id, 0)
                if rule.kind not in chosen and rule.fires(seen, fired):
                    self._fired[rule.rule_id] = fired + 1
                    chosen[rule.kind] = rule.behaviours[fired % len(rule.behaviours)]
        fate, picture = chosen.get("fate"), chosen.get("picture")
        return Chosen(
            answer=chosen.get("answer"),
            fate=fate if isinstance(fate, JobFate) else None,
            picture=picture if isinstance(picture, PictureBehaviour) else None,
        )

    def release(self) -> None:
        """Release every call that is held; later calls are held again."""
        with self._lock:
            gate, self._gate = self._gate, threading.Event()
        gate.set()

    def gate(self) -> threading.Event:
        """The event that the next `release` sets."""
        with self._lock:
            return self._gate


class RuleHandle:
    """Narrows a rule in force; each method returns the handle."""

    def __init__(self, script: Script, rule: Rule) -> None:
        self._script = script
        self._rule = rule
        script.put(rule)

    def _change(self, rule: Rule) -> RuleHandle:
        self._rule = rule
        self._script.put(rule)
        return self

    def times(self, count: int) -> RuleHandle:
        """Restrict the rule to the first `count` calls."""
        return self._change(replace(self._rule, limit=count))

    def once(self) -> RuleHandle:
        """Restrict the rule to the first call."""
        return self.times(1)

    def nth(self, number: int) -> RuleHandle:
        """Restrict the rule to the `number`-th matching call, counted from 1."""
        return self._change(replace(self._rule, nth=number))

    def when_prompt(self, text: str) -> RuleHandle:
        """Restrict the rule to calls about a prompt that contains `text`, in any case."""
        return self._change(replace(self._rule, prompt=text))

    def at_random(self, probability: float, *, seed: int) -> RuleHandle:
        """Restrict the rule to that share of the calls; one seed always chooses the same calls."""
        return self._change(replace(self._rule, probability=probability, seed=seed))

    def drop(self) -> None:
        """Remove the rule."""
        self._script.drop(self._rule.rule_id)

"""A task in a new Python process, which knows the module of a contract and has no memory of this process."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import json
import os
import runpy
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, cast

import anyio

from mkdocs_leonardo.providers.answers import is_whole_picture
from mkdocs_leonardo.spec import JsonValue, Submission
from mkdocs_leonardo.testing.rig import SPEED, ProviderUnderTest, Rig
from mkdocs_leonardo.testing.service import LoopbackService

_MAIN = "from mkdocs_leonardo.testing.new_process import main; main()"
#: The fields of a submission that the journal stores.
_STORED = ("provider", "model", "job_id", "accepted_at", "cost_usd")


async def key_in_new_process(subject: ProviderUnderTest, base_url: str) -> JsonValue:
    """The generation key as a new process computes it."""
    return await _run(subject, base_url, None)


async def fetch_in_new_process(subject: ProviderUnderTest, base_url: str, submission: Submission) -> JsonValue:
    """``picture``, ``no image``, or the name of the error in which `fetch` ended in a new process."""
    return await _run(subject, base_url, {name: getattr(submission, name) for name in _STORED})


async def _run(subject: ProviderUnderTest, base_url: str, submission: JsonValue) -> JsonValue:
    kind = type(subject)
    if "<" in kind.__qualname__:
        raise TypeError(f"{kind.__qualname__} must stand at the top of a module: a new process imports it")
    task = {
        "module": kind.__module__,
        "file": getattr(sys.modules[kind.__module__], "__file__", None),
        "class": kind.__qualname__,
        "base_url": base_url,
        "submission": submission,
    }
    environ = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    run = await anyio.run_process(
        [sys.executable, "-c", _MAIN, json.dumps(task)],
        # The seed of hashes differs from this process's, so that sets have another order.
        env={**environ, "PYTHONHASHSEED": "4242", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stderr=subprocess.STDOUT,
        check=False,
    )
    text = run.stdout.decode("utf-8", "replace").strip()
    if run.returncode:
        raise RuntimeError(f"the new process failed:\n{text}")
    return cast("JsonValue", json.loads(text.splitlines()[-1]))


def main() -> None:
    """Do the task in the first argument, and print the result as JSON."""
    task = json.loads(sys.argv[1])
    subject = _subject(task["module"], task["file"], task["class"])
    print(json.dumps(anyio.run(_result, subject, task)))  # noqa: T201 - read by the process that asked


async def _result(subject: ProviderUnderTest, task: Mapping[str, Any]) -> str:
    made = Rig(subject, LoopbackService(), task["base_url"], SPEED)
    try:
        if task["submission"] is None:
            return made.key_of(made.provider)
        image = await made.fetch(Submission(**task["submission"]))
    finally:
        await made.provider.aclose()
    if isinstance(image, Exception):
        return type(image).__name__
    return "picture" if is_whole_picture(image.data) else "no image"


def _subject(module: str, file: str | None, qualname: str) -> ProviderUnderTest:
    """The contract; its module is run by path where it has no name that can be imported."""
    first, *rest = qualname.split(".")
    if file is not None and (module == "__main__" or importlib.util.find_spec(module) is None):
        members = runpy.run_path(file, run_name="contract")
    else:
        members = vars(importlib.import_module(module))
    return cast("type[ProviderUnderTest]", functools.reduce(getattr, rest, members[first]))()

"""Coverage of a module's branches, counted with the interpreter's own tracing."""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, TypeAlias

#: A jump from a line to a line of one file.
Arc: TypeAlias = tuple[str, int, int]

#: Instructions after `WITH_EXCEPT_START` until the jump that asks whether the exception is swallowed.
_ASKS_OF_WITH = 9


@dataclass(frozen=True, slots=True)
class Branches:
    """Every arc of the conditional jumps in some files."""

    files: frozenset[str]
    arcs: frozenset[Arc]

    @classmethod
    def of(cls, paths: list[Path]) -> Branches:
        """The branches of the modules at `paths`."""
        arcs = {
            arc
            for path in paths
            for code in _codes(compile(path.read_text(encoding="utf-8"), str(path), "exec"))
            for arc in _arcs(code)
        }
        return cls(frozenset(map(str, paths)), frozenset(arcs))

    @contextmanager
    def traced(self, taken: set[Arc]) -> Iterator[None]:
        """Add the arcs that run inside the block to `taken`."""
        files = self.files
        last: dict[FrameType, int] = {}

        def line(frame: FrameType, event: str, _argument: object) -> Any:  # noqa: ANN401 - sys.settrace's
            if event == "line":
                before, now = last.get(frame, frame.f_lineno), frame.f_lineno
                last[frame] = now
                taken.add((frame.f_code.co_filename, before, now))
            elif event == "return":
                # A coroutine that waits comes back to the same frame; one that ends does not.
                taken.add((frame.f_code.co_filename, last.get(frame, 0), -1))
            return line

        def call(frame: FrameType, _event: str, _argument: object) -> Any:  # noqa: ANN401 - sys.settrace's
            return line if frame.f_code.co_filename in files else None

        sys.settrace(call)
        try:
            yield
        finally:
            sys.settrace(None)


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Every code object of a module."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


def _arcs(code: CodeType) -> Iterator[Arc]:
    """The two arcs of each conditional jump whose targets are different lines."""
    instructions = list(dis.get_instructions(code))
    places = {instruction.offset: number for number, instruction in enumerate(instructions)}
    lines = [instruction.positions.lineno if instruction.positions else None for instruction in instructions]
    for number, instruction in enumerate(instructions):
        if not ("JUMP_" in instruction.opname and "_IF_" in instruction.opname) and instruction.opname != "FOR_ITER":
            continue
        before = instructions[max(0, number - _ASKS_OF_WITH) : number]
        if any(each.opname == "WITH_EXCEPT_START" for each in before):
            continue
        line, next_line = lines[number], lines[number + 1]
        target_line = lines[places[instruction.argval]]
        if line and next_line and target_line and len({line, next_line, target_line}) == 3:
            yield code.co_filename, line, next_line
            yield code.co_filename, line, target_line

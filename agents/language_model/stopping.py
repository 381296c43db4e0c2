r"""Stop rules: where a sampled text ends when the model does not say so itself.

A rule reads the sampled bytes as they come and names the byte where the text ends. The ids stay as they were sampled:
those that begin at or after the cut are what the policy did to end (they go with END, or with the end-of-sequence
action); a token that straddles the cut belongs to the text before it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TRIPLE = re.compile(rb'"""|\'\'\'')
_CONTINUES = b" \t\r\n)]}"
_TOP_LEVEL = (b"def ", b"class ", b"import ", b"from ", b"async ", b"@")


@dataclass(frozen=True)
class FunctionEnd:
    """Ends a function whose beginning is given: at a line that starts in column 0.

    Closing brackets go on; so does everything inside a triple-quoted string. Helper functions after the first one are
    not kept: a completion model that starts another function has finished this one.

    Attributes:
        before: the program text before the sampled bytes.
        skip: sampled bytes that only repeat the prompt (healing).
    """

    before: bytes = b""
    skip: int = 0

    def __call__(self, text: bytearray, new: int) -> int | None:
        """The end of the function, or None."""
        at = text.find(b"\n", max(new - 1, 0))
        while at >= 0:
            starts = self.skip <= at + 1 < len(text) and text[at + 1] not in _CONTINUES
            if starts and not _inside_string(self.before + text[self.skip : at]):
                return _end_of_content(text, at, self.skip)
            at = text.find(b"\n", at + 1)
        return None


@dataclass(frozen=True)
class ProgramEnd:
    """Ends a whole program of functions: once there is a definition, at a top-level line that is not one.

    Definitions, decorators and imports go on; a comment, a docstring, a print or an assertion in column 0 belongs to
    something else.

    Attributes:
        before: the program text before the sampled bytes.
        skip: sampled bytes that only repeat the prompt (healing).
    """

    before: bytes = b""
    skip: int = 0

    def __call__(self, text: bytearray, new: int) -> int | None:
        """The end of the program, or None."""
        at = text.find(b"\n", max(new - 8, 0))
        while at >= 0:
            end = text.find(b"\n", at + 1)
            line = bytes(text[at + 1 :] if end < 0 else text[at + 1 : end])
            if line and at + 1 >= self.skip and line[0] not in _CONTINUES:
                undecided = end < 0 and any(word.startswith(line) for word in _TOP_LEVEL)
                program = self.before + text[self.skip : at]
                if (
                    not undecided
                    and not line.startswith(_TOP_LEVEL)
                    and re.search(rb"^(async def|def|class) ", program, re.MULTILINE)
                    and not _inside_string(program)
                ):
                    return _end_of_content(text, at, self.skip)
            at = end
        return None


@dataclass(frozen=True)
class LineEnd:
    """Ends after one line: at the newline that would begin the second.

    Attributes:
        start: the byte of the sampled text where the line's own text begins.
    """

    start: int = 0

    def __call__(self, text: bytearray, new: int) -> int | None:
        """The end of the line, or None."""
        at = text.find(b"\n", max(self.start, new))
        return at if at >= 0 else None


_STEP = re.compile(rb"\n(?=\s*<Action [123]>)")
_CODE_STEP = re.compile(rb"^\s*<Action 3>.*?^ {0,3}```[^\n`]*\n.*?^ {0,3}```[ \t]*$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class StepsEnd:
    """Ends pseudocode steps: after the code fence of an `<Action 3>`, or where step number `limit` + 1 begins.

    Attributes:
        limit: how many steps may be written.
        skip: sampled bytes before the first step.
    """

    limit: int
    skip: int = 0

    def __call__(self, text: bytearray, new: int) -> int | None:
        """The end of the steps, or None."""
        steps = bytes(text[self.skip :])
        code = _CODE_STEP.search(steps) if b"`" in text[new:] else None
        starts = [m.start() for m in _STEP.finditer(steps)]
        ends = [code.end()] if code else []
        ends += starts[self.limit - 1 : self.limit]
        return self.skip + min(ends) if ends else None


@dataclass(frozen=True)
class FirstOf:
    """The earliest of several rules' ends."""

    rules: tuple[FunctionEnd | ProgramEnd | LineEnd, ...]

    def __call__(self, text: bytearray, new: int) -> int | None:
        """The earliest end, or None."""
        ends = [end for rule in self.rules if (end := rule(text, new)) is not None]
        return min(ends) if ends else None


def _inside_string(program: bytes) -> bool:
    """Whether the program breaks off inside a triple-quoted string."""
    opened = None
    for match in _TRIPLE.finditer(program):
        if opened is None:
            opened = match[0]
        elif match[0] == opened:
            opened = None
    return opened is not None


def _end_of_content(text: bytearray, at: int, skip: int) -> int:
    """The byte after the last line that is not blank, before position `at`."""
    return max(skip, len(bytes(text[:at]).rstrip()))

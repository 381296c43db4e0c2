"""What is special about C++17 programs: how the entry point is declared, and the texts that are compiled around it.

A program that answers calls becomes three translation units and two executables, which run in processes of their own:

    candidate   the program as it is, and one function that calls the entry point with the declared types
    driver      reads arguments from the channel, calls that function, writes the result; both are one executable
    test        the test as it is, over a function of the entry point's name that asks through the channel

so that no expected value is where the program runs. Only the first is compiled anew for each program. Where the
declared types cannot travel (`boost::any`), candidate and test are linked into one executable: trust "in-process".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from codegym.envs.problems.problem import Problem

WIRE: Final = Path(__file__).with_name("wire.hpp")
STANDARD: Final = "c++17"
GONE, UNREADABLE, TOO_LONG = 70, 71, 72
"""How a test ends that lacks an answer: the names of wire.hpp."""

ENTRY: Final = "codegym_entry"
_DIRECTIVE = re.compile(r"^[ \t]*(?:#|using\b|typedef\b)")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)
_NAME = re.compile(r"(\w+)\s*$")


@dataclass(frozen=True)
class Signature:
    """How a problem declares its entry point.

    Attributes:
        result: type of the result, as written.
        name: of the function.
        types: of the parameters, as written.
        prefix: the problem's own text before the declaration: includes, helper functions.
    """

    result: str
    name: str
    types: tuple[str, ...]
    prefix: str

    @property
    def parameters(self) -> str:
        """The parameters with names of ours."""
        return ", ".join(f"{kind} codegym_{number}" for number, kind in enumerate(self.types))

    @property
    def names(self) -> str:
        """The names in `parameters`."""
        return ", ".join(f"codegym_{number}" for number in range(len(self.types)))


def signature(problem: Problem) -> Signature | None:
    """Find the declaration of the entry point in the problem's own text; None where there is none to be read."""
    text = problem.starter or problem.prelude
    if not problem.entry_point or not text:
        return None
    # Comments and strings are blanked, so that examples in them are no declarations and places stay the same.
    bare = _COMMENT.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
    pattern = rf"^[ \t]*([\w:][\w:<>,&* \t]*?[\s&*>])\s*{re.escape(problem.entry_point)}\s*\(([^()]*)\)\s*[{{;]"
    found = [*re.finditer(pattern, bare, re.MULTILINE)]
    if not found:
        return None
    last = found[-1]
    types = [_type(part) for part in _split(last[2])] if last[2].strip() not in ("", "void") else []
    if None in types:
        return None
    known = tuple(kind for kind in types if kind is not None)
    return Signature(last[1].strip(), problem.entry_point, known, text[: last.start()].rstrip())


def _split(parameters: str) -> list[str]:
    """Split at the commas that are in no brackets."""
    parts, depth = [""], 0
    for character in parameters:
        depth += (character in "<[{") - (character in ">]}")
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _type(parameter: str) -> str | None:
    """The type of one parameter, without its name and default."""
    declared = parameter.split("=")[0].strip()
    if "[" in declared or not declared:
        return None  # an array decays to a pointer, and nobody knows its length
    name = _NAME.search(declared)
    kind = declared[: name.start()].strip() if name else declared
    return None if not kind or "*" in kind else kind


def candidate(program: str, entry: Signature | None, linkage: str = "C++") -> str:
    """The program, and what calls its entry point."""
    if entry is None:
        return program
    void = entry.result == "void"
    call = f"{'' if void else 'return '}{entry.name}({entry.names});"
    return f'{program}\n#line 1 "entry"\nextern "{linkage}" {entry.result} {ENTRY}({entry.parameters}) {{ {call} }}\n'


def driver(entry: Signature) -> str:
    """What answers calls; the same text for all problems with the same types."""
    known = "\n".join(line for line in entry.prefix.splitlines() if _DIRECTIVE.match(line))
    return (
        f"{_wire()}\n{known}\n{entry.result} {ENTRY}({', '.join(entry.types)});\n"
        f"int main() {{ return codegym_wire::serve(&{ENTRY}); }}\n"
    )


def test(source: str, entry: Signature, prelude: str = "") -> str:
    """The test over a function that asks the program, after the problem's own text."""
    types = ", ".join([entry.result, *entry.types])
    return (
        f"{_wire()}\n{prelude}\n{entry.prefix}\n"
        f"{entry.result} {entry.name}({entry.parameters}) {{ return codegym_wire::ask<{types}>({entry.names}); }}\n"
        f'#line 1 "test"\n{source}\n'
    )


def linked_test(source: str, entry: Signature, prelude: str = "") -> str:
    """The test over a function that calls the program in the same process, and what proves that it came to its end.

    The word that proves it is read from the channel before any code of the program runs (`.preinit_array`), and kept
    where no name leads to it.
    """
    void = entry.result == "void"
    return (
        f"{prelude}\n{entry.prefix}\n"
        f'extern "C" {entry.result} {ENTRY}({", ".join(entry.types)});\n'
        f"static inline {entry.result} {entry.name}({entry.parameters}) "
        f"{{ {'' if void else 'return '}{ENTRY}({entry.names}); }}\n"
        f'#line 1 "test"\n{source}\n{_PROOF}'
    )


_PROOF: Final = r"""
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
namespace {
char* codegym_word;
__attribute__((noinline)) void codegym_take(int, char**, char**) {
    codegym_word = static_cast<char*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (recv(3, codegym_word, 32, MSG_WAITALL) != 32) _exit(70);
    mprotect(codegym_word, 4096, PROT_NONE);
}
__attribute__((section(".preinit_array"), used)) void (*codegym_first)(int, char**, char**) = codegym_take;
}
extern "C" int __real_main(int, char**);
extern "C" int __wrap_main(int count, char** arguments) {  // by the linker's --wrap=main
    const int status = __real_main(count, arguments);
    if (status != 0) return status;
    mprotect(codegym_word, 4096, PROT_READ);
    send(3, codegym_word, 32, MSG_NOSIGNAL);
    _exit(0);
}
"""


def _wire() -> str:
    wire = WIRE.read_text(encoding="utf-8").replace("#pragma once", "")
    return f"#include <bits/stdc++.h>\n{wire}\nusing namespace std;"


def complaint(said: str) -> str:
    """The first error in what a compiler or linker said, as one line."""
    lines = [line.strip() for line in said.splitlines()]
    for line in lines:
        if "rror: " in line or "undefined reference" in line or "multiple definition" in line:
            if ENTRY in line and "undefined reference" in line:
                return "the program does not define the entry point as it was declared"
            return re.sub(r"^.*?program\.[cso]\w*:", "program.cpp:", line).replace("`", "'")
    return next((line for line in lines if line), "it does not compile")

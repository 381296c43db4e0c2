"""Where this machine's C++ compiler is, and the commands of its stages: asked once, from the driver itself.

The stages (compile, assemble, link) are started one by one instead of through `g++`, so that no compiler needs to start
a process: its jail forbids it.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from codegym.envs.errors import OptionError
from codegym.envs.execution import isolation
from codegym.envs.execution.languages import cpp

LEVELS: Final = ("0", "2")
"""Optimisation: as the sets of functions are compiled by their authors, and as programs on standard input are."""

_FLAGS: Final = (
    f"-std={cpp.STANDARD}", "-w", "-fmax-errors=1", "-fno-diagnostics-show-caret", "-fdiagnostics-color=never",
)  # fmt: skip
_SECONDS: Final = 30


@dataclass(frozen=True)
class Toolchain:
    """A compiler, as the commands of its stages; they work on program.cpp, program.s, program.o, program.

    Attributes:
        path: of g++.
        version: as it says.
        compile: by optimisation level: program.cpp to program.s.
        precompile: by optimisation level: program.cpp to program.gch.
        assemble: program.s to program.o.
        link: program.o and others to program.
        merge: program.o to merged.o, its groups of shared functions dissolved.
        hide: merged.o to program.o, with no name to be seen but the entry point's and `main`.
        files: what the stages may see.
        loader: the file that the kernel executes to start what was made.
    """

    path: str
    version: str
    compile: dict[str, tuple[str, ...]]
    precompile: dict[str, tuple[str, ...]]
    assemble: tuple[str, ...]
    link: tuple[str, ...]
    files: isolation.Files
    loader: str
    merge: tuple[str, ...]
    hide: tuple[str, ...]

    @property
    def identity(self) -> str:
        """A digest of everything that decides what it makes."""
        text = repr((self.version, self.compile, self.assemble, self.link))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def why_missing() -> str:
    """Why there is no C++ here, or "" if there is."""
    try:
        find_toolchain()
    except OptionError as error:
        return str(error)
    return ""


def find_toolchain() -> Toolchain:
    """Find g++ on the path.

    Raises:
        OptionError: there is none, or it is not complete; one line that says what to install.
    """
    path = shutil.which("g++")
    if path is None:
        raise OptionError("C++ programs need the compiler g++, which is not on the PATH: install it (package g++).")
    return _examine(path)


@functools.lru_cache(maxsize=4)
def _examine(path: str) -> Toolchain:
    try:
        version = f"{_say(path, '-dumpfullversion').strip()} {_say(path, '-dumpmachine').strip()}"
        compiles, precompiles = {}, {}
        for level in LEVELS:
            flags = (*_FLAGS, f"-O{level}", "-Iprecompiled")
            compiles[level] = _stage(path, *flags, "-S", "program.cpp", "-o", "program.s")
            header = list(_stage(path, *flags, "-x", "c++-header", "program.cpp", "-o", "program.gch"))
            if "-o" in header:  # assembly that nobody needs, in a folder that the jail does not have
                header[header.index("-o") + 1] = "program.s"
            precompiles[level] = tuple(header)
        assemble = _stage(path, "-c", "program.s", "-o", "program.o")
        link = _stage(path, "-s", "-fno-use-linker-plugin", "program.o", "-o", "program")
        linker = shutil.which(_say(path, "-print-prog-name=ld").strip())
        if linker is None:
            raise ValueError("no ld")
        link = (linker, *link[1:])  # collect2 would only call it
        copier = shutil.which(_say(path, "-print-prog-name=objcopy").strip())
        if copier is None:
            raise ValueError("no objcopy")
        merge = (linker, "-r", "--force-group-allocation", "program.o", "-o", "merged.o")
        keep = (f"--keep-global-symbol={name}" for name in (cpp.ENTRY, "main"))
        hide = (copier, *keep, "merged.o", "program.o")
        if os.path.isabs(_say(path, "-print-file-name=libcrypto.so").strip()):  # HumanEval-X/162 asks for MD5
            place = link.index("-lstdc++")
            link = (*link[:place], "--as-needed", "-lcrypto", *link[place:])
        loader = link[link.index("-dynamic-linker") + 1]
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        raise OptionError(f"The compiler {path} is not complete ({error}): install the package g++.") from None
    files = _files(path, [compiles["0"][0], assemble[0], linker, copier], loader)
    return Toolchain(path, version, compiles, precompiles, assemble, link, files, loader, merge, hide)


def _say(path: str, *arguments: str) -> str:
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}
    done = subprocess.run(
        [path, *arguments], capture_output=True, text=True, check=True, timeout=_SECONDS, env=environment,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done.stdout + done.stderr


def _stage(path: str, *arguments: str) -> tuple[str, ...]:
    """The one command that the driver would run."""
    commands = [shlex.split(line) for line in _say(path, "-###", *arguments).splitlines() if line.startswith(" ")]
    program, *rest = commands[-1]
    found = shutil.which(program)
    if found is None:
        raise ValueError(f"no {program}")
    return found, *rest


def _files(path: str, tools: Sequence[str], loader: str) -> isolation.Files:
    """Headers and libraries to read, stages to execute."""
    said = _say(path, "-E", "-v", "-x", "c++", "/dev/null").splitlines()
    start = said.index("#include <...> search starts here:")
    headers = [os.path.realpath(line.strip()) for line in said[start + 1 : said.index("End of search list.")]]
    own = str(Path(_say(path, "-print-libgcc-file-name").strip()).resolve().parent)
    read = tuple(place for place in dict.fromkeys([*headers, own]) if os.path.isdir(place))
    return isolation.Files(read=read, mounts=read, execute=(*tools, loader))

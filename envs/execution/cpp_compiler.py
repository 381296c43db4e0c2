"""Compiles C++ behind the wall, many texts at a time, and remembers what came out.

A compiler reads hostile text: `#include "/etc/passwd"`, templates without end, assembly that includes files. Each
of its stages is one process with limits that sees the toolchain and its own folder, and can start nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import signal
import stat
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from codegym.envs.errors import InfrastructureError
from codegym.envs.execution import isolation
from codegym.envs.execution.cpp_jail import Exit, Jail
from codegym.envs.execution.cpp_toolchain import Toolchain
from codegym.envs.execution.languages import cpp
from codegym.envs.execution.scratch import Scratch

SECONDS: Final = 20
"""Processor time that one stage may use."""

_WALL: Final = 6.0  # times SECONDS
_LIMITS: Final = {"RLIMIT_CPU": SECONDS, "RLIMIT_AS": 3 << 30, "RLIMIT_FSIZE": 512 << 20, "RLIMIT_NOFILE": 64}
_MAX_RESULT: Final = 64 << 20
_MAX_SAID: Final = 1 << 16
_CACHE_BYTES: Final = 1 << 30
_PRUNE_AFTER: Final = 512  # new entries
_ATTEMPTS: Final = 2


def default_cache() -> Path:
    """Where compiled programs are kept: $CODEGYM_CACHE/cpp, by default under ~/.cache/codegym."""
    return Path(os.environ.get("CODEGYM_CACHE") or Path.home() / ".cache" / "codegym").expanduser() / "cpp"


@dataclass(frozen=True)
class Built:
    """What came out of a compiler.

    Attributes:
        content: an object file or an executable; None where it does not compile.
        message: why not, one line.
        lasting: it would be the same on another day, so it may be kept.
    """

    content: bytes | None
    message: str = ""
    lasting: bool = True


class Compiler:
    """A toolchain in its jail, with a cache on disk.

    Args:
        toolchain: what to run.
        layers: isolation layers to try.
        cache: folder for what was compiled, or None.
    """

    def __init__(self, toolchain: Toolchain, layers: Sequence[str], cache: Path | None) -> None:
        self.toolchain, self._layers = toolchain, tuple(layers)
        self._cache = _Cache.at(cache / toolchain.identity) if cache is not None else None
        self._scratch = Scratch("codegym-cpp-"), Scratch("codegym-cpp-")
        self._root, self._headers = (scratch.path for scratch in self._scratch)
        self._root.chmod(0o711)
        for place in (self._headers, *(self._headers / level / "bits" for level in toolchain.compile)):
            place.mkdir(parents=True, exist_ok=True)
            place.chmod(0o755)
            if place.name == "bits":  # where the precompiled one does not fit (it must come first), the header itself
                (place / "stdc++.h").write_text("#include_next <bits/stdc++.h>\n")
                (place / "stdc++.h").chmod(0o644)
                place.parent.chmod(0o755)
        self._lock = threading.Lock()
        self._jail: Jail | None = None
        self._once: dict[str, threading.Lock] = {}
        self._precompiled: set[str] = set()
        self.statistics = {"compiled": 0, "cached": 0, "seconds": 0.0}

    def object_file(self, text: str, level: str) -> Built:
        """Compile one text to an object file."""
        return self._known(("object", level, text), (), lambda folder: self._object(folder, text, level))

    def executable(self, text: str, level: str, others: Sequence[bytes] = (), *, hidden: bool = False) -> Built:
        """Compile one text and link it with object files.

        Args:
            text: of the program.
            level: of optimisation.
            others: object files.
            hidden: they come first, see nothing of the program but its entry point, and their `__wrap_main` runs
                instead of `main`.
        """

        def build(folder: Path) -> Built:
            built = self._object(folder, text, level)
            return self._link(folder, others, hidden) if built.content is not None else built

        return self._known(("executable", level, text, str(hidden)), others, build)

    def layers(self) -> list[dict[str, Any]]:
        """The isolation layers of the compilers."""
        return self._started().layers

    def processes(self) -> int:
        """How many processes there should be while nothing is compiled."""
        return self._jail.processes() if self._jail is not None else 0

    def close(self) -> None:
        """End every compiler and take the scratch folder away."""
        with self._lock:
            if self._jail is not None:
                self._jail.close()
                self._jail = None
        for scratch in self._scratch:
            scratch.close()

    # Once per text

    def _known(self, parts: Sequence[str], others: Sequence[bytes], build: Callable[[Path], Built]) -> Built:
        digest = hashlib.sha256()
        for part in (*(part.encode("utf-8", "surrogatepass") for part in parts), *others):
            digest.update(len(part).to_bytes(8, "little") + part)
        key = digest.hexdigest()
        with self._lock:
            lock = self._once.setdefault(key, threading.Lock())
        with lock:
            found = self._cache.get(key) if self._cache is not None else None
            if found is not None:
                self._count("cached", 0.0)
                return found
            started = time.perf_counter()
            with self._folder() as folder:
                made = build(folder)
            self._count("compiled", time.perf_counter() - started)
            if self._cache is not None and made.lasting:
                self._cache.put(key, made)
        with self._lock:
            self._once.pop(key, None)
        return made

    def _count(self, name: str, seconds: float) -> None:
        with self._lock:
            self.statistics[name] += 1
            self.statistics["seconds"] += seconds

    @contextlib.contextmanager
    def _folder(self) -> Iterator[Path]:
        """A folder of its own, under a name that no other text can guess."""
        folder = self._root / secrets.token_hex(16)
        folder.mkdir(mode=0o700)
        if os.geteuid() == 0:
            folder.chmod(0o777)  # the compiler is nobody
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    # Stages

    def _object(self, folder: Path, text: str, level: str) -> Built:
        (folder / "program.cpp").write_bytes(text.encode("utf-8"))
        if "bits/stdc++.h" in text:
            self._offer_precompiled(level)
        compile_ = [
            str(self._headers / level) if part == "precompiled" else part for part in self.toolchain.compile[level]
        ]
        for argv in (compile_, self.toolchain.assemble):
            failed = self._run(folder, argv)
            if failed is not None:
                return failed
        return self._result(folder / "program.o")

    def _link(self, folder: Path, others: Sequence[bytes], hidden: bool) -> Built:
        names = [f"other{number}.o" for number in range(len(others))]
        for name, content in zip(names, others, strict=True):
            (folder / name).write_bytes(content)
        argv = list(self.toolchain.link)
        place = argv.index("program.o")
        argv[place : place + 1] = ["--wrap=main", *names, "program.o"] if hidden else ["program.o", *names]
        for stage in [self.toolchain.merge, self.toolchain.hide, argv] if hidden else [argv]:
            failed = self._run(folder, stage)
            if failed is not None:
                return failed
        return self._result(folder / "program")

    def _run(self, folder: Path, argv: Sequence[str]) -> Built | None:
        """Run one stage; returns how it failed, or None."""
        said = os.open(folder / "said", os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        try:
            end = self._stage(folder, argv, [null, null, said])
            if end.status == 0:
                return None
            words = os.pread(said, _MAX_SAID, 0).decode("utf-8", "replace")
        finally:
            os.close(said)
            os.close(null)
        return self._why(end, words)

    def _stage(self, folder: Path, argv: Sequence[str], descriptors: Sequence[int]) -> Exit:
        environment = {"LC_ALL": "C", "TMPDIR": str(folder), "PWD": str(folder)}
        for _ in range(_ATTEMPTS):
            process = self._started().start(
                argv, path=argv[0], limits=_LIMITS, descriptors=descriptors, folder=str(folder), env=environment
            )
            end = process.wait(time.monotonic() + SECONDS * _WALL)
            if not end.lost:
                return end
        raise InfrastructureError("The process that starts compilers died twice.")

    def _why(self, end: Exit, words: str) -> Built:
        killed = os.WIFSIGNALED(end.status) and os.WTERMSIG(end.status) in (signal.SIGXCPU, signal.SIGKILL)
        if end.timed_out or killed:
            return Built(None, f"the compiler did not end within {SECONDS} s", lasting=False)
        if not self._sees_little():
            kept_back = "it does not compile; what the compiler says is kept back, for it could read any file here"
            return Built(None, kept_back, lasting=False)
        return Built(None, cpp.complaint(words))

    def _sees_little(self) -> bool:
        """Whether a wall keeps files from the compiler, and so their content from what it says."""
        return any(layer["on"] for layer in self._started().layers if layer["name"] in ("landlock", "namespaces"))

    def _result(self, path: Path) -> Built:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return Built(None, "the compiler left no result")
        with open(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or found.st_size > _MAX_RESULT:
                return Built(None, "the result is too large")
            return Built(file.read(_MAX_RESULT))

    # Precompiled header

    def _offer_precompiled(self, level: str) -> None:
        """Lay the precompiled standard library where the compiler finds it before the header itself."""
        with self._lock:
            lock = self._once.setdefault(f"precompiled {level}", threading.Lock())
        target = self._headers / level / "bits" / "stdc++.h.gch"
        with lock:
            if level not in self._precompiled:
                self._precompiled.add(level)
                self._precompile(level, target)

    def _precompile(self, level: str, target: Path) -> None:
        """Make it, or take it from the cache; without it the compiler reads the header."""
        kept = self._cache.folder / f"stdc++{level}.gch" if self._cache is not None else None
        temporary = target.with_suffix(".part")
        if kept is not None and kept.exists():
            shutil.copyfile(kept, temporary)
        else:
            with self._folder() as folder:
                (folder / "program.cpp").write_text("#include <bits/stdc++.h>\n")
                if self._run(folder, self.toolchain.precompile[level]) is not None:
                    return
                shutil.copyfile(folder / "program.gch", temporary, follow_symlinks=False)
            if kept is not None:
                with contextlib.suppress(OSError):  # a full disk: it is made anew next time
                    shutil.copyfile(temporary, kept.with_suffix(f".{os.getpid()}.part"))
                    os.replace(kept.with_suffix(f".{os.getpid()}.part"), kept)
        temporary.chmod(0o444)
        os.replace(temporary, target)

    def _started(self) -> Jail:
        with self._lock:
            if self._jail is not None and not self._jail.alive:
                self._jail.close()
                self._jail = None
            if self._jail is None:
                headers = isolation.Files(read=(str(self._headers),), mounts=(str(self._headers),))
                files = self.toolchain.files + headers + isolation.Files(write=(str(self._root),))
                self._jail = Jail(self._layers, files, compiles=True)
            return self._jail


class _Cache:
    """What was compiled, as files under a digest of all that decides it; the oldest go when there are too many."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._new = 0

    @classmethod
    def at(cls, folder: Path) -> _Cache | None:
        """The cache in a folder of this user's own; None where there is none: what others wrote is not trusted."""
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            ours = folder.stat().st_uid == os.geteuid() and os.access(folder, os.W_OK | os.X_OK)
        except OSError:
            return None
        return cls(folder) if ours else None

    def get(self, key: str) -> Built | None:
        """Return what is kept, or None."""
        path = self.folder / key
        try:
            data = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        check, content = data[:16], data[16:]
        if hashlib.sha256(content).digest()[:16] != check:
            return None  # cut short by a crash
        if content[:1] == b"0":
            return Built(content[1:])
        return Built(None, content[1:].decode("utf-8", "replace"))

    def put(self, key: str, built: Built) -> None:
        """Keep something, where the disk lets us."""
        content = b"1" + built.message.encode("utf-8", "replace") if built.content is None else b"0" + built.content
        temporary = self.folder / f".{key}.{threading.get_ident()}.part"
        with contextlib.suppress(OSError):
            temporary.write_bytes(hashlib.sha256(content).digest()[:16] + content)
            os.replace(temporary, self.folder / key)
        self._new += 1
        if self._new >= _PRUNE_AFTER:
            self._new = 0
            self._prune()

    def _prune(self) -> None:
        entries = []
        with contextlib.suppress(OSError):
            for entry in os.scandir(self.folder):
                found = entry.stat()
                entries.append((found.st_mtime, found.st_size, entry.path))
        size = sum(entry[1] for entry in entries)
        for _, bytes_, path in sorted(entries):
            if size <= _CACHE_BYTES:
                return
            with contextlib.suppress(OSError):
                os.unlink(path)
            size -= bytes_

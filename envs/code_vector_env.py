"""CodeVectorEnv: many episodes side by side; one transition over the batch, one execution of what ends in a step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from codegym.envs.code_env import LARGEST_MASK_IN_INFO, CodeEnv, action_space
from codegym.envs.draws import Draws
from codegym.envs.episode import Episode
from codegym.envs.errors import OptionError, StateError, unknown
from codegym.envs.finished import Ended, Finished
from codegym.envs.line_env import LineEnv
from codegym.envs.mdp.process_reward import step_rewards
from codegym.envs.mdp.scoring import Score, Scores, step_payment
from codegym.envs.mdp.start_states import Question, start_label
from codegym.envs.mdp.state import State, View
from codegym.envs.observations import Tracker, observation_space
from codegym.envs.opening import final_infos, open_episode, problem_of
from codegym.envs.openings import Openings
from codegym.envs.problems.problem import Problem
from codegym.envs.pseudocode_env import PseudocodeEnv
from codegym.envs.rendering import ansi, frame
from codegym.envs.rows import EpisodeRows, TextRows, TokenRows
from codegym.envs.settings import resolve
from codegym.envs.syntax_mask import Masks
from codegym.envs.token_env import TokenEnv, TokenGrammarEnv
from codegym.envs.vector_infos import StepInfos, columns
from codegym.envs.vector_options import asked_moves, autoreset_mode_of, chosen_rows, of_row, row_seeds


class CodeVectorEnv(VectorEnv[Any, Any, Any]):
    """`num_envs` episodes of one environment, with the same results as SyncVectorEnv of as many single ones.

    Programs that end in a step are executed in one batch, whose order of effects (curriculum, draws) is that of the
    rows. Environment i is seeded `seed + i` and draws from its own generator at every automatic reset.

    An episode that the machine could not judge (verdict INFRA) ends with reward 0 and is left out of `pop_episodes()`.

    With `overlap`, the programs that end in a step are executed while the next steps are done: the step says which rows
    are over, but its rewards are 0 and its infos have no verdict; `pop_episodes()` waits for the results, and the
    curriculum learns of them there. Automatic resets pay in the step that ends an episode, so they cannot overlap.

    Args:
        num_envs: number of environments.
        autoreset_mode: "NextStep", "SameStep" or "Disabled", or gymnasium's AutoresetMode.
        overlap: execute programs while the next steps are done; with autoreset disabled alone.
        render_mode: None, "ansi" or "rgb_array".
        options: those of the single environment.

    Raises:
        OptionError: for an option or value that does not exist.
    """

    single: ClassVar[type[CodeEnv]]

    def __init__(
        self,
        num_envs: int = 1,
        *,
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
        overlap: bool = False,
        render_mode: str | None = None,
        **options: Any,
    ) -> None:
        if isinstance(num_envs, bool) or not isinstance(num_envs, int) or num_envs < 1:
            raise OptionError(f"num_envs is a whole number of at least 1, not {num_envs!r}.")
        if render_mode not in (None, "ansi", "rgb_array"):
            raise unknown("render mode", render_mode, ("ansi", "rgb_array"))
        self.settings = settings = resolve(self.single.process, self.single.defaults, options)
        self.num_envs = num_envs
        self.render_mode = render_mode
        self.autoreset_mode = autoreset_mode_of(autoreset_mode)
        if overlap and self.autoreset_mode is not AutoresetMode.DISABLED:
            raise OptionError(
                'overlap=True needs autoreset_mode="Disabled": the other modes pay the reward in the step that ends an '
                "episode, so they wait for it."
            )
        self.overlap = bool(overlap)
        self.metadata = {**self.single.metadata, "autoreset_mode": self.autoreset_mode}
        self.single_action_space = action_space(settings)
        self.single_observation_space = observation_space(settings.observation, settings.process, settings.window)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self._tracker = Tracker(settings.observation, settings.process, settings.window, num_envs)
        self._rows: EpisodeRows = (
            TokenRows(settings.vocabulary, num_envs)
            if settings.process.name == "token"
            else TextRows(settings.process, num_envs)
        )
        self._masks = (
            Masks(settings.vocabulary, num_envs, settings.syntax_mask) if settings.process.name == "token" else None
        )
        self._draws = Draws(num_envs)
        self._seeds = [0] * num_envs
        self._openings = None
        if settings.process.name == "token" and settings.observation != "text" and type(settings.starts) is Question:
            self._openings = Openings(settings)
        self._problems = np.full(num_envs, None, dtype=object)
        told = self._masks if settings.vocabulary.size <= LARGEST_MASK_IN_INFO else None
        self._infos = StepInfos(num_envs, self._tracker if settings.observation == "dict" else None, told)
        self._scores: list[tuple[Scores, int] | None] = [None] * num_envs
        self._begun = np.zeros(num_envs, dtype=np.bool_)
        self._all_begun = False
        self._done = np.zeros(num_envs, dtype=np.bool_)
        self._finished = Finished()
        self._everyone = np.arange(num_envs)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode in every row, or in those of a boolean array `options["reset_mask"]`.

        Args:
            seed: a number s seeds row i with s + i; or one number per row.
            options: those of the single environment; a list gives one value per row.

        Raises:
            OptionError: for an unknown option or value.
            StateError: for a state of another environment or version.
        """
        asked = dict(options or {})
        chosen = chosen_rows(asked.pop("reset_mask", None), self._begun)
        seeds = row_seeds(seed, self.num_envs)
        opened = []
        for row in chosen.tolist():
            row_seed = seeds[row]
            if row_seed is not None:
                self._seeds[row] = row_seed
            if row_seed is not None or not self._draws.has(row):
                self._draws.seed(row, seeding.np_random(row_seed)[0])
            opened.append(self._drawn(row, of_row(asked, row, self.num_envs)))
        self._open(chosen.tolist(), opened)
        infos = self._infos.of_all() if len(chosen) == self.num_envs else self._infos.of_some(chosen)
        return self._tracker.batch(), infos

    def _drawn(self, row: int, options: Mapping[str, Any] | None = None) -> tuple[Problem, State]:
        """Where the row's next episode begins."""
        return open_episode(self.settings, options, self._draws.row(row))

    def _open(self, rows: Sequence[int], opened: Sequence[tuple[Problem, State]]) -> None:
        """Begin episodes in some rows."""
        if not rows:
            return
        states = [state for _, state in opened]
        for row, (problem, state) in zip(rows, opened, strict=True):
            self._problems[row], self._scores[row] = problem, None
            self._infos.uris[row], self._infos.starts[row] = problem.uri, start_label(state.start)
        if self._masks is not None and self.settings.syntax_mask:
            for row, (problem, state) in zip(rows, opened, strict=True):
                self._masks.restart(row, state.start.text, state.actions, problem.language)
        self._rows.restart(rows, states)
        self._tracker.restart(rows, states, [self.settings.seen(problem) for problem, _ in opened])
        self._begun[rows] = True
        self._all_begun = self._all_begun or bool(self._begun.all())
        self._done[rows] = False

    def step(
        self, actions: Any
    ) -> tuple[Any, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Do one action in every row; rows whose episode is over are reset as `autoreset_mode` says.

        Raises:
            OptionError: if an action is not in the action space; then no row has moved.
            StateError: before `reset`; with autoreset disabled also for rows whose episode is over.
        """
        resetting = self._ready("step")
        moving, actions = self._moving(actions)
        done = self._move(moving, actions)
        rewards = np.zeros(self.num_envs)
        terminated, truncated = self._standing()
        if self.settings.process_reward is not None:
            self._reward_steps(moving, rewards)
        over = done.nonzero()[0]
        ended = self._ended(over)
        terminated[over] = ended.endings.terminated
        truncated[over] = ~terminated[over]
        if self.overlap:
            self._finished.score_later(ended)
            self._done = terminated | truncated
            return self._tracker.batch(), rewards, terminated, truncated, self._infos.of_all()
        scored = ended.scores()
        rewards[over] = scored.rewards
        finals: dict[str, Any] = final_infos(self.settings, ended.endings, scored) if ended.rows else {}
        same_step = self.autoreset_mode is AutoresetMode.SAME_STEP
        if same_step and ended.rows:
            last = self._tracker.batch(over)
            finals = {
                "final_obs": [_row_of(last, at) for at in range(len(over))],
                "final_info": [
                    {**self._infos.of_row(row), **{key: values[at] for key, values in finals.items()}}
                    for at, row in enumerate(ended.rows)
                ],
            }
        elif ended.rows and (terms := scored.terms_by_name()) is not None:
            finals["reward_terms"] = terms
        self._close_and_open(ended, scored, over if same_step else resetting)
        self._done = np.zeros(self.num_envs, dtype=np.bool_) if same_step else terminated | truncated
        infos = self._infos.of_all() | columns(finals, over, self.num_envs)
        return self._tracker.batch(), rewards, terminated, truncated, infos

    def _close_and_open(self, ended: Ended, scored: Scores, opening: NDArray[np.intp]) -> None:
        """Close and begin episodes in the order of the rows, since what ends may move where the next one begins."""
        self._finished.keep(ended, scored)
        if self.render_mode is not None:
            for at, row in enumerate(ended.rows):
                self._scores[row] = scored, at
        if self._openings is not None:
            self._open_drawn(self._openings, opening)
            return
        places = {row: at for at, row in enumerate(ended.rows)}
        rows = opening.tolist()
        beginning = set(rows)
        opened = []
        for row in sorted({*places, *rows}):
            if row in places:
                ended.record(places[row], scored)
            if row in beginning:
                opened.append(self._drawn(row))
        self._open(rows, opened)

    def _open_drawn(self, openings: Openings, rows: NDArray[np.intp]) -> None:
        """Begin episodes of drawn problems in some rows, all at once."""
        if not len(rows):
            return
        drawn = self._draws.of(rows, len(self.settings.chosen))
        openings.meet(drawn, self._tracker.beginnings)
        self._problems[rows] = openings.problems[drawn]
        self._infos.uris[rows] = openings.uris[drawn]
        self._infos.starts[rows] = openings.labels[drawn]
        states = openings.states[drawn]
        if self.render_mode is not None:
            for row in rows.tolist():
                self._scores[row] = None
        if self._masks is not None and self.settings.syntax_mask:
            for row, state, problem in zip(rows.tolist(), states, self._problems[rows], strict=True):
                self._masks.restart(row, state.start.text, (), problem.language)
        assert isinstance(self._rows, TokenRows)
        self._rows.begin(rows, states, self.settings.budget)
        self._tracker.begin(rows, openings.numbers[drawn], self.settings.budget)

    def _standing(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """The flags of rows whose episode is over and that stand still."""
        terminated = np.zeros(self.num_envs, dtype=np.bool_)
        truncated = np.zeros(self.num_envs, dtype=np.bool_)
        if self.autoreset_mode is AutoresetMode.DISABLED:
            for row in self._everyone[self._done].tolist():
                state = self._rows.state(row)
                terminated[row], truncated[row] = state.terminated, state.truncated
        return terminated, truncated

    def _ready(self, caller: str) -> NDArray[np.intp]:
        """The rows to reset in this step, once it is clear that a step may be done."""
        self._ready_to_read(caller)
        if self.autoreset_mode is AutoresetMode.DISABLED:
            return self._everyone[:0]
        return self._done.nonzero()[0]

    def idle_actions(self) -> list[Any]:
        """One None per row, to be filled in: with autoreset disabled a row whose action is None stands still."""
        return [None] * self.num_envs

    def _moving(self, actions: Any) -> tuple[NDArray[np.intp], Any]:
        """The rows that move in this step, and the actions of all rows."""
        if self.autoreset_mode is not AutoresetMode.DISABLED:
            return (~self._done).nonzero()[0], actions
        moves, actions = asked_moves(actions, self.num_envs, 0 if self.settings.process.name == "token" else "")
        over = self._everyone[self._done & moves]
        if len(over):
            raise StateError(
                f"The episodes of rows {over.tolist()} are over: reset(options={{'reset_mask': ...}}) them first."
            )
        return self._everyone[moves], actions

    def _move(self, moving: NDArray[np.intp], actions: Any) -> NDArray[np.bool_]:
        """Do the actions and bring the observations up to date; returns which rows are done by them."""
        if isinstance(self._rows, TokenRows):
            return self._move_tokens(self._rows, moving, actions)
        if not isinstance(actions, Sequence | np.ndarray) or len(actions) != self.num_envs:
            raise OptionError(f"Actions of {self.num_envs} environments are that many texts, not {actions!r:.80}.")
        done = self._rows.step(moving, list(actions))
        for row in moving.tolist():
            state = self._rows.state(row)
            self._tracker.append(row, state.actions[-1], state)
        return done

    def _move_tokens(self, rows: TokenRows, moving: NDArray[np.intp], actions: Any) -> NDArray[np.bool_]:
        """As `_move`, all rows at once: one that this very step resets may be moved too, with any token."""
        kernel = self._tracker.kernel()
        if kernel is not None:
            resting = self._done
            if self.autoreset_mode is AutoresetMode.DISABLED:
                resting = np.ones(self.num_envs, dtype=np.bool_)
                resting[moving] = False
            done, ids = rows.step_by(kernel, actions, resting)
            self._mask_after(moving, ids)
            return done
        ids = rows.checked(moving, actions)
        self._mask_after(moving, ids)
        if self.autoreset_mode is AutoresetMode.DISABLED:
            over = rows.step_ids(moving, ids[moving])[moving]
            self._tracker.append_batch(moving, ids[moving], rows.used)
            done = np.zeros(self.num_envs, dtype=np.bool_)
            done[moving] = over
            return done
        if len(moving) < self.num_envs:
            ids = np.where(self._done, 0, ids)
        done = rows.step_ids(slice(None), ids) & ~self._done
        self._tracker.append_batch(slice(None), ids, rows.used)
        return done

    def _mask_after(self, moving: NDArray[np.intp], ids: NDArray[np.int64]) -> None:
        if self._masks is not None and self.settings.syntax_mask:
            for row in moving.tolist():
                self._masks.append(row, int(ids[row]))

    def _reward_steps(self, moving: NDArray[np.intp], rewards: NDArray[np.float64]) -> None:
        process_reward = self.settings.process_reward
        assert process_reward is not None
        views = [self._view(row) for row in moving.tolist()]
        for row, reward in zip(moving.tolist(), step_rewards(process_reward, views), strict=True):
            self._rows.reward(row, reward)
            if self.settings.scoring.payment == "per_step":
                rewards[row] = step_payment(self._rows.state(row), self.settings.scoring)

    def _ended(self, rows: NDArray[np.intp]) -> Ended:
        seeds = [self._seeds[row] for row in rows.tolist()]
        return Ended(
            rows.tolist(),
            self._problems[rows].tolist(),
            self._rows.endings(rows, self._tracker.kernel()),
            seeds,
            self.settings,
        )

    def views(self) -> list[View]:
        """What agents may see of each row's state.

        Raises:
            StateError: before the first reset.
        """
        self._ready_to_read("views")
        return [self._view(row) for row in range(self.num_envs)]

    def _view(self, row: int) -> View:
        problem = self._problems[row]
        assert problem is not None
        return self.settings.process.view(self._rows.state(row), self.settings.seen(problem))

    def states(self) -> list[State]:
        """The state of each row.

        Raises:
            StateError: before the first reset.
        """
        self._ready_to_read("states")
        return self._rows.states(self._everyone)

    def set_states(self, states: Sequence[State]) -> tuple[Any, dict[str, Any]]:
        """Put every row into a state; returns observations and infos as `reset` does.

        Raises:
            OptionError: if there are not as many states as rows.
            StateError: for a state of another environment, version, tokenizer or problem set.
        """
        if len(states) != self.num_envs:
            raise OptionError(f"{self.num_envs} environments take as many states, not {len(states)}.")
        problems = [problem_of(self.settings, state) for state in states]
        for row in range(self.num_envs):
            if not self._draws.has(row):
                self._draws.seed(row, seeding.np_random(None)[0])
        self._open(range(self.num_envs), list(zip(problems, states, strict=True)))
        self._done[:] = [state.done for state in states]
        return self._tracker.batch(), self._infos.of_all()

    def pop_episodes(self) -> list[tuple[int, Episode]]:
        """(row, Episode) of every episode that ended since the last call: step by step, in row order.

        The last 65,536 are kept for a caller who never calls. With `overlap` this waits for the programs' results.
        """
        return self._finished.pop(self._id())

    def close_extras(self, **_: Any) -> None:
        """Wait for programs that are being executed; the executor is shared, so it stays open."""
        self._finished.close()

    def set_process_weight(self, alpha: float) -> None:
        """Change alpha of phi, from the next end of an episode on; each Episode records the one in force."""
        self.settings = self.settings.with_process_weight(alpha)

    def render(self) -> Any:
        """One text per row for "ansi", one image [height, width, 3] per row for "rgb_array"."""
        if self.render_mode is None:
            return None
        self._ready_to_read("render")
        show = ansi if self.render_mode == "ansi" else frame
        return tuple(show(self._rows.state(row), self._view(row), self._score(row)) for row in range(self.num_envs))

    def _score(self, row: int) -> Score | None:
        found = self._scores[row]
        return None if found is None else found[0][found[1]]

    def _ready_to_read(self, caller: str) -> None:
        if not self._all_begun:
            raise StateError(f"Call reset() before {caller}().")

    def _id(self) -> str:
        return self.single.env_id if self.spec is None else self.spec.id


class TokenVectorEnv(CodeVectorEnv):
    """codegym/Token-v0, vectorised; see codegym.envs.token_env.TokenEnv."""

    single = TokenEnv

    @property
    def eos_action(self) -> int:
        """The action that ends a program."""
        return self.settings.vocabulary.eos

    def action_masks(self) -> NDArray[np.bool_]:
        """[num_envs, V] which tokens may be worth trying.

        Raises:
            StateError: before the first reset.
        """
        self._ready_to_read("action_masks")
        assert self._masks is not None
        return self._masks.all()


class TokenGrammarVectorEnv(TokenVectorEnv):
    """codegym/TokenGrammar-v0, vectorised; see codegym.envs.token_env.TokenGrammarEnv."""

    single = TokenGrammarEnv


class LineVectorEnv(CodeVectorEnv):
    """codegym/Line-v0, vectorised; see codegym.envs.line_env.LineEnv."""

    single = LineEnv


class PseudocodeVectorEnv(CodeVectorEnv):
    """codegym/Pseudocode-v0, vectorised; see codegym.envs.pseudocode_env.PseudocodeEnv."""

    single = PseudocodeEnv


def _row_of(batch: Any, row: int) -> Any:
    if isinstance(batch, dict):
        return {key: value[row] for key, value in batch.items()}
    return batch[row]

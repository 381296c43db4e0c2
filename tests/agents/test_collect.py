"""collect: the episodes asked for, in order, whatever the number of rows; seeds that belong to their episode."""

from __future__ import annotations

import gymnasium as gym
import pytest

from codegym.agents.agent import Decision, TokenTrace
from codegym.agents.collect import Request, collect, requests
from codegym.agents.evaluate import evaluate
from codegym.envs.errors import PromptTooLong
from codegym.envs.problems.catalog import load_problems
from codegym.envs.vocabulary import load_vocabulary

VOCABULARY = load_vocabulary(None)
KATAS = load_problems("katas")
URIS = [uri for uri in KATAS.split("train").uris[:6]]


class Writer:
    """Writes the reference of every problem, or of a seeded half of them, token by token; notes what it was given."""

    observes = "view"

    def __init__(self, half: bool = False) -> None:
        self.half = half
        self.asked: list[tuple[int, int]] = []

    def act(self, observations, infos, *, seeds=None, deterministic=False):
        decisions = []
        for view, info, seed in zip(observations, infos, seeds, strict=True):
            self.asked.append((info["row"], seed))
            problem = KATAS[view.problem]
            ids = [*VOCABULARY.encode(problem.references[0][len(problem.given) :]), VOCABULARY.eos]
            if self.half and not view.actions and seed % 2 and not deterministic:
                ids = [VOCABULARY.eos]
            place = len(view.actions)
            chosen = ids[place] if place < len(ids) else VOCABULARY.eos
            trace = TokenTrace((chosen,), (-1.0,), () if place else (1,), (place + 1,))
            decisions.append(Decision(chosen, trace))
        return decisions


def make(rows: int, env: str = "codegym/Token-v0"):
    return gym.make_vec(
        env,
        num_envs=rows,
        vectorization_mode=gym.VectorizeMode.VECTOR_ENTRY_POINT,
        autoreset_mode="Disabled",
        problems=KATAS,
        max_tokens=80,
    )


@pytest.mark.parametrize("rows", [1, 4, 12, 16])
def test_every_episode_asked_for_comes_back_in_order(rows):
    wanted = requests(URIS, 2, seed=3)
    env = make(rows)
    episodes = collect(Writer(), env, wanted, name="writer")
    env.close()
    assert [(e.problem, e.sample, e.seed) for e in episodes] == [(r.problem, r.sample, r.seed) for r in wanted]
    assert {e.verdict for e in episodes} == {"PASS"} and {e.agent for e in episodes} == {"writer"}
    for episode in episodes:
        assert tuple(i for trace in episode.trace for i in trace.ids) == episode.actions
        assert episode.tokens == len(episode.actions)
        assert episode.program == KATAS[episode.problem].references[0]


def test_a_seed_belongs_to_its_episode_and_step():
    small, large = Writer(half=True), Writer(half=True)
    results = []
    for agent, rows in ((small, 2), (large, 12)):
        env = make(rows)
        results.append(collect(agent, env, requests(URIS, 2, seed=5)))
        env.close()
    assert results[0] == results[1]
    assert 0 < sum(e.verdict == "PASS" for e in results[0]) < len(results[0])
    assert sorted(seed for _, seed in small.asked) == sorted(seed for _, seed in large.asked)
    assert len({seed for _, seed in large.asked}) == len(large.asked)


def test_seeds_depend_on_run_iteration_problem_and_sample_and_on_nothing_else():
    base = requests(URIS, 2, seed=0)
    assert requests(URIS[3:], 2, seed=0) == base[6:]
    assert len({r.seed for r in base}) == len(base)
    for other in (requests(URIS, 2, seed=1), requests(URIS, 2, seed=0, iteration=1)):
        assert not {r.seed for r in other} & {r.seed for r in base}
    assert base[1] == Request(URIS[0], 1, base[1].seed)


def test_an_agent_without_the_wish_for_views_gets_observations():
    class Blind:
        def act(self, observations, infos, *, seeds=None, deterministic=False):
            assert all(set(o) == {"tokens", "attention_mask", "features"} for o in observations)
            return [Decision(VOCABULARY.eos) for _ in observations]

    env = make(3)
    episodes = collect(Blind(), env, requests(URIS[:2], 1, seed=0))
    env.close()
    assert [e.trace for e in episodes] == [None, None]
    assert {e.verdict for e in episodes} == {"COMPILE"}


def test_evaluation_counts_what_passed():
    env = make(8)
    result = evaluate(Writer(half=True), env, URIS, samples=4, seed=0)
    env.close()
    sampled = [e for e in result.episodes if e.agent == ""]
    assert len(sampled) == 24
    assert result.sampled.value == pytest.approx(sum(e.verdict == "PASS" for e in sampled) / 24)
    assert 0 < result.sampled.value < 1 == result.greedy.value
    assert result.sampled.low <= result.sampled.value <= result.sampled.high
    assert result.to_json()["problems"] == 6 and result.dropped == 0


def test_a_problem_that_does_not_fit_is_left_out_and_told_of():
    class Narrow(Writer):
        """Has no room for one of the problems."""

        def act(self, observations, infos, *, seeds=None, deterministic=False):
            for view in observations:
                if view.problem == URIS[1]:
                    raise PromptTooLong(f"{view.problem}: too long", view.problem)
            return super().act(observations, infos, seeds=seeds, deterministic=deterministic)

    env, told = make(4), []
    wanted = requests(URIS[:3], 2, seed=3)
    episodes = collect(Narrow(), env, wanted, too_long=told.append)
    assert [e.problem for e in episodes] == [r.problem for r in wanted if r.problem != URIS[1]]
    assert {error.problem for error in told} == {URIS[1]}
    with pytest.raises(PromptTooLong, match=URIS[1]):
        collect(Narrow(), env, wanted)
    result = evaluate(Narrow(), env, URIS[:3], samples=2, seed=0, too_long=told.append)
    assert result.dropped == 3 and set(result.pass_rates) == {URIS[0], URIS[2]}
    env.close()


def test_a_request_may_say_where_its_episode_begins():
    env = make(2)
    given = KATAS[URIS[0]].references[0]
    episodes = collect(Writer(), env, [Request(URIS[0], 0, 1), Request(URIS[0], 1, 1, {"prefix": given})])
    env.close()
    assert [episode.start["kind"] for episode in episodes] == ["question", "prefix"]

"""Best-of-n: the first program with the highest public score, against brute force over the samples."""

from __future__ import annotations

import pytest
from scripted_planner import EVEN, MAX, ODD, SUM, ScriptedPlanner, even_sum, line_programs

from codegym.agents.search.best_of_n import BestOfNAgent
from codegym.envs.errors import OptionError
from codegym.envs.execution.executor import Executor
from codegym.envs.execution.outcome import Job
from codegym.envs.mdp import line
from codegym.envs.mdp.state import Start
from codegym.envs.rewards.outcome_reward import compile_blend


@pytest.fixture(scope="module")
def executor():
    with Executor(workers=1) as executor:
        yield executor


def view():
    problem = even_sum()
    return line.view(line.initial(problem, Start("question", problem.given), 8), problem)


def agent_for(planner: ScriptedPlanner, n: int, executor) -> BestOfNAgent:
    return BestOfNAgent(planner, lambda uri: even_sum(uri), n, executor=executor)


@pytest.mark.parametrize("n", [1, 2, 5, 16])
def test_it_plays_the_best_of_its_samples(n, executor):
    programs = line_programs()
    for seed in range(6):
        planner = ScriptedPlanner(programs)
        (decision,) = agent_for(planner, n, executor).act([view()], [{}], seeds=[seed])
        assert len(planner.plans) == n and planner.batches == [n] and decision.tokens == planner.tokens
        texts = ["\n".join(["def f(xs):", *map(str, plan[:-1])]) for plan in planner.plans]
        outcomes = executor.run([Job(even_sum(), text, tests="public") for text in texts])
        ranks = [
            (compile_blend(outcome), programs[plan]) for outcome, plan in zip(outcomes, planner.plans, strict=True)
        ]
        assert decision.action == planner.plans[ranks.index(max(ranks))][0]


def test_probability_decides_between_equal_scores(executor):
    planner = ScriptedPlanner({(ODD, SUM, "<END>"): 0.3, (ODD, MAX, "<END>"): 0.7})
    agent = agent_for(planner, 12, executor)
    (first,) = agent.act([view()], [{}], seeds=[0])
    assert len(set(planner.plans)) == 2 and first.action == ODD
    after = line.transition(line.initial(even_sum(), Start("question", even_sum().given), 8), ODD)
    (second,) = agent.act([line.view(after, even_sum())], [{}], seeds=[0])
    assert second.action == MAX and second.tokens == 0, (
        "the plan goes on; its tokens were counted with its first action"
    )


def test_a_program_that_passes_beats_a_likelier_one(executor):
    planner = ScriptedPlanner({(EVEN, SUM, "<END>"): 0.2, (ODD, MAX, "<END>"): 0.8})
    (decision,) = agent_for(planner, 16, executor).act([view()], [{}], seeds=[1])
    assert decision.action == EVEN


def test_rows_share_one_batch_and_do_not_change_each_other(executor):
    planner = ScriptedPlanner(line_programs())
    together = agent_for(planner, 3, executor).act([view()] * 4, [{}] * 4, seeds=range(4))
    assert planner.batches == [12]
    for seed, decision in enumerate(together):
        (alone,) = agent_for(ScriptedPlanner(line_programs()), 3, executor).act([view()], [{}], seeds=[seed])
        assert alone == decision


def test_a_row_keeps_its_plan_when_another_leaves_the_list(executor):
    planner = ScriptedPlanner({(EVEN, SUM, "<END>"): 1.0})
    agent = agent_for(planner, 1, executor)
    agent.act([view()] * 2, [{"row": 0}, {"row": 1}], seeds=[0, 1])
    after = line.transition(line.initial(even_sum(), Start("question", even_sum().given), 8), EVEN)
    (decision,) = agent.act([line.view(after, even_sum())], [{"row": 1}], seeds=[9])
    assert decision.action == SUM and planner.batches == [2], "nothing is planned again"


@pytest.mark.parametrize("n", [0, -3])
def test_n_is_at_least_one(n, executor):
    with pytest.raises(OptionError, match="at least 1"):
        agent_for(ScriptedPlanner(line_programs()), n, executor)

"""Programs that run while others are sampled: the same outcomes, each program once, errors where they are asked for."""

from __future__ import annotations

import threading

import pytest

from codegym.agents.language_model.agent import LanguageModelAgent
from codegym.agents.language_model.load import LanguageModel
from codegym.agents.learning.ahead import ExecutionAhead
from codegym.envs.errors import InfrastructureError
from codegym.envs.execution.executor import Executor
from codegym.envs.execution.outcome import Job, Verdict
from codegym.envs.problems.catalog import load_problems

PROBLEMS = load_problems("katas:tiny").split("train")


def jobs(count: int = 4) -> list[Job]:
    problems = [PROBLEMS[uri] for uri in PROBLEMS.uris[:count]]
    right = [Job(problem, problem.references[0], coverage=True) for problem in problems]
    return [*right, *(Job(problem, "def f(:", coverage=True) for problem in problems)]


def test_outcomes_are_the_executors_own_and_each_program_runs_once():
    wanted = jobs()
    with Executor(workers=1, cache=False) as executor:
        plain = executor.run(wanted)
        executed = executor.statistics["executed"]
        ahead = ExecutionAhead(executor)
        for job in wanted[:6]:
            ahead.begin(job)
        ahead.begin(wanted[0])
        assert ahead.run(wanted[:3]) + ahead.run(wanted[3:]) == plain
        assert executor.statistics["executed"] - executed == len(wanted)
        assert ahead.statistics["jobs"] == 6
        ahead.run(wanted[:1])  # asked for again, not run again
        assert executor.statistics["executed"] - executed == len(wanted)
        ahead.forget()
        ahead.run(wanted[:1])
        assert executor.statistics["executed"] - executed == len(wanted) + 1
        ahead.close()
    assert [outcome.verdict for outcome in plain] == [Verdict.PASS] * 4 + [Verdict.COMPILE] * 4


def test_programs_begin_while_the_caller_goes_on():
    class Slow:
        """Stands for a machine that takes its time."""

        def __init__(self):
            self.begun, self.go = threading.Event(), threading.Event()

        def report(self):
            return {}

        def run(self, asked):
            self.begun.set()
            assert self.go.wait(10)
            return [job.program for job in asked]

    slow, (job, other, *_) = Slow(), jobs()
    ahead = ExecutionAhead(slow)
    ahead.begin(job)
    assert slow.begun.wait(10)  # nobody has asked for the outcome
    ahead.begin(other)
    slow.go.set()
    assert ahead.run([other, job]) == [other.program, job.program]
    ahead.close()


def test_what_the_executor_raises_reaches_whoever_asks():
    class Broken:
        def report(self):
            return {}

        def run(self, asked):
            raise InfrastructureError("no fork server")

    ahead = ExecutionAhead(Broken())
    ahead.begin(jobs()[0])
    with pytest.raises(InfrastructureError, match="no fork server"):
        ahead.run(jobs()[:1])
    ahead.close()


@pytest.mark.parametrize("env_id", ["codegym/Token-v0", "codegym/Line-v0"])
def test_the_agent_tells_of_the_very_programs_that_are_then_played(env_id, nobody_folder):
    import gymnasium as gym

    from codegym.agents.collect import collect, requests

    lm = LanguageModel.load(nobody_folder, device="cpu")
    agent, told = LanguageModelAgent(lm, max_tokens=3), []
    agent.written = lambda view, program: told.append((view.problem, program))
    env = gym.make_vec(
        env_id, num_envs=6, vectorization_mode=gym.VectorizeMode.VECTOR_ENTRY_POINT, autoreset_mode="Disabled",
        problems="katas:tiny", tokenizer=lm.tokenizer, **({"max_tokens": 3} if "Token" in env_id else {}),
    )  # fmt: skip
    episodes = collect(agent, env, requests(PROBLEMS.uris[:3], 2, seed=0))
    env.close()
    played = [(episode.problem, episode.program) for episode in episodes if "\ufffd" not in episode.program]
    assert len(episodes) == 6 and played and set(played) <= set(told)

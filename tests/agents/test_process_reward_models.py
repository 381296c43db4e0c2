"""A model that was trained on episodes as the process reward of an environment."""

from __future__ import annotations

import gymnasium as gym
import pytest

torch = pytest.importorskip("torch")

from codegym import END  # noqa: E402
from codegym.envs.execution.executor import Executor  # noqa: E402
from codegym.envs.problems.problem import CallTest, Problem  # noqa: E402

LINES = ("    return a + b", "    return a - b", "    return b", "    x = a")
SUM = Problem(
    "tests/sum",
    "Add two numbers.",
    "add",
    references=("def add(a, b):\n    return a + b",),
    hidden_tests=(CallTest((2, 3), 5), CallTest((0, 7), 7)),
    starter="def add(a, b):",
)


class Verifier(torch.nn.Module):
    """The chance that a program passes, from its last line; scores views in batches, as models do."""

    def __init__(self):
        super().__init__()
        self.logits = torch.nn.Linear(len(LINES), 1)

    def forward(self, views):
        last = [view.text.rpartition("\n")[2] for view in views]
        return torch.sigmoid(self.logits(torch.tensor([[float(line == one) for one in LINES] for line in last])))[:, 0]

    def batch(self, views):
        with torch.no_grad():
            return self(views).tolist()

    def __call__(self, *arguments):
        return super().__call__(*arguments) if isinstance(arguments[0], list) else self.batch([arguments[0]])[0]


def played(executor, **options):
    """(views after the line, info at the end) of one episode for each line."""
    env = gym.make_vec("codegym/Line-v0", len(LINES), problems=[SUM], executor=executor, **options).unwrapped
    env.reset(seed=0)
    env.step(LINES)
    views = env.views()
    _, rewards, _, _, infos = env.step((END,) * len(LINES))
    return views, rewards, infos


@pytest.fixture(scope="module")
def trained():
    """(executor, verifier) where the verifier was trained on the verdicts of the four programs."""
    with Executor(workers=1) as executor, torch.random.fork_rng():
        torch.manual_seed(0)
        views, _, infos = played(executor)
        passes = torch.tensor(infos["is_success"], dtype=torch.float32)
        verifier = Verifier()
        optimizer = torch.optim.Adam(verifier.parameters(), lr=0.3)
        for _ in range(200):
            loss = torch.nn.functional.binary_cross_entropy(verifier(views), passes)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        yield executor, verifier


def test_a_trained_model_pays_each_step_and_phi_joins_it(trained):
    executor, verifier = trained
    views, rewards, infos = played(executor, process_reward=verifier, process_weight=0.25, reward="binary")
    assert infos["is_success"].tolist() == [True, False, False, False]
    for row, view in enumerate(views):
        first, last = infos["step_rewards"][row]
        assert first == pytest.approx(verifier(view)) and last == first, "the end adds no line"
        assert (first > 0.5) == infos["is_success"][row]
        process = 0.75 * (first + last) / 2
        assert infos["reward_terms"]["process"][row] == pytest.approx(process)
        assert rewards[row] == pytest.approx(0.25 * float(infos["is_success"][row]) + process)


def test_it_is_asked_once_for_all_rows_of_a_step(trained):
    executor, verifier = trained
    sizes = []

    class Counting:
        def __call__(self, view):
            raise AssertionError("one by one is slower")

        def batch(self, views):
            sizes.append(len(views))
            return verifier.batch(views)

    played(executor, process_reward=Counting())
    assert sizes == [len(LINES)] * 2

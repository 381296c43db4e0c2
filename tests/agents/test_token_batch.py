"""TokenBatch: rows as they were sampled, credit by characters, selection without loss."""

from __future__ import annotations

import dataclasses
import itertools
import subprocess
import sys

import numpy as np
import pytest
import torch
from learning_helpers import episode, ragged_batch, small_model

from codegym.agents.agent import TokenTrace
from codegym.agents.learning.token_batch import TokenBatch, token_credit
from codegym.envs.errors import DataError


def test_a_row_is_the_prompt_then_the_sampled_ids():
    batch = TokenBatch.from_episodes(
        [
            episode([4, 5, 6], [-0.1, -0.2, -0.3], prompt=[1, 2], reward=1.0),
            episode([7], [-0.4], prompt=[3], reward=-1.0, terminated=False, problem="toy/1"),
        ]
    )
    assert batch.ids.tolist() == [[1, 2, 4, 5, 6], [3, 7, 0, 0, 0]]
    assert batch.attention.tolist() == [[True] * 5, [True, True, False, False, False]]
    assert batch.action.tolist() == [[False, False, True, True, True], [False, True, False, False, False]]
    assert batch.credit.tolist() == [[0, 0, 1, 1, 1], [0, 1, 0, 0, 0]]
    torch.testing.assert_close(batch.logp, torch.tensor([[0, 0, -0.1, -0.2, -0.3], [0, -0.4, 0, 0, 0]]))
    assert batch.reward.tolist() == [[0, 0, 0, 0, 1], [0, -1, 0, 0, 0]]
    assert batch.step.tolist() == [[-1, -1, 0, 1, 2], [-1, 0, -1, -1, -1]]
    assert batch.group.tolist() == [0, 1]
    assert batch.terminated.tolist() == [True, False]
    assert batch.truncated.tolist() == [False, True]


def test_a_line_is_one_step_of_several_tokens_paid_at_its_last():
    lines = dataclasses.replace(
        episode([1]),
        env_id="codegym/Line-v0",
        actions=("ab", "c"),
        program="\nab\nc",
        credit_spans=((0, 3, 1.0),),
        trace=(
            TokenTrace((4, 5), (-1.0, -1.0), (9,), (1, 3)),
            TokenTrace((6, 2), (-1.0, -1.0), (), (5, 5)),
        ),
    )
    batch = TokenBatch.from_episodes([lines], rewards=[[0.25, 1.0]])
    assert batch.step.tolist() == [[-1, 0, 0, 1, 1]]
    assert batch.reward.tolist() == [[0, 0, 0.25, 0, 1.0]]
    assert batch.credit.tolist() == [[0, 1, 1, 0, 1]]  # the second line was not executed, EOS always counts


@pytest.mark.parametrize(
    "char_ends, start, expected",
    [
        ((2, 4, 6), "", [1.0, 0.5, 0.0]),  # aligned with the spans
        ((3, 5, 6), "", [1.0, 0.5, 0.0]),  # straddling tokens take the larger weight
        ((2, 2, 4), "", [1.0, 0.5, 0.5]),  # a token without text goes with what follows
        ((0, 2, 4), "xx", [0.0, 0.5, 0.0]),  # repeats the start text; then offsets count from its end
        ((-1, 2, 4), "xx", [0.0, 0.5, 0.0]),
    ],
)
def test_credit_follows_characters(char_ends, start, expected):
    rows = episode([4, 5, 6], terminated=False, program="x" * 6, char_ends=char_ends, start=start)
    rows = dataclasses.replace(rows, credit_spans=((0, 2, 1.0), (2, 4, 0.5)))
    assert token_credit(rows, rows.trace) == expected


def test_eos_has_credit_one_and_only_when_the_agent_ended():
    ended = dataclasses.replace(episode([4, 2], program="x", char_ends=(1, 1)), credit_spans=((0, 1, 0.0),))
    assert token_credit(ended, ended.trace) == [0.0, 1.0]
    spent = dataclasses.replace(ended, terminated=False, truncated=True)
    assert token_credit(spent, spent.trace) == [0.0, 0.0]


def test_pseudocode_steps_before_the_code_have_credit_one():
    code = "a\nb"
    step = f"<Action 3>```\n{code}\n```"
    at = step.index(code)
    ends = (at, at + 1, at + 3, len(step))
    plan = dataclasses.replace(
        episode([1]),
        env_id="codegym/Pseudocode-v0",
        actions=("<Action 1> plan", step),
        program=code,
        credit_spans=((0, 1, 1.0), (1, 3, 0.0)),
        trace=(
            TokenTrace((4, 5), (-1.0, -1.0), (9,), (7, 15)),
            TokenTrace((6, 7, 8, 2), (-1.0,) * 4, (), ends),
        ),
    )
    assert token_credit(plan, plan.trace) == [1.0, 1.0, 1.0, 1.0, 0.0, 1.0]


def test_without_credit_every_action_weighs_one():
    row = dataclasses.replace(episode([4, 5], program="xx"), credit_spans=((0, 2, 0.0),))
    assert TokenBatch.from_episodes([row], credit=False).credit.tolist() == [[0, 1, 1]]


@pytest.mark.parametrize(
    "broken, message",
    [
        (dataclasses.replace(episode([4]), trace=None), "no token trace"),
        (dataclasses.replace(episode([4]), trace=(TokenTrace((4,), (-1.0,)),)), "BOS"),
        (dataclasses.replace(episode([4]), trace=(TokenTrace((), (), (1,)),)), "no token"),
    ],
)
def test_episodes_that_cannot_train_are_refused(broken, message):
    with pytest.raises(DataError, match=message):
        TokenBatch.from_episodes([broken])
    with pytest.raises(DataError, match="at least one"):
        TokenBatch.from_episodes([])


def test_selection_keeps_rows_and_drops_padding():
    batch = ragged_batch(small_model())
    rows = torch.tensor([4, 1])
    part = batch.select(rows)
    assert part.ids.shape[1] == int(batch.lengths[rows].max()) < batch.ids.shape[1]
    for name, tensor in part.tensors.items():
        whole = batch.tensors[name][rows]
        assert torch.equal(tensor, whole if tensor.dim() == 1 else whole[:, : part.ids.shape[1]]), name


@pytest.mark.parametrize("count", [1, 2, 4, 20])
def test_minibatches_are_a_partition_that_keeps_siblings_together(count):
    batch = ragged_batch(small_model())
    parts = batch.minibatch_rows(count, np.random.default_rng(0))
    assert sorted(row for part in parts for row in part.tolist()) == list(range(len(batch)))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    if count == 1:
        groups = batch.group[parts[0]].tolist()
        assert sum(a != b for a, b in itertools.pairwise(groups)) == len(set(groups)) - 1


@pytest.mark.parametrize("rows", [1, 2, 4, 100])
def test_microbatches_are_a_partition(rows):
    batch = ragged_batch(small_model())
    parts = list(batch.microbatches(rows))
    assert sorted(row for part in parts for row in part.tolist()) == list(range(len(batch)))
    assert max(map(len, parts)) <= rows


def test_the_options_of_training_are_read_without_torch():
    code = "import sys, codegym.agents.learning.options; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

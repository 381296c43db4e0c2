"""Stable-Baselines3 on our environments: the VecEnv, the agent, FGO's credit in PPO, and a causal LM as policy."""

from __future__ import annotations

import json

import gymnasium as gym
import numpy as np
import pytest
import torch

from codegym import CCCS
from codegym.envs.errors import DataError, OptionError
from codegym.envs.execution.executor import Executor
from codegym.envs.execution.outcome import Outcome, TestResult, Verdict
from codegym.envs.mdp.start_states import conditional_cuts
from codegym.envs.problems.catalog import load_problems

sb3 = pytest.importorskip("stable_baselines3")

from stable_baselines3.common.evaluation import evaluate_policy  # noqa: E402
from stable_baselines3.common.monitor import Monitor  # noqa: E402
from stable_baselines3.common.utils import obs_as_tensor  # noqa: E402
from stable_baselines3.common.vec_env import DummyVecEnv  # noqa: E402

from codegym.agents.adapters.sb3 import SB3Agent, SB3VectorEnv  # noqa: E402
from codegym.agents.adapters.sb3_buffers import CreditEpisodeBuffer, CreditRolloutBuffer  # noqa: E402
from codegym.agents.adapters.sb3_policy import CausalLMPolicy, sequences  # noqa: E402

GRAMMAR = "codegym/TokenGrammar-v0"


@pytest.fixture(scope="module")
def executor():
    with Executor(workers=1) as executor:
        yield executor


def make(executor, rows=3, env_id=GRAMMAR, adapter=None, **options):
    env = gym.make_vec(env_id, rows, autoreset_mode="SameStep", executor=executor, **options)
    return SB3VectorEnv(env, **(adapter or {}))


# The VecEnv


def test_it_plays_what_dummy_vec_env_plays(executor):
    own = make(executor)
    dummy = DummyVecEnv([lambda: gym.make(GRAMMAR, executor=executor)] * 3)
    for env in (own, dummy):
        env.seed(5)
    assert np.array_equal(own.reset(), dummy.reset())
    random = np.random.default_rng(0)
    ended = 0
    for _ in range(12):
        actions = random.integers(0, 32, 3)
        left, right = own.step(actions), dummy.step(actions)
        assert np.array_equal(left[0], right[0]) and left[0].dtype == right[0].dtype
        assert np.array_equal(left[1], right[1]) and left[1].dtype == right[1].dtype
        assert np.array_equal(left[2], right[2])
        for row in np.flatnonzero(left[2]):
            ended += 1
            mine, theirs = left[3][row], right[3][row]
            assert np.array_equal(mine["terminal_observation"], theirs["terminal_observation"])
            for key in ("verdict", "is_success", "reward_terms", "token_credit", "problem", "tests_total"):
                assert mine[key] == theirs[key] and type(mine[key]) is type(theirs[key])
    assert ended > 3


def test_episodes_are_counted_as_monitor_does(executor):
    env = make(executor, rows=2)
    env.seed(0)
    env.reset()
    env.step(np.array([1, 1]))
    _, rewards, dones, infos = env.step(np.array([0, 9]))
    assert dones.tolist() == [True, False] and infos[1] == {}
    assert infos[0]["episode"]["l"] == 2 and infos[0]["episode"]["r"] == pytest.approx(rewards[0])
    env.step(np.array([1, 9]))
    assert env.env_is_wrapped(sb3.common.monitor.Monitor) == [True, True]
    assert env.env_is_wrapped(gym.Wrapper) == [False, False]


def test_a_spent_budget_is_no_time_limit_unless_asked_for(executor):
    for asked in (False, True):
        env = make(executor, rows=1, adapter={"bootstrap_truncated": asked})
        env.reset()
        for _ in range(3):
            _, _, dones, infos = env.step(np.array([9]))
        assert dones[0] and infos[0]["TimeLimit.truncated"] is asked


def test_options_are_given_to_the_next_reset(executor):
    env = make(executor, rows=2)
    uri = env.env.settings.chosen.uris[3]
    env.set_options({"problem": uri})
    env.reset()
    assert [info["problem"] for info in env.reset_infos] == [uri, uri]
    env.set_options([{"problem": uri}, {}])
    with pytest.raises(OptionError, match="for some rows alone"):
        env.reset()


class Lines:
    """Always the same candidates, one fewer in the first row; counts how often it is asked."""

    asked = 0

    def propose(self, views, k):
        self.asked += 1
        named = [[("    return a", 0.5), ("<END>", 0.3), ("    return b", 0.2)][:k] for _ in views]
        named[0] = named[0][:2]
        return named


def test_candidates_of_all_rows_are_asked_for_in_one_batch(executor):
    lines = Lines()
    env = make(
        executor, env_id="codegym/Line-v0", observation="features", problems="katas:one-operation",
        adapter={"proposer": lines, "k": 3},
    )  # fmt: skip
    env.reset()
    assert env.action_space == gym.spaces.Discrete(3)
    assert env.action_masks().tolist() == [[True, True, False], [True] * 3, [True] * 3]
    assert np.array_equal(np.stack(env.env_method("action_masks")), env.action_masks())
    env.step(np.array([2, 2, 1]))
    assert lines.asked == 2
    texts = [view.text.rpartition("\n")[2] for view in env.env_method("view")]
    assert texts[:2] == ["    return a", "    return b"], "a masked action plays the first candidate"


@pytest.mark.parametrize(
    ("env_id", "options", "adapter", "message"),
    [
        (GRAMMAR, {"observation": "text"}, {}, "observation=.features"),
        ("codegym/Line-v0", {"observation": "features"}, {}, "give a proposer"),
        ("codegym/Line-v0", {"observation": "features"}, {"proposer": Lines(), "k": 0}, r"1\.\.1024"),
        ("codegym/Line-v0", {"observation": "features"}, {"proposer": "tiny"}, "which str lacks"),
    ],
)
def test_what_sb3_cannot_use_is_refused(env_id, options, adapter, message):
    with pytest.raises(OptionError, match=message):
        make(None, env_id=env_id, adapter=adapter, **options)


def test_other_wrong_uses_are_refused(executor):
    with pytest.raises(OptionError, match="SameStep"):
        SB3VectorEnv(gym.make_vec(GRAMMAR, 2))
    with pytest.raises(OptionError, match="CartPole"):
        SB3VectorEnv(gym.make("CartPole-v1"))
    env = make(executor)
    with pytest.raises(OptionError, match="Did you mean 'view'"):
        env.env_method("views")
    with pytest.raises(OptionError, match="make it anew"):
        env.set_attr("window", 3)


@pytest.mark.parametrize("ours", [True, False])
def test_a_curriculum_moves_through_the_automatic_resets_of_sb3(executor, ours):
    """Reset options are lost there; the start is an argument of the environment, so it is not."""
    problem = next(p for p in load_problems("katas:branches") if len(conditional_cuts(p)) >= 2)
    options = {"problems": [problem], "start": CCCS(rho=0.0, window=1), "executor": executor, "observation": "features"}
    if ours:
        env = SB3VectorEnv(gym.make_vec("codegym/Token-v0", 1, autoreset_mode="SameStep", **options))
        inside = env.env
    else:
        env = DummyVecEnv([lambda: Monitor(gym.make("codegym/Token-v0", **options))])
        inside = env.envs[0].unwrapped
    vocabulary = inside.settings.vocabulary
    env.reset()
    stages = []
    for _ in range(4):
        state = inside.states()[0] if ours else inside.get_state()
        stages.append(int(state.start.value))
        done = False
        for token in [*vocabulary.encode(problem.references[0][len(state.start.text) :]), vocabulary.eos]:
            assert not done
            _, _, (done,), (info,) = env.step(np.array([token]))
        assert done and info["is_success"] and json.loads(info["start"]) == {"kind": "curriculum", "value": stages[-1]}
    assert stages == [*range(stages[0], 0, -1), 0, 0, 0, 0][:4] and stages[0] >= 1


# Agents


def test_a_model_of_theirs_is_an_agent_of_ours_and_a_seed_decides_a_row(executor, tmp_path):
    env = make(executor)
    model = sb3.PPO("MlpPolicy", env, n_steps=8, batch_size=8, n_epochs=1, seed=0, device="cpu").learn(24)
    assert evaluate_policy(model, env, n_eval_episodes=3)[0] <= 1.0
    model.save(tmp_path / "model.zip")
    agent = SB3Agent(tmp_path / "model.zip", sb3.PPO)
    rows = gym.make_vec(GRAMMAR, 4, executor=executor)
    seen, infos = rows.reset(seed=0)
    said = [{"action_mask": infos["action_mask"][row]} for row in range(4)]
    together = agent.act(list(seen), said, seeds=[3, 4, 5, 6])
    alone = [agent.act([seen[row]], [said[row]], seeds=[3 + row])[0] for row in range(4)]
    assert together == alone
    only = np.zeros(32, dtype=np.int8)
    only[7] = 1
    assert agent.act([seen[0]], [{"action_mask": only}], seeds=[1])[0].action == 7
    with pytest.raises(OptionError, match='reads observation="features"'):
        agent.act(["def f(a, b):"], [{}], seeds=[0])


def test_a_saved_model_says_which_algorithm_it_is_of(executor, tmp_path):
    contrib = pytest.importorskip("sb3_contrib")
    env = make(executor)
    for algorithm in (sb3.PPO, sb3.A2C, sb3.DQN, contrib.MaskablePPO):
        algorithm("MlpPolicy", env, device="cpu").save(tmp_path / "model.zip")
        assert type(SB3Agent(tmp_path / "model.zip").model) is algorithm
    contrib.TRPO("MlpPolicy", env, device="cpu").save(tmp_path / "model.zip")
    assert type(SB3Agent(tmp_path / "model.zip", contrib.TRPO).model) is contrib.TRPO
    (tmp_path / "text.zip").write_text("no archive")
    for file, message in (("model.zip", "none of PPO"), ("text.zip", "not a model"), ("none.zip", "no such file")):
        with pytest.raises(DataError, match=message):
            SB3Agent(tmp_path / file)


# FGO's credit


class Halves:
    """Fails every program whose first piece was executed and whose later pieces were not."""

    def run(self, jobs):
        outcomes = []
        for job in jobs:
            lines = job.program.split("\n")
            first = len(lines[0]) + 1 + 4
            end = len("\n".join(lines[:2]))
            statements = ((0, len(job.program)), (first, end), *(((end + 5, len(job.program)),) if lines[2:] else ()))
            test = TestResult(Verdict.WRONG, executed=statements[:2])
            outcomes.append(Outcome(Verdict.WRONG, (test,), 1, statements=statements, executed=statements[:2]))
        return outcomes

    def __deepcopy__(self, memo):
        return self


def test_the_buffer_gives_each_step_the_credit_of_its_episode():
    env = SB3VectorEnv(gym.make_vec(GRAMMAR, 1, autoreset_mode="SameStep", executor=Halves()))
    model = sb3.PPO(
        "MlpPolicy", env, n_steps=8, batch_size=8, n_epochs=1, seed=0, device="cpu", normalize_advantage=False,
        rollout_buffer_class=CreditRolloutBuffer, rollout_buffer_kwargs={"env": env, "normalize": False},
    )  # fmt: skip
    buffer = model.rollout_buffer
    env.seed(0)
    seen = env.reset()
    starts = np.ones(1, dtype=bool)
    for action in (1, 2, 0, 1, 0, 1, 2, 2):  # "return a" runs, "return b" after it does not
        new, rewards, dones, _ = env.step(np.array([action]))
        buffer.add(seen, np.array([action]), rewards, starts, torch.zeros(1), torch.zeros(1))
        seen, starts = new, dones
    buffer.compute_returns_and_advantage(torch.zeros(1), starts)
    assert buffer.credit[:, 0].tolist() == [1, 0, 1, 1, 1, 1, 0, 0] and starts[0]
    assert (buffer.advantages[buffer.credit == 0] == 0).all() and buffer.advantages[0, 0] != 0
    assert buffer.returns[1, 0] != 0, "the value loss runs over all steps"


def policy_gradient(normalize_in_ppo: bool) -> torch.Tensor:
    """The gradient of SB3's own policy loss in the logits of masked steps."""
    advantages = torch.tensor([2.0, 0.0, -1.0, 0.0])
    credit = torch.tensor([1.0, 0.0, 1.0, 0.0])
    logits = torch.zeros(4, requires_grad=True)
    if normalize_in_ppo:
        advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
    (advantages * logits.exp()).mean().backward()
    return logits.grad[credit == 0]


def test_sb3s_own_normalisation_would_leak_into_masked_steps_and_the_buffers_does_not():
    assert policy_gradient(True).abs().min() > 0
    assert policy_gradient(False).abs().max() == 0


def test_the_buffer_needs_its_environment():
    with pytest.raises(OptionError, match="rollout_buffer_kwargs"):
        CreditRolloutBuffer(4, gym.spaces.Box(0, 1, (2,)), gym.spaces.Discrete(2))


# A causal language model as policy


@pytest.fixture(scope="module")
def small():
    """A causal LM of 512 tokens that is quick, with random weights."""
    from transformers import LlamaConfig, LlamaForCausalLM

    from codegym.agents.language_model.load import LanguageModel

    tiny = LanguageModel.load("tiny")
    config = LlamaConfig(
        vocab_size=tiny.vocabulary.size, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=512,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tiny.model = LlamaForCausalLM(config).eval()
    return tiny


def lm_ppo(small, executor, window=256, **options):
    env = make(
        executor, 3, "codegym/Token-v0", observation="dict", window=window, max_tokens=6, tokenizer=small.vocabulary,
        problems="katas:one-operation",
    )  # fmt: skip
    return env, sb3.PPO(
        CausalLMPolicy, env, policy_kwargs={"lm": small}, n_steps=12, batch_size=12, n_epochs=1, seed=0, gamma=1.0,
        device="cpu", normalize_advantage=False, rollout_buffer_class=CreditEpisodeBuffer,
        rollout_buffer_kwargs={"env": env}, **options,
    )  # fmt: skip


@pytest.mark.parametrize("window", [256, 40])
def test_playing_with_the_cache_equals_reading_everything(small, executor, window):
    env, model = lm_ppo(small, executor, window)
    policy = model.policy
    policy.set_training_mode(False)
    seen = env.reset()
    ended = 0
    for _ in range(16):
        rows = obs_as_tensor(seen, "cpu")
        actions, values, logps = policy(rows)
        with torch.no_grad():
            again = policy.evaluate_actions(rows, actions)
        torch.testing.assert_close(logps, again[1], atol=1e-4, rtol=0)
        torch.testing.assert_close(values.flatten(), again[0], atol=1e-4, rtol=0)
        seen, _, dones, _ = env.step(actions.numpy())
        ended += int(dones.sum())
    assert ended >= 3


def test_an_update_reads_each_episode_once(small, executor):
    env, model = lm_ppo(small, executor)
    calls = []
    forward = type(model.policy.model.base_model).forward

    def counting(module, *arguments, **options):
        calls.append(len(options["input_ids"]))
        return forward(module, *arguments, **options)

    model._setup_learn(36)
    model.collect_rollouts(env, model._init_callback(None), model.rollout_buffer, model.n_steps)
    episodes = int((model.rollout_buffer.episode_starts[1:] > 0).sum()) + env.num_envs
    monkey = pytest.MonkeyPatch()
    with monkey.context() as patch:
        patch.setattr(type(model.policy.model.base_model), "forward", counting)
        model.train()
    assert sum(calls) == episodes < 36


def test_the_ratio_is_one_before_the_first_update(small, executor):
    env, model = lm_ppo(small, executor)
    model._setup_learn(36)
    model.collect_rollouts(env, model._init_callback(None), model.rollout_buffer, model.n_steps)
    model.policy.set_training_mode(True)
    for batch in model.rollout_buffer.get(12):
        _, logps, _ = model.policy.evaluate_actions(batch.observations, batch.actions.long().flatten())
        torch.testing.assert_close(logps, batch.old_log_prob, atol=1e-4, rtol=0)


def test_runs_of_steps_are_found():
    tokens = torch.tensor([[1, 2, 0, 0], [1, 2, 3, 0], [1, 2, 3, 4], [1, 5, 0, 0], [1, 6, 7, 0]])
    lengths = (tokens > 0).sum(-1)
    assert sequences(tokens, lengths) == [(0, 2), (3, 3), (4, 4)]


def test_the_policy_trains_and_is_saved_without_the_buffer(small, executor, tmp_path):
    _, model = lm_ppo(small, executor)
    before = model.policy.model.lm_head.weight.detach().clone()
    model.learn(36)
    assert not torch.equal(before, model.policy.model.lm_head.weight)
    model.policy.save(tmp_path / "policy.pt")
    assert (tmp_path / "policy.pt").stat().st_size > 0


def test_another_vocabulary_is_refused(small, executor):
    env = make(executor, observation="dict")
    with pytest.raises(OptionError, match="512 tokens"):
        sb3.PPO(CausalLMPolicy, env, policy_kwargs={"lm": small}, device="cpu")
    env = make(executor)
    with pytest.raises(OptionError, match="reads tokens"):
        sb3.PPO(CausalLMPolicy, env, policy_kwargs={"lm": small}, device="cpu")

"""LanguageModelAgent: sampled ids become actions, and every id stays in exactly one trace."""

from __future__ import annotations

from dataclasses import replace

import gymnasium
import pytest
from language_model_helpers import merging_lm, random_lm

from codegym import END
from codegym.agents.agent import Decision
from codegym.agents.language_model import planning
from codegym.agents.language_model.agent import LanguageModelAgent
from codegym.agents.language_model.generate import Generated
from codegym.agents.language_model.planning import Opening
from codegym.agents.language_model.prompts import completion_text
from codegym.agents.language_model.sampling import Sampling
from codegym.envs.errors import OptionError, PromptTooLong
from codegym.envs.mdp.state import View

IDS = ("codegym/Token-v0", "codegym/Line-v0", "codegym/Pseudocode-v0")


@pytest.fixture(scope="module", params=IDS)
def env(request):
    with gymnasium.make(request.param, problems="katas:tiny", split="test", credit=None) as made:
        yield made


def token_env():
    return gymnasium.make("codegym/Token-v0", problems="katas:tiny", split="test", credit=None, max_tokens=12)


def view(mdp="line", text="def f(x):", prompt="# Double x.\n", actions=(), given="def f(x):", **more):
    return View(mdp, "katas/x/0", "Double x.", "def f(x):", "f", (), given, text, prompt, actions, 20, **more)


def sampled_text(lm, text, *, end=True, cut=None):
    """A Generated of the ids of a text, each with a log-probability of its own."""
    ids = [*lm.vocabulary.encode(text), *([lm.eos_id] if end else [])]
    why = "stop" if cut is not None else "eos" if end else "length"
    return Generated(tuple(ids), tuple(-float(i + 1) for i in range(len(ids))), why, cut)


def decide(lm, seen, opening, generated):
    return LanguageModelAgent(lm)._decisions(seen, opening, generated)


def play(env, agent, seed, **options):
    """One episode: the decisions, and the final info."""
    _, info = env.reset(seed=seed)
    decisions = []
    ended = False
    while not ended:
        (decision,) = agent.act([env.unwrapped.view()], [info], seeds=[seed], **options)
        decisions.append(decision)
        _, _, terminated, truncated, info = env.step(decision.action)
        ended = terminated or truncated
    return decisions


def test_the_traces_of_an_episode_are_what_the_policy_sampled(env):
    lm = random_lm()
    agent = LanguageModelAgent(lm, max_tokens=40)
    env.reset(seed=1)
    first = env.unwrapped.view()
    opening = agent._opening(first)
    decisions = play(env, agent, 1)
    traces = [decision.trace for decision in decisions]
    assert traces[0].prompt_ids == opening.prompt_ids and not any(trace.prompt_ids for trace in traces[1:])
    assert all(trace.tokenizer_hash == lm.vocabulary.sha for trace in traces)
    assert all(len(trace.ids) == len(trace.logps) == len(trace.char_ends) for trace in traces)
    if first.mdp != "pseudocode":  # a malformed step ends that episode before its plan
        ids = [token for trace in traces for token in trace.ids]
        (logps,) = lm.score([[*opening.prompt_ids, *ids]], [len(opening.prompt_ids)])
        assert logps.tolist() == pytest.approx([p for trace in traces for p in trace.logps], abs=1e-4)


def test_the_environment_writes_what_the_model_sampled():
    agent = LanguageModelAgent(random_lm(), max_tokens=40)
    for env_id in IDS[:2]:
        with gymnasium.make(env_id, problems="katas:tiny", split="test", credit=None, max_tokens=40) as env:
            decisions = play(env, agent, 3)
            program = env.unwrapped.episode().program
            given = env.unwrapped.episode().start["text"]
            ids = [token for decision in decisions for token in decision.trace.ids]
            text = agent.lm.vocabulary.decode(ids)
            assert (given + text).rstrip().startswith(program.rstrip())


@pytest.mark.parametrize("text", ["\n    return x * 2", "\n    y = x\n\n    return y", "", "\n    return 'é日'"])
def test_a_text_becomes_its_lines_and_end(text):
    lm = random_lm()
    seen = view()
    opening = Opening((1, 2), newline=True)
    decisions = decide(lm, seen, opening, sampled_text(lm, text))
    assert [decision.action for decision in decisions] == [*(text[1:].split("\n") if text else []), END]
    traces = [decision.trace for decision in decisions]
    ids = [token for trace in traces for token in trace.ids]
    assert ids == [*lm.vocabulary.encode(text), lm.eos_id]
    assert traces[-1].ids == (lm.eos_id,) and traces[-1].char_ends == (len(text),)
    assert traces[0].prompt_ids == (1, 2)
    start = 0
    for decision in decisions[:-1]:
        assert lm.vocabulary.decode(decision.trace.ids) == "\n" + decision.action
        start += len(decision.action) + 1
        assert decision.trace.char_ends[-1] == start


def test_a_token_over_a_line_end_goes_with_the_line_in_which_it_begins():
    lm = merging_lm()
    text = "\n    y = f(x):\n    return y"
    ids = lm.vocabulary.encode(text)
    assert any(b"\n" in lm.token_bytes[i][1:] for i in ids), "a token must straddle the line end"
    decisions = decide(lm, view(), Opening((1,), newline=True), sampled_text(lm, text))
    assert [decision.action for decision in decisions] == ["    y = f(x):", "    return y", END]
    first, second, end = (decision.trace for decision in decisions)
    assert [*first.ids, *second.ids] == ids and end.ids == (lm.eos_id,)
    assert first.char_ends[-1] > len("\n    y = f(x):"), "it ends in the second line"


def test_blank_lines_before_the_end_belong_to_the_end():
    lm = random_lm()
    decisions = decide(lm, view(), Opening((1,), newline=True), sampled_text(lm, "\n    return x\n\n"))
    assert [decision.action for decision in decisions] == ["    return x", END]
    assert lm.vocabulary.decode(decisions[1].trace.ids) == "\n\n"
    assert decisions[1].trace.ids[-1] == lm.eos_id
    assert set(decisions[1].trace.char_ends) == {len("\n    return x")}


def test_a_text_cut_by_the_token_limit_is_ended_without_a_token():
    lm = random_lm()
    decisions = decide(lm, view(), Opening((1,), newline=True), sampled_text(lm, "\n    return x +", end=False))
    assert [decision.action for decision in decisions] == ["    return x +", END]
    assert decisions[1].trace.ids == ()


def test_what_a_stop_rule_cut_off_is_the_trace_of_the_end():
    lm = random_lm()
    body = "\n    return x"
    generated = sampled_text(lm, body + "\n\ndef", end=False, cut=len(body))
    lines = decide(lm, view(), Opening((1,), newline=True), generated)
    tokens = decide(lm, view("token"), Opening((1,)), generated)
    for decisions, end in ((lines, END), (tokens, lm.eos_id)):
        assert decisions[-1].action == end
        assert lm.vocabulary.decode(decisions[-1].trace.ids) == "\n\ndef"
        assert sum((decision.trace.ids for decision in decisions), ()) == generated.ids
    assert [decision.action for decision in tokens[:-1]] == lm.vocabulary.encode(body)


def test_a_token_that_straddles_the_cut_is_played_whole():
    lm = merging_lm()
    straddling = next(i for i, text in enumerate(lm.token_bytes) if text.startswith(b"):\n"))
    generated = Generated((straddling, 65), (-1.0, -2.0), "stop", 2)
    tokens = decide(lm, view("token"), Opening((1,)), generated)
    assert [(decision.action, decision.trace.ids) for decision in tokens] == [
        (straddling, (straddling,)),
        (lm.eos_id, (65,)),
    ]


def test_pseudocode_is_split_into_steps():
    lm = random_lm()
    steps = ["<Action 1> Plan.\nSecond line.", "<Action 2> Refine.", "<Action 3>\n```python\nx = 1\n```"]
    generated = sampled_text(lm, "\n".join(steps))
    decisions = decide(lm, view("pseudocode", text="", given=""), Opening((1,)), generated)
    assert [decision.action for decision in decisions] == steps
    assert sum((decision.trace.ids for decision in decisions), ()) == generated.ids
    for decision in decisions:
        assert decision.trace.char_ends[-1] == len(decision.action) and min(decision.trace.char_ends) >= 0


@pytest.mark.parametrize("make", [random_lm, merging_lm])
def test_whatever_is_sampled_joins_the_given_text_at_a_line_end(make):
    lm = make()
    agent = LanguageModelAgent(lm, max_tokens=24)
    seen = view()
    opening = agent._opening(seen)
    prompt = b"".join(lm.token_bytes[i] for i in opening.prompt_ids)
    assert prompt + opening.require == b"# Double x.\ndef f(x):"
    assert bool(opening.require) == (make is merging_lm), "only this tokenizer merges across the line end"
    for generated in agent._sample([seen] * 20, [opening] * 20, range(20), False):
        text = prompt + b"".join(lm.token_bytes[i] for i in generated.ids)
        assert text.startswith(b"# Double x.\ndef f(x):\n") or (generated.ids[-1] in lm.end_ids)
    plans = agent.plan([seen] * 20, range(20))
    ids = {plan[0].trace.prompt_ids for plan in plans}
    assert ids == {opening.prompt_ids}


def test_a_blank_line_so_far_is_healed_too():
    lm = random_lm()
    opening = LanguageModelAgent(lm)._opening(view(text="def f(x):\n    y = 1\n", actions=("    y = 1", "")))
    prompt = b"".join(lm.token_bytes[i] for i in opening.prompt_ids)
    assert not prompt.endswith(b"\n") and opening.required == (b"\n", b"\n")


def test_without_given_text_the_first_newline_only_ends_the_prompt():
    lm = random_lm()
    seen = view(text="", given="", prompt='"""Task."""')
    opening = LanguageModelAgent(lm)._opening(seen)
    decisions = decide(lm, seen, opening, sampled_text(lm, "\ndef f():\n    return 1"))
    assert [decision.action for decision in decisions] == ["def f():", "    return 1", END]
    assert decisions[0].trace.char_ends[-1] == len("def f():")
    assert decisions[1].trace.char_ends[-1] == len("def f():\n    return 1")


def test_without_given_text_the_first_line_stands_below_the_prompt():
    seen = view(text="import math", prompt='"""Double x."""', actions=("import math",), given="")
    assert completion_text(seen, "") == '"""Double x."""\nimport math'
    assert completion_text(replace(seen, actions=(), text=""), "") == '"""Double x."""'
    assert completion_text(view(text="def f(x):\n    return", actions=("    return",)), "").count("\n") == 2


def test_a_row_is_decided_by_its_seed_also_when_others_leave():
    lm = random_lm()
    with token_env() as env:
        env.reset(seed=0)
        start = env.unwrapped.view()
    alone = LanguageModelAgent(lm).plan([start], [5])[0]
    agent = LanguageModelAgent(lm)
    views = {row: start for row in range(3)}
    played: dict[int, list[Decision]] = {row: [] for row in range(3)}
    for step in range(4):
        rows = [row for row in views if not (row == 0 and step)]  # row 0 leaves after its first action
        chosen = agent.act(
            [views[row] for row in rows], [{"row": row} for row in rows], seeds=[row + 4 for row in rows]
        )
        for row, decision in zip(rows, chosen, strict=True):
            played[row].append(decision)
            text = views[row].text + lm.vocabulary.decode([decision.action])
            views[row] = replace(views[row], actions=(*views[row].actions, decision.action), text=text)
        if any(played[1][-1].action == lm.eos_id for _ in "x"):
            break
    assert [d.action for d in played[1]] == [d.action for d in alone[: len(played[1])]]


def test_a_view_that_the_plan_did_not_lead_to_is_planned_anew():
    agent = LanguageModelAgent(random_lm(), max_tokens=16)
    seen = view()
    agent.act([seen], [{}], seeds=[1])
    other = replace(seen, text=seen.text + "\n    y = 7", actions=("    y = 7",))
    (decision,) = agent.act([other], [{}], seeds=[2])
    (fresh,) = LanguageModelAgent(random_lm(), max_tokens=16).plan([other], [2])
    assert decision == fresh[0] and not decision.trace.prompt_ids


def test_deterministic_play_is_greedy_whatever_the_seed(env):
    agents = [LanguageModelAgent(random_lm(), max_tokens=20) for _ in range(2)]
    env.reset(seed=2)
    seen = env.unwrapped.view()
    one, two = (agent.plan([seen], [seed], True)[0] for agent, seed in zip(agents, (1, 2), strict=True))
    assert [d.action for d in one] == [d.action for d in two]


def test_proposals_are_distinct_and_their_priors_sum_to_at_most_one(env):
    agent = LanguageModelAgent(random_lm(), max_tokens=20)
    views = []
    for seed in range(3):
        env.reset(seed=seed)
        views.append(env.unwrapped.view())
    proposals = agent.propose(views, 4)
    assert proposals == agent.propose(views, 4)
    assert proposals[1] == agent.propose([views[1]], 4)[0] or views[1].mdp == "token"
    for found in proposals:
        actions = [action for action, _ in found]
        priors = [prior for _, prior in found]
        assert 1 <= len(found) <= 4 and len(set(actions)) == len(actions)
        assert sum(priors) <= 1 + 1e-6 and priors == sorted(priors, reverse=True)
        assert views[0].mdp != "line" or all("\n" not in action for action in actions)


def test_proposed_tokens_are_the_most_likely_ones():
    lm = random_lm()
    with token_env() as env:
        env.reset(seed=0)
        seen = env.unwrapped.view()
    (found,) = LanguageModelAgent(lm, sampling=Sampling(0.5)).propose([seen], 3)
    logps = lm.next_token_logps([LanguageModelAgent(lm)._opening(seen).prompt_ids], temperature=0.5)[0]
    assert [action for action, _ in found] == logps.topk(3).indices.tolist()
    assert [prior for _, prior in found] == pytest.approx(logps.topk(3).values.exp().tolist())


def test_a_problem_that_does_not_fit_is_named():
    lm = random_lm(2, context=16)
    for mdp in ("token", "line", "pseudocode"):
        with pytest.raises(PromptTooLong, match="katas/x/0"):
            LanguageModelAgent(lm).plan([view(mdp, prompt="# " + "word " * 40 + "\n")], [0])


def test_a_token_environment_with_another_vocabulary_is_refused():
    with token_env() as env:
        env.reset(seed=0)
        env.step(300)
        seen = env.unwrapped.view()
    with pytest.raises(OptionError, match="another vocabulary"):
        LanguageModelAgent(merging_lm()).act([seen], [{}], seeds=[0])


def test_the_identity_says_what_decides_the_samples():
    lm = random_lm()
    one = LanguageModelAgent(lm).identity()
    assert one["prompt_template"] != LanguageModelAgent(lm, few_shot="# other\n").identity()["prompt_template"]
    assert one["sampling"] == {"temperature": 1.0, "top_p": 1.0, "top_k": 0}
    assert {"weights", "tokenizer", "stop", "max_tokens"} <= one.keys()


def test_a_general_model_reads_two_solved_examples_first():
    agent = LanguageModelAgent(random_lm(), few_shot="def one():\n    return 1\n\n\n")
    ids = agent._opening(view()).prompt_ids
    assert agent.lm.vocabulary.decode(ids).startswith("def one():\n    return 1\n\n\n# Double x.\ndef f(x):")
    program = replace(view(), entry_point=None)
    assert not agent.lm.vocabulary.decode(agent._opening(program).prompt_ids).startswith("def one")


def test_single_lines_end_after_one_line():
    lm = random_lm()
    seen = view()
    opening = Opening((1,), newline=True)
    rule = planning.stop_rule(seen, opening, ends_itself=True, single=True)
    assert rule is not None and rule(bytearray(b"\n    x = 1\n"), 1) == len(b"\n    x = 1")
    assert planning.stop_rule(seen, opening, ends_itself=True) is None
    assert lm.ends_itself

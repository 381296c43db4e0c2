"""What a program is worth: pure functions from an Outcome to a float, by name or as any callable."""

from __future__ import annotations

import copy
import functools
import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from codegym.envs.errors import InfrastructureError, OptionError, unknown
from codegym.envs.execution.outcome import Outcome, Verdict

OutcomeReward = Callable[[Outcome], float]
RewardOption = str | Mapping[str, Any] | OutcomeReward

_LADDER = {
    Verdict.COMPILE: -1.0,
    Verdict.ERROR: -0.6,
    Verdict.TIMEOUT: -0.6,
    Verdict.MEMORY: -0.6,
    Verdict.OUTPUT: -0.6,
    Verdict.POLICY: -0.6,
    Verdict.WRONG: -0.3,
    Verdict.PASS: 1.0,
}


def ladder(outcome: Outcome) -> float:
    """-1 does not compile, -0.6 fails while running, -0.3 answers wrongly, +1 passes (StepCoder eq. 1; CodeRL)."""
    return _LADDER[_judged(outcome)]


def adaptive(outcome: Outcome) -> float:
    """The ladder, with -0.3 + 1.3 * (fraction of tests passed) where tests answer wrongly (RLTF eq. 5)."""
    if _judged(outcome) is Verdict.WRONG:
        return -0.3 + 1.3 * _fraction(outcome)
    return ladder(outcome)


def binary(outcome: Outcome) -> float:
    """1 if every test passes, else 0 (AceCoder's paper)."""
    return float(_judged(outcome) is Verdict.PASS)


def fraction(outcome: Outcome) -> float:
    """The fraction of tests passed, in 0..1."""
    _judged(outcome)
    return _fraction(outcome)


def fraction_bonus(outcome: Outcome, bonus: float = 0.5) -> float:
    """The fraction of tests passed, and a bonus when all are (the default of AceCoder's released code)."""
    return fraction(outcome) + bonus * binary(outcome)


def compile_blend(outcome: Outcome, alpha: float = 0.1) -> float:
    """`alpha * compiles + (1 - alpha) * fraction` (O1-CODER's terminal value; its code has alpha 0)."""
    _judged(outcome)
    return alpha * float(outcome.compiles) + (1.0 - alpha) * _fraction(outcome)


REWARDS: dict[str, Callable[..., float]] = {
    reward.__name__: reward for reward in (ladder, adaptive, binary, fraction, fraction_bonus, compile_blend)
}


def resolve_reward(reward: RewardOption) -> OutcomeReward:
    """The reward function that an option stands for.

    Args:
        reward: a name ("ladder"), a name with parameters (`{"name": "compile_blend", "alpha": 0.2}`),
            "module:function", or any callable from an Outcome to a float.

    Raises:
        OptionError: for a name, parameter or function that does not exist.
    """
    if isinstance(reward, str) and ":" in reward:
        found: OutcomeReward = imported(reward, "reward")
        return found
    if isinstance(reward, str):
        reward = {"name": reward}
    if isinstance(reward, Mapping):
        parameters = dict(reward)
        name = parameters.pop("name", None)
        if name not in REWARDS:
            raise unknown("reward", name, REWARDS)
        function = REWARDS[name]
        known = list(inspect.signature(function).parameters)[1:]
        for parameter, value in parameters.items():
            if parameter not in known:
                raise unknown(f"parameter of reward {name!r}:", parameter, known or ["(none)"])
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise OptionError(f"Parameter {parameter!r} of reward {name!r} is a number, not {value!r}.")
        return functools.partial(function, **parameters) if parameters else function
    if callable(reward):
        return reward
    raise OptionError(f"A reward is a name ({', '.join(REWARDS)}), 'module:function' or a callable, not {reward!r}.")


def imported(spec: str, kind: str) -> Any:
    """The object that "module:name" stands for.

    Raises:
        OptionError: if the module or the name does not exist.
    """
    module, _, name = spec.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise OptionError(f"Cannot import the {kind} {spec!r}: {error}.") from None
    if not callable(found):
        raise OptionError(f"The {kind} {spec!r} is not callable.")
    return found


def option_form(option: Any) -> Any:
    """The string or JSON form of an option that may be an object: what Episodes and run.json store.

    An object may have an attribute `spec` with its form; an importable function is "module:name"; anything else is
    named by its type, which says what was used but cannot be built again.
    """
    if option is None or isinstance(option, str | int | float | bool):
        return option
    if isinstance(option, Mapping):
        return {str(key): option_form(value) for key, value in option.items()}
    spec = getattr(option, "spec", None)
    if isinstance(spec, str | Mapping):
        return copy.deepcopy(spec)
    owner = option if hasattr(option, "__qualname__") else type(option)
    if owner in REWARDS.values():
        return owner.__name__
    return f"{owner.__module__}:{owner.__qualname__}"


def _judged(outcome: Outcome) -> Verdict:
    """The verdict, unless the machine failed: that is never a reward."""
    if outcome.verdict is Verdict.INFRA:
        raise InfrastructureError(f"The program was not judged, so it has no reward: {outcome.message or 'INFRA'}.")
    return outcome.verdict


def _fraction(outcome: Outcome) -> float:
    if outcome.tests_total == 0:
        return float(outcome.verdict is Verdict.PASS)
    return outcome.tests_passed / outcome.tests_total

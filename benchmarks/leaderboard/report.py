"""One self-contained HTML page about runs: results, training, comparison, verdicts, programs coloured by credit.

Program text is hostile: it is escaped, its hidden characters are written out, and the page's policy allows no script
but the page's own.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from codegym.benchmarks.leaderboard.charts import VERDICTS, curve, interval_bar, verdict_bar
from codegym.benchmarks.leaderboard.compare import compare_runs
from codegym.benchmarks.leaderboard.failures import explained
from codegym.benchmarks.leaderboard.metrics import percent, summarise
from codegym.benchmarks.leaderboard.program_pieces import pieces, token_ends, visible
from codegym.benchmarks.leaderboard.replay_mark import replay_mark
from codegym.benchmarks.leaderboard.run_folder import Run
from codegym.benchmarks.leaderboard.sources import Source, read_source
from codegym.envs.episode import Episode
from codegym.envs.errors import CodegymError, DataError
from codegym.envs.files import require_writable_folder, write_atomically

TEMPLATE = Path(__file__).with_name("report.html")

CURVES = {
    "pass_rate": ("Programs that passed, by training iteration", True),
    "reward": ("Mean reward, by training iteration", False),
    "kl": ("Divergence from the model at the start", False),
    "entropy": ("Entropy of the policy", False),
}
"""Which metrics of a training run are drawn, as (title, whether it is a share)."""


@dataclass(frozen=True)
class Shown:
    """An episode on the page.

    Attributes:
        run: label of its run.
        episode: the episode.
        message: what its program does wrong in a public test, or "".
        cuts: where its tokens end, in characters of the program; empty where they are not known.
        statement: the problem's statement, or "".
    """

    run: str
    episode: Episode
    message: str = ""
    cuts: Sequence[int] = ()
    statement: str = ""


def choose_episodes(runs: Sequence[tuple[str, Run]], most: int) -> list[tuple[str, Episode]]:
    """Up to `most` episodes, the same number of each run: first samples of all problems before second ones.

    What runs made of the same problem stands side by side.
    """
    chosen = []
    for label, run in runs:
        ordered = sorted(enumerate(run.episodes), key=lambda item: (item[1].sample, item[0]))
        kept = sorted(ordered[: max(most // max(len(runs), 1), 1)], key=lambda item: item[0])
        chosen += [(label, episode) for _, episode in kept]
    place = {problem: number for number, problem in enumerate(dict.fromkeys(e.problem for _, e in chosen))}
    return sorted(chosen, key=lambda item: (place[item[1].problem], item[1].sample))


def render_report(sources: Sequence[Source], shown: Sequence[Shown], *, title: str = "codegym report") -> str:
    """The whole page.

    Args:
        sources: the folders it is about.
        shown: the episodes whose programs it shows.
        title: heading.
    """
    runs = [labelled for source in sources for labelled in source.runs]
    trained = [source for source in sources if source.trained]
    body = [
        f"<h1>{_text(title)}</h1>",
        f'<p class="soft">{_text(_subtitle(runs))}</p>',
        *(_training(source) for source in trained),
        _results(runs),
        _comparison(runs),
        _verdicts(runs),
        _programs(shown, sum(len(run.episodes) for _, run in runs)),
        _provenance(runs),
    ]
    template = TEMPLATE.read_text(encoding="utf-8")
    script = re.search(r"<script>(.*?)</script>", template, re.DOTALL)
    digest = hashlib.sha256((script[1] if script else "").encode()).digest()
    values = {
        "TITLE": _text(title),
        "SCRIPT_HASH": base64.b64encode(digest).decode(),
        "VERDICT_COLOURS": "\n".join(
            f".v-{i} {{ fill: var(--v{i}); background: var(--v{i}); }}" for i in range(len(VERDICTS))
        ),
        "BODY": "\n".join(part for part in body if part),
    }
    page = re.sub(r"\{\{([A-Z_]+)\}\}", lambda match: values[match[1]], template)
    return page.encode("utf-8", "replace").decode("utf-8")


def _text(value: object) -> str:
    """Escaped for HTML, with hidden characters written out."""
    return escape(visible(str(value)), quote=True)


def _subtitle(runs: Sequence[tuple[str, Run]]) -> str:
    sets = sorted({str(run.settings.get("problems", {}).get("spec", "")) for _, run in runs} - {""})
    episodes = sum(len(run.episodes) for _, run in runs)
    return f"{len(runs)} run{'s' * (len(runs) != 1)}, {episodes:,} episodes" + (
        f" on {', '.join(sets)}" if sets else ""
    )


def _table(head: Iterable[str], rows: Iterable[str], *, numbers: Sequence[int] = ()) -> str:
    cells = "".join(
        f'<th scope="col"{" class=number" if i in numbers else ""}>{_text(name)}</th>' for i, name in enumerate(head)
    )
    return f'<div class="card"><table><thead><tr>{cells}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _bar(estimate: Mapping[str, Any] | None) -> str:
    if not estimate or estimate.get("value") is None:
        return ""
    return interval_bar(float(estimate["value"]), float(estimate["low"]), float(estimate["high"]))


def _summary(run: Run) -> Mapping[str, Any]:
    """The stored summary, or that of the episodes so far while the run is unfinished."""
    return run.summary or summarise(run.episodes)


def _results(runs: Sequence[tuple[str, Run]]) -> str:
    if not runs:
        return ""
    rows = []
    for label, run in runs:
        summary = _summary(run)
        best_k = max((int(key[5:]) for key in summary if key.startswith("pass@")), default=1)
        more = f"pass@{best_k} {percent(summary[f'pass@{best_k}'])}" if best_k > 1 else ""
        reward = summary.get("mean_reward")
        environment = _text(run.settings.get("env_id", ""))
        rows.append(
            f'<tr><th scope="row">{_text(label)}<br>{_mark(run)}</th>'
            f'<td class="wrap">{_text(run.agent)}<br><span class="soft">{environment}</span></td>'
            f"<td>{_bar(summary.get('pass@1'))}</td>"
            f'<td class=number>{percent(summary.get("pass@1"))}<br><span class="soft">{_text(more)}</span></td>'
            f"<td class=number>{summary.get('problems', 0)} × {summary.get('samples', 0)}</td>"
            f"<td class=number>{'-' if reward is None else f'{reward:.3f}'}</td>"
            f"<td class=number>{len(summary.get('broken', ()))}</td></tr>"
        )
    head = ("run", "agent", "pass@1", "", "problems × samples", "mean reward", "broken")
    note = '<p class="soft">Means over problems, with 95 % bootstrap intervals over problems.</p>'
    return f"<h2>Results</h2>{note}{_table(head, rows, numbers=(3, 4, 5, 6))}"


def _mark(run: Run) -> str:
    if not run.summary:
        return '<span class="mark">unfinished</span>'
    mark = replay_mark(run.path)
    return f'<span class="mark good">{mark}</span>' if mark else '<span class="mark">not verified</span>'


def _training(source: Source) -> str:
    before, after = source.summary["before"].get("pass@1"), source.summary["after"].get("pass@1")
    rows = [
        f'<tr><th scope="row">{name}</th><td>{_bar(value)}</td><td class=number>{percent(value)}</td></tr>'
        for name, value in (("before", before), ("after", after))
    ]
    if before and after and before.get("value") is not None and after.get("value") is not None:
        gain = source.summary.get("gain") or {"value": after["value"] - before["value"]}
        points = f"{100 * gain['value']:+.1f}"
        if "low" in gain:
            points += f" [{100 * gain['low']:+.1f}, {100 * gain['high']:+.1f}]"
        style = "gain" if gain["value"] >= 0 else "loss"
        rows.append(f'<tr><th scope="row">difference</th><td></td><td class="number {style}">{points} points</td></tr>')
    seconds = source.summary.get("seconds")
    took = f'<p class="soft">{float(seconds):,.0f} seconds.</p>' if isinstance(seconds, int | float) else ""
    drawn = "".join(_curve(source.metrics, key, *CURVES[key]) for key in CURVES)
    curves = f'<div class="curves">{drawn}</div>' if drawn else ""
    table = _table(("", "pass@1", "", ""), [row.replace("</tr>", '<td class="rest"></td></tr>') for row in rows])
    return f"<h2>Before and after training: {_text(source.name)}</h2>{took}{table}{curves}"


def _curve(metrics: Sequence[Mapping[str, Any]], key: str, label: str, share: bool) -> str:
    points = []
    for number, record in enumerate(metrics, 1):
        value, at = record.get(key), record.get("iteration", number)
        if isinstance(value, int | float) and isinstance(at, int | float):
            points.append((float(at), float(value)))
    return curve(points, label=label, x_label="iteration", share=share)


def _comparison(runs: Sequence[tuple[str, Run]]) -> str:
    rows = []
    for label, run in runs[1:]:
        try:
            (c,) = compare_runs([runs[0][1], run])
        except DataError:  # no problem in common: nothing to compare
            continue
        difference = c.difference
        span = max(abs(difference.low), abs(difference.high), 0.05)
        style = "gain" if difference.low > 0 else "loss" if difference.high < 0 else "soft"
        bar = interval_bar(difference.value, difference.low, difference.high, lower=-span, upper=span)
        rows.append(
            f'<tr><th scope="row">{_text(label)}</th><td class=number>{c.problems}</td><td>{bar}</td>'
            f'<td class="number {style}">{100 * difference.value:+.1f} [{100 * difference.low:+.1f}, '
            f"{100 * difference.high:+.1f}]</td><td class=number>{c.wins} / {c.ties} / {c.losses}</td>"
            f"<td class=number>{c.p_value:.2g}</td></tr>"
        )
    if not rows:
        return ""
    head = ("run", "common problems", "difference in pass@1", "points [95 %]", "win / tie / loss", "p (sign test)")
    title = f"<h2>Against {_text(runs[0][0])}</h2>"
    note = '<p class="soft">Paired over the problems that both runs tried.</p>'
    return title + note + _table(head, rows, numbers=(1, 3, 4, 5))


def _verdicts(runs: Sequence[tuple[str, Run]]) -> str:
    if not runs:
        return ""
    found: set[str] = set()
    rows = []
    for label, run in runs:
        counts = _summary(run).get("verdicts", {})
        found |= set(counts)
        rows.append(
            f'<tr><th scope="row">{_text(label)}</th><td style="width:100%">{verdict_bar(counts)}</td>'
            f"<td class=number>{sum(counts.values()):,}</td></tr>"
        )
    legend = "".join(
        f'<span><span class="swatch v-{i}"></span>{name}</span>' for i, name in enumerate(VERDICTS) if name in found
    )
    table = _table(("run", "verdicts", "episodes"), rows, numbers=(2,))
    return f'<h2>Verdicts</h2><div class="legend">{legend}</div>{table}'


def _programs(shown: Sequence[Shown], total: int) -> str:
    if not shown:
        return ""
    verdicts = sorted({item.episode.verdict for item in shown}, key=_order)
    runs = list(dict.fromkeys(item.run for item in shown))
    buttons = '<button type="button" data-verdict="" aria-pressed="true">all</button>' + "".join(
        f'<button type="button" data-verdict="{_text(v)}" aria-pressed="false">{_text(v)}</button>' for v in verdicts
    )
    options = "".join(f'<option value="{number}">{_text(run)}</option>' for number, run in enumerate(runs))
    select = (
        f'<select id="run" aria-label="run"><option value="">all runs</option>{options}</select>'
        if len(runs) > 1
        else ""
    )
    search = '<input id="text" type="search" placeholder="problem or code" aria-label="filter by problem or code">'
    opened = _telling(shown)
    part = f" {len(shown):,} of {total:,} episodes are on this page." if len(shown) < total else ""
    return (
        f'<h2>Programs</h2><p class="soft">Text on a coloured ground shares in the reward, the more the stronger the '
        f"colour (statements that tests ran); dotted text does not; grey text was given.{part}</p>"
        f'<div class="filters" role="group" aria-label="filter programs">{buttons}{select}{search}'
        f'<span class="soft" id="count" role="status"></span></div>'
        + "".join(_program(item, runs.index(item.run), len(runs) > 1, _key(item) == opened) for item in shown)
    )


def _key(item: Shown) -> tuple[str, int]:
    return item.episode.problem, item.episode.sample


def _telling(shown: Sequence[Shown]) -> tuple[str, int]:
    """The problem and sample to show open: the first on which runs differ, else the first."""
    first: dict[tuple[str, int], str] = {}
    differing = (key for item in shown if first.setdefault(key := _key(item), v := item.episode.verdict) != v)
    return next(differing, _key(shown[0]))


def _program(item: Shown, run: int, name_run: bool, is_open: bool) -> str:
    episode = item.episode
    colour = f"v-{_order(episode.verdict)}"
    where = f"{_text(item.run)} · " if name_run else ""
    ended = " · budget spent" if episode.truncated else ""
    statement = f'<p class="statement">{_text(item.statement)}</p>' if item.statement else ""
    message = f'<p class="message">{_text(item.message)}</p>' if item.message else ""
    code = "".join(
        _given(piece.text)
        if piece.weight is None
        else f'<u class="none">{_text(piece.text)}</u>'
        if piece.weight <= 0
        else f'<u style="--w:{min(piece.weight, 1.0):.3g}" title="credit {piece.weight:.3g}">{_text(piece.text)}</u>'
        for piece in pieces(episode, item.cuts)
    )
    style = ' class="tokens"' if item.cuts else ""
    state = f'data-verdict="{_text(episode.verdict)}" data-run="{run}"{" open" * is_open}'
    return (
        f'<details class="program" {state}><summary>'
        f'<span class="badge"><span class="swatch {colour}"></span>{_text(episode.verdict)}</span>'
        f"<b>{_text(episode.problem)}</b>"
        f'<span class="soft">{where}sample {episode.sample} · {episode.tests_passed}/{episode.tests_total} tests · '
        f"reward {episode.reward:+.3g}{ended}</span></summary>"
        f'<div class="body">{statement}<pre{style} tabindex="0">{code}</pre>{message}</div></details>'
    )


def _given(text: str) -> str:
    return f"<i>{_text(text)}</i>"


def _provenance(runs: Sequence[tuple[str, Run]]) -> str:
    blocks = []
    for label, run in runs:
        record = run.record
        problems = run.settings.get("problems", {})
        facts = {
            "command": "codegym " + " ".join(map(str, record.get("argv", ()))) if record.get("argv") else "",
            "problems": f"{problems.get('spec', '')} {problems.get('split') or ''}".strip(),
            "problem set hash": problems.get("sha256", ""),
            "seed": run.settings.get("seed", ""),
            "commit": record.get("commit") or "",
            "versions": ", ".join(f"{k} {v}" for k, v in record.get("versions", {}).items()),
            "machine": ", ".join(f"{v} {k}" if k == "cores" else str(v) for k, v in record.get("machine", {}).items()),
        }
        items = "".join(f"<dt>{_text(k)}</dt><dd><code>{_text(v)}</code></dd>" for k, v in facts.items() if v != "")
        blocks.append(f'<details class="facts"><summary><b>{_text(label)}</b></summary><dl>{items}</dl></details>')
    return "<h2>How to get the same</h2>" + "".join(blocks) if blocks else ""


def _order(verdict: str) -> int:
    return VERDICTS.index(verdict) if verdict in VERDICTS else len(VERDICTS) - 1


def write_report(
    folders: Sequence[str | Path], out: str | Path, *, programs: int = 400, title: str = "codegym report"
) -> None:
    """Read run and training folders and write the page, whole or not at all.

    Raises:
        DataError: a folder holds no run.
        OptionError: the page cannot be written.
    """
    names = [Path(folder).resolve().name for folder in folders]
    distinct = names if len(set(names)) == len(names) else [str(folder) for folder in folders]
    sources = [read_source(folder, name) for folder, name in zip(folders, distinct, strict=True)]
    require_writable_folder(Path(out).parent)
    runs = dict(labelled for source in sources for labelled in source.runs)
    chosen = choose_episodes(list(runs.items()), programs) if programs else []
    shown = []
    for label, run in runs.items():
        episodes = [episode for owner, episode in chosen if owner == label]
        cuts = _token_cuts(run, episodes)
        for episode, why, ends in zip(episodes, explained(run, episodes), cuts, strict=True):
            shown.append(Shown(label, episode, why.message, ends, why.statement))
    write_atomically(out, render_report(sources, shown, title=title))


def _token_cuts(run: Run, episodes: Sequence[Episode]) -> list[list[int]]:
    """Where tokens end, for runs whose actions are tokens of a vocabulary that is at hand."""
    if not any(isinstance(action, int) for episode in episodes for action in episode.actions[:1]):
        return [[] for _ in episodes]
    from codegym.envs.vocabulary import load_vocabulary

    try:
        vocabulary = load_vocabulary(run.settings.get("env_kwargs", {}).get("tokenizer"))
    except CodegymError:  # a tokenizer of another machine: the page shows characters
        return [[] for _ in episodes]
    return [token_ends(episode, vocabulary.token_bytes) for episode in episodes]

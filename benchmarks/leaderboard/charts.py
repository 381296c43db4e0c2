"""Inline SVG: an interval as a bar, verdicts as a stacked bar, a learning curve. Numbers in, markup out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

VERDICTS = ("PASS", "WRONG", "ERROR", "COMPILE", "TIMEOUT", "MEMORY", "OUTPUT", "POLICY", "INFRA")
"""Known verdicts in the order of their colours; each has a CSS class of its name."""


def interval_bar(value: float, low: float, high: float, *, lower: float = 0.0, upper: float = 1.0) -> str:
    """A mean with its interval on an axis from `lower` to `upper`; a line marks zero where it lies inside."""
    width, height = 180.0, 20.0

    def x(number: float) -> float:
        clipped = min(max(number, lower), upper)
        return round(4 + (width - 8) * (clipped - lower) / ((upper - lower) or 1.0), 2)

    zero = f'<line class="zero" x1="{x(0)}" x2="{x(0)}" y1="1" y2="19"/>' if lower < 0 < upper else ""
    fill = f'<rect class="fill" x="{min(x(0), x(value))}" y="6" width="{abs(x(value) - x(0)):.2f}" height="8" rx="2"/>'
    label = f"{100 * value:.1f}, 95 % interval {100 * low:.1f} to {100 * high:.1f}"
    return (
        f'<svg class="interval" viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{label}">'
        f'<rect class="track" x="4" y="6" width="{width - 8:g}" height="8" rx="2"/>{fill}{zero}'
        f'<line class="whisker" x1="{x(low)}" x2="{x(high)}" y1="10" y2="10"/>'
        f'<line class="whisker" x1="{x(low)}" x2="{x(low)}" y1="5" y2="15"/>'
        f'<line class="whisker" x1="{x(high)}" x2="{x(high)}" y1="5" y2="15"/>'
        f'<circle class="dot" cx="{x(value)}" cy="10" r="3.5"/></svg>'
    )


def verdict_bar(counts: Mapping[str, int]) -> str:
    """One bar divided by verdict; each part says its count when pointed at."""
    total = sum(counts.values())
    if not total:
        return ""
    parts, left = [], 0.0
    for verdict, count in sorted(counts.items(), key=lambda item: _rank(item[0])):
        width = 600.0 * count / total
        share = f"{verdict}: {count} ({100 * count / total:.1f} %)"
        parts.append(
            f'<rect class="v-{_rank(verdict)}" x="{left:.2f}" width="{width:.2f}" height="18">'
            f"<title>{escape(share)}</title></rect>"
        )
        left += width
    label = ", ".join(f"{verdict} {count}" for verdict, count in counts.items())
    return (
        f'<svg class="verdicts" viewBox="0 0 600 18" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


def curve(points: Sequence[tuple[float, float]], *, label: str, x_label: str, share: bool = False) -> str:
    """A line over its points with axes; `share` fixes the vertical axis to 0..100 %."""
    points = [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]
    if len(points) < 2:
        return ""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    x_low, x_high = min(xs), max(xs)
    y_low, y_high = (0.0, 1.0) if share else _rounded_range(min(ys), max(ys))
    left, right, top, bottom = 52.0, 588.0, 14.0, 196.0

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - x_low) / ((x_high - x_low) or 1.0)
        up = (y - y_low) / ((y_high - y_low) or 1.0)
        return round(left + (right - left) * across, 1), round(bottom - (bottom - top) * up, 1)

    grid = []
    for i in range(5):
        y = y_low + (y_high - y_low) * i / 4
        height = place(x_low, y)[1]
        text = f"{100 * y:.0f} %" if share else f"{y:.3g}"
        grid.append(
            f'<line class="grid" x1="{left}" x2="{right}" y1="{height}" y2="{height}"/>'
            f'<text class="tick" x="{left - 6}" y="{height + 4}" text-anchor="end">{text}</text>'
        )
    for x in (x_low, (x_low + x_high) / 2, x_high):
        across = place(x, y_low)[0]
        anchor = "end" if x == x_high else "middle"
        grid.append(f'<text class="tick" x="{across}" y="{bottom + 16}" text-anchor="{anchor}">{x:g}</text>')
    line = " ".join(f"{a},{b}" for a, b in (place(x, y) for x, y in points))
    area = f"{left},{bottom} {line} {place(x_high, y_low)[0]},{bottom}"
    dots = "".join(
        '<circle class="point" cx="{}" cy="{}" r="2.5"><title>{}</title></circle>'.format(
            *place(x, y), escape(f"{x_label} {x:g}: {100 * y:.1f} %" if share else f"{x_label} {x:g}: {y:.4g}")
        )
        for x, y in _thinned(points, 200)
    )
    last = f"{100 * ys[-1]:.1f} %" if share else f"{ys[-1]:.3g}"
    first = f"{100 * ys[0]:.1f} %" if share else f"{ys[0]:.3g}"
    return (
        f'<figure><figcaption>{escape(label)}</figcaption><svg class="curve" viewBox="0 0 600 232" role="img" '
        f'aria-label="{escape(label)}: from {first} to {last} over {len(points)} points">{"".join(grid)}'
        f'<polygon class="area" points="{area}"/><polyline class="line" points="{line}"/>{dots}'
        f'<text class="tick" x="{(left + right) / 2}" y="228" text-anchor="middle">{escape(x_label)}</text>'
        "</svg></figure>"
    )


def _rank(verdict: str) -> int:
    return VERDICTS.index(verdict) if verdict in VERDICTS else len(VERDICTS)


def _rounded_range(low: float, high: float) -> tuple[float, float]:
    """The smallest range of round numbers around [low, high]."""
    if low == high:
        low, high = low - abs(low or 1.0) / 2, high + abs(high or 1.0) / 2
    power = 10.0 ** math.floor(math.log10((high - low) / 4))
    step = next(
        power * m for m in (1, 2, 2.5, 5, 10, 20) if 4 * power * m >= high - math.floor(low / (power * m)) * power * m
    )
    bottom = math.floor(low / step) * step
    return bottom, bottom + 4 * step


def _thinned(points: Sequence[tuple[float, float]], most: int) -> Sequence[tuple[float, float]]:
    return points if len(points) <= most else [points[i * len(points) // most] for i in range(most)]

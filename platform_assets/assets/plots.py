"""Small plots as images in Markdown: hand-written SVG, because every code location would have to import a plotting library."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 480, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 8, 22, 24
_COLOURS = ("#4f7cff", "#f2994a", "#27ae60", "#9b51e0")
_GREY = "#8a8f98"

Point = tuple[float, float]


def bars(values: Mapping[str, float], bound: float | None = None) -> str:
    """A bar for each key in order, such as the rows of partitions; the first and last key and the largest value are labelled.

    bound: drawn as a horizontal line with its value, for comparison.
    """
    most, keys = max([*values.values(), bound or 0], default=0) or 1, list(values)
    step = (WIDTH - _LEFT - _RIGHT) / max(len(keys), 1)
    parts = [
        f"<rect x='{_LEFT + i * step:.1f}' y='{_y(value / most):.1f}' width='{step * 0.8:.1f}' height='{_y(0) - _y(value / most):.1f}'/>"
        for i, value in enumerate(values.values())
    ]
    ends = [(_LEFT, "start", keys[0]), (WIDTH - _RIGHT, "end", keys[-1])] if len(keys) > 1 else [(_LEFT, "start", key) for key in keys]
    names = [_text(x, HEIGHT - 8, key, anchor) for x, anchor, key in ends]
    limit = [] if bound is None else _limit(bound, most)
    return _svg([f"<g fill='{_COLOURS[0]}'>{''.join(parts)}</g>", *_scale(0, most), *limit, *names])


def _limit(bound: float, most: float) -> list[str]:
    y, colour = _y(bound / most), _COLOURS[1]
    stroke = f"stroke='{colour}' stroke-width='1.5' stroke-dasharray='5 3'"
    line = f"<line x1='{_LEFT}' x2='{WIDTH - _RIGHT}' y1='{y:.1f}' y2='{y:.1f}' {stroke}/>"
    return [line, _text(WIDTH - _RIGHT, y - 4, f"{bound:g}", "end", colour)]


def long_bars(values: Mapping[str, float]) -> str:
    """A horizontal bar for each name, from top to bottom, with its value: for long names."""
    most, names = max((abs(value) for value in values.values()), default=0) or 1, list(values)
    row, left = 18, 250
    parts = [_text(left - 6, row * i + 14, name if len(name) <= 42 else f"{name[:41]}…", "end") for i, name in enumerate(names)]
    for i, value in enumerate(values.values()):
        length = (WIDTH - left - 45) * max(value, 0) / most
        parts.append(f"<rect x='{left}' y='{row * i + 4}' width='{length:.1f}' height='{row - 6}' fill='{_COLOURS[0]}'/>")
        parts.append(_text(left + length + 5, row * i + 14, f"{value:.3f}", "start"))
    return _svg(parts, height=row * len(names) + 6)


def lines(curves: Mapping[str, Sequence[Point]], x: str, y: str, low: float = 0.0, high: float = 1.0) -> str:
    """Curves of points, x from 0 to 1 and y from low to high, each labelled in its colour. x and y: the axis labels."""
    parts = [*_scale(low, high), _text(WIDTH - _RIGHT, HEIGHT - 8, x, "end")]
    for i, (name, points) in enumerate(curves.items()):
        colour = _COLOURS[i % len(_COLOURS)]
        path = " ".join(f"{_x(px):.1f},{_y((py - low) / (high - low)):.1f}" for px, py in points)
        dots = "".join(f"<circle cx='{_x(px):.1f}' cy='{_y((py - low) / (high - low)):.1f}' r='2'/>" for px, py in points[:24])
        parts.append(f"<polyline points='{path}' fill='none' stroke='{colour}' stroke-width='1.5'/>")
        parts += [f"<g fill='{colour}'>{dots}</g>"] if len(points) <= 24 else []
        parts.append(_text(_LEFT + 6 + i * 150, HEIGHT - 8, name, "start", colour))
    return _svg([*parts, _text(_LEFT, _TOP - 8, y, "start")])


def image(svg: str, says: str) -> str:
    """Markdown that shows the plot. says: the alternative text."""
    return f"![{says}](data:image/svg+xml;base64,{b64encode(svg.encode()).decode()})"


def _x(share: float) -> float:
    return _LEFT + share * (WIDTH - _LEFT - _RIGHT)


def _y(share: float) -> float:
    return _TOP + (1 - share) * (HEIGHT - _TOP - _BOTTOM)


def _scale(low: float, high: float) -> list[str]:
    """Both ends of the y axis, and a line at each."""
    return [
        part
        for share, value in ((0.0, low), (1.0, high))
        for part in (
            f"<line x1='{_LEFT}' x2='{WIDTH - _RIGHT}' y1='{_y(share)}' y2='{_y(share)}' stroke='{_GREY}' stroke-width='0.5'/>",
            _text(_LEFT - 6, _y(share) + 4, f"{value:,.0f}" if high > 2 else f"{value:.2f}", "end"),
        )
    ]


def _text(x: float, y: float, text: str, anchor: str, colour: str = _GREY) -> str:
    return f"<text x='{x:.0f}' y='{y:.0f}' text-anchor='{anchor}' fill='{colour}'>{escape(text)}</text>"


def _svg(parts: Sequence[str], height: int = HEIGHT) -> str:
    size = f"width='{WIDTH}' height='{height}' viewBox='0 0 {WIDTH} {height}' font-family='sans-serif' font-size='11'"
    return f"<svg xmlns='http://www.w3.org/2000/svg' {size}>{''.join(parts)}</svg>"

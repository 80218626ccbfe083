"""Plots: well-formed SVG of a few kilobytes, whose marks lie where the numbers say."""

from base64 import b64decode
from xml.etree import ElementTree

import pytest

from platform_assets.assets.plots import HEIGHT, WIDTH, bars, image, lines, long_bars

SVG = "{http://www.w3.org/2000/svg}"


def marks(svg: str, kind: str) -> list[dict[str, str]]:
    return [element.attrib for element in ElementTree.fromstring(svg).iter(f"{SVG}{kind}")]


def test_a_bar_is_as_high_as_its_share_of_the_highest() -> None:
    heights = [float(bar["height"]) for bar in marks(bars({"a": 50, "b": 100, "c": 0}), "rect")]
    assert heights == [heights[1] / 2, heights[1], 0]


@pytest.mark.parametrize("values", [{}, {"a": 0}, {"a": 1}, {"a": 0, "b": 0}], ids=str)
def test_nothing_zeros_and_a_single_value_are_drawn_too(values: dict[str, float]) -> None:
    assert len(marks(bars(values), "rect")) == len(values)


def test_a_curve_goes_through_its_points_and_stays_in_the_picture() -> None:
    [line] = marks(lines({"model": [(0, 0), (0.5, 1), (1, 0.5)]}, "recall", "precision"), "polyline")
    points = [tuple(map(float, point.split(","))) for point in line["points"].split()]
    assert [x for x, _ in points] == sorted(x for x, _ in points)
    assert points[1][1] < points[2][1] < points[0][1], "above is less in SVG"
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points)


def test_names_are_text_never_markup() -> None:
    for svg in (bars({"<b>&'": 1}), long_bars({"<b>&'": 1}), lines({"<b>&'": [(0, 0)]}, "x", "y")):
        assert "<b>&'" in "".join(ElementTree.fromstring(svg).itertext())


def test_an_image_is_markdown_that_carries_the_plot_and_stays_small() -> None:
    shown = image(bars({f"2024-03-{day:02}": day for day in range(1, 31)}), "rows")
    begins = "![rows](data:image/svg+xml;base64,"
    assert shown.startswith(begins)
    assert b64decode(shown.removeprefix(begins).removesuffix(")")).startswith(b"<svg")
    assert len(shown) < 5000

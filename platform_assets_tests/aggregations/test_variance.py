"""A deviation keeps its digits whatever lies beside its window."""

import numpy as np
import pytest

from platform_assets.aggregations import Column, Spread


def test_a_state_without_values_lends_no_origin() -> None:
    """A tile without a value, next to an entity with values near 1e9, stood at the head of a window of values near 1: off by 2e-8."""
    column = Column("float", np.array([True, False, True, True, True]), np.array([1e9, 5.0, 1.0, 2.0, 1.0]), np.arange(5))
    std = Spread("std")
    tiles = std.over(std.prepare(column), np.array([0, 1, 2]), np.array([1, 2, 5]))
    tiles[1][1] = 1e9  # as if its rows had come from elsewhere
    window = std.over(tiles, np.array([1]), np.array([3]))
    assert std.finalize(window, column).to_list() == [pytest.approx(np.std([1.0, 2.0, 1.0], ddof=1), rel=1e-13)]

"""Partitions by the keys that people write."""

import pytest

from platform_assets import daily, hourly
from platform_assets.declare.partitions import Partitions
from platform_assets.errors import DeclarationError


@pytest.mark.parametrize(
    ("partitions", "key", "fix"),
    [
        (daily("2024-03-01"), "2024-3-5", "'2024-3-5' must be written 2024-03-05"),
        (daily("2024-03-01"), "05.03.2024", "is not a day: write it as 2024-03-01"),
        (daily("2024-03-01"), "2024-02-29", "the first is 2024-03-01"),
        (hourly("2024-03-01T00:00"), "2024-03-01T7", "must be written 2024-03-01T07"),
    ],
)
def test_a_key_that_is_written_otherwise_is_refused_with_the_right_one(partitions: Partitions, key: str, fix: str) -> None:
    """Steps and the ledger look partitions up by their keys, as text."""
    with pytest.raises(DeclarationError, match=fix):
        partitions.index_of(key)

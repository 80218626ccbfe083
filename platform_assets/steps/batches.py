"""Splits ranges into batches of partitions, so that memory does not grow with a range's length."""

from collections.abc import Callable, Iterator, Sequence

PARTITIONS_AT_ONCE = 500
"""The most partitions per commit: Delta has a file open for each, with half a megabyte of memory, however few rows it has."""


def batches(partitions: Sequence[int], rows: Callable[[int], int], at_once: int) -> Iterator[list[int]]:
    """The partitions in order, in batches of about `at_once` rows: at least one and at most 500 partitions each.

    >>> list(batches([1, 2, 3, 7], lambda partition: 400, at_once=1000))
    [[1, 2], [3, 7]]
    """
    batch: list[int] = []
    held = 0
    for partition in partitions:
        if batch and (held + rows(partition) > at_once or len(batch) == PARTITIONS_AT_ONCE):
            yield batch
            batch, held = [], 0
        batch.append(partition)
        held += rows(partition)
    if batch:
        yield batch

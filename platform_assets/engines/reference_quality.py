"""The oracle of checks: what they count in a partition, in loops over its rows (docs/concepts/quality.md)."""

import re
import struct
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from platform_assets.declare.checks import Broken, Categories, Cells, Figure, Newest, Nulls, Orphans, Repeats, Unmatched
from platform_assets.declare.source import Source

Row = Mapping[str, Any]
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
CELLS, CATEGORIES, KEPT = 512, 10_000, 50


def figure(source: Source, of: Figure, rows: Sequence[Row], partition: int) -> Any:
    """A figure of one partition, as the ledger has it. rows: of silver, all arrivals, with arrival as index."""
    rows = [row for row in rows if row["arrival"] == partition]
    match of:
        case Nulls(value=value):
            return sum(value.closure()(row) is None for row in rows)
        case Broken(condition=condition):
            return sum(condition.closure()(row) is False for row in rows)
        case Unmatched(value=value, pattern=pattern):
            texts = [value.closure()(row) for row in rows]
            return sum(isinstance(text, str) and re.fullmatch(pattern, text) is None for text in texts)
        case Newest(column=column):
            end = source.partitions.ends_at(partition)
            times = [row[column] for row in rows if row[column] < end]
            return max((at - EPOCH) // timedelta(microseconds=1) for at in times) if times else None
        case Cells(value=value):
            return cells([value.closure()(row) for row in rows])
        case Categories(value=value):
            return categories([value.closure()(row) for row in rows])
        case Repeats(columns=columns):
            keys = [tuple(row[column] for column in columns) for row in rows]
            whole = [key for key in keys if None not in key]
            return sum(key in whole[:number] for number, key in enumerate(whole))
        case Orphans():
            raise AssertionError("it is of two sources: see `orphans`")


def orphans(source: Source, of: Orphans, rows: Sequence[Row], parents: Sequence[Row], partition: int) -> int:
    """How many rows of a partition refer to a key that no row of the other source has which arrived in time."""
    until = source.partitions.ends_at(partition) + of.late
    came = [row for row in parents if of.parent.partitions.ends_at(row["arrival"]) <= until]
    known = [tuple(row[column] for column in of.to) for row in came]
    keys = [tuple(row[column] for column in of.columns) for row in rows if row["arrival"] == partition]
    return sum(None not in key and key not in known for key in keys)


def cells(values: Sequence[Any]) -> dict[str, Any]:
    """Numbers counted in cells, 32 from each power of two to the next; of too many, neighbours are joined until they are few enough."""
    numbers = [float(value) for value in values if value is not None]
    width = 1
    while width < 32 and len({cell(number, width) for number in numbers}) > CELLS:
        width *= 2
    counted = Counter(cell(number, width) for number in numbers)
    ordered = sorted(counted)
    step = width.bit_length() - 1
    return {"cells": ordered, "rows": [counted[one] for one in ordered], "step": step, "null": sum(value is None for value in values)}


def cell(number: float, width: int) -> int:
    """The sign of a number, its exponent and the first 5 bits behind it, read as one whole number; divided by a width."""
    bits: int = struct.unpack(">q", struct.pack(">d", abs(number)))[0]
    found = bits // 2**47 // width
    return -found if number < 0 else found


def categories(values: Sequence[Any]) -> dict[str, Any] | None:
    """How many rows have each value; the rarest together, and nothing when there are too many."""
    if len(set(values)) > CATEGORIES:
        return None
    texts = [str(value).lower() if isinstance(value, bool) else value for value in values if value is not None]
    counted = sorted(Counter(texts).items(), key=lambda pair: (-pair[1], pair[0]))
    others = sum(rows for _, rows in counted[KEPT:])
    return {"rows": dict(counted[:KEPT]), "others": others, "distinct": len(counted), "null": sum(value is None for value in values)}

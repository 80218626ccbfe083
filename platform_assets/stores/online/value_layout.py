"""The layout of a feature view's values in the online store: one packed field of the entity's hash.

    bytes 0-7   gold's Delta version that the values were read at, unsigned
    bytes 8-15  valid_from, microseconds since 1970 (UTC)
    bytes 16-17 the layout's id: a checksum of names, types and order, so that nothing is misread
    then        one bit per feature, set if it is null
    then        one slot per feature, in the layout's order; for a text its number of bytes, for a list its number of values
    then        the texts and lists, one after the other: the bytes of a text, the values of a list as slots; for a list of texts,
                first the number of bytes of each, then their bytes

All numbers are big endian. A field with only the version is a tombstone: the entity has the empty values.
"""

import struct
import zlib
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import Any, NamedTuple, cast

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from platform_assets.errors import OnlineError
from platform_assets.expressions.types import ELEMENTS, POLARS, DataType, FeatureType

FIELD_FORMAT = 1
"""Incremented when the meaning of the bytes above changes."""

TOMBSTONE_BYTES = 8

_SLOT: dict[FeatureType, str] = {"int": "q", "float": "d", "bool": "?", "datetime": "q", "date": "i", "str": "I"}
_SLOT |= dict.fromkeys(ELEMENTS, "I")
_NUMPY_SLOT: dict[FeatureType, str] = {"int": ">i8", "float": ">f8", "bool": "u1", "datetime": ">i8", "date": ">i4", "str": ">u4"}
_NUMPY_SLOT |= dict.fromkeys(ELEMENTS, ">u4")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1).toordinal()


class Values(NamedTuple):
    """The values of a view for some entities, in the order of the entities.

    rows: for each a tuple of values, in the layout's order; the empty values if it has none. valid_from: of the snapshots
    that they come from; None if there is none.
    """

    rows: list[tuple[Any, ...]]
    valid_from: list[datetime | None]


@dataclass(frozen=True)
class ViewLayout:
    """A feature view as the online store needs it.

    view, version: its name, and the version of its declaration: two versions of a view can coexist.
    entity: the entity's name. keys: its key columns with their types.
    features: name, type, and the empty value.
    is_declared_online: whether an asset publishes it; for messages.
    """

    view: str
    version: str
    entity: str
    keys: tuple[tuple[str, DataType], ...]
    features: tuple[tuple[str, FeatureType, Any], ...]
    is_declared_online: bool = True

    @property
    def name(self) -> str:
        """The name used in marks: customer_spend@3f2a90c81b77. Messages show only the view: nobody has chosen the version."""
        return f"{self.view}@{self.version}"

    @cached_property
    def field(self) -> bytes:
        """Its field in an entity's hash. Eight characters instead of the name, because every entity stores them."""
        return urlsafe_b64encode(sha256(self.name.encode()).digest()[:6])

    @cached_property
    def id(self) -> int:
        """The checksum in every packed field."""
        return zlib.crc32(repr((FIELD_FORMAT, [(name, kind) for name, kind, _ in self.features])).encode()) & 0xFFFF

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _, _ in self.features)

    @cached_property
    def empty(self) -> tuple[Any, ...]:
        """The values of an entity without a row."""
        return tuple(empty for _, _, empty in self.features)

    @cached_property
    def has_lists(self) -> bool:
        return any(kind in ELEMENTS for _, kind, _ in self.features)

    def nulls(self, values: Values, places: Iterable[int]) -> Values:
        """The values with nulls at these positions, whose values are unknown."""
        rows, valid_from = list(values.rows), list(values.valid_from)
        for place in places:
            rows[place], valid_from[place] = (None,) * len(self.features), None
        return Values(rows, valid_from)

    @cached_property
    def unpack(self) -> Callable[[Sequence[bytes | None]], Values]:
        """The function that reads the packed fields of some entities; None means an entity without the field."""
        return _unpacking(self)


def pack(layout: ViewLayout, rows: pl.DataFrame, version: int) -> pa.Array:
    """A packed field for each row, as binary. rows: `valid_from` and one column per feature."""
    kinds = [(name, kind) for name, kind, _ in layout.features]
    columns = rows.select(pl.col(name).cast(POLARS[kind]) for name, kind in kinds)
    width = _null_bytes(len(kinds))
    slots = np.dtype(
        [("version", ">u8"), ("valid_from", ">i8"), ("layout", ">u2"), ("nulls", "u1", (width,))]
        + [(f"slot {place}", _NUMPY_SLOT[kind]) for place, (_, kind) in enumerate(kinds)]
    )
    fixed = np.empty(rows.height, slots)
    fixed["version"], fixed["layout"] = version, layout.id
    fixed["valid_from"] = rows["valid_from"].cast(POLARS["datetime"]).to_physical().to_numpy()
    fixed["nulls"] = np.packbits(columns.select(pl.all().is_null()).to_numpy().reshape(rows.height, len(kinds)), axis=1, bitorder="little")
    for place, (name, kind) in enumerate(kinds):
        fixed[f"slot {place}"] = _in_slot(columns[name], kind).fill_null(0).to_numpy()
    behind = [part for name, kind in kinds for part in _behind(layout, columns[name], kind)]
    return joined([binary_of_equal_length(fixed), *behind])


def _in_slot(column: pl.Series, kind: FeatureType) -> pl.Series:
    """The number in a feature's slot, for each row."""
    if kind == "str":
        return column.str.len_bytes()
    if kind in ELEMENTS:
        return column.list.len()
    return column.cast(pl.UInt8) if kind == "bool" else column.to_physical()


def _behind(layout: ViewLayout, column: pl.Series, kind: FeatureType) -> list[pa.Array]:
    """The parts of a feature after the slots, as consecutive binary columns."""
    if kind == "str":
        return [column.fill_null("").to_arrow().cast(pa.large_binary())]
    if kind not in ELEMENTS:
        return []
    element = ELEMENTS[kind]
    ends = np.append(0, np.cumsum(column.list.len().fill_null(0).to_numpy(), dtype=np.int64))
    values = pl.Series(column.to_arrow().flatten(), dtype=POLARS[element])
    if values.null_count():
        raise OnlineError(f"{layout.view}: a list in {column.name!r} has a null. Lists of features must not have nulls: drop or fill them.")
    slots = _in_slot(values, element).to_numpy().astype(_NUMPY_SLOT[element])
    parts = [_binary(ends * slots.itemsize, slots)]
    if element == "str":
        starts = np.append(0, np.cumsum(slots, dtype=np.int64))
        parts.append(_binary(starts[ends], values.str.join("").item().encode() if len(values) else b""))
    return parts


def _binary(ends: np.ndarray[Any, Any], data: Any) -> pa.Array:
    """The bytes between these ends as binary values, without copying them."""
    return pa.Array.from_buffers(pa.large_binary(), len(ends) - 1, [None, pa.py_buffer(ends), pa.py_buffer(data)])


def tombstone(version: int) -> bytes:
    """The packed field of an entity that has the empty values."""
    return struct.pack(">Q", version)


def version_of_field(packed: bytes) -> int:
    """Gold's Delta version that a packed field was read at."""
    return int.from_bytes(packed[:8], "big")


def binary_of_equal_length(records: np.ndarray[Any, Any]) -> pa.Array:
    """The records of a contiguous array as binary values, without copying them."""
    return _binary(np.arange(len(records) + 1, dtype=np.int64) * records.itemsize, records)


def joined(parts: Sequence[pa.Array | bytes]) -> pa.Array:
    """Concatenates binary columns, and bytes that are the same in every row, row by row."""
    if len(parts) == 1 and isinstance(parts[0], pa.Array):
        return parts[0]
    scalars = [pa.scalar(part, pa.large_binary()) if isinstance(part, bytes) else part for part in parts]
    return pc.binary_join_element_wise(*scalars, pa.scalar(b"", pa.large_binary()))


def _null_bytes(features: int) -> int:
    return max(1, -(-features // 8))


def _unpacking(layout: ViewLayout) -> Callable[[Sequence[bytes | None]], Values]:
    kinds = [kind for _, kind, _ in layout.features]
    empty, has_lists, width = layout.empty, layout.has_lists, _null_bytes(len(kinds))
    slots = struct.Struct(f">8xq{2 + width}s{''.join(_SLOT[kind] for kind in kinds)}")
    expected = layout.id.to_bytes(2, "big")
    without_nulls = expected + bytes(width)
    behind = [(place, _reading(kind)) for place, kind in enumerate(kinds) if kind == "str" or kind in ELEMENTS]
    converted = [(place, _PYTHON[kind]) for place, kind in enumerate(kinds) if kind in _PYTHON]
    all_in_slots = {slots.size} if not behind else set()

    def unpack(packed: Sequence[bytes | None]) -> Values:
        # The usual case: every entity has values, and there are no texts. Whole columns at once, row by row only where there are nulls.
        if packed and {0 if field is None else len(field) for field in packed} == all_in_slots:
            moments, heads, *columns = zip(*slots.iter_unpack(b"".join(packed)), strict=True)  # type: ignore[arg-type]
            distinct = set(heads)
            if any(head[:2] != expected for head in distinct):
                raise foreign()
            for place, convert in converted:
                columns[place] = tuple(map(convert, columns[place]))
            found = list(zip(*columns, strict=True))
            if distinct != {without_nulls}:
                found = [row if head == without_nulls else with_nulls(row, head) for row, head in zip(found, heads, strict=True)]
            return Values(found, list(map(as_datetime, moments)))
        rows: list[tuple[Any, ...]] = []
        valid_from: list[datetime | None] = []
        for field in packed:
            if field is None or len(field) == TOMBSTONE_BYTES:
                rows.append(deepcopy(empty) if has_lists else empty)  # the reader of a list may change it
                valid_from.append(None)
            else:
                if len(field) < slots.size:
                    raise foreign()
                moment, head, *values = slots.unpack_from(field)
                if head[:2] != expected:
                    raise foreign()
                end = slots.size
                try:
                    for place, read in behind:
                        values[place], end = read(field, end, values[place])
                    for place, convert in converted:
                        values[place] = convert(values[place])
                except (struct.error, ValueError, OverflowError):
                    raise foreign() from None
                if end != len(field):
                    raise foreign()
                rows.append(tuple(values) if head == without_nulls else with_nulls(values, head))
                valid_from.append(as_datetime(moment))
        return Values(rows, valid_from)

    def with_nulls(values: Sequence[Any], head: bytes) -> tuple[Any, ...]:
        nulls = int.from_bytes(head[2:], "little")
        return tuple(None if nulls >> place & 1 else value for place, value in enumerate(values))

    def foreign() -> OnlineError:
        return OnlineError(
            f"{layout.view}: the online store has values that cannot be read as {', '.join(layout.names)}. Another program has "
            f"written or damaged them. Rebuild the view: platform-assets rebuild {layout.view}"
        )

    return unpack


def _reading(kind: FeatureType) -> Callable[[bytes, int, int], tuple[Any, int]]:
    """A reader for the part of a value after the slots: takes the field, the start, and the number in its slot; returns value and end."""

    def text(field: bytes, start: int, size: int) -> tuple[Any, int]:
        return field[start : start + size].decode(), start + size

    def texts(field: bytes, start: int, length: int) -> tuple[Any, int]:
        values, end = [], start + 4 * length
        for size in struct.unpack_from(f">{length}I", field, start):
            value, end = text(field, end, size)
            values.append(value)
        return values, end

    def numbers(field: bytes, start: int, length: int) -> tuple[Any, int]:
        values = struct.unpack_from(f">{length}{_SLOT[element]}", field, start)
        return [convert(value) for value in values] if convert else list(values), start + length * size_of_one

    if kind == "str":
        return text
    element = ELEMENTS[kind]
    size_of_one, convert = struct.calcsize(f">{_SLOT[element]}"), _PYTHON.get(element)
    return texts if element == "str" else numbers


@lru_cache(maxsize=4096)  # thousands of entities share the valid_from of a partition
def as_datetime(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def as_microseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def _date(days: int) -> date:
    return date.fromordinal(_EPOCH_DAY + days)


_PYTHON = cast(dict[DataType, Callable[[int], Any]], {"datetime": as_datetime, "date": _date})

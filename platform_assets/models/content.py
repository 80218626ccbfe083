"""A fingerprint of a frame's content: the same for the same rows in every process, on every machine and with every version.

Neither of the two shortcuts qualifies. Arrow IPC bytes change with the chunks of a column, with the bytes beneath its nulls and with
the writer's version; Polars guarantees `hash_rows` only within one version. So the values themselves are hashed: column by column
its name, type, null mask, and the other values in a fixed layout (little-endian numbers, UTF-8 texts with their lengths).
"""

import hashlib
import sys
from collections.abc import Iterator

import polars as pl

from platform_assets.errors import ModelError


def content_hash(frame: pl.DataFrame) -> str:
    """The SHA-256, as hex, of columns (names, types, order) and values (in the order of the rows).

    The memory layout does not matter: chunks, slices, encodings of a text column. All NaN are the same value; 0.0 and -0.0 are different.
    """
    digest = hashlib.sha256(f"{frame.height} rows".encode())
    for column in frame:
        for part in _bytes(column, column.name):
            digest.update(part)
    return digest.hexdigest()


def _bytes(column: pl.Series, place: str) -> Iterator[bytes]:
    """A column as bytes that are equal exactly if the columns are; each part's length follows from the preceding parts."""
    dtype = column.dtype
    if isinstance(dtype, pl.Categorical | pl.Enum):
        yield from _bytes(column.cast(pl.String), place)
        return
    yield f"\n{column.name!r} {dtype!r} {len(column)}\n".encode()
    yield _numbers(column.is_null().cast(pl.UInt8))
    present = column.drop_nulls()
    if isinstance(dtype, pl.List | pl.Array):
        items = present.to_frame().lazy().select(pl.first().cast(pl.List(dtype.inner))).collect().to_series()
        yield _numbers(items.list.len())
        yield from _bytes(items.filter(items.list.len() > 0).explode().rename(""), place)
    elif isinstance(dtype, pl.Struct):
        for field in present.struct.unnest():
            yield from _bytes(field, f"{place}.{field.name}")
    elif isinstance(dtype, pl.String | pl.Binary | pl.Decimal):
        texts = present if isinstance(dtype, pl.Binary) else present.cast(pl.String).cast(pl.Binary)
        yield _numbers(texts.bin.size())
        yield b"".join(texts)
    elif dtype.is_float():
        yield _numbers(present.fill_nan(float("nan")))
    elif dtype.is_integer() or dtype.is_temporal() or isinstance(dtype, pl.Boolean | pl.Null):
        yield _numbers(present.cast(pl.UInt8) if isinstance(dtype, pl.Boolean) else present.to_physical())
    else:
        raise ModelError(f"column {place!r} of type {dtype} has no content hash: leave it out, or cast it to a number, a text or a time")


def _numbers(values: pl.Series) -> bytes:
    if values.is_empty():
        return b""
    array = values.to_numpy()
    return (array if sys.byteorder == "little" else array.byteswap()).tobytes()

"""One Parquet file: its rows some at a time, in the types of the file."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from platform_assets.errors import SourceError

_ROWS_AT_ONCE = 100_000


def read_file(file: Path, where: str) -> Iterator[pl.DataFrame]:
    """The rows of a file, some at a time: at least one frame, which has the file's columns.

    Raises:
        SourceError: it is no Parquet file, or was cut off. That may be found only after rows have been given.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not file.stat().st_size:
        raise SourceError(f"{where}: the file is empty. Deliver it again, or remove it.")
    try:
        with pq.ParquetFile(file, pre_buffer=False) as opened:
            _check_names(opened.schema_arrow.names, where)
            yield pl.DataFrame(pl.from_arrow(opened.schema_arrow.empty_table()))
            for batch in opened.iter_batches(batch_size=_ROWS_AT_ONCE):
                yield pl.DataFrame(pl.from_arrow(batch))
    except (pa.ArrowException, OSError, pl.exceptions.PolarsError) as error:
        said = str(error).splitlines()[0].rstrip(".")
        raise SourceError(f"{where}: it cannot be read as Parquet: {said}. Deliver it again.") from None


def _check_names(names: list[str], where: str) -> None:
    lower = [name.lower() for name in names]
    alike = next((name for name in names if lower.count(name.lower()) > 1), None)
    if alike is not None:
        raise SourceError(
            f"{where}: two of its columns have the same name but for case: {alike!r}. Delta does not tell them apart. "
            "Have one of them delivered under another name."
        )

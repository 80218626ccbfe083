"""What a source's function is given: the partition that is being received, and ways to read what came in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import polars as pl

from platform_assets.errors import SourceError


@dataclass
class Arrival:
    """One partition of a source, as it is being received."""

    source: str
    partition: str
    """The partition's key, such as 2024-03-05."""
    start: datetime
    end: datetime
    """The stretch of UTC time that it covers, end excluded."""
    origins: list[str] = field(default_factory=list)

    @property
    def origin(self) -> str:
        """Where the rows come from. A second delivery of a partition from the same origin is another edition of the same rows."""
        return ", ".join(self.origins) or "function"

    def read_csv(self, path: str | Path, *, rename: Mapping[str, str] | None = None, separator: str = ",") -> pl.LazyFrame | None:
        """The rows of this partition's CSV files, every value as text; None when there is no file.

        Args:
            path: a file, or a pattern for several, which are read in the order of their names; {day} and {partition} stand for
                the partition's key.
            rename: the files' column names to the schema's.
            separator: between columns.
        """
        pattern = Path(str(path).replace("{day}", self.partition).replace("{partition}", self.partition))
        self.origins.append(Path(str(path)).name)
        files = sorted(pattern.parent.glob(pattern.name))
        if not files:
            return None
        return pl.concat([self._file(file, rename or {}, separator) for file in files], how="vertical").lazy()

    def _file(self, file: Path, rename: Mapping[str, str], separator: str) -> pl.DataFrame:
        where = f"source {self.source!r}, partition {self.partition}, file {file.name}"
        try:
            rows = pl.read_csv(file, infer_schema=False, separator=separator)
        except pl.exceptions.NoDataError:
            raise SourceError(f"{where}: the file is empty, it has not even a header. Deliver it again, or remove it.") from None
        except (pl.exceptions.PolarsError, OSError) as error:
            raise SourceError(f"{where}: it cannot be read as CSV: {error}") from None
        absent = [column for column in rename if column not in rows.columns]
        if absent:
            raise SourceError(f"{where}: there is no column {absent[0]!r}. It has: {', '.join(rows.columns)}.")
        return rows.rename(dict(rename))

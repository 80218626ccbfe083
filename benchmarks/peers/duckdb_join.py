"""The point-in-time join by hand in DuckDB: ASOF JOIN of the labels with each view's file."""

import sys
from pathlib import Path
from typing import Any

import duckdb

sys.path.insert(0, str(Path(__file__).parents[1]))
from measured import say


def join(folder: Path) -> dict[str, Any]:
    database = duckdb.connect()
    wanted = ", ".join(f"{view}.f{number} AS {view}__f{number}" for view in ("spend", "visits") for number in range(5))
    joined = database.sql(
        f"""
        SELECT labels.*, {wanted} FROM '{folder}/labels.parquet' AS labels
        ASOF LEFT JOIN '{folder}/spend.parquet' AS spend ON labels.user = spend.user AND labels.label_time >= spend.valid_from
        ASOF LEFT JOIN '{folder}/visits.parquet' AS visits ON labels.user = visits.user AND labels.label_time >= visits.valid_from
        """
    ).to_arrow_table()
    total = database.sql("SELECT sum(spend__f0) + sum(visits__f4) FROM joined").fetchall()[0][0]
    return {"rows": joined.num_rows, "total": total}


if __name__ == "__main__":
    say(lambda: join(Path(sys.argv[1])))

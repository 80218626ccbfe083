"""Window features by hand in DuckDB: the change log itself, or values on active days only.

`same`: the rows and values of the platform's change log, for windows of whole days. Candidates are the days on which a day's events of a
user enter or leave a window; each is joined with the user's days that had arrived by then. `active`: another, smaller answer: a row
only for days with events, and late events count on their own day as if they had been there.
"""

import sys
from pathlib import Path
from typing import Any

import duckdb

sys.path.insert(0, str(Path(__file__).parents[1]))
from measured import say

DAYS, WINDOWS, START = 90, (1, 7, 30), 19_723  # 2024-01-01, in days since 1970
TILES = """
    WITH events AS (
        SELECT user, epoch_us("at") // 86400000000 - {start} AS x, date_diff('day', DATE '1970-01-01', arrival) - {start} AS arrived, amount
        FROM '{folder}/*.parquet'
    )
    SELECT user, x, arrived - x AS lag, count(*) AS n, sum(amount) AS s, max(amount) AS m FROM events GROUP BY ALL
"""


def same(folder: Path) -> dict[str, Any]:
    database = duckdb.connect()
    database.sql(f"CREATE TABLE tiles AS {TILES.format(folder=folder, start=START)}")
    moments = [f"SELECT user, x + lag AS d FROM tiles WHERE lag < {max(WINDOWS)}"]
    moments += [f"SELECT user, x + {w} AS d FROM tiles WHERE lag < {w} AND x + {w} < {DAYS}" for w in WINDOWS]
    values = ", ".join(
        f"coalesce(sum(n) FILTER (x > d - {w}), 0) AS n{w}, sum(s) FILTER (x > d - {w}) AS s{w}, s{w} / n{w} AS a{w}, "
        f"max(m) FILTER (x > d - {w}) AS m{w}"
        for w in WINDOWS
    )
    database.sql(
        f"""
        CREATE TABLE log AS SELECT c.user, d, {values} FROM ({" UNION ".join(moments)}) AS c
        LEFT JOIN tiles AS t ON t.user = c.user AND t.x > d - {max(WINDOWS)} AND t.x + t.lag <= d GROUP BY c.user, d
        """
    )
    return _told(database)


def active(folder: Path) -> dict[str, Any]:
    database = duckdb.connect()
    values = ", ".join(
        f"sum(n) OVER w{w} AS n{w}, sum(s) OVER w{w} AS s{w}, s{w} / n{w} AS a{w}, max(m) OVER w{w} AS m{w}" for w in WINDOWS
    )
    windows = ", ".join(f"w{w} AS (PARTITION BY user ORDER BY x RANGE BETWEEN {w - 1} PRECEDING AND CURRENT ROW)" for w in WINDOWS)
    tiles = f"SELECT user, x, sum(n) AS n, sum(s) AS s, max(m) AS m FROM ({TILES.format(folder=folder, start=START)}) GROUP BY ALL"
    database.sql(f"CREATE TABLE log AS SELECT user, x, {values} FROM ({tiles}) WINDOW {windows}")
    return _told(database)


def _told(database: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    rows, counted, summed, highest = database.sql("SELECT count(*), sum(n30), sum(s7), sum(m1) FROM log").fetchall()[0]
    return {"rows": rows, "counted": int(counted), "summed": summed, "highest": highest}


if __name__ == "__main__":
    say(lambda: (same if sys.argv[1] == "same" else active)(Path(sys.argv[2])))

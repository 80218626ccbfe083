"""Memory does not grow with a partition of a table."""

import os
import subprocess
import sys

import pytest

from platform_assets_tests.architecture.modules import ROOT
from platform_assets_tests.sources.postgres_tables import Database
from platform_assets_tests.sources.postgres_tables import database as database
from platform_assets_tests.sources.postgres_tables import postgres as postgres

READ = """
from datetime import UTC, datetime
from platform_assets import Arrival
from platform_assets_tests.sources.postgres_tables import table
day = {day}
arrival = Arrival("orders", "a day", datetime(2024, 3, day, tzinfo=UTC), datetime(2024, 3, day + 1, tzinfo=UTC))
rows = sum(frame.height for frame in table().read(arrival))
print(rows, next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) // 1024)
"""


@pytest.mark.slow
def test_ten_times_as_many_rows_take_no_more_memory(database: Database) -> None:
    database.sql("CREATE TABLE orders (id int, at timestamptz, amount float8, note text)")
    sizes = {5: 400_000, 6: 4_000_000}
    for day, rows in sizes.items():
        at = f"timestamptz '2024-03-0{day} 00:00+00' + (n % 86400) * interval '1 s'"
        database.sql(f"INSERT INTO orders SELECT n, {at}, n * 0.5, 'note of the order ' || n FROM generate_series(1, {rows}) AS n")
    peaks = []
    for day, rows in sizes.items():
        command = [sys.executable, "-c", READ.format(day=day)]
        done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=True)
        read, peak = map(int, done.stdout.split())
        assert read == rows
        peaks.append(peak)
    assert peaks[1] < 1.2 * peaks[0], peaks

"""Cases as YAML: rows in, features over windows, expected values out, run on every engine.

`python -m platform_assets.testing.cases FILE...` runs them; docs/how-to/cases.md describes the format. From Python:

>>> from pathlib import Path
>>> from platform_assets.testing.cases import read_cases, run_case
>>> path = Path("cases.yaml")
>>> _ = path.write_text('''
... columns: {user: str, at: datetime}
... event_time: at
... entity: user
... cases:
...   - case: a row counts from the end of its day on
...     features: [{count: , over: 1d}]
...     rows: [{user: ada, at: 2024-03-01 10:00}]
...     expected: [{user: ada, at: 2024-03-02, count_1d: 1}]
... ''')
>>> [run_case(case, "polars").status for case in read_cases(path)]
['passed']
"""

from platform_assets.testing.cases.case import Case as Case
from platform_assets.testing.cases.case import read_cases as read_cases
from platform_assets.testing.cases.run import Outcome as Outcome
from platform_assets.testing.cases.run import run_case as run_case
from platform_assets.testing.computed import ENGINES as ENGINES

__all__ = ["ENGINES", "Case", "Outcome", "read_cases", "run_case"]

"""Every engine, the same cases: what a value means (docs/concepts/semantics.md) is proven here, paragraph by paragraph.

engines.py      the engines behind one interface of plain rows: the next engine is one more entry in ENGINES
named.py        the form of a case with a name and an expectation written by hand; cases_*.py hold them
generated.py    Hypothesis makes declarations and rows; pipeline.py runs them from raw to the training set
states.py       the same for sources of updates and attribute views, with restated partitions
through_tables.py  an engine of the platform, with its tables, as one of the suite: Spark is tried so (platform_assets_tests/spark)
grouped.py      many generated cases of one declaration at once, for an engine whose operations take a second each
grid.py         counts what the generated cases have met: aggregation x closed x edge x late or on time
mutants.py      patches of the Polars engine that the suite must notice; quick.py is what they are run against
"""

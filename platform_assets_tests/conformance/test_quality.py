"""The figures of checks are those of the reference, for generated rows."""

from hypothesis import given, settings

from platform_assets.engines.polars.engine import PolarsEngine
from platform_assets_tests.conformance.engines import ENGINES, REFERENCE
from platform_assets_tests.conformance.quality import QualityCase, quality_cases, require_quality_agreement
from platform_assets_tests.conformance.through_tables import ThroughTables
from platform_assets_tests.rotation import PART

POLARS = ThroughTables("polars", PolarsEngine)


@settings(max_examples=PART.share(240), deadline=None)
@given(quality_cases())
def test_figures_are_those_of_the_reference(case: QualityCase) -> None:
    for engine in ENGINES:
        require_quality_agreement(engine, REFERENCE, case)


@settings(max_examples=PART.share(32), deadline=None)
@given(quality_cases())
def test_figures_through_tables_are_those_of_the_reference(case: QualityCase) -> None:
    require_quality_agreement(POLARS, REFERENCE, case)

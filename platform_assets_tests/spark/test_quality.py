"""What checks count on Spark is what the reference counts: many generated rows in one declaration, a few partitions at a time."""

from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from platform_assets.steps.figures import FIGURES
from platform_assets_tests.conformance.engines import REFERENCE, Row
from platform_assets_tests.conformance.quality import DECLARED, PARENT, QualityCase, require_quality_agreement
from platform_assets_tests.rotation import PART
from platform_assets_tests.spark.session import SETTINGS, small_tables, spark
from platform_assets_tests.steps.watched import CLEAN, Watched

ROWS, PARENTS, DAYS = 300, 40, 4


def generated(seed: int) -> QualityCase:
    """Rows that are spread over several buckets and batches."""
    random, partitions = Random(seed), DECLARED.partitions
    first = partitions.number("2024-03-01")

    def row(number: int) -> Row:
        arrival = first + random.randrange(DAYS)
        amount = random.choice([None, 0.0, -3.0, 1e300, random.uniform(-10, 20)])
        return {
            "id": number,
            "user": random.choice([None, "ada", "bob", "cy", ""]),
            "shop": random.choice([None, 0, 1, 2, 3]),
            "at": partitions.starts_at(arrival) + timedelta(minutes=random.randrange(-2000, 1500)),
            "amount": amount,
            "quantity": random.choice([None, 1, 2, 3, -4, 10**9]),
            "category": random.choice([None, "a", "b c", "it's", "Straße", "a\n", ""]),
            "ok": random.choice([None, True, False]),
            "day": None,
            "large": amount is not None and amount > 5,
            "arrival": arrival,
            "delivery": 1,
            "row_number": number + 1,
        }

    rows = [row(number) for number in range(ROWS)]
    parents = [{name: value for name, value in row(number).items() if name != "large"} for number in range(PARENTS)]
    assert set(parents[0]) == {*PARENT.columns, "arrival", "delivery", "row_number"}
    return QualityCase(rows, parents, first, first + DAYS - 1)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(2))
def test_figures_are_those_of_the_reference(number: int) -> None:
    require_quality_agreement(small_tables(), REFERENCE, generated(PART.seed + number))


@pytest.mark.slow
def test_a_shop_made_on_spark_has_the_same_figures_in_its_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    spark()
    shops = [Watched(tmp_path / "polars", weeks=CLEAN + 3), Watched(tmp_path / "spark", weeks=CLEAN + 3, engine="spark")]
    for shop in shops:
        shop.make()
    expected, got = ({key: entry.details[FIGURES] for key, entry in shop.run().ledger.entries("orders/silver").items()} for shop in shops)
    assert len(expected) == CLEAN + 3
    assert got == expected

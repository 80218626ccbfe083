"""What checks count on Spark is what the reference counts: many generated rows in one declaration, a few partitions at a time."""

from datetime import timedelta
from random import Random

import pytest

from platform_assets_tests.conformance.engines import REFERENCE, Row
from platform_assets_tests.conformance.quality import DECLARED, PARENT, QualityCase, require_quality_agreement
from platform_assets_tests.rotation import PART
from platform_assets_tests.spark.session import small_tables

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

"""What is said of products is what the files say, and what one reads by hand of three lines."""

from typing import Any

import pytest

from platform_assets import compute_features
from platform_assets.domains.retail.declarations import product_sales


def bought(number: int, product: str, day: str, **said: Any) -> dict[str, Any]:
    line = {"invoice": str(number), "stock_code": product, "description": None, "quantity": 1, "unit_price": 1.0, "customer_id": 7}
    return {**line, "ordered_at": f"{day}T12:00:00Z", "country": "France", **said}


def test_a_product_by_hand() -> None:
    lines = [
        bought(1, "22423", "2025-01-06", quantity=2, unit_price=12.5),
        bought(2, "22423", "2025-01-07", quantity=6, unit_price=10.5, customer_id=None, country="EIRE"),
        bought(3, "22423", "2025-01-24", quantity=4, unit_price=0.0, customer_id=8),
        bought(4, "22423", "2025-01-24", quantity=3, unit_price=13.0, invoice="C4"),
    ]
    found = compute_features(product_sales, lines, at=["2025-01-25", "2025-03-25"]).drop("at").to_dicts()
    assert found[0] == {
        "stock_code": "22423",
        "lines_7d": 1,
        "lines_30d": 3,
        "sold_7d": 4,
        "sold_30d": 12,
        "quantity_variance_30d": 4.0,
        "last_quantities_30d": [4, 6, 2],
        "customers_30d": 2,
        "top_countries_30d": ["France", "EIRE"],
        "price_median_30d": 11.5,
        "trend": pytest.approx(4 * 30 / (12 * 7)),
    }
    assert {name: value for name, value in found[1].items() if value not in (None, 0)} == {
        "stock_code": "22423",
        "last_quantities_30d": [],
        "top_countries_30d": [],
    }

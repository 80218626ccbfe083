"""Labelled rows with a planted signal whose best possible score is known."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

START = datetime(2024, 1, 1, tzinfo=UTC)
HORIZON = timedelta(days=30)
FEATURES = ["spend", "visits", "noise", "country", "is_member", "first_seen", "since_last", "unknown"]
COUNTRY_EFFECT = {"UK": 0.0, "FR": 1.5, "DE": -1.5, None: 0.5}


def labelled_rows(rows: int = 4_000, days: int = 300, seed: int = 1, signal: float = 1.0) -> pl.DataFrame:
    """Customers labelled at random days. The column `truth` is the probability that each label was drawn with: no model ranks better."""
    draw = np.random.default_rng(seed)
    at = pl.Series("label_time", [START + timedelta(days=int(day)) for day in draw.integers(0, days, rows)], dtype=pl.Datetime("us", "UTC"))
    spend, visits = draw.normal(50, 20, rows), draw.poisson(3, rows)
    country = draw.choice(np.array(list(COUNTRY_EFFECT), dtype=object), rows)
    is_member = draw.random(rows) < 0.4
    age = draw.integers(1, 400, rows)
    logit = signal * ((spend - 50) / 10 - 0.5 * (visits - 3) + np.array([COUNTRY_EFFECT[name] for name in country]) + is_member - age / 200)
    truth = 1 / (1 + np.exp(-logit))
    return pl.DataFrame(
        {
            "label_time": at,
            "customer_id": np.arange(rows),
            "spend": pl.Series(np.where(draw.random(rows) < 0.05, np.nan, spend)).fill_nan(None),
            "visits": visits,
            "noise": draw.normal(size=rows),
            "country": country.tolist(),
            "is_member": is_member,
            "first_seen": at - pl.Series(age * 86_400_000_000).cast(pl.Duration("us")),
            "since_last": pl.Series(draw.integers(0, 10**12, rows)).cast(pl.Duration("us")),
            "unknown": pl.Series([None] * rows, dtype=pl.Float64),
            "churned": draw.random(rows) < truth,
            "truth": truth,
        }
    )


@pytest.fixture
def make_rows() -> Callable[..., pl.DataFrame]:
    return labelled_rows

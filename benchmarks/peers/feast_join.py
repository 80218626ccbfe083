"""The point-in-time join with Feast's offline stores of files: `file` (Dask and pandas) and `duckdb` (ibis)."""

import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.types import Float64

sys.path.insert(0, str(Path(__file__).parents[1]))
from measured import say


def join(folder: Path, offline: str, own: Path) -> dict[str, Any]:
    store = FeatureStore(
        config=RepoConfig(
            project="benchmark",
            provider="local",
            registry=str(own / "registry.db"),
            offline_store={"type": offline},
            online_store={"type": "sqlite", "path": str(own / "online.db")},
            entity_key_serialization_version=3,
        )
    )
    user = Entity(name="user", join_keys=["user"], value_type=ValueType.INT64)
    views = [
        FeatureView(
            name=name,
            entities=[user],
            ttl=timedelta(0),
            schema=[Field(name=f"f{number}", dtype=Float64) for number in range(5)],
            source=FileSource(path=str(folder / f"{name}.parquet"), timestamp_field="valid_from"),
        )
        for name in ("spend", "visits")
    ]
    store.apply([user, *views])
    labels = pd.read_parquet(folder / "labels.parquet").rename(columns={"label_time": "event_timestamp"})
    features = [f"{view.name}:f{number}" for view in views for number in range(5)]
    joined = store.get_historical_features(entity_df=labels, features=features, full_feature_names=True).to_df()
    return {"rows": len(joined), "total": float(joined["spend__f0"].sum() + joined["visits__f4"].sum())}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as own:
        say(lambda: join(Path(sys.argv[1]), sys.argv[2], Path(own)))

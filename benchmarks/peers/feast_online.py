"""Feast's online store on Redis: `materialize` of two views of five floats, and `read`, whose answers are checked."""

import statistics
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.types import Float64

sys.path.insert(0, str(Path(__file__).parents[1]))
from measured import say

VIEWS = ("spend", "visits")


def feature_store(folder: Path, url: str) -> FeatureStore:
    return FeatureStore(
        config=RepoConfig(
            project="benchmark",
            provider="local",
            registry=str(folder / "registry.db"),
            offline_store={"type": "file"},
            online_store={"type": "redis", "connection_string": url.removeprefix("redis://").removesuffix("/0")},
            entity_key_serialization_version=3,
        )
    )


def applied(folder: Path, url: str) -> FeatureStore:
    store, user = feature_store(folder, url), Entity(name="user", join_keys=["user"], value_type=ValueType.INT64)
    views = [
        FeatureView(
            name=name,
            entities=[user],
            ttl=timedelta(0),
            schema=[Field(name=f"f{number}", dtype=Float64) for number in range(5)],
            source=FileSource(path=str(folder / f"{name}.parquet"), timestamp_field="valid_from"),
        )
        for name in VIEWS
    ]
    store.apply([user, *views])
    return store


def materialize(store: FeatureStore) -> dict[str, Any]:
    store.materialize(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC), disable_event_timestamp=False)
    return {}


def read(store: FeatureStore, entities: int) -> dict[str, Any]:
    features = [f"{view}:f{number}" for view in VIEWS for number in range(5)]
    found: dict[str, Any] = {}
    for count in (1, 100):
        asked = [{"user": place * 7 % entities} for place in range(count)]
        answer = store.get_online_features(features, asked, full_feature_names=True).to_dict()
        found[f"total of {count}"] = sum(answer["spend__f0"]) + sum(answer["visits__f4"])
        spent = []
        for _ in range(5):
            start, times = time.process_time(), 200 if count == 1 else 20
            for _ in range(times):
                store.get_online_features(features, asked, full_feature_names=True).to_dict()
            spent.append((time.process_time() - start) / times * 1000)
        found[f"ms of {count}"] = statistics.median(spent)
    return found


if __name__ == "__main__":
    folder, url = Path(sys.argv[2]), sys.argv[3]
    if sys.argv[1] == "materialize":
        store = applied(folder, url)
        say(lambda: materialize(store))
    else:
        store = feature_store(folder, url)
        say(lambda: read(store, int(sys.argv[4])))

"""Feast's online store on Redis: `materialize` of two views of five floats, and `read`, whose answers are checked."""

import statistics
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from feast import FeatureStore
from feast_views import FEATURES, apply, feature_store

sys.path.insert(0, str(Path(__file__).parents[1]))
from measured import say


def store_of(folder: Path, url: str) -> FeatureStore:
    connection = url.removeprefix("redis://").removesuffix("/0")
    return feature_store(folder, "file", {"type": "redis", "connection_string": connection})


def materialize(store: FeatureStore) -> dict[str, Any]:
    store.materialize(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC), disable_event_timestamp=False)
    return {}


def read(store: FeatureStore, entities: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for count in (1, 100):
        asked = [{"user": place * 7 % entities} for place in range(count)]
        answer = store.get_online_features(FEATURES, asked, full_feature_names=True).to_dict()
        found[f"total of {count}"] = sum(answer["spend__f0"]) + sum(answer["visits__f4"])
        spent = []
        for _ in range(5):
            start, times = time.process_time(), 200 if count == 1 else 20
            for _ in range(times):
                store.get_online_features(FEATURES, asked, full_feature_names=True).to_dict()
            spent.append((time.process_time() - start) / times * 1000)
        found[f"ms of {count}"] = statistics.median(spent)
    return found


if __name__ == "__main__":
    folder, url = Path(sys.argv[2]), sys.argv[3]
    store = store_of(folder, url)
    if sys.argv[1] == "materialize":
        apply(store, folder)
        say(lambda: materialize(store))
    else:
        say(lambda: read(store, int(sys.argv[4])))

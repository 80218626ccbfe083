"""The point-in-time join with Feast's offline stores of files: `file` (Dask and pandas) and `duckdb` (ibis)."""

import sys
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
from feast_views import FEATURES, apply, feature_store

sys.path.insert(0, str(Path(__file__).parents[1]))
from measured import say


def join(folder: Path, offline: str, own: Path) -> dict[str, Any]:
    store = feature_store(own, offline, {"type": "sqlite", "path": str(own / "online.db")})
    apply(store, folder)
    labels = pd.read_parquet(folder / "labels.parquet").rename(columns={"label_time": "event_timestamp"})
    joined = store.get_historical_features(entity_df=labels, features=FEATURES, full_feature_names=True).to_df()
    return {"rows": len(joined), "total": float(joined["spend__f0"].sum() + joined["visits__f4"].sum())}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as own:
        say(lambda: join(Path(sys.argv[1]), sys.argv[2], Path(own)))

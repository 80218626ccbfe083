"""Feast's store with the two views of five floats that it is measured on, each of a Parquet file."""

from datetime import timedelta
from pathlib import Path

from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.types import Float64

VIEWS = ("spend", "visits")
FEATURES = [f"{view}:f{number}" for view in VIEWS for number in range(5)]


def feature_store(own: Path, offline: str, online: dict[str, str]) -> FeatureStore:
    """A store whose registry lies in `own`."""
    return FeatureStore(
        config=RepoConfig(
            project="benchmark",
            provider="local",
            registry=str(own / "registry.db"),
            offline_store={"type": offline},
            online_store=online,
            entity_key_serialization_version=3,
        )
    )


def apply(store: FeatureStore, folder: Path) -> None:
    """Registers the views of the files in a folder."""
    user = Entity(name="user", join_keys=["user"], value_type=ValueType.INT64)
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

"""Configuration of Dagster's resources: where the lake is, and how it is reached."""

from typing import Any

import dagster as dg
from pydantic import Field

from platform_assets.steps.lake import lake_at
from platform_assets.stores.delta import Lake


class LakeResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Where the lake is. What is not given comes from the PLATFORM_ settings when a run begins.

    `storage=S3Config(...)` and `client=ClientConfig(timeout="30s")` of dagster-deltalake say how it is reached, and spoken to.
    """

    lake_root: str | None = Field(default=None, description="The lake's folder or URL; default: PLATFORM_LAKE.")
    storage: dict[str, str] = Field(
        default={},
        repr=False,
        json_schema_extra={"dagster__is_secret": True},
        description="How the lake is reached: options of deltalake, such as region, or an S3Config(...) of dagster-deltalake; default: the "
        "environment's, and PLATFORM_LAKE_OPTIONS.",
    )

    def __init__(self, **given: Any) -> None:
        # No validator: before any is asked, Dagster has looked for secrets that are environment variables.
        super().__init__(**_with_storage(given))

    def lake(self) -> Lake:
        """The lake in which the tables lie."""
        return lake_at(self.lake_root, self.storage)


def _with_storage(given: dict[str, Any]) -> dict[str, Any]:
    """The fields of a resource, with `storage` and `client`, a ClientConfig(...) of dagster-deltalake, as options of the lake."""
    fields = {name: value for name, value in given.items() if name != "client"}
    storage, client = _options(given.get("storage", {})), _options(given.get("client", {}))
    return {**fields, "storage": {**storage, **client} if client else storage}


def _options(storage: Any) -> Any:
    """Those that a configuration of dagster-deltalake stands for.

    Its classes are not named: to load them takes as long as to load all assets, for pandas comes with them.
    """
    if not isinstance(storage, dg.Config):
        return storage
    options = {name: getattr(storage, name) for name in type(storage).model_fields if name != "provider"}
    return {name: str(value).lower() if isinstance(value, bool) else value for name, value in options.items() if value is not None}

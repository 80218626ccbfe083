"""Configuration of Dagster resources: the location of the lake and its access options."""

from typing import Any

import dagster as dg
from pydantic import Field

from platform_assets.steps.lake import lake_at
from platform_assets.stores.delta import Lake


class LakeResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The location of the lake. Fields that are not set come from the PLATFORM_ settings when a run begins.

    `storage=S3Config(...)` and `client=ClientConfig(timeout="30s")` of dagster-deltalake configure the access to it.
    """

    lake_root: str | None = Field(default=None, description="The lake's folder or URL. Default: PLATFORM_LAKE.")
    storage: dict[str, str] = Field(
        default={},
        repr=False,
        json_schema_extra={"dagster__is_secret": True},
        description="The access options of the lake: options of deltalake, such as region, or an S3Config(...) of dagster-deltalake. "
        "Default: the environment's, and PLATFORM_LAKE_OPTIONS.",
    )

    def __init__(self, **given: Any) -> None:
        # Not a validator: Dagster resolves secrets from environment variables before validators run.
        super().__init__(**_with_storage(given))

    def lake(self) -> Lake:
        """The lake with the tables."""
        return lake_at(self.lake_root, self.storage)


def _with_storage(given: dict[str, Any]) -> dict[str, Any]:
    """The fields of a resource, with `storage` and `client` of dagster-deltalake converted to options of the lake."""
    fields = {name: value for name, value in given.items() if name != "client"}
    storage, client = _options(given.get("storage", {})), _options(given.get("client", {}))
    return {**fields, "storage": {**storage, **client} if client else storage}


def _options(storage: Any) -> Any:
    """The options of a dagster-deltalake configuration.

    Its classes are not imported: that takes as long as loading all assets, because it imports pandas.
    """
    if not isinstance(storage, dg.Config):
        return storage
    options = {name: getattr(storage, name) for name in type(storage).model_fields if name != "provider"}
    return {name: str(value).lower() if isinstance(value, bool) else value for name, value in options.items() if value is not None}

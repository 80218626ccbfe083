"""The resource of all assets: how the lake is reached."""

import dagster as dg
import pytest
from dagster_deltalake import AzureConfig, LocalConfig, S3Config
from dagster_deltalake.config import ClientConfig

from platform_assets.assets.resource import PlatformResource

OPTIONS = [
    ({}, None),
    ({"region": "eu-west-1", "secret_access_key": dg.EnvVar("LAKE_SECRET")}, {"region": "eu-west-1", "secret_access_key": "hunter2"}),
    (LocalConfig(), None),
    (
        S3Config(access_key_id="key", secret_access_key=dg.EnvVar("LAKE_SECRET"), allow_unsafe_rename=True),
        {"access_key_id": "key", "secret_access_key": "hunter2", "allow_unsafe_rename": "true", "imdsv1_fallback": "false"},
    ),
    (AzureConfig(account_name="shop"), {"account_name": "shop"}),
]


@pytest.mark.parametrize(("storage", "expected"), OPTIONS)
def test_options_of_the_lake_are_a_dict_or_a_class_of_dagster_deltalake(
    storage: object, expected: dict[str, str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKE_SECRET", "hunter2")
    found = []

    @dg.asset
    def looks(platform: PlatformResource) -> None:
        found.append(platform.lake())

    resource = PlatformResource(lake_root="s3://bucket/lake", storage=storage)
    assert dg.materialize([looks], resources={"platform": resource}).success
    assert (found[0].root, found[0].storage_options) == ("s3://bucket/lake", expected)


def test_how_the_lake_is_spoken_to_is_a_class_of_dagster_deltalake_too() -> None:
    resource = PlatformResource(lake_root="s3://bucket/lake", storage=S3Config(region="eu-west-1"), client=ClientConfig(allow_http=True))
    assert resource.storage == {"region": "eu-west-1", "imdsv1_fallback": "false", "allow_http": "true"}
    assert PlatformResource(client={"timeout": "30s"}).storage == {"timeout": "30s"}

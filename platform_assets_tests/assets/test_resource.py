"""The resource of all assets: how the lake is reached."""

import dagster as dg
import pytest
from dagster_deltalake import AzureConfig, LocalConfig, S3Config
from dagster_deltalake.config import ClientConfig

from platform_assets.assets.io_manager import LakeIOManager
from platform_assets.assets.lake_resource import LakeResource
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


@pytest.mark.parametrize("resource", [PlatformResource, LakeIOManager])
def test_secrets_that_a_resource_is_given_as_they_are_are_not_shown(resource: type[LakeResource]) -> None:
    given = resource(lake_root="s3://bucket/lake", storage=S3Config(secret_access_key="hunter2"))
    assert "hunter2" not in f"{given!r} {given} {given.lake()!r}"
    fields = given.get_resource_definition().config_schema.config_type.fields  # type: ignore[attr-defined]
    assert fields["storage"].is_secret, "Dagster's UI prints stars for it"
    assert "online_url" not in fields or fields["online_url"].is_secret


def test_a_url_without_options_is_reached_by_those_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORM_LAKE", "s3://bucket/lake")
    monkeypatch.setenv("PLATFORM_LAKE_OPTIONS", '{"aws_region": "eu-west-1", "aws_allow_http": true}')
    options = {"aws_region": "eu-west-1", "aws_allow_http": "true"}
    for given in (PlatformResource(), LakeIOManager(), PlatformResource(lake_root="s3://bucket/lake")):
        assert (given.lake().root, given.lake().storage_options) == ("s3://bucket/lake", options)
    assert PlatformResource(lake_root="/srv/lake").lake().storage_options is None

"""Views at any moment are not online before there are streams."""

import pytest

from platform_assets import FeatureService, FeatureView, count
from platform_assets.errors import OnlineError
from platform_assets.serving.plan import plan_of
from platform_assets_tests.conformance.named import USER, events


def test_a_service_with_a_view_at_any_moment_cannot_be_read_online() -> None:
    now = FeatureView("now", entity=USER, source=events(), features=[count().over("1d")], accuracy="temporal")
    with pytest.raises(OnlineError, match="view 'now' has temporal accuracy, which cannot be served online yet") as error:
        plan_of(FeatureService("served", [now]))
    assert "historical_features" in str(error.value)

"""Helpers for testing declarations: events in a few lines, judged rows, and comparisons that show the differences.

docs/how-to/test-your-declarations.md shows a whole test file.
"""

from platform_assets.testing.engines import assert_engines_agree as assert_engines_agree
from platform_assets.testing.engines import assert_features as assert_features
from platform_assets.testing.events import events as events
from platform_assets.testing.silver import judged as judged

__all__ = ["assert_engines_agree", "assert_features", "events", "judged"]

"""What Dagster loads: the businesses that come with the platform."""

from platform_assets.assets.definitions import build_definitions
from platform_assets.domains.retail.declarations import RETAIL

defs = build_definitions(*RETAIL)

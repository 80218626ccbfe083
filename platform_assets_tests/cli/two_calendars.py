"""A module whose declarations are written elsewhere, as a package's are: it has nothing but the Definitions."""

from platform_assets import build_definitions
from platform_assets_tests.cli import visits_and_orders

defs = build_definitions(*visits_and_orders.DECLARED)

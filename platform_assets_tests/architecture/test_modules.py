"""The reading of imports that the other tests here rely on sees every form of import."""

import ast

from platform_assets_tests.architecture.modules import Import, imports_in

SOURCE = """
from typing import TYPE_CHECKING
import polars as pl
from platform_assets import errors
from platform_assets.errors import PlatformError, suggestion
if TYPE_CHECKING:
    from . import partitions
def later():
    from ..expressions.types import DataType
"""


def test_every_form_of_import_is_seen_where_it_stands() -> None:
    importer = "platform_assets.declare.source"
    assert list(imports_in(importer, ast.parse(SOURCE))) == [
        Import(importer, "typing", 2),
        Import(importer, "polars", 3),
        Import(importer, "platform_assets.errors", 4),
        Import(importer, "platform_assets.errors", 5),
        Import(importer, "platform_assets.errors", 5),
        Import(importer, "platform_assets.declare.partitions", 7),
        Import(importer, "platform_assets.expressions.types", 9),
    ]


def test_a_name_of_a_package_that_is_no_module_means_the_package() -> None:
    found = list(imports_in("platform_assets.sources.arrival", ast.parse("from platform_assets.expressions import parse")))
    assert found == [Import("platform_assets.sources.arrival", "platform_assets.expressions", 1)]

"""Imports point one way. Those inside of functions and of `if TYPE_CHECKING` count too: they are knowledge all the same."""

from graphlib import CycleError, TopologicalSorter

import pytest

from platform_assets_tests.architecture.modules import PACKAGE, imports, inner_imports, modules

# Each rank may import its own and those above it in this list. The public surface is the package's __init__.
ORDER = [
    {"errors", "settings"},
    {"declare", "expressions", "aggregations"},
    {"kernels", "frames"},
    {"stores", "sources"},
    {"models", "streaming", "serving", "governance"},
    {"engines"},
    {"steps"},
    {"assets", "reading"},
    {"public surface", "testing"},
    {"domains"},
    {"definitions", "cli"},
]
RANK = {room: rank for rank, rooms in enumerate(ORDER) for room in rooms}

# Libraries that only these rooms or modules may know.
KNOWN_TO = {
    "dagster": ("assets", "domains", "definitions", "cli"),
    "pyspark": ("engines.spark", "stores.spark"),
    "delta": ("engines.spark", "stores.spark"),
    "confluent_kafka": ("streaming", "sources"),
}


def room(module: str) -> str:
    """The part of the package that a module is in: its folder, or itself."""
    return module.removeprefix(PACKAGE + ".").split(".")[0] if module != PACKAGE else "public surface"


def test_every_module_stands_in_a_known_room() -> None:
    strangers = sorted(module for module in modules() if room(module) not in RANK)
    assert strangers == [], "put them into a folder of the architecture, or decide their place in ORDER"


def test_imports_point_one_way() -> None:
    against = [str(found) for found in inner_imports() if RANK.get(room(found.imported), 99) > RANK.get(room(found.importer), 99)]
    assert against == []


def test_errors_import_nothing_of_ours() -> None:
    assert [str(found) for found in inner_imports() if room(found.importer) == "errors"] == []


def test_what_users_declare_knows_no_engine_storage_or_settings() -> None:
    inside = ("errors", "declare", "expressions", "aggregations")
    declaring = ("declare", "expressions", "aggregations")
    assert [str(f) for f in inner_imports() if room(f.importer) in declaring and room(f.imported) not in inside] == []


def test_kernels_know_no_settings_and_no_tables() -> None:
    outside = [f for f in inner_imports() if room(f.importer) == "kernels" and RANK.get(room(f.imported), 99) > RANK["kernels"]]
    assert [str(found) for found in outside] == []
    assert [str(f) for f in inner_imports() if room(f.importer) == "kernels" and room(f.imported) == "settings"] == []


def test_the_reference_shares_nothing_with_kernels() -> None:
    """It is the oracle: what both would take from one place, no test could find wrong."""
    mine = [f for f in inner_imports() if f.importer.startswith(f"{PACKAGE}.engines.reference")]
    assert [str(f) for f in mine if room(f.imported) in ("kernels", "frames", "stores")] == []


def test_steps_know_neither_polars_nor_a_particular_engine() -> None:
    asked = {f"{PACKAGE}.engines.engine", f"{PACKAGE}.engines.choice"}
    engines = [f for f in inner_imports() if room(f.importer) == "steps" and room(f.imported) in ("engines", "frames")]
    assert [str(f) for f in engines if f.imported not in asked and not f.imported.startswith(tuple(f"{one}." for one in asked))] == []
    assert [str(f) for f in imports() if room(f.importer) == "steps" and f.imported.split(".")[0] == "polars"] == []


def test_a_domain_knows_no_other_domain() -> None:
    domains = [(found, found.importer.split(".")[2:3], found.imported.split(".")[2:3]) for found in inner_imports()]
    across = [str(f) for f, one, other in domains if room(f.importer) == room(f.imported) == "domains" and one and other and one != other]
    assert across == []


@pytest.mark.parametrize("library", KNOWN_TO)
def test_only_their_rooms_know_the_heavy_libraries(library: str) -> None:
    allowed = tuple(f"{PACKAGE}.{place}" for place in KNOWN_TO[library])
    # dagster_deltalake and the like are dagster too.
    users = [
        found for found in imports() if found.imported.split(".")[0].split("_")[0] == library or found.imported.split(".")[0] == library
    ]
    assert [str(found) for found in users if not found.importer.startswith(allowed)] == []


def test_no_module_imports_itself_through_others() -> None:
    graph: dict[str, set[str]] = {module: set() for module in modules()}
    for found in inner_imports():
        if found.imported != found.importer:
            graph[found.importer].add(found.imported)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail("an import cycle: " + " is imported by ".join(error.args[1]))

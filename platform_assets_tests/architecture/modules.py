"""The modules of the package as their source text shows them: nothing is imported to find out what imports what."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = "platform_assets"


@dataclass(frozen=True)
class Import:
    """One import: who imports which module, and in which line of its file."""

    importer: str
    imported: str
    line: int

    def __str__(self) -> str:
        return f"{self.importer}, line {self.line}, imports {self.imported}"


@cache
def modules() -> dict[str, Path]:
    """Every module of the package, by its dotted name."""
    files = sorted((ROOT / PACKAGE).rglob("*.py"))
    return {".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file for file in files}


@cache
def tree(module: str) -> ast.Module:
    """The syntax tree of a module."""
    return ast.parse(modules()[module].read_text(), filename=str(modules()[module]))


@cache
def imports() -> tuple[Import, ...]:
    """Every import statement, also those inside of functions and of `if TYPE_CHECKING`."""
    return tuple(found for module in modules() for found in imports_in(module, tree(module)))


def imports_in(module: str, source: ast.Module) -> Iterator[Import]:
    """The imports of one module, in the order of their lines."""
    nodes = [node for node in ast.walk(source) if isinstance(node, ast.Import | ast.ImportFrom)]
    for node in sorted(nodes, key=lambda node: node.lineno):
        yield from _imports_of(module, node)


def _imports_of(module: str, node: ast.Import | ast.ImportFrom) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        yield from (Import(module, alias.name, node.lineno) for alias in node.names)
    else:
        origin = _origin(module, node)
        for alias in node.names:
            # `from package import name` imports a module if there is one of that name, otherwise the package itself.
            inner = f"{origin}.{alias.name}"
            yield Import(module, inner if inner in modules() else origin, node.lineno)


def _origin(module: str, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = module.split(".") if modules()[module].name == "__init__.py" else module.split(".")[:-1]
    return ".".join([*package[: len(package) - node.level + 1], *([node.module] if node.module else [])])


def inner_imports() -> tuple[Import, ...]:
    """The imports of the package's own modules."""
    return tuple(found for found in imports() if found.imported.split(".")[0] == PACKAGE)

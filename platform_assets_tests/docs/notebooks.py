"""Notebooks: their cells run in order in one module, and what they print and show is what stands below them.

    python -m platform_assets_tests.docs.notebooks examples/retail.ipynb

runs one and writes its outputs into it, as Jupyter would; the tests run it and compare.
"""

import ast
import contextlib
import io
import json
import linecache
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

Cell = dict[str, Any]


def code_cells(notebook: dict[str, Any]) -> list[Cell]:
    """The cells that run."""
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def run(notebook: dict[str, Any], name: str) -> list[str]:
    """What each cell prints, with the value of its last expression below: an exception of a cell goes through."""
    with _module(name) as module:
        return [_run(cell, module, f"<{name}, cell {number}>") for number, cell in enumerate(code_cells(notebook), start=1)]


def shown(cell: Cell) -> str:
    """What stands below a cell."""
    return "".join("".join(output.get("text", output.get("data", {}).get("text/plain", []))) for output in cell["outputs"])


def with_outputs(notebook: dict[str, Any], outputs: list[str]) -> dict[str, Any]:
    """The notebook with these outputs below its cells."""
    for number, (cell, text) in enumerate(zip(code_cells(notebook), outputs, strict=True), start=1):
        cell["execution_count"] = number
        cell["outputs"] = [{"name": "stdout", "output_type": "stream", "text": text.splitlines(keepends=True)}] if text else []
    return notebook


def _run(cell: Cell, module: ModuleType, filename: str) -> str:
    code = "".join(cell["source"])
    # So that functions and classes declared in a cell find their source.
    linecache.cache[filename] = (len(code), None, code.splitlines(keepends=True), filename)
    tree = ast.parse(code, filename)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, filename, "exec"), module.__dict__)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), filename, "eval"), module.__dict__)
            if value is not None:
                print(repr(value))
    return printed.getvalue()


@contextlib.contextmanager
def _module(name: str) -> Iterator[ModuleType]:
    module = ModuleType(f"notebook_{name}")
    sys.modules[module.__name__] = module
    try:
        yield module
    finally:
        del sys.modules[module.__name__]


def main(path: Path) -> None:
    notebook = json.loads(path.read_text())
    written = with_outputs(notebook, run(notebook, path.stem))
    path.write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""The examples of a page: its Python blocks, run in order in one module, and the output that the page shows for them."""

import contextlib
import doctest
import io
import linecache
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

# A Python block, and the text block below it with nothing between: what the Python block prints.
BLOCKS = re.compile(
    r"""
    ^(?P<indent>[ ]*)```python[^\n]*\n
    (?P<code>.*?)
    ^(?P=indent)```[^\n]*\n
    (?: \s*^(?P=indent)```text[^\n]*\n (?P<output>.*?) ^(?P=indent)``` )?
    """,
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)
NOT_RUN = re.compile(r"# not run\b(?::\s*(?P<reason>\S.*))?")


@dataclass(frozen=True)
class Example:
    """A Python block of a page: the line its code begins in, the code, and the output shown below it (None: not shown)."""

    line: int
    code: str
    output: str | None


def examples(text: str) -> Iterator[Example]:
    """The blocks that a reader may run. A block that begins with `# not run: why` is left out; without a why it is an error."""
    for block in BLOCKS.finditer(text):
        line = text.count("\n", 0, block.start("code")) + 1
        if mark := NOT_RUN.match(block["code"].lstrip()):
            if not mark["reason"]:
                raise ValueError(f"line {line}: say why the example is not run: '# not run: needs a Kafka broker'")
            continue
        yield Example(line, _dedented(block["code"], len(block["indent"])), _dedented(block["output"], len(block["indent"])))


def _dedented(text: str | None, width: int) -> str | None:
    return text if text is None else re.sub(rf"^ {{{width}}}", "", text, flags=re.MULTILINE)


def run(page: Path) -> int:
    """Run the examples of a page as one module and say how many there were. Output shown is compared; `...` stands for anything."""
    text = page.read_text()
    found = list(examples(text))
    with _module(page, text, found) as module:
        for example in found:
            # The empty lines put the code where it stands on the page, so that a traceback names the page's line.
            program = compile("\n" * (example.line - 1) + example.code, str(page), "exec")
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(program, module.__dict__)
            _compare(page, example, printed.getvalue())
    return len(found)


def first_names(page: Path) -> dict[str, Any]:
    """What the first example of a page declares, by name."""
    text = page.read_text()
    found = list(examples(text))[:1]
    with _module(page, text, found) as module:
        exec(compile("\n" * (found[0].line - 1) + found[0].code, str(page), "exec"), module.__dict__)
    return {name: value for name, value in vars(module).items() if not name.startswith("__")}


@contextlib.contextmanager
def _module(page: Path, text: str, found: list[Example]) -> Iterator[ModuleType]:
    """A real module, so that classes and functions declared on the page find their names and their source."""
    name = "page_" + re.sub(r"\W", "_", page.stem)
    module = ModuleType(name)
    module.__file__ = str(page)
    source = [""] * (text.count("\n") + 1)
    for example in found:
        code = example.code.splitlines()
        source[example.line - 1 : example.line - 1 + len(code)] = code
    linecache.cache[str(page)] = (len(text), None, [line + "\n" for line in source], str(page))
    sys.modules[name] = module
    try:
        yield module
    finally:
        del sys.modules[name]
        linecache.cache.pop(str(page), None)


def _compare(page: Path, example: Example, printed: str) -> None:
    if example.output is None:
        return
    same = doctest.OutputChecker().check_output(_trimmed(example.output), _trimmed(printed), doctest.ELLIPSIS)
    if not same:
        raise AssertionError(f"{page}, line {example.line}: the example prints\n{printed}\nbut the page shows\n{example.output}")


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines()) + "\n"

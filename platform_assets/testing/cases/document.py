"""A YAML document as plain data: words, strings and numbers as written, and the line of each."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import yaml

from platform_assets.errors import DeclarationError

Path = tuple[str | int, ...]

# YAML 1.2's core schema, in which plain words mean what they look like. PyYAML follows YAML 1.1: NO would be false, 10:30 would be 630,
# 1e9 a text, and 2024-03-01 10:00:00 a time without a zone.
_PLAIN: list[tuple[re.Pattern[str], Callable[[str], Any]]] = [
    (re.compile(r"|~|null|Null|NULL"), lambda text: None),
    (re.compile(r"true|True|TRUE"), lambda text: True),
    (re.compile(r"false|False|FALSE"), lambda text: False),
    (re.compile(r"[-+]?[0-9]+"), int),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
]


@dataclass(frozen=True)
class Document:
    """The content of a file. lines: the line of each entry, by its path from the root, such as ("cases", 0, "rows")."""

    name: str
    data: Any
    lines: dict[Path, int] = field(repr=False)

    def place(self, *path: str | int) -> str:
        """The start of a message about an entry, or about the nearest enclosing one."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.name}, line {self.lines[path]}" if path else self.name


def read_document(text: str, name: str) -> Document:
    """Parses a document. name: the file name, for messages.

    Raises:
        DeclarationError: invalid YAML, a repeated key, a key that is not a string, or more than one document.

    >>> read_document("country: NO", "example.yaml").data
    {'country': 'NO'}
    """
    try:
        root = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        raise DeclarationError(_broken(error, name)) from None
    lines: dict[Path, int] = {}
    return Document(name, None if root is None else _plain(root, (), lines, name, ()), lines)


def read_value(text: str) -> Any:
    """A value as written in a document: a number, a string, a list such as [1, 2].

    >>> read_value("[1, a, null]")
    [1, 'a', None]
    """
    return read_document(text, repr(text)).data


def _plain(node: Any, path: Path, lines: dict[Path, int], name: str, around: tuple[Any, ...]) -> Any:
    place = f"{name}, line {node.start_mark.line + 1}"
    if node in around:
        raise DeclarationError(f"{place}: an alias is inside the node it refers to. Write it out.")
    if isinstance(node, yaml.ScalarNode):
        return node.value if node.style else _scalar(node.value)
    around = (*around, node)
    if isinstance(node, yaml.SequenceNode):
        values = []
        for number, member in enumerate(node.value):
            lines[*path, number] = member.start_mark.line + 1
            values.append(_plain(member, (*path, number), lines, name, around))
        return values
    found: dict[str, Any] = {}
    for key_node, member in node.value:
        place = f"{name}, line {key_node.start_mark.line + 1}"
        if not isinstance(key_node, yaml.ScalarNode):
            raise DeclarationError(f"{place}: a key is a word, not a list or a mapping.")
        key = key_node.value
        if key in found:  # PyYAML keeps the last one, so a case would not test what it shows
            raise DeclarationError(f"{place}: {key!r} is listed twice. Leave one out.")
        lines[*path, key] = key_node.start_mark.line + 1
        found[key] = _plain(member, (*path, key), lines, name, around)
    return found


def _scalar(text: str) -> Any:
    return next((make(text) for pattern, make in _PLAIN if pattern.fullmatch(text)), text)


def _broken(error: yaml.YAMLError, name: str) -> str:
    """PyYAML's message in one line: the problem and its position."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    if mark is None or problem is None:
        return f"{name}: {' '.join(str(error).split())}"
    return f"{name}, line {mark.line + 1}, column {mark.column + 1}: {problem}. Put a string with ': ' or '#' in quotes."

"""A case as written in a file, and the file's words that it shares with others."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platform_assets.errors import DeclarationError, unknown
from platform_assets.testing.cases.declared import SOURCE_WORDS, VIEW_WORDS
from platform_assets.testing.cases.document import Document, read_document

SHARED = ("columns", "entity", "partitions", "features", "attributes", "rows", "at", "tolerance", *SOURCE_WORDS, *VIEW_WORDS)
"""Words that a file may set once for all of its cases; a case's own word overrides the file's."""

OWN = ("case", "expected", "quarantined", "error", "cannot")
OF_FILE = ("about", "cases")

_NEEDED = {
    "columns": "{user: str, at: datetime}",
    "event_time": "at",
    "entity": "user",
    "features": "[{count: , over: 7d}]",
}
"""Words that every case or its file must have, with an example."""


@dataclass(frozen=True)
class Case:
    """One case of a file.

    words: its own, and those of the file that it does not override. cannot: why it cannot be expressed, instead of anything to run.
    """

    title: str
    words: Mapping[str, Any]
    cannot: str | None
    number: int
    document: Document

    def place(self, *path: str | int) -> str:
        """The start of a message about a word of the case, with its line in the case or in the file."""
        own = ("cases", self.number, *path)
        of_file = path and path[0] not in self.document.data["cases"][self.number] and path[0] in self.document.data
        return f"{self.document.place(*(path if of_file else own))}, case {self.title!r}"

    @property
    def line(self) -> int:
        """The line on which it begins."""
        return self.document.lines["cases", self.number]


def read_cases(path: Path) -> list[Case]:
    """The cases of a file, in order.

    Raises:
        DeclarationError: the file cannot be read, or it has an unknown word; it gives the line and the closest valid word.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DeclarationError(f"{path}: the file cannot be read: {error}") from None
    document = read_document(text, str(path))
    data = document.data
    if not isinstance(data, Mapping) or not isinstance(data.get("cases"), list):
        raise DeclarationError(f"{path}: there are no cases. Write cases: and below it - case: what it is about.")
    _check_words(data, (*SHARED, *OF_FILE), document)
    shared = {word: value for word, value in data.items() if word in SHARED}
    cases: list[Case] = []
    for number, given in enumerate(data["cases"]):
        case = _case(given, shared, number, document)
        if any(case.title == other.title for other in cases):
            raise DeclarationError(f"{case.place()}: another case has the same title. Use a different title.")
        cases.append(case)
    return cases


def _case(given: Any, shared: Mapping[str, Any], number: int, document: Document) -> Case:
    where = document.place("cases", number)
    if not isinstance(given, Mapping) or not isinstance(given.get("case"), str):
        raise DeclarationError(f"{where}: a case begins with its title: - case: a row counts from the end of its day on.")
    title = given["case"].strip()
    _check_words(given, (*OWN, *SHARED), document, "cases", number, title=f", case {title!r}")
    cannot = given.get("cannot")
    if "cannot" in given:
        if not isinstance(cannot, str):
            raise DeclarationError(f"{document.place('cases', number, 'cannot')}, case {title!r}, cannot: {cannot!r} is not a reason.")
        return Case(title, {}, " ".join(cannot.split()), number, document)
    if ("expected" in given) == ("error" in given):
        raise DeclarationError(f"{where}, case {title!r}: it needs either expected: (rows) or error: (a part of the message).")
    if "error" in given and not (isinstance(given["error"], str) and given["error"]):
        raise DeclarationError(
            f"{document.place('cases', number, 'error')}, case {title!r}, error: {given['error']!r} is not a part of a message."
        )
    # Otherwise the file's kind of view would be combined with the case's own.
    own = {"features", "attributes"} & given.keys()
    inherited = {word: value for word, value in shared.items() if not (own and word in ("features", "attributes"))}
    words = {**inherited, **given}
    for word, example in _NEEDED.items():
        if word not in words and not (word == "features" and "attributes" in words):
            raise DeclarationError(f"{where}, case {title!r}: neither it nor the file has {word!r}. Write {word}: {example}.")
    return Case(title, words, None, number, document)


def _check_words(given: Mapping[str, Any], known: tuple[str, ...], document: Document, *path: str | int, title: str = "") -> None:
    for word in given:
        if word not in known:
            raise unknown(f"{document.place(*path, word)}{title}", "word", word, known)

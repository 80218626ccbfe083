"""Dirty CSV files of which the true rows are known: well written records, and between them lines that are none."""

from dataclasses import dataclass, field
from random import Random

GOOD_START = "abc012é "
ANYTHING = 'abc01é ,;"\n\\\t'
"""Values begin with a letter: a value that begins with a separator could close the stray quote of the line before it."""


@dataclass
class Dirty:
    """A file, its rows, and the lines that are not rows: their numbers and texts."""

    text: str = ""
    width: int = 1
    rows: list[tuple[str | None, ...]] = field(default_factory=list)
    bad: list[tuple[int, str]] = field(default_factory=list)
    separator: str = ","
    quote: str = '"'
    parsed: int = 0
    """Lines that are not rows only because they have another number of values than the header."""

    @property
    def has_title(self) -> bool:
        """Whether the header looks like a title above a table: it has one name, and most lines have more values."""
        return self.width == 1 and self.parsed > len(self.rows)

    def encoded(self) -> bytes:
        return self.text.encode()


def dirty(random: Random) -> Dirty:
    """A file of a random width, separator, quote and line end, a few of whose lines are bad, and some blank."""
    made = Dirty(width=random.choice([1, 2, 3, 3, 4, 6]), separator=random.choice([",", ",", ";", "\t", "|"]), quote=random.choice('""\''))
    end, always = random.choice(["\n", "\n", "\r\n", "\r"]), random.random() < 0.3
    line = 1

    def write(record: str) -> None:
        nonlocal line
        made.text += record + end
        line += lines_of(record)

    write(made.separator.join(_written(made, f"c{number}", always) for number in range(made.width)))
    kinds = ["row"] * random.choice([5, 12]) + random.choices(_kinds(random, made.width), k=random.choice([0, 1, 4]))
    random.shuffle(kinds)
    for kind in kinds:
        if kind == "blank":
            write(" " if made.width > 1 and random.random() < 0.3 else "")
        elif kind == "row" or (kind == "short" and made.width == 1):
            values = tuple(_value(random, made) for _ in range(made.width))
            record = made.separator.join(_written(made, value, always) for value in values)
            if record.strip(" ") and not _looks_joined(made, record):
                made.rows.append(values)
                write(record)
        else:
            record = _bad(random, made, kind)
            made.bad.append((line, record))
            made.parsed += kind in ("short", "long")
            write(record)
    if random.random() < 0.3 and not made.text.endswith(end * 2) and (not made.bad or not made.text.endswith(made.bad[-1][1] + end)):
        made.text = made.text.removesuffix(end)
    return made


def _kinds(random: Random, width: int) -> list[str]:
    """The kinds of bad lines in a file: a quote that is opened in one and closed in another would be a value of several lines."""
    if random.random() < 0.5 or width == 1:
        return ["row", "short", "long", "after", "inner", "blank"]
    return ["row", "short", "long", "open", "blank"]


def lines_of(record: str) -> int:
    return record.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1


def _value(random: Random, made: Dirty) -> str | None:
    if random.random() < 0.15:
        return None if made.width > 1 else "x"
    return random.choice(GOOD_START[:-1]) + "".join(random.choices(ANYTHING + made.quote, k=random.choice([0, 1, 3, 12])))


def _written(made: Dirty, value: str | None, always: bool) -> str:
    if value is None:
        return ""
    if not always and not {made.separator, made.quote, "\n", "\r"} & {*value}:
        return value
    return made.quote + value.replace(made.quote, made.quote * 2) + made.quote


def _looks_joined(made: Dirty, record: str) -> bool:
    """Whether each of several lines has the separators of a whole record: that cannot be told from stray quotes (ADR 19)."""
    lines = record.split("\n")
    return len(lines) > 1 and all(line.count(made.separator) == made.width - 1 for line in lines)


def _bad(random: Random, made: Dirty, kind: str) -> str:
    def plain() -> str:
        return "".join(random.choices("abc01é", k=random.choice([1, 2, 5])))

    number = {"short": random.randrange(1, max(made.width, 2)), "long": made.width + random.choice([1, 1, 3])}.get(kind, made.width)
    values = [plain() for _ in range(number)]
    at, quote = random.randrange(number), made.quote
    if kind == "after":
        values[at] = random.choice([f"{quote}{plain()}{quote} {plain()}", f"{quote}5{quote} pipe{quote}", f"{quote * 2}{plain()}{quote}"])
    elif kind == "inner":
        values[at] = random.choice([f"{plain()}{quote}", f"{plain()}{quote}{plain()}", f" {quote}{plain()}{quote}"])
    elif kind == "open":
        values[at] = f"{quote}{plain()}"
    return made.separator.join(values)

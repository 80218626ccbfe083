"""Reports the outcomes of cases in 80 columns: what passed, what differs and where, what cannot be expressed and why."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from rich.box import SIMPLE
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from platform_assets.testing.cases.declared import shown
from platform_assets.testing.cases.run import Difference, Outcome

_STYLE = {"passed": "green", "failed": "bold red", "cannot": "yellow"}


def tell(console: Console, outcomes: Sequence[Outcome], engines: Sequence[str]) -> None:
    """Prints each file's cases with their outcomes by engine, and the totals."""
    by_case = [list(group) for _, group in groupby(outcomes, key=lambda outcome: id(outcome.case))]
    for name, group in groupby(by_case, key=lambda of_case: of_case[0].case.document.name):
        console.print(Text(f"{name}", style="bold"))
        for of_case in group:
            _tell_case(console, of_case)
        console.print()
    status = [_status(of_case) for of_case in by_case]
    counts = {
        "passed": f"{status.count('passed')} passed",
        "failed": f"{status.count('failed')} failed",
        "cannot": f"{status.count('cannot')} cannot be expressed",
    }
    total = Text(f"{len(by_case)} case{'' if len(by_case) == 1 else 's'}: ")
    for number, (word, text) in enumerate(counts.items()):
        total.append(", " if number else "").append(text, style=_STYLE[word] if word in status else "")
    console.print(total)
    console.print(f"On {', '.join(engines)}")


def _status(of_case: Iterable[Outcome]) -> str:
    """The worst outcome of any engine."""
    found = {outcome.status for outcome in of_case}
    return "failed" if "failed" in found else "cannot" if "cannot" in found else "passed"


def _tell_case(console: Console, of_case: Sequence[Outcome]) -> None:
    status = _status(of_case)
    line = Table.grid(padding=(0, 1))
    line.add_column(width=8, justify="right")
    line.add_column(overflow="fold")
    line.add_row(Text(status, style=_STYLE[status]), Text(of_case[0].case.title))
    if status == "cannot":
        line.add_row("", Text(of_case[0].message, style="dim"))
    console.print(line)
    failed = [outcome for outcome in of_case if outcome.status == "failed"]
    for engines, outcome in _told_once(failed):
        differ = f"{len(outcome.differences)} {'value differs' if len(outcome.differences) == 1 else 'values differ'}"
        told = outcome.message.removeprefix(f"{outcome.case.document.name}, ") or f"line {outcome.case.line}, {differ}"
        console.print(Padding(Text(f"{engines}: {told}", overflow="fold"), (0, 0, 0, 9)))
        if outcome.differences:
            console.print(Padding(_table(outcome.differences), (0, 0, 0, 9)))


def _told_once(failed: Sequence[Outcome]) -> list[tuple[str, Outcome]]:
    """Groups engines that failed in the same way."""
    alike: list[tuple[list[str], Outcome]] = []
    for outcome in failed:
        for engines, other in alike:
            if (other.message, other.differences) == (outcome.message, outcome.differences):
                engines.append(outcome.engine)
                break
        else:
            alike.append(([outcome.engine], outcome))
    return [(", ".join(engines), outcome) for engines, outcome in alike]


def _table(differences: Sequence[Difference]) -> Table:
    keys = list(dict.fromkeys(name for difference in differences for name in difference.row))
    table = Table(box=SIMPLE, pad_edge=False, show_edge=False)
    for column in keys:
        table.add_column(column, overflow="fold")
    for column, style in (("value", ""), ("expected", "green"), ("found", "red")):
        table.add_column(column, overflow="fold", style=style)
    for difference in differences:
        row = [shown(difference.row[key]) if key in difference.row else "" for key in keys]
        table.add_row(*(Text(text) for text in (*row, difference.what, shown(difference.expected), shown(difference.found))))
    return table

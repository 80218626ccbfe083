"""Ways in which a file comes to harm, and a lake of every layer to harm."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

from platform_assets_tests.lakes import copied_from, on_disk
from platform_assets_tests.steps.pipeline import ALL_LAYERS, Pipeline, pipeline_with

Harm = Callable[[Path], None]


def deleted(file: Path) -> None:
    file.unlink()


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def overwritten(file: Path) -> None:
    """With as many bytes of garbage."""
    file.write_bytes(Random(file.name).randbytes(file.stat().st_size))


def cut(share: float) -> Harm:
    def harm(file: Path) -> None:
        content = file.read_bytes()
        file.write_bytes(content[: int(len(content) * share)])

    return harm


def flipped(share: float) -> Harm:
    """One bit, at a share of the file."""

    def harm(file: Path) -> None:
        content = bytearray(file.read_bytes())
        content[int((len(content) - 1) * share)] ^= 4
        file.write_bytes(bytes(content))

    return harm


HARMS: Mapping[str, Harm] = {
    "deleted": deleted,
    "emptied": emptied,
    "overwritten": overwritten,
    "cut at the start": cut(0.01),
    "cut in the middle": cut(0.45),  # half of a log entry may be its first line, which can be read
    "cut at the end": cut(0.99),
    "a bit flipped in the middle": flipped(0.5),
    "a bit flipped at the end": flipped(0.98),
}

LAYERS = tuple(layer for layer in ALL_LAYERS if layer != "online")
OF_STEP = {
    "raw": ["sales/raw"],
    "silver": ["sales/silver", "sales/quarantine"],
    "gold": ["spending/gold"],
    "checkpoints": ["history/checkpoints"],
    "history": ["history/gold"],
    "report": ["takings/gold"],
    "training": ["coming/training"],
    "model": ["coming/model"],
    "predictions": ["coming/predictions"],
}
"""The tables that each step writes."""


def bring_up(pipeline: Pipeline) -> None:
    """Makes whatever is stale, layer after layer."""
    pipeline.bring_up(*LAYERS)


def copied(home: Path, to: Path | str) -> Pipeline:
    """A copy of a pipeline's lake, models included."""
    shutil.rmtree(on_disk(to), ignore_errors=True)
    return pipeline_with(copied_from(home, str(to)))


def data_file(pipeline: Pipeline, table: str, key: str | None = None) -> Path:
    """The file of a partition of a table in its newest version; of the middle one that has a file, if no key is given."""
    name, _, layer = table.partition("/")
    files = sorted(pipeline.lake.files((name, layer)), key=lambda file: file.partition or "")
    found = [file for file in files if key is None or file.partition == key]
    return on_disk(pipeline.lake.uri((name, layer))).joinpath(found[len(found) // 2].path)


def log_file(pipeline: Pipeline, table: str, version: int) -> Path:
    name, _, layer = table.partition("/")
    return on_disk(pipeline.lake.uri((name, layer))).joinpath("_delta_log", f"{version:020d}.json")

"""Rows of quarantine repaired at the command line, by a function and in a file, and from Dagster's Launchpad."""

import json
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from platform_assets.assets.replays import JOB, OP
from platform_assets.cli.materialize import materialize
from platform_assets.errors import DeclarationError, NotReadyError, PlatformError
from platform_assets.settings import load_settings
from platform_assets_tests.cli.blocked_shop import defs, receipts
from platform_assets_tests.cli.test_blocked import FIRST, LAST, LAYERS, MODULE, instance, materializations, run
from platform_assets_tests.rotation import in_turn

__all__ = ["instance"]
BAD, NEWEST = "2024-03-02", "2024-03-03"


def amounts(day: str = NEWEST) -> list[float]:
    rows = pl.read_delta(f"{load_settings().lake_root}/receipts/silver").filter(pl.col("arrival").cast(pl.String) == day)
    return sorted(rows["amount"].to_list())


def test_a_replay_is_foreseen_done_once_and_shown(instance: dg.DagsterInstance) -> None:
    words = (
        "replay",
        "receipts",
        BAD,
        "--reason",
        "positive",
        "--set",
        "amount = -amount",
        "--why",
        "the till swapped signs",
        "--by",
        "ada",
    )
    foreseen = run(*words, "--dry-run").output
    assert "1 row (1 of 2024-03-02) would be received in receipts/raw 2024-03-03, as replay " in foreseen
    assert amounts() == [7.0, 8.0, 9.0]
    said = run(*words).output
    assert said == foreseen.replace("would be received", "received").rstrip() + (
        "\nreceipts/silver 2024-03-03 is open: of 4 rows received 4 accepted, 0 in quarantine, 0 duplicates.\n"
    )
    assert amounts() == [5.0, 7.0, 8.0, 9.0]
    assert run(*words).output == "Nothing to replay.\n1 row replayed before, received in 2024-03-03.\n"
    for day in (BAD, NEWEST):
        shown = run("quarantine", "receipts", day).output
        assert "1 row of 2024-03-02 replayed in 2024-03-03 by ada at " in shown
        assert "amount = -amount: the till swapped signs" in shown
    (partition, newest), *_ = materializations(instance, "receipts/raw")
    assert (partition, newest["dagster/row_count"], newest["replayed rows"]) == (NEWEST, 4, 1)
    (partition, newest), *_ = materializations(instance, "receipts/silver")
    assert (partition, newest["dagster/row_count"]) == (NEWEST, 4)


@pytest.mark.slow
def test_a_function_of_the_module_repairs(instance: dg.DagsterInstance) -> None:
    said = run("replay", "receipts", "--with", f"{__name__}.spelled", "--why", "words for numbers").output
    assert "2 rows (2 of 2024-03-02) received in receipts/raw 2024-03-03" in said
    assert amounts() == [5.0, 7.0, 8.0, 9.0, 100.0]
    with pytest.raises(DeclarationError, match=f"module '{MODULE}' has no function 'speled'"):
        run("replay", "receipts", "--with", "speled", "--why", "x")


def spelled(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.col("amount").replace("much", "100").str.strip_prefix("-"))


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_rows_are_exported_edited_by_hand_and_replayed_lines_too(instance: dg.DagsterInstance, tmp_path: Path, suffix: str) -> None:
    folder = load_settings().home / "till"
    (folder / f"{BAD}.csv").write_text(f"receipt,at,till,amount\n0,{BAD}T10:00:00Z,1,4\n1,{BAD}T10:00:00Z,1,5,\n2,{BAD}T10:00:00Z,1,much\n")
    for tables in LAYERS:
        materialize(defs, tables, receipts.partitions, FIRST, LAST, instance)
    assert "1 line no row can be read from" in run("replay", "receipts", BAD, "--reason", "not parsed", "--why", "x").output
    file = tmp_path / f"bad.{suffix}"
    assert f"2 rows in {file}. Edit values" in run("replay", "receipts", BAD, "--export", str(file)).output
    with pytest.raises(DeclarationError, match="is there already"):
        run("replay", "receipts", BAD, "--export", str(file))
    text = file.read_text()
    if suffix == "csv":
        rows = pl.read_csv(file, infer_schema=False)
        assert rows["unparsed"].to_list() == [None, f"1,{BAD}T10:00:00Z,1,5,"]
        rows = rows.with_columns(
            receipt=pl.Series(["2", "1"]),
            at=pl.lit(f"{BAD}T10:00:00Z"),
            till=pl.lit("1"),
            amount=pl.Series(["6", "5"]),
            unparsed=pl.lit(""),
        )
        rows.write_csv(file)
    else:
        told = [json.loads(line) for line in text.splitlines()]
        told[0]["amount"] = 6
        told[1] |= {"receipt": 1, "at": f"{BAD}T10:00:00Z", "till": 1, "amount": 5, "unparsed": None}
        file.write_text("\n".join(map(json.dumps, told)))
    said = run("replay", "receipts", "--rows", str(file), "--why", "by hand").output
    assert "2 rows (2 of 2024-03-02) received in receipts/raw 2024-03-03" in said
    assert "stands against" not in said
    assert amounts() == [5.0, 6.0, 7.0, 8.0, 9.0]
    assert run("replay", "receipts", "--rows", str(file), "--why", "by hand").output.startswith("Nothing to replay.")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("bad.csv", "receipt,amount\n1,5\n", "has no column 'replay_of'"),
        ("bad.csv", "replay_of,amount\n2024-03-02,5\n", "'2024-03-02' in the column 'replay_of' is no row"),
        ("bad.csv", "replay_of,amount\n2024-03-02/1/9,5\n", "receipts/quarantine has no row '2024-03-02/1/9'"),
        ("bad.csv", "replay_of,amount\n2024-03-02/1/2,5\n2024-03-02/1/2,6\n", "has the row 2024-03-02/1/2 twice"),
        ("bad.jsonl", "{", "cannot be read"),
        ("bad.xlsx", "", r"name it \.csv or \.jsonl"),
    ],
)
def test_a_file_that_is_not_what_was_exported_is_refused(
    instance: dg.DagsterInstance, tmp_path: Path, name: str, content: str, error: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(DeclarationError, match=error):
        run("replay", "receipts", "--rows", str(tmp_path / name), "--why", "x")


@in_turn("platform_assets/cli/replay.py", "platform_assets/assets/replays.py")
def test_what_cannot_be_replayed_is_said(instance: dg.DagsterInstance) -> None:
    with pytest.raises(DeclarationError, match="say why the rows may be used: --why"):
        run("replay", "receipts", BAD)
    with pytest.raises(DeclarationError, match="a PARTITION is named, and --from or --to"):
        run("replay", "receipts", BAD, "--to", BAD, "--why", "x")
    with pytest.raises(DeclarationError, match=r"there is no column 'amuont'\. Did you mean 'amount'"):
        run("replay", "receipts", "--where", "amuont < 0", "--why", "x")
    with pytest.raises(NotReadyError, match="2 rows of 2 would be set aside again"):
        run("replay", "receipts", BAD, "--why", "x")


@pytest.mark.slow
def test_the_job_does_the_same_from_the_launchpad_and_says_what_it_did(instance: dg.DagsterInstance) -> None:
    config = {"source": "receipts", "by": "ada", "why": "signs", "reasons": ["positive"], "values": ["amount = -amount"]}
    job = defs.resolve_job_def(JOB)
    result = job.execute_in_process(run_config={"ops": {OP: {"config": config}}}, instance=instance)
    assert result.output_for_node(OP) == {"keeper": NEWEST, "rows": 1}
    assert [(p, m["replayed rows"]) for p, m in materializations(instance, "receipts/raw")[:1]] == [(NEWEST, 1)]
    again = job.execute_in_process(run_config={"ops": {OP: {"config": config}}}, instance=instance)
    assert again.output_for_node(OP) == {"keeper": "", "rows": 0}
    with pytest.raises(PlatformError, match="there is no source 'receipt'"):
        job.execute_in_process(run_config={"ops": {OP: {"config": {**config, "source": "receipt"}}}}, instance=instance)

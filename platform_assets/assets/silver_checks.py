"""The checks of silver: nothing is lost, enough is accepted, rules, keys and volume; each is evaluated per partition."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from math import sqrt
from statistics import median
from typing import Any

import dagster as dg

from platform_assets.assets.asset_specs import key_of
from platform_assets.assets.checks import Verdict
from platform_assets.assets.markdown import reasons_table
from platform_assets.assets.partitions import partitions_definition
from platform_assets.assets.plots import bars, image
from platform_assets.assets.quality_checks import described as described_quality
from platform_assets.assets.quality_checks import quality_verdicts
from platform_assets.declare.durations import in_words
from platform_assets.declare.source import Source
from platform_assets.engines.engine import KeyFaults
from platform_assets.kernels.quality_tier import beyond_tolerance
from platform_assets.steps.like_partitions import AT_LEAST, LIKE, like
from platform_assets.steps.silver import ACCEPTED_AS_IT_IS, silver_table
from platform_assets.stores.ledger import Entry

NOTHING_LOST, ACCEPTED_SHARE, KEYS, VOLUME, AGE = "nothing_lost", "accepted_share", "keys", "volume", "age"

DRAWN = 30
"""The number of partitions in a plot."""


def silver_checks(source: Source) -> list[dg.AssetCheckSpec]:
    described = {
        NOTHING_LOST: "received = accepted + quarantined + duplicates",
        ACCEPTED_SHARE: f"At least {source.accepted_share:.0%} of a partition's rows are accepted. Below that it is LOW: its readers "
        f"wait until it is delivered again, or accepted: platform-assets accept {source.name} PARTITION --why '...'. It warns if more than "
        f"{source.tolerates_otherwise:.3g} of them have missing or unreadable values: then it is MEDIUM.",
        **{
            _rule(name): f"{rule.sql}\n\nRows that break it are quarantined; the check warns if they are more than "
            f"{source.tolerates[name]:.3g} of a partition's rows (tolerates=)."
            for name, rule in source.rules.items()
        },
        VOLUME: f"The rows received, compared with the median of {LIKE[source.partitions.unit][1]}: not below half of it, not above twice.",
    }
    if source.unique_key:
        within = f" within {source.duplicates_within} {source.partitions.unit}s" if source.duplicates_within else " within a partition"
        described[KEYS] = f"Accepted rows have a key, ({', '.join(source.unique_key)}), which is unique{within}."
    if stale_after := _stale_after(source):
        described[AGE] = (
            "How old the last value is, at a partition's end, while nobody answers and the source goes on with it. The check warns beyond "
            f"{in_words(stale_after)} (stale_after=)."
        )
    described |= described_quality(source)
    partitions, asset = partitions_definition(source.partitions), key_of(silver_table(source))
    return [dg.AssetCheckSpec(name, asset=asset, partitions_def=partitions, description=text) for name, text in described.items()]


def verdicts(source: Source, made: Mapping[str, Entry], now: Mapping[str, Entry], keys: Mapping[int, KeyFaults]) -> list[Verdict]:
    """The verdicts on the partitions of a run: every check of each.

    made: their entries. now: all entries of silver. keys: the key faults.

    Fewer would be cheaper, since an event costs Dagster 2 to 8 ms, but it shows a partition without one as skipped, in red.
    """
    found, declared = [], {check.name for check in source.checks}
    for entry in made.values():
        number = source.partitions.number(entry.partition)
        found += [_nothing_lost(entry), _accepted(source, entry)]
        found += [_kept_rule(entry, name, source.tolerates[name]) for name in source.rules]
        found += [] if VOLUME in declared else [_volume(source, entry, now)]
        found += [_keys(entry, keys[number])] if number in keys else []
        found += [_age(source, entry, now, stale_after)] if (stale_after := _stale_after(source)) else []
    newest = max(made, default="")
    found = [_with_plot(verdict, now) if verdict.partition == newest else verdict for verdict in found]
    return found + quality_verdicts(source, made, now)


def _with_plot(verdict: Verdict, now: Mapping[str, Entry]) -> Verdict:
    """Adds a plot of the check's value and bound over the last partitions, for the newest one of a run: Dagster plots over run times."""
    before = [entry for key, entry in now.items() if key <= verdict.partition and entry.status in ("ok", "blocked")][-DRAWN:]
    if verdict.check == ACCEPTED_SHARE:
        values, bound = {one.partition: 100 * one.details["accepted_share"] for one in before}, verdict.metadata["needed %"]
    elif verdict.check.startswith(_rule("")):
        values = {one.partition: _broken(one, verdict.check.removeprefix(_rule(""))) for one in before}
        bound = verdict.metadata["tolerated %"]
    else:
        return verdict
    drawn = image(bars(values, bound), f"% of the last {len(values)} partitions, and the bound {bound:g}")
    return replace(verdict, metadata={**verdict.metadata, "over partitions": dg.MetadataValue.md(drawn)})


def _rule(name: str) -> str:
    return f"rule_{name}"


def _nothing_lost(entry: Entry) -> Verdict:
    counts = {name: entry.details[name] for name in ("received", "accepted", "quarantined", "duplicates")}
    accepted = 0 if entry.status == "blocked" else counts["accepted"]
    passed = counts["received"] == accepted + counts["quarantined"] + counts["duplicates"]
    return Verdict(
        entry.partition, NOTHING_LOST, passed, {**counts, **{f"flag {flag}": rows for flag, rows in entry.details["flags"].items()}}
    )


def _accepted(source: Source, entry: Entry) -> Verdict:
    # Numbers, not strings: the UI plots them over the partitions.
    share = {"accepted %": round(100 * entry.details["accepted_share"], 1), "needed %": round(100 * entry.details["needed_share"], 1)}
    decision = entry.details.get(ACCEPTED_AS_IT_IS)
    says = {"accepted as it is": f"by {decision['by']} at {decision['at']}: {decision['why']}"} if decision else {}
    metadata: dict[str, Any] = {**share, **says, "tier": entry.tier, "reasons": reasons_table(entry.details)}
    if entry.status == "blocked":
        return Verdict(entry.partition, ACCEPTED_SHARE, False, metadata)
    # Rules have checks of their own, which warn.
    beyond = beyond_tolerance(source, entry.details["received"], entry.details["reasons"]) if entry.tier == "MEDIUM" else []
    passed = all(reason in source.rules for reason in beyond)
    return Verdict(entry.partition, ACCEPTED_SHARE, passed, metadata, dg.AssetCheckSeverity.ERROR if passed else dg.AssetCheckSeverity.WARN)


def _kept_rule(entry: Entry, name: str, tolerated: float) -> Verdict:
    rows, received, broken = entry.details["reasons"].get(name, 0), entry.details["received"], _broken(entry, name)
    metadata = {"broken %": round(broken, 3), "tolerated %": round(100 * tolerated, 3), "rows that break it": rows, "received": received}
    return Verdict(entry.partition, _rule(name), rows <= tolerated * received, metadata, dg.AssetCheckSeverity.WARN)


def _broken(entry: Entry, rule: str) -> float:
    """The percentage of a partition's rows that break a rule."""
    return 100 * entry.details["reasons"].get(rule, 0) / max(entry.details["received"], 1)


def _stale_after(source: Source) -> timedelta | None:
    """From which age of its last value on a source that goes on with it warns."""
    found: timedelta | None = getattr(source.connector, "stale_after", None)
    return found


def _age(source: Source, entry: Entry, now: Mapping[str, Entry], stale_after: timedelta) -> Verdict:
    partitions = source.partitions
    last = max((key for key, other in now.items() if other.rows and key <= entry.partition), default=None)
    if last is None:
        return Verdict(entry.partition, AGE, False, {"last value from": "none: there was never one"}, dg.AssetCheckSeverity.WARN)
    number = partitions.number(entry.partition)
    age = partitions.ends_at(number) - partitions.ends_at(partitions.number(last))
    hours = {"age in hours": round(age / _HOUR, 1), "warns beyond hours": round(stale_after / _HOUR, 1)}
    return Verdict(entry.partition, AGE, age <= stale_after, {**hours, "last value from": last}, dg.AssetCheckSeverity.WARN)


_HOUR = timedelta(hours=1)


def _keys(entry: Entry, faults: KeyFaults) -> Verdict:
    metadata = {"without a key": faults.missing, "with the key of another row": faults.repeated, "rows": entry.rows}
    return Verdict(entry.partition, KEYS, faults == KeyFaults(0, 0), metadata)


def _volume(source: Source, entry: Entry, now: Mapping[str, Entry]) -> Verdict:
    received = entry.details["received"]
    rows = [other.details["received"] for other in like(source.partitions, entry.partition, now)]
    if len(rows) < AT_LEAST:
        said = f"with nothing yet: it takes {AT_LEAST} partitions, and there are {len(rows)}"
        return Verdict(entry.partition, VOLUME, True, {"received": received, "compared": said}, dg.AssetCheckSeverity.WARN)
    usual = median(rows)
    # With few rows, half or twice as many can be chance: deviations within three standard deviations of a count never warn.
    passed = usual / 2 <= received <= usual * 2 or abs(received - usual) <= 3 * sqrt(usual)
    metadata = {
        "received": received,
        "usual": usual,
        "compared": f"with the median of {LIKE[source.partitions.unit][1]}",
        "of": ", ".join(map(str, rows)),
    }
    return Verdict(entry.partition, VOLUME, passed, metadata, dg.AssetCheckSeverity.WARN)

"""Patches of the engine that ships, each a mistake that someone could make; the suite must notice each by a wrong value."""

from platform_assets_tests.conformance.mutant import Mutant, mutants
from platform_assets_tests.conformance.mutants_silver import RULES, SILVER, SILVER_MUTANTS

CHANGE_LOG = "kernels/change_log.py"
KEYS = "kernels/entity_keys.py"
WINDOWS = "kernels/windows.py"
MARKS = "kernels/evaluation_points.py"
FROM_SILVER = "kernels/features_at.py"
KEPT = "kernels/checkpoint_state.py"
CHECKPOINT = "kernels/checkpoint.py"
AS_OF = "kernels/point_in_time.py"
LABELS = "kernels/labels.py"
GIVEN = "kernels/given_labels.py"
TIMES = "kernels/times.py"
REPORT = "kernels/report.py"
ATTRIBUTES = "kernels/attributes.py"

MUTANTS: list[Mutant] = [
    *mutants(
        "edges",
        ("closed both is closed left at its right edge", WINDOWS, 'strictly=closed in ("left", "none"))', 'strictly=closed != "right")'),
        (
            "closed both is closed right at its left edge",
            WINDOWS,
            'strictly=closed in ("left", "both")) for',
            'strictly=closed == "left") for',
        ),
        ("closed none is closed right", WINDOWS, 'strictly=closed in ("left", "none"))', 'strictly=closed == "left")'),
        ("a row on the right edge is inside", WINDOWS, "at if strictly else at - 1", "at - 1"),
        ("a row on a closed right edge is outside", WINDOWS, "at if strictly else at - 1", "at"),
        ("weeks begin on Thursday", TIMES, "(times - since_epoch(partitions.origin)) // step", "times // step"),
    ),
    *mutants(
        "ties",
        ("ties of event time by arrival", WINDOWS, "*(c for c in events.columns if c.startswith(ORDER)), ARRIVAL)", "ARRIVAL)"),
        ("the earlier arrival is the later row", WINDOWS, "ARRIVAL)\n    entity", "-pl.col(ARRIVAL))\n    entity"),
        (
            "of equally frequent values the largest",
            "aggregations/mode.py",
            "(state.code, -state.times, state.owner)",
            "(-state.code, -state.times, state.owner)",
        ),
        (
            "a quantile is one of the values",
            "aggregations/quantile.py",
            "masked(low + (high - low) * (place - lower), found",
            "masked(low, found",
        ),
        (
            "of the latest values the oldest",
            "aggregations/last_n.py",
            "counted(len(column), rows, len(column) - 1 - rows,",
            "counted(len(column), rows, rows,",
        ),
        (
            "ties in a report by nothing",
            REPORT,
            '"__time", *(c for c in rows.columns if c.startswith("__order_"))',
            '"__time", maintain_order=True',
        ),
    ),
    *mutants(
        "nulls",
        (
            "a sum and a mean count nulls",
            "aggregations/sum.py",
            "return column.valid.astype(np.int64), values",
            "return np.ones(len(column), np.int64), values",
        ),
        (
            "a count of a column counts nulls",
            "aggregations/count.py",
            "return column.valid.astype(np.int64)",
            "return np.ones(len(column), np.int64)",
        ),
        (
            "a null is the last value",
            "aggregations/first_last.py",
            "np.where(column.valid, np.arange(len(column)),",
            "np.where(True, np.arange(len(column)),",
        ),
        (
            "a null is 0 to min and max",
            "aggregations/min_max.py",
            "np.where(column.valid, column.values,",
            "np.where(True, column.values,",
        ),
        (
            "half a key is an entity",
            KEYS,
            "pl.all_horizontal(pl.col(column).is_not_null()",
            "pl.any_horizontal(pl.col(column).is_not_null()",
        ),
        ("the column of the key's own name holds it", KEYS, "pl.col(column).alias(key)", "pl.col(key)"),
        (
            "rows straight from silver are looked up by the key's own name",
            FROM_SILVER,
            "left_on=list(view.key_columns.values())",
            "left_on=keys",
        ),
        ("updates are of the column of the key's own name", ATTRIBUTES, "[*columns.values(), ", "[*columns, "),
        ("a rule that is null is broken", RULES, "name: ~rule.polars()", "name: ~rule.polars().fill_null(False)"),
        (
            "a text that cannot be read is null",
            RULES,
            "unreadable = received.is_not_null() & pl.col(column).is_null()",
            "unreadable = pl.lit(False)",
        ),
    ),
    *mutants(
        "entering",
        (
            "rows enter before they have arrived",
            WINDOWS,
            ', strictly=closed in ("left", "none")), arrival)',
            ', strictly=closed in ("left", "none")), -(2**62))',
        ),
        (
            "what enters in the first partition of a run is not noticed",
            CHANGE_LOG,
            "counts & (snapshot >= first)",
            "counts & (snapshot > first)",
        ),
        (
            "late rows are searched among those on time",
            MARKS,
            "in_order = np.minimum.accumulate(begin[left][::-1])[::-1] == begin[left]",
            "in_order = np.ones(len(left), np.bool_)",
        ),
        ("a row enters one snapshot late", MARKS, "_up_to(begin, at, len(marks))", "_up_to(begin, at - 1, len(marks))"),
    ),
    *mutants(
        "leaving",
        (
            "only the longest window writes when a row leaves",
            CHANGE_LOG,
            "for leaves in passage.exits.values()]",
            "for leaves in [passage.exits[max(passage.exits)]]]",
        ),
        (
            "a row that arrives outside writes when it would have left",
            CHANGE_LOG,
            "[(leaves, passage.enter < leaves)",
            "[(leaves, passage.enter < leaves + 3)",
        ),
        ("a row leaves one snapshot late", MARKS, "_up_to(places, at, len(marks))", "_up_to(places, at - 1, len(marks))"),
        ("rows that leave apart are one tile", MARKS, "for places in (begin, *ends.values()):", "for places in (begin,):"),
    ),
    *mutants(
        "data_delay",
        ("no delay", CHANGE_LOG, ' + pl.lit(view.source.data_delay, pl.Duration("us"))', ""),
        ("the delay is taken off", CHANGE_LOG, " + pl.lit(view.source.data_delay", " - pl.lit(view.source.data_delay"),
        ("valid from the beginning of the partition on", CHANGE_LOG, "(start_of(partition + 1,", "(start_of(partition,"),
        ("not yet valid at valid_from", AS_OF, 'strategy="backward"', 'strategy="backward", allow_exact_matches=False'),
    ),
    *mutants(
        "expiry",
        (
            "no expiry rows",
            CHANGE_LOG,
            "for leaves in passage.exits.values()]",
            "for length, leaves in passage.exits.items() if length < max(passage.exits)]",
        ),
        (
            "the shortest window decides whether an entity has expired",
            WINDOWS,
            "alive[one.at] |= one.until > begin",
            "alive[one.at] = one.until > begin",
        ),
        (
            "a default is not that of an expiry row",
            "aggregations/sum.py",
            "return series if self.default is None else",
            "return series if True else",
        ),
        (
            "an entity without a row has null and no empty list",
            AS_OF,
            "if feature.measure.empty is not None",
            "if isinstance(feature.measure.empty, int | float)",
        ),
        ("an entity without a row has nulls only", AS_OF, "if feature.measure.empty is not None", "if False"),
    ),
    *mutants(
        "offset",
        ("rows enter without the offset", WINDOWS, "after(times + offset, strictly", "after(times, strictly"),
        ("rows leave without the offset", WINDOWS, "after(times + offset + length, strictly", "after(times + length, strictly"),
        (
            "an offset counts from the arrival",
            WINDOWS,
            ', strictly=closed in ("left", "none")), arrival)',
            ', strictly=closed in ("left", "none")), arrival + offset // 86_400_000_000)',
        ),
    ),
    *mutants(
        "where",
        ("no condition", WINDOWS, "return value if measure.where is None else pl.when(measure.where.polars()).then(value)", "return value"),
        (
            "a condition that is null is true",
            WINDOWS,
            "pl.when(measure.where.polars()).then",
            "pl.when(measure.where.polars().fill_null(True)).then",
        ),
        ("features of one argument share a condition", WINDOWS, "where.canonical if where else None)", "None)"),
        ("labels ignore their condition", LABELS, "if declared.where is not None:", "if False:"),
    ),
    *mutants(
        "late rows",
        ("a late count replaces", "aggregations/count.py", "whole[at] += part", "whole[at] = part"),
        ("a late deviation forgets how far the means are apart", "aggregations/variance.py", " + apart**2 * n * more / both", ""),
        (
            "a deviation's mean is one number",
            "aggregations/variance.py",
            "return size, origin, distance, spread",
            "return size, origin + distance, distance * 0, spread",
        ),
        ("a variance is a deviation", "aggregations/variance.py", 'if self.name == "std" else variance', "if True else variance"),
        (
            "late values push none of the latest out",
            "aggregations/last_n.py",
            "return self._latest(whole.joined(part, at))",
            "return whole.joined(part, at)",
        ),
        (
            "whose values are too many is forgotten when more come late",
            "aggregations/bounded.py",
            "beyond[cells.owner] = True",
            "beyond = beyond",
        ),
        (
            "late values beyond the bound are kept as they are",
            "aggregations/quantile.py",
            "return whole.joined(part, at).within(self.exact_up_to, _cells)",
            "return whole.joined(part, at)",
        ),
        ("late values are not counted", "aggregations/ranges.py", "(self.times, part.times)", "(self.times, part.times * 0)"),
        (
            "times on which nothing late is in a window are left out by one",
            MARKS,
            "np.flatnonzero(np.cumsum(depth[:-1]) > 0)",
            "np.flatnonzero(np.cumsum(depth[:-1]) > 1)",
        ),
    ),
    *mutants(
        "checkpoints",
        ("rows of the checkpoint are counted again from silver", WINDOWS, "np.where(enter <= since, NEVER, enter)", "enter"),
        (
            "what has arrived is taken for what has entered",
            WINDOWS,
            "np.where(enter <= since, NEVER, enter)",
            "np.where(arrival <= since, NEVER, enter)",
        ),
        ("rows that pieces are about count as rows", WINDOWS, "np.where(states.is_witness, NEVER, arrival)", "arrival"),
        ("whom only the checkpoint knows is empty", WINDOWS, "        alive[at] = True\n", ""),
        (
            "a state is that of another entity",
            WINDOWS,
            "aggregation.over(before, mine[at], mine[at] + 1)",
            "aggregation.over(before, at * 0, at * 0 + 1)",
        ),
        ("entities that do not change are not kept", CHECKPOINT, "yield from _unchanged(", "yield from () and _unchanged("),
        ("what enters later is kept already", CHECKPOINT, "np.full(len(entity), snapshot)", "np.full(len(entity), snapshot + 1)"),
        ("ties with a kept row by nothing", KEPT, " or column.startswith(ORDER)]", "]"),
        (
            "kept values have lost how often they occur",
            "aggregations/mode.py",
            'StoredState(state.owner, {"times": state.times}',
            'StoredState(state.owner, {"times": state.times * 0 + 1}',
        ),
        ("a kept deviation has lost its spread", "aggregations/variance.py", "distance=distance, m2=m2)", "distance=distance, m2=m2 * 0)"),
    ),
    *mutants(
        "attributes",
        (
            "the last to arrive is the latest",
            ATTRIBUTES,
            'sort(source.event_time, "delivery", "row_number")',
            'sort("delivery", "row_number")',
        ),
        ("the row number goes before the delivery of updates", ATTRIBUTES, '"delivery", "row_number")', '"row_number", "delivery")'),
        ("the earliest update of a partition counts", ATTRIBUTES, 'keep="last"', 'keep="first"'),
        (
            "an older update that comes later counts",
            ATTRIBUTES,
            "rows.filter(pl.col(EVENT_TIME) >= pl.col(EVENT_TIME).cum_max().over(keys))",
            "rows",
        ),
        (
            "of updates of one time the first to arrive counts",
            ATTRIBUTES,
            ".cum_max().over(keys))",
            ".shift(1).cum_max().over(keys).fill_null(pl.datetime(1, 1, 1, time_zone='UTC')) + pl.duration(microseconds=1))",
        ),
        ("the latest update of anybody counts", ATTRIBUTES, ".cum_max().over(keys)", ".cum_max()"),
        ("updates may be read before the delay", ATTRIBUTES, ' + pl.lit(source.data_delay, pl.Duration("us"))', ""),
        ("updates of a state are duplicates", SILVER, "if not source.unique_key:", "if not source.key:"),
    ),
    *mutants(
        "moments",
        (
            "a window begins with a row's time, not with its tile",
            WINDOWS,
            "_tile_end(times, microseconds(feature.window.tile)) + group.offset",
            "times + 1 + group.offset",
        ),
        ("the end of a window with an offset is not rounded", WINDOWS, "else _tile_end(times, group.tile)", "else times + 1"),
        (
            "rows are seen at a moment before they have arrived",
            WINDOWS,
            "Passage(np.maximum(ends + group.offset, arrival), exits)",
            "Passage(ends + group.offset, exits)",
        ),
        ("rows arrive before the delay", WINDOWS, " + microseconds(view.source.data_delay)\n", "\n"),
        (
            "what arrives at a moment is not seen at it",
            WINDOWS,
            'start_of(arrival + 1, partitions).dt.timestamp("us")',
            'start_of(arrival + 1, partitions).dt.timestamp("us") + 1',
        ),
    ),
    *mutants(
        "straight from silver",
        ("the snapshot before the last", FROM_SILVER, "(index_at(readable, partitions) - 1)", "(index_at(readable, partitions) - 2)"),
        ("a snapshot may be read before the delay", FROM_SILVER, "physical(time) - microseconds(view.source.data_delay)", "physical(time)"),
        ("blocks of long ranges begin one too early", MARKS, "-(-begin // _BLOCK), end // _BLOCK", "begin // _BLOCK, end // _BLOCK"),
        (
            "what is left of a long range behind its blocks is forgotten",
            MARKS,
            "((begin, head_end), (tail_begin, end))",
            "((begin, head_end),)",
        ),
    ),
    *mutants(
        "labels and reports",
        ("what happens at t follows t", LABELS, 'pl.col("__time") > t,', 'pl.col("__time") >= t,'),
        ("what happens at t + horizon is too late", LABELS, 'pl.col("__time") <= t + microseconds', 'pl.col("__time") < t + microseconds'),
        ("who was active is known before it arrived", LABELS, 'pl.col("__arrived") <= t - microseconds(source.data_delay),', ""),
        ("a measure of nothing is null", LABELS, ".otherwise(empty)", ""),
        ("a measure is of unsorted rows", LABELS, 'rows = rows.sort("__time", *(', "rows = rows.sort(*("),
        ("a label that is given is settled at its time", GIVEN, "pl.col(_TIME) + microseconds(given.horizon)", "pl.col(_TIME)"),
        ("the last of several labels counts", GIVEN, "filter(good).min()", "filter(good).max()"),
        ("a bad row hides the good ones of its keys and time", GIVEN, "pl.col(_ROW).filter(good).min()", "pl.col(_ROW).min()"),
        ("labels come in the order of their times", GIVEN, "rows.sort(PLACE)", "rows.sort(given.time)"),
        ("late labels are nobody's", GIVEN, "| is_late)", ")"),
        ("a report's day is one of the source", REPORT, "days, mine = table.event_partitions,", "days, mine = table.source.partitions,"),
    ),
    *SILVER_MUTANTS,
]

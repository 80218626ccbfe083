"""Mistakes about the days of a time zone, and all other mutants."""

from platform_assets_tests.conformance.mutant import mutants
from platform_assets_tests.conformance.mutants import MUTANTS, TIMES
from platform_assets_tests.conformance.mutants_silver import RULES

EVERY_MUTANT = [
    *MUTANTS,
    *mutants(
        "local days",
        (
            "the first moment of a day belongs to the day before",
            TIMES,
            'np.searchsorted(starts, known, "right")',
            'np.searchsorted(starts, known, "left")',
        ),
        ("days of a zone begin at midnight UTC", TIMES, "if partitions.is_even or not len(times):", "if True:"),
        ("a skipped day is counted", TIMES, "days - _count(days > skipped for skipped in partitions.skipped)", "days"),
        (
            "a skipped day has rows",
            TIMES,
            "number + _count(number >= skipped - before for before, skipped in enumerate(partitions.skipped))",
            "number",
        ),
        ("of two midnights the second", "declare/timezones.py", "for fold in (0, 1))", "for fold in (1, 1))"),
        (
            "a row that is ahead is quarantined",
            RULES,
            "physical(source.event_time) - microseconds(source.clock_skew)",
            "physical(source.event_time)",
        ),
    ),
]

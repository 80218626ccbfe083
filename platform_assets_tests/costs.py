"""What the tests cost: the CPU seconds of each file, printed at the end. Unlike wall time they can be compared between busy machines.

And which tests fail, at once: a log that ends early names them.
"""

import os
from collections import Counter

import pytest

MOST = 12
_measured = 0.0


def _cpu_seconds() -> float:
    """Of this process, and of the child processes that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def pytest_collection_finish() -> None:
    """Imports are not a test's costs."""
    global _measured
    _measured = _cpu_seconds()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> object:
    """Adds the CPU seconds since the last report. A server's belong to the test or fixture that ends it."""
    global _measured
    report: pytest.TestReport = yield
    now = _cpu_seconds()
    report.user_properties = [*report.user_properties, ("cpu_seconds", now - _measured)]
    _measured = now
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Names a failed test when it fails; with several processes the one that prints is told of it."""
    if report.failed and "PYTEST_XDIST_WORKER" not in os.environ:
        print(f"\n{report.when} failed: {report.nodeid}", flush=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Names the files that cost most."""
    costs: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                costs[report.nodeid.partition("::")[0]] += sum(cost for name, cost in report.user_properties if name == "cpu_seconds")
    if sum(costs.values()) >= 60:
        terminalreporter.write_line(f"CPU seconds: {sum(costs.values()):.0f}; the files that cost most:")
        for file, cost in costs.most_common(MOST):
            terminalreporter.write_line(f"{cost:6.0f}  {file}")

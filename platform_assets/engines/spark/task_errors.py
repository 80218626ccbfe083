"""Our errors in Spark tasks: Spark passes on only the text of the traceback, from which the original error is raised again."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from pyspark.errors import PySparkException

import platform_assets.errors
from platform_assets.errors import ComputeError, PlatformError

P = ParamSpec("P")
T = TypeVar("T")
_SAID = re.compile(r"platform_assets said (\{.*\})$", re.MULTILINE)


class TaskError(Exception):
    """One of our errors within a task, as text on one line."""


@contextmanager
def in_a_task() -> Iterator[None]:
    """Wraps a task's computation, so that our errors can be recovered from Spark's."""
    try:
        yield
    except PlatformError as error:
        raise TaskError(f"platform_assets said {json.dumps({'kind': type(error).__name__, 'said': str(error)})}") from error


@contextmanager
def errors_of_tasks() -> Iterator[None]:
    """Wraps code that makes Spark compute: our errors in a task are raised again here; Spark's own errors pass through.

    Raises:
        PlatformError: the class that was raised in the task, with its message.
    """
    try:
        yield
    except PySparkException as error:
        if (said := _SAID.search(str(error))) is None:
            raise
        told = json.loads(said[1])
        kind = getattr(platform_assets.errors, told["kind"], ComputeError)
        try:
            raised = kind(told["said"])
        except TypeError:  # its constructor takes more than a message
            raised = ComputeError(told["said"])
        raise raised from None


def computes(method: Callable[P, T]) -> Callable[P, T]:
    """Decorates a method of the engine that computes immediately."""

    @wraps(method)
    def computed(*given: P.args, **named: P.kwargs) -> T:
        with errors_of_tasks():
            return method(*given, **named)

    return computed


def opens(method: Callable[P, Iterator[T]]) -> Callable[P, AbstractContextManager[T]]:
    """Decorates a method of the engine whose result is computed while its context is open, like contextmanager."""
    opened: Callable[..., Any] = contextmanager(method)

    @contextmanager
    @wraps(method)
    def within(*given: P.args, **named: P.kwargs) -> Iterator[T]:
        with errors_of_tasks(), opened(*given, **named) as made:
            yield made

    return within

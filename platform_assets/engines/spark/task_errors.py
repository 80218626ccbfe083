"""Errors of ours in Spark's tasks: Spark hands on the text of a traceback, from which they are raised again as what they were."""

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
    """An error of ours within a task, as text on one line."""


@contextmanager
def in_a_task() -> Iterator[None]:
    """Around what a task computes: an error of ours can be read from Spark's."""
    try:
        yield
    except PlatformError as error:
        raise TaskError(f"platform_assets said {json.dumps({'kind': type(error).__name__, 'said': str(error)})}") from error


@contextmanager
def errors_of_tasks() -> Iterator[None]:
    """Around what makes Spark compute: an error of ours in a task is raised here as what it was; Spark's own errors stay.

    Raises:
        PlatformError: of the class that was raised in the task, with its message.
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
        except TypeError:  # it is made of more than a message
            raised = ComputeError(told["said"])
        raise raised from None


def computes(method: Callable[P, T]) -> Callable[P, T]:
    """A method of the engine that computes at once."""

    @wraps(method)
    def computed(*given: P.args, **named: P.kwargs) -> T:
        with errors_of_tasks():
            return method(*given, **named)

    return computed


def opens(method: Callable[P, Iterator[T]]) -> Callable[P, AbstractContextManager[T]]:
    """A method of the engine that gives something to compute: as contextmanager, while it is open."""
    opened: Callable[..., Any] = contextmanager(method)

    @contextmanager
    @wraps(method)
    def within(*given: P.args, **named: P.kwargs) -> Iterator[T]:
        with errors_of_tasks(), opened(*given, **named) as made:
            yield made

    return within

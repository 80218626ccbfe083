"""The engines that a declaration can name. Values and versions do not depend on the engine."""

from typing import Any, Literal, get_args

from platform_assets.declare.arguments import one_of

EngineName = Literal["polars", "spark"]


def check_engine(engine: Any, where: str) -> EngineName | None:
    """The engine that a declaration names; None: inherited from what it reads, or PLATFORM_ENGINE."""
    if engine is not None:
        one_of(engine, get_args(EngineName), f"{where}, engine", "engine")
    return engine  # type: ignore[no-any-return]

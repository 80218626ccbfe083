"""A patch of the engine that ships: a mistake that someone could make."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """One text in one file of the package replaced by another; the old one must stand there exactly once."""

    category: str
    mistake: str
    file: str
    old: str
    new: str


def mutants(category: str, *patches: tuple[str, str, str, str]) -> list[Mutant]:
    """The patches of a category."""
    return [Mutant(category, *patch) for patch in patches]

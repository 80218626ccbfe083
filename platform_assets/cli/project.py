"""The project of the current folder: the module that Dagster loads, from its pyproject.toml."""

import tomllib
from pathlib import Path
from typing import Any

from platform_assets.cli import MODULE


def default_module() -> str:
    """The default module of a command: the project's, otherwise the shop's."""
    return project_module() or MODULE


def project_module() -> str | None:
    """The module that `dagster` and `dg` load in this folder; None if no pyproject.toml names it."""
    try:
        tools = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8")).get("tool")
    except (OSError, ValueError):
        return None
    project = _table(_table(tools, "dg"), "project")
    root = project.get("root_module")
    said = (
        _table(tools, "dagster").get("module_name"),
        project.get("code_location_target_module"),
        f"{root}.definitions" if isinstance(root, str) else None,  # dg's default if only the package is named
    )
    return next((name for name in said if isinstance(name, str)), None)


def _table(parent: Any, name: str) -> dict[str, Any]:
    child = parent.get(name) if isinstance(parent, dict) else None
    return child if isinstance(child, dict) else {}

"""The peers' environment: Feast and DuckDB, at the versions of peers/requirements.txt, in .peers beside the project's own .venv."""

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
FOLDER = HERE.parent / ".peers"
PINNED = HERE / "peers" / "requirements.txt"


def peers_python() -> str:
    """The peers' Python; the environment is made when it is not there, or when the pins have changed."""
    python, stamp = FOLDER / "bin" / "python", FOLDER / "made-of.txt"
    if not stamp.exists() or stamp.read_text() != PINNED.read_text():
        uv = Path(sys.executable).with_name("uv")
        print("making the peers' environment in .peers", flush=True)
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, FOLDER], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", python, "--requirement", PINNED], check=True)
        stamp.write_text(PINNED.read_text())
    return str(python)


def peers_versions(*packages: str) -> dict[str, str]:
    """The versions of packages in the peers' environment, named as such."""
    code = "import json, sys; from importlib.metadata import version; print(json.dumps({p: version(p) for p in sys.argv[1:]}))"
    said = subprocess.run([peers_python(), "-c", code, *packages], check=True, capture_output=True, text=True).stdout
    return {f"{name} (peers)": found for name, found in json.loads(said).items()}

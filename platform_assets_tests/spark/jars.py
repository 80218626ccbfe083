"""Downloads the jars of Delta Lake and of S3 once, by Spark itself: python -m platform_assets_tests.spark.jars FOLDER

They are in FOLDER/jars afterwards. Spark looks for them where it is told to, as for any other package; their hashes must be those that
stand in jars.sha256.
"""

import hashlib
import shutil
import sys
from pathlib import Path

PINNED = Path(__file__).with_name("jars.sha256")


def pinned() -> dict[str, str]:
    """The hash of each jar, by its name."""
    lines = (line.split() for line in PINNED.read_text().splitlines())
    return {name: digest for digest, name in lines}


def download(folder: Path) -> Path:
    """The folder of the jars, filled. Exits if one has another hash."""
    from pyspark.sql import SparkSession

    from platform_assets.engines.spark.session import configuration
    from platform_assets.settings import load_settings

    downloads, jars = folder.absolute() / "ivy", folder.absolute() / "jars"
    there = {"spark.jars.ivy": str(downloads), "spark.eventLog.enabled": "false"}  # its folder is not there yet
    settings = load_settings().model_copy(update={"lake": "s3://bucket/lake", "spark_jars": None})
    SparkSession.builder.config(map={**configuration(settings), **there}).getOrCreate().stop()
    jars.mkdir(exist_ok=True)
    for name, digest in pinned().items():
        file = downloads / "jars" / name
        if not file.exists():
            sys.exit(f"Spark did not download {name}: it has {sorted(found.name for found in file.parent.glob('*.jar'))}")
        if hashlib.sha256(file.read_bytes()).hexdigest() != digest:
            sys.exit(f"{file} has another SHA-256 than {PINNED.name} says: {digest}")
        shutil.copy(file, jars)
    shutil.rmtree(downloads)
    return jars


if __name__ == "__main__":
    download(Path(sys.argv[1]))

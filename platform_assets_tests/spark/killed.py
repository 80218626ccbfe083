"""A process that brings a business up on Spark, to be killed: python -m platform_assets_tests.spark.killed HOME EDITION"""

import os
import sys

from platform_assets_tests.spark.session import spark
from platform_assets_tests.steps.pipeline import pipeline_with

OFFLINE = ("raw", "silver", "gold", "checkpoints", "history", "report", "training", "model", "predictions")


def main(home: str, edition: str) -> None:
    spark()
    os.environ["PLATFORM_ENGINE"] = "spark"
    pipeline_with(home, edition).bring_up(*OFFLINE)


if __name__ == "__main__":
    main(*sys.argv[1:])

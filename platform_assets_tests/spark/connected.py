"""A process that brings a business up on a server of Spark Connect: python -m platform_assets_tests.spark.connected HOME

SPARK_REMOTE says where it is.
"""

import os
import sys

from platform_assets.engines.spark.session import session, tasks_at_once
from platform_assets_tests.spark.killed import OFFLINE
from platform_assets_tests.steps.pipeline import pipeline_with


def main(home: str) -> None:
    os.environ["PLATFORM_ENGINE"] = "spark"
    pipeline_with(home).bring_up(*OFFLINE)
    spark = session()
    print(f"{type(spark).__module__}, {tasks_at_once(spark)} tasks at once")


if __name__ == "__main__":
    main(*sys.argv[1:])

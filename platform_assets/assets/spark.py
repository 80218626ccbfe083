"""The Spark session as a Dagster resource, so that a run's steps and users' own assets share it."""

from typing import TYPE_CHECKING

from platform_assets.errors import extra

if TYPE_CHECKING:
    from dagster_pyspark import LazyPySparkResource


def pyspark_resource() -> "LazyPySparkResource":
    """A resource for your own assets, configured by the PLATFORM_SPARK_ settings: its `spark_session` starts Spark.

    A process has one session, shared by your code and the tables that the platform computes on Spark.

    Raises:
        MissingExtraError: dagster-pyspark is not installed.
    """
    with extra("spark"):
        from dagster_pyspark import LazyPySparkResource

        from platform_assets.engines.spark.session import configuration, ready
    return LazyPySparkResource(spark_config=ready(configuration()))

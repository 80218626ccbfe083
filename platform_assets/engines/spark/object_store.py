"""How Spark reaches a lake in S3: through Hadoop's S3A, with the same options that Delta and Polars use."""

import os
from collections.abc import Mapping

HADOOP, AWS = "3.5.0", "2.35.4"
"""The Hadoop version that PySpark 4.2 contains, and the version of Amazon's SDK it was built with."""
PACKAGES = (
    f"org.apache.hadoop:hadoop-aws:{HADOOP}",
    *(f"software.amazon.awssdk:{module}:{AWS}" for module in ("s3", "s3-transfer-manager", "sts")),
)
EXCLUDES = "software.amazon.awssdk:bundle,org.wildfly.openssl:*,io.netty:*,org.slf4j:*,org.apache.httpcomponents:*,commons-*:*"
"""The modules that S3A needs. The bundle is the whole SDK, 600 MB; Spark has newer versions of the other modules."""


def is_s3(root: str) -> bool:
    return root.startswith("s3://")


def hadoop_url(uri: str) -> str:
    """A folder or URL in the form that Spark reads."""
    if "://" not in uri:
        return f"file://{uri}"
    return uri.replace("s3://", "s3a://", 1) if is_s3(uri) else uri


def s3a_options(options: Mapping[str, str]) -> dict[str, str]:
    """S3A settings for a session, from the options or the environment; without keys, S3A looks for a role itself.

    >>> s3a_options({"aws_endpoint_url": "http://minio:9000", "aws_region": "eu-west-1"})["fs.s3a.endpoint"]
    'http://minio:9000'
    """
    known = {name.lower().removeprefix("aws_"): value for name, value in (*_environment(), *options.items()) if value}
    found = {
        "fs.s3a.endpoint": known.get("endpoint_url_s3") or known.get("endpoint_url") or known.get("endpoint"),
        "fs.s3a.endpoint.region": known.get("region") or known.get("default_region"),
        "fs.s3a.access.key": known.get("access_key_id"),
        "fs.s3a.secret.key": known.get("secret_access_key"),
        "fs.s3a.session.token": known.get("session_token") or known.get("token"),
    }
    if found["fs.s3a.endpoint"] and known.get("virtual_hosted_style_request", "false").lower() != "true":
        found["fs.s3a.path.style.access"] = "true"
    return {name: value for name, value in found.items() if value}


def _environment() -> list[tuple[str, str]]:
    return [(name, value) for name, value in os.environ.items() if name.startswith("AWS_")]

"""Tests of the Spark engine. They run in the environment of `make setup-spark`; elsewhere they are skipped.

session.py     one session of Spark for all tests of a process
lakes.py       compares two lakes, table by table and in what their ledgers say
connected.py   a server of Spark Connect
workloads.py   what the advised configuration is measured with, beside Spark's default
quick.py       what mutants of the engine are run against; killed.py is the process that is killed
jars.py        downloads the jars of Delta Lake and S3, whose hashes stand in jars.sha256
"""

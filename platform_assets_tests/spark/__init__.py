"""Tests of the Spark engine. They run in the environment of `make setup-spark`; elsewhere they are skipped.

session.py     one session of Spark for all tests of a process
lakes.py       compares two lakes, table by table and in what their ledgers say
quick.py       what mutants of the engine are run against; killed.py is the process that is killed
jars.py        downloads the jars of Delta Lake, whose hashes stand in jars.sha256
"""

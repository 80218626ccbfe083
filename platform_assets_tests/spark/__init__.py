"""Tests of the Spark engine. They run in the environment of `make setup-spark`; elsewhere they are skipped.

session.py     one session of Spark for all tests of a process
jars.py        downloads the jars of Delta Lake, whose hashes stand in jars.sha256
"""

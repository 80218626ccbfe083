"""Reads the platform's tables from Python, without Dagster."""

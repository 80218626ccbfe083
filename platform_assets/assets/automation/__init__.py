"""Automation: receives deliveries, materializes what reads them, restates reports for late rows, and watches freshness."""

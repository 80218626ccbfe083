"""Retail: an online shop, from daily files of order lines to churn predictions.

declarations.py is the business; generate.py and shop/ generate its files.
"""

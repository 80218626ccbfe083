"""Retail: an online shop, from daily files of order lines to who will not come again.

declarations.py is the business; generate.py and shop/ make up its files.
"""

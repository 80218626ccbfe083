"""The made-up shop, table by table; platform_assets.domains.retail.generate writes it to files."""

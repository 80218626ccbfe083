"""What is sold, and where to: the words in the files."""

import numpy as np

from platform_assets.domains.retail.shop.calendar import Array, Shop, stream

COUNTRIES = ("United Kingdom", "Germany", "France", "EIRE", "Spain", "Netherlands", "Belgium", "Switzerland", "Portugal", "Australia")
COUNTRY_SHARES = (0.85, 0.035, 0.03, 0.025, 0.015, 0.015, 0.01, 0.01, 0.005, 0.005)
UNKNOWN_COUNTRY = "Atlantis"
PRODUCTS = 800
"""Products on sale."""

_LOOKS = ("RED", "WHITE", "PINK", "BLUE", "VINTAGE", "CREAM", "WOODEN", "GLASS", "PAPER", "REGENCY", "JUMBO", "MINI")
_THINGS = ("LIGHT HOLDER", "LUNCH BAG", "CAKE TIN", "MUG", "PICTURE FRAME", "ALARM CLOCK", "DOORMAT", "UMBRELLA", "BUNTING", "KEY FOB")
# What a reader of CSV trips over: trailing spaces, commas, quotes.
_ENDS = ("", " ", ", SET OF 6", ' 7" SIZE', ".", ", LARGE", " , 12 PACK")


def product_codes(shop: Shop) -> list[str]:
    """Five digits, and a letter on every fourth: a code is a text. The most bought come first."""
    number = 20000 + stream(shop, "products").permutation(70_000)[:PRODUCTS]
    return [f"{each}{'ABCDE'[each % 5] if index % 4 == 0 else ''}" for index, each in enumerate(number.tolist())]


def product_pence(shop: Shop) -> Array:
    """Prices on the first day."""
    pence: Array = np.maximum(np.round(np.exp(stream(shop, "prices").normal(5.6, 0.8, PRODUCTS))), 10)
    return pence


def product_descriptions() -> list[str]:
    looks, things = len(_LOOKS), len(_THINGS)
    return [f"{_LOOKS[i % looks]} {_THINGS[i // looks % things]}{_ENDS[i // (looks * things)]}" for i in range(PRODUCTS)]

"""The texts that a cast accepts, as regular expressions that mean the same in Python, Rust and Java; they match the whole text.

Spaces around the value are ignored. Digits are 0 to 9.
"""

INT = r" *([+-]?[0-9]{1,40}) *"  # bounded, because Python refuses thousands of digits
FLOAT = r" *([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?) *"
DATE = r" *([0-9]{4}-[0-9]{2}-[0-9]{2}) *"
TIMESTAMP = (
    r" *([0-9]{4}-[0-9]{2}-[0-9]{2})"  # 1: day
    r"(?:[ T]([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9])(?:\.([0-9]{1,9}))?)?"  # 2 to 5: hour, minute, second, its fraction
    r"(?:Z|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))?)? *"  # 6 to 8: sign, hours and minutes that local time is ahead of UTC
)
TRUE = ("true", "t", "yes", "y", "1")
FALSE = ("false", "f", "no", "n", "0")

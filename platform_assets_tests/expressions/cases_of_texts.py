"""What texts, casts and times give, case by case."""

from datetime import date

from platform_assets_tests.expressions.cases import MAX, MIN, NAN, Case, at

TEXTS = [
    Case("|| joins, and null makes null", "s || t", "str", (("a", "b", "ab"), ("a", "", "a"), ("a", None, None), (None, None, None))),
    Case("concat is ||", "concat(s, '-', t)", "str", (("a", "b", "a-b"), (None, "b", None))),
    Case("lower", "lower(s)", "str", (("ÀB", "àb"), ("ΣΑΣ", "σας"), (None, None))),
    Case("upper", "upper(s)", "str", (("àb", "ÀB"), ("straße", "STRASSE"), (None, None))),
    Case("trim takes spaces off both ends, nothing else", "trim(s)", "str", (
        ("  a b ", "a b"), ("\ta\n", "\ta\n"), ("   ", ""), (None, None))),
    Case("length counts characters, not bytes", "length(s)", "int", (("", 0), ("né", 2), ("😀", 1), (None, None))),
    Case("substr counts from 1", "substr(s, 2)", "str", (("héllo", "éllo"), ("h", ""), (None, None))),
    Case("substr takes so many characters", "substr(s, i, j)", "str", (
        (1, 2, "héllo", "hé"), (2, 1, "héllo", "é"), (2, 0, "héllo", ""), (9, 3, "héllo", ""), (5, 100, "héllo", "o"),
        (2**62, 2**62, "héllo", ""),
        (MAX, MAX, "héllo", ""), (None, 1, "a", None), (1, None, "a", None), (1, 1, None, None))),
    Case("substr before the beginning, or of less than nothing, is null", "substr(s, i, j)", "str", (
        (0, 2, "abc", None), (-1, 1, "abc", None), (1, -1, "abc", None), (MIN, MIN, "abc", None))),
    Case("starts_with", "starts_with(s, t)", "bool", (
        ("abc", "ab", True), ("abc", "", True), ("abc", "AB", False), (None, "a", None), ("a", None, None))),
    Case("starts_with takes % and _ as they stand", "starts_with(s, '%_')", "bool", (("%_a", True), ("abc", False))),
    Case("replace takes every occurrence, as it stands", "replace(s, '.', '$0')", "str", (
        ("a.b.", "a$0b$0"), ("ab", "ab"), (None, None))),
    Case("replace of nothing changes nothing", "replace(s, '', 'x')", "str", (("ab", "ab"), ("", ""))),
    Case("like with % at the end", "s like 'C%'", "bool", (
        ("C", True), ("C123", True), ("c1", False), ("", False), ("aC", False), (None, None))),
    Case("like with % at the beginning", "s like '%ing'", "bool", (("ing", True), ("going", True), ("goings", False))),
    Case("like with % at both ends", "s like '%a.c%'", "bool", (("a.c", True), ("xa.cy", True), ("abc", False))),
    Case("like with % inside", "s like 'a%c'", "bool", (("ac", True), ("a\nbc", True), ("abcd", False), ("acc", True))),
    Case("_ is one character, whatever it is", "s like 'a_c'", "bool", (
        ("abc", True), ("a\nc", True), ("a😀c", True), ("ac", False), ("abbc", False))),
    Case("like compares the whole text", "s like 'abc'", "bool", (("abc", True), ("abc\n", False), ("xabc", False))),
    Case("like with _ compares the whole text", "s like 'ab_'", "bool", (("abc", True), ("abc\n", False), ("ab\n", True))),
    Case("nothing else in a pattern is special", r"s like '_\(.*)^$[a]%'", "bool", ((r"x\(.*)^$[a]yz", True), ("x(.*)", False))),
    Case("% alone is every text", "s like '%'", "bool", (("", True), ("a", True), (None, None))),
    Case("the empty pattern is the empty text", "s like ''", "bool", (("", True), ("a", False))),
    Case("not like", "s not like 'C%'", "bool", (("C1", False), ("1", True), (None, None))),
    Case("quotes in a text are doubled", "s = 'it''s'", "bool", (("it's", True), ("its", False))),
    Case("a backslash is a backslash", r"length('a\n')", "int", ((3,),)),
]  # fmt: skip

CASTS = [
    Case("int to float", "cast(i as float)", "float", ((1, 1.0), (2**53 + 1, float(2**53 + 1)), (MAX, float(MAX)), (None, None))),
    Case("int to text", "cast(i as text)", "str", ((-5, "-5"), (MIN, "-9223372036854775808"), (None, None))),
    Case("int to bool", "cast(i as bool)", "bool", ((0, False), (1, True), (-3, True), (None, None))),
    Case("float to int cuts off", "cast(x as int)", "int", (
        (1.9, 1), (-1.9, -1), (2.0**63, None), (-(2.0**63), MIN), (1e300, None), (NAN, None), (None, None))),
    Case("float to bool", "cast(x as bool)", "bool", ((0.0, False), (-0.0, False), (0.1, True), (NAN, None), (None, None))),
    Case("text to int", "cast(s as int)", "int", (
        ("12", 12), (" -12 ", -12), ("+0", 0), ("0" * 5000 + "7", None), ("00000000000000000000000007", 7),
        ("9223372036854775807", MAX),
        ("-9223372036854775808", MIN), ("9223372036854775808", None), ("1.0", None), ("1e3", None), ("1_0", None), ("٣", None),
        ("", None), ("1\n", None),
        ("-", None), (None, None))),
    Case("text to float", "cast(s as float)", "float", (
        ("1.5", 1.5), (" 1. ", 1.0), (".5", 0.5), ("-1e-3", -0.001), ("+1E5", 1e5), ("0.1", 0.1), ("1e400", None), ("nan", None),
        ("inf", None),
        ("", None), (".", None), ("1,5", None), ("1.5\n", None), (None, None))),
    Case("text to bool", "cast(s as bool)", "bool", (
        ("true", True), ("T", True), (" Yes ", True), ("y", True), ("1", True), ("FALSE", False), ("f", False), ("no", False),
        ("n", False), ("0", False),
        ("2", None), ("", None), (None, None))),
    Case("text to date", "cast(s as date)", "date", (
        ("2024-02-29", date(2024, 2, 29)), (" 2024-01-01 ", date(2024, 1, 1)), ("2023-02-29", None), ("2024-1-1", None),
        ("2024-01-01 00:00:00", None),
        ("0000-01-01", None), ("0001-01-01", date(1, 1, 1)), ("9999-12-31", date(9999, 12, 31)), ("05/03/2024", None), ("", None),
        (None, None))),
    Case("text to timestamp, in UTC unless it says otherwise", "cast(s as timestamp)", "datetime", (
        ("2024-03-05", at("2024-03-05")), ("2024-03-05 14:30", at("2024-03-05 14:30")),
        ("2024-03-05T14:30:15Z", at("2024-03-05 14:30:15")),
        ("2024-03-05 14:30:15.5", at("2024-03-05 14:30:15.500000")),
        ("2024-03-05 14:30:15.123456789", at("2024-03-05 14:30:15.123456")),
        ("2024-03-05 01:00:00+05:30", at("2024-03-04 19:30")), ("2024-03-05 23:00-02:00", at("2024-03-06 01:00")),
        ("2024-02-30 00:00", None),
        ("2024-03-05 24:00", None), ("2024-03-05 23:59:60", None), ("0001-01-01 00:00+00:01", None), ("9999-12-31 23:59-00:01", None),
        ("2024-03-05 14", None), ("today", None), ("", None), (None, None))),
    Case("bool to int", "cast(p as int)", "int", ((True, 1), (False, 0), (None, None))),
    Case("bool to float", "cast(p as float)", "float", ((True, 1.0), (False, 0.0), (None, None))),
    Case("bool to text", "cast(p as text)", "str", ((True, "true"), (False, "false"), (None, None))),
    Case("date to text", "cast(d as text)", "str", ((date(2024, 3, 5), "2024-03-05"), (date(1, 1, 1), "0001-01-01"), (None, None))),
    Case("date to timestamp is its midnight", "cast(d as timestamp)", "datetime", ((date(2024, 3, 5), at("2024-03-05")), (None, None))),
    Case("timestamp to text", "cast(a as text)", "str", (
        (at("2024-03-05 14:30"), "2024-03-05 14:30:00"), (at("2024-03-05 14:30:15.000001"), "2024-03-05 14:30:15.000001"),
        (None, None))),
    Case("timestamp to date cuts off", "cast(a as date)", "date", (
        (at("2024-03-05 23:59:59.999999"), date(2024, 3, 5)), (at("1969-12-31 23:59:59"), date(1969, 12, 31)), (None, None))),
    Case("a cast to the same type changes nothing", "cast(i as int)", "int", ((5, 5), (None, None))),
    Case(":: is a cast", "s::int", "int", (("5", 5), ("x", None))),
    Case("a null can be given a type", "cast(null as date)", "date", ((None,),)),
    Case("bigint, double and varchar are int, float and text", "cast(cast(s as bigint) as varchar)", "str", (("07", "7"), ("x", None))),
    Case("double is float", "cast(i as double)", "float", ((1, 1.0),)),
]  # fmt: skip

TIMES = [
    Case("the year of a date", "year(d)", "int", ((date(2024, 3, 5), 2024), (date(1, 1, 1), 1), (None, None))),
    Case("the year of a timestamp", "year(a)", "int", ((at("2023-12-31 23:59:59.999999"), 2023), (at("1969-12-31"), 1969), (None, None))),
    Case("month", "month(a)", "int", ((at("2024-03-05"), 3), (None, None))),
    Case("day", "day(d)", "int", ((date(2024, 3, 5), 5), (None, None))),
    Case("hour", "hour(a)", "int", ((at("2024-03-05 23:59"), 23), (at("1969-12-31 01:00"), 1), (None, None))),
    Case("minute", "minute(a)", "int", ((at("2024-03-05 23:59:59"), 59), (None, None))),
    Case("the hour in a zone, in winter and in summer", "hour(a, 'Europe/London')", "int", (
        (at("2024-03-05 23:30"), 23), (at("2024-07-05 23:30"), 0), (at("2100-01-01 12:00"), None), (None, None),
    )),
    Case("the hour that comes twice, and the one that does not come", "hour(a, 'America/New_York')", "int", (
        (at("2024-11-03 05:30"), 1), (at("2024-11-03 06:30"), 1), (at("2024-03-10 06:59"), 1), (at("2024-03-10 07:00"), 3),
    )),
    Case("the minute in a zone of half hours", "minute(a, 'Asia/Kolkata')", "int", ((at("2024-03-05 23:40"), 10), (None, None))),
    Case("the date in a zone", "to_date(a, 'Pacific/Apia')", "date", (
        (at("2011-12-30 09:59"), date(2011, 12, 29)), (at("2011-12-30 10:00"), date(2011, 12, 31)), (None, None),
    )),
    Case("the day in a zone", "day(a, 'Asia/Tokyo')", "int", ((at("2024-02-29 15:00"), 1), (at("2024-02-29 14:59"), 29))),
    Case("the day of the week in a zone", "day_of_week(a, 'Asia/Tokyo')", "int", ((at("2024-03-03 15:00"), 1), (None, None))),
    Case("month and year in a zone", "year(a, 'Asia/Tokyo') * 100 + month(a, 'Asia/Tokyo')", "int", ((at("2024-12-31 15:00"), 202501),)),
    Case("the hour of a date is 0", "hour(d)", "int", ((date(2024, 3, 5), 0), (None, None))),
    Case("Monday is 1 and Sunday 7", "day_of_week(d)", "int", (
        (date(2024, 3, 4), 1), (date(2024, 3, 10), 7), (date(1969, 12, 31), 3), (None, None))),
    Case("day_of_week of a timestamp", "day_of_week(a)", "int", ((at("2024-03-04 23:59"), 1), (None, None))),
    Case("to_date of a timestamp", "to_date(a)", "date", ((at("2024-03-05 23:59"), date(2024, 3, 5)), (None, None))),
    Case("to_date of a text", "to_date(s)", "date", (("2024-03-05", date(2024, 3, 5)), ("5 March", None), (None, None))),
    Case("hours from the earlier to the later", "hours_between(a, b)", "float", (
        (at("2024-03-05 00:00"), at("2024-03-05 01:30"), 1.5), (at("2024-03-05 01:30"), at("2024-03-05 00:00"), -1.5),
        (at("0001-01-01"), at("9999-12-31"), 87649392.0), (None, at("2024-03-05"), None), (at("2024-03-05"), None, None))),
    Case("hours from a date", "hours_between(d, a)", "float", ((at("2024-03-05 06:00"), date(2024, 3, 5), 6.0),)),
    Case("days from the earlier to the later", "days_between(d, e)", "float", (
        (date(2024, 2, 28), date(2024, 3, 1), 2.0), (date(2024, 3, 1), date(2024, 2, 28), -2.0), (None, date(2024, 3, 1), None))),
    Case("days have parts", "days_between(a, b)", "float", ((at("2024-03-05 00:00"), at("2024-03-05 06:00"), 0.25),)),
    Case("a date literal", "d >= date '2024-03-05'", "bool", ((date(2024, 3, 5), True), (date(2024, 3, 4), False), (None, None))),
    Case("a timestamp literal", "a < timestamp '2024-03-05 14:30:00.5'", "bool", (
        (at("2024-03-05 14:30"), True), (at("2024-03-05 14:31"), False))),
    Case("a timestamp literal with an offset is brought to UTC", "timestamp '2024-03-05 01:00:00+01:00'", "datetime", (
        (at("2024-03-05"),),)),
    Case("a timestamp is compared with a date literal", "a < date '2024-03-05'", "bool", (
        (at("2024-03-04 23:59"), True), (at("2024-03-05"), False))),
]  # fmt: skip

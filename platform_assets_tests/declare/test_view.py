"""What entities, features and feature views refuse, word for word."""

import pytest

from platform_assets import Entity, FeatureView, count, derive, last_n, max, mean, quantile, sum, top_k
from platform_assets.errors import DeclarationError
from platform_assets_tests.declare.shop import CUSTOMER, ORDERS, Wrong, refused, spend

NEEDS_A_NAME = "which a name made from column and window would not show. Add .named('...')."
A_DURATION = "is not a duration. Write a whole number followed by s, m (minutes), h, d or w, such as '7d'."
SPEND = "feature view 'spend'"

ENTITIES: Wrong = {
    "keys are a text": (lambda: Entity("customer", keys="id"), "entity 'customer', keys: 'id' is not a list. Write keys=['customer_id']."),
    "there are no keys": (lambda: Entity("customer", keys=[]), "entity 'customer' has no keys. Name the columns that identify it:"),
    "a key is a number": (lambda: Entity("customer", keys=[1]), "entity 'customer', keys: 1 is not a string."),  # type: ignore[list-item]
    "a key stands twice": (lambda: Entity("customer", keys=["id", "id"]), "entity 'customer', keys: 'id' is listed twice. Leave one"),
    "a key has a capital": (lambda: Entity("customer", keys=["ID"]), "entity 'customer', keys: the name 'ID' is invalid."),
    "keys are misspelt": (
        lambda: Entity("customer", key=["id"]),  # type: ignore[call-arg]
        "entity 'customer': there is no argument 'key'. Did you mean 'keys'?",
    ),
    "a name has a space": (lambda: Entity("a customer", keys=["id"]), "entity 'a customer': the name 'a customer' is invalid. Use lower"),
}

VIEWS: Wrong = {
    "an argument is misspelt": (lambda: spend(sources=ORDERS), f"{SPEND}: there is no argument 'sources'. Did you mean 'source'?"),
    "an argument is missing": (lambda: FeatureView("spend", entity=CUSTOMER), f"{SPEND} is missing the argument 'source'."),  # type: ignore[call-arg]
    "the name is missing": (lambda: FeatureView(entity=CUSTOMER), "feature view is missing the argument 'name'."),  # type: ignore[call-arg]
    "arguments have no names": (
        lambda: FeatureView("spend", CUSTOMER, ORDERS),  # type: ignore[call-arg]
        f"{SPEND}: only name may be positional. Write the others as name=value: entity, source, features, keys, accuracy, tile,",
    ),
    "the name is given twice": (
        lambda: FeatureView("spend", name="spend", entity=CUSTOMER, source=ORDERS, features=[]),  # type: ignore[misc]
        f"{SPEND}: the argument 'name' is given twice",
    ),
    "the name has a capital": (
        lambda: FeatureView("Spend", entity=CUSTOMER, source=ORDERS, features=[]),
        "feature view 'Spend': the name 'Spend' is invalid. Use lower-case letters, digits and single underscores,",
    ),
    "the name has two underscores": (
        lambda: FeatureView("spend__of", entity=CUSTOMER, source=ORDERS, features=[]),
        "feature view 'spend__of': the name 'spend__of' is invalid.",
    ),
    "the entity is a text": (
        lambda: spend(entity="customer"),
        f"{SPEND}, entity: 'customer' is not an Entity. Write Entity('customer', keys=['customer_id']).",
    ),
    "the source is undeclared": (
        lambda: spend(source=len),
        f"{SPEND}, source: <built-in function len> is not a source. Declare it with @source(...).",
    ),
    "the source is a view": (lambda: spend(source=spend()), f"{SPEND}, source: FeatureView('spend') is not a source. Declare it"),
    "the key is misspelt": (
        lambda: spend(entity=Entity("customer", keys=["customerid"])),
        f"{SPEND}, key of entity 'customer', source 'orders': there is no column 'customerid'. Did you mean 'customer_id'?",
    ),
    "the parentheses are forgotten": (
        lambda: spend(features=[count.over("7d", "30d")]),  # type: ignore[attr-defined]
        "count.over('7d'): count is a function. Write count().over('7d').",
    ),
    "the column and the parentheses are forgotten": (
        lambda: spend(features=[sum.named("spend").over("7d")]),  # type: ignore[attr-defined]
        "sum.named('spend'): sum is a function. Write sum('amount').named('spend').",
    ),
    "a feature is called without its last parentheses": (
        lambda: spend(features=[count().over]),  # type: ignore[list-item]
        f"{SPEND}, features: ",
    ),
    "features are one feature": (
        lambda: spend(features=count().over("7d")),
        f"{SPEND}, features: count().over('7d') is not a list. Write features=[count().over('7d')].",
    ),
    "features are a generator": (lambda: spend(features=(f for f in [count().over("7d")])), f"{SPEND}, features: <generator object"),
    "features are None": (lambda: spend(features=None), f"{SPEND}, features: None is not a list. Write"),
    "there is no feature": (lambda: spend(features=[]), f"{SPEND} has no features. Write features=[count().over('7d')]."),
    "there are only derived features": (lambda: spend(derive("one", "1")), f"{SPEND} has no features. Write"),
    "a feature is a text": (lambda: spend("count"), f"{SPEND}, features: 'count' is not a feature. Write count().over('7d') or derive("),
    "a feature is a function": (lambda: spend(count), f"{SPEND}, features: the function count() is not a feature. Write"),
    "online is a text": (lambda: spend(online="yes"), f"{SPEND}, online: 'yes' is neither True nor False."),
    "a description is a number": (lambda: spend(description=4), f"{SPEND}, description: 4 is not a string. Write description='...'."),
    "owners are a text": (lambda: spend(owners="a@b.c"), f"{SPEND}, owners: 'a@b.c' is not a list. Write owners=['a@b.c']."),
}

FEATURES: Wrong = {
    "a column is misspelt": (
        lambda: spend(mean("amuont").over("7d")),
        f"{SPEND}, mean('amuont'), source 'orders': 'amuont': there is no column 'amuont'. Did you mean 'amount'?",
    ),
    "a column is a list": (
        lambda: spend(sum(["amount"]).over("7d")),  # type: ignore[arg-type]
        f"{SPEND}, sum(['amount']), source 'orders': an expression must be",
    ),
    "a column is a star": (lambda: spend(count("*").over("7d")), "count('*'): a star is not a column. Write count()."),
    "a column is None": (
        lambda: spend(max(None).over("7d")),  # type: ignore[arg-type]
        f"{SPEND}, max(), source 'orders': max needs a column or an expression, such as max('amount').",
    ),
    "a column is missing": (lambda: sum(), "sum is missing the argument 'column'."),  # type: ignore[call-arg]
    "a column is not a number": (
        lambda: spend(mean("country").over("7d")),
        f"{SPEND}, mean('country'), source 'orders': mean needs a number, but 'country' is text",
    ),
    "a column is a time": (
        lambda: spend(sum("ordered_at").over("7d")),
        f"{SPEND}, sum('ordered_at'), source 'orders': sum needs a number, but 'ordered_at' is timestamp",
    ),
    "an option is misspelt": (lambda: sum("amount", wher="gift"), "sum('amount'): there is no argument 'wher'. Did you mean 'where'?"),  # type: ignore[call-arg]
    "an option has no name": (
        lambda: sum("amount", "gift"),  # type: ignore[call-arg]
        "sum('amount'): only column may be positional. Write the others as name=value: where, closed, offset, default.",
    ),
    "a condition is misspelt": (
        lambda: spend(count(where="gft").over("7d").named("gifts")),
        f"{SPEND}, count(where='gft'), source 'orders', where: 'gft': there is no column 'gft'. Did you mean 'gift'?",
    ),
    "a condition is a number": (
        lambda: spend(count(where="amount").over("7d").named("gifts")),
        f"{SPEND}, count(where='amount'), source 'orders', where: 'amount' is float, a condition must be true or false",
    ),
    "a condition is True": (
        lambda: spend(count(where=True).over("7d")),  # type: ignore[arg-type]
        f"{SPEND}, count(where=True), source 'orders', where: an expression must be a non-empty string of SQL.",
    ),
    "an expression has no name": (
        lambda: spend(sum("quantity * amount").over("7d")),
        f"{SPEND}, sum('quantity * amount') has an expression, {NEEDS_A_NAME}",
    ),
    "a condition has no name": (lambda: spend(count(where="gift").over("7d")), f"{SPEND}, count(where='gift') has where, {NEEDS_A_NAME}"),
    "an offset has no name": (lambda: spend(count(offset="1d").over("7d")), f"{SPEND}, count(offset='1d') has offset, {NEEDS_A_NAME}"),
    "a closed window has no name": (
        lambda: spend(count(closed="both").over("7d")),
        f"{SPEND}, count(closed='both') has closed, {NEEDS_A_NAME}",
    ),
    "an edge is misspelt": (
        lambda: spend(count(closed="lft").over("7d").named("n")),  # type: ignore[arg-type]
        f"{SPEND}, count(closed='lft'), closed: there is no way to close a window 'lft'. Did you mean 'left'?",
    ),
    "an edge is None": (
        lambda: spend(count(closed=None).over("7d").named("n")),  # type: ignore[arg-type]
        f"{SPEND}, count(), closed: None is not a way to close a window. Choose from: left, right, both, none.",
    ),
    "an offset is in words": (
        lambda: spend(count(offset="1 day").over("7d").named("n")),
        f"{SPEND}, count(offset='1 day'), offset: '1 day' is not a duration. Write '1d'.",
    ),
    "there is no window": (lambda: spend(count()), f"{SPEND}, count() has no window. Write count().over('7d')."),
    "windows are none": (lambda: spend(count().over()), f"{SPEND}, count() has no window. Write count().over('7d')."),
    "a window is in words": (lambda: spend(count().over("7 days")), f"{SPEND}, count().over: '7 days' is not a duration. Write '7d'."),
    "a window is a number": (
        lambda: spend(count().over(7)),
        f"{SPEND}, count().over: 7 is not a duration. Add the unit: '7d'",
    ),  # type: ignore[arg-type]
    "windows are a list": (
        lambda: spend(count().over(["7d"])),
        f"{SPEND}, count().over: ['7d'] is not a duration. Remove the brackets",
    ),  # type: ignore[arg-type]
    "a window is another word": (lambda: spend(count().over("life")), f"{SPEND}, count().over: 'life' {A_DURATION}"),
    "a window is for ever": (
        lambda: spend(count().over("forever")),
        f"{SPEND}, count().over: 'forever' {A_DURATION} For all rows from the beginning, write 'lifetime'.",
    ),
    "a window is empty": (lambda: spend(count().over("0d")), f"{SPEND}, count().over: '0d' is zero. It must be longer,"),
    "a window is endless": (lambda: spend(count().over("3000w", "6000w")), f"{SPEND}, count().over: '6000w' is longer than a century"),
    "a window stands twice": (lambda: spend(count().over("7d", "7d")), f"{SPEND}: two features are named 'count_7d'. Give one of them"),
    "two windows have one name": (
        lambda: spend(count().over("7d", "30d").named("n")),
        f"{SPEND}, count() has 2 windows and one name, 'n'. Put the window into it: .named('n_{{window}}').",
    ),
    "a name has a capital": (lambda: spend(count().over("7d").named("N")), f"{SPEND}, count(): the name 'N' is invalid."),
    "a name has another placeholder": (
        lambda: spend(count().over("7d").named("n_{length}")),
        f"{SPEND}, count(): the name 'n_{{length}}' is invalid.",
    ),
    "a name is a number": (
        lambda: spend(count().over("7d").named(3)),
        f"{SPEND}, count().named: 3 is not a string. Write .named('spend_7d').",
    ),  # type: ignore[arg-type]
    "two features have one name": (
        lambda: spend(count().over("7d"), count(where="gift").over("30d").named("count_7d")),
        f"{SPEND}: two features are named 'count_7d'. Give one of them another name.",
    ),
    "a feature is named as a key": (
        lambda: spend(count().over("7d").named("customer_id")),
        f"{SPEND}: the feature 'customer_id' has the name of a column that the table already has. Give it another name.",
    ),
    "a feature is named as the platform's": (
        lambda: spend(count().over("7d").named("valid_from")),
        f"{SPEND}: the feature 'valid_from' has the name of a column that the table already has.",
    ),
    "the share is a percentage": (lambda: quantile("amount", 50), "quantile('amount'), q: 50 is not a number from 0 to 1. Write 0.5."),
    "the share is a percentage in full": (
        lambda: quantile("amount", 99.9),
        "quantile('amount'), q: 99.9 is not a number from 0 to 1. Write 0.999.",
    ),
    "the share is below nothing": (lambda: quantile("amount", -5), "quantile('amount'), q: -5 is not a number from 0 to 1."),
    "the share is all": (lambda: quantile("amount", 1.0), "quantile('amount'), q: 1 is not a quantile. Write max('amount')."),
    "the share is nothing": (lambda: quantile("amount", 0), "quantile('amount'), q: 0 is not a quantile. Write min('amount')."),
    "a quantile is of a text": (
        lambda: spend(quantile("country", 0.5).over("7d")),
        f"{SPEND}, quantile('country', 0.5), source 'orders': quantile needs a number, but 'country' is text",
    ),
    "how many is missing": (lambda: last_n("amount"), "last_n('amount') is missing the argument 'n'. Write n=..."),  # type: ignore[call-arg]
    "how many are none": (lambda: last_n("amount", 0), "last_n('amount'), n: 0 is not a whole number of 1 or more, such as 2."),
    "how many is a fraction": (lambda: top_k("country", 2.5), "top_k('country'), k: 2.5 is not a whole number of 1 or more"),  # type: ignore[arg-type]
    "a column of a list is misspelt": (
        lambda: spend(top_k("contry", 3).over("7d")),
        f"{SPEND}, top_k('contry', 3), source 'orders': 'contry': there is no column 'contry'. Did you mean 'country'?",
    ),
    "an empty value is a text": (
        lambda: spend(sum("amount", default="0").over("7d")),  # type: ignore[arg-type]
        f"{SPEND}, sum('amount'), source 'orders', default: '0' is not a number that a column of float can hold",
    ),
    "an empty value is not a number": (lambda: spend(sum("amount", default=float("nan")).over("7d")), f"{SPEND}, sum('amount'), source"),
    "an empty value is too large": (
        lambda: spend(sum("quantity", default=1e30).over("7d")),
        f"{SPEND}, sum('quantity'), source 'orders', default: 1e+30 is not a number that a column of int can hold",
    ),
    "an empty value is a fraction": (
        lambda: spend(sum("quantity", default=0.25).over("7d")),
        f"{SPEND}, sum('quantity'), source 'orders', default: 0.25 is not a whole number, but the sum of integers is. Write 0.",
    ),
}

N = count().over("7d")
DERIVED: Wrong = {
    "a feature is misspelt": (
        lambda: spend(N, derive("half", "count_30d / 2")),
        f"{SPEND}, derive('half'): 'count_30d / 2': there is no column 'count_30d'. Did you mean 'count_7d'?",
    ),
    "a column of the source is read": (
        lambda: spend(N, derive("half", "amount / 2")),
        f"{SPEND}, derive('half'): 'amount / 2': there is no column 'amount'. Choose from: count_7d.",
    ),
    "a derived feature is read": (
        lambda: spend(N, derive("half", "count_7d / 2"), derive("quarter", "half / 2")),
        f"{SPEND}, derive('quarter'): 'half' is itself derived, and a feature can only be derived from stored ones. Write out its "
        f"expression.",
    ),
    "it reads itself": (lambda: spend(N, derive("half", "half / 2")), f"{SPEND}, derive('half'): 'half / 2': there is no column 'half'."),
    "its name is taken": (lambda: spend(N, derive("count_7d", "count_7d")), f"{SPEND}: two features are named 'count_7d'."),
    "its name is a number": (lambda: spend(N, derive(3, "count_7d")), f"{SPEND}, derive(3): the name 3 is invalid."),  # type: ignore[arg-type]
    "its expression is missing": (lambda: derive("half"), "derive('half') is missing the argument 'sql'."),  # type: ignore[call-arg]
    "a list is read": (
        lambda: spend(last_n("amount", 3).over("7d"), derive("half", "amount_last_3_7d / 2")),
        f"{SPEND}, derive('half'): amount_last_3_7d is a list[float], and an expression is computed from single values; read the list as",
    ),
    "its expression is a number": (
        lambda: spend(N, derive("half", 3)),
        f"{SPEND}, derive('half'): an expression must be a non-empty string of SQL",
    ),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("what", ENTITIES)
def test_a_wrong_entity_says_what_is_wrong(what: str) -> None:
    refused(*ENTITIES[what])


@pytest.mark.parametrize("what", VIEWS)
def test_a_wrong_view_says_what_is_wrong(what: str) -> None:
    refused(*VIEWS[what])


@pytest.mark.parametrize("what", FEATURES)
def test_a_wrong_feature_says_what_is_wrong(what: str) -> None:
    refused(*FEATURES[what])


@pytest.mark.parametrize("what", DERIVED)
def test_a_wrong_derived_feature_says_what_is_wrong(what: str) -> None:
    refused(*DERIVED[what])


def test_names_are_made_of_column_aggregation_and_window() -> None:
    view = spend(
        count().over("7d", "36h"), mean("amount").over("2w"), sum("amount", where="gift").over("7d", "30d").named("gifts_{window}")
    )
    assert [f.name for f in view.stored] == ["count_7d", "count_36h", "amount_mean_2w", "gifts_7d", "gifts_30d"]
    shares = (0.5, 0.9, 0.999, 0.025, 0.01, 1e-7)
    percentiles = spend(*(quantile("amount", q).over("7d") for q in shares)).stored
    said = ["p50", "p90", "p99_9", "p2_5", "p1", "p0_00001"]
    assert [f.name for f in percentiles] == [f"amount_{word}_7d" for word in said]
    assert list(spend(last_n("amount", 3).over("7d"), top_k("country", 1).over("2w")).served.items()) == [
        ("amount_last_3_7d", "list[float]"),
        ("country_top_1_2w", "list[str]"),
    ]


def test_the_empty_value_of_a_sum_has_the_type_of_its_values() -> None:
    view = spend(sum("quantity", default=0.0).over("7d"), sum("amount", default=0).over("7d"))
    assert [(f.measure.type, repr(f.measure.empty)) for f in view.stored] == [("int", "0"), ("float", "0.0")]


def test_a_feature_prints_as_it_is_declared() -> None:
    assert (
        repr(sum("amount", where="gift", offset="1d").over("7d").named("x"))
        == "sum('amount', where='gift', offset='1d').over('7d').named('x')"
    )
    assert repr(last_n("amount", 3, where="gift").over("7d")) == "last_n('amount', 3, where='gift').over('7d')"


def test_owners_and_tags_come_from_the_source_unless_declared() -> None:
    assert spend().owners == ORDERS.owners
    assert spend(owners=["team:growth"], tags={"tier": "1"}).owners == ("team:growth",)


def test_a_float_is_no_key_online() -> None:
    by_amount = Entity("amount", keys=["amount"])
    with pytest.raises(DeclarationError, match="'amount' is a float, which cannot be used for online lookups"):
        FeatureView("by_amount", entity=by_amount, source=ORDERS, features=[count().over("7d")], online=True)
    assert FeatureView("by_amount", entity=by_amount, source=ORDERS, features=[count().over("7d")]).key_types == {"amount": "float"}

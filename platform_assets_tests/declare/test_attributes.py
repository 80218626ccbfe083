"""What state sources and attribute views refuse, word for word, and what their versions depend on."""

import pytest

from platform_assets import AttributeView, Entity, FeatureService
from platform_assets_tests.declare.shop import CUSTOMER, ORDERS, Wrong, orders, profile, refused, spend, updates

PROFILE = "attribute view 'profile'"

WRONG: Wrong = {
    "a state has no key": (
        lambda: orders(kind="state"),
        "source 'orders', kind: a state needs key=[...], the columns that say what it is the state of.",
    ),
    "a state has duplicates": (
        lambda: updates(duplicates_within=1),
        "source 'orders', duplicates_within: no update of a state is a duplicate: what comes twice changes nothing. Leave it out.",
    ),
    "updates arrive now": (
        lambda: updates(deliveries="arrives_now"),
        "source 'orders', deliveries: a second delivery of a state restates its partition. Leave deliveries out.",
    ),
    "an argument is misspelt": (lambda: profile(atributes=[]), f"{PROFILE}: there is no argument 'atributes'. Did you mean 'attributes'?"),
    "attributes are missing": (
        lambda: AttributeView("profile", entity=CUSTOMER, source=updates()),  # type: ignore[call-arg]
        f"{PROFILE} is missing the argument 'attributes'.",
    ),
    "there are no attributes": (lambda: profile(attributes=[]), f"{PROFILE} has no attributes. Write attributes=['segment']."),
    "attributes are a text": (lambda: profile(attributes="country"), f"{PROFILE}, attributes: 'country' is not a list. Write"),
    "an attribute is misspelt": (
        lambda: profile(attributes=["contry"]),
        f"{PROFILE}, attributes, source 'orders': there is no column 'contry'. Did you mean 'country'?",
    ),
    "an attribute stands twice": (lambda: profile(attributes=["country", "country"]), f"{PROFILE}, attributes: 'country' is listed twice"),
    "an attribute is a key": (
        lambda: profile(attributes=["customer_id"]),
        f"{PROFILE}, attributes: 'customer_id' is a key, which every reader already has. Leave it out.",
    ),
    "the source has events": (
        lambda: profile(source=ORDERS),
        f"{PROFILE}, source: 'orders' has kind 'events', whose rows are never replaced by later ones. Declare it with kind='state', or "
        "use a FeatureView:",
    ),
    "the source is undeclared": (lambda: profile(source=len), f"{PROFILE}, source: <built-in function len> is not a source. Declare it"),
    "the entity is a text": (lambda: profile(entity="customer"), f"{PROFILE}, entity: 'customer' is not an Entity. Write Entity("),
    "the entity is another": (
        lambda: profile(entity=Entity("order", keys=["order_id"])),
        f"{PROFILE}: entity 'order' has the keys ['order_id'], source 'orders' is keyed by ['customer_id']. They must match:",
    ),
    "the entity has more keys": (
        lambda: profile(entity=Entity("pair", keys=["customer_id", "order_id"])),
        f"{PROFILE}: entity 'pair' has the keys ['customer_id', 'order_id'], source 'orders' is keyed by ['customer_id'].",
    ),
    "the name has a space": (
        lambda: AttributeView("a b", entity=CUSTOMER, source=updates(), attributes=["country"]),
        "attribute view 'a b'",
    ),
    "online is a text": (lambda: profile(online="yes"), f"{PROFILE}, online: 'yes' is neither True nor False."),
    "two views have one name": (
        lambda: FeatureService("s", [spend(), profile(name="spend")]),
        "feature service 's', views: two are named 'spend'. Leave one out, or rename one.",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_state_or_attribute_view_says_what_is_wrong_where_and_how_to_mend_it(what: str) -> None:
    refused(*WRONG[what])


def test_a_service_mixes_features_and_attributes() -> None:
    service = FeatureService("both", [spend(), profile()])
    assert service.keys == {"customer_id": "int"}
    assert service.features == {
        "spend__count_7d": "int",
        "spend__amount_sum_7d": "float",
        "profile__country": "str",
        "profile__gift": "bool",
    }


def test_the_order_of_keys_does_not_matter() -> None:
    pair = Entity("pair", keys=["order_id", "customer_id"])
    assert profile(entity=pair, source=updates(key=["customer_id", "order_id"])).key_types == {"order_id": "int", "customer_id": "int"}


def test_owners_and_tags_come_from_the_source_unless_declared() -> None:
    assert profile(source=updates(owners=["team:growth"])).owners == ("team:growth",)
    assert profile(owners=["team:risk"], source=updates(owners=["team:growth"])).owners == ("team:risk",)

"""Roles and places by the claims of a token."""

from typing import Any

import pytest

from console.oidc.claims import account_of
from console.oidc.refused import SignInRefused
from contracts.settings.console import ClaimedNames, OidcSettings
from tests.testkit.console.provider import CLIENT, ROLES

LEAD = {"preferred_username": "li", "groups": ["desk-leads"]}


def settings(**changed: Any) -> OidcSettings:
    return OidcSettings(issuer="", client_id=CLIENT, roles=ROLES, **changed)


def test_the_first_role_of_the_configuration_counts() -> None:
    claims = LEAD | {"groups": ["desk-leads", "desk-operators"]}
    assert account_of(claims, settings())[1].role == "operator"
    assert account_of(LEAD, settings())[1].role == "supervisor"


def test_a_claim_may_be_a_text_or_lie_within_another() -> None:
    claims = {"email": "li@city.example", "realm_access": {"roles": "desk-leads"}}
    given = settings(user_claim="email", role_claim="realm_access.roles")
    user, account = account_of(claims, given)
    assert (user, account.name, account.role) == (
        "li@city.example",
        "li@city.example",
        "supervisor",
    )
    namespaced = {"https://id.city.example/groups": ["desk-leads"], "preferred_username": "li"}
    given = settings(role_claim="https://id.city.example/groups")
    assert account_of(namespaced, given)[1].role == "supervisor"


def test_places_are_translated_and_without_any_nobody_comes_in() -> None:
    water = ClaimedNames(claim="departments", names={"dept-3": ["water", "drainage"], "none": []})
    given = settings(lifelines=water, districts=ClaimedNames(claim="areas"))
    claims = LEAD | {"departments": ["dept-3", "gas"], "areas": ["310101"]}
    account = account_of(claims, given)[1]
    assert (account.lifelines, account.districts) == (["drainage", "gas", "water"], ["310101"])
    assert account_of(claims | {"areas": "*"}, given)[1].districts == []
    assert account_of(claims, settings(desks=ClaimedNames(claim="desks")))[1].desks == []
    nothings: list[Any] = [[], None, "", ["none"], 7, {}]
    for nothing in nothings:
        with pytest.raises(SignInRefused, match="oidc_no_role: token: nothing in 'departments'"):
            account_of(claims | {"departments": nothing}, given)


@pytest.mark.parametrize("user", [None, "", "  ", "li\u200bwei", "li\nwei", "x" * 65, 7, {"a": 1}])
def test_a_name_that_nobody_can_read_is_none(user: object) -> None:
    with pytest.raises(SignInRefused, match="no name in 'preferred_username'"):
        account_of(LEAD | {"preferred_username": user}, settings())

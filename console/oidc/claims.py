"""Who somebody is, and what they may do, by the claims of their token."""

from collections.abc import Mapping
from typing import Any, Final

from console.accounts import Account
from console.oidc.refused import SignInRefused
from contracts.settings.console import ClaimedNames, OidcSettings

EVERYWHERE: Final = "*"
VALUES_MAX: Final = 1_000
NAME_CHARACTERS_MAX: Final = 64


def account_of(claims: Mapping[str, Any], settings: OidcSettings) -> tuple[str, Account]:
    """Name for commands and the audit, and what goes with it.

    Raises
    ------
    SignInRefused
        When the token names nobody, or nobody who has a role.

    Examples
    --------
    >>> settings = OidcSettings(issuer="", client_id="", roles={"desk": "operator"})
    >>> user, account = account_of({"preferred_username": "li", "groups": ["desk"]}, settings)
    >>> user, account.role
    ('li', 'operator')
    """
    user = _values(claims, settings.user_claim)[:1]
    if not user or not user[0].isprintable() or not 0 < len(user[0].strip()) <= NAME_CHARACTERS_MAX:
        raise SignInRefused(code="oidc_no_role", why=f"token: no name in {settings.user_claim!r}")
    held = set(_values(claims, settings.role_claim))
    role = next((role for value, role in settings.roles.items() if value in held), None)
    if role is None:
        raise SignInRefused(
            code="oidc_no_role", why=f"{user[0]!r}: no role in {settings.role_claim!r}"
        )
    name = next(iter(_values(claims, settings.name_claim)), user[0])
    return user[0].strip(), Account(
        name=name[:256] or user[0],
        role=role,
        lifelines=_names(claims, settings.lifelines),
        districts=_names(claims, settings.districts),
        desks=_names(claims, settings.desks, demanded=False),
    )


def _names(
    claims: Mapping[str, Any], wanted: ClaimedNames | None, *, demanded: bool = True
) -> list[str]:
    """Names that a claim gives; none for all of them."""
    if wanted is None:
        return []
    values = _values(claims, wanted.claim)
    found = {name for value in values for name in wanted.names.get(value, [value])}
    if not found and demanded:
        raise SignInRefused(code="oidc_no_role", why=f"token: nothing in {wanted.claim!r}")
    return [] if EVERYWHERE in found else sorted(found)


def _values(claims: Mapping[str, Any], claim: str) -> list[str]:
    """Texts of a claim, be it one or a list; `a.b` is the claim `b` within `a`.

    >>> _values({"realm": {"roles": ["desk", 7]}, "name": "Li"}, "realm.roles")
    ['desk']
    """
    found: Any = claims.get(claim)
    if found is None and "." in claim:
        found = claims
        for key in claim.split("."):
            found = found.get(key) if isinstance(found, Mapping) else None
    many = found if isinstance(found, list) else [found]
    return [one for one in many[:VALUES_MAX] if isinstance(one, str) and one]

"""Why somebody was not signed in: what the page says, and what the audit adds."""

from typing import Literal

Code = Literal["oidc_away", "oidc_refused", "oidc_stale", "oidc_no_role", "too_many"]


class SignInRefused(Exception):  # noqa: N818 - not an error: an answer
    """A sign-in that came to nothing.

    Parameters
    ----------
    code : str
        One of those that the page knows.
    why : str
        For the audit.
    """

    def __init__(self, code: Code, why: str) -> None:
        super().__init__(f"{code}: {why}")
        self.code = code
        self.why = why

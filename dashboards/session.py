"""Who looks, in which language and appearance: known once per run of a script, before any page."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import streamlit as st

from dashboards import roles, text, theme
from dashboards.settings import DashboardSettings
from dashboards.snapshot import Hub
from warehouse import pseudonym
from warehouse.errors import UsageError
from warehouse.settings import Settings

_KEY = "_dealhouse"


@dataclass(frozen=True)
class Session:
    """What one run of a script knows of its user."""

    role: roles.Role
    language: str
    acts_as: Callable[[], str]
    """Whom actions are said to be by: an id, never an e-mail address, since it is published. Asked when somebody acts,
    since it may take the key of the home, which those who only look have no need of."""

    def say(self, key: str, /, **values: object) -> str:
        """Say an entry of the catalogue."""
        return text.say(key, self.language, **values)

    def name(self, kind: str, value: str) -> str:
        """Name a column or a value."""
        return text.name_of(kind, value, self.language)


@cache
def hub() -> Hub:
    """The one hub of this process."""
    return Hub(Settings().layout())


@cache
def known_roles() -> dict[str, roles.Role]:
    """Roles of this installation, read once."""
    return roles.load(DashboardSettings().roles)


def appearance() -> theme.Theme:
    """Colours of the appearance that the browser shows."""
    return theme.of(st.context.theme.type)


def remember(session: Session) -> None:
    """Keep it for the page that runs next."""
    st.session_state[_KEY] = session


def current() -> Session:
    """The session that the frame of the app has found."""
    session: Session = st.session_state[_KEY]
    return session


def browser_language() -> str:
    """The first language of the browser that the catalogue has."""
    locale = (st.context.locale or "en").split("-")[0].upper()
    return locale if locale in text.LANGUAGES else "EN"


def must_sign_in() -> bool:
    """Whether this installation has a provider of identities (Streamlit's secrets, section ``auth``).

    Raises
    ------
    UsageError
        If there is a file of secrets that cannot be read: it may ask for a sign-in, so that nobody is let in.
    """
    try:
        return "auth" in st.secrets
    except FileNotFoundError as error:  # raised by Streamlit for a file that does not parse, too
        files = [str(path) for path in st.get_option("secrets.files")]
        found = [path for path in files if os.path.lexists(path)]
        if not found:
            return False
        raise UsageError(
            "The secrets of the dashboards cannot be read, so that nobody can sign in.",
            where=", ".join(found),
            why=str(error),
            todo="Mend the file, or take it away where nobody has to sign in (docs/dashboards.md).",
        ) from error


def need_a_lock(where: str) -> None:
    """Make sure that not everybody who reaches the pages may choose any role.

    Raises
    ------
    UsageError
        If people neither sign in nor have one fixed role.
    """
    if must_sign_in() or DashboardSettings().role:
        return
    raise UsageError(
        f"The dashboards were not started {where}: anybody who reaches them could choose any role.",
        todo="Let people sign in, or fix their role with --role or DEALHOUSE_DASHBOARD_ROLE (docs/dashboards.md), "
        "or listen on 127.0.0.1.",
    )


def verified_email(claims: Mapping[str, Any]) -> str:
    """E-mail address that the provider of identities vouches for, empty where it does not.

    Some providers say nothing of it, since they know their addresses; others let people write what they like. So it
    takes a setting to believe what is not vouched for. What is said to be unverified is never believed.
    """
    verified = claims.get("email_verified", DashboardSettings().trusts_unverified_email)
    return str(claims.get("email") or "") if str(verified).casefold() == "true" else ""


def acts_as(role: roles.Role, email: str) -> str:
    """Whom actions of somebody who signed in are said to be by: the id that the file of roles gives, else a pseudonym.

    The keyed pseudonym is the one that e-mail addresses have everywhere in the warehouse.

    Raises
    ------
    UsageError
        If there is no key to make one with: it is made by what takes in, and not by who looks.
    """
    named = role.staff_id(email)
    if named or not role.may_act:
        return named
    home, settings = hub().home, Settings()
    if not pseudonym.has_key(home, settings):
        raise UsageError(
            "You cannot act here yet: there is no key to make a pseudonym of your address with.",
            where=str(home.keys),
            todo="Run `dealhouse run`, which makes it, set DEALHOUSE_PSEUDONYM_KEY, or give this person an id in the "
            "file of roles (docs/dashboards.md).",
        )
    return pseudonym.load(home, settings).email(email) or ""

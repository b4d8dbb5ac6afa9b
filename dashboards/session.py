"""Who looks, in which language and appearance: known once per run of a script, before any page."""

from dataclasses import dataclass
from functools import cache

import streamlit as st

from dashboards import roles, text, theme
from dashboards.settings import DashboardSettings
from dashboards.snapshot import Hub
from warehouse.settings import Settings

_KEY = "_dealhouse"


@dataclass(frozen=True)
class Session:
    """What one run of a script knows of its user."""

    role: roles.Role
    language: str
    person: str
    """Whom actions are said to be by."""

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
    """Whether this installation has a provider of identities (Streamlit's secrets, section ``auth``)."""
    try:
        return "auth" in st.secrets
    except FileNotFoundError:
        return False

"""The frame around every page: who is there, in which language, and which pages their role may open."""

import runpy
from collections.abc import Callable
from functools import partial

import streamlit as st

from dashboards import registry, roles, session, text
from dashboards.settings import DashboardSettings

_CHOSEN = "_role"


def _person() -> tuple[roles.Role | None, Callable[[], str]]:
    """Find out the role of who is there, and whom their actions will be said to be by."""
    known = session.known_roles()
    if session.must_sign_in():
        if not st.user.is_logged_in:
            return None, str
        email = session.verified_email(st.user.to_dict())
        role = roles.of_person(known, email)
        return role, partial(session.acts_as, role, email) if role else str
    fixed = DashboardSettings().role
    if fixed:
        return known.get(fixed), lambda: fixed
    chosen = _chosen_role(list(known))
    return known[chosen], lambda: chosen


def _chosen_role(names: list[str]) -> str:
    """Let a visitor choose a role, which stands in the address by its name, so that links in new tabs keep it.

    Streamlit would bind the name that the list shows, which is another one in each language.
    """
    language = st.session_state.get("lang") or session.browser_language()
    told = st.query_params.get("role") or st.session_state.get(_CHOSEN)
    chosen: str = st.sidebar.selectbox(
        text.say("frame.role", language),
        names,
        index=names.index(told) if told in names else 0,
        key="role",
        format_func=lambda name: text.name_of("role", name, language),
        persist_state="session",
    )
    st.session_state[_CHOSEN] = chosen
    if chosen != names[0]:
        st.query_params["role"] = chosen
    elif "role" in st.query_params:
        del st.query_params["role"]
    return chosen


def _without_role(language: str) -> None:
    """Say why nothing is shown, and what to do. No page is run."""
    if session.must_sign_in() and not st.user.is_logged_in:
        st.title(text.say("frame.sign_in", language))
        st.write(text.say("frame.sign_in.why", language))
        if st.button(text.say("frame.sign_in.button", language), type="primary"):
            st.login()
        return
    st.title(text.say("state.no_role", language))
    st.write(text.say("state.no_role.todo", language))
    _sign_out(language)


def _sign_out(language: str) -> None:
    """Draw the button for those who have signed in."""
    if session.must_sign_in() and st.user.is_logged_in:
        st.button(text.say("frame.sign_out", language), on_click=st.logout, icon=":material/logout:", type="tertiary")


def _not_allowed(language: str, title: str) -> Callable[[], None]:
    def show() -> None:
        st.title(title)
        st.info(text.say("state.not_allowed", language), icon=":material/lock:")

    return show


def _run(name: str) -> None:
    runpy.run_path(registry.path_of(name))


def main() -> None:
    """Draw the frame, then the page."""
    st.set_page_config(page_title="Dealhouse", page_icon="📊", layout="wide")
    with st.sidebar:
        language = (
            st.segmented_control(
                "Language · Язык · Мова",
                list(text.LANGUAGES),
                default=session.browser_language(),
                key="lang",
                bind="query-params",
                label_visibility="collapsed",
                required=True,
            )
            or "EN"
        )
    role, acts_as = _person()
    if role is None:
        st.navigation([lambda: _without_role(language)], position="hidden").run()
        return
    session.remember(session.Session(role, language, acts_as))
    with st.sidebar:
        _sign_out(language)
    first = role.first_page if role.may_open(role.first_page) else next(iter(role.pages))
    menu: dict[str, list[st.Page]] = {}
    for page in registry.pages():
        allowed = role.may_open(page.name)
        title = text.say(f"page.{page.name}", language)
        menu.setdefault(text.say(f"group.{page.group}", language), []).append(
            st.Page(
                page.path if allowed else _not_allowed(language, title),
                title=title,
                icon=f":material/{page.icon}:",
                url_path=page.name,
                visibility="visible" if allowed else "hidden",
                help=text.say(f"page.{page.name}.question", language),
            )
        )
    # A default page has no address of its own, and links must hold for every role: the default shows what has one.
    start = st.Page(lambda: _run(first), title="Dealhouse", url_path="start", default=True, visibility="hidden")
    st.navigation({"": [start], **menu}, expanded=True).run()


main()

"""The frame around every page: who is there, in which language, and which pages their role may open."""

import runpy
from collections.abc import Callable

import streamlit as st

from dashboards import registry, roles, session, text
from dashboards.settings import DashboardSettings


def _person() -> tuple[roles.Role | None, str]:
    """Find out who is there, and their role."""
    known = session.known_roles()
    if session.must_sign_in():
        if not st.user.is_logged_in:
            return None, ""
        email = str(st.user.get("email") or "")
        return roles.of_person(known, email), email
    fixed = DashboardSettings().role
    if fixed:
        return known.get(fixed), fixed
    chosen = st.sidebar.selectbox(
        text.say("frame.role", st.session_state.get("lang") or session.browser_language()),
        list(known),
        key="role",
        format_func=lambda name: text.name_of("role", name, st.session_state.get("lang") or "EN"),
        persist_state="session",
    )
    return known[chosen], chosen


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
    role, person = _person()
    if role is None:
        st.navigation([lambda: _without_role(language)], position="hidden").run()
        return
    session.remember(session.Session(role, language, person))
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

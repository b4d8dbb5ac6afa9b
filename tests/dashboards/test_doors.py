"""Who gets in, as whom, and which files the server refuses to start with."""

import json
import shutil
from pathlib import Path

import pytest
from streamlit import config
from streamlit.runtime.secrets import secrets_singleton
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

import dashboards.cli
from dashboards import roles, session, text
from dashboards.serve import make_app
from tests.dashboards.conftest import APP
from warehouse import pseudonym
from warehouse.cli.app import app as commands
from warehouse.errors import UsageError
from warehouse.settings import Settings

AUTH = {"redirect_uri": "http://localhost:8501/oauth2callback", "cookie_secret": "x", "client_id": "x"}


@pytest.fixture
def secrets(tmp_path, monkeypatch):
    """Where Streamlit looks for its file of secrets, which is not there yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    monkeypatch.setenv("DEALHOUSE_DASHBOARD_ROLE", "")
    path = tmp_path / ".streamlit" / "secrets.toml"
    path.parent.mkdir()
    usual = config.get_option("secrets.files")
    config.set_option("secrets.files", [str(path)])
    monkeypatch.setattr(secrets_singleton, "_secrets", None)
    yield path
    config.set_option("secrets.files", usual)


def test_without_a_file_of_secrets_nobody_signs_in(secrets):
    assert not session.must_sign_in()


def test_with_a_provider_people_sign_in(secrets):
    secrets.write_text('[auth]\nclient_id = "x"\n')
    assert session.must_sign_in()


@pytest.mark.parametrize("content", ['[auth]\nclient_id = "x', "auth", "= 1"])
def test_secrets_that_do_not_parse_let_nobody_in(secrets, content):
    secrets.write_text(content)
    with pytest.raises(UsageError, match=r"secrets\.toml"):
        session.must_sign_in()


def test_secrets_behind_a_link_that_leads_nowhere_let_nobody_in(secrets):
    secrets.symlink_to(secrets.parent / "gone.toml")
    with pytest.raises(UsageError):
        session.must_sign_in()


@pytest.fixture
def started(monkeypatch, full_home):
    """What the command would have started; the server itself does not run."""
    ran = []
    monkeypatch.setattr("streamlit.App.run", lambda self, config: ran.append(config))

    def start(*arguments: str) -> tuple[BaseException | None, list]:
        session.hub.cache_clear()
        told = CliRunner().invoke(commands, ["--home", str(full_home.root), "dashboards", *arguments])
        return told.exception, ran

    assert dashboards.cli
    yield start
    session.hub.cache_clear()


@pytest.mark.parametrize(
    ("arguments", "is_refused"),
    [
        (("--host", "0.0.0.0"), True),
        (("--host", "192.0.2.1"), True),
        (("--host", "0.0.0.0", "--role", "marketing"), False),
        ((), False),
    ],
)
def test_others_get_in_only_where_roles_are_not_chosen(secrets, started, arguments, is_refused):
    error, ran = started(*arguments)
    assert bool(ran) is not is_refused
    assert isinstance(error, UsageError) is is_refused


def test_others_get_in_where_they_sign_in(secrets, started):
    secrets.write_text('[auth]\nclient_id = "x"\n')
    assert started("--host", "0.0.0.0")[1]


def test_broken_secrets_are_told_before_the_server_starts(secrets, started):
    secrets.write_text("[auth")
    error, ran = started()
    assert isinstance(error, UsageError)
    assert not ran


@pytest.mark.parametrize(
    ("claims", "email"),
    [
        ({"email": "a@example.org"}, ""),
        ({"email": "a@example.org", "email_verified": None}, ""),
        ({"email": "a@example.org", "email_verified": True}, "a@example.org"),
        ({"email": "a@example.org", "email_verified": "true"}, "a@example.org"),
        ({"email": "a@example.org", "email_verified": False}, ""),
        ({"email": "a@example.org", "email_verified": "false"}, ""),
        ({"email": "a@example.org", "email_verified": 0}, ""),
        ({"sub": "1"}, ""),
    ],
)
def test_an_address_that_nobody_vouches_for_is_none(claims, email):
    assert session.verified_email(claims) == email


@pytest.mark.parametrize(
    ("claims", "email"),
    [
        ({"email": "a@example.org"}, "a@example.org"),
        ({"email": "a@example.org", "email_verified": False}, ""),
        ({"sub": "1"}, ""),
    ],
)
def test_an_installation_may_trust_a_provider_that_does_not_say(claims, email, monkeypatch):
    monkeypatch.setenv("DEALHOUSE_DASHBOARD_TRUSTS_UNVERIFIED_EMAIL", "true")
    assert session.verified_email(claims) == email


def test_nobody_has_the_role_of_no_address():
    assert roles.of_person({"a": roles.Role("a", people=(("", ""),))}, "") is None


@pytest.fixture
def signed_in(full_home, tmp_path, monkeypatch):
    """The app, to somebody who has signed in with these claims."""
    path = tmp_path / "roles.toml"
    path.write_text(
        '[csm]\nfirst_page = "churn_list"\nmay_act = true\n'
        'people = { "named@example.org" = "U-7" }\n[caller]\nmay_act = true\npeople = ["Unnamed@example.org"]\n'
    )
    monkeypatch.setenv("DEALHOUSE_HOME", str(full_home.root))
    monkeypatch.setenv("DEALHOUSE_DASHBOARD_ROLE", "leadership")
    monkeypatch.setenv("DEALHOUSE_DASHBOARD_ROLES", str(path))
    session.hub.cache_clear()
    session.known_roles.cache_clear()

    def run(**claims: object) -> AppTest:
        app = AppTest.from_file(APP, default_timeout=60)
        app.secrets["auth"] = AUTH
        app.user = {"is_logged_in": True, "email_verified": True, **claims}
        return app.switch_page("app_pages/churn_list.py").run()

    yield run
    session.hub.cache_clear()
    session.known_roles.cache_clear()


@pytest.mark.parametrize("claims", [{"email": "other@example.org"}, {"email_verified": False}])
def test_who_has_no_role_sees_nothing_but_the_way_out(signed_in, claims):
    app = signed_in(**{"email": "named@example.org", **claims})
    assert [one.value for one in app.title] == [text.say("state.no_role")]
    assert not app.metric
    assert [one.label for one in app.button] == [text.say("frame.sign_out")]


@pytest.mark.parametrize(("email", "staff"), [("Named@example.org", "U-7"), ("unnamed@example.org", None)])
def test_no_address_goes_into_what_people_did(signed_in, full_home, email, staff):
    pseudonym.key(full_home, Settings(_env_file=None, home=full_home.root))
    folder = full_home.inbox / "collector"
    before = {path: path.stat().st_size for path in folder.glob("*")}
    app = signed_in(email=email)
    assert not app.exception
    assert text.say("frame.sign_out") in [one.label for one in app.sidebar.button]
    (save,) = [one for one in app.button if one.label == text.say("case.save")]
    save.click().run()
    files = [path for path in Path(folder).glob("*") if path.is_file()]
    written = b"".join(path.read_bytes()[before.get(path, 0) :] for path in files)
    event = json.loads(written)
    assert b"example.org" not in written.lower()
    assert event["actor"] == event["data"]["acted_by"]
    # The keyed pseudonym has 32 characters of hexadecimal, whichever key this home has made.
    assert event["actor"] == staff if staff else len(bytes.fromhex(event["actor"])) == 16


def test_who_only_looks_makes_no_key_and_who_acts_without_one_is_told(signed_in, full_home):
    shutil.rmtree(full_home.keys, ignore_errors=True)
    app = signed_in(email="unnamed@example.org")
    assert not app.exception
    assert not app.error
    (save,) = [one for one in app.button if one.label == text.say("case.save")]
    app = save.click().run()
    assert not app.exception
    (said,) = [one.value for one in app.error]
    assert "there is no key" in said
    assert not full_home.keys.exists()


def test_a_server_of_another_kind_sends_nothing_out_and_needs_a_lock(secrets, monkeypatch):
    with pytest.raises(UsageError):
        make_app()
    config.set_option("browser.gatherUsageStats", True)
    monkeypatch.setenv("DEALHOUSE_DASHBOARD_ROLE", "marketing")
    make_app()
    assert config.get_option("browser.gatherUsageStats") is False
    assert config.get_option("client.showErrorDetails") == "none"


@pytest.fixture
def choosing(full_home, monkeypatch):
    """The app to somebody who may choose a role, at an address."""
    monkeypatch.setenv("DEALHOUSE_HOME", str(full_home.root))
    monkeypatch.setenv("DEALHOUSE_DASHBOARD_ROLE", "")
    monkeypatch.delenv("DEALHOUSE_DASHBOARD_ROLES", raising=False)
    session.hub.cache_clear()
    session.known_roles.cache_clear()

    def run(**params: str) -> AppTest:
        app = AppTest.from_file(APP, default_timeout=60)
        for name, value in params.items():
            app.query_params[name] = value
        return app.switch_page("app_pages/data.py").run()

    yield run
    session.hub.cache_clear()
    session.known_roles.cache_clear()


def test_a_chosen_role_stands_in_the_address_and_holds_in_a_new_tab(choosing):
    first = choosing()
    assert first.metric
    first.selectbox(key="role").select("marketing").run()
    assert first.query_params["role"] == "marketing"
    other = choosing(role="marketing")
    assert other.selectbox(key="role").value == "marketing"
    assert not other.metric  # marketing may not open this page
    assert choosing(role="nobody").selectbox(key="role").value == "leadership"


@pytest.mark.parametrize(
    "content",
    [
        '[csm]\ntenants = "acme"',  # "ac" and "me" would be tenants of it
        '[csm]\npages = "churn_list"',
        "[csm]\ntenants = []",
        '[csm]\ntenants = ["*", "acme"]',
        '[csm]\nmay_act = "false"',
        "[csm]\nmay_export = 0",
        '[csm]\npages = ["churn_lists"]',
        '[csm]\npages = ["data"]\nfirst_page = "overview"',
        '[csm]\npeople = ["no address"]',
        '[csm]\npeople = { "a@example.org" = "b@example.org" }',
        "",
    ],
)
def test_a_file_of_roles_that_could_be_understood_in_two_ways_is_refused(tmp_path, content):
    path = tmp_path / "roles.toml"
    path.write_text(content)
    with pytest.raises(UsageError, match=r"roles\.toml"):
        roles.load(path)

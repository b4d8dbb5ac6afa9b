"""Strings, roles and the register of pages are whole."""

import ast
import re
import string
from pathlib import Path

import pytest

from dashboards import factors, registry, roles, text
from dashboards.kinds import kind_of
from tests.dashboards.warehouse import declared
from warehouse.errors import UsageError

CODE = [*Path(registry.FOLDER).parent.glob("*.py"), *registry.FOLDER.glob("*.py")]
KEY = re.compile(
    r"^({})\.[a-z0-9_.]+$".format("|".join([page.name for page in registry.pages()] + ["state", "filter", "badge"]))
)


def places(entry: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(entry) if name}


def test_every_entry_is_said_in_all_languages_with_the_same_places():
    for key, entry in text.catalogue().items():
        assert len(entry) == len(text.LANGUAGES), key
        assert all(one.strip() for one in entry), key
        assert len({frozenset(places(one)) for one in entry}) == 1, key


def test_every_key_in_the_code_has_an_entry():
    used = {
        node.value
        for path in CODE
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and KEY.match(node.value)
    }
    # Names of tables of the layer `scores` look like keys of the page.
    tables = {key for key in used if ".".join(key.split(".")[:2]) in declared()}
    assert len(used) > 100
    assert sorted(used - tables - text.catalogue().keys()) == []


def test_every_page_has_a_title_and_a_question():
    for page in registry.pages():
        assert text.say(f"page.{page.name}")
        assert "?" in text.say(f"page.{page.name}.question")
        assert text.say(f"group.{page.group}")


def test_roles_name_pages_that_exist():
    names = {page.name for page in registry.pages()}
    for role in roles.BUILT_IN.values():
        assert role.pages == roles.ALL or set(role.pages) <= names
        assert role.may_open(role.first_page)
        assert text.name_of("role", role.name) != role.name


def test_a_file_of_roles(tmp_path):
    path = tmp_path / "roles.toml"
    path.write_text('[csm]\npages = ["churn_list"]\ntenants = ["acme"]\npeople = ["Someone@Example.org"]\n')
    known = roles.load(path)
    csm = known["csm"]
    assert (csm.may_open("churn_list"), csm.may_open("finance")) == (True, False)
    assert (csm.may_see_tenant("acme"), csm.may_see_tenant("zeta")) == (True, False)
    assert roles.of_person(known, "someone@example.ORG") is csm
    assert roles.of_person(known, "nobody@example.org") is None


@pytest.mark.parametrize("content", ["[csm]\npages = 3 4", "[csm]\nmay_fly = true", "csm = 1"])
def test_a_wrong_file_of_roles_is_refused(tmp_path, content):
    path = tmp_path / "roles.toml"
    path.write_text(content)
    with pytest.raises(UsageError, match=r"roles\.toml"):
        roles.load(path)


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ("amount_base", "amount"),
        ("breach_rate", "share"),
        ("median_hours", "hours"),
        ("kpi_month", "month"),
        ("raised_at", "instant"),
        ("deal_count", "count"),
        ("owner_id", "text"),
        ("nrr", "share"),
    ],
)
def test_the_unit_stands_in_the_name(column, kind):
    assert kind_of(column) == kind


@pytest.mark.parametrize(
    ("told", "written"),
    [
        ("closed_won", "closed_won"),
        ("n\u00a0=\u00a041 · 95.3 %", "n\u00a0=\u00a041 · 95.3 %"),
        ("2026-06-30", "2026-06-30"),
        ("**now** [here](x)", r"\*\*now\*\* \[here\](x)"),
        ("1. first", r"1\. first"),
        ("- first", r"\- first"),
        ("a\n# b", r"a \# b"),
        ("_x_ $y$ `z`", r"\_x\_ \$y\$ \`z\`"),
        (":red[x] :material/delete:", ":\u200bred\\[x\\] :\u200bmaterial/delete:"),
        ("http://x.example www.x.example", "http:\u200b//x.example www\u200b.x.example"),
        ("a -> b", "a -\u200b\\> b"),
    ],
)
def test_texts_of_users_mean_nothing_to_markdown(told, written):
    assert text.plain(told) == written


def test_factors_are_read_as_scores_write_them():
    told = '{"up": [{"feature": "a", "words": "quiet for 9 days", "log_odds": 0.5}], "down": [], "rest": 0.1}'
    assert factors.listed(told) == [("quiet for 9 days", 0.5)]
    assert factors.listed('{"engagement": 20.0, "sentiment": null, "support_tickets": 0.0}') == [("engagement", -20.0)]
    assert factors.listed(None) == []

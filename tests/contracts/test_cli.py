"""``dealhouse contracts``, and the reference page that it renders."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from warehouse import contracts
from warehouse.cli.app import app, load_commands
from warehouse.contracts import reference
from warehouse.errors import UsageError

PAGE = Path(__file__).resolve().parents[2] / "docs" / "contracts.md"


def run(*arguments: str) -> str:
    load_commands()
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["contracts", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_the_reference_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == reference.markdown(), (
        "run: dealhouse contracts --markdown > docs/contracts.md"
    )


def test_the_page_holds_every_type_with_its_fields():
    page = reference.markdown()
    for event_type, contract in contracts.all().items():
        entry = page.split(f"### {event_type}\n")[1].split("\n### ")[0]
        assert all(f"| `{spec.name}` | {spec.kind} |" in entry for spec in contract.fields())
        assert json.loads(entry.split("```json\n")[1].split("\n```")[0])["type"] == event_type


def test_the_list_names_every_type(capsys):
    shown = run()
    assert [name for name in contracts.all() if name not in shown] == []
    assert contracts.CONTRACTS_VERSION in shown


def test_one_type_is_shown_with_its_fields_and_an_example():
    shown = run("crm.deal.lost")
    assert all(word in shown for word in ("A deal was lost.", "lost_reason", "competitor", "required"))
    example = json.loads(shown.splitlines()[-1])
    assert example["data"] == contracts.get("crm.deal.lost").example()


def test_a_pattern_is_shown_as_it_is():
    assert "^[A-Z]{3}$" in run("crm.deal.won")


def test_an_unknown_type_is_answered_with_the_closest():
    with pytest.raises(UsageError, match=r"Did you mean crm\.deal\.won"):
        run("crm.deal.wno")
    with pytest.raises(UsageError, match="dealhouse contracts lists all types"):
        run("zzzzzzzz")


def test_json_schema_of_one_and_of_all():
    one = json.loads(run("crm.deal.won", "--json-schema"))
    assert one["properties"]["type"] == {"const": "crm.deal.won"}
    every = json.loads(run("--json-schema"))
    assert set(every["$defs"]) == set(contracts.all())
    Draft202012Validator.check_schema(every)


def test_json_schema_into_a_folder(tmp_path):
    run("--json-schema", "--out", str(tmp_path / "schemas"))
    files = {path.name for path in (tmp_path / "schemas").iterdir()}
    assert files == {"event.json"} | {f"{event_type}.json" for event_type in contracts.all()}
    run("app.login", "--json-schema", "--out", str(tmp_path / "one"))
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["app.login.json"]


def test_the_page_on_the_standard_output_is_the_page():
    assert run("--markdown") == reference.markdown()


@pytest.mark.parametrize("arguments", [("--out", "x"), ("--markdown", "--json-schema"), ("app.login", "--markdown")])
def test_options_that_do_not_go_together(arguments):
    with pytest.raises(UsageError):
        run(*arguments)

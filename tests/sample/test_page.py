from pathlib import Path

from typer.testing import CliRunner

from warehouse.cli.app import app, load_commands
from warehouse.sample import page, truth

DOCS = Path(__file__).parents[2] / "docs" / "sample.md"


def test_the_page_is_up_to_date() -> None:
    assert DOCS.read_text(encoding="utf-8") == page.markdown(), (
        "docs/sample.md is out of date; run: python -m warehouse.sample.page > docs/sample.md"
    )


def test_every_effect_is_on_the_page_once() -> None:
    shown = [line.split("`")[1] for line in page.markdown().splitlines() if line.startswith("| `")]
    for name, _ in truth.effects():
        assert shown.count(name) == 1, name


def test_the_command_writes_files_and_says_what_is_in_them(tmp_path: Path) -> None:
    load_commands()
    result = CliRunner().invoke(
        app, ["sample", "--days", "70", "--accounts", "20", "--until", "2025-03-31", "--gzip", "--out", str(tmp_path)]
    )
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"events-2025-0{m}.ndjson.gz" for m in (1, 2, 3)]
    assert "exact duplicates" in result.output
    assert "conflicting_duplicate" in result.output

import gzip
import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tests.sample.conftest import Company
from warehouse.errors import UsageError
from warehouse.sample import write_company


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_equal_arguments_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        write_company(tmp_path / name, days=70, accounts=20, seed=3)
    assert _contents(tmp_path / "first") == _contents(tmp_path / "second")


def test_another_seed_gives_another_company(tmp_path: Path) -> None:
    summaries = [write_company(tmp_path / str(seed), days=70, accounts=20, seed=seed) for seed in (3, 4)]
    assert dict(summaries[0].by_type) != dict(summaries[1].by_type)


def test_gzip_holds_the_same_text(tmp_path: Path) -> None:
    write_company(tmp_path / "plain", days=70, accounts=20)
    write_company(tmp_path / "packed", days=70, accounts=20, compress=True)
    plain = _contents(tmp_path / "plain")
    packed = {name.removesuffix(".gz"): gzip.decompress(raw) for name, raw in _contents(tmp_path / "packed").items()}
    assert packed == plain


def test_until_is_the_last_day(tmp_path: Path) -> None:
    write_company(tmp_path, days=60, accounts=20, until=date(2025, 3, 15))
    assert sorted(_contents(tmp_path)) == [f"events-2025-0{month}.ndjson" for month in (1, 2, 3)]
    good = [line for line in (tmp_path / "events-2025-03.ndjson").read_text().splitlines() if "-bad-" not in line]
    times = [json.loads(line)["time"] for line in good if line.endswith("}}")]
    last = max(datetime.fromisoformat(time).astimezone(UTC) for time in times)
    assert last.date() == date(2025, 3, 15)


def test_the_smallest_companies_can_be_made(tmp_path: Path) -> None:
    for seed in range(8):
        summary = write_company(tmp_path / str(seed), days=60, accounts=20, seed=seed)
        assert len(summary.by_type) > 55
        assert summary.rows == summary.events + summary.duplicates + sum(summary.bad.values())


def test_too_small_a_company_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Ask for 60 days, 20 accounts"):
        write_company(tmp_path, days=59)


def test_the_default_company_has_the_size_that_is_promised(company: Company) -> None:
    assert 100_000 <= company.summary.events <= 250_000
    assert company.number("select count(*) from lines") == company.summary.rows
    assert company.number("select count(*) from events") == company.summary.events
    by_source = dict(company.db.execute("select source, count(*) from events group by 1").fetchall())
    assert by_source == dict(company.summary.by_source)


def test_what_is_planted_is_counted(company: Company) -> None:
    equal = """select source, id, count(distinct line) kinds, count(*) n from parsed
        where id is not null group by 1, 2 having n > 1"""
    conflicts = company.number(f"select count(*) from ({equal}) where kinds > 1")
    assert conflicts == company.summary.bad["conflicting_duplicate"]
    extra = company.number(f"select sum(n - kinds) from ({equal})")
    assert extra == company.summary.duplicates
    invalid = company.number("select count(*) from lines where not json_valid(line)")
    assert invalid == company.summary.bad["malformed_json"]
    late = """select count(*) from events
        where strftime(happened, 'events-%Y-%m') < regexp_extract(file, 'events-[0-9-]+[0-9]')"""
    assert company.number(late) == company.summary.late > 0
    future = company.number("select count(*) from parsed where happened > '2100-01-01'")
    assert future == company.summary.bad["future_time"]
    nameless = company.number("select count(*) from parsed where id is null")
    assert nameless == company.summary.bad["missing_attribute"]
    drifted = company.number("select count(*) from events where (data->>'app_version') is not null")
    assert drifted == company.summary.drifted
    assert 0 < sum(company.summary.bad.values()) < 0.001 * company.summary.rows


def test_rows_lie_in_order_of_arrival_and_most_in_order_of_time(company: Company) -> None:
    steps = "select happened < lag(happened) over (order by n) as back from parsed where id not like '%-bad-%'"
    assert 0 < company.number(f"select count(*) from ({steps}) where back") < 0.2 * company.summary.rows

import json
from collections import Counter
from typing import Any

import polars as pl

from tests.sample.conftest import Company
from warehouse import contracts

INBOUND = {
    name: contract
    for name, contract in contracts.all().items()
    # What people do about a list is done once there is one.
    if contract.source != "dealhouse" and not name.startswith("ops.case.")
}


def test_every_inbound_type_occurs_a_few_times(company: Company) -> None:
    counts = {name: company.summary.by_type.get(name, 0) for name in INBOUND}
    assert {name: count for name, count in counts.items() if count < 5} == {}
    assert set(company.summary.by_type) <= set(INBOUND)


def _problems(company: Company, table: str) -> Counter[str]:
    """Judge every row of a table by its contract: count of rows by reason."""
    found: Counter[str] = Counter()
    for (event_type,) in company.db.execute(f"select distinct type from {table}").fetchall():
        contract = contracts.get(event_type)
        rows = f"from {table} where type = '{event_type}'"
        if contract is None:
            found["unknown_type"] += company.number(f"select count(*) {rows}")
            continue
        names = [spec.name for spec in contract.value_fields()]
        columns = ", ".join(["json_structure(data)::varchar as shape", *(f"(data->>'{n}') as {n}" for n in names)])
        found_rows = company.db.execute(f"select {columns} {rows}").fetchall()
        frame = pl.DataFrame(found_rows, schema=dict.fromkeys(["shape", *names], pl.String), orient="row")
        for (shape,), part in frame.partition_by("shape", as_dict=True).items():
            problems = contract.check_shape(json.loads(shape)).problems
            if problems:
                found[problems[0].reason] += len(part)
                continue
            failures = contract.validate(part.drop("shape"))
            found.update(failures.unique("row")["reason"].to_list())
    return found


def test_every_good_event_passes_its_contract(company: Company) -> None:
    assert _problems(company, "events") == Counter()


def test_every_bad_row_is_bad_in_the_way_that_is_said(company: Company) -> None:
    company.db.execute("create or replace view bad as select * from parsed where id like '%-bad-%'")
    in_envelope = {"malformed_json", "missing_attribute", "unsupported_specversion", "future_time",
                   "conflicting_duplicate"}  # fmt: skip
    assert dict(_problems(company, "bad")) == {
        reason: count for reason, count in company.summary.bad.items() if reason not in in_envelope
    }


def test_envelopes_are_whole(company: Company, count_where: Any) -> None:
    source = contracts.envelope.SOURCE_PATTERN
    time = contracts.envelope.TIME_PATTERN
    wrong = f"""select * from events where coalesce(line->>'specversion', '1.0') <> '1.0'
        or length(id) not between 1 and 200
        or not regexp_full_match(source, '{source}') or not regexp_matches(line->>'time', '{time}')
        or coalesce(line->>'subject', 'x') = '' or coalesce(line->>'actor', 'x') = '' or tenant = ''"""
    assert count_where(wrong) == 0


def test_no_field_is_null_and_mail_goes_to_reserved_domains(company: Company, count_where: Any) -> None:
    assert count_where("select * from events where line like '%:null%'") == 0
    assert count_where(
        "select * from events where (data->>'email') is not null"
        " and not regexp_full_match(lower(data->>'email'), '.+@example[.](com|org)')"
    ) == 0  # fmt: skip

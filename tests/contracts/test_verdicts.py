"""Hand-made data, good and bad, for each kind of value and each constraint, and the reason it must give."""

import polars as pl
import pytest

from warehouse import contracts

DEAL = contracts.get("crm.deal.created")


def values(event_type: str, **columns: list[str | None]) -> list[tuple[int, str, str]]:
    failures = contracts.get(event_type).validate(pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String)))
    return [(row["row"], row["field"], row["reason"]) for row in failures.to_dicts()]


def rejected(event_type: str, field: str, texts: list[str]) -> set[str]:
    failures = contracts.get(event_type).validate(pl.DataFrame({field: texts}, schema={field: pl.String}))
    assert set(failures["reason"]) <= {"invalid_value"}
    return {texts[row] for row in failures["row"]}


def problems(event_type: str, shape: object) -> list[tuple[str, str]]:
    return [(p.reason, p.field) for p in contracts.get(event_type).check_shape(shape).problems]


@pytest.mark.parametrize("shape", [{}, "JSON", {"deal_id": "NULL"}, {"title": "VARCHAR"}])
def test_a_required_field_that_is_absent_or_null_is_missing(shape):
    assert problems("crm.deal.created", shape) == [("missing_field", "deal_id")]


def test_an_optional_field_may_be_null():
    verdict = DEAL.check_shape({"deal_id": "VARCHAR", "amount": "NULL", "expected_close_date": "NULL"})
    assert verdict.problems == ()
    assert verdict.value_fields == ("deal_id",)


@pytest.mark.parametrize("shape", ["VARCHAR", "UBIGINT", "NULL", ["VARCHAR"], ["NULL"]])
def test_data_that_is_no_object_is_said_to_be_none(shape):
    assert problems("crm.deal.created", shape) == [("invalid_attribute", "data")]


RIGHT = {
    ("crm.deal.created", "title"): {"VARCHAR"},
    ("crm.deal.created", "amount"): {"VARCHAR", "UBIGINT", "BIGINT", "DOUBLE"},
    ("crm.account.upserted", "size"): {"UBIGINT", "BIGINT", "DOUBLE"},
    ("lms.course.completed", "course_id"): {"VARCHAR"},
    ("app.feature.used", "is_key"): {"BOOLEAN"},
    ("crm.deal.created", "expected_close_date"): {"VARCHAR"},
    ("crm.activity.logged", "due_at"): {"VARCHAR"},
    ("crm.deal.won", "evidence_refs"): {'["VARCHAR"]', '["NULL"]'},
}
SHAPES: dict[str, object] = {
    **{name: name for name in ("VARCHAR", "UBIGINT", "BIGINT", "DOUBLE", "BOOLEAN", "JSON")},
    '["VARCHAR"]': ["VARCHAR"],
    '["NULL"]': ["NULL"],
    '["JSON"]': ["JSON"],
    '["UBIGINT"]': ["UBIGINT"],
    '[["VARCHAR"]]': [["VARCHAR"]],
    '{"a": "VARCHAR"}': {"a": "VARCHAR"},
}


@pytest.mark.parametrize(("event_type", "field"), RIGHT)
def test_each_kind_takes_its_json_types_and_no_others(event_type, field):
    contract = contracts.get(event_type)
    rest = {spec.name: "VARCHAR" for spec in contract.fields() if spec.required and spec.name != field}
    taken = {name for name, shape in SHAPES.items() if not contract.check_shape({**rest, field: shape}).problems}
    assert taken == RIGHT[event_type, field]
    wrong = contract.check_shape({**rest, field: {"a": "VARCHAR"}})
    assert [(p.reason, p.field) for p in wrong.problems] == [("wrong_type", field)]


def test_every_problem_of_a_shape_is_told_in_the_order_of_the_fields():
    shape = {"amount": "BOOLEAN", "title": ["VARCHAR"], "probability": "JSON"}
    assert problems("crm.deal.created", shape) == [
        ("missing_field", "deal_id"),
        ("wrong_type", "title"),
        ("wrong_type", "amount"),
        ("wrong_type", "probability"),
    ]


def test_unknown_fields_are_drift_and_no_problem():
    shape = {
        "deal_id": "VARCHAR",
        "colour": "VARCHAR",
        "n": "UBIGINT",
        "o": {"x": "NULL"},
        "l": ["JSON"],
        "e": "JSON",
    }
    verdict = DEAL.check_shape(shape)
    assert verdict.problems == ()
    assert verdict.unknown == (
        ("colour", "text"),
        ("n", "number"),
        ("o", "object"),
        ("l", "list"),
        ("e", "object"),
    )


def test_linked_identities_are_two_at_least():
    assert problems("identity.linked", {"lead_id": "VARCHAR"}) == [("missing_field", "visitor_id")]
    assert problems("identity.linked", {"lead_id": "VARCHAR", "user_id": "NULL"}) == [("missing_field", "visitor_id")]
    assert problems("identity.linked", {"lead_id": "VARCHAR", "user_id": "VARCHAR"}) == []
    assert values("identity.linked", lead_id=["l", ""], user_id=["u", "u"]) == [(1, "lead_id", "invalid_value")]


def test_only_values_that_a_type_leaves_open_have_to_be_looked_at():
    shape = {"lead_id": "VARCHAR", "need_confirmed": "BOOLEAN", "challenges": "VARCHAR"}
    assert contracts.get("crm.lead.qualified").check_shape(shape).value_fields == ("lead_id",)
    nothing = contracts.get("crm.deal.won").check_shape({"evidence_refs": ["VARCHAR"]})
    assert not nothing.needs_values
    wrong = DEAL.check_shape({"deal_id": "VARCHAR", "amount": "BOOLEAN"})
    assert wrong.value_fields == ("deal_id",)


def test_required_texts_are_not_empty_and_optional_ones_may_be():
    assert values("crm.deal.lost", deal_id=["d", ""], lost_reason=["", "price"], competitor=["", ""]) == [
        (0, "lost_reason", "invalid_value"),
        (1, "deal_id", "invalid_value"),
    ]


def test_null_is_absent_which_only_a_required_field_may_not_be():
    assert values("crm.deal.created", deal_id=["d", None], amount=[None, None], expected_close_date=[None, None]) == [
        (1, "deal_id", "missing_field")
    ]


def test_choices():
    texts = ["b2b", "adtech", "studio", "B2B", "b2b ", "", "b2c"]
    assert rejected("crm.deal.created", "pipeline", texts) == {"B2B", "b2b ", "", "b2c"}
    assert rejected("crm.lead.stage_changed", "to_stage", ["new", "a tenant's own", ""]) == {""}


def test_currencies():
    texts = ["EUR", "eur", "EURO", "EU", "", "EUR\n", "ЕUR", "E1R"]
    assert rejected("crm.deal.created", "currency", texts) == set(texts) - {"EUR"}


def test_numbers():
    good = ["0", "-0", "12", "12.50", "-3.25", "007", "999999999999999.9", "1e-7", "-2.5e-12", "0.1"]
    bad = [
        "",
        " 1",
        "1 ",
        "1,5",
        "1.",
        ".5",
        "+1",
        "1e3",
        "1E3",
        "1_000",
        "abc",
        "NaN",
        "Infinity",
        "-Infinity",
    ]
    bad += ["1000000000000000", "1000000000000000.0", "0x10", "12\n", "١٢", "1e21", "--1"]
    assert rejected("crm.deal.created", "amount", good + bad) == set(bad)


def test_probabilities_lie_between_0_and_1():
    good = ["0", "1", "0.0", "1.0", "-0.0", "0.35", "1e-7", "9.9e-1", "00.5", "1.000"]
    bad = ["-0.1", "1.1", "2", "1.0000001", "-1e-7", "35", "12e-1", "0,5", "NaN", "", "1\n", "10"]
    assert rejected("crm.deal.created", "probability", good + bad) == set(bad)
    assert rejected("chat.message.classified", "confidence", good + bad) == set(bad)


def test_integers():
    good = ["0", "-5", "12", "12.0", "-0.0", "9007199254740991", "-9007199254740991", "9007199254740991.0"]
    bad = [
        "12.5",
        "9007199254740992",
        "-9007199254740992",
        "1e-7",
        "1e22",
        "18446744073709551616.0",
        "NaN",
        "",
    ]
    assert rejected("crm.account.upserted", "size", good + bad) == set(bad)


@pytest.mark.parametrize(
    ("event_type", "field", "low", "high"),
    [
        ("survey.nps.responded", "score", 0, 10),
        ("crm.lead.qualified", "prioritization", 1, 5),
        ("crm.lead.qualified", "icp_fit_score", 0, 100),
        ("crm.contact.upserted", "influence_score", 0, 100),
    ],
)
def test_bounded_integers(event_type, field, low, high):
    texts = [str(low - 1), str(low), str(high), f"{high}.0", str(high + 1)]
    assert rejected(event_type, field, texts) == {str(low - 1), str(high + 1)}


def test_dates():
    good = ["2024-02-29", "2025-03-14", "0001-01-01", "9999-12-31", "2000-02-29"]
    bad = [
        "2023-02-29",
        "1900-02-29",
        "2025-04-31",
        "2025-13-01",
        "2025-00-10",
        "2025-01-00",
        "0000-01-01",
        "",
    ]
    bad += [
        "2025-3-14",
        "14.03.2025",
        "20250314",
        "2025-03-14T00:00:00Z",
        "+123-01-01",
        "2025-03-14 ",
        "٢٠٢٥-03-14",
    ]
    assert rejected("crm.deal.created", "expected_close_date", good + bad) == set(bad)


def test_timestamps():
    good = ["2025-03-14T09:30:00Z", "2025-03-14T09:30:00+05:30", "2025-03-14T23:59:59.123456-08:00"]
    good += ["2024-02-29T00:00:00.1Z", "2025-03-14 09:30:00Z", "2025-03-14T09:30:00.123456789Z"]
    bad = ["2025-03-14T09:30:00", "2025-03-14", "2023-02-29T00:00:00Z", "2025-03-14T24:00:00Z", ""]
    bad += ["2025-03-14T09:60:00Z", "2025-03-14T09:30:60Z", "2025-03-14T09:30Z", "2025-03-14t09:30:00z"]
    bad += ["2025-03-14T09:30:00+0530", "2025-03-14T09:30:00+24:00", "2025-03-14T09:30:00.Z", "yesterday"]
    bad += ["2025-03-14T09:30:00Z\n", "0000-03-14T09:30:00Z", "1741944600"]
    assert rejected("crm.deal.next_step_set", "due_at", good + bad) == set(bad)


def test_all_failures_of_a_row_are_found_in_the_order_of_rows_and_fields():
    assert values(
        "ads.spend.reported",
        clicks=["1.5", "3"],
        currency=["EUR", "euro"],
        date=["14/03/2025", "2025-03-14"],
        amount=["x", "y"],
    ) == [
        (0, "date", "invalid_value"),
        (0, "amount", "invalid_value"),
        (0, "clicks", "invalid_value"),
        (1, "amount", "invalid_value"),
        (1, "currency", "invalid_value"),
    ]


def test_columns_that_are_no_checked_field_are_left_alone():
    frame = pl.DataFrame({"batch_id": [1], "title": [""], "deal_id": ["d"]})
    assert DEAL.validate(frame).is_empty()
    assert DEAL.validate(pl.DataFrame({"batch_id": [1]})).is_empty()
    assert DEAL.validate(pl.DataFrame(schema={"deal_id": pl.String, "amount": pl.String})).is_empty()


def test_failures_have_the_same_columns_whether_there_are_any_or_not():
    columns = {"row": pl.UInt32, "field": pl.String, "reason": pl.String, "sentence": pl.String}
    assert dict(DEAL.validate(pl.DataFrame({"deal_id": ["d"]})).schema) == columns
    assert dict(DEAL.validate(pl.DataFrame({"deal_id": [""]})).schema) == columns


def test_a_column_that_is_not_text_is_a_mistake_of_the_caller():
    with pytest.raises(TypeError, match="amount"):
        DEAL.validate(pl.DataFrame({"amount": [1.5]}))


def test_an_environment_that_turns_pandera_off_does_not_turn_the_contract_off():
    from pandera.config import config_context

    with config_context(validation_enabled=False):
        assert len(DEAL.validate(pl.DataFrame({"deal_id": [""]}))) == 1


@pytest.mark.parametrize(
    ("field", "text", "sentence"),
    [
        (
            "pipeline",
            "retail",
            "pipeline must be one of b2b, adtech, studio, but 'retail' arrived. "
            "Translate the sender's word into one of these.",
        ),
        (
            "probability",
            "35",
            "probability must be a number from 0 to 1, but '35' arrived. "
            "Send a JSON number, or a plain decimal as text.",
        ),
        (
            "currency",
            "euro",
            "currency must be text that matches ^[A-Z]{3}$, such as EUR, but 'euro' arrived. Send it as a JSON string.",
        ),
        (
            "deal_id",
            "",
            "deal_id must be non-empty text, but empty text arrived. Send the value as a JSON string.",
        ),
    ],
)
def test_sentences_say_what_is_wrong_and_what_to_do(field, text, sentence):
    assert DEAL.validate(pl.DataFrame({field: [text]}))["sentence"].to_list() == [sentence]


def test_a_long_value_is_not_repeated_at_length():
    sentence = DEAL.validate(pl.DataFrame({"pipeline": ["x" * 10_000]}))["sentence"][0]
    assert len(sentence) < 300
    assert "x" * 80 in sentence


def test_the_sentence_of_a_shape_names_field_type_and_remedy():
    (wrong,) = DEAL.check_shape({"deal_id": "UBIGINT"}).problems
    assert wrong.sentence == ("deal_id must be text, but JSON of type number arrived. Send it as a JSON string.")
    (missing,) = contracts.get("app.login").check_shape("JSON").problems
    assert missing.sentence == (
        "app.login requires user_id, which is absent or null. The user of the product concerned. Send it as text."
    )

"""Rules that keep the SQL the same on DuckDB and on Spark; each came from a difference that was measured.

A rule reads the compiled SQL of a model (:func:`problems`), or the source of a model or macro
(:func:`source_problems`), and says what it does not like. What differs for good reason stands in macros/compat.sql,
which no source rule reads.
"""

import re
from collections.abc import Callable, Iterator

import sqlglot
from sqlglot import exp

# fmt: off
NOT_FUNCTIONS = {
    "and", "as", "by", "else", "exists", "filter", "from", "group", "in", "join", "on", "or", "over", "then",
    "values", "when", "where", "window",
}
# fmt: on

# fmt: off
PORTABLE_FUNCTIONS = {
    "abs", "avg", "cast", "coalesce", "count", "date_trunc", "exp", "extract", "floor", "greatest", "instr",
    "lag", "last_value", "lead", "least", "length", "ln", "lower", "lpad", "max", "max_by", "min", "min_by",
    "nullif", "percentile_cont", "power", "row_number", "sqrt", "substr", "sum", "trim", "try_cast", "upper",
}
# fmt: on
"""Functions that mean the same on both engines."""

PORTABLE_TYPES = {"BIGINT", "BOOLEAN", "DATE", "DOUBLE", "INT", "TEXT", "TIMESTAMP", "TIMESTAMPNTZ"}

# fmt: off
NEVER_NULL_ORDER = {
    "owner_segment", "industry_segment", "client_type_segment", "budget_band_segment",
    "level_order", "value_order", "tier_order", "probability_order", "score_order",
    "arrived_at", "changed_at", "cohort_month", "created_at", "dimension", "event_id", "first_seen_at",
    "holds_from_date", "is_reopened", "known_by_at", "known_from_at", "last_changed_at", "messaged_at", "occurred_at",
    "order_rule", "paid_at",
    "pipeline", "precedence", "referred_at", "responded_at", "set_at", "started_at", "step_number", "tenant_id",
    "place_number",
    "touched_at",
}
# fmt: on
"""Columns that a window may be ordered by, though not alone: never null, not unique."""

UNIQUE_ORDER = {
    "event_number": "numbered by entity_events",
    "payment_id": "key of fact_payment",
    "customer_id": "one row per customer of a list",
    "touch_id": "key of fact_touch",
    "touch_number": "place of a touch in its path",
    "event_id, source": "the key of raw.events",
    "visit_number": "number of the visit of a deal",
    "run_number": "number of the run of a timer",
    "response_id": "key of fact_nps",
    "lead_id": "key of fact_lead",
    "variant": "one row per variant of an experiment",
    "message_id": "key of fact_message",
    "message_number": "number of the message within its conversation",
    "priority": "key of stage_rule within a rule set",
    "rate_date": "one rate per currency and day",
    "opens_at": "windows of a calendar do not overlap",
    "changed_date": "one row per deal and day",
    "account_id": "one row per person and account",
    "arrival_id": "id of a touch or of a lead",
    "valid_from_date": "days of a deal do not overlap",
    "stage_order": "stages of a pipeline have an order each, and a deal is of one pipeline",
    "duration": "survival_curve counts a row per group and duration",
    "person_id": "a person stands once among those of a customer",
    "activity_month": "one row per member, activity and month",
    "period_number": "one row per cohort and month",
    "start_date": "spans of a subscription do not overlap",
    "subscription_id": "a subscription is worth one thing at the end of a month",
    "event_date": "one row per source and day",
    "instant_at": "one row per deal and instant",
    "raised_at": "alerts of one rule and subject do not begin together",
    "replay_batch_id": "one row per batch and replay",
    "kpi_month": "one row per KPI and month",
    "period_end": "periods of a gate that start in the same instant end one after the other",
    "age_months": "one row per cohort and month",
    "referral_id": "key of fact_referral",
    "owner_id": "an owner stands once in a territory",
    "lead_number": "leads of a territory are numbered",
    "sync_number": "place in the ledger",
    "source_segment": "last column of the combinations of segments",
    "day_date": "key of dim_date",
    "known_by_at": "spans of what is known of a subject do not overlap",
    "seen_from_at": "phases of a span begin one after the other",
    "dimension_value": "last of the key of a cohort and segment",
}
"""Endings of a window order that leave no ties, and why."""

NEVER_NULL_VALUES = {
    "lost_reason": "required by the contract",
    "next_step": "required by the contract",
    "due_at": "required by the contract of the event that sets a step",
    "gate_bits": "a sum over at least one row",
    "closing_event_type": "null only before the first of its kind",
    "event_type": "required by the envelope",
    "is_set": "from a seed",
    "stage": "key of a seed",
    "stage_order": "from a seed",
    "rate": "required by the contract",
    "source": "required by the envelope",
    "event_id": "required by the envelope",
}
"""Values that max_by and min_by may return without asking: DuckDB passes over nulls, Spark returns them."""


def name_of(node: exp.Expression) -> str:
    """Name of the column behind an order term or an argument, or its text where it is no plain column."""
    while isinstance(node, exp.Ordered | exp.Paren | exp.Cast):
        node = node.this
    return node.name if isinstance(node, exp.Column) else node.sql("duckdb")


def is_of_percentiles(node: exp.Expression) -> bool:
    """Whether it is the list that the macro `percentiles` asks for, or the macro `item` taking one of its answers."""
    if isinstance(node, exp.Array):
        return isinstance(node.parent, exp.PercentileCont)
    return isinstance(node, exp.Bracket) and node.this.name.endswith("_percentiles")


def refused_clauses(tree: exp.Expression) -> Iterator[str]:
    for kind, what in ((exp.Qualify, "QUALIFY"), (exp.Pivot, "PIVOT or UNPIVOT"), (exp.Round, "round()")):
        if next(tree.find_all(kind), None):
            yield f"{what}: not on both engines, or not with the same result"
    for group in tree.find_all(exp.Group):
        if group.args.get("all"):
            yield "GROUP BY ALL: name the columns"
    for star in tree.find_all(exp.Star):
        if star.args.get("except_") or star.args.get("except") or star.args.get("replace"):
            yield "* EXCLUDE or REPLACE: name the columns"
    for node in (exp.Array, exp.Struct, exp.Bracket, exp.List, exp.Lambda, exp.JSONExtract, exp.JSONExtractScalar):
        if any(not is_of_percentiles(found) for found in tree.find_all(node)):
            yield f"{node.__name__}: lists, structs and JSON are typed in staging by json_fields"
    for select in tree.find_all(exp.Select):
        if any(projection.find(exp.Unnest, exp.Explode) for projection in select.expressions):
            yield "unnest in SELECT: use a join"


def refused_aliases(tree: exp.Expression) -> Iterator[str]:
    """An alias that is used beside where it is made; Spark resolves such names differently."""
    for select in tree.find_all(exp.Select):
        made = {projection.alias for projection in select.expressions if isinstance(projection, exp.Alias)}
        parts = [*select.expressions, select.args.get("where"), select.args.get("having")]
        for part in parts:
            own = part.alias if isinstance(part, exp.Alias) else None
            for column in part.find_all(exp.Column) if part else ():
                if column.find_ancestor(exp.Select) is select and not column.table and column.name in made - {own}:
                    yield f"alias {column.name} is used in the SELECT that makes it: qualify the column, or use a CTE"


def refused_divisions(tree: exp.Expression) -> Iterator[str]:
    if next(tree.find_all(exp.IntDiv), None):
        yield "integer division: engines differ; use fdiv"
    for division in tree.find_all(exp.Div):
        left, right = division.left.unnest(), division.right.unnest()
        is_literal = isinstance(right, exp.Literal) and float(right.name) != 0
        if not (isinstance(right, exp.Nullif) or is_literal):
            yield f"denominator of {division.sql('duckdb')} may be 0: use fdiv"
        if not (isinstance(left, exp.Floor) or (isinstance(left, exp.Cast) and left.to.is_type("double"))):
            yield f"numerator of {division.sql('duckdb')} is no double: use fdiv, hours or days"


def refused_windows(tree: exp.Expression) -> Iterator[str]:
    """An order that leaves ties, or that has nulls, gives other rows on another engine, or on another day."""
    named = {
        window.name.lower(): window for window in tree.find_all(exp.Window) if isinstance(window.this, exp.Identifier)
    }
    for window in [*tree.find_all(exp.Window)]:
        order = window.args.get("order")
        if window in named.values():
            pass
        elif order is None and window.args.get("alias"):
            continue
        elif order is None:
            if isinstance(window.this, exp.RowNumber | exp.Lag | exp.Lead | exp.LastValue | exp.FirstValue):
                yield f"{window.sql('duckdb')} has no order"
            continue
        spec = window.args.get("spec")
        if spec is not None and str(spec.args.get("kind")).upper() == "RANGE":
            continue
        names = [name_of(term) for term in order.expressions] if order else []
        endings = {names[-1] if names else "", ", ".join(names[-2:])}
        if not endings & set(UNIQUE_ORDER):
            yield f"window order {names} does not end in a unique key"
        for name in names:
            known = NEVER_NULL_ORDER | {part for ending in UNIQUE_ORDER for part in ending.split(", ")}
            if name not in known and not name.upper().startswith("CASE"):
                yield f"window order by {name}, which may be null"


def refused_casts(tree: exp.Expression) -> Iterator[str]:
    for cast in tree.find_all(exp.Cast):
        kind = cast.to.this.name if isinstance(cast.to.this, exp.DataType.Type) else str(cast.to.this)
        if kind not in PORTABLE_TYPES and not isinstance(cast, exp.TryCast):
            yield f"cast to {cast.to.sql('duckdb')}: Spark has no such type"


def refused_max_by(tree: exp.Expression) -> Iterator[str]:
    for call in tree.find_all(exp.ArgMax, exp.ArgMin):
        value = call.this
        where = call.parent.expression if isinstance(call.parent, exp.Filter) else None
        asked = [
            null_test.this
            for null_test in (where.find_all(exp.Is) if where else ())
            if isinstance(null_test.parent, exp.Not) and isinstance(null_test.expression, exp.Null)
        ]
        if name_of(value) not in NEVER_NULL_VALUES and value not in asked:
            yield f"{call.sql('duckdb')} may meet a null value: filter (where ... is not null)"


TREE_RULES: list[Callable[[exp.Expression], Iterator[str]]] = [
    refused_clauses,
    refused_aliases,
    refused_divisions,
    refused_windows,
    refused_casts,
    refused_max_by,
]


def called(sql: str) -> set[str]:
    """Names of the functions that a text calls; comments and strings are left out."""
    bare = re.sub(r"--[^\n]*|'(?:[^']|'')*'", " ", sql)
    return {name.lower() for name in re.findall(r"\b([a-z_]\w*)\s*\(", bare, flags=re.IGNORECASE)} - NOT_FUNCTIONS


def problems(sql: str, compat_functions: set[str]) -> list[str]:
    """What a model's compiled SQL has that would not run, or not give the same rows, on Spark."""
    tree = sqlglot.parse_one(sql, read="duckdb")
    assert isinstance(tree, exp.Expression)
    aliases = {alias.name.lower() for alias in tree.find_all(exp.TableAlias)}
    aliases |= {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    unknown = called(sql) - PORTABLE_FUNCTIONS - compat_functions - aliases
    found = [f"function {name}: not known to be portable; dispatch it in compat.sql" for name in sorted(unknown)]
    return found + [problem for rule in TREE_RULES for problem in rule(tree)]


SOURCE_RULES = {
    r"\bdbt\.(datediff|dateadd|safe_cast|listagg)\b": "dbt's cross-database macro differs between the engines",
    r"::": "a :: cast is not Spark's; use cast(... as ...)",
    r"\bas\s+varchar\b": "Spark's varchar needs a length; say string",
    r"\binterval\s+\d": "write intervals as ANSI literals, interval '1' day",
    r"\basof\b": "use asof_left_join",
    r"->": "JSON is typed in staging, by json_fields",
    r"\bignore\s+nulls\b": "use last_not_null",
    r"\b(hugeint|uhugeint|timestamptz|timestamp_s|timestamp_ms|blob|uuid)\b": "Spark has no such type",
    r"\b(ilike|similar\s+to|glob)\b": "not on both engines",
    r"^\s*from\s+\S+\s*$(?![\s\S]*\bselect\b)": "a statement starts with select",
}


def source_problems(text: str, compat_functions: set[str]) -> list[str]:
    """What the source of a model, or of a macro outside compat.sql, has that belongs into compat.sql."""
    bare = re.sub(r"\{#.*?#\}|--[^\n]*", " ", text, flags=re.DOTALL)
    found = [why for pattern, why in SOURCE_RULES.items() if re.search(pattern, bare, flags=re.IGNORECASE)]
    # the range of a loop of Jinja is no function of an engine
    bare = re.sub(r"\{%-?\s*for\b.*?%\}", " ", bare, flags=re.DOTALL)
    for name in sorted(compat_functions - PORTABLE_FUNCTIONS):
        if re.search(rf"(?<![\w.]){name}\s*\(", bare, flags=re.IGNORECASE):
            found.append(f"{name} belongs into compat.sql")
    return found


def engine_functions(compat: str) -> set[str]:
    """Functions that only DuckDB's side of compat.sql calls: those of its ``default__`` macros."""
    bodies = re.findall(r"macro default__\w+\([^)]*\)\s*-?%\}(.*?)\{%-?\s*endmacro", compat, flags=re.DOTALL)
    text = re.sub(r"\{%.*?%\}", " ", " ".join(bodies), flags=re.DOTALL)
    return called(re.sub(r"\{\{.*?\}\}", "x", text, flags=re.DOTALL)) - {"return"}

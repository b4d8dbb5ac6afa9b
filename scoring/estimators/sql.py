"""An additive model as one SQL statement, with the same numbers as Python; names and levels are quoted, never pasted.

Functions are written as CASE in the shape of a balanced tree, so that a row meets the logarithm of the number of bins.
"""

from collections.abc import Callable, Sequence

from scoring.estimators import columns
from scoring.estimators.columns import Column
from scoring.estimators.tables import AdditiveTables, FeatureTable

FEW_LEVELS = 12
"""Up to so many levels are compared one after the other; more are searched for by order."""


def to_sql(
    model: AdditiveTables, relation: str | Sequence[str], key_columns: Sequence[str], dialect: str = "duckdb"
) -> str:
    """Return a statement with the key columns, `logit`, `probability` and `contribution_<column>` for each in use.

    Parameters
    ----------
    model
        The model; its columns are looked up by name in the relation.
    relation
        Table or view: its name, or its parts (schema and name). A dot in a text separates parts.
    key_columns
        Columns of the relation that are passed through.
    dialect
        ``duckdb``.

    Raises
    ------
    ValueError
        Where the dialect is another, or two columns of the result would have the same name (letter case ignored).
    """
    if dialect != "duckdb":
        raise ValueError(f"dialect must be 'duckdb', got {dialect!r}")
    parts = relation.split(".") if isinstance(relation, str) else list(relation)
    source = ".".join(identifier(part) for part in parts)
    labels = [f"contribution_{table.column.name}" for table in model.features]
    _refuse_twins([table.column.name for table in model.features])
    _refuse_twins([*key_columns, "logit", "probability", *labels])
    keys = [f"{identifier(key)} as k{i}" for i, key in enumerate(key_columns)]
    inputs = [f"{_input(table.column)} as f{i}" for i, table in enumerate(model.features)]
    scores = [f"{_function(table, f'f{i}')} as c{i}" for i, table in enumerate(model.features)]
    kept = [f"k{i}" for i in range(len(keys))]
    contributions = [f"c{i}" for i in range(len(labels))]
    logit = " + ".join([number(model.intercept), *contributions])
    out = [f"k{i} as {identifier(key)}" for i, key in enumerate(key_columns)]
    out += ["logit", "0.5e0 * (1e0 + tanh(0.5e0 * logit)) as probability"]
    out += [f"c{i} as {identifier(label)}" for i, label in enumerate(labels)]
    steps = [
        f"inputs as (\n    {_select([*keys, *inputs])}\n    from {source}\n)",
        f"contributions as (\n    {_select([*kept, *scores])}\n    from inputs\n)",
        f"scores as (\n    {_select([*kept, *contributions, f'{logit} as logit'])}\n    from contributions\n)",
    ]
    return "with " + ",\n".join(steps) + "\nselect\n    " + ",\n    ".join(out) + "\nfrom scores\n"


def _select(items: list[str]) -> str:
    return "select\n        " + (",\n        ".join(items) or "1 as nothing")


def _refuse_twins(names: Sequence[str]) -> None:
    folded = [name.lower() for name in names]
    twins = sorted({name for name in names if folded.count(name.lower()) > 1})
    if twins:
        raise ValueError(f"columns with the same name, letter case ignored: {twins}; rename them for SQL")


def identifier(name: str) -> str:
    """A quoted identifier."""
    if not name or "\0" in name:
        raise ValueError(f"{name!r} cannot be the name of a column or table")
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A quoted text; escapes other than the doubled quote have no meaning in it."""
    return "'" + value.replace("'", "''") + "'"


def number(value: float) -> str:
    """A literal of the same double: with an exponent, since one without would be a decimal."""
    shown = repr(float(value))
    shown = shown if "e" in shown else shown + "e0"
    return f"({shown})" if value < 0 else shown


def _input(column: Column) -> str:
    """The column as a double or a text, null where missing."""
    name = identifier(column.name)
    trimmed = f"trim(cast({name} as varchar), ' ' || chr(9) || chr(13) || chr(10))"
    if column.kind == "category":
        return f"nullif({trimmed}, '')"
    if column.kind == "date":
        if column.text:
            matched = f"regexp_matches({trimmed}, {text(columns.DATE_PATTERN)})"
            name = f"case when {matched} then try_cast({trimmed} as timestamp) end"
        return f"epoch_us({name}) / {number(columns.MICROSECONDS_PER_DAY)}"
    if column.text:
        matched = f"regexp_matches({trimmed}, {text(columns.NUMBER_PATTERN)})"
        return f"case when {matched} then try_cast({trimmed} as double) end"
    return f"nullif(try_cast({name} as double), 'nan'::double)"


def _function(table: FeatureTable, x: str) -> str:
    if table.column.kind == "category":
        known = _levels(table, x)
    else:
        known = _tree(
            len(table.steps), lambda i: number(table.steps[i]), lambda i: f"{x} <= {number(table.edges[i - 1])}"
        )
        if len(table.knots):
            known = f"{known} + {_smooth(table, x)}" if len(table.edges) or table.steps[0] else _smooth(table, x)
    return f"case when {x} is null then {number(table.missing)} else {known} end"


def _smooth(table: FeatureTable, x: str) -> str:
    """The cubic between the outer knots and constants beyond, as one tree."""
    knots, pieces = table.knots, table.pieces

    def leaf(i: int) -> str:
        if i == 0:
            return number(pieces[0][0])
        if i == len(knots):
            last = [float(v) for v in pieces[-1]]
            return number(last[0] + (last[1] + (last[2] + last[3])))
        u = f"(({x} - {number(knots[i - 1])}) / {number(knots[i] - knots[i - 1])})"
        a, b, c, d = (number(v) for v in pieces[i - 1])
        return f"{a} + {u} * ({b} + {u} * ({c} + {u} * {d}))"

    return _tree(len(knots) + 1, leaf, lambda i: f"{x} < {number(knots[i - 1])}")


def _levels(table: FeatureTable, x: str) -> str:
    levels, values, unseen = table.column.levels, table.values, number(table.unseen)
    if not levels:
        return unseen
    if len(levels) <= FEW_LEVELS:
        whens = " ".join(f"when {text(v)} then {number(values[i])}" for i, v in enumerate(levels))
        return f"case {x} {whens} else {unseen} end"
    return _tree(
        len(levels),
        lambda i: f"case when {x} = {text(levels[i])} then {number(values[i])} else {unseen} end",
        lambda i: f"{x} < {text(levels[i])}",
    )


def _tree(count: int, leaf: Callable[[int], str], before: Callable[[int], str]) -> str:
    """Leaves 0 to count - 1 in order; ``before(i)`` says that the row belongs to a leaf below i."""

    def build(start: int, stop: int) -> str:
        if stop - start == 1:
            return leaf(start)
        middle = (start + stop) // 2
        return f"case when {before(middle)} then {build(start, middle)} else {build(middle, stop)} end"

    return "(" + build(0, count) + ")"

"""Conditions of a mapping (``when``) as polars expressions.

A comparison with an empty value does not hold, so that every row is decided; a value that cannot be read
as the kind it is compared with fails the row instead of filtering it away.
"""

from functools import reduce
from operator import and_, or_

import polars as pl

from warehouse.sources.mapping.spec import AllOf, AnyOf, Condition, Not, Test, tests_of
from warehouse.sources.mapping.values import TRUE, Compiled, Shared, any_of, compile_value, constant


def compile_condition(condition: Condition | None, shared: Shared | None = None) -> Compiled:
    """`text` is whether the condition holds (never null); `failed` where it cannot be decided."""
    if condition is None:
        return Compiled(TRUE)
    values = [compile_value(test.value, {}, shared) for test in tests_of(condition)]
    failed = any_of(value.failed for value in values)
    whys = [pl.when(value.failed).then(value.why) for value in values]
    return Compiled(_holds(condition, shared), failed, pl.coalesce(whys))


def _holds(condition: Condition, shared: Shared | None) -> pl.Expr:
    if isinstance(condition, AllOf):
        return reduce(and_, [_holds(part, shared) for part in condition.parts])
    if isinstance(condition, AnyOf):
        return reduce(or_, [_holds(part, shared) for part in condition.parts])
    if isinstance(condition, Not):
        return ~_holds(condition.part, shared)
    return _test(condition, shared).fill_null(False)


def _test(test: Test, shared: Shared | None) -> pl.Expr:
    text = compile_value(test.value, {}, shared).text
    if test.operator == "present":
        return text.is_not_null() if test.operands[0] == "true" else text.is_null()
    if test.operator == "starts_with":
        return text.str.starts_with(pl.lit(test.operands[0]))
    if test.operator == "contains":
        return text.str.contains(pl.lit(test.operands[0]), literal=True)
    left, right = _comparable(test, text)
    first = right[0]
    comparisons = {
        "equals": left == first,
        "not_equals": left != first,
        "in": left.is_in(right),
        "not_in": ~left.is_in(right),
        "above": left > first,
        "at_least": left >= first,
        "below": left < first,
        "at_most": left <= first,
    }
    return comparisons[test.operator]


def _comparable(test: Test, text: pl.Expr) -> tuple[pl.Expr, list[str] | list[float]]:
    """Both sides in a form whose order is theirs: canonical dates and timestamps order as text."""
    made = [constant(test.value, operand) for operand in test.operands]
    texts = [item if isinstance(item, str) else "" for item in made]
    if test.value.kind == "number":
        return text.cast(pl.Float64, strict=False), [float(item) for item in texts]
    return text, texts

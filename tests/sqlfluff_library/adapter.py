"""Stands in for dbt's adapter when sqlfluff renders a model: it shows the shape of what a dispatched macro makes."""

from collections.abc import Callable

RELATIONS = {"date_spine", "numbers"}


def dispatch(name: str) -> Callable[..., str]:
    """SQL of the same kind as the macro `name` makes: a relation, a join or an expression."""

    def render(*arguments: object, **_: object) -> str:
        if name == "asof_left_join":
            table, alias, equal, at, valid_from = arguments[:5]
            return f"left join {table} as {alias}\n        on {equal} and {at} >= {alias}.{valid_from}"
        if name in RELATIONS:
            return f"{name}_relation"
        return f"{name}({', '.join(str(argument) for argument in arguments if isinstance(argument, str))})"

    return render

"""Who may open which pages, see which tenants, take rows away, and act.

A role is looked up once per page run. Pages of a role are all that its navigation holds: a page that is not there is
not run, so that nothing is queried for it. Rows are restricted in :mod:`dashboards.data`.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warehouse.errors import UsageError

ALL = ("*",)


@dataclass(frozen=True)
class Role:
    """What one kind of user may do. ``("*",)`` stands for everything."""

    name: str
    pages: tuple[str, ...] = ALL
    tenants: tuple[str, ...] = ALL
    first_page: str = "overview"
    may_export: bool = True
    may_act: bool = False
    sees_contacts: bool = False
    people: tuple[str, ...] = ()
    """E-mail addresses of those who have this role, where people sign in."""

    def may_open(self, page: str) -> bool:
        """Whether the page is in this role's navigation."""
        return self.pages == ALL or page in self.pages

    def may_see_tenant(self, tenant: str) -> bool:
        """Whether rows of the tenant may be read."""
        return self.tenants == ALL or tenant in self.tenants


_SALES = ("overview", "sales", "stages", "lead_queue", "operations", "deal", "customer", "scores")
_SUCCESS = ("overview", "customers", "churn_list", "operations", "deal", "customer")

BUILT_IN = {
    role.name: role
    for role in (
        Role("leadership", first_page="overview"),
        Role("sales", _SALES, first_page="sales", may_act=True, sees_contacts=True),
        Role("marketing", ("overview", "marketing", "lead_queue", "customers"), first_page="marketing"),
        Role("customer_success", _SUCCESS, first_page="churn_list", may_act=True, sees_contacts=True),
        Role("operator", ("overview", "operations", "ai_manager", "scores", "data"), first_page="data"),
    )
}
"""Roles of an installation that has no file of its own."""


def load(path: Path | None) -> dict[str, Role]:
    """Read roles from a TOML file, a table per role with the fields of :class:`Role`; without one, the built-in ones.

    Raises
    ------
    UsageError
        If the file is not there, or says something that no role has.
    """
    if path is None:
        return dict(BUILT_IN)
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise UsageError(
            "The roles of the dashboards cannot be read.",
            where=str(path),
            why=str(error),
            todo="DEALHOUSE_DASHBOARD_ROLES names a TOML file with a table per role; see docs/dashboards.md.",
        ) from error
    return {name: _role(name, fields, path) for name, fields in told.items()}


def of_person(roles: Mapping[str, Role], email: str) -> Role | None:
    """Role of somebody who has signed in, None where nobody has given them one."""
    wanted = email.casefold()
    return next((role for role in roles.values() if wanted in {one.casefold() for one in role.people}), None)


def _role(name: str, fields: Any, path: Path) -> Role:
    known = set(Role.__dataclass_fields__) - {"name"}
    unknown = sorted(set(fields) - known) if isinstance(fields, dict) else ["(not a table)"]
    if unknown:
        raise UsageError(
            f"The role {name} says something that no role has: {', '.join(unknown)}.",
            where=str(path),
            todo=f"A role may say: {', '.join(sorted(known))}.",
        )
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}
    return Role(name, **values)

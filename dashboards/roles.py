"""Who may open which pages, see which tenants, take rows away, and act.

A role is looked up once per page run. Pages of a role are all that its navigation holds: a page that is not there is
not run, so that nothing is queried for it. Rows are restricted in :mod:`dashboards.data`.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from dashboards import registry
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
    people: tuple[tuple[str, str], ...] = ()
    """Who has this role, where people sign in: e-mail address and staff id, which may be empty."""

    def may_open(self, page: str) -> bool:
        """Whether the page is in this role's navigation."""
        return self.pages == ALL or page in self.pages

    def may_see_tenant(self, tenant: str) -> bool:
        """Whether rows of the tenant may be read."""
        return self.tenants == ALL or tenant in self.tenants

    def has(self, email: str) -> bool:
        """Whether the role was given to this e-mail address, however it is written."""
        return any(email.casefold() == known.casefold() for known, _ in self.people)

    def staff_id(self, email: str) -> str:
        """Id under which this person acts, empty where the file of roles gives none."""
        return next((staff for known, staff in self.people if known.casefold() == email.casefold()), "")


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

_Name = Annotated[str, Field(min_length=1)]
_Names = Annotated[list[_Name], Field(min_length=1)]
_Email = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]
# Published as who acted, so that it must not say more of a person than an id does.
_StaffId = Annotated[str, Field(pattern=r"^[^@\s]+$")]


class _Told(BaseModel):
    """A table of the file of roles. Nothing is converted: ``"false"`` is no answer to a question of yes or no."""

    model_config = ConfigDict(extra="forbid", strict=True)

    pages: _Names = list(ALL)
    tenants: _Names = list(ALL)
    first_page: str = ""
    may_export: bool = True
    may_act: bool = False
    sees_contacts: bool = False
    people: list[_Email] | dict[_Email, _StaffId] = []

    @model_validator(mode="after")
    def _names_what_exists(self) -> Self:
        pages = [page.name for page in registry.pages()]
        for names in (self.pages, self.tenants):
            if "*" in names and len(names) > 1:
                raise ValueError('"*" stands for everything, and alone')
        for name in {*self.pages, self.first_page} - {*ALL, ""}:
            if name not in pages:
                raise ValueError(f"there is no page {name}; there are {', '.join(pages)}")
        if self.first_page and self.pages != list(ALL) and self.first_page not in self.pages:
            raise ValueError(f"first_page {self.first_page} is none of its pages")
        return self

    def role(self, name: str) -> Role:
        people = self.people.items() if isinstance(self.people, dict) else ((email, "") for email in self.people)
        return Role(
            name,
            tuple(self.pages),
            tuple(self.tenants),
            self.first_page or "overview",
            self.may_export,
            self.may_act,
            self.sees_contacts,
            tuple(people),
        )


_FILE = TypeAdapter(dict[str, _Told])


def load(path: Path | None) -> dict[str, Role]:
    """Read roles from a TOML file, a table per role with the fields of :class:`Role`; without one, the built-in ones.

    Raises
    ------
    UsageError
        If the file is not there, or says something that no role has, of another type, or of a page that is not there.
    """
    if path is None:
        return dict(BUILT_IN)
    try:
        told = _FILE.validate_python(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(
            "The roles of the dashboards cannot be read.",
            where=str(path),
            why=str(error),
            todo="DEALHOUSE_DASHBOARD_ROLES names a TOML file with a table per role; see docs/dashboards.md.",
        ) from error
    except ValidationError as error:
        wrong = error.errors(include_url=False)
        raise UsageError(
            "The roles of the dashboards say what cannot be.",
            where=str(path),
            why="; ".join(f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in wrong),
            todo=f"A role may say: {', '.join(_Told.model_fields)}; see docs/dashboards.md.",
        ) from error
    if not told:
        raise UsageError("The file of roles names no role.", where=str(path), todo="See docs/dashboards.md.")
    return {name: one.role(name) for name, one in told.items()}


def of_person(roles: Mapping[str, Role], email: str) -> Role | None:
    """Role of somebody who has signed in, None where nobody has given them one, or they have no address."""
    return next((role for role in roles.values() if email and role.has(email)), None)

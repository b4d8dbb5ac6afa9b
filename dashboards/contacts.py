"""Personal details, from the file that is published apart: for roles that may see them, of one account at a time."""

import pyarrow as pa

from dashboards.data import ForbiddenError, Rows
from dashboards.frame import Page
from dashboards.session import hub
from warehouse.publish import open_contacts
from warehouse.publish.reader import NothingPublishedError

MOST_CONTACTS = 50


def contacts_of_account(page: Page, account_id: str) -> Rows:
    """Name, e-mail and phone of an account's contacts.

    Raises
    ------
    ForbiddenError
        If the role may not see personal details.
    """
    if not page.session.role.sees_contacts:
        raise ForbiddenError("contacts")
    keys = page.view.read(
        "facts.dim_contact",
        ("contact_id",),
        where={"account_id": account_id},
        order=("contact_id",),
        limit=MOST_CONTACTS,
    ).column("contact_id")
    nobody = Rows(pa.table({"contact_id": pa.array([], pa.string())}))
    if not keys:
        return nobody
    try:
        with open_contacts(hub().home, page.view.snapshot.publication.version) as connection:
            found = connection.sql(
                "select contact_id, first_name, last_name, email, phone from contacts.contact_detail "
                "where tenant_id = ? and list_contains(?, contact_id) order by contact_id",
                params=[page.view.filters.tenant, keys],
            )
            return Rows(found.to_arrow_table())
    except (NothingPublishedError, OSError):
        return nobody

"""Late links, merges and accounts restate what was built before, in batches as in one build."""

from pathlib import Path

import pytest

from tests.laws.compiled import Event
from tests.laws.identity_logs import event
from tests.laws.test_incremental import assert_incremental_is_full


@pytest.mark.slow
def test_links_that_come_late_join_persons_that_stood_apart(tmp_path: Path) -> None:
    visit = "web.session.started"
    batches: list[list[Event]] = [
        # Three persons: a visitor, a lead with a user, a contact of an account.
        [
            event(1, visit, 1.0, {"session_id": "s1", "visitor_id": "v1", "utm_source": "google"}),
            event(2, "crm.lead.created", 2.0, {"lead_id": "l1", "lead_source": "paid"}),
            event(3, "lms.trial.started", 3.0, {"user_id": "u1", "lead_id": "l1"}),
            event(4, "crm.account.upserted", 3.0, {"account_id": "a1", "name": "Acme", "kind": "brand"}),
            event(5, "crm.contact.upserted", 4.0, {"contact_id": "c9", "account_id": "a1"}),
            event(6, "crm.email.clicked", 5.0, {"message_id": "m1", "lead_id": "l1"}),
        ],
        # The visitor was the user all along; a session that is older than anything comes late.
        [
            event(7, "identity.linked", 6.0, {"visitor_id": "v1", "user_id": "u1"}),
            event(8, visit, 0.0, {"session_id": "s2", "visitor_id": "v1", "referrer": "https://example.org"}),
        ],
        # The lead becomes the contact, and everything of it belongs to the account; time goes on.
        [
            event(9, "crm.lead.converted", 7.0, {"lead_id": "l1", "contact_id": "c9"}),
            event(10, "app.login", 24.0 * 40, {"user_id": "u1"}),
        ],
        # A human merges the contact into one that sorts before it, and the account into another.
        [
            event(11, "crm.contact.merged", 8.0, {"winner_id": "c1", "loser_id": "c9"}),
            event(12, "crm.account.merged", 8.0, {"winner_id": "a2", "loser_id": "a1"}),
            event(13, "crm.lead.created", 9.0, {"lead_id": "l2", "lead_source": "other", "referrer_user_id": "u1"}),
        ],
        # The same link again, stated earlier than before; a login of a day that was counted already.
        [
            event(14, "identity.linked", 1.0, {"visitor_id": "v1", "user_id": "u1"}),
            event(15, "app.login", 24.0 * 40 + 1, {"user_id": "u1"}),
        ],
    ]
    assert_incremental_is_full(tmp_path, batches)

"""A few contracts by hand, so that these tests stand on what the mapping asks of a contract and nothing more."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Field:
    name: str
    kind: str = "text"
    required: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Contract:
    listed: tuple[Field, ...] = field(default=())

    def fields(self) -> tuple[Field, ...]:
        return self.listed


def contract(*required: str, **optional: str | tuple[str, ...]) -> Contract:
    """Required texts by name, optional fields by name and kind (or, as a tuple, their choices)."""
    fields = [Field(name, required=True) for name in required]
    for name, kind in optional.items():
        fields.append(Field(name, choices=kind) if isinstance(kind, tuple) else Field(name, kind))
    return Contract(tuple(fields))


CATALOGUE = {
    "crm.deal.created": contract(
        "deal_id",
        pipeline=("b2b", "adtech", "studio"),
        stage="text",
        account_id="text",
        lead_id="text",
        title="text",
        amount="number",
        currency="text",
        owner_id="text",
        probability="number",
        expected_close_date="date",
        deal_source="text",
        client_type="text",
    ),
    "crm.deal.updated": contract("deal_id", evidence_refs="text_list"),
    "crm.deal.won": contract("deal_id", amount="number", currency="text"),
    "crm.deal.lost": contract("deal_id", "lost_reason"),
    "crm.deal.stage_changed": contract("deal_id", "to_stage"),
    "crm.activity.logged": contract(
        "activity_id",
        "activity_type",
        deal_id="text",
        user_id="text",
        due_at="timestamp",
        completed_at="timestamp",
        subject_line="text",
    ),
    "crm.account.upserted": contract(
        "account_id",
        "name",
        kind=("university", "corporation", "ngo", "brand", "agency", "other"),
        size="integer",
        industry="text",
        country="text",
        icp_fit_score="integer",
    ),
    "crm.lead.created": Contract(
        (
            Field("lead_id", required=True),
            Field(
                "lead_source",
                required=True,
                choices=("organic", "referral", "event", "content", "paid", "partnership", "other"),
            ),
            Field("utm_source"),
        )
    ),
    "crm.lead.converted": contract("lead_id", account_id="text", deal_id="text"),
    "crm.brief.submitted": contract("deal_id"),
    "media.mediaplan.ready": contract("deal_id"),
    "crm.offer.approved": contract("deal_id"),
    "docflow.contract.signed": contract("deal_id"),
    "app.feature.used": contract("user_id", "feature", is_key="boolean", quantity="number"),
}

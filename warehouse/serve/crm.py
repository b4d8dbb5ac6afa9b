"""The read API: metrics, a lead's score, a deal, as the source systems ask for them."""

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request

from warehouse.contracts.envelope import DEFAULT_TENANT
from warehouse.serve import published
from warehouse.serve.clients import Client
from warehouse.serve.published import MOST_ROWS, Publication
from warehouse.serve.refusal import Refusal

Authenticate = Callable[[Request], Client]
Tenant = Annotated[str | None, Query(max_length=200, description="Tenant; needed where the client speaks for several.")]
From = Annotated[date | None, Query(alias="from", description="First month.")]
To = Annotated[date | None, Query(description="First month that is left out.")]
Limit = Annotated[int, Query(ge=1, le=MOST_ROWS, description="Most rows.")]
EntityId = Annotated[str, Path(min_length=1, max_length=200)]
Answer = dict[str, Any]


def router(
    publication: Publication, authenticate: Authenticate, responses: dict[int | str, dict[str, Any]]
) -> APIRouter:
    """Routes under ``/crm`` that answer from `publication` to whom `authenticate` lets in."""
    routes = APIRouter(prefix="/crm", tags=["published"], responses=responses)

    def answer(request: Request, tenant: str | None, sql: str, **values: object) -> Answer:
        whose = authenticate(request).tenant(tenant, DEFAULT_TENANT)
        version, rows = publication.rows(sql, {"tenant": whose, **values})
        return {"tenant_id": whose, "version": version, "rows": rows}

    def single(request: Request, tenant: str | None, sql: str, what: str, entity_id: str) -> Answer:
        found = answer(request, tenant, sql, id=entity_id)
        if not found["rows"]:
            raise _unknown(what)
        return {"tenant_id": found["tenant_id"], "version": found["version"], **found["rows"][0]}

    @routes.get("/metrics/funnel", summary="Funnel of a cohort month, step by step")
    def funnel(
        request: Request,
        funnel: Annotated[Literal["b2c", "b2b"], Query(description="Which funnel.")] = "b2c",
        order_rule: Annotated[
            Literal["open", "closed"], Query(description="Whether steps are taken in order.")
        ] = "open",
        dimension: Annotated[str, Query(max_length=100, description="What the cohort is divided by.")] = "total",
        from_month: From = None,
        to: To = None,
        tenant: Tenant = None,
        limit: Limit = 1000,
    ) -> Answer:
        values = {"order_rule": order_rule, "dimension": dimension, "from": from_month, "to": to, "limit": limit}
        return answer(request, tenant, published.FUNNEL[funnel], **values)

    @routes.get("/metrics/cohorts", summary="Retention, or revenue, of cohorts month by month")
    def cohorts(
        request: Request,
        measure: Annotated[Literal["retention", "revenue"], Query(description="What is followed.")] = "retention",
        from_month: From = None,
        to: To = None,
        tenant: Tenant = None,
        limit: Limit = 1000,
    ) -> Answer:
        values = {"from": from_month, "to": to, "limit": limit}
        return answer(request, tenant, published.COHORTS[measure], **values)

    @routes.get("/metrics/attribution", summary="What channels are credited with")
    def attribution(
        request: Request,
        model: Annotated[str | None, Query(max_length=100, description="One model of attribution.")] = None,
        from_month: From = None,
        to: To = None,
        tenant: Tenant = None,
        limit: Limit = 1000,
    ) -> Answer:
        values = {"model": model, "from": from_month, "to": to, "limit": limit}
        return answer(request, tenant, published.ATTRIBUTION, **values)

    @routes.get("/metrics/health", summary="Health of customers, the worst first")
    def health(
        request: Request,
        level: Annotated[Literal["red", "yellow", "green"] | None, Query(description="One level alone.")] = None,
        tenant: Tenant = None,
        limit: Limit = 1000,
    ) -> Answer:
        return answer(request, tenant, published.HEALTH, level=level, limit=limit)

    @routes.get("/leads/{lead_id}/score", summary="Score of an open lead, and why")
    def lead_score(request: Request, lead_id: EntityId, tenant: Tenant = None) -> Answer:
        return single(request, tenant, published.LEAD_SCORE, "open lead", lead_id)

    @routes.get("/deals/{deal_id}", summary="A deal, its stages, and the chance that it is won")
    def deal(request: Request, deal_id: EntityId, tenant: Tenant = None) -> Answer:
        whose = authenticate(request).tenant(tenant, DEFAULT_TENANT)
        asked = [published.DEAL, published.DEAL_STAGES, published.DEAL_WIN]
        version, answers = publication.together(asked, {"tenant": whose, "id": deal_id})
        if not answers[0]:
            raise _unknown("deal")
        (found, *_), stages, win = answers
        return {"tenant_id": whose, "version": version, **found, "stages": stages, "win": next(iter(win), None)}

    return routes


def _unknown(what: str) -> Refusal:
    return Refusal(404, "not_found", f"There is no {what} of this id in what is published for the tenant.")

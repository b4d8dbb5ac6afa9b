"""The log that the benchmarks read: adtech deals, five events each, written by DuckDB so that it takes seconds."""

from pathlib import Path

import duckdb

EVENTS_PER_DEAL = 5
_WRITE = """
copy (
    with events as (
        select
            number // 5 + $first_deal as deal, number % 5 as step,
            timestamp '2025-01-01' + to_seconds(($first_deal + number // 5) * 30) as created_at
        from range($events) as counted (number)
    ),
    placed as (
        select
            *, hash(deal, step) % 1000 / 1000.0 as chance,
            -- An hour to a day from step to step: some deals are in time, some are not.
            3600 * (1 + hash(deal, 'pace') % 24) as pace,
            -- A third of the deals never get an offer, a fifth of the others are lost.
            case
                when step = 4 and hash(deal, 'end') % 15 < 5 then 'crm.deal.updated'
                when step = 4 and hash(deal, 'end') % 15 < 7 then 'crm.deal.lost'
                when step = 4 then 'crm.offer.approved'
                else ['crm.deal.created', 'crm.deal.updated', 'crm.brief.submitted', 'media.mediaplan.ready'][step + 1]
            end as type
        from events
    )
    select
        '1.0' as specversion, 'bench-' || deal || '-' || step as id, 'crm' as source, type,
        strftime(created_at + to_seconds(cast(step * pace + 1800 * chance as bigint)), '%Y-%m-%dT%H:%M:%S.%fZ') as time,
        'acme' as tenantid, 'user-' || (deal % 20) as actor,
        case type
            when 'crm.deal.created' then json_object(
                'deal_id', 'deal-' || deal, 'pipeline', 'adtech', 'title', 'Campaign of client number ' || deal,
                'amount', 1000 + deal % 9000, 'currency', 'USD', 'expected_close_date', '2026-03-01',
                'owner_id', 'user-' || (deal % 20), 'client_type', 'brand', 'deal_source', 'inbound')
            when 'crm.deal.updated' then json_object(
                'deal_id', 'deal-' || deal, 'amount', 1000.5 + deal % 7000, 'currency', 'USD', 'probability', 0.5,
                'expected_close_date', case when deal % 3 = 0 then '2026-04-10' else '2026-03-15' end)
            when 'crm.deal.lost' then json_object('deal_id', 'deal-' || deal, 'lost_reason', 'price')
            when 'crm.brief.submitted' then json_object(
                'deal_id', 'deal-' || deal, 'goals', 'Reach and awareness of the brand in the region, as agreed')
            when 'media.mediaplan.ready' then json_object(
                'deal_id', 'deal-' || deal, 'planned_budget', 500 + deal % 99, 'currency', 'USD')
            else json_object('deal_id', 'deal-' || deal, 'amount', 900 + deal % 99, 'currency', 'USD')
        end as data
    from placed
) to '__TARGET__' (format json)
"""


def write_log(target: Path, events: int, first_deal: int = 0) -> Path:
    """Write `events` events of whole deals to NDJSON, numbered from `first_deal`; return the path."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        # COPY takes no bound name; the target is this program's own.
        con.execute(_WRITE.replace("__TARGET__", str(target)), {"events": events, "first_deal": first_deal})
    return target

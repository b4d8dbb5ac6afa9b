-- The script of benchmarks/by_hand.sql in PostgreSQL's words: typed events, fact_deal and fact_sla from what was loaded.
-- max_by is an ordered array_agg, json_transform is ->> with casts, and what lag would pass over (events without an
-- expected date) is left out before it.
create table typed as
select
    tenant_id, event_id, source, event_type, occurred_at,
    data ->> 'deal_id' as deal_id, data ->> 'pipeline' as pipeline, data ->> 'account_id' as account_id,
    data ->> 'contact_id' as contact_id, data ->> 'lead_id' as lead_id, data ->> 'title' as title,
    (data ->> 'amount')::double precision as amount, data ->> 'currency' as currency,
    (data ->> 'probability')::double precision as probability, data ->> 'forecast_category' as forecast_category,
    (data ->> 'expected_close_date')::date as expected_close_date, data ->> 'owner_id' as owner_id,
    data ->> 'deal_source' as deal_source, data ->> 'primary_competitor' as primary_competitor,
    data ->> 'client_type' as client_type, data ->> 'campaign_id' as campaign_id, data ->> 'lost_reason' as lost_reason,
    data ->> 'competitor' as competitor, data ->> 'next_step' as next_step, data ->> 'due_at' as due_at,
    row_number() over (
        partition by tenant_id, data ->> 'deal_id'
        order by occurred_at, (event_type <> 'crm.deal.created'), event_id, source
    ) as n
from events;
analyze typed;

create table pushes as
select tenant_id, deal_id, count(*) as push_count
from (
    select
        tenant_id, deal_id, event_type, expected_close_date,
        lag(expected_close_date) over (partition by tenant_id, deal_id order by n) as previous_close_date
    from typed
    where expected_close_date is not null
) as said
where
    event_type = 'crm.deal.updated'
    and date_trunc('month', expected_close_date) > date_trunc('month', previous_close_date)
group by tenant_id, deal_id;
analyze pushes;

create table clock as select max(occurred_at) as as_of from typed;

create table deals as
select
    tenant_id, deal_id,
    (array_agg(pipeline order by n desc) filter (where pipeline is not null))[1] as pipeline,
    (array_agg(account_id order by n desc) filter (where account_id is not null and event_type like 'crm.deal.%'))[1] as account_id,
    (array_agg(contact_id order by n desc) filter (where contact_id is not null and event_type like 'crm.deal.%'))[1] as contact_id,
    (array_agg(lead_id order by n desc) filter (where lead_id is not null and event_type like 'crm.deal.%'))[1] as lead_id,
    (array_agg(owner_id order by n desc) filter (where owner_id is not null and event_type like 'crm.deal.%'))[1] as owner_id,
    (array_agg(title order by n desc) filter (where title is not null and event_type like 'crm.deal.%'))[1] as title,
    (array_agg(client_type order by n desc) filter (where client_type is not null and event_type like 'crm.deal.%'))[1] as client_type,
    (array_agg(deal_source order by n desc) filter (where deal_source is not null and event_type like 'crm.deal.%'))[1] as deal_source,
    (array_agg(amount order by n desc) filter (where amount is not null and event_type like 'crm.deal.%'))[1] as amount,
    (array_agg(currency order by n desc) filter (where currency is not null and event_type like 'crm.deal.%'))[1] as currency,
    (array_agg(probability order by n desc) filter (where probability is not null and event_type like 'crm.deal.%'))[1] as probability,
    (array_agg(forecast_category order by n desc) filter (where forecast_category is not null and event_type like 'crm.deal.%'))[1]
        as forecast_category,
    (array_agg(expected_close_date order by n desc) filter (where expected_close_date is not null))[1] as expected_close_date,
    (array_agg(campaign_id order by n desc) filter (where campaign_id is not null and event_type like 'crm.deal.%'))[1] as campaign_id,
    (array_agg(coalesce(competitor, primary_competitor) order by n desc) filter (
        where coalesce(competitor, primary_competitor) is not null and event_type like 'crm.deal.%'
    ))[1] as primary_competitor,
    (array_agg(lost_reason order by n desc) filter (where event_type = 'crm.deal.lost'))[1] as lost_reason,
    max(n) filter (where event_type = 'crm.deal.next_step_set') as step_set_n,
    max(n) filter (where event_type = 'crm.deal.next_step_done') as step_done_n,
    (array_agg(next_step order by n desc) filter (where event_type = 'crm.deal.next_step_set'))[1] as next_step,
    (array_agg(due_at::timestamptz at time zone 'UTC' order by n desc) filter (where event_type = 'crm.deal.next_step_set'))[1]
        as next_step_due_at,
    min(occurred_at) filter (where event_type = 'crm.deal.created') as created_at,
    min(occurred_at) filter (where event_type = 'crm.brief.submitted') as brief_at,
    min(occurred_at) filter (where event_type = 'media.mediaplan.ready') as plan_at,
    min(occurred_at) filter (where event_type = 'crm.offer.approved') as offer_at,
    min(occurred_at) filter (where event_type = 'crm.deal.lost') as lost_at
from typed
group by tenant_id, deal_id;
analyze deals;

create table fact_deal as
select
    placed.tenant_id, placed.deal_id, pipeline, account_id, contact_id, lead_id, owner_id, title, null::text as industry,
    client_type, budget_band, deal_source, campaign_id, primary_competitor, amount, currency,
    amount as amount_base,
    case when lost_at is not null then 'lost' else aggregated_stage end as stage,
    aggregated_stage,
    case when lost_at is not null then 'lost' else 'open' end as status,
    probability, coalesce(forecast_category, 'pipeline') as forecast_category, created_at,
    case
        when lost_at is not null then lost_at
        when aggregated_stage = 'offer_ready' then greatest(plan_at, offer_at)
        when aggregated_stage = 'planning' then greatest(brief_at, plan_at)
        when aggregated_stage = 'briefed' then brief_at
        else created_at
    end as stage_entered_at,
    expected_close_date, lost_at as closed_at, null::double precision as sales_cycle_days,
    (extract(epoch from lost_at - created_at) * 1000000)::bigint / 86400000000.0::double precision as days_to_loss,
    case when lost_at is not null then lost_reason end as lost_reason,
    case when step_set_n > coalesce(step_done_n, 0) then next_step end as next_step,
    case when step_set_n > coalesce(step_done_n, 0) then next_step_due_at end as next_step_due_at,
    coalesce(lost_at is null and step_set_n > coalesce(step_done_n, 0) and next_step_due_at < as_of, false) as is_next_step_overdue,
    coalesce(lost_at is null and expected_close_date + 14 < as_of::date, false) as is_slipping,
    coalesce(push_count, 0) as push_count
from (
    select
        *,
        case
            when plan_at is not null and offer_at is not null then 'offer_ready'
            when brief_at is not null and plan_at is not null then 'planning'
            when brief_at is not null then 'briefed'
            else 'draft'
        end as aggregated_stage
    from deals
) as placed
cross join clock
left join pushes on placed.tenant_id = pushes.tenant_id and placed.deal_id = pushes.deal_id
left join budget_band as band
    on amount >= amount_base_from and (amount < amount_base_to or amount_base_to is null);

create table fact_sla as
with timers as (
    select tenant_id, deal_id, 'lead_to_brief' as sla, created_at as started_at, brief_at as stopped_at, lost_at, 8.0::double precision as target_hours
    from deals
    union all
    select tenant_id, deal_id, 'brief_to_offer', brief_at, offer_at, lost_at, 48.0 from deals where brief_at is not null
    union all
    select tenant_id, deal_id, 'offer_to_contract', offer_at, null, lost_at, 72.0 from deals where offer_at is not null
),
ended as (
    select
        *, (stopped_at is null or stopped_at > lost_at) and lost_at is not null as is_void,
        case when stopped_at is null or stopped_at > lost_at then greatest(lost_at, started_at) else greatest(stopped_at, started_at) end as ended_at
    from timers
),
measured as (
    select *, case when lost_at is null and stopped_at is null then null else ended_at end as real_end from ended
),
elapsed as (
    select
        *,
        (extract(epoch from coalesce(real_end, as_of) - started_at) * 1000000)::bigint / 3600000000.0::double precision as elapsed_hours
    from measured cross join clock
),
judged as (
    select
        tenant_id, deal_id, sla, 1::bigint as run_number, started_at, real_end as stopped_at, target_hours,
        started_at + target_hours * interval '1 hour' as due_at, 0::double precision as carried_hours, elapsed_hours,
        case
            when is_void then 'void'
            when real_end is not null and elapsed_hours <= target_hours then 'met'
            when real_end is not null then 'breached'
            when elapsed_hours > target_hours then 'overdue'
            when elapsed_hours > 0.8 * target_hours then 'at_risk'
            else 'running'
        end as status
    from elapsed
)
select
    *, status in ('breached', 'overdue') as is_breached,
    case when status in ('breached', 'overdue') then due_at end as breached_at,
    case sla when 'lead_to_brief' then 'crm' when 'brief_to_offer' then 'mediapush' else 'legal' end as owner_domain
from judged;

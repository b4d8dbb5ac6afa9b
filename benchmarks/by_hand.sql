-- What an analyst would write in one go for this log: typed events, fact_deal and fact_sla, straight from the raw table.
create table typed as
select
    tenant_id, event_id, source, event_type, occurred_at,
    unnest(json_transform(data, '{"deal_id":"VARCHAR","pipeline":"VARCHAR","account_id":"VARCHAR","contact_id":"VARCHAR",
    "lead_id":"VARCHAR","title":"VARCHAR","amount":"DOUBLE","currency":"VARCHAR","probability":"DOUBLE",
    "forecast_category":"VARCHAR","expected_close_date":"DATE","owner_id":"VARCHAR","deal_source":"VARCHAR",
    "primary_competitor":"VARCHAR","client_type":"VARCHAR","campaign_id":"VARCHAR","lost_reason":"VARCHAR","competitor":"VARCHAR",
    "next_step":"VARCHAR","due_at":"VARCHAR"}'))
from warehouse.raw.events;

create table numbered as
select
    *,
    row_number() over (partition by tenant_id, deal_id order by occurred_at, event_type <> 'crm.deal.created', event_id, source) as n,
    lag(expected_close_date ignore nulls) over (
        partition by tenant_id, deal_id order by occurred_at, event_type <> 'crm.deal.created', event_id, source
    ) as previous_close_date
from typed;

create table clock as select max(occurred_at) as as_of from typed;

create table deals as
select
    tenant_id, deal_id,
    max_by(pipeline, n) filter (pipeline is not null) as pipeline,
    max_by(account_id, n) filter (account_id is not null and event_type like 'crm.deal.%') as account_id,
    max_by(contact_id, n) filter (contact_id is not null and event_type like 'crm.deal.%') as contact_id,
    max_by(lead_id, n) filter (lead_id is not null and event_type like 'crm.deal.%') as lead_id,
    max_by(owner_id, n) filter (owner_id is not null and event_type like 'crm.deal.%') as owner_id,
    max_by(title, n) filter (title is not null and event_type like 'crm.deal.%') as title,
    max_by(client_type, n) filter (client_type is not null and event_type like 'crm.deal.%') as client_type,
    max_by(deal_source, n) filter (deal_source is not null and event_type like 'crm.deal.%') as deal_source,
    max_by(amount, n) filter (amount is not null and event_type like 'crm.deal.%') as amount,
    max_by(currency, n) filter (currency is not null and event_type like 'crm.deal.%') as currency,
    max_by(probability, n) filter (probability is not null and event_type like 'crm.deal.%') as probability,
    max_by(forecast_category, n) filter (forecast_category is not null and event_type like 'crm.deal.%') as forecast_category,
    max_by(expected_close_date, n) filter (expected_close_date is not null) as expected_close_date,
    max_by(campaign_id, n) filter (campaign_id is not null and event_type like 'crm.deal.%') as campaign_id,
    max_by(coalesce(competitor, primary_competitor), n) filter (
        coalesce(competitor, primary_competitor) is not null and event_type like 'crm.deal.%'
    ) as primary_competitor,
    max_by(lost_reason, n) filter (event_type = 'crm.deal.lost') as lost_reason,
    max(n) filter (event_type = 'crm.deal.next_step_set') as step_set_n,
    max(n) filter (event_type = 'crm.deal.next_step_done') as step_done_n,
    max_by(next_step, n) filter (event_type = 'crm.deal.next_step_set') as next_step,
    max_by(try_cast(due_at as timestamptz)::timestamp, n) filter (event_type = 'crm.deal.next_step_set') as next_step_due_at,
    min(occurred_at) filter (event_type = 'crm.deal.created') as created_at,
    min(occurred_at) filter (event_type = 'crm.brief.submitted') as brief_at,
    min(occurred_at) filter (event_type = 'media.mediaplan.ready') as plan_at,
    min(occurred_at) filter (event_type = 'crm.offer.approved') as offer_at,
    min(occurred_at) filter (event_type = 'crm.deal.lost') as lost_at,
    count(*) filter (
        event_type = 'crm.deal.updated' and date_trunc('month', expected_close_date) > date_trunc('month', previous_close_date)
    ) as push_count
from numbered
group by all;

create table accounts as
select
    tenant_id, data ->> 'account_id' as account_id, max_by(data ->> 'industry', occurred_at) as industry,
    max_by(data ->> 'kind', occurred_at) as kind
from warehouse.raw.events
where event_type = 'crm.account.upserted'
group by all;

create table fact_deal as
select
    placed.tenant_id, deal_id, pipeline, placed.account_id, contact_id, lead_id, owner_id, title, industry,
    coalesce(client_type, kind) as client_type, budget_band, deal_source, campaign_id, primary_competitor, amount, currency,
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
    expected_close_date, lost_at as closed_at, null::double as sales_cycle_days,
    (epoch_us(lost_at) - epoch_us(created_at)) / 86400000000.0 as days_to_loss,
    case when lost_at is not null then lost_reason end as lost_reason,
    case when step_set_n > coalesce(step_done_n, 0) then next_step end as next_step,
    case when step_set_n > coalesce(step_done_n, 0) then next_step_due_at end as next_step_due_at,
    coalesce(lost_at is null and step_set_n > coalesce(step_done_n, 0) and next_step_due_at < as_of, false) as is_next_step_overdue,
    coalesce(lost_at is null and expected_close_date + 14 < cast(as_of as date), false) as is_slipping,
    push_count
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
left join accounts on placed.tenant_id = accounts.tenant_id and placed.account_id = accounts.account_id
left join warehouse.seeds.budget_band as band
    on amount >= amount_base_from and (amount < amount_base_to or amount_base_to is null);

create table fact_sla as
with timers as (
    select tenant_id, deal_id, 'lead_to_brief' as sla, created_at as started_at, brief_at as stopped_at, lost_at, 8.0 as target_hours from deals
    union all
    select tenant_id, deal_id, 'brief_to_offer', brief_at, offer_at, lost_at, 48.0 from deals where brief_at is not null
    union all
    select tenant_id, deal_id, 'offer_to_contract', offer_at, null, lost_at, 72.0 from deals where offer_at is not null
),
ended as (
    select *, (stopped_at is null or stopped_at > lost_at) and lost_at is not null as is_void,
        case when stopped_at is null or stopped_at > lost_at then greatest(lost_at, started_at) else greatest(stopped_at, started_at) end as ended_at
    from (select * replace (case when lost_at is null then null else lost_at end as lost_at) from timers)
),
measured as (
    select *, case when lost_at is null and stopped_at is null then null else ended_at end as real_end from ended
),
judged as (
    select *, (epoch_us(coalesce(real_end, as_of)) - epoch_us(started_at)) / 3600000000.0 as elapsed_hours from measured, clock
)
select
    *, status in ('breached', 'overdue') as is_breached,
    case when status in ('breached', 'overdue') then due_at end as breached_at,
    case sla when 'lead_to_brief' then 'crm' when 'brief_to_offer' then 'mediapush' else 'legal' end as owner_domain
from (select
    tenant_id, deal_id, sla, cast(1 as bigint) as run_number, started_at, real_end as stopped_at, target_hours,
    started_at + to_microseconds(cast(target_hours * 3600000000 as bigint)) as due_at, 0::double as carried_hours, elapsed_hours,
    case
        when is_void then 'void'
        when real_end is not null and elapsed_hours <= target_hours then 'met'
        when real_end is not null then 'breached'
        when elapsed_hours > target_hours then 'overdue'
        when elapsed_hours > 0.8 * target_hours then 'at_risk'
        else 'running'
    end as status
from judged);

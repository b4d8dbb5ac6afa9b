with leads as (
    select
        lead.tenant_id,
        lead.lead_id,
        cast(date_trunc('month', lead.created_at) as date) as created_month,
        coalesce(lead.lead_source, '(not set)') as lead_source,
        lead.qualified_at is not null or lead.converted_at is not null as is_qualified,
        lead.converted_at is not null as is_converted,
        lead.deal_id,
        lead.created_at,
        coalesce({{ channel_of('lead', 'lead_source') }}, '(unknown)') as channel
    from {{ ref('fact_lead') }} as lead
    {{ join_channels('lead', 'lead_source') }}
),

-- A deal may name its lead, or a lead its deal; of several leads the oldest brought it.
origins as (
    select deal.tenant_id, deal.deal_id, deal.lead_id
    from {{ ref('fact_deal') }} as deal
    where deal.lead_id is not null
    union
    select leads.tenant_id, leads.deal_id, leads.lead_id
    from leads
    where leads.deal_id is not null
),

ranked_origins as (
    select
        origins.tenant_id,
        origins.deal_id,
        origins.lead_id,
        row_number() over (
            partition by origins.tenant_id, origins.deal_id
            order by leads.created_at, origins.lead_id
        ) as origin_rank
    from origins
    inner join leads
        on origins.tenant_id = leads.tenant_id and origins.lead_id = leads.lead_id
),

won as (
    select
        ranked_origins.tenant_id,
        ranked_origins.lead_id,
        count(*) as won_count,
        sum(deal.amount_base) as won_amount_base
    from ranked_origins
    inner join {{ ref('fact_deal') }} as deal
        on ranked_origins.tenant_id = deal.tenant_id and ranked_origins.deal_id = deal.deal_id
    where ranked_origins.origin_rank = 1 and deal.status = 'won'
    group by ranked_origins.tenant_id, ranked_origins.lead_id
),

counts as (
    select
        leads.tenant_id,
        leads.created_month,
        leads.lead_source,
        count(*) as lead_count,
        count(*) filter (where leads.is_qualified) as qualified_count,
        count(*) filter (where leads.is_converted) as converted_count,
        cast(coalesce(sum(won.won_count), 0) as bigint) as won_count,
        sum(won.won_amount_base) as won_amount_base
    from leads
    left join won
        on leads.tenant_id = won.tenant_id and leads.lead_id = won.lead_id
    group by leads.tenant_id, leads.created_month, leads.lead_source
),

-- What was spent on a channel in a month is borne by the leads of the channel and month alike, whatever their sources;
-- where it brought none, by no source.
channel_leads as (
    select
        leads.tenant_id,
        leads.created_month,
        leads.channel,
        leads.lead_source,
        count(*) as lead_count,
        sum(count(*)) over (partition by leads.tenant_id, leads.created_month, leads.channel) as channel_lead_count
    from leads
    group by leads.tenant_id, leads.created_month, leads.channel, leads.lead_source
),

spend as (
    select
        reported.tenant_id,
        cast(date_trunc('month', reported.spend_date) as date) as created_month,
        reported.channel,
        sum(reported.amount_base) as spend_base
    from {{ ref('fact_spend') }} as reported
    group by reported.tenant_id, cast(date_trunc('month', reported.spend_date) as date), reported.channel
),

costs as (
    select
        spend.tenant_id,
        spend.created_month,
        coalesce(channel_leads.lead_source, '(no leads)') as lead_source,
        sum(
            spend.spend_base
            * case
                when channel_leads.lead_count is null then 1.0
                else {{ fdiv('channel_leads.lead_count', 'channel_leads.channel_lead_count') }}
            end
        ) as cost_base
    from spend
    -- one row for each source of the channel's leads
    left join channel_leads
        on
            spend.tenant_id = channel_leads.tenant_id
            and spend.created_month = channel_leads.created_month
            and spend.channel = channel_leads.channel
    group by spend.tenant_id, spend.created_month, coalesce(channel_leads.lead_source, '(no leads)')
),

months as (
    select counts.tenant_id, counts.created_month, counts.lead_source
    from counts
    union
    select costs.tenant_id, costs.created_month, costs.lead_source
    from costs
)

select
    months.tenant_id,
    months.created_month,
    months.lead_source,
    coalesce(counts.lead_count, 0) as lead_count,
    coalesce(counts.qualified_count, 0) as qualified_count,
    coalesce(counts.converted_count, 0) as converted_count,
    coalesce(counts.won_count, 0) as won_count,
    counts.won_amount_base,
    {{ fdiv('counts.qualified_count', 'counts.lead_count') }} as qualification_rate,
    {{ fdiv('counts.converted_count', 'counts.lead_count') }} as conversion_rate,
    costs.cost_base,
    {{ fdiv('costs.cost_base', 'counts.lead_count') }} as cost_per_lead_base,
    {{ fdiv('costs.cost_base', 'counts.converted_count') }} as cost_per_conversion_base
from months
left join counts
    on
        months.tenant_id = counts.tenant_id
        and months.created_month = counts.created_month
        and months.lead_source = counts.lead_source
left join costs
    on
        months.tenant_id = costs.tenant_id
        and months.created_month = costs.created_month
        and months.lead_source = costs.lead_source

{{ config(tags=['alone']) }}

-- Every span of days in which a deal stood unchanged, with what it was before.
with spans as (
    select
        day.tenant_id,
        day.deal_id,
        day.pipeline,
        day.valid_from_date,
        day.valid_to_date,
        day.status,
        day.owner_id,
        day.amount,
        day.currency,
        coalesce(day.amount_base, 0) as value_base,
        lag(day.status) over deal_in_time as previous_status,
        lag(day.owner_id) over deal_in_time as previous_owner_id,
        lag(day.amount) over deal_in_time as previous_amount,
        lag(day.currency) over deal_in_time as previous_currency
    from {{ ref('deal_days') }} as day
    window deal_in_time as (partition by day.tenant_id, day.deal_id order by day.valid_from_date)
),

-- The days of weeks, months and quarters up to as_of.
calendar as (
    select
        dim_date.day_date,
        kinds.period_kind,
        case kinds.period_kind
            when 'week' then dim_date.week_start_date
            when 'month' then dim_date.calendar_month
            else dim_date.calendar_quarter_date
        end as period_start_date
    from {{ ref('dim_date') }} as dim_date
    cross join (
        select 'week' as period_kind
        union all
        select 'month' as period_kind
        union all
        select 'quarter' as period_kind
    ) as kinds
    where dim_date.day_date <= cast({{ as_of() }} as date)
),

periods as (
    select
        calendar.period_kind,
        calendar.period_start_date,
        {{ add_days('calendar.period_start_date', -1) }} as opening_date,
        max(calendar.day_date) as closing_date
    from calendar
    group by calendar.period_kind, calendar.period_start_date
),

boundaries as (
    select periods.opening_date as boundary_date
    from periods
    union
    select periods.closing_date as boundary_date
    from periods
),

-- What was open at the end of each boundary day, at the rate of that day.
stocks as (
    select
        spans.tenant_id,
        spans.deal_id,
        spans.pipeline,
        spans.owner_id,
        boundaries.boundary_date,
        case when spans.currency = {{ reporting_currency() }} then spans.amount else spans.amount * fx.fx_rate end as amount_base
    from spans
    inner join boundaries
        on
            boundaries.boundary_date >= spans.valid_from_date
            and (boundaries.boundary_date < spans.valid_to_date or spans.valid_to_date is null)
    left join {{ ref('fact_fx_rate') }} as fx
        on spans.currency = fx.currency and boundaries.boundary_date = fx.fx_date
    where spans.status = 'open'
),

-- At each change: first the deal moves to its new owner, then its amount changes, then it is closed. All at the rate of the day.
changes as (
    select
        spans.*,
        coalesce(
            case
                when spans.previous_currency = {{ reporting_currency() }} then spans.previous_amount
                else spans.previous_amount * fx.fx_rate
            end,
            0
        ) as previous_value_base,
        coalesce(spans.owner_id, '(not set)') <> coalesce(spans.previous_owner_id, '(not set)') and spans.previous_status = 'open'
            as is_moved,
        spans.status <> spans.previous_status and spans.previous_status <> 'open' as is_reopened,
        coalesce(spans.status <> spans.previous_status, true) and spans.status <> 'open' as is_closed
    from spans
    left join {{ ref('fact_fx_rate') }} as fx
        on spans.previous_currency = fx.currency and spans.valid_from_date = fx.fx_date
),

-- Open deals in other currencies: what the rates alone did to them in the period.
revaluations as (
    select
        spans.tenant_id,
        spans.deal_id,
        spans.pipeline,
        spans.owner_id,
        spans.amount,
        spans.currency,
        periods.period_kind,
        periods.period_start_date,
        greatest(spans.valid_from_date, periods.opening_date) as from_date,
        least(coalesce(spans.valid_to_date, periods.closing_date), periods.closing_date) as to_date
    from spans
    inner join periods
        on
            periods.closing_date > spans.valid_from_date
            and (periods.opening_date < spans.valid_to_date or spans.valid_to_date is null)
    where spans.status = 'open' and spans.currency <> {{ reporting_currency() }}
),

flows as (
    {%- for flow in ['new', 'reopened', 'moved_out', 'moved_in', 'increased', 'decreased', 'closed'] %}
    select '{{ flow }}' as flow
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

entries as (
    select
        stocks.tenant_id,
        stocks.deal_id,
        stocks.pipeline,
        stocks.owner_id,
        periods.period_kind,
        periods.period_start_date,
        'opening' as flow,
        stocks.amount_base
    from stocks
    inner join periods
        on stocks.boundary_date = periods.opening_date
    union all
    select
        stocks.tenant_id,
        stocks.deal_id,
        stocks.pipeline,
        stocks.owner_id,
        periods.period_kind,
        periods.period_start_date,
        'closing' as flow,
        stocks.amount_base
    from stocks
    inner join periods
        on stocks.boundary_date = periods.closing_date
    union all
    select
        changes.tenant_id,
        changes.deal_id,
        changes.pipeline,
        case when flows.flow = 'moved_out' then changes.previous_owner_id else changes.owner_id end as owner_id,
        calendar.period_kind,
        calendar.period_start_date,
        case when flows.flow = 'closed' then changes.status else flows.flow end as flow,
        case flows.flow
            when 'moved_out' then changes.previous_value_base
            when 'moved_in' then changes.previous_value_base
            when 'increased' then changes.value_base - changes.previous_value_base
            when 'decreased' then changes.previous_value_base - changes.value_base
            else changes.value_base
        end as amount_base
    from changes
    inner join flows
        on
            case flows.flow
                when 'new' then changes.previous_status is null
                when 'reopened' then changes.is_reopened
                when 'moved_out' then changes.is_moved
                when 'moved_in' then changes.is_moved
                when 'increased' then changes.previous_status = 'open' and changes.value_base > changes.previous_value_base
                when 'decreased' then changes.previous_status = 'open' and changes.value_base < changes.previous_value_base
                else changes.is_closed
            end
    inner join calendar
        on changes.valid_from_date = calendar.day_date
    union all
    select
        revaluations.tenant_id,
        revaluations.deal_id,
        revaluations.pipeline,
        revaluations.owner_id,
        revaluations.period_kind,
        revaluations.period_start_date,
        'fx' as flow,
        revaluations.amount * (coalesce(fx_to.fx_rate, 0) - coalesce(fx_from.fx_rate, 0)) as amount_base
    from revaluations
    left join {{ ref('fact_fx_rate') }} as fx_from
        on revaluations.currency = fx_from.currency and revaluations.from_date = fx_from.fx_date
    left join {{ ref('fact_fx_rate') }} as fx_to
        on revaluations.currency = fx_to.currency and revaluations.to_date = fx_to.fx_date
),

-- Summed for each combination of segments first, so that the kinds of segment multiply combinations and not deals.
combinations as (
    select
        entries.tenant_id,
        entries.pipeline,
        entries.period_kind,
        entries.period_start_date,
        entries.flow,
        entries.owner_id,
        deal.industry,
        deal.client_type,
        deal.budget_band,
        deal.deal_source,
        count(*) as entry_count,
        count(*) filter (where entries.flow = 'closing' and entries.amount_base is null) as unvalued_count,
        sum(entries.amount_base) as amount_base
    from entries
    inner join {{ ref('fact_deal') }} as deal
        on entries.tenant_id = deal.tenant_id and entries.deal_id = deal.deal_id
    group by
        entries.tenant_id, entries.pipeline, entries.period_kind, entries.period_start_date, entries.flow, entries.owner_id,
        deal.industry, deal.client_type, deal.budget_band, deal.deal_source
),

-- A change of owner moves a deal between owners; within all other segments it stays where it is.
segmented as (
    select
        combinations.*,
        part.dimension,
        {{ deal_dimension_value('combinations', 'part.dimension') }} as dimension_value
    from combinations
    cross join {{ deal_dimensions() }} as part
    where part.dimension = 'owner' or combinations.flow not in ('moved_in', 'moved_out')
),

summed as (
    select
        segmented.tenant_id,
        segmented.pipeline,
        segmented.period_kind,
        segmented.period_start_date,
        segmented.dimension,
        segmented.dimension_value,
        {%- for flow in [
            'opening', 'new', 'moved_in', 'reopened', 'increased', 'decreased', 'fx', 'moved_out', 'won', 'lost', 'cancelled', 'closing'
        ] %}
        cast(coalesce(sum(segmented.entry_count) filter (where segmented.flow = '{{ flow }}'), 0) as bigint) as {{ flow }}_count,
        coalesce(sum(segmented.amount_base) filter (where segmented.flow = '{{ flow }}'), 0) as {{ flow }}_base,
        {%- endfor %}
        cast(sum(segmented.unvalued_count) as bigint) as unvalued_count
    from segmented
    group by
        segmented.tenant_id, segmented.pipeline, segmented.period_kind, segmented.period_start_date, segmented.dimension,
        segmented.dimension_value
)

select
    summed.tenant_id,
    summed.pipeline,
    summed.period_kind,
    summed.period_start_date,
    periods.closing_date as period_last_date,
    summed.dimension,
    summed.dimension_value,
    {%- for flow in ['opening', 'new', 'moved_in', 'reopened'] %}
    summed.{{ flow }}_count,
    summed.{{ flow }}_base,
    {%- endfor %}
    summed.increased_base,
    summed.decreased_base,
    summed.fx_base,
    {%- for flow in ['moved_out', 'won', 'lost', 'cancelled', 'closing'] %}
    summed.{{ flow }}_count,
    summed.{{ flow }}_base,
    {%- endfor %}
    summed.unvalued_count
from summed
inner join periods
    on summed.period_kind = periods.period_kind and summed.period_start_date = periods.period_start_date

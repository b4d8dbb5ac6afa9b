with spans as (
    select
        day.*,
        {{ month_of('day.expected_close_date') }} as expected_month,
        lag(day.status) over deal_in_time as previous_status
    from {{ ref('deal_days') }} as day
    window deal_in_time as (partition by day.tenant_id, day.deal_id order by day.valid_from_date)
),

-- Since when a deal that is won has been so.
dated as (
    select
        spans.*,
        {{ last_not_null("case when spans.status is distinct from spans.previous_status then spans.valid_from_date end") }} over (
            partition by spans.tenant_id, spans.deal_id order by spans.valid_from_date
            rows between unbounded preceding and current row
        ) as status_date
    from spans
),

snapshots as (
    select dim_date.day_date as snapshot_date
    from {{ ref('dim_date') }} as dim_date
    where
        dim_date.day_date <= cast({{ as_of() }} as date)
        and (
            dim_date.day_of_month = 1 or dim_date.iso_weekday = 1 or dim_date.day_date = cast({{ as_of() }} as date)
        )
),

-- The snapshot that each day is first seen in; the days after the last one are seen in none.
days_seen as (
    select
        dim_date.day_date,
        min(snapshots.snapshot_date) over (
            order by dim_date.day_date rows between current row and unbounded following
        ) as snapshot_date
    from {{ ref('dim_date') }} as dim_date
    left join snapshots
        on dim_date.day_date = snapshots.snapshot_date
),

-- Deals that the same snapshots see in the same state are summed before they are multiplied by the snapshots: a million
-- deals have some thousands of these. Won ones count at the rate of their close, open ones at that of the snapshot.
held as (
    select
        dated.tenant_id,
        dated.pipeline,
        dated.owner_id,
        dated.status,
        case when dated.status = 'open' then dated.forecast_category end as forecast_category,
        case when dated.status = 'open' then dated.currency end as currency,
        case when dated.status = 'won' then {{ month_of('dated.status_date') }} else dated.expected_month end as period_month,
        first_seen.snapshot_date as from_snapshot_date,
        no_more_seen.snapshot_date as to_snapshot_date,
        count(*) as deal_count,
        sum(
            case
                when dated.status = 'open' or dated.currency = {{ reporting_currency() }} then dated.amount
                else dated.amount * fx.fx_rate
            end
        ) as amount,
        sum(case when dated.status = 'open' then dated.amount * dated.probability end) as weighted_amount
    from dated
    inner join days_seen as first_seen
        on dated.valid_from_date = first_seen.day_date
    left join days_seen as no_more_seen
        on dated.valid_to_date = no_more_seen.day_date
    left join {{ ref('fact_fx_rate') }} as fx
        on dated.status = 'won' and dated.currency = fx.currency and dated.status_date = fx.fx_date
    where
        dated.status in ('open', 'won')
        and first_seen.snapshot_date is not null
        and (first_seen.snapshot_date < no_more_seen.snapshot_date or no_more_seen.snapshot_date is null)
    group by
        dated.tenant_id, dated.pipeline, dated.owner_id, dated.status,
        case when dated.status = 'open' then dated.forecast_category end,
        case when dated.status = 'open' then dated.currency end,
        case when dated.status = 'won' then {{ month_of('dated.status_date') }} else dated.expected_month end,
        first_seen.snapshot_date, no_more_seen.snapshot_date
),

-- Deals as they stood at the end of each snapshot's day.
stood as (
    select
        held.*,
        snapshots.snapshot_date,
        case
            when held.status = 'won' or held.currency = {{ reporting_currency() }} then held.amount
            else held.amount * fx.fx_rate
        end as amount_base,
        case
            when held.currency = {{ reporting_currency() }} then held.weighted_amount
            else held.weighted_amount * fx.fx_rate
        end as weighted_base
    from held
    inner join snapshots
        on
            snapshots.snapshot_date >= held.from_snapshot_date
            and (snapshots.snapshot_date < held.to_snapshot_date or held.to_snapshot_date is null)
    left join {{ ref('fact_fx_rate') }} as fx
        on held.currency = fx.currency and snapshots.snapshot_date = fx.fx_date
),

stood_by_owner as (
    select
        stood.tenant_id,
        stood.pipeline,
        stood.owner_id,
        stood.period_month,
        stood.snapshot_date,
        coalesce(sum(stood.deal_count) filter (where stood.status = 'won'), 0) as won_to_date_count,
        sum(stood.amount_base) filter (where stood.status = 'won') as won_to_date_base,
        coalesce(sum(stood.deal_count) filter (where stood.status = 'open'), 0) as open_count,
        sum(stood.amount_base) filter (where stood.status = 'open' and stood.forecast_category = 'commit') as commit_base,
        sum(stood.amount_base) filter (where stood.status = 'open' and stood.forecast_category in ('commit', 'best_case'))
            as best_case_base,
        sum(stood.amount_base) filter (where stood.status = 'open') as pipeline_base,
        sum(stood.weighted_base) filter (where stood.status = 'open') as weighted_base
    from stood
    where stood.period_month is not null
    group by stood.tenant_id, stood.pipeline, stood.owner_id, stood.period_month, stood.snapshot_date
),

parts as (
    select 'total' as dimension
    union all
    select 'owner' as dimension
),

snapshot_values as (
    select
        stood_by_owner.tenant_id,
        stood_by_owner.pipeline,
        parts.dimension,
        case parts.dimension when 'total' then '(all)' else coalesce(stood_by_owner.owner_id, '(not set)') end
            as dimension_value,
        stood_by_owner.period_month,
        stood_by_owner.snapshot_date,
        cast(sum(stood_by_owner.won_to_date_count) as bigint) as won_to_date_count,
        sum(stood_by_owner.won_to_date_base) as won_to_date_base,
        cast(sum(stood_by_owner.open_count) as bigint) as open_count,
        sum(stood_by_owner.commit_base) as commit_base,
        sum(stood_by_owner.best_case_base) as best_case_base,
        sum(stood_by_owner.pipeline_base) as pipeline_base,
        sum(stood_by_owner.weighted_base) as weighted_base
    from stood_by_owner
    cross join parts
    group by
        stood_by_owner.tenant_id, stood_by_owner.pipeline, parts.dimension,
        case parts.dimension when 'total' then '(all)' else coalesce(stood_by_owner.owner_id, '(not set)') end,
        stood_by_owner.period_month, stood_by_owner.snapshot_date
),

-- What came of it, as it is known now.
actuals as (
    select
        deal.tenant_id,
        deal.pipeline,
        parts.dimension,
        case parts.dimension when 'total' then '(all)' else coalesce(deal.owner_id, '(not set)') end as dimension_value,
        {{ month_of('deal.closed_at') }} as period_month,
        coalesce(sum(deal.amount_base), 0) as won_base
    from {{ ref('fact_deal') }} as deal
    cross join parts
    where deal.status = 'won'
    group by
        deal.tenant_id, deal.pipeline, parts.dimension,
        case parts.dimension when 'total' then '(all)' else coalesce(deal.owner_id, '(not set)') end,
        {{ month_of('deal.closed_at') }}
),

targets as (
    select
        sales_target.tenant_id,
        sales_target.pipeline,
        case when sales_target.owner_id is null then 'total' else 'owner' end as dimension,
        coalesce(sales_target.owner_id, '(all)') as dimension_value,
        sales_target.target_month as period_month,
        sales_target.target_base
    from {{ ref('sales_target') }} as sales_target
),

forecast_months as (
    select
        snapshot_values.tenant_id,
        snapshot_values.pipeline,
        snapshot_values.dimension,
        snapshot_values.dimension_value,
        snapshot_values.period_month
    from snapshot_values
    union
    select actuals.tenant_id, actuals.pipeline, actuals.dimension, actuals.dimension_value, actuals.period_month
    from actuals
    union
    select targets.tenant_id, targets.pipeline, targets.dimension, targets.dimension_value, targets.period_month
    from targets
),

first_days as (
    select day.tenant_id, day.pipeline, min(day.valid_from_date) as first_date
    from {{ ref('deal_days') }} as day
    group by day.tenant_id, day.pipeline
),

-- A month is forecast from the first day of the third month before it until it is over. Nothing forecast is a forecast, too.
forecast_days as (
    select forecast_months.*, snapshots.snapshot_date
    from forecast_months
    inner join first_days
        on forecast_months.tenant_id = first_days.tenant_id and forecast_months.pipeline = first_days.pipeline
    inner join snapshots
        on
            snapshots.snapshot_date >= first_days.first_date
            and snapshots.snapshot_date >= {{ month_of(add_days('forecast_months.period_month', -80)) }}
            and snapshots.snapshot_date < {{ month_after('forecast_months.period_month') }}
),

valued as (
    select
        days.tenant_id,
        days.pipeline,
        days.dimension,
        days.dimension_value,
        days.period_month,
        days.snapshot_date,
        {{ month_after('days.period_month') }} <= cast({{ as_of() }} as date) as is_month_complete,
        {%- for name in [
            'won_to_date_count', 'won_to_date_base', 'open_count', 'commit_base', 'best_case_base', 'pipeline_base', 'weighted_base'
        ] %}
        coalesce(snapshot_values.{{ name }}, 0) as {{ name }},
        {%- endfor %}
        coalesce(actuals.won_base, 0) as won_base,
        targets.target_base
    from forecast_days as days
    left join snapshot_values
        on
            days.tenant_id = snapshot_values.tenant_id
            and days.pipeline = snapshot_values.pipeline
            and days.dimension = snapshot_values.dimension
            and days.dimension_value = snapshot_values.dimension_value
            and days.period_month = snapshot_values.period_month
            and days.snapshot_date = snapshot_values.snapshot_date
    left join actuals
        on
            days.tenant_id = actuals.tenant_id
            and days.pipeline = actuals.pipeline
            and days.dimension = actuals.dimension
            and days.dimension_value = actuals.dimension_value
            and days.period_month = actuals.period_month
    left join targets
        on
            days.tenant_id = targets.tenant_id
            and days.pipeline = targets.pipeline
            and days.dimension = targets.dimension
            and days.dimension_value = targets.dimension_value
            and days.period_month = targets.period_month
)

select
    valued.tenant_id,
    valued.pipeline,
    valued.dimension,
    valued.dimension_value,
    valued.period_month,
    valued.snapshot_date,
    valued.is_month_complete,
    valued.won_to_date_count,
    valued.won_to_date_base,
    valued.open_count,
    valued.commit_base,
    valued.best_case_base,
    valued.pipeline_base,
    valued.weighted_base,
    case when valued.is_month_complete then valued.won_base end as actual_won_base,
    {%- for name in ['commit', 'best_case', 'pipeline', 'weighted'] %}
    case
        when valued.is_month_complete
            then 1 - abs({{ fdiv('valued.won_to_date_base + valued.' ~ name ~ '_base - valued.won_base', 'valued.won_base') }})
    end as {{ name }}_accuracy,
    case
        when valued.is_month_complete
            then {{ fdiv('valued.won_to_date_base + valued.' ~ name ~ '_base - valued.won_base', 'valued.won_base') }}
    end as {{ name }}_bias,
    {%- endfor %}
    valued.target_base,
    valued.won_to_date_base >= valued.target_base as is_target_met,
    {{ fdiv('valued.pipeline_base', 'valued.target_base') }} as target_coverage,
    case
        when valued.won_to_date_base < valued.target_base
            then {{ fdiv('valued.pipeline_base', 'valued.target_base - valued.won_to_date_base') }}
    end as gap_coverage
from valued

with spans as (
    select
        day.*,
        {{ month_of('day.valid_from_date') }} as from_month,
        {{ month_of('day.expected_close_date') }} as expected_month,
        lag(day.status) over deal_in_time as previous_status,
        {{ month_of('lag(day.expected_close_date) over deal_in_time') }} as previous_expected_month
    from {{ ref('deal_days') }} as day
    window deal_in_time as (partition by day.tenant_id, day.deal_id order by day.valid_from_date)
),

closings as (
    select distinct spans.tenant_id, spans.deal_id, spans.from_month as closed_month
    from spans
    where spans.status <> 'open'
),

-- Open on the last day before a month, and then expected to close in it.
due as (
    select
        spans.tenant_id,
        spans.deal_id,
        spans.pipeline,
        spans.owner_id,
        spans.expected_month as period_month,
        case when spans.currency = {{ reporting_currency() }} then spans.amount else spans.amount * fx.fx_rate end
            as amount_base,
        closings.closed_month is null as is_slipped
    from spans
    left join closings
        on
            spans.tenant_id = closings.tenant_id
            and spans.deal_id = closings.deal_id
            and spans.expected_month = closings.closed_month
    left join {{ ref('fact_fx_rate') }} as fx
        on spans.currency = fx.currency and {{ last_day_before('spans.expected_month') }} = fx.fx_date
    where
        spans.status = 'open'
        and spans.expected_month <= cast({{ as_of() }} as date)
        and spans.valid_from_date < spans.expected_month
        and (spans.valid_to_date >= spans.expected_month or spans.valid_to_date is null)
),

pushed as (
    select
        spans.tenant_id,
        spans.deal_id,
        spans.pipeline,
        spans.owner_id,
        spans.from_month as period_month,
        count(*) as push_count
    from spans
    where
        spans.status = 'open' and spans.previous_status = 'open'
        and spans.expected_month > spans.previous_expected_month
    group by spans.tenant_id, spans.deal_id, spans.pipeline, spans.owner_id, spans.from_month
),

entries as (
    select
        due.tenant_id,
        due.deal_id,
        due.pipeline,
        due.owner_id,
        due.period_month,
        true as is_due,
        due.is_slipped,
        due.amount_base,
        0 as push_count
    from due
    union all
    select
        pushed.tenant_id,
        pushed.deal_id,
        pushed.pipeline,
        pushed.owner_id,
        pushed.period_month,
        false as is_due,
        false as is_slipped,
        null as amount_base,
        pushed.push_count
    from pushed
),

segmented as (
    select
        labelled.*,
        part.dimension,
        {{ deal_dimension_value('labelled', 'part.dimension') }} as dimension_value
    from (
        select entries.*, deal.industry, deal.client_type, deal.budget_band, deal.deal_source
        from entries
        inner join {{ ref('fact_deal') }} as deal
            on entries.tenant_id = deal.tenant_id and entries.deal_id = deal.deal_id
    ) as labelled
    cross join {{ deal_dimensions() }} as part
),

counted as (
    select
        segmented.tenant_id,
        segmented.pipeline,
        segmented.period_month,
        segmented.dimension,
        segmented.dimension_value,
        {{ month_after('segmented.period_month') }} <= cast({{ as_of() }} as date) as is_month_complete,
        count(*) filter (where segmented.is_due) as due_count,
        coalesce(sum(segmented.amount_base) filter (where segmented.is_due), 0) as due_base,
        count(*) filter (where segmented.is_slipped) as slipped_count,
        coalesce(sum(segmented.amount_base) filter (where segmented.is_slipped), 0) as slipped_base,
        count(distinct case when segmented.push_count > 0 then segmented.deal_id end) as pushed_count,
        cast(sum(segmented.push_count) as bigint) as push_count
    from segmented
    group by
        segmented.tenant_id, segmented.pipeline, segmented.period_month, segmented.dimension, segmented.dimension_value
)

select
    counted.tenant_id,
    counted.pipeline,
    counted.period_month,
    counted.dimension,
    counted.dimension_value,
    counted.is_month_complete,
    counted.due_count,
    counted.due_base,
    -- Until the month is over, those that are still open may be closed in time.
    case when counted.is_month_complete then counted.slipped_count end as slipped_count,
    case when counted.is_month_complete then counted.slipped_base end as slipped_base,
    case when counted.is_month_complete then {{ fdiv('counted.slipped_count', 'counted.due_count') }} end as slippage_rate,
    case when counted.is_month_complete then {{ fdiv('counted.slipped_base', 'counted.due_base') }} end as slippage_base_rate,
    counted.pushed_count,
    counted.push_count
from counted

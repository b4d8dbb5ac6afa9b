{{ config(tags=['alone']) }}

with horizons as (
    select dim_stage.pipeline, max(dim_stage.won_within_days) as horizon_days
    from {{ ref('dim_stage') }} as dim_stage
    where dim_stage.stage_order = 1
    group by dim_stage.pipeline
),

deals as (
    select
        deal.tenant_id,
        deal.pipeline,
        deal.owner_id,
        deal.industry,
        deal.client_type,
        deal.budget_band,
        deal.deal_source,
        deal.primary_competitor,
        deal.lost_reason,
        deal.status,
        deal.amount_base,
        deal.sales_cycle_days,
        deal.days_to_loss,
        {{ month_of('deal.created_at') }} as created_month,
        {{ month_of('deal.closed_at') }} as closed_month,
        horizons.horizon_days,
        horizons.horizon_days * cast(86400000000 as bigint) as horizon_micros,
        {{ micros_between('deal.created_at', 'clock.as_of') }} as age_micros,
        {{ micros_between('deal.created_at', 'coalesce(deal.closed_at, clock.as_of)') }} as duration_micros,
        case deal.status when 'open' then 'censored' when 'won' then 'event' else 'competing' end as outcome
    from {{ ref('fact_deal') }} as deal
    left join horizons
        on deal.pipeline = horizons.pipeline
    cross join {{ ref('stg_clock') }} as clock
),

-- A reason is that of a loss: other deals have none, and are not of the segment '(not set)' either.
segmented as (
    select
        deals.*,
        part.dimension,
        {{ deal_dimension_value(
            'deals', 'part.dimension', {'competitor': 'primary_competitor', 'lost_reason': 'lost_reason'}
        ) }} as dimension_value
    from deals
    cross join {{ deal_dimensions(['competitor', 'lost_reason']) }} as part
    where part.dimension <> 'lost_reason' or deals.status = 'lost'
),

closed as (
    select
        segmented.tenant_id,
        segmented.pipeline,
        segmented.closed_month as period_month,
        segmented.dimension,
        segmented.dimension_value,
        {%- for status in ['won', 'lost', 'cancelled'] %}
        count(*) filter (where segmented.status = '{{ status }}') as {{ status }}_count,
        sum(segmented.amount_base) filter (where segmented.status = '{{ status }}') as {{ status }}_base,
        {%- endfor %}
        count(segmented.amount_base) filter (where segmented.status = 'won') as valued_won_count,
        percentile_cont(0.5) within group (order by segmented.sales_cycle_days) as median_sales_cycle_days,
        percentile_cont(0.75) within group (order by segmented.sales_cycle_days) as p75_sales_cycle_days,
        percentile_cont(0.5) within group (order by segmented.days_to_loss) as median_days_to_loss
    from segmented
    where segmented.closed_month is not null
    group by
        segmented.tenant_id, segmented.pipeline, segmented.closed_month, segmented.dimension, segmented.dimension_value
),

created as (
    select
        segmented.tenant_id,
        segmented.pipeline,
        segmented.created_month as period_month,
        segmented.dimension,
        segmented.dimension_value,
        max(segmented.horizon_days) as horizon_days,
        count(*) as created_count,
        sum(segmented.amount_base) as created_base,
        count(*) filter (where segmented.status = 'won') as created_won_count,
        sum(segmented.amount_base) filter (where segmented.status = 'won') as created_won_base,
        count(*) filter (where segmented.age_micros >= segmented.horizon_micros) as matured_count,
        sum(segmented.amount_base) filter (where segmented.age_micros >= segmented.horizon_micros) as matured_base,
        count(*) filter (
            where segmented.age_micros >= segmented.horizon_micros
            and segmented.status = 'won' and segmented.duration_micros <= segmented.horizon_micros
        ) as horizon_won_count,
        sum(segmented.amount_base) filter (
            where segmented.age_micros >= segmented.horizon_micros
            and segmented.status = 'won' and segmented.duration_micros <= segmented.horizon_micros
        ) as horizon_won_base
    from segmented
    where segmented.dimension <> 'lost_reason'
    group by
        segmented.tenant_id, segmented.pipeline, segmented.created_month, segmented.dimension, segmented.dimension_value
),

-- Deals of the months that are not old enough for the horizon; what comes after the horizon need not be told apart.
watched as (
    select
        segmented.tenant_id,
        segmented.pipeline,
        segmented.created_month as period_month,
        segmented.dimension,
        segmented.dimension_value,
        segmented.horizon_micros,
        least(segmented.duration_micros, segmented.horizon_micros + 1) as duration_micros,
        case when segmented.duration_micros <= segmented.horizon_micros then segmented.outcome else 'censored' end as outcome
    from segmented
    inner join created
        on
            segmented.tenant_id = created.tenant_id
            and segmented.pipeline = created.pipeline
            and segmented.created_month = created.period_month
            and segmented.dimension = created.dimension
            and segmented.dimension_value = created.dimension_value
    where created.matured_count < created.created_count
),

{{ survival_curve(
    'curve', 'watched', ['tenant_id', 'pipeline', 'period_month', 'dimension', 'dimension_value', 'horizon_micros'],
    'duration_micros', 'outcome'
) }},

estimated as (
    select
        curve.tenant_id,
        curve.pipeline,
        curve.period_month,
        curve.dimension,
        curve.dimension_value,
        {{ incidence_within('curve', 'curve.horizon_micros') }} as estimated_win_rate
    from curve
    group by
        curve.tenant_id, curve.pipeline, curve.period_month, curve.dimension, curve.dimension_value, curve.horizon_micros
),

rows_to_show as (
    select closed.tenant_id, closed.pipeline, closed.period_month, closed.dimension, closed.dimension_value
    from closed
    union
    select created.tenant_id, created.pipeline, created.period_month, created.dimension, created.dimension_value
    from created
),

joined as (
    select
        shown.tenant_id,
        shown.pipeline,
        shown.period_month,
        shown.dimension,
        shown.dimension_value,
        shown.dimension <> 'lost_reason' as has_wins,
        {{ month_after('shown.period_month') }} <= cast({{ as_of() }} as date) as is_month_complete,
        {%- for name in [
            'won_count', 'won_base', 'lost_count', 'lost_base', 'cancelled_count', 'cancelled_base', 'valued_won_count'
        ] %}
        coalesce(closed.{{ name }}, 0) as {{ name }},
        {%- endfor %}
        closed.median_sales_cycle_days,
        closed.p75_sales_cycle_days,
        closed.median_days_to_loss,
        created.horizon_days,
        {%- for name in [
            'created_count', 'created_base', 'created_won_count', 'created_won_base', 'matured_count', 'matured_base',
            'horizon_won_count', 'horizon_won_base'
        ] %}
        coalesce(created.{{ name }}, 0) as {{ name }},
        {%- endfor %}
        estimated.estimated_win_rate,
        case when shown.dimension not in ('competitor', 'lost_reason') then coalesce(flow.closing_count, 0) end as open_count
    from rows_to_show as shown
    left join closed
        on
            shown.tenant_id = closed.tenant_id
            and shown.pipeline = closed.pipeline
            and shown.period_month = closed.period_month
            and shown.dimension = closed.dimension
            and shown.dimension_value = closed.dimension_value
    left join created
        on
            shown.tenant_id = created.tenant_id
            and shown.pipeline = created.pipeline
            and shown.period_month = created.period_month
            and shown.dimension = created.dimension
            and shown.dimension_value = created.dimension_value
    left join estimated
        on
            shown.tenant_id = estimated.tenant_id
            and shown.pipeline = estimated.pipeline
            and shown.period_month = estimated.period_month
            and shown.dimension = estimated.dimension
            and shown.dimension_value = estimated.dimension_value
    left join {{ ref('pipeline_flow') }} as flow
        on
            shown.tenant_id = flow.tenant_id
            and shown.pipeline = flow.pipeline
            and shown.period_month = flow.period_start_date
            and flow.period_kind = 'month'
            and shown.dimension = flow.dimension
            and shown.dimension_value = flow.dimension_value
),

-- All losses of the pipeline in the month: the total has them.
losses as (
    select closed.tenant_id, closed.pipeline, closed.period_month, closed.lost_count
    from closed
    where closed.dimension = 'total'
),

rated as (
    select
        joined.*,
        case when joined.has_wins then {{ fdiv('joined.won_count', 'joined.won_count + joined.lost_count') }} end
            as closed_win_rate,
        {{ fdiv('joined.won_base', 'joined.valued_won_count') }} as average_won_base,
        {{ fdiv('joined.lost_count', 'losses.lost_count') }} as lost_share
    from joined
    left join losses
        on
            joined.tenant_id = losses.tenant_id
            and joined.pipeline = losses.pipeline
            and joined.period_month = losses.period_month
)

select
    rated.tenant_id,
    rated.pipeline,
    rated.period_month,
    rated.dimension,
    rated.dimension_value,
    rated.is_month_complete,
    rated.won_count,
    rated.won_base,
    rated.lost_count,
    rated.lost_base,
    rated.cancelled_count,
    rated.cancelled_base,
    rated.lost_share,
    rated.closed_win_rate,
    case when rated.has_wins then {{ fdiv('rated.won_base', 'rated.won_base + rated.lost_base') }} end as closed_win_base_rate,
    rated.created_count,
    rated.created_base,
    rated.created_won_count,
    rated.created_won_base,
    {{ fdiv('rated.created_won_count', 'rated.created_count') }} as created_win_rate,
    {{ fdiv('rated.created_won_base', 'rated.created_base') }} as created_win_base_rate,
    rated.horizon_days,
    rated.matured_count,
    rated.matured_base,
    rated.horizon_won_count,
    rated.horizon_won_base,
    {{ fdiv('rated.horizon_won_count', 'rated.matured_count') }} as horizon_win_rate,
    {{ fdiv('rated.horizon_won_base', 'rated.matured_base') }} as horizon_win_base_rate,
    case
        when rated.matured_count = rated.created_count then {{ fdiv('rated.horizon_won_count', 'rated.matured_count') }}
        else rated.estimated_win_rate
    end as estimated_win_rate,
    rated.is_month_complete and rated.matured_count = rated.created_count as is_mature,
    rated.median_sales_cycle_days,
    rated.p75_sales_cycle_days,
    rated.median_days_to_loss,
    rated.average_won_base,
    rated.open_count,
    -- What the open deals are worth, per day: the length of the cycle spreads them.
    {{ fdiv(
        'rated.open_count * rated.average_won_base * rated.closed_win_rate', 'rated.median_sales_cycle_days'
    ) }} as velocity_base_per_day
from rated

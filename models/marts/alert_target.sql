with rule as (
    select alert_rule.*
    from {{ ref('alert_rule') }} as alert_rule
),

-- A month of leads is judged once the month after it is over: they have had at least a month to become customers.
lead_months as (
    select
        lead.tenant_id,
        cast({{ month_after(month_after(month_of('lead.created_at'))) }} as timestamp) as instant_at,
        count(*) as lead_count,
        count(*) filter (
            where lead.converted_at < cast({{ month_after(month_after(month_of('lead.created_at'))) }} as timestamp)
        ) as converted_count
    from {{ ref('fact_lead') }} as lead
    where lead.created_at is not null
    group by lead.tenant_id, {{ month_after(month_after(month_of('lead.created_at'))) }}
),

lead_states as (
    select
        lead_months.tenant_id,
        lead_months.instant_at,
        {{ fdiv('lead_months.converted_count', 'lead_months.lead_count') }} as conversion_rate,
        lead_months.converted_count < rule.threshold * lead_months.lead_count as is_held,
        rule.threshold
    from lead_months
    inner join rule
        on rule.rule = 'conversion_low'
    where lead_months.instant_at <= {{ as_of() }} and lead_months.lead_count >= rule.least_count
),

low_conversions as (
    {{ held_periods('lead_states', ['tenant_id', 'threshold'], 'conversion_rate') }}
),

conversion_low as (
    select
        low_conversions.tenant_id,
        low_conversions.tenant_id as subject_id,
        cast(null as string) as deal_id,
        low_conversions.held_from_at as raised_at,
        low_conversions.held_until_at as resolved_at,
        low_conversions.measured_value as alert_value,
        low_conversions.threshold as alert_threshold
    from low_conversions
),

-- A running month, at the ends of its first day and its Mondays: does the open pipeline cover what is missing?
coverages as (
    select
        forecast.tenant_id,
        forecast.pipeline,
        forecast.period_month,
        cast({{ add_days('forecast.snapshot_date', 1) }} as timestamp) as instant_at,
        forecast.gap_coverage,
        not forecast.is_target_met and coalesce(forecast.gap_coverage, 0) < rule.threshold as is_held,
        rule.threshold
    from {{ ref('forecast') }} as forecast
    inner join rule
        on rule.rule = 'coverage_low'
    where
        forecast.dimension = 'total'
        and forecast.target_base is not null
        and {{ month_of('forecast.snapshot_date') }} = forecast.period_month
        -- not the day of as_of, unless it is one of these: what was raised must not depend on when anybody looked
        and ({{ iso_weekday('forecast.snapshot_date') }} = 1 or forecast.snapshot_date = forecast.period_month)
),

-- With its month the question is over.
coverage_states as (
    select
        coverages.tenant_id,
        coverages.pipeline,
        coverages.period_month,
        coverages.instant_at,
        coverages.gap_coverage,
        coverages.is_held,
        coverages.threshold
    from coverages
    where
        coverages.instant_at <= {{ as_of() }}
        and coverages.instant_at < cast({{ month_after('coverages.period_month') }} as timestamp)
    union all
    select
        months.tenant_id,
        months.pipeline,
        months.period_month,
        cast({{ month_after('months.period_month') }} as timestamp) as instant_at,
        months.gap_coverage,
        false as is_held,
        months.threshold
    from (
        select
            coverages.tenant_id,
            coverages.pipeline,
            coverages.period_month,
            coverages.threshold,
            max_by(coverages.gap_coverage, coverages.instant_at) filter (where coverages.gap_coverage is not null)
                as gap_coverage
        from coverages
        where coverages.instant_at < cast({{ month_after('coverages.period_month') }} as timestamp)
        group by coverages.tenant_id, coverages.pipeline, coverages.period_month, coverages.threshold
    ) as months
    where cast({{ month_after('months.period_month') }} as timestamp) <= {{ as_of() }}
),

uncovered as (
    {{ held_periods('coverage_states', ['tenant_id', 'pipeline', 'period_month', 'threshold'], 'gap_coverage') }}
),

coverage_low as (
    select
        uncovered.tenant_id,
        uncovered.pipeline || '/' || cast(uncovered.period_month as string) as subject_id,
        cast(null as string) as deal_id,
        uncovered.held_from_at as raised_at,
        uncovered.held_until_at as resolved_at,
        uncovered.measured_value as alert_value,
        uncovered.threshold as alert_threshold
    from uncovered
)

{{ alert_rows(['conversion_low', 'coverage_low']) }}

with periods as (
    select 'month' as period
    union all
    select 'quarter' as period
    union all
    select 'year' as period
),

answers as (
    select
        nps.tenant_id,
        periods.period,
        case periods.period
            when 'month' then cast(date_trunc('month', nps.responded_at) as date)
            when 'quarter' then cast(date_trunc('quarter', nps.responded_at) as date)
            else cast(date_trunc('year', nps.responded_at) as date)
        end as period_start_date,
        nps.respondent_id,
        nps.category,
        nps.responded_at,
        nps.response_id
    from {{ ref('fact_nps') }} as nps
    -- each answer counts in its month, its quarter and its year
    cross join periods
),

ranked as (
    select
        answers.*,
        row_number() over (
            partition by answers.tenant_id, answers.period, answers.period_start_date, answers.respondent_id
            order by answers.responded_at desc, answers.response_id desc
        ) as recency
    from answers
),

counts as (
    select
        ranked.tenant_id,
        ranked.period,
        ranked.period_start_date,
        count(*) as response_count,
        count(*) filter (where ranked.category = 'promoter') as promoter_count,
        count(*) filter (where ranked.category = 'passive') as passive_count,
        count(*) filter (where ranked.category = 'detractor') as detractor_count
    from ranked
    where ranked.recency = 1
    group by ranked.tenant_id, ranked.period, ranked.period_start_date
),

-- Each answer is 1, 0 or -1; the score is 100 times their mean, its error that of a mean.
scored as (
    select
        counts.*,
        {{ fdiv('counts.promoter_count - counts.detractor_count', 'counts.response_count') }} as mean_answer,
        {{ fdiv('counts.promoter_count + counts.detractor_count', 'counts.response_count') }} as mean_square
    from counts
),

measured as (
    select
        scored.*,
        1.959963984540054
        * sqrt({{ fdiv('greatest(scored.mean_square - scored.mean_answer * scored.mean_answer, 0)', 'scored.response_count') }})
            as margin
    from scored
)

-- Fewer than five answers say nothing.
select
    measured.tenant_id,
    measured.period,
    measured.period_start_date,
    measured.response_count,
    measured.promoter_count,
    measured.passive_count,
    measured.detractor_count,
    case when measured.response_count >= 5 then 100 * measured.mean_answer end as nps,
    case when measured.response_count >= 5 then greatest(100 * (measured.mean_answer - measured.margin), -100) end as nps_low,
    case when measured.response_count >= 5 then least(100 * (measured.mean_answer + measured.margin), 100) end as nps_high
from measured

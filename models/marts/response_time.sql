-- Who waits has waited until as_of: an open wait counts with the time so far, under a responder of its own.
with waits as (
    select
        response.tenant_id,
        cast(date_trunc('month', response.waiting_since_at) as date) as waiting_month,
        coalesce(response.channel, '(not set)') as channel,
        coalesce(
            response.responder, case when response.responded_at is null then '(unanswered)' else '(not set)' end
        ) as responder,
        coalesce(
            response.response_hours, {{ hours(micros_between('response.waiting_since_at', as_of())) }}
        ) as waited_hours,
        response.responded_at is null as is_open
    from {{ ref('fact_response') }} as response
),

-- A median of all is not the median of medians, so that all responders together are a row of their own.
counted as (
    select waits.*
    from waits
    union all
    select
        waits.tenant_id,
        waits.waiting_month,
        waits.channel,
        '(all)' as responder,
        waits.waited_hours,
        waits.is_open
    from waits
)

select
    counted.tenant_id,
    counted.waiting_month,
    counted.channel,
    counted.responder,
    count(*) as wait_count,
    count(*) filter (where not counted.is_open) as answered_count,
    count(*) filter (where counted.is_open) as unanswered_count,
    percentile_cont(0.5) within group (order by counted.waited_hours) as median_response_hours,
    percentile_cont(0.9) within group (order by counted.waited_hours) as p90_response_hours,
    max(counted.waited_hours) as longest_response_hours
from counted
group by counted.tenant_id, counted.waiting_month, counted.channel, counted.responder

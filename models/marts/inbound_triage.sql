-- A thread that nobody has placed has waited until as_of, and counts with that.
with threads as (
    select
        thread.tenant_id,
        {{ period_of('calendar_month', 'thread.started_at') }} as calendar_month,
        coalesce(thread.channel, '(not set)') as channel,
        thread.thread_status,
        thread.deal_id,
        deal.status as deal_status,
        thread.reassignment_count,
        coalesce(thread.hours_to_assignment, {{ hours(micros_between('thread.started_at', as_of())) }}) as waited_hours
    from {{ ref('fact_inbound_thread') }} as thread
    left join {{ ref('fact_deal') }} as deal
        on thread.tenant_id = deal.tenant_id and thread.deal_id = deal.deal_id
)

select
    threads.tenant_id,
    threads.calendar_month,
    threads.channel,
    count(*) as thread_count,
    count(*) filter (where threads.thread_status = 'assigned') as assigned_count,
    count(*) filter (where threads.thread_status = 'unassigned') as unassigned_count,
    count(*) filter (where threads.reassignment_count > 0) as reassigned_count,
    count(threads.deal_id) as deal_thread_count,
    count(*) filter (where threads.deal_status = 'won') as won_thread_count,
    {{ fdiv("count(*) filter (where threads.thread_status = 'assigned')", 'count(*)') }} as assigned_rate,
    percentile_cont(0.5) within group (order by threads.waited_hours) as median_triage_hours,
    percentile_cont(0.9) within group (order by threads.waited_hours) as p90_triage_hours
from threads
group by threads.tenant_id, threads.calendar_month, threads.channel

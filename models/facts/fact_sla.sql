{{
    config(
        materialized='incremental',
        unique_key=['tenant_id', 'deal_id', 'sla', 'run_number'],
        incremental_strategy=replace_rows(),
        on_schema_change='fail',
        pre_hook="{{ drop_touched('stg_deal_event', 'deal_id') }}",
        post_hook="{{ mark_built(['stg_deal_event']) }}"
    )
}}

with touched_entities as (
    {{ touched('stg_deal_event', 'deal_id') }}
),

policies as (
    select
        policy.*,
        cast(policy.target_hours * 3600000000 as bigint) as target_micros
    from {{ ref('dim_sla_policy') }} as policy
),

-- Few deals ever have a gate taken back. Only theirs can have several runs of a timer, so that only they pay for the
-- windows that tell runs apart.
revised_deals as (
    select distinct change.tenant_id, change.deal_id
    from {{ ref('fact_gate_change') }} as change
    where not change.is_set
),

deals as (
    select
        deal.tenant_id,
        deal.deal_id,
        case when deal.aggregated_stage is not null then 'adtech' else deal.pipeline end as pipeline,
        deal.status,
        deal.closed_at,
        revised_deals.deal_id is not null as is_revised
    from {{ ref('fact_deal') }} as deal
    {{ join_touched('deal', 'deal_id') }}
    left join revised_deals
        on deal.tenant_id = revised_deals.tenant_id and deal.deal_id = revised_deals.deal_id
),

-- While an event holds: a gate from when it is set until it is taken back, any other event from its first on.
gate_periods as (
    select
        change.tenant_id,
        change.deal_id,
        change.gate,
        change.is_set,
        change.changed_at as holds_from,
        lead(change.changed_at) over (
            partition by change.tenant_id, change.deal_id, change.gate
            order by change.changed_at, change.event_id, change.source
        ) as holds_to
    from {{ ref('fact_gate_change') }} as change
    {{ join_touched('change', 'deal_id') }}
    inner join revised_deals
        on change.tenant_id = revised_deals.tenant_id and change.deal_id = revised_deals.deal_id
    union all
    select
        change.tenant_id,
        change.deal_id,
        change.gate,
        change.is_set,
        change.changed_at as holds_from,
        null as holds_to
    from {{ ref('fact_gate_change') }} as change
    {{ join_touched('change', 'deal_id') }}
    left join revised_deals
        on change.tenant_id = revised_deals.tenant_id and change.deal_id = revised_deals.deal_id
    where revised_deals.deal_id is null
),

holding as (
    select gate_periods.tenant_id, gate_periods.deal_id, gate.event_type, gate_periods.holds_from, gate_periods.holds_to
    from gate_periods
    inner join {{ ref('gate') }} as gate
        on gate_periods.gate = gate.gate and gate.is_set and gate.is_gate
    where gate_periods.is_set
    union all
    select event.tenant_id, event.deal_id, event.event_type, min(event.occurred_at) as holds_from, null as holds_to
    from {{ ref('stg_deal_event') }} as event
    {{ join_touched('event', 'deal_id') }}
    where
        {{ is_visible('event') }}
        and (
            event.event_type in (select policies.start_event from policies)
            or event.event_type in (select policies.stop_event from policies)
        )
        and event.event_type not in (select gate.event_type from {{ ref('gate') }} as gate where gate.is_gate)
    group by event.tenant_id, event.deal_id, event.event_type
),

periods as (
    select
        deals.tenant_id,
        deals.deal_id,
        deals.status as deal_status,
        deals.closed_at,
        deals.is_revised,
        policies.sla,
        policies.stop_event,
        policies.target_micros,
        policies.calendar,
        policies.is_always_open,
        holding.holds_from as period_from,
        holding.holds_to as period_to
    from deals
    inner join policies
        on deals.pipeline = policies.pipeline
    -- one timer for each time that the start gate became true
    inner join holding
        on
            deals.tenant_id = holding.tenant_id
            and deals.deal_id = holding.deal_id
            and policies.start_event = holding.event_type
),

-- A timer runs from its start, and again from every time that its stop is taken back while the start still holds.
beginnings as (
    select periods.*, periods.period_from as started_at, false as is_reopened
    from periods
    where periods.is_revised
    union all
    select periods.*, stop.holds_to as started_at, true as is_reopened
    from periods
    inner join holding as stop
        on
            periods.tenant_id = stop.tenant_id
            and periods.deal_id = stop.deal_id
            and periods.stop_event = stop.event_type
            and stop.holds_to > periods.period_from
            and (stop.holds_to < periods.period_to or periods.period_to is null)
    where periods.is_revised
),

-- A stop that came before its start has taken no time.
stops as (
    select
        period.tenant_id,
        period.deal_id,
        period.deal_status,
        period.closed_at,
        period.is_revised,
        period.sla,
        period.target_micros,
        period.calendar,
        period.is_always_open,
        period.period_from,
        period.period_to,
        period.period_from as started_at,
        false as is_reopened,
        case when stop.holds_from < period.period_from then period.period_from else stop.holds_from end as stop_at
    from periods as period
    -- one at most: nothing was taken back, so that an event holds once
    left join holding as stop
        on
            period.tenant_id = stop.tenant_id
            and period.deal_id = stop.deal_id
            and period.stop_event = stop.event_type
    where not period.is_revised
    union all
    select
        beginning.tenant_id,
        beginning.deal_id,
        beginning.deal_status,
        beginning.closed_at,
        beginning.is_revised,
        beginning.sla,
        beginning.target_micros,
        beginning.calendar,
        beginning.is_always_open,
        beginning.period_from,
        beginning.period_to,
        beginning.started_at,
        beginning.is_reopened,
        min(case when stop.holds_from < beginning.started_at then beginning.started_at else stop.holds_from end) as stop_at
    from beginnings as beginning
    left join holding as stop
        on
            beginning.tenant_id = stop.tenant_id
            and beginning.deal_id = stop.deal_id
            and beginning.stop_event = stop.event_type
            and (stop.holds_to > beginning.started_at or stop.holds_to is null)
            and (stop.holds_from < beginning.period_to or beginning.period_to is null)
    group by
        beginning.tenant_id, beginning.deal_id, beginning.deal_status, beginning.closed_at, beginning.is_revised,
        beginning.sla, beginning.target_micros, beginning.calendar, beginning.is_always_open, beginning.period_from,
        beginning.period_to, beginning.started_at, beginning.is_reopened
),

-- Cancellation stops a timer without a verdict: the deal is lost, or its contract revoked. The timer that the
-- revocation itself reopened runs on, because it waits for the contract to be signed again.
cancellations as (
    select
        stops.*,
        coalesce(stops.period_to, cast('9999-12-31' as timestamp)) as period_end,
        case
            when stops.deal_status = 'lost' then stops.closed_at
            when stops.deal_status = 'cancelled' and stops.started_at < stops.closed_at then stops.closed_at
        end as cancelled_at
    from stops
),

runs as (
    select
        cancellations.tenant_id,
        cancellations.deal_id,
        cancellations.sla,
        cancellations.target_micros,
        cancellations.calendar,
        cancellations.is_always_open,
        cancellations.is_revised,
        cancellations.is_reopened,
        cancellations.period_from,
        cancellations.period_end,
        cancellations.started_at,
        coalesce(
            (cancellations.stop_at is null and coalesce(cancellations.period_to, cancellations.cancelled_at) is not null)
            or cancellations.stop_at > cancellations.cancelled_at,
            false
        ) as is_void,
        case
            when
                cancellations.stop_at is not null
                and coalesce(cancellations.stop_at <= cancellations.cancelled_at, true)
                then cancellations.stop_at
            -- The start taken back, or the deal cancelled, whichever came first. Both functions pass over nulls.
            when coalesce(cancellations.period_to, cancellations.cancelled_at) is not null
                then greatest(cancellations.started_at, least(cancellations.period_to, cancellations.cancelled_at))
        end as stopped_at
    from cancellations
),

ended as (
    select
        runs.*,
        coalesce(runs.stopped_at, {{ as_of() }}) as ended_at
    from runs
),

-- Open time at both ends. A calendar that never closes needs no look-up, and most timers have one.
measured as (
    select
        ended.*,
        {{ epoch_micros('ended.started_at') }} as started_micros,
        {{ epoch_micros('ended.ended_at') }} as ended_micros
    from ended
    where ended.is_always_open
    union all
    select
        ended.*,
        {{ open_micros_at('ended.started_at', 'start_window') }} as started_micros,
        {{ open_micros_at('ended.ended_at', 'end_window') }} as ended_micros
    from ended
    {{ asof_left_join(
        ref('dim_open_window'), 'start_window', 'ended.calendar = start_window.calendar', 'ended.started_at',
        'opens_at', 'next_opens_at'
    ) }}
    {{ asof_left_join(
        ref('dim_open_window'), 'end_window', 'ended.calendar = end_window.calendar', 'ended.ended_at',
        'opens_at', 'next_opens_at'
    ) }}
    where not ended.is_always_open
),

numbered as (
    select
        measured.*,
        row_number() over (
            partition by measured.tenant_id, measured.deal_id, measured.sla
            -- starts of the same instant: the one that was taken back in it comes first
            order by measured.started_at, measured.is_reopened, measured.period_end
        ) as run_number
    from measured
    where measured.is_revised
),

-- What earlier runs of the same period have used up is kept.
carried as (
    select
        numbered.*,
        cast(coalesce(
            sum(numbered.ended_micros - numbered.started_micros) over (
                partition by numbered.tenant_id, numbered.deal_id, numbered.sla, numbered.period_from
                order by numbered.run_number rows between unbounded preceding and 1 preceding
            ),
            0
        ) as bigint) as carried_micros
    from numbered
    union all
    select measured.*, 1 as run_number, 0 as carried_micros
    from measured
    where not measured.is_revised
),

due as (
    select
        carried.*,
        {{ from_epoch_micros('carried.started_micros + carried.target_micros - carried.carried_micros') }}
            as crossing_at
    from carried
    where carried.is_always_open
    union all
    select
        carried.*,
        {{ from_epoch_micros(
            epoch_micros('due_window.opens_at')
            ~ ' + carried.started_micros + carried.target_micros - carried.carried_micros - due_window.open_micros_before'
        ) }} as crossing_at
    from carried
    {{ asof_left_join(
        ref('dim_open_window'), 'due_window', 'carried.calendar = due_window.calendar',
        '(carried.started_micros + carried.target_micros - carried.carried_micros)',
        'open_micros_before', 'open_micros_through', strict=true
    ) }}
    where not carried.is_always_open
),

timers as (
    select
        due.tenant_id,
        due.deal_id,
        due.sla,
        due.run_number,
        due.started_at,
        due.stopped_at,
        due.is_void,
        {{ hours('due.carried_micros') }} as carried_hours,
        {{ hours('due.carried_micros + due.ended_micros - due.started_micros') }} as elapsed_hours,
        -- A timer that was over its target before it was reopened crossed it then, not again.
        max(case when due.carried_micros <= due.target_micros then due.crossing_at end) over (
            partition by due.tenant_id, due.deal_id, due.sla, due.period_from
            order by due.run_number rows between unbounded preceding and current row
        ) as due_at
    from due
    where due.is_revised
    union all
    select
        due.tenant_id,
        due.deal_id,
        due.sla,
        due.run_number,
        due.started_at,
        due.stopped_at,
        due.is_void,
        cast(0 as double) as carried_hours,
        {{ hours('due.ended_micros - due.started_micros') }} as elapsed_hours,
        due.crossing_at as due_at
    from due
    where not due.is_revised

    {% if is_incremental() %}
    -- Timers that nothing touched run on.
    union all
    select
        built.tenant_id,
        built.deal_id,
        built.sla,
        built.run_number,
        built.started_at,
        built.stopped_at,
        false as is_void,
        built.carried_hours,
        {{ hours(micros('built.carried_hours') ~ ' + ' ~ micros_between('built.started_at', as_of())) }} as elapsed_hours,
        built.due_at
    from {{ this }} as built
    inner join policies
        on built.sla = policies.sla and policies.is_always_open
    where built.stopped_at is null
    union all
    select
        built.tenant_id,
        built.deal_id,
        built.sla,
        built.run_number,
        built.started_at,
        built.stopped_at,
        false as is_void,
        built.carried_hours,
        {{ hours(
            micros('built.carried_hours') ~ ' + ' ~ open_micros_at('built.now_at', 'end_window')
            ~ ' - ' ~ open_micros_at('built.started_at', 'start_window')
        ) }} as elapsed_hours,
        built.due_at
    from (
        select running.*, policies.calendar, {{ as_of() }} as now_at
        from {{ this }} as running
        inner join policies
            on running.sla = policies.sla and not policies.is_always_open
        where running.stopped_at is null
    ) as built
    {{ asof_left_join(
        ref('dim_open_window'), 'start_window', 'built.calendar = start_window.calendar', 'built.started_at',
        'opens_at', 'next_opens_at'
    ) }}
    {{ asof_left_join(
        ref('dim_open_window'), 'end_window', 'built.calendar = end_window.calendar', 'built.now_at',
        'opens_at', 'next_opens_at'
    ) }}
    {% endif %}
),

judged as (
    select
        timers.*,
        policy.target_hours,
        policy.owner_domain,
        case
            when timers.is_void then 'void'
            when timers.stopped_at is not null and timers.elapsed_hours <= policy.target_hours then 'met'
            when timers.stopped_at is not null then 'breached'
            when timers.elapsed_hours > policy.target_hours then 'overdue'
            when timers.elapsed_hours > 0.8 * policy.target_hours then 'at_risk'
            else 'running'
        end as status
    from timers
    inner join {{ ref('dim_sla_policy') }} as policy
        on timers.sla = policy.sla
)

select
    judged.tenant_id,
    judged.deal_id,
    judged.sla,
    judged.run_number,
    judged.started_at,
    judged.stopped_at,
    judged.target_hours,
    judged.due_at,
    judged.carried_hours,
    judged.elapsed_hours,
    judged.status,
    judged.status in ('breached', 'overdue') as is_breached,
    case when judged.status in ('breached', 'overdue') then judged.due_at end as breached_at,
    judged.owner_domain
from judged

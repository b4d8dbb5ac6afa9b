{#- Parts of models/features/feat_deal.sql, each a few CTEs: a model of its own would be built and kept for one reader. -#}

{#- CTEs on `known` and `stated`: `stages`, where people have moved each deal, and `gates`, how the gates of a MasterDeal stood. -#}
{%- macro deal_stages() -%}
first_stages as (
    select dim_stage.pipeline, min_by(dim_stage.stage, dim_stage.stage_order) as stage
    from {{ ref('dim_stage') }} as dim_stage
    group by dim_stage.pipeline
),

-- Where people moved the deal; a reopened one goes back to its last open stage.
moves as (
    select
        known.tenant_id,
        known.deal_id,
        known.first_number,
        known.event_number,
        known.occurred_at,
        known.event_type,
        dim_stage.stage_order,
        coalesce(known.event_type in ('crm.deal.won', 'crm.deal.lost') or dim_stage.is_won or dim_stage.is_lost, false)
            as is_closing,
        case
            when known.event_type in ('crm.deal.won', 'crm.deal.lost') then '(closed)'
            when known.event_type = 'crm.deal.created' then coalesce(known.stage, first_stages.stage)
            else known.to_stage
        end as to_stage
    from known
    inner join stated
        on
            known.tenant_id = stated.tenant_id
            and known.deal_id = stated.deal_id
            and known.first_number = stated.first_number
    left join first_stages
        on stated.pipeline = first_stages.pipeline
    left join {{ ref('dim_stage') }} as dim_stage
        on
            stated.pipeline = dim_stage.pipeline
            and case
                when known.event_type = 'crm.deal.created' then coalesce(known.stage, first_stages.stage)
                else known.to_stage
            end = dim_stage.stage
    where
        stated.pipeline <> 'adtech'
        and known.event_type in (
            'crm.deal.created', 'crm.deal.stage_changed', 'crm.deal.won', 'crm.deal.lost', 'crm.deal.reopened'
        )
),

moves_in_order as (
    select
        moves.tenant_id,
        moves.deal_id,
        moves.first_number,
        moves.event_number,
        moves.occurred_at,
        moves.event_type,
        moves.is_closing,
        case
            when moves.event_type <> 'crm.deal.reopened' then moves.to_stage
            else {{ last_not_null('case when not moves.is_closing then moves.to_stage end') }} over so_far
        end as stage,
        case
            when moves.event_type <> 'crm.deal.reopened' then moves.stage_order
            else {{ last_not_null('case when not moves.is_closing then moves.stage_order end') }} over so_far
        end as stage_order
    from moves
    window so_far as (
        partition by moves.tenant_id, moves.deal_id, moves.first_number order by moves.event_number
        rows between unbounded preceding and current row
    )
),

entries as (
    select
        moves_in_order.*,
        lag(moves_in_order.stage) over one_by_one as previous_stage,
        lag(moves_in_order.stage_order) over one_by_one as previous_order
    from moves_in_order
    where moves_in_order.stage is not null
    window one_by_one as (
        partition by moves_in_order.tenant_id, moves_in_order.deal_id, moves_in_order.first_number
        order by moves_in_order.event_number
    )
),

stages as (
    select
        entries.tenant_id,
        entries.deal_id,
        entries.first_number,
        max_by(entries.stage, entries.event_number) as stage,
        max(entries.event_number) = max(case when entries.is_closing then entries.event_number end) as is_closed,
        max(entries.occurred_at) filter (where entries.stage is distinct from entries.previous_stage) as stage_entered_at,
        count(*) filter (where entries.stage is distinct from entries.previous_stage and not entries.is_closing)
            as stage_visit_count,
        count(*) filter (where entries.stage_order < entries.previous_order) as stage_return_count
    from entries
    group by entries.tenant_id, entries.deal_id, entries.first_number
),

-- Every event sets one or more flags of seeds/gate.csv; the last word on each counts.
flags as (
    select
        known.tenant_id,
        known.deal_id,
        known.first_number,
        gate.gate,
        gate.is_gate,
        gate.bit,
        max_by(gate.is_set, known.event_number) as is_set,
        min(known.occurred_at) filter (where gate.is_set) as first_set_at
    from known
    -- one event may set several flags
    inner join {{ ref('gate') }} as gate
        on known.event_type = gate.event_type
    group by known.tenant_id, known.deal_id, known.first_number, gate.gate, gate.is_gate, gate.bit
),

gates as (
    select
        flags.tenant_id,
        flags.deal_id,
        flags.first_number,
        cast(sum(case when flags.is_set then flags.bit else 0 end) as bigint) as gate_bits,
        count(*) filter (where flags.is_gate and flags.is_set) as gate_count,
        max(flags.first_set_at) filter (where flags.is_set) as last_set_at,
        count(*) filter (where flags.gate = 'G7' and flags.is_set) > 0 as is_closed_out,
        count(*) filter (where flags.gate = 'revoked' and flags.is_set) > 0 as is_revoked
    from flags
    group by flags.tenant_id, flags.deal_id, flags.first_number
)
{%- endmacro -%}

{#- CTEs on `known`: `pushes` of the expected close date, and `discipline`, what became of the next steps. -#}
{%- macro deal_steps() -%}
-- A push is a move of the expected close date to a later month.
dates as (
    select
        known.tenant_id,
        known.deal_id,
        known.first_number,
        known.event_type,
        known.expected_close_date,
        lag(known.expected_close_date) over (
            partition by known.tenant_id, known.deal_id, known.first_number order by known.event_number
        ) as previous_close_date
    from known
    where known.expected_close_date is not null
),

pushes as (
    select dates.tenant_id, dates.deal_id, dates.first_number, count(*) as push_count
    from dates
    where
        dates.event_type <> 'crm.deal.created'
        and cast(date_trunc('month', dates.expected_close_date) as date)
        > cast(date_trunc('month', dates.previous_close_date) as date)
    group by dates.tenant_id, dates.deal_id, dates.first_number
),

-- What became of each next step before another was set.
steps as (
    select
        known.tenant_id,
        known.deal_id,
        known.first_number,
        known.event_type,
        known.due_at,
        lead(known.event_type) over step_by_step as following_event_type,
        lead(known.occurred_at) over step_by_step as following_at
    from known
    where known.event_type in ('crm.deal.next_step_set', 'crm.deal.next_step_done')
    window step_by_step as (
        partition by known.tenant_id, known.deal_id, known.first_number order by known.event_number
    )
),

discipline as (
    select
        steps.tenant_id,
        steps.deal_id,
        steps.first_number,
        count(*) filter (where steps.following_event_type = 'crm.deal.next_step_done' and steps.following_at <= steps.due_at)
            as next_step_kept_count,
        count(*) filter (
            where
            not coalesce(steps.following_event_type = 'crm.deal.next_step_done' and steps.following_at <= steps.due_at, false)
            and steps.due_at < steps.following_at
        ) as next_step_missed_count,
        max(steps.due_at) filter (where steps.following_event_type is null) as pending_due_at
    from steps
    where steps.event_type = 'crm.deal.next_step_set'
    group by steps.tenant_id, steps.deal_id, steps.first_number
)
{%- endmacro -%}

{#-
    CTEs on `known`, `open_states` and `cutoffs`: `timers`, how many were stopped too late, and `phases` of each state, from one cutoff
    to another, with how many of the timers that still run are late by then.
-#}
{%- macro deal_timers() -%}
-- When each event of a policy first came. Runs that a revocation reopened are left to fact_sla.
first_times as (
    select known.tenant_id, known.deal_id, known.first_number, known.event_type, min(known.occurred_at) as first_at
    from known
    group by known.tenant_id, known.deal_id, known.first_number, known.event_type
),

started as (
    select
        deal.tenant_id,
        deal.deal_id,
        deal.first_number,
        deal.last_number,
        policy.sla,
        start.first_at as started_at,
        stop.first_at as stopped_at,
        policy.target_hours
    from open_states as deal
    -- one timer per policy that has started
    inner join {{ ref('dim_sla_policy') }} as policy
        on deal.pipeline = policy.pipeline
    inner join first_times as start
        on
            deal.tenant_id = start.tenant_id
            and deal.deal_id = start.deal_id
            and deal.first_number = start.first_number
            and policy.start_event = start.event_type
    left join first_times as stop
        on
            deal.tenant_id = stop.tenant_id
            and deal.deal_id = stop.deal_id
            and deal.first_number = stop.first_number
            and policy.stop_event = stop.event_type
),

timers as (
    select started.tenant_id, started.deal_id, started.first_number, count(*) as late_count
    from started
    where {{ hours(micros_between('started.started_at', 'started.stopped_at')) }} > started.target_hours
    group by started.tenant_id, started.deal_id, started.first_number
),

-- The first cutoff that sees a running timer late.
late_from as (
    select
        started.tenant_id,
        started.deal_id,
        started.first_number,
        started.last_number,
        started.sla,
        min(cutoffs.cutoff_number) as cutoff_number
    from started
    inner join cutoffs
        on cutoffs.cutoff_number >= started.first_number and cutoffs.cutoff_number <= started.last_number
    where
        started.stopped_at is null
        and {{ hours(micros_between('started.started_at', 'cutoffs.cutoff_at')) }} > started.target_hours
    group by started.tenant_id, started.deal_id, started.first_number, started.last_number, started.sla
),

turns as (
    select turn.tenant_id, turn.deal_id, turn.state_number, turn.last_number, turn.cutoff_number, sum(turn.late_count) as late_count
    from (
        select
            state.tenant_id,
            state.deal_id,
            state.first_number as state_number,
            state.last_number,
            state.first_number as cutoff_number,
            0 as late_count
        from open_states as state
        union all
        select
            late_from.tenant_id,
            late_from.deal_id,
            late_from.first_number as state_number,
            late_from.last_number,
            late_from.cutoff_number,
            1 as late_count
        from late_from
    ) as turn
    group by turn.tenant_id, turn.deal_id, turn.state_number, turn.last_number, turn.cutoff_number
),

phases as (
    select
        turns.tenant_id,
        turns.deal_id,
        turns.state_number,
        turns.cutoff_number as first_number,
        coalesce(lead(turns.cutoff_number) over one_by_one - 1, turns.last_number) as last_number,
        cast(sum(turns.late_count) over so_far as bigint) as running_late_count
    from turns
    window
        one_by_one as (partition by turns.tenant_id, turns.deal_id, turns.state_number order by turns.cutoff_number),
        so_far as (
            partition by turns.tenant_id, turns.deal_id, turns.state_number order by turns.cutoff_number
            rows between unbounded preceding and current row
        )
)
{%- endmacro -%}

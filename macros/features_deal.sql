{#- Parts of models/features/deal_state.sql and feat_deal.sql, each a few CTEs: a model of its own would be built and kept for one reader. -#}

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
        known.known_by_at,
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
            and known.known_by_at = stated.known_by_at
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
        moves.known_by_at,
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
        partition by moves.tenant_id, moves.deal_id, moves.known_by_at order by moves.event_number
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
        partition by moves_in_order.tenant_id, moves_in_order.deal_id, moves_in_order.known_by_at
        order by moves_in_order.event_number
    )
),

stages as (
    select
        entries.tenant_id,
        entries.deal_id,
        entries.known_by_at,
        max_by(entries.stage, entries.event_number) as stage,
        max(entries.event_number) = max(case when entries.is_closing then entries.event_number end) as is_closed,
        max(entries.occurred_at) filter (where entries.stage is distinct from entries.previous_stage) as stage_entered_at,
        count(*) filter (where entries.stage is distinct from entries.previous_stage and not entries.is_closing)
            as stage_visit_count,
        count(*) filter (where entries.stage_order < entries.previous_order) as stage_return_count
    from entries
    group by entries.tenant_id, entries.deal_id, entries.known_by_at
),

-- Every event sets one or more flags of seeds/gate.csv; the last word on each counts.
flags as (
    select
        known.tenant_id,
        known.deal_id,
        known.known_by_at,
        gate.gate,
        gate.is_gate,
        gate.bit,
        max_by(gate.is_set, known.event_number) as is_set,
        min(known.occurred_at) filter (where gate.is_set) as first_set_at
    from known
    -- one event may set several flags
    inner join {{ ref('gate') }} as gate
        on known.event_type = gate.event_type
    group by known.tenant_id, known.deal_id, known.known_by_at, gate.gate, gate.is_gate, gate.bit
),

gates as (
    select
        flags.tenant_id,
        flags.deal_id,
        flags.known_by_at,
        cast(sum(case when flags.is_set then flags.bit else 0 end) as bigint) as gate_bits,
        count(*) filter (where flags.is_gate and flags.is_set) as gate_count,
        max(flags.first_set_at) filter (where flags.is_set) as last_set_at,
        count(*) filter (where flags.gate = 'G7' and flags.is_set) > 0 as is_closed_out,
        count(*) filter (where flags.gate = 'revoked' and flags.is_set) > 0 as is_revoked
    from flags
    group by flags.tenant_id, flags.deal_id, flags.known_by_at
)
{%- endmacro -%}

{#- CTEs on `known`: `pushes` of the expected close date, and `discipline`, what became of the next steps. -#}
{%- macro deal_steps() -%}
-- A push is a move of the expected close date to a later month.
dates as (
    select
        known.tenant_id,
        known.deal_id,
        known.known_by_at,
        known.event_type,
        known.expected_close_date,
        lag(known.expected_close_date) over (
            partition by known.tenant_id, known.deal_id, known.known_by_at order by known.event_number
        ) as previous_close_date
    from known
    where known.expected_close_date is not null
),

pushes as (
    select dates.tenant_id, dates.deal_id, dates.known_by_at, count(*) as push_count
    from dates
    where
        dates.event_type <> 'crm.deal.created'
        and cast(date_trunc('month', dates.expected_close_date) as date)
        > cast(date_trunc('month', dates.previous_close_date) as date)
    group by dates.tenant_id, dates.deal_id, dates.known_by_at
),

-- What became of each next step before another was set.
steps as (
    select
        known.tenant_id,
        known.deal_id,
        known.known_by_at,
        known.event_type,
        known.due_at,
        lead(known.event_type) over step_by_step as following_event_type,
        lead(known.occurred_at) over step_by_step as following_at
    from known
    where known.event_type in ('crm.deal.next_step_set', 'crm.deal.next_step_done')
    window step_by_step as (
        partition by known.tenant_id, known.deal_id, known.known_by_at order by known.event_number
    )
),

discipline as (
    select
        steps.tenant_id,
        steps.deal_id,
        steps.known_by_at,
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
    group by steps.tenant_id, steps.deal_id, steps.known_by_at
)
{%- endmacro -%}

{#-
    CTEs on deal_state, deal_timer and `cutoffs`: `timers`, how many of a state were stopped too late, and `phases` of each state, from one
    cutoff to before another, with how many of the timers that still run are late by then.
-#}
{%- macro deal_phases() -%}
timers as (
    select timer.tenant_id, timer.deal_id, timer.known_by_at, count(*) as late_count
    from {{ ref('deal_timer') }} as timer
    where {{ hours(micros_between('timer.started_at', 'timer.stopped_at')) }} > timer.target_hours
    group by timer.tenant_id, timer.deal_id, timer.known_by_at
),

-- The first cutoff that sees a running timer late.
late_from as (
    select
        state.tenant_id,
        state.deal_id,
        state.known_by_at,
        state.known_until_at,
        timer.sla,
        min(cutoffs.known_by_at) as seen_from_at
    from {{ ref('deal_timer') }} as timer
    inner join {{ ref('deal_state') }} as state
        on
            timer.tenant_id = state.tenant_id
            and timer.deal_id = state.deal_id
            and timer.known_by_at = state.known_by_at
    inner join cutoffs
        on cutoffs.known_by_at >= state.known_by_at and cutoffs.known_by_at < state.known_until_at
    where
        timer.stopped_at is null
        and {{ hours(micros_between('timer.started_at', 'cutoffs.cutoff_at')) }} > timer.target_hours
    group by state.tenant_id, state.deal_id, state.known_by_at, state.known_until_at, timer.sla
),

turns as (
    select
        turn.tenant_id,
        turn.deal_id,
        turn.known_by_at,
        turn.known_until_at,
        turn.seen_from_at,
        sum(turn.late_count) as late_count
    from (
        select
            state.tenant_id,
            state.deal_id,
            state.known_by_at,
            state.known_until_at,
            state.known_by_at as seen_from_at,
            0 as late_count
        from {{ ref('deal_state') }} as state
        union all
        select
            late_from.tenant_id,
            late_from.deal_id,
            late_from.known_by_at,
            late_from.known_until_at,
            late_from.seen_from_at,
            1 as late_count
        from late_from
    ) as turn
    group by turn.tenant_id, turn.deal_id, turn.known_by_at, turn.known_until_at, turn.seen_from_at
),

phases as (
    select
        turns.tenant_id,
        turns.deal_id,
        turns.known_by_at,
        turns.seen_from_at,
        coalesce(lead(turns.seen_from_at) over one_by_one, turns.known_until_at) as seen_until_at,
        cast(sum(turns.late_count) over so_far as bigint) as running_late_count
    from turns
    window
        one_by_one as (partition by turns.tenant_id, turns.deal_id, turns.known_by_at order by turns.seen_from_at),
        so_far as (
            partition by turns.tenant_id, turns.deal_id, turns.known_by_at order by turns.seen_from_at
            rows between unbounded preceding and current row
        )
)
{%- endmacro -%}

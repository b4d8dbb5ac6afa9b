-- depends_on: {{ ref('stg_account_event') }}
{{
    config(
        materialized='incremental',
        unique_key=['tenant_id', 'deal_id'],
        incremental_strategy=replace_rows(),
        on_schema_change='fail',
        post_hook="{{ mark_built(['stg_deal_event', 'stg_account_event']) }}"
    )
}}

with touched_entities as (
    {{ touched('stg_deal_event', 'deal_id') }}
    {% if is_incremental() %}
    union
    -- What changes without an event of the deal itself: its account, the rates of its currency, and its timers.
    select built.tenant_id, built.deal_id
    from {{ this }} as built
    where
        (built.tenant_id, built.account_id) in (
            select account_event.tenant_id, account_event.account_id
            from {{ ref('stg_account_event') }} as account_event
            where account_event.batch_id > {{ built_up_to('stg_account_event') }}
        )
        or (built.status = 'open' and not built.is_next_step_overdue and built.next_step_due_at < {{ as_of() }})
        or (
            built.status = 'open' and not built.is_slipping
            and {{ add_days('built.expected_close_date', 14) }} < cast({{ as_of() }} as date)
        )
    union
    select built.tenant_id, built.deal_id
    from {{ this }} as built
    inner join {{ ref('fact_fx_rate') }} as fx
        on
            built.currency = fx.currency
            and cast(coalesce(built.closed_at, {{ as_of() }}) as date) = fx.fx_date
    where
        built.currency <> {{ reporting_currency() }}
        and built.amount_base is distinct from built.amount * fx.fx_rate
    {% endif %}
),

-- Amounts of offers, media plans and invoices are theirs, not the deal's.
deal_events as (
    select
        event.*,
        row_number() over ({{ in_order('event', 'deal_id', 'crm.deal.created') }}) as event_number,
        {{ last_not_null('event.expected_close_date') }} over (
            {{ in_order('event', 'deal_id', 'crm.deal.created') }}
            rows between unbounded preceding and 1 preceding
        ) as previous_close_date
    from {{ ref('stg_deal_event') }} as event
    {{ join_touched('event', 'deal_id') }}
    where event.event_type like 'crm.deal.%' and {{ is_visible('event') }}
),

latest as (
    select
        deal_events.tenant_id,
        deal_events.deal_id,
        {{ last_stated('deal_events', 'account_id') }} as account_id,
        {{ last_stated('deal_events', 'contact_id') }} as contact_id,
        {{ last_stated('deal_events', 'lead_id') }} as lead_id,
        {{ last_stated('deal_events', 'owner_id') }} as owner_id,
        {{ last_stated('deal_events', 'title') }} as title,
        {{ last_stated('deal_events', 'client_type') }} as client_type,
        {{ last_stated('deal_events', 'deal_source') }} as deal_source,
        {{ last_stated('deal_events', 'campaign_id') }} as campaign_id,
        {{ last_stated('deal_events', 'amount') }} as amount,
        {{ last_stated('deal_events', 'currency') }} as currency,
        {{ last_stated('deal_events', 'probability') }} as probability,
        {{ last_stated('deal_events', 'forecast_category') }} as forecast_category,
        {{ last_stated('deal_events', 'expected_close_date') }} as expected_close_date,
        max_by(
            coalesce(deal_events.competitor, deal_events.primary_competitor), deal_events.event_number
        ) filter (where coalesce(deal_events.competitor, deal_events.primary_competitor) is not null) as primary_competitor,
        max_by(deal_events.lost_reason, deal_events.event_number) filter (where deal_events.event_type = 'crm.deal.lost')
            as lost_reason,
        max(deal_events.occurred_at) filter (where deal_events.event_type = 'crm.deal.lost') as lost_reason_at,
        min(deal_events.occurred_at) filter (where deal_events.event_type = 'crm.deal.created') as created_at,
        -- What closed the deal last, or opened it again.
        max_by(deal_events.event_type, deal_events.event_number) filter (
            where deal_events.event_type in ('crm.deal.won', 'crm.deal.lost', 'crm.deal.reopened')
        ) as closing_event_type,
        max(deal_events.event_number) filter (where deal_events.event_type in ('crm.deal.lost', 'crm.deal.reopened'))
            as not_won_number,
        max(deal_events.event_number) filter (where deal_events.event_type = 'crm.deal.next_step_set') as step_set_number,
        max(deal_events.event_number) filter (where deal_events.event_type = 'crm.deal.next_step_done') as step_done_number,
        max_by(deal_events.next_step, deal_events.event_number) filter (where deal_events.event_type = 'crm.deal.next_step_set')
            as next_step,
        max_by(deal_events.due_at, deal_events.event_number) filter (where deal_events.event_type = 'crm.deal.next_step_set')
            as next_step_due_at
    from deal_events
    group by deal_events.tenant_id, deal_events.deal_id
),

-- The win that is in force: the first one since the deal was last lost or reopened.
wins as (
    select deal_events.tenant_id, deal_events.deal_id, min(deal_events.occurred_at) as won_at
    from deal_events
    inner join latest
        on deal_events.tenant_id = latest.tenant_id and deal_events.deal_id = latest.deal_id
    where
        deal_events.event_type = 'crm.deal.won'
        and deal_events.event_number > coalesce(latest.not_won_number, 0)
    group by deal_events.tenant_id, deal_events.deal_id
),

current_visits as (
    select visit.*, dim_stage.is_won, dim_stage.is_lost
    from {{ ref('fact_deal_stage') }} as visit
    left join {{ ref('dim_stage') }} as dim_stage
        on visit.pipeline = dim_stage.pipeline and visit.stage = dim_stage.stage
    where visit.is_current
),

gates as (
    select
        change.tenant_id,
        change.deal_id,
        max_by(change.gate_bits, change.changed_at) as gate_bits,
        min(change.changed_at) filter (where change.gate = 'G7') as closed_out_at,
        -- Set and taken back by turns, so that the sum tells the last, of the same instant as well.
        sum(case when change.is_set then 1 else -1 end) filter (where change.gate = 'revoked') = 1 as is_revoked,
        max(change.changed_at) filter (where change.gate = 'revoked' and change.is_set) as revoked_at
    from {{ ref('fact_gate_change') }} as change
    {{ join_touched('change', 'deal_id') }}
    group by change.tenant_id, change.deal_id
),

-- While a deal was closed, whatever closed it: its stage, a win, or a revoked contract.
closed_periods as (
    select visit.tenant_id, visit.deal_id, visit.entered_at as closed_from, visit.left_at as closed_to
    from {{ ref('fact_deal_stage') }} as visit
    {{ join_touched('visit', 'deal_id') }}
    where visit.is_closing
    union all
    select verdict.tenant_id, verdict.deal_id, verdict.closed_from, verdict.closed_to
    from (
        select
            deal_events.tenant_id,
            deal_events.deal_id,
            deal_events.event_type,
            deal_events.occurred_at as closed_from,
            lead(deal_events.occurred_at) over (
                partition by deal_events.tenant_id, deal_events.deal_id order by deal_events.event_number
            ) as closed_to
        from deal_events
        inner join current_visits
            on deal_events.tenant_id = current_visits.tenant_id and deal_events.deal_id = current_visits.deal_id
        where
            current_visits.pipeline = 'adtech'
            and deal_events.event_type in ('crm.deal.won', 'crm.deal.lost', 'crm.deal.reopened')
    ) as verdict
    where verdict.event_type = 'crm.deal.won'
    union all
    select revocation.tenant_id, revocation.deal_id, revocation.closed_from, revocation.closed_to
    from (
        select
            change.tenant_id,
            change.deal_id,
            change.is_set,
            change.changed_at as closed_from,
            lead(change.changed_at) over (
                partition by change.tenant_id, change.deal_id order by change.changed_at, change.event_id, change.source
            ) as closed_to
        from {{ ref('fact_gate_change') }} as change
        inner join current_visits
            on change.tenant_id = current_visits.tenant_id and change.deal_id = current_visits.deal_id
        where current_visits.pipeline = 'adtech' and change.gate = 'revoked'
    ) as revocation
    where revocation.is_set
),

-- A push is a move to a later month while the deal is open; a system that sets the date at the close moves nothing.
pushes as (
    select moved.tenant_id, moved.deal_id, count(*) as push_count
    from deal_events as moved
    where
        moved.event_type <> 'crm.deal.created'
        and cast(date_trunc('month', moved.expected_close_date) as date)
        > cast(date_trunc('month', moved.previous_close_date) as date)
        and not exists (
            select 1
            from closed_periods as closed
            where
                closed.tenant_id = moved.tenant_id
                and closed.deal_id = moved.deal_id
                and closed.closed_from <= moved.occurred_at
                and (closed.closed_to > moved.occurred_at or closed.closed_to is null)
        )
    group by moved.tenant_id, moved.deal_id
),

first_events as (
    select event.tenant_id, event.deal_id, min(event.occurred_at) as first_event_at
    from {{ ref('stg_deal_event') }} as event
    {{ join_touched('event', 'deal_id') }}
    where {{ is_visible('event') }}
    group by event.tenant_id, event.deal_id
),

placed as (
    select
        first_events.tenant_id,
        first_events.deal_id,
        latest.account_id,
        latest.contact_id,
        latest.lead_id,
        latest.owner_id,
        latest.title,
        latest.client_type,
        latest.deal_source,
        latest.campaign_id,
        latest.amount,
        latest.currency,
        latest.probability,
        latest.forecast_category,
        latest.expected_close_date,
        latest.primary_competitor,
        latest.lost_reason,
        latest.lost_reason_at,
        latest.closing_event_type,
        latest.step_set_number,
        latest.step_done_number,
        latest.next_step,
        latest.next_step_due_at,
        pushes.push_count,
        coalesce(latest.created_at, first_events.first_event_at) as created_at,
        coalesce(visit.pipeline, 'b2b') as pipeline,
        visit.stage,
        visit.entered_at as stage_entered_at,
        case when visit.pipeline = 'adtech' or gates.gate_bits is not null then decided.aggregated_stage end
            as aggregated_stage,
        case
            when visit.pipeline = 'adtech'
                then case
                    when visit.stage = 'lost' then 'lost'
                    when coalesce(gates.is_revoked, false) then 'cancelled'
                    when wins.won_at is not null and latest.closing_event_type = 'crm.deal.won' then 'won'
                    when gates.closed_out_at is not null then 'won'
                    else 'open'
                end
            when visit.is_won then 'won'
            when visit.is_lost then 'lost'
            else 'open'
        end as status,
        case
            when visit.pipeline <> 'adtech' then case when visit.is_closing then visit.entered_at end
            when visit.stage = 'lost' then visit.entered_at
            when coalesce(gates.is_revoked, false) then gates.revoked_at
            -- least() passes over the one that is missing, and that is meant
            else least(
                case when latest.closing_event_type = 'crm.deal.won' then wins.won_at end, gates.closed_out_at
            )
        end as closed_at
    from first_events
    left join latest
        on first_events.tenant_id = latest.tenant_id and first_events.deal_id = latest.deal_id
    left join pushes
        on first_events.tenant_id = pushes.tenant_id and first_events.deal_id = pushes.deal_id
    left join wins
        on first_events.tenant_id = wins.tenant_id and first_events.deal_id = wins.deal_id
    left join current_visits as visit
        on first_events.tenant_id = visit.tenant_id and first_events.deal_id = visit.deal_id
    left join gates
        on first_events.tenant_id = gates.tenant_id and first_events.deal_id = gates.deal_id
    left join {{ ref('dim_aggregated_stage') }} as decided
        on coalesce(gates.gate_bits, 0) = decided.gate_bits and decided.rule_set = {{ stage_rule_set() }}
),

valued as (
    select
        placed.*,
        case
            when placed.currency = {{ reporting_currency() }} then placed.amount
            else placed.amount * fx.fx_rate
        end as amount_base
    from placed
    left join {{ ref('fact_fx_rate') }} as fx
        on
            placed.currency = fx.currency
            and cast(coalesce(placed.closed_at, {{ as_of() }}) as date) = fx.fx_date
)

select
    valued.tenant_id,
    valued.deal_id,
    valued.pipeline,
    valued.account_id,
    valued.contact_id,
    valued.lead_id,
    valued.owner_id,
    valued.title,
    account.industry,
    coalesce(valued.client_type, account.account_kind) as client_type,
    band.budget_band,
    valued.deal_source,
    valued.campaign_id,
    valued.primary_competitor,
    valued.amount,
    valued.currency,
    valued.amount_base,
    valued.stage,
    valued.aggregated_stage,
    valued.status,
    valued.probability,
    coalesce(valued.forecast_category, 'pipeline') as forecast_category,
    valued.created_at,
    valued.stage_entered_at,
    valued.expected_close_date,
    valued.closed_at,
    case when valued.status = 'won' then {{ days(micros_between('valued.created_at', 'valued.closed_at')) }} end
        as sales_cycle_days,
    case when valued.status = 'lost' then {{ days(micros_between('valued.created_at', 'valued.closed_at')) }} end
        as days_to_loss,
    -- An earlier loss has nothing to say of this one.
    case when valued.status = 'lost' and valued.lost_reason_at >= valued.closed_at then valued.lost_reason end as lost_reason,
    -- The step that is still to be done.
    case when valued.step_set_number > coalesce(valued.step_done_number, 0) then valued.next_step end as next_step,
    case when valued.step_set_number > coalesce(valued.step_done_number, 0) then valued.next_step_due_at end
        as next_step_due_at,
    coalesce(
        valued.status = 'open'
        and valued.step_set_number > coalesce(valued.step_done_number, 0)
        and valued.next_step_due_at < {{ as_of() }},
        false
    ) as is_next_step_overdue,
    coalesce(
        valued.status = 'open' and {{ add_days('valued.expected_close_date', 14) }} < cast({{ as_of() }} as date), false
    ) as is_slipping,
    cast(coalesce(valued.push_count, 0) as bigint) as push_count
from valued
left join {{ ref('dim_account') }} as account
    on valued.tenant_id = account.tenant_id and valued.account_id = account.account_id
left join {{ ref('budget_band') }} as band
    on
        valued.amount_base >= band.amount_base_from
        and (valued.amount_base < band.amount_base_to or band.amount_base_to is null)

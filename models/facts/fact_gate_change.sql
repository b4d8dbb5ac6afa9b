{{
    config(
        materialized='incremental',
        incremental_strategy=add_touched(),
        on_schema_change='fail',
        pre_hook="{{ drop_touched('stg_deal_event', 'deal_id') }}",
        post_hook="{{ mark_built(['stg_deal_event']) }}"
    )
}}

with touched_entities as (
    {{ touched('stg_deal_event', 'deal_id') }}
),

-- Every event sets one or more flags of seeds/gate.csv; a revocation sets one and clears another.
settings as (
    select
        event.tenant_id,
        event.deal_id,
        event.occurred_at,
        event.event_id,
        event.source,
        event.actor,
        gate.gate,
        gate.gate_name,
        gate.is_gate,
        gate.is_set,
        gate.bit,
        lag(gate.is_set) over (
            partition by event.tenant_id, event.deal_id, gate.gate
            order by event.occurred_at, event.event_id, event.source
        ) as was_set,
        row_number() over (
            partition by event.tenant_id, event.deal_id, gate.gate
            order by event.occurred_at, event.event_id, event.source
        ) as setting_number
    from {{ ref('stg_deal_event') }} as event
    {{ join_touched('event', 'deal_id') }}
    -- one event may set several flags
    inner join {{ ref('gate') }} as gate
        on event.event_type = gate.event_type
    where {{ is_visible('event') }}
),

-- Only what changes something: a gate that is true already stays so, one that never was cannot be taken back.
changes as (
    select
        settings.*,
        case when settings.is_set then settings.bit else -settings.bit end as bits_added
    from settings
    where settings.is_set <> coalesce(settings.was_set, false)
)

select
    changes.tenant_id,
    changes.deal_id,
    changes.gate,
    changes.gate_name,
    changes.is_gate,
    changes.is_set,
    changes.occurred_at as changed_at,
    changes.source,
    changes.actor,
    changes.event_id,
    changes.setting_number,
    -- A window by range: changes of the same instant count together, so that no stage lasts for no time.
    cast(sum(changes.bits_added) over (
        partition by changes.tenant_id, changes.deal_id
        order by changes.occurred_at
        range between unbounded preceding and current row
    ) as bigint) as gate_bits
from changes

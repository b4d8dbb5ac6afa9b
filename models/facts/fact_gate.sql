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

changes as (
    select
        change.*,
        row_number() over (
            partition by change.tenant_id, change.deal_id, change.gate
            order by change.changed_at desc, change.event_id desc, change.source desc
        ) as recency,
        min(case when change.is_set then change.changed_at end) over (
            partition by change.tenant_id, change.deal_id, change.gate
        ) as first_true_at
    from {{ ref('fact_gate_change') }} as change
    {{ join_touched('change', 'deal_id') }}
    where change.is_gate
)

select
    changes.tenant_id,
    changes.deal_id,
    changes.gate,
    changes.gate_name,
    changes.is_set as gate_status,
    changes.first_true_at,
    changes.changed_at,
    changes.source,
    changes.event_id
from changes
where changes.recency = 1

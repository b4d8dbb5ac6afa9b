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
)

-- Setting and taking back alternate, so that their sum tells how the gate stands.
select
    change.tenant_id,
    change.deal_id,
    change.gate,
    max(change.gate_name) as gate_name,
    sum(case when change.is_set then 1 else -1 end) = 1 as gate_status,
    min(change.changed_at) filter (where change.is_set) as first_true_at,
    max(change.changed_at) as changed_at,
    max_by(change.source, change.setting_number) as source,
    max_by(change.event_id, change.setting_number) as event_id
from {{ ref('fact_gate_change') }} as change
{{ join_touched('change', 'deal_id') }}
where change.is_gate
group by change.tenant_id, change.deal_id, change.gate

-- A stage belongs to every tenant; tenants' own stages have no row here and carry no order.
select
    'default' as tenant_id,
    stage.pipeline,
    stage.stage,
    stage.stage_order,
    stage.is_won,
    stage.is_lost,
    stage.owner_role,
    stage.domain,
    stage.next_within_days,
    stage.won_within_days
from {{ ref('stage') }} as stage

-- What is probable enough to be shown to a human, who decides; nothing is merged by itself.
select
    pair.tenant_id,
    pair.kind,
    pair.left_id,
    pair.right_id,
    pair.probability,
    pair.reasons
from {{ source('computed', 'duplicate_pair') }} as pair
where pair.probability >= {{ assumption('duplicate_probability', 'pair.tenant_id') }}

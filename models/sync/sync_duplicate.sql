-- Pairs for a person to decide on; a pair that is no longer probable is taken back.
with stated as (
    select
        pair.tenant_id,
        pair.kind || '/' || pair.left_id || '/' || pair.right_id as sync_key,
        pair.kind,
        pair.left_id,
        pair.right_id,
        {{ round_det('pair.probability', 2) }} as probability,
        pair.reasons
    from {{ ref('duplicate_candidate') }} as pair
),

{{ sync_changes(
    'duplicate',
    {'kind': 'text', 'left_id': 'text', 'right_id': 'text', 'probability': 'number', 'reasons': 'text'},
    unwatched=['reasons'],
    deletes=true
) }}

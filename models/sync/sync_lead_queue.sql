-- The list that sales works from, for files that people open; it is written as a whole.
with stated as (
    select
        queue.tenant_id,
        queue.lead_id as sync_key,
        queue.work_order,
        queue.lead_id,
        queue.tier,
        queue.score,
        {{ round_det('queue.probability', 2) }} as probability,
        queue.lead_status,
        queue.lead_source,
        queue.owner_id,
        queue.suggested_owner_id
    from {{ ref('lead_queue') }} as queue
),

{{ sync_changes(
    'lead_queue',
    {
        'work_order': 'integer', 'lead_id': 'text', 'tier': 'text', 'score': 'integer', 'probability': 'number',
        'lead_status': 'text', 'lead_source': 'text', 'owner_id': 'text', 'suggested_owner_id': 'text'
    },
    deletes=true
) }}

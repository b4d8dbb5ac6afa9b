-- What the CRM should show of each open lead. Closed ones are left as they stood; factors alone are no reason to write.
with stated as (
    select
        queue.tenant_id,
        queue.lead_id as sync_key,
        queue.lead_id,
        queue.score,
        queue.tier,
        {{ round_det('queue.probability', 2) }} as probability,
        queue.factors,
        queue.suggested_owner_id
    from {{ ref('lead_queue') }} as queue
    where queue.score is not null
),

{{ sync_changes(
    'lead',
    {
        'lead_id': 'text', 'score': 'integer', 'tier': 'text', 'probability': 'number', 'factors': 'text',
        'suggested_owner_id': 'text'
    },
    unwatched=['factors']
) }}

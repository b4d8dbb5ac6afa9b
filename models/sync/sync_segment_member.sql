-- Who comes into a segment and who leaves it; which segments there are is said by the files that define them.
with stated as (
    select
        member.tenant_id,
        member.segment_id || '/' || member.subject_type || '/' || member.subject_id as sync_key,
        member.segment_id,
        member.subject_type,
        member.subject_id
    from {{ source('raw', 'segment_member') }} as member
),

{{ sync_changes(
    'segment_member',
    {'segment_id': 'text', 'subject_type': 'text', 'subject_id': 'text'},
    deletes=true
) }}

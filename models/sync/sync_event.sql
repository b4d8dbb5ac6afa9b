-- The envelope's id is a hash of what is stated and of what was told before it, never of the time of sending: the same
-- news has one id however often it is sent, and news that comes back has another than the first time.
with {{ event_statements() }},

statements as (
    {%- for part in [
        'stated_scores', 'stated_healths', 'stated_risks', 'stated_renewals', 'stated_chances', 'stated_duplicates',
        'stated_stages', 'stated_timers', 'stated_breaches', 'stated_closings', 'stated_alerts'
    ] %}
    select part.*
    from {{ part }} as part
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

stated as (
    select
        statements.*,
        -- Raised and resolved are two types that speak of one thing.
        case when statements.event_type like 'ops.alert.%' then 'ops.alert' else statements.event_type end
        || '/' || statements.slot as sync_key,
        {{ text_hash("statements.event_type || '|' || statements.state") }} as statehash
    from statements
),

targets as (
    select
        target.destination,
        target.tenant_id,
        target.event_type
    from {{ source('raw', 'sync_target') }} as target
    where target.object_name = 'event'
),

envelopes as (
    select
        delivery.destination,
        delivery.tenant_id,
        delivery.sync_key,
        delivery.payload,
        delivery.is_uncertain,
        {{ json_fields('delivery.payload', {'id': 'text', 'statehash': 'text', 'data': 'text'}) }} as envelope,
        {{ json_fields('delivery.refused_payload', {'statehash': 'text'}) }} as refused
    from {{ source('raw', 'delivery') }} as delivery
    where delivery.object_name = 'event'
),

known as (
    select
        envelopes.destination,
        envelopes.tenant_id,
        envelopes.sync_key,
        envelopes.payload,
        envelopes.is_uncertain,
        envelopes.envelope.id as event_id,
        envelopes.envelope.statehash as statehash,
        envelopes.refused.statehash as refused_statehash,
        {{ json_fields('envelopes.envelope.data', {'level': 'text', 'score': 'integer'}) }} as told
    from envelopes
)

select
    targets.destination,
    stated.tenant_id,
    stated.sync_key,
    case when known.payload is null then 'insert' else 'update' end as operation,
    known.payload as expected,
    case when stated.statehash = known.statehash then known.event_id
        else {{ text_hash(
            "stated.tenant_id || '|' || stated.sync_key || '|' || stated.statehash || '|' || coalesce(known.event_id, '')"
        ) }}
    end as event_id,
    stated.event_type,
    stated.subject,
    stated.occurred_at,
    stated.statehash,
    stated.data
from stated
inner join targets
    on
        (targets.tenant_id is null or stated.tenant_id = targets.tenant_id)
        and (targets.event_type is null or stated.event_type = targets.event_type)
left join known
    on
        targets.destination = known.destination
        and stated.tenant_id = known.tenant_id
        and stated.sync_key = known.sync_key
where
    (
        (known.payload is null and stated.is_first_told)
        or known.is_uncertain
        or (
            stated.statehash <> known.statehash
            and (
                stated.level is null
                or stated.level is distinct from known.told.level
                or abs(stated.score - known.told.score) >= 10
            )
        )
    )
    and stated.statehash is distinct from known.refused_statehash

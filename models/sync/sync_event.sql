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

keyed_statements as (
    select
        -- Raised and resolved are two types that speak of one thing.
        case when statements.event_type like 'ops.alert.%' then 'ops.alert' else statements.event_type end
        || '/' || statements.slot as sync_key,
        statements.tenant_id,
        statements.event_type,
        statements.subject,
        statements.occurred_at,
        statements.state,
        statements.is_first_told,
        statements.level,
        statements.score,
        statements.data
    from statements
),

envelopes as (
    select
        delivery.destination,
        delivery.tenant_id,
        delivery.sync_key,
        delivery.payload,
        delivery.is_uncertain,
        {{ json_fields('delivery.payload', {'id': 'text', 'subject': 'text', 'statehash': 'text', 'data': 'text'}) }} as envelope,
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
        envelopes.envelope.subject as subject,
        {{ json_fields(
            'envelopes.envelope.data', {'level': 'text', 'score': 'integer', 'alert_id': 'text', 'rule': 'text'}
        ) }} as told
    from envelopes
),

-- Who was told of an alert that later news took back, or moved to another time, is told that it is over.
withdrawn_alerts as (
    select distinct
        known.sync_key,
        known.tenant_id,
        'ops.alert.resolved' as event_type,
        known.subject,
        clock.as_of as occurred_at,
        'resolved' as state,
        false as is_first_told,
        {{ without_level() }},
        {{ json_text({
            'alert_id': 'known.told.alert_id', 'rule': 'known.told.rule', 'resolved_at': rfc3339('clock.as_of')
        }) }} as data
    from known
    left join keyed_statements
        on known.tenant_id = keyed_statements.tenant_id and known.sync_key = keyed_statements.sync_key
    cross join {{ ref('stg_clock') }} as clock
    where
        known.sync_key like 'ops.alert/%'
        and known.told.alert_id is not null
        and keyed_statements.sync_key is null
),

stated as (
    select
        keyed.*,
        {{ text_hash("keyed.event_type || '|' || keyed.state") }} as statehash
    from (
        select keyed_statements.* from keyed_statements
        union all
        select withdrawn_alerts.* from withdrawn_alerts
    ) as keyed
),

targets as (
    select
        target.destination,
        target.tenant_id,
        target.event_type
    from {{ source('raw', 'sync_target') }} as target
    where target.object_name = 'event'
)

select
    targets.destination,
    stated.tenant_id,
    stated.sync_key,
    case when known.payload is null then 'insert' else 'update' end as operation,
    known.payload as expected,
    case
        when stated.statehash = known.statehash then known.event_id
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

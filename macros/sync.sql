{#-
    What a destination still has to be told: the rows of the CTE `stated` that differ from what it has last acknowledged.

    A sync model begins with that CTE (tenant_id, sync_key and the fields, in the destination's names) and ends with this
    macro. A row that was refused stays away until one of its fields is another, or until it is to be deleted; one that may
    or may not have arrived comes again. A field that is unwatched goes along, and is no reason to write by itself.
-#}
{%- macro sync_changes(object, fields, unwatched=[], deletes=false) -%}
    {%- set watched = fields.keys() | reject('in', unwatched) | list -%}
    targets as (
        select
            target.destination,
            target.tenant_id
        from {{ source('raw', 'sync_target') }} as target
        where target.object_name = '{{ object }}'
    ),

    known as (
        select
            delivery.destination,
            delivery.tenant_id,
            delivery.sync_key,
            delivery.payload,
            delivery.is_uncertain,
            delivery.refused_payload,
            delivery.operation,
            {{ json_fields('delivery.payload', fields) }} as held,
            {{ json_fields('delivery.refused_payload', fields) }} as refused
        from {{ source('raw', 'delivery') }} as delivery
        where delivery.object_name = '{{ object }}'
    )

    select
        targets.destination,
        stated.tenant_id,
        stated.sync_key,
        {#- Where an insert or a delete may not have arrived, nobody knows that there is a row to update. #}
        case
            when known.payload is null or (known.is_uncertain and known.operation <> 'update') then 'insert'
            else 'update'
        end as operation,
        case when not known.is_uncertain or known.operation = 'update' then known.payload end as expected,
        {%- for field in fields %}
        stated.{{ field }}{{ ',' if not loop.last }}
        {%- endfor %}
    from stated
    inner join targets
        on targets.tenant_id is null or stated.tenant_id = targets.tenant_id
    left join known
        on
            targets.destination = known.destination
            and stated.tenant_id = known.tenant_id
            and stated.sync_key = known.sync_key
    where
        (
            known.payload is null
            or known.is_uncertain
            {%- for field in watched %}
            or stated.{{ field }} is distinct from known.held.{{ field }}
            {%- endfor %}
        )
        and (
            known.refused_payload is null
            {%- for field in watched %}
            or stated.{{ field }} is distinct from known.refused.{{ field }}
            {%- endfor %}
        )
    {%- if deletes %}
    union all
    select
        known.destination,
        known.tenant_id,
        known.sync_key,
        'delete' as operation,
        known.payload as expected,
        {%- for field in fields %}
        known.held.{{ field }}{{ ',' if not loop.last }}
        {%- endfor %}
    from known
    inner join targets
        on known.destination = targets.destination and (targets.tenant_id is null or known.tenant_id = targets.tenant_id)
    left join stated
        on known.tenant_id = stated.tenant_id and known.sync_key = stated.sync_key
    where
        stated.sync_key is null
        and known.payload is not null
        -- That another state of it was refused does not keep it there.
        and (known.refused_payload is null or known.operation <> 'delete')
    {%- endif %}
{%- endmacro -%}

{#- A UTC timestamp in the form of RFC 3339. -#}
{%- macro rfc3339(at) -%}
    (substr(cast({{ at }} as string), 1, 10) || 'T' || substr(cast({{ at }} as string), 12) || 'Z')
{%- endmacro -%}

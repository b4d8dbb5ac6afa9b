{#-
    The body of every staging model: the events of some types, typed once, in one parse of their data. `fields` maps a
    data field to text, number, integer, boolean, date or timestamp. Rows are only ever added, by batch. The types stand
    in the model's meta data as well, so that a run can tell which models its new events reach (warehouse/affected.py).
-#}
{%- macro stage_events(types, fields) -%}
{%- do config(meta={'event_types': types}) -%}
{%- set parsed = {} -%}
{%- for name, kind in fields.items() -%}{%- do parsed.update({name: 'text' if kind == 'timestamp' else kind}) -%}{%- endfor -%}
with typed as (
    select
        event.tenant_id,
        event.batch_id,
        event.source,
        event.event_id,
        event.event_type,
        event.actor,
        event.occurred_at,
        event.received_at,
        {{ json_fields('event.data', parsed) }} as fields
    from {{ source('raw', 'events') }} as event
    where
        event.event_type in (
            {%- for type in types %}
            '{{ type }}'{{ ',' if not loop.last }}
            {%- endfor %}
        )
    {%- if is_incremental() %}
        and event.batch_id > (select coalesce(max(built.batch_id), 0) from {{ this }} as built)
    {%- endif %}
)

select
    typed.tenant_id,
    typed.batch_id,
    typed.source,
    typed.event_id,
    typed.event_type,
    typed.actor,
    typed.occurred_at,
    typed.received_at
    {%- for name, kind in fields.items() %},
    {% if kind == 'timestamp' %}{{ to_utc('typed.fields.' ~ name) }}{% else %}typed.fields.{{ name }}{% endif %} as {{ name }}
    {%- endfor %}
from typed
{%- endmacro -%}

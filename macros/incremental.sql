{#-
    Cost follows change: a model remembers, per staging table that it reads, up to which batch it has been built, and
    recomputes the entities that later batches touched. The mark is written in the model's own transaction.
-#}

{#- The last batch of a staging table that this model has seen: as a literal while the model is built, so that row groups of
    older batches are passed over without being read. -#}
{%- macro built_up_to(staging) -%}{{ return(adapter.dispatch('built_up_to')(staging)) }}{%- endmacro -%}
{%- macro default__built_up_to(staging) -%}
    {%- set mark -%}
        select coalesce(max(mark.batch_id), 0)
        from {{ source('raw', 'watermarks') }} as mark
        where mark.model = '{{ this.schema }}.{{ this.identifier }}' and mark.staging = '{{ staging }}'
    {%- endset -%}
    {%- if is_building() -%}
        {{ run_query(mark).rows[0][0] }}
    {%- else -%}
        ({{ mark }})
    {%- endif -%}
{%- endmacro -%}

{#- Post-hook: remember what has been built. -#}
{%- macro mark_built(stagings) -%}{{ return(adapter.dispatch('mark_built')(stagings)) }}{%- endmacro -%}
{%- macro default__mark_built(stagings) -%}
    {%- if execute -%}
    insert into {{ source('raw', 'watermarks') }} (model, staging, batch_id)
    {% for staging in stagings %}
    select '{{ this.schema }}.{{ this.identifier }}', '{{ staging }}', coalesce(max(batch_id), 0) from {{ ref(staging) }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
    {%- endif -%}
{%- endmacro -%}

{#- Keys of the entities with events since this model was built last; of all of them on a full build. -#}
{%- macro touched(staging, key) -%}
    select distinct event.tenant_id, event.{{ key }}
    from {{ ref(staging) }} as event
    where event.{{ key }} is not null
    {%- if is_incremental() %}
        and event.batch_id > {{ built_up_to(staging) }}
    {%- endif %}
{%- endmacro -%}

{#- Pre-hook for models with several rows per entity: rows of touched entities go before the new ones come, because
    fewer may come than there were. -#}
{%- macro drop_touched(staging, key) -%}
    {%- if execute and is_incremental() -%}
    {%- set keys -%}
        select event.tenant_id, event.{{ key }}
        from {{ ref(staging) }} as event
        where event.batch_id > {{ built_up_to(staging) }} and event.{{ key }} is not null
    {%- endset -%}
    {{ drop_keys(['tenant_id', key], keys) }}
    {%- else -%}
    select 1
    {%- endif -%}
{%- endmacro -%}

{#- Keeps to the touched entities (CTE `touched_entities`). On a full build all are, and the join would only cost. -#}
{%- macro join_touched(alias, key) -%}
    {%- if is_incremental() -%}
    inner join touched_entities
        on {{ alias }}.tenant_id = touched_entities.tenant_id and {{ alias }}.{{ key }} = touched_entities.{{ key }}
    {%- endif -%}
{%- endmacro -%}

{#- The one order of an entity's events, for a window: by time; of the same instant the creation first, the rest by id. -#}
{%- macro in_order(alias, key, created_type='') -%}
    partition by {{ alias }}.tenant_id, {{ alias }}.{{ key }}
    order by
        {{ alias }}.occurred_at,
        {%- if created_type %}
        case when {{ alias }}.event_type = '{{ created_type }}' then 0 else 1 end,
        {%- endif %}
        {{ alias }}.event_id,
        {{ alias }}.source
{%- endmacro -%}

{#- The visible events of the touched entities (CTE `touched_entities`), numbered in their one order. -#}
{%- macro entity_events(staging, key, created_type='') -%}
    select
        event.*,
        row_number() over ({{ in_order('event', key, created_type) }}) as event_number
    from {{ ref(staging) }} as event
    {{ join_touched('event', key) }}
    where {{ is_visible('event') }}
{%- endmacro -%}

{#- The last value that was stated: a field that is absent from an event keeps what it was. -#}
{%- macro last_stated(relation, column) -%}
    max_by({{ relation }}.{{ column }}, {{ relation }}.event_number) filter (where {{ relation }}.{{ column }} is not null)
{%- endmacro -%}

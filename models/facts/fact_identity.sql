{{
    config(
        materialized='incremental',
        unique_key=['tenant_id', 'id_kind', 'id_value'],
        incremental_strategy=replace_rows(),
        on_schema_change='fail',
        post_hook="{{ mark_built(identity_stagings()) }}"
    )
}}

with mentioned as (
    {{ identity_mentions() }}
),

seen as (
    select mentioned.tenant_id, mentioned.id_kind, mentioned.id_value, min(mentioned.first_seen_at) as first_seen_at
    from mentioned
    group by mentioned.tenant_id, mentioned.id_kind, mentioned.id_value
),

{% if is_incremental() -%}
-- Links between what are two persons yet, or with an id that is nobody yet. The rest of the log changes no person.
joining as (
    select
        link.tenant_id,
        link.lower_key,
        link.higher_key,
        lower_end.person_id as lower_person_id,
        higher_end.person_id as higher_person_id
    from {{ ref('fact_identity_link') }} as link
    left join {{ this }} as lower_end
        on link.tenant_id = lower_end.tenant_id and link.lower_key = lower_end.id_kind || ':' || lower_end.id_value
    left join {{ this }} as higher_end
        on link.tenant_id = higher_end.tenant_id and link.higher_key = higher_end.id_kind || ':' || higher_end.id_value
    where lower_end.person_id is null or higher_end.person_id is null or lower_end.person_id <> higher_end.person_id
),

touched_entities as (
    select joining.tenant_id, joining.lower_person_id as person_id
    from joining
    where joining.lower_person_id is not null
    union
    select joining.tenant_id, joining.higher_person_id as person_id
    from joining
    where joining.higher_person_id is not null
),

-- All ids of the persons that are joined, and the ids that are new or were seen earlier than it was thought.
recomputed as (
    select
        candidate.tenant_id,
        candidate.id_kind,
        candidate.id_value,
        min(candidate.first_seen_at) as first_seen_at,
        min(candidate.person_id) as built_person_id
    from (
        select seen.tenant_id, seen.id_kind, seen.id_value, seen.first_seen_at, built.person_id
        from seen
        left join {{ this }} as built
            on seen.tenant_id = built.tenant_id and seen.id_kind = built.id_kind and seen.id_value = built.id_value
        where built.person_id is null or seen.first_seen_at < built.first_seen_at
        union all
        select built.tenant_id, built.id_kind, built.id_value, built.first_seen_at, built.person_id
        from {{ this }} as built
        {{ join_touched('built', 'person_id') }}
    ) as candidate
    group by candidate.tenant_id, candidate.id_kind, candidate.id_value
),

-- A person that was found before is a star around the id that names it.
edges as (
    select joining.tenant_id, joining.higher_key as higher, joining.lower_key as lower
    from joining
    union all
    select
        recomputed.tenant_id,
        recomputed.id_kind || ':' || recomputed.id_value as higher,
        recomputed.built_person_id as lower
    from recomputed
    where recomputed.id_kind || ':' || recomputed.id_value <> recomputed.built_person_id
),
{%- else -%}
recomputed as (
    select seen.tenant_id, seen.id_kind, seen.id_value, seen.first_seen_at
    from seen
),

edges as (
    select link.tenant_id, link.higher_key as higher, link.lower_key as lower
    from {{ ref('fact_identity_link') }} as link
),
{%- endif %}

{{ connected_components() }}

select
    recomputed.tenant_id,
    recomputed.id_kind,
    recomputed.id_value,
    coalesce(components.component, recomputed.id_kind || ':' || recomputed.id_value) as person_id,
    recomputed.first_seen_at
from recomputed
left join components
    on
        recomputed.tenant_id = components.tenant_id
        and recomputed.id_kind || ':' || recomputed.id_value = components.node

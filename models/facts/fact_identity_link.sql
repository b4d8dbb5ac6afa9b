{{
    config(
        materialized='incremental',
        unique_key=['tenant_id', 'lower_key', 'higher_key'],
        incremental_strategy=replace_rows(),
        on_schema_change='fail',
        post_hook="{{ mark_built(identity_stagings(linking=true)) }}"
    )
}}

with statements as (
    {{ identity_statements() }}
),

stated as (
    select
        statements.tenant_id,
        least(statements.one_key, statements.other_key) as lower_key,
        greatest(statements.one_key, statements.other_key) as higher_key,
        statements.event_type,
        statements.occurred_at,
        statements.event_id,
        statements.source
    from statements
),

{% if is_incremental() -%}
-- What was stated before, of the links that were stated again: the first statement may be either.
known as (
    select
        built.tenant_id,
        built.lower_key,
        built.higher_key,
        built.link_basis as event_type,
        built.first_linked_at as occurred_at,
        built.event_id,
        built.source
    from {{ this }} as built
    where
        (built.tenant_id, built.lower_key, built.higher_key) in (
            select stated.tenant_id, stated.lower_key, stated.higher_key
            from stated
        )
),

{% endif -%}
ranked as (
    select
        statement.*,
        row_number() over (
            partition by statement.tenant_id, statement.lower_key, statement.higher_key
            order by statement.occurred_at, statement.event_id, statement.source
        ) as statement_number
    from (
        select stated.* from stated
        {% if is_incremental() -%}
        union all
        select known.* from known
        {%- endif %}
    ) as statement
)

select
    ranked.tenant_id,
    ranked.lower_key,
    ranked.higher_key,
    ranked.event_type as link_basis,
    ranked.occurred_at as first_linked_at,
    ranked.event_id,
    ranked.source
from ranked
where ranked.statement_number = 1

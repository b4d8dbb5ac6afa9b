-- Who belongs to a customer, over three steps at most: an account has contacts and leads, these are users, a contact was a lead.
-- fact_identity knows more, but not since when it was known.
with statements as (
    {%- for staging, columns in member_columns().items() %}
    {%- for kind, column in columns %}
    {%- for other_kind, other_column in columns %}
    {%- if kind != other_kind and other_kind != 'account' %}
    select
        event.tenant_id,
        '{{ kind }}' as from_kind,
        event.{{ column }} as from_id,
        '{{ other_kind }}' as id_kind,
        event.{{ other_column }} as id_value,
        {{ known_from('event') }} as known_from_at
    from {{ ref(staging) }} as event
    inner join {{ ref('source_history') }} as history
        on event.tenant_id = history.tenant_id and event.source = history.source
    where event.{{ column }} is not null and event.{{ other_column }} is not null and {{ is_visible('event') }}
    union all
    {%- endif %}
    {%- endfor %}
    {%- endfor %}
    {%- endfor %}
    -- whoever subscribes without an account is a customer, and its own member
    select
        event.tenant_id,
        'customer' as from_kind,
        event.user_id as from_id,
        'user' as id_kind,
        event.user_id as id_value,
        {{ known_from('event') }} as known_from_at
    from {{ ref('stg_subscription_event') }} as event
    inner join {{ ref('source_history') }} as history
        on event.tenant_id = history.tenant_id and event.source = history.source
    where event.user_id is not null and {{ is_visible('event') }}
),

links as (
    select
        statements.tenant_id,
        statements.from_kind,
        statements.from_id,
        statements.id_kind,
        statements.id_value,
        min(statements.known_from_at) as known_from_at
    from statements
    group by
        statements.tenant_id, statements.from_kind, statements.from_id, statements.id_kind, statements.id_value
),

one_step as (
    select
        links.tenant_id,
        case when links.from_kind = 'customer' then 'user:' else 'account:' end || links.from_id as customer_key,
        links.id_kind,
        links.id_value,
        links.known_from_at
    from links
    where links.from_kind in ('customer', 'account')
),

two_steps as (
    select one_step.*
    from one_step
    union all
    select
        one_step.tenant_id,
        one_step.customer_key,
        links.id_kind,
        links.id_value,
        greatest(one_step.known_from_at, links.known_from_at) as known_from_at
    from one_step
    inner join links
        on
            one_step.tenant_id = links.tenant_id
            and one_step.id_kind = links.from_kind
            and one_step.id_value = links.from_id
),

three_steps as (
    select two_steps.*
    from two_steps
    union all
    select
        two_steps.tenant_id,
        two_steps.customer_key,
        links.id_kind,
        links.id_value,
        greatest(two_steps.known_from_at, links.known_from_at) as known_from_at
    from two_steps
    inner join links
        on
            two_steps.tenant_id = links.tenant_id
            and two_steps.id_kind = links.from_kind
            and two_steps.id_value = links.from_id
)

select
    three_steps.tenant_id,
    three_steps.customer_key,
    three_steps.id_kind,
    three_steps.id_value,
    min(three_steps.known_from_at) as known_from_at
from three_steps
group by three_steps.tenant_id, three_steps.customer_key, three_steps.id_kind, three_steps.id_value

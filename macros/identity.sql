{#-
    Who is who: which events name which ids, and how ids that belong together are found. Ids are compared as
    `kind:value`, whose own order decides which of them names the person: contact before lead, user and visitor.
-#}

{#- Per staging table, the columns whose ids an event says are one and the same person (`same`), and those that name a
    person of their own (`other`), each as (kind, column). Who works on a thing is neither. The people of a deal or an
    activity may be several, so that they are not linked. -#}
{%- macro identity_columns() -%}
    {%- set contact, lead = ('contact', 'contact_id'), ('lead', 'lead_id') -%}
    {%- set user, visitor = ('user', 'user_id'), ('visitor', 'visitor_id') -%}
    {{ return({
        'stg_identity_event': {'same': [contact, lead, user, visitor]},
        'stg_lead_event': {'same': [contact, lead, visitor], 'other': [('user', 'referrer_user_id')]},
        'stg_contact_event': {'same': [contact, lead, user]},
        'stg_session_event': {'same': [lead, user, visitor]},
        'stg_usage_event': {'same': [lead, user, visitor]},
        'stg_engagement_event': {'same': [contact, lead, user, visitor]},
        'stg_nps_event': {'same': [contact, user]},
        'stg_email_event': {'same': [contact, lead, user]},
        'stg_experiment_event': {'same': [contact, lead, user]},
        'stg_message_event': {'same': [contact, lead]},
        'stg_referral_event': {'other': [lead, ('user', 'referrer_user_id')]},
        'stg_activity_event': {'other': [contact, lead]},
        'stg_deal_event': {'other': [contact, lead]},
        'stg_consent_event': {'other': [contact]},
        'stg_ticket_event': {'other': [user]},
        'stg_subscription_event': {'other': [user]},
        'stg_payment_event': {'other': [user]}
    }) }}
{%- endmacro -%}

{#- The staging tables of identity_columns; those that link ids alone, when asked. -#}
{%- macro identity_stagings(linking=false) -%}
    {%- set names = [] -%}
    {%- for staging, columns in identity_columns().items() -%}
    {%- if columns.get('same') or not linking -%}{%- do names.append(staging) -%}{%- endif -%}
    {%- endfor -%}
    {{ return(names) }}
{%- endmacro -%}

{#- Events of a staging table that a model has not seen yet; all of them on a full build. -#}
{%- macro is_new(staging) -%}
    {{ is_visible('event') }}
    {%- if is_incremental() %}
        and event.batch_id > {{ built_up_to(staging) }}
    {%- endif %}
{%- endmacro -%}

{#- A merge of contacts by a human: the loser is the winner. -#}
{%- macro is_contact_merge() -%}event.event_type = 'crm.contact.merged'{%- endmacro -%}

{#- A row per statement that two ids are one person: `one_key`, `other_key`, and the event. All ids of an event are tied to the
    first of them, so that n ids give n - 1 links. -#}
{%- macro identity_statements() -%}
    {%- for staging, columns in identity_columns().items() %}
    {%- set same = columns.get('same', []) %}
    {%- for kind, column in same %}
    {%- set before = same[:loop.index0] %}
    {%- for other_kind, other_column in same[loop.index0 + 1:] %}
    select
        event.tenant_id,
        '{{ kind }}:' || event.{{ column }} as one_key,
        '{{ other_kind }}:' || event.{{ other_column }} as other_key,
        event.event_type,
        event.occurred_at,
        event.event_id,
        event.source
    from {{ ref(staging) }} as event
    where
        event.{{ column }} is not null
        and event.{{ other_column }} is not null
        {%- for _, earlier in before %}
        and event.{{ earlier }} is null
        {%- endfor %}
        and {{ is_new(staging) }}
    union all
    {%- endfor %}
    {%- endfor %}
    {%- endfor %}
    select
        event.tenant_id,
        'contact:' || event.winner_id as one_key,
        'contact:' || event.loser_id as other_key,
        event.event_type,
        event.occurred_at,
        event.event_id,
        event.source
    from {{ ref('stg_identity_event') }} as event
    where {{ is_contact_merge() }} and event.winner_id <> event.loser_id and {{ is_new('stg_identity_event') }}
{%- endmacro -%}

{#- A row per staging column × id that its events name: `id_kind`, `id_value` and `first_seen_at`. -#}
{%- macro identity_mentions() -%}
    {%- for staging, columns in identity_columns().items() %}
    {%- for kind, column in columns.get('same', []) + columns.get('other', []) %}
    select
        event.tenant_id,
        '{{ kind }}' as id_kind,
        event.{{ column }} as id_value,
        min(event.occurred_at) as first_seen_at
    from {{ ref(staging) }} as event
    where event.{{ column }} is not null and {{ is_new(staging) }}
    group by event.tenant_id, event.{{ column }}
    union all
    {%- endfor %}
    {%- endfor %}
    {%- for column in ['winner_id', 'loser_id'] %}
    select
        event.tenant_id,
        'contact' as id_kind,
        event.{{ column }} as id_value,
        min(event.occurred_at) as first_seen_at
    from {{ ref('stg_identity_event') }} as event
    where {{ is_contact_merge() }} and {{ is_new('stg_identity_event') }}
    group by event.tenant_id, event.{{ column }}
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
{%- endmacro -%}

{#-
    CTEs that find the connected components of the CTE `edges` (tenant_id, higher, lower; higher > lower), the last of which
    is `components` (tenant_id, node, component): the smallest node of each component, for every other node of it.

    Each round is a large star, which hangs every node below the lowest neighbour of its neighbour, and a small star, which hangs
    all lower neighbours of a node below the lowest of them (Kiveris et al., Connected Components in MapReduce and Beyond,
    2014). The number of edges never grows, so that a hub of thousands costs as much as thousands of pairs; ten rounds
    flatten a chain of a thousand. Each CTE is read once: an engine that expands them still has a plan of linear size.
-#}
{%- macro connected_components(rounds=10) -%}
    edges_0 as (
        select edges.tenant_id, edges.higher, edges.lower
        from edges
    ),
    {% for round in range(rounds) %}
    faces_{{ round }} as (
        select
            edge.tenant_id,
            case when face.is_lower then edge.lower else edge.higher end as node,
            case when face.is_lower then edge.higher else edge.lower end as neighbour
        from edges_{{ round }} as edge
        cross join (select true as is_lower union all select false as is_lower) as face
    ),

    neighbours_{{ round }} as (
        select
            face.tenant_id,
            face.node,
            face.neighbour,
            min(face.neighbour) over (partition by face.tenant_id, face.node) as lowest
        from faces_{{ round }} as face
    ),

    large_star_{{ round }} as (
        select
            neighbour.tenant_id,
            neighbour.neighbour as higher,
            least(neighbour.node, neighbour.lowest) as lower
        from neighbours_{{ round }} as neighbour
        where neighbour.neighbour > neighbour.node
    ),

    lowest_{{ round }} as (
        select
            star.tenant_id,
            star.higher,
            star.lower,
            min(star.lower) over (partition by star.tenant_id, star.higher) as lowest
        from large_star_{{ round }} as star
    ),

    edges_{{ round + 1 }} as (
        select distinct
            star.tenant_id,
            case when face.is_lower then star.lower else star.higher end as higher,
            star.lowest as lower
        from lowest_{{ round }} as star
        cross join (select true as is_lower union all select false as is_lower) as face
        where not face.is_lower or star.lower > star.lowest
    ),
    {% endfor %}
    components as (
        select edge.tenant_id, edge.higher as node, min(edge.lower) as component
        from edges_{{ rounds }} as edge
        group by edge.tenant_id, edge.higher
    )
{%- endmacro -%}

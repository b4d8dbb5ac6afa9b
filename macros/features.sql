{#-
    Features as they could be seen: a row at a cutoff reads only what was known by then. When an event became known is when it was
    received; what came with the first load of a source is history, and counts as known when it happened (features.source_history).

    Every cutoff has two clocks: `cutoff_at`, to which ages and windows are measured, and `known_by_at`, up to which what was known counts.
    They are the same but for the row at as_of, which knows all that the build may see.
-#}

{#- The staging tables that the features of a subject read; an event of any of them may change what is known of it. -#}
{%- macro feature_stagings(subject) -%}
    {{ return({
        'deal': [
            'stg_deal_event', 'stg_activity_event', 'stg_contact_event', 'stg_account_event', 'stg_fx_rate_event'
        ],
        'customer': [
            'stg_subscription_event', 'stg_usage_event', 'stg_nps_event', 'stg_ticket_event', 'stg_payment_event',
            'stg_email_event', 'stg_contact_event', 'stg_lead_event', 'stg_identity_event', 'stg_fx_rate_event'
        ],
        'lead': [
            'stg_lead_event', 'stg_session_event', 'stg_engagement_event', 'stg_email_event', 'stg_message_event',
            'stg_followup_event', 'stg_activity_event', 'stg_usage_event'
        ]
    }[subject]) }}
{%- endmacro -%}

{#- Per staging table the columns, as (kind, column), whose ids belong together; account first. -#}
{%- macro member_columns() -%}
    {%- set account, contact = ('account', 'account_id'), ('contact', 'contact_id') -%}
    {%- set lead, user = ('lead', 'lead_id'), ('user', 'user_id') -%}
    {{ return({
        'stg_contact_event': [account, contact, lead, user],
        'stg_lead_event': [account, contact, lead],
        'stg_identity_event': [contact, lead, user],
        'stg_usage_event': [lead, user],
        'stg_nps_event': [contact, user],
        'stg_subscription_event': [account, user],
        'stg_payment_event': [account, user],
        'stg_ticket_event': [account, user]
    }) }}
{%- endmacro -%}

{#- When an event became known; `history` is its row of features.source_history. -#}
{%- macro known_from(alias, history='history') -%}
    case
        when {{ alias }}.received_at <= {{ history }}.history_until_at then {{ alias }}.occurred_at
        else greatest({{ alias }}.received_at, {{ alias }}.occurred_at)
    end
{%- endmacro -%}

{#- The visible events of a staging table that name `key`, numbered in their one order, each with the time from which it was known. -#}
{%- macro known_events(staging, key, created_type='', touched_only=false) -%}
    select
        event.*,
        {{ known_from('event') }} as known_from_at,
        row_number() over ({{ in_order('event', key, created_type) }}) as event_number
    from {{ ref(staging) }} as event
    inner join {{ ref('source_history') }} as history
        on event.tenant_id = history.tenant_id and event.source = history.source
    {%- if touched_only %}
    {{ join_touched('event', key) }}
    {%- endif %}
    where event.{{ key }} is not null and {{ is_visible('event') }}
{%- endmacro -%}

{#-
    Joins each row of `subject`, which has a `known_by_at`, to the events of the same key that were known by then. The one place where a
    feature's past is cut off.
-#}
{%- macro join_known(events, alias, subject, key, event_key=none) -%}
    inner join {{ events }} as {{ alias }}
        on
            {{ subject }}.tenant_id = {{ alias }}.tenant_id
            and {{ subject }}.{{ key }} = {{ alias }}.{{ event_key or key }}
            and {{ alias }}.known_from_at <= {{ subject }}.known_by_at
{%- endmacro -%}

{#-
    From which cutoff on rows have to be made again: the first moment at which anything became known that this model has not seen, and
    in any case the last cutoff that it has, which was that of as_of. What was known before is known as well as ever, so that earlier
    rows stand.
-#}
{%- macro changed_from(stagings) -%}
    {%- if execute and is_incremental() -%}
    {%- set first_change -%}
        select cast(coalesce(min(change.changed_at), cast('1970-01-01' as timestamp)) as string)
        from (
            select max(built.cutoff_at) as changed_at from {{ this }} as built
            {%- for staging in stagings %}
            union all
            select min({{ known_from('event') }}) as changed_at
            from {{ ref(staging) }} as event
            inner join {{ ref('source_history') }} as history
                on event.tenant_id = history.tenant_id and event.source = history.source
            where event.batch_id > {{ built_up_to(staging) }}
            {%- endfor %}
        ) as change
    {%- endset -%}
    {%- if is_building() -%}
        cast('{{ run_query(first_change).rows[0][0] }}' as timestamp)
    {%- else -%}
        cast(({{ first_change }}) as timestamp)
    {%- endif -%}
    {%- else -%}
    cast('1970-01-01' as timestamp)
    {%- endif -%}
{%- endmacro -%}

{#- Pre-hook: rows from there on go, to be made again. -#}
{%- macro drop_changed(stagings) -%}
    {%- if execute and is_incremental() -%}
    {{ drop_where('cutoff_at >= ' ~ changed_from(stagings)) }}
    {%- else -%}
    select 1
    {%- endif -%}
{%- endmacro -%}

{#- What is known without an end is known until this; what as_of knows lies before it. -#}
{%- macro end_of_time() -%}cast('9999-12-31' as timestamp){%- endmacro -%}

{#- A relation of cutoffs: midnights (UTC) before as_of on which `condition` over `spine.day_date` holds, and as_of itself. -#}
{%- macro cutoffs(first_date, condition, stagings) -%}
    select
        cast(spine.day_date as timestamp) as cutoff_at,
        cast(spine.day_date as timestamp) as known_by_at,
        false as is_latest
    from {{ date_spine(first_date, 'cast(' ~ as_of() ~ ' as date)') }} as spine
    where
        {{ condition }}
        and cast(spine.day_date as timestamp) < {{ as_of() }}
        and cast(spine.day_date as timestamp) >= {{ changed_from(stagings) }}
    union all
    select cast({{ as_of() }} as timestamp) as cutoff_at, {{ end_of_time() }} - interval '1' day as known_by_at, true as is_latest
{%- endmacro -%}

{#- The first of the Mondays (0:00 UTC) that sees what became known at an instant. -#}
{%- macro first_monday(at) -%}
    case
        when date_trunc('week', {{ at }}) = {{ at }} then {{ at }}
        else cast(date_trunc('week', {{ at }}) + interval '7' day as timestamp)
    end
{%- endmacro -%}

{#-
    What is known of each `key` changes on a Monday that sees something new of it, and stands until the next that does: from
    `known_by_at` to before `known_until_at`. A subject that rests is so worked out once, however many Mondays pass. What came after the
    last Monday before as_of stands under the one that follows; as_of knows all.
-#}
{%- macro known_states(events, key) -%}
    select
        seen.tenant_id,
        seen.{{ key }},
        seen.known_by_at,
        coalesce(
            lead(seen.known_by_at) over (partition by seen.tenant_id, seen.{{ key }} order by seen.known_by_at),
            {{ end_of_time() }}
        ) as known_until_at
    from (
        select distinct event.tenant_id, event.{{ key }}, {{ first_monday('event.known_from_at') }} as known_by_at
        from {{ events }} as event
    ) as seen
{%- endmacro -%}

{#- Whether an instant lies in the last `days` days before the cutoff. What is after it is not known, and not there. -#}
{%- macro in_last_days(at, cutoff, days) -%}
    {{ at }} > {{ cutoff }} - interval '{{ days }}' day
{%- endmacro -%}

{#- Days from an instant to the cutoff. -#}
{%- macro days_since(at, cutoff) -%}{{ days(micros_between(at, cutoff)) }}{%- endmacro -%}

{#-
    How many cases of each key (or of the tenant, without a key) had been decided, and how many of them well, at each moment that is asked for: of the
    CTEs `outcomes` (tenant_id, keys, is_good, known_from_at) and `asked` (tenant_id, keys, known_by_at). One sort of both; an as-of join is
    a nested loop to DuckDB where it expects few rows.
-#}
{%- macro counts_at(outcomes, asked, key=none) -%}
    select
        counted.tenant_id,
        {%- if key %}
        counted.{{ key }},
        {%- endif %}
        counted.known_by_at,
        max(counted.decided_count) as decided_count,
        max(counted.good_count) as good_count
    from (
        select
            moment.tenant_id,
            {%- if key %}
            moment.{{ key }},
            {%- endif %}
            moment.known_by_at,
            moment.is_asked,
            cast(sum(moment.decided) over decided_by as bigint) as decided_count,
            cast(sum(moment.good) over decided_by as bigint) as good_count
        from (
            select
                outcome.tenant_id,
                {%- if key %}
                outcome.{{ key }},
                {%- endif %}
                outcome.known_from_at as known_by_at,
                false as is_asked,
                1 as decided,
                case when outcome.is_good then 1 else 0 end as good
            from {{ outcomes }} as outcome
            union all
            select distinct
                asking.tenant_id,
                {%- if key %}
                asking.{{ key }},
                {%- endif %}
                asking.known_by_at,
                true as is_asked,
                0 as decided,
                0 as good
            from {{ asked }} as asking
        ) as moment
        {%- if key %}
        where moment.{{ key }} is not null
        {%- endif %}
        window decided_by as (
            partition by moment.tenant_id{% if key %}, moment.{{ key }}{% endif %} order by moment.known_by_at
            range between unbounded preceding and current row
        )
    ) as counted
    where counted.is_asked
    group by counted.tenant_id, {% if key %}counted.{{ key }}, {% endif %}counted.known_by_at
{%- endmacro -%}

{#- A rate drawn towards a prior by as many cases as the setting says: with nothing known it is the prior. -#}
{%- macro smoothed(good_count, decided_count, prior, weight) -%}
    {{ fdiv(
        'coalesce(' ~ good_count ~ ', 0) + ' ~ weight ~ ' * ' ~ prior, 'coalesce(' ~ decided_count ~ ', 0) + ' ~ weight
    ) }}
{%- endmacro -%}

{#- Published rates with when they were known, numbered by day and, of the same day, in their order. -#}
{%- macro known_rates() -%}
    select
        published.currency,
        published.rate,
        published.rate_date,
        published.known_from_at,
        row_number() over (
            order by published.rate_date, published.occurred_at, published.event_id, published.source
        ) as rate_number
    from (
        select event.*, event.date as rate_date, {{ known_from('event') }} as known_from_at
        from {{ ref('stg_fx_rate_event') }} as event
        inner join {{ ref('source_history') }} as history
            on event.tenant_id = history.tenant_id and event.source = history.source
        where {{ is_visible('event') }}
    ) as published
{%- endmacro -%}

{#- A count in which every case counts less the older it is: half after half_life_days of seeds/scoring_setting.csv. -#}
{%- macro decayed(at, cutoff, condition) -%}
    coalesce(
        sum(power(0.5, {{ fdiv(days_since(at, cutoff), 'setting.half_life_days') }})) filter (where {{ condition }}), 0
    )
{%- endmacro -%}

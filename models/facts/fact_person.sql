-- A table of all persons, new each time: what it is made of is small already, and a late link may change any of its rows.
with persons as (
    select identity.tenant_id, identity.person_id, min(identity.first_seen_at) as first_seen_at, count(*) as id_count
    from {{ ref('fact_identity') }} as identity
    group by identity.tenant_id, identity.person_id
),

leads as (
    select
        lead.tenant_id,
        identity.person_id,
        lead.lead_id,
        lead.created_at,
        lead.lead_source,
        lead.industry,
        coalesce({{ channel_of('lead', 'lead_source') }}, '(unknown)') as channel
    from {{ ref('fact_lead') }} as lead
    inner join {{ ref('fact_identity') }} as identity
        on lead.tenant_id = identity.tenant_id and identity.id_kind = 'lead' and lead.lead_id = identity.id_value
    {{ join_channels('lead', 'lead_source') }}
),

-- How a person came: the first touch, or the lead where no touch was before it.
arrivals as (
    select
        arrival.tenant_id,
        arrival.person_id,
        arrival.channel,
        row_number() over (
            partition by arrival.tenant_id, arrival.person_id
            order by arrival.occurred_at, arrival.precedence, arrival.arrival_id
        ) as arrival_number
    from (
        select
            touch.tenant_id,
            touch.person_id,
            touch.touched_at as occurred_at,
            0 as precedence,
            touch.touch_id as arrival_id,
            touch.channel
        from {{ ref('fact_touch') }} as touch
        union all
        select
            leads.tenant_id,
            leads.person_id,
            leads.created_at as occurred_at,
            1 as precedence,
            leads.lead_id as arrival_id,
            leads.channel
        from leads
    ) as arrival
),

touched as (
    select
        touch.tenant_id,
        touch.person_id,
        min(touch.touched_at) as first_touch_at,
        min(touch.touched_at) filter (where touch.touch_type = 'session') as visited_at
    from {{ ref('fact_touch') }} as touch
    group by touch.tenant_id, touch.person_id
),

ordered_leads as (
    select
        leads.*,
        row_number() over (partition by leads.tenant_id, leads.person_id order by leads.created_at, leads.lead_id) as lead_number
    from leads
),

first_leads as (
    select
        ordered_leads.tenant_id,
        ordered_leads.person_id,
        min(ordered_leads.created_at) as lead_at,
        min_by(ordered_leads.lead_source, ordered_leads.lead_number) filter (where ordered_leads.lead_source is not null)
            as first_source,
        min_by(ordered_leads.industry, ordered_leads.lead_number) filter (where ordered_leads.industry is not null) as industry
    from ordered_leads
    group by ordered_leads.tenant_id, ordered_leads.person_id
),

-- Whose a subscription is, as stated last.
subscription_statements as (
    select
        event.tenant_id,
        event.subscription_id,
        event.user_id,
        row_number() over (
            partition by event.tenant_id, event.subscription_id
            order by event.occurred_at desc, event.event_id desc, event.source desc
        ) as recency
    from {{ ref('stg_subscription_event') }} as event
    where event.user_id is not null and {{ is_visible('event') }}
),

subscribers as (
    select subscription_statements.tenant_id, subscription_statements.subscription_id, subscription_statements.user_id
    from subscription_statements
    where subscription_statements.recency = 1
),

-- Signs of being a customer: money that came for a subscription, and the renewal of one.
signs as (
    select payment.tenant_id, payment.subscription_id, payment.user_id, payment.occurred_at, true as is_payment
    from {{ ref('stg_payment_event') }} as payment
    where
        payment.event_type = 'billing.payment.received'
        and payment.subscription_id is not null
        and payment.amount > 0
        and {{ is_visible('payment') }}
    union all
    select renewal.tenant_id, renewal.subscription_id, renewal.user_id, renewal.occurred_at, false as is_payment
    from {{ ref('stg_subscription_event') }} as renewal
    where renewal.event_type = 'billing.subscription.renewed' and {{ is_visible('renewal') }}
),

signs_of_persons as (
    select
        signs.tenant_id,
        identity.person_id,
        signs.occurred_at,
        min(case when signs.is_payment then signs.occurred_at end) over (
            partition by signs.tenant_id, identity.person_id
        ) as converted_at
    from signs
    left join subscribers
        on signs.tenant_id = subscribers.tenant_id and signs.subscription_id = subscribers.subscription_id
    inner join {{ ref('fact_identity') }} as identity
        on
            signs.tenant_id = identity.tenant_id
            and identity.id_kind = 'user'
            and coalesce(signs.user_id, subscribers.user_id) = identity.id_value
),

customers as (
    select
        signs_of_persons.tenant_id,
        signs_of_persons.person_id,
        min(signs_of_persons.converted_at) as converted_at,
        -- the shortest month has 28 days: an earlier sign belongs to the period that was paid first
        min(signs_of_persons.occurred_at) filter (
            where signs_of_persons.occurred_at >= signs_of_persons.converted_at + interval '28' day
        ) as retained_at
    from signs_of_persons
    group by signs_of_persons.tenant_id, signs_of_persons.person_id
),

-- What users did for the first time.
milestones as (
    select
        event.tenant_id,
        event.user_id,
        min(event.occurred_at) as signup_at,
        min(event.occurred_at) filter (where event.event_type = 'lms.trial.started') as trial_at,
        min(event.occurred_at) filter (where event.event_type = 'app.activated') as activated_at,
        cast(null as timestamp) as advocate_at
    from {{ ref('stg_usage_event') }} as event
    where {{ is_visible('event') }}
    group by event.tenant_id, event.user_id
    union all
    select
        event.tenant_id,
        event.user_id,
        event.occurred_at as signup_at,
        case when event.is_trial then event.occurred_at end as trial_at,
        cast(null as timestamp) as activated_at,
        cast(null as timestamp) as advocate_at
    from {{ ref('stg_subscription_event') }} as event
    where event.event_type = 'billing.subscription.started' and event.user_id is not null and {{ is_visible('event') }}
    union all
    select
        event.tenant_id,
        event.referrer_user_id as user_id,
        cast(null as timestamp) as signup_at,
        cast(null as timestamp) as trial_at,
        cast(null as timestamp) as activated_at,
        event.occurred_at as advocate_at
    from {{ ref('stg_referral_event') }} as event
    where {{ is_visible('event') }}
    union all
    select
        lead.tenant_id,
        lead.referrer_user_id as user_id,
        cast(null as timestamp) as signup_at,
        cast(null as timestamp) as trial_at,
        cast(null as timestamp) as activated_at,
        lead.created_at as advocate_at
    from {{ ref('fact_lead') }} as lead
    where lead.referrer_user_id is not null
),

users as (
    select
        milestones.tenant_id,
        identity.person_id,
        min(milestones.signup_at) as signup_at,
        min(milestones.trial_at) as trial_at,
        min(milestones.activated_at) as activated_at,
        min(milestones.advocate_at) as advocate_at
    from milestones
    inner join {{ ref('fact_identity') }} as identity
        on milestones.tenant_id = identity.tenant_id and identity.id_kind = 'user' and milestones.user_id = identity.id_value
    group by milestones.tenant_id, identity.person_id
)

select
    persons.tenant_id,
    persons.person_id,
    person_account.account_id,
    cast(persons.id_count as bigint) as id_count,
    persons.first_seen_at,
    touched.first_touch_at,
    arrivals.channel as first_channel,
    first_leads.first_source,
    coalesce(account.industry, first_leads.industry) as industry,
    account.account_kind as client_type,
    touched.visited_at,
    first_leads.lead_at,
    users.signup_at,
    users.trial_at,
    users.activated_at,
    customers.converted_at,
    customers.retained_at,
    users.advocate_at
from persons
left join {{ ref('fact_person_account') }} as person_account
    on persons.tenant_id = person_account.tenant_id and persons.person_id = person_account.person_id
left join {{ ref('dim_account') }} as account
    on person_account.tenant_id = account.tenant_id and person_account.account_id = account.account_id
left join touched
    on persons.tenant_id = touched.tenant_id and persons.person_id = touched.person_id
left join arrivals
    on persons.tenant_id = arrivals.tenant_id and persons.person_id = arrivals.person_id and arrivals.arrival_number = 1
left join first_leads
    on persons.tenant_id = first_leads.tenant_id and persons.person_id = first_leads.person_id
left join users
    on persons.tenant_id = users.tenant_id and persons.person_id = users.person_id
left join customers
    on persons.tenant_id = customers.tenant_id and persons.person_id = customers.person_id

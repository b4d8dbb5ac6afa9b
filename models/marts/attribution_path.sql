-- What converts: the first payment of a person, unless it is for a deal, and a deal that is won.
with payments as (
    select
        payment.tenant_id,
        payment.payment_id,
        payment.paid_at,
        payment.amount_base,
        case
            when coalesce(payment.user_id, subscription.user_id) is not null then 'user'
            when shop_order.contact_id is not null then 'contact'
            else 'lead'
        end as id_kind,
        coalesce(payment.user_id, subscription.user_id, shop_order.contact_id, shop_order.lead_id) as id_value
    from {{ ref('fact_payment') }} as payment
    left join {{ ref('fact_subscription') }} as subscription
        on payment.tenant_id = subscription.tenant_id and payment.subscription_id = subscription.subscription_id
    left join {{ ref('fact_order') }} as shop_order
        on payment.tenant_id = shop_order.tenant_id and payment.order_id = shop_order.order_id
    where payment.paid_at is not null and payment.amount > 0 and payment.deal_id is null
),

payments_of_persons as (
    select
        payments.tenant_id,
        payments.payment_id,
        payments.paid_at,
        payments.amount_base,
        identity.person_id,
        row_number() over (
            partition by payments.tenant_id, identity.person_id order by payments.paid_at, payments.payment_id
        ) as payment_number
    from payments
    inner join {{ ref('fact_identity') }} as identity
        on
            payments.tenant_id = identity.tenant_id
            and payments.id_kind = identity.id_kind
            and payments.id_value = identity.id_value
),

deals as (
    select
        deal.tenant_id,
        deal.deal_id,
        deal.contact_id,
        deal.lead_id,
        deal.status,
        deal.amount_base,
        deal.created_at,
        deal.closed_at,
        own_lead.created_at as own_lead_at,
        coalesce(account_merge.merged_into_account_id, deal.account_id) as account_id
    from {{ ref('fact_deal') }} as deal
    left join {{ ref('fact_lead') }} as own_lead
        on deal.tenant_id = own_lead.tenant_id and deal.lead_id = own_lead.lead_id
    left join {{ ref('fact_account_merge') }} as account_merge
        on deal.tenant_id = account_merge.tenant_id and deal.account_id = account_merge.account_id
),

-- All persons of the deal's account, and those that the deal itself names.
persons_of_deals as (
    select deals.tenant_id, deals.deal_id, person.person_id
    from deals
    inner join {{ ref('fact_person') }} as person
        on deals.tenant_id = person.tenant_id and deals.account_id = person.account_id
    union
    select deals.tenant_id, deals.deal_id, identity.person_id
    from deals
    inner join {{ ref('fact_identity') }} as identity
        on deals.tenant_id = identity.tenant_id and identity.id_kind = 'contact' and deals.contact_id = identity.id_value
    union
    select deals.tenant_id, deals.deal_id, identity.person_id
    from deals
    inner join {{ ref('fact_identity') }} as identity
        on deals.tenant_id = identity.tenant_id and identity.id_kind = 'lead' and deals.lead_id = identity.id_value
),

leads as (
    select lead.tenant_id, identity.person_id, lead.created_at
    from {{ ref('fact_lead') }} as lead
    inner join {{ ref('fact_identity') }} as identity
        on lead.tenant_id = identity.tenant_id and identity.id_kind = 'lead' and lead.lead_id = identity.id_value
),

leads_of_deals as (
    select persons_of_deals.tenant_id, persons_of_deals.deal_id, max(leads.created_at) as lead_at
    from persons_of_deals
    inner join deals
        on persons_of_deals.tenant_id = deals.tenant_id and persons_of_deals.deal_id = deals.deal_id
    inner join leads
        on persons_of_deals.tenant_id = leads.tenant_id and persons_of_deals.person_id = leads.person_id
    where leads.created_at <= deals.created_at
    group by persons_of_deals.tenant_id, persons_of_deals.deal_id
),

leads_of_payments as (
    select payments_of_persons.tenant_id, payments_of_persons.person_id, max(leads.created_at) as lead_at
    from payments_of_persons
    inner join leads
        on payments_of_persons.tenant_id = leads.tenant_id and payments_of_persons.person_id = leads.person_id
    where payments_of_persons.payment_number = 1 and leads.created_at <= payments_of_persons.paid_at
    group by payments_of_persons.tenant_id, payments_of_persons.person_id
),

-- Persons who are in the business of a deal do not count as buyers who have not bought.
persons_in_deals as (
    select distinct persons_of_deals.tenant_id, persons_of_deals.person_id
    from persons_of_deals
),

journeys as (
    select
        converted.tenant_id,
        'payment:' || converted.payment_id as path_id,
        'b2c' as conversion_kind,
        converted.person_id,
        cast(null as string) as deal_id,
        true as is_converted,
        converted.paid_at as ended_at,
        converted.amount_base as conversion_value_base,
        leads_of_payments.lead_at,
        cast(null as timestamp) as deal_at
    from payments_of_persons as converted
    left join leads_of_payments
        on converted.tenant_id = leads_of_payments.tenant_id and converted.person_id = leads_of_payments.person_id
    where converted.payment_number = 1
    union all
    select
        person.tenant_id,
        'person:' || person.person_id as path_id,
        'b2c' as conversion_kind,
        person.person_id,
        cast(null as string) as deal_id,
        false as is_converted,
        {{ as_of() }} as ended_at,
        cast(null as double) as conversion_value_base,
        cast(null as timestamp) as lead_at,
        cast(null as timestamp) as deal_at
    from {{ ref('fact_person') }} as person
    left join payments_of_persons as converted
        on
            person.tenant_id = converted.tenant_id
            and person.person_id = converted.person_id
            and converted.payment_number = 1
    left join persons_in_deals
        on person.tenant_id = persons_in_deals.tenant_id and person.person_id = persons_in_deals.person_id
    where person.first_touch_at is not null and converted.person_id is null and persons_in_deals.person_id is null
    union all
    select
        deals.tenant_id,
        'deal:' || deals.deal_id as path_id,
        'b2b' as conversion_kind,
        cast(null as string) as person_id,
        deals.deal_id,
        deals.status = 'won' as is_converted,
        coalesce(deals.closed_at, {{ as_of() }}) as ended_at,
        case when deals.status = 'won' then deals.amount_base end as conversion_value_base,
        coalesce(deals.own_lead_at, leads_of_deals.lead_at) as lead_at,
        deals.created_at as deal_at
    from deals
    left join leads_of_deals
        on deals.tenant_id = leads_of_deals.tenant_id and deals.deal_id = leads_of_deals.deal_id
),

persons_of_journeys as (
    select journeys.tenant_id, journeys.path_id, journeys.person_id
    from journeys
    where journeys.person_id is not null
    union all
    select persons_of_deals.tenant_id, 'deal:' || persons_of_deals.deal_id as path_id, persons_of_deals.person_id
    from persons_of_deals
),

-- Before a conversion; until the end of a journey that came to nothing.
touches as (
    select
        journeys.*,
        touch.touch_id,
        touch.touch_type,
        touch.touched_at,
        substr(touch.touch_id, instr(touch.touch_id, ':') + 1) as event_id,
        case
            when touch.channel in ('(start)', '(conversion)', '(null)', '(none)') then 'channel ' || touch.channel
            else touch.channel
        end as channel,
        -- The look-back of a journey that came to nothing counts from its last touch.
        case when journeys.is_converted then journeys.ended_at else max(touch.touched_at) over (
            partition by journeys.tenant_id, journeys.path_id
        ) end as counted_from
    from journeys
    inner join persons_of_journeys
        on journeys.tenant_id = persons_of_journeys.tenant_id and journeys.path_id = persons_of_journeys.path_id
    inner join {{ ref('fact_touch') }} as touch
        on
            persons_of_journeys.tenant_id = touch.tenant_id
            and persons_of_journeys.person_id = touch.person_id
            and (touch.touched_at < journeys.ended_at or (not journeys.is_converted and touch.touched_at = journeys.ended_at))
),

counted as (
    select
        touches.*,
        row_number() over (
            partition by touches.tenant_id, touches.path_id order by touches.touched_at, touches.event_id, touches.touch_id
        ) as touch_number,
        lag(touches.channel) over (
            partition by touches.tenant_id, touches.path_id order by touches.touched_at, touches.event_id, touches.touch_id
        ) as previous_channel,
        count(*) over (partition by touches.tenant_id, touches.path_id) as touch_count,
        -- The touches that led to the lead and to the deal are the last ones before them.
        sum(case when touches.touched_at <= touches.lead_at then 1 else 0 end) over (
            partition by touches.tenant_id, touches.path_id
        ) as lead_touch_number,
        sum(case when touches.touched_at <= touches.deal_at then 1 else 0 end) over (
            partition by touches.tenant_id, touches.path_id
        ) as deal_touch_number
    from touches
    cross join {{ ref('attribution_setting') }} as setting
    where {{ micros_between('touches.touched_at', 'touches.counted_from') }} <= setting.lookback_days * 86400000000
)

select
    counted.tenant_id,
    counted.path_id,
    counted.touch_number,
    cast(counted.touch_count as bigint) as touch_count,
    counted.conversion_kind,
    counted.is_converted,
    counted.counted_from as ended_at,
    counted.conversion_value_base,
    counted.person_id,
    counted.deal_id,
    counted.touch_id,
    counted.touch_type,
    counted.touched_at,
    counted.channel,
    counted.previous_channel,
    {{ days(micros_between('counted.touched_at', 'counted.counted_from')) }} as days_before,
    counted.touch_number = counted.lead_touch_number as is_lead_touch,
    counted.touch_number = counted.deal_touch_number as is_deal_touch
from counted
union all
-- What converts without any touch is credited to nobody, and yet counted.
select
    journeys.tenant_id,
    journeys.path_id,
    cast(0 as bigint) as touch_number,
    cast(0 as bigint) as touch_count,
    journeys.conversion_kind,
    journeys.is_converted,
    journeys.ended_at,
    journeys.conversion_value_base,
    journeys.person_id,
    journeys.deal_id,
    '(none)' as touch_id,
    cast(null as string) as touch_type,
    cast(null as timestamp) as touched_at,
    '(none)' as channel,
    cast(null as string) as previous_channel,
    cast(null as double) as days_before,
    false as is_lead_touch,
    false as is_deal_touch
from journeys
left join counted
    on journeys.tenant_id = counted.tenant_id and journeys.path_id = counted.path_id and counted.touch_number = 1
where journeys.is_converted and counted.path_id is null

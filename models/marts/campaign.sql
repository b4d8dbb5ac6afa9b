with emails as (
    select
        email.tenant_id,
        email.campaign_id,
        count(*) as sent_count,
        count(*) filter (where email.is_delivered) as delivered_count,
        count(*) filter (where email.is_bounced) as bounced_count,
        count(*) filter (where email.is_delivered and email.open_count > 0) as opened_count,
        count(*) filter (where email.is_delivered and email.click_count > 0) as clicked_count
    from {{ ref('fact_email') }} as email
    where email.campaign_id is not null
    group by email.tenant_id, email.campaign_id
),

clicks as (
    select
        click.tenant_id,
        click.campaign_id,
        {{ person_of('click') }} as person_id,
        click.clicked_at
    from {{ ref('fact_email_click') }} as click
    {{ join_person('click') }}
    where click.campaign_id is not null
),

conversions as (
    {{ conversions() }}
),

-- Within seven days of the last click before it: then, and only then, some click lies in the seven days before it.
converted as (
    select clicks.tenant_id, clicks.campaign_id, count(distinct clicks.person_id) as converted_count
    from clicks
    -- all conversions of the person
    inner join conversions
        on
            clicks.tenant_id = conversions.tenant_id
            and clicks.person_id = conversions.person_id
            and clicks.clicked_at <= conversions.converted_at
    where {{ micros_between('clicks.clicked_at', 'conversions.converted_at') }} <= 7 * 86400000000
    group by clicks.tenant_id, clicks.campaign_id
),

unsubscribed as (
    select
        unsubscribe.tenant_id,
        unsubscribe.campaign_id,
        count(distinct {{ person_of('unsubscribe') }}) as unsubscribed_count
    from {{ ref('fact_unsubscribe') }} as unsubscribe
    {{ join_person('unsubscribe') }}
    where unsubscribe.campaign_id is not null
    group by unsubscribe.tenant_id, unsubscribe.campaign_id
),

costs as (
    select send.tenant_id, send.campaign_id, sum(send.cost_base) as cost_base
    from {{ ref('fact_campaign_send') }} as send
    group by send.tenant_id, send.campaign_id
),

spend as (
    select spend.tenant_id, spend.campaign_id, max(spend.channel) as channel, sum(spend.amount_base) as spend_base
    from {{ ref('fact_spend') }} as spend
    where spend.campaign_id <> '(not set)'
    group by spend.tenant_id, spend.campaign_id
),

-- E-mails and reports of spend may tell of a campaign whose own event has not come yet.
known as (
    select campaign.tenant_id, campaign.campaign_id
    from {{ ref('dim_campaign') }} as campaign
    union
    select emails.tenant_id, emails.campaign_id
    from emails
    union
    select unsubscribed.tenant_id, unsubscribed.campaign_id
    from unsubscribed
    union
    select spend.tenant_id, spend.campaign_id
    from spend
)

select
    known.tenant_id,
    known.campaign_id,
    campaign.campaign_name,
    coalesce(campaign.campaign_type, '(not set)') as campaign_type,
    coalesce(campaign.channel, spend.channel, '(not set)') as channel,
    campaign.first_sent_at,
    campaign.last_sent_at,
    coalesce(campaign.send_count, 0) as send_count,
    coalesce(emails.sent_count, 0) as sent_count,
    coalesce(emails.delivered_count, 0) as delivered_count,
    coalesce(emails.bounced_count, 0) as bounced_count,
    coalesce(emails.opened_count, 0) as opened_count,
    coalesce(emails.clicked_count, 0) as clicked_count,
    coalesce(converted.converted_count, 0) as converted_count,
    coalesce(unsubscribed.unsubscribed_count, 0) as unsubscribed_count,
    {{ fdiv('emails.bounced_count', 'emails.sent_count') }} as delivery_failure_rate,
    {{ fdiv('emails.opened_count', 'emails.delivered_count') }} as open_rate,
    {{ fdiv('emails.clicked_count', 'emails.delivered_count') }} as click_rate,
    {{ fdiv('coalesce(converted.converted_count, 0)', 'emails.delivered_count') }} as conversion_rate,
    {{ fdiv('coalesce(unsubscribed.unsubscribed_count, 0)', 'emails.delivered_count') }} as unsubscribe_rate,
    costs.cost_base,
    spend.spend_base
from known
left join {{ ref('dim_campaign') }} as campaign
    on known.tenant_id = campaign.tenant_id and known.campaign_id = campaign.campaign_id
left join emails
    on known.tenant_id = emails.tenant_id and known.campaign_id = emails.campaign_id
left join converted
    on known.tenant_id = converted.tenant_id and known.campaign_id = converted.campaign_id
left join unsubscribed
    on known.tenant_id = unsubscribed.tenant_id and known.campaign_id = unsubscribed.campaign_id
left join costs
    on known.tenant_id = costs.tenant_id and known.campaign_id = costs.campaign_id
left join spend
    on known.tenant_id = spend.tenant_id and known.campaign_id = spend.campaign_id

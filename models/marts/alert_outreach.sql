with rule as (
    select alert_rule.*
    from {{ ref('alert_rule') }} as alert_rule
),

-- What a campaign had sent, and what of it had come back, at each instant at which either grew.
mail_changes as (
    select email.tenant_id, email.campaign_id, email.sent_at as instant_at, 1 as sent, 0 as bounced
    from {{ ref('fact_email') }} as email
    where email.campaign_id is not null and email.sent_at is not null
    union all
    select email.tenant_id, email.campaign_id, email.bounced_at as instant_at, 0 as sent, 1 as bounced
    from {{ ref('fact_email') }} as email
    where email.campaign_id is not null and email.sent_at is not null and email.bounced_at is not null
),

mail_instants as (
    select
        mail_changes.tenant_id,
        mail_changes.campaign_id,
        mail_changes.instant_at,
        sum(mail_changes.sent) as sent,
        sum(mail_changes.bounced) as bounced
    from mail_changes
    group by mail_changes.tenant_id, mail_changes.campaign_id, mail_changes.instant_at
),

mail_so_far as (
    select
        mail_instants.tenant_id,
        mail_instants.campaign_id,
        mail_instants.instant_at,
        sum(mail_instants.sent) over so_far as sent,
        sum(mail_instants.bounced) over so_far as bounced
    from mail_instants
    window so_far as (
        partition by mail_instants.tenant_id, mail_instants.campaign_id order by mail_instants.instant_at
        rows between unbounded preceding and current row
    )
),

mail_states as (
    select
        mail_so_far.tenant_id,
        mail_so_far.campaign_id,
        mail_so_far.instant_at,
        {{ fdiv('mail_so_far.bounced', 'mail_so_far.sent') }} as failure_share,
        mail_so_far.sent >= rule.least_count and mail_so_far.bounced > rule.threshold * mail_so_far.sent as is_held,
        rule.threshold
    from mail_so_far
    inner join rule
        on rule.rule = 'delivery_failure'
),

failing as (
    {{ held_periods('mail_states', ['tenant_id', 'campaign_id', 'threshold'], 'failure_share') }}
),

delivery_failure as (
    select
        failing.tenant_id,
        failing.campaign_id as subject_id,
        cast(null as string) as deal_id,
        failing.held_from_at as raised_at,
        failing.held_until_at as resolved_at,
        failing.measured_value as alert_value,
        failing.threshold as alert_threshold
    from failing
),

waits as (
    select
        response.tenant_id,
        response.conversation_id,
        response.wait_number,
        response.waiting_since_at,
        response.responded_at,
        rule.threshold,
        {{ from_epoch_micros(epoch_micros('response.waiting_since_at') ~ ' + ' ~ micros('rule.threshold')) }} as raised_at,
        coalesce(response.responded_at, {{ as_of() }}) as until_at
    from {{ ref('fact_response') }} as response
    inner join rule
        on rule.rule = 'lead_unanswered'
    where response.lead_id is not null
),

lead_unanswered as (
    select
        waits.tenant_id,
        waits.conversation_id || '/' || cast(waits.wait_number as string) as subject_id,
        cast(null as string) as deal_id,
        waits.raised_at,
        waits.responded_at as resolved_at,
        {{ hours(micros_between('waits.waiting_since_at', 'waits.until_at')) }} as alert_value,
        waits.threshold as alert_threshold
    from waits
    where waits.raised_at < waits.until_at or (waits.responded_at is null and waits.raised_at = waits.until_at)
)

{{ alert_rows(['delivery_failure', 'lead_unanswered']) }}

{#-
    What the warehouse itself emits, one CTE for each type of event. Each row is a statement that can be told:

    sync_key          what is stated about what, such as the timer of a deal: the next statement of it takes its place
    state             the statement, without what changes by itself as time goes on; empty where it is made once for all
    is_first_told     whether to tell it to who has been told nothing of this key before
    level, score      of a health score, which is told only when it came to another band or moved by ten points

    An event of something that happened longer ago than seeds/assumption.csv says (emit_within_days) is told to nobody new.
-#}
{%- macro event_statements() -%}
    stated_scores as (
        select
            queue.tenant_id,
            'crm.lead.scored' as event_type,
            queue.lead_id as slot,
            queue.lead_id as subject,
            queue.as_of as occurred_at,
            cast(queue.score as string) || '/' || queue.tier || '/'
            || coalesce(cast({{ round_det('queue.probability', 2) }} as string), '') as state,
            true as is_first_told,
            {{ without_level() }},
            {{ json_text({
                'lead_id': 'queue.lead_id', 'score': 'queue.score', 'probability': round_det('queue.probability', 2),
                'tier': 'queue.tier', 'model_version': "coalesce(scored.model_version, 'rule')",
                'as_of': rfc3339('queue.as_of')
            }) }} as data
        from {{ ref('lead_queue') }} as queue
        inner join {{ ref('lead_score') }} as scored
            on queue.tenant_id = scored.tenant_id and queue.lead_id = scored.lead_id
        where queue.score is not null
    ),

    stated_healths as (
        select
            health.tenant_id,
            'crm.health.changed' as event_type,
            health.customer_id as slot,
            health.customer_id as subject,
            health.as_of as occurred_at,
            health.risk_level || '/' || cast(health.score as string) as state,
            true as is_first_told,
            health.risk_level as level,
            health.score,
            {{ json_text({
                'subject_type': customer_part('health.customer_id', 'kind'),
                'subject_id': customer_part('health.customer_id', 'id'),
                'score': 'health.score', 'level': 'health.risk_level', 'model_version': "'rule'",
                'as_of': rfc3339('health.as_of')
            }) }} as data
        from {{ ref('health_score') }} as health
        where health.is_latest and health.risk_level is not null
    ),

    stated_risks as (
        select
            risk.tenant_id,
            'crm.churn_risk.detected' as event_type,
            risk.customer_id as slot,
            risk.customer_id as subject,
            risk.as_of as occurred_at,
            risk.risk_level as state,
            risk.risk_level = 'red' as is_first_told,
            {{ without_level() }},
            {{ json_text({
                'subject_type': customer_part('risk.customer_id', 'kind'),
                'subject_id': customer_part('risk.customer_id', 'id'),
                'probability': 'risk.probability_90d',
                'risk_level': "case risk.risk_level when 'red' then 'high' when 'yellow' then 'medium' else 'low' end",
                'action': 'risk.recommended_action', 'value_at_risk_base': 'risk.value_at_risk_base',
                'model_version': 'risk.model_version', 'as_of': rfc3339('risk.as_of')
            }) }} as data
        from {{ ref('churn_risk') }} as risk
        where risk.probability_90d is not null and risk.model_version is not null
    ),

    stated_renewals as (
        select
            span.tenant_id,
            'crm.renewal.approaching' as event_type,
            span.subscription_id || '/' || cast(span.paid_until_date as string) as slot,
            span.subscription_id as subject,
            clock.as_of as occurred_at,
            '' as state,
            true as is_first_told,
            {{ without_level() }},
            {{ json_text({
                'subscription_id': 'span.subscription_id', 'user_id': 'subscription.user_id',
                'account_id': 'subscription.account_id', 'period_end': 'cast(span.paid_until_date as string)',
                'days_left': days_between_dates('cast(clock.as_of as date)', 'span.paid_until_date'),
                'mrr': 'span.mrr', 'currency': 'span.currency', 'as_of': rfc3339('clock.as_of')
            }) }} as data
        from {{ ref('fact_subscription_period') }} as span
        inner join {{ ref('fact_subscription') }} as subscription
            on span.tenant_id = subscription.tenant_id and span.subscription_id = subscription.subscription_id
        cross join {{ ref('stg_clock') }} as clock
        where
            span.start_date <= cast(clock.as_of as date)
            and cast(clock.as_of as date) < span.end_date
            and span.paid_until_date < {{ add_days('cast(clock.as_of as date)', 31) }}
            and subscription.cancelled_at is null
    ),

    stated_chances as (
        select
            scored.tenant_id,
            'crm.deal.scored' as event_type,
            scored.deal_id as slot,
            scored.deal_id as subject,
            scored.as_of as occurred_at,
            cast({{ round_det('scored.probability', 2) }} as string) as state,
            true as is_first_told,
            {{ without_level() }},
            {{ json_text({
                'deal_id': 'scored.deal_id', 'probability': round_det('scored.probability', 2),
                'model_version': 'scored.model_version', 'as_of': rfc3339('scored.as_of')
            }) }} as data
        from {{ ref('deal_win') }} as scored
        where scored.probability is not null and scored.model_version is not null
    ),

    stated_duplicates as (
        select
            pair.tenant_id,
            'crm.duplicate.proposed' as event_type,
            pair.kind || '/' || pair.left_id || '/' || pair.right_id as slot,
            pair.left_id as subject,
            clock.as_of as occurred_at,
            '' as state,
            true as is_first_told,
            {{ without_level() }},
            {{ json_text({
                'kind': 'pair.kind', 'left_id': 'pair.left_id', 'right_id': 'pair.right_id',
                'probability': 'pair.probability'
            }) }} as data
        from {{ ref('duplicate_candidate') }} as pair
        cross join {{ ref('stg_clock') }} as clock
    ),

    stage_visits as (
        select
            visit.tenant_id,
            visit.deal_id,
            visit.visit_number,
            visit.stage,
            visit.entered_at,
            lag(visit.stage) over (
                partition by visit.tenant_id, visit.deal_id order by visit.visit_number asc
            ) as from_stage
        from {{ ref('fact_deal_stage') }} as visit
        where visit.pipeline = 'adtech'
    ),

    stated_stages as (
        select
            visit.tenant_id,
            'masterdeal.stage.changed' as event_type,
            visit.deal_id || '/' || cast(visit.visit_number as string) as slot,
            visit.deal_id as subject,
            visit.entered_at as occurred_at,
            '' as state,
            {{ is_recent('visit.tenant_id', 'visit.entered_at') }} as is_first_told,
            {{ without_level() }},
            {{ json_text({
                'deal_id': 'visit.deal_id', 'from_stage': 'visit.from_stage', 'to_stage': 'visit.stage',
                'changed_at': rfc3339('visit.entered_at')
            }) }} as data
        from stage_visits as visit
    ),

    stated_timers as (
        select
            sla.tenant_id,
            'masterdeal.sla.updated' as event_type,
            sla.deal_id || '/' || sla.sla || '/' || cast(sla.run_number as string) as slot,
            sla.deal_id as subject,
            clock.as_of as occurred_at,
            sla.status || '/' || cast(sla.started_at as string) || '/' || coalesce(cast(sla.stopped_at as string), '')
            || '/' || coalesce(cast(sla.due_at as string), '') as state,
            {{ is_recent('sla.tenant_id', 'coalesce(sla.stopped_at, clock.as_of)') }} as is_first_told,
            {{ without_level() }},
            {{ json_text({
                'deal_id': 'sla.deal_id', 'sla': 'sla.sla', 'run_number': 'sla.run_number', 'status': 'sla.status',
                'started_at': rfc3339('sla.started_at'), 'stopped_at': rfc3339('sla.stopped_at'),
                'due_at': rfc3339('sla.due_at'), 'target_hours': 'sla.target_hours',
                'elapsed_hours': round_det('sla.elapsed_hours', 2), 'owner_domain': 'sla.owner_domain'
            }) }} as data
        from {{ ref('fact_sla') }} as sla
        cross join {{ ref('stg_clock') }} as clock
    ),

    stated_breaches as (
        select
            sla.tenant_id,
            'masterdeal.sla.breached' as event_type,
            sla.deal_id || '/' || sla.sla || '/' || cast(sla.run_number as string) as slot,
            sla.deal_id as subject,
            sla.breached_at as occurred_at,
            '' as state,
            {{ is_recent('sla.tenant_id', 'sla.breached_at') }} as is_first_told,
            {{ without_level() }},
            {{ json_text({
                'deal_id': 'sla.deal_id', 'sla': 'sla.sla', 'run_number': 'sla.run_number',
                'due_at': rfc3339('sla.due_at'), 'breached_at': rfc3339('sla.breached_at'),
                'owner_domain': 'sla.owner_domain'
            }) }} as data
        from {{ ref('fact_sla') }} as sla
        where sla.is_breached
    ),

    stated_closings as (
        select
            deal.tenant_id,
            'masterdeal.closed' as event_type,
            deal.deal_id as slot,
            deal.deal_id as subject,
            deal.closed_at as occurred_at,
            '' as state,
            {{ is_recent('deal.tenant_id', 'deal.closed_at') }} as is_first_told,
            {{ without_level() }},
            {{ json_text({
                'deal_id': 'deal.deal_id', 'closed_at': rfc3339('deal.closed_at'), 'amount': 'deal.amount',
                'currency': 'deal.currency'
            }) }} as data
        from {{ ref('fact_deal') }} as deal
        where deal.aggregated_stage = 'closed' and deal.closed_at is not null
    ),

    alert_ids as (
        select
            alert.*,
            alert.alert_rule || '/' || alert.subject_id || '/' || cast(alert.raised_at as string) as slot,
            {{ text_hash(
                "alert.tenant_id || '|' || alert.alert_rule || '|' || alert.subject_id || '|' || cast(alert.raised_at as string)"
            ) }} as alert_id
        from {{ ref('alert') }} as alert
    ),

    stated_alerts as (
        select
            alert.tenant_id,
            case when alert.is_open then 'ops.alert.raised' else 'ops.alert.resolved' end as event_type,
            alert.slot,
            alert.subject_id as subject,
            coalesce(alert.resolved_at, alert.raised_at) as occurred_at,
            case when alert.is_open then 'raised' else 'resolved' end as state,
            -- Who was not told of an alert need not hear that it is over.
            alert.is_open as is_first_told,
            {{ without_level() }},
            case
                when alert.is_open
                    then {{ json_text({
                    'alert_id': 'alert.alert_id', 'rule': 'alert.alert_rule',
                    'severity': "case alert.severity when 'critical' then 'error' else 'warning' end",
                    'subject_type': 'alert.subject_type', 'subject_id': 'alert.subject_id',
                    'since': rfc3339('alert.raised_at')
                }) }}
                else {{ json_text({
                    'alert_id': 'alert.alert_id', 'rule': 'alert.alert_rule', 'resolved_at': rfc3339('alert.resolved_at')
                }) }}
            end as data
        from alert_ids as alert
    )
{%- endmacro -%}

{%- macro is_recent(tenant_id, at) -%}
    {#- one subquery beside another: Spark does not look two levels out -#}
    {%- set today = '(select cast(today.as_of as date) from ' ~ ref('stg_clock') ~ ' as today)' -%}
    cast({{ at }} as date) >= {{ add_days(today, '-' ~ assumption('emit_within_days', tenant_id)) }}
{%- endmacro -%}

{#- The kind (user or account) or the id of a customer. -#}
{%- macro customer_part(customer_id, part) -%}
    {%- if part == 'kind' -%}substr({{ customer_id }}, 1, instr({{ customer_id }}, ':') - 1)
    {%- else -%}substr({{ customer_id }}, instr({{ customer_id }}, ':') + 1){%- endif -%}
{%- endmacro -%}

{#- Of news that has neither a band nor a score to be compared with what was told before. -#}
{%- macro without_level() -%}
    cast(null as string) as level,
    cast(null as bigint) as score
{%- endmacro -%}

-- What alerts say of single subjects is counted here, or said of all of them, the sound ones as well.
with rule as (
    select alert_rule.*
    from {{ ref('alert_rule') }} as alert_rule
),

batches as (
    select
        batch.tenant_id,
        'quarantine_share' as check_name,
        cast(batch.batch_id as string) as subject_id,
        {{ fdiv('batch.waiting_count', 'batch.row_count') }} as check_value,
        rule.threshold as check_threshold,
        case when batch.waiting_count > rule.threshold * batch.row_count then batch.received_at end as since_at
    from {{ ref('fact_batch') }} as batch
    inner join rule
        on rule.rule = 'quarantine_share'
),

waiting_rows as (
    select
        rejection.tenant_id,
        'rejected_rows' as check_name,
        rejection.reject_reason as subject_id,
        coalesce(sum(rejection.reject_count) filter (where rejection.replay_batch_id = 0), 0) as check_value,
        0 as check_threshold,
        min(rejection.rejected_at) filter (where rejection.replay_batch_id = 0) as since_at
    from {{ ref('fact_rejection') }} as rejection
    group by rejection.tenant_id, rejection.reject_reason
),

unknown_fields as (
    select
        field.tenant_id,
        'unknown_field' as check_name,
        field.event_type || '.' || field.field_name as subject_id,
        1 as check_value,
        0 as check_threshold,
        field.first_received_at as since_at
    from {{ ref('fact_unknown_field') }} as field
),

source_days as (
    select
        gap.tenant_id,
        gap.source,
        max(gap.event_date) as last_date,
        greatest(percentile_cont(0.95) within group (order by gap.gap_days), 1) as usual_days,
        count(gap.gap_days) as gap_count
    from (
        select
            day.tenant_id,
            day.source,
            day.event_date,
            {{ days(micros_between(
                'cast(day.event_date as timestamp)',
                'cast(lead(day.event_date) over (partition by day.tenant_id, day.source order by day.event_date) as timestamp)'
            )) }} as gap_days
        from {{ ref('fact_source_day') }} as day
    ) as gap
    group by gap.tenant_id, gap.source
),

silences as (
    select
        source_days.tenant_id,
        'source_silent' as check_name,
        source_days.source as subject_id,
        {{ days(micros_between(
            'cast(source_days.last_date as timestamp)', 'cast(cast(' ~ as_of() ~ ' as date) as timestamp)'
        )) }} as check_value,
        -- fewer gaps say nothing of what is usual
        case when source_days.gap_count >= 5 then rule.threshold * source_days.usual_days end as check_threshold,
        alert.raised_at as since_at
    from source_days
    inner join rule
        on rule.rule = 'source_silent'
    left join {{ ref('alert') }} as alert
        on
            source_days.tenant_id = alert.tenant_id
            and source_days.source = alert.subject_id
            and alert.alert_rule = 'source_silent'
            and alert.is_open
),

-- Gaps in the data of single subjects, each of which has an alert of its own.
gaps as (
    select
        alert.tenant_id,
        alert.alert_rule as check_name,
        '(all)' as subject_id,
        count(*) filter (where alert.is_open) as check_value,
        0 as check_threshold,
        min(case when alert.is_open then alert.raised_at end) as since_at
    from {{ ref('alert') }} as alert
    where alert.alert_rule in ('next_step_missing', 'rate_missing')
    group by alert.tenant_id, alert.alert_rule
),

-- A build that is published has no failed check of severity error: what fails here, warns.
checks as (
    select
        checked.tenant_id,
        'build_check' as check_name,
        checked.check_name as subject_id,
        checked.failure_count as check_value,
        0 as check_threshold,
        cast(null as timestamp) as since_at
    from {{ ref('fact_check') }} as checked
    where checked.severity = 'warn'
),

deliveries as (
    select
        delivery.tenant_id,
        'refused_delivery' as check_name,
        delivery.destination || '.' || delivery.object_name as subject_id,
        count(*) filter (where delivery.is_refused or delivery.delivery_status = 'failed') as check_value,
        0 as check_threshold,
        min(
            case when delivery.is_refused or delivery.delivery_status = 'failed' then delivery.delivered_at end
        ) as since_at
    from {{ ref('fact_delivery') }} as delivery
    group by delivery.tenant_id, delivery.destination, delivery.object_name
),

measured as (
    {% for part in ['batches', 'waiting_rows', 'unknown_fields', 'silences', 'gaps', 'checks', 'deliveries'] %}
    select
        {{ part }}.tenant_id,
        {{ part }}.check_name,
        {{ part }}.subject_id,
        cast({{ part }}.check_value as double) as check_value,
        cast({{ part }}.check_threshold as double) as check_threshold,
        {{ part }}.since_at
    from {{ part }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select
    measured.tenant_id,
    measured.check_name,
    measured.subject_id,
    measured.check_value,
    measured.check_threshold,
    case
        when measured.check_value is null or measured.check_threshold is null then 'no value'
        when measured.check_value > measured.check_threshold then 'warn'
        else 'pass'
    end as check_status,
    measured.since_at
from measured

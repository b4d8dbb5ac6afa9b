with followups as (
    select
        followup.*,
        cast(date_trunc('month', followup.scheduled_at) as date) as scheduled_month,
        -- Only whoever has had a day to reply can be counted as silent.
        coalesce({{ micros_between('followup.sent_at', as_of()) }} >= 24 * 3600000000, false) as is_mature,
        coalesce({{ micros_between('followup.sent_at', 'followup.replied_at') }} <= 24 * 3600000000, false) as is_replied
    from {{ ref('fact_followup') }} as followup
)

select
    followups.tenant_id,
    followups.scheduled_month,
    count(*) as followup_count,
    count(*) filter (where followups.followup_status = 'scheduled') as scheduled_count,
    count(*) filter (where followups.followup_status = 'scheduled' and followups.due_at < {{ as_of() }}) as overdue_count,
    count(*) filter (where followups.followup_status = 'sent') as sent_count,
    count(*) filter (where followups.followup_status = 'cancelled') as cancelled_count,
    count(*) filter (where followups.cancelled_by = 'reply') as cancelled_by_reply_count,
    count(*) filter (where followups.cancelled_by = 'handoff') as cancelled_by_handoff_count,
    count(*) filter (where followups.cancelled_by = 'other') as cancelled_by_other_count,
    count(*) filter (where followups.is_replied) as replied_count,
    count(*) filter (where followups.is_mature) as mature_count,
    {{ fdiv(
        'count(*) filter (where followups.is_replied and followups.is_mature)',
        'count(*) filter (where followups.is_mature)'
    ) }} as reply_rate,
    count(*) filter (where followups.is_sent_at_night) as night_count,
    {{ fdiv(
        'count(*) filter (where followups.is_sent_at_night)', "count(*) filter (where followups.followup_status = 'sent')"
    ) }} as night_rate,
    count(*) filter (where followups.is_sent_despite_reply) as sent_despite_reply_count
from followups
group by followups.tenant_id, followups.scheduled_month

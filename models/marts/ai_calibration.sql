-- Ten bins of confidence: from 0.7 up to, but not including, 0.8 is one; 1 belongs to the last.
with verdicts as (
    select
        message.tenant_id,
        cast(date_trunc('month', coalesce(message.messaged_at, message.classified_at)) as date) as conversation_month,
        coalesce(message.channel, '(not set)') as channel,
        cast(floor(least(message.confidence, 0.999999) * 10) as bigint) as confidence_bin,
        message.confidence,
        message.is_label_agreeing
    from {{ ref('fact_message') }} as message
    where message.is_label_agreeing is not null and message.confidence is not null
)

select
    verdicts.tenant_id,
    verdicts.conversation_month,
    verdicts.channel,
    verdicts.confidence_bin,
    {{ fdiv('verdicts.confidence_bin', 10) }} as confidence_from,
    count(*) as labelled_count,
    count(*) filter (where verdicts.is_label_agreeing) as agreeing_count,
    sum(verdicts.confidence) as confidence_sum,
    {{ fdiv('sum(verdicts.confidence)', 'count(*)') }} as mean_confidence,
    {{ fdiv('count(*) filter (where verdicts.is_label_agreeing)', 'count(*)') }} as accuracy_rate,
    {{ fdiv('sum(verdicts.confidence) - count(*) filter (where verdicts.is_label_agreeing)', 'count(*)') }} as calibration_gap
from verdicts
group by verdicts.tenant_id, verdicts.conversation_month, verdicts.channel, verdicts.confidence_bin

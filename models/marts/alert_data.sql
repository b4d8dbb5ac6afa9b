{#- Amounts in a currency of their own, and when each came up: (fact, amount, instant or day). -#}
{%- set amounts = [
    ('fact_deal', 'amount', 'created_at'),
    ('fact_subscription_period', 'mrr', 'start_date'),
    ('fact_payment', 'amount', 'paid_at'),
    ('fact_order', 'amount', 'created_at'),
    ('fact_expense', 'amount', 'expense_date'),
    ('fact_spend', 'amount', 'spend_date'),
    ('fact_campaign_send', 'cost', 'sent_at'),
] -%}
with rule as (
    select alert_rule.*
    from {{ ref('alert_rule') }} as alert_rule
),

-- How much of a batch still waited after each replay that took rows over from it.
replays as (
    select
        rejection.batch_id,
        rejection.replay_batch_id,
        rejection.replayed_at,
        sum(rejection.reject_count) as taken_over
    from {{ ref('fact_rejection') }} as rejection
    where rejection.replay_batch_id > 0
    group by rejection.batch_id, rejection.replay_batch_id, rejection.replayed_at
),

relieved_batches as (
    select left_over.batch_id, min(left_over.replayed_at) as resolved_at
    from (
        select
            replays.batch_id,
            replays.replayed_at,
            batch.row_count,
            batch.rejected_count - sum(replays.taken_over) over (
                partition by replays.batch_id order by replays.replay_batch_id
                rows between unbounded preceding and current row
            ) as waiting_count
        from replays
        inner join {{ ref('fact_batch') }} as batch
            on replays.batch_id = batch.batch_id
    ) as left_over
    inner join rule
        on rule.rule = 'quarantine_share'
    where left_over.waiting_count <= rule.threshold * left_over.row_count
    group by left_over.batch_id
),

quarantine_share as (
    select
        batch.tenant_id,
        cast(batch.batch_id as string) as subject_id,
        cast(null as string) as deal_id,
        batch.received_at as raised_at,
        relieved_batches.resolved_at,
        {{ fdiv('batch.waiting_count', 'batch.row_count') }} as alert_value,
        rule.threshold as alert_threshold
    from {{ ref('fact_batch') }} as batch
    inner join rule
        on rule.rule = 'quarantine_share'
    left join relieved_batches
        on batch.batch_id = relieved_batches.batch_id
    where batch.rejected_count > rule.threshold * batch.row_count
),

-- Batches of the same instant are one; an empty one says nothing. A replay is a batch, too, so that it ends what it mends.
intakes as (
    select
        batch.tenant_id,
        batch.received_at as instant_at,
        {{ fdiv('sum(batch.rejected_count)', 'sum(batch.row_count)') }} as rejected_share,
        sum(batch.rejected_count) >= rule.threshold * sum(batch.row_count) as is_held,
        rule.threshold
    from {{ ref('fact_batch') }} as batch
    inner join rule
        on rule.rule = 'ingestion_failing'
    where batch.row_count > 0
    group by batch.tenant_id, batch.received_at, rule.threshold
),

failures as (
    {{ held_periods('intakes', ['tenant_id', 'threshold'], 'rejected_share') }}
),

ingestion_failing as (
    select
        failures.tenant_id,
        'ingestion' as subject_id,
        cast(null as string) as deal_id,
        failures.held_from_at as raised_at,
        failures.held_until_at as resolved_at,
        failures.measured_value as alert_value,
        failures.threshold as alert_threshold
    from failures
),

source_gaps as (
    select
        day.tenant_id,
        day.source,
        day.event_date,
        lead(day.event_date) over (
            partition by day.tenant_id, day.source order by day.event_date
        ) as following_date,
        lead(day.first_event_at) over (
            partition by day.tenant_id, day.source order by day.event_date
        ) as following_at
    from {{ ref('fact_source_day') }} as day
),

usual_gaps as (
    select
        gap.tenant_id,
        gap.source,
        greatest(percentile_cont(0.95) within group (order by gap.gap_days), 1) as usual_days
    from (
        select
            source_gaps.tenant_id,
            source_gaps.source,
            {{ days(micros_between(
                'cast(source_gaps.event_date as timestamp)', 'cast(source_gaps.following_date as timestamp)'
            )) }} as gap_days
        from source_gaps
        where source_gaps.following_date is not null
    ) as gap
    group by gap.tenant_id, gap.source
    -- fewer say nothing of what is usual
    having count(*) >= 5
),

source_silent as (
    select
        silence.tenant_id,
        silence.source as subject_id,
        cast(null as string) as deal_id,
        silence.raised_at,
        silence.following_at as resolved_at,
        {{ days(micros_between(
            'cast(silence.event_date as timestamp)', 'cast(silence.until_date as timestamp)'
        )) }} as alert_value,
        silence.threshold_days as alert_threshold
    from (
        select
            source_gaps.*,
            rule.threshold * usual_gaps.usual_days as threshold_days,
            coalesce(source_gaps.following_date, cast({{ as_of() }} as date)) as until_date,
            cast(
                {{ add_days('source_gaps.event_date', 'floor(rule.threshold * usual_gaps.usual_days) + 1') }} as timestamp
            ) as raised_at
        from source_gaps
        inner join usual_gaps
            on source_gaps.tenant_id = usual_gaps.tenant_id and source_gaps.source = usual_gaps.source
        inner join rule
            on rule.rule = 'source_silent'
    ) as silence
    where
        silence.raised_at < silence.following_at
        or (silence.following_at is null and silence.raised_at <= cast(silence.until_date as timestamp))
),

used_currencies as (
    select
        used.tenant_id,
        used.currency,
        min(used.used_at) as first_used_at
    from (
        {%- for table, amount, used_at in amounts %}
        select
            money.tenant_id,
            money.currency,
            cast(money.{{ used_at }} as timestamp) as used_at
        from {{ ref(table) }} as money
        where money.{{ amount }} is not null
        {% if not loop.last %}union all{% endif %}
        {%- endfor %}
    ) as used
    where used.currency <> {{ reporting_currency() }} and used.used_at <= {{ as_of() }}
    group by used.tenant_id, used.currency
),

first_rates as (
    select fx.currency, cast(min(fx.fx_date) as timestamp) as first_rate_at
    from {{ ref('fact_fx_rate') }} as fx
    group by fx.currency
),

unrated_currencies as (
    select
        used_currencies.tenant_id,
        used_currencies.currency,
        used_currencies.first_used_at,
        first_rates.first_rate_at,
        rule.threshold,
        {{ from_epoch_micros(epoch_micros('used_currencies.first_used_at') ~ ' + ' ~ micros('24 * rule.threshold')) }}
            as raised_at,
        coalesce(first_rates.first_rate_at, {{ as_of() }}) as until_at
    from used_currencies
    inner join rule
        on rule.rule = 'rate_missing'
    left join first_rates
        on used_currencies.currency = first_rates.currency
),

rate_missing as (
    select
        unrated_currencies.tenant_id,
        unrated_currencies.currency as subject_id,
        cast(null as string) as deal_id,
        unrated_currencies.raised_at,
        unrated_currencies.first_rate_at as resolved_at,
        {{ days(micros_between('unrated_currencies.first_used_at', 'unrated_currencies.until_at')) }} as alert_value,
        unrated_currencies.threshold as alert_threshold
    from unrated_currencies
    where
        unrated_currencies.raised_at < unrated_currencies.until_at
        or (unrated_currencies.first_rate_at is null and unrated_currencies.raised_at = unrated_currencies.until_at)
),

-- A month of a score is judged when the last of its outcomes is known, if there are enough; it is off where it differs
-- by more than the rule allows and chance does not explain it.
score_months as (
    select
        scored.tenant_id,
        scored.score_name,
        scored.judged_at as instant_at,
        (scored.oe_ratio_low > 1 or scored.oe_ratio_high < 1)
        and greatest(
            {{ fdiv('scored.expected_count', 'greatest(scored.positive_count, 0.5)') }},
            {{ fdiv('scored.positive_count', 'scored.expected_count') }}
        ) > rule.threshold as is_held,
        greatest(
            {{ fdiv('scored.expected_count', 'greatest(scored.positive_count, 0.5)') }},
            {{ fdiv('scored.positive_count', 'scored.expected_count') }}
        ) as off_ratio
    from {{ ref('score_month') }} as scored
    inner join rule
        on rule.rule = 'score_drift'
    where
        scored.judged_at is not null
        and greatest(scored.positive_count, scored.expected_count) >= coalesce(rule.least_count, 0)
),

score_off as (
    {{ held_periods('score_months', ['tenant_id', 'score_name'], measured='off_ratio') }}
),

score_drift as (
    select
        score_off.tenant_id,
        score_off.score_name as subject_id,
        cast(null as string) as deal_id,
        score_off.held_from_at as raised_at,
        score_off.held_until_at as resolved_at,
        score_off.measured_value as alert_value,
        rule.threshold as alert_threshold
    from score_off
    inner join rule
        on rule.rule = 'score_drift'
)

{{ alert_rows(['quarantine_share', 'ingestion_failing', 'source_silent', 'rate_missing', 'score_drift']) }}

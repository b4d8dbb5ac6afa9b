-- A conversion counts in the month in which it came about, spend in the month in which it was spent, and cost in that in which it
-- counts.
with credited as (
    select
        credit.tenant_id,
        cast(date_trunc('month', credit.converted_at) as date) as conversion_month,
        credit.channel,
        credit.model,
        sum(credit.weight) as conversions,
        sum(case when credit.conversion_kind = 'b2c' then credit.weight else 0.0 end) as b2c_conversions,
        sum(case when credit.conversion_kind = 'b2b' then credit.weight else 0.0 end) as b2b_conversions,
        sum(case when credit.value_base is null then credit.weight else 0.0 end) as unvalued_conversions,
        sum(coalesce(credit.value_base, 0.0)) as value_base
    from {{ ref('attribution') }} as credit
    where credit.model <> 'markov' or credit.touch_count = 0
    group by credit.tenant_id, cast(date_trunc('month', credit.converted_at) as date), credit.channel, credit.model
),

-- The chain speaks of channels, not of single conversions: its shares are those of all conversions with touches.
converted as (
    select
        path.tenant_id,
        path.conversion_kind,
        cast(date_trunc('month', path.ended_at) as date) as conversion_month,
        count(*) as conversions,
        count(*) filter (where path.conversion_value_base is null) as unvalued_conversions,
        sum(coalesce(path.conversion_value_base, 0.0)) as value_base
    from {{ ref('attribution_path') }} as path
    where path.is_converted and path.touch_number = 1
    group by path.tenant_id, path.conversion_kind, cast(date_trunc('month', path.ended_at) as date)
),

removed as (
    select
        converted.tenant_id,
        converted.conversion_month,
        markov.channel,
        sum(markov.removal_share * converted.conversions) as conversions,
        sum(case when converted.conversion_kind = 'b2c' then markov.removal_share * converted.conversions else 0.0 end)
            as b2c_conversions,
        sum(case when converted.conversion_kind = 'b2b' then markov.removal_share * converted.conversions else 0.0 end)
            as b2b_conversions,
        sum(markov.removal_share * converted.unvalued_conversions) as unvalued_conversions,
        sum(markov.removal_share * converted.value_base) as value_base
    from converted
    inner join {{ source('computed', 'markov_channel') }} as markov
        on converted.tenant_id = markov.tenant_id and converted.conversion_kind = markov.conversion_kind
    group by converted.tenant_id, converted.conversion_month, markov.channel
),

-- What a channel reported as its spend is what its value is a return on.
spent as (
    select
        spend.tenant_id,
        cast(date_trunc('month', spend.spend_date) as date) as conversion_month,
        spend.channel,
        -- A report in a currency without a rate leaves the sum unknown.
        case when count(*) = count(spend.amount_base) then sum(spend.amount_base) end as spend_base
    from {{ ref('fact_spend') }} as spend
    group by spend.tenant_id, cast(date_trunc('month', spend.spend_date) as date), spend.channel
),

-- What it cost to win customers is more than that.
costs as (
    select
        acquisition.tenant_id,
        acquisition.calendar_month as conversion_month,
        acquisition.channel,
        case when sum(acquisition.unconverted_count) = 0 then sum(acquisition.cost_base) end as cost_base
    from {{ ref('acquisition_cost') }} as acquisition
    group by acquisition.tenant_id, acquisition.calendar_month, acquisition.channel
),

borne as (
    select spent.tenant_id, spent.conversion_month, spent.channel, spent.spend_base, cast(null as double) as cost_base
    from spent
    union all
    select costs.tenant_id, costs.conversion_month, costs.channel, cast(null as double) as spend_base, costs.cost_base
    from costs
),

models as (
    {{- attribution_models() }}
),

parts as (
    select
        credited.*,
        cast(null as double) as spend_base,
        cast(null as double) as cost_base
    from credited
    union all
    select
        removed.tenant_id,
        removed.conversion_month,
        removed.channel,
        'markov' as model,
        removed.conversions,
        removed.b2c_conversions,
        removed.b2b_conversions,
        removed.unvalued_conversions,
        removed.value_base,
        cast(null as double) as spend_base,
        cast(null as double) as cost_base
    from removed
    union all
    select
        borne.tenant_id,
        borne.conversion_month,
        borne.channel,
        models.model,
        0.0 as conversions,
        0.0 as b2c_conversions,
        0.0 as b2b_conversions,
        0.0 as unvalued_conversions,
        0.0 as value_base,
        borne.spend_base,
        borne.cost_base
    from borne
    cross join models
),

summed as (
    select
        parts.tenant_id,
        parts.conversion_month,
        parts.channel,
        parts.model,
        sum(parts.conversions) as conversions,
        sum(parts.b2c_conversions) as b2c_conversions,
        sum(parts.b2b_conversions) as b2b_conversions,
        sum(parts.unvalued_conversions) as unvalued_conversions,
        sum(parts.value_base) as value_base,
        sum(parts.spend_base) as spend_base,
        sum(parts.cost_base) as cost_base
    from parts
    group by parts.tenant_id, parts.conversion_month, parts.channel, parts.model
)

select
    summed.tenant_id,
    summed.conversion_month,
    summed.channel,
    summed.model,
    summed.conversions,
    summed.b2c_conversions,
    summed.b2b_conversions,
    summed.unvalued_conversions,
    summed.value_base,
    summed.spend_base,
    {{ fdiv('summed.value_base', 'summed.spend_base') }} as roas,
    summed.cost_base,
    {{ fdiv('summed.cost_base', 'summed.conversions') }} as cac
from summed

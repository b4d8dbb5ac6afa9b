-- What a model gives depends on the whole path; these are the parts of it that several touches share.
with touches as (
    select
        path.tenant_id,
        path.path_id,
        path.conversion_kind,
        path.ended_at,
        path.conversion_value_base,
        path.touch_id,
        path.touch_type,
        path.touched_at,
        path.touch_number,
        path.touch_count,
        path.channel,
        path.is_lead_touch,
        path.is_deal_touch,
        markov.removal_share,
        power(2.0, -{{ fdiv('path.days_before', 'setting.half_life_days') }}) as decayed,
        row_number() over (
            partition by path.tenant_id, path.path_id, path.channel order by path.touch_number
        ) as channel_touch_number,
        count(*) over (partition by path.tenant_id, path.path_id, path.channel) as channel_touch_count
    from {{ ref('attribution_path') }} as path
    cross join {{ ref('attribution_setting') }} as setting
    left join {{ source('computed', 'markov_channel') }} as markov
        on
            path.tenant_id = markov.tenant_id
            and path.conversion_kind = markov.conversion_kind
            and path.channel = markov.channel
    where path.is_converted
),

paths as (
    select
        touches.tenant_id,
        touches.path_id,
        sum(touches.decayed) as decayed,
        max(case when touches.channel <> 'direct' then touches.touch_number end) as last_non_direct_number,
        count(*) filter (where touches.channel_touch_number = 1) as channel_count,
        sum(touches.removal_share) filter (where touches.channel_touch_number = 1) as removal_share,
        count(*) filter (where touches.touch_number <> 1 and not touches.is_lead_touch and not touches.is_deal_touch)
            as other_count,
        max(case when touches.is_lead_touch then 1 else 0 end) as lead_count,
        max(case when touches.is_deal_touch then 1 else 0 end) as deal_count
    from touches
    group by touches.tenant_id, touches.path_id
),

models as (
    {{- attribution_models() }}
),

weighed as (
    select
        touches.tenant_id,
        touches.path_id,
        touches.touch_id,
        models.model,
        touches.conversion_kind,
        touches.ended_at,
        touches.touch_type,
        touches.touched_at,
        touches.touch_number,
        touches.touch_count,
        touches.channel,
        touches.conversion_value_base,
        case
            when touches.touch_count = 0 then 1.0
            when models.model = 'first' then case when touches.touch_number = 1 then 1.0 else 0.0 end
            when models.model = 'last' then case when touches.touch_number = touches.touch_count then 1.0 else 0.0 end
            when models.model = 'last_non_direct'
                then case
                    when touches.touch_number = coalesce(paths.last_non_direct_number, touches.touch_count) then 1.0
                    else 0.0
                end
            when models.model = 'linear' then {{ fdiv('1.0', 'touches.touch_count') }}
            when models.model = 'position'
                then case
                    when touches.touch_count <= 2 then {{ fdiv('1.0', 'touches.touch_count') }}
                    when touches.touch_number in (1, touches.touch_count) then 0.4
                    else {{ fdiv('0.2', 'touches.touch_count - 2') }}
                end
            when models.model = 'time_decay' then {{ fdiv('touches.decayed', 'paths.decayed') }}
            -- What is missing, be it a milestone or the touches in between, goes to the rest in proportion.
            when models.model = 'w_shaped'
                then {{ fdiv(
                    "case when touches.touch_number = 1 then 0.3 else 0.0 end"
                    ~ " + case when touches.is_lead_touch then 0.3 else 0.0 end"
                    ~ " + case when touches.is_deal_touch then 0.3 else 0.0 end"
                    ~ " + case when touches.touch_number <> 1 and not touches.is_lead_touch and not touches.is_deal_touch then "
                    ~ fdiv('0.1', 'paths.other_count') ~ " else 0.0 end",
                    "0.3 * (1 + paths.lead_count + paths.deal_count) + case when paths.other_count > 0 then 0.1 else 0.0 end"
                ) }}
            when models.model = 'markov'
                then {{ fdiv('touches.removal_share', 'paths.removal_share * touches.channel_touch_count') }}
            when models.model = 'shapley' then {{ fdiv('1.0', 'paths.channel_count * touches.channel_touch_count') }}
        end as weight
    from touches
    inner join paths
        on touches.tenant_id = paths.tenant_id and touches.path_id = paths.path_id
    cross join models
)

select
    weighed.tenant_id,
    weighed.path_id as conversion_id,
    weighed.touch_id,
    weighed.model,
    weighed.conversion_kind,
    weighed.ended_at as converted_at,
    weighed.touch_type,
    weighed.touched_at,
    weighed.touch_number,
    weighed.touch_count,
    weighed.channel,
    weighed.weight,
    weighed.weight * weighed.conversion_value_base as value_base
from weighed

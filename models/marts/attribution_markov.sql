with converted as (
    select
        path.tenant_id,
        path.conversion_kind,
        count(*) as path_count,
        count(*) filter (where path.is_converted) as converted_path_count,
        sum(path.conversion_value_base) as value_base
    from {{ ref('attribution_path') }} as path
    where path.touch_number = 1
    group by path.tenant_id, path.conversion_kind
)

select
    markov.tenant_id,
    markov.conversion_kind,
    markov.channel,
    converted.path_count,
    converted.converted_path_count,
    markov.conversion_probability,
    markov.removal_effect,
    markov.removal_share,
    markov.removal_share * converted.converted_path_count as conversions,
    markov.removal_share * converted.value_base as value_base
from {{ source('computed', 'markov_channel') }} as markov
inner join converted
    on markov.tenant_id = converted.tenant_id and markov.conversion_kind = converted.conversion_kind

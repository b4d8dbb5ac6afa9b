-- Where the aggregated stage is decided: the first rule of seeds/stage_rule.csv, by priority, whose required gates
-- are all set and whose forbidden ones are all unset. There are few combinations of gates, so each is decided once here
-- and deals look theirs up.
with flags as (
    select distinct gate.gate, gate.bit
    from {{ ref('gate') }} as gate
),

combinations as (
    select combination.number as gate_bits
    from {{ numbers(1024) }} as combination
),

rules as (
    select
        rule.rule_set,
        rule.priority,
        rule.stage,
        cast(sum(
            case when ' ' || coalesce(rule.required, '') || ' ' like '% ' || flag.gate || ' %' then flag.bit else 0 end
        ) as bigint) as required_bits,
        cast(sum(
            case when ' ' || coalesce(rule.forbidden, '') || ' ' like '% ' || flag.gate || ' %' then flag.bit else 0 end
        ) as bigint) as forbidden_bits
    from {{ ref('stage_rule') }} as rule
    cross join flags as flag
    group by rule.rule_set, rule.priority, rule.stage
),

matching as (
    select
        rule.rule_set,
        combination.gate_bits,
        rule.stage,
        row_number() over (partition by rule.rule_set, combination.gate_bits order by rule.priority) as match_number
    from combinations as combination
    inner join rules as rule
        on
            (combination.gate_bits & rule.required_bits) = rule.required_bits
            and (combination.gate_bits & rule.forbidden_bits) = 0
)

select
    'default' as tenant_id,
    matching.rule_set,
    matching.gate_bits,
    matching.stage as aggregated_stage
from matching
where matching.match_number = 1

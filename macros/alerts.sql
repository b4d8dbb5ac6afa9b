{#- What the parts of marts.alert share: the shape of their rows, and times at which a condition holds. -#}

{#- The rows of these rules, each a CTE with the columns below; `rule` is the seed. -#}
{%- macro alert_rows(rules) -%}
{%- for rule in rules %}
select
    {{ rule }}.tenant_id,
    '{{ rule }}' as alert_rule,
    {{ rule }}.subject_id,
    {{ rule }}.deal_id,
    {{ rule }}.raised_at,
    {{ rule }}.resolved_at,
    cast({{ rule }}.alert_value as double) as alert_value,
    cast({{ rule }}.alert_threshold as double) as alert_threshold
from {{ rule }}
{% if not loop.last %}union all{% endif %}
{%- endfor %}
{%- endmacro -%}

{#-
    From when to when is_held was true, by these keys. `states` names a CTE with the keys, instant_at (one row each)
    and is_held. With `measured`, a column of it, also its value at the end, or its last one where there is no end yet.
-#}
{%- macro held_periods(states, keys, measured=none) -%}
{%- set partition -%}
partition by {% for key in keys %}compared.{{ key }}{% if not loop.last %}, {% endif %}{% endfor %}
{%- endset -%}
    select
        turned.*
    from (
        select
            {% for key in keys %}compared.{{ key }},
            {% endfor %}
            compared.is_held,
            compared.instant_at as held_from_at,
            lead(compared.instant_at) over ({{ partition }} order by compared.instant_at) as held_until_at
            {%- if measured %},
            case
                when lead(compared.instant_at) over ({{ partition }} order by compared.instant_at) is not null
                    then lead(compared.{{ measured }}) over ({{ partition }} order by compared.instant_at)
                else compared.latest_value
            end as measured_value
            {%- endif %}
        from (
            select
                {{ states }}.*,
                {%- if measured %}
                last_value({{ states }}.{{ measured }}) over (
                    {{ partition | replace('compared.', states ~ '.') }} order by {{ states }}.instant_at
                    rows between unbounded preceding and unbounded following
                ) as latest_value,
                {%- endif %}
                lag({{ states }}.is_held) over (
                    {{ partition | replace('compared.', states ~ '.') }} order by {{ states }}.instant_at
                ) as was_held
            from {{ states }}
        ) as compared
        where compared.is_held is distinct from compared.was_held
    ) as turned
    where turned.is_held
{%- endmacro -%}

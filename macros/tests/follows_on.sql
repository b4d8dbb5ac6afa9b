{#- What an entity ends a month with, it starts the next one with. Null counts as nothing; a month without a row as well. -#}
{% test follows_on(model, entity, month, opening, closing) %}
with ends as (
{%- for offset, column in ((0, opening), (1, closing)) %}
    select
        {{ entity | join(', ') }},
        {{ add_months(month, offset) }} as joint_month,
        {{ 'coalesce(' ~ column ~ ', 0)' if offset == 0 else '-coalesce(' ~ column ~ ', 0)' }} as amount
    from {{ model }}
    {%- if offset == 1 %}
    where {{ month }} < (select max({{ month }}) from {{ model }})
    {%- endif %}
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
)

select {{ entity | join(', ') }}, joint_month, sum(amount) as gap
from ends
group by {{ entity | join(', ') }}, joint_month
having abs(sum(amount)) > 1e-6 + 1e-9 * sum(abs(amount))
{% endtest %}

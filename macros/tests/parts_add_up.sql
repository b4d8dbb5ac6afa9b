{#- Each way to part the whole (rows of one `kind`) adds up to the row whose kind is total, in every measure. -#}
{% test parts_add_up(model, by, kind, measures) %}
with sums as (
    select
        {{ by | join(', ') }},
        {{ kind }} as kind,
{%- for measure in measures %}
        sum({{ measure }}) as {{ measure }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ model }}
    group by {{ by | join(', ') }}, {{ kind }}
)

select parts.*
from sums as parts
left join sums as total
    on
        total.kind = 'total'
{%- for column in by %}
        and parts.{{ column }} = total.{{ column }}
        {%- endfor %}
where
    total.kind is null
{%- for measure in measures %}
    or abs(parts.{{ measure }} - total.{{ measure }}) > 1e-6 + 1e-9 * abs(total.{{ measure }})
    {%- endfor %}
{% endtest %}

{#- Each of these dimensions parts the whole: its rows add up to the total, and one without rows is nothing. For models with the
    columns dimension and dimension_value; sums of money may differ by what adding in another order does to them. -#}
{% test dimensions_sum_to_total(model, column, within, dimensions) %}
select {{ within | join(', ') }}
from {{ model }}
group by {{ within | join(', ') }}
having
    {% for dimension in dimensions %}
    abs(
        coalesce(sum(case when dimension = 'total' then {{ column }} end), 0)
        - coalesce(sum(case when dimension = '{{ dimension }}' then {{ column }} end), 0)
    ) > 0.005
    {% if not loop.last %}or{% endif %}
    {% endfor %}
{% endtest %}

{#- The segments of each kind add up to the total; models that are cut so have the columns dimension and dimension_value. -#}
{% test parts_sum_to_total(model, column, within) %}
select {{ within | join(', ') }}
from (
    select
        {{ within | join(', ') }},
        dimension,
        coalesce(sum({{ column }}), 0) as part_sum
    from {{ model }}
    group by {{ within | join(', ') }}, dimension
) as kinds
group by {{ within | join(', ') }}
having min(part_sum) <> max(part_sum) or count(*) <> {{ person_dimension_names() | length }}
{% endtest %}

{#- A number does not grow from one row to the next, in the order of `along`, within each group. -#}
{% test never_grows(model, column, along, within, only) %}
select compared.*
from (
    select
        {{ within | join(', ') }},
        {{ along }},
        {{ column }},
        lag({{ column }}) over (partition by {{ within | join(', ') }} order by {{ along }}) as previous_value
    from {{ model }}
    where {{ only }}
) as compared
where compared.{{ column }} > compared.previous_value
{% endtest %}

{#- Whoever was there in a month is kept or lost in the next one. -#}
{% test carries_over(model, entity, month, stock, kept, lost) %}
select earlier.*
from {{ model }} as earlier
inner join {{ model }} as later
    on
        later.{{ month }} = {{ add_months('earlier.' ~ month, 1) }}
{%- for column in entity %}
        and later.{{ column }} = earlier.{{ column }}
        {%- endfor %}
where earlier.{{ stock }} <> later.{{ kept }} + later.{{ lost }}
{% endtest %}

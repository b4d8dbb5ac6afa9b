{#- A measure of an entity does not rise from one row to the next. -#}
{% test does_not_rise(model, entity, along, measure) %}
select earlier.*
from {{ model }} as earlier
inner join {{ model }} as later
    on
        later.{{ along }} = earlier.{{ along }} + 1
{%- for column in entity %}
        and later.{{ column }} = earlier.{{ column }}
        {%- endfor %}
where later.{{ measure }} > earlier.{{ measure }} + 1e-9
{% endtest %}

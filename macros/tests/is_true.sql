{#- A condition that every row must meet; null counts as a failure. -#}
{% test is_true(model, condition) %}
select *
from {{ model }}
where not coalesce({{ condition }}, false)
{% endtest %}

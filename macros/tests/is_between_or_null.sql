{#- A column lies between two bounds, both included, wherever it is not null. -#}
{% test is_between_or_null(model, column_name, low, high) %}
select *
from {{ model }}
where {{ column_name }} < {{ low }} or {{ column_name }} > {{ high }}
{% endtest %}

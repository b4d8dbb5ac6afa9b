{#- An identity that every row must keep: an expression over its columns. A row on which it is null (nothing can be said,
    since an amount has no rate) passes; where that would hide a mistake, say coalesce in the expression. -#}
{% test holds(model, expression) %}
select *
from {{ model }}
where not ({{ expression }})
{% endtest %}

{#- Over each group of rows, an expression sums to a total; groups whose sum is null (nothing can be said) pass. -#}
{% test sums_to(model, columns, expression, total) %}
select {{ columns | join(', ') }}, sum({{ expression }}) as found
from {{ model }}
group by {{ columns | join(', ') }}
having abs(sum({{ expression }}) - ({{ total }})) > 1e-9
{% endtest %}

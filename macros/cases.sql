{#-
    Where a case stands at as_of. `case` is a row of fact_case, all null where nobody has acted; `score` is the present
    score in points. What was handled counts for 30 days, unless the score has moved by more than ten points since.
-#}
{%- macro case_status(case, score) -%}
case
    when
        {{ case }}.last_action = 'ops.case.handled'
        and {{ days(micros_between(case ~ '.handled_at', as_of())) }} < 30
        and coalesce(abs({{ score }} - {{ case }}.handled_score) <= 10, true)
        then 'handled'
    when {{ case }}.last_action = 'ops.case.snoozed' and {{ case }}.snoozed_until > {{ as_of() }} then 'snoozed'
    when {{ case }}.last_action <> 'ops.case.handled' and {{ case }}.taken_at is not null then 'taken'
    else 'open'
end
{%- endmacro -%}

{#- The columns of a list that people work off, from its rows of fact_case and its score. -#}
{%- macro case_columns(case, score) -%}
    {{ case_status(case, score) }} as case_status,
    {{ case }}.taken_by,
    {{ case }}.taken_at,
    {{ case }}.handled_by,
    {{ case }}.handled_at,
    {{ case }}.handled_outcome,
    {{ case }}.snoozed_until
{%- endmacro -%}

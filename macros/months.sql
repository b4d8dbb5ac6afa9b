{#- Months are counted, so that the one before and the one after are a number away on every engine. -#}
{%- macro month_number(day) -%}
    (cast(extract(year from {{ day }}) as integer) * 12 + cast(extract(month from {{ day }}) as integer))
{%- endmacro -%}

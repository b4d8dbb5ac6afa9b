{#- Calendar periods, named by the columns of dim_date that hold their first day: calendar_month or week_start_date. -#}

{#- First day of the period in which a day or an instant lies. -#}
{%- macro period_of(period, at) -%}
    cast(date_trunc('{{ 'week' if period == 'week_start_date' else 'month' }}', {{ at }}) as date)
{%- endmacro -%}

{#- Whether a period that begins on this day has ended at as_of. -#}
{%- macro is_over(period, first_day) -%}
    {{ first_day }} < {{ period_of(period, as_of()) }}
{%- endmacro -%}

{#- Arithmetic that both engines carry out alike. -#}

{#- Division of measures: as double, null where there is nothing to divide by. -#}
{%- macro fdiv(numerator, denominator) -%}
    (cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0))
{%- endmacro -%}

{#- Half away from zero for positive numbers; round() differs between the engines. -#}
{%- macro round_det(value, digits) -%}
    (floor(({{ value }}) * 1e{{ digits }} + 0.5) / 1e{{ digits }})
{%- endmacro -%}

{%- macro hours(micros) -%}(cast({{ micros }} as double) / 3600000000.0){%- endmacro -%}

{#- The microseconds that a number of decimal hours was made from. -#}
{%- macro micros(hours) -%}cast(floor({{ hours }} * 3600000000.0 + 0.5) as bigint){%- endmacro -%}

{%- macro days(micros) -%}(cast({{ micros }} as double) / 86400000000.0){%- endmacro -%}

{%- macro micros_between(earlier, later) -%}
    ({{ epoch_micros(later) }} - {{ epoch_micros(earlier) }})
{%- endmacro -%}

{#- Whole days from one date to another, negative where the second is earlier. -#}
{%- macro days_between_dates(earlier, later) -%}
cast({{ days(micros_between('cast(' ~ earlier ~ ' as timestamp)', 'cast(' ~ later ~ ' as timestamp)')) }} as bigint)
{%- endmacro -%}

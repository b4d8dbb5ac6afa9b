{#- The two clocks. `as_of` is the only "now" of the SQL; `known_at` bounds what had been received. -#}

{%- macro as_of() -%}(select clock.as_of from {{ ref('stg_clock') }} as clock){%- endmacro -%}

{#- What the build may see: events that had happened at as_of and had arrived at known_at. -#}
{%- macro is_visible(alias) -%}
    {{ alias }}.occurred_at <= (select clock.as_of from {{ ref('stg_clock') }} as clock)
    and {{ alias }}.received_at <= (select clock.known_at from {{ ref('stg_clock') }} as clock)
{%- endmacro -%}

{%- macro reporting_currency() -%}'{{ env_var('DEALHOUSE_REPORTING_CURRENCY', 'USD') }}'{%- endmacro -%}

{%- macro stage_rule_set() -%}'{{ env_var('DEALHOUSE_STAGE_RULE_SET', 'adtech') }}'{%- endmacro -%}

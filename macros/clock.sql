{#-
    The two clocks. `as_of` is the only "now" of the SQL; `known_at` bounds what had been received.

    While a model is built, both are written as literals, asked for once: a filter against a subquery is taken for highly selective, so
    that the planner may build its hash tables on the wrong side. Wherever else SQL is rendered, such as in
    unit tests, which bring a clock of their own, it reads stg_clock.
-#}

{%- macro as_of() -%}{{ clock_value('as_of') }}{%- endmacro -%}

{#- What the build may see: events that had happened at as_of and had arrived at known_at. -#}
{%- macro is_visible(alias) -%}
    {{ alias }}.occurred_at <= {{ clock_value('as_of') }} and {{ alias }}.received_at <= {{ clock_value('known_at') }}
{%- endmacro -%}

{%- macro clock_value(name) -%}
    {%- if is_building() -%}
        {%- if 'dealhouse_clock' not in graph -%}
            {%- set asked = run_query(
                'select cast(as_of as string) as as_of, cast(known_at as string) as known_at from ' ~ ref('stg_clock')
            ) -%}
            {%- do graph.update({'dealhouse_clock': {'as_of': asked.rows[0][0], 'known_at': asked.rows[0][1]}}) -%}
        {%- endif -%}
        cast({{ "'" ~ graph['dealhouse_clock'][name] ~ "'" if graph['dealhouse_clock'][name] else 'null' }} as timestamp)
    {%- else -%}
        (select clock.{{ name }} from {{ ref('stg_clock') }} as clock)
    {%- endif -%}
{%- endmacro -%}

{#- Whether a model is being built at this moment, rather than parsed, compiled to be read, or unit-tested. -#}
{%- macro is_building() -%}
    {{ return(execute and flags.WHICH in ('build', 'run') and model.resource_type == 'model') }}
{%- endmacro -%}

{%- macro reporting_currency() -%}'{{ env_var('DEALHOUSE_REPORTING_CURRENCY', 'USD') }}'{%- endmacro -%}

{%- macro stage_rule_set() -%}'{{ env_var('DEALHOUSE_STAGE_RULE_SET', 'adtech') }}'{%- endmacro -%}

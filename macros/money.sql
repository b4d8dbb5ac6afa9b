{#- Amounts in the reporting currency. -#}

{#- An amount at the rate of its day, from the row `fx` of fact_fx_rate; null where there is none, never rate 1. -#}
{%- macro in_base(amount, currency, fx) -%}
    case when {{ currency }} = {{ reporting_currency() }} then {{ amount }} else {{ amount }} * {{ fx }}.fx_rate end
{%- endmacro -%}

{#- Keys of the rows of this model whose amounts another rate holds for by now: rates arrive late, too. -#}
{%- macro revalued(keys, day, amounts) -%}
    select
        built.tenant_id,
        {%- for key in keys %}
        built.{{ key }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ this }} as built
    inner join {{ ref('fact_fx_rate') }} as fx
        on built.currency = fx.currency and cast(built.{{ day }} as date) = fx.fx_date
    where
        built.currency <> {{ reporting_currency() }}
        and (
            {%- for amount in amounts %}
            {{ 'or ' if not loop.first }}built.{{ amount }}_base is distinct from built.{{ amount }} * fx.fx_rate
            {%- endfor %}
        )
{%- endmacro -%}

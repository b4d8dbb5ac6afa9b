{#- Arithmetic of recurring revenue. -#}

{#- A price of a term as a price of a month. -#}
{%- macro monthly(amount, term) -%}
    case {{ term }}
        when 'year' then {{ fdiv(amount, 12) }}
        when 'quarter' then {{ fdiv(amount, 3) }}
        when 'week' then {{ fdiv(amount ~ ' * 52', 12) }}
        else {{ amount }}
    end
{%- endmacro -%}

{#- First day of the month that comes `months` after a month. -#}
{%- macro add_months(month, months) -%}cast({{ month }} + interval '{{ months }}' month as date){%- endmacro -%}

{#- Months between the first days of two months. -#}
{%- macro months_between(earlier, later) -%}
    cast(
        (extract(year from {{ later }}) - extract(year from {{ earlier }})) * 12
        + extract(month from {{ later }}) - extract(month from {{ earlier }}) as bigint
    )
{%- endmacro -%}

{#- A relation of the months from a date to as_of, with the day at whose end a month's stock is valued: its last day, in
    the running month that of as_of. -#}
{%- macro months_from(first_date) -%}
    select
        spine.day_date as month_date,
        case
            when {{ add_months('spine.day_date', 1) }} > cast({{ as_of() }} as date) then cast({{ as_of() }} as date)
            else {{ add_days(add_months('spine.day_date', 1), -1) }}
        end as valued_date,
        {{ add_months('spine.day_date', 1) }} <= {{ as_of() }} as is_complete
    from {{ date_spine(first_date, 'cast(' ~ as_of() ~ ' as date)') }} as spine
    where extract(day from spine.day_date) = 1
{%- endmacro -%}

{#- Pre-hook: spans of subscriptions whose customer is another one by now go, to be computed again. -#}
{%- macro drop_passed_on() -%}
    {%- if execute and is_incremental() -%}
    {%- set keys -%}
        select subscription.tenant_id, subscription.subscription_id, subscription.customer_id
        from {{ ref('fact_subscription') }} as subscription
    {%- endset -%}
    {{ drop_keys(['tenant_id', 'subscription_id', 'customer_id'], keys, others=true) }}
    {%- else -%}
    select 1
    {%- endif -%}
{%- endmacro -%}

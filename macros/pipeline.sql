{#- What the marts over deals share: the segments that deals are cut by, months, and rates of a day. -#}

{#- A relation of the kinds of segment that deals are cut by, in column `dimension`. -#}
{%- macro deal_dimensions(more=[]) -%}
    (
        {%- for kind in ['total', 'owner', 'industry', 'client_type', 'budget_band', 'source'] + more %}
        select '{{ kind }}' as dimension{% if not loop.last %} union all{% endif %}
        {%- endfor %}
    )
{%- endmacro -%}

{#- The value of a deal's segment of a kind; of the total it is '(all)'. `more` maps further kinds to their columns. -#}
{%- macro deal_dimension_value(deal, kind, more={}) -%}
    case {{ kind }}
        when 'total' then '(all)'
        when 'owner' then coalesce({{ deal }}.owner_id, '(not set)')
        when 'industry' then coalesce({{ deal }}.industry, '(not set)')
        when 'client_type' then coalesce({{ deal }}.client_type, '(not set)')
        when 'budget_band' then coalesce({{ deal }}.budget_band, '(not set)')
        when 'source' then coalesce({{ deal }}.deal_source, '(not set)')
        {%- for name, column in more.items() %}
        when '{{ name }}' then coalesce({{ deal }}.{{ column }}, '(not set)')
        {%- endfor %}
    end
{%- endmacro -%}

{#- The first day of the month of a date or timestamp. -#}
{%- macro month_of(at) -%}cast(date_trunc('month', {{ at }}) as date){%- endmacro -%}

{#- The day before a month, and its last one. A month and 31 days lie in the next month, whatever its length. -#}
{%- macro last_day_before(month) -%}{{ add_days(month, -1) }}{%- endmacro -%}
{%- macro month_after(month) -%}{{ month_of(add_days(month, 31)) }}{%- endmacro -%}

{#- Days within which a deal that enters a stage should get to another one: the next, or the end. -#}
{%- macro transition_window(entry, to_stage) -%}
    case when {{ to_stage }}.stage_order = {{ entry }}.stage_order + 1 then {{ entry }}.next_within_days else {{ entry }}.won_within_days end
{%- endmacro -%}

{#-
    Deals with a number for the combination of their segments, and the segments of each combination, as two CTEs: what is
    computed per deal then carries one number, and is multiplied by the kinds of segment only once it is counted.
-#}
{%- macro deal_segments() -%}
{%- set kinds = {
    'owner': 'owner_id', 'industry': 'industry', 'client_type': 'client_type', 'budget_band': 'budget_band',
    'source': 'deal_source'
} -%}
combinations as (
    select
        row_number() over (
            order by {% for kind in kinds %}named.{{ kind }}_segment{{ ', ' if not loop.last }}{% endfor %}
        ) as combination,
        named.*
    from (
        select distinct
            {%- for kind, column in kinds.items() %}
            coalesce(deal.{{ column }}, '(not set)') as {{ kind }}_segment{{ ',' if not loop.last }}
            {%- endfor %}
        from {{ ref('fact_deal') }} as deal
    ) as named
),

segmented_deals as (
    select deal.tenant_id, deal.deal_id, deal.status, deal.closed_at, combinations.combination
    from {{ ref('fact_deal') }} as deal
    inner join combinations
        on
            {%- for kind, column in kinds.items() %}
            coalesce(deal.{{ column }}, '(not set)') = combinations.{{ kind }}_segment{{ ' and' if not loop.last }}
            {%- endfor %}
),

segments as (
    select combinations.combination, 'total' as dimension, '(all)' as dimension_value
    from combinations
    {%- for kind in kinds %}
    union all
    select combinations.combination, '{{ kind }}' as dimension, combinations.{{ kind }}_segment as dimension_value
    from combinations
    {%- endfor %}
)
{%- endmacro -%}

{#- The b2c funnel: its steps in order, and the segments that it is cut by. Both are columns of fact_person. -#}

{%- macro b2c_steps() -%}
    {{ return([
        'visited_at', 'lead_at', 'trial_at', 'activated_at', 'converted_at', 'retained_at', 'advocate_at'
    ]) }}
{%- endmacro -%}

{%- macro person_dimension_names() -%}{{ return(['total', 'channel', 'source', 'industry', 'client_type']) }}{%- endmacro -%}

{#- A relation of the kinds of segment that persons are cut by, in column `dimension`. -#}
{%- macro person_dimensions() -%}
    (
        {%- for kind in person_dimension_names() %}
        select '{{ kind }}' as dimension{% if not loop.last %} union all{% endif %}
        {%- endfor %}
    )
{%- endmacro -%}

{#- The value of a person's segment of a kind; of the total it is '(all)'. -#}
{%- macro person_dimension_value(person, kind) -%}
    case {{ kind }}
        when 'total' then '(all)'
        when 'channel' then coalesce({{ person }}.first_channel, '(not set)')
        when 'source' then coalesce({{ person }}.first_source, '(not set)')
        when 'industry' then coalesce({{ person }}.industry, '(not set)')
        else coalesce({{ person }}.client_type, '(not set)')
    end
{%- endmacro -%}

{#- The models by which credit for a conversion is given. What each says is in models/marts/attribution.sql. -#}
{%- macro attribution_models() -%}
    {%- for model in [
        'first', 'last', 'last_non_direct', 'linear', 'position', 'time_decay', 'w_shaped', 'markov', 'shapley'
    ] %}
    select '{{ model }}' as model
    {%- if not loop.last %} union all{% endif %}
    {%- endfor %}
{%- endmacro -%}

{#-
    Where a touch came from, in one word. The rules are rows of seeds/channel.csv, which users edit: the medium decides, then the
    source, then how the CRM names the lead's source. A utm_source that no rule knows is a channel by itself.
-#}

{#- The joins that channel_of needs; each finds one rule at most. -#}
{%- macro join_channels(alias, lead_source=none) -%}
    left join {{ ref('channel') }} as by_medium
        on by_medium.channel_field = 'utm_medium' and lower(trim({{ alias }}.utm_medium)) = by_medium.channel_value
    left join {{ ref('channel') }} as by_source
        on by_source.channel_field = 'utm_source' and lower(trim({{ alias }}.utm_source)) = by_source.channel_value
    {%- if lead_source %}
    left join {{ ref('channel') }} as by_lead_source
        on by_lead_source.channel_field = 'lead_source' and {{ alias }}.{{ lead_source }} = by_lead_source.channel_value
    {%- endif %}
{%- endmacro -%}

{#- The channel; null where neither the utm fields nor the lead's source say anything. -#}
{%- macro channel_of(alias, lead_source=none) -%}
    coalesce(
        by_medium.channel,
        by_source.channel,
        nullif(lower(trim({{ alias }}.utm_source)), '')
        {%- if lead_source %},
        by_lead_source.channel
        {%- endif %}
    )
{%- endmacro -%}

{#- Open time of a calendar up to an instant, from the as-of window `alias` of dim_open_window: what lay before the
    window, and the part of the window that has passed. -#}
{%- macro open_micros_at(at, alias) -%}
    coalesce(
        {{ alias }}.open_micros_before + case
            when {{ at }} < {{ alias }}.closes_at then {{ micros_between(alias ~ '.opens_at', at) }}
            else {{ alias }}.open_micros_through - {{ alias }}.open_micros_before
        end,
        0
    )
{%- endmacro -%}

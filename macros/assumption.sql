{#- Value of an assumption (seeds/assumption.csv) for a tenant: its own row, else the one of all tenants. -#}
{%- macro assumption(name, tenant_id) -%}
    coalesce(
        (
            select max(assumed.value)
            from {{ ref('assumption') }} as assumed
            where assumed.assumption = '{{ name }}' and assumed.tenant_id = {{ tenant_id }}
        ),
        (
            select max(assumed.value)
            from {{ ref('assumption') }} as assumed
            where assumed.assumption = '{{ name }}' and assumed.tenant_id = 'all'
        )
    )
{%- endmacro -%}

{#- The folder is the schema: without this, dbt would prefix it with the target's own schema. -#}
{%- macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro -%}

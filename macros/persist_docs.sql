{#-
    Writes the descriptions of a model and its columns in one statement. dbt's own macro asks the database for the
    columns twice per model first, a tenth of the time of a build of little data; a contract has just proved them.
-#}
{% macro duckdb__persist_docs(relation, model, for_relation, for_columns) -%}
    {%- if not config.get('contract').enforced -%}
        {{ default__persist_docs(relation, model, for_relation, for_columns) }}
    {%- else -%}
        {%- set comments -%}
            {%- if for_relation and config.persist_relation_docs() and model.description -%}
                {{ duckdb__alter_relation_comment(relation, model.description) }}
            {%- endif -%}
            {%- if for_columns and config.persist_column_docs() -%}
                {%- for column in model.columns.values() %}
                    comment on column {{ relation }}.{{ adapter.quote(column.name) if column.quote else column.name }}
                    is {{ duckdb_escape_comment(column.description) }};
                {%- endfor -%}
            {%- endif -%}
        {%- endset -%}
        {%- if comments | trim -%}
            {%- do run_query(comments) -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

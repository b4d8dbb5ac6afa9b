{#-
    How Spark keeps what models say. A table of Parquet files can neither delete nor merge: an incremental one stands in
    buckets by its key, and whatever goes or is replaced, goes with its bucket, which is written anew from the rows that stay.
    A table of Delta or Iceberg (DEALHOUSE_SPARK_FORMAT) deletes and merges.
-#}

{%- macro spark_format() -%}{{ return(env_var('DEALHOUSE_SPARK_FORMAT', 'parquet')) }}{%- endmacro -%}

{%- macro can_merge() -%}{{ return(spark_format() in ('delta', 'iceberg', 'hudi')) }}{%- endmacro -%}

{#- Whether the model that is being built stands in buckets. -#}
{%- macro is_bucketed() -%}{{ return(config.get('incremental_strategy') == 'insert_overwrite') }}{%- endmacro -%}

{#- The bucket of a row, as the last column: by what is replaced together. -#}
{%- macro bucket() -%}
    {%- set names = model.columns.keys() | list -%}
    {%- set key = (config.get('unique_key') or (['cutoff_at'] if 'cutoff_at' in names else names))[:2] -%}
    cast(pmod(hash({{ key | join(', ') }}), {{ env_var('DEALHOUSE_SPARK_BUCKETS', '16') }}) as int) as spark_bucket
{%- endmacro -%}

{#- The query of a model with the columns of its contract. What is numbered or counted is an int to Spark where it is a bigint to
    DuckDB, and the contract: it is widened. Whatever else differs from the contract fails; dbt then says what. Describing a query only
    analyses it, where dbt's own check plans it, twice. -#}
{%- macro contracted(sql) -%}
    {%- if not config.get('contract').enforced -%}{{ return(sql) }}{%- endif -%}
    {%- set found, selected, wrong = {}, [], [] -%}
    {%- for row in run_query('describe query ' ~ sql).rows -%}{%- do found.update({row[0]: row[1]}) -%}{%- endfor -%}
    {%- for name, column in model.columns.items() -%}
        {%- set is_widened = found.get(name) == 'int' and column.data_type == 'bigint' -%}
        {%- do selected.append('cast(made.' ~ name ~ ' as bigint) as ' ~ name if is_widened else 'made.' ~ name) -%}
        {%- if not is_widened and found.get(name) != column.data_type | replace('integer', 'int') -%}{%- do wrong.append(name) -%}{%- endif -%}
    {%- endfor -%}
    {%- set made = 'select ' ~ selected | join(', ') ~ ' from (' ~ sql ~ ') as made' -%}
    {%- if wrong or found | length != selected | length -%}
        {%- do get_assert_columns_equivalent(sql if found | length != selected | length else made) -%}
    {%- endif -%}
    {{ return(made) }}
{%- endmacro -%}

{%- macro spark__create_view_as(relation, sql) -%}
    create or replace view {{ relation }} (
        {%- for name in model.columns -%}
        {{ get_column_comment_sql(name, model.columns) }}{{ ', ' if not loop.last }}
        {%- endfor -%}
    )
    {{ comment_clause() }}
    as {{ contracted(sql) }}
{%- endmacro -%}

{%- macro spark__create_table_as(temporary, relation, compiled_code, language='sql') -%}
    {%- set fresh = contracted(compiled_code) -%}
    {%- if is_bucketed() -%}
        {%- set fresh = 'select fresh.*, ' ~ bucket() ~ ' from (' ~ fresh ~ ') as fresh' -%}
    {%- endif -%}
    {%- if temporary -%}
    create or replace temporary view {{ relation }} as
    {{ fresh }}
    {%- else -%}
    create {{ 'or replace ' if can_merge() }}table {{ relation }}
    {{ file_format_clause() }}
    {{ 'partitioned by (spark_bucket)' if is_bucketed() }}
    {{ location_clause() }}
    {{ comment_clause() }}
    as
    {%- if is_bucketed() %}
    select /*+ rebalance(spark_bucket) */ * from ({{ fresh }}) as bucketed
    {%- else %}
    {{ fresh }}
    {%- endif -%}
    {%- endif -%}
{%- endmacro -%}

{#- Seeds as literals: as bound values, nothing would become the text None, and an apostrophe an error. -#}
{%- macro spark__load_csv_rows(model, agate_table) -%}
    {%- set types = model['config'].get('column_types', {}) -%}
    {%- set rows = [] -%}
    {%- for row in agate_table.rows -%}
        {%- set values = [] -%}
        {%- for name in agate_table.column_names -%}
            {%- set value = row[name] | string | replace('\\', '\\\\') | replace("'", "\\'") -%}
            {%- set literal = 'null' if row[name] is none else "'" ~ value ~ "'" -%}
            {%- set type = types.get(name, adapter.convert_type(agate_table, loop.index0)) -%}
            {%- do values.append('cast(' ~ literal ~ ' as ' ~ type ~ ')') -%}
        {%- endfor -%}
        {%- do rows.append('(' ~ values | join(', ') ~ ')') -%}
    {%- endfor -%}
    {%- set sql = 'insert into ' ~ this ~ ' values ' ~ rows | join(', ') -%}
    {%- if rows -%}{%- do adapter.add_query(sql, abridge_sql_log=true) -%}{%- endif -%}
    {{ return(sql) }}
{%- endmacro -%}

{#- Writes the rows that a model has recomputed; where it has a key, in place of those of the same key. -#}
{%- macro get_insert_overwrite_sql(source_relation, target_relation, existing_relation) -%}
    {%- set columns = adapter.get_columns_in_relation(target_relation) | map(attribute='quoted') | list -%}
    {%- set key = config.get('unique_key') -%}
    {%- if not key -%}
    insert into table {{ target_relation }}
    select {{ columns | join(', ') }} from {{ source_relation }}
    {%- else -%}
    {#- asked twice below, and then written -#}
    {%- do run_query('cache table ' ~ source_relation) -%}
    {%- set buckets = bucket_list('select distinct spark_bucket from ' ~ source_relation) -%}
    {%- if buckets -%}
    insert overwrite table {{ target_relation }} partition (spark_bucket)
    select built.{{ columns | join(', built.') }}
    from {{ target_relation }} as built
    left anti join {{ source_relation }} as fresh
        on {% for name in key %}built.{{ name }} = fresh.{{ name }}{{ ' and ' if not loop.last }}{% endfor %}
    where built.spark_bucket in ({{ buckets | join(', ') }})
    union all
    select {{ columns | join(', ') }} from {{ source_relation }}
    {%- else -%}
    select 1
    {%- endif -%}
    {%- endif -%}
{%- endmacro -%}

{%- macro bucket_list(query) -%}{{ return(run_query(query).columns[0].values() | map('int') | list) }}{%- endmacro -%}

{#- Rewrites the buckets from which rows go: `gone` and `kept` are the two halves of the table, from its `from` on. -#}
{%- macro rewrite_buckets(gone, kept) -%}
    {%- set buckets = bucket_list('select distinct built.spark_bucket ' ~ gone) -%}
    {%- if buckets -%}
        {%- set kept = kept ~ ' and built.spark_bucket in (' ~ buckets | join(', ') ~ ')' -%}
        {%- set left = bucket_list('select distinct built.spark_bucket ' ~ kept) -%}
        {%- do run_query('insert overwrite table ' ~ this ~ ' partition (spark_bucket) select built.* ' ~ kept) -%}
        {#- of a bucket without rows nothing is written, so that it would stay as it was -#}
        {%- for bucket in buckets if bucket not in left -%}
            {%- do run_query('alter table ' ~ this ~ ' drop if exists partition (spark_bucket = ' ~ bucket ~ ')') -%}
        {%- endfor -%}
    {%- endif -%}
    select 1
{%- endmacro -%}

{%- macro spark__drop_keys(keys, query, others) -%}
    {%- set dropped = '(select distinct * from (' ~ query ~ ')) as dropped (' ~ keys | join(', ') ~ ')' -%}
    {%- set equal = [] -%}
    {%- for key in keys -%}{%- do equal.append('built.' ~ key ~ ' = dropped.' ~ key) -%}{%- endfor -%}
    {%- set on = dropped ~ ' on ' ~ equal | join(' and ') ~ ' where true' -%}
    {%- set named = 'from ' ~ this ~ ' as built left semi join ' ~ on -%}
    {%- set unnamed = 'from ' ~ this ~ ' as built left anti join ' ~ on -%}
    {%- set gone = unnamed if others else named -%}
    {%- if can_merge() -%}
    merge into {{ this }} as built
    using (select distinct built.{{ keys | join(', built.') }} {{ gone }}) as dropped
    on {{ equal | join(' and ') }}
    when matched then delete
    {%- else -%}
    {{ rewrite_buckets(gone, named if others else unnamed) }}
    {%- endif -%}
{%- endmacro -%}

{%- macro spark__drop_where(condition) -%}
    {%- if can_merge() -%}
    delete from {{ this }} where {{ condition }}
    {%- else -%}
    {{ rewrite_buckets(
        'from ' ~ this ~ ' as built where ' ~ condition, 'from ' ~ this ~ ' as built where not (' ~ condition ~ ')'
    ) }}
    {%- endif -%}
{%- endmacro -%}

{#- What has been built stands in the properties of the table: two models never write one table, and a table that is made
    anew has forgotten. -#}
{%- macro spark__built_up_to(staging) -%}
    {%- set name = 'dealhouse.' ~ staging -%}
    {%- set marks = [0] -%}
    {%- if execute -%}
        {%- for property in run_query('show tblproperties ' ~ this).rows if property[0] == name -%}
            {%- do marks.append(property[1] | int) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(marks | last) }}
{%- endmacro -%}

{%- macro spark__mark_built(stagings) -%}
    {%- if execute -%}
    {%- do run_query('uncache table if exists ' ~ this.identifier ~ '__dbt_tmp') -%}
    alter table {{ this }} set tblproperties (
        {%- for staging in stagings %}
        {%- set last = run_query('select coalesce(max(batch_id), 0) from ' ~ ref(staging)) %}
        'dealhouse.{{ staging }}' = '{{ last.rows[0][0] }}'{{ ',' if not loop.last }}
        {%- endfor %}
    )
    {%- endif -%}
{%- endmacro -%}

{#- Before a run: the tables that dbt does not make become views of the last export (`dealhouse export`). Without
    DEALHOUSE_SPARK_EXPORT they are taken as they stand in the catalogue. -#}
{%- macro spark__register_sources() -%}
    {%- set folder = env_var('DEALHOUSE_SPARK_EXPORT', '') -%}
    {%- if execute -%}
        {%- set known = {'read_at': run_started_at.strftime('%Y%m%dT%H%M%S%fZ'), 'forgotten': 0} -%}
        {%- for schema in ('raw', 'computed') -%}{%- do run_query('create schema if not exists ' ~ schema) -%}{%- endfor -%}
        {%- if folder -%}
            {%- set manifest = 'select distinct relation, version, forgotten from json.`' ~ folder ~ '/manifest.ndjson`' -%}
            {%- for relation, version, forgotten in run_query(manifest).rows -%}
                {%- set path = folder ~ '/' ~ version ~ '/' ~ relation | replace('.', '/') -%}
                {%- do run_query('create or replace view ' ~ relation ~ ' as select * from parquet.`' ~ path ~ '`') -%}
                {%- if relation == 'raw.events' -%}
                    {%- do known.update({'read_at': version.split('-')[0], 'forgotten': forgotten | int}) -%}
                {%- endif -%}
            {%- endfor -%}
        {%- endif -%}
        {%- do graph.update({'dealhouse_export': known}) -%}
        {{ begin_build(known.forgotten) }}
    {%- endif -%}
{%- endmacro -%}

{#- One row tells whether the tables are of one build that ended well, and how many erasures and retentions came before what it
    was built from. A build that is cut off, or fails, leaves it at false. -#}
{%- macro begin_build(forgotten) -%}
    {%- do run_query(
        'create table if not exists raw.spark_build (is_whole boolean, forgotten bigint) using ' ~ spark_format()
    ) -%}
    {%- set before = run_query('select is_whole, forgotten from raw.spark_build').rows -%}
    {%- set was_whole = before | length > 0 and before[0][0] -%}
    {%- set last = before[0][1] | int if before | length else forgotten -%}
    {%- if last != forgotten and not flags.FULL_REFRESH -%}
        {%- do exceptions.raise_compiler_error(
            'Tables of Spark still hold what was erased, or was too old, since they were built. Build with --full-refresh.'
        ) -%}
    {%- endif -%}
    {%- do graph.update({'dealhouse_before': {'was_whole': was_whole, 'forgotten': last}}) -%}
    {%- do run_query('insert overwrite table raw.spark_build select false, cast(' ~ last ~ ' as bigint)') -%}
{%- endmacro -%}

{#- Whether the tables are whole now: all models were built, or some of a whole build. -#}
{%- macro end_build() -%}
    {%- set models = graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') | map(attribute='unique_id') -%}
    {%- set is_all = models | reject('in', selected_resources) | list | length == 0 -%}
    {%- set is_anew = is_all and flags.FULL_REFRESH -%}
    {%- set forgotten = (graph.dealhouse_export if is_anew else graph.dealhouse_before).forgotten -%}
    {%- set is_whole = forgotten == graph.dealhouse_export.forgotten and (is_all or graph.dealhouse_before.was_whole) -%}
    {%- do run_query('insert overwrite table raw.spark_build select ' ~ is_whole ~ ', cast(' ~ forgotten ~ ' as bigint)') -%}
    {{ return(is_whole) }}
{%- endmacro -%}

{#- After a run that leaves the tables whole: with DEALHOUSE_SPARK_HANDBACK, the layers that readers see go to that folder as plain
    Parquet, whatever format and place the tables have; `dealhouse import-marts` publishes them. What says that they are complete is
    written last, and says what they were built from. -#}
{%- macro spark__hand_back(results) -%}
    {%- set folder = env_var('DEALHOUSE_SPARK_HANDBACK', '') -%}
    {%- set bad = results | map(attribute='status') | map('string') | select('in', ['error', 'fail', 'skipped']) | list -%}
    {%- set is_whole = execute and not bad and end_build() -%}
    {%- if execute and folder and not is_whole -%}
        {%- do log('Nothing was handed back: not all models were built, or one has failed since they were.', info=true) -%}
    {%- elif execute and folder -%}
        {%- set path = folder ~ '/' ~ invocation_id -%}
        {%- set write = 'insert overwrite directory \'' ~ path ~ '/' -%}
        {%- set layers = env_var('DEALHOUSE_SPARK_LAYERS', 'facts,marts,features,scores,contacts').split(',') -%}
        {#- what statistics read besides: the seeds, and the clock -#}
        {%- for node in graph.nodes.values()
            if node.schema in layers or node.resource_type == 'seed' or node.name == 'stg_clock' -%}
            {%- set names = node.columns.keys() | join(', ') if node.resource_type == 'model' else '*' -%}
            {%- if node.resource_type in ('model', 'seed') -%}
                {%- do run_query(
                    write ~ node.schema ~ '/' ~ node.name ~ '\' using parquet select ' ~ names ~ ' from ' ~ node.schema
                    ~ '.' ~ node.name
                ) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- do run_query(write ~ 'raw/batches\' using parquet select * from ' ~ source('raw', 'batches')) -%}
        {%- do run_query(
            'insert overwrite directory \'' ~ folder ~ '/current\' using json select /*+ coalesce(1) */ \'' ~ invocation_id
            ~ '\' as run_id, cast(as_of as string) as as_of, cast(known_at as string) as known_at, \'' ~ graph.dealhouse_export.read_at ~ '\' as read_at from staging.stg_clock'
        ) -%}
    {%- endif -%}
{%- endmacro -%}

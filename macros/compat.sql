{#-
    All that DuckDB and Spark do differently, one dispatched macro each. Models name no engine; a lint over the compiled
    SQL (tests/conventions) refuses what would read the same and mean something else.
-#}

{#- Types the fields of a JSON object in one parse. `fields` maps a name to text, number, integer, boolean or date. -#}
{%- macro json_fields(column, fields) -%}{{ return(adapter.dispatch('json_fields')(column, fields)) }}{%- endmacro -%}

{%- macro default__json_fields(column, fields) -%}
    {%- set types = {'text': 'VARCHAR', 'number': 'DOUBLE', 'integer': 'BIGINT', 'boolean': 'BOOLEAN', 'date': 'DATE'} -%}
    json_transform({{ column }}, '{
    {%- for name, kind in fields.items() -%}"{{ name }}":"{{ types[kind] }}"{{ ',' if not loop.last }}{%- endfor -%}
    }')
{%- endmacro -%}

{%- macro spark__json_fields(column, fields) -%}
    {%- set types = {'text': 'string', 'number': 'double', 'integer': 'bigint', 'boolean': 'boolean', 'date': 'date'} -%}
    from_json({{ column }}, '
    {%- for name, kind in fields.items() -%}`{{ name }}` {{ types[kind] }}{{ ', ' if not loop.last }}{%- endfor -%}
    ')
{%- endmacro -%}

{#- An RFC 3339 text as a UTC timestamp; null where it is none. -#}
{%- macro to_utc(text) -%}{{ return(adapter.dispatch('to_utc')(text)) }}{%- endmacro -%}
{%- macro default__to_utc(text) -%}cast(try_cast({{ text }} as timestamptz) as timestamp){%- endmacro -%}
{%- macro spark__to_utc(text) -%}try_cast({{ text }} as timestamp){%- endmacro -%}

{#- Local wall-clock time in a zone as a UTC timestamp, daylight saving included. -#}
{%- macro local_to_utc(local, zone) -%}{{ return(adapter.dispatch('local_to_utc')(local, zone)) }}{%- endmacro -%}
{%- macro default__local_to_utc(local, zone) -%}cast(timezone({{ zone }}, {{ local }}) as timestamp){%- endmacro -%}
{%- macro spark__local_to_utc(local, zone) -%}to_utc_timestamp({{ local }}, {{ zone }}){%- endmacro -%}

{#- A UTC timestamp as the local wall-clock time in a zone, daylight saving included. -#}
{%- macro utc_to_local(at, zone) -%}{{ return(adapter.dispatch('utc_to_local')(at, zone)) }}{%- endmacro -%}
{%- macro default__utc_to_local(at, zone) -%}timezone({{ zone }}, timezone('UTC', {{ at }})){%- endmacro -%}
{%- macro spark__utc_to_local(at, zone) -%}from_utc_timestamp({{ at }}, {{ zone }}){%- endmacro -%}

{#- Microseconds since the epoch, as bigint. The only way that elapsed time is measured: dbt's datediff counts
    boundaries on one engine and rounds up on the other. -#}
{%- macro epoch_micros(at) -%}{{ return(adapter.dispatch('epoch_micros')(at)) }}{%- endmacro -%}
{%- macro default__epoch_micros(at) -%}epoch_us({{ at }}){%- endmacro -%}
{%- macro spark__epoch_micros(at) -%}unix_micros({{ at }}){%- endmacro -%}

{%- macro from_epoch_micros(micros) -%}{{ return(adapter.dispatch('from_epoch_micros')(micros)) }}{%- endmacro -%}
{%- macro default__from_epoch_micros(micros) -%}make_timestamp({{ micros }}){%- endmacro -%}
{%- macro spark__from_epoch_micros(micros) -%}timestamp_micros({{ micros }}){%- endmacro -%}

{#- The last value of a window that is not null; the window follows the call. -#}
{%- macro last_not_null(expression) -%}{{ return(adapter.dispatch('last_not_null')(expression)) }}{%- endmacro -%}
{%- macro default__last_not_null(expression) -%}last_value({{ expression }} ignore nulls){%- endmacro -%}
{%- macro spark__last_not_null(expression) -%}last_value({{ expression }}, true){%- endmacro -%}

{#- A date plus whole days, as a date. -#}
{%- macro add_days(day, days) -%}{{ return(adapter.dispatch('add_days')(day, days)) }}{%- endmacro -%}
{%- macro default__add_days(day, days) -%}cast({{ day }} + cast({{ days }} as integer) as date){%- endmacro -%}
{%- macro spark__add_days(day, days) -%}date_add({{ day }}, cast({{ days }} as int)){%- endmacro -%}

{#- ISO weekday, Monday 1 to Sunday 7. -#}
{%- macro iso_weekday(day) -%}{{ return(adapter.dispatch('iso_weekday')(day)) }}{%- endmacro -%}
{%- macro default__iso_weekday(day) -%}cast(isodow({{ day }}) as integer){%- endmacro -%}
{%- macro spark__iso_weekday(day) -%}cast(extract(dayofweek_iso from {{ day }}) as int){%- endmacro -%}

{#- A relation of every date from first to last (both included), in column `day_date`. -#}
{%- macro date_spine(first, last) -%}{{ return(adapter.dispatch('date_spine')(first, last)) }}{%- endmacro -%}
{%- macro default__date_spine(first, last) -%}
    (select cast(day_at as date) as day_date from generate_series({{ first }}, {{ last }}, interval 1 day) as spine (day_at))
{%- endmacro -%}
{%- macro spark__date_spine(first, last) -%}
    (select explode(sequence({{ first }}, {{ last }}, interval 1 day)) as day_date)
{%- endmacro -%}

{#- Several percentiles of a value, as a list: one state for all of them, where each percentile_cont keeps its own copy
    of every value. `item` takes one out, counted from 1. -#}
{%- macro percentiles(value, shares) -%}{{ return(adapter.dispatch('percentiles')(value, shares)) }}{%- endmacro -%}
{%- macro default__percentiles(value, shares) -%}quantile_cont({{ value }}, {{ shares }}){%- endmacro -%}
{%- macro spark__percentiles(value, shares) -%}percentile({{ value }}, array({{ shares | join(', ') }})){%- endmacro -%}
{%- macro item(list, number) -%}{{ return(adapter.dispatch('item')(list, number)) }}{%- endmacro -%}
{%- macro default__item(list, number) -%}{{ list }}[{{ number }}]{%- endmacro -%}
{%- macro spark__item(list, number) -%}{{ list }}[{{ number - 1 }}]{%- endmacro -%}

{#- A relation of the whole numbers 0 to n - 1, in column `number`. -#}
{%- macro numbers(n) -%}{{ return(adapter.dispatch('numbers')(n)) }}{%- endmacro -%}
{%- macro default__numbers(n) -%}(select cast(number as bigint) as number from range({{ n }}) as counted (number)){%- endmacro -%}
{%- macro spark__numbers(n) -%}(select id as number from range({{ n }})){%- endmacro -%}

{#- Joins each row to the last row of `table` whose `valid_from` is at or before (or, when strict, before) `at`.
    DuckDB has a join for it, several times faster than the portable twin, which needs the end of validity as well. -#}
{%- macro asof_left_join(table, alias, equal, at, valid_from, valid_to, strict=false) -%}
    {{ return(adapter.dispatch('asof_left_join')(table, alias, equal, at, valid_from, valid_to, strict)) }}
{%- endmacro -%}
{%- macro default__asof_left_join(table, alias, equal, at, valid_from, valid_to, strict) -%}
    asof left join {{ table }} as {{ alias }}
        on {{ equal }} and {{ at }} {{ '>' if strict else '>=' }} {{ alias }}.{{ valid_from }}
{%- endmacro -%}
{%- macro spark__asof_left_join(table, alias, equal, at, valid_from, valid_to, strict) -%}
    left join {{ table }} as {{ alias }}
        on {{ equal }} and {{ at }} {{ '>' if strict else '>=' }} {{ alias }}.{{ valid_from }}
            and {{ at }} {{ '<=' if strict else '<' }} {{ alias }}.{{ valid_to }}
{%- endmacro -%}

{#- How an incremental model adds the entities that it recomputed: their old rows went in the pre-hook (drop_touched). -#}
{%- macro add_touched() -%}{{ return(adapter.dispatch('add_touched')()) }}{%- endmacro -%}
{%- macro default__add_touched() -%}{{ return('append') }}{%- endmacro -%}
{%- macro spark__add_touched() -%}{{ return('append' if can_merge() else 'insert_overwrite') }}{%- endmacro -%}

{#- How it replaces single rows of entities that nothing touched, such as timers that run on. -#}
{%- macro replace_rows() -%}{{ return(adapter.dispatch('replace_rows')()) }}{%- endmacro -%}
{%- macro default__replace_rows() -%}{{ return('delete+insert') }}{%- endmacro -%}
{%- macro spark__replace_rows() -%}{{ return('merge' if can_merge() else 'insert_overwrite') }}{%- endmacro -%}

{#- A JSON object, as text, of names and expressions; what is null is left out. -#}
{%- macro json_text(fields) -%}{{ return(adapter.dispatch('json_text')(fields)) }}{%- endmacro -%}
{%- macro default__json_text(fields) -%}
    cast(json_merge_patch('{}', json_object(
    {%- for name, expression in fields.items() -%}'{{ name }}', {{ expression }}{{ ', ' if not loop.last }}{%- endfor -%}
    )) as string)
{%- endmacro -%}
{%- macro spark__json_text(fields) -%}
    to_json(named_struct(
    {%- for name, expression in fields.items() -%}'{{ name }}', {{ expression }}{{ ', ' if not loop.last }}{%- endfor -%}
    ))
{%- endmacro -%}

{#- A hash that is the same on both engines, as 32 hexadecimal digits. -#}
{%- macro text_hash(text) -%}{{ return(adapter.dispatch('text_hash')(text)) }}{%- endmacro -%}
{%- macro default__text_hash(text) -%}md5({{ text }}){%- endmacro -%}
{%- macro spark__text_hash(text) -%}md5({{ text }}){%- endmacro -%}


{#- Pre-hook: the rows with these keys go, or (others) those with any other key. -#}
{%- macro drop_keys(keys, query, others=false) -%}
    {{ return(adapter.dispatch('drop_keys')(keys, query, others)) }}
{%- endmacro -%}
{%- macro default__drop_keys(keys, query, others) -%}
    delete from {{ this }} where ({{ keys | join(', ') }}) {{ 'not in' if others else 'in' }} ({{ query }})
{%- endmacro -%}

{#- Pre-hook: the rows go of which this holds; it names the columns of this model alone. -#}
{%- macro drop_where(condition) -%}{{ return(adapter.dispatch('drop_where')(condition)) }}{%- endmacro -%}
{%- macro default__drop_where(condition) -%}delete from {{ this }} where {{ condition }}{%- endmacro -%}

{#- Before a run: where the tables are that dbt does not make. DuckDB has them in its own file. -#}
{%- macro register_sources() -%}{{ return(adapter.dispatch('register_sources')()) }}{%- endmacro -%}
{%- macro default__register_sources() -%}{%- endmacro -%}

{#- After a run: where readers find what was built. DuckDB's file is published by the run itself. -#}
{%- macro hand_back(results) -%}{{ return(adapter.dispatch('hand_back')(results)) }}{%- endmacro -%}
{%- macro default__hand_back(results) -%}{%- endmacro -%}

{#-
    Conversations are rebuilt from their messages, and an event may name a message alone. So what is touched are all
    conversations that a touched message has ever been said to belong to.
-#}

{%- macro touched_conversations(with_handoffs=false) -%}
    select distinct event.tenant_id, event.conversation_id
    from {{ ref('stg_message_event') }} as event
    where event.conversation_id is not null
    {%- if is_incremental() %}
        and (event.tenant_id, event.message_id) in (
            select fresh.tenant_id, fresh.message_id
            from {{ ref('stg_message_event') }} as fresh
            where fresh.batch_id > {{ built_up_to('stg_message_event') }}
        )
    {%- endif %}
    {%- if with_handoffs %}
    union
    {{ touched('stg_conversation_event', 'conversation_id') }}
    {%- endif %}
{%- endmacro -%}

{#- Pre-hook: the rows of touched conversations go before the new ones come. -#}
{%- macro drop_touched_conversations(with_handoffs=false) -%}
    {%- if execute and is_incremental() -%}
    {%- set keys -%}
        select touched_now.tenant_id, touched_now.conversation_id
        from ({{ touched_conversations(with_handoffs) }}) as touched_now
    {%- endset -%}
    {{ drop_keys(['tenant_id', 'conversation_id'], keys) }}
    {%- else -%}
    select 1
    {%- endif -%}
{%- endmacro -%}

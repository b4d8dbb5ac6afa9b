{#- Whom an event is about, where it may name a contact, a user or a lead: the kind and the id that fact_identity knows. -#}

{%- macro subject_kind(alias) -%}
    case
        when {{ alias }}.contact_id is not null then 'contact'
        when {{ alias }}.user_id is not null then 'user'
        when {{ alias }}.lead_id is not null then 'lead'
    end
{%- endmacro -%}

{%- macro subject_id(alias) -%}coalesce({{ alias }}.contact_id, {{ alias }}.user_id, {{ alias }}.lead_id){%- endmacro -%}

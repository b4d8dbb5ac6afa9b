{#-
    What campaigns and experiments are for: a person converts, by a lead that is converted or by a first payment. Both use
    these, so that they mean the same.
-#}

{#- The person behind a subject (subject_kind, subject_id) of `alias`; one that nothing else names is a person by itself. -#}
{%- macro person_of(alias) -%}
coalesce(identity.person_id, {{ alias }}.subject_kind || ':' || {{ alias }}.subject_id)
{%- endmacro -%}

{#- The join that person_of needs; it finds one person at most. -#}
{%- macro join_person(alias) -%}
    left join {{ ref('fact_identity') }} as identity
        on
            {{ alias }}.tenant_id = identity.tenant_id
            and {{ alias }}.subject_kind = identity.id_kind
            and {{ alias }}.subject_id = identity.id_value
{%- endmacro -%}

{#- Every conversion as (tenant_id, person_id, converted_at). -#}
{%- macro conversions() -%}
    select
        lead.tenant_id,
        coalesce(identity.person_id, 'lead:' || lead.lead_id) as person_id,
        lead.converted_at
    from {{ ref('fact_lead') }} as lead
    left join {{ ref('fact_identity') }} as identity
        on lead.tenant_id = identity.tenant_id and identity.id_kind = 'lead' and lead.lead_id = identity.id_value
    where lead.converted_at is not null
    union
    select person.tenant_id, person.person_id, person.converted_at
    from {{ ref('fact_person') }} as person
    where person.converted_at is not null
{%- endmacro -%}

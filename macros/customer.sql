{#- Whom a customer's money is owed to: the channel by which its person, or the first person of its account, came. Who buys in the
    shop is a person. -#}

{#- A row per customer key of the persons that are known: `customer_id` and its `channel`. -#}
{%- macro customer_channels() -%}
    select
        arrival.tenant_id,
        arrival.customer_id,
        arrival.channel
    from (
        select
            candidate.tenant_id,
            candidate.customer_id,
            candidate.channel,
            row_number() over (
                partition by candidate.tenant_id, candidate.customer_id
                order by candidate.arrived_at, candidate.person_id
            ) as arrival_number
        from (
            select
                owned.tenant_id,
                owned.customer_id,
                person.person_id,
                person.first_channel as channel,
                coalesce(person.first_touch_at, person.lead_at, person.first_seen_at) as arrived_at
            from (
                select member.tenant_id, 'account:' || member.account_id as customer_id, member.person_id
                from {{ ref('fact_person') }} as member
                where member.account_id is not null
                union all
                -- what an account that was merged away has paid came by the channel of the one that is left
                select merged.tenant_id, 'account:' || merged.account_id as customer_id, member.person_id
                from {{ ref('fact_account_merge') }} as merged
                inner join {{ ref('fact_person') }} as member
                    on merged.tenant_id = member.tenant_id and merged.merged_into_account_id = member.account_id
                union all
                select identity.tenant_id, 'user:' || identity.id_value as customer_id, identity.person_id
                from {{ ref('fact_identity') }} as identity
                where identity.id_kind = 'user'
                union all
                select member.tenant_id, 'person:' || member.person_id as customer_id, member.person_id
                from {{ ref('fact_person') }} as member
            ) as owned
            inner join {{ ref('fact_person') }} as person
                on owned.tenant_id = person.tenant_id and owned.person_id = person.person_id
            where person.first_channel is not null
        ) as candidate
    ) as arrival
    where arrival.arrival_number = 1
{%- endmacro -%}

{#-
    CTEs that end in `lead_routes`: whom each open lead without an owner should go to, by seeds/sales_territory.csv.

    A lead belongs to the most particular territory that it matches (city, then industry, then source, then *). Within it,
    leads take turns by the number that each has among all leads that the territory ever had, so that a lead that comes or
    goes moves nobody else's. Who has no room left is passed over: such leads take the free places in turn, and wait where
    there is none. Nothing is assigned by it; it is proposed.
-#}
{%- macro lead_routes() -%}
    territories as (
        select
            territory.tenant_id,
            territory.lead_field,
            lower(territory.lead_value) as lead_value,
            territory.owner_id,
            territory.capacity,
            row_number() over (
                partition by territory.tenant_id, territory.lead_field, lower(territory.lead_value)
                order by territory.owner_id asc
            ) as turn,
            count(*) over (
                partition by territory.tenant_id, territory.lead_field, lower(territory.lead_value)
            ) as owner_count
        from {{ ref('sales_territory') }} as territory
    ),

    lead_places as (
        {%- for field in ['city', 'industry', 'lead_source', '*'] %}
        select
            lead.tenant_id,
            lead.lead_id,
            {{ loop.index }} as precedence,
            '{{ field }}' as lead_field,
            {{ "'*'" if field == '*' else 'lower(lead.' ~ field ~ ')' }} as lead_value
        from {{ ref('fact_lead') }} as lead
        {% if not loop.last %}union all{% endif %}
        {%- endfor %}
    ),

    lead_territories as (
        select
            place.tenant_id,
            place.lead_id,
            min_by(place.lead_field, place.precedence) filter (where place.lead_field is not null) as lead_field,
            min_by(place.lead_value, place.precedence) filter (where place.lead_value is not null) as lead_value
        from lead_places as place
        inner join territories
            on
                place.tenant_id = territories.tenant_id
                and place.lead_field = territories.lead_field
                and place.lead_value = territories.lead_value
                and territories.turn = 1
        group by place.tenant_id, place.lead_id
    ),

    numbered_leads as (
        select
            place.tenant_id,
            place.lead_id,
            place.lead_field,
            place.lead_value,
            lead.created_at,
            lead.assigned_to,
            lead.converted_at is null and lead.disqualified_at is null as is_open,
            row_number() over (
                partition by place.tenant_id, place.lead_field, place.lead_value
                order by lead.created_at asc, lead.lead_id asc
            ) as lead_number
        from lead_territories as place
        inner join {{ ref('fact_lead') }} as lead
            on place.tenant_id = lead.tenant_id and place.lead_id = lead.lead_id
    ),

    owner_rooms as (
        select
            territories.tenant_id,
            territories.lead_field,
            territories.lead_value,
            territories.owner_id,
            territories.turn,
            territories.owner_count,
            coalesce(territories.capacity, 1000000) - count(taken.lead_id) as room
        from territories
        left join numbered_leads as taken
            on
                territories.tenant_id = taken.tenant_id
                and territories.lead_field = taken.lead_field
                and territories.lead_value = taken.lead_value
                and territories.owner_id = taken.assigned_to
                and taken.is_open
        group by
            territories.tenant_id, territories.lead_field, territories.lead_value, territories.owner_id, territories.turn,
            territories.owner_count, territories.capacity
    ),

    turns as (
        select
            waiting.tenant_id,
            waiting.lead_id,
            waiting.lead_field,
            waiting.lead_value,
            waiting.created_at,
            owner_rooms.owner_id,
            owner_rooms.room,
            row_number() over (
                partition by waiting.tenant_id, waiting.lead_field, waiting.lead_value, owner_rooms.owner_id
                order by waiting.created_at asc, waiting.lead_id asc
            ) as place_number
        from numbered_leads as waiting
        inner join owner_rooms
            on
                waiting.tenant_id = owner_rooms.tenant_id
                and waiting.lead_field = owner_rooms.lead_field
                and waiting.lead_value = owner_rooms.lead_value
                and (waiting.lead_number - 1) % owner_rooms.owner_count + 1 = owner_rooms.turn
        where waiting.is_open and waiting.assigned_to is null
    ),

    passed_over as (
        select
            turns.tenant_id,
            turns.lead_id,
            turns.lead_field,
            turns.lead_value,
            row_number() over (
                partition by turns.tenant_id, turns.lead_field, turns.lead_value
                order by turns.created_at asc, turns.lead_id asc
            ) as lead_number
        from turns
        where turns.place_number > turns.room
    ),

    own_turns as (
        select
            turns.tenant_id,
            turns.lead_field,
            turns.lead_value,
            turns.owner_id,
            count(*) as turn_count
        from turns
        group by turns.tenant_id, turns.lead_field, turns.lead_value, turns.owner_id
    ),

    -- Nobody needs more free places than there are leads that were passed over.
    free_places as (
        select
            owner_rooms.tenant_id,
            owner_rooms.lead_field,
            owner_rooms.lead_value,
            owner_rooms.owner_id,
            row_number() over (
                partition by owner_rooms.tenant_id, owner_rooms.lead_field, owner_rooms.lead_value
                order by places.place_number asc, owner_rooms.owner_id asc
            ) as lead_number
        from owner_rooms
        left join own_turns
            on
                owner_rooms.tenant_id = own_turns.tenant_id
                and owner_rooms.lead_field = own_turns.lead_field
                and owner_rooms.lead_value = own_turns.lead_value
                and owner_rooms.owner_id = own_turns.owner_id
        inner join (
            select distinct passed_over.lead_number as place_number from passed_over
        ) as places
            on places.place_number <= owner_rooms.room - coalesce(own_turns.turn_count, 0)
    ),

    lead_routes as (
        select
            turns.tenant_id,
            turns.lead_id,
            turns.owner_id as suggested_owner_id,
            case turns.lead_field when '*' then 'round_robin' else 'territory' end as routing_method
        from turns
        where turns.place_number <= turns.room
        union all
        select
            passed_over.tenant_id,
            passed_over.lead_id,
            free_places.owner_id as suggested_owner_id,
            case passed_over.lead_field when '*' then 'round_robin' else 'territory' end as routing_method
        from passed_over
        inner join free_places
            on
                passed_over.tenant_id = free_places.tenant_id
                and passed_over.lead_field = free_places.lead_field
                and passed_over.lead_value = free_places.lead_value
                and passed_over.lead_number = free_places.lead_number
    )
{%- endmacro -%}

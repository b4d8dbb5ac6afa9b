{{
    config(
        materialized='incremental',
        unique_key=['tenant_id', 'appointment_id'],
        incremental_strategy=replace_rows(),
        on_schema_change='fail',
        post_hook="{{ mark_built(['stg_appointment_event']) }}"
    )
}}

with touched_entities as (
    {{ touched('stg_appointment_event', 'appointment_id') }}
),

events as (
    {{ entity_events('stg_appointment_event', 'appointment_id', 'calendar.appointment.booked') }}
),

-- Booking an appointment again moves it to another slot, and takes back a cancellation.
appointments as (
    select
        events.tenant_id,
        events.appointment_id,
        {{ last_stated('events', 'contact_id') }} as contact_id,
        {{ last_stated('events', 'lead_id') }} as lead_id,
        {{ last_stated('events', 'channel') }} as channel,
        {{ last_stated('events', 'slot_at') }} as slot_at,
        min(events.occurred_at) filter (where events.slot_at is not null) as booked_at,
        max(events.occurred_at) filter (where events.slot_at is not null) as slot_chosen_at,
        count(events.slot_at) as booking_count,
        max_by(events.event_type, events.event_number) as last_event_type,
        max(events.occurred_at) as last_changed_at
    from events
    group by events.tenant_id, events.appointment_id
)

select
    appointments.tenant_id,
    appointments.appointment_id,
    appointments.contact_id,
    appointments.lead_id,
    appointments.channel as booking_channel,
    case appointments.last_event_type
        when 'calendar.appointment.attended' then 'attended'
        when 'calendar.appointment.no_show' then 'no_show'
        when 'calendar.appointment.cancelled' then 'cancelled'
        else 'booked'
    end as appointment_status,
    appointments.booked_at,
    appointments.slot_at,
    case
        when appointments.slot_at < appointments.slot_chosen_at then 0.0
        else {{ days(micros_between('appointments.slot_chosen_at', 'appointments.slot_at')) }}
    end as lead_time_days,
    appointments.booking_count,
    case when appointments.last_event_type <> 'calendar.appointment.booked' then appointments.last_changed_at end as decided_at,
    appointments.last_changed_at
from appointments

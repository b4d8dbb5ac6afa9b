-- An appointment belongs to the month of its slot; one that nobody booked, to the month in which it was attended or missed.
with placed as (
    select
        appointment.tenant_id,
        cast(date_trunc('month', coalesce(appointment.slot_at, appointment.decided_at)) as date) as calendar_month,
        coalesce(appointment.booking_channel, '(not set)') as booking_channel,
        case
            when appointment.lead_time_days is null then '(not set)'
            when appointment.lead_time_days <= 1 then '1 day or less'
            when appointment.lead_time_days <= 3 then '2 to 3 days'
            when appointment.lead_time_days <= 7 then '4 to 7 days'
            else 'more than 7 days'
        end as lead_time_band,
        appointment.appointment_status,
        appointment.lead_time_days,
        appointment.appointment_status = 'booked' and appointment.slot_at <= {{ as_of() }} as is_undecided
    from {{ ref('fact_appointment') }} as appointment
),

-- each appointment once per way to part them
by_dimension as (
    select placed.*, 'total' as dimension, '(all)' as dimension_value
    from placed
    union all
    select placed.*, 'booking_channel' as dimension, placed.booking_channel as dimension_value
    from placed
    union all
    select placed.*, 'lead_time' as dimension, placed.lead_time_band as dimension_value
    from placed
),

counted as (
    select
        by_dimension.tenant_id,
        by_dimension.calendar_month,
        by_dimension.dimension,
        by_dimension.dimension_value,
        count(*) as booked_count,
        count(*) filter (where by_dimension.appointment_status = 'attended') as attended_count,
        count(*) filter (where by_dimension.appointment_status = 'no_show') as no_show_count,
        count(*) filter (where by_dimension.appointment_status = 'cancelled') as cancelled_count,
        count(*) filter (where by_dimension.is_undecided) as undecided_count,
        count(*) filter (where by_dimension.appointment_status = 'booked' and not by_dimension.is_undecided) as upcoming_count,
        percentile_cont(0.5) within group (order by by_dimension.lead_time_days) as median_lead_time_days
    from by_dimension
    group by by_dimension.tenant_id, by_dimension.calendar_month, by_dimension.dimension, by_dimension.dimension_value
)

select
    counted.tenant_id,
    counted.calendar_month,
    counted.dimension,
    counted.dimension_value,
    counted.booked_count,
    counted.attended_count,
    counted.no_show_count,
    counted.cancelled_count,
    counted.undecided_count,
    counted.upcoming_count,
    {{ fdiv('counted.no_show_count', 'counted.attended_count + counted.no_show_count') }} as no_show_rate,
    {{ fdiv('counted.cancelled_count', 'counted.booked_count') }} as cancelled_rate,
    counted.median_lead_time_days,
    {{ is_over('calendar_month', 'counted.calendar_month') }} as is_complete
from counted

-- The open hours of each business calendar, laid end to end: elapsed time between two instants is then the
-- difference of two look-ups, and a due time the inverse look-up. A window belongs to the day on which it opens.
with local_windows as (
    select
        calendar.calendar,
        calendar.time_zone,
        {{ epoch_micros('cast(dim_date.day_date as timestamp)') }} as midnight_micros,
        cast(substr(opening.opens, 1, 2) as bigint) * 60 + cast(substr(opening.opens, 4, 2) as bigint) as opens_minute,
        cast(substr(opening.closes, 1, 2) as bigint) * 60 + cast(substr(opening.closes, 4, 2) as bigint) as closes_minute
    from {{ ref('calendar') }} as calendar
    inner join {{ ref('calendar_window') }} as opening
        on calendar.calendar = opening.calendar
    -- one window for each day of that weekday
    inner join {{ ref('dim_date') }} as dim_date
        on opening.iso_weekday = dim_date.iso_weekday
    left join {{ ref('calendar_holiday') }} as holiday
        on calendar.calendar = holiday.calendar and dim_date.day_date = holiday.holiday_date
    where holiday.holiday_date is null and not calendar.is_always_open
),

windows as (
    select
        local_windows.calendar,
        {{ local_to_utc(
            from_epoch_micros('local_windows.midnight_micros + local_windows.opens_minute * 60000000'),
            'local_windows.time_zone'
        ) }} as opens_at,
        -- A window that closes at or before its opening closes on the next day.
        {{ local_to_utc(
            from_epoch_micros(
                'local_windows.midnight_micros + (local_windows.closes_minute'
                ~ ' + case when local_windows.closes_minute <= local_windows.opens_minute then 1440 else 0 end) * 60000000'
            ),
            'local_windows.time_zone'
        ) }} as closes_at
    from local_windows
),

measured as (
    select
        windows.calendar,
        windows.opens_at,
        windows.closes_at,
        lead(windows.opens_at) over (partition by windows.calendar order by windows.opens_at) as next_opens_at,
        {{ micros_between('windows.opens_at', 'windows.closes_at') }} as open_micros,
        sum({{ micros_between('windows.opens_at', 'windows.closes_at') }}) over (
            partition by windows.calendar order by windows.opens_at rows between unbounded preceding and current row
        ) as open_micros_through
    from windows
)

select
    'default' as tenant_id,
    measured.calendar,
    measured.opens_at,
    measured.closes_at,
    coalesce(measured.next_opens_at, cast('9999-12-31' as timestamp)) as next_opens_at,
    cast(measured.open_micros_through - measured.open_micros as bigint) as open_micros_before,
    cast(measured.open_micros_through as bigint) as open_micros_through
from measured

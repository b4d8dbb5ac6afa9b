{{
    stage_events(
        types=[
            'calendar.appointment.booked',
            'calendar.appointment.attended',
            'calendar.appointment.no_show',
            'calendar.appointment.cancelled'
        ],
        fields={
            'appointment_id': 'text', 'contact_id': 'text', 'lead_id': 'text', 'slot_at': 'timestamp', 'channel': 'text'
        }
    )
}}

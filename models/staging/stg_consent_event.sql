{{
    stage_events(
        types=['identity.consent.changed'],
        fields={
            'contact_id': 'text', 'channel': 'text', 'granted': 'boolean'
        }
    )
}}

{{
    stage_events(
        types=['club.event.registered', 'club.event.attended', 'content.downloaded'],
        fields={
            'content_id': 'text', 'lead_id': 'text', 'user_id': 'text', 'contact_id': 'text', 'visitor_id': 'text'
        }
    )
}}

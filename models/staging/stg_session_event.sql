{{
    stage_events(
        types=['web.session.started'],
        fields={
            'session_id': 'text', 'visitor_id': 'text', 'user_id': 'text', 'lead_id': 'text', 'utm_source': 'text',
            'utm_medium': 'text', 'utm_campaign': 'text', 'utm_content': 'text', 'utm_term': 'text',
            'referrer': 'text', 'landing_page': 'text', 'page_views': 'integer'
        }
    )
}}

{{
    stage_events(
        types=['survey.nps.responded'],
        fields={'response_id': 'text', 'score': 'integer', 'deal_id': 'text', 'contact_id': 'text', 'user_id': 'text'}
    )
}}

{{
    stage_events(
        types=['mediapush.kpi.reported'],
        fields={'deal_id': 'text', 'campaign_id': 'text', 'date': 'date', 'kpi': 'text', 'actual': 'number', 'target': 'number'}
    )
}}

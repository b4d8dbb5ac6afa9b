{{
    stage_events(
        types=['ads.spend.reported'],
        fields={
            'date': 'date', 'channel': 'text', 'campaign_id': 'text', 'amount': 'number', 'currency': 'text',
            'impressions': 'integer', 'clicks': 'integer'
        }
    )
}}

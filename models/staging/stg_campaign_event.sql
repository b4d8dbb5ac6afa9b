{{
    stage_events(
        types=['crm.campaign.sent'],
        fields={
            'campaign_id': 'text', 'name': 'text', 'campaign_type': 'text', 'channel': 'text', 'segment_id': 'text',
            'cost': 'number', 'currency': 'text'
        }
    )
}}

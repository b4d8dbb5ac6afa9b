{{
    stage_events(
        types=[
            'crm.email.sent', 'crm.email.delivered', 'crm.email.bounced', 'crm.email.opened', 'crm.email.clicked',
            'crm.unsubscribe'
        ],
        fields={
            'message_id': 'text', 'campaign_id': 'text', 'contact_id': 'text', 'lead_id': 'text', 'user_id': 'text',
            'variant': 'text', 'channel': 'text'
        }
    )
}}

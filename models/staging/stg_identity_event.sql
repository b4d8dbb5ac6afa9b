{{
    stage_events(
        types=['identity.linked', 'crm.contact.merged', 'crm.account.merged'],
        fields={
            'visitor_id': 'text', 'lead_id': 'text', 'contact_id': 'text', 'user_id': 'text', 'winner_id': 'text',
            'loser_id': 'text', 'reason': 'text'
        }
    )
}}

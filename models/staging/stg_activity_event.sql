{{
    stage_events(
        types=['crm.activity.logged'],
        fields={
            'activity_id': 'text', 'activity_type': 'text', 'deal_id': 'text', 'contact_id': 'text', 'lead_id': 'text',
            'user_id': 'text', 'due_at': 'timestamp', 'completed_at': 'timestamp'
        }
    )
}}

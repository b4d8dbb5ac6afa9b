{{
    stage_events(
        types=[
            'chat.followup.scheduled', 'chat.followup.sent', 'chat.followup.cancelled', 'chat.call.requested'
        ],
        fields={
            'followup_id': 'text', 'lead_id': 'text', 'due_at': 'timestamp', 'reason': 'text', 'preferred_at': 'timestamp'
        }
    )
}}

{{
    stage_events(
        types=[
            'chat.handoff.started', 'chat.handoff.ended', 'inbound.thread.created', 'inbound.thread.assigned'
        ],
        fields={
            'conversation_id': 'text', 'lead_id': 'text', 'user_id': 'text', 'thread_id': 'text', 'channel': 'text',
            'account_id': 'text', 'deal_id': 'text'
        }
    )
}}

{{
    stage_events(
        types=[
            'support.ticket.opened', 'support.ticket.resolved', 'support.ticket.reopened'
        ],
        fields={
            'ticket_id': 'text', 'user_id': 'text', 'account_id': 'text', 'category': 'text', 'priority': 'text'
        }
    )
}}

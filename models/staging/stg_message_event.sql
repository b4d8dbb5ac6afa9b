{{
    stage_events(
        types=[
            'chat.message.received', 'chat.message.sent', 'chat.message.classified'
        ],
        fields={
            'message_id': 'text', 'conversation_id': 'text', 'channel': 'text', 'lead_id': 'text', 'contact_id': 'text',
            'sender': 'text', 'user_id': 'text', 'in_reply_to': 'text', 'intent': 'text', 'confidence': 'number',
            'sentiment': 'text', 'label': 'text'
        }
    )
}}

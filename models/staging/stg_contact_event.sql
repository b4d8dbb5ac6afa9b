{{
    stage_events(
        types=['crm.contact.upserted'],
        fields={
            'contact_id': 'text', 'account_id': 'text', 'user_id': 'text', 'lead_id': 'text', 'first_name': 'text',
            'last_name': 'text', 'email': 'text', 'phone': 'text', 'role': 'text', 'role_tags': 'text',
            'influence_score': 'integer', 'lifecycle_stage': 'text', 'birth_year': 'integer', 'city': 'text',
            'education': 'text'
        }
    )
}}

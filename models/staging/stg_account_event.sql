{{
    stage_events(
        types=['crm.account.upserted'],
        fields={
            'account_id': 'text', 'name': 'text', 'kind': 'text', 'domain': 'text', 'industry': 'text', 'segment': 'text',
            'size': 'integer', 'budget': 'number', 'country': 'text', 'region': 'text', 'owner_id': 'text',
            'status': 'text', 'icp_fit_score': 'integer', 'icp_fit_reason': 'text'
        }
    )
}}

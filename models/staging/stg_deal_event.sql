{{
    stage_events(
        types=[
            'crm.deal.created', 'crm.deal.updated', 'crm.deal.stage_changed', 'crm.deal.next_step_set',
            'crm.deal.next_step_done', 'crm.deal.won', 'crm.deal.lost', 'crm.deal.reopened',
            'crm.brief.submitted', 'media.planning.started', 'media.mediaplan.ready', 'crm.offer.approved',
            'docflow.contract.sent', 'docflow.contract.signed', 'docflow.contract.revoked',
            'mediapush.campaign.started', 'dcm.invoice.issued', 'dcm.closeout.completed'
        ],
        fields={
            'deal_id': 'text', 'pipeline': 'text', 'account_id': 'text', 'contact_id': 'text', 'lead_id': 'text',
            'title': 'text', 'amount': 'number', 'currency': 'text', 'stage': 'text', 'to_stage': 'text',
            'probability': 'number', 'forecast_category': 'text', 'expected_close_date': 'date', 'owner_id': 'text',
            'deal_source': 'text', 'primary_competitor': 'text', 'client_type': 'text', 'campaign_id': 'text',
            'next_step': 'text', 'due_at': 'timestamp', 'lost_reason': 'text', 'competitor': 'text',
            'evidence_refs': 'text'
        }
    )
}}

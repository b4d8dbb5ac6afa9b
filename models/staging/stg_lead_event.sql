{{
    stage_events(
        types=[
            'crm.lead.created', 'crm.lead.updated', 'crm.lead.assigned', 'crm.lead.qualified', 'crm.lead.disqualified',
            'crm.lead.converted', 'crm.lead.stage_changed'
        ],
        fields={
            'lead_id': 'text', 'email': 'text', 'phone': 'text', 'first_name': 'text', 'last_name': 'text',
            'company': 'text', 'company_size': 'integer', 'industry': 'text', 'job_title': 'text', 'budget': 'number',
            'city': 'text', 'lead_source': 'text', 'utm_source': 'text', 'utm_medium': 'text', 'utm_campaign': 'text',
            'utm_content': 'text', 'utm_term': 'text', 'referrer_user_id': 'text', 'visitor_id': 'text',
            'assigned_to': 'text', 'method': 'text', 'budget_confirmed': 'boolean', 'authority_confirmed': 'boolean',
            'need_confirmed': 'boolean', 'timing_confirmed': 'boolean', 'challenges': 'text',
            'prioritization': 'integer', 'icp_fit_score': 'integer', 'reason': 'text', 'contact_id': 'text',
            'account_id': 'text', 'deal_id': 'text', 'to_stage': 'text', 'changed_by': 'text'
        }
    )
}}

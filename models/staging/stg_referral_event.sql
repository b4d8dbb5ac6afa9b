{{
    stage_events(
        types=['crm.referral.made'],
        fields={
            'referral_id': 'text', 'referrer_user_id': 'text', 'lead_id': 'text', 'code': 'text'
        }
    )
}}

{{
    stage_events(
        types=[
            'billing.subscription.started',
            'billing.subscription.renewed',
            'billing.subscription.changed',
            'billing.subscription.cancelled'
        ],
        fields={
            'subscription_id': 'text',
            'user_id': 'text',
            'account_id': 'text',
            'plan': 'text',
            'mrr': 'number',
            'currency': 'text',
            'period_start': 'date',
            'period_end': 'date',
            'is_trial': 'boolean',
            'effective_date': 'date',
            'reason': 'text'
        }
    )
}}

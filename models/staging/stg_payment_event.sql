{{
    stage_events(
        types=['billing.payment.received', 'billing.payment.failed', 'billing.payment.refunded'],
        fields={
            'payment_id': 'text',
            'amount': 'number',
            'currency': 'text',
            'user_id': 'text',
            'account_id': 'text',
            'subscription_id': 'text',
            'order_id': 'text',
            'deal_id': 'text',
            'provider': 'text',
            'reason': 'text'
        }
    )
}}

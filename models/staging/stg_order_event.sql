{{
    stage_events(
        types=['shop.order.created', 'shop.order.status_changed'],
        fields={
            'order_id': 'text', 'contact_id': 'text', 'lead_id': 'text', 'product': 'text', 'amount': 'number',
            'cost': 'number', 'currency': 'text', 'status': 'text'
        }
    )
}}

{{
    stage_events(
        types=['finance.fx_rate.published'],
        fields={'date': 'date', 'currency': 'text', 'rate': 'number'}
    )
}}

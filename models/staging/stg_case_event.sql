{{
    stage_events(
        types=[
            'ops.case.taken', 'ops.case.handled', 'ops.case.snoozed', 'ops.case.reopened'
        ],
        fields={
            'subject_type': 'text', 'subject_id': 'text', 'acted_by': 'text', 'outcome': 'text', 'score': 'integer',
            'snoozed_until': 'timestamp'
        }
    )
}}

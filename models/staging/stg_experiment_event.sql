{{
    stage_events(
        types=['crm.experiment.exposed'],
        fields={
            'experiment_id': 'text', 'variant': 'text', 'user_id': 'text', 'lead_id': 'text', 'contact_id': 'text'
        }
    )
}}

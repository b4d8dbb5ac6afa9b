{{
    stage_events(
        types=['lms.trial.started', 'app.login', 'app.feature.used', 'app.activated', 'lms.course.completed'],
        fields={
            'user_id': 'text', 'lead_id': 'text', 'visitor_id': 'text', 'plan': 'text', 'feature': 'text',
            'is_key': 'boolean', 'quantity': 'number', 'course_id': 'text'
        }
    )
}}

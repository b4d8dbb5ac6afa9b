{{
    stage_events(
        types=['finance.expense.recorded'],
        fields={
            'expense_id': 'text', 'category': 'text', 'amount': 'number', 'currency': 'text', 'date': 'date'
        }
    )
}}

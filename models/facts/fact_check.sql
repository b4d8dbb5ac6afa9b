select
    'default' as tenant_id,
    checked.check_name,
    checked.model as model_name,
    checked.severity,
    checked.status as check_status,
    checked.failures as failure_count
from {{ source('raw', 'check_results') }} as checked

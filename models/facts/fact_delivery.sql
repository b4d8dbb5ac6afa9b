select
    delivery.tenant_id,
    delivery.destination,
    delivery.object_name,
    delivery.sync_key,
    delivery.operation,
    delivery.status as delivery_status,
    delivery.refused_payload is not null as is_refused,
    nullif(delivery.code, '') as answer_code,
    nullif(delivery.message, '') as answer_message,
    nullif(delivery.field, '') as answer_field,
    delivery.attempts as attempt_count,
    delivery.sent_at as delivered_at
from {{ source('raw', 'delivery') }} as delivery

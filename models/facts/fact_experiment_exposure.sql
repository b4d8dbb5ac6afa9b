with exposures as (
    select
        event.tenant_id,
        event.experiment_id,
        event.variant,
        {{ subject_kind('event') }} as subject_kind,
        {{ subject_id('event') }} as subject_id,
        event.occurred_at,
        event.event_id,
        event.source
    from {{ ref('stg_experiment_event') }} as event
    where {{ is_visible('event') }}
),

numbered as (
    select
        exposures.*,
        row_number() over (
            partition by exposures.tenant_id, exposures.experiment_id, exposures.subject_kind, exposures.subject_id
            order by exposures.occurred_at, exposures.event_id, exposures.source
        ) as event_number
    from exposures
    where exposures.subject_id is not null
)

select
    numbered.tenant_id,
    numbered.experiment_id,
    numbered.subject_kind,
    numbered.subject_id,
    min_by(numbered.variant, numbered.event_number) filter (where numbered.variant is not null) as variant,
    min(numbered.occurred_at) as first_exposed_at,
    count(*) as exposure_count,
    count(distinct numbered.variant) as variant_count,
    count(distinct numbered.variant) > 1 as is_in_several_variants
from numbered
group by numbered.tenant_id, numbered.experiment_id, numbered.subject_kind, numbered.subject_id

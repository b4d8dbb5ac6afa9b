-- Each part holds the rules of one domain: from when to when the condition of each held, and for which subject. An alert
-- is raised and resolved at the instant at which its condition began and ceased to hold, not when a run found out, so
-- that its history is the same whenever, and however often, it is computed (score_drift: as long as the same models are
-- promoted; sync_failing: as long as the receipts are kept). Thresholds are in seeds/alert_rule.csv.
with raised as (
    {%- for part in ['alert_deal', 'alert_sla', 'alert_outreach', 'alert_target', 'alert_customer', 'alert_data', 'alert_sync'] %}
    select part.*
    from {{ ref(part) }} as part
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
)

select
    raised.tenant_id,
    raised.alert_rule,
    rule.subject_type,
    raised.subject_id,
    raised.raised_at,
    raised.resolved_at,
    raised.resolved_at is null as is_open,
    rule.severity,
    raised.alert_value,
    raised.alert_threshold,
    rule.unit as alert_unit,
    raised.deal_id,
    deal.owner_id
from raised
inner join {{ ref('alert_rule') }} as rule
    on raised.alert_rule = rule.rule
left join {{ ref('fact_deal') }} as deal
    on raised.tenant_id = deal.tenant_id and raised.deal_id = deal.deal_id

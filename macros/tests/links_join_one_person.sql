{#- Both ends of every link are ids of one person: the search for connected ids went on long enough. -#}
{% test links_join_one_person(model) %}
select link.tenant_id, link.lower_key, link.higher_key
from {{ ref('fact_identity_link') }} as link
left join {{ model }} as lower_end
    on link.tenant_id = lower_end.tenant_id and link.lower_key = lower_end.id_kind || ':' || lower_end.id_value
left join {{ model }} as higher_end
    on link.tenant_id = higher_end.tenant_id and link.higher_key = higher_end.id_kind || ':' || higher_end.id_value
where lower_end.person_id is distinct from higher_end.person_id or lower_end.person_id is null
{% endtest %}

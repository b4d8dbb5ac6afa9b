{#-
    What share gets there within a time, when not everybody has been watched for that long: Kaplan–Meier, and
    Aalen–Johansen where something else may end the wait for good (a deal that is lost is never won).

    A model gives a relation with a row per subject: the columns to group by, how long the subject was watched (any
    ordered number) and what ended that: 'event', 'competing' or 'censored' (nothing so far). `survival_curve` writes the
    CTE `name` (and those before it, `name`_…) with a row per group × distinct duration, so that its
    windows run over durations, not over subjects; `incidence_within` and `survival_beyond` read a value off it.
-#}
{%- macro survival_curve(name, relation, by, duration, outcome) -%}
{{ name }}_counted as (
    select
        {%- for column in by %}
        subject.{{ column }},
        {%- endfor %}
        subject.{{ duration }} as duration,
        count(*) as leaving_count,
        count(*) filter (where subject.{{ outcome }} = 'event') as event_count,
        count(*) filter (where subject.{{ outcome }} = 'competing') as competing_count
    from {{ relation }} as subject
    group by
        {%- for column in by %}
        subject.{{ column }},
        {%- endfor %}
        subject.{{ duration }}
),

{{ name }}_at_risk as (
    select
        counted.*,
        -- who is watched for at least so long
        cast(sum(counted.leaving_count) over (
            partition by {% for column in by %}counted.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
            order by counted.duration desc
            rows between unbounded preceding and current row
        ) as bigint) as at_risk_count
    from {{ name }}_counted as counted
),

{{ name }}_remaining as (
    select
        at_risk.*,
        -- The product of 1 − d ÷ n; the logarithm of nothing left has no value, and after it all is 0.
        {%- for column, leaving in [
            ('kaplan_meier', 'at_risk.event_count'),
            ('undecided', 'at_risk.event_count + at_risk.competing_count'),
        ] %}
        case
            when max(case when {{ leaving }} = at_risk.at_risk_count then 1 else 0 end) over so_far = 1 then 0e0
            else exp(sum(
                case when {{ leaving }} < at_risk.at_risk_count then ln(1 - {{ fdiv(leaving, 'at_risk.at_risk_count') }}) else 0e0 end
            ) over so_far)
        end as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ name }}_at_risk as at_risk
    window so_far as (
        partition by {% for column in by %}at_risk.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
        order by at_risk.duration
        rows between unbounded preceding and current row
    )
),

{{ name }}_steps as (
    select
        remaining.*,
        coalesce(lag(remaining.undecided) over (
            partition by {% for column in by %}remaining.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
            order by remaining.duration
        ), 1e0) * {{ fdiv('remaining.event_count', 'remaining.at_risk_count') }} as step
    from {{ name }}_remaining as remaining
),

{{ name }} as (
    select
        {%- for column in by %}
        steps.{{ column }},
        {%- endfor %}
        steps.duration,
        steps.at_risk_count,
        steps.event_count,
        steps.competing_count,
        steps.kaplan_meier,
        steps.undecided,
        sum(steps.step) over (
            partition by {% for column in by %}steps.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
            order by steps.duration
            rows between unbounded preceding and current row
        ) as aalen_johansen
    from {{ name }}_steps as steps
)
{%- endmacro -%}

{#- Share with the event within a time (Aalen–Johansen; without competing ends 1 − Kaplan–Meier), as an aggregate over a
    group's rows of the curve; `within` is a column of the group. Null where nobody was watched for that long while
    something was still undecided: the curve says nothing beyond its last observation. -#}
{%- macro incidence_within(curve, within) -%}
    case
        when max({{ curve }}.duration) >= {{ within }} or min({{ curve }}.undecided) = 0
            then coalesce(max({{ curve }}.aalen_johansen) filter (where {{ curve }}.duration <= {{ within }}), 0e0)
    end
{%- endmacro -%}

{#- Share without the event after a time, competing ends counted as no longer watched (Kaplan–Meier). -#}
{%- macro survival_beyond(curve, within) -%}
    case
        when max({{ curve }}.duration) >= {{ within }} or min({{ curve }}.kaplan_meier) = 0
            then coalesce(min({{ curve }}.kaplan_meier) filter (where {{ curve }}.duration <= {{ within }}), 1e0)
    end
{%- endmacro -%}

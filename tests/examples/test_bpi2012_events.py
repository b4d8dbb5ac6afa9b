"""The known numbers of the bank's application log, read off the events that its mapping makes."""


def test_every_row_becomes_one_event(bpi):
    assert bpi.types() == {
        "crm.deal.created": 13_087,
        "crm.brief.submitted": 7_367,
        "media.mediaplan.ready": 5_113,
        "crm.offer.approved": 7_030,
        "docflow.contract.signed": 2_246,
        "crm.deal.lost": 7_635 + 2_807,
        "crm.deal.stage_changed": 46_808,
        "crm.activity.logged": 170_107,
    }
    assert bpi.rows("select count(*), count(distinct id), count(distinct row_number) from incoming") == [
        (262_200, 262_200, 262_200)
    ]
    assert bpi.refused() == 0
    assert bpi.result.skipped == 0


def test_applications_that_were_refused_or_given_up(bpi):
    assert dict(
        bpi.rows(
            "select data ->> 'lost_reason', count(distinct data ->> 'deal_id') from incoming "
            "where type = 'crm.deal.lost' group by 1"
        )
    ) == {"declined": 7635, "cancelled": 2807}


def test_steps_by_application(bpi):
    assert bpi.one("select count(distinct data ->> 'deal_id') from incoming") == 13_087
    found = dict(
        bpi.rows(
            "select coalesce(data ->> 'to_stage', type), count(distinct data ->> 'deal_id') from incoming group by 1"
        )
    )
    assert (found["crm.brief.submitted"], found["media.mediaplan.ready"], found["finalized"]) == (
        7367,
        5113,
        5015,
    )
    assert (found["docflow.contract.signed"], found["registered"], found["activated"]) == (2246, 2246, 2246)
    assert found["crm.offer.approved"] == 5015  # every finalized application was sent an offer
    assert found["partly_submitted"] == 13_087


def test_duration_of_a_case(bpi):
    mean, median = bpi.rows(
        """
        select avg(days), median(days) from (
            select epoch(max(cast(time as timestamp)) - min(cast(time as timestamp))) / 86400 as days
            from incoming group by data ->> 'deal_id'
        )
        """
    )[0]
    assert (round(mean, 3), round(median, 3)) == (8.624, 0.809)


def test_moments_are_stored_in_utc_across_the_change_of_the_clocks(bpi):
    # The log is written at +02:00 until 2011-10-30 and at +01:00 after it.
    assert bpi.rows("select min(time), max(time) from incoming where type = 'crm.deal.created'") == [
        ("2011-09-30T22:38:44.546000Z", "2012-02-29T22:51:16.799000Z")
    ]


def test_work_is_logged_per_transition(bpi):
    assert dict(
        bpi.rows(
            "select (data ->> 'activity_type') || if(data ->> 'completed_at' is null, '', ' done'), count(*) "
            "from incoming where type = 'crm.activity.logged' group by 1"
        )
    ) == {
        "call": 6634 + 22406 + 2383 + 11400,
        "call done": 22976 + 11407,
        "task": 4771 + 5897 + 124 + 270 + 7371 + 23512 + 5023 + 7891 + 12,
        "task done": 5898 + 270 + 23967 + 7895,
    }

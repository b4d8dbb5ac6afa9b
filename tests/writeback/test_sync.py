"""The engine: what is planned is sent, brakes hold, lost answers are asked again, and nothing is doubled."""

import random
import threading
import time
from contextlib import ExitStack

import psycopg
import pytest

from tests.writeback.receiver import Receiver
from tests.writeback.test_postgres import AUDIT, leads_of
from tests.writeback.world import World
from warehouse.erasure.pending import folder, mark_rebuild
from warehouse.erasure.tombstones import keyring
from warehouse.errors import DealhouseError, UsageError
from warehouse.lock import writer_lock
from warehouse.writeback import sync as engine
from warehouse.writeback.destination import Outcome, Row
from warehouse.writeback.destinations.files import Files
from warehouse.writeback.destinations.postgres import Postgres
from warehouse.writeback.sync import sync

ALERT = {"tenant_id": "default", "alert_rule": "deal_slipping", "subject_id": "d1", "subject_type": "deal",
         "severity": "critical", "raised_at": "2026-01-10", "resolved_at": None, "is_open": True}  # fmt: skip


def digests(world: World, *destinations: object) -> list[str]:
    dry = sync(world.settings, is_dry_run=True, destinations=destinations)  # type: ignore[arg-type]
    return [plan.digest for result in dry for plan in result.plans]


@pytest.mark.parametrize("rounds", [4, pytest.param(200, marks=pytest.mark.slow)])
def test_a_dry_run_is_the_truth(
    world: World, crm: psycopg.Connection[tuple[object, ...]], destination: Postgres, rounds: int
) -> None:
    """Random differences: what the dry run lists is what an audit trigger sees; it itself writes nothing."""
    rng = random.Random(5)
    leads_of(crm, 40)
    crm.execute(AUDIT)
    world.leads(40)
    for _ in range(rounds):
        for number in rng.sample(range(40), rng.randint(0, 40)):
            world.run("update marts.lead_queue set score = ? where lead_id = ?", rng.randint(0, 2), f"l{number}")
        crm.execute("truncate audit")
        (dry,) = sync(world.settings, is_dry_run=True, destinations=[destination])
        assert crm.execute("select count(*) from audit").fetchone() == (0,)
        planned = {row.key: row.payload for plan in dry.plans for row in plan.rows}
        (result,) = sync(
            world.settings, is_first=True, destinations=[destination], approved=[plan.digest for plan in dry.plans]
        )
        written = crm.execute("select id, metadata -> 'dealhouse' from audit").fetchall()
        assert dict(written) == planned
        assert len(written) == len(planned) == result.counts["acknowledged"]


def test_the_first_sync_is_asked_for(world: World) -> None:
    world.leads(3)
    hook = Receiver("lead")
    (result,) = sync(world.settings, destinations=[hook])
    assert "--first" in result.problem
    assert not hook.received
    (result,) = sync(world.settings, is_first=True, destinations=[hook])
    assert result.counts == {"acknowledged": 3}
    assert not sync(world.settings, destinations=[hook])[0].counts


def test_too_many_changes_wait_for_the_hash_of_their_plan(world: World) -> None:
    """Of 100 leads 21 change, more than 20 %: nothing goes until that very plan is approved; 20 would have gone."""
    world.leads(100)
    hook = Receiver("lead")
    sync(world.settings, is_first=True, destinations=[hook])
    world.run("update marts.lead_queue set tier = 'warm' where work_order <= 21")
    for approved in ([], ["000000000000"]):
        (result,) = sync(world.settings, destinations=[hook], approved=approved)
        assert len(result.withheld) == 1
        assert "21 of 100 keys would be updated" in result.withheld[0].brakes[0]
        assert len(hook.received) == 100
    plan = digests(world, hook)
    world.run("update marts.lead_queue set tier = 'colder' where work_order = 1")
    (result,) = sync(world.settings, destinations=[hook], approved=plan)
    assert (len(result.withheld), len(hook.received)) == (1, 100), "another plan than the one that was approved"
    (result,) = sync(world.settings, destinations=[hook], approved=digests(world, hook))
    assert result.counts == {"acknowledged": 21}
    world.run("update marts.lead_queue set tier = 'hot' where work_order > 80")
    (result,) = sync(world.settings, destinations=[hook])
    assert not result.withheld


def test_a_source_that_shrank_waits(world: World) -> None:
    """The queue has 400 leads, and then 350 with one change: 12.5 % less than usual. 361 would pass."""
    world.leads(400)
    hook = Receiver("lead", batch_rows=400)
    sync(world.settings, is_first=True, destinations=[hook])
    world.leads(350)
    world.run("update marts.lead_queue set tier = 'warm' where work_order = 1")
    (result,) = sync(world.settings, destinations=[hook])
    assert "has 350 rows and usually 400" in result.withheld[0].brakes[0]
    world.leads(361)
    world.run("update marts.lead_queue set tier = 'warm' where work_order = 1")
    assert sync(world.settings, destinations=[hook])[0].counts == {"acknowledged": 1}


def test_a_shrink_that_was_approved_is_usual_from_then_on(world: World) -> None:
    """400 leads in three syncs, then 300, approved once: 299 pass after it, and 269, a tenth less than 300, do not."""
    hook = Receiver("lead", batch_rows=400)
    for number in range(3):
        world.leads(400)
        world.run("update marts.lead_queue set tier = ? where work_order = 1", f"t{number}")
        sync(world.settings, is_first=True, destinations=[hook])
    for count, tier, is_approved in [(300, "a", True), (299, "b", False)]:
        world.leads(count)
        world.run("update marts.lead_queue set tier = ? where work_order = 1", tier)
        approved = digests(world, hook) if is_approved else []
        (result,) = sync(world.settings, destinations=[hook], approved=approved)
        assert (result.withheld, result.counts) == ([], {"acknowledged": 1})
    world.leads(269)
    world.run("update marts.lead_queue set tier = 'c' where work_order = 1")
    (result,) = sync(world.settings, destinations=[hook])
    assert "has 269 rows and usually 300" in result.withheld[0].brakes[0]


PAIR = {"tenant_id": "default", "kind": "contact", "left_id": "a", "right_id": "b", "probability": 0.9}


@pytest.mark.parametrize("is_known", [True, False])
def test_a_delete_whose_answer_was_lost_is_asked_again_with_the_same_words(world: World, is_known: bool) -> None:
    """Also where the answer to the insert was lost before; what comes back then is another message."""
    hook = Receiver("duplicate", script=lambda row: None if is_known else TimeoutError("no answer"))
    world.fill("marts.duplicate_candidate", [PAIR])
    sync(world.settings, is_first=True, destinations=[hook])
    hook.script = lambda row: TimeoutError("no answer")
    world.fill("marts.duplicate_candidate", [])
    for _ in range(3):
        sync(world.settings, destinations=[hook])
    insert, *deletes = hook.received
    assert [row.operation for row in hook.received] == ["insert", "delete", "delete", "delete"]
    assert deletes == deletes[:1] * 3
    assert deletes[0].payload == insert.payload
    hook.script = lambda row: None
    world.fill("marts.duplicate_candidate", [PAIR])
    sync(world.settings, destinations=[hook])
    again = hook.received[-1]
    # Nobody knows whether it is still there: it is not for an update to bring it back.
    assert (again.operation, again.payload, again.expected) == ("insert", insert.payload, None)
    assert len(hook.effects) == 3
    assert not sync(world.settings, destinations=[hook])[0].counts


def test_an_update_that_was_refused_does_not_keep_the_row_there(world: World) -> None:
    hook = Receiver("duplicate")
    world.fill("marts.duplicate_candidate", [PAIR])
    sync(world.settings, is_first=True, destinations=[hook])
    hook.script = lambda row: Outcome("rejected", "422", "no") if row.operation == "update" else None
    world.fill("marts.duplicate_candidate", [{**PAIR, "probability": 0.8}])
    sync(world.settings, destinations=[hook])
    world.fill("marts.duplicate_candidate", [])
    (result,) = sync(world.settings, destinations=[hook])
    assert (result.counts, hook.received[-1].operation) == ({"acknowledged": 1}, "delete")
    assert not sync(world.settings, destinations=[hook])[0].counts


def test_a_destination_that_refuses_too_much_is_left_alone_and_the_others_go_on(world: World) -> None:
    """Every third of 100 rows is refused: of the first twenty, l0 to l26 in the order of text, that is six."""
    world.leads(100)
    bad = Receiver(
        "lead", name="a", script=lambda row: Outcome("rejected", "422", "no") if int(row.key[1:]) % 3 == 0 else None
    )
    good = Receiver("lead", name="b")
    first, second = sync(world.settings, is_first=True, destinations=[bad, good])
    assert first.problem.endswith("rows were refused or failed, more than 20%")
    assert (sum(first.counts.values()), first.waiting) == (20, 80)
    assert second.counts == {"acknowledged": 100}
    assert world.run("select count(*) from raw.sync_run") == [(0,)], "noted for the next build"
    bad.script = lambda row: None
    first, _ = sync(world.settings, destinations=[bad, good])
    assert first.counts == {"acknowledged": 80}, "the refused ones stay away"
    sync(world.settings, destinations=[bad, good], is_dry_run=True)
    assert world.run("select destination, is_stopped, rejected from raw.sync_run order by seq") == [
        ("a", True, 6),
        ("b", False, 0),
        ("a", False, 0),
    ]
    first, _ = sync(world.settings, destinations=[bad, good], retry_dead=True)
    assert first.counts == {"acknowledged": 6}


def test_an_answer_that_was_lost_is_asked_again_with_the_same_words(world: World) -> None:
    """The receiver takes all and its answer is lost; the same ids and contents come again, though time has passed."""
    world.leads(8)
    world.run("update marts.lead_queue set as_of = timestamp '2026-01-20'")
    world.run("insert into scores.lead_score (tenant_id, lead_id) select tenant_id, lead_id from marts.lead_queue")
    hook = Receiver("event", script=lambda row: TimeoutError("no answer"))
    (result,) = sync(world.settings, is_first=True, destinations=[hook])
    assert (result.problem, result.counts) == ("no answer", {"failed": 8})
    world.run("update marts.lead_queue set as_of = timestamp '2026-01-21'")
    world.run("update staging.stg_clock set as_of = timestamp '2026-01-21'")
    hook.script = lambda row: None
    (result,) = sync(world.settings, destinations=[hook])
    assert result.counts == {"acknowledged": 8}
    assert hook.received[:8] == [Row(*_words(row)) for row in hook.received[8:]]
    assert len(hook.effects) == 8
    assert not sync(world.settings, destinations=[hook])[0].counts


def _words(row: Row) -> tuple[object, ...]:
    return (row.tenant_id, row.key, "insert", row.payload, None, row.message_id)


def test_news_that_comes_back_is_news(world: World) -> None:
    """A tier that goes from hot to cold and back is told three times, with three ids."""
    world.leads(1)
    world.run("insert into scores.lead_score (tenant_id, lead_id) values ('default', 'l0')")
    world.run("update marts.lead_queue set as_of = timestamp '2026-01-20'")
    hook = Receiver("event")
    for tier in ("hot", "cold", "hot"):
        world.run("update marts.lead_queue set tier = ?", tier)
        sync(world.settings, is_first=True, destinations=[hook])
    assert [row.payload["data"]["tier"] for row in hook.received] == ["hot", "cold", "hot"]
    assert len(hook.effects) == 3


def test_an_alert_is_told_once_when_raised_and_once_when_resolved(world: World) -> None:
    hook = Receiver("event")
    world.fill("marts.alert", [ALERT, {**ALERT, "subject_id": "d2", "is_open": False, "resolved_at": "2026-01-12"}])
    for _ in range(3):
        sync(world.settings, is_first=True, destinations=[hook])
    world.fill("marts.alert", [{**ALERT, "is_open": False, "resolved_at": "2026-01-15"}])
    for _ in range(3):
        sync(world.settings, destinations=[hook])
    assert [(row.payload["type"], row.payload["subject"], row.payload["time"]) for row in hook.received] == [
        ("ops.alert.raised", "d1", "2026-01-10T00:00:00.000000Z"),
        ("ops.alert.resolved", "d1", "2026-01-15T00:00:00.000000Z"),
    ]
    raised, resolved = (row.payload["data"] for row in hook.received)
    assert raised["alert_id"] == resolved["alert_id"]


def test_an_alert_that_later_news_moves_or_takes_back_is_resolved_for_who_was_told(world: World) -> None:
    told, late = Receiver("event", name="told"), Receiver("event", name="late")
    world.fill("marts.alert", [ALERT])
    sync(world.settings, is_first=True, destinations=[told])
    world.fill("marts.alert", [{**ALERT, "raised_at": "2026-01-09"}])
    world.run("update staging.stg_clock set as_of = timestamp '2026-01-20'")
    for _ in range(3):
        sync(world.settings, is_first=True, destinations=[told, late])
    world.fill("marts.alert", [])
    for _ in range(3):
        sync(world.settings, destinations=[told, late])
    first, second = (
        ("ops.alert.raised", "2026-01-10T00:00:00Z"),
        ("ops.alert.raised", "2026-01-09T00:00:00Z"),
    )
    over = ("ops.alert.resolved", "2026-01-20T00:00:00Z")

    def said(hook: Receiver) -> list[tuple[str, str]]:
        data = [(row.payload["type"], row.payload["data"]) for row in hook.received]
        return [(kind, one.get("since") or one["resolved_at"]) for kind, one in data]

    assert sorted(said(told)) == sorted([first, second, over, over])
    assert said(late) == [second, over]
    ids = [row.payload["data"]["alert_id"] for row in told.received]
    assert [ids.count(one) for one in ids] == [2, 2, 2, 2]


def test_what_was_sent_is_noted_though_the_sync_is_cut_off_later(world: World) -> None:
    """By hand amid the rows of b; then by the lock that erasures need in the end. Neither asks for --first again."""
    world.leads(30)
    hooks = [Receiver("lead", name=name) for name in "ab"]
    b = hooks[1]

    def stop(row: Row) -> None:
        if len(b.received) == 15:
            raise KeyboardInterrupt

    b.script = stop
    with pytest.raises(KeyboardInterrupt):
        sync(world.settings, is_first=True, destinations=hooks)
    b.script = lambda row: None
    second = Receiver("lead", name="c")
    results = sync(world.settings, destinations=[*hooks, second])
    assert [dict(result.counts) for result in results] == [{}, {"acknowledged": 20}, {}]
    assert [bool(result.problem) for result in results] == [False, False, True]

    notice = {"receipt": "r1", "erased_at": "2026-01-20T00:00:00+00:00", "ids": {"0": ["default", "lead", "l-x"]}}
    keyring(world.home, world.settings).seal(world.home.erasure / "notices" / "r1.sealed", notice)
    b.forget_script = lambda one: ConnectionError("no route")
    world.leads(31)
    sync(world.settings, destinations=hooks)
    with ExitStack() as running:

        def begin(one: object) -> None:
            running.enter_context(writer_lock(world.home, "a run", 0))

        b.forget_script = begin
        world.leads(32)
        with pytest.raises(DealhouseError):
            sync(world.settings.model_copy(update={"lock_wait_seconds": 0.1}), destinations=hooks)
    sync(world.settings, destinations=hooks, is_dry_run=True)
    runs = "select acknowledged, is_stopped from raw.sync_run where destination = ? order by seq"
    assert world.run(runs, "a") == [(30, False), (1, False), (1, False)]
    # The alarm goes once, though rows have gone well in between.
    assert world.run(runs, "b") == [(20, False), (1, False), (0, True), (1, True), (0, False)]


def test_an_erasure_that_one_does_not_take_is_told_to_the_others_and_raises_the_alarm(world: World) -> None:
    """The first raises, the second refuses one of two ids, the third takes both; all are told until all took it."""
    world.leads(3)
    a, b, c = hooks = [Receiver("lead", name=name) for name in "abc"]
    sync(world.settings, is_first=True, destinations=hooks)
    ids = {"0": ["default", "lead", "l-x"], "1": ["default", "lead", "l-y"]}
    notice = {"receipt": "r1", "erased_at": "2026-01-20T00:00:00+00:00", "ids": ids}
    path = world.home.erasure / "notices" / "r1.sealed"
    keyring(world.home, world.settings).seal(path, notice)
    a.forget_script = lambda one: ConnectionError("no route")
    b.forget_script = lambda one: Outcome("failed", "503", "later") if one.subject_id == "l-y" else None
    results = sync(world.settings, destinations=hooks)
    assert [result.forgotten for result in results] == [0, 1, 2]
    assert [a.forgotten, b.forgotten, c.forgotten] == [["l-x"], ["l-x", "l-y"], ["l-x", "l-y"]]
    assert path.exists()
    a.forget_script = b.forget_script = lambda one: None
    assert [result.forgotten for result in sync(world.settings, destinations=hooks)] == [2, 2, 2]
    assert not path.exists()
    sync(world.settings, destinations=hooks, is_dry_run=True)
    runs = world.run("select destination, is_stopped from raw.sync_run order by destination, seq")
    assert runs == [("a", False), ("a", True), ("a", False), ("b", False), ("b", True), ("b", False), ("c", False)]


def test_nothing_is_sent_while_an_erasure_is_half_done(world: World) -> None:
    world.leads(3)
    hook = Receiver("lead")
    folder(world.home).mkdir(parents=True)
    (folder(world.home) / "r1.sealed").touch()
    with pytest.raises(DealhouseError, match="Nothing was sent: an erasure was cut off"):
        sync(world.settings, is_first=True, destinations=[hook])
    assert not hook.received


def test_nothing_is_sent_while_tables_hold_what_a_retention_has_taken_out(world: World) -> None:
    world.leads(3)
    hook = Receiver("lead")
    mark_rebuild(world.home)
    with pytest.raises(DealhouseError, match="Nothing was sent: a retention was cut off"):
        sync(world.settings, is_first=True, destinations=[hook])
    assert not hook.received


@pytest.mark.parametrize(
    ("state", "words"),
    [("is_whole = false", "finished well"), ("asked_as_of = timestamp '2025-01-01'", "show the past")],
)
def test_nothing_is_sent_from_a_build_that_failed_or_is_of_the_past(world: World, state: str, words: str) -> None:
    world.leads(3)
    world.run(f"update raw.build_state set {state}")
    hook = Receiver("lead")
    with pytest.raises(DealhouseError, match=words):
        sync(world.settings, is_first=True, destinations=[hook])
    assert not hook.received


def test_a_ledger_that_was_changed_is_not_believed(world: World) -> None:
    world.leads(3)
    hook = Receiver("lead")
    sync(world.settings, is_first=True, destinations=[hook])
    path = sorted((world.home.outbox / "receipts").glob("*.parquet"))[-1]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DealhouseError, match="ledger of write-back cannot be read"):
        sync(world.settings, destinations=[hook])
    assert len(hook.received) == 3


def test_a_name_that_is_not_set_up_is_wrong_usage(world: World) -> None:
    with pytest.raises(UsageError, match="There is no destination nowhere"):
        sync(world.settings, only=["nowhere"], destinations=[Receiver("lead")])


def test_a_rate_limit_is_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """25 rows at ten a second go in three batches, and the third waits for two seconds in all."""
    now, mine, real_sleep = [0.0], threading.get_ident(), time.sleep

    def sleep(seconds: float) -> None:
        if threading.get_ident() == mine:
            now[0] += seconds
        else:
            # A thread that another test has left behind moves no clock of this one.
            real_sleep(seconds)

    monkeypatch.setattr(engine.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(engine.time, "sleep", sleep)
    world.leads(25)
    hook = Receiver("lead", batch_rows=500)
    hook.capabilities = type(hook.capabilities)(frozenset({"lead"}), batch_rows=500, rows_per_second=10)
    times: list[float] = []
    hook.script = lambda row: times.append(now[0])
    sync(world.settings, is_first=True, destinations=[hook])
    assert [times.count(at) for at in sorted(set(times))] == [10, 10, 5]
    assert sorted(set(times)) == [0.0, 1.0, 2.0]


def test_lists_are_whole_in_their_order_and_carry_nothing_out(world: World) -> None:
    """After one lead left and others moved up, the file has all lines; a formula is text; each tenant has a folder."""
    files = Files(world.home.outbox / "lists", frozenset({"lead_queue"}))
    queue = [
        {"tenant_id": tenant, "lead_id": lead, "work_order": order, "tier": "hot", "score": 50}
        for tenant, lead, order in [("t", "l1", 1), ("t", "=1+1", 2), ("t", "l3", 3), ("../u", "m1", 1)]
    ]
    world.fill("marts.lead_queue", queue)
    sync(world.settings, is_first=True, destinations=[files])
    world.fill("marts.lead_queue", [{**row, "work_order": row["work_order"] - 1} for row in queue[1:]])
    sync(world.settings, destinations=[files])
    lists = sorted((world.home.outbox / "lists").rglob("lead_queue.csv"))
    assert [path.parent.name for path in lists] == ["%2E%2E%2Fu", "t"]
    lines = lists[1].read_text().splitlines()
    assert [line.split(",")[:2] for line in lines] == [["work_order", "lead_id"], ["1", "'=1+1"], ["2", "l3"]]
    assert not sync(world.settings, destinations=[files])[0].counts
    lists[1].unlink()
    sync(world.settings, destinations=[files])
    assert lists[1].read_text().splitlines() == lines

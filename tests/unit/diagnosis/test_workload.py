"""Where the time went: measured where it can be, sampled where not, and said which."""

from dataclasses import replace

from diagnosis_cases import observed
from stanch.diagnosis.workload import shortened, workload

SLOW = "SELECT * FROM t WHERE a = $1"


def test_a_window_is_the_difference_of_its_looks() -> None:
    work = workload(observed({"statements": [
        {"text": SLOW, "calls": [100, 110], "time_ms": [5000.0, 8000.0], "rows": [10, 30], "blocks": [0, 1000]},
        {"text": "SELECT 2", "calls": [5, 5], "time_ms": [100.0, 100.0]},
    ]}, {}))  # fmt: skip
    (load,) = work.loads
    assert (load.calls, load.time_s, load.share, load.rows_per_call, load.blocks_per_call) == (10, 3.0, 1.0, 2.0, 100.0)
    assert work.active == 0.1


def test_statistics_that_were_reset_meanwhile_count_from_zero() -> None:
    (load,) = workload(observed({"statements": [{"text": SLOW, "calls": [900, 3], "time_ms": [9e6, 600.0]}]}, {})).loads
    assert (load.calls, load.time_s) == (3, 0.6)


def test_calls_that_have_not_ended_count_for_their_part_of_the_window() -> None:
    work = workload(observed({
        "window_s": 2.0,
        "statements": [{"text": SLOW, "calls": 7, "time_ms": 70000.0, "blocks": 700}],
        "sessions": [
            {"statement": "1000", "count": 3, "statement_age_s": 9.0},
            {"statement": "1000", "statement_age_s": 0.5},
        ],
    }, {}))  # fmt: skip
    (load,) = work.loads
    assert load.time_s == 6.5
    assert not load.ended
    assert (load.running, load.oldest_s, load.blocks_per_call) == (4, 9.0, 100.0)


def test_a_statement_that_runs_for_the_first_time_is_known_by_its_session() -> None:
    (load,) = workload(observed({"sessions": [{"statement": "77", "text": SLOW, "statement_age_s": 5.0}]}, {})).loads
    assert (load.id, load.text, load.measured, load.blocks_per_call) == ("77", SLOW, False, None)


def test_samples_that_differ_in_their_values_are_one_statement() -> None:
    work = workload(observed({"bare": True, "window_s": 2.0, "sessions": [
        {"text": "SELECT * FROM t WHERE a = 1"},
        {"text": "select * from t where a = 'two'"},
        {"text": "SELECT 3 FROM u"},
        {"state": "idle in transaction", "text": "SELECT * FROM t WHERE a = 1"},
    ]}, {}))  # fmt: skip
    assert [(load.running, round(load.share, 2), load.time_s) for load in work.loads] == [
        (2, 0.67, 4.0),
        (1, 0.33, 2.0),
    ]
    assert work.active == 3.0


def test_one_look_alone_is_not_counted_twice() -> None:
    seen = observed({"bare": True, "sessions": [{"text": SLOW}]}, {})
    (load,) = workload(replace(seen, earlier=seen.later)).loads
    assert load.running == 1


def test_waiting_for_locks_is_told_apart() -> None:
    (load,) = workload(observed({"bare": True, "sessions": [
        {"text": SLOW, "count": 3, "wait_type": "Lock"}, {"text": SLOW, "wait_type": "IO"},
    ]}, {})).loads  # fmt: skip
    assert (load.waiting, load.running, load.waits_for_locks) == (3, 1, True)


def test_statements_that_matter_and_cannot_be_read_are_named() -> None:
    notes = workload(observed({"statements": [
        {"text": "<insufficient privilege>", "calls": [0, 1], "time_ms": [0.0, 900.0]},
        {"text": "SELECT 'cut", "truncated": True, "calls": [0, 1], "time_ms": [0.0, 800.0]},
        {"text": "SELECT $$open", "calls": [0, 1], "time_ms": [0.0, 700.0]},
        {"text": "SELECT $$rare", "calls": [0, 1], "time_ms": [0.0, 1.0]},
    ]}, {})).notes  # fmt: skip
    assert len(notes) == 3
    assert "grant it pg_monitor" in notes[0]
    assert "track_activity_query_size" in notes[1]
    assert "could not be read" in notes[2]


def test_a_statement_is_shown_without_its_values() -> None:
    assert shortened("SELECT 'secret' FROM t -- secret") == "SELECT $1 FROM t"
    assert shortened("SELECT 'secret") == "a statement that cannot be read"
    assert len(shortened("SELECT " + "a, " * 100 + "b")) == 100

"""Phrases find signals and actions; what is in doubt stays in doubt; a team's tables widen both."""

import re

import pytest

from playbook_reading import armed, plan_of
from stanch.catalogue.action import ActionEntry
from stanch.catalogue.actions import ACTIONS
from stanch.model.plan import Step, Threshold
from stanch.model.risk import Risk
from stanch.playbook.vocabulary import catalogue
from stanch.playbook.words import stem


def actions(text: str) -> list[str]:
    return [match.action.name for match in catalogue().actions_of(text)]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Block suspicious login attempts", "block_source"),
        ("Switch to backup CDN", "switch_origin"),
        ("Revert to last stable version", "rollback_release"),
        ("Roll back the deployment", "rollback_release"),
        ("Rolling back the recent release", "rollback_release"),
        ("Restart the pods one by one", "restart_service"),
        ("Increase connection pool size", "resize_pool"),
        ("Promote the standby", "failover_database"),
        ("Put the site into maintenance mode", "maintenance_mode"),
        ("Update the status page", "update_status_page"),
        ("Notify affected customers", "notify_users"),
        ("Inform the supervisory authority", "notify_authority"),
        ("Kill long-running queries", "cancel_query"),
        ("Terminate idle connections", "end_session"),
        ("Take a heap dump", "dump_heap"),
        ("Purge the CDN cache", "clear_cache"),
        ("Rotate the API keys", "rotate_credentials"),
        ("Disable the feature flag", "disable_feature"),
        ("Restore the database from the latest snapshot", "restore_backup"),
        ("Find the root cause", "diagnose"),
        ("Watch the signals until they have stayed clean", "verify_recovery"),
    ],
)
def test_actions_are_asked_for_in_many_ways(text: str, name: str) -> None:
    assert actions(text)[0] == name


@pytest.mark.parametrize("text", ["Drink some water", "Breathe", "The weather is fine", ""])
def test_what_is_no_action_finds_none(text: str) -> None:
    assert actions(text) == []


def test_actions_have_unique_names_phrases_and_a_description() -> None:
    names = [action.name for action in ACTIONS]
    assert len(names) == len(set(names)) >= 60
    for action in ACTIONS:
        assert re.fullmatch(r"[a-z]+(?:_[a-z]+)*", action.name)
        assert action.phrases
        assert action.description.endswith(".")


def test_every_phrase_of_the_catalogue_finds_its_action() -> None:
    for action in ACTIONS:
        for phrase in action.phrases:
            text = " ".join(term.split("|")[0].replace("_", " ") for term in phrase.split())
            assert action.name in actions(text), (action.name, phrase, actions(text))


def test_what_can_be_taken_back_says_how_and_what_only_looks_needs_no_undo() -> None:
    for action in ACTIONS:
        if action.undo:
            assert action.risk is not Risk.READ_ONLY, action.name


def test_parameters_read_their_value() -> None:
    for action in ACTIONS:
        for parameter in action.parameters:
            assert "value" in re.compile(parameter.pattern).groupindex


@pytest.mark.parametrize(
    ("forms", "same"),
    [
        (("block", "blocks", "blocked", "blocking"), True),
        (("scale", "scaling", "scaled"), True),
        (("stop", "stopped", "stopping"), True),
        (("query", "queries"), True),
        (("finding", "findings", "find"), True),
        (("optimize", "optimise", "optimising"), True),
        (("cache", "caching", "caches"), True),
        (("status", "state"), False),
        (("redis", "red"), False),
    ],
)
def test_inflections_are_one_word(forms: tuple[str, ...], same: bool) -> None:  # noqa: FBT001 - a column of the table
    assert (len({stem(form) for form in forms}) == 1) == same


def test_a_phrase_that_two_signals_have_is_not_armed() -> None:
    vocabulary = catalogue()
    errors = vocabulary.signal("http.error_rate")
    success = vocabulary.signal("http.success_rate")
    assert errors is not None
    assert success is not None
    doubled = vocabulary.with_signals([_renamed(errors, "a.rate"), _renamed(success, "b.rate")])
    (match,) = doubled.signals_of("checkout quality")
    assert {signal.name for signal in match.signals} == {"a.rate", "b.rate"}


def _renamed(signal, name):  # type: ignore[no-untyped-def]
    from dataclasses import replace

    return replace(signal, name=name, phrases=("checkout quality",))


def test_a_table_defines_a_signal_and_another_document_uses_it() -> None:
    (rule,) = armed(
        """
        ## Signals

        | Signal | Query | Unit | Also called |
        |---|---|---|---|
        | basket.errors | basket_errors_ratio{shop="main"} | ratio | basket error rate; broken baskets |

        ## Alert thresholds

        - Broken baskets > 2% for 5 minutes
        """
    )
    assert (rule.signal, rule.value, rule.persistence_s) == ("basket.errors", 0.02, 300.0)


def test_a_table_defines_an_action_with_the_risk_of_its_command() -> None:
    plan = plan_of(
        """
        ## Actions

        | Action | Command | Also called | Undo |
        |---|---|---|---|
        | drop carts | redis-cli FLUSHALL | empty the carts | none |

        ## Response procedure

        1. Empty the carts
        2. Verify recovery
        """
    )
    step = plan.of(Step)[0]
    assert (step.command, step.risk) == ("redis-cli FLUSHALL", Risk.DESTRUCTIVE)
    assert not plan.of(Threshold)


def test_a_team_s_own_action_does_not_shadow_the_catalogue() -> None:
    own = ActionEntry(name="restart_cron", risk=Risk.MUTATING, description="Ours.", phrases=("restart cron",))
    wider = catalogue().with_actions([own])
    assert [match.action.name for match in wider.actions_of("Restart the cron jobs")] == ["restart_cron"]
    assert [match.action.name for match in wider.actions_of("Restart the service")] == ["restart_service"]

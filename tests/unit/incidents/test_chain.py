"""Whatever is done to a chain of events, the first link that no longer holds is named."""

from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incident_builders import T0
from stanch.incidents.timeline import broken_link, linked
from stanch.model.incident import EventKind
from stanch.store.document import canonical

texts = st.text(max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
notes = st.tuples(st.dictionaries(texts, values, max_size=3), texts, st.sampled_from(list(EventKind)))


def rows(entries):
    """The stored rows of a chain with these events, the data as its stored text."""
    stored, previous = [], ""
    for seq, (data, actor, kind) in enumerate(entries, start=1):
        event = linked(incident_id="7", seq=seq, at=T0 + seq / 7, kind=kind, actor=actor, data=data, previous=previous)
        stored.append(
            SimpleNamespace(
                incident_id="7",
                seq=seq,
                at=event.at,
                kind=kind.value,
                actor=actor,
                data=canonical(data),
                previous=previous,
                digest=event.digest,
            )
        )
        previous = event.digest
    return stored


def fault(stored, *, of):
    """What the check says of `stored`, where the incident's row knows the chain `of`."""
    return broken_link("7", stored, count=len(of), head=of[-1].digest)


chains = st.lists(notes, min_size=1, max_size=6)


@given(chains)
def test_an_untouched_chain_holds(entries):
    stored = rows(entries)
    assert fault(stored, of=stored) is None


@given(chains, st.data())
def test_a_changed_field_is_found_at_its_event(entries, data):
    original, stored = rows(entries), rows(entries)
    place = data.draw(st.integers(0, len(stored) - 1))
    field = data.draw(st.sampled_from(["at", "kind", "actor", "data", "previous", "digest"]))
    was = getattr(stored[place], field)
    different = {
        "at": st.floats(allow_nan=False).filter(lambda value: value != was),
        "kind": st.sampled_from([kind.value for kind in EventKind]).filter(lambda value: value != was),
        "data": st.one_of(values.map(canonical), texts, st.none(), st.binary()).filter(lambda value: value != was),
    }.get(field, st.text(max_size=64).filter(lambda value: value != was))
    setattr(stored[place], field, data.draw(different))
    found = fault(stored, of=original)
    assert found is not None
    assert found.message.startswith(f"Incident 7, event {place + 1}:")


@given(chains.filter(lambda entries: len(entries) > 1), st.data())
def test_a_removed_event_is_found(entries, data):
    original, stored = rows(entries), rows(entries)
    place = data.draw(st.integers(0, len(stored) - 1))
    del stored[place]
    found = fault(stored, of=original)
    assert found is not None
    assert found.message.startswith(f"Incident 7, event {place + 1}:")
    assert found.code == "chain-cut"


@given(chains, st.data())
def test_a_truncated_chain_is_found_even_at_its_very_end(entries, data):
    original = rows(entries)
    length = data.draw(st.integers(0, len(original) - 1))
    found = fault(original[:length], of=original)
    assert found is not None
    assert found.code == "chain-cut"


@given(st.lists(notes, min_size=2, max_size=6, unique_by=repr), st.data())
def test_a_reorder_that_renumbers_its_events_is_found(entries, data):
    original, stored = rows(entries), rows(entries)
    one = data.draw(st.integers(0, len(stored) - 2))
    other = data.draw(st.integers(one + 1, len(stored) - 1))
    stored[one], stored[other] = stored[other], stored[one]
    stored[one].seq, stored[other].seq = stored[other].seq, stored[one].seq
    assert fault(stored, of=original) is not None


@given(chains, notes)
def test_an_event_added_by_hand_is_found_although_it_links(entries, extra):
    assert fault(rows([*entries, extra]), of=rows(entries)) is not None


@given(chains, chains)
def test_a_chain_rewritten_from_the_start_is_found_by_the_head(entries, others):
    original, rewritten = rows(entries), rows(others)
    if rewritten[-1].digest != original[-1].digest:
        assert fault(rewritten, of=original) is not None


@given(chains, st.sampled_from([b"x", None, "x", 1.5]))
def test_a_head_or_a_count_of_another_kind_is_found(entries, odd):
    stored = rows(entries)
    assert broken_link("7", stored, count=odd, head=stored[-1].digest) is not None
    assert broken_link("7", stored, count=len(stored), head=odd) is not None


@settings(max_examples=200)
@given(values)
def test_what_is_hashed_is_what_is_stored(value):
    import json

    text = canonical(value)
    assert text.isascii()
    assert canonical(json.loads(text)) == text


def test_the_digest_is_sha256_over_the_canonical_fields():
    import hashlib

    event = linked(incident_id="1", seq=1, at=1.5, kind=EventKind.NOTE, actor="ann", data={"text": "é"}, previous="")
    expected = hashlib.sha256(b'["1",1,1.5,"note","ann",{"text":"\\u00e9"},""]').hexdigest()
    assert event.digest == expected


@pytest.mark.parametrize("value", [{1, 2}, object(), b"bytes"])
def test_what_json_cannot_hold_is_refused(value):
    with pytest.raises(TypeError):
        canonical(value)

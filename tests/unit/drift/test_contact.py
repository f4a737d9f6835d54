"""What the form of an address tells, without asking anybody."""

import pytest

from stanch.drift.outside import Outside
from stanch.drift.probes import contact
from stanch.drift.settings import DriftSettings
from stanch.model.drift import Named, Presence
from stanch.model.problem import Source

CASES = [
    ("+1 212 555 0123", Presence.GONE),
    ("+1-555-0124", Presence.GONE),
    ("12-34", Presence.UNASKED),
    ("+44 20 7946 0958", Presence.UNASKED),
    ("+123 4567 8901 2345 6789", Presence.GONE),
    ("#ops-oncall", Presence.UNASKED),
    ("#Ops", Presence.GONE),
    ("PagerDuty primary", Presence.UNASKED),
    ("ops@example.com", Presence.GONE),
    ("ops@mail.invalid", Presence.GONE),
    ("ops@shop.io", Presence.UNASKED),
]


@pytest.mark.parametrize(("address", "presence"), CASES)
async def test_form_of_an_address(address: str, presence: Presence) -> None:
    named = Named(kind="contact", name=address, source=Source(path="book.md", line=1))
    verdict = await contact.ask(named, Outside(settings=DriftSettings()))
    assert (verdict.presence, bool(verdict.because)) == (presence, True)

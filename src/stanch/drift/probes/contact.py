"""Contacts: whether an address can be one, and whether a mail domain has a host.

Asked: the name service, for mail domains that `drift.hosts` allows. Nobody is called and nothing is sent, so of a
number or a channel only the form is judged: one that can be nobody's (too short, reserved for fiction) is gone; a
plausible one is not asked.
"""

import re
from collections.abc import Iterator

from stanch.drift.outside import Outside
from stanch.drift.probes.host import allowed, resolved
from stanch.model.drift import Named, Verdict, exists, gone, unasked
from stanch.model.plan import Contact, Plan

KINDS = ("contact",)

_MAIL = re.compile(r"[\w.+'-]+@(?P<domain>[\w-]+(?:\.[\w-]+)+)")
_PHONE = re.compile(r"\+?[\d(][\d\s().-]{4,}\d")
_FICTION = re.compile(r"55501\d\d$")
_CHANNEL = re.compile(r"#[a-z0-9][a-z0-9_-]{0,79}")
_RESERVED = re.compile(r"(?:^|\.)(?:example(?:\.(?:com|net|org))?|invalid|test|localhost)$", re.IGNORECASE)


def names(plan: Plan) -> Iterator[Named]:
    """Placeholders are left out: that nobody is behind them is said when the playbook is read."""
    for contact in plan.of(Contact):
        if not contact.placeholder:
            yield Named(kind="contact", name=contact.address, where=(("of", contact.name),), source=contact.source)


async def ask(named: Named, outside: Outside) -> Verdict:
    mail = _MAIL.search(named.name)
    if mail is not None:
        return await _mail(mail["domain"], outside)
    return form(named.name)


async def _mail(domain: str, outside: Outside) -> Verdict:
    if _RESERVED.search(domain):
        return gone(f"{domain} is reserved for examples and has no mailbox")
    refused = allowed(domain, outside.settings)
    if refused is not None:
        return refused
    found = await resolved(domain, None)
    if isinstance(found, Verdict):
        return found
    return exists(f"{domain} is {found[0]}; nothing was sent")


def form(address: str) -> Verdict:
    """What the form of an address tells."""
    phone = _PHONE.search(address)
    if phone is not None:
        digits = re.sub(r"\D", "", phone[0])
        if _FICTION.search(digits):
            return gone("numbers from 555-0100 to 555-0199 are reserved for fiction")
        if not 7 <= len(digits) <= 15:
            return gone(f"no telephone number has {len(digits)} digits")
        return unasked("a telephone number can be that; nobody was called")
    if address.startswith("#"):
        if _CHANNEL.fullmatch(address):
            return unasked("a channel can be called that; nothing was sent")
        return gone("no channel can be called that: lower case, digits, hyphens, 80 characters")
    return unasked("what kind of address it is cannot be told")

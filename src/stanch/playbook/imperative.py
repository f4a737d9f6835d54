"""Sentences that tell somebody to do something, and the clauses they are made of."""

import re
from collections.abc import Iterator

from stanch.model.pattern import Pattern
from stanch.playbook.words import stem, wordset

_VERBS = frozenset(
    map(
        stem,
        wordset(
            """
            abort acknowledge activate add adjust aggregate allow alert analyze apply archive ask assess assign
            attach audit authenticate authorize backup ban begin bisect blacklist block build bump bypass call
            cancel capture check clean clear clone close cold collect commit communicate compare complete compress
            conduct configure confirm connect consult contact contain continue convert coordinate copy cordon create
            deactivate declare decrease define degrade delete delegate deny deploy describe determine develop
            diagnose disable disconnect document download drain drop dump edit email empty enable enforce engage
            ensure escalate establish estimate evaluate evict examine execute expand export extend failover fence
            file fill find fix flag flush follow force free freeze gather generate get give grant grep halt handle
            hold identify implement import improve increase inform inspect install instruct introduce invalidate
            investigate invite invoke involve isolate join keep kill launch limit link list load lock log login
            logout look lower maintain make manage mark measure merge migrate mitigate monitor mount move navigate
            note notify observe open optimize order page patch pause perform pin plan post prepare preserve press
            prevent prioritize proceed profile promote provision prune publish pull purge push put quarantine query
            quiesce raise rate read reassign rebalance reboot rebuild recalculate record recover recreate recycle
            redeploy redirect reduce refresh regenerate reindex reject release reload relocate remove renew reopen
            repair repeat replace replay report reprocess reproduce request require reroute rerun reset resize
            resolve restart restore restrict resubmit resume resync retrieve retry return revert review revoke
            rewrite roll rollback rotate route run save scale scan schedule search secure see select send separate
            serve set setup shard share shed shift ship show shrink shut simulate skip snapshot spin split ssh
            stabilize stage start stop store submit suspend swap switch sync tail take tell terminate test throttle
            tighten toggle trace track transfer triage trigger trim truncate try tune turn undo unblock uncordon
            uninstall unload unlock unmount unset update upgrade upload use vacuum validate verify view visit wait
            wake warm watch whitelist withdraw work wipe write
            """
        ),
    )
)
_ADVERBS = wordset(
    "immediately temporarily first then next finally also gradually slowly quickly manually carefully always never "
    "please if needed optionally safely gracefully re-run rapidly promptly briefly additionally again only"
)
_LEAD = Pattern(
    r"^(?:ans(?:wer)?\s*:\s*)?(?:to [^,]{3,60},\s*)?(?:if (?:needed|necessary|required|possible)[^,]{0,20},\s*)?"
    r"(?:(?:i|we|you|they|the team|one)"
    r"(?:['\u2019](?:d|ll)| would| will| should| must| can| could| need to| have to)?\s+"
    r"|(?:long[- ]term|short[- ]term|immediate|further|these|the|other|additional)?\s*"
    r"(?:improvements?|measures?|optimi[sz]ations?|steps?|actions?|changes?|fixes)\s+"
    r"(?:would |will |should |could )?(?:include|be|involve|are)\s*:?\s+)?",
    re.IGNORECASE,
)
_JOINT = Pattern(
    r"\s*(?:;|,)\s+(?:and then |and also |and |then |or |as well as )?|\s+(?:and then|and also|and|then|or)\s+",
    re.IGNORECASE,
)
_WORD = Pattern(r"[A-Za-z][A-Za-z-]*")


def tells(text: str) -> bool:
    """Whether a text begins with what is to be done (*Check ...*, *Temporarily disable ...*)."""
    for match in _WORD.finditer(text[:120]):
        word = match[0].lower()
        if word in _ADVERBS:
            continue
        word = word.removeprefix("re-")
        return stem(word) in _VERBS and (not word.endswith("s") or word.endswith("ss"))
    return False


def clauses(text: str) -> Iterator[tuple[int, str]]:
    """A sentence's parts that each tell something, with their offsets; a list of objects is not taken apart."""
    begin = lead.end() if (lead := _LEAD.match(text)) else 0
    at = begin
    for joint in _JOINT.finditer(text, begin):
        rest = text[joint.end() :]
        if _LEAD.sub("", rest) == "" or not tells(_LEAD.sub("", rest, count=1)):
            continue
        if text[at : joint.start()].strip():
            yield at, text[at : joint.start()].strip(" .,;")
        inner = _LEAD.match(rest)
        at = joint.end() + (inner.end() if inner else 0)
    last = text[at:].strip(" .,;")
    if last:
        yield at, last

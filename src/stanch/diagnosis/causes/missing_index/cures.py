"""Which index cures a suspect: by the planner's costs, or by an estimate where it cannot be asked."""

from collections.abc import Iterator
from typing import Any

from stanch.diagnosis import ddl, estimate
from stanch.diagnosis.candidates import Candidate
from stanch.diagnosis.causes.missing_index.suspects import MOST_RETURNED, Suspect
from stanch.model.postgres import IndexShape, Observation, Planned, PlanRequest, Unanswered
from stanch.model.record import record

LEAST_GAIN = 2.0
LEAST_ESTIMATED_GAIN = 5.0
"""An estimate from statistics takes columns as independent, so more is asked of it than of the planner."""
WHOLE_TABLE = 0.5
"""Blocks per call over the table's pages from which a call counts as reading it whole."""
_SAME_COST = 1.1


@record
class Cure:
    """What helps a suspect. `gain` is how many times cheaper a call gets; `planned` whether the planner said so.

    Where it did not, `blocks` are those of a call now and, estimated, with the index.
    """

    suspect: Suspect
    candidate: Candidate
    gain: float
    planned: bool
    before: Planned | None
    after: Planned | None
    blocks: tuple[float, float] | None = None

    @property
    def saved(self) -> float:
        """The share of the database's time that it gives back."""
        return self.suspect.load.share * (1 - 1 / self.gain)


def requests(suspect: Suspect, observation: Observation) -> Iterator[PlanRequest]:
    """The plan as it is, and with each candidate where a plan can be had for it."""
    yield from (request for request in (_request(suspect, ()),) if request is not None)
    if "hypopg" in observation.server.extensions and suspect.table is suspect.leaf:
        for candidate in suspect.candidates:
            yield from (request for request in (_request(suspect, candidate.indexes),) if request is not None)


def _request(suspect: Suspect, indexes: tuple[IndexShape, ...]) -> PlanRequest | None:
    planned = suspect.reading.planned
    if planned is None:
        return None
    return PlanRequest(
        text=planned.text,
        parameters=planned.parameters,
        schemas=(suspect.table.schema,),
        functions=suspect.reading.functions,
        indexes=indexes,
    )


def _answer(suspect: Suspect, observation: Observation, indexes: tuple[IndexShape, ...]) -> Planned | Unanswered:
    request = _request(suspect, indexes)
    answer = None if request is None else observation.answers.get(request)
    return answer if isinstance(answer, Planned | Unanswered) else Unanswered(because="no plan was asked for")


def best(suspect: Suspect, observation: Observation) -> Cure | str:
    """The candidate that makes a call cheapest; among those about as cheap, the one with the fewest columns."""
    before = _answer(suspect, observation, ())
    by_plan: list[Cure] = []
    by_estimate: list[Cure] = []
    for candidate in suspect.candidates:
        after = _answer(suspect, observation, candidate.indexes)
        if isinstance(before, Planned) and isinstance(after, Planned):
            by_plan.append(
                Cure(
                    suspect=suspect,
                    candidate=candidate,
                    gain=before.cost / max(after.cost, 0.01),
                    planned=True,
                    before=before,
                    after=after,
                )
            )
        else:
            hidden = not observation.server.reads_data
            cure = _estimated(suspect, candidate, before if isinstance(before, Planned) else None, hidden=hidden)
            if cure is not None:
                by_estimate.append(cure)
    if by_plan:
        cure = _cheapest(by_plan)
        if cure.gain >= LEAST_GAIN:
            return cure
        return f"the planner would not gain by {ddl.columns_text(cure.candidate.indexes[0].columns)} or any other index"
    return _judged_estimate(suspect, before, by_estimate)


def _judged_estimate(suspect: Suspect, before: Planned | Unanswered, estimated: list[Cure]) -> Cure | str:
    """Without hypothetical plans there must be proof that the table is read whole: its plan, or blocks per call."""
    table, blocks = suspect.leaf, suspect.load.blocks_per_call
    reads_whole = blocks is not None and blocks >= WHOLE_TABLE * table.pages
    if isinstance(before, Planned):
        scans = list(scans_of(before, table.name))
        by_index = all(node["Node Type"] != "Seq Scan" for node in scans)
        # An index that is too narrow fetches rows only to throw them away, and the blocks of a call show it.
        too_narrow = blocks is not None and any("Filter" in node for node in scans)
        if by_index and not reads_whole and not too_narrow:
            return f"its plan reads {table.name} by an index"
    elif not reads_whole:
        return f"it could not be planned ({before.because}), and nothing else shows that it reads {table.name} whole"
    if not estimated:
        return f"the statistics of {table.name} may not be seen or are missing, so no index could be chosen"
    cure = _cheapest(estimated)
    if cure.gain < LEAST_ESTIMATED_GAIN:
        return f"by the statistics of {table.name} too many rows satisfy its conditions for an index to pay"
    return cure


def _cheapest(cures: list[Cure]) -> Cure:
    most = max(cure.gain for cure in cures)
    about_as_good = [cure for cure in cures if cure.gain * _SAME_COST >= most]
    return min(about_as_good, key=lambda cure: (cure.candidate.width, cures.index(cure)))


def _estimated(suspect: Suspect, candidate: Candidate, before: Planned | None, *, hidden: bool) -> Cure | None:
    """Blocks of a call now over those of an index read; None without statistics. `hidden`: they may not be seen."""
    table, load = suspect.leaf, suspect.load
    blocks = 0.0
    for shape in candidate.indexes:
        fixed = shape.columns[: min(candidate.equalities, len(shape.columns))]
        rows = estimate.matched_rows(table, fixed, ranged=candidate.ranged)
        if rows is None and hidden and _is_counted(suspect, fixed):
            rows = load.rows_per_call
        if rows is None:
            return None
        if candidate.sorted and suspect.scan.limited and load.rows_per_call is not None:
            rows = min(rows, max(1.0, load.rows_per_call))
        if rows > MOST_RETURNED * table.rows:
            return None
        blocks += estimate.index_blocks(table, rows)
    now = float(table.pages)
    if load.blocks_per_call is not None:
        now = min(now, load.blocks_per_call) if len(suspect.reading.scans) > 1 else load.blocks_per_call
    return Cure(
        suspect=suspect,
        candidate=candidate,
        gain=max(1.0, now / blocks),
        planned=False,
        before=before,
        after=None,
        blocks=(now, blocks),
    )


def _is_counted(suspect: Suspect, columns: tuple[str, ...]) -> bool:
    """Whether the rows that these columns select are those that a call returns: all its conditions, nothing summed."""
    scan, reading = suspect.scan, suspect.reading
    plain = len(reading.scans) == 1 and not reading.aggregated and not reading.limited and reading.verb == "select"
    return plain and not scan.ranges and not scan.branches and set(columns) == set(scan.equalities)


def scans_of(plan: Planned, table: str) -> Iterator[dict[str, Any]]:
    """The plan's nodes that read a table."""
    stack: list[Any] = [plan.node]
    while stack:
        node = stack.pop()
        if node.get("Relation Name") == table:
            yield node
        stack += node.get("Plans") or ()

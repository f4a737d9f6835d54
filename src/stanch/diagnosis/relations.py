"""The tables of an observation by the names that statements use for them."""

from collections import defaultdict

from stanch.diagnosis.reading import Columns, Named
from stanch.model.postgres import Observation, Table


class Relations:
    """Tables that are known. A name that could be two tables is neither, unless one is in `public`."""

    def __init__(self, observation: Observation) -> None:
        self._by_name: defaultdict[str, list[Table]] = defaultdict(list)
        self._partitions: defaultdict[int, list[Table]] = defaultdict(list)
        self._earlier = {table.oid: table for table in observation.earlier.tables}
        for table in observation.tables:
            self._by_name[table.name].append(table)
            if table.parent_oid is not None:
                self._partitions[table.parent_oid].append(table)

    def table(self, named: Named) -> Table | None:
        """The table that a statement means, None where it is not known or not certain."""
        found = self._by_name.get(named.name, [])
        if named.schema is not None:
            found = [table for table in found if table.schema == named.schema]
        if len(found) > 1:
            found = [table for table in found if table.schema == "public"]
        return found[0] if len(found) == 1 else None

    def largest_leaf(self, table: Table) -> Table | None:
        """The table itself, or, of a partitioned one, the partition with the most pages."""
        if table.kind != "p":
            return table
        leaves = [leaf for part in self._partitions[table.oid] if (leaf := self.largest_leaf(part)) is not None]
        return max(leaves, key=lambda leaf: (leaf.pages, leaf.name), default=None)

    def before(self, table: Table) -> Table:
        """Its counters at the earlier look; as now, where it was not seen then."""
        return self._earlier.get(table.oid, table)

    @property
    def columns(self) -> Columns:
        """Column names by table name, of tables whose name is certain and that are described."""
        return {
            name: frozenset(column.name for column in tables[0].columns)
            for name, tables in self._by_name.items()
            if len(tables) == 1 and tables[0].columns is not None
        }

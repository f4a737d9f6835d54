"""Release 1.8.2."""

from datetime import date, timedelta

from clinic.database import Database, Row
from clinic.releases.release import Release

_SLOT = timedelta(minutes=15)


class V182(Release):
    version = "1.8.2"
    released_on = date(2026, 3, 17)
    changes = ("Appointments show when they end.",)

    async def appointments(self, database: Database, doctor_id: int, day: date) -> list[Row]:
        rows = await super().appointments(database, doctor_id, day)
        return [{**row, "ends_at": row["starts_at"] + _SLOT} for row in rows]


RELEASE = V182()

"""Release 1.8.1."""

from datetime import date

from clinic.releases.release import Release


class V181(Release):
    version = "1.8.1"
    released_on = date(2026, 3, 3)
    changes = ("Reminders name the room.",)


RELEASE = V181()

"""What a release decides: how appointments are found and shown, and how one is booked."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

from clinic.database import Database, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """What a patient asks for."""

    patient_id: int
    doctor_id: int
    starts_at: datetime
    reason: str
    notes: str


class Release:
    """One version of the application; a later one overrides what it changed."""

    version: ClassVar[str]
    released_on: ClassVar[date]
    changes: ClassVar[tuple[str, ...]]

    async def appointments(self, database: Database, doctor_id: int, day: date) -> list[Row]:
        """A doctor's appointments of a day, as they are shown."""
        return await database.fetch(
            "SELECT * FROM appointments WHERE doctor_id = %s AND appointment_date = %s",
            "appointments",
            (doctor_id, day),
        )

    async def book(self, database: Database, booking: Booking) -> Row:
        """The appointment as it was written. Raises psycopg.errors.ForeignKeyViolation for unknown people."""
        rows = await database.fetch(
            "INSERT INTO appointments (patient_id, doctor_id, appointment_date, starts_at, status, reason, notes)"
            " VALUES (%s, %s, %s, %s, 'booked', %s, %s) RETURNING *",
            "appointments",
            (
                booking.patient_id,
                booking.doctor_id,
                booking.starts_at.date(),
                booking.starts_at,
                booking.reason,
                booking.notes,
            ),
        )
        return rows[0]

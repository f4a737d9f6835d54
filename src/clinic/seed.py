"""Appointments by the million, generated inside PostgreSQL; the same numbers give the same rows."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import LiteralString, Self

import psycopg
from psycopg import sql

from clinic import schema
from clinic.faults import drop_index
from clinic.unusable import Unusable

APPOINTMENTS = 5_000_000
FIRST_DAY = date(2026, 1, 1)
DAYS = 125
_PER_DOCTOR = 250  # two a doctor and day, one to three in places
_PER_PATIENT = 25
_BATCH = 250_000

Progress = Callable[[str, float], None]
"""Told what is being done, and the share done of the whole, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """How many of what there are; ids run from 1."""

    appointments: int
    doctors: int
    patients: int
    first_day: date = FIRST_DAY
    days: int = DAYS

    @classmethod
    def of(cls, appointments: int) -> Self:
        """The clinic that has so many appointments. Raises Unusable below 1,000."""
        if appointments < 1_000:
            raise Unusable("A clinic has at least 1,000 appointments: ask for more.")
        return cls(
            appointments=appointments,
            doctors=-(-appointments // _PER_DOCTOR),
            patients=-(-appointments // _PER_PATIENT),
        )

    @property
    def last_day(self) -> date:
        return self.first_day + timedelta(days=self.days - 1)


_PATIENTS: LiteralString = """
    INSERT INTO patients
    SELECT n,
        (ARRAY['Ada', 'Bruno', 'Carla', 'Dario', 'Elif', 'Farid', 'Greta', 'Hugo', 'Ines', 'Jonas', 'Kaya'])[n % 11 + 1]
            || ' ' ||
        (ARRAY['Amsel', 'Bach', 'Castro', 'Demir', 'Ek', 'Fuchs', 'Graf', 'Holm', 'Ivanov', 'Jansen'])[n / 11 % 10 + 1]
            || ' ' || n,
        DATE '1930-01-01' + n * 13 % 32000,
        '+00 555 ' || lpad(n::text, 7, '0'),
        'patient' || n || '@clinic.example',
        'INS-' || lpad((n::bigint * 7919 % 99999989)::text, 8, '0'),
        to_timestamp(1577836800 + n * 600::bigint)
    FROM generate_series(1, {patients}) n
"""

_DOCTORS: LiteralString = """
    INSERT INTO doctors
    SELECT n,
        'Dr. ' || (ARRAY['Abel', 'Brandt', 'Costa', 'Dahl', 'Ernst', 'Falk', 'Gauss'])[n % 7 + 1] || ' ' || n,
        (ARRAY['general practice', 'cardiology', 'dermatology', 'paediatrics', 'orthopaedics'])[n % 5 + 1],
        'Room ' || n % 400 + 1
    FROM generate_series(1, {doctors}) n
"""

# Booked in the order of their ids for days all over the calendar, so that no two of a doctor's lie together on disk.
_APPOINTMENTS: LiteralString = """
    INSERT INTO appointments
    SELECT id,
        (id * 7877 % {patients} + 1)::int,
        doctor,
        {first_day} + day,
        to_timestamp({epoch} + 28800 + day * 86400 + (doctor * 7 + round * 11) % 32 * 900),
        (ARRAY['booked', 'booked', 'booked', 'attended', 'attended', 'cancelled', 'missed'])[(doctor + round) % 7 + 1],
        (ARRAY['Annual check-up', 'Follow-up after treatment', 'Blood pressure control', 'Vaccination',
               'Referral to a specialist'])[(doctor + round * 3) % 5 + 1],
        'Reminder by text message the day before; bring the insurance card and the earlier findings along.',
        to_timestamp({epoch} - 7776000 + id)
    FROM (
        SELECT round * {doctors}::bigint + doctor AS id, round, doctor,
            (round + doctor * 31 + (round < {days} AND round % 5 = doctor % 5)::int) % {days} AS day
        FROM generate_series({first_round}::int, {last_round}::int) round, generate_series(1, {doctors}) doctor
        OFFSET 0
    ) slots
    WHERE id <= {appointments}
"""


def seed(
    database_url: str, *, appointments: int = APPOINTMENTS, progress: Progress = lambda _what, _share: None
) -> bool:
    """Fill the database; False where it holds that clinic already, whose index is put back if it is gone.

    All or nothing: what was interrupted, or is of another size, is made anew. Raises psycopg.Error, and Unusable for
    fewer than 1,000 appointments.
    """
    population = Population.of(appointments)
    with psycopg.connect(database_url, autocommit=True, application_name="clinic seed") as connection:
        # Hint bits are set only once the commit they tell of is on disk.
        connection.execute("SET synchronous_commit = on")
        connection.execute(schema.SEEDING)
        if _is_there(connection, population):
            progress("already there", 0.9)
            drop_index.remove(database_url)
            return False
        connection.execute("TRUNCATE seeding")
        with connection.transaction():
            _load(connection, population, progress)
        progress("statistics", 0.95)
        # Also settles the hint bits and the visibility map, which would else be written by the first readers.
        for table in ("patients", "doctors", "appointments"):
            connection.execute(sql.SQL("VACUUM (ANALYZE) {}").format(sql.Identifier(table)))
        connection.execute(
            "INSERT INTO seeding (appointments, doctors, patients, first_day, days) VALUES (%s, %s, %s, %s, %s)",
            [population.appointments, population.doctors, population.patients, population.first_day, population.days],
        )
    progress("done", 1.0)
    return True


def _is_there(connection: psycopg.Connection, population: Population) -> bool:
    known = connection.execute("SELECT appointments, doctors, patients, first_day, days FROM seeding").fetchone()
    return known == (
        population.appointments,
        population.doctors,
        population.patients,
        population.first_day,
        population.days,
    )


def _load(connection: psycopg.Connection, population: Population, progress: Progress) -> None:
    """In the transaction that makes the tables, so that with wal_level minimal no row is written twice."""
    values = {
        "patients": sql.Literal(population.patients),
        "doctors": sql.Literal(population.doctors),
        "appointments": sql.Literal(population.appointments),
        "first_day": sql.Literal(population.first_day),
        "days": sql.Literal(population.days),
        "epoch": sql.Literal((population.first_day - date(1970, 1, 1)).days * 86400),
    }
    connection.execute("DROP TABLE IF EXISTS appointments, tokens, doctors, patients")
    connection.execute(schema.TABLES)
    progress("patients and doctors", 0.0)
    connection.execute(sql.SQL(_PATIENTS).format(**values))
    connection.execute(sql.SQL(_DOCTORS).format(**values))
    rounds = -(-population.appointments // population.doctors)
    step = max(1, _BATCH // population.doctors)
    for first in range(0, rounds, step):
        progress(f"{min(first * population.doctors, population.appointments):,} rows", 0.02 + 0.58 * first / rounds)
        bounds = {"first_round": sql.Literal(first), "last_round": sql.Literal(min(first + step, rounds) - 1)}
        connection.execute(sql.SQL(_APPOINTMENTS).format(**values, **bounds))
    progress("keys", 0.6)
    connection.execute(schema.KEYS)
    progress("index", 0.75)
    connection.execute(schema.CREATE_DOCTOR_DATE_INDEX.format(concurrently=""))
    progress("references", 0.85)
    connection.execute(schema.REFERENCES)
    for table, count in (("patients", population.patients), ("doctors", population.doctors)):
        _continue_ids(connection, table, count)
    _continue_ids(connection, "appointments", population.appointments)


def _continue_ids(connection: psycopg.Connection, table: str, last: int) -> None:
    connection.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", [table, last])

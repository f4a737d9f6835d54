"""The schema: what the migrations build is what the tables say, and what is not ours is left alone."""

import os
import re
import sqlite3
import stat
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, make_url, text

from stanch.model.clock import ManualClock
from stanch.model.problem import Unusable
from stanch.store import migrations
from stanch.store.engine import Store
from stanch.store.schema import VERSION_TABLE
from stanch.store.tables import metadata


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request, tmp_path):
    """The address of a database in which Stanch never was."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/new.db"
    return request.getfixturevalue("postgres_url")


def engine_of(url):
    parsed = make_url(url)
    return create_engine(
        parsed if parsed.get_backend_name() == "sqlite" else parsed.set(drivername="postgresql+psycopg")
    )


async def migrated(url):
    await (await Store.open(url, ManualClock())).close()


async def test_migrations_build_exactly_the_tables(new_url):
    await migrated(new_url)
    engine = engine_of(new_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []
    engine.dispose()


async def test_migrations_build_the_same_ddl_as_the_tables_on_sqlite(tmp_path):
    """What Alembic does not compare: keys, uniqueness, WITHOUT ROWID, foreign keys."""
    await migrated(f"sqlite:///{tmp_path}/migrated.db")
    direct = create_engine(f"sqlite:///{tmp_path}/direct.db")
    metadata.create_all(direct)
    direct.dispose()

    def ddl(name):
        with sqlite3.connect(tmp_path / name) as connection:
            rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'").fetchall()
        connection.close()
        return {name: parts(sql or "") for name, sql in rows}

    def parts(statement):
        """What is between the outer brackets, in any order, and what is around them."""
        head, _, rest = re.sub(r"\s+", " ", statement).partition("(")
        inside, _, tail = rest.rpartition(")")
        return head.strip(), sorted(part.strip() for part in inside.split(", ")), tail.strip()

    built = ddl("migrated.db")
    built.pop(VERSION_TABLE)
    assert built == ddl("direct.db")


def test_the_revisions_that_the_code_knows_are_the_files():
    script = ScriptDirectory(str(Path(migrations.__file__).parent))
    found = tuple(revision.revision for revision in reversed(list(script.walk_revisions())))
    assert found == migrations.REVISIONS
    assert script.get_heads() == [migrations.HEAD]


async def test_opening_again_changes_nothing(new_url):
    await migrated(new_url)
    await migrated(new_url)


@pytest.mark.parametrize(
    ("change", "lacks"),
    [
        ("ALTER TABLE step DROP COLUMN acts_as", "step.acts_as."),
        ("DROP TABLE approval", "approval.run_id and 6 more."),
    ],
)
async def test_a_database_of_an_older_schema_is_refused_in_one_sentence(new_url, change, lacks):
    await migrated(new_url)
    engine = engine_of(new_url)
    with engine.begin() as connection:
        connection.execute(text(change))
    with pytest.raises(Unusable, match="is of an older schema than this Stanch's, which no release had") as old:
        await Store.open(new_url, ManualClock())
    assert old.value.message.endswith(f": it lacks {lacks}")
    assert old.value.hint == "Nothing was changed. Move it away and start anew, or run the version that wrote it."
    engine.dispose()


async def test_a_database_of_a_newer_version_is_refused_untouched(new_url):
    await migrated(new_url)
    engine = engine_of(new_url)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(Unusable, match="written by a newer Stanch: its schema is 9999") as refused:
        await Store.open(new_url, ManualClock())
    assert "Nothing was changed" in refused.value.hint
    with engine.connect() as connection:
        assert connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar_one() == "9999"
    engine.dispose()


async def test_a_migration_that_fails_leaves_nothing_behind(new_url):
    engine = engine_of(new_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE step (in_the_way INTEGER)"))
    with pytest.raises(Exception, match="step"):
        await Store.open(new_url, ManualClock())
    with engine.connect() as connection:
        tables = set(engine.dialect.get_table_names(connection))
    assert tables == {"step"}
    engine.dispose()


async def test_a_new_database_is_for_its_owners_eyes(tmp_path):
    await migrated(f"sqlite:///{tmp_path}/deep/er/new.db")
    assert stat.S_IMODE((tmp_path / "deep/er/new.db").stat().st_mode) == 0o600


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://h/d", "postgresql:/x", "sqlite://", "sqlite:///:memory:"])
async def test_an_address_that_is_none_says_what_to_write(url):
    with pytest.raises(Unusable) as refused:
        await Store.open(url, ManualClock())
    assert "sqlite:///" in refused.value.hint


async def test_an_address_is_not_repeated_with_its_password():
    with pytest.raises(Unusable) as refused:
        await Store.open("postgresql://stanch:hunter2@127.0.0.1:1/x", ManualClock())
    assert "does not answer" in refused.value.message
    assert "hunter2" not in refused.value.message + refused.value.hint


async def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("These are notes, and they are longer than a database's header would be.\n" * 10)
    before = path.read_bytes()
    with pytest.raises(Unusable, match="is not a Stanch database"):
        await Store.open(f"sqlite:///{path}", ManualClock())
    assert path.read_bytes() == before


async def test_a_folder_in_the_place_of_the_file_is_said(tmp_path):
    with pytest.raises(Unusable, match="cannot be used: Is a directory"):
        await Store.open(f"sqlite:///{tmp_path}", ManualClock())


async def test_a_file_in_the_place_of_a_folder_is_said(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(Unusable, match="cannot be used: "):
        await Store.open(f"sqlite:///{tmp_path}/file/new.db", ManualClock())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
async def test_a_folder_without_permission_is_said(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(Unusable, match="Permission denied"):
        await Store.open(f"sqlite:///{tmp_path}/new.db", ManualClock())


async def test_a_damaged_database_is_said(tmp_path):
    url = f"sqlite:///{tmp_path}/new.db"
    await migrated(url)
    content = bytearray((tmp_path / "new.db").read_bytes())
    content[100:4096] = b"\xff" * 3996
    (tmp_path / "new.db").write_bytes(content)
    with pytest.raises(Unusable, match="is damaged") as refused:
        await Store.open(url, ManualClock())
    assert "copy" in refused.value.hint


async def test_a_user_who_may_not_create_tables_is_told(postgres_cluster, postgres_url):
    import psycopg

    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    database = make_url(postgres_url).database
    with pytest.raises(Unusable) as refused:
        await Store.open(postgres_cluster.url("clinic", database), ManualClock())
    assert "GRANT" in refused.value.hint


async def test_a_read_only_replica_is_refused(postgres_cluster, postgres_url):
    database = make_url(postgres_url).database
    with pytest.raises(Unusable, match="read-only"):
        await Store.open(postgres_cluster.url("stanch_read", database), ManualClock())


async def test_a_database_that_is_not_there_is_said(postgres_cluster):
    with pytest.raises(Unusable, match='database "nowhere" does not exist'):
        await Store.open(postgres_cluster.url("postgres", "nowhere"), ManualClock())

"""A tape that is a table or a query in a database, streamed into DuckDB by Arrow batches; nothing is written there.

PostgreSQL is read through ADBC (`pip install 'concord[database]'`), a DuckDB file directly. Only the needed columns are
asked for, and only rows that may be of the period. An address holds a password: no message, report or log has it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import duckdb
import pyarrow as pa

from anonymize.errors import ConfigError, LoanTapeError, MappingError, ServerError
from anonymize.tapes.errors import tape_errors
from anonymize.tapes.pushdown import pushed_filter
from anonymize.tapes.reading import Reading, Wanted
from anonymize.tapes.sql import literal, quoted

_POSTGRESQL = ("postgresql://", "postgres://")
_DUCKDB = "duckdb://"
_MOST_DIGITS = 18  # of a whole number in 64 bits
_PLAIN = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_date, pa.types.is_string)


def is_database(source: object) -> bool:
    """Whether a tape's place is a database's address; LoanTapeError for an address of anything else."""
    text = str(source)
    if text.startswith((*_POSTGRESQL, _DUCKDB)):
        return True
    if "://" in text:
        raise LoanTapeError(
            f"{text.split('://')[0]}:// is not a place a tape is read from; give a file, a folder, postgresql://... or "
            "duckdb://FILE."
        )
    return False


def shown_place(source: object) -> str:
    """A tape's place as it may be printed: of a database's address the host and the name only."""
    text = str(source)
    if not text.startswith(_POSTGRESQL):
        return text
    try:
        parts = urlsplit(text)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "postgresql://..."
    return f"postgresql://{parts.hostname or ''}{port}{parts.path}"


def load_database(
    connection: duckdb.DuckDBPyConnection, name: str, source: str, reading: Reading, wanted: Wanted
) -> str:
    """Makes the table `name` of what `[tape]` names; the place as it may be shown."""
    origin = _origin(reading)
    if source.startswith(_DUCKDB):
        return _load_duckdb(connection, name, source.removeprefix(_DUCKDB), origin, wanted)
    place = shown_place(source)
    with _postgresql(_address(source, reading), place) as database, database.cursor() as cursor:
        with _answers(place):
            cursor.execute(f"SELECT * FROM {origin} LIMIT 0")
            schema = cursor.fetch_record_batch().schema
            chosen = wanted.columns(schema.names)
            columns = ", ".join(_column(schema.field(each)) for each in chosen) or "1"
            cursor.execute(f"SELECT {columns} FROM {origin}{pushed_filter(schema, wanted)}")
            reader = cursor.fetch_record_batch()
        _keep(connection, name, reader, place)
    return place


def _origin(reading: Reading) -> str:
    """What stands behind FROM. A query is put in brackets, where SQL allows nothing that writes."""
    if (reading.table is None) == (reading.query is None):
        raise MappingError(
            '[tape]: a database needs either table = "schema.loans" or query = "SELECT ..."; of inspect and map, --table '
            "or --query."
        )
    if reading.table is not None:
        return ".".join(quoted(part) for part in reading.table.split("."))
    query = str(reading.query).strip().rstrip(";").strip()
    if ";" in re.sub(r"'[^']*'|\"[^\"]*\"", "", query) or not re.match(r"(?i)(select|with)\b", query):
        raise MappingError("[tape]: query is one SELECT statement.")
    return f"({query}\n) AS tape"


def _address(source: str, reading: Reading) -> str:
    if source not in _POSTGRESQL or reading.url_env is None:
        return source  # a bare scheme is completed by libpq from PGHOST, PGUSER, PGPASSWORD, PGPASSFILE ...
    address = os.environ.get(reading.url_env)
    if not address or not address.startswith(_POSTGRESQL):
        raise ConfigError(f"[tape]: url_env names {reading.url_env}, which holds no address postgresql://...")
    return address


@contextmanager
def _postgresql(address: str, place: str) -> Iterator[Any]:
    try:
        from adbc_driver_postgresql import dbapi
    except ImportError:
        raise ConfigError(
            "Tapes in a database need one more package: pip install 'concord[database]'.", rule="missing-extra"
        ) from None
    try:
        database = dbapi.connect(address)
    except dbapi.Error as error:
        raise _no_way(str(error), place) from None
    try:
        with _answers(place), database.cursor() as cursor:
            # On the server's side: whatever a query calls, nothing can be written.
            cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY, ISOLATION LEVEL REPEATABLE READ")
            database.commit()
        yield database
    finally:
        database.close()


@contextmanager
def _answers(place: str) -> Iterator[None]:
    """Turns what the database says into a sentence: its own may quote a row or the query."""
    import adbc_driver_manager as adbc

    try:
        yield
    except adbc.Error as error:
        raise _refusal(getattr(error, "sqlstate", None) or "", place) from None


def _refusal(state: str, place: str) -> LoanTapeError | ServerError:
    missing = {"42P01": "There is no such table or view", "42703": "The query names a column that is not there"}
    if state in missing:
        return LoanTapeError(f"{place}: {missing[state]}. Correct [tape].", rule="no-such-tape")
    if state == "42501":
        return LoanTapeError(f"{place}: this account may not read the table. Ask for SELECT on it.", rule="no-access")
    if state == "25006":
        return LoanTapeError(f"{place}: the query would write; the session only reads.", rule="query-writes")
    if state.startswith(("42", "0A")):
        return LoanTapeError(f"{place}: the query in [tape] is not valid SQL there (SQLSTATE {state}).", rule="mapping")
    if state.startswith("22"):
        return LoanTapeError(f"{place}: the query fails on a row (SQLSTATE {state}).", rule="unreadable-tape")
    return _broken(place)


def _broken(place: str) -> ServerError:
    return ServerError(
        f"{place} did not give the whole tape. Nothing was written; try again.", rule="database", retryable=True
    )


def _no_way(message: str, place: str) -> ConfigError | ServerError:
    if "password" in message or "authentication" in message or "role " in message:
        return ConfigError(f"{place} refuses this user or password. Check PGUSER, PGPASSWORD or the address.")
    if "does not exist" in message:
        return ConfigError(f"{place}: there is no such database.")
    if "percent-encoded" in message or "invalid" in message:
        return ConfigError(
            "The database's address is not valid; encode special characters of the password (%25 for %)."
        )
    return ServerError(f"{place} cannot be reached. Nothing was read.", rule="database", retryable=True)


def _column(field: pa.Field) -> str:
    """The column in a type that Arrow, DuckDB and the mapping agree on; keys of many digits stay exact."""
    name = quoted(field.name)
    metadata = field.metadata or {}
    if metadata.get(b"POSTGRESQL:type") == b"numeric":
        return f"{name}::{_number(int(metadata.get(b'POSTGRESQL:typmod', b'-1')))} AS {name}"
    if pa.types.is_timestamp(field.type):
        return f"{name}::timestamp AS {name}"
    if any(test(field.type) for test in _PLAIN):
        return name
    return f"{name}::text AS {name}"


def _number(modifier: int) -> str:
    if modifier < 0:
        return "text"  # any number of digits: it may be a key
    digits, scale = (modifier - 4) >> 16, (modifier - 4) & 0x7FF
    if scale:
        return "float8"
    return "bigint" if digits <= _MOST_DIGITS else "text"


def _keep(connection: duckdb.DuckDBPyConnection, name: str, reader: pa.RecordBatchReader, place: str) -> None:
    """Streams the batches into a table that spills; what the database breaks off is no tape."""
    connection.register("incoming", reader)
    try:
        with tape_errors([place]):
            _copy(connection, name, place)
    finally:
        connection.unregister("incoming")


def _copy(connection: duckdb.DuckDBPyConnection, name: str, place: str) -> None:
    try:
        connection.execute(f"CREATE TEMP TABLE {quoted(name)} AS FROM incoming")
    except duckdb.OutOfMemoryException:
        raise  # about this machine, not about the database
    except duckdb.Error as error:
        # Within a stream the driver tells no SQLSTATE; a server that still answers has refused the query itself.
        lost = re.search("closed the connection|terminating connection|no connection|could not receive", str(error))
        if lost or "PGRES_FATAL_ERROR" not in str(error):
            raise _broken(place) from None
        raise _refusal("25006" if "read-only transaction" in str(error) else "22000", place) from None


def _load_duckdb(connection: duckdb.DuckDBPyConnection, name: str, file: str, origin: str, wanted: Wanted) -> str:
    file = unquote(file)
    if not Path(file).is_file():
        raise LoanTapeError(f"There is no file {file}.", rule="no-such-tape")
    try:
        connection.execute(f"ATTACH {literal(file)} AS origin (READ_ONLY, TYPE duckdb)")
    except duckdb.Error:
        raise LoanTapeError(
            f"{file} is not a DuckDB file, or another program writes to it.", rule="unreadable-tape"
        ) from None
    try:
        connection.execute("USE origin")
        names = [row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {origin}").fetchall()]
        columns = ", ".join(map(quoted, wanted.columns(names))) or "1"
        with tape_errors([file]):
            connection.execute(f"CREATE TEMP TABLE {quoted(name)} AS SELECT {columns} FROM {origin}")
    except (duckdb.CatalogException, duckdb.BinderException, duckdb.ParserException):
        raise LoanTapeError(f"{file}: the table or query in [tape] does not work there.", rule="no-such-tape") from None
    finally:
        connection.execute("USE memory; DETACH origin")
    return file

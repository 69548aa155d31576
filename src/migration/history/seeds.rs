//! The table of the seed files that a database has had, each with what it said.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use crate::migration::set::plain;
use crate::migration::step::MigrationStep;
use crate::report::error::Error;
use crate::report::time::{self, rfc3339};
use crate::sqlite::execute::{failure, is_no_such_table, of_tables_alone};
use crate::sqlite::sql::script::Script;

const CREATE: &str = "CREATE TABLE IF NOT EXISTS heirloom_seeds (
    file TEXT NOT NULL PRIMARY KEY,
    digest TEXT NOT NULL,
    applied_at TEXT NOT NULL
)";
const INSERT: &str =
    "INSERT OR REPLACE INTO heirloom_seeds (file, digest, applied_at) VALUES (?1, ?2, ?3)";
const SELECT: &str = "SELECT file, digest FROM heirloom_seeds";

/// BLAKE3 of a seed file; the kind of its line endings does not count.
pub(crate) fn digest(script: &Script) -> String {
    blake3::hash(plain(script.text()).as_bytes()).to_string()
}

/// Notes a seed file, in the caller's transaction.
pub(crate) fn note(connection: &Connection, seed: &MigrationStep) -> Result<(), Error> {
    let values = params![seed.name, digest(&seed.script), rfc3339(time::now())];
    connection
        .execute_batch(CREATE)
        .and_then(|()| connection.execute(INSERT, values))
        .map(drop)
        .map_err(|error| failure("cannot note a seed file", error))
}

/// The seed files that were run, each with its digest.
pub(crate) fn read(connection: &Connection) -> Result<BTreeMap<String, String>, Error> {
    of_tables_alone(connection, || read_rows(connection))
}

fn read_rows(connection: &Connection) -> Result<BTreeMap<String, String>, Error> {
    let cannot = |error| failure("cannot read the table of the seed files", error);
    let mut statement = match connection.prepare(SELECT) {
        Err(error) if is_no_such_table(&error) => return Ok(BTreeMap::new()),
        prepared => prepared.map_err(cannot)?,
    };
    statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .and_then(Iterator::collect)
        .map_err(cannot)
}

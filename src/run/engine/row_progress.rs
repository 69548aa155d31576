//! Telling how far the filling of a big table is, while one statement does it.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use rusqlite::Connection;
use rusqlite::hooks::Action;

use crate::options::settings::Options;
use crate::report::error::Error;
use crate::report::event::Event;
use crate::sqlite::binding::HookSet as _;
use crate::sqlite::execute::failure;
use crate::sqlite::sql::name::same_name;

/// Below this many rows a table is filled before anybody has looked.
const MANY_ROWS: u64 = 100_000;

/// Rows between two events. Counting costs about 35 ns a row, a fortieth of what a run takes to
/// copy and index it: `cargo bench --bench rebuild` without and with a listener
/// (`HEIRLOOM_BENCH_LISTENER=1`), in turns on two million rows 2.51 s and 2.57 s.
const ROWS_PER_EVENT: u64 = 50_000;

/// A table that a file fills.
#[derive(Debug, Clone)]
pub(crate) struct Filled {
    /// What it is called while it is filled.
    pub(crate) name: String,
    /// What it is called in the end.
    pub(crate) table: String,
    /// The rows that it is to hold.
    pub(crate) total: u64,
}

impl Filled {
    /// Whether somebody wants to know how far it is.
    pub(crate) fn is_told(&self, options: &Options<'_>) -> bool {
        options.listener.is_some() && self.total >= MANY_ROWS
    }
}

/// Does the work on a connection, and tells meanwhile how far the tables are. It takes the
/// place of an update hook of the app's. Tables without rowids fill unseen: SQLite's update hook does not know them.
///
/// The listener is called from a thread of its own, one call at a time, because the work
/// keeps this one inside SQLite.
pub(crate) fn tell<T>(
    connection: &mut Connection,
    options: &Options<'_>,
    tables: Vec<Filled>,
    work: impl FnOnce(&Connection) -> Result<T, Error>,
) -> Result<T, Error> {
    let Some(listener) = options.listener.as_ref().filter(|_| !tables.is_empty()) else {
        return work(connection);
    };
    // Without a queue, so that a slow listener slows the run down and nothing is reported late.
    let (sender, receiver) = sync_channel(0);
    thread::scope(|threads| {
        let told = tables.clone();
        threads.spawn(move || {
            for (index, done) in receiver {
                if let Some(Filled { table, total, .. }) = told.get(index)
                    && let Ok(mut listener) = listener.try_lock()
                {
                    listener(&Event::Filling {
                        table,
                        done,
                        total: *total,
                    });
                }
            }
        });
        let counted = ProgressCounter::rows(connection, tables, sender)?;
        work(counted.0)
    })
}

/// A connection whose rows are counted. Dropping it ends that, and with it the thread that
/// tells, also when the work panicked.
struct ProgressCounter<'c>(&'c mut Connection);

impl ProgressCounter<'_> {
    fn rows(
        connection: &mut Connection,
        tables: Vec<Filled>,
        sender: SyncSender<(usize, u64)>,
    ) -> Result<ProgressCounter<'_>, Error> {
        let mut counts = vec![0; tables.len()];
        let count = move |action: Action, _database: &str, name: &str, _rowid: i64| {
            if action != Action::SQLITE_INSERT {
                return;
            }
            let filled = tables.iter().position(|table| same_name(&table.name, name));
            if let Some(index) = filled {
                let (done, total) = (&mut counts[index], tables[index].total);
                *done += 1;
                if *done <= total && (done.is_multiple_of(ROWS_PER_EVENT) || *done == total) {
                    let _ = sender.send((index, *done));
                }
            }
        };
        connection
            .update_hook(Some(count))
            .checked()
            .map_err(|error| failure("cannot count rows", error))?;
        Ok(ProgressCounter(connection))
    }
}

impl Drop for ProgressCounter<'_> {
    fn drop(&mut self) {
        let _ = self.0.update_hook(None::<fn(Action, &str, &str, i64)>);
    }
}

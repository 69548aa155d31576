//! One side of a walk, read by a thread of its own while the other one is read here.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::report::error::{Error, ErrorKind};
use crate::sqlite::background::{Background, stop_where};
use crate::sqlite::execute::failure;
use crate::sqlite::open;

/// Bytes of texts and blobs that are handed over at once; at least a row.
const BYTES_AT_ONCE: usize = 256 * 1024;
/// Values that are handed over at once.
const VALUES_AT_ONCE: usize = 16 * 1024;

/// The rows of a query over a file at rest.
pub(super) struct Beside {
    /// None when it is to end.
    handed_over: Option<Receiver<Message>>,
    current: Rows,
    /// Of the current rows, the one that was reached. None before the first and after the last.
    at: Option<usize>,
    /// Dropped after the receiver, so that the thread waits for nobody.
    _reading: Background<()>,
}

/// Some rows.
#[derive(Default)]
struct Rows {
    /// Values in a row.
    width: usize,
    values: Vec<Held>,
    /// What texts and blobs hold, one after the other.
    bytes: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Held {
    Null,
    Integer(i64),
    Real(f64),
    /// Where it begins and where it ends.
    Text(usize, usize),
    Blob(usize, usize),
}

/// That the sender is gone is not an end: a thread that panics ends without one.
enum Message {
    Rows(Rows),
    End,
    Failed(rusqlite::Error),
}

/// A row of it.
#[derive(Clone, Copy)]
pub(super) struct BesideRow<'r> {
    rows: &'r Rows,
    at: usize,
}

impl<'r> BesideRow<'r> {
    pub(super) fn value(self, index: usize) -> Option<ValueRef<'r>> {
        let Rows {
            width,
            values,
            bytes,
        } = self.rows;
        let held = (index < *width).then(|| values.get(self.at * width + index));
        Some(match *held.flatten()? {
            Held::Null => ValueRef::Null,
            Held::Integer(integer) => ValueRef::Integer(integer),
            Held::Real(real) => ValueRef::Real(real),
            Held::Text(from, to) => ValueRef::Text(bytes.get(from..to)?),
            Held::Blob(from, to) => ValueRef::Blob(bytes.get(from..to)?),
        })
    }
}

impl Beside {
    /// Begins to read. None where the query needs what only the app's own connection has.
    pub(super) fn begin(file: &Path, sql: &str) -> Result<Option<Beside>, Error> {
        let mut connection = open::copy(file)?;
        if connection.prepare(sql).is_err() {
            return Ok(None);
        }
        let ended = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&ended);
        stop_where(&mut connection, Some(move || flag.load(Ordering::Relaxed)))?;
        // One is filled while another one is read.
        let (sender, handed_over) = sync_channel(1);
        let sql = sql.to_owned();
        let reading = Background::begin("heirloom-rows", ended, move || {
            read(&connection, &sql, &sender);
            Ok(())
        })?;
        Ok(Some(Beside {
            handed_over: Some(handed_over),
            current: Rows::default(),
            at: None,
            _reading: reading,
        }))
    }

    /// Goes to the next row.
    pub(super) fn advance(&mut self) -> Result<(), Error> {
        let next = self.at.map_or(0, |at| at + 1);
        if (next + 1) * self.current.width <= self.current.values.len() && self.current.width > 0 {
            self.at = Some(next);
            return Ok(());
        }
        self.at = None;
        let received = self.handed_over.as_ref().map(Receiver::recv);
        match received {
            Some(Ok(Message::Rows(rows))) => (self.current, self.at) = (rows, Some(0)),
            Some(Ok(Message::End)) => (self.current, self.handed_over) = (Rows::default(), None),
            Some(Ok(Message::Failed(error))) => {
                return Err(failure("cannot compare the rows", error));
            }
            None => {}
            Some(Err(_)) => {
                return Err(Error::new(
                    ErrorKind::Io,
                    "the thread that reads the backup panicked",
                ));
            }
        }
        Ok(())
    }

    /// The row that was reached.
    pub(super) fn get(&self) -> Option<BesideRow<'_>> {
        let rows = &self.current;
        self.at.map(|at| BesideRow { rows, at })
    }
}

/// Hands all rows over, until nobody takes them.
fn read(connection: &Connection, sql: &str, sender: &SyncSender<Message>) {
    let last = match read_all(connection, sql, sender) {
        Ok(()) => Message::End,
        Err(error) => Message::Failed(error),
    };
    let _ = sender.send(last);
}

fn read_all(
    connection: &Connection,
    sql: &str,
    sender: &SyncSender<Message>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(sql)?;
    let width = statement.column_count();
    let empty = || Rows {
        width,
        ..Rows::default()
    };
    let mut filled = empty();
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        for index in 0..width {
            let value = row.get_ref(index)?;
            let from = filled.bytes.len();
            if let ValueRef::Text(bytes) | ValueRef::Blob(bytes) = value {
                filled.bytes.extend_from_slice(bytes);
            }
            let to = filled.bytes.len();
            filled.values.push(match value {
                ValueRef::Null => Held::Null,
                ValueRef::Integer(integer) => Held::Integer(integer),
                ValueRef::Real(real) => Held::Real(real),
                ValueRef::Text(_) => Held::Text(from, to),
                ValueRef::Blob(_) => Held::Blob(from, to),
            });
        }
        if filled.bytes.len() >= BYTES_AT_ONCE || filled.values.len() >= VALUES_AT_ONCE {
            let full = Message::Rows(std::mem::replace(&mut filled, empty()));
            if sender.send(full).is_err() {
                return Ok(());
            }
        }
    }
    if !filled.values.is_empty() {
        let _ = sender.send(Message::Rows(filled));
    }
    Ok(())
}

//! What is going to be changed. Nothing of it is in the database yet.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::studio::read::value::Stored;

/// A value of a column, as it was when it was looked at.
pub(crate) type Known = (String, Stored);

/// A change to one row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum What {
    /// The column, its value before, its value then.
    Update(Vec<(String, Stored, Stored)>),
    Insert(Vec<Known>),
    Delete(Vec<Known>),
}

/// The same, and of which row. One that is to be inserted has no key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Edit {
    pub(crate) table: String,
    pub(crate) key: Vec<Stored>,
    pub(crate) what: What,
}

/// The list. It lives as long as the studio, whatever page is shown.
#[derive(Default)]
pub(crate) struct Edits(Mutex<Vec<Edit>>);

impl Edits {
    fn inside(&self) -> MutexGuard<'_, Vec<Edit>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn all(&self) -> Vec<Edit> {
        self.inside().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.inside().len()
    }

    /// Adds one. It takes the place of an earlier one of the same row, whose values it was shown.
    pub(crate) fn add(&self, edit: Edit) {
        let mut edits = self.inside();
        if !edit.key.is_empty() {
            edits.retain(|other| other.table != edit.table || other.key != edit.key);
        }
        edits.push(edit);
    }

    pub(crate) fn remove(&self, at: usize) {
        let mut edits = self.inside();
        if at < edits.len() {
            edits.remove(at);
        }
    }

    /// Forgets those that were done. What was added in the meantime stays.
    pub(crate) fn forget(&self, done: &[Edit]) {
        self.inside().retain(|edit| !done.contains(edit));
    }
}

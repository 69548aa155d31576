//! What a call did: the parts of a [`Report`], and the events of a run.

// The folder holds the values that callers get: errors, plans, reports, events. Values in, values
// out; it imports nothing of ours, and every other folder may use it.

pub(crate) mod act;
pub(crate) mod change;
pub(crate) mod count;
pub(crate) mod error;
pub(crate) mod estimate;
pub(crate) mod event;
pub(crate) mod location;
pub(crate) mod loss;
pub(crate) mod outcome;
pub(crate) mod plan;
pub(crate) mod remedy;
#[cfg(feature = "serde")]
pub(crate) mod serial;
pub(crate) mod time;

#[doc(no_inline)]
pub use act::Act;
pub use change::{ChangeKind, TableChange};
#[doc(no_inline)]
pub use event::Event;
#[doc(no_inline)]
pub use outcome::Report;
pub use outcome::{Backfilled, Done, NewerRows, Pushed, Recovered, Restored, SeedFile, TableRows};

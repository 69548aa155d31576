//! The steps of a run: the session with its lock and write transaction, the dry run, applying,
//! the proof before the commit, the rollback.

pub(crate) mod apply;
pub(crate) mod changes;
pub(crate) mod contents;
pub(crate) mod drift;
pub(crate) mod dry_run;
pub(crate) mod early;
pub(crate) mod key_actions;
pub(crate) mod leftovers;
pub(crate) mod misplaced;
pub(crate) mod prove;
pub(crate) mod recognise;
pub(crate) mod rollback;
pub(crate) mod row_progress;
pub(crate) mod session;
pub(crate) mod state_before;
pub(crate) mod wait;

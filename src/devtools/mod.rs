//! For developers, with the feature `devtools`: what [`Devtools`](crate::Devtools) takes and
//! returns, [`Alteration`] of one table from Rust, and the files that a project begins with
//! ([`init`], [`create`]). An app that only migrates compiles none of it.

// May use `backup`, `migration`, `options`, `report`, `run` and `sqlite`.

// May use every folder below `migrator`.

pub(crate) mod alter;
pub(crate) mod check;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
pub(crate) mod generate;
pub(crate) mod model;
pub(crate) mod project;
pub(crate) mod replay;
pub(crate) mod sample_data;
pub(crate) mod squash;

#[doc(no_inline)]
pub use crate::report::change::{ChangeKind, TableChange};
pub use alter::sqlite_version::SqliteVersion;
pub use check::finding::{Checked, Finding, FindingKind};
pub use generate::alteration::{Alteration, AlterationPlan};
pub use generate::generated::{GenerateOptions, Generated, GeneratedFile};
pub use generate::push::OnHistory;
pub use project::create::{Created, create};
pub use project::init::{Initialized, init};
pub use squash::merge::{SquashOptions, Squashed};

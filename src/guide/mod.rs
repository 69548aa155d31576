//! The guide: one page a topic. The [front page](crate) has the start-up call, the README has what
//! to do in an emergency.
//!
//! | topic | page |
//! |---|---|
//! | the start-up call, errors, an old app on a new database, hooks, two example apps | [`in_your_app`] |
//! | **writing migrations**: files, directives, what must be allowed, migrations in Rust | [`migrations`] |
//! | migrations written for you from `schema.sql`; one table altered from Rust | [`generating`] |
//! | finding faults in migrations before a user does | [`checking`] |
//! | `push`, `redo`, `reset`, seed files | [`developing`] |
//! | a migrated database for each of your tests | [`testing`] |
//! | **large and old databases**: a big table filled in batches | [`backfill`] |
//! | many old migrations made into one | [`squashing`] |
//! | changing over from another migration tool | [`adopting`] |
//! | libraries that bring tables of their own | [`components`] |
//! | **keeping data**: backups, snapshots, restoring | [`backups`] |
//! | `show`, `inspect`, `log`, `doctor`, `stats` | [`looking`] |
//! | the database, its history and its backups in a browser | [`studio`] |
//! | **the command**: every command, setting and exit code | [`command_line`] |
//! | **trust**: how it is tested | [`how_it_is_tested`] |
//! | what it costs, and a comparison with other migrators | [`figures`] |
//! | systems and file systems | [`platforms`] |
//!
//! This module exists in the documentation only: an app compiles nothing of it.

/// What of the API the pages link to, as rustdoc has it.
macro_rules! api {
    () => {
        "\
[Database]: crate::Database
[Database::adopt]: crate::Database::adopt
[Database::baseline]: crate::Database::baseline
[Database::edit]: crate::Database::edit
[Database::read]: crate::Database::read
[Database::recover]: crate::Database::recover
[Database::reindex]: crate::Database::reindex
[Database::snapshot]: crate::Database::snapshot
[Error]: crate::Error
[Migrator]: crate::Migrator
[Migrator::leave_out]: crate::Migrator::leave_out
"
    };
}

/// A page for each name. Links between pages are written `[text][page]`, links to the API
/// `[text][Database::read]`. The first definition of a link wins: here the one for rustdoc, and in
/// the file itself the one for a reader of the file.
macro_rules! pages {
    ($($name:ident),* $(,)?) => {
        pages!(@links concat!(api!(), $("[", stringify!($name), "]: crate::guide::", stringify!($name), "\n"),*), $($name)*);
    };
    (@links $links:expr, $($name:ident)*) => {
        $(
            #[doc = $links]
            #[doc = include_str!(concat!(stringify!($name), ".md"))]
            pub mod $name {}
        )*
    };
}

pages!(
    in_your_app,
    migrations,
    generating,
    checking,
    developing,
    testing,
    backfill,
    squashing,
    backups,
    looking,
    studio,
    adopting,
    components,
    command_line,
    how_it_is_tested,
    figures,
    platforms,
);

/// The code of the README, run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}

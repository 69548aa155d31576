//! Indexes rebuilt, where they are not as their tables.

use std::path::Path;
use std::time::Instant;

use crate::backup::metadata::BackupKind;
use crate::backup::of_database::take_copy;
use crate::backup::store::BackupName;
use crate::migration::compare::newest;
use crate::migration::history::table;
use crate::options::settings::Options;
use crate::report::act::Act;
use crate::report::error::{Error, ErrorKind};
use crate::report::outcome::Report;
use crate::run::engine::session::{Session, Stage};
use crate::sqlite::{execute, integrity, open};

/// Rebuilds every index, in one transaction, after a backup.
pub(crate) fn reindex(options: &Options<'_>, path: &Path) -> Result<Report, Error> {
    let started = Instant::now();
    let target = open::resolve(path)?;
    if target.metadata.is_none() {
        return Err(open::no_database(&target.path));
    }
    let mut session = Session::begin(options, target, Stage::Live, started)?;
    let outcome = build(&mut session);
    session.conclude(outcome).map(|(_, report)| report)
}

fn build(session: &mut Session<'_, '_>) -> Result<Report, Error> {
    let options = session.options;
    let path = session.target.path.clone();
    let history = table::read(&session.connection, &options.history_table)?;
    let version = newest(&history);
    let name = BackupName::Time(BackupKind::Automatic);
    let progress = |done, total| options.copied(done, total);
    let backup = take_copy(options, &path, &session.store(), &name, version, &progress)?;
    session
        .connection
        .execute_batch("REINDEX")
        .map_err(|error| execute::failure("cannot rebuild the indexes", error))?;
    if let Some(finding) = integrity::integrity_check(&session.connection)? {
        return Err(Error::new(
            ErrorKind::BackupInvalid,
            format!("more than an index is damaged: {finding}"),
        )
        .with_help("restore a backup"));
    }
    session.commit()?;
    let mut report = Report::new(Act::Run, path, version, session.started);
    report.recovered = session.recovered.take();
    report.backup = Some(backup.path);
    Ok(report)
}

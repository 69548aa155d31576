//! `heirloom backups`

use heirloom::{BackupInfo, Verify};
use serde_json::json;

use crate::complete::names;
use crate::exit::{Exit, Failure};
use crate::output::json;
use crate::output::text;
use crate::output::text::{GREEN, RED, styled};
use crate::output::ui::Ui;
use crate::settings::gather::Settings;
use crate::settings::migrator::keeper;

#[derive(Debug, clap::Args)]
pub(crate) struct Backups {
    /// Run SQLite's integrity_check on each backup too
    #[arg(long)]
    pub(crate) verify: bool,
}

pub(crate) fn run(ui: &mut Ui, settings: &Settings, options: &Backups) -> Result<Exit, Failure> {
    let verify = match options.verify {
        true => Verify::Everything,
        false => Verify::Digest,
    };
    let copies = keeper(settings)?
        .database(&settings.database.value)
        .backups(verify)?;
    let rows: Vec<Vec<String>> = copies.iter().map(row).collect();
    ui.list(
        &[
            "backup",
            "origin",
            "created (UTC)",
            "size",
            "version",
            "state",
        ],
        &rows,
    );
    if copies.is_empty() {
        ui.line("there are no backups and no snapshots of this database");
    }
    ui.document(&json!({ "ok": true, "backups": json::value(&copies) }));
    Ok(Exit::Done)
}

fn row(copy: &BackupInfo) -> Vec<String> {
    let origin = match copy.replaced {
        true => "replaced",
        false => copy.origin.as_str(),
    };
    vec![
        names::name_of(copy)
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        origin.to_owned(),
        text::utc(&copy.created_at),
        text::occupied(copy.bytes, copy.unshared_bytes),
        text::version(copy.version),
        match (copy.verified, copy.recorded, copy.whole) {
            (true, ..) => styled(GREEN, "verified"),
            (false, true, _) | (false, false, Some(false)) => styled(RED, "DAMAGED"),
            (false, false, _) => match copy.rows {
                Some(rows) => format!(
                    "unverified, without a record, {}",
                    text::counted(rows, "row")
                ),
                None => "unverified, without a record".to_owned(),
            },
        },
    ]
}

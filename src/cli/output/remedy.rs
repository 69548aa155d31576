//! Remedies as commands that can be typed.

use heirloom::Remedy;

use crate::output::text;
use crate::settings::gather::Settings;
use crate::settings::origin::Origin;

/// The beginning of a command that means the same database and the same settings: `heirloom
/// --database notes.db`.
#[derive(Debug, Clone)]
pub(crate) struct Typed(String);

impl Default for Typed {
    fn default() -> Typed {
        Typed("heirloom".to_owned())
    }
}

impl Typed {
    /// With what was given as flags. What stands in a file or in the environment is found again.
    pub(crate) fn of(settings: &Settings) -> Typed {
        let mut typed = String::from("heirloom");
        let mut add = |name: &str, value: &str| {
            typed += &format!(" --{name} {}", text::typed(value));
        };
        if let Some(config) = &settings.config {
            add("config", &text::path(config));
        }
        if !matches!(settings.database.origin, Origin::File(_) | Origin::Default) {
            add("database", &text::path(&settings.database.value));
        }
        for (name, setting) in [
            ("migrations", &settings.migrations),
            ("schema", &settings.schema),
        ] {
            if matches!(setting.origin, Origin::Flag(_)) {
                add(name, &text::path(&setting.value));
            }
        }
        if let Some(name) = &settings.component {
            add("component", name);
        }
        Typed(typed)
    }

    /// How each begins.
    pub(crate) fn begin(&self) -> &str {
        &self.0
    }

    /// A sentence, and then what the remedies are as commands: what `help` says here.
    pub(crate) fn help(&self, sentence: Option<&str>, remedies: &[Remedy]) -> Option<String> {
        let sentence = sentence.filter(|sentence| !sentence.is_empty());
        let sentence = sentence.map(str::to_owned);
        let parts = sentence.into_iter().chain(self.sentences(remedies));
        let parts: Vec<String> = parts.collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    /// Each remedy that is a command or a flag, as a sentence.
    pub(crate) fn sentences(&self, remedies: &[Remedy]) -> Vec<String> {
        let mut sentences = Vec::new();
        // Several renames are said together.
        let renames = remedies.iter().filter_map(|remedy| match remedy {
            Remedy::Rename { rename } => Some(format!("--rename {}", text::typed(rename))),
            _ => None,
        });
        let renames: Vec<String> = renames.collect();
        if !renames.is_empty() {
            sentences.push(format!("use `{}` if it was renamed", renames.join(" ")));
        }
        sentences.extend(remedies.iter().filter_map(|remedy| self.sentence(remedy)));
        sentences
    }

    fn sentence(&self, remedy: &Remedy) -> Option<String> {
        let (command, does) = match remedy {
            Remedy::Migrate => ("run".to_owned(), "does it"),
            Remedy::KeepInterrupted => ("run --keep-interrupted".to_owned(), "keeps what is there"),
            Remedy::Restore { backup: None } => {
                ("restore latest".to_owned(), "restores the newest backup")
            }
            Remedy::Restore { backup: Some(file) } => (
                format!("restore {}", text::typed(&text::path(file))),
                "restores it",
            ),
            Remedy::RestoreSnapshot { name } => (
                format!("restore-snapshot --name {}", text::typed(name)),
                "restores it",
            ),
            Remedy::ListBackups { verify: false } => {
                ("backups".to_owned(), "lists backups and snapshots")
            }
            Remedy::ListBackups { verify: true } => {
                ("backups --verify".to_owned(), "checks each of them")
            }
            Remedy::ShowStatus => ("show".to_owned(), "lists the migrations"),
            Remedy::ShowSchema => ("inspect".to_owned(), "lists the tables"),
            Remedy::Revert { to: Some(to) } => {
                (format!("revert --to {to}"), "reverts to that version")
            }
            Remedy::Revert { to: None } => ("revert".to_owned(), "reverts it"),
            Remedy::Adopt { .. } => ("adopt".to_owned(), "imports it"),
            Remedy::Baseline => ("baseline VERSION".to_owned(), "records that version"),
            Remedy::Backfill { again: false } => ("backfill FILE".to_owned(), "runs it"),
            Remedy::Backfill { again: true } => {
                ("backfill FILE --again".to_owned(), "runs it again")
            }
            Remedy::Query { sql } => (format!("shell -- {}", text::typed(sql)), "prints it"),
            Remedy::Recover => (
                "recover".to_owned(),
                "writes what can still be read into a new file",
            ),
            Remedy::Reindex => ("shell -- REINDEX".to_owned(), "rebuilds the indexes"),
            Remedy::Create => ("create NAME".to_owned(), "writes an empty one"),
            Remedy::Generate => ("generate".to_owned(), "compares with the schema file"),
            Remedy::Squash => ("squash".to_owned(), "writes it"),
            Remedy::Reset => ("reset".to_owned(), "starts again from the migrations"),
            Remedy::AllowDestructive { .. } => return flag("--allow-destructive", "allows it"),
            Remedy::Drop { gone } => {
                return flag(
                    &format!("--drop {}", text::typed(gone)),
                    "says that it is dropped",
                );
            }
            Remedy::SquashTo => return flag("--to VERSION", "says up to which version"),
            Remedy::ChooseName => return flag("--name NAME", "gives another name"),
            Remedy::PushAnyway => return flag("--force", "pushes anyway"),
            _ => return None,
        };
        Some(format!("`{} {command}` {does}", self.0))
    }
}

#[allow(clippy::unnecessary_wraps, reason = "so that it ends a match arm")]
fn flag(flag: &str, does: &str) -> Option<String> {
    Some(format!("`{flag}` {does}"))
}

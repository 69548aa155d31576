//! A migration in one direction, ready to be carried out.

use crate::migration::{Migration, label};
use crate::plan::{Loss, Step};
use crate::script::{Directive, Script};

/// One migration to carry out, in one direction.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) version: i64,
    pub(crate) name: String,
    pub(crate) any_order: bool,
    /// What is run.
    pub(crate) script: Script,
    /// The way back, kept in the database when the way there is run.
    pub(crate) down: Option<Script>,
    pub(crate) consents: bool,
    pub(crate) no_transaction: bool,
}

impl Task {
    /// The way there.
    pub(crate) fn up(migration: &Migration) -> Task {
        Task {
            version: migration.version,
            name: migration.name.clone(),
            any_order: migration.any_order,
            script: migration.up.clone(),
            down: migration.down.clone(),
            consents: migration.consents(),
            no_transaction: migration.no_transaction(),
        }
    }

    /// The way back, by a script whose own directives count.
    pub(crate) fn down(version: i64, name: &str, script: Script, directives: &[Directive]) -> Task {
        Task {
            version,
            name: name.to_owned(),
            any_order: false,
            script,
            down: None,
            consents: directives.contains(&Directive::AllowDestructive),
            no_transaction: directives.contains(&Directive::NoTransaction),
        }
    }

    /// The task as a plan shows it.
    pub(crate) fn step(
        &self,
        losses: Vec<Loss>,
        rebuilds: Vec<String>,
        notes: Vec<String>,
    ) -> Step {
        Step {
            version: self.version,
            name: self.name.clone(),
            file: self.script.file().to_owned(),
            sql: self.script.text().to_owned(),
            losses,
            rebuilds,
            consents: self.consents,
            no_transaction: self.no_transaction,
            notes,
        }
    }

    pub(crate) fn label(&self) -> String {
        label(self.version, &self.name)
    }
}

//! `heirloom completions SHELL`

use clap::ValueEnum;
use clap_complete::env::{Bash, EnvCompleter, Fish, Powershell, Zsh};
use serde_json::json;

use crate::complete::candidates;
use crate::exit::{Exit, Failure};
use crate::output::ui::Ui;

#[derive(Debug, clap::Args)]
pub(crate) struct Completions {
    /// Which shell
    pub(crate) shell: ShellName,
}

/// A shell whose completions are known.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ShellName {
    /// GNU Bash.
    Bash,
    /// fish.
    Fish,
    /// PowerShell.
    Powershell,
    /// Z shell.
    Zsh,
}

pub(crate) fn run(ui: &mut Ui, options: &Completions) -> Result<Exit, Failure> {
    let shell: &dyn EnvCompleter = match options.shell {
        ShellName::Bash => &Bash,
        ShellName::Fish => &Fish,
        ShellName::Powershell => &Powershell,
        ShellName::Zsh => &Zsh,
    };
    let mut script = Vec::new();
    let name = env!("CARGO_PKG_NAME");
    // Into memory, which takes everything.
    let _ = shell.write_registration(candidates::VARIABLE, name, name, name, &mut script);
    let script = String::from_utf8_lossy(&script);
    ui.block(script.trim_end());
    ui.document(&json!({ "ok": true, "script": script }));
    Ok(Exit::Done)
}

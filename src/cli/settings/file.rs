//! The settings file, `heirloom.toml`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::exit::Failure;
use crate::nearest::did_you_mean;
use crate::settings::origin::usage;

pub(super) const FILE_NAME: &str = "heirloom.toml";

/// The file, key by key. A key that is not here is an error.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct File {
    pub(super) database: Option<Paths>,
    pub(super) migrations: Option<PathBuf>,
    pub(super) layout: Option<String>,
    pub(super) schema: Option<PathBuf>,
    pub(super) seeds: Option<PathBuf>,
    pub(super) backups: Option<PathBuf>,
    pub(super) keep: Option<usize>,
    pub(super) history_table: Option<String>,
    pub(super) app: Option<String>,
    pub(super) lock_timeout: Option<f64>,
    pub(super) single: Option<bool>,
    pub(super) sqlite: Option<String>,
    pub(super) components: BTreeMap<String, ComponentKeys>,
}

/// `[components.NAME]` in the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ComponentKeys {
    pub(super) migrations: PathBuf,
    pub(super) history_table: Option<String>,
}

/// A path, or a list of them.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a path, or a list of paths")]
pub(super) enum Paths {
    One(PathBuf),
    Several(Vec<PathBuf>),
}

impl Paths {
    pub(super) fn into_vec(self) -> Vec<PathBuf> {
        match self {
            Paths::One(path) => vec![path],
            Paths::Several(paths) => paths,
        }
    }
}

/// Reads the settings file that was named, or the first `heirloom.toml` upward.
pub(super) fn read(named: Option<&Path>, here: &Path) -> Result<(File, Option<PathBuf>), Failure> {
    let path = match named {
        Some(path) => Some(here.join(path)),
        None => here
            .ancestors()
            .map(|folder| folder.join(FILE_NAME))
            .find(|file| file.is_file()),
    };
    let Some(path) = path else {
        return Ok((File::default(), None));
    };
    let text = std::fs::read_to_string(&path).map_err(|error| Failure::NotFound {
        message: format!("cannot read {}: {error}", path.display()),
        help: "check the path of the settings file".into(),
    })?;
    let file = toml::from_str(&text).map_err(|error| {
        usage(
            format!("{} is wrong: {}", path.display(), error.to_string().trim()),
            meant_key(error.message()).unwrap_or("correct it".to_owned()),
        )
    })?;
    Ok((file, Some(path)))
}

/// What an unknown key was probably meant to be, and which there are. The list is in the
/// message, in backticks after the wrong one.
fn meant_key(message: &str) -> Option<String> {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let (unknown, keys) = quoted.split_first().filter(|(_, keys)| !keys.is_empty())?;
    let known = format!("the keys are {}", keys.join(", "));
    Some(match did_you_mean(unknown, keys.iter().copied()) {
        Some(meant) => format!("{meant} {known}"),
        None => known,
    })
}

//! Folders as other tools lay them out, read as they are.

use std::fmt;
use std::str::FromStr;

use crate::migration::files::name::is_name_character;

/// How the files of a migrations folder are called. Files called as heirloom's are read in every
/// layout, so that a folder can stay as it is and go on in heirloom's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Layout {
    /// `V20240110120000__create_users.sql` and `….down.sql`, heirloom's and refinery's.
    #[default]
    Heirloom,
    /// `2024-01-10-120000_create_users/up.sql` and `down.sql`.
    Diesel,
    /// `20240110120000_create_users.sql`, or `….up.sql` and `….down.sql`.
    Sqlx,
    /// `20240110120000_create_users.sql` with the sections `-- +goose Up` and `-- +goose Down`.
    Goose,
    /// `20240110120000_create_users.sql` with the sections `-- migrate:up` and `-- migrate:down`.
    Dbmate,
}

impl Layout {
    const ALL: [Layout; 5] = [
        Layout::Heirloom,
        Layout::Diesel,
        Layout::Sqlx,
        Layout::Goose,
        Layout::Dbmate,
    ];

    /// The name in settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Layout::Heirloom => "heirloom",
            Layout::Diesel => "diesel",
            Layout::Sqlx => "sqlx",
            Layout::Goose => "goose",
            Layout::Dbmate => "dbmate",
        }
    }

    /// Whether a file holds both ways.
    pub(crate) fn has_sections(self) -> bool {
        matches!(self, Layout::Goose | Layout::Dbmate)
    }

    /// What a file would be called in heirloom's layout; as it is called where this layout says
    /// nothing of it.
    ///
    /// # Errors
    /// A sentence, for what this layout knows and heirloom does not do.
    pub(crate) fn name_of(self, path: &str) -> Result<String, String> {
        let mut parts = path.rsplit(['/', '\\']);
        let file = parts.next().unwrap_or_default();
        let folder = parts.next().unwrap_or_default();
        let own = |stem: &str, ending: &str| {
            let (number, name) = stem.split_once('_')?;
            let digits: String = number.chars().filter(|c| *c != '-').collect();
            let is_number = !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit());
            let name = name
                .chars()
                .map(|c| if is_name_character(c) { c } else { '_' });
            is_number.then(|| format!("V{digits}__{}{ending}", name.collect::<String>()))
        };
        let renamed = match (self, file) {
            (Layout::Heirloom, _) => None,
            (Layout::Diesel, "up.sql") => own(folder, ".sql"),
            (Layout::Diesel, "down.sql") => own(folder, ".down.sql"),
            (Layout::Diesel, "metadata.toml") if own(folder, "").is_some() => {
                return Err("heirloom does not read diesel's metadata; say `-- heirloom: no-transaction` at the top of up.sql where that is what it says, and remove it".into());
            }
            (Layout::Diesel, _) => None,
            (Layout::Goose, _) if file.ends_with(".go") && own(file, "").is_some() => {
                return Err(
                    "heirloom cannot run goose's migrations in Go; write it in SQL, or in Rust"
                        .into(),
                );
            }
            (Layout::Goose | Layout::Dbmate, _) => {
                file.strip_suffix(".sql").and_then(|stem| own(stem, ".sql"))
            }
            (Layout::Sqlx, _) => {
                let endings = [
                    (".up.sql", ".sql"),
                    (".down.sql", ".down.sql"),
                    (".sql", ".sql"),
                ];
                endings
                    .into_iter()
                    .find_map(|(theirs, ours)| own(file.strip_suffix(theirs)?, ours))
            }
        };
        Ok(renamed.unwrap_or_else(|| file.to_owned()))
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Layout {
    type Err = String;

    fn from_str(name: &str) -> Result<Layout, String> {
        let same = |layout: &Layout| layout.as_str() == name;
        Layout::ALL.into_iter().find(same).ok_or_else(|| {
            let names = Layout::ALL.map(Layout::as_str).join(", ");
            format!("`{name}` is none of {names}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_other_tools_have_a_name_of_ours() {
        for (layout, path, expected) in [
            (
                Layout::Diesel,
                "m/2024-01-10-120000_create_users/up.sql",
                "V20240110120000__create_users.sql",
            ),
            (
                Layout::Diesel,
                "m/2024-01-10-120000_create-users/down.sql",
                "V20240110120000__create_users.down.sql",
            ),
            (
                Layout::Diesel,
                "m/00000000000000_setup/up.sql",
                "V00000000000000__setup.sql",
            ),
            (Layout::Diesel, "m/V2__more.sql", "V2__more.sql"),
            (Layout::Diesel, "m/notes/up.sql", "up.sql"),
            (
                Layout::Sqlx,
                "m/20240110120000_create users.up.sql",
                "V20240110120000__create_users.sql",
            ),
            (Layout::Sqlx, "m/1_a.down.sql", "V1__a.down.sql"),
            (Layout::Sqlx, "m/1_a.sql", "V1__a.sql"),
            (Layout::Sqlx, "m/V2__more.down.sql", "V2__more.down.sql"),
            (Layout::Sqlx, "m/notes.sql", "notes.sql"),
            (Layout::Goose, "m/00001_a.sql", "V00001__a.sql"),
            (Layout::Dbmate, "m/20240110_a.sql", "V20240110__a.sql"),
            (Layout::Dbmate, "m/V2__more.sql", "V2__more.sql"),
            (Layout::Heirloom, "m/1_a.sql", "1_a.sql"),
        ] {
            assert_eq!(layout.name_of(path).as_deref(), Ok(expected), "{path}");
        }
        assert!(Layout::Diesel.name_of("m/1_a/metadata.toml").is_err());
        assert!(Layout::Diesel.name_of("m/metadata.toml").is_ok());
        assert!(Layout::Goose.name_of("m/00002_b.go").is_err());
    }

    #[test]
    fn a_layout_has_one_name_in_settings_and_no_other_is_taken() {
        for (name, layout) in [
            ("heirloom", Layout::Heirloom),
            ("diesel", Layout::Diesel),
            ("sqlx", Layout::Sqlx),
            ("goose", Layout::Goose),
            ("dbmate", Layout::Dbmate),
        ] {
            assert_eq!(name.parse(), Ok(layout));
            assert_eq!(layout.to_string(), name);
        }
        let refused = "flyway".parse::<Layout>().unwrap_err();
        assert_eq!(
            refused,
            "`flyway` is none of heirloom, diesel, sqlx, goose, dbmate"
        );
    }
}

//! Which databases a command works on: paths and globs, as they were given.

use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};

use glob::{MatchOptions, Pattern};
use heirloom::for_the_command::canonicalize;

use crate::exit::Failure;

/// As a shell has it: `*` stops at folders and leaves hidden files alone.
const AS_A_SHELL: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// What SQLite and heirloom put beside a database, after its whole name.
const COMPANIONS: [&str; 5] = ["-wal", "-shm", "-journal", ".lock", ".restore"];

/// A path, or a glob, and the folder it is relative to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Given {
    /// Taken as it is, whatever characters are in it.
    pub(crate) base: PathBuf,
    /// Empty where all of it is in the base.
    pub(crate) text: PathBuf,
    /// Whether its URL says that it must not be written.
    pub(crate) reads_only: bool,
}

/// What a command works on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Databases {
    /// A path, and it alone.
    One(PathBuf),
    /// Several paths, or a glob, whatever it found: in the order given, each file once.
    Several(Vec<PathBuf>),
}

impl Given {
    /// A path that is not a glob.
    pub(crate) fn path_alone(path: PathBuf) -> Given {
        Given {
            base: path,
            text: PathBuf::new(),
            reads_only: false,
        }
    }

    /// As a path, a glob too.
    pub(crate) fn path(&self) -> PathBuf {
        match self.text.as_os_str().is_empty() {
            true => self.base.clone(),
            false => self.base.join(&self.text),
        }
    }

    /// A file that exists is meant by its name, whatever characters that has.
    fn is_glob(&self) -> bool {
        let text = self.text.to_string_lossy();
        // The verbatim prefix of Windows is not a glob.
        let text = match cfg!(windows) {
            true => text.strip_prefix(r"\\?\").unwrap_or(&text),
            false => &text,
        };
        text.contains(['*', '?', '[']) && !self.path().exists()
    }

    /// The databases that a glob finds, by name.
    fn matches(&self) -> Result<Vec<PathBuf>, Failure> {
        let shown = self.path();
        let wrong = |reason: String| Failure::Usage {
            message: format!("`{}` is not a valid glob: {reason}", shown.display()),
            help: "write it like 'workspaces/*/notes.db', in quotes".into(),
        };
        let text = self
            .text
            .to_str()
            .ok_or_else(|| wrong("it is not UTF-8".into()))?;
        let parts = Path::new(text).components().map(|part| match part {
            Component::Normal(name) => {
                let name = name.to_string_lossy();
                match name.contains(['*', '?', '[']) {
                    true => Pattern::new(&name)
                        .map(Part::Pattern)
                        .map_err(|error| wrong(error.to_string())),
                    false => Ok(Part::Plain(part.as_os_str().into())),
                }
            }
            _ => Ok(Part::Plain(part.as_os_str().into())),
        });
        let parts = parts.collect::<Result<Vec<Part>, Failure>>()?;
        let mut found = Vec::new();
        walk(self.base.clone(), &parts, &mut found)?;
        found.sort();
        found.retain(|path| path.is_file() && !is_beside_a_database(path) && !is_a_backup(path));
        if found.is_empty() {
            return Err(Failure::NotFound {
                message: format!("no database matches `{}`", shown.display()),
                help: "check the glob; a new database must be given by its path".into(),
            });
        }
        Ok(found)
    }
}

/// One part of a glob, between two slashes.
enum Part {
    Plain(PathBuf),
    Pattern(Pattern),
}

/// Every path that the parts of a glob lead to, by name. Of a name that is not text nothing is
/// found, and the others are.
fn walk(at: PathBuf, parts: &[Part], found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let Some((part, rest)) = parts.split_first() else {
        found.push(at);
        return Ok(());
    };
    let pattern = match part {
        Part::Plain(name) => {
            let path = at.join(name);
            return match path.exists() {
                true => walk(path, rest, found),
                false => Ok(()),
            };
        }
        Part::Pattern(pattern) => pattern,
    };
    let any_depth = pattern.as_str() == "**";
    if any_depth {
        walk(at.clone(), rest, found)?;
    }
    for name in names_in(&at)? {
        let path = at.join(&name);
        if !pattern.matches_with(&name, AS_A_SHELL) {
            continue;
        }
        match any_depth {
            // A link could lead in a circle.
            true if path.is_dir() && !path.is_symlink() => walk(path, parts, found)?,
            true => {}
            false if rest.is_empty() || path.is_dir() => walk(path, rest, found)?,
            false => {}
        }
    }
    Ok(())
}

/// The names in a folder that are text, sorted.
fn names_in(folder: &Path) -> Result<Vec<String>, Failure> {
    let here = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    if !here.is_dir() {
        return Ok(Vec::new());
    }
    // What cannot be looked into may hold a database that would be left out.
    let unreadable = |error: std::io::Error| Failure::NotFound {
        message: format!("cannot look into {}: {error}", here.display()),
        help: "make the folder readable, or name the databases one by one".into(),
    };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(here).map_err(unreadable)? {
        names.extend(entry.map_err(unreadable)?.file_name().into_string().ok());
    }
    names.sort();
    Ok(names)
}

/// Finds every database that was given.
pub(crate) fn expand(given: &[Given]) -> Result<Databases, Failure> {
    if let [one] = given
        && !one.is_glob()
    {
        return Ok(Databases::One(one.path()));
    }
    let (mut databases, mut seen) = (Vec::new(), HashSet::new());
    for given in given {
        let paths = match given.is_glob() {
            true => given.matches()?,
            false => vec![given.path()],
        };
        databases.extend(paths.into_iter().filter(|path| seen.insert(identity(path))));
    }
    Ok(Databases::Several(databases))
}

/// The same for every path that leads to one file, whether or not it is there.
pub(crate) fn identity(path: &Path) -> PathBuf {
    if let Ok(path) = canonicalize(path) {
        return path;
    }
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match (path.parent().map(canonicalize), path.file_name()) {
        (Some(Ok(folder)), Some(name)) => folder.join(name),
        _ => path,
    }
}

fn is_beside_a_database(path: &Path) -> bool {
    let Some(path) = path.to_str() else {
        return false;
    };
    let database = |end| {
        path.strip_suffix(end)
            .is_some_and(|path| Path::new(path).is_file())
    };
    COMPANIONS.into_iter().any(database)
}

/// Whether it is a backup, which has a record beside it. `**/*.db` finds backups too, which are
/// never meant.
fn is_a_backup(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.record")).is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(base: &Path, text: &str) -> Given {
        Given {
            base: base.to_owned(),
            text: text.into(),
            reads_only: false,
        }
    }

    #[test]
    fn a_glob_finds_databases_and_nothing_that_belongs_to_one() {
        let folder = tempfile::tempdir().unwrap();
        // The characters of a glob in the folder's own name are not a glob.
        let name = if cfg!(windows) { "[x]" } else { "[x]*" };
        let base = folder.path().join(name);
        for name in ["a", "b/backups", ".hidden"] {
            std::fs::create_dir_all(base.join(name)).unwrap();
        }
        for name in [
            "a/n.db",
            "a/n.db-wal",
            "a/n.db.lock",
            "b/n.db",
            "b/n.db-journal",
            "b/odd-wal",
            "b/backups/n-1.db",
            "b/backups/.n-1.db.record",
            "b/backups/own.db",
            ".hidden/n.db",
        ] {
            std::fs::write(base.join(name), "").unwrap();
        }
        let found = |texts: &[&str]| {
            let all: Vec<Given> = texts.iter().map(|text| given(&base, text)).collect();
            match expand(&all).unwrap() {
                Databases::One(path) => vec![format!(
                    "only {}",
                    path.strip_prefix(&base).unwrap().display()
                )],
                Databases::Several(paths) => paths
                    .iter()
                    .map(|path| {
                        let path = path.strip_prefix(&base).unwrap().display().to_string();
                        path.replace('\\', "/")
                    })
                    .collect(),
            }
        };
        assert_eq!(found(&["*/n.db"]), ["a/n.db", "b/n.db"]);
        assert_eq!(found(&["*/*"]), ["a/n.db", "b/n.db", "b/odd-wal"]);
        assert_eq!(
            found(&["**/*.db"]),
            ["a/n.db", "b/backups/own.db", "b/n.db"]
        );
        assert_eq!(found(&["a/n.db"]), ["only a/n.db"]);
        assert_eq!(found(&["new.db"]), ["only new.db"]);
        assert_eq!(
            found(&["b/n.db", "*/n.db", "b/../b/n.db"]),
            ["b/n.db", "a/n.db"]
        );
        assert_eq!(
            found(&["new.db", "./new.db", "a/n.db"]),
            ["new.db", "a/n.db"]
        );
        assert!(matches!(
            expand(&[given(&base, "c*/n.db")]),
            Err(Failure::NotFound { .. })
        ));
        let named = if cfg!(windows) {
            "what[1].db"
        } else {
            "what?[1].db"
        };
        std::fs::write(base.join(named), "").unwrap();
        assert_eq!(found(&[named]), [format!("only {named}")]);
        assert!(matches!(
            expand(&[given(&base, "a**b")]),
            Err(Failure::Usage { .. })
        ));
    }
}

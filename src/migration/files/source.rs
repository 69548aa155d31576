//! Where migrations come from: a folder in the program or on disk, values of a caller or refinery's.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use include_dir::Dir;

use crate::migration::files::layout::Layout;
use crate::migration::files::name::looks_like_sql;
use crate::migration::files::{pair_up, sections};
use crate::migration::set::Migration;
use crate::report::error::{Error, ErrorKind, invalid};
use crate::report::remedy::Remedy;
use crate::sqlite::disk::files;
use crate::sqlite::sql::script::Script;

/// The file in a migrations folder that holds the schema as it should be, and is no
/// migration.
pub const SCHEMA_FILE: &str = "schema.sql";

/// Where migrations come from. Made by `From`, so that [`Migrator::new`](crate::Migrator::new)
/// takes any of them.
#[derive(Clone)]
pub struct Source {
    kind: SourceKind,
    layout: Layout,
    shared: Option<Arc<Shared>>,
}

/// What a source that is read once keeps for all its clones.
#[derive(Default)]
struct Shared {
    /// The migrations, read without a schema file or without this one.
    migrations: Mutex<Option<(Option<PathBuf>, Vec<Migration>)>>,
    answers: Mutex<HashMap<[u8; 32], Vec<String>>>,
}

/// How many answers are kept at most. Databases of one app have few schemas.
const ANSWERS: usize = 64;

#[derive(Clone)]
enum SourceKind {
    Embedded(&'static Dir<'static>),
    Folder(PathBuf),
    Files(Vec<(String, String)>),
}

impl From<&'static Dir<'static>> for Source {
    fn from(folder: &'static Dir<'static>) -> Source {
        Source::of(SourceKind::Embedded(folder))
    }
}

impl From<PathBuf> for Source {
    fn from(folder: PathBuf) -> Source {
        Source::of(SourceKind::Folder(folder))
    }
}

impl From<&PathBuf> for Source {
    fn from(folder: &PathBuf) -> Source {
        Source::of(SourceKind::Folder(folder.clone()))
    }
}

impl From<&Path> for Source {
    fn from(folder: &Path) -> Source {
        Source::of(SourceKind::Folder(folder.to_owned()))
    }
}

impl From<&str> for Source {
    fn from(folder: &str) -> Source {
        Source::of(SourceKind::Folder(folder.into()))
    }
}

#[cfg(feature = "refinery")]
impl From<Vec<refinery_core::Migration>> for Source {
    fn from(migrations: Vec<refinery_core::Migration>) -> Source {
        Source::from(migrations.as_slice())
    }
}

#[cfg(feature = "refinery")]
impl From<&[refinery_core::Migration]> for Source {
    fn from(migrations: &[refinery_core::Migration]) -> Source {
        // A migration read back from a history carries no SQL; it has nothing to apply.
        let text =
            |migration: &refinery_core::Migration| migration.sql().unwrap_or_default().to_owned();
        let file = |migration| (format!("{migration}.sql"), text(migration));
        Source::of_files(migrations.iter().map(file))
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            SourceKind::Embedded(_) => write!(f, "Source(embedded)"),
            SourceKind::Folder(folder) => write!(f, "Source({})", folder.display()),
            SourceKind::Files(files) => write!(f, "Source({} files)", files.len()),
        }
    }
}

impl Source {
    fn of(kind: SourceKind) -> Source {
        Source {
            kind,
            layout: Layout::default(),
            shared: None,
        }
    }

    /// Files that were read elsewhere: their paths below the folder, and their text.
    ///
    /// ```
    /// use heirloom::{Migrator, Source};
    /// let files = [("V1__notes.sql", "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);")];
    /// let template = Migrator::new(Source::of_files(files)).template()?;
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn of_files<P: Into<String>, T: Into<String>>(
        files: impl IntoIterator<Item = (P, T)>,
    ) -> Source {
        let files = files
            .into_iter()
            .map(|(path, text)| (path.into(), text.into()));
        Source::of(SourceKind::Files(files.collect()))
    }

    /// Reads the folder as another tool laid it out.
    ///
    /// ```
    /// use heirloom::{Layout, Migrator, Source};
    /// let migrator = Migrator::new(Source::from("migrations").layout(Layout::Diesel));
    /// ```
    pub fn layout(self, layout: Layout) -> Source {
        Source { layout, ..self }
    }

    /// Reads the migrations with the first method that needs them and never again, for this source
    /// and all its clones: for a program that goes through many databases, with a
    /// [`Migrator`](crate::Migrator) for each.
    ///
    /// ```no_run
    /// use heirloom::{Migrator, Source};
    /// let migrations = Source::from("migrations").read_once();
    /// for document in ["a.db", "b.db"] {
    ///     Migrator::new(migrations.clone()).migrate(document)?;
    /// }
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn read_once(self) -> Source {
        Source {
            shared: Some(Arc::default()),
            ..self
        }
    }

    /// Reads the migrations, in the order of their versions. `schema_file` is left out.
    pub(crate) fn load(&self, schema_file: Option<&Path>) -> Result<Vec<Migration>, Error> {
        let read = || pair_up::assemble(self.files(schema_file)?);
        let Some(shared) = &self.shared else {
            return read();
        };
        let mut kept = shared
            .migrations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match &*kept {
            Some((without, migrations)) if without.as_deref() == schema_file => {
                Ok(migrations.clone())
            }
            Some(_) => read(),
            None => {
                let migrations = read()?;
                *kept = Some((schema_file.map(Path::to_owned), migrations.clone()));
                Ok(migrations)
            }
        }
    }

    /// Whether answers are kept.
    pub(crate) fn is_read_once(&self) -> bool {
        self.shared.is_some()
    }

    /// The answer that was found before under a key, which must be a digest of all that it depends
    /// on; else it is found now.
    pub(crate) fn answer(
        &self,
        key: [u8; 32],
        find: impl FnOnce() -> Result<Vec<String>, Error>,
    ) -> Result<Vec<String>, Error> {
        let Some(shared) = &self.shared else {
            return find();
        };
        let answers = || {
            let locked = shared.answers.lock();
            locked.unwrap_or_else(PoisonError::into_inner)
        };
        if let Some(answer) = answers().get(&key) {
            return Ok(answer.clone());
        }
        let answer = find()?;
        let mut answers = answers();
        if answers.len() >= ANSWERS {
            answers.clear();
        }
        answers.insert(key, answer.clone());
        Ok(answer)
    }

    /// Reads every file that may be a migration. `schema_file` is left out.
    pub(crate) fn files(&self, schema_file: Option<&Path>) -> Result<Vec<Script>, Error> {
        let files = match &self.kind {
            SourceKind::Embedded(folder) => {
                let mut files = Vec::with_capacity(folder.files().count());
                embedded(folder, &mut files)?;
                files
            }
            SourceKind::Folder(folder) => on_disk(folder, schema_file)?,
            SourceKind::Files(files) => files
                .iter()
                .filter(|(path, _)| path != SCHEMA_FILE)
                .map(|(path, text)| Script::new(path.clone(), text.clone()))
                .collect(),
        };
        if self.layout == Layout::Heirloom {
            return Ok(files);
        }
        let mut named = Vec::with_capacity(files.len());
        for script in files {
            named.extend(self.named(script)?);
        }
        Ok(named)
    }

    /// Whether files are called as heirloom calls them.
    #[cfg(feature = "devtools")]
    pub(crate) fn is_in_our_layout(&self) -> bool {
        self.layout == Layout::Heirloom
    }

    /// A file by the name that it would have in our layout. One that holds both ways is two.
    pub(crate) fn named(&self, script: Script) -> Result<Vec<Script>, Error> {
        if self.layout == Layout::Heirloom {
            return Ok(vec![script]);
        }
        let refused = |reason| invalid(format!("{}: {reason}", script.file()));
        let name = self.layout.name_of(script.file()).map_err(refused)?;
        let is_ours = script.name() == name;
        if is_ours || !self.layout.has_sections() {
            return Ok(vec![script.named(name)]);
        }
        let (up, down) = sections::take_apart(self.layout, &script).map_err(refused)?;
        let of = |name: String, text| Script::new(script.file().to_owned(), text).named(name);
        let below = format!("{}.down.sql", name.trim_end_matches(".sql"));
        let down = down.map(|text| of(below, text));
        Ok([Some(of(name, up)), down].into_iter().flatten().collect())
    }

    /// The schema as it should be: `schema_file` where it is there, else the one that lies
    /// with the migrations.
    #[cfg(feature = "devtools")]
    pub(crate) fn schema(&self, schema_file: Option<&Path>) -> Result<Option<Script>, Error> {
        let beside = || self.folder().map(|folder| folder.join(SCHEMA_FILE));
        let path = schema_file.map(Path::to_owned).or_else(beside);
        if let Some(path) = path.filter(|path| path.is_file()) {
            return script(&path).map(Some);
        }
        match &self.kind {
            SourceKind::Embedded(folder) => folder
                .get_file(SCHEMA_FILE)
                .map(|file| {
                    let text = utf8(SCHEMA_FILE, Cow::Borrowed(file.contents()))?;
                    Ok(Script::new(SCHEMA_FILE, text))
                })
                .transpose(),
            SourceKind::Files(files) => Ok(files
                .iter()
                .find(|(path, _)| path == SCHEMA_FILE)
                .map(|(path, text)| Script::new(path.clone(), text.clone()))),
            SourceKind::Folder(_) => Ok(None),
        }
    }

    /// The folder on disk, where that is what the migrations come from.
    #[cfg(feature = "devtools")]
    pub(crate) fn folder(&self) -> Option<&Path> {
        match &self.kind {
            SourceKind::Folder(folder) => Some(folder),
            SourceKind::Embedded(_) | SourceKind::Files(_) => None,
        }
    }
}

/// A file that is read by itself.
pub(crate) fn script(path: &Path) -> Result<Script, Error> {
    let name = path.display().to_string();
    let text = utf8(&name, Cow::Owned(files::read_source(path)?))?;
    Ok(Script::new(name, text))
}

/// The scripts of a folder in the program. What is not SQL file may well be binary, and
/// comes without its text.
fn embedded(folder: &'static Dir<'static>, files: &mut Vec<Script>) -> Result<(), Error> {
    for file in folder.files() {
        let path = file.path();
        let path = path
            .to_str()
            .map_or_else(|| path.to_string_lossy(), Cow::Borrowed);
        if path == SCHEMA_FILE {
            continue;
        }
        let text = match looks_like_sql(&path) {
            true => utf8(&path, Cow::Borrowed(file.contents()))?,
            false => Cow::Borrowed(""),
        };
        files.push(Script::new(path, text));
    }
    folder.dirs().try_for_each(|below| embedded(below, files))
}

fn on_disk(folder: &Path, schema_file: Option<&Path>) -> Result<Vec<Script>, Error> {
    let paths = files::files_below(folder)?.ok_or_else(|| {
        Error::not_found(
            format!("the migrations folder {} does not exist", folder.display()),
            "check the path, or write the first migration",
        )
        .with_remedy(Remedy::Create)
    })?;
    let schema_file = schema_file.and_then(|file| file.canonicalize().ok());
    let mut files = Vec::with_capacity(paths.len());
    for relative in paths {
        // `.git/refs/tags/v1` is not a migration, though it is named like one.
        let hidden =
            |part: std::path::Component<'_>| part.as_os_str().as_encoded_bytes().starts_with(b".");
        if relative.components().any(hidden) {
            continue;
        }
        let path = folder.join(&relative);
        if relative == Path::new(SCHEMA_FILE)
            || (schema_file.is_some() && path.canonicalize().ok() == schema_file)
        {
            continue;
        }
        let name = path.display().to_string();
        files.push(match looks_like_sql(&name) {
            true => script(&path)?,
            false => Script::new(name, ""),
        });
    }
    Ok(files)
}

fn utf8(file: &str, bytes: Cow<'static, [u8]>) -> Result<Cow<'static, str>, Error> {
    let fail = |error: std::str::Utf8Error| {
        Error::new(
            ErrorKind::InvalidMigration,
            format!(
                "{file} is not UTF-8: byte {} is wrong",
                error.valid_up_to() + 1
            ),
        )
        .with_help("save it as UTF-8")
    };
    match bytes {
        Cow::Borrowed(bytes) => std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(fail),
        Cow::Owned(bytes) => String::from_utf8(bytes)
            .map(Cow::Owned)
            .map_err(|error| fail(error.utf8_error())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_read_with_what_lies_below_it_and_without_the_schema() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("2026")).unwrap();
        for (file, text) in [
            ("V2__b.sql", "B"),
            ("2026/V1__a.sql", "A"),
            ("2026/V1__a.down.sql", "UNDO A"),
            ("schema.sql", "S"),
            ("README.md", "R"),
        ] {
            std::fs::write(folder.path().join(file), text).unwrap();
        }
        let loaded = Source::from(folder.path()).load(None).unwrap();
        let read: Vec<_> = loaded.iter().map(|m| (m.version, m.up.text())).collect();
        assert_eq!(read, [(1, "A"), (2, "B")]);
        assert_eq!(loaded[0].down.as_ref().unwrap().text(), "UNDO A");
    }

    #[test]
    fn a_file_that_is_not_utf8_is_named_with_the_byte() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("V1__a.sql"), b"SELECT '\xff'").unwrap();
        let error = Source::from(folder.path()).load(None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidMigration);
        assert!(
            error.to_string().contains("V1__a.sql is not UTF-8: byte 9"),
            "{error}"
        );
    }

    #[test]
    fn files_given_as_values_are_those_of_a_folder() {
        let files = [
            ("V2__b.sql", "B"),
            ("2026/V1__a.sql", "A"),
            ("V2__b.down.sql", "UNDO B"),
            ("schema.sql", "S"),
        ];
        let loaded = Source::of_files(files).load(None).unwrap();
        let read: Vec<_> = loaded.iter().map(|m| (m.version, m.up.text())).collect();
        assert_eq!(read, [(1, "A"), (2, "B")]);
        assert_eq!(loaded[1].down.as_ref().unwrap().text(), "UNDO B");
    }

    #[cfg(feature = "refinery")]
    #[test]
    fn values_of_refinery_keep_version_name_prefix_and_checksum() {
        let theirs = refinery_core::Migration::unapplied("U20261121091403__a", "SELECT 1").unwrap();
        let ours = Source::from(vec![theirs.clone()]).load(None).unwrap();
        assert_eq!(
            (ours[0].version, ours[0].any_order),
            (20_261_121_091_403, true)
        );
        assert!(ours[0].recognises(theirs.checksum()));
    }
}

//! `squash`: old migrations made into one, which databases that have them recognise as done.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use crate::devtools::alter::compose::composer::model;
use crate::devtools::model::diff::difference;
use crate::devtools::project::create::file_name;
use crate::devtools::replay::{desired, replay};
use crate::devtools::squash::dump::{difference_in, dump};
use crate::migration::compare::{self, afresh};
use crate::migration::files::name;
use crate::migration::label::label;
use crate::migration::set::Migration;
use crate::migration::squashed::SquashedFrom;
use crate::migration::step::{MigrationStep, StepKind};
use crate::options::settings::{Options, memory};
use crate::report::error::{Error, ErrorKind, invalid};
use crate::report::remedy::Remedy;
use crate::report::time;
use crate::run::engine::dry_run;
use crate::sqlite::connection_state::run_file;
use crate::sqlite::disk::files;
use crate::sqlite::schema::catalog;
use crate::sqlite::schema::objects::{Schema, Table};
use crate::sqlite::schema::parsed::edits::ColumnOrder;
use crate::sqlite::sql::script::Script;
use crate::sqlite::sql::token::Tokens;

#[cfg(feature = "serde")]
use crate::report::serial;

/// The folder below the migrations into which the originals go.
const FOLDER: &str = "squashed";
const NAME: &str = "squashed";

/// What a caller wants of [`Devtools::squash`](crate::Devtools::squash).
#[derive(Debug, Clone, Default)]
pub struct SquashOptions {
    to: Option<i64>,
    name: Option<String>,
    remove: bool,
}

impl SquashOptions {
    /// All migrations, into one called `squashed`, the originals kept.
    pub fn new() -> SquashOptions {
        SquashOptions::default()
    }

    /// Squashes up to this version and no further.
    pub fn to(mut self, version: i64) -> Self {
        self.to = Some(version);
        self
    }

    /// What the file is called.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Removes the originals instead of moving them. A database that has only some of them can
    /// then not be migrated any more, but by an older version of the app first.
    pub fn remove_originals(mut self) -> Self {
        self.remove = true;
        self
    }
}

/// A squashed migration, proved and not written yet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Squashed {
    /// Where it is going to be.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
    pub file: PathBuf,
    /// Its SQL, with the lines at its top that say what it replaces.
    pub sql: String,
    /// Whether it is there already, and only originals are left to be moved or removed, as after
    /// an interruption.
    pub is_written: bool,
    /// The migrations that it replaces, as `V3__name`, the oldest first.
    pub replaced: Vec<String>,
    /// The files that are moved, and where to. Empty where they are removed.
    #[cfg_attr(feature = "serde", serde(serialize_with = "moves"))]
    pub moves: Vec<(PathBuf, PathBuf)>,
    /// The files that are removed.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::paths"))]
    pub removals: Vec<PathBuf>,
}

/// Pairs of from and to.
#[cfg(feature = "serde")]
fn moves<S: serde::Serializer>(moves: &[(PathBuf, PathBuf)], to: S) -> Result<S::Ok, S::Error> {
    let text = |path: &PathBuf| path.display().to_string();
    to.collect_seq(moves.iter().map(|(from, to)| (text(from), text(to))))
}

impl Squashed {
    /// Writes the file, and moves or removes the originals after that.
    ///
    /// Each step leaves a folder that gives the same schema: the file appears whole or not at
    /// all, and it does not matter to it in which folder its originals lie. What an interruption
    /// leaves to do, squashing again does.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] and [`ErrorKind::DiskFull`].
    pub fn write(&self) -> Result<(), Error> {
        for (_, to) in &self.moves {
            refuse_taken(to)?;
        }
        let folder = self.file.parent().unwrap_or(Path::new("."));
        let name = self.file.file_name().unwrap_or_default();
        // Hidden, so that nobody takes it for a migration.
        let staging = folder.join(format!(".{}.partial", name.display()));
        files::remove(&staging)?;
        if !self.is_written {
            files::write_source(&staging, &self.sql)?;
            let named =
                files::sync_file(&staging).and_then(|()| files::claim(&staging, &self.file));
            if let Err(error) = named {
                files::remove(&staging)?;
                return Err(error);
            }
            files::sync_folder(folder)?;
        }
        let rest = || {
            for (from, to) in &self.moves {
                files::create_folders(to.parent().unwrap_or(folder))?;
                files::rename(from, to)?;
            }
            self.removals
                .iter()
                .try_for_each(|file| files::remove(file))?;
            if let Some((_, to)) = self.moves.first() {
                files::sync_folder(to.parent().unwrap_or(folder))?;
            }
            files::sync_folder(folder)
        };
        rest().map_err(|error| {
            let help = error.help().unwrap_or_default().to_owned();
            let done = "the squashed file is written, and no original is lost; squashing again moves the rest";
            error.with_help(format!("{help}; {done}"))
        })
    }
}

fn refuse_taken(path: &Path) -> Result<(), Error> {
    // Below a file there is nothing, as Windows says it.
    if let Some(above) = path.parent()
        && files::is_file(above)?
    {
        let what = format!("cannot make {}", path.display());
        return Err(files::failure(
            what,
            std::io::ErrorKind::NotADirectory.into(),
        ));
    }
    match files::is_there(path)? {
        false => Ok(()),
        true => Err(Error::usage(
            format!("{} is there already", path.display()),
            "move it out of the way, or choose another name",
        )),
    }
}

/// Squashes migrations. Nothing is written before [`Squashed::write`].
pub(crate) fn squash(options: &Options<'_>, wishes: &SquashOptions) -> Result<Squashed, Error> {
    let folder = options.source.folder().ok_or_else(|| {
        Error::usage(
            "migrations can only be squashed in a folder",
            "give the migrator the folder's path",
        )
    })?;
    if !options.source.is_in_our_layout() {
        return Err(Error::usage("a folder in another tool's layout cannot be squashed", "rename its files like V1__create_notes.sql first, with the versions and names of the migrations")
        .with_remedy(Remedy::ShowStatus));
    }
    let migrations = options.migrations()?;
    if let Some((_, refused)) = compare::changed_originals(&migrations).into_iter().next() {
        return Err(refused);
    }
    let fresh = afresh(&migrations);
    let range = match wishes.to {
        // Only the originals of what is squashed already: what came later has been asked of nobody.
        None if wishes.remove && fresh.first().is_some_and(Migration::is_squashed) => &fresh[..1],
        None => fresh,
        Some(to) => match fresh.iter().position(|migration| migration.version == to) {
            Some(index) => &fresh[..=index],
            None => return Err(no_such_version(to)),
        },
    };
    let work = SquashWork {
        options,
        folder,
        range,
        remove: wishes.remove,
    };
    match range {
        [only] if only.is_squashed() => {
            let left = work.files(&only.replaces)?;
            match left.is_empty() {
                true if wishes.remove => Err(Error::usage(
                    format!("no original of {} is left to be removed", only.label()),
                    "say up to which version what came after it is squashed too",
                )
                .with_remedy(Remedy::SquashTo)),
                true => Err(nothing(range)),
                false => work.result(folder.join(format!("{}.sql", only.label())), left, None),
            }
        }
        [] | [_] => Err(nothing(range)),
        [.., last] => {
            let name = file_name(wishes.name.as_deref().unwrap_or(NAME))?;
            let file = folder.join(format!("{}.sql", label(last.version, &name)));
            let replaced = work.replaced();
            if replaced
                .iter()
                .any(|replaced| replaced.is(last.version, &name))
            {
                return Err(Error::usage(
                    format!("{} is the name of one that is squashed", last.label()),
                    "choose another name",
                )
                .with_remedy(Remedy::ChooseName));
            }
            refuse_taken(&file)?;
            work.refuse_unfit()?;
            let sql = work.compose(&file, &replaced, range.len() == fresh.len())?;
            let files = work.files(&replaced)?;
            work.result(file, files, Some((sql, replaced)))
        }
    }
}

fn no_such_version(to: i64) -> Error {
    Error::not_found(
        format!("there is no migration with version {to} that could be squashed"),
        "give the version of the last one that is to be squashed",
    )
}

fn nothing(range: &[Migration]) -> Error {
    let message = match range {
        [only] => format!(
            "there is nothing to squash: {} is the only migration",
            only.label()
        ),
        _ => "there is nothing to squash: there are no migrations".to_owned(),
    };
    Error::usage(message, "two migrations at least can become one")
}

/// Migrations that are to become one.
struct SquashWork<'w, 'o> {
    options: &'w Options<'o>,
    folder: &'w Path,
    range: &'w [Migration],
    remove: bool,
}

impl SquashWork<'_, '_> {
    /// What the file replaces: of one that was squashed before, what that replaced too.
    fn replaced(&self) -> Vec<SquashedFrom> {
        let mut all = Vec::new();
        for migration in self.range {
            all.extend(migration.replaces.iter().cloned());
            all.push(SquashedFrom {
                version: migration.version,
                name: migration.name.clone(),
                checksums: migration.checksums(),
            });
        }
        all
    }

    /// Refuses what one file in one transaction cannot say.
    fn refuse_unfit(&self) -> Result<(), Error> {
        for (what, is_unfit) in [
            ("written in Rust", of_rust as fn(&MigrationStep) -> bool),
            ("run outside of a transaction", |task| task.no_transaction),
        ] {
            let mut unfit = Vec::new();
            for migration in self.range {
                if is_unfit(&MigrationStep::up(migration)?) {
                    unfit.push(migration.label());
                }
            }
            if !unfit.is_empty() {
                return Err(Error::usage(
                    format!("what is {what} cannot be squashed: {}", unfit.join(", ")),
                    "squash up to the version before it",
                )
                .with_remedy(Remedy::SquashTo));
            }
        }
        Ok(())
    }

    /// Composes the file, and proves it.
    fn compose(&self, file: &Path, replaced: &[SquashedFrom], all: bool) -> Result<String, Error> {
        let present = replay(self.options, self.range)?;
        let statements = dump(self.options, &present, &self.texts(&present, all)?)?;
        if statements.contains("INSERT INTO") {
            self.refuse_chance(&present, &statements)?;
        }
        let lines: String = replaced.iter().map(SquashedFrom::line).collect();
        let sql = format!(
            "{lines}-- heirloom: irreversible\n-- Written by `heirloom squash`: what the migrations above give, for new databases.\n\n{statements}"
        );
        let script = Script::new(file.display().to_string(), sql.clone());
        let task = MigrationStep::down(0, NAME, script)?;
        let proof = memory(self.options)?;
        dry_run::foresee(&proof, self.options, std::slice::from_ref(&task))?;
        run_file(&proof, &task.script)?;
        match difference_in(self.options, &present, &proof)? {
            None => Ok(sql),
            Some(what) => Err(invalid(format!(
                "the squashed file would not give the same as its originals: {what}"
            ))
            .with_help("nothing was written; squash up to an older version, and please report it")
            .with_remedy(Remedy::SquashTo)),
        }
    }

    /// The schema in the words of the schema file, where that is the same, as people write it.
    fn texts(&self, present: &Connection, all: bool) -> Result<Schema, Error> {
        let own = self.options.own_tables();
        let file = self.options.schema_file.as_deref();
        let given = catalog::schema(present, &own)?;
        if let Some(script) = self.options.source.schema(file)?.filter(|_| all) {
            let wanted = desired(self.options, memory(self.options)?, &script)?.connection;
            let (one, other) = (model(present, self.options)?, model(&wanted, self.options)?);
            let wanted = catalog::schema(&wanted, &own)?;
            // Programs see the case of names, and so does SQLite in the AUTOINCREMENT sequences.
            if difference(&one, &other, ColumnOrder::Counts).is_empty()
                && names(&given) == names(&wanted)
            {
                return Ok(wanted);
            }
        }
        Ok(given)
    }

    /// Refuses rows that come out otherwise each time, by chance or by the clock: each user has
    /// rows of their own, and all new ones would have the same.
    fn refuse_chance(&self, present: &Connection, statements: &str) -> Result<(), Error> {
        let clock = self.range.iter().any(|one| asks_the_clock(&one.up));
        if clock {
            let now = time::now();
            let left = 1000 - i64::from(now.timestamp_subsec_millis()).min(999);
            std::thread::sleep(Duration::from_millis(left.unsigned_abs() + 5));
        }
        let again = replay(self.options, self.range)?;
        let mut differs = difference_in(self.options, present, &again)?;
        let today = time::now().format("%Y-%m-%d").to_string();
        let says_today = |migration: &Migration| migration.up.text().contains(&today);
        if clock && statements.contains(&today) && !self.range.iter().any(says_today) {
            differs = differs.or(Some("a row with the date of today".into()));
        }
        match differs {
            None => Ok(()),
            Some(what) => Err(Error::usage(format!("the migrations do not give the same rows each time, so that no file can hold them: {what}"), "what comes from the clock or from chance must be made on each user's machine; squash up to the version before it")
            .with_remedy(Remedy::SquashTo)),
        }
    }

    /// The files of what is replaced, those for the down migration first.
    fn files(&self, replaced: &[SquashedFrom]) -> Result<Vec<PathBuf>, Error> {
        let mut files = Vec::new();
        for script in self
            .options
            .source
            .files(self.options.schema_file.as_deref())?
        {
            let Some((version, name)) = name::whose(script.file()) else {
                continue;
            };
            let path = PathBuf::from(script.file());
            let below = path.strip_prefix(self.folder).unwrap_or(&path);
            let is_put_away = !self.remove && below.starts_with(FOLDER);
            if is_put_away || !replaced.iter().any(|one| one.is(version, name)) {
                continue;
            }
            if !files::is_file(&path)? {
                let what = format!("{} has a name that cannot be written", path.display());
                return Err(
                    Error::new(ErrorKind::Io, what).with_help("give the folder a name in Unicode")
                );
            }
            files.push(path);
        }
        // One without its migration would be refused.
        files.sort_by_key(|path| !path.to_string_lossy().ends_with(".down.sql"));
        Ok(files)
    }

    fn result(
        &self,
        file: PathBuf,
        files: Vec<PathBuf>,
        new: Option<(String, Vec<SquashedFrom>)>,
    ) -> Result<Squashed, Error> {
        let is_written = new.is_none();
        let (sql, replaced) = new.unwrap_or_else(|| {
            let only = self.range.first();
            let sql = only.map(|only| only.up.text().to_owned());
            let replaced = only.map(|only| only.replaces.clone());
            (sql.unwrap_or_default(), replaced.unwrap_or_default())
        });
        let (mut moves, mut removals) = (Vec::new(), Vec::new());
        match self.remove {
            true => removals = files,
            false => {
                for from in files {
                    let name = from.file_name().unwrap_or_default();
                    let to = self.folder.join(FOLDER).join(name);
                    refuse_taken(&to)?;
                    moves.push((from, to));
                }
            }
        }
        Ok(Squashed {
            file,
            sql,
            is_written,
            replaced: replaced.iter().map(SquashedFrom::label).collect(),
            moves,
            removals,
        })
    }
}

/// The tables and their columns, as they are written.
fn names(schema: &Schema) -> BTreeSet<(&str, Vec<&str>)> {
    fn columns(table: &Table) -> Vec<&str> {
        table.columns.iter().map(|c| c.name.as_str()).collect()
    }
    let tables = schema.tables.iter();
    tables
        .map(|table| (table.name.as_str(), columns(table)))
        .collect()
}

fn of_rust(task: &MigrationStep) -> bool {
    task.kind == StepKind::Rust
}

/// Whether a file mentions what the clock answers.
fn asks_the_clock(script: &Script) -> bool {
    let tokens: Vec<_> = Tokens::new(script.text()).collect();
    let word = |index: usize| tokens.get(index).map(|token| token.word());
    (0..tokens.len()).any(|index| match word(index).as_deref() {
        Some("CURRENT_TIMESTAMP" | "CURRENT_DATE" | "CURRENT_TIME" | "STRFTIME") => true,
        // Without an argument they say the present time.
        Some("DATE" | "TIME" | "DATETIME" | "JULIANDAY" | "UNIXEPOCH") => {
            word(index + 1).as_deref() == Some("(") && word(index + 2).as_deref() == Some(")")
        }
        _ => tokens[index].name().eq_ignore_ascii_case("now"),
    })
}

//! A migration: its file names, its checksum, and how it stands to a history.
//!
//! Names and checksums are refinery's (`refinery_core` 0.10: `V{version}__{name}.sql`,
//! SipHash-1-3 over name, version and SQL), so that either tool recognises what the
//! other applied.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use siphasher::sip::SipHasher13;

use crate::error::{Error, ErrorKind};
use crate::layout::Layout;
use crate::replaced::{Replaced, way};
use crate::script::{Directive, Script};

/// One migration, read and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Migration {
    /// The number that orders migrations.
    pub version: i64,
    /// The name, without version.
    pub name: String,
    /// Whether it may be applied after newer ones (refinery's `U` prefix).
    pub any_order: bool,
    /// The way there.
    pub up: Script,
    /// The way back. None means that there is none, never that it is empty.
    pub down: Option<Script>,
    /// Whether a file for the way back holds `-- heirloom: irreversible` and no statement.
    pub irreversible: bool,
    /// The migrations that it stands for, in the order of their versions; of a squashed one alone.
    pub replaces: Vec<Replaced>,
    /// Whether a function of the app's does its work. The way there is [`IN_RUST`] then.
    pub in_rust: bool,
    /// The component whose it is, none for the app's own.
    pub component: Option<String>,
}

/// The ending of a file that stands for a migration in Rust, as refinery has it.
pub(crate) const RUST_ENDING: &str = ".rs";

/// What stands in the history, and for the checksum, in the place of a function: always the
/// same, because Rust that says the same in other words is no other migration.
pub(crate) const IN_RUST: &str = "-- written in Rust\n";

/// `V3__name`, as messages and JSON call a migration.
pub(crate) fn label(version: i64, name: &str) -> String {
    format!("V{version}__{name}")
}

/// The same with the component whose it is.
pub(crate) fn label_in(component: Option<&str>, version: i64, name: &str) -> String {
    match component {
        Some(component) => format!("{component}/{}", label(version, name)),
        None => label(version, name),
    }
}

impl Migration {
    /// `V3__name`, or `auth/V3__name` of a component.
    pub(crate) fn label(&self) -> String {
        label_in(self.component.as_deref(), self.version, &self.name)
    }

    /// Whether it says that no way back is meant: at the top of its file, or, where that was
    /// released and must not change, in a file for the way back that has no statement.
    #[cfg(feature = "generate")]
    pub(crate) fn is_meant_to_stay(&self) -> bool {
        self.irreversible || says_irreversible(&self.up)
    }

    /// Whether it was squashed out of others.
    pub(crate) fn is_squashed(&self) -> bool {
        !self.replaces.is_empty()
    }

    /// Whether it replaces another.
    pub(crate) fn stands_for(&self, other: &Migration) -> bool {
        let first = self
            .replaces
            .partition_point(|replaced| replaced.version < other.version);
        self.replaces[first..]
            .iter()
            .take_while(|replaced| replaced.version == other.version)
            .any(|replaced| replaced.name == other.name)
    }

    /// Whether what it replaces, where it does, ends at its own version, and not in itself.
    fn is_squashed_rightly(&self) -> bool {
        let Some(last) = self.replaces.last() else {
            return true;
        };
        last.version == self.version
            && !self.any_order
            && self.replaces.is_sorted_by_key(|replaced| replaced.version)
            && !self.stands_for(self)
    }

    /// The checksums under which histories may have it, the file's own first: with either kind
    /// of line ending, and with either width of version numbers.
    #[cfg(feature = "generate")]
    pub(crate) fn checksums(&self) -> Vec<u64> {
        let unix = self.up.text().replace("\r\n", "\n");
        let windows = unix.replace('\n', "\r\n");
        let mut sums = Vec::new();
        for text in [self.up.text(), &unix, &windows] {
            let wide = checksum_of(&self.name, self.version, text);
            let narrow = i32::try_from(self.version);
            let narrow = narrow.map(|version| checksum_of(&self.name, version, text));
            for sum in [Some(wide), narrow.ok()].into_iter().flatten() {
                if !sums.contains(&sum) {
                    sums.push(sum);
                }
            }
        }
        sums
    }

    /// Whether the checksum in a history is that of this file.
    ///
    /// Line endings and a byte order mark do not count, and neither does the width of
    /// version numbers that the refinery of that day was built with.
    pub(crate) fn recognises(&self, checksum: u64) -> bool {
        let text = self.up.text();
        let matches = |text: &str| {
            checksum_of(&self.name, self.version, text) == checksum
                || i32::try_from(self.version)
                    .is_ok_and(|narrow| checksum_of(&self.name, narrow, text) == checksum)
        };
        if matches(text) {
            return true;
        }
        let unix = plain(text);
        let windows = unix.replace('\n', "\r\n");
        [&unix, &windows]
            .iter()
            .any(|text| matches(text) || matches(&format!("\u{feff}{text}")))
    }
}

/// A text without what does not count: its byte order mark and the kind of its line endings.
pub(crate) fn plain(text: &str) -> String {
    let bare = text.strip_prefix('\u{feff}').unwrap_or(text);
    bare.replace("\r\n", "\n")
}

/// refinery's checksum. `version` is an `i32` or an `i64`, and the two differ.
fn checksum_of(name: &str, version: impl Hash, sql: &str) -> u64 {
    let mut hasher = SipHasher13::new();
    name.hash(&mut hasher);
    version.hash(&mut hasher);
    sql.hash(&mut hasher);
    hasher.finish()
}

/// What a file name in a migrations folder says.
#[derive(Debug, PartialEq, Eq)]
enum FileName<'n> {
    Up(Parsed<'n>),
    Rust(Parsed<'n>),
    Down(Parsed<'n>),
    /// Not a migration, and not like one.
    Other,
}

#[derive(Debug, PartialEq, Eq)]
struct Parsed<'n> {
    any_order: bool,
    version: i64,
    name: &'n str,
}

impl Parsed<'_> {
    fn into_migration(self, up: Script) -> Migration {
        Migration {
            version: self.version,
            name: self.name.to_owned(),
            any_order: self.any_order,
            up,
            down: None,
            irreversible: false,
            replaces: Vec::new(),
            in_rust: false,
            component: None,
        }
    }
}

/// Takes a file name apart.
///
/// # Errors
/// A sentence when the name looks like a migration's and is none: it would be skipped
/// in silence by a laxer reader.
fn parse_file_name(file: &str) -> Result<FileName<'_>, String> {
    let lower = file.to_lowercase();
    let bytes = lower.as_bytes();
    let numbered =
        matches!(bytes.first(), Some(b'v' | b'u')) && bytes.get(1).is_some_and(u8::is_ascii_digit);
    if lower.starts_with('.') || !(numbered || lower.ends_with(".sql")) {
        return Ok(FileName::Other);
    }
    let in_rust = file.ends_with(RUST_ENDING);
    let Some(stem) = file.strip_suffix(".sql").or(file.strip_suffix(RUST_ENDING)) else {
        return Err(if lower.ends_with(".sql") {
            "the extension must be `.sql` in small letters".into()
        } else {
            "it is named like a migration and does not end in `.sql` or `.rs`".into()
        });
    };
    let (stem, down) = match stem.strip_suffix(".down") {
        Some(_) if in_rust => {
            return Err("a way back in Rust is a function beside the other".into());
        }
        Some(stem) => (stem, true),
        None => (stem, false),
    };
    let any_order = stem.starts_with('U');
    let Some(rest) = stem.strip_prefix(['V', 'U']) else {
        return Err("a migration's name begins with a capital `V` and a number".into());
    };
    let Some((digits, name)) = rest.split_once("__") else {
        return Err("version and name must be joined by two underscores".into());
    };
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(format!("`{digits}` is no whole number"));
    }
    let version = digits
        .parse()
        .map_err(|_| format!("version {digits} is larger than {}", i64::MAX))?;
    if name.is_empty() {
        return Err("the name after the version is empty".into());
    }
    if let Some(odd) = name.chars().find(|&c| !is_name_character(c)) {
        return Err(format!(
            "the name may hold letters, digits and underscores, not `{odd}`"
        ));
    }
    let parsed = Parsed {
        any_order,
        version,
        name,
    };
    Ok(match (in_rust, down) {
        (true, _) => FileName::Rust(parsed),
        (_, true) => FileName::Down(parsed),
        (_, false) => FileName::Up(parsed),
    })
}

/// Version and name of the migration whose a file is, there or back.
#[cfg(feature = "generate")]
pub(crate) fn whose(file: &str) -> Option<(i64, &str)> {
    let file = file.rsplit(['/', '\\']).next().unwrap_or_default();
    match parse_file_name(file) {
        Ok(FileName::Up(of) | FileName::Rust(of) | FileName::Down(of)) => {
            Some((of.version, of.name))
        }
        Ok(FileName::Other) | Err(_) => None,
    }
}

/// Refuses a name that no migration in Rust could have as a file.
pub(crate) fn check_rust_name(file: &str) -> Result<(), Error> {
    let reason = match parse_file_name(file) {
        Ok(FileName::Rust(_)) => return Ok(()),
        Ok(_) => "it is not named like a migration".to_owned(),
        Err(reason) => reason,
    };
    Err(invalid(format!("{file}: {reason}"))
        .with_help("name it as its file would be, without the ending: V2__fill_slugs"))
}

/// Whether a file ends in `.sql`, in whatever case.
pub(crate) fn looks_like_sql(file: &str) -> bool {
    let bytes = file.as_bytes();
    bytes.len() >= 4 && bytes[bytes.len() - 4..].eq_ignore_ascii_case(b".sql")
}

/// Whether a name can be a migration's: letters, digits and underscores.
pub(crate) fn is_valid_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(is_name_character)
}

/// Inside refinery's `\w`.
pub(crate) fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || (!c.is_ascii() && c.is_alphabetic())
}

/// Puts the files of a folder together as migrations, in the order of their versions.
///
/// What is not a migration is left out; what looks like one and is none is an error.
///
/// # Errors
/// [`ErrorKind::InvalidMigration`], naming the file.
pub(crate) fn assemble(files: Vec<Script>) -> Result<Vec<Migration>, Error> {
    let (migrations, refused) = sort_out(files);
    match refused.into_iter().next() {
        None => Ok(migrations),
        Some((_, error)) => Err(error),
    }
}

/// A file that looks like a migration and is none, and the reason.
pub(crate) type Refused = (String, Error);

/// The migrations among the files of a folder, in the order of their versions, and the files
/// that look like one and are none.
pub(crate) fn sort_out(files: Vec<Script>) -> (Vec<Migration>, Vec<Refused>) {
    let mut migrations: Vec<Migration> = Vec::with_capacity(files.len());
    let mut downs: Vec<(i64, String, Script)> = Vec::new();
    let mut refused = Vec::new();
    for script in files {
        let name = script.name().to_owned();
        match parse_file_name(&name) {
            Ok(FileName::Other) => {}
            Ok(FileName::Up(parsed)) => migrations.push(Migration {
                replaces: script.replaces(),
                ..parsed.into_migration(script.clone())
            }),
            Ok(FileName::Rust(parsed)) => {
                let up = Script::new(script.file().to_owned(), IN_RUST);
                let in_rust = true;
                migrations.push(Migration {
                    in_rust,
                    ..parsed.into_migration(up)
                });
            }
            Ok(FileName::Down(Parsed { version, name, .. })) => {
                downs.push((version, name.to_owned(), script));
            }
            Err(reason) => refused.push((
                script.file().to_owned(),
                invalid(format!("{}: {reason}", script.file())).with_help(help_with_name(&name)),
            )),
        }
    }
    // A squashed one behind what it replaces.
    migrations.sort_by_key(|migration| (migration.version, migration.replaces.len()));
    refused.extend(refuse_squashed(&mut migrations));
    let mut second_ones = Vec::new();
    migrations.dedup_by(|second, first| {
        let twins = first.version == second.version && !second.stands_for(first);
        if twins {
            second_ones.push((second.version, second.name.clone()));
            let error = invalid(format!(
                "{} and {} have the same version",
                first.up.file(),
                second.up.file()
            ))
            .with_help("give one of them another version");
            refused.push((second.up.file().to_owned(), error));
        }
        twins
    });
    for (version, name, script) in downs {
        let first = migrations.partition_point(|migration| migration.version < version);
        let mut same = migrations[first..]
            .iter_mut()
            .take_while(|migration| migration.version == version);
        match same.find(|migration| migration.name == name) {
            // Its migration was refused already.
            None if second_ones.contains(&(version, name.clone())) => {}
            None => {
                let error = invalid(format!(
                    "{} is the way back of a migration that is not there",
                    script.file()
                ))
                .with_help(format!(
                    "add {}.sql beside it, or remove it",
                    label(version, &name)
                ));
                refused.push((script.file().to_owned(), error));
            }
            // A template nobody filled in is no way back.
            Some(migration) if script.is_empty() => {
                migration.irreversible = says_irreversible(&script);
            }
            Some(migration) => migration.down = Some(script),
        }
    }
    (migrations, refused)
}

/// Takes out the squashed migrations that cannot be what they say, and what is older than a
/// squashed one and not in it: a new database would never come by it.
fn refuse_squashed(migrations: &mut Vec<Migration>) -> Vec<Refused> {
    let mut refused = Vec::new();
    migrations.retain(|migration| match migration.is_squashed_rightly() {
        true => true,
        false => {
            let error = invalid(format!(
                "{} does not replace migrations up to its own version, in their order",
                migration.up.file()
            ))
            .with_help("write it with `heirloom squash`, and leave its first lines as they are");
            refused.push((migration.up.file().to_owned(), error));
            false
        }
    });
    let Some(index) = migrations.iter().rposition(Migration::is_squashed) else {
        return refused;
    };
    let mut newer = migrations.split_off(index);
    let squashed = &newer[0];
    migrations.retain(|migration| {
        // One of the same version is told as a twin.
        let twin = migration.version == squashed.version && !migration.is_squashed();
        let stays = twin || squashed.stands_for(migration);
        if !stays {
            let error = invalid(format!(
                "{} is older than {}, which does not hold it",
                migration.up.file(),
                squashed.label()
            ))
            .with_help("give it a newer version, or squash again without the squashed file");
            refused.push((migration.up.file().to_owned(), error));
        }
        stays
    });
    migrations.append(&mut newer);
    refused
}

fn help_with_name(name: &str) -> &'static str {
    let of_another_tool = Layout::Sqlx.name_of(name).is_ok_and(|ours| ours != name)
        || matches!(name, "up.sql" | "down.sql");
    match of_another_tool {
        true => {
            "if the folder is laid out as sqlx's or diesel's, say so with the setting `layout` or `Source::layout`; else rename it like V1__create_notes.sql, or move it out of the folder"
        }
        false => "rename it like V1__create_notes.sql, or move it out of the folder",
    }
}

fn says_irreversible(script: &Script) -> bool {
    script
        .directives()
        .is_ok_and(|directives| directives.contains(&Directive::Irreversible))
}

pub(crate) fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidMigration, message)
}

/// A row of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Applied {
    /// The version.
    pub version: i64,
    /// The name.
    pub name: String,
    /// refinery's checksum.
    pub checksum: u64,
}

/// The migrations of the app or of a component, and what of them a database has.
#[derive(Clone, Copy)]
pub(crate) struct Known<'k> {
    /// The component, none for the app's own.
    pub(crate) component: Option<&'k str>,
    pub(crate) migrations: &'k [Migration],
    pub(crate) history: &'k [Applied],
}

impl Known<'_> {
    /// What a row of the history is called in messages.
    pub(crate) fn label_of(&self, row: &Applied) -> String {
        label_in(self.component, row.version, &row.name)
    }
}

/// How a migration stands to a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// Applied, and the file is the one that was applied.
    Applied,
    /// Not applied yet.
    Pending,
    /// Applied, and the file is not what was applied.
    Changed,
    /// Applied, and there is no file; or not applied, and needed before a squashed migration
    /// counts as applied, and there is no file.
    Missing,
    /// Not applied, and older than the newest applied one.
    OutOfOrder,
}

impl State {
    /// The word in JSON and in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Applied => "applied",
            State::Pending => "pending",
            State::Changed => "changed",
            State::Missing => "missing",
            State::OutOfOrder => "out-of-order",
        }
    }
}

/// A migration, a row of the history, or both, and the state they are in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compared<'a> {
    /// How they stand to each other.
    pub state: State,
    /// The file.
    pub migration: Option<&'a Migration>,
    /// The row.
    pub applied: Option<&'a Applied>,
    /// Where a squashed migration tells of it. Missing with neither file nor row is what a
    /// database in the middle still needs.
    pub replaced: Option<&'a Replaced>,
}

/// A migration that a database should have: its file, or what a squashed one tells of it, or both.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    migration: Option<&'a Migration>,
    replaced: Option<&'a Replaced>,
}

impl<'a> Wanted<'a> {
    fn of(migration: &'a Migration) -> Wanted<'a> {
        Wanted {
            migration: Some(migration),
            replaced: None,
        }
    }

    fn version(&self) -> i64 {
        let file = self.migration.map(|migration| migration.version);
        file.or(self.replaced.map(|replaced| replaced.version))
            .unwrap_or_default()
    }

    /// Whether a row of the history is of it.
    pub(crate) fn is(&self, version: i64, name: &str, checksum: u64) -> bool {
        // No text need be hashed for what a squashed one tells.
        let told = self.replaced.is_some_and(|replaced| {
            replaced.is(version, name) && replaced.checksums.contains(&checksum)
        });
        told || self.migration.is_some_and(|migration| {
            migration.version == version && migration.name == name && migration.recognises(checksum)
        })
    }
}

/// What a new database runs: the newest squashed migration and what comes after it, or all.
pub(crate) fn afresh(migrations: &[Migration]) -> &[Migration] {
    let squashed = migrations.iter().rposition(Migration::is_squashed);
    &migrations[squashed.unwrap_or(0)..]
}

/// The newest squashed migration, and the files that are there of what it replaces.
fn squashed(migrations: &[Migration]) -> Option<(&Migration, &[Migration])> {
    let index = migrations.iter().rposition(Migration::is_squashed)?;
    Some((&migrations[index], &migrations[..index]))
}

/// The file of a row of the history, where it is what was applied.
pub(crate) fn file_of<'m>(migrations: &'m [Migration], row: &Applied) -> Option<&'m Migration> {
    let first = migrations.partition_point(|migration| migration.version < row.version);
    migrations[first..]
        .iter()
        .take_while(|migration| migration.version == row.version)
        .find(|migration| Wanted::of(migration).is(row.version, &row.name, row.checksum))
}

/// What a database whose history begins with `first` should have up to the newest squashed
/// migration: that one, or what it replaces.
fn up_to_squashed<'m>(
    squashed: &'m Migration,
    originals: &'m [Migration],
    first: Option<(i64, &str)>,
) -> Vec<Wanted<'m>> {
    let itself = (squashed.version, squashed.name.as_str());
    match first {
        Some(first) if first.0 <= squashed.version && first != itself => {
            let wanted = |replaced: &'m Replaced| {
                let from = originals.partition_point(|file| file.version < replaced.version);
                let mut files = originals[from..].iter();
                Wanted {
                    migration: files
                        .by_ref()
                        .take_while(|file| file.version == replaced.version)
                        .find(|file| file.name == replaced.name),
                    replaced: Some(replaced),
                }
            };
            way(&squashed.replaces, first)
                .into_iter()
                .map(wanted)
                .collect()
        }
        _ => vec![Wanted::of(squashed)],
    }
}

/// All that a database should have whose history begins with `first`.
pub(crate) fn wanted<'m>(migrations: &'m [Migration], first: (i64, &str)) -> Vec<Wanted<'m>> {
    let mut rest = migrations;
    let mut wanted = Vec::with_capacity(migrations.len());
    if let Some((squashed, originals)) = squashed(migrations) {
        wanted = up_to_squashed(squashed, originals, Some(first));
        rest = &migrations[originals.len() + 1..];
    }
    wanted.extend(rest.iter().map(Wanted::of));
    wanted
}

/// The versions that a database has which came by the first migrations, one by one: those that a
/// squashed one replaces, and what comes after it.
pub(crate) fn versions_one_by_one(migrations: &[Migration]) -> Vec<i64> {
    let first = squashed(migrations).and_then(|(squashed, _)| squashed.replaces.first());
    match first {
        Some(first) => wanted(migrations, (first.version, &first.name))
            .iter()
            .map(Wanted::version)
            .collect(),
        None => migrations.iter().map(|file| file.version).collect(),
    }
}

/// What a database in the middle of what a squashed migration stands for must still run, and
/// what has no file: nothing leads on from there.
pub(crate) fn lacking<'a>(
    migrations: &'a [Migration],
    history: &'a [Applied],
) -> Vec<&'a Replaced> {
    let compared = compare(migrations, history).into_iter();
    compared
        .filter(|one| one.state == State::Missing && one.applied.is_none())
        .filter_map(|one| one.replaced)
        .collect()
}

/// Compares migrations with a history, both in the order of their versions.
///
/// A squashed migration is applied where it has its row, or where all that it replaces have
/// theirs; where some of them have, they stand in its place.
pub(crate) fn compare<'a>(
    migrations: &'a [Migration],
    history: &'a [Applied],
) -> Vec<Compared<'a>> {
    let newest = history.last().map(|applied| applied.version);
    let plain = |migrations: &'a [Migration], rows| {
        let wanted: Vec<_> = migrations.iter().map(Wanted::of).collect();
        side_by_side(&wanted, rows, newest)
    };
    let Some((squashed, originals)) = squashed(migrations) else {
        return plain(migrations, history);
    };
    let rest = &migrations[originals.len() + 1..];
    let within = history.partition_point(|row| row.version <= squashed.version);
    let (within, beyond) = history.split_at(within);
    let itself = |row: &&Applied| row.version == squashed.version && row.name == squashed.name;
    let first = within.iter().find(itself).or(within.first());
    let first = first.map(|row| (row.version, row.name.as_str()));
    let wanted = up_to_squashed(squashed, originals, first);
    let mut compared = side_by_side(&wanted, within, newest);
    if compared.iter().all(|one| one.state == State::Applied) {
        compared = vec![Compared {
            state: State::Applied,
            migration: Some(squashed),
            applied: within.last(),
            replaced: None,
        }];
    }
    compared.extend(plain(rest, beyond));
    compared
}

fn side_by_side<'a>(
    wanted: &[Wanted<'a>],
    rows: &'a [Applied],
    newest_applied: Option<i64>,
) -> Vec<Compared<'a>> {
    let mut compared = Vec::with_capacity(wanted.len().max(rows.len()));
    let (mut wanted, mut rows) = (wanted.iter().peekable(), rows.iter().peekable());
    loop {
        let order = match (wanted.peek(), rows.peek()) {
            (None, None) => return compared,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(one), Some(row)) => one.version().cmp(&row.version),
        };
        let one = (order != Ordering::Greater)
            .then(|| wanted.next())
            .flatten();
        let applied = (order != Ordering::Less).then(|| rows.next()).flatten();
        let migration = one.and_then(|one| one.migration);
        let state = match (one, applied) {
            (Some(one), Some(row)) if one.is(row.version, &row.name, row.checksum) => {
                State::Applied
            }
            (Some(_), Some(_)) => State::Changed,
            (None, _) => State::Missing,
            (Some(_), None) => match migration {
                None => State::Missing,
                Some(file)
                    if !file.any_order
                        && newest_applied.is_some_and(|newest| file.version < newest) =>
                {
                    State::OutOfOrder
                }
                Some(_) => State::Pending,
            },
        };
        compared.push(Compared {
            state,
            migration,
            applied,
            replaced: one.and_then(|one| one.replaced),
        });
    }
}

/// The ways by which a database can have come where a squashed migration brings it, as far as
/// their files are there.
#[cfg(feature = "generate")]
pub(crate) fn ways<'m>(
    migrations: &'m [Migration],
    squashed: &'m Migration,
) -> Vec<Vec<&'m Migration>> {
    let mut found = Vec::new();
    for replaced in &squashed.replaces {
        let first = (replaced.version, replaced.name.as_str());
        let way = up_to_squashed(squashed, migrations, Some(first));
        let files: Option<Vec<_>> = way.iter().map(|wanted| wanted.migration).collect();
        if let Some(files) = files
            && !found.contains(&files)
        {
            found.push(files);
        }
    }
    found
}

/// The files that are there of what the newest squashed migration replaces, but are not what it
/// was made of, each as an error.
pub(crate) fn changed_originals(migrations: &[Migration]) -> Vec<(&Migration, Error)> {
    let Some((squashed, originals)) = squashed(migrations) else {
        return Vec::new();
    };
    let is_it = |file: &Migration| {
        let mut replaced = squashed.replaces.iter();
        replaced.any(|replaced| {
            replaced.is(file.version, &file.name)
                && replaced.checksums.iter().any(|sum| file.recognises(*sum))
        })
    };
    let changed = originals.iter().filter(|file| !is_it(file));
    let refuse = |file: &'_ Migration| {
        Error::new(
            ErrorKind::Diverged,
            format!(
                "{} is not what {} was squashed from",
                file.up.file(),
                squashed.label()
            ),
        )
        .in_migration(&file.label())
        .with_help("put it back as it was, or remove the squashed file and squash again")
    };
    changed.map(|file| (file, refuse(file))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn migration(version: i64, name: &str, sql: &'static str) -> Migration {
        Migration {
            version,
            name: name.into(),
            any_order: false,
            up: Script::new("f.sql", sql),
            down: None,
            irreversible: false,
            replaces: Vec::new(),
            in_rust: false,
            component: None,
        }
    }

    fn applied(version: i64, name: &str, checksum: u64) -> Applied {
        Applied {
            version,
            name: name.into(),
            checksum,
        }
    }

    #[test]
    fn file_names_are_taken_or_refused_and_never_skipped() {
        let up = |version, name| {
            Ok(FileName::Up(Parsed {
                any_order: false,
                version,
                name,
            }))
        };
        assert_eq!(parse_file_name("V1__a.sql"), up(1, "a"));
        assert_eq!(
            parse_file_name("V20261121091403__add_phone.sql"),
            up(20_261_121_091_403, "add_phone")
        );
        assert_eq!(parse_file_name("V007__größe__2.sql"), up(7, "größe__2"));
        assert_eq!(
            parse_file_name("U2__a.sql"),
            Ok(FileName::Up(Parsed {
                any_order: true,
                version: 2,
                name: "a"
            }))
        );
        assert_eq!(
            parse_file_name("V1__a.down.sql"),
            Ok(FileName::Down(Parsed {
                any_order: false,
                version: 1,
                name: "a"
            }))
        );
        for other in [
            "README.md",
            ".gitkeep",
            ".V1__a.sql.swp",
            "mod.rs",
            "vendor",
        ] {
            assert_eq!(parse_file_name(other), Ok(FileName::Other), "{other}");
        }
        for wrong in [
            "V2__b-c.sql",
            "v3__x.sql",
            "V1__a.SQL",
            "V1.1__x.sql",
            "|V1__x.sql",
            "V1_a.sql",
            "V__a.sql",
            "V1__.sql",
            "notes.sql",
            "V1__a.sql.bak",
            "V1__a.rsx",
            "V1__a.up.sql",
            "V99999999999999999999__a.sql",
            "V-1__a.sql",
            "V1__a b.sql",
            "V1__a–b.sql",
            "u1__a.sql",
        ] {
            assert!(parse_file_name(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn checksums_are_those_of_refinery() {
        let sql = "CREATE TABLE a (x);\n";
        let theirs = refinery_core::Migration::unapplied("V7__a", sql).unwrap();
        assert_eq!(checksum_of("a", 7_i64, sql), theirs.checksum());
    }

    #[test]
    fn line_endings_marks_and_version_widths_do_not_count_and_a_changed_letter_does() {
        let texts = [
            "A;\nB;\n",
            "A;\r\nB;\r\n",
            "\u{feff}A;\nB;\n",
            "\u{feff}A;\r\nB;\r\n",
        ];
        for stored in texts {
            for file in texts {
                let file = migration(7, "n", file);
                assert!(
                    file.recognises(checksum_of("n", 7_i64, stored)),
                    "{stored:?}"
                );
                assert!(
                    file.recognises(checksum_of("n", 7_i32, stored)),
                    "{stored:?}"
                );
                assert!(!file.recognises(checksum_of("n", 7_i64, &stored.replace('A', "a"))));
                assert!(!file.recognises(checksum_of("m", 7_i64, stored)));
            }
        }
    }

    #[test]
    fn every_way_a_file_can_stand_to_a_history_has_its_word() {
        let files = [
            migration(1, "a", "A"),
            migration(2, "b", "B"),
            migration(3, "c", "C"),
            migration(5, "e", "E"),
            migration(7, "g", "G"),
        ];
        let sum = |version: i64, name: &str, sql: &str| {
            applied(version, name, checksum_of(name, version, sql))
        };
        let history = [
            sum(1, "a", "A"),
            sum(2, "b", "changed"),
            sum(4, "d", "D"),
            sum(5, "renamed", "E"),
        ];
        let states: Vec<_> = compare(&files, &history)
            .iter()
            .map(|c| {
                (
                    c.migration
                        .map(|m| m.version)
                        .or(c.applied.map(|a| a.version))
                        .unwrap(),
                    c.state,
                )
            })
            .collect();
        assert_eq!(
            states,
            [
                (1, State::Applied),
                (2, State::Changed),
                (3, State::OutOfOrder),
                (4, State::Missing),
                (5, State::Changed),
                (7, State::Pending),
            ]
        );
    }

    #[test]
    fn a_squashed_migration_is_applied_by_its_own_row_or_by_those_of_all_it_replaces() {
        let sum = |version: i64, name: &str| {
            let text = if name == "s" {
                String::new()
            } else {
                name.to_owned()
            };
            applied(version, name, checksum_of(name, version, &text))
        };
        let squashed = Migration {
            replaces: ["a", "b", "c"]
                .into_iter()
                .zip(1..)
                .map(|(name, version)| Replaced {
                    version,
                    name: name.into(),
                    checksums: vec![sum(version, name).checksum],
                })
                .collect(),
            ..migration(3, "s", "")
        };
        let files = [
            migration(1, "a", "a"),
            migration(2, "b", "b"),
            migration(3, "c", "c"),
            squashed,
            migration(4, "d", "d"),
        ];
        let changed = applied(2, "b", 7);
        let all = [sum(1, "a"), sum(2, "b"), sum(3, "c"), sum(4, "d")];
        // The rows, and what comes of them: with the originals, with only the last one, alone.
        let cases = [
            (
                vec![],
                "s pending, d pending",
                "s pending, d pending",
                "s pending, d pending",
            ),
            (
                all[..1].to_vec(),
                "a applied, b pending, c pending, d pending",
                "a applied, b missing, c pending, d pending",
                "a applied, b missing, c missing, d pending",
            ),
            (
                all[..2].to_vec(),
                "a applied, b applied, c pending, d pending",
                "a applied, b applied, c pending, d pending",
                "a applied, b applied, c missing, d pending",
            ),
            (
                all[..3].to_vec(),
                "s applied, d pending",
                "s applied, d pending",
                "s applied, d pending",
            ),
            (
                all.to_vec(),
                "s applied, d applied",
                "s applied, d applied",
                "s applied, d applied",
            ),
            (
                vec![sum(3, "s"), sum(4, "d")],
                "s applied, d applied",
                "s applied, d applied",
                "s applied, d applied",
            ),
            (
                vec![sum(1, "a"), sum(3, "c")],
                "a applied, b out-of-order, c applied, d pending",
                "a applied, b missing, c applied, d pending",
                "a applied, b missing, c applied, d pending",
            ),
            (
                vec![sum(1, "a"), changed, sum(3, "c")],
                "a applied, b changed, c applied, d pending",
                "a applied, b changed, c applied, d pending",
                "a applied, b changed, c applied, d pending",
            ),
            (
                vec![sum(4, "d")],
                "s out-of-order, d applied",
                "s out-of-order, d applied",
                "s out-of-order, d applied",
            ),
            // Both rows are of no history that there can be.
            (
                vec![sum(1, "a"), sum(3, "s")],
                "a missing, s applied, d pending",
                "a missing, s applied, d pending",
                "a missing, s applied, d pending",
            ),
            (
                vec![applied(3, "s", 7)],
                "s changed, d pending",
                "s changed, d pending",
                "s changed, d pending",
            ),
        ];
        for (history, with_all, with_last, alone) in cases {
            for (files, expected) in [
                (&files[..], with_all),
                (&files[2..], with_last),
                (&files[3..], alone),
            ] {
                let words: Vec<String> = compare(files, &history)
                    .iter()
                    .map(|one| {
                        let file = one.migration.map(|file| &file.name);
                        let row = one.applied.map(|row| &row.name);
                        let told = one.replaced.map(|replaced| &replaced.name);
                        let name = file.or(row).or(told).unwrap();
                        format!("{name} {}", one.state.as_str())
                    })
                    .collect();
                assert_eq!(words.join(", "), expected, "{history:?}");
            }
        }
    }

    #[test]
    fn a_folder_with_a_contradiction_is_refused_by_name() {
        let files = |names: &[&str]| {
            assemble(
                names
                    .iter()
                    .map(|n| Script::new(n.to_string(), "SELECT 1"))
                    .collect(),
            )
        };
        let message = |names: &[&str]| files(names).unwrap_err().to_string();
        assert_eq!(
            files(&["V2__b.sql", "V1__a.sql", "V1__a.down.sql", "notes.txt"])
                .unwrap()
                .len(),
            2
        );
        let twins = message(&["V1__a.sql", "V01__b.sql"]);
        assert!(
            twins.contains("V1__a.sql") && twins.contains("V01__b.sql"),
            "{twins}"
        );
        assert!(message(&["V1__a.sql", "V1__b.down.sql"]).contains("V1__b.down.sql"));
        assert!(message(&["V1__a.sql", "oops.sql"]).contains("oops.sql"));
    }

    #[test]
    fn a_template_nobody_filled_in_is_no_way_back() {
        let made = assemble(vec![
            Script::new("V1__a.sql", "SELECT 1"),
            Script::new("V1__a.down.sql", "-- write it here\n"),
        ]);
        assert_eq!(made.unwrap()[0].down, None);
    }
}

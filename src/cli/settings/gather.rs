//! What the command works on: flag over environment over file over default.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ArgMatches;
use heirloom::devtools::SqliteVersion;
use heirloom::{Layout, Source};

use crate::args::Global;
use crate::exit::Failure;
use crate::settings::databases::Given;
use crate::settings::file::{self, ComponentKeys, FILE_NAME, File};
use crate::settings::origin::{Origin, Setting, Sources, usage};
use crate::settings::url::{self, Named};

/// Beside the migrations folder.
const DEFAULT_SEEDS: &str = "seeds";
/// The last resort.
const DATABASE_URL: &str = "DATABASE_URL";

/// Everything gathered.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The database; the first of several, as it was given.
    pub(crate) database: Setting<PathBuf>,
    /// Every path and glob that was given.
    pub(crate) databases: Vec<Given>,
    pub(crate) migrations: Setting<PathBuf>,
    /// Those of the app's own, also where a component is spoken of alone.
    pub(crate) app_migrations: PathBuf,
    pub(crate) layout: Setting<Layout>,
    pub(crate) schema: Setting<PathBuf>,
    pub(crate) seeds: Setting<PathBuf>,
    pub(crate) backups: Option<Setting<PathBuf>>,
    pub(crate) keep: Setting<usize>,
    pub(crate) history_table: Setting<String>,
    pub(crate) lock_timeout: Setting<Duration>,
    /// Whether `generate` writes one migration for all changed tables.
    pub(crate) single: Setting<bool>,
    /// The SQLite that runs the migrations, where it is not the one that this is linked with.
    pub(crate) sqlite: Option<Setting<SqliteVersion>>,
    /// By name.
    pub(crate) components: Vec<ComponentSettings>,
    /// The one that is spoken of alone. Migrations and schema are its own then.
    pub(crate) component: Option<String>,
    /// The settings file that was named.
    pub(crate) config: Option<PathBuf>,
    /// What is printed once, beside the output.
    pub(crate) notes: Vec<String>,
    /// The folders of migrations that are read once for several databases.
    pub(crate) read_once: Vec<(PathBuf, Source)>,
}

/// Migrations with a history of their own.
#[derive(Debug, Clone)]
pub(crate) struct ComponentSettings {
    pub(crate) name: String,
    pub(crate) migrations: PathBuf,
    /// None for the one that comes from the name.
    pub(crate) history_table: Option<String>,
}

/// What surrounds the process beside its arguments.
#[derive(Debug)]
pub(crate) struct Surroundings {
    pub(crate) folder: PathBuf,
    pub(crate) database_url: Option<OsString>,
}

impl Surroundings {
    pub(crate) fn of_this_process() -> Result<Surroundings, Failure> {
        let folder = std::env::current_dir().map_err(|error| {
            usage(
                format!("the current folder cannot be used: {error}"),
                "change to a folder that exists",
            )
        })?;
        Ok(Surroundings {
            folder,
            database_url: std::env::var_os(DATABASE_URL),
        })
    }
}

impl Settings {
    /// Gathers the settings. Nothing is created, and only the settings file is read.
    pub(crate) fn gather(
        global: &Global,
        matches: &ArgMatches,
        around: &Surroundings,
    ) -> Result<Settings, Failure> {
        let (file, file_path) = file::read(global.config.as_deref(), &around.folder)?;
        let File {
            database,
            migrations,
            layout,
            schema,
            seeds,
            backups,
            keep,
            history_table,
            app,
            lock_timeout,
            single,
            sqlite,
            components,
        } = file;
        // Where a project has a settings file, it is the project's root.
        let base = file_path.as_deref().and_then(Path::parent);
        let base = base.unwrap_or(&around.folder);
        let sources = &Sources {
            matches,
            file: file_path.as_deref().unwrap_or(Path::new(FILE_NAME)),
        };
        let in_file = |path: Option<PathBuf>| path.map(|path| base.join(path));
        let mut notes = Vec::new();

        let app = sources.choose_some("app", global.app.clone(), app);
        let given = sources.choose(
            "database",
            global.database.clone(),
            database.map(file::Paths::into_vec),
        );
        let database = databases(given, app, base, around, &mut notes)?;
        let Some(first) = database.value.first().map(Given::path) else {
            return Err(usage(
                format!("{} names no database", database.origin),
                "give at least one path",
            ));
        };

        let components: Vec<_> = components
            .into_iter()
            .map(|part| component(part, base))
            .collect();
        let chosen = chosen(global.component.as_deref(), &components)?;
        let folders = Folders::gather(global, sources, base, chosen, [migrations, schema, seeds]);
        let number = |number: usize| number.to_string();
        Ok(Settings {
            database: Setting {
                value: first,
                origin: database.origin,
            },
            databases: database.value,
            schema: folders.schema,
            seeds: folders.seeds,
            backups: sources.choose_some("backups", global.backups.clone(), in_file(backups)),
            app_migrations: folders.of_the_app,
            migrations: folders.migrations,
            layout: sources
                .choose("layout", global.layout.clone(), layout)
                .parse_as("layout", "heirloom, diesel or sqlx")?,
            keep: sources
                .choose("keep", global.keep.clone(), keep.map(number))
                .parse_as("keep", "a whole number")?,
            history_table: sources.choose(
                "history_table",
                global.history_table.clone(),
                history_table,
            ),
            lock_timeout: sources
                .choose(
                    "lock_timeout",
                    global.lock_timeout.clone(),
                    lock_timeout.map(|seconds| seconds.to_string()),
                )
                .parse(
                    "lock-timeout",
                    "a number of seconds, such as 30 or 0.5",
                    seconds,
                )?,
            single: match single {
                Some(value) => Setting {
                    value,
                    origin: Origin::File(sources.file.to_owned()),
                },
                None => Setting::by_default(false),
            },
            sqlite: match sqlite {
                Some(value) => {
                    let origin = Origin::File(sources.file.to_owned());
                    let what = "a version of SQLite, such as \"3.46\"";
                    Some(Setting { value, origin }.parse_as("sqlite", what)?)
                }
                None => None,
            },
            component: chosen.map(|part| part.name.clone()),
            components,
            config: global.config.clone(),
            notes,
            read_once: Vec::new(),
        })
    }

    /// The same for one command over several databases: each folder of migrations is read once.
    pub(crate) fn reading_once(&self) -> Settings {
        let components = self.components.iter().map(|part| &part.migrations);
        let folders = components.chain([&self.app_migrations]);
        let once = |folder: &PathBuf| (folder.clone(), self.source(folder).read_once());
        Settings {
            read_once: folders.map(once).collect(),
            ..self.clone()
        }
    }

    /// The migrations of a folder.
    pub(crate) fn source(&self, folder: &Path) -> Source {
        match self.read_once.iter().find(|(of, _)| of == folder) {
            Some((_, source)) => source.clone(),
            None => Source::from(folder).layout(self.layout.value),
        }
    }

    /// The SQLite that runs the migrations: as the command line says, or the settings file.
    pub(crate) fn sqlite(&self, given: Option<SqliteVersion>) -> SqliteVersion {
        let in_file = self.sqlite.as_ref().map(|sqlite| sqlite.value);
        given.or(in_file).unwrap_or_else(SqliteVersion::linked)
    }

    /// The same for one of several databases.
    pub(crate) fn with_database(&self, database: &Path) -> Settings {
        let mut settings = self.clone();
        settings.database.value = database.to_owned();
        settings
    }

    /// Each setting with its value and where it came from, for `-v`.
    pub(crate) fn origins(&self) -> Vec<(&'static str, String, &Origin)> {
        let databases = self.databases.iter().map(Given::path);
        let databases: Vec<_> = databases.map(|path| path.display().to_string()).collect();
        let mut all = vec![
            ("database", databases.join(", "), &self.database.origin),
            path("migrations", &self.migrations),
            ("layout", self.layout.value.to_string(), &self.layout.origin),
            path("schema", &self.schema),
            path("seeds", &self.seeds),
        ];
        all.extend(self.backups.iter().map(|backups| path("backups", backups)));
        all.extend(
            self.component
                .iter()
                .map(|name| ("component", name.clone(), &Origin::Flag("component"))),
        );
        all.push(("keep", self.keep.value.to_string(), &self.keep.origin));
        all.push((
            "history-table",
            self.history_table.value.clone(),
            &self.history_table.origin,
        ));
        all.push((
            "lock-timeout",
            format!("{} s", self.lock_timeout.value.as_secs_f64()),
            &self.lock_timeout.origin,
        ));
        all.push(("single", self.single.value.to_string(), &self.single.origin));
        all.extend(
            self.sqlite
                .iter()
                .map(|sqlite| ("sqlite", sqlite.value.to_string(), &sqlite.origin)),
        );
        all
    }
}

/// Where the migrations and what belongs to them are.
struct Folders {
    of_the_app: PathBuf,
    migrations: Setting<PathBuf>,
    schema: Setting<PathBuf>,
    seeds: Setting<PathBuf>,
}

impl Folders {
    /// `in_file` are migrations, schema and seeds as the settings file has them, which are the
    /// app's own.
    fn gather(
        global: &Global,
        sources: &Sources<'_>,
        base: &Path,
        chosen: Option<&ComponentSettings>,
        in_file: [Option<PathBuf>; 3],
    ) -> Folders {
        let [migrations, schema, seeds] = in_file;
        let of_the_app = beside_the_file(
            sources.choose("migrations", global.migrations.clone(), migrations),
            base,
        );
        let migrations = match chosen {
            // The component's own folder is a value of the file.
            Some(part) if of_the_app.origin.rank() > 1 => Setting {
                value: part.migrations.clone(),
                origin: Origin::File(sources.file.to_owned()),
            },
            _ => of_the_app.clone(),
        };
        let of_no_component = |path: Option<PathBuf>| {
            let path = path.filter(|_| chosen.is_none());
            path.map(|path| base.join(path))
        };
        let schema = sources.choose_some("schema", global.schema.clone(), of_no_component(schema));
        let seeds = sources.choose_some("seeds", global.seeds.clone(), of_no_component(seeds));
        let beside = &migrations.value;
        let default_schema = beside.join(heirloom::defaults::SCHEMA_FILE);
        let default_seeds = beside.with_file_name(DEFAULT_SEEDS);
        Folders {
            schema: schema.unwrap_or_else(|| Setting::by_default(default_schema)),
            seeds: seeds.unwrap_or_else(|| Setting::by_default(default_seeds)),
            of_the_app: of_the_app.value,
            migrations,
        }
    }
}

fn path<'s>(
    name: &'static str,
    setting: &'s Setting<PathBuf>,
) -> (&'static str, String, &'s Origin) {
    (name, setting.value.display().to_string(), &setting.origin)
}

/// The component of that name.
fn chosen<'c>(
    name: Option<&str>,
    components: &'c [ComponentSettings],
) -> Result<Option<&'c ComponentSettings>, Failure> {
    let Some(name) = name else {
        return Ok(None);
    };
    let found = components.iter().find(|part| part.name == name);
    found.map(Some).ok_or_else(|| {
        let names: Vec<&str> = components.iter().map(|part| part.name.as_str()).collect();
        let help = match names.is_empty() {
            true => {
                format!("add a table [components.{name}] with `migrations` to {FILE_NAME}")
            }
            false => format!("the components are {}", names.join(", ")),
        };
        usage(format!("there is no component `{name}`"), help)
    })
}

fn seconds(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.parse().ok()?).ok()
}

/// A default is relative to the settings file, as what that says is.
fn beside_the_file(setting: Setting<PathBuf>, base: &Path) -> Setting<PathBuf> {
    match setting.origin {
        Origin::File(_) | Origin::Default => setting.map(|path| base.join(path)),
        _ => setting,
    }
}

fn component((name, keys): (String, ComponentKeys), base: &Path) -> ComponentSettings {
    ComponentSettings {
        name,
        migrations: base.join(keys.migrations),
        history_table: keys.history_table,
    }
}

/// The databases: as given, in the data folder of an app, or of `DATABASE_URL`.
fn databases(
    given: Setting<Vec<PathBuf>>,
    app: Option<Setting<String>>,
    base: &Path,
    around: &Surroundings,
    notes: &mut Vec<String>,
) -> Result<Setting<Vec<Given>>, Failure> {
    let is_default = given.origin == Origin::Default;
    if let Some(app) = &app {
        // What is said closer to the command wins over an app named further away.
        if is_default || given.origin.rank() >= app.origin.rank() {
            return in_app_folder(app, (!is_default).then_some(given), around);
        }
    }
    match database_url(around)?.filter(|_| is_default) {
        Some(Named::Path(path)) => {
            notes.push(format!(
                "using the database {} from {DATABASE_URL}",
                path.display()
            ));
            return Ok(Setting {
                value: vec![Given {
                    reads_only: around.database_url.as_deref().is_some_and(says_read_only),
                    ..Given::path_alone(path)
                }],
                origin: Origin::Environment(DATABASE_URL.to_owned()),
            });
        }
        Some(Named::Another(scheme)) => notes.push(format!(
            "{DATABASE_URL} is a URL of `{scheme}`, not of SQLite, and is ignored"
        )),
        None => {}
    }
    let folder = match given.origin {
        Origin::File(_) | Origin::Default => base,
        _ => Path::new(""),
    };
    below(folder, given, around)
}

/// What was given, each path relative to a folder.
fn below(
    folder: &Path,
    given: Setting<Vec<PathBuf>>,
    around: &Surroundings,
) -> Result<Setting<Vec<Given>>, Failure> {
    let paths = match given.origin {
        Origin::Environment(_) => split(given.value, &around.folder),
        _ => given.value,
    };
    let setting = given.origin.to_string();
    let given_below = |path: PathBuf| {
        let said = path.clone();
        let text = url::path(&around.folder.join(folder), path, &setting)?;
        Ok(Given {
            base: folder.to_owned(),
            reads_only: text != said && says_read_only(said.as_os_str()),
            text,
        })
    };
    let paths = paths.into_iter().map(given_below);
    Ok(Setting {
        value: paths.collect::<Result<_, Failure>>()?,
        origin: given.origin,
    })
}

fn says_read_only(text: &OsStr) -> bool {
    text.to_str().is_some_and(url::reads_only)
}

/// A variable may hold several paths, as `PATH` does. A file that exists under the whole of it is
/// meant as such.
fn split(paths: Vec<PathBuf>, here: &Path) -> Vec<PathBuf> {
    let is_one = |path: &Path| here.join(path).exists() || path.to_str().is_some_and(url::is_one);
    let parts = |path: PathBuf| match is_one(&path) {
        true => vec![path],
        false => std::env::split_paths(&path)
            .filter(|path| !path.as_os_str().is_empty())
            .collect(),
    };
    paths.into_iter().flat_map(parts).collect()
}

fn in_app_folder(
    app: &Setting<String>,
    given: Option<Setting<Vec<PathBuf>>>,
    around: &Surroundings,
) -> Result<Setting<Vec<Given>>, Failure> {
    let mut parts = app.value.rsplitn(3, '.');
    let (name, organization, qualifier) = (parts.next(), parts.next(), parts.next());
    let (Some(name), Some(organization), Some(qualifier)) = (name, organization, qualifier) else {
        return Err(usage(
            format!("`{}` is not QUALIFIER.ORG.NAME", app.value),
            "write it like com.example.notes",
        ));
    };
    let folder = heirloom::data_folder(qualifier, organization, name)?;
    Ok(match given {
        // What the settings file says is inside the app's folder too.
        Some(given) => below(&folder, given, around)?,
        None => Setting {
            value: vec![Given::path_alone(folder.join("app.db"))],
            origin: app.origin.clone(),
        },
    })
}

/// What DATABASE_URL names, where it is a URL.
fn database_url(around: &Surroundings) -> Result<Option<Named>, Failure> {
    let Some(url) = &around.database_url else {
        return Ok(None);
    };
    let url = url.to_str().ok_or_else(|| {
        usage(
            format!("{DATABASE_URL} is not UTF-8"),
            "correct the variable",
        )
    })?;
    let named = url::is_one(url).then(|| url::named(url));
    Ok(named.filter(|named| *named != Named::Path(PathBuf::new())))
}

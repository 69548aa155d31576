//! What the command works on: flag over environment over file over default.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use heirloom::Layout;
use serde::Deserialize;

use crate::args::Global;
use crate::exit::Failure;
use crate::nearest::did_you_mean;
use crate::settings::databases::Given;

const FILE_NAME: &str = "heirloom.toml";
const DEFAULT_DATABASE: &str = ".data/app.db";
const DEFAULT_MIGRATIONS: &str = "migrations";
/// Beside the migrations folder.
const DEFAULT_SEEDS: &str = "seeds";

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    Flag(&'static str),
    Environment(&'static str),
    File(PathBuf),
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag(name) => write!(f, "--{name}"),
            Origin::Environment(name) => write!(f, "{name}"),
            Origin::File(file) => write!(f, "{}", file.display()),
            Origin::Default => write!(f, "default"),
        }
    }
}

impl Origin {
    /// 0 for what wins over everything.
    fn rank(&self) -> u8 {
        match self {
            Origin::Flag(_) => 0,
            Origin::Environment(_) => 1,
            Origin::File(_) => 2,
            Origin::Default => 3,
        }
    }
}

/// A value and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting<T> {
    pub(crate) value: T,
    pub(crate) origin: Origin,
}

impl<T> Setting<T> {
    fn map<U>(self, map: impl FnOnce(T) -> U) -> Setting<U> {
        Setting {
            value: map(self.value),
            origin: self.origin,
        }
    }
}

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
    /// By name.
    pub(crate) components: Vec<ComponentSettings>,
    /// The one that is spoken of alone. Migrations and schema are its own then.
    pub(crate) component: Option<String>,
    /// What the person should be told, once.
    pub(crate) notes: Vec<String>,
}

/// The file, key by key. A key that is not here is an error.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct File {
    database: Option<Paths>,
    migrations: Option<PathBuf>,
    layout: Option<String>,
    schema: Option<PathBuf>,
    seeds: Option<PathBuf>,
    backups: Option<PathBuf>,
    keep: Option<usize>,
    history_table: Option<String>,
    app: Option<String>,
    lock_timeout: Option<f64>,
    single: Option<bool>,
    components: BTreeMap<String, ComponentKeys>,
}

/// `[components.NAME]` in the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ComponentKeys {
    migrations: PathBuf,
    history_table: Option<String>,
}

/// Migrations with a history of their own.
#[derive(Debug, Clone)]
pub(crate) struct ComponentSettings {
    pub(crate) name: String,
    pub(crate) migrations: PathBuf,
    /// None for the one that comes from the name.
    pub(crate) history_table: Option<String>,
}

/// A path, or a list of them.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a path, or a list of paths")]
enum Paths {
    One(PathBuf),
    Several(Vec<PathBuf>),
}

impl Paths {
    fn into_vec(self) -> Vec<PathBuf> {
        match self {
            Paths::One(path) => vec![path],
            Paths::Several(paths) => paths,
        }
    }
}

/// What surrounds the process, so that tests can make it up.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    pub(crate) folder: PathBuf,
    pub(crate) environment: HashMap<String, OsString>,
}

impl Surroundings {
    pub(crate) fn of_this_process() -> Result<Surroundings, Failure> {
        let folder = std::env::current_dir().map_err(|error| {
            usage(
                format!("the current folder cannot be used: {error}"),
                "change to a folder that exists",
            )
        })?;
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .collect();
        Ok(Surroundings {
            folder,
            environment,
        })
    }

    fn variable(&self, name: &str) -> Option<&OsString> {
        self.environment.get(name).filter(|value| !value.is_empty())
    }

    /// A variable that may hold several paths, as `PATH` does. A file that is there by the whole
    /// of it is meant as such.
    fn paths(&self, name: &str) -> Option<Vec<PathBuf>> {
        let value = self.variable(name)?;
        Some(match self.folder.join(value).exists() {
            true => vec![PathBuf::from(value)],
            false => std::env::split_paths(value)
                .filter(|path| !path.as_os_str().is_empty())
                .collect(),
        })
    }

    fn text(&self, name: &str) -> Result<Option<String>, Failure> {
        self.variable(name)
            .map(|value| {
                value
                    .to_str()
                    .map(str::to_owned)
                    .ok_or_else(|| usage(format!("{name} is not UTF-8"), "correct the variable"))
            })
            .transpose()
    }
}

fn usage(message: impl Into<String>, help: impl Into<String>) -> Failure {
    Failure::Usage {
        message: message.into(),
        help: help.into(),
    }
}

/// The first of flag, environment and file.
fn first<T>(
    name: &'static str,
    flag: Option<T>,
    (variable, environment): (&'static str, Option<T>),
    file: Option<(T, &Path)>,
) -> Option<Setting<T>> {
    let setting = |value, origin| Setting { value, origin };
    flag.map(|value| setting(value, Origin::Flag(name)))
        .or_else(|| environment.map(|value| setting(value, Origin::Environment(variable))))
        .or_else(|| file.map(|(value, path)| setting(value, Origin::File(path.to_owned()))))
}

impl Settings {
    /// Gathers the settings. Nothing is created, and only the settings file is read.
    pub(crate) fn gather(global: &Global, around: &Surroundings) -> Result<Settings, Failure> {
        let (file, file_path) = read_file(global, around)?;
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
            components,
        } = file;
        // Where a project has a settings file, it is the project's root.
        let base = file_path
            .as_deref()
            .and_then(Path::parent)
            .unwrap_or(&around.folder);
        let file_path = file_path.as_deref().unwrap_or(Path::new(FILE_NAME));
        let in_file = |path: Option<PathBuf>| path.map(|path| (base.join(path), file_path));
        let variable = |name: &'static str| (name, around.variable(name).map(PathBuf::from));
        let mut notes = Vec::new();

        let app = first(
            "app",
            global.app.clone(),
            ("HEIRLOOM_APP", around.text("HEIRLOOM_APP")?),
            app.map(|app| (app, file_path)),
        );
        let given = first(
            "database",
            (!global.database.is_empty()).then(|| global.database.clone()),
            ("HEIRLOOM_DATABASE", around.paths("HEIRLOOM_DATABASE")),
            database.map(|paths| (paths.into_vec(), file_path)),
        )
        .map(|given| {
            let base = match given.origin {
                Origin::File(_) => base.to_owned(),
                _ => PathBuf::new(),
            };
            given.map(|paths| {
                let given = |text| Given {
                    base: base.clone(),
                    text,
                };
                paths.into_iter().map(given).collect::<Vec<_>>()
            })
        });
        let database = match (app, given) {
            // What is said closer to the command wins over an app named further away.
            (Some(app), Some(given)) if given.origin.rank() < app.origin.rank() => given,
            (Some(app), given) => in_app_folder(&app, given)?,
            (None, Some(given)) => given,
            (None, None) => match database_url(around)? {
                Some(path) => {
                    notes.push(format!(
                        "the database {} is taken from DATABASE_URL",
                        path.display()
                    ));
                    Setting {
                        value: vec![Given::path_alone(path)],
                        origin: Origin::Environment("DATABASE_URL"),
                    }
                }
                None => Setting {
                    value: vec![Given::path_alone(base.join(DEFAULT_DATABASE))],
                    origin: Origin::Default,
                },
            },
        };
        let components: Vec<ComponentSettings> = components
            .into_iter()
            .map(|(name, keys)| ComponentSettings {
                name,
                migrations: base.join(keys.migrations),
                history_table: keys.history_table,
            })
            .collect();
        let chosen = chosen(global.component.as_deref(), &components)?;
        let Some(first_of_all) = database.value.first().map(Given::path) else {
            return Err(usage(
                format!("{} names no database", database.origin),
                "name at least one",
            ));
        };
        let of_the_app = first(
            "migrations",
            global.migrations.clone(),
            variable("HEIRLOOM_MIGRATIONS"),
            in_file(migrations),
        )
        .unwrap_or_else(|| Setting {
            value: base.join(DEFAULT_MIGRATIONS),
            origin: Origin::Default,
        });
        let in_settings = Origin::File(file_path.to_owned());
        let migrations = match chosen {
            Some(part) if of_the_app.origin.rank() >= in_settings.rank() => Setting {
                value: part.migrations.clone(),
                origin: in_settings,
            },
            _ => of_the_app.clone(),
        };
        let laid_out = |text: Option<String>| {
            text.map(|text| {
                text.parse()
                    .map_err(|reason: String| usage(format!("the layout {reason}"), "correct it"))
            })
            .transpose()
        };
        let layout = first(
            "layout",
            global.layout,
            (
                "HEIRLOOM_LAYOUT",
                laid_out(around.text("HEIRLOOM_LAYOUT")?)?,
            ),
            laid_out(layout)?.map(|layout| (layout, file_path)),
        )
        .unwrap_or(Setting {
            value: Layout::default(),
            origin: Origin::Default,
        });
        let schema = first(
            "schema",
            global.schema.clone(),
            variable("HEIRLOOM_SCHEMA"),
            in_file(schema.filter(|_| chosen.is_none())),
        )
        .unwrap_or_else(|| Setting {
            value: migrations.value.join(heirloom::SCHEMA_FILE),
            origin: Origin::Default,
        });
        let seeds = first(
            "seeds",
            global.seeds.clone(),
            variable("HEIRLOOM_SEEDS"),
            in_file(seeds.filter(|_| chosen.is_none())),
        )
        .unwrap_or_else(|| Setting {
            value: migrations.value.with_file_name(DEFAULT_SEEDS),
            origin: Origin::Default,
        });
        let keep = first(
            "keep",
            global.keep,
            ("HEIRLOOM_KEEP", number(around, "HEIRLOOM_KEEP")?),
            keep.map(|keep| (keep, file_path)),
        )
        .unwrap_or(Setting {
            value: heirloom::DEFAULT_KEEP,
            origin: Origin::Default,
        });
        let from_environment = around
            .text("HEIRLOOM_LOCK_TIMEOUT")?
            .map(|text| seconds("HEIRLOOM_LOCK_TIMEOUT", &text))
            .transpose()?;
        let from_flag = global
            .lock_timeout
            .as_ref()
            .map(|text| seconds("--lock-timeout", text))
            .transpose()?;
        let lock_timeout = first(
            "lock-timeout",
            from_flag,
            ("HEIRLOOM_LOCK_TIMEOUT", from_environment),
            lock_timeout
                .map(|value| seconds("lock-timeout", &value.to_string()))
                .transpose()?
                .map(|value| (value, file_path)),
        )
        .unwrap_or(Setting {
            value: heirloom::DEFAULT_LOCK_TIMEOUT,
            origin: Origin::Default,
        });
        Ok(Settings {
            layout,
            database: Setting {
                value: first_of_all,
                origin: database.origin,
            },
            databases: database.value,
            schema,
            seeds,
            backups: first(
                "backups",
                global.backups.clone(),
                variable("HEIRLOOM_BACKUPS"),
                in_file(backups),
            ),
            app_migrations: of_the_app.value,
            migrations,
            keep,
            history_table: first(
                "history-table",
                global.history_table.clone(),
                (
                    "HEIRLOOM_HISTORY_TABLE",
                    around.text("HEIRLOOM_HISTORY_TABLE")?,
                ),
                history_table.map(|name| (name, file_path)),
            )
            .unwrap_or_else(|| Setting {
                value: heirloom::DEFAULT_HISTORY_TABLE.to_owned(),
                origin: Origin::Default,
            }),
            lock_timeout,
            single: match single {
                Some(value) => Setting {
                    value,
                    origin: Origin::File(file_path.to_owned()),
                },
                None => Setting {
                    value: false,
                    origin: Origin::Default,
                },
            },
            component: chosen.map(|part| part.name.clone()),
            components,
            notes,
        })
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
        all
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
                format!("give it a table [components.{name}] in {FILE_NAME}, with `migrations`")
            }
            false => format!("there are {}", names.join(", ")),
        };
        usage(format!("there is no component `{name}`"), help)
    })
}

fn number(around: &Surroundings, name: &'static str) -> Result<Option<usize>, Failure> {
    around
        .text(name)?
        .map(|text| {
            text.parse()
                .map_err(|_| usage(format!("{name} is `{text}`, no whole number"), "correct it"))
        })
        .transpose()
}

fn seconds(name: &str, text: &str) -> Result<Duration, Failure> {
    text.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| {
            usage(
                format!("{name} is `{text}`, no number of seconds"),
                "give seconds, as in 30 or 0.5",
            )
        })
}

/// Reads the settings file that was named, or the first `heirloom.toml` upward.
fn read_file(global: &Global, around: &Surroundings) -> Result<(File, Option<PathBuf>), Failure> {
    let named = global
        .config
        .clone()
        .or_else(|| around.variable("HEIRLOOM_CONFIG").map(PathBuf::from))
        .map(|path| around.folder.join(path));
    let path = match named {
        Some(path) => Some(path),
        None => around
            .folder
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

fn in_app_folder(
    app: &Setting<String>,
    given: Option<Setting<Vec<Given>>>,
) -> Result<Setting<Vec<Given>>, Failure> {
    let mut parts = app.value.rsplitn(3, '.');
    let (name, organization, qualifier) = (parts.next(), parts.next(), parts.next());
    let (Some(name), Some(organization), Some(qualifier)) = (name, organization, qualifier) else {
        return Err(usage(
            format!("`{}` is no QUALIFIER.ORG.NAME", app.value),
            "write it like com.example.notes",
        ));
    };
    let folder = heirloom::data_folder(qualifier, organization, name)?;
    Ok(match given {
        // What the settings file says is inside the app's folder too.
        Some(given) => given.map(|given| {
            let inside = |Given { text, .. }| Given {
                base: folder.clone(),
                text,
            };
            given.into_iter().map(inside).collect()
        }),
        None => Setting {
            value: vec![Given::path_alone(folder.join("app.db"))],
            origin: app.origin.clone(),
        },
    })
}

/// `sqlite:PATH` or `sqlite://PATH`, with or without parameters.
fn database_url(around: &Surroundings) -> Result<Option<PathBuf>, Failure> {
    Ok(around.text("DATABASE_URL")?.and_then(|url| {
        let path = url.strip_prefix("sqlite:")?;
        let path = path.strip_prefix("//").unwrap_or(path);
        let path = path.split('?').next().filter(|path| !path.is_empty())?;
        Some(PathBuf::from(path))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(folder: &Path, variables: &[(&str, &str)]) -> Surroundings {
        Surroundings {
            folder: folder.to_owned(),
            environment: variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.into()))
                .collect(),
        }
    }

    fn message(result: Result<Settings, Failure>) -> String {
        match result.unwrap_err() {
            Failure::Usage { message, .. } | Failure::NotFound { message, .. } => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_flag_wins_over_the_environment_over_the_file_over_the_default() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("a/b");
        std::fs::create_dir_all(&below).unwrap();
        let variables = [("HEIRLOOM_KEEP", "3")];
        let flag = Global {
            keep: Some(2),
            ..Global::default()
        };
        let none = Global::default();
        let keep = |global: &Global, variables: &[(&str, &str)]| {
            Settings::gather(global, &around(&below, variables))
                .unwrap()
                .keep
                .value
        };
        assert_eq!(keep(&none, &[]), 5);
        std::fs::write(
            folder.path().join(FILE_NAME),
            "keep = 4\ndatabase = 'x.db'\n",
        )
        .unwrap();
        assert_eq!(keep(&none, &[]), 4);
        assert_eq!(keep(&none, &variables), 3);
        assert_eq!(keep(&flag, &variables), 2);
        let settings = Settings::gather(&none, &around(&below, &[])).unwrap();
        assert_eq!(settings.database.value, folder.path().join("x.db"));
        assert_eq!(settings.migrations.value, folder.path().join("migrations"));
    }

    #[test]
    fn an_unknown_key_and_a_wrong_value_are_errors_that_name_them() {
        let folder = tempfile::tempdir().unwrap();
        let none = Global::default();
        let file = folder.path().join(FILE_NAME);
        std::fs::write(&file, "databse = 'x'").unwrap();
        let said = message(Settings::gather(&none, &around(folder.path(), &[])));
        assert!(
            said.contains("databse") && said.contains(FILE_NAME),
            "{said}"
        );
        std::fs::remove_file(&file).unwrap();
        for (name, value) in [("HEIRLOOM_KEEP", "many"), ("HEIRLOOM_LOCK_TIMEOUT", "-1")] {
            let said = message(Settings::gather(
                &none,
                &around(folder.path(), &[(name, value)]),
            ));
            assert!(said.contains(name) && said.contains(value), "{said}");
        }
    }

    #[test]
    fn a_database_url_is_the_last_resort_and_is_said_so() {
        let folder = tempfile::tempdir().unwrap();
        let none = Global::default();
        let of = |variables: &[(&str, &str)]| {
            let settings = Settings::gather(&none, &around(folder.path(), variables)).unwrap();
            (settings.database.value, settings.notes.len())
        };
        let url = ("DATABASE_URL", "sqlite://data/x.db?mode=rwc");
        assert_eq!(of(&[url]), ("data/x.db".into(), 1));
        assert_eq!(
            of(&[url, ("HEIRLOOM_DATABASE", "y.db")]),
            ("y.db".into(), 0)
        );
        let postgres = ("DATABASE_URL", "postgres://x");
        assert_eq!(of(&[postgres]), (folder.path().join(DEFAULT_DATABASE), 0));
    }

    #[test]
    fn an_app_puts_the_database_into_its_data_folder() {
        let folder = tempfile::tempdir().unwrap();
        let of = |variables: &[(&str, &str)]| {
            Settings::gather(&Global::default(), &around(folder.path(), variables))
        };
        let app = ("HEIRLOOM_APP", "org.example.Notes");
        let data = heirloom::data_folder("org", "example", "Notes").unwrap();
        assert_eq!(of(&[app]).unwrap().database.value, data.join("app.db"));
        let named = of(&[app, ("HEIRLOOM_DATABASE", "notes.db")]).unwrap();
        assert_eq!(named.database.value, data.join("notes.db"));
        assert!(message(of(&[("HEIRLOOM_APP", "notes")])).contains("notes"));
        let flag = Global {
            database: vec!["copy.db".into()],
            ..Global::default()
        };
        let nearer = Settings::gather(&flag, &around(folder.path(), &[app])).unwrap();
        assert_eq!(nearer.database.value, Path::new("copy.db"));
    }
}

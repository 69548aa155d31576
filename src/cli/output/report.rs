//! What `run` and `revert` share: a migrator from the settings, events as lines, Ctrl-C.

use std::path::Path;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use heirloom::{Component, Error, ErrorKind, Event, Migrator, Plan, Report, Source, Step};
use serde_json::{Value, json};

use crate::complete::names;
use crate::exit::Failure;
use crate::nearest::did_you_mean;
use crate::output::text;
use crate::output::text::{BOLD, DIM, GREEN, YELLOW, styled};
use crate::output::ui::{Ui, Unit};
use crate::settings::gather::Settings;

/// A migrator over the settings' folder, which must be there.
pub(crate) fn migrator<'a>(settings: &Settings) -> Result<Migrator<'a>, Failure> {
    let folder = &settings.migrations.value;
    if !folder.is_dir() {
        return Err(Failure::NotFound {
            message: format!("the migrations folder {} does not exist", folder.display()),
            help:
                "give it with --migrations, or make the first migration with `heirloom create NAME`"
                    .into(),
        });
    }
    keeper(settings)
}

/// The same, with consent to what is destroyed or without.
pub(crate) fn consenting<'a>(
    settings: &Settings,
    allow_destructive: bool,
) -> Result<Migrator<'a>, Failure> {
    let migrator = migrator(settings)?;
    Ok(match allow_destructive {
        true => migrator.allow_destructive(),
        false => migrator,
    })
}

/// Works without consent, and, where that is what is lacking and there is somebody to ask, once
/// more with it.
pub(crate) fn with_consent<T>(
    ui: &mut Ui,
    given: bool,
    mut work: impl FnMut(&mut Ui, bool) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let error = match work(ui, given) {
        Err(Failure::Library(error)) => error,
        done => return done,
    };
    if !may_ask(ui, &error) {
        return Err(error.into());
    }
    if !consents(ui, &error) {
        return Err(Failure::NotConfirmed {
            help: "say --allow-destructive to consent without being asked",
        });
    }
    work(ui, true)
}

/// Only what was found before anything was touched is a question; a row that went missing in
/// the run is a failure.
pub(crate) fn may_ask(ui: &Ui, error: &Error) -> bool {
    error.kind() == ErrorKind::Destructive && !error.losses().is_empty() && ui.can_ask()
}

/// Asks whether that is meant.
pub(crate) fn consents(ui: &mut Ui, error: &Error) -> bool {
    let live = ui.is_live();
    for loss in error.losses().iter().filter(|_| live) {
        ui.note(&styled(YELLOW, format!("would destroy {loss}")));
    }
    asks(ui, |ui| ui.ask("Destroy it, after a verified copy?"))
}

/// Asks whether to go on, unless everything is answered with yes.
pub(crate) fn confirm(ui: &mut Ui, question: &str) -> Result<(), Failure> {
    if ui.says_yes() || (ui.can_ask() && asks(ui, |ui| ui.ask(question))) {
        return Ok(());
    }
    Err(Failure::NotConfirmed {
        help: "say --yes where nobody can be asked",
    })
}

/// Refuses a schema file that is not there.
pub(crate) fn schema_file(settings: &Settings) -> Result<(), Failure> {
    let schema = &settings.schema;
    match schema.value.is_file() {
        true => Ok(()),
        false => Err(Failure::NotFound {
            message: format!("there is no schema file at {}", schema.value.display()),
            help: "give it with --schema, or write the schema as it should be there, with CREATE statements; `sqlite3 app.db .schema` prints the present one".into(),
        }),
    }
}

/// A migrator for what needs no migrations: an emergency is no time to look for them.
pub(crate) fn keeper<'a>(settings: &Settings) -> Result<Migrator<'a>, Failure> {
    let source = |folder: &Path| Source::from(folder).layout(settings.layout.value);
    let mut migrator = Migrator::new(source(&settings.app_migrations))
        .history_table(&settings.history_table.value);
    for part in &settings.components {
        let component = Component::new(&part.name, source(&part.migrations));
        migrator = migrator.component(match &part.history_table {
            Some(table) => component.history_table(table),
            None => component,
        });
    }
    if let Some(name) = &settings.component {
        migrator = migrator.only(name)?;
    }
    let migrator = migrator
        .schema_file(&settings.schema.value)
        .keep_last(settings.keep.value)
        .lock_timeout(settings.lock_timeout.value);
    Ok(match &settings.backups {
        Some(backups) => migrator.backups(&backups.value),
        None => migrator,
    })
}

/// Says which version was probably meant by one that is not there.
pub(crate) fn or_meant_version(
    settings: &Settings,
    wanted: impl Into<Option<i64>>,
    error: Error,
) -> Failure {
    let wanted = wanted.into().map(|version| version.to_string());
    let known = names::versions(settings);
    let known = known.iter().map(|(version, _)| version.as_str());
    Failure::from(error).or_meant(&wanted.unwrap_or_default(), known)
}

/// Says of a folder of seeds that is not there that it was given, and which environment was
/// probably meant.
pub(crate) fn or_no_seeds(settings: &Settings, environment: Option<&str>, error: Error) -> Failure {
    let folder = &settings.seeds.value;
    let (missing, help) = match environment {
        _ if !folder.is_dir() => (
            true,
            "give it with --seeds, or put the seed files there, as in seeds/users.sql".to_owned(),
        ),
        Some(environment) => {
            let known = names::environments(folder);
            let known = known.iter().map(String::as_str);
            let usual = "make the folder, and put the seed files of that environment there";
            (
                !folder.join(environment).is_dir(),
                did_you_mean(environment, known).unwrap_or_else(|| usual.to_owned()),
            )
        }
        None => (false, String::new()),
    };
    match missing && error.kind() == ErrorKind::NotFound {
        true => Failure::NotFound {
            message: error.to_string(),
            help,
        },
        false => error.into(),
    }
}

/// Set while a question waits for its answer: nothing is under way then, and the answer
/// to Ctrl-C is to leave.
static ASKING: AtomicBool = AtomicBool::new(false);

/// A flag that Ctrl-C and SIGTERM set. The work notices it and rolls back.
pub(crate) fn cancel_flag() -> Arc<AtomicBool> {
    static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    Arc::clone(FLAG.get_or_init(|| {
        let flag = Arc::new(AtomicBool::new(false));
        let set = Arc::clone(&flag);
        // Without a handler Ctrl-C kills the process, which the database survives too.
        let _ = ctrlc::set_handler(move || {
            if ASKING.load(Ordering::Relaxed) {
                leave();
            }
            set.store(true, Ordering::Relaxed);
        });
        flag
    }))
}

#[allow(clippy::exit, reason = "nothing is under way while a question is open")]
fn leave() {
    std::process::exit(crate::exit::Exit::Interrupted as i32);
}

/// Asks, and leaves at once on Ctrl-C.
pub(crate) fn asks<T>(ui: &mut Ui, question: impl FnOnce(&mut Ui) -> T) -> T {
    // Answered before the work on several databases began, which an exit would tear down.
    if !ui.is_live() {
        return question(ui);
    }
    // So that Ctrl-C is heard, whether or not there is work that it could cancel.
    cancel_flag();
    ASKING.store(true, Ordering::Relaxed);
    let answer = question(ui);
    ASKING.store(false, Ordering::Relaxed);
    answer
}

/// Shows an event as it happens.
pub(crate) fn show_event(ui: &mut Ui, verb: &str, event: &Event<'_>) {
    match event {
        Event::Waiting { holder } => ui.note(&format!("waiting for {holder}")),
        Event::Recovering { backup } => {
            let from = backup.map_or("an empty database".to_owned(), text::path);
            ui.note(&format!("putting an interrupted run back from {from}"));
        }
        Event::CleanedUp { files } => ui.note(&format!(
            "cleaned up after an interruption: removed {files} unfinished files"
        )),
        Event::Copying { done, total } => ui.progress("copying", Unit::Bytes, *done, *total, None),
        Event::Filling { table, done, total } => {
            ui.progress(
                &format!("rebuilding `{table}`"),
                Unit::Rows,
                *done,
                *total,
                None,
            );
        }
        Event::Backfilling { done, total, rate } => {
            ui.progress("filling", Unit::Rows, *done, *total, Some(*rate));
        }
        Event::CopyVerified { backup, duration } => {
            let size = backup.metadata().map_or(0, |file| file.len());
            ui.line(&format!(
                "{} {}  {}",
                styled(GREEN, "backup  "),
                text::path(backup),
                styled(
                    DIM,
                    format!(
                        "{}, verified, {}",
                        text::bytes(size),
                        text::duration(*duration)
                    )
                ),
            ));
        }
        Event::Finished {
            migration,
            duration,
        } => ui.line(&format!(
            "{} {migration}  {}",
            styled(GREEN, format!("{verb:<8}")),
            styled(DIM, text::duration(*duration))
        )),
        Event::RollingBack => ui.note("taking everything back"),
        _ => {}
    }
}

/// What a version is of: the database, or the component that is spoken of in it.
pub(crate) fn subject(settings: &Settings, database: &Path) -> String {
    let database = text::path(database);
    match &settings.component {
        Some(name) => format!("`{name}` in {database}"),
        None => database,
    }
}

/// The last lines of a run or a revert.
pub(crate) fn show_report(ui: &mut Ui, settings: &Settings, report: &Report) {
    show_notes(ui, &report.notes);
    let mut went: Vec<String> = Vec::new();
    let mut others = report.components();
    others.retain(|name, _| settings.component.as_deref() != Some(*name));
    if report.version_before != report.version || others.is_empty() {
        went.push(format!(
            "{} went from version {} to {}",
            subject(settings, &report.database),
            text::version(report.version_before),
            styled(BOLD, text::version(report.version)),
        ));
    }
    for (name, version) in others {
        let version = styled(BOLD, version);
        went.push(match went.is_empty() {
            true => format!(
                "`{name}` in {} went to version {version}",
                text::path(&report.database)
            ),
            false => format!("`{name}` to {version}"),
        });
    }
    let last = match report.is_up_to_date() {
        true => nothing_to_do(settings, &report.database, report.version),
        false => format!(
            "{} {} in {}",
            styled(GREEN, "done    "),
            went.join(", "),
            text::duration(report.duration)
        ),
    };
    ui.line(&last);
    ui.in_short(&last);
}

/// What somebody should know.
pub(crate) fn show_notes(ui: &mut Ui, notes: &[String]) {
    for note in notes {
        ui.remark(&format!("{} {note}", styled(YELLOW, "note    ")));
    }
}

/// That there is nothing to do, in words.
pub(crate) fn nothing_to_do(settings: &Settings, database: &Path, version: Option<i64>) -> String {
    let (subject, version) = (subject(settings, database), text::version(version));
    format!("nothing to do: {subject} is at version {version}")
}

/// A plan for people.
pub(crate) fn show_plan(ui: &mut Ui, settings: &Settings, plan: &Plan) {
    let database = text::path(&plan.database);
    if let Some(started_at) = &plan.interrupted {
        ui.line(&text::interrupted(started_at));
    }
    if plan.steps.is_empty() {
        return ui.line(&nothing_to_do(settings, &plan.database, plan.version));
    }
    for step in &plan.steps {
        let owner = text::owner(step.component.as_deref());
        ui.line(&format!(
            "{}  {}",
            styled(BOLD, format!("{owner}{}", step.version)),
            step.name
        ));
        show_effects(ui, step);
        ui.line(&text::indented(&step.sql));
    }
    ui.line(&format!("nothing was changed in {database}"));
}

/// What would be marked as applied, and that nothing was.
pub(crate) fn show_marks(ui: &mut Ui, plan: &Plan, list: &str) {
    for step in &plan.steps {
        let owner = text::owner(step.component.as_deref());
        ui.line(&format!(
            "would be marked as applied  {owner}V{}__{}",
            step.version, step.name
        ));
    }
    let database = text::path(&plan.database);
    ui.line(&format!("nothing was changed in {database}"));
    ui.document(&plan_json(list, plan));
}

/// What one step of a plan does.
pub(crate) fn show_effects(ui: &mut Ui, step: &Step) {
    for line in text::effects(
        &step.losses,
        step.consents,
        step.estimate.as_ref(),
        &step.notes,
    ) {
        ui.line(&format!("  {line}"));
    }
}

/// The copy of what a database held, and how to get it back.
pub(crate) fn show_snapshot(ui: &mut Ui, database: &Path, snapshot: &Path) {
    ui.line(&format!(
        "{} {}",
        styled(GREEN, "snapshot"),
        text::path(snapshot)
    ));
    let name = snapshot.file_stem().unwrap_or_default().to_string_lossy();
    ui.line(&format!(
        "undo with: {} restore-snapshot --name {}",
        text::command_on(database),
        text::typed(&name)
    ));
}

/// A plan as the contract's document: nothing was done, and this would be.
pub(crate) fn plan_json(list: &str, plan: &Plan) -> Value {
    let steps: Vec<Value> = plan.steps.iter().map(text::step_json).collect();
    let mut document = json!({
        "ok": true,
        "dry_run": true,
        "backup": null,
        "version": plan.version,
        "database": text::path_json(&plan.database),
        "interrupted": plan.interrupted,
        "plan": steps,
    });
    document[list] = json!([]);
    document
}

/// That there is nothing to look at.
pub(crate) fn not_there(database: &Path) -> String {
    format!("{} does not exist yet", text::path(database))
}

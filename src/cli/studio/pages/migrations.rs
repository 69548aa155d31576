//! What was applied, what is pending and would do what to these rows, and how it is done.

use std::sync::Arc;

use heirloom::devtools::{GenerateOptions, Generated};
use heirloom::inspect::{LogEntry, MigrationStatus};
use heirloom::plan::{Estimate, Loss};
use heirloom::{Act, MigrationState, Plan, Report, RevertTo, Status};
use maud::{Markup, html};

use crate::exit::Failure;
use crate::output::failure;
use crate::output::text;
use crate::settings::migrator;
use crate::studio::app::App;
use crate::studio::pages::frame::{self, Place};
use crate::studio::pages::{parts, work};
use crate::studio::web::reply::Reply;
use crate::studio::web::request::{Request, address};

pub(crate) fn show(app: &App) -> Reply {
    let content = html! {
        h1 { "Migrations" }
        @match status(app) {
            Ok((status, log)) => (list(app, &status, &log)),
            Err(failure) => (parts::failed(app, &failure)),
        }
    };
    frame::page(app, Place::Migrations, "Migrations", &content)
}

fn status(app: &App) -> Result<(Status, Vec<LogEntry>), Failure> {
    let migrator = app.migrator()?;
    let database = migrator.database(app.path());
    let log = database.log().map(|log| log.entries).unwrap_or_default();
    Ok((database.status()?, log))
}

fn list(app: &App, status: &Status, log: &[LogEntry]) -> Markup {
    let pending: Vec<&MigrationStatus> = in_state(status, true);
    let others: Vec<&MigrationStatus> = in_state(status, false);
    html! {
        @if let Some(problem) = &status.problem {
            (parts::notice("removed", &html! { p { strong { "The pending migrations cannot run: " } (failure::chain(problem)) } }))
        }
        @for drift in &status.drift {
            (parts::notice("changed", &html! { p { strong { "Drift: " } (drift) ", though the applied migrations give it otherwise" } }))
        }
        section {
            h2 { "Pending " span.count { (pending.len()) } }
            @if pending.is_empty() {
                @let how = html! { a href="/migrations/generate" { "Compare with the schema file" } };
                (parts::empty("Nothing is pending.", &how))
            } @else {
                div.row.actions {
                    (parts::form(app, "/migrations/rehearse", &html! { button type="submit" { "Rehearse on a copy" } }))
                    a.button.primary href="/migrations/run" { "Run…" }
                    a.button href="/migrations/generate" { "Generate…" }
                }
                ol.steps { @for entry in &pending { li {
                    h3 { (link(entry)) }
                    (effects(&entry.losses, entry.consents, entry.estimate.as_ref(), &entry.notes))
                    @if let Some(sql) = &entry.sql { details { summary { "SQL" } (parts::sql(sql)) } }
                } } }
            }
        }
        section {
            div.spread {
                h2 { "History " span.count { (others.len()) } }
                @if others.iter().any(|entry| entry.state == MigrationState::Applied) {
                    a.button href="/migrations/revert" { "Revert the newest…" }
                }
            }
            @if others.is_empty() {
                (parts::empty("No migration was applied yet.", &html! { "The first run does it." }))
            } @else {
                ol.rail { @for entry in others.iter().rev() { (applied(entry, log)) } }
            }
        }
    }
}

fn in_state(status: &Status, pending: bool) -> Vec<&MigrationStatus> {
    let all = status.migrations.iter();
    all.filter(|entry| (entry.state == MigrationState::Pending) == pending)
        .collect()
}

fn address_of(entry: &MigrationStatus) -> String {
    let version = entry.version.to_string();
    let mut pairs = vec![("version", version.as_str())];
    pairs.extend(entry.component.as_deref().map(|name| ("component", name)));
    address("/migrations/one", pairs)
}

fn link(entry: &MigrationStatus) -> Markup {
    html! { a href=(address_of(entry)) {
        span.figure { (text::owner(entry.component.as_deref())) (entry.version) } " " bdi { (entry.name) }
    } }
}

/// The newest act that applied it.
fn act<'l>(entry: &MigrationStatus, log: &'l [LogEntry]) -> Option<&'l LogEntry> {
    let is_it = |logged: &heirloom::inspect::Logged| {
        logged.version == entry.version && logged.component == entry.component
    };
    log.iter()
        .find(|act| act.act != Act::Revert && act.migrations.iter().any(is_it))
}

fn applied(entry: &MigrationStatus, log: &[LogEntry]) -> Markup {
    html! { li class=(entry.state.as_str()) {
        div.row {
            (link(entry))
            @if entry.state != MigrationState::Applied { span.badge.removed { (entry.state.as_str()) } }
            @if !entry.reversible { span.badge { "irreversible" } }
        }
        p.small.muted {
            @if let Some(at) = &entry.applied_at { (parts::time(at)) " UTC" }
            @if let Some(act) = act(entry, log) {
                @if let Some(took) = act.duration { " · run of " (text::duration(took)) }
                @if let Some(version) = &act.app_version { " · by " (version) }
                @if let Some(backup) = &act.backup { " · backup " a href=(address("/backups/one", [("b", backup.as_str())])) { (backup) } }
            }
        }
    } }
}

/// What a migration does to these rows.
fn effects(
    losses: &[Loss],
    allowed: bool,
    estimate: Option<&Estimate>,
    notes: &[String],
) -> Markup {
    html! {
        ul.effects {
            @if let Some(estimate) = estimate {
                @for rebuild in &estimate.rebuilds {
                    li { "rebuilds " code { (rebuild.table) } ": " (text::counted(rebuild.rows, "row")) ", " (text::about(rebuild.duration)) }
                }
                li { "needs " (text::bytes(estimate.disk_bytes)) " of disk, including the backup" }
            }
            @for loss in losses {
                li.removed { "destroys " (parts::backticked(&loss.to_string())) @if allowed { " (allowed in the file)" } }
            }
            @for note in notes { li.changed { (parts::backticked(note)) } }
            @if estimate.is_none() && losses.is_empty() && notes.is_empty() {
                li.muted { "rebuilds no table and destroys nothing" }
            }
        }
    }
}

/// One migration.
pub(crate) fn one(app: &App, request: &Request) -> Reply {
    let version = request
        .query
        .get("version")
        .and_then(|text| text.parse::<i64>().ok());
    let component = request.query.get("component");
    let (status, log) = match status(app) {
        Ok(found) => found,
        Err(failure) => {
            return frame::page(
                app,
                Place::Migrations,
                "Migration",
                &parts::failed(app, &failure),
            );
        }
    };
    let mut all = status.migrations.iter();
    let Some(entry) =
        all.find(|one| Some(one.version) == version && one.component.as_deref() == component)
    else {
        return frame::missing(app, "There is no such migration.");
    };
    let title = format!("{} {}", entry.version, entry.name);
    let content = html! {
        nav.crumbs aria-label="Where" { a href="/migrations" { "Migrations" } }
        h1 { bdi { (title) } }
        p.row {
            span.badge { (entry.state.as_str()) }
            @if !entry.reversible { span.badge { "irreversible" } }
            @if let Some(file) = &entry.file { code { (file) } }
        }
        @if entry.state == MigrationState::Pending {
            (effects(&entry.losses, entry.consents, entry.estimate.as_ref(), &entry.notes))
        } @else {
            ol.rail { (applied(entry, &log)) }
            @for note in &entry.notes { p.muted { (note) } }
            @if entry.state == MigrationState::Applied && component.is_none() {
                p { a.button href=(address("/migrations/revert", [("to", before(&status, entry).to_string().as_str())])) { "Revert down to before it…" } }
            }
        }
        h2 { "SQL" }
        @match &entry.sql { Some(sql) => (parts::sql(sql)), None => p.muted { "It is not known any more." } }
    };
    frame::page(app, Place::Migrations, &title, &content)
}

/// The applied version before one.
fn before(status: &Status, entry: &MigrationStatus) -> i64 {
    let earlier = status.migrations.iter().filter(|one| {
        one.component.is_none()
            && one.version < entry.version
            && one.state == MigrationState::Applied
    });
    earlier.map(|one| one.version).max().unwrap_or(0)
}

/// Without `--write` nothing changes the data.
pub(crate) fn without_write(what: &str) -> Markup {
    parts::notice(
        "changed",
        &html! {
            p { strong { "This studio only reads." } " Start it with " code { "heirloom studio --write" } " to " (what) "." }
        },
    )
}

fn planned(plan: &Plan) -> Markup {
    html! {
        @if let Some(since) = &plan.interrupted {
            (parts::notice("changed", &html! { p { "An interrupted run of " (parts::time(since)) " UTC is put back first." } }))
        }
        @if let Some(refused) = &plan.refused {
            (parts::notice("removed", &html! { p { (failure::chain(refused)) } }))
        }
        ol.steps { @for step in &plan.steps { li {
            h3 { span.figure { (text::owner(step.component.as_deref())) (step.version) } " " bdi { (step.name) } }
            (effects(&step.losses, step.consents, step.estimate.as_ref(), &step.notes))
            @if step.no_transaction { p.small { "runs outside a transaction; the backup protects it" } }
            details { summary { "SQL" } (parts::sql(&step.sql)) }
        } } }
    }
}

/// The plan of a run, which is its confirmation.
pub(crate) fn plan_run(app: &App) -> Reply {
    let plan = app
        .migrator()
        .and_then(|migrator| Ok(migrator.database(app.path()).plan(None)?));
    let content = html! {
        nav.crumbs aria-label="Where" { a href="/migrations" { "Migrations" } }
        h1 { "Run the pending migrations" }
        @match plan {
            Ok(plan) if plan.steps.is_empty() => (parts::empty("Nothing is pending.", &html! { a href="/migrations" { "Back" } })),
            Ok(plan) => {
                (planned(&plan))
                p.muted { "A verified backup is taken first. All of it happens in one transaction: everything is applied, or nothing." }
                @if app.write {
                    (parts::form(app, "/migrations/run", &html! {
                        @if plan.refused.is_some() {
                            p { label.check { input type="checkbox" name="allow" value="yes" required; " Destroy what is listed above" } }
                        }
                        button.primary type="submit" { "Run " (text::counted(plan.steps.len() as u64, "migration")) }
                        " " a.button href="/migrations" { "Back" }
                    }))
                } @else { (without_write("run migrations")) }
            },
            Err(failure) => (parts::failed(app, &failure)),
        }
    };
    frame::page(app, Place::Migrations, "Run", &content)
}

pub(crate) fn run(app: &Arc<App>, request: &Request) -> Reply {
    let allow = request.form.get("allow") == Some("yes");
    work::change(app, "Running the migrations", move |app, job| {
        migrator::migrator(&app.settings)?;
        let migrator = app.migrator_of(job)?;
        let report = migrator::permitted(migrator, allow).migrate(app.path())?;
        Ok(reported(&report))
    })
}

pub(crate) fn rehearse(app: &Arc<App>) -> Reply {
    work::change(app, "Rehearsing the pending migrations", |app, job| {
        migrator::migrator(&app.settings)?;
        let migrator = app.migrator_of(job)?.allow_destructive();
        let report = migrator.database(app.path()).rehearse(None)?;
        Ok(html! {
            (parts::notice("added", &html! { p { strong { "The run would succeed." } " The database was not changed." } }))
            (reported(&report))
            p { a.button.primary href="/migrations/run" { "Run…" } }
        })
    })
}

fn to(request: &str) -> RevertTo {
    match request.parse() {
        Ok(version) => RevertTo::Version(version),
        Err(_) => RevertTo::Steps(1),
    }
}

/// The plan of a revert, which is its confirmation.
pub(crate) fn plan_revert(app: &App, request: &Request) -> Reply {
    let wanted = request.query.get("to").unwrap_or_default();
    let plan = app
        .migrator()
        .and_then(|migrator| Ok(migrator.database(app.path()).plan_revert(to(wanted))?));
    let content = html! {
        nav.crumbs aria-label="Where" { a href="/migrations" { "Migrations" } }
        h1 { "Revert" }
        @match plan {
            Ok(plan) => {
                (planned(&plan))
                p.muted { "A verified backup is taken first. All of it happens in one transaction." }
                @if app.write {
                    (parts::form(app, "/migrations/revert", &html! {
                        input type="hidden" name="to" value=(wanted);
                        @if plan.refused.is_some() || plan.steps.iter().any(|step| !step.losses.is_empty()) {
                            p { label.check { input type="checkbox" name="allow" value="yes" required; " Destroy what is listed above" } }
                        }
                        button.danger type="submit" { "Revert " (text::counted(plan.steps.len() as u64, "migration")) }
                        " " a.button href="/migrations" { "Back" }
                    }))
                } @else { (without_write("revert migrations")) }
            },
            Err(failure) => (parts::failed(app, &failure)),
        }
    };
    frame::page(app, Place::Migrations, "Revert", &content)
}

pub(crate) fn revert(app: &Arc<App>, request: &Request) -> Reply {
    let wanted = request.form.get("to").unwrap_or_default().to_owned();
    let allow = request.form.get("allow") == Some("yes");
    work::change(app, "Reverting migrations", move |app, job| {
        let migrator = migrator::permitted(app.migrator_of(job)?, allow);
        let report = migrator.database(app.path()).revert(to(&wanted))?;
        Ok(reported(&report))
    })
}

/// What was done.
pub(crate) fn reported(report: &Report) -> Markup {
    html! {
        dl.facts {
            div { dt { "Version" } dd { (parts::version(report.version_before)) " → " (parts::version(report.version)) } }
            div { dt { "Took" } dd { (text::duration(report.duration)) } }
            @if let Some(bytes) = report.disk_bytes { div { dt { "Disk needed" } dd { (text::bytes(bytes)) } } }
            @if let Some(backup) = &report.backup {
                div { dt { "Backup" } dd { a href=(address("/backups/one", [("b", parts::file_name(backup).as_str())])) { (parts::file_name(backup)) } } }
            }
        }
        @if report.is_up_to_date() { p { "There was nothing to do." } }
        ul.plain { @for done in report.applied.iter().chain(&report.reverted) {
            li { span.figure { (text::owner(done.component.as_deref())) (done.version) } " " (done.name) " " span.muted { (text::duration(done.duration)) }
                @for rows in &done.tables { div.small { (parts::backticked(&rows.to_string())) } } }
        } }
        @for note in &report.notes { (parts::notice("changed", &html! { p { (parts::backticked(note)) } })) }
    }
}

/// What `generate` would write.
pub(crate) fn generate(app: &Arc<App>, request: &Request) -> Reply {
    let wishes = request.query.clone();
    let found = work::look(
        app,
        request,
        "Comparing with the schema file",
        move |app, _| {
            migrator::schema_file(&app.settings)?;
            let sqlite = app.settings.sqlite(None);
            let mut options = GenerateOptions::new().allow_destructive().sqlite(sqlite);
            options = wishes
                .all("rename")
                .fold(options, |options, rename| options.rename(rename));
            options = wishes
                .all("drop")
                .fold(options, |options, gone| options.drop(gone));
            if app.settings.single.value {
                options = options.single();
            }
            match app.migrator()?.devtools().generate(&options) {
                Ok(generated) => Ok(previewed(&generated)),
                Err(error) if !error.rename_questions().is_empty() => Ok(asked(&error, &wishes)),
                Err(error) => Err(error.into()),
            }
        },
    );
    let content = html! {
        nav.crumbs aria-label="Where" { a href="/migrations" { "Migrations" } }
        h1 { "Generate" }
        p.muted { "What the migrations give against " code { (parts::path(&app.settings.schema.value)) } ". A preview: nothing is written." }
        (found)
    };
    frame::page(app, Place::Migrations, "Generate", &content)
}

/// What must be known before: was it renamed?
fn asked(error: &heirloom::Error, so_far: &crate::studio::web::request::Pairs) -> Markup {
    let with = |name: &str, value: &str| {
        let answered = so_far
            .iter()
            .filter(|(name, _)| matches!(*name, "rename" | "drop"));
        address("/migrations/generate", answered.chain([(name, value)]))
    };
    html! { @for question in error.rename_questions().iter().take(1) {
        p { code { (question.subject()) } " is not in the schema file any more." }
        ul.plain {
            @for candidate in &question.candidates {
                li { a.button href=(with("rename", &question.renamed_to(candidate))) { "It was renamed to " (candidate) } }
            }
            li { a.button href=(with("drop", &question.subject())) { "It was dropped; its data is destroyed" } }
        }
    } }
}

fn previewed(generated: &Generated) -> Markup {
    if generated.is_empty() {
        let how = html! { "The migrations already give the schema file." };
        return parts::empty("Nothing to generate.", &how);
    }
    html! {
        ul.effects { @for change in &generated.changes {
            li { (change.kind.as_str()) " " code { (change.table) } }
            @for what in &change.destroys { li.removed { "would " (parts::backticked(what)) } }
        } }
        @for note in &generated.notes { (parts::notice("changed", &html! { p { (note) } })) }
        @for file in &generated.files {
            h3 { code { (parts::path(&file.up)) } }
            (parts::sql(&file.up_sql))
            @if let (Some(path), Some(sql)) = (&file.down, &file.down_sql) {
                h3 { code { (parts::path(path)) } }
                (parts::sql(sql))
            }
        }
        p.muted { "Write them with " code { "heirloom generate" } "." }
    }
}

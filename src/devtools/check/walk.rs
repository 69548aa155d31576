//! `check`: the whole history walked before a user's database is: up, down, and up again,
//! over rows made up for it. Everything happens in memory.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use crate::devtools::alter::sqlite_version::{NATIVE_CONSTRAINTS, SqliteVersion, newer_syntax};
use crate::devtools::check::finding::{Checked, Finding, FindingKind};
use crate::devtools::check::last_release;
use crate::devtools::check::since_release::compare_with_release;
use crate::devtools::check::states::{
    StepResult, broken_references, differences, fewer, lost_values, values_that_differ, violations,
};
use crate::devtools::replay;
use crate::devtools::sample_data::fill;
use crate::devtools::sample_data::guesses::Hints;
use crate::devtools::squash::dump::difference_in;
use crate::migration::files::pair_up;
use crate::migration::set::Migration;
use crate::migration::step::{self, MigrationStep, StepKind};
use crate::migration::{compare, label, table_owners};
use crate::options::hooks::{HookContext, When};
use crate::options::settings::{Options, belonging_to, memory};
use crate::report::count::Counted;
use crate::report::error::{Error, ErrorKind};
use crate::report::event::Event;
use crate::report::loss::{Direction, Loss, Lost};
use crate::report::remedy::Remedy;
use crate::run::engine::dry_run::{self, DryRunResult};
use crate::sqlite::connection_state::run_file;
use crate::sqlite::execute::failure;
use crate::sqlite::schema::objects::{Schema, Table, TableKind};
use crate::sqlite::schema::{catalog, empty_copy};
use crate::sqlite::sql::name::same_name;
use crate::sqlite::sql::script::Script;
use crate::sqlite::sql::statement::Statement;

/// Checks the migrations.
pub(crate) fn check(options: &Options<'_>, sqlite: SqliteVersion) -> Result<Checked, Error> {
    options.check_history_table()?;
    let schema_file = options.schema_file.as_deref();
    let mut lists = Vec::new();
    let mut refused = Vec::new();
    let components = options.components.iter();
    let components = components.map(|one| (Some(&one.name), &one.source, one.source.files(None)));
    let own = (options.component.as_ref(), &options.source, options.files());
    for (component, source, files) in components.chain([own]) {
        let (migrations, wrong) = pair_up::sort_out(files?);
        lists.push((belonging_to(component, migrations), source));
        refused.extend(wrong);
    }
    let wanted = options.source.schema(schema_file)?;
    // A component that does not come through is a finding of the walk.
    let (mut desired, mut skipped) = (None, Vec::new());
    if let Some(script) = &wanted
        && let Ok(on) = replay::components(options)
    {
        let made = replay::desired(options, on, script)?;
        desired = Some(catalog::schema(&made.connection, &options.own_tables())?);
        skipped = made.notes;
    }
    let afresh: Vec<&[Migration]> = lists
        .iter()
        .map(|(list, _)| compare::afresh(list))
        .collect();
    let scripts = lists
        .iter()
        .flat_map(|(list, _)| list)
        .flat_map(|migration| [Some(&migration.up), migration.down.as_ref()]);
    let mut walk = Walk {
        options,
        migrations: afresh.iter().copied().flatten().collect(),
        hints: Hints::of(scripts.flatten().chain(&wanted).map(Script::text)),
        connection: memory(options)?,
        schema: Schema::default(),
        empty: None,
        has_rows: true,
        bare: (memory(options)?, 0),
        ways_back: Vec::new(),
        checked: Checked {
            findings: Vec::new(),
            notes: skipped,
            migrations: 0,
            released_tag: None,
            schema_file: wanted.as_ref().map(|script| script.file().to_owned()),
            schema_compared: false,
        },
    };
    for (file, error) in refused {
        let finding = Finding::of_error(FindingKind::BadName, None, &file, "", &error);
        walk.checked.findings.push(finding);
    }
    if let Err(error) = table_owners::refuse_twins(&afresh) {
        let label = error.migration().map(str::to_owned);
        let mut all = walk.migrations.iter();
        let claiming = all.find(|known| Some(known.label()) == label);
        let file = claiming.map(|known| known.up.file()).unwrap_or_default();
        let finding = Finding::of_error(FindingKind::Fails, label, file, "", &error);
        walk.checked.findings.push(finding);
    }
    walk.find_newer_syntax(sqlite);
    let came_through = walk.all()?;
    for (list, _) in &lists {
        walk.compare_squashed(list)?;
    }
    if let (true, Some(wanted), Some(desired)) = (came_through, &wanted, &desired) {
        walk.compare_with(wanted, desired);
    }
    let mut checked = walk.checked;
    for (list, source) in &lists {
        if let Some(mut release) = source.folder().and_then(last_release::last_release) {
            let named = |script| source.named(script);
            let files = release.files.into_iter().map(named);
            release.files = files.collect::<Result<Vec<_>, _>>()?.concat();
            compare_with_release(list, release, &mut checked);
        }
    }
    Ok(checked)
}

/// The histories being walked.
struct Walk<'w, 'o> {
    options: &'w Options<'o>,
    migrations: Vec<&'w Migration>,
    hints: Hints,
    /// The database before the next migration, with rows.
    connection: Connection,
    schema: Schema,
    /// The same schema without rows, where the step before left it.
    empty: Option<Connection>,
    /// Whether there are made-up rows in it, to compare with what comes back.
    has_rows: bool,
    /// The database as the first migrations alone make it, without rows that are made up, and how
    /// many of them it has. Led on where it is needed.
    bare: (Connection, usize),
    /// The down migrations that were walked, one for each migration. None ends the walk back.
    ways_back: Vec<Option<MigrationStep>>,
    checked: Checked,
}

impl Walk<'_, '_> {
    /// Walks every migration. False when one of them does not get through at all.
    fn all(&mut self) -> Result<bool, Error> {
        let migrations = self.migrations.clone();
        for (index, migration) in migrations.iter().enumerate() {
            self.options.check_cancelled()?;
            let found = self.checked.findings.len();
            let through = self.step(index)?;
            self.checked.migrations += 1;
            self.options.emit(Event::Checked {
                migration: &migration.label(),
                findings: self.checked.findings.len() - found,
            });
            if !through {
                let left = (migrations.len() - index - 1) as u64;
                if left > 0 {
                    let left = Counted(left, "later migration");
                    let note = format!("{left} could not be checked");
                    self.note(migration, note);
                }
                return Ok(false);
            }
        }
        self.walk_back()?;
        Ok(true)
    }

    /// What the SQLite that is to run the files cannot read. The walk below has the linked one.
    fn find_newer_syntax(&mut self, version: SqliteVersion) {
        if version == SqliteVersion::linked() {
            return;
        }
        for migration in self.migrations.clone() {
            for script in [Some(&migration.up), migration.down.as_ref()]
                .into_iter()
                .flatten()
            {
                if let Some(newer) = newer_syntax(script, version) {
                    let message = format!(
                        "{} ({})",
                        newer.words(version),
                        script.location(newer.start, false)
                    );
                    let help = match newer.since == NATIVE_CONSTRAINTS {
                        true => {
                            "if no release has the file, remove it and generate it again for that version; else write a rebuild of the table in its place"
                        }
                        false => "write it in another way",
                    };
                    let kind = FindingKind::NeedsNewerSqlite;
                    self.find(migration, script, kind, message, help.to_owned());
                }
            }
        }
    }

    /// All down migrations in turn, from the newest migration to the first, over the rows that are there
    /// then: what each of them leaves is what the next one meets.
    fn walk_back(&mut self) -> Result<(), Error> {
        let migrations = self.migrations.clone();
        let ways_back = std::mem::take(&mut self.ways_back);
        let mut database = replay::copy_of(self.options, &self.connection)?;
        let mut reached_the_first = true;
        for (migration, way) in migrations.into_iter().zip(ways_back).rev() {
            self.options.check_cancelled()?;
            let Some(task) = way else {
                reached_the_first = false;
                break;
            };
            let script = task.script.clone();
            let before = violations(&database)?;
            let mut went = self.execute(&database, &task, Direction::Down);
            if went.as_ref().is_err_and(is_demanded) {
                // It was noted where it was walked alone, or what was taken back before it left these
                // rows, which is for a user to see as well.
                database = self.emptied(&database)?;
                went = self.execute(&database, &task, Direction::Down);
            }
            const WHAT: &str = "the down migration fails after those of the migrations behind it";
            match went {
                Ok(back) => database = back,
                Err(error) => return self.failed(migration, &script, WHAT, &error),
            }
            let broken = violations(&database)?.saturating_sub(before);
            if broken > 0 {
                let rows = Counted(broken, "row");
                let message = format!(
                    "after the down migrations of the migrations behind it, {rows} would refer to a row that does not exist"
                );
                self.breaks(migration, &script, vec![message]);
            }
        }
        if let (true, Some(first)) = (reached_the_first, self.migrations.first().copied()) {
            let left = differences(&Schema::default(), &self.schema_of(&database)?);
            if !left.is_empty() {
                let message = format!("all down migrations together leave {}", left.join(", "));
                let help = "correct the down migration of the migration that made it".to_owned();
                let script = first.down.as_ref().unwrap_or(&first.up);
                self.find(first, script, FindingKind::DownDiffers, message, help);
            }
        }
        Ok(())
    }

    /// The same schema without rows.
    fn emptied(&self, full: &Connection) -> Result<Connection, Error> {
        let empty = memory(self.options)?;
        empty_copy::copy_schema(full, &empty)?;
        Ok(empty)
    }

    fn step(&mut self, index: usize) -> Result<bool, Error> {
        let migration = self.migrations[index];
        self.has_rows = true;
        let mut siblings = self.migrations.iter();
        let first = siblings.find(|one| one.component == migration.component);
        let own = self.options.own_tables();
        let up = match step::refuse_names_of_ours(migration, first.copied(), &own)
            .and_then(|()| MigrationStep::up(migration))
        {
            Ok(task) => task,
            Err(error) => {
                self.failed(migration, &migration.up, "", &error)?;
                return Ok(false);
            }
        };
        let from = (&self.connection, &self.schema, self.empty.as_ref());
        let after = match self.run(from, &up, Direction::Up) {
            Ok(after) => after,
            Err(error) => {
                // Without the rows that were made up it may get through, and so may the next.
                let bare = self.without_rows(index)?;
                let from = (&bare, &self.schema, None);
                let Ok(after) = self.run(from, &up, Direction::Up) else {
                    self.failed(migration, &migration.up, "fails", &error)?;
                    return Ok(false);
                };
                if is_demanded(&error) {
                    let note = format!("it ends where rows do not fit: {}", error.message());
                    self.note(migration, note);
                } else {
                    let what = "fails on rows that the schema before it allows";
                    self.failed(migration, &migration.up, what, &error)?;
                }
                self.connection = bare;
                self.has_rows = false;
                after
            }
        };
        self.examine_up(migration, &up, &after)?;
        // For the down migration, and for the next migration.
        for reason in fill::fill(&after.connection, &after.schema, &self.hints)? {
            if !self.checked.notes.contains(&reason) {
                self.checked.notes.push(reason);
            }
        }
        let in_rust = |direction| {
            self.options
                .code(migration.component.as_deref(), &migration.up, direction)
        };
        if migration.in_rust && in_rust(Direction::Up).is_none() {
            let note = "it is written in Rust, and only a test of the app can check it".to_owned();
            self.note(migration, note);
        }
        let script = migration.down.as_ref();
        let down = match script {
            Some(script) => Some(
                MigrationStep::down(migration.version, &migration.name, script.clone()).map(
                    |task| MigrationStep {
                        component: migration.component.clone(),
                        ..task
                    },
                ),
            ),
            None => in_rust(Direction::Down)
                .map(|code| Ok(MigrationStep::in_rust(migration, code.consents()))),
        };
        let mut way = None;
        match down {
            Some(down) => {
                way = self.way_back(
                    migration,
                    &up,
                    &after,
                    script.unwrap_or(&migration.up),
                    down,
                )?;
            }
            None if migration.is_meant_to_stay() => {}
            None if migration.in_rust && in_rust(Direction::Up).is_none() => {}
            // Not for the app to write.
            None if migration.component != self.options.component => {
                self.note(migration, "there is no down migration".to_owned());
            }
            None => {
                let message = "there is no down migration".to_owned();
                let label = label::label(migration.version, &migration.name);
                let help = format!(
                    "write {label}.down.sql; or say that it is meant with `-- heirloom: irreversible`, at the top of the file, or, where that was released, alone in {label}.down.sql"
                );
                self.find(
                    migration,
                    &migration.up,
                    FindingKind::Irreversible,
                    message,
                    help,
                );
            }
        }
        self.ways_back.push(way);
        self.connection = after.connection;
        self.schema = after.schema;
        self.empty = after.empty;
        Ok(true)
    }

    /// The down migration and the up migration again, on copies. The down migration, where it goes.
    fn way_back(
        &mut self,
        migration: &Migration,
        up: &MigrationStep,
        after: &StepResult,
        script: &Script,
        task: Result<MigrationStep, Error>,
    ) -> Result<Option<MigrationStep>, Error> {
        let found = self.checked.findings.len();
        let mut emptied = None;
        let back = task.and_then(|task| {
            let from = (&after.connection, &after.schema, after.empty.as_ref());
            let back = match self.run(from, &task, Direction::Down) {
                Err(error) if is_demanded(&error) => {
                    let note = "the down migration ends where rows do not fit";
                    self.note(migration, format!("{note}: {}", error.message()));
                    let empty = emptied.insert(self.emptied(&after.connection)?);
                    self.run((empty, &after.schema, None), &task, Direction::Down)?
                }
                back => back?,
            };
            Ok((task, back))
        });
        let (down, back) = match back {
            Ok(back) => back,
            Err(error) => {
                self.failed(migration, script, "the down migration fails", &error)?;
                return Ok(None);
            }
        };
        let from = emptied.as_ref().unwrap_or(&after.connection);
        let left = differences(&self.schema, &back.schema);
        let is_back = left.is_empty();
        if !is_back {
            let message = format!(
                "the down migration does not bring the schema back: {}",
                left.join(", ")
            );
            let help = format!("correct {}", script.file());
            self.find(migration, script, FindingKind::DownDiffers, message, help);
        }
        let mut lost = Vec::new();
        if emptied.is_none() {
            lost = self.lost_on_the_way_back(&down, after, &back);
            if !down.consents {
                lost.extend(lost_values(from, &back));
            }
        }
        self.loses(migration, script, "the down migration loses data", lost);
        self.breaks(migration, script, broken_references(from, &back)?);
        let written = after.outlook.watched.iter().map(|(origin, _)| origin);
        let written = written.chain(back.outlook.watched.iter().map(|(_, now)| now));
        let written: BTreeSet<&str> = written.map(String::as_str).collect();
        if self.has_rows && emptied.is_none() {
            for note in values_that_differ(&self.connection, &written, &back.connection) {
                self.note(migration, note);
            }
        }
        let mut again = self.execute(&back.connection, up, Direction::Up);
        if let Err(error) = &again
            && is_demanded(error)
        {
            let known = format!("it ends where rows do not fit: {}", error.message());
            self.note(migration, known);
            again = self.execute(&self.emptied(&back.connection)?, up, Direction::Up);
        }
        match again.and_then(|again| self.schema_of(&again)) {
            Err(error) => {
                let what = "fails when it is applied again after its down migration";
                self.failed(migration, &migration.up, what, &error)?;
            }
            Ok(again) => {
                let changed = differences(&after.schema, &again);
                if is_back && !changed.is_empty() {
                    let message = format!(
                        "applied again after its down migration it gives another schema: {}",
                        changed.join(", ")
                    );
                    let help = "make the down migration undo all of it".to_owned();
                    self.find(migration, script, FindingKind::DownDiffers, message, help);
                }
            }
        }
        Ok((self.checked.findings.len() == found).then_some(down))
    }

    /// What a run would refuse, or a user would miss.
    fn examine_up(
        &mut self,
        migration: &Migration,
        task: &MigrationStep,
        after: &StepResult,
    ) -> Result<(), Error> {
        let mut lost = Vec::new();
        for loss in &after.losses {
            match loss.what {
                // Whether values really change depends on what they are.
                Lost::Narrowed { .. } => self.note(migration, loss.to_string()),
                _ => lost.push(format!("destroys {loss}")),
            }
        }
        let tables = after.lineage.tables();
        for (origin, now) in tables.filter(|(origin, _)| after.reaches(origin)) {
            let told = |loss: &Loss| loss.what == Lost::Rows && same_name(&loss.table, origin);
            if after.losses.iter().any(told) {
                continue;
            }
            let before = fill::rows_of(&self.connection, origin);
            lost.extend(fewer(now, before, fill::rows_of(&after.connection, now)));
        }
        lost.extend(lost_values(&self.connection, after));
        if !(task.consents || self.options.allow_destructive) {
            self.loses(migration, &migration.up, "loses data", lost);
        }
        let lost = &after.outlook.lost_constraints;
        for note in &after.outlook.notes {
            if !lost.contains(note) {
                self.note(migration, note.clone());
            }
        }
        // What `generate` wrote is what the schema file asked for.
        let text = migration.up.text();
        let asked_for = text.contains("-- Written by `heirloom generate`");
        let allowed = task.consents || self.options.allow_destructive || asked_for;
        if !(lost.is_empty() || allowed) {
            let help = format!(
                "write them into the new table; or, if that is meant, put `-- heirloom: allow-destructive` at the top of {}",
                migration.up.file()
            );
            let kind = FindingKind::LosesConstraints;
            self.find(migration, &migration.up, kind, lost.join("; "), help);
        }
        let broken = broken_references(&self.connection, after)?;
        self.breaks(migration, &migration.up, broken);
        Ok(())
    }

    /// Rows that were there before the migration and are not after its down migration; and rows
    /// whose loss a revert would refuse, because no DELETE speaks of their table.
    fn lost_on_the_way_back(
        &self,
        task: &MigrationStep,
        after: &StepResult,
        back: &StepResult,
    ) -> Vec<String> {
        let mut lost: BTreeMap<String, String> = BTreeMap::new();
        if task.consents || task.kind == StepKind::Rust {
            return Vec::new();
        }
        let tables = after.lineage.tables();
        for (origin, now) in
            tables.filter(|(origin, now)| after.reaches(origin) || back.reaches(now))
        {
            let first = fill::rows_of(&self.connection, origin);
            let second = fill::rows_of(&after.connection, now);
            let third = fill::rows_of(&back.connection, origin);
            let before = first.zip(second).map(|(first, second)| first.min(second));
            lost.extend(fewer(origin, before, third).map(|text| (origin.to_lowercase(), text)));
        }
        let tables = back.lineage.tables();
        for (origin, now) in tables.filter(|(origin, _)| back.reaches(origin)) {
            let spoken_of = |table: &String| same_name(table, origin);
            if !back.outlook.effects.deletes.iter().any(spoken_of) {
                let before = fill::rows_of(&after.connection, origin);
                let left = fill::rows_of(&back.connection, now);
                if let Some(text) = fewer(now, before, left) {
                    lost.entry(now.to_lowercase()).or_insert(text);
                }
            }
        }
        lost.into_values().collect()
    }

    fn breaks(&mut self, migration: &Migration, script: &Script, references: Vec<String>) {
        if !references.is_empty() {
            let message = references.join(", ");
            let help = "foreign keys are not enforced during a run and are checked at its end, which would refuse this; correct the rows in the file".to_owned();
            self.find(
                migration,
                script,
                FindingKind::BreaksReferences,
                message,
                help,
            );
        }
    }

    /// Runs one file on a copy of a database, refused for what a run refuses. With the database come
    /// its schema and, where that is at hand, the same without rows.
    fn run(
        &self,
        (from, schema, empty): (&Connection, &Schema, Option<&Connection>),
        task: &MigrationStep,
        direction: Direction,
    ) -> Result<StepResult, Error> {
        let tasks = std::slice::from_ref(task);
        let foreseen = match empty {
            Some(empty) => {
                let empty = replay::copy_of(self.options, empty)?;
                dry_run::foresee_in(empty, schema, from, self.options, tasks)?
            }
            None => dry_run::foresee(from, self.options, tasks)?,
        };
        let DryRunResult {
            foresight,
            mut outlooks,
            mut losses,
            ..
        } = foreseen;
        let connection = self.execute(from, task, direction)?;
        let outlook = outlooks.pop().unwrap_or_default();
        let left: Vec<&str> = foresight
            .lineage()
            .tables()
            .map(|(origin, _)| origin)
            .collect();
        let gone = schema.tables.iter().map(|table| table.name.as_str());
        let gone = gone.filter(|name| !left.iter().any(|origin| same_name(origin, name)));
        let watched = outlook.watched.iter().map(|(origin, _)| origin.as_str());
        let reached = watched.chain(gone).map(str::to_ascii_lowercase);
        let reached = self.is_told(task).then(|| reached.collect());
        let schema = self.schema_of(&connection)?;
        let lineage = foresight.lineage().clone();
        // The statements on the schema were run there too. A module's tables are not copied so.
        let empty = foresight.into_connection();
        let ordinary = |table: &Table| table.kind == TableKind::Ordinary;
        let is_like = schema.tables.iter().all(ordinary)
            && catalog::entries(&empty)? == catalog::entries(&connection)?;
        Ok(StepResult {
            schema,
            connection,
            empty: is_like.then_some(empty),
            lineage,
            reached,
            outlook,
            losses: losses.pop().unwrap_or_default(),
        })
    }

    /// Whether SQLite tells all that a file writes to: not what code of the app's does, nor what
    /// follows from a reference, nor what is written into the schema itself.
    fn is_told(&self, task: &MigrationStep) -> bool {
        let by_hand = |statement: &Statement<'_>| statement.touches_schema_table();
        let is_code = task.kind == StepKind::Rust || !self.options.hooks.is_empty();
        !(is_code || task.enforces || task.script.statements().iter().any(by_hand))
    }

    /// Executes one file on a copy of a database, as a run would: with foreign keys off, and
    /// in one transaction unless it says otherwise.
    fn execute(
        &self,
        from: &Connection,
        task: &MigrationStep,
        direction: Direction,
    ) -> Result<Connection, Error> {
        let connection = replay::copy_of(self.options, from)?;
        let sql = |sql: &str| {
            connection
                .execute_batch(sql)
                .map_err(|error| failure(format!("cannot run `{sql}`"), error))
        };
        let refused = |what: &str, help: &str| {
            let message = format!("{} {what}", task.script.file());
            Err(Error::new(ErrorKind::MigrationFailed, message).with_help(help))
        };
        if task.enforces {
            sql("PRAGMA foreign_keys = ON")?;
        }
        if !task.no_transaction {
            sql("BEGIN")?;
        }
        self.hook(&connection, task, direction, When::BeforeEach)?;
        match self
            .options
            .code(task.component.as_deref(), &task.script, direction)
        {
            Some(code) if task.kind == StepKind::Rust => code.call(&connection, direction)?,
            _ => run_file(&connection, &task.script)?,
        }
        self.hook(&connection, task, direction, When::AfterEach)?;
        match (task.no_transaction, connection.is_autocommit()) {
            (false, false) => sql("COMMIT")?,
            (true, true) => {}
            (true, false) => return refused("leaves a transaction open", "end it with COMMIT"),
            (false, true) => {
                return refused(
                    "ends the transaction of the run",
                    "do not commit or roll back there",
                );
            }
        }
        sql("PRAGMA foreign_keys = OFF")?;
        Ok(connection)
    }

    /// A migration may have its work done in part by the app, so its hooks are called.
    fn hook(
        &self,
        connection: &Connection,
        task: &MigrationStep,
        direction: Direction,
        when: When,
    ) -> Result<(), Error> {
        let moment = HookContext {
            connection,
            direction,
            version: Some(task.version),
            migration: &task.label(),
        };
        self.options.call_hooks(when, &moment)
    }

    /// The database before a migration, with what the migrations before it wrote alone.
    fn without_rows(&mut self, index: usize) -> Result<Connection, Error> {
        while self.bare.1 < index {
            let task = MigrationStep::up(self.migrations[self.bare.1])?;
            self.bare.0 = self.execute(&self.bare.0, &task, Direction::Up)?;
            self.bare.1 += 1;
        }
        replay::copy_of(self.options, &self.bare.0)
    }

    fn schema_of(&self, connection: &Connection) -> Result<Schema, Error> {
        catalog::schema_since(connection, &self.options.own_tables(), &self.schema)
    }

    fn find(
        &mut self,
        migration: &Migration,
        script: &Script,
        kind: FindingKind,
        message: String,
        help: String,
    ) {
        self.checked.findings.push(Finding {
            kind,
            migration: Some(migration.label()),
            file: script.file().to_owned(),
            message,
            help,
            remedies: Vec::new(),
        });
    }

    /// A file that fails is a finding; somebody who cancels is not.
    fn failed(
        &mut self,
        migration: &Migration,
        script: &Script,
        what: &str,
        error: &Error,
    ) -> Result<(), Error> {
        self.options.check_cancelled()?;
        self.checked.findings.push(Finding::of_error(
            FindingKind::Fails,
            Some(migration.label()),
            script.file(),
            what,
            error,
        ));
        Ok(())
    }

    fn loses(&mut self, migration: &Migration, script: &Script, what: &str, lost: Vec<String>) {
        if !lost.is_empty() {
            let message = format!("{what}: {}", lost.join(", "));
            let help = format!(
                "keep them, or, if that is meant, put `-- heirloom: allow-destructive` at the top of {}",
                script.file()
            );
            self.find(migration, script, FindingKind::LosesRows, message, help);
        }
    }

    fn note(&mut self, migration: &Migration, note: String) {
        let note = format!("{}: {note}", migration.label());
        if !self.checked.notes.contains(&note) {
            self.checked.notes.push(note);
        }
    }

    /// Compares each squashed migration with its originals, by every way on which a database can
    /// have come by them, as far as their files are there.
    fn compare_squashed(&mut self, migrations: &[Migration]) -> Result<(), Error> {
        for (file, error) in compare::changed_originals(migrations) {
            let kind = FindingKind::SquashDiffers;
            let label = Some(file.label());
            let finding = Finding::of_error(kind, label, file.up.file(), "", &error);
            self.checked.findings.push(finding);
        }
        for squashed in migrations.iter().filter(|one| one.is_squashed()) {
            for way in compare::ways(migrations, squashed) {
                let found = replay::replay(self.options, way).and_then(|originals| {
                    let squashed = replay::replay(self.options, [squashed])?;
                    difference_in(self.options, &originals, &squashed)
                });
                let message = match found {
                    Ok(None) => continue,
                    Ok(Some(what)) => format!("does not give what its originals give: {what}"),
                    Err(error) => {
                        format!("cannot be compared with its originals: {}", error.message())
                    }
                };
                let help =
                    "put the originals and the squashed file back as they were, or squash again"
                        .to_owned();
                let kind = FindingKind::SquashDiffers;
                self.find(squashed, &squashed.up, kind, message, help);
            }
        }
        Ok(())
    }

    /// Compares what the migrations gave with the schema as it should be.
    fn compare_with(&mut self, wanted: &Script, desired: &Schema) {
        let file = wanted.file();
        let differences = differences(desired, &self.schema);
        if !differences.is_empty() {
            self.checked.findings.push(Finding {
                kind: FindingKind::SchemaFileDiffers,
                migration: None,
                file: file.to_owned(),
                message: format!(
                    "the migrations do not give {file}: {}",
                    differences.join(", ")
                ),
                help: "write the migration that is missing, or correct the schema file".into(),
                remedies: vec![Remedy::Generate],
            });
        }
        self.checked.schema_compared = true;
    }
}

/// Whether a file itself demands of the rows what some do not fulfil. That is what the demand is
/// for, and no fault.
fn is_demanded(error: &Error) -> bool {
    error
        .statement()
        .is_some_and(|text| Statement { start: 0, text }.condition().is_some())
}

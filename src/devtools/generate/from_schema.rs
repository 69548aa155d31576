//! `generate`: from the schema as it should be to migrations, proved before they are written.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::{Connection, ErrorCode};

use crate::devtools::alter::compose::composer::{ComposeOptions, Composed, broken, model};
use crate::devtools::alter::compose::steps::{compose, rename_only};
use crate::devtools::alter::conversions;
use crate::devtools::alter::grouping::{ChangeGroup, scopes, together};
use crate::devtools::alter::renames::{Renames, renames};
use crate::devtools::alter::sqlite_version::{newer_syntax, refuse_unsuited};
use crate::devtools::generate::generated::{GenerateOptions, Generated, GeneratedFile};
use crate::devtools::generate::pieces::Pieces;
use crate::devtools::model::diff::{Model, SchemaDifference, difference};
use crate::devtools::project::create::{file_name, next_version};
use crate::devtools::replay::{components, copy_of, desired, no_schema_file, replay_on};
use crate::devtools::sample_data::fill;
use crate::devtools::sample_data::guesses::Hints;
use crate::migration::compare::afresh;
use crate::migration::files::source::SCHEMA_FILE;
use crate::migration::label::label;
use crate::migration::set::Migration;
use crate::migration::step::{MigrationStep, refused_own_table};
use crate::options::settings::Options;
use crate::report::change::TableChange;
use crate::report::error::{Error, ErrorKind, invalid};
use crate::report::loss::Direction;
use crate::report::remedy::Remedy;
use crate::sqlite::connection_state::run_file;
use crate::sqlite::execute::{code, statement_failure, text};
use crate::sqlite::schema::catalog;
use crate::sqlite::schema::objects::{Object, ObjectKind, Table, TableKind};
use crate::sqlite::schema::parsed::edits::ColumnOrder;
use crate::sqlite::sql::name::{plain, same_name};
use crate::sqlite::sql::script::Script;
use crate::sqlite::sql::statement::{CHECKS, Statement};
use crate::sqlite::sql::token::{Tokens, mentions};

/// From this many tables on, each file is proved in a part of the schema.
const LARGE: usize = 24;

/// How many characters of a table's name go into a file's.
const LONGEST: usize = 24;

/// Compares what the migrations give with the schema file, and writes down what leads from one
/// to the other.
pub(crate) fn generate(
    options: &Options<'_>,
    wishes: &GenerateOptions,
) -> Result<Generated, Error> {
    refuse_unsuited(wishes.sqlite)?;
    let folder = options.source.folder().ok_or_else(|| {
        Error::usage(
            "migrations can only be written into a folder",
            "give the migrator the folder's path",
        )
    })?;
    let migrations = match folder.is_dir() {
        true => options.migrations()?,
        false => Vec::new(),
    };
    let script = schema_script(options)?;
    let present = replay_on(components(options)?, afresh(&migrations))?;
    let SchemaComparison {
        before,
        after,
        renames,
        notes,
    } = compare(options, wishes, &present, &script)?;
    let goes = |name: &&str| after.table(renames.name_after(name)).is_none();
    let gone = before
        .tables
        .iter()
        .map(|entity| entity.name())
        .filter(goes);
    let gone = gone.map(str::to_owned).collect();
    let work = GenerateWork {
        options,
        wishes,
        folder,
        migrations: &migrations,
        present: &present,
        after: &after,
        renames,
        gone,
    };
    let mut generated = work.files()?;
    work.refuse_newer_syntax(&generated)?;
    generated.schema_before = listing(&before);
    generated.schema_after = listing(&after);
    generated.notes = notes;
    Ok(generated)
}

/// The schema file, which must be there.
pub(crate) fn schema_script(options: &Options<'_>) -> Result<Script, Error> {
    let schema_file = options.schema_file.as_deref();
    options.source.schema(schema_file)?.ok_or_else(|| {
        let folder = options.source.folder().unwrap_or(Path::new(""));
        let beside = folder.join(SCHEMA_FILE);
        no_schema_file(schema_file.unwrap_or(&beside))
    })
}

/// A schema, the one that it is to become, and what has another name there.
struct SchemaComparison {
    before: Model,
    after: Model,
    renames: Renames,
    notes: Vec<String>,
}

fn compare(
    options: &Options<'_>,
    wishes: &GenerateOptions,
    present: &Connection,
    script: &Script,
) -> Result<SchemaComparison, Error> {
    let wanted = desired(options, components(options)?, script)?;
    let before = model(present, options)?;
    let mut after = model(&wanted.connection, options)?;
    if after.table(CHECKS).is_some() && before.table(CHECKS).is_none() {
        let mut statements = script.statements().into_iter();
        let makes = |statement: &Statement<'_>| mentions(statement.text, CHECKS);
        if let Some(statement) = statements.find(makes) {
            return Err(refused_own_table(script, &statement, CHECKS));
        }
    }
    for (table, sql, note) in wanted.behind {
        let entity = after
            .tables
            .iter_mut()
            .find(|e| same_name(e.name(), &table));
        if let Some(definition) = entity.and_then(|entity| entity.definition.as_mut()) {
            definition.take_note_behind(&sql, note);
        }
    }
    let renames = renames(
        &before,
        &after,
        &wanted.above,
        &wishes.renames,
        &wishes.drops,
    )?;
    refuse_broken(present, &wanted.connection, options, script, &renames)?;
    conversions::resolve(options, present, &before, &mut after, &renames)?;
    Ok(SchemaComparison {
        before,
        after,
        renames,
        notes: wanted.notes,
    })
}

/// What leads from a schema to that of the schema file in one go, proved on a copy.
pub(crate) fn at_once(
    options: &Options<'_>,
    wishes: &GenerateOptions,
    present: &Connection,
    script: &Script,
) -> Result<Composed, Error> {
    let SchemaComparison { after, renames, .. } = compare(options, wishes, present, script)?;
    let working = copy_of(options, present)?;
    let known = broken(&working, options)?;
    let manner = ComposeOptions::of(Direction::Up, wishes.order, wishes.sqlite);
    let composed = compose(&working, options, &after, None, &renames, manner)?;
    let file = Path::new(script.file());
    if let Some(problem) = broken(&working, options)?.difference(&known).next() {
        return Err(unproved(file, &format!("would leave {problem}")));
    }
    expect_equal(&model(&working, options)?, &after, wishes.order, file)?;
    Ok(composed)
}

/// A schema as text, in an order that says nothing of how it came about.
fn listing(model: &Model) -> String {
    let mut tables: Vec<_> = model.tables.iter().collect();
    tables.sort_by_key(|entity| entity.name().to_ascii_lowercase());
    let mut text = String::new();
    let mut add = |sql: &str| {
        text += sql.trim_end();
        text += ";\n\n";
    };
    for entity in tables {
        match &entity.definition {
            // However the name is quoted.
            Some(definition) => add(&definition.create_as(&plain(entity.name()))),
            None => add(&entity.table.sql),
        }
        let own = model.others.iter();
        let of_table = |object: &&Object| {
            object.kind != ObjectKind::View && same_name(&object.table, entity.name())
        };
        own.filter(of_table).for_each(|object| add(&object.sql));
    }
    let apart = |object: &&Object| model.table(&object.table).is_none();
    model
        .others
        .iter()
        .filter(apart)
        .for_each(|object| add(&object.sql));
    text.trim_end().to_owned()
}

/// What does not work, by the names that tables have after a rename.
fn in_new_names(problems: BTreeSet<String>, renames: &Renames) -> BTreeSet<String> {
    let named = problems.iter().map(|problem| in_new_name(problem, renames));
    named.collect()
}

fn in_new_name(problem: &str, renames: &Renames) -> String {
    // Names are in quotes of one kind or the other.
    let parts = problem.split_inclusive(['`', '"']);
    let renamed = parts.map(|part| {
        let name = part.trim_end_matches(['`', '"']);
        let new = renames.name_after(name);
        format!("{new}{}", &part[name.len()..])
    });
    renamed.collect::<String>().to_ascii_lowercase()
}

/// A view or a reference of the schema file that does not work is not a schema to go to.
fn refuse_broken(
    present: &Connection,
    wanted: &Connection,
    options: &Options<'_>,
    script: &Script,
    renames: &Renames,
) -> Result<(), Error> {
    let known = in_new_names(broken(present, options)?, renames);
    let mut problems = broken(wanted, options)?;
    problems.retain(|problem| !known.contains(&in_new_name(problem, renames)));
    let Some(problem) = problems.first() else {
        return Ok(());
    };
    let refused = Error::new(
        ErrorKind::InvalidMigration,
        format!("{} does not work as it is: {problem}", script.file()),
    )
    .with_help("correct it in the schema file");
    // What is wrong is named first, in quotes.
    let name = problem.split('`').nth(1).unwrap_or_default();
    let statements = script.statements();
    let made_by = statements.iter().find(|statement| {
        let head = Tokens::new(statement.text).take_while(|token| token.text != "(");
        head.take(7).any(|token| same_name(&token.name(), name))
    });
    Err(match made_by {
        Some(statement) => refused.at(script.location(statement.start, false)),
        None => refused,
    })
}

/// Everything that is decided before the first file is composed.
struct GenerateWork<'w, 'o> {
    options: &'w Options<'o>,
    wishes: &'w GenerateOptions,
    folder: &'w Path,
    migrations: &'w [Migration],
    present: &'w Connection,
    after: &'w Model,
    renames: Renames,
    /// The tables that go for good, by their names before.
    gone: Vec<String>,
}

/// A pair of files before it has a name.
#[derive(Clone)]
struct MigrationDraft {
    up: Composed,
    down: Composed,
}

impl GenerateWork<'_, '_> {
    fn files(&self) -> Result<Generated, Error> {
        let renamed = copy_of(self.options, self.present)?;
        let away = rename_only(
            &renamed,
            self.options,
            self.after,
            &self.renames,
            self.manner(Direction::Up),
        )?;
        let before = model(&renamed, self.options)?;
        let difference = difference(&before, self.after, self.wishes.order);
        let scopes = scopes(&before, self.after, &difference, &self.renames, &away);
        let proved = |drafts: Vec<MigrationDraft>| {
            let mut generated = self.named(drafts)?;
            self.prove(&mut generated)?;
            self.prove_with_rows(&generated).map(|()| generated)
        };
        let split = || self.drafts(&scopes);
        let together = || self.drafts(&[together(&scopes)]);
        // Where a boundary between files would not hold, one file does it all; and where one
        // file's order of steps would not, that of several does.
        let large = before.tables.len() >= LARGE && self.renames == Renames::default();
        let in_pieces = match large {
            true => self.in_pieces(&before, &scopes, &difference),
            false => Ok(None),
        };
        let generated = match (in_pieces, self.wishes.single) {
            (Ok(Some(generated)), _) => Ok(generated),
            (Err(error), _) if is_an_answer(&error) => Err(error),
            (_, true) => together().and_then(proved),
            (_, false) => split().and_then(proved),
        };
        let generated = match generated {
            Err(error) if scopes.len() > 1 && !is_an_answer(&error) => {
                log::debug!("another order of the changes, because: {error}");
                match self.wishes.single {
                    true => proved(vec![in_sequence(split()?)])?,
                    false => together().and_then(proved)?,
                }
            }
            other => other?,
        };
        self.refuse_destruction(&generated)?;
        Ok(generated)
    }

    /// Composes and proves each file in a database that holds only what the file touches. None where
    /// that cannot be.
    fn in_pieces(
        &self,
        before: &Model,
        groups: &[ChangeGroup],
        difference: &SchemaDifference<'_>,
    ) -> Result<Option<Generated>, Error> {
        let left_out = |object: &&Object| !groups.iter().any(|group| group.has_object(object));
        let objects = difference.gone.iter().chain(&difference.new);
        if objects.copied().any(|object| left_out(&object)) {
            return Ok(None);
        }
        let pieces = Pieces::of(before, self.after, groups);
        let (mut drafts, mut proved) = (Vec::new(), Vec::new());
        for (place, group) in groups.iter().enumerate() {
            self.options.check_cancelled()?;
            let Some(piece) = pieces.piece(place, self.options, self.present)? else {
                return Ok(None);
            };
            let work = GenerateWork {
                options: self.options,
                wishes: self.wishes,
                folder: self.folder,
                migrations: &[],
                present: &piece.present,
                after: &piece.target,
                renames: Renames::default(),
                gone: self.gone.clone(),
            };
            let of_it = work.drafts(std::slice::from_ref(group))?;
            if of_it.is_empty() {
                continue;
            }
            drafts.extend(of_it.iter().cloned());
            let mut generated = work.named(of_it)?;
            work.prove(&mut generated)?;
            work.prove_with_rows(&generated)?;
            proved.extend(generated.files);
        }
        // In one file they have not met yet.
        if self.wishes.single && !drafts.is_empty() {
            let mut generated = self.named(vec![in_sequence(drafts)])?;
            self.prove(&mut generated)?;
            self.prove_with_rows(&generated)?;
            return Ok(Some(generated));
        }
        let mut generated = self.named(drafts)?;
        for (file, proved) in generated.files.iter_mut().zip(proved) {
            file.up_sql = proved.up_sql;
            file.down = file.down.take().filter(|_| proved.down.is_some());
            file.down_sql = proved.down_sql;
        }
        Ok(Some(generated))
    }

    fn manner(&self, direction: Direction) -> ComposeOptions {
        ComposeOptions::of(direction, self.wishes.order, self.wishes.sqlite)
    }

    fn drafts(&self, scopes: &[ChangeGroup]) -> Result<Vec<MigrationDraft>, Error> {
        let working = copy_of(self.options, self.present)?;
        let mut drafts = Vec::with_capacity(scopes.len());
        for scope in scopes {
            let before = model(&working, self.options)?.without_notes();
            let renames = self.renames.within(scope);
            let up = compose(
                &working,
                self.options,
                self.after,
                Some(scope),
                &renames,
                self.manner(Direction::Up),
            )?;
            let back = copy_of(self.options, &working)?;
            let manner = self.manner(Direction::Down);
            let down = compose(
                &back,
                self.options,
                &before,
                None,
                &renames.reversed(),
                manner,
            )?;
            let mut draft = MigrationDraft { up, down };
            self.note_lost_parents(&before, &mut draft);
            drafts.push(draft);
        }
        drafts.retain(|draft| !draft.up.sql.is_empty());
        Ok(drafts)
    }

    /// A down migration that brings a reference back whose parent another file drops finds that empty.
    fn note_lost_parents(&self, before: &Model, draft: &mut MigrationDraft) {
        let is_gone = |name: &str| self.gone.iter().any(|gone| same_name(gone, name));
        for change in &draft.up.changes {
            let (Some(was), Some(now)) = (
                before.definition(self.renames.name_before(&change.table)),
                self.after.definition(&change.table),
            ) else {
                continue;
            };
            for key in was.foreign_keys().filter(|key| is_gone(&key.parent)) {
                let stays = now.foreign_keys().any(|other| other.parent == key.parent);
                let reason = format!(
                    "`{}` refers to rows of `{}`, which are gone",
                    was.name, key.parent
                );
                if !stays && !draft.down.only_empty.contains(&reason) {
                    draft.down.only_empty.push(reason);
                }
            }
        }
    }

    /// Gives the drafts their names, and their first lines.
    fn named(&self, drafts: Vec<MigrationDraft>) -> Result<Generated, Error> {
        let first = next_version(self.migrations, self.wishes.at);
        let given = self.wishes.name.as_deref().map(file_name).transpose()?;
        let many = drafts.len() > 1;
        let mut generated = Generated {
            changes: Vec::new(),
            files: Vec::new(),
            schema_before: String::new(),
            schema_after: String::new(),
            notes: Vec::new(),
        };
        for ((index, MigrationDraft { up, down }), version) in
            drafts.into_iter().enumerate().zip(first..)
        {
            let name = match &given {
                Some(name) if many => format!("{name}_{}", tables_of(&up)),
                Some(name) => name.clone(),
                None => described(&up),
            };
            let label = label(version, &name);
            let destroys = up.changes.iter().any(|change| !change.destroys.is_empty());
            let allowed = |needed: bool| match needed {
                true => "-- heirloom: allow-destructive\n",
                false => "",
            };
            let consent = allowed(destroys || !up.moved.is_empty());
            let consent_back = allowed(!down.moved.is_empty());
            let moved = |composed: &Composed| {
                let moved = composed.moved.iter();
                let told = moved.map(|what| {
                    comment(&format!(
                        "Nothing is lost, though a run cannot see it: {what}."
                    ))
                });
                told.collect::<String>()
            };
            let mut about: Vec<String> = up
                .changes
                .iter()
                .flat_map(|change| &change.destroys)
                .map(|what| comment(&format!("It is meant to {what}.")))
                .collect();
            about.insert(0, "-- Written by `heirloom generate`.\n".to_owned());
            let going_back = down.changes.iter().flat_map(|change| &change.destroys);
            let only_empty = down
                .only_empty
                .iter()
                .map(|why| comment(&format!("It works on empty tables only: {why}.")));
            let not_restored = up.not_restored.iter();
            let lost: Vec<String> = only_empty
                .chain(not_restored.map(|what| comment(&format!("It does not bring back {what}."))))
                .chain(going_back.map(|what| comment(&format!("It will {what}."))))
                .collect();
            generated.files.push(GeneratedFile {
                up: self.folder.join(format!("{label}.sql")),
                down: Some(self.folder.join(format!("{label}.down.sql"))),
                up_sql: format!("{consent}{}{}\n{}", about.concat(), moved(&up), up.sql),
                down_sql: Some(format!(
                    "{consent_back}-- Written by `heirloom generate`: the down migration.\n{}{}\n{}",
                    lost.concat(),
                    moved(&down),
                    down.sql
                )),
            });
            generated
                .changes
                .extend(up.changes.into_iter().map(|change| TableChange {
                    table: change.table,
                    kind: change.kind,
                    destroys: change.destroys,
                    file: Some(index),
                }));
        }
        Ok(generated)
    }

    /// Runs the files as they will be written, there and back, and compares: the migrations
    /// plus the files give the schema file, every boundary is a database that works, and
    /// the down migrations bring back what was.
    fn prove(&self, generated: &mut Generated) -> Result<(), Error> {
        let proof = copy_of(self.options, self.present)?;
        let known = in_new_names(broken(&proof, self.options)?, &self.renames);
        let mut states = vec![model(&proof, self.options)?];
        let mut broken_after = vec![known.clone()];
        for file in &generated.files {
            self.run_file(&proof, &file.up, &file.up_sql)?;
            let now = in_new_names(broken(&proof, self.options)?, &self.renames);
            if let Some(problem) = now.difference(&known).next() {
                return Err(unproved(&file.up, &format!("would leave {problem}")));
            }
            states.push(model(&proof, self.options)?);
            broken_after.push(now);
        }
        let (last, order) = (states.pop(), self.wishes.order);
        if let (Some(last), Some(file)) = (last, generated.files.last()) {
            expect_equal(&last, self.after, order, &file.up)?;
        }
        for file in generated.files.iter_mut().rev() {
            let Some((down, sql)) = file.down.clone().zip(file.down_sql.clone()) else {
                continue;
            };
            self.run_file(&proof, &down, &sql)?;
            if let Some(state) = states.pop() {
                let now = model(&proof, self.options)?;
                expect_equal(&now, &state, order, &down)?;
            }
            // A run makes nothing that does not work.
            let worked = broken_after.pop().unwrap_or_default();
            let again = broken_after.last().cloned().unwrap_or_default();
            if let Some(problem) = again.difference(&worked).next() {
                file.down = None;
                file.down_sql = None;
                file.up_sql = format!(
                    "-- heirloom: irreversible\n{}",
                    file.up_sql.replacen(
                        "-- Written by `heirloom generate`.\n",
                        &format!("-- Written by `heirloom generate`.\n-- There is no down migration to what did not work: {}.\n", problem.split_whitespace().collect::<Vec<_>>().join(" ")),
                        1
                    )
                );
            }
        }
        Ok(())
    }

    /// Runs the files once more over rows that are made up, because much that passes on an
    /// empty table fails on one with rows. Whether rows fit is for the users' rows to say; that
    /// none of them goes, and that nothing else fails, is not.
    fn prove_with_rows(&self, generated: &Generated) -> Result<(), Error> {
        let proof = copy_of(self.options, self.present)?;
        let schema = catalog::schema(&proof, &self.options.own_tables())?;
        let written = generated.files.iter().map(|file| file.up_sql.as_str());
        let applied = self.migrations.iter().map(|migration| migration.up.text());
        let wanted = self.after.tables.iter().map(|e| e.table.sql.as_str());
        let others = self.after.others.iter().map(|object| object.sql.as_str());
        let hints = Hints::of(written.chain(applied).chain(wanted).chain(others));
        fill::fill(&proof, &schema, &hints)?;
        let counts = |reversed: bool| {
            let ordinary = schema.tables.iter();
            // What may be destroyed may leave its name to something else.
            let goes = |table: &&Table| {
                let drop = format!("drop table `{}`", table.name);
                let mut destroyed = generated.changes.iter().flat_map(|change| &change.destroys);
                destroyed.any(|what| *what == drop)
            };
            let ordinary =
                ordinary.filter(|table| table.kind == TableKind::Ordinary && !goes(table));
            let tables = ordinary.map(|table| {
                let now = match reversed {
                    true => table.name.as_str(),
                    false => self.renames.name_after(&table.name),
                };
                Ok((table.name.clone(), catalog::row_count(&proof, now)?))
            });
            tables.collect::<Result<Vec<_>, Error>>()
        };
        let before = counts(true)?;
        let there = generated.files.iter().map(|file| (&file.up, &file.up_sql));
        let back = generated
            .files
            .iter()
            .rev()
            .map_while(|file| file.down.as_ref().zip(file.down_sql.as_ref()));
        for (reversed, files) in [(false, there.collect::<Vec<_>>()), (true, back.collect())] {
            for (path, sql) in files {
                let script = Script::new(path.display().to_string(), sql.clone());
                for statement in script.statements() {
                    match proof.execute_batch(statement.text) {
                        // They do not fulfil a constraint, and nothing more can be said.
                        Err(error) if is_of_rows(&error) => return Ok(()),
                        done => done.map_err(|e| statement_failure(&script, &statement, e))?,
                    }
                }
            }
            let after = counts(reversed)?;
            let fewer = before.iter().zip(&after).find(|((_, was), (_, now))| {
                // What comes back empty was allowed to go.
                now.is_some_and(|now| was.is_some_and(|was| now < was && (!reversed || now > 0)))
            });
            if let (Some(((table, _), _)), Some(file)) = (fewer, generated.files.last()) {
                return Err(unproved(&file.up, &format!("would lose rows of `{table}`")));
            }
        }
        Ok(())
    }

    fn run_file(&self, connection: &Connection, path: &Path, sql: &str) -> Result<(), Error> {
        let script = Script::new(path.display().to_string(), sql.to_owned());
        let task = MigrationStep::down(0, "generated", script)?;
        run_file(connection, &task.script)
    }

    /// What the schema file says itself, the SQLite that is asked for must be able to read.
    fn refuse_newer_syntax(&self, generated: &Generated) -> Result<(), Error> {
        for file in &generated.files {
            let script = Script::new(file.up.display().to_string(), file.up_sql.clone());
            if let Some(newer) = newer_syntax(&script, self.wishes.sqlite) {
                return Err(invalid(newer.words(self.wishes.sqlite))
                    .at(script.location(newer.start, false))
                    .with_help("nothing was written; write it in another way in the schema file"));
            }
        }
        Ok(())
    }

    fn refuse_destruction(&self, generated: &Generated) -> Result<(), Error> {
        let destroyed: Vec<&str> = generated
            .changes
            .iter()
            .flat_map(|change| &change.destroys)
            .map(String::as_str)
            .collect();
        if destroyed.is_empty() || self.wishes.allow_destructive {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Destructive,
            format!("it would {}", destroyed.join("; ")),
        )
        .with_help("allow it if that is intended; that is written into the migration")
        .with_remedy(Remedy::AllowDestructive { file: None }))
    }
}

/// A line for the reader, which a line break in a name would end.
fn comment(words: &str) -> String {
    let words: Vec<&str> = words.split(['\n', '\r']).collect();
    format!("-- {}\n", words.join(" "))
}

/// Whether a statement failed because of the rows it met. ALTER TABLE has no code for that.
fn is_of_rows(error: &rusqlite::Error) -> bool {
    let words = text(error);
    code(error) == Some(ErrorCode::ConstraintViolation)
        || words.ends_with("constraint failed")
        || words == "type mismatch on DEFAULT"
}

/// Files one after the other as one.
fn in_sequence(drafts: Vec<MigrationDraft>) -> MigrationDraft {
    let (ups, mut downs): (Vec<_>, Vec<_>) = drafts
        .into_iter()
        .map(|draft| (draft.up, draft.down))
        .unzip();
    downs.reverse();
    MigrationDraft {
        up: Composed::in_sequence(ups),
        down: Composed::in_sequence(downs),
    }
}

/// Whether an error is about what the developer wants, and no other way of writing it helps.
fn is_an_answer(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NeedsDefault | ErrorKind::Usage | ErrorKind::AmbiguousRename
    )
}

fn unproved(file: &Path, problem: &str) -> Error {
    Error::new(
        ErrorKind::InvalidMigration,
        format!("{} {problem}", file.display()),
    )
    .with_help(
        "nothing was written; write this change by hand, in a new migration, and please report it",
    )
    .with_remedy(Remedy::Create)
}

fn expect_equal(
    now: &Model,
    expected: &Model,
    order: ColumnOrder,
    file: &Path,
) -> Result<(), Error> {
    let left = difference(now, expected, order);
    match left.first_words() {
        None => Ok(()),
        Some(words) => Err(unproved(
            file,
            &format!("would not lead to the schema: {words}"),
        )),
    }
}

/// `users`, `users_and_notes`, `5_tables`: what a file is about, as a part of its name.
fn tables_of(composed: &Composed) -> String {
    // A name may be longer than a file system takes.
    let clean = |name: &str| -> String {
        name.chars()
            .take(LONGEST)
            .map(|c| if c.is_alphanumeric() { c } else { '_' })
            .collect()
    };
    let tables: Vec<String> = composed.changes.iter().map(|c| clean(&c.table)).collect();
    match tables.as_slice() {
        [one] => one.clone(),
        [one, other] => format!("{one}_and_{other}"),
        many => format!("{}_tables", many.len()),
    }
}

fn described(composed: &Composed) -> String {
    let kind = match composed.changes.as_slice() {
        [only] => only.kind.as_str(),
        [first, rest @ ..] if rest.iter().all(|change| change.kind == first.kind) => {
            first.kind.as_str()
        }
        _ => "change",
    };
    format!("{kind}_{}", tables_of(composed))
}

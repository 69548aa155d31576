//! `heirloom generate [NAME]`

use heirloom::devtools::{GenerateOptions, Generated, SqliteVersion};
use heirloom::error::RenameQuestion;

use crate::exit::{Exit, Failure};
use crate::output::ask;
use crate::output::json;
use crate::output::text::{self, BOLD, GREEN, YELLOW, styled};
use crate::output::ui::Ui;
use crate::settings::gather::Settings;
use crate::settings::migrator::{keeper, schema_file};

#[derive(Debug, clap::Args)]
pub(crate) struct Generate {
    /// The name of the files [default: what they do]
    pub(crate) name: Option<String>,
    /// Print the SQL, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Write nothing, and exit with 3 when something would be written
    #[arg(long)]
    pub(crate) check: bool,
    #[command(flatten)]
    pub(crate) answers: Answers,
    /// Allow what the changes destroy, and write that into the files
    #[arg(long)]
    pub(crate) allow_destructive: bool,
    /// Rebuild tables of which only the order of columns differs
    #[arg(long)]
    pub(crate) strict_order: bool,
    /// Write one migration for all changed tables, in place of one for each
    #[arg(long)]
    pub(crate) single: bool,
    #[command(flatten)]
    pub(crate) target: Target,
}

/// What runs the migrations.
#[derive(Debug, clap::Args)]
pub(crate) struct Target {
    /// The SQLite that runs the migrations, where it is older than this one: 3.46
    #[arg(long, value_name = "VERSION")]
    pub(crate) sqlite: Option<SqliteVersion>,
}

/// What is known beforehand of what would be asked.
#[derive(Debug, clap::Args)]
pub(crate) struct Answers {
    /// A column or a table was renamed: table.old=new, old_table=new_table; may be repeated
    #[arg(long, value_name = "OLD=NEW")]
    pub(crate) rename: Vec<String>,
    /// A column or a table was removed, not renamed: table.column, table; may be repeated
    #[arg(long, value_name = "GONE")]
    pub(crate) drop: Vec<String>,
}

impl Answers {
    pub(crate) fn given(&self) -> GenerateOptions {
        let renamed = self.rename.iter();
        let renamed = renamed.fold(GenerateOptions::new(), GenerateOptions::rename);
        self.drop.iter().fold(renamed, GenerateOptions::drop)
    }
}

pub(crate) fn run(ui: &mut Ui, settings: &Settings, options: &Generate) -> Result<Exit, Failure> {
    schema_file(settings)?;
    let generated = match generate(ui, settings, options) {
        // Something would be written, whatever the answer is.
        Err(failure) if options.check && failure.is_a_question() => {
            ui.failure(&failure);
            return Ok(Exit::CheckSaysNo);
        }
        generated => generated?,
    };
    let looks_only = options.dry_run || options.check;
    for note in &generated.notes {
        ui.line(&format!("{}     {note}", styled(YELLOW, "note")));
    }
    if generated.is_empty() {
        ui.line("nothing to do: the migrations already give the schema file");
    } else if looks_only {
        show(ui, &generated);
    } else {
        generated.write()?;
        for file in &generated.files {
            for path in [Some(&file.up), file.down.as_ref()].into_iter().flatten() {
                ui.line(&format!("{}  {}", styled(GREEN, "wrote"), text::path(path)));
            }
        }
        show_changes(ui, &generated);
    }
    let written = !looks_only && !generated.is_empty();
    ui.document(&json::generated(&generated, written));
    Ok(match options.check && !generated.is_empty() {
        true => Exit::CheckSaysNo,
        false => Exit::Done,
    })
}

/// Generates, and asks what must be known for it, as long as there is somebody to ask.
fn generate(ui: &mut Ui, settings: &Settings, options: &Generate) -> Result<Generated, Failure> {
    let mut wishes = options
        .answers
        .given()
        .sqlite(settings.sqlite(options.target.sqlite));
    if let Some(name) = &options.name {
        wishes = wishes.name(name);
    }
    if options.allow_destructive || options.check {
        wishes = wishes.allow_destructive();
    }
    if options.strict_order {
        wishes = wishes.strict_order();
    }
    if options.single || settings.single.value {
        wishes = wishes.single();
    }
    let migrator = keeper(settings)?;
    let may_ask = !options.check;
    answered(ui, wishes, may_ask, |_, wishes| {
        Ok(migrator.devtools().generate(wishes)?)
    })
}

/// Does what depends on what was renamed, and asks that as long as there is somebody to ask.
pub(super) fn answered<T>(
    ui: &mut Ui,
    mut wishes: GenerateOptions,
    may_ask: bool,
    mut work: impl FnMut(&mut Ui, &GenerateOptions) -> Result<T, Failure>,
) -> Result<T, Failure> {
    loop {
        let error = match work(ui, &wishes) {
            Err(Failure::Library(error)) => error,
            done => return done,
        };
        let question = error.rename_questions().first();
        let may_ask = may_ask && ui.can_ask();
        let answer = question
            .filter(|_| may_ask)
            .and_then(|question| ask(ui, question));
        wishes = match answer {
            Some(Answer::Renamed(rename)) => wishes.rename(rename),
            Some(Answer::Dropped(gone)) => wishes.drop(gone),
            None => return Err(error.into()),
        };
    }
}

/// What became of something that is gone.
enum Answer {
    Renamed(String),
    Dropped(String),
}

fn ask(ui: &mut Ui, question: &RenameQuestion) -> Option<Answer> {
    let subject = question.subject();
    let mut choices: Vec<String> = question
        .candidates
        .iter()
        .map(|candidate| format!("it was renamed to `{candidate}`; its data is kept"))
        .collect();
    choices.push("it was dropped; its data is destroyed".to_owned());
    let text = format!("`{subject}` is not in the schema file any more:");
    let chosen = ask::asks(ui, |ui| ui.choose(&text, &choices))?;
    Some(match question.candidates.get(chosen) {
        Some(candidate) => Answer::Renamed(question.renamed_to(candidate)),
        None => Answer::Dropped(subject),
    })
}

fn show(ui: &mut Ui, generated: &Generated) {
    let difference = text::schema_difference(&generated.schema_before, &generated.schema_after);
    if ui.is_on_a_terminal() {
        ui.block(&difference);
    }
    for file in &generated.files {
        let down = file.down.as_ref().zip(file.down_sql.as_ref());
        for (path, sql) in [(&file.up, &file.up_sql)].into_iter().chain(down) {
            ui.line(&styled(BOLD, text::path(path)));
            ui.block(&text::indented(sql));
        }
    }
    show_changes(ui, generated);
    ui.line("nothing was written");
}

fn show_changes(ui: &mut Ui, generated: &Generated) {
    for change in &generated.changes {
        ui.line(&format!("{:<8} {}", change.kind.as_str(), change.table));
        for what in &change.destroys {
            ui.line(&styled(YELLOW, format!("         would {what}")));
        }
    }
}

//! Every case of a run that is in a folder of its own. `tests/data/run/README.md` says what a
//! case holds.

use std::path::{Path, PathBuf};

use heirloom::inspect::ProblemKind;
use rusqlite::types::Value;

use crate::support::app::{App, contents, data};

#[test]
fn every_case_of_a_run_comes_out_as_its_folder_says() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/run");
    let mut folders: Vec<PathBuf> = std::fs::read_dir(cases)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    assert!(folders.len() > 30, "{}", folders.len());
    let outcomes = folders.iter().filter_map(|folder| {
        let problem = outcome(folder).err()?;
        Some(format!("{}: {problem}", folder.display()))
    });
    let wrong: Vec<String> = outcomes.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn prepare(folder: &Path) -> App {
    let app = App::new();
    for file in std::fs::read_dir(folder.join("migrations")).unwrap() {
        let file = file.unwrap();
        let name = file.file_name();
        let sql = std::fs::read_to_string(file.path()).unwrap();
        app.file(name.to_str().unwrap(), &sql);
    }
    app.sql(&std::fs::read_to_string(folder.join("before.sql")).unwrap());
    app
}

fn outcome(folder: &Path) -> Result<(), String> {
    let read = |file: &str| std::fs::read_to_string(folder.join(file)).unwrap();
    let expected = read("expect.txt").trim().to_owned();
    let app = prepare(folder);
    let before = contents(&app.database());
    let ran = app.run();
    if let Some(kind) = expected.strip_prefix("refused ") {
        let error = match ran {
            Ok(report) => return Err(format!("went through: {report}")),
            Err(error) => error,
        };
        return match (error.kind().as_str(), contents(&app.database()) == before) {
            (said, true) if said == kind => Ok(()),
            (said, unchanged) => Err(format!("{said}, unchanged {unchanged}: {error:#}")),
        };
    }
    let report = ran.map_err(|error| format!("{error:#}"))?;
    let drift = app.migrator().database(app.database()).doctor().unwrap();
    let drift = drift
        .problems
        .iter()
        .filter(|it| it.kind == ProblemKind::Drift);
    let drift: Vec<String> = drift.map(ToString::to_string).collect();
    if let Some(words) = expected.strip_prefix("note and finding: ") {
        says(&report.notes.join("\n"), words)?;
        let found = app.migrator().devtools().check().unwrap();
        return says(&found.to_string(), words);
    }
    if let Some(words) = expected.strip_prefix("doctor: drift,") {
        return says(&drift.join("\n"), words);
    }
    match (rows(&app, &read("check.sql")), drift.as_slice()) {
        (found, []) if found == expected => {}
        (found, drift) => return Err(format!("{found}, drift {drift:?}")),
    }
    let together = data(&app.database());
    let app = prepare(folder);
    for version in 1..=9 {
        let to = app.migrator().database(app.database()).migrate_to(version);
        if let Err(error) = to
            && app.migrations().join(format!("V{version}")).exists()
        {
            return Err(format!("one by one: {error:#}"));
        }
    }
    match data(&app.database()) == together {
        true => Ok(()),
        false => Err("one by one gives something else".to_owned()),
    }
}

/// Whether a text says every word, or one of those between bars.
fn says(text: &str, words: &str) -> Result<(), String> {
    let small = text.to_lowercase();
    let is_said = |word: &str| {
        let mut either = word.split('|').map(|word| word.trim().to_lowercase());
        either.any(|word| small.contains(&word))
    };
    match words.split(',').find(|word| !is_said(word)) {
        None => Ok(()),
        Some(word) => Err(format!("`{word}` is not in: {text}")),
    }
}

fn rows(app: &App, sql: &str) -> String {
    let connection = app.connect();
    let mut statement = connection.prepare(sql).unwrap();
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| {
        let values = (0..columns).map(|at| {
            Ok(match row.get(at)? {
                Value::Null => String::new(),
                Value::Integer(value) => value.to_string(),
                Value::Real(value) => value.to_string(),
                Value::Text(value) => value,
                Value::Blob(value) => format!("{value:?}"),
            })
        });
        Ok(values.collect::<rusqlite::Result<Vec<String>>>()?.join("|"))
    });
    let rows: Vec<String> = rows.unwrap().map(Result::unwrap).collect();
    rows.join(" ; ")
}

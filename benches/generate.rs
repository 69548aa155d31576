//! `generate` and `check`, against the same with fewer changes or a smaller schema:
//! `cargo bench --features devtools --bench generate`.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod common;

use std::path::Path;
use std::time::Duration;

use common::time;
use heirloom::Migrator;
use heirloom::devtools::GenerateOptions;

/// What becomes of a changed table.
#[derive(Debug, Clone, Copy)]
enum Change {
    /// ADD COLUMN.
    Column,
    /// NOT NULL on a column that had none: the table is rebuilt.
    Rebuild,
    /// ALTER TABLE … RENAME TO.
    Rename,
}

fn main() {
    let cases = [
        (200, 200, Change::Column, false),
        (200, 200, Change::Rebuild, false),
        (200, 50, Change::Rename, false),
        (200, 200, Change::Column, true),
        (200, 200, Change::Rebuild, true),
        (800, 1, Change::Column, false),
        (800, 1, Change::Rebuild, false),
        (800, 800, Change::Column, false),
        (800, 800, Change::Rebuild, false),
        (800, 20, Change::Rename, false),
        (800, 20, Change::Rebuild, true),
    ];
    let chosen: Vec<String> = std::env::args().skip(1).collect();
    for (at, (tables, changed, change, single)) in cases.into_iter().enumerate() {
        if !chosen
            .iter()
            .all(|it| it == "--bench" || *it == at.to_string())
        {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        let migrations = folder.path().join("migrations");
        std::fs::create_dir(&migrations).unwrap();
        let all: String = (0..tables).map(|n| table(n, None)).collect();
        write(&migrations.join("V1__all.sql"), &all);
        let wanted = |n: usize| {
            table(
                n,
                (n * changed / tables != (n + 1) * changed / tables).then_some(change),
            )
        };
        write(
            &migrations.join("schema.sql"),
            &(0..tables).map(wanted).collect::<String>(),
        );
        let migrator = Migrator::new(&migrations);
        let mut options = GenerateOptions::new();
        if single {
            options = options.single();
        }
        let taken = least(|| migrator.devtools().generate(&options).unwrap());
        let made = migrator.devtools().generate(&options).unwrap();
        println!(
            "{changed} of {tables} tables, {change:?}{}: {} files, {taken:.2?}",
            if single { ", single" } else { "" },
            made.files.len(),
        );
        made.write().unwrap();
        let taken = least(|| migrator.devtools().check().unwrap());
        println!("  check of {} files: {taken:.2?}", made.files.len() + 1);
    }
}

fn table(n: usize, change: Option<Change>) -> String {
    let name = match change {
        Some(Change::Rename) => format!("renamed_{n} -- was: t{n}\n"),
        _ => format!("t{n}"),
    };
    let not_null = match change {
        Some(Change::Rebuild) => " NOT NULL",
        _ => "",
    };
    let column = match change {
        Some(Change::Column) => ", note TEXT",
        _ => "",
    };
    format!(
        "CREATE TABLE {name} (id INTEGER PRIMARY KEY, name TEXT{not_null}, size INTEGER{column});\n\
         CREATE INDEX t{n}_name ON {name} (name);\n"
    )
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

/// The least of a few, because others use the machine too.
fn least<T>(mut work: impl FnMut() -> T) -> Duration {
    let first = time(&mut work);
    match first > Duration::from_secs(5) {
        true => first,
        false => first.min(time(&mut work)),
    }
}

//! Rows that are edited: reviewed first, done in one transaction, after a snapshot of the day.

use crate::studio::client::Studio;
use crate::support::app::{App, contents};

fn app() -> App {
    let app = App::new();
    app.file(
        "V1__notes.sql",
        "CREATE TABLE folders (id INTEGER PRIMARY KEY, name TEXT);
         CREATE TABLE notes (id INTEGER PRIMARY KEY, folder_id INTEGER REFERENCES folders (id) ON DELETE CASCADE, text TEXT, stars);
         CREATE VIEW v AS SELECT * FROM notes;",
    );
    app.run().unwrap();
    app.sql(
        "INSERT INTO folders VALUES (1, 'home');
        INSERT INTO notes VALUES (1, 1, 'a', 1), (2, 1, 'b', NULL)",
    );
    app
}

/// The form of a row as a browser sends it, with one field changed.
fn form(studio: &Studio, path: &str, change: &[(&str, &str)]) -> Vec<(String, String)> {
    let page = studio.page(path);
    let mut fields: Vec<(String, String)> = Vec::new();
    for input in page.split("<input type=\"hidden\" name=\"").skip(1) {
        let (name, rest) = input.split_once("\" value=\"").unwrap();
        let value = rest.split('"').next().unwrap();
        if name != "token" {
            fields.push((name.to_owned(), value.to_owned()));
        }
    }
    for select in page.split("<select name=\"").skip(1) {
        let name = select.split('"').next().unwrap();
        let before = select.split(" selected").next().unwrap();
        let value = before
            .rsplit("value=\"")
            .next()
            .unwrap()
            .trim_end_matches('"');
        fields.push((name.to_owned(), value.to_owned()));
    }
    for area in page.split("<textarea id=\"").skip(1) {
        let name = area.split('"').next().unwrap();
        let (_, rest) = area.split_once(">\n").unwrap();
        let value = rest.split("</textarea>").next().unwrap();
        fields.push((name.to_owned(), value.to_owned()));
    }
    for (name, value) in change {
        fields.retain(|(other, _)| other != name);
        fields.push(((*name).to_owned(), (*value).to_owned()));
    }
    fields
}

#[track_caller]
fn send(studio: &Studio, path: &str, fields: &[(String, String)]) -> String {
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    let answer = studio.post(path, &fields);
    match answer.status {
        303 => studio.page(answer.header("location").unwrap()),
        _ => answer.text(),
    }
}

#[test]
fn an_edit_is_reviewed_written_after_a_snapshot_and_seen_in_the_difference() {
    let app = app();
    let studio = Studio::entered(&app, &["--write"]);
    let before = contents(&app.database());
    let fields = form(
        &studio,
        "/edit/row?t=notes&key=i:1",
        &[("value-2", "new\r\ntext"), ("type-3", "null")],
    );
    let review = send(&studio, "/edit/row", &fields);
    assert!(
        review.contains("new↵text") && review.contains("Write 1 change"),
        "{review}"
    );
    let added = form(
        &studio,
        "/edit/new?t=notes",
        &[
            ("type-2", "text"),
            ("value-2", "c"),
            ("type-3", "integer"),
            ("value-3", "9007199254740993"),
        ],
    );
    send(&studio, "/edit/new", &added);
    let review = send(
        &studio,
        "/edit/delete",
        &[("t".into(), "notes".into()), ("key".into(), "i:2".into())],
    );
    assert!(review.contains("Write 3 changes"), "{review}");
    assert_eq!(contents(&app.database()), before);
    let page = studio.done("/edit/apply", &[]);
    assert!(page.contains("3 changes written"), "{page}");
    assert_eq!(app.text("SELECT group_concat(text || '|' || ifnull(typeof(stars) || stars, '-'), ';') FROM notes"), "new\ntext|null;c|integer9007199254740993".replace("|null;", "|-;"));
    assert!(
        studio
            .page("/edit")
            .contains("Nothing is going to be changed")
    );
    let snapshots: Vec<_> = std::fs::read_dir(app.folder().join("snapshots"))
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter(|name| name.starts_with("studio-"))
        .collect();
    assert_eq!(snapshots.len(), 1, "{snapshots:?}");
    assert_eq!(
        contents(&app.folder().join("snapshots").join(&snapshots[0])),
        before
    );
    // The second of a day takes none.
    let fields = form(
        &studio,
        "/edit/row?t=notes&key=i:1",
        &[("value-2", "again")],
    );
    send(&studio, "/edit/row", &fields);
    assert!(studio.done("/edit/apply", &[]).contains("1 change written"));
    let difference = studio.page(&format!("/backups/difference?b=snapshots/{}", snapshots[0]));
    assert!(difference.contains("notes"), "{difference}");
}

#[test]
fn a_row_that_somebody_changed_in_the_meantime_stops_all_of_it() {
    let app = app();
    let studio = Studio::entered(&app, &["--write"]);
    let one = form(&studio, "/edit/row?t=notes&key=i:1", &[("value-2", "mine")]);
    let two = form(
        &studio,
        "/edit/row?t=notes&key=i:2",
        &[("value-2", "mine too")],
    );
    send(&studio, "/edit/row", &one);
    send(&studio, "/edit/row", &two);
    app.sql("UPDATE notes SET text = 'theirs' WHERE id = 2");
    let before = contents(&app.database());
    let page = studio.done("/edit/apply", &[]);
    assert!(
        page.contains("failed") && page.contains("edit 2 (notes)"),
        "{page}"
    );
    assert_eq!(contents(&app.database()), before);
    // Nothing that was typed is lost.
    assert!(studio.page("/edit").contains("Write 2 changes"));
    studio.post("/edit/discard", &[("at", "1")]);
    assert!(studio.done("/edit/apply", &[]).contains("1 change written"));
    assert_eq!(
        app.text("SELECT group_concat(text) FROM notes"),
        "mine,theirs"
    );
}

#[test]
fn foreign_keys_are_enforced_and_what_refers_to_a_row_is_told() {
    let app = app();
    let studio = Studio::entered(&app, &["--write"]);
    let before = contents(&app.database());
    let fields = form(&studio, "/edit/row?t=notes&key=i:1", &[("value-1", "77")]);
    send(&studio, "/edit/row", &fields);
    assert!(
        studio
            .done("/edit/apply", &[])
            .contains("FOREIGN KEY constraint failed")
    );
    assert_eq!(contents(&app.database()), before);
    studio.post("/edit/discard", &[]);
    let plan = studio.page("/edit/delete?t=folders&key=i:1");
    assert!(
        plan.contains("2 rows of notes refer to it") && plan.contains("cascade"),
        "{plan}"
    );
    send(
        &studio,
        "/edit/delete",
        &[("t".into(), "folders".into()), ("key".into(), "i:1".into())],
    );
    assert!(studio.done("/edit/apply", &[]).contains("1 change written"));
    assert_eq!(app.number("SELECT count(*) FROM notes"), 0);
}

#[test]
fn what_cannot_be_held_or_edited_is_refused_with_what_was_typed() {
    let app = app();
    app.sql("INSERT INTO notes (id, text) VALUES (5, CAST(x'ff' AS TEXT)), (6, printf('%.70000c', 'x'))");
    let studio = Studio::entered(&app, &["--write"]);
    let fields = form(
        &studio,
        "/edit/row?t=notes&key=i:1",
        &[("value-1", "9223372036854775808")],
    );
    let page = send(&studio, "/edit/row", &fields);
    assert!(
        page.contains("is not a whole number")
            && page.contains(">\n9223372036854775808</textarea>"),
        "{page}"
    );
    let fields = form(&studio, "/edit/row?t=notes&key=i:1", &[]);
    assert!(send(&studio, "/edit/row", &fields).contains("nothing is different"));
    for key in ["i:5", "i:6"] {
        let page = studio.page(&format!("/edit/row?t=notes&key={key}"));
        assert!(
            page.contains("cannot be edited here") && !page.contains("value-2"),
            "{key}"
        );
    }
    for table in [
        "v",
        "refinery_schema_history",
        "heirloom_log",
        "sqlite_schema",
        "nothing",
    ] {
        let answer = studio.get(&format!("/edit/row?t={table}&key=i:1"));
        assert_eq!(answer.status, 404, "{table}");
        let answer = studio.post("/edit/delete", &[("t", table), ("key", "i:1")]);
        assert_eq!(answer.status, 404, "{table}");
    }
    assert!(
        studio
            .page("/edit")
            .contains("Nothing is going to be changed")
    );
}

#[test]
fn without_write_there_is_no_form() {
    let app = app();
    let studio = Studio::entered(&app, &[]);
    for page in [
        "/edit/row?t=notes&key=i:1",
        "/edit/new?t=notes",
        "/edit/delete?t=notes&key=i:1",
    ] {
        assert_eq!(studio.get(page).status, 403, "{page}");
    }
    let row = studio.page("/data/row?t=notes&key=i:1");
    assert!(!row.contains("/edit/"), "{row}");
}

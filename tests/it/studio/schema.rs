//! The schema as a picture, as pages, and as it should be.

use crate::studio::client::Studio;
use crate::support::app::App;

#[test]
fn the_picture_has_every_table_and_key_and_stays_small_with_200_tables() {
    let app = App::new();
    let mut sql = String::new();
    for at in 0..200 {
        sql += &format!(
            "CREATE TABLE part{}_table_{at} (id INTEGER PRIMARY KEY, other_id INTEGER NOT NULL REFERENCES part{}_table_{});\n",
            at % 8,
            (at / 2) % 8,
            at / 2
        );
    }
    app.file("V1__many.sql", &sql);
    app.run().unwrap();
    let studio = Studio::entered(&app, &[]);
    let page = studio.page("/schema");
    assert!(page.len() < 300_000, "{}", page.len());
    assert_eq!(page.matches("class=\"entity\"").count(), 200);
    let file = studio.get("/schema.svg");
    assert_eq!(file.header("content-type"), Some("image/svg+xml"));
    assert!(
        file.header("content-disposition")
            .unwrap()
            .starts_with("attachment")
    );
    assert!(
        file.header("content-security-policy")
            .unwrap()
            .starts_with("sandbox")
    );
    // All but the reference of table 0 to itself.
    assert_eq!(file.text().matches("data-from=").count(), 199);
}

#[test]
fn a_table_is_described_and_drift_is_shown() {
    let app = App::new();
    app.file(
        "V1__a.sql",
        "CREATE TABLE a (id INTEGER PRIMARY KEY, x TEXT NOT NULL DEFAULT 'y' CHECK (x <> ''));
        CREATE TABLE b (a_id REFERENCES a (id) ON DELETE CASCADE);
        CREATE INDEX by_x ON a (x);",
    );
    app.run().unwrap();
    std::fs::write(app.migrations().join("schema.sql"), "CREATE TABLE a (id INTEGER PRIMARY KEY, x TEXT NOT NULL DEFAULT 'y' CHECK (x <> ''), z TEXT);
        CREATE TABLE b (a_id REFERENCES a (id) ON DELETE CASCADE); CREATE INDEX by_x ON a (x);").unwrap();
    let studio = Studio::entered(&app, &[]);
    let page = studio.page("/schema/table?t=a");
    for part in ["by_x", "x &lt;&gt; ''", "not null", "/schema/table?t=b"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(
        studio
            .page("/schema/table?t=b")
            .contains("on delete cascade")
    );
    let drift = studio.page("/schema/drift");
    assert!(
        drift.contains("No drift") && drift.contains("ADD") && drift.contains("COLUMN"),
        "{drift}"
    );
    app.sql("DROP INDEX by_x");
    assert!(studio.page("/schema/drift").contains("by_x"));
    let generated = studio.page("/migrations/generate");
    assert!(
        generated.contains(".down.sql") && generated.contains("alter"),
        "{generated}"
    );
    assert!(std::fs::read_dir(app.migrations()).unwrap().count() == 2);
}

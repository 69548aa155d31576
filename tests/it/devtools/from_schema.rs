//! From a schema file to migrations: what is written, and what of the data is left after it ran.

use heirloom::devtools::{GenerateOptions, Generated, SqliteVersion};
use heirloom::report::ChangeKind;
use heirloom::{Error, ErrorKind, RevertTo};
use rusqlite::Connection;

use crate::support::app::{App, contents};

/// Everything a developer does after a schema file was edited.
impl App {
    pub fn schema(&self, sql: &str) -> &App {
        std::fs::write(self.migrations().join("schema.sql"), sql).unwrap();
        self
    }

    pub fn generate(&self, wishes: &GenerateOptions) -> Result<Generated, Error> {
        self.migrator().devtools().generate(wishes)
    }

    /// Generates, writes and runs.
    #[track_caller]
    pub fn evolve(&self, schema: &str, wishes: &GenerateOptions) -> Generated {
        let generated = self.written(schema, wishes);
        let report = self.run().unwrap_or_else(|error| panic!("{error:#}"));
        let told = report.notes.join("\n");
        assert!(
            !told.contains("other rowids") && !told.contains("is gone"),
            "{told}"
        );
        self.sound();
        generated
    }

    /// Generates and writes, after which nothing is left to generate.
    #[track_caller]
    pub fn written(&self, schema: &str, wishes: &GenerateOptions) -> Generated {
        self.schema(schema);
        let generated = self
            .generate(wishes)
            .unwrap_or_else(|error| panic!("{error:#}"));
        generated.write().unwrap();
        let again = self.generate(&GenerateOptions::new()).unwrap();
        assert!(again.is_empty(), "{:#?}", again.files);
        generated
    }

    /// Takes the generated files back, and expects the schema from before them.
    #[track_caller]
    pub fn goes_back(&self, generated: &Generated) {
        let steps = RevertTo::Steps(generated.files.len());
        let report = self
            .migrator()
            .database(self.database())
            .revert(steps)
            .unwrap_or_else(|error| panic!("{error:#}"));
        let differs: Vec<_> = report
            .notes
            .iter()
            .filter(|note| note.contains("not as before") && !note.contains("another order"))
            .collect();
        assert!(differs.is_empty(), "{differs:#?}");
        self.sound();
    }

    #[track_caller]
    pub fn sound(&self) {
        assert_eq!(self.text("PRAGMA integrity_check"), "ok");
        assert_eq!(
            self.number("SELECT count(*) FROM pragma_foreign_key_check"),
            0
        );
    }

    /// Every row of a query, values joined by `|`, rows by a space.
    pub fn rows(&self, sql: &str) -> String {
        rows_of(&self.connect(), sql)
    }
}

pub fn rows_of(connection: &Connection, sql: &str) -> String {
    let mut statement = connection.prepare(sql).unwrap();
    let columns = statement.column_count();
    let rows = statement
        .query_map([], |row| {
            let values: Vec<String> = (0..columns)
                .map(|index| match row.get_ref(index).unwrap() {
                    rusqlite::types::ValueRef::Null => "NULL".into(),
                    rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                    rusqlite::types::ValueRef::Real(number) => format!("{number:?}"),
                    rusqlite::types::ValueRef::Text(text) => {
                        String::from_utf8_lossy(text).into_owned()
                    }
                    rusqlite::types::ValueRef::Blob(bytes) => format!("x{bytes:?}"),
                })
                .collect();
            Ok(values.join("|"))
        })
        .unwrap();
    rows.map(Result::unwrap).collect::<Vec<_>>().join(" ")
}

pub fn plainly() -> GenerateOptions {
    GenerateOptions::new()
}

pub fn consenting() -> GenerateOptions {
    GenerateOptions::new().allow_destructive()
}

pub fn kinds(generated: &Generated) -> Vec<(&str, ChangeKind)> {
    let changes = generated.changes.iter();
    changes
        .map(|change| (change.table.as_str(), change.kind))
        .collect()
}

/// A database with this schema and these rows.
pub fn app(schema: &str, rows: &str) -> App {
    let app = App::new();
    app.evolve(schema, &plainly());
    app.sql(rows);
    app
}

/// One way from a schema to another with rows in it.
struct Case {
    before: &'static str,
    rows: &'static str,
    after: &'static str,
    kind: ChangeKind,
    /// Asked afterwards.
    query: &'static str,
    answer: &'static str,
}

#[track_caller]
fn there_and_back(case: &Case, wishes: &GenerateOptions) {
    let Case {
        before,
        rows,
        after,
        kind,
        query,
        answer,
    } = case;
    let app = app(before, rows);
    let generated = app.evolve(after, wishes);
    let first = &generated.changes[0];
    assert_eq!(first.kind, *kind, "{after}\n{}", generated.files[0].up_sql);
    assert_eq!(app.rows(query), *answer, "{}", generated.files[0].up_sql);
    app.goes_back(&generated);
}

#[test]
fn what_alter_table_can_do_is_left_to_it_and_the_rest_is_built_anew() {
    use ChangeKind::{Alter, Rebuild};
    // Since SQLite 3.53.
    let constraint = match heirloom::rusqlite::version_number() >= 3_053_000 {
        true => Alter,
        false => Rebuild,
    };
    let before = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b INT NOT NULL DEFAULT 1, c INT, CONSTRAINT positive CHECK (b > 0));";
    let rows = "INSERT INTO t VALUES (3, 'x', 2, 7), (9, 'y', 4, 8)";
    let all = "SELECT * FROM t";
    let cases: &[(&str, ChangeKind, &str)] = &[
        // Columns that ADD COLUMN takes, and those that it refuses where there are rows.
        (
            "id INTEGER PRIMARY KEY, a TEXT, b INT NOT NULL DEFAULT 1, c INT, d TEXT, CONSTRAINT positive CHECK (b > 0)",
            Alter,
            "3|x|2|7|NULL 9|y|4|8|NULL",
        ),
        (
            "id INTEGER PRIMARY KEY, a TEXT, d TEXT NOT NULL DEFAULT 'n', b INT NOT NULL DEFAULT 1, c INT, CONSTRAINT positive CHECK (b > 0)",
            Alter,
            "3|x|2|7|n 9|y|4|8|n",
        ),
        (
            "id INTEGER PRIMARY KEY, a TEXT, b INT NOT NULL DEFAULT 1, c INT, d INT AS (b + c), CONSTRAINT positive CHECK (b > 0)",
            Alter,
            "3|x|2|7|9 9|y|4|8|12",
        ),
        (
            "id INTEGER PRIMARY KEY, a TEXT, b INT NOT NULL DEFAULT 1, c INT, d INT AS (b + c) STORED, CONSTRAINT positive CHECK (b > 0)",
            Rebuild,
            "3|x|2|7|9 9|y|4|8|12",
        ),
        (
            "id INTEGER PRIMARY KEY, a TEXT, b INT NOT NULL DEFAULT 1, c INT, d INT DEFAULT (1 + 1), CONSTRAINT positive CHECK (b > 0)",
            Rebuild,
            "3|x|2|7|2 9|y|4|8|2",
        ),
        (
            "id INTEGER PRIMARY KEY, a TEXT, b INT NOT NULL DEFAULT 1, c INT, d INT UNIQUE, CONSTRAINT positive CHECK (b > 0)",
            Rebuild,
            "3|x|2|7|NULL 9|y|4|8|NULL",
        ),
        // Constraints.
        (
            "id INTEGER PRIMARY KEY, a TEXT NOT NULL, b INT NOT NULL DEFAULT 1, c INT, CONSTRAINT positive CHECK (b > 0)",
            constraint,
            "3|x|2|7 9|y|4|8",
        ),
        (
            "id INTEGER PRIMARY KEY, a TEXT, b INT DEFAULT 1, c INT, CONSTRAINT positive CHECK (b > 0)",
            constraint,
            "3|x|2|7 9|y|4|8",
        ),
        (
            "id INTEGER PRIMARY KEY, a TEXT, b INT NOT NULL DEFAULT 1, c INT",
            constraint,
            "3|x|2|7 9|y|4|8",
        ),
        (
            "id INTEGER PRIMARY KEY, a TEXT, b INT NOT NULL DEFAULT 1, c INT CHECK (t.c <> 3), CONSTRAINT positive CHECK (b > 0)",
            constraint,
            "3|x|2|7 9|y|4|8",
        ),
        (
            "id INTEGER PRIMARY KEY, a TEXT UNIQUE, b INT NOT NULL DEFAULT 1, c INT, CONSTRAINT positive CHECK (b > 0)",
            Rebuild,
            "3|x|2|7 9|y|4|8",
        ),
        (
            "id INTEGER PRIMARY KEY, a TEXT, b INT NOT NULL DEFAULT 2, c INT, CONSTRAINT positive CHECK (b > 0)",
            Rebuild,
            "3|x|2|7 9|y|4|8",
        ),
        (
            "id INTEGER PRIMARY KEY, a TEXT COLLATE NOCASE, b INT NOT NULL DEFAULT 1, c INT, CONSTRAINT positive CHECK (b > 0)",
            Rebuild,
            "3|x|2|7 9|y|4|8",
        ),
        (
            "id INTEGER PRIMARY KEY AUTOINCREMENT, a TEXT, b INT NOT NULL DEFAULT 1, c INT, CONSTRAINT positive CHECK (b > 0)",
            Rebuild,
            "3|x|2|7 9|y|4|8",
        ),
        (
            "id INTEGER PRIMARY KEY, a VARCHAR(20), b INT NOT NULL DEFAULT 1, c INT, CONSTRAINT positive CHECK (b > 0)",
            Rebuild,
            "3|x|2|7 9|y|4|8",
        ),
        (
            "id INTEGER, a TEXT, b INT NOT NULL DEFAULT 1, c INT, CONSTRAINT positive CHECK (b > 0)",
            Rebuild,
            "3|x|2|7 9|y|4|8",
        ),
    ];
    for (columns, kind, answer) in cases {
        let after: &'static str = format!("CREATE TABLE t ({columns});").leak();
        let kind = *kind;
        there_and_back(
            &Case {
                before,
                rows,
                after,
                kind,
                query: all,
                answer,
            },
            &plainly(),
        );
    }
    for (columns, kind, answer) in [
        (
            "id INTEGER PRIMARY KEY, a TEXT, b INT NOT NULL DEFAULT 1, CONSTRAINT positive CHECK (b > 0)",
            Alter,
            "3|x|2 9|y|4",
        ),
        (
            "id INTEGER PRIMARY KEY, a TEXT, c INT",
            constraint,
            "3|x|7 9|y|8",
        ),
        (
            "id INTEGER PRIMARY KEY, b INT NOT NULL DEFAULT 1, CONSTRAINT positive CHECK (b > 0)",
            Alter,
            "3|2 9|4",
        ),
        ("id INTEGER PRIMARY KEY", Rebuild, "3 9"),
    ] {
        let after: &'static str = format!("CREATE TABLE t ({columns});").leak();
        there_and_back(
            &Case {
                before,
                rows,
                after,
                kind,
                query: all,
                answer,
            },
            &consenting(),
        );
    }
}

#[test]
fn quoting_case_comments_order_and_place_of_a_constraint_are_no_change() {
    let app = app(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY, code TEXT UNIQUE);
         CREATE TABLE child (
             id INTEGER PRIMARY KEY, -- the key
             a INT NOT NULL DEFAULT 5 CHECK (a <> 3),
             p INT REFERENCES parent ON DELETE CASCADE,
             name VARCHAR(10) DEFAULT 'x'
         );
         CREATE INDEX by_a ON child (a ASC) WHERE a <> 4;
         CREATE TRIGGER tr AFTER INSERT ON child FOR EACH ROW BEGIN SELECT 1; END;
         CREATE VIEW v AS SELECT id FROM child;",
        "",
    );
    app.schema(
        "PRAGMA foreign_keys=OFF; BEGIN TRANSACTION;
         create view if not exists V as select \"id\" from [child];
         CREATE TABLE IF NOT EXISTS \"Child\" (`id` integer primary key, [a] int not null default (5),
             p int, name varchar( 10 ) default 'x', CHECK (\"a\" != 3),
             FOREIGN KEY (p) REFERENCES Parent (ID) ON DELETE CASCADE ON UPDATE NO ACTION);
         CREATE TRIGGER tr AFTER INSERT ON child /* note */ BEGIN SELECT 1; END;
         create index BY_A on child (\"a\") where child.a != 4;
         CREATE TABLE parent (id INTEGER PRIMARY KEY, code TEXT, UNIQUE (code));
         CREATE TABLE sqlite_sequence(name,seq);
         CREATE TABLE refinery_schema_history (version INTEGER);
         COMMIT;",
    );
    let generated = app.generate(&plainly()).unwrap();
    assert!(generated.is_empty(), "{:#?}", generated.files);
}

/// As `sqlite_schema` has it, without the IF NOT EXISTS of `.schema`.
#[test]
fn the_storage_of_a_virtual_table_is_passed_over_in_a_schema_file() {
    let search = "CREATE VIRTUAL TABLE s USING fts5 (x);";
    let app = app(search, "");
    app.schema(&format!(
        "{search}
         CREATE TABLE 's_data'(id INTEGER PRIMARY KEY, block BLOB);
         CREATE TABLE S_CONTENT(id INTEGER PRIMARY KEY, c0);"
    ));
    let generated = app.generate(&plainly()).unwrap();
    assert!(generated.is_empty(), "{:#?}", generated.files);
}

#[test]
fn a_rebuilt_parent_keeps_its_children_and_a_tree_its_branches() {
    let schema = |default: &str| {
        format!(
            "CREATE TABLE node (id INTEGER PRIMARY KEY, parent INT REFERENCES node (id) ON DELETE CASCADE, name TEXT {default});
             CREATE TABLE leaf (id INTEGER PRIMARY KEY, node INT NOT NULL REFERENCES node (id) ON DELETE CASCADE);
             CREATE TRIGGER leaf_gone AFTER DELETE ON leaf BEGIN INSERT INTO log VALUES ('gone'); END;
             CREATE TABLE log (what TEXT);"
        )
    };
    let app = app(
        &schema(""),
        "INSERT INTO node VALUES (1, NULL, 'a'), (2, 1, 'b'), (3, 2, NULL);
         INSERT INTO leaf VALUES (10, 1), (11, 3)",
    );
    let generated = app.evolve(&schema("DEFAULT 'none'"), &plainly());
    assert_eq!(kinds(&generated), [("node", ChangeKind::Rebuild)]);
    let rows = || {
        (
            app.rows("SELECT * FROM node"),
            app.rows("SELECT * FROM leaf"),
            app.rows("SELECT * FROM log"),
        )
    };
    let expected = (
        "1|NULL|a 2|1|b 3|2|NULL".to_owned(),
        "10|1 11|3".to_owned(),
        String::new(),
    );
    assert_eq!(rows(), expected);
    app.goes_back(&generated);
    assert_eq!(rows(), expected);
    app.sql("PRAGMA foreign_keys = ON; DELETE FROM node WHERE id = 2");
    assert_eq!(app.rows("SELECT * FROM log"), "gone");
}

#[test]
fn a_likely_rename_is_refused_with_both_readings_until_somebody_answers() {
    let before = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
        CREATE INDEX by_name ON users (name);
        CREATE VIEW names AS SELECT name FROM users;";
    let renamed = "CREATE TABLE users (id INTEGER PRIMARY KEY, full_name TEXT NOT NULL);
        CREATE INDEX by_name ON users (full_name);
        CREATE VIEW names AS SELECT full_name FROM users;";
    let rows = "INSERT INTO users VALUES (1, 'Ada'), (2, 'Bo')";
    let unanswered = app(before, rows);
    let listing = unanswered.listing();
    unanswered.schema(renamed);
    let error = unanswered.generate(&consenting()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AmbiguousRename);
    let text = error.to_string();
    assert!(
        text.contains("renamed") && text.contains("dropped"),
        "{text}"
    );
    assert_eq!(error.rename_questions()[0].subject(), "users.name");
    assert_eq!(error.rename_questions()[0].candidates, ["full_name"]);
    assert_eq!(unanswered.listing().len(), listing.len());

    let noted = renamed.replace(
        "full_name TEXT NOT NULL)",
        "full_name TEXT NOT NULL -- was: name\n)",
    );
    for (schema, wishes) in [
        (renamed, plainly().rename("users.name=full_name")),
        (noted.as_str(), plainly()),
    ] {
        let app = app(before, rows);
        let generated = app.evolve(schema, &wishes);
        assert_eq!(kinds(&generated), [("users", ChangeKind::Rename)]);
        assert!(generated.files[0].up_sql.contains("RENAME COLUMN"));
        assert_eq!(app.rows("SELECT * FROM names"), "Ada Bo");
        app.goes_back(&generated);
        assert_eq!(app.rows("SELECT name FROM users"), "Ada Bo");
    }

    let other = "CREATE TABLE users (id INTEGER PRIMARY KEY, full_name TEXT);";
    let app = app(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);",
        rows,
    );
    app.evolve(other, &consenting().drop("users.name"));
    assert_eq!(app.rows("SELECT * FROM users"), "1|NULL 2|NULL");
}

#[test]
fn a_renamed_table_takes_references_triggers_and_views_along() {
    let schema = |table: &str, note: &str| {
        format!(
            "{note}
             CREATE TABLE {table} (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT);
             CREATE TABLE pet (id INTEGER PRIMARY KEY, owner INT REFERENCES {table} (id) ON DELETE CASCADE);
             CREATE INDEX by_name ON {table} (name);
             CREATE VIEW names AS SELECT name FROM {table};
             CREATE TRIGGER added AFTER INSERT ON {table} BEGIN UPDATE {table} SET name = 'x' WHERE id = new.id; END;"
        )
    };
    let rows = "INSERT INTO person VALUES (7, 'a'); INSERT INTO pet VALUES (1, 7)";
    let refused = app(&schema("person", ""), rows);
    refused.schema(&schema("people", ""));
    let error = refused.generate(&consenting()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AmbiguousRename);
    for (note, wishes) in [
        ("", plainly().rename("person=people")),
        ("-- was: person", plainly()),
    ] {
        let app = app(&schema("person", ""), rows);
        let generated = app.evolve(&schema("people", note), &wishes);
        assert_eq!(kinds(&generated), [("people", ChangeKind::Rename)]);
        app.sql("INSERT INTO people (name) VALUES ('b')");
        assert_eq!(app.rows("SELECT * FROM people"), "7|x 8|x");
        app.goes_back(&generated);
        app.sql("PRAGMA foreign_keys = ON; DELETE FROM person WHERE id = 7");
        assert_eq!(app.rows("SELECT count(*) FROM pet"), "0");
    }
}

#[test]
fn what_destroys_needs_consent_and_the_consent_is_in_the_file() {
    let before = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b INT); CREATE TABLE gone (x);
        CREATE INDEX i ON t (a); CREATE VIEW v AS SELECT id FROM t;";
    let cases = [
        (
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b INT);",
            "drop table `gone`",
        ),
        (
            "CREATE TABLE t (id INTEGER PRIMARY KEY, b INT); CREATE TABLE gone (x);",
            "drop column `a`",
        ),
        (
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b INT); CREATE TABLE gone (x);",
            "from TEXT to INT",
        ),
        (
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b INT AS (id)); CREATE TABLE gone (x);",
            "becomes generated",
        ),
    ];
    for (after, words) in cases {
        let app = app(
            before,
            "INSERT INTO t VALUES (1, '5', 2); INSERT INTO gone VALUES (1)",
        );
        let before = contents(&app.database());
        app.schema(after);
        let error = app.generate(&plainly()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Destructive, "{after}");
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(contents(&app.database()), before);
        let generated = app.evolve(after, &consenting());
        assert!(
            generated
                .changes
                .iter()
                .any(|change| !change.destroys.is_empty())
        );
        let consents = generated
            .files
            .iter()
            .any(|file| file.up_sql.starts_with("-- heirloom: allow-destructive\n"));
        assert!(consents, "{:#?}", generated.files);
        app.goes_back(&generated);
    }
    // Indexes, triggers and views hold nothing of their own.
    let app = app(before, "");
    app.evolve(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b INT); CREATE TABLE gone (x);",
        &plainly(),
    );
    assert_eq!(
        app.number("SELECT count(*) FROM sqlite_schema WHERE name IN ('i', 'v')"),
        0
    );
}

#[test]
fn a_new_column_that_must_not_be_null_needs_something_to_hold() {
    let app = app(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, first TEXT, last TEXT);",
        "INSERT INTO t VALUES (1, 'A', 'B'), (2, 'C', 'D')",
    );
    let columns = "id INTEGER PRIMARY KEY, first TEXT, last TEXT";
    app.schema(&format!(
        "CREATE TABLE t ({columns}, full_name TEXT NOT NULL);"
    ));
    let error = app.generate(&plainly()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NeedsDefault);
    assert!(error.to_string().contains("`full_name` of `t`"), "{error}");
    assert!(error.help().unwrap().contains("-- using:"), "{error}");
    let generated = app.evolve(
        &format!("CREATE TABLE t ({columns},\n full_name TEXT NOT NULL -- using: first || ' ' || last\n);"),
        &plainly(),
    );
    assert_eq!(app.rows("SELECT full_name FROM t"), "A B C D");
    // The note says how it came about, and does it once.
    app.sql("UPDATE t SET full_name = 'kept' WHERE id = 1");
    app.evolve(
        &format!("CREATE TABLE t ({columns}, full_name TEXT NOT NULL DEFAULT '?' -- using: first || ' ' || last\n);"),
        &plainly(),
    );
    assert_eq!(app.rows("SELECT full_name FROM t"), "kept C D");
    assert!(
        !app.text("SELECT sql FROM sqlite_schema WHERE name = 't'")
            .contains("using")
    );
    assert_eq!(generated.changes[0].kind, ChangeKind::Rebuild);
}

#[test]
fn nulls_take_the_default_and_without_one_they_are_counted_and_refused() {
    let before = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT DEFAULT 'd', b TEXT);
        CREATE TRIGGER touched AFTER UPDATE ON t BEGIN UPDATE t SET b = 'touched' WHERE id = new.id; END;";
    let rows = "INSERT INTO t VALUES (1, NULL, 'x'), (2, 'y', NULL), (3, NULL, NULL)";
    for trigger in [true, false] {
        let app = app(before, rows);
        let own = before.replace("a TEXT DEFAULT 'd'", "a TEXT NOT NULL DEFAULT 'd'");
        let table = own.split_inclusive(';').next().unwrap();
        let generated = app.evolve(if trigger { &own } else { table }, &plainly());
        assert_eq!(
            app.rows("SELECT a, b FROM t"),
            "d|x y|NULL d|NULL",
            "{}",
            generated.files[0].up_sql
        );
        app.goes_back(&generated);
    }
    let app = app(before, rows);
    app.written(&before.replace("b TEXT", "b TEXT NOT NULL"), &plainly());
    let error = app.refused(ErrorKind::MigrationFailed);
    let text = error.to_string();
    assert!(
        text.contains("rows of `t` without `b`: 2, for example where `id` is 2"),
        "{text}"
    );
    assert!(error.help().unwrap().contains("-- using:"), "{error}");
    app.sql("UPDATE t SET b = ''");
    app.run().unwrap();
}

#[test]
fn a_value_that_another_type_would_alter_ends_the_run_and_is_shown() {
    let cases = [
        ("TEXT", "INTEGER", "'007'", "'007'"),
        ("TEXT", "INTEGER", "'1e3'", "'1e3'"),
        ("TEXT", "INTEGER", "'abc'", "'abc'"),
        ("TEXT", "INTEGER", "' 12 '", "' 12 '"),
        ("TEXT", "INTEGER", "'1.5'", "'1.5'"),
        ("TEXT", "INTEGER", "''", "''"),
        ("TEXT", "NUMERIC", "'+5'", "'+5'"),
        (
            "TEXT",
            "NUMERIC",
            "'12345678901234567890'",
            "'12345678901234567890'",
        ),
        ("TEXT", "REAL", "'9007199254740993'", "'9007199254740993'"),
        ("", "INTEGER", "x'00ff'", "X'00FF'"),
        ("", "TEXT", "x'00ff'", "X'00FF'"),
        ("INTEGER", "REAL", "9007199254740993", "9007199254740993"),
        ("REAL", "INTEGER", "1.5", "1.5"),
        ("REAL", "INTEGER", "9e999", "9.0e+999"),
    ];
    for (from, to, value, shown) in cases {
        let schema = |kind: &str| format!("CREATE TABLE t (id INTEGER PRIMARY KEY, v {kind});");
        let app = app(
            &schema(from),
            &format!("INSERT INTO t VALUES (1, {value}), (2, NULL)"),
        );
        app.written(&schema(to), &consenting());
        let error = app.refused(ErrorKind::MigrationFailed);
        let text = error.to_string();
        assert!(
            text.contains("values of `t`.`v`"),
            "{from} {to} {value}: {text}"
        );
        assert!(
            text.contains(&format!(": 1, for example {shown}")),
            "{from} {to} {value}: {text}"
        );
        assert_eq!(app.rows("SELECT typeof(v) FROM t WHERE id = 2"), "null");
    }
}

/// The check stands at the top of the file, so nothing needs to be copied to find out.
#[test]
fn rows_that_do_not_fit_are_told_by_show_and_refused_before_a_copy_is_taken() {
    let schema = |kind: &str| format!("CREATE TABLE t (id INTEGER PRIMARY KEY, v {kind});");
    let app = app(&schema("TEXT"), "INSERT INTO t VALUES (1, '007')");
    app.written(&schema("INTEGER"), &consenting());
    let status = app.migrator().database(app.database()).status().unwrap();
    assert!(
        status
            .problem
            .unwrap()
            .to_string()
            .contains("for example '007'")
    );
    let backups = app.backups();
    let error = app.refused(ErrorKind::MigrationFailed);
    assert!(error.backup().is_none(), "{error:#}");
    assert_eq!(app.backups(), backups);
    // What a file before it fixes is not asked too early.
    app.file(
        "U20200101000000__mend.sql",
        "UPDATE t SET v = ltrim(v, '0');",
    );
    app.run().unwrap();
    assert_eq!(app.rows("SELECT v, typeof(v) FROM t"), "7|integer");
}

#[test]
fn values_that_fit_another_type_come_through_and_a_conversion_is_done_as_it_is_written() {
    let cases = [
        ("TEXT", "INTEGER", "'42'", "42|integer"),
        ("TEXT", "INTEGER", "'-7'", "-7|integer"),
        ("TEXT", "REAL", "'1.5'", "1.5|real"),
        ("TEXT", "REAL", "'3'", "3.0|real"),
        (
            "INTEGER",
            "TEXT",
            "9223372036854775807",
            "9223372036854775807|text",
        ),
        (
            "INTEGER",
            "REAL",
            "9007199254740992",
            "9007199254740992.0|real",
        ),
        ("REAL", "INTEGER", "2.0", "2|integer"),
        ("REAL", "TEXT", "0.1", "0.1|text"),
        ("TEXT", "", "'007'", "007|text"),
        (
            "TEXT",
            "INTEGER -- using: CAST(v AS INTEGER)\n",
            "'007'",
            "7|integer",
        ),
        (
            "TEXT",
            "INTEGER -- using: CASE v WHEN 'yes' THEN 1 ELSE 0 END\n",
            "'yes'",
            "1|integer",
        ),
    ];
    for (from, to, value, answer) in cases {
        let schema = |kind: &str| format!("CREATE TABLE t (id INTEGER PRIMARY KEY, v {kind});");
        let app = app(&schema(from), &format!("INSERT INTO t VALUES (1, {value})"));
        let generated = app.evolve(&schema(to), &consenting());
        assert_eq!(
            app.rows("SELECT v, typeof(v) FROM t"),
            answer,
            "{from} {to} {value}"
        );
        app.goes_back(&generated);
    }
}

#[test]
fn rows_that_a_new_constraint_would_not_let_in_are_counted_and_shown() {
    let parent = "CREATE TABLE parent (id INTEGER PRIMARY KEY);";
    let before = format!("{parent} CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b INT, p INT);");
    let rows = "INSERT INTO parent VALUES (1); INSERT INTO t VALUES (1, 'x', 1, 1), (2, 'X', 1, 5), (3, NULL, -1, NULL), (4, NULL, -2, 6)";
    let table = |rest: &str| format!("{parent} CREATE TABLE t (id INTEGER PRIMARY KEY, {rest});");
    let cases = [
        (
            table("a TEXT, b INT UNIQUE, p INT"),
            "values of `b` that occur in more than one row of `t`: 1, for example 1",
        ),
        (
            table("a TEXT COLLATE NOCASE UNIQUE, b INT, p INT"),
            "values of `a` that occur in more than one row of `t`: 1, for example 'x'",
        ),
        (
            table("a TEXT, b INT, p INT, UNIQUE (a COLLATE NOCASE, b)"),
            "values of `a`, `b` that occur in more than one row of `t`: 1",
        ),
        (
            table("a TEXT, b INT CHECK (b > 0), p INT"),
            "rows of `t` that violate CHECK (b > 0): 2, for example where `id` is 3",
        ),
        (
            table("a TEXT, b INT, p INT REFERENCES parent"),
            "rows of `t` that refer to a row of `parent` that does not exist: 2, for example 2",
        ),
        (
            format!("{before} CREATE UNIQUE INDEX u ON t (b) WHERE b > 0;"),
            "values of the unique index `u` that occur in more than one row of `t`: 1, for example 1",
        ),
        (
            format!("{before} CREATE UNIQUE INDEX u ON t (lower(a));"),
            "values of the unique index `u` that occur in more than one row of `t`: 1, for example 'x'",
        ),
    ];
    for (after, words) in cases {
        let app = app(&before, rows);
        app.written(&after, &plainly());
        let error = app.refused(ErrorKind::MigrationFailed);
        assert!(error.to_string().contains(words), "{after}\n{error:#}");
    }
}

/// A NULL that took the default stood beside the default in a UNIQUE column, a collation changed
/// under an index that stayed as it was, a generated column came out NULL: each of these ended
/// with SQLite's bare "constraint failed", or at a user's with a NULL key that became a number.
#[test]
fn rows_are_asked_as_the_new_table_will_see_them_and_not_as_they_were() {
    let table = |columns: &str| format!("CREATE TABLE t (id INTEGER PRIMARY KEY, {columns});");
    let cases = [
        (
            table("a TEXT UNIQUE"),
            "INSERT INTO t VALUES (1, NULL), (2, 'x')",
            table("a TEXT NOT NULL DEFAULT 'x' UNIQUE"),
            "values of `a` that occur in more than one row of `t`: 1, for example 'x'",
        ),
        (
            table("a TEXT") + "CREATE UNIQUE INDEX i ON t (a);",
            "INSERT INTO t VALUES (1, 'a'), (2, 'A')",
            table("a TEXT COLLATE NOCASE") + "CREATE UNIQUE INDEX i ON t (a);",
            "values of the unique index `i` that occur in more than one row of `t`: 1, for example 'a'",
        ),
        (
            table("a UNIQUE"),
            "INSERT INTO t VALUES (1, 1), (2, '1')",
            table("a INTEGER UNIQUE"),
            "values of `a` that occur in more than one row of `t`: 1, for example 1",
        ),
        (
            table("a TEXT CHECK (a <= 20)"),
            "INSERT INTO t VALUES (1, '100')",
            table("a INTEGER CHECK (a <= 20)"),
            "rows of `t` that violate CHECK (a <= 20): 1, for example where `id` is 1",
        ),
        (
            table("a"),
            "INSERT INTO t VALUES (1, NULL), (2, 3)",
            table("a, g AS (a + 1), h AS (g * 2) NOT NULL"),
            "rows of `t` without `h`: 1, for example where `id` is 1",
        ),
        (
            table("a"),
            "INSERT INTO t VALUES (1, 5), (2, 5)",
            table("a, h AS (g * 2) UNIQUE, g AS (a + 1)"),
            "values of `h` that occur in more than one row of `t`: 1, for example 12",
        ),
        (
            table("a INT"),
            "INSERT INTO t VALUES (1, 1), (2, 9)",
            table("a INT, b INT DEFAULT 3, CHECK (b > t.a)"),
            "rows of `t` that violate CHECK (b > t.a): 1, for example where `id` is 2",
        ),
        (
            table("a INT"),
            "INSERT INTO t VALUES (1, 1), (2, 9)",
            table("a INT, b INT DEFAULT 3") + "CREATE UNIQUE INDEX i ON t (b);",
            "values of the unique index `i` that occur in more than one row of `t`: 1, for example 3",
        ),
        (
            table("a INT"),
            "INSERT INTO t VALUES (1, 1), (2, NULL)",
            table("a INT, b INT NOT NULL -- using: a + 1\n"),
            "rows of `t` without `b`: 1, for example where `id` is 2",
        ),
        (
            "CREATE TABLE t (id INTEGER, a TEXT, PRIMARY KEY (id, a));".into(),
            "INSERT INTO t VALUES (1, NULL), (2, 'x')",
            "CREATE TABLE t (id INTEGER, a TEXT, PRIMARY KEY (id, a)) STRICT;".into(),
            "rows of `t` without `a`: 1, for example where `id` is 1",
        ),
        (
            "CREATE TABLE t (id INTEGER, a);".into(),
            "INSERT INTO t VALUES (NULL, 'x'), (7, 'y')",
            table("a"),
            "rows of `t` without `id`: 1, for example where `rowid` is 1",
        ),
        (
            "CREATE TABLE t (id INT PRIMARY KEY, a);".into(),
            "INSERT INTO t VALUES ('zz', 'x'), (7, 'y')",
            table("a"),
            "values of `t`.`id` that cannot be converted to INTEGER without loss: 1, for example 'zz'",
        ),
    ];
    for (before, rows, after, words) in cases {
        let app = app(&before, rows);
        app.written(&after, &consenting());
        let error = app.refused(ErrorKind::MigrationFailed);
        assert!(error.to_string().contains(words), "{after}\n{error:#}");
    }
    // And not refused for what only the old type says: '5' < '1000' is false of texts.
    let app = app(&table("a TEXT"), "INSERT INTO t VALUES (1, '5')");
    app.evolve(&table("a INTEGER CHECK (a < 1000)"), &consenting());
    assert_eq!(app.rows("SELECT a FROM t"), "5");
}

/// `WHERE x OR y AND a IS NOT NULL`: two NULLs, which a unique index takes, were one value.
#[test]
fn the_filter_of_a_unique_index_is_one_condition_whatever_is_in_it() {
    let table = "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b INT);";
    let app = app(
        table,
        "INSERT INTO t VALUES (1, NULL, 1), (2, NULL, 1), (3, 5, -1), (4, 5, -9)",
    );
    let index = |filter: &str| format!("{table} CREATE UNIQUE INDEX i ON t (a) WHERE {filter};");
    app.evolve(&index("b > 0 OR b < -5"), &plainly());
    app.written(&index("b > 0 OR b < 0"), &plainly());
    let error = app.refused(ErrorKind::MigrationFailed);
    assert!(
        error.to_string().contains("`t`: 1, for example 5"),
        "{error:#}"
    );
}

/// The down migration of a dropped key filled every row with the same text, and met its own UNIQUE.
#[test]
fn a_key_that_comes_back_is_filled_with_a_value_of_its_own_in_each_row() {
    for key in [
        "a TEXT NOT NULL UNIQUE, b",
        "a INT NOT NULL, b, UNIQUE (b, a)",
        "a BLOB NOT NULL, b); CREATE UNIQUE INDEX i ON t (a",
    ] {
        let before = format!("CREATE TABLE t (id INTEGER PRIMARY KEY, {key});");
        let app = app(&before, "INSERT INTO t VALUES (1, x'00', 5), (2, x'01', 5)");
        let generated = app.evolve("CREATE TABLE t (id INTEGER PRIMARY KEY, b);", &consenting());
        app.goes_back(&generated);
        assert_eq!(app.rows("SELECT count(DISTINCT a), sum(b) FROM t"), "2|10");
    }
}

/// `DEFAULT "b"` is the text b. Beside a column of that name its value was copied in its place.
#[test]
fn a_default_that_looks_like_a_column_is_a_text() {
    for default in ["\"b\"", "b", "[b]", "'b'", "(('b'))"] {
        let app = app(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT);",
            "INSERT INTO t VALUES (1, NULL, 'wrong'), (2, 'kept', 'wrong')",
        );
        let after = format!(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT NOT NULL DEFAULT {default}, b TEXT);"
        );
        app.evolve(&after, &plainly());
        assert_eq!(app.rows("SELECT a FROM t ORDER BY id"), "b kept");
    }
}

/// DROP CONSTRAINT takes the first of a name, which was not the one, and the whole was given up.
#[test]
fn of_two_constraints_of_one_name_the_right_one_goes() {
    let table = |columns: &str| format!("CREATE TABLE t (id INTEGER PRIMARY KEY, {columns});");
    for (before, after) in [
        (
            "a INT, CONSTRAINT c CHECK (a > 0), CONSTRAINT c CHECK (a < 9)",
            "a INT, CONSTRAINT c CHECK (a > 0)",
        ),
        (
            "a INT CONSTRAINT c NOT NULL CONSTRAINT c CHECK (a > 0)",
            "a INT CONSTRAINT c NOT NULL",
        ),
    ] {
        let app = app(&table(before), "INSERT INTO t VALUES (1, 5)");
        let generated = app.evolve(&table(after), &plainly());
        assert_eq!(app.rows("SELECT * FROM t"), "1|5");
        app.goes_back(&generated);
    }
}

/// A generated column was said not to be gone. And one column cannot become two.
#[test]
fn a_generated_column_is_renamed_like_any_other_and_no_column_twice() {
    let app = app(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, g AS (a * 2)); CREATE INDEX i ON t (g);",
        "INSERT INTO t VALUES (1, 4)",
    );
    let after =
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, h AS (a * 2)); CREATE INDEX i ON t (h);";
    let generated = app.evolve(after, &plainly().rename("t.g=h"));
    assert_eq!(kinds(&generated), [("t", ChangeKind::Rename)]);
    assert_eq!(app.rows("SELECT h FROM t"), "8");
    app.goes_back(&generated);
    app.schema("CREATE TABLE t (id INTEGER PRIMARY KEY, b INT, c INT);");
    let twice = consenting().rename("t.a=b").rename("t.a=c");
    assert_eq!(app.generate(&twice).unwrap_err().kind(), ErrorKind::Usage);
}

/// `b TEXT -- was: a` where there was a b too: the note was passed over in silence, a dropped and
/// b left as it was. A name handed on (a to b, c to a) was taken for something to ask about.
#[test]
fn a_note_of_a_rename_is_followed_or_refused_and_never_passed_over() {
    let table = |columns: &str| format!("CREATE TABLE t (id INTEGER PRIMARY KEY,\n{columns}\n);");
    let rows = "INSERT INTO t VALUES (1, 'A', 'C')";
    let app = app(&table("a TEXT, c TEXT"), rows);
    for wrong in ["c TEXT -- was: a", "a TEXT, c TEXT,\nb TEXT -- was: a"] {
        app.schema(&table(wrong));
        let error = app.generate(&consenting()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
        assert!(error.to_string().contains("-- was: a"), "{error}");
    }
    let handed_on = table("b TEXT, -- was: a\na TEXT -- was: c");
    let generated = app.evolve(&handed_on, &plainly());
    assert_eq!(app.rows("SELECT b, a FROM t"), "A|C");
    app.goes_back(&generated);
    assert_eq!(app.rows("SELECT a, c FROM t"), "A|C");
}

/// A conversion with a comment behind it lost the next column's comma, one in double quotes
/// put its own text into every row, and SQLite's complaint was about a file that nobody saw.
#[test]
fn a_conversion_is_one_expression_over_the_old_row_or_refused_by_name() {
    let table = |using: &str| {
        format!("CREATE TABLE t (id INTEGER PRIMARY KEY,\n b INTEGER, -- using: {using}\n c TEXT);")
    };
    let before = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, c TEXT);";
    let app = app(before, "INSERT INTO t VALUES (1, '12 pieces', 'kept')");
    let renamed = consenting().rename("t.a=b");
    for wrong in ["nope + 1", "\"nope\"", "", "CAST(a AS", "a), (c"] {
        app.schema(&table(wrong));
        let error = app.generate(&renamed).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidMigration, "{error}");
        assert!(
            error.to_string().contains("`t`.`b` cannot be made"),
            "{error}"
        );
    }
    // By the old name or the new, and with a word to the reader behind it.
    for right in [
        "CAST(a AS INTEGER) -- whole pieces",
        "CAST(\"B\" AS INTEGER)",
    ] {
        app.schema(&table(right));
        let generated = app.generate(&renamed).unwrap();
        assert!(generated.files[0].up_sql.contains("AS INTEGER)"));
    }
    app.evolve(&table("CAST(a AS INTEGER)"), &renamed);
    assert_eq!(app.rows("SELECT b, c FROM t"), "12|kept");
}

/// Rows that came to stand under other rowids, and values behind a view, left the index with
/// words of the old ones: "database disk image is malformed" at the next search.
#[test]
fn a_search_over_rows_that_move_is_filled_anew() {
    let search =
        |content: &str| format!("CREATE VIRTUAL TABLE f USING fts5(a, content='{content}');");
    let view = "CREATE VIEW v AS SELECT id AS rowid, a FROM t;";
    let cases = [
        (
            "t",
            "id INTEGER, a TEXT",
            "id INTEGER PRIMARY KEY, a TEXT",
            "word",
            "7",
        ),
        (
            "t",
            "id INTEGER PRIMARY KEY, a TEXT, b INTEGER",
            "id INTEGER, a TEXT, b INTEGER PRIMARY KEY",
            "word",
            "99",
        ),
        (
            "v",
            "id INTEGER PRIMARY KEY, a TEXT",
            "id INTEGER PRIMARY KEY, a TEXT NOT NULL DEFAULT 'none'",
            "none",
            "8",
        ),
    ];
    for (content, before, after, word, rowid) in cases {
        let schema =
            |columns: &str| format!("CREATE TABLE t ({columns}); {view} {}", search(content));
        let extra = if before.contains('b') && before.contains("b INTEGER") {
            ", 99"
        } else {
            ""
        };
        let rows = match extra {
            "" => "INSERT INTO t VALUES (7, 'a word'), (8, NULL)".to_owned(),
            more => format!("INSERT INTO t VALUES (7, 'a word'{more})"),
        };
        let app = app(
            &schema(before),
            &(rows + "; INSERT INTO f(f) VALUES ('rebuild')"),
        );
        app.written(&schema(after), &plainly());
        app.run().unwrap();
        assert_eq!(app.rows(&format!("SELECT rowid FROM f('{word}')")), rowid);
        app.sql("INSERT INTO f(f, rank) VALUES ('integrity-check', 1)");
    }
}

/// The column that a search table reads was dropped or renamed, and the search broke without a
/// word. A contentless one was taken for a copy of something.
#[test]
fn a_search_that_would_not_work_or_would_be_emptied_is_refused() {
    let search = "CREATE VIRTUAL TABLE f USING fts5(a, b, content='t', content_rowid='id');";
    let table = |columns: &str| format!("CREATE TABLE t (id INTEGER PRIMARY KEY, {columns});");
    let app = app(
        &(table("a, b") + search),
        "INSERT INTO t VALUES (1, 'x', 'y')",
    );
    for (after, wishes) in [("a", consenting()), ("a, c", plainly().rename("t.b=c"))] {
        app.schema(&(table(after) + search));
        let error = app.generate(&wishes).unwrap_err();
        assert!(
            error.to_string().contains("the virtual table `f`"),
            "{error}"
        );
    }
    // Changed together they share a file, because between two the search would be broken.
    let both = table("a, c") + &search.replace(" b,", " c,");
    let generated = app.evolve(&both, &plainly().rename("t.b=c"));
    assert_eq!(generated.files.len(), 1);
    assert_eq!(app.rows("SELECT rowid FROM f('c:y')"), "1");

    let contentless = "CREATE VIRTUAL TABLE g USING fts5(a, content='');";
    let app = self::app(contentless, "INSERT INTO g (rowid, a) VALUES (1, 'x')");
    app.schema(&contentless.replace("a,", "a, b,"));
    let error = app.generate(&plainly()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Destructive);
}

/// In a table without an INTEGER PRIMARY KEY every new INTEGER was taken for one, and a new key
/// of a STRICT table for one that may be NULL: both failed at the users' rows.
#[test]
fn a_new_column_that_only_looks_like_the_rowid_needs_something_to_hold_too() {
    let cases = [
        ("a TEXT", "a TEXT, n INTEGER NOT NULL", ""),
        (
            "a INT PRIMARY KEY",
            "a INT PRIMARY KEY, n INTEGER NOT NULL",
            "STRICT",
        ),
        ("a INT", "a INT, n INT, PRIMARY KEY (a, n)", "STRICT"),
        (
            "a INT PRIMARY KEY",
            "a INT, n INTEGER PRIMARY KEY",
            "WITHOUT ROWID",
        ),
    ];
    for (before, after, options) in cases {
        let app = app(
            &format!("CREATE TABLE t ({before});"),
            "INSERT INTO t VALUES (1), (2)",
        );
        app.schema(&format!("CREATE TABLE t ({after}) {options};"));
        let error = app.generate(&consenting()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NeedsDefault, "{after}: {error}");
    }
    let app = app(
        "CREATE TABLE t (a TEXT);",
        "INSERT INTO t VALUES ('x'), ('y')",
    );
    app.evolve(
        "CREATE TABLE t (id INTEGER PRIMARY KEY NOT NULL, a TEXT);",
        &plainly(),
    );
    assert_eq!(app.rows("SELECT id, a FROM t"), "1|x 2|y");
}

/// A parent went before its child, which left a reference to nothing between two files, and so
/// everything came into one file, also what had to do with neither.
#[test]
fn dropped_tables_go_children_first_and_each_has_its_file() {
    let app = app(
        "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p INT REFERENCES p); CREATE TABLE k (x);",
        "INSERT INTO p VALUES (1); INSERT INTO c VALUES (1)",
    );
    let generated = app.evolve("CREATE TABLE k (x UNIQUE);", &consenting());
    let tables: Vec<&str> = kinds(&generated)
        .into_iter()
        .map(|(table, _)| table)
        .collect();
    assert_eq!((tables, generated.files.len()), (vec!["k", "c", "p"], 3));
    app.goes_back(&generated);
}

/// A search table without other content was dropped and made again empty.
#[test]
fn a_virtual_table_with_rows_of_its_own_keeps_them() {
    let app = app(
        "CREATE VIRTUAL TABLE f USING fts5(a, \"b b\"); CREATE VIEW v AS SELECT a FROM f;
         CREATE VIRTUAL TABLE r USING rtree(id, x0, x1);",
        "INSERT INTO f (rowid, a, \"b b\") VALUES (7, 'a Word', 'kept'); INSERT INTO r VALUES (3, 1, 2)",
    );
    let generated = app.evolve(
        "CREATE VIRTUAL TABLE f USING fts5(c, a, \"b b\", tokenize='porter'); CREATE VIEW v AS SELECT a FROM f;
         CREATE VIRTUAL TABLE r USING rtree(id, x0, x1, +note);",
        &plainly(),
    );
    assert_eq!(
        app.rows("SELECT rowid, a, \"b b\", c FROM f('words')"),
        "7|a Word|kept|NULL"
    );
    assert_eq!(app.rows("SELECT * FROM r"), "3|1.0|2.0|NULL");
    app.goes_back(&generated);
    assert_eq!(app.rows("SELECT rowid, a FROM f('word')"), "7|a Word");
    assert_eq!(app.rows("SELECT * FROM r"), "3|1.0|2.0");
    // A column of it is a column like any other.
    app.schema(
        "CREATE VIRTUAL TABLE f USING fts5(a); CREATE VIEW v AS SELECT a FROM f;
         CREATE VIRTUAL TABLE r USING rtree(id, x0, x1);",
    );
    let error = app.generate(&plainly()).unwrap_err();
    assert!(
        error.to_string().contains("drop column `b b` of `f`"),
        "{error}"
    );
}

/// A table's name of 300 letters made a file's name that no file system takes.
#[test]
fn a_long_name_is_cut_in_the_name_of_the_file() {
    for letter in ["x", "ü", "語"] {
        let name = letter.repeat(300);
        let app = app(&format!("CREATE TABLE {name} (a);"), "");
        app.evolve(
            &format!("CREATE TABLE {name} (a UNIQUE); CREATE TABLE {name}2 (b UNIQUE);"),
            &plainly(),
        );
    }
}

/// A view that had been broken for long stopped every rename, also the one that drops it; and
/// where it stays, nobody said what to do.
#[test]
fn a_broken_view_that_goes_is_no_obstacle_to_a_rename() {
    let app = App::new();
    let table = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT);";
    let view = "CREATE VIEW broken AS SELECT * FROM nowhere;";
    app.file("V1__first.sql", &format!("{table}{view}"));
    app.run().unwrap();
    app.sql("INSERT INTO t VALUES (1, 'x')");
    let renamed = table.replace("a TEXT", "b TEXT");
    app.schema(&format!("{renamed}{view}"));
    let error = app.generate(&plainly().rename("t.a=b")).unwrap_err();
    assert!(
        format!("{error:#}").contains("while a view or a trigger does not work"),
        "{error:#}"
    );
    app.evolve(&renamed, &plainly().rename("t.a=b"));
    assert_eq!(app.rows("SELECT b FROM t"), "x");
}

/// A view that took a dropped table's name had fewer rows than the table.
#[test]
fn a_dropped_table_may_leave_its_name_to_anything() {
    let app = app(
        "CREATE TABLE a (x); CREATE VIEW i AS SELECT 1; CREATE TABLE b (y);",
        "INSERT INTO b VALUES (1), (2)",
    );
    let after = "CREATE TABLE a (x); CREATE INDEX i ON a (x); CREATE VIEW b AS SELECT 2;";
    app.schema(after);
    let error = app.generate(&plainly()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Destructive);
    let generated = app.evolve(after, &consenting());
    app.goes_back(&generated);
}

/// `"Foo"` that is not a column is a text, and another one than `"foo"`.
#[test]
fn letter_case_in_double_quotes_counts_where_it_may_be_a_text() {
    let schema = |text: &str| {
        format!(
            "CREATE TABLE t (k TEXT); CREATE VIEW v AS SELECT * FROM t WHERE k = \"{text}\";
            CREATE VIRTUAL TABLE f USING fts5(k, tokenize=\"unicode61 tokenchars '{text}'\");"
        )
    };
    let app = app(&schema("Foo"), "INSERT INTO t VALUES ('foo')");
    let generated = app.evolve(&schema("foo"), &plainly());
    assert_eq!(kinds(&generated).len(), 2);
    assert_eq!(app.rows("SELECT k FROM v"), "foo");
    app.schema(&schema("foo").replace(" t ", " \"T\" "));
    assert!(app.generate(&plainly()).unwrap().is_empty());
}

/// The usual way to rename a table and keep its old name readable failed at the rename.
#[test]
fn a_view_takes_a_renamed_tables_old_name_and_gives_it_back() {
    let app = app(
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, a TEXT);",
        "INSERT INTO notes VALUES (1, 'x')",
    );
    let after = "CREATE TABLE entries (id INTEGER PRIMARY KEY, a TEXT);
        CREATE VIEW notes AS SELECT * FROM entries;";
    let generated = app.evolve(after, &plainly().rename("notes=entries"));
    assert_eq!(app.rows("SELECT * FROM notes"), "1|x");
    app.goes_back(&generated);
    assert_eq!(app.rows("SELECT a FROM notes WHERE rowid = 1"), "x");
}

#[test]
fn rowids_and_the_mark_of_autoincrement_come_through() {
    let plain = |kind: &str| format!("CREATE TABLE t (x {kind}, \"rowid\" TEXT);");
    let first = app(
        &plain(""),
        "INSERT INTO t (_rowid_, x, rowid) VALUES (-5, 'a', 'r'), (9223372036854775807, 'b', 's'), (40, 'c', 't')",
    );
    let generated = first.evolve(&plain("DEFAULT 1"), &plainly());
    assert_eq!(
        first.rows("SELECT _rowid_, * FROM t"),
        "-5|a|r 40|c|t 9223372036854775807|b|s"
    );
    first.goes_back(&generated);
    assert_eq!(
        first.rows("SELECT _rowid_, x FROM t"),
        "-5|a 40|c 9223372036854775807|b"
    );

    let marked = |default: &str| {
        format!("CREATE TABLE Marked (id INTEGER PRIMARY KEY AUTOINCREMENT, x {default});")
    };
    for rows in [
        "INSERT INTO marked VALUES (900, 1); DELETE FROM marked",
        "INSERT INTO marked VALUES (900, 1), (3, 2); DELETE FROM marked WHERE id = 900",
    ] {
        let app = app(&marked(""), rows);
        let report_free = app.evolve(&marked("DEFAULT 2"), &plainly());
        assert_eq!(app.rows("SELECT * FROM sqlite_sequence"), "Marked|900");
        app.sql("INSERT INTO marked DEFAULT VALUES");
        assert_eq!(app.rows("SELECT max(id) FROM marked"), "901");
        app.goes_back(&report_free);
        assert_eq!(app.rows("SELECT seq FROM sqlite_sequence"), "901");
    }
    // A descending key in a column's definition is not a rowid, and takes NULL.
    let key = |default: &str| format!("CREATE TABLE k (id INTEGER PRIMARY KEY DESC, x {default});");
    let app = app(
        &key(""),
        "INSERT INTO k (rowid, id, x) VALUES (5, 50, 'a'), (2, NULL, 'b')",
    );
    app.evolve(&key("DEFAULT 3"), &plainly());
    assert_eq!(app.rows("SELECT rowid, * FROM k"), "2|NULL|b 5|50|a");
}

#[test]
fn full_text_search_finds_after_a_rebuild_what_it_found_before() {
    let schema = |body: &str| {
        format!(
            "CREATE TABLE note (id INTEGER PRIMARY KEY, body {body});
             CREATE VIRTUAL TABLE search USING fts5 (body, content = 'note', content_rowid = 'id');
             CREATE TRIGGER note_added AFTER INSERT ON note BEGIN
                 INSERT INTO search (rowid, body) VALUES (new.id, new.body);
             END;"
        )
    };
    let app = app(
        &schema("TEXT"),
        "INSERT INTO note VALUES (3, 'a red kite'), (900, 'a blue boat'), (901, NULL)",
    );
    let found = |word: &str| {
        app.rows(&format!(
            "SELECT rowid FROM search WHERE search MATCH '{word}'"
        ))
    };
    app.evolve(&schema("TEXT COLLATE NOCASE"), &plainly());
    assert_eq!(found("boat"), "900");
    // A value that changed is found too.
    let generated = app.evolve(
        &schema("TEXT COLLATE NOCASE NOT NULL DEFAULT 'empty boat'"),
        &plainly(),
    );
    assert_eq!(found("boat"), "900 901");
    app.sql("INSERT INTO search (search) VALUES ('integrity-check'); INSERT INTO note VALUES (902, 'boat')");
    assert_eq!(found("boat"), "900 901 902");
    app.goes_back(&generated);
    // A new search table is filled.
    let with_another = format!(
        "{} CREATE VIRTUAL TABLE other USING fts5 (body, content = note, content_rowid = id);",
        schema("TEXT COLLATE NOCASE")
    );
    app.written(&with_another, &plainly());
}

#[test]
fn a_search_table_that_is_new_finds_the_rows_that_were_there() {
    let note = "CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT);";
    let app = app(note, "INSERT INTO note VALUES (3, 'a red kite')");
    let search = format!(
        "{note} CREATE VIRTUAL TABLE search USING fts5 (body, content = note, content_rowid = id);"
    );
    let generated = app.evolve(&search, &plainly());
    assert_eq!(kinds(&generated), [("search", ChangeKind::Create)]);
    assert_eq!(
        app.rows("SELECT rowid FROM search WHERE search MATCH 'kite'"),
        "3"
    );
    app.goes_back(&generated);
    assert_eq!(app.rows("SELECT body FROM note"), "a red kite");
}

#[test]
fn strict_without_rowid_and_generated_columns_come_and_go() {
    use ChangeKind::Rebuild;
    let cases = [
        (
            "CREATE TABLE t (k TEXT PRIMARY KEY, a INT);",
            "CREATE TABLE t (k TEXT PRIMARY KEY, a INT) STRICT;",
            "x|1 y|2",
        ),
        (
            "CREATE TABLE t (k TEXT PRIMARY KEY, a INT);",
            "CREATE TABLE t (k TEXT PRIMARY KEY, a INT) WITHOUT ROWID;",
            "x|1 y|2",
        ),
        (
            "CREATE TABLE t (k TEXT PRIMARY KEY, a INT) WITHOUT ROWID;",
            "CREATE TABLE t (k TEXT PRIMARY KEY, a INT, b INT AS (a * 2) STORED) STRICT;",
            "x|1|2 y|2|4",
        ),
        (
            "CREATE TABLE t (k TEXT, a INT);",
            "CREATE TABLE t (k TEXT PRIMARY KEY, a INT) STRICT, WITHOUT ROWID;",
            "x|1 y|2",
        ),
        (
            "CREATE TABLE t (k TEXT PRIMARY KEY, a ANY) STRICT;",
            "CREATE TABLE t (k TEXT NOT NULL PRIMARY KEY ON CONFLICT REPLACE, a ANY) STRICT;",
            "x|1 y|2",
        ),
    ];
    for (before, after, answer) in cases {
        there_and_back(
            &Case {
                before,
                rows: "INSERT INTO t (k, a) VALUES ('x', 1), ('y', 2)",
                after,
                kind: Rebuild,
                query: "SELECT * FROM t ORDER BY k",
                answer,
            },
            &plainly(),
        );
    }
    // A generated column that becomes a plain one keeps what it showed.
    there_and_back(
        &Case {
            before: "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, twice INT AS (a * 2));",
            rows: "INSERT INTO t (id, a) VALUES (1, 4)",
            after: "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, twice INT);",
            kind: Rebuild,
            query: "SELECT * FROM t",
            answer: "1|4|8",
        },
        &plainly(),
    );
    let app = app(
        "CREATE TABLE t (k TEXT PRIMARY KEY, a INT);",
        "INSERT INTO t VALUES ('x', 'many'), ('y', 2)",
    );
    app.written(
        "CREATE TABLE t (k TEXT PRIMARY KEY, a INT) STRICT;",
        &plainly(),
    );
    assert!(
        app.refused(ErrorKind::MigrationFailed)
            .to_string()
            .contains("'many'")
    );
}

#[test]
fn a_conflict_clause_of_the_new_table_drops_no_row_in_silence() {
    let app = app(
        "CREATE TABLE t (a INT, b TEXT);",
        "INSERT INTO t VALUES (1, 'x'), (1, 'y'), (2, NULL)",
    );
    app.written(
        "CREATE TABLE t (a INT UNIQUE ON CONFLICT REPLACE, b TEXT);",
        &plainly(),
    );
    app.refused(ErrorKind::MigrationFailed);
    assert_eq!(app.rows("SELECT * FROM t"), "1|x 1|y 2|NULL");
}

#[test]
fn names_of_every_kind_come_through() {
    let schema = |default: &str| {
        format!(
            "CREATE TABLE \"we\"\"ird table\" (
                 \"select\" INTEGER PRIMARY KEY, [a.b] TEXT {default}, `größe` INT, \"x y\" INT CHECK (\"we\"\"ird table\".\"x y\" > 0), 'quoted' TEXT
             );
             CREATE INDEX \"in dex\" ON \"we\"\"ird table\" ([a.b], \"x y\" DESC);
             CREATE TRIGGER \"tri gger\" AFTER INSERT ON \"WE\"\"IRD table\" BEGIN
                 UPDATE \"we\"\"ird table\" SET größe = 1 WHERE \"select\" = new.\"select\";
             END;
             CREATE TABLE \"order\" (\"group\" INT REFERENCES \"we\"\"ird table\" (\"select\"));
             CREATE TABLE sqliteman (x);"
        )
    };
    let app = app(
        &schema(""),
        "INSERT INTO \"we\"\"ird table\" VALUES (1, 'a', 2, 3, 'q'); INSERT INTO \"order\" VALUES (1)",
    );
    let generated = app.evolve(&schema("DEFAULT 'it''s'"), &plainly());
    assert_eq!(app.rows("SELECT * FROM \"we\"\"ird table\""), "1|a|1|3|q");
    app.sql("INSERT INTO \"we\"\"ird table\" (\"select\") VALUES (2)");
    assert_eq!(
        app.rows("SELECT [a.b], größe FROM \"we\"\"ird table\" WHERE \"select\" = 2"),
        "it's|1"
    );
    app.goes_back(&generated);
    assert_eq!(
        app.number("SELECT count(*) FROM sqlite_schema WHERE name IN ('in dex', 'tri gger')"),
        2
    );
}

#[test]
fn views_over_views_and_their_triggers_are_made_again() {
    let schema = |column: &str, view: &str| {
        format!(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT{column});
             CREATE VIEW one AS SELECT {view} FROM t;
             CREATE VIEW two AS SELECT * FROM one;
             CREATE TRIGGER into_two INSTEAD OF INSERT ON two BEGIN INSERT INTO t (a) VALUES (new.a); END;
             CREATE TRIGGER into_one INSTEAD OF INSERT ON one BEGIN INSERT INTO t (a) VALUES (new.a); END;"
        )
    };
    let app = app(
        &schema(", b INT", "id, a, b"),
        "INSERT INTO t VALUES (1, 'x', 2)",
    );
    let generated = app.evolve(&schema("", "id, a"), &consenting());
    app.sql("INSERT INTO two (a) VALUES ('y'); INSERT INTO one (a) VALUES ('z')");
    assert_eq!(app.rows("SELECT * FROM two"), "1|x 2|y 3|z");
    app.goes_back(&generated);
    app.sql("INSERT INTO two (a) VALUES ('again')");
    assert_eq!(
        app.rows("SELECT * FROM two"),
        "1|x|NULL 2|y|NULL 3|z|NULL 4|again|NULL"
    );
}

#[test]
fn tables_that_refer_to_each_other_and_a_taken_temporary_name_are_no_obstacle() {
    let schema = |default: &str| {
        format!(
            "CREATE TABLE a (id INTEGER PRIMARY KEY, b INT REFERENCES b (id), x {default});
             CREATE TABLE b (id INTEGER PRIMARY KEY, a INT REFERENCES a (id), x {default});
             CREATE TABLE a_new (x); CREATE VIEW b_new AS SELECT 1;"
        )
    };
    let app = app(
        &schema(""),
        "PRAGMA foreign_keys = OFF; INSERT INTO a VALUES (1, 1, 'p'); INSERT INTO b VALUES (1, 1, 'q'); INSERT INTO a_new VALUES (5)",
    );
    let generated = app.evolve(&schema("DEFAULT 0"), &plainly());
    assert_eq!(generated.files.len(), 2);
    assert_eq!(app.rows("SELECT * FROM a, b, a_new"), "1|1|p|1|1|q|5");
    app.goes_back(&generated);
}

#[test]
fn every_boundary_between_files_is_a_database_that_works() {
    let before = "CREATE TABLE a (id INTEGER PRIMARY KEY, x TEXT); CREATE TABLE b (id INTEGER PRIMARY KEY, x TEXT);
        CREATE TABLE c (id INTEGER PRIMARY KEY, x TEXT);
        CREATE VIEW both AS SELECT a.x AS ax, b.x AS bx FROM a JOIN b USING (id);";
    let after = "CREATE TABLE a (id INTEGER PRIMARY KEY, y TEXT); CREATE TABLE b (id INTEGER PRIMARY KEY, y TEXT);
        CREATE TABLE c (id INTEGER PRIMARY KEY, x TEXT DEFAULT 'c'); CREATE TABLE d (id INTEGER PRIMARY KEY, c INT REFERENCES c);
        CREATE VIEW both AS SELECT a.y AS ax, b.y AS bx FROM a JOIN b USING (id);
        CREATE VIEW new AS SELECT d.id FROM d JOIN c ON c.id = d.c;";
    let app = app(
        before,
        "INSERT INTO a VALUES (1, 'p'); INSERT INTO b VALUES (1, 'q'); INSERT INTO c VALUES (1, 'r')",
    );
    let wishes = plainly().rename("a.x=y").rename("b.x=y").name("tidy");
    let generated = app.written(after, &wishes);
    assert!(generated.files.len() >= 2, "{:?}", kinds(&generated));
    let versions: Vec<i64> = app
        .migrator()
        .database(app.database())
        .status()
        .unwrap()
        .migrations
        .iter()
        .filter(|entry| entry.applied_at.is_none())
        .map(|entry| entry.version)
        .collect();
    assert_eq!(versions.len(), generated.files.len());
    for version in versions {
        app.migrator()
            .database(app.database())
            .migrate_to(version)
            .unwrap();
        app.sound();
        assert_eq!(app.rows("SELECT ax, bx FROM both"), "p|q");
        assert_eq!(app.rows("SELECT x FROM c"), "r");
    }
    app.goes_back(&generated);
}

#[test]
fn a_generated_file_is_plain_sql_that_any_tool_can_run() {
    let schema = |kind: &str| {
        format!(
            "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v {kind} NOT NULL DEFAULT 0);
             CREATE INDEX by_v ON t (v); CREATE VIEW w AS SELECT v FROM t;
             CREATE TABLE child (t INT REFERENCES t ON DELETE CASCADE);"
        )
    };
    let app = app(
        &schema("TEXT"),
        "INSERT INTO t VALUES (3, '5'), (8, '6'); INSERT INTO child VALUES (3)",
    );
    let generated = app.written(&schema("INTEGER"), &consenting());
    let plain = app.connect();
    plain
        .execute_batch("PRAGMA foreign_keys = OFF; BEGIN")
        .unwrap();
    for file in &generated.files {
        plain.execute_batch(&file.up_sql).unwrap();
    }
    plain.execute_batch("COMMIT").unwrap();
    assert_eq!(
        rows_of(&plain, "SELECT v, typeof(v) FROM w"),
        "5|integer 6|integer"
    );
    assert_eq!(rows_of(&plain, "SELECT * FROM child"), "3");
    assert_eq!(rows_of(&plain, "PRAGMA legacy_alter_table"), "0");
    for file in generated.files.iter().rev() {
        plain
            .execute_batch(file.down_sql.as_deref().unwrap())
            .unwrap();
    }
    // The check travels with the file, and needs no heirloom.
    plain
        .execute_batch("UPDATE t SET v = '007'; BEGIN")
        .unwrap();
    let refused = plain.execute_batch(&generated.files[0].up_sql).unwrap_err();
    assert!(
        refused.to_string().contains("CHECK constraint failed"),
        "{refused}"
    );
    plain.execute_batch("ROLLBACK").unwrap();
    assert_eq!(rows_of(&plain, "SELECT v FROM t"), "007 007");
}

#[test]
fn columns_in_another_order_are_no_change_unless_that_is_asked_for() {
    let app = app(
        "CREATE TABLE t (a INT, b TEXT);",
        "INSERT INTO t VALUES (1, 'x')",
    );
    let swapped = "CREATE TABLE t (b TEXT, a INT);";
    app.schema(swapped);
    assert!(app.generate(&plainly()).unwrap().is_empty());
    let strictly = plainly().strict_order();
    let generated = app.generate(&strictly).unwrap();
    generated.write().unwrap();
    app.run().unwrap();
    assert_eq!(app.rows("SELECT * FROM t"), "x|1");
    assert!(app.generate(&strictly).unwrap().is_empty());
    // A new column in the middle is appended, or put where it is wanted.
    let middle = "CREATE TABLE t (b TEXT, c INT, a INT);";
    app.schema(middle);
    assert_eq!(
        kinds(&app.generate(&plainly()).unwrap()),
        [("t", ChangeKind::Alter)]
    );
    assert_eq!(
        kinds(&app.generate(&strictly).unwrap()),
        [("t", ChangeKind::Rebuild)]
    );
}

#[test]
fn a_name_in_double_quotes_that_is_a_text_stays_one() {
    let before =
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT DEFAULT \"title\", CHECK (a <> \"b\"));";
    let app = app(
        before,
        "INSERT INTO t (id) VALUES (1); INSERT INTO t VALUES (2, 'c')",
    );
    app.schema(
        &before
            .replace("\"title\"", "'title'")
            .replace("\"b\"", "'b'"),
    );
    assert!(app.generate(&plainly()).unwrap().is_empty());
    app.evolve(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT DEFAULT 'title', CHECK (a <> 'z'));",
        &plainly(),
    );
    assert_eq!(app.rows("SELECT * FROM t"), "1|title 2|c");
}

#[test]
fn the_schema_file_may_hold_nothing_but_create_statements() {
    let cases = [
        (
            "CREATE TABLE t (x);\nINSERT INTO t VALUES (1);",
            2,
            "INSERT",
        ),
        ("DROP TABLE t;", 1, "DROP"),
        ("CREATE TABLE t (x);\n\nALTER TABLE t ADD y;", 3, "ALTER"),
        ("CREATE TEMP TABLE t (x);", 1, "temporary"),
        ("CREATE TABLE t (x;", 1, "syntax"),
        (
            "CREATE TABLE t (x TEXT COLLATE klingon);\nCREATE INDEX i ON t (x);",
            1,
            "klingon",
        ),
        (
            "CREATE TABLE u (x);\nCREATE TABLE t AS SELECT 1;",
            2,
            "AS SELECT",
        ),
        ("CREATE VIEW v AS SELECT x FROM nowhere;", 1, "nowhere"),
        ("CREATE TABLE t (x REFERENCES nowhere);", 1, "nowhere"),
    ];
    for (schema, line, word) in cases {
        let app = App::new();
        app.schema(schema);
        let error = app.generate(&plainly()).unwrap_err();
        assert_eq!(
            error.location().map_or(0, |at| at.position.line),
            line,
            "{error:#}"
        );
        assert!(format!("{error:#}").contains(word), "{error:#}");
        assert_eq!(app.listing().len(), 1);
    }
    let none = App::new().generate(&plainly()).unwrap_err();
    assert_eq!(none.kind(), ErrorKind::NotFound);
}

#[test]
fn files_that_cannot_be_written_leave_nothing_behind() {
    let app = App::new();
    app.schema("CREATE TABLE a (x); CREATE TABLE b (x);");
    let generated = app.generate(&plainly()).unwrap();
    let last = &generated.files[1].up;
    std::fs::write(last, "somebody else's").unwrap();
    let error = generated.write().unwrap_err();
    assert!(error.to_string().contains("cannot write"), "{error}");
    let names: Vec<_> = app.listing().into_iter().map(|(path, _)| path).collect();
    assert_eq!(names, [last.clone(), app.migrations().join("schema.sql")]);
    assert_eq!(std::fs::read_to_string(last).unwrap(), "somebody else's");
}

/// A schema that is proved in parts: what a table touches must be in its part, at the state of the
/// files before.
#[test]
fn each_file_of_a_large_schema_is_written_as_if_it_were_a_small_one() {
    let table = |at: usize, changed: bool| {
        let parent = match at % 3 {
            0 => String::new(),
            _ => format!(", parent INT REFERENCES t{} (id)", at - 1),
        };
        let (amount, extra) = match (changed, at % 4) {
            (true, 0) => ("INT", ", extra TEXT DEFAULT 'x'"),
            (true, 1) => ("INT NOT NULL DEFAULT 7", ""),
            (true, 2) => ("INT UNIQUE", ""),
            _ => ("INT", ""),
        };
        format!(
            "CREATE TABLE t{at} (id INTEGER PRIMARY KEY, name TEXT, amount {amount}{parent}{extra});\nCREATE INDEX i{at} ON t{at} (name);\n"
        )
    };
    let tables = |changed| (0..30).map(|at| table(at, changed)).collect::<String>();
    let around = "CREATE VIEW pairs AS SELECT a.name AS one, b.name AS other FROM t4 AS a JOIN t5 AS b ON b.parent = a.id;
        CREATE VIEW over_pairs AS SELECT one FROM pairs;
        CREATE TRIGGER kept AFTER INSERT ON t8 BEGIN UPDATE t9 SET amount = new.amount; END;
        CREATE VIRTUAL TABLE words USING fts5 (name, content = 't10', content_rowid = 'id');";
    let rows: String = (0..30)
        .map(|at| {
            let parent = if at % 3 == 0 { "" } else { ", 2" };
            format!(
                "INSERT INTO t{at} VALUES (2, 'n{at}', {at}{parent}), (5, 'm', NULL{});",
                if at % 3 == 0 { "" } else { ", NULL" }
            )
        })
        .collect();
    let app = app(&format!("{}{around}", tables(false)), &rows);
    app.sql("INSERT INTO words (words) VALUES ('rebuild')");
    let new = "CREATE TABLE t30 (id INTEGER PRIMARY KEY, of INT REFERENCES t29 (id));
        CREATE VIEW newer AS SELECT t30.id, t28.extra FROM t30, t28;";
    let changed = around.replace("SELECT one FROM", "SELECT one, other FROM");
    let generated = app.evolve(&format!("{}{changed}{new}", tables(true)), &plainly());
    assert!(generated.files.len() > 15, "{}", generated.files.len());
    assert_eq!(app.text("SELECT extra FROM t8 WHERE id = 2"), "x");
    assert_eq!(app.number("SELECT amount FROM t9 WHERE id = 5"), 7);
    assert_eq!(app.text("SELECT other FROM over_pairs"), "n5");
    assert_eq!(
        app.number("SELECT rowid FROM words WHERE words MATCH 'n10'"),
        2
    );
    let checked = app.migrator().devtools().check().unwrap();
    assert!(checked.is_clean(), "{checked}");
    app.goes_back(&generated);
    assert_eq!(app.number("SELECT amount FROM t5 WHERE id = 2"), 5);
    assert_eq!(app.text("SELECT one FROM over_pairs"), "n4");
}

/// Many released schemas have one. SQLite takes it while foreign keys are not enforced.
#[test]
fn a_reference_that_matches_no_key_is_a_note_of_a_run_and_a_finding_of_check() {
    let app = App::new();
    app.file(
        "V1__first.sql",
        "-- heirloom: irreversible\nCREATE TABLE items (id INT); CREATE TABLE parts (of INT REFERENCES items (id));",
    );
    let report = app.run().unwrap();
    assert!(report.notes[0].contains("matches no key"), "{report:?}");
    let checked = app.migrator().devtools().check().unwrap();
    let kinds: Vec<_> = checked.findings.iter().map(|f| f.kind).collect();
    assert_eq!(
        kinds,
        [heirloom::devtools::FindingKind::BreaksReferences],
        "{checked}"
    );
    // One that worked must go on to.
    app.file(
        "V2__second.sql",
        "CREATE TABLE p (id INT PRIMARY KEY); CREATE TABLE c (p INT REFERENCES p (id));",
    );
    app.run().unwrap();
    app.file(
        "V3__third.sql",
        "DROP TABLE p; CREATE TABLE p (id INT); INSERT INTO p VALUES (1);",
    );
    let error = app.run().unwrap_err();
    assert!(
        error.to_string().contains("can no longer be checked"),
        "{error:#}"
    );
    assert_eq!(app.number("SELECT count(*) FROM p"), 0);
}

#[test]
fn what_an_older_sqlite_does_not_know_is_rebuilt() {
    // An app beside sqlx 0.8 had SQLite 3.46, and could not run what the command wrote.
    let older = || plainly().sqlite(SqliteVersion::new(3, 46, 0));
    let table = |columns: &str| {
        format!(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, {columns});
             CREATE TABLE child (t REFERENCES t (id) ON DELETE CASCADE);"
        )
    };
    let before = table("a TEXT DEFAULT 'd', b INT NOT NULL, CONSTRAINT c CHECK (b > 0)");
    for (after, rows) in [
        (
            "a TEXT NOT NULL DEFAULT 'd', b INT NOT NULL, CONSTRAINT c CHECK (b > 0)",
            "1|x|1 5|d|2",
        ),
        (
            "a TEXT DEFAULT 'd', b INT, CONSTRAINT c CHECK (b > 0)",
            "1|x|1 5|NULL|2",
        ),
        (
            "a TEXT DEFAULT 'd', b INT NOT NULL, CONSTRAINT c CHECK (b > 0), CHECK (b < 9)",
            "1|x|1 5|NULL|2",
        ),
        ("a TEXT DEFAULT 'd', b INT NOT NULL", "1|x|1 5|NULL|2"),
        (
            "a TEXT DEFAULT 'e', b INT NOT NULL DEFAULT 3, CONSTRAINT c CHECK (b > 0)",
            "1|x|1 5|NULL|2",
        ),
    ] {
        for wishes in [older(), older().single()] {
            let app = app(
                &before,
                "INSERT INTO t VALUES (1, 'x', 1), (5, NULL, 2); INSERT INTO child VALUES (1), (5)",
            );
            let generated = app.evolve(&table(after), &wishes);
            assert_eq!(kinds(&generated), [("t", ChangeKind::Rebuild)], "{after}");
            let down = generated.files[0].down_sql.as_deref().unwrap();
            for sql in [&generated.files[0].up_sql, down] {
                for newer in ["ALTER COLUMN", "ADD CHECK", "DROP CONSTRAINT"] {
                    assert!(!sql.contains(newer), "{sql}");
                }
                assert!(sql.contains("ALTER TABLE t_new RENAME TO t"), "{sql}");
            }
            assert_eq!(app.rows("SELECT * FROM t"), rows, "{after}");
            assert_eq!(app.number("SELECT count(*) FROM child JOIN t ON t = id"), 2);
            app.goes_back(&generated);
        }
    }
}

#[test]
fn what_cannot_be_written_for_a_version_of_sqlite_is_refused() {
    let app = app("CREATE TABLE t (a);", "INSERT INTO t VALUES (1)");
    let linked = SqliteVersion::linked();
    let refused = |version: SqliteVersion| {
        let error = app.generate(&plainly().sqlite(version)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        error.to_string()
    };
    let newer = refused(SqliteVersion::new(3, 999, 0));
    assert_eq!(
        newer,
        format!(
            "migrations for SQLite 3.999 cannot be checked here, because this program has SQLite {linked}"
        )
    );
    assert!(refused(SqliteVersion::new(3, 34, 0)).contains("no safe DROP COLUMN"));
    for (schema, what, first) in [
        (
            "CREATE TABLE t (a); CREATE TABLE s (a TEXT) STRICT;",
            "STRICT",
            37,
        ),
        ("CREATE TABLE t (a, b -- using: a ->> 'x'\n);", "->", 38),
        (
            "CREATE TABLE t (a); CREATE VIEW v AS SELECT 1 FROM t FULL JOIN t AS u;",
            "FULL JOIN",
            39,
        ),
    ] {
        app.schema(schema);
        let before = contents(&app.database());
        let listing = app.listing();
        let version = |minor| plainly().sqlite(SqliteVersion::new(3, minor, 0));
        let error = app.generate(&version(first - 1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidMigration, "{error:#}");
        assert!(error.to_string().contains(what), "{error:#}");
        assert!(error.location().is_some(), "{error:#}");
        assert_eq!(app.listing(), listing);
        assert_eq!(contents(&app.database()), before);
        assert!(app.generate(&version(first)).is_ok(), "{schema}");
    }
}

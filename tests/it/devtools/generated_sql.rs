//! What `generate` writes, and what it leaves out: a statement too many is one more that a
//! reviewer must understand and that can fail at a user's.

use heirloom::ErrorKind;
use heirloom::devtools::{GenerateOptions, Generated};
use heirloom::report::ChangeKind::{self, Alter, Create, Drop, Rebuild, Rename};

use crate::devtools::from_schema::{app, consenting, kinds, plainly};

type Words = &'static [&'static str];

/// One change of a schema, and words of the files that do it and take it back.
#[derive(Default)]
struct Written {
    before: &'static str,
    after: &'static str,
    up: Words,
    up_lacks: Words,
    down: Words,
    down_lacks: Words,
}

/// The texts of all files, there and back.
fn texts(generated: &Generated) -> (String, String) {
    let up = generated.files.iter().map(|file| file.up_sql.as_str());
    let down = generated
        .files
        .iter()
        .map(|file| file.down_sql.as_deref().unwrap());
    (up.collect(), down.collect())
}

#[track_caller]
fn generated(before: &str, after: &str, wishes: &GenerateOptions) -> Generated {
    app(before, "")
        .schema(after)
        .generate(wishes)
        .unwrap_or_else(|error| panic!("{after}\n{error:#}"))
}

#[track_caller]
fn expect(cases: &[Written]) {
    for case in cases {
        let generated = generated(case.before, case.after, &consenting());
        let (up, down) = texts(&generated);
        for (text, has, lacks) in [
            (up, case.up, case.up_lacks),
            (down, case.down, case.down_lacks),
        ] {
            for word in has {
                assert_eq!(text.matches(word).count(), 1, "{word}\n{text}");
            }
            for word in lacks {
                assert!(!text.contains(word), "{word}\n{text}");
            }
        }
    }
}

#[test]
fn what_goes_with_its_table_or_its_view_is_not_dropped_apart() {
    expect(&[
        Written {
            before: "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT);
                CREATE TABLE log (x);
                CREATE VIEW v AS SELECT id, a FROM t;
                CREATE VIEW w AS SELECT a FROM v;
                CREATE TRIGGER into_v INSTEAD OF INSERT ON v BEGIN INSERT INTO t (a) VALUES (new.a); END;
                CREATE TRIGGER watch AFTER INSERT ON t BEGIN INSERT INTO log SELECT count(*) FROM v; END;",
            after: "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT);
                CREATE TABLE log (x);
                CREATE VIEW v AS SELECT a FROM t;
                CREATE VIEW w AS SELECT a FROM v;
                CREATE TRIGGER into_v INSTEAD OF INSERT ON v BEGIN INSERT INTO t (a) VALUES (new.a); END;
                CREATE TRIGGER watch AFTER INSERT ON t BEGIN INSERT INTO log SELECT count(*) FROM v; END;",
            up: &["DROP VIEW v;", "CREATE VIEW v", "CREATE TRIGGER into_v"],
            up_lacks: &["DROP TRIGGER", "watch", "VIEW w"],
            ..Written::default()
        },
        Written {
            before: "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT);
                CREATE VIEW v AS SELECT id, a FROM t;
                CREATE TRIGGER into_v INSTEAD OF INSERT ON v BEGIN INSERT INTO t (a) VALUES (new.a); END;
                CREATE TRIGGER alone AFTER DELETE ON t BEGIN SELECT 1; END;",
            after: "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT);",
            up: &["DROP VIEW v;", "DROP TRIGGER alone;"],
            up_lacks: &["into_v"],
            down: &["CREATE VIEW v", "CREATE TRIGGER into_v", "CREATE TRIGGER alone"],
            ..Written::default()
        },
        Written {
            before: "CREATE TABLE t (a); CREATE INDEX i ON t (a); CREATE TABLE k (x);
                CREATE TRIGGER tr AFTER INSERT ON t BEGIN SELECT 1; END;",
            after: "CREATE TABLE k (x);",
            up: &["DROP TABLE t;"],
            up_lacks: &["INDEX", "TRIGGER"],
            down: &["CREATE INDEX i", "CREATE TRIGGER tr", "-- `t` comes back empty."],
            ..Written::default()
        },
        // A rebuild takes along what comes back changed. What goes for good is named.
        Written {
            before: "CREATE TABLE t (a TEXT, b TEXT);
                CREATE INDEX changed ON t (a); CREATE INDEX gone ON t (b);
                CREATE TRIGGER altered AFTER INSERT ON t BEGIN SELECT 1; END;
                CREATE TRIGGER lost AFTER INSERT ON t BEGIN SELECT 1; END;",
            after: "CREATE TABLE t (a TEXT UNIQUE, b TEXT);
                CREATE INDEX changed ON t (a, b);
                CREATE TRIGGER altered AFTER INSERT ON t BEGIN SELECT 2; END;",
            up: &["DROP INDEX gone;", "DROP TRIGGER lost;", "CREATE INDEX changed", "CREATE TRIGGER altered"],
            up_lacks: &["DROP INDEX changed", "DROP TRIGGER altered"],
            ..Written::default()
        },
        // Views that read from one that changes are away while a table is altered, no others.
        Written {
            before: "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b INT); CREATE TABLE o (x);
                CREATE VIEW one AS SELECT id, b FROM t; CREATE VIEW two AS SELECT id FROM one;
                CREATE VIEW other AS SELECT x FROM o;
                CREATE TRIGGER unrelated INSTEAD OF INSERT ON other BEGIN SELECT 1; END;",
            after: "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); CREATE TABLE o (x);
                CREATE VIEW one AS SELECT id FROM t; CREATE VIEW two AS SELECT id FROM one;
                CREATE VIEW other AS SELECT x FROM o;
                CREATE TRIGGER unrelated INSTEAD OF INSERT ON other BEGIN SELECT 1; END;",
            up: &["DROP VIEW two;\nDROP VIEW one;", "CREATE VIEW one", "CREATE VIEW two"],
            up_lacks: &["other", "unrelated"],
            ..Written::default()
        },
    ]);
}

#[test]
fn the_way_back_says_what_it_cannot_bring_back_and_nothing_else() {
    const SAYS: &str = "It does not bring back";
    expect(&[
        Written {
            before: "CREATE TABLE t (a, b AS (a)); CREATE TABLE u (x);",
            after: "CREATE TABLE t (a);",
            down: &["-- It does not bring back the rows of `u`.", SAYS],
            down_lacks: &["NULLs of", "values of `b`"],
            ..Written::default()
        },
        Written {
            before: "CREATE TABLE t (a, b);",
            after: "CREATE TABLE t (a);",
            down: &["-- It does not bring back the values of `b` in `t`.", SAYS],
            ..Written::default()
        },
        Written {
            before: "CREATE TABLE t (a TEXT DEFAULT 'd', b TEXT, c TEXT);",
            after: "CREATE TABLE t (a TEXT NOT NULL DEFAULT 'd', b TEXT NOT NULL, c TEXT);",
            down: &[
                "-- It does not bring back the NULLs of `a` in `t`, which were filled.",
                SAYS,
            ],
            ..Written::default()
        },
        Written {
            before: "CREATE TABLE t (a TEXT, b TEXT, c TEXT);",
            after: "CREATE TABLE t (a TEXT NOT NULL -- using: coalesce(a, b)\n, b INT -- using: length(b)\n, c INT);",
            down: &[
                "-- It does not bring back the NULLs of `a` in `t`, which were filled.",
                "-- It does not bring back the values of `b` in `t` as they were before the conversion.",
            ],
            down_lacks: &["values of `c`", "NULLs of `c`"],
            ..Written::default()
        },
        Written {
            before: "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, a);
                CREATE TABLE u (id INTEGER PRIMARY KEY AUTOINCREMENT, a);
                CREATE TABLE v (id INTEGER PRIMARY KEY, a);
                CREATE TABLE w (id INTEGER PRIMARY KEY, a);",
            after: "CREATE TABLE t (id INTEGER PRIMARY KEY, a);
                CREATE TABLE u (id INTEGER PRIMARY KEY AUTOINCREMENT, a UNIQUE);
                CREATE TABLE v (id INTEGER PRIMARY KEY AUTOINCREMENT, a);
                CREATE TABLE w (id INTEGER PRIMARY KEY, a UNIQUE);",
            down: &["the number that AUTOINCREMENT of `t` had come to", SAYS],
            ..Written::default()
        },
        // A search holds nothing of its own.
        Written {
            before: "CREATE TABLE t (a TEXT); CREATE VIRTUAL TABLE f USING fts5(a, content='t');",
            after: "CREATE TABLE t (a TEXT);",
            up: &["DROP TABLE f;"],
            down: &["INSERT INTO f (f) VALUES ('rebuild');"],
            down_lacks: &[SAYS, "comes back empty"],
            ..Written::default()
        },
        Written {
            before: "CREATE TABLE t (a);",
            after: "CREATE TABLE t (a); CREATE TABLE u (b);",
            up: &["CREATE TABLE u"],
            up_lacks: &["comes back empty"],
            down_lacks: &[SAYS],
            ..Written::default()
        },
    ]);
}

#[test]
fn a_search_over_values_that_stay_is_not_filled_again() {
    let search = "CREATE VIRTUAL TABLE f USING fts5(a, content='t', content_rowid='id');";
    let up = |after: &str| {
        let before = format!("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, g AS (a));{search}");
        texts(&generated(
            &before,
            &(after.to_owned() + search),
            &plainly(),
        ))
        .0
    };
    let same = up("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT COLLATE NOCASE, g AS (a));");
    assert!(
        same.contains("DROP TABLE t") && !same.contains("'rebuild'"),
        "{same}"
    );
    let other =
        up("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT NOT NULL DEFAULT '', g AS (a));");
    assert!(other.contains("'rebuild'"), "{other}");
}

#[test]
fn boxes_of_whole_numbers_are_kept_and_not_as_others() {
    let table = |module: &str, columns: &str| {
        format!("CREATE VIRTUAL TABLE r USING {module}(id, {columns});")
    };
    let app = app(
        &table("rtree_i32", "x0, x1"),
        "INSERT INTO r VALUES (3, 1, 2)",
    );
    app.evolve(&table("rtree_i32", "x0, x1, +note"), &plainly());
    assert_eq!(app.rows("SELECT * FROM r"), "3|1|2|NULL");
    app.schema(&table("rtree", "x0, x1, +note"));
    let error = app.generate(&plainly()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Destructive, "{error:#}");
}

#[test]
fn the_table_for_the_time_between_has_a_name_that_nothing_has_before_or_after() {
    for (before, after, name) in [
        ("CREATE TABLE t_new (x);", "", "t_new2"),
        ("", "CREATE TABLE t_new (x);", "t_new2"),
        (
            "CREATE TABLE t_new (x); CREATE VIEW t_new2 AS SELECT 1;",
            "",
            "t_new3",
        ),
        ("", "", "t_new"),
    ] {
        let generated = generated(
            &format!("CREATE TABLE t (a);{before}"),
            &format!("CREATE TABLE t (a UNIQUE);{after}"),
            &consenting(),
        );
        let (up, _) = texts(&generated);
        assert!(
            up.contains(&format!("CREATE TABLE {name} (a UNIQUE)")),
            "{up}"
        );
    }
}

/// An UPDATE that fills a column would set off the table's own triggers, and no others.
#[test]
fn only_an_update_trigger_of_the_table_itself_speaks_against_alter_table() {
    if heirloom::rusqlite::version_number() < 3_053_000 {
        return;
    }
    let own = "CREATE TRIGGER own AFTER UPDATE ON t BEGIN SELECT 1; END;";
    for (others, kind) in [
        ("", Alter),
        ("CREATE INDEX i ON t (a);", Alter),
        (
            "CREATE TRIGGER added AFTER INSERT ON t BEGIN SELECT 1; END;",
            Alter,
        ),
        (
            "CREATE TABLE o (x); CREATE TRIGGER others AFTER UPDATE ON o BEGIN SELECT 1; END;",
            Alter,
        ),
        (own, Rebuild),
    ] {
        let schema =
            |not_null: &str| format!("CREATE TABLE t (a TEXT {not_null} DEFAULT 'd');{others}");
        let generated = generated(&schema(""), &schema("NOT NULL"), &plainly());
        assert_eq!(kinds(&generated), [("t", kind)], "{others}");
    }
}

/// What is renamed, dropped, made and altered; or the words or the questions of a refusal.
type Outcome = Result<&'static [(&'static str, ChangeKind)], &'static str>;

/// The schema before and after, what is said to be renamed and to be gone, what comes of it.
type Renaming = (&'static str, &'static str, Words, Words, Outcome);

#[test]
fn what_was_renamed_is_what_was_said_and_nobody_is_asked_twice() {
    let cases: &[Renaming] = &[
        // What is said of tables must be so.
        (
            "CREATE TABLE a (x);",
            "CREATE TABLE b (x);",
            &["nothing=b"],
            &[],
            Err("table `nothing` is not gone"),
        ),
        (
            "CREATE TABLE a (x);",
            "CREATE TABLE a (x); CREATE TABLE b (x);",
            &["a=b"],
            &[],
            Err("table `a` is not gone"),
        ),
        (
            "CREATE TABLE a (x);",
            "CREATE TABLE b (x);",
            &["a=nobody"],
            &[],
            Err("table `nobody` is not new"),
        ),
        (
            "CREATE TABLE a (x); CREATE TABLE b (x);",
            "CREATE TABLE b (x);",
            &["a=b"],
            &[],
            Err("table `b` is not new"),
        ),
        (
            "CREATE TABLE a (x);",
            "CREATE TABLE a (y);",
            &["nobody.x=y"],
            &["a.x"],
            Err("table `nobody` is not there"),
        ),
        // A note counts where nothing else was said.
        (
            "CREATE TABLE a (x);",
            "CREATE TABLE b (x);\n-- was: a\nCREATE TABLE c (x);",
            &["a=b"],
            &[],
            Ok(&[("b", Rename), ("c", Create)]),
        ),
        (
            "CREATE TABLE a (x); CREATE TABLE z (x);",
            "-- was: a\nCREATE TABLE c (x);",
            &["z=c"],
            &[],
            Ok(&[("c", Rename), ("a", Drop)]),
        ),
        // Another table of the same shape is a question where one is gone, and only there.
        (
            "CREATE TABLE a (x);",
            "CREATE TABLE a (x); CREATE TABLE b (x);",
            &[],
            &[],
            Ok(&[("b", Create)]),
        ),
        (
            "CREATE TABLE a (x);",
            "CREATE TABLE b (x); CREATE TABLE c (x);",
            &["a=b"],
            &[],
            Ok(&[("b", Rename), ("c", Create)]),
        ),
        (
            "CREATE TABLE a (x);",
            "CREATE TABLE b (x);",
            &[],
            &["a"],
            Ok(&[("b", Create), ("a", Drop)]),
        ),
        (
            "CREATE TABLE a (x);",
            "CREATE TABLE b (x);",
            &[],
            &[],
            Err("a: b"),
        ),
        (
            "CREATE TABLE a (x); CREATE TABLE k (x);",
            "CREATE TABLE k (x);",
            &[],
            &[],
            Ok(&[("a", Drop)]),
        ),
        (
            "CREATE TABLE a (x);",
            "CREATE TABLE b (x, y);",
            &[],
            &[],
            Err("a: b"),
        ),
        (
            "CREATE TABLE a (x, y);",
            "CREATE TABLE b (x);",
            &[],
            &[],
            Err("a: b"),
        ),
        (
            "CREATE TABLE a (x);",
            "CREATE TABLE b (y);",
            &[],
            &[],
            Ok(&[("b", Create), ("a", Drop)]),
        ),
        // A column by the table's old name or the new one.
        (
            "CREATE TABLE a (x);",
            "CREATE TABLE b (y);",
            &["a=b", "a.x=y"],
            &[],
            Ok(&[("b", Rename)]),
        ),
        (
            "CREATE TABLE a (x);",
            "CREATE TABLE b (y);",
            &["a=b", "b.x=y"],
            &[],
            Ok(&[("b", Rename)]),
        ),
        (
            "CREATE TABLE a (k, x);",
            "CREATE TABLE b (k, y);",
            &["a=b"],
            &["a.x"],
            Ok(&[("b", Alter)]),
        ),
        (
            "CREATE TABLE a (k, x);",
            "CREATE TABLE b (k, y);",
            &["a=b"],
            &["b.x"],
            Ok(&[("b", Alter)]),
        ),
        (
            "CREATE TABLE a (k, x);",
            "CREATE TABLE b (k, y);",
            &["a=b"],
            &[],
            Err("b.x: y"),
        ),
        // Two columns, and no column twice.
        (
            "CREATE TABLE t (a, b);",
            "CREATE TABLE t (c, d);",
            &["t.a=c", "t.b=d"],
            &[],
            Ok(&[("t", Rename)]),
        ),
        (
            "CREATE TABLE t (a, b);",
            "CREATE TABLE t (c, d);",
            &["t.a=c", "t.b=c"],
            &[],
            Err("`b` is not gone or `c` is not new in table `t`"),
        ),
        (
            "CREATE TABLE t (a, b);",
            "CREATE TABLE t (c, d);",
            &["t.a=c", "t.a=d"],
            &[],
            Err("`a` is not gone or `d` is not new in table `t`"),
        ),
        (
            "CREATE TABLE t (a);",
            "CREATE TABLE t (b,\nc -- was: a\n);",
            &["t.a=b"],
            &[],
            Ok(&[("t", Alter)]),
        ),
        (
            "CREATE TABLE t (a, z);",
            "CREATE TABLE t (\nc -- was: a\n);",
            &["t.z=c"],
            &[],
            Ok(&[("t", Alter)]),
        ),
        // A column that is settled is not asked about, and a drop is of one column only.
        (
            "CREATE TABLE t (a, x);",
            "CREATE TABLE t (b, y);",
            &["t.a=b"],
            &[],
            Err("t.x: y"),
        ),
        (
            "CREATE TABLE t (k, x);",
            "CREATE TABLE t (k, y);",
            &[],
            &["t.k"],
            Err("drop: `t`.`k` is still in the schema file"),
        ),
        (
            "CREATE TABLE t (k, x);",
            "CREATE TABLE t (k, y);",
            &[],
            &["o.x"],
            Err("drop: table `o` is not in the migrations"),
        ),
        (
            "CREATE TABLE t (k, x);",
            "CREATE TABLE t (k, y);",
            &[],
            &["t.x"],
            Ok(&[("t", Alter)]),
        ),
        // What a note settles is not asked about, and the rest is.
        (
            "CREATE TABLE t (a, x);",
            "CREATE TABLE t (\nb, -- was: a\ny);",
            &[],
            &[],
            Err("t.x: y"),
        ),
        (
            "CREATE TABLE t (k, x);",
            "CREATE TABLE t (k, y, z);",
            &[],
            &[],
            Err("t.x: y, z"),
        ),
    ];
    for (before, after, renames, drops, expected) in cases {
        let mut wishes = consenting();
        for rename in *renames {
            wishes = wishes.rename(*rename);
        }
        for gone in *drops {
            wishes = wishes.drop(*gone);
        }
        let outcome = app(before, "").schema(after).generate(&wishes);
        match (outcome, expected) {
            (Ok(generated), Ok(expected)) => assert_eq!(kinds(&generated), *expected, "{after}"),
            (Err(error), Err(words)) if error.kind() == ErrorKind::AmbiguousRename => {
                let questions = error.rename_questions().iter();
                let asked: Vec<String> = questions
                    .map(|question| {
                        format!("{}: {}", question.subject(), question.candidates.join(", "))
                    })
                    .collect();
                assert_eq!(asked.join("; "), *words, "{after}");
            }
            (Err(error), Err(words)) => {
                assert_eq!(error.kind(), ErrorKind::Usage, "{error:#}");
                assert!(error.to_string().contains(words), "{error:#}");
            }
            (Ok(generated), Err(words)) => panic!("{after}\n{words}\n{:?}", generated.changes),
            (Err(error), Ok(_)) => panic!("{after}\n{error:#}"),
        }
    }
}

#[test]
fn a_type_that_takes_every_value_as_it_is_needs_no_consent() {
    for (before, after, options, asks) in [
        ("TEXT", "", ["", ""], false),
        ("INT", "BLOB", ["", ""], false),
        ("TEXT", "VARCHAR(20)", ["", ""], false),
        ("INT", "TEXT", ["", ""], true),
        ("", "TEXT", ["", ""], true),
        // ANY converts nothing where the table is STRICT.
        ("ANY", "NUMERIC", ["STRICT", ""], true),
    ] {
        let [was, now] = options;
        let app = app(&format!("CREATE TABLE t (k INT, v {before}) {was};"), "");
        app.schema(&format!("CREATE TABLE t (k INT, v {after}) {now};"));
        let refused = app.generate(&plainly()).err().map(|error| error.kind());
        assert_eq!(
            refused,
            asks.then_some(ErrorKind::Destructive),
            "{before} {after}"
        );
    }
}

#[test]
fn a_column_at_the_end_is_in_its_place() {
    let strictly = || plainly().strict_order();
    let before = "CREATE TABLE t (a, b);";
    for (after, kind) in [
        ("CREATE TABLE t (a, b, c);", Alter),
        ("CREATE TABLE t (a, b, c, d);", Alter),
        ("CREATE TABLE t (a, c, b);", Rebuild),
        ("CREATE TABLE t (c, a, b);", Rebuild),
    ] {
        let generated = generated(before, after, &strictly());
        assert_eq!(kinds(&generated), [("t", kind)], "{after}");
    }
}

#[test]
fn tables_share_a_file_only_where_something_ties_them_together() {
    let cases: &[(&str, &str, &[&[&str]])] = &[
        // A new reference to a new key, and a table that has nothing to do with it.
        (
            "CREATE TABLE p (k INT); CREATE TABLE c (p INT); CREATE TABLE o (x);",
            "CREATE TABLE p (k INT UNIQUE); CREATE TABLE c (p INT REFERENCES p (k)); CREATE TABLE o (x UNIQUE);",
            &[&["p", "c"], &["o"]],
        ),
        // References that stay, or whose other end does, tie nothing.
        (
            "CREATE TABLE p (k INT UNIQUE, x); CREATE TABLE c (p INT REFERENCES p (k), x);",
            "CREATE TABLE p (k INT UNIQUE, x UNIQUE); CREATE TABLE c (p INT REFERENCES p (k), x UNIQUE);",
            &[&["p"], &["c"]],
        ),
        // Parents first, a table's reference to itself aside.
        (
            "",
            "CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES p, c REFERENCES c); CREATE TABLE p (id INTEGER PRIMARY KEY);",
            &[&["p"], &["c"]],
        ),
        // A circle is one, and what refers to it from outside comes after it.
        (
            "",
            "CREATE TABLE c (a REFERENCES a); CREATE TABLE a (id INTEGER PRIMARY KEY, b REFERENCES b);
             CREATE TABLE b (id INTEGER PRIMARY KEY, a REFERENCES a);",
            &[&["a", "b"], &["c"]],
        ),
        // A new view comes with the last of its tables, one that goes with the first.
        (
            "",
            "CREATE TABLE a (x); CREATE TABLE b (x); CREATE VIEW v AS SELECT a.x FROM a, b;",
            &[&["a"], &["b", "v"]],
        ),
        (
            "CREATE TABLE a (x); CREATE TABLE b (x); CREATE VIEW v AS SELECT a.x FROM a, b;",
            "",
            &[&["v", "b"], &["a"]],
        ),
    ];
    for (before, after, files) in cases {
        let generated = generated(before, after, &consenting());
        let found: Vec<Vec<&str>> = (0..generated.files.len())
            .map(|file| {
                let changes = generated
                    .changes
                    .iter()
                    .filter(|change| change.file == Some(file));
                changes.map(|change| change.table.as_str()).collect()
            })
            .collect();
        assert_eq!(found, *files, "{after}");
    }
}

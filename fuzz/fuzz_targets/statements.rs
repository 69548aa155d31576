//! Any text as a migration file: cut where SQLite cuts it, and run to the same end.
#![no_main]

use heirloom::fuzzing;
use heirloom_fuzz::{contents, ends, guarded};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|sql: &str| {
    fuzzing::read(sql);
    let cut = fuzzing::statements(sql);
    let mut done = 0;
    for &(start, text) in &cut {
        assert!(done <= start, "two statements hold the same bytes");
        assert_eq!(&sql[start..start + text.len()], text);
        assert!(
            fuzzing::statements(&sql[done..start]).is_empty(),
            "lost: {:?}",
            &sql[done..start]
        );
        assert_eq!(
            fuzzing::statements(text),
            [(0, text)],
            "cut again, it is cut otherwise"
        );
        done = start + text.len();
    }
    assert!(
        fuzzing::statements(&sql[done..]).is_empty(),
        "lost: {:?}",
        &sql[done..]
    );
    // SQLite reads no further than a NUL, and a migration with one is refused.
    if sql.contains('\0') {
        return;
    }
    let ours: Vec<usize> = cut.iter().map(|(start, text)| start + text.len()).collect();
    let theirs = ends(sql);
    let complete = ours.len().min(theirs.len());
    assert!(
        ours.len() - complete <= 1,
        "ours {ours:?}, SQLite's {theirs:?}"
    );
    assert_eq!(
        ours[..complete],
        theirs,
        "ours {ours:?}, SQLite's {theirs:?}"
    );

    // SQLite keeps an open comment at the end as a part of a view's text, and a run does not.
    if sql[done..].contains("/*") && !sql[done..].trim_end().ends_with("*/") {
        return;
    }
    // What differs from one moment to the next cannot be compared.
    let small = sql.to_ascii_lowercase();
    if ["random", "curr", "now", "date", "time", "julian"]
        .iter()
        .any(|word| small.contains(word))
    {
        return;
    }
    let (whole, one_by_one) = (guarded(), guarded());
    let expected = whole.connection.execute_batch(sql);
    let done = fuzzing::run(&one_by_one.connection, sql);
    if whole.gave_up() || one_by_one.gave_up() {
        return;
    }
    assert_eq!(
        expected.is_ok(),
        done.is_ok(),
        "SQLite: {expected:?}, ours: {done:?}"
    );
    assert_eq!(
        contents(&whole.connection),
        contents(&one_by_one.connection)
    );
});

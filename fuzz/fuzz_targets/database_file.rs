//! Any bytes as the database, with any bytes as its log or its journal: looking changes no byte,
//! and work succeeds or leaves everything as it was.
#![no_main]

use std::sync::LazyLock;

use heirloom::rusqlite::Connection;
use heirloom::{BackupRef, Error, ErrorKind, RevertTo, Verify};
use heirloom_fuzz::{App, is_whole, migrator};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Disk {
    work: Work,
    start: Start,
    /// Written over what the start has: which file, where, what.
    patches: Vec<(Which, u16, u8)>,
    /// What the database is cut to, in units of 64 bytes.
    cut: Option<u8>,
    /// Whole files in place of the start's.
    database: Option<Vec<u8>>,
    companion: Option<(bool, Vec<u8>)>,
}

#[derive(Debug, Arbitrary, Clone, Copy)]
enum Work {
    Run,
    Revert,
    RevertToKnown,
    Restore,
    RestoreItself,
    Snapshot,
    Rehearse,
}

#[derive(Debug, Arbitrary, Clone, Copy)]
enum Start {
    Plain,
    Log,
    Journal,
    Marked,
}

#[derive(Debug, Arbitrary, Clone, Copy, PartialEq, Eq)]
enum Which {
    Database,
    Companion,
    Backup,
}

/// A database at the second of three migrations, and what a killed writer left beside it.
struct Image {
    database: Vec<u8>,
    log: Vec<u8>,
    journal: Vec<u8>,
    /// The same, between two commits of a run that was interrupted.
    marked: Vec<u8>,
}

static IMAGE: LazyLock<Image> = LazyLock::new(|| {
    let app = App::new();
    let path = app.database();
    migrator().database(&path).migrate_to(2).unwrap();
    let connection = Connection::open(&path).unwrap();
    let rows = "INSERT INTO notes VALUES (1, 'one'), (2, 'two'), (9, 'nine');
        INSERT INTO tags VALUES (1, 'x'), (2, 'y');";
    let small = "PRAGMA page_size = 512; VACUUM;";
    connection.execute_batch(&format!("{rows}{small}")).unwrap();
    let database = std::fs::read(&path).unwrap();

    connection.execute_batch("CREATE TABLE heirloom_run (started_at TEXT NOT NULL, backup TEXT, digest TEXT, journal_mode TEXT NOT NULL);
        INSERT INTO heirloom_run VALUES ('2026-01-01T00:00:00Z', 'app-1.db', 'd', 'delete')").unwrap();
    let marked = std::fs::read(&path).unwrap();
    std::fs::write(&path, &database).unwrap();
    drop(connection);

    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch("PRAGMA cache_size = 1; BEGIN; UPDATE notes SET text = zeroblob(3000)")
        .unwrap();
    let journal = std::fs::read(format!("{}-journal", path.display())).unwrap();
    drop(connection);

    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch("PRAGMA journal_mode = WAL; UPDATE notes SET text = 'longer'; INSERT INTO tags VALUES (9, 'z')")
        .unwrap();
    let log = std::fs::read(format!("{}-wal", path.display())).unwrap();
    drop(connection);
    Image {
        database,
        log,
        journal,
        marked,
    }
});

fuzz_target!(|disk: Disk| {
    if std::env::var_os("HEIRLOOM_FUZZ_SHOW").is_some() {
        eprintln!("{disk:?}");
    }
    let app = App::new();
    let path = app.database();
    let (mut database, mut companion) = match disk.start {
        Start::Plain => (IMAGE.database.clone(), None),
        Start::Log => (IMAGE.database.clone(), Some(("-wal", IMAGE.log.clone()))),
        Start::Journal => (
            IMAGE.database.clone(),
            Some(("-journal", IMAGE.journal.clone())),
        ),
        Start::Marked => (IMAGE.marked.clone(), None),
    };
    if let Start::Log = disk.start {
        database[18..20].fill(2);
    }
    database = disk.database.unwrap_or(database);
    if let Some((log, bytes)) = disk.companion {
        companion = Some((if log { "-wal" } else { "-journal" }, bytes));
    }
    let mut backup = IMAGE.database.clone();
    for (which, at, byte) in &disk.patches {
        let bytes = match which {
            Which::Database => &mut database,
            Which::Backup => &mut backup,
            Which::Companion => match companion.as_mut() {
                Some((_, bytes)) => bytes,
                None => continue,
            },
        };
        if let Some(place) = bytes.get_mut(usize::from(*at)) {
            *place = *byte;
        }
    }
    if let Some(cut) = disk.cut {
        database.truncate(usize::from(cut) * 64);
    }
    // What is asked for is nowhere else, and a page of 64 KiB times a count of billions is a
    // matter of memory and not of this.
    if let Work::Restore | Work::RestoreItself = disk.work {
        std::fs::create_dir(path.with_file_name("backups")).unwrap();
        std::fs::write(path.with_file_name("backups").join("app-1.db"), &backup).unwrap();
    }
    std::fs::write(&path, &database).unwrap();
    if let Some((ending, bytes)) = &companion {
        std::fs::write(format!("{}{ending}", path.display()), bytes).unwrap();
    }
    let migrator = migrator();

    let before = app.files();
    let looks: [Option<Error>; 5] = [
        migrator.database(&path).status().err(),
        migrator.database(&path).plan(None).err(),
        migrator
            .database(&path)
            .plan_revert(RevertTo::Steps(1))
            .err(),
        migrator.database(&path).downgrade_options().err(),
        migrator.database(&path).backups(Verify::Everything).err(),
    ];
    looks.iter().flatten().for_each(is_whole);
    app.is_as_it_was(&before);

    let seen = app.seen_by_sqlite(&path);
    let done = match disk.work {
        Work::Run => migrator.migrate(&path).map(drop),
        Work::Revert => migrator
            .database(&path)
            .revert(RevertTo::Steps(1))
            .map(drop),
        Work::RevertToKnown => migrator.database(&path).revert_to_known().map(drop),
        Work::Restore => {
            let copy = BackupRef::File("app-1.db".into());
            migrator.database(&path).restore(&copy).map(drop)
        }
        Work::RestoreItself => migrator
            .database(&path)
            .restore(&BackupRef::Latest)
            .map(drop),
        Work::Snapshot => migrator.database(&path).snapshot("s").map(drop),
        Work::Rehearse => migrator.database(&path).rehearse(None).map(drop),
    };
    let Err(error) = done else { return };
    is_whole(&error);
    if !error.data_state().is_unchanged() {
        assert_ne!(error.kind(), ErrorKind::MigrationFailed, "{error:#}");
        return;
    }
    if companion.is_none() && std::fs::read(&path).unwrap_or_default() == database {
        return;
    }
    // What SQLite itself recovers when it opens the file may have been recovered.
    let now = app.seen_by_sqlite(&path);
    assert!(now == seen, "{error:#}\nbefore {seen:#?}\nafter {now:#?}");
});

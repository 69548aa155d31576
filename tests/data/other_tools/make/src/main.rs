//! Makes `app.db`, `two.db` and, where there is such a state, `broken.db` of the Rust tools, by
//! running them. `../make/all` calls it.

use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use diesel::{Connection as _, SqliteConnection};
use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::SqlitePool;
use sqlx::{AssertSqlSafe, Sqlite, SqlSafeStr};

const ROWS_OF_TWO: &str = "INSERT INTO users (id, name) VALUES (1, 'Ada'), (2, 'Grace');
    INSERT INTO notes (id, user_id, title) VALUES (1, 1, 'engine'), (2, 1, 'loom'), (3, 2, 'moth');";
const DONE: &str = "UPDATE notes SET done = 1 WHERE id = 2;";

fn main() {
    diesel();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        sqlx("sqlx").await;
        sqlx("sqlx-simple").await;
        tauri().await;
    });
    rusqlite_migration();
    refinery();
}

fn folder(tool: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(tool)
}

/// Where a database is to be, with nothing there.
fn fresh(tool: &str, name: &str) -> String {
    let path = folder(tool).join(name);
    for ending in ["", "-wal", "-shm", "-journal"] {
        let _ = std::fs::remove_file(format!("{}{ending}", path.display()));
    }
    path.to_str().unwrap().to_owned()
}

fn rows(count: usize) -> String {
    match count {
        2 => ROWS_OF_TWO.to_owned(),
        _ => format!("{ROWS_OF_TWO}{DONE}"),
    }
}

fn diesel() {
    let files = FileBasedMigrations::from_path(folder("diesel").join("migrations")).unwrap();
    for (name, count) in [("app.db", 3), ("two.db", 2)] {
        let mut connection = SqliteConnection::establish(&fresh("diesel", name)).unwrap();
        for _ in 0..count {
            connection.run_next_migration(files.clone()).unwrap();
        }
        connection.batch_execute(&rows(count)).unwrap();
    }
}

/// As `sqlx database create` and `sqlx migrate run` do it.
async fn sqlx(tool: &str) {
    let migrator = Migrator::new(folder(tool).join("migrations")).await.unwrap();
    run_sqlx(tool, &migrator, false).await;
}

/// What tauri-plugin-sql does with the migrations of an app (its src/lib.rs `resolve`, and
/// src/wrapper.rs `connect` and `migrate`), without a window around it.
async fn tauri() {
    let given = [
        (1, "create_users", include_str!("../../tauri-plugin-sql/migrations/1_create_users.sql")),
        (2, "create_notes", include_str!("../../tauri-plugin-sql/migrations/2_create_notes.sql")),
        (3, "add_done", include_str!("../../tauri-plugin-sql/migrations/3_add_done.sql")),
    ];
    let migrations = given.map(|(version, description, sql)| {
        let kind = MigrationType::ReversibleUp;
        Migration::new(version, description.into(), kind, AssertSqlSafe(sql).into_sql_str(), false)
    });
    let migrator = Migrator::with_migrations(migrations.to_vec());
    run_sqlx("tauri-plugin-sql", &migrator, true).await;
}

async fn run_sqlx(tool: &str, migrator: &Migrator, pooled: bool) {
    use sqlx::migrate::MigrateDatabase;
    for (name, count) in [("app.db", 3), ("two.db", 2), ("broken.db", 2)] {
        let url = format!("sqlite:{}", fresh(tool, name));
        Sqlite::create_database(&url).await.unwrap();
        let pool = SqlitePool::connect(&url).await.unwrap();
        let up: Vec<i64> = migrator
            .iter()
            .filter(|migration| !migration.migration_type.is_down_migration())
            .map(|migration| migration.version)
            .collect();
        // The plug-in has no way to stop before the last: an app that has only two.
        if pooled && count == 2 {
            let two = migrator.iter().take(2).cloned().collect();
            Migrator::with_migrations(two).run(&pool).await.unwrap();
        } else {
            migrator.run_to(up[count - 1], &pool).await.unwrap();
        }
        sqlx::raw_sql(AssertSqlSafe(rows(count))).execute(&pool).await.unwrap();
        if name == "broken.db" {
            // By hand: sqlx 0.9 writes no such row for SQLite, and refuses to go on over one.
            sqlx::raw_sql("UPDATE _sqlx_migrations SET success = FALSE, execution_time = -1 WHERE version = (SELECT max(version) FROM _sqlx_migrations)")
                .execute(&pool)
                .await
                .unwrap();
            println!("{tool}, broken.db: {}", migrator.run(&pool).await.unwrap_err());
        }
        pool.close().await;
    }
}

fn rusqlite_migration() {
    let migrations = Migrations::new(vec![
        M::up(include_str!("../../rusqlite_migration/migrations/1_create_users.sql"))
            .down("DROP TABLE users;"),
        M::up(include_str!("../../rusqlite_migration/migrations/2_create_notes.sql"))
            .down("DROP TABLE notes;"),
        M::up(include_str!("../../rusqlite_migration/migrations/3_add_done.sql"))
            .down("ALTER TABLE notes DROP COLUMN done;"),
    ]);
    for (name, count) in [("app.db", 3), ("two.db", 2)] {
        let mut connection = Connection::open(fresh("rusqlite_migration", name)).unwrap();
        migrations.to_version(&mut connection, count).unwrap();
        connection.execute_batch(&rows(count)).unwrap();
    }
}

fn refinery() {
    let files = refinery::load_sql_migrations(folder("refinery").join("migrations")).unwrap();
    for (name, count) in [("app.db", 3), ("two.db", 2)] {
        let mut connection = Connection::open(fresh("refinery", name)).unwrap();
        refinery::Runner::new(&files)
            .set_target(refinery::Target::Version(count as _))
            .run(&mut connection)
            .unwrap();
        connection.execute_batch(&rows(count)).unwrap();
    }
}

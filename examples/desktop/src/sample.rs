//! The data of the demonstration: as the third version of the app left it, or a newer one. An app
//! of your own has users for that.

use std::error::Error;
use std::path::Path;

use heirloom::Migrator;
use heirloom::rusqlite::Connection;

use crate::{MIGRATIONS, migrator};

/// Whose data there is at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sample {
    Old,
    Newer,
}

/// The version of the old app.
pub const OLD: i64 = 20250609074500;

const NOTES: &str = "
    INSERT INTO folders (id, name) VALUES (1, 'Recipes'), (2, 'Travel'), (3, 'Work'), (4, 'Garden');
    INSERT INTO tags (id, name) VALUES (1, 'soon'), (2, 'idea'), (3, 'done');
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 5000)
    INSERT INTO notes (id, folder_id, title, body, created_at, updated_at)
    SELECT
        n,
        n % 4 + 1,
        CASE n % 4
            WHEN 0 THEN 'Soup of the week ' WHEN 1 THEN 'Packing list '
            WHEN 2 THEN 'Minutes of meeting ' ELSE 'Seeds to order '
        END || n,
        'Written on day ' || n || '.' || replace(printf('%.*c', n % 20 + 1, '-'), '-',
            char(10) || char(10) || 'Something to keep, and to find again years later.'),
        strftime('%Y-%m-%dT%H:%M:%SZ', '2025-06-01', '-' || n || ' hours'),
        strftime('%Y-%m-%dT%H:%M:%SZ', '2025-06-01', '-' || n || ' hours')
    FROM numbers;
    INSERT INTO note_tags (note_id, tag_id) SELECT id, id % 3 + 1 FROM notes WHERE id % 5 = 0;";

const FUTURE: [(&str, &str); 2] = [
    (
        "V20290101000000__add_colours.sql",
        "-- heirloom: compatible-with 20260508141500\n\
         ALTER TABLE notes ADD COLUMN colour TEXT;\n\
         UPDATE notes SET colour = 'yellow' WHERE id <= 40;",
    ),
    (
        "V20290101000000__add_colours.down.sql",
        "-- heirloom: allow-destructive\nALTER TABLE notes DROP COLUMN colour;",
    ),
];

/// Makes the database, unless there is one.
pub fn make(database: &Path, sample: Sample) -> Result<(), Box<dyn Error>> {
    if database.exists() {
        return Ok(());
    }
    migrator().database(database).migrate_to(OLD)?;
    Connection::open(database)?.execute_batch(NOTES)?;
    if sample == Sample::Newer {
        migrator().migrate(database)?;
        migrate_with_future_app(database)?;
        let since = "INSERT INTO notes (title, body, colour)
            VALUES ('Written in the newer app', 'And it is yellow.', 'yellow')";
        Connection::open(database)?.execute_batch(since)?;
    }
    Ok(())
}

/// Three years from now: the same migrations and one more.
fn migrate_with_future_app(database: &Path) -> Result<(), Box<dyn Error>> {
    let folder = database.with_file_name("future");
    std::fs::create_dir_all(&folder)?;
    MIGRATIONS.extract(&folder)?;
    for (file, sql) in FUTURE {
        std::fs::write(folder.join(file), sql)?;
    }
    Migrator::new(&folder)
        .app_version("9.0.0")
        .migrate(database)?;
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

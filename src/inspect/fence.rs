//! What a connection to look may do, whatever the file says and whatever SQL is typed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;

use crate::sqlite::binding::HookSet as _;

/// Instructions of SQLite between two looks at the clock.
const BETWEEN: i32 = 1_000;

/// The largest string or blob that SQL may make, in bytes: making one is a single instruction,
/// which nothing interrupts. Longer ones that are stored can still be measured and cut.
const LONGEST: i32 = 16 << 20;

const LIMITS: [(Limit, i32); 7] = [
    (Limit::SQLITE_LIMIT_LENGTH, LONGEST),
    (Limit::SQLITE_LIMIT_SQL_LENGTH, 200_000),
    (Limit::SQLITE_LIMIT_EXPR_DEPTH, 200),
    (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 50),
    (Limit::SQLITE_LIMIT_ATTACHED, 0),
    (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 10_000),
];

/// Functions that reach files, code or what SQLite keeps for itself.
const FORBIDDEN: [&str; 5] = [
    "load_extension",
    "fts3_tokenizer",
    "edit",
    "readfile",
    "writefile",
];

/// Pragmas that only tell something.
const TELLING: [&str; 22] = [
    "application_id",
    "collation_list",
    "compile_options",
    "data_version",
    "encoding",
    "foreign_key_check",
    "foreign_key_list",
    "freelist_count",
    "function_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "module_list",
    "page_count",
    "page_size",
    "quick_check",
    "schema_version",
    "table_info",
    "table_list",
    "table_xinfo",
    "user_version",
];

/// Those of them whose argument is a name. Of the rest, an argument is a new value.
fn takes_a_name(pragma: &str) -> bool {
    pragma.starts_with("table_")
        || pragma.starts_with("index_")
        || pragma.ends_with("_check")
        || pragma == "foreign_key_list"
}

/// Whether a statement may do something.
fn allows(action: &AuthAction<'_>) -> bool {
    match action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => true,
        AuthAction::Function { function_name } => !FORBIDDEN
            .iter()
            .any(|name| name.eq_ignore_ascii_case(function_name)),
        AuthAction::Pragma {
            pragma_name,
            pragma_value,
        } => {
            let name = pragma_name.to_ascii_lowercase();
            TELLING.contains(&name.as_str()) && (pragma_value.is_none() || takes_a_name(&name))
        }
        _ => false,
    }
}

/// Puts a connection inside the fence, until it has taken too long or is cancelled.
pub(crate) fn enclose(
    connection: &mut Connection,
    longest: Duration,
    cancel: Arc<AtomicBool>,
) -> rusqlite::Result<()> {
    // May make or open files beside the database, which the fence forbids afterwards.
    connection.execute_batch("PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0; PRAGMA cell_size_check = ON; PRAGMA query_only = ON")?;
    for (limit, most) in LIMITS {
        // In some versions of rusqlite it tells what it was before, in others that in a result.
        let _ = connection.set_limit(limit, most);
    }
    let end = Instant::now() + longest;
    let is_over = move || cancel.load(Ordering::Relaxed) || Instant::now() > end;
    connection
        .progress_handler(BETWEEN, Some(is_over))
        .checked()?;
    let decide = |context: AuthContext<'_>| match allows(&context.action) {
        true => Authorization::Allow,
        false => Authorization::Deny,
    };
    connection.authorizer(Some(decide)).checked()
}

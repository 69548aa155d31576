//! A Tauri app over heirloom: a splash screen, the dialog of an older app, a settings page. The
//! notes themselves are read by the page, with tauri-plugin-sql, from the same file.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

use tauri_plugin_heirloom::heirloom::Tool;
use tauri_plugin_heirloom::heirloom::include_dir::{self, Dir, include_dir};

/// In your app: `include_dir!("$CARGO_MANIFEST_DIR/migrations")`.
static MIGRATIONS: Dir = include_dir!("$CARGO_MANIFEST_DIR/migrations");

fn main() -> tauri::Result<()> {
    tauri::Builder::default()
        .plugin(
            // Where tauri-plugin-sql has `sqlite:notes.db`, whose migrations it goes on with.
            tauri_plugin_heirloom::Builder::new(&MIGRATIONS, "notes.db")
                .beside_sql()
                .configure(|migrator| migrator.keep_last(5).adopt_from(Tool::Sqlx))
                .build(),
        )
        // Without migrations of its own, and registered after.
        .plugin(tauri_plugin_sql::Builder::new().build())
        .run(tauri::generate_context!())
}

//! A Tauri app over heirloom. `database.rs` is what to copy; this file only names it.
//!
//! It compiles with tauri 2 and `libwebkit2gtk-4.1-dev`. Its window was not tried, and `.ci/run` does
//! not build it.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod database;

use tauri::Manager;

fn main() -> tauri::Result<()> {
    tauri::Builder::default()
        .setup(|app| {
            let file = app.path().app_data_dir()?.join("notes.db");
            app.manage(database::Database::at(file));
            Ok(())
        })
        .invoke_handler(tauri::generate_handler![
            database::open,
            database::cancel,
            database::status,
            database::copies,
            database::snapshot,
            database::plan_restore,
            database::restore,
            database::count_notes,
        ])
        .run(tauri::generate_context!())
}

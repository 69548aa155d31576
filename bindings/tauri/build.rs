const COMMANDS: &[&str] = &[
    "ready",
    "migrate",
    "cancel",
    "status",
    "plan",
    "backups",
    "plan_restore",
    "downgrade_options",
    "doctor",
    "log",
    "stats",
    "inspect",
    "compare",
    "snapshot",
    "restore",
    "revert_to_known",
    "open_anyway",
];

fn main() {
    tauri_plugin::Builder::new(COMMANDS)
        .global_api_script_path("./api-iife.js")
        .build();
}

use serde::Serialize;
use serde_json::{Value, json};

/// What pages get as the rejection of a promise: kind, message, help, the state of the data, remedies.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct Failure(Value);

impl Failure {
    /// A word of [`heirloom::ErrorKind`].
    pub fn kind(&self) -> &str {
        self.0["kind"].as_str().unwrap_or_default()
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0["message"].as_str().unwrap_or_default())
    }
}

impl std::error::Error for Failure {}

impl From<heirloom::Error> for Failure {
    fn from(error: heirloom::Error) -> Failure {
        let mut failure = serde_json::to_value(&error).unwrap_or_default();
        failure["details"] = json!(format!("{error:#}"));
        failure["interrupted"] = json!(error.is_interrupted());
        Failure(failure)
    }
}

impl From<tauri::Error> for Failure {
    fn from(error: tauri::Error) -> Failure {
        Failure::of_the_app(&error.to_string())
    }
}

impl Failure {
    /// Code of the app's panicked in a call. Its own message is in the log.
    pub(crate) fn of_panic() -> Failure {
        Failure::of_the_app("the app's own code failed during the migration")
    }

    fn of_the_app(message: &str) -> Failure {
        Failure(json!({
            "kind": "io", "message": message, "help": "start the app again", "remedies": [],
            "database_unchanged": false, "data": "it is not known whether the call came to its end",
            "details": message, "interrupted": false, "migration": null, "file": null, "line": null,
            "column": null, "statement": null, "backup": null, "restored_from": null,
        }))
    }
}

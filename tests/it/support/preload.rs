//! The library that stands between `heirloom` and the file system (`tests/data/preload/preload.c`),
//! and what it recorded.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use crate::cli::contract::command;
use crate::support::app::App;

/// How a call is made to fail.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// Which call, from 1.
    pub at: usize,
    pub errno: i32,
    /// Every later one too.
    pub for_ever: bool,
}

pub const EIO: i32 = 5;
pub const ENOSPC: i32 = 28;

/// A call that was made, in the words of `preload.c`.
#[derive(Debug, Clone)]
pub struct Call {
    pub name: String,
    pub succeeded: bool,
    pub offset: u64,
    pub path: PathBuf,
    pub other: PathBuf,
    /// What was written.
    pub data: Vec<u8>,
}

/// Builds the library once. None, and said so, where there is no C compiler.
pub fn library() -> Option<&'static Path> {
    static LIBRARY: OnceLock<Option<PathBuf>> = OnceLock::new();
    LIBRARY
        .get_or_init(|| {
            let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
            let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/preload/preload.c");
            let own = folder.join(format!("preload-{}.so", std::process::id()));
            let built = Command::new("cc")
                .args(["-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o"])
                .args([&own, &source])
                .args(["-ldl", "-lpthread"])
                .output();
            let Ok(built) = built else {
                println!("SKIPPED: there is no `cc` to build {}", source.display());
                return None;
            };
            assert!(built.status.success(), "{built:?}");
            let library = folder.join("preload.so");
            std::fs::rename(own, &library).unwrap();
            Some(library)
        })
        .as_deref()
}

/// `heirloom` with the library before it.
pub fn preloaded(app: &App, arguments: &[&str], library: &Path, log: &Path) -> Command {
    let mut command = command(app, arguments);
    let scratch = app.folder().join("tmp");
    std::fs::create_dir_all(&scratch).unwrap();
    command
        .env("LD_PRELOAD", library)
        .env("PRELOAD_FOLDER", app.folder())
        .env("PRELOAD_LOG", log)
        // Private copies are made below the folder too.
        .env("TMPDIR", scratch)
        .env("HEIRLOOM_LOCK_TIMEOUT", "1");
    command
}

impl Fault {
    /// What comes of a command when this happens to it.
    pub fn strike(&self, mut command: Command) -> Output {
        command
            .env("PRELOAD_FAIL", self.at.to_string())
            .env("PRELOAD_ERRNO", self.errno.to_string());
        if self.for_ever {
            command.env("PRELOAD_FOR_EVER", "1");
        }
        command.output().unwrap()
    }
}

/// What the library recorded.
pub fn calls(log: &Path) -> Vec<Call> {
    let bytes = std::fs::read(log).unwrap();
    let mut rest = &bytes[..];
    let mut calls = Vec::new();
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let line = std::str::from_utf8(&rest[..end]).unwrap();
        let fields: Vec<&str> = line.split('\t').collect();
        let [name, result, offset, length, path, other] = fields[..] else {
            panic!("{line}");
        };
        let data = &rest[end + 1..][..length.parse().unwrap()];
        rest = &rest[end + 1 + data.len()..];
        calls.push(Call {
            name: name.to_owned(),
            succeeded: result == "0",
            offset: offset.parse().unwrap_or_default(),
            path: path.into(),
            other: other.into(),
            data: data.to_owned(),
        });
    }
    calls
}

//! What a browser is sent beside the pages. It is compiled in: there is no build step and nothing
//! to install. `icons.rs` has some of Lucide (ISC, see its head); all else is our own.

pub(crate) mod icons;

/// Name, kind and text of each.
const ALL: [(&str, &str, &str); 8] = [
    ("icon.svg", "image/svg+xml", include_str!("icon.svg")),
    (
        "studio.css",
        "text/css; charset=utf-8",
        include_str!("studio.css"),
    ),
    ("main.js", SCRIPT, include_str!("main.js")),
    ("palette.js", SCRIPT, include_str!("palette.js")),
    ("grid.js", SCRIPT, include_str!("grid.js")),
    ("job.js", SCRIPT, include_str!("job.js")),
    ("stale.js", SCRIPT, include_str!("stale.js")),
    ("diagram.js", SCRIPT, include_str!("diagram.js")),
];
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The kind and the text of one.
pub(crate) fn find(name: &str) -> Option<(&'static str, &'static str)> {
    let found = ALL.iter().find(|(known, ..)| *known == name);
    found.map(|(_, kind, text)| (*kind, *text))
}

/// What tells these from those of another version of heirloom.
pub(crate) fn version() -> String {
    let mut hash = blake3::Hasher::new();
    for (.., text) in ALL {
        hash.update(text.as_bytes());
    }
    hash.finalize().to_hex().chars().take(16).collect()
}

//! The layers hold: imports go downward only, between folders and inside one, without circles;
//! the library knows nothing of the terminal; one folder alone writes files.
//!
//! What is read are the folders themselves. The order of the `mod` lines in `src/lib.rs` is that of
//! the layers, the lowest first: a folder imports only folders above it there. Which of them it
//! does import, or of the entries beside it in its folder, its `mod.rs` says ("May use …").

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A crate root and what belongs to it.
struct Crate {
    /// Its folder.
    folder: PathBuf,
    /// Every module by its path (`run::engine::apply`), without tests and comments.
    modules: BTreeMap<String, String>,
}

fn source_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The code of a file: without its tests and without comments.
fn code_of(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    text.split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap()
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

impl Crate {
    fn library() -> Crate {
        Crate::read(source_folder(), "lib.rs", |folder| folder != "cli")
    }

    fn command() -> Crate {
        Crate::read(source_folder().join("cli"), "main.rs", |_| true)
    }

    fn read(folder: PathBuf, root: &str, belongs: impl Fn(&str) -> bool) -> Crate {
        fn walk(
            folder: &Path,
            path: &[String],
            modules: &mut BTreeMap<String, String>,
            root: &str,
        ) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap().path();
                let name = entry.file_stem().unwrap().to_str().unwrap().to_owned();
                let below = [path, std::slice::from_ref(&name)].concat();
                if entry.is_dir() {
                    walk(&entry, &below, modules, root);
                } else if entry.extension().is_some_and(|ending| ending == "rs") {
                    let module = match name.as_str() {
                        "mod" => path.join("::"),
                        _ if path.is_empty() && entry.ends_with(root) => String::new(),
                        _ => below.join("::"),
                    };
                    modules.insert(module, code_of(&entry));
                }
            }
        }
        let mut modules = BTreeMap::new();
        walk(&folder, &[], &mut modules, root);
        modules.retain(|module, _| belongs(module.split("::").next().unwrap_or_default()));
        Crate { folder, modules }
    }

    /// The modules that one module imports, by the longest path that is a module.
    fn imports_of(&self, module: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for path in paths_behind_crate(&self.modules[module]) {
            let words: Vec<&str> = path.split("::").collect();
            let longest = (1..=words.len())
                .rev()
                .map(|length| words[..length].join("::"))
                .find(|path| self.modules.contains_key(path));
            found.extend(longest);
        }
        found.remove(module);
        found
    }

    /// Every import as a pair of modules.
    fn imports(&self) -> Vec<(String, String)> {
        self.modules
            .keys()
            .filter(|module| !module.is_empty())
            .flat_map(|module| {
                let imports = self.imports_of(module);
                imports.into_iter().map(|import| (module.clone(), import))
            })
            .collect()
    }
}

/// Every path that follows `crate::`, also in `use crate::{a, b::{c, d}}`.
fn paths_behind_crate(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        spread("", &code[at + "crate::".len()..], &mut found);
    }
    found.sort();
    found.dedup();
    found
}

/// Reads one path or group, and returns how many bytes it took.
fn spread(before: &str, text: &str, found: &mut Vec<String>) -> usize {
    let join = |name: &str| match before {
        "" => name.to_owned(),
        _ => format!("{before}::{name}"),
    };
    if let Some(group) = text.strip_prefix('{') {
        let mut at = 0;
        loop {
            let rest = &group[at..];
            let skipped = rest.len() - rest.trim_start_matches([' ', '\n', ',', '\t']).len();
            at += skipped;
            let rest = &group[at..];
            if rest.is_empty() || rest.starts_with('}') {
                return at + 2;
            }
            at += spread(before, rest, found).max(1);
        }
    }
    let name: String = text
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    if let Some(rest) = text[name.len()..].strip_prefix("::")
        && rest.starts_with(|c: char| c.is_alphabetic() || c == '{' || c == '_')
    {
        return name.len() + 2 + spread(&join(&name), rest, found);
    }
    match name.as_str() {
        "" => {}
        "self" => found.push(before.to_owned()),
        _ => found.push(join(&name)),
    }
    let renamed = text[name.len()..]
        .strip_prefix(" as ")
        .map_or(0, |alias| 4 + alias.find([',', '}', ';']).unwrap_or(0));
    name.len() + renamed
}

/// The folders of the library in the order of their `mod` lines, the lowest layer first.
fn layers() -> Vec<String> {
    code_of(&source_folder().join("lib.rs"))
        .lines()
        .filter_map(|line| {
            let line = line.strip_prefix("pub ").unwrap_or(line);
            Some(line.strip_prefix("mod ")?.strip_suffix(';')?.to_owned())
        })
        .collect()
}

#[test]
fn imports_are_read_in_every_form() {
    let code =
        "use crate::{a, b::{c, d::{self, E}}, e as f};\nfn x() { crate::g::h() }\nuse crate::i;";
    assert_eq!(
        paths_behind_crate(code),
        ["a", "b::c", "b::d", "b::d::E", "e", "g::h", "i"]
    );
}

#[test]
fn every_folder_has_a_door_that_says_what_lives_there() {
    let mut wrong = Vec::new();
    for root in [Crate::library(), Crate::command()] {
        for module in root.modules.keys().filter(|module| !module.is_empty()) {
            let parts: Vec<&str> = module.split("::").collect();
            let mut path = root.folder.clone();
            path.extend(&parts);
            if path.is_dir() {
                let door = std::fs::read_to_string(path.join("mod.rs")).unwrap_or_default();
                if !door.starts_with("//! ") {
                    wrong.push(format!(
                        "{}: let its mod.rs say in a few lines (`//!`) what lives there",
                        path.display()
                    ));
                }
            }
            if parts.len() > 1 && parts[parts.len() - 1] == parts[parts.len() - 2] {
                wrong.push(format!(
                    "{module} is named like its folder: give it a name of its own"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The names behind "May use" in what a `mod.rs` begins with.
fn named_in(door: &str) -> Option<BTreeSet<String>> {
    let comments = door
        .lines()
        .take_while(|line| line.is_empty() || line.starts_with("//"));
    let words: Vec<&str> = comments
        .map(|line| line.trim_start_matches(['/', '!']))
        .collect();
    let words = words.concat();
    let (_, behind) = words.split_once("May use ")?;
    let sentence = behind.split('.').next().unwrap();
    Some(
        sentence
            .split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect(),
    )
}

/// Those beside it are named, all of them and no other; what is beside the folder around it is named
/// there.
#[test]
fn a_folder_that_says_what_it_may_use_uses_that() {
    let mut wrong = Vec::new();
    for root in [Crate::library(), Crate::command()] {
        let imports = root.imports();
        for module in root.modules.keys().filter(|module| !module.is_empty()) {
            let path = root.folder.join(module.replace("::", "/"));
            if !path.is_dir() {
                continue;
            }
            let inside = |other: &str| {
                let below = other.strip_prefix(module.as_str());
                below.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
            };
            let around = module.rsplit_once("::").map_or("", |(around, _)| around);
            let beside = |other: &str| {
                let rest = match around {
                    "" => other,
                    _ => other.strip_prefix(around)?.strip_prefix("::")?,
                };
                let name = rest.split("::").next()?;
                Some(other[..other.len() - rest.len() + name.len()].to_owned())
            };
            let used: BTreeSet<String> = imports
                .iter()
                .filter(|(from, to)| inside(from) && !inside(to))
                .filter_map(|(_, to)| beside(to))
                .collect();
            let door = std::fs::read_to_string(path.join("mod.rs")).unwrap();
            let named = named_in(&door).unwrap_or_else(|| match around {
                "" => BTreeSet::new(),
                _ => used.clone(),
            });
            if named != used {
                wrong.push(format!(
                    "{}: May use {used:?}, and not {named:?}",
                    path.display()
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{wrong:#?}\nEither the import is wrong, or the `mod.rs` is to say it."
    );
}

#[test]
fn folders_import_only_folders_below_them() {
    let library = Crate::library();
    let layers = layers();
    let layer = |module: &str| {
        let folder = module.split("::").next().unwrap();
        layers.iter().position(|layer| layer == folder)
    };
    let mut wrong = Vec::new();
    for (from, to) in library.imports() {
        match (layer(&from), layer(&to)) {
            (Some(above), Some(below)) if below <= above => {}
            (Some(_), Some(_)) => wrong.push(format!("{from} imports {to}, which is above it")),
            _ => wrong.push(format!("{from} or {to} has no `mod` line in src/lib.rs")),
        }
    }
    assert!(
        wrong.is_empty(),
        "{wrong:#?}\nThe order of the `mod` lines in src/lib.rs is the order of the layers, the lowest first. Move what \
         is needed by both down into the lower folder, or hand it over as a value or a closure."
    );
}

#[test]
fn there_are_no_circles() {
    for root in [Crate::library(), Crate::command()] {
        let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (from, to) in root.imports() {
            edges.entry(from).or_default().insert(to);
        }
        // What imports nothing that is left, or is imported by nothing that is left, is taken
        // away until only circles and what lies between two of them are left.
        loop {
            let before = edges.values().map(BTreeSet::len).sum::<usize>();
            let imported: BTreeSet<String> = edges.values().flatten().cloned().collect();
            edges.retain(|from, targets| !targets.is_empty() && imported.contains(from));
            let importing: BTreeSet<String> = edges.keys().cloned().collect();
            for targets in edges.values_mut() {
                targets.retain(|target| importing.contains(target));
            }
            if before == edges.values().map(BTreeSet::len).sum::<usize>() {
                break;
            }
        }
        edges.retain(|_, targets| !targets.is_empty());
        assert!(
            edges.is_empty(),
            "these modules import each other in a circle, or something that does:\n{edges:#?}\n\
             Move what both need into a module of its own below them."
        );
    }
}

/// Inside a folder, too: a subfolder and the files beside it are on layers of their own, so
/// two of them never import each other, not even through different files.
#[test]
fn entries_of_one_folder_do_not_import_each_other_both_ways() {
    for root in [Crate::library(), Crate::command()] {
        let mut pairs: BTreeMap<(String, String), (String, String)> = BTreeMap::new();
        for (from, to) in root.imports() {
            let (one, other): (Vec<&str>, Vec<&str>) =
                (from.split("::").collect(), to.split("::").collect());
            let shared = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
            if shared < one.len() && shared < other.len() {
                pairs.insert(
                    (one[..=shared].join("::"), other[..=shared].join("::")),
                    (from.clone(), to.clone()),
                );
            }
        }
        let wrong: Vec<String> = pairs
            .iter()
            .filter(|((a, b), _)| a < b)
            .filter_map(|((a, b), (from, to))| {
                let (back, into) = pairs.get(&(b.clone(), a.clone()))?;
                Some(format!(
                    "{a} and {b}: {from} imports {to}, and {back} imports {into}"
                ))
            })
            .collect();
        assert!(
            wrong.is_empty(),
            "{wrong:#?}\nOne of the two is the lower one: move there what it needs from the other."
        );
    }
}

#[test]
fn what_is_above_the_library_uses_its_public_api_alone() {
    for (module, code) in Crate::command().modules {
        assert!(
            !code.contains("#[path"),
            "{module} in src/cli reaches into the library's files"
        );
    }
}

/// A newcomer reads the names at the root first: what nearly every app names, and no more.
#[test]
fn the_root_of_the_crate_names_few_things() {
    let code = code_of(&source_folder().join("lib.rs"));
    // What is in a module is indented.
    let uses = code.split("\npub use ").skip(1);
    let names: usize = uses
        .filter_map(|used| used.split(';').next())
        .map(|used| {
            used.split(',')
                .filter(|name| !name.trim().is_empty())
                .count()
        })
        .sum();
    assert!((20..=35).contains(&names), "{names} names");
}

#[test]
fn the_library_knows_nothing_of_the_terminal() {
    for (module, code) in Crate::library().modules {
        for word in [
            "println!",
            "eprintln!",
            "process::exit",
            "env::var",
            "clap",
            "anstream",
        ] {
            assert!(!code.contains(word), "{module} has {word}");
        }
    }
}

/// What an error says is shown to an app's user, who has no command line: a remedy is a value,
/// and the command alone words it as a command. What is written into a developer's project may
/// name commands.
#[test]
fn the_library_names_no_command_and_no_flag() {
    // And git and cp have flags of their own.
    let known = ["-- Written by ", "git(folder, ", "const CP_FLAG: "];
    let writes_project_files = |line: &str| known.iter().any(|known| line.contains(known));
    let is_flag = |word: &str| {
        let flag = word.trim_start_matches(['`', '"', '(']).strip_prefix("--");
        flag.is_some_and(|flag| flag.starts_with(|c: char| c.is_ascii_lowercase()))
    };
    let mut wrong = Vec::new();
    for (module, code) in Crate::library().modules {
        if module == "devtools::project::init" {
            continue;
        }
        for line in code.lines().filter(|line| !writes_project_files(line)) {
            let flag = line.contains('"') && line.split_whitespace().any(is_flag);
            if line.contains("`heirloom ") || flag {
                wrong.push(format!("{module}: {}", line.trim()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{wrong:#?}\nSay what to do in the app's words, and add a `Remedy`: src/cli/output/remedy.rs words it as a \
         command."
    );
}

#[test]
fn one_folder_alone_writes_files() {
    const WRITING: &[&str] = &[
        "fs::write",
        "File::create",
        "OpenOptions",
        "fs::rename",
        "fs::remove",
        "create_dir",
        "DirBuilder",
        "fs::copy",
        "fs::set_permissions",
        "fs::hard_link",
        "set_len(",
    ];
    for root in [Crate::library(), Crate::command()] {
        for (module, code) in root.modules {
            if module.starts_with("sqlite::disk::") {
                continue;
            }
            for word in WRITING {
                assert!(
                    !code.contains(word),
                    "{module} has {word}: only sqlite/disk writes files"
                );
            }
        }
    }
}

/// Windows takes a long path in one spelling alone, in which `sqlite::open` gives it to SQLite. wine
/// takes it in any.
#[test]
fn one_file_alone_opens_a_database_by_its_path() {
    for root in [Crate::library(), Crate::command()] {
        for (module, code) in root.modules {
            let in_memory = code.replace("Connection::open(\"\")", "");
            let by_path = in_memory.contains("Connection::open(");
            assert!(
                !by_path || module == "sqlite::open",
                "{module}: use open::file"
            );
        }
    }
}

/// Cargo.toml names the files with `unsafe` in them where it forbids it.
#[test]
fn unsafe_code_is_where_it_is_said_to_be() {
    let manifest = include_str!("../../Cargo.toml");
    let (_, said) = manifest.split_once("# Allowed in ").unwrap();
    let (said, _) = said.split_once(" only.\nunsafe_code = \"deny\"").unwrap();
    let named = said.split([' ', ',', '\n']);
    let named: BTreeSet<String> = named
        .filter_map(|word| word.strip_prefix("src/")?.strip_suffix(".rs"))
        .map(|file| file.replace('/', "::"))
        .collect();
    let allowed: BTreeSet<String> = [Crate::library(), Crate::command()]
        .into_iter()
        .flat_map(|root| root.modules)
        .filter(|(_, code)| code.contains("allow(unsafe_code)"))
        .map(|(module, _)| module)
        .collect();
    assert_eq!(allowed, named);
}

/// What an app compiles, SQLite's binding and heirloom itself among it. `benches/peers/weigh` weighs it.
#[test]
fn an_app_compiles_few_crates() {
    let crates = |options: &[&str]| {
        let output = std::process::Command::new(env!("CARGO"))
            .args("tree --offline -e normal --prefix none --no-dedupe".split(' '))
            .args(options)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let tree = String::from_utf8(output.stdout).unwrap();
        let name = |line: &str| line.split(" (").next().unwrap().to_owned();
        tree.lines().map(name).collect::<BTreeSet<String>>()
    };
    let all = crates(&[]);
    assert!(all.len() <= 72, "{}: {all:#?}", all.len());
    let without = crates(&["--no-default-features", "--features", "bundled"]);
    assert!(without.len() <= 28, "{}: {without:#?}", without.len());
    for name in ["refinery", "url", "icu_", "regex"] {
        assert!(without.iter().all(|it| !it.starts_with(name)), "{name}");
    }
}

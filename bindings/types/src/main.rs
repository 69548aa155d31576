//! Writes the TypeScript types of what heirloom returns, from the Rust types and their comments.
//!
//! `cargo run -- FILE…` writes them, `cargo run -- --check FILE…` fails where a file differs.
//!
//! A type is taken up if it derives `Serialize`, with the keys in camelCase. What writes itself by
//! hand is in [`BY_HAND`] and [`FLATTENED`]; the tests of the packages hold them against values.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, process};

use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Field, Fields, Item, ItemEnum, ItemStruct, Lit, Meta, Token, Type};

/// What the methods return, and what is behind them.
const ROOTS: [&str; 15] = [
    "Report",
    "Plan",
    "Status",
    "RestorePlan",
    "BackfillPlan",
    "BackupInfo",
    "DowngradeOptions",
    "Inspected",
    "Stats",
    "Diagnosis",
    "Log",
    "StateComparison",
    "Event",
    "RowDifference",
    "Recovery",
];

/// `impl Serialize` written out in Rust.
const BY_HAND: [(&str, &str); 3] = [
    (
        "Error",
        r"/** What failed, where, in what state the data is, and what to do. */
export interface Failure {
  /** The kind of the failure. */
  kind: ErrorKind
  /** Whether an `AbortSignal` or a cancel button ended the call. */
  interrupted: boolean
  /** All of it on several lines, for a log. */
  details: string
  /** What failed, on one line. */
  message: string
  /** What to do, as a sentence. */
  help: string | null
  /** What to do, as values. */
  remedies: Remedy[]
  /** Whether the database is as it was before the call. */
  databaseUnchanged: boolean
  /** What state the data is in, as a sentence. */
  data: string
  /** The migration that failed, as `V3__name`. */
  migration: string | null
  /** The file, the line and the column of what failed. */
  file: string | null
  line: number | null
  column: number | null
  /** The statement that failed. */
  statement: string | null
  /** The backup that was taken before. */
  backup: string | null
  /** The backup that was put back. */
  restoredFrom: string | null
  /** Rows that a backfill has done, and all of them. */
  done?: number
  total?: number
  /** What would be destroyed without permission. */
  destroys?: Loss[]
  /** The version of the database, and the newest one that the app knows. */
  versions?: { database: number; known: number | null }
}
",
    ),
    (
        "Loss",
        r#"/** Something that is in the database now and would be gone. */
export interface Loss {
  table: string
  what: "table" | "rows" | "column" | "generated" | "narrowed"
  column: string | null
  /** How many rows or values. */
  count: number
  /** All of it as a sentence. */
  message: string
}
"#,
    ),
    (
        "LogEntry",
        r"/** One line of a `Log`. */
export interface LogEntry {
  kind: Act
  /** When it was done, RFC 3339 in UTC. */
  at: string
  /** Whether it is known to have come to its end. */
  finished: boolean
  durationMs: number | null
  appVersion: string | null
  component: string | null
  versionBefore: number | null
  version: number | null
  migrations: Logged[]
  /** The file name of the backup that was taken, or of the snapshot. */
  backup: string | null
  /** The path of what a restore put back. */
  restoredFrom: string | null
  /** The name of a backfill. */
  backfill: string | null
  /** What was destroyed with permission, or by a down migration, in words. */
  destroyed: string[]
  /** The size of the database afterwards, in bytes. */
  bytes: number | null
}
",
    ),
];

/// What a hand-written function puts in the place of its field.
const FLATTENED: [(&str, &str); 3] = [
    (
        "losses",
        "  destructive: boolean\n  /** What it destroys of what is in the database now. */\n  destroys: Loss[]\n",
    ),
    (
        "estimate",
        "  /** The tables that it rebuilds, and what that takes in time and disk. */\n  rebuildEstimates: RebuildEstimate[]\n  estimatedMs: number | null\n  diskBytes: number | null\n",
    ),
    (
        "destroys",
        "  destructive: boolean\n  /** What it takes away or may alter, in words. */\n  destroys: string[]\n",
    ),
];

enum Found {
    Struct(ItemStruct),
    Enum(ItemEnum),
}

struct Types {
    found: BTreeMap<String, Found>,
    /// Types that are written or waiting.
    wanted: Vec<String>,
    /// Fields whose keys are data: names of tables and columns.
    maps: BTreeSet<String>,
}

fn main() {
    let mut check = false;
    let mut outputs = Vec::new();
    for argument in env::args().skip(1) {
        match argument.as_str() {
            "--check" => check = true,
            path => outputs.push(PathBuf::from(path)),
        }
    }
    let text = generate(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../src"));
    for output in &outputs {
        if !check {
            fs::write(output, &text).expect("cannot write");
        } else if fs::read_to_string(output).ok().as_ref() != Some(&text) {
            eprintln!(
                "{} is not what the Rust types give: call this without --check",
                output.display()
            );
            process::exit(1);
        }
    }
}

fn generate(sources: &Path) -> String {
    let mut types = Types {
        found: BTreeMap::new(),
        wanted: ROOTS.map(str::to_owned).to_vec(),
        maps: BTreeSet::new(),
    };
    types.read(sources);
    let mut written: BTreeSet<String> = BTreeSet::new();
    let mut text =
        String::from("// Generated from the Rust types by `bindings/types`. Do not edit.\n\n");
    types.wanted.push("Error".to_owned());
    while let Some(name) = types.wanted.pop() {
        if written.insert(name.clone()) {
            text += &types.write(&name);
            text.push('\n');
        }
    }
    let maps: Vec<String> = types.maps.iter().map(|name| format!("{name:?}")).collect();
    writeln!(
        text,
        "/** Keys whose objects are keyed by names of tables and columns, which stay as they are. */\nexport type NamedByData = {}",
        maps.join(" | ")
    )
    .unwrap();
    text
}

impl Types {
    fn read(&mut self, folder: &Path) {
        let mut paths: Vec<PathBuf> = fs::read_dir(folder)
            .expect("cannot read the sources")
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort();
        for path in paths {
            if path.is_dir() {
                if !path.ends_with("cli") {
                    self.read(&path);
                }
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let file =
                    syn::parse_file(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"));
                for item in file.items {
                    match item {
                        Item::Struct(item) if is_serialized(&item.attrs) => {
                            self.found
                                .insert(item.ident.to_string(), Found::Struct(item));
                        }
                        Item::Enum(item) if is_serialized(&item.attrs) => {
                            self.found.insert(item.ident.to_string(), Found::Enum(item));
                        }
                        _ => {}
                    }
                }
            }
        }
    }

    fn write(&mut self, name: &str) -> String {
        if let Some((_, text)) = BY_HAND.iter().find(|(known, _)| *known == name) {
            for word in text.split(|c: char| !c.is_alphanumeric()) {
                if self.found.contains_key(word) || BY_HAND.iter().any(|(known, _)| *known == word)
                {
                    self.wanted.push(word.to_owned());
                }
            }
            return (*text).to_owned();
        }
        match self.found.remove(name) {
            Some(Found::Struct(item)) => self.interface(&item),
            Some(Found::Enum(item)) => self.union(&item),
            None => panic!("{name} does not derive Serialize"),
        }
    }

    fn interface(&mut self, item: &ItemStruct) -> String {
        let mut text = documentation(&item.attrs, "");
        let mut parents = Vec::new();
        let mut body = String::new();
        for field in &item.fields {
            let serde = serde(&field.attrs);
            if serde.contains_key("flatten") && !serde.contains_key("serialize_with") {
                let (name, _) = self.type_of(&field.ty);
                let inner = name.trim_end_matches(" | null").to_owned();
                parents.push(format!("Partial<{inner}>"));
            } else {
                body += &self.field(field, "  ");
            }
        }
        if parents.is_empty() {
            writeln!(text, "export interface {} {{\n{body}}}", item.ident).unwrap();
        } else {
            writeln!(
                text,
                "export type {} = {} & {{\n{body}}}",
                item.ident,
                parents.join(" & ")
            )
            .unwrap();
        }
        text
    }

    fn field(&mut self, field: &Field, indent: &str) -> String {
        let serde = serde(&field.attrs);
        if serde.contains_key("skip") {
            return String::new();
        }
        let with = serde
            .get("serialize_with")
            .map(|path| path.rsplit("::").next().unwrap_or(path));
        if serde.contains_key("flatten") {
            let known = FLATTENED.iter().find(|(name, _)| Some(*name) == with);
            let (_, text) = known.unwrap_or_else(|| panic!("no text for {with:?}"));
            for word in ["Loss", "RebuildEstimate"] {
                if text.contains(word) {
                    self.wanted.push(word.to_owned());
                }
            }
            return (*text).to_owned();
        }
        let rust = field
            .ident
            .as_ref()
            .expect("a field with a name")
            .to_string();
        let name = camel(serde.get("rename").unwrap_or(&rust));
        let (kind, is_map) = match with {
            Some("path") => ("string".to_owned(), false),
            Some("some_path") => ("string | null".to_owned(), false),
            Some("paths") => ("string[]".to_owned(), false),
            Some("milliseconds") => ("number".to_owned(), false),
            Some(other) => panic!("no type for {other}"),
            None => self.type_of(&field.ty),
        };
        if is_map {
            self.maps.insert(name.clone());
        }
        let optional = serde.contains_key("skip_serializing_if");
        let kind = match optional {
            true => kind.trim_end_matches(" | null").to_owned(),
            false => kind,
        };
        let mark = if optional { "?" } else { "" };
        format!(
            "{}{indent}{name}{mark}: {kind}\n",
            documentation(&field.attrs, indent)
        )
    }

    fn union(&mut self, item: &ItemEnum) -> String {
        let serde_of = serde(&item.attrs);
        let mut lines = Vec::new();
        // Two kinds of error may have one word.
        let mut words = BTreeSet::new();
        for variant in &item.variants {
            let own = serde(&variant.attrs);
            // Not in an app: there is no `devtools` in the packages.
            if is_of_devtools(&variant.attrs) {
                continue;
            }
            let rust = variant.ident.to_string();
            let word = own.get("rename").cloned().unwrap_or_else(|| {
                match serde_of.get("rename_all").map(String::as_str) {
                    Some("kebab-case") => separated(&rust, '-'),
                    Some("snake_case") => separated(&rust, '_'),
                    _ => rust.clone(),
                }
            });
            let line = match (&variant.fields, serde_of.get("tag")) {
                (Fields::Unit, None) => format!("{word:?}"),
                (Fields::Unit, Some(tag)) => format!("{{ {tag}: {word:?} }}"),
                (Fields::Unnamed(fields), None) => {
                    let (kind, _) =
                        match serde(&fields.unnamed[0].attrs).contains_key("serialize_with") {
                            true => ("string".to_owned(), false),
                            false => self.type_of(&fields.unnamed[0].ty),
                        };
                    format!("{{ {word}: {kind} }}")
                }
                (Fields::Named(fields), Some(tag)) => {
                    let body: String = fields
                        .named
                        .iter()
                        .map(|field| self.field(field, "      "))
                        .collect();
                    format!("{{\n      {tag}: {word:?}\n{body}    }}")
                }
                _ => panic!("{}::{rust} is not a shape that is known", item.ident),
            };
            let line = format!("{}  | {line}\n", documentation(&variant.attrs, "  "));
            if words.insert(word) {
                lines.push(line);
            }
        }
        format!(
            "{}export type {} =\n{}",
            documentation(&item.attrs, ""),
            item.ident,
            lines.concat()
        )
    }

    /// As TypeScript says it, and whether it is a map.
    fn type_of(&mut self, rust: &Type) -> (String, bool) {
        match rust {
            Type::Reference(inner) => self.type_of(&inner.elem),
            Type::Tuple(tuple) => {
                let parts: Vec<_> = tuple
                    .elems
                    .iter()
                    .map(|part| self.type_of(part).0)
                    .collect();
                (format!("[{}]", parts.join(", ")), false)
            }
            Type::Path(path) => {
                let last = path.path.segments.last().expect("a path has a last part");
                let mut inner = Vec::new();
                if let syn::PathArguments::AngleBracketed(arguments) = &last.arguments {
                    for argument in &arguments.args {
                        if let syn::GenericArgument::Type(argument) = argument {
                            inner.push(self.type_of(argument).0);
                        }
                    }
                }
                match (last.ident.to_string().as_str(), inner.as_slice()) {
                    ("String" | "str", _) => ("string".to_owned(), false),
                    ("bool", _) => ("boolean".to_owned(), false),
                    ("u8" | "u32" | "u64" | "i64" | "usize" | "f64", _) => {
                        ("number".to_owned(), false)
                    }
                    ("Option", [of]) => (format!("{of} | null"), false),
                    ("Vec", [of]) if of.contains(' ') && !of.starts_with('[') => {
                        (format!("({of})[]"), false)
                    }
                    ("Vec", [of]) => (format!("{of}[]"), false),
                    ("Box", [of]) => (of.clone(), false),
                    ("BTreeMap", [key, value]) => (format!("Record<{key}, {value}>"), true),
                    (name, []) => {
                        self.wanted.push(name.to_owned());
                        let name = if name == "Error" { "Failure" } else { name };
                        (name.to_owned(), false)
                    }
                    (name, _) => panic!("no type for {name}"),
                }
            }
            other => panic!("no type for {other:?}"),
        }
    }
}

/// The attributes, those of `cfg_attr(feature = "serde", …)` among them.
fn metas(attributes: &[Attribute]) -> Vec<Meta> {
    let mut found = Vec::new();
    for attribute in attributes {
        if attribute.path().is_ident("cfg_attr") {
            let inner = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
            found.extend(inner.into_iter().flatten().skip(1));
        } else {
            found.push(attribute.meta.clone());
        }
    }
    found
}

fn is_serialized(attributes: &[Attribute]) -> bool {
    metas(attributes).iter().any(|meta| match meta {
        Meta::List(list) if list.path.is_ident("derive") => {
            list.tokens.to_string().contains("Serialize")
        }
        _ => false,
    })
}

fn is_of_devtools(attributes: &[Attribute]) -> bool {
    metas(attributes).iter().any(|meta| match meta {
        Meta::List(list) => {
            list.path.is_ident("cfg") && list.tokens.to_string().contains("devtools")
        }
        _ => false,
    })
}

/// What `serde(…)` says: words without a value have an empty one.
fn serde(attributes: &[Attribute]) -> BTreeMap<String, String> {
    let mut said = BTreeMap::new();
    for meta in metas(attributes) {
        let Meta::List(list) = meta else { continue };
        if !list.path.is_ident("serde") {
            continue;
        }
        let inner = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
        for meta in inner.into_iter().flatten() {
            let name = meta
                .path()
                .get_ident()
                .expect("a word of serde")
                .to_string();
            let value = match meta {
                Meta::NameValue(pair) => text(&pair.value),
                _ => String::new(),
            };
            said.insert(name, value);
        }
    }
    said
}

fn text(value: &Expr) -> String {
    match value {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => text.value(),
            _ => String::new(),
        },
        _ => String::new(),
    }
}

/// The Rust comment, with the names as JavaScript has them.
fn documentation(attributes: &[Attribute], indent: &str) -> String {
    let lines: Vec<String> = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("doc"))
        .filter_map(|attribute| match &attribute.meta {
            Meta::NameValue(pair) => Some(text(&pair.value).trim().to_owned()),
            _ => None,
        })
        .take_while(|line| !line.starts_with('#') && !line.starts_with("```"))
        .collect();
    let all = without_links(lines.join("\n").trim());
    match all.is_empty() {
        true => String::new(),
        false if all.contains('\n') => {
            let lines: String = all
                .lines()
                .map(|line| format!("{indent} * {line}\n").replace(" \n", "\n"))
                .collect();
            format!("{indent}/**\n{lines}{indent} */\n")
        }
        false => format!("{indent}/** {all} */\n"),
    }
}

/// `[Report](crate::Report)` and [`Report`] as `Report`.
fn without_links(text: &str) -> String {
    let mut left = text;
    let mut out = String::new();
    while let Some(start) = left.find("[`") {
        let Some(end) = left[start..].find(']').map(|at| start + at) else {
            break;
        };
        out += &left[..start];
        out += &left[start + 1..end];
        left = &left[end + 1..];
        if left.starts_with('(') {
            left = left.find(')').map_or(left, |at| &left[at + 1..]);
        }
    }
    javascript(&(out + left))
}

/// `Database::plan_restore` as `Database.planRestore`.
fn javascript(text: &str) -> String {
    text.split('`')
        .enumerate()
        .map(|(index, part)| match part.split_once("::") {
            Some((of, name)) if index % 2 == 1 => format!("{of}.{}", camel(name)),
            _ => part.to_owned(),
        })
        .collect::<Vec<_>>()
        .join("`")
}

fn camel(name: &str) -> String {
    let mut parts = name.split('_');
    let mut camel = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        camel += &part[..1].to_uppercase();
        camel += &part[1..];
    }
    camel
}

fn separated(name: &str, by: char) -> String {
    let mut out = String::new();
    for (index, letter) in name.char_indices() {
        if letter.is_uppercase() && index > 0 {
            out.push(by);
        }
        out.extend(letter.to_lowercase());
    }
    out
}

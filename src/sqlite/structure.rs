//! Whether the structure of a database file is sound: a walk over its trees, page by page.
//!
//! It looks at what SQLite's `quick_check` calls damage, without opening a cursor for each row, and so
//! takes a fraction of the time: every page belongs to exactly one tree, overflow chain or the list of
//! free pages; the cells of a page lie in it and do not overlap, and what is between them is counted;
//! rowids ascend, and stay between the keys above them; the leaves of a tree are equally deep; each
//! record's head accounts for its length; an index has as many entries as its table; the pointer map
//! of a database that vacuums itself says what is there. Its order is that of `checkTreePage` in
//! SQLite's `btree.c`, its source <https://sqlite.org/fileformat2.html>.
//!
//! It says "sound" or nothing: where anything is odd, or kept by a module that checks it itself,
//! SQLite is asked, which has the last word and finds the words.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};

use crate::sqlite::page_format::{
    HEADER, PageKind, Tree, length, local_payload, number, short, start_of, value_length, varint,
};
use crate::sqlite::pages::MainFile;
use crate::sqlite::schema::catalog::{self, TableOptions};

/// SQLite goes no deeper (`BTCURSOR_MAX_DEPTH`).
const DEEPEST: usize = 20;
/// The page of this offset is left to locks.
const LOCKED: u64 = 0x4000_0000;
/// Pages between two looks at whether to stop.
const PAGES_PER_LOOK: u32 = 256;
/// Pages that are read at once where one follows the other, and how far apart such pages may be.
const TOGETHER: usize = 16;
const NEAR: u32 = 2;
/// What the pointer map calls a page.
const ROOT: u8 = 1;
const FREE: u8 = 2;
const FIRST_OF_CHAIN: u8 = 3;
const LATER_IN_CHAIN: u8 = 4;
const BELOW: u8 = 5;

/// Whether the main file of a connection is sound. Nobody may write to it meanwhile, and it must be the
/// whole state. False says nothing.
pub(crate) fn is_sound(connection: &Connection, stop: &dyn Fn() -> bool) -> bool {
    // The transaction keeps a writer from spilling pages into the file.
    connection.execute_batch("BEGIN").is_ok_and(|()| {
        let sound = walk(connection, stop);
        connection.execute_batch("COMMIT").is_ok() && sound.is_some()
    })
}

/// An object of the schema that has a tree.
struct Rooted {
    is_index: bool,
    name: String,
    table: String,
    root: u32,
    sql: Option<String>,
}

fn walk(connection: &Connection, stop: &dyn Fn() -> bool) -> Option<()> {
    let objects = rooted(connection)?;
    let file = MainFile::of(connection)?;
    let of = |sql| u32::try_from(catalog::number(connection, sql).ok()?).ok();
    let mut walk = Walk::begin(
        &file,
        of("PRAGMA page_size")?,
        of("PRAGMA page_count")?,
        stop,
    )?;
    let highest = objects.iter().map(|object| object.root).max();
    walk.settings(highest.unwrap_or(1))?;
    walk.free_pages()?;
    walk.tree(1, Tree::Table, true)?;
    let mut rows = HashMap::new();
    let mut indexes = Vec::new();
    for object in &objects {
        let tree = match object.is_index || is_without_rowid(object) {
            true => Tree::Index,
            false => Tree::Table,
        };
        let entries = walk.tree(object.root, tree, !object.is_index)?;
        match object.is_index {
            true => indexes.push((object, entries)),
            false => drop(rows.insert(object.name.to_ascii_lowercase(), entries)),
        }
    }
    walk.all_used()?;
    for (index, entries) in indexes {
        let rows = *rows.get(&index.table.to_ascii_lowercase())?;
        if entries != rows && (entries > rows || !is_partial(connection, index)?) {
            return None;
        }
    }
    Some(())
}

/// What has a tree in the schema. None where something there is odd, or checked by a module itself.
fn rooted(connection: &Connection) -> Option<Vec<Rooted>> {
    let sql = "SELECT type, name, tbl_name, rootpage, sql FROM main.sqlite_schema
        WHERE type IN ('table', 'index')";
    let mut statement = connection.prepare(sql).ok()?;
    let mut rows = statement.query([]).ok()?;
    let mut objects = Vec::new();
    while let Some(row) = rows.next().ok()? {
        let kind: String = row.get(0).ok()?;
        let object = Rooted {
            is_index: kind == "index",
            name: row.get(1).ok()?,
            table: row.get(2).ok()?,
            root: row.get::<_, Option<u32>>(3).ok()?.unwrap_or(0),
            sql: row.get(4).ok()?,
        };
        match object.root {
            // What the search modules say of their own tables is left alone.
            0 if object.is_index || !is_search_module(object.sql.as_deref()?) => return None,
            0 => {}
            _ => objects.push(object),
        }
    }
    Some(objects)
}

fn is_search_module(sql: &str) -> bool {
    let module = catalog::module_of(sql).unwrap_or_default();
    module.to_ascii_lowercase().starts_with("fts")
}

fn is_without_rowid(object: &Rooted) -> bool {
    let sql = object.sql.as_deref().unwrap_or_default();
    TableOptions::of(sql).without_rowid
}

fn is_partial(connection: &Connection, index: &Rooted) -> Option<bool> {
    let sql = "SELECT partial FROM pragma_index_list(?1, 'main') WHERE name = ?2";
    let found = connection.query_row(sql, [&index.table, &index.name], |row| row.get(0));
    found.optional().ok()?
}

/// What is above a page.
#[derive(Clone, Copy)]
struct Above {
    depth: usize,
    /// The rowids below it are greater than this,
    low: Option<i64>,
    /// and not greater than this.
    high: i64,
}

struct Walk<'w> {
    file: &'w MainFile<'w>,
    stop: &'w dyn Fn() -> bool,
    page_size: usize,
    usable: usize,
    count: u32,
    header: [u8; HEADER],
    /// The pages that belong to something, a bit each.
    used: Vec<u64>,
    /// What has which bytes of a page, from and to.
    parts: Vec<(usize, usize)>,
    /// The bytes of a page that something has, a bit each.
    taken: Vec<u64>,
    /// Whether the records of this tree are looked at. SQLite makes those of an index of its table's.
    has_rows: bool,
    /// A page for each depth.
    buffers: Vec<Vec<u8>>,
    /// Whether there is a pointer map, and its page that was read last.
    has_map: bool,
    map: (u32, Vec<u8>),
    read: u32,
    /// The page that was read last, and those that were read with it, from which on.
    last: u32,
    together: (u32, Vec<u8>),
}

/// All of it gives None where something is odd.
impl<'w> Walk<'w> {
    fn begin(
        file: &'w MainFile<'w>,
        page_size: u32,
        count: u32,
        stop: &'w dyn Fn() -> bool,
    ) -> Option<Walk<'w>> {
        let page_size = usize::try_from(page_size).ok()?;
        let mut header = [0; HEADER];
        file.read_exact_at(&mut header, 0).then_some(())?;
        let usable = page_size.checked_sub(usize::from(header[20]))?;
        (usable >= 480).then_some(())?;
        let mut walk = Walk {
            file,
            stop,
            page_size,
            usable,
            count,
            header,
            used: vec![0; usize::try_from(count / 64).ok()? + 1],
            parts: Vec::new(),
            taken: vec![0; page_size / 64 + 1],
            has_rows: true,
            buffers: vec![Vec::new(); DEEPEST],
            has_map: false,
            map: (0, Vec::new()),
            read: 0,
            last: 0,
            together: (0, Vec::new()),
        };
        let locked = walk.locked_page();
        if locked <= count {
            walk.claim(locked)?;
        }
        Some(walk)
    }

    fn locked_page(&self) -> u32 {
        u32::try_from(LOCKED / self.page_size as u64).unwrap_or(u32::MAX - 1) + 1
    }

    /// Reads the first bytes of a page.
    fn bytes(&mut self, page: u32, buffer: &mut Vec<u8>, length: usize) -> Option<()> {
        self.read += 1;
        if self.read.is_multiple_of(PAGES_PER_LOOK) && (self.stop)() {
            return None;
        }
        let offset = u64::from(page.checked_sub(1)?) * self.page_size as u64;
        let is_next = page > self.last && page - self.last <= NEAR;
        self.last = page;
        if self.place(page).is_none() && is_next {
            let most = usize::try_from(self.count - page.min(self.count)).ok()? + 1;
            self.together.0 = page;
            self.together
                .1
                .resize(most.min(TOGETHER) * self.page_size, 0);
            let is_read = self.file.read_exact_at(&mut self.together.1, offset);
            is_read.then_some(())?;
        }
        buffer.resize(length, 0);
        if let Some(at) = self.place(page) {
            buffer.copy_from_slice(self.together.1.get(at..at + length)?);
            return Some(());
        }
        self.file.read_exact_at(buffer, offset).then_some(())
    }

    /// Where a page is among those that were read together.
    fn place(&self, page: u32) -> Option<usize> {
        let apart = usize::try_from(page.checked_sub(self.together.0)?).ok()?;
        let at = apart.checked_mul(self.page_size)?;
        (at < self.together.1.len()).then_some(at)
    }

    /// Takes a page for what refers to it.
    fn claim(&mut self, page: u32) -> Option<()> {
        let is_there = page > 0 && page <= self.count;
        let word = self.used.get_mut(page as usize / 64)?;
        let bit = 1 << (page % 64);
        let is_free = *word & bit == 0;
        *word |= bit;
        (is_there && is_free).then_some(())
    }

    /// What the header says of vacuuming.
    fn settings(&mut self, highest_root: u32) -> Option<()> {
        let of = |at| number(&self.header, at, 4);
        let (largest, incremental) = (of(52)?, of(64)?);
        self.has_map = largest != 0;
        match self.has_map {
            true => (largest == highest_root).then_some(()),
            false => (incremental == 0).then_some(()),
        }
    }

    /// The page of the pointer map that has a page's entry.
    fn map_page(&self, page: u32) -> Option<u32> {
        let pages_of_one = u32::try_from(self.usable / 5).ok()? + 1;
        let at = page.checked_sub(2)? / pages_of_one * pages_of_one + 2;
        Some(if at == self.locked_page() { at + 1 } else { at })
    }

    /// Compares a page's entry in the pointer map, where there is one.
    fn mapped(&mut self, page: u32, kind: u8, parent: u32) -> Option<()> {
        if !self.has_map {
            return Some(());
        }
        let at = self.map_page(page)?;
        if self.map.0 != at {
            let mut bytes = std::mem::take(&mut self.map.1);
            self.bytes(at, &mut bytes, self.page_size)?;
            self.map = (at, bytes);
        }
        let entry = usize::try_from(page.checked_sub(at + 1)?).ok()? * 5;
        let is_so = *self.map.1.get(entry)? == kind && number(&self.map.1, entry + 1, 4)? == parent;
        is_so.then_some(())
    }

    /// Takes the pages of the list of free ones.
    fn free_pages(&mut self) -> Option<()> {
        let of = |at| number(&self.header, at, 4);
        let (mut trunk, mut left) = (of(32)?, of(36)?);
        let mut page = Vec::new();
        while trunk != 0 {
            self.claim(trunk)?;
            self.mapped(trunk, FREE, 0)?;
            self.bytes(trunk, &mut page, self.usable)?;
            let leaves = number(&page, 4, 4)?;
            left = left.checked_sub(1)?.checked_sub(leaves)?;
            for index in 0..leaves as usize {
                let leaf = number(&page, index.checked_mul(4)? + 8, 4)?;
                self.claim(leaf)?;
                self.mapped(leaf, FREE, 0)?;
            }
            trunk = number(&page, 0, 4)?;
        }
        (left == 0).then_some(())
    }

    /// Every page belongs to something, except those of the pointer map.
    fn all_used(&self) -> Option<()> {
        let is_right = |page: u32| {
            let is_used = self.used[page as usize / 64] & 1 << (page % 64) != 0;
            let is_map = self.has_map && self.map_page(page) == Some(page);
            is_used != is_map
        };
        (1..=self.count).all(is_right).then_some(())
    }

    /// Walks over a tree. How many entries it has.
    fn tree(&mut self, root: u32, tree: Tree, has_rows: bool) -> Option<u64> {
        self.has_rows = has_rows;
        if root > 1 {
            self.mapped(root, ROOT, 0)?;
        }
        let above = Above {
            depth: 0,
            low: None,
            high: i64::MAX,
        };
        self.page(root, tree, above).map(|(entries, _)| entries)
    }

    /// Walks over a page and what is below it. How many entries there are, and how many levels.
    fn page(&mut self, page: u32, tree: Tree, above: Above) -> Option<(u64, usize)> {
        self.claim(page)?;
        let mut bytes = std::mem::take(self.buffers.get_mut(above.depth)?);
        self.bytes(page, &mut bytes, self.usable)?;
        let walked = self.page_of(page, &bytes, tree, above);
        self.buffers[above.depth] = bytes;
        walked
    }

    fn page_of(
        &mut self,
        page: u32,
        bytes: &[u8],
        tree: Tree,
        above: Above,
    ) -> Option<(u64, usize)> {
        let start = start_of(page);
        let kind = PageKind::of(*bytes.get(start)?).filter(|kind| kind.tree == tree)?;
        let (is_leaf, pointers) = (kind.is_leaf, start + kind.head());
        let cells = short(bytes, start + 3)?;
        let content = match short(bytes, start + 5)? {
            0 => 65536,
            content => content,
        };
        (pointers + 2 * cells <= content && content <= self.usable).then_some(())?;
        self.parts.clear();
        let mut low = above.low;
        for index in 0..cells {
            let at = short(bytes, pointers + 2 * index)?;
            let (rowid, end) = self.cell(page, bytes, at, tree, is_leaf)?;
            self.parts.push((at, end.max(at + 4)));
            if let Some(rowid) = rowid {
                let ascends = low.is_none_or(|low| low < rowid) && rowid <= above.high;
                ascends.then_some(())?;
                low = Some(rowid);
            }
        }
        let (mut block, mut least) = (short(bytes, start + 1)?, content);
        while block != 0 {
            let size = short(bytes, block + 2)?;
            (block >= least && size >= 4).then_some(())?;
            self.parts.push((block, block + size));
            least = block + size + 4;
            block = short(bytes, block)?;
        }
        let between = self.between_parts(content)?;
        (between == usize::from(*bytes.get(start + 7)?)).then_some(())?;
        match is_leaf {
            true => Some((cells as u64, 1)),
            false => self.below(page, bytes, tree, above, (start, pointers, cells)),
        }
    }

    /// How many bytes from `content` on no part has. None where two have the same.
    fn between_parts(&mut self, content: usize) -> Option<usize> {
        let mut between = self.usable - content;
        let mut lowest = self.usable;
        // Cells are added from the end of a page downwards: most pages need no look at each byte.
        let mut descends = true;
        for (from, to) in &self.parts {
            between = between.checked_sub(to - from)?;
            (*from >= content).then_some(())?;
            descends &= *to <= lowest;
            lowest = *from;
        }
        if !descends {
            self.taken.fill(0);
            for (from, to) in &self.parts {
                (*to <= self.usable).then_some(())?;
                take(&mut self.taken, *from, *to)?;
            }
        }
        Some(between)
    }

    /// Walks over the pages below one, whose cells were looked at.
    fn below(
        &mut self,
        page: u32,
        bytes: &[u8],
        tree: Tree,
        above: Above,
        (start, pointers, cells): (usize, usize, usize),
    ) -> Option<(u64, usize)> {
        let mut entries = match tree {
            Tree::Table => 0,
            Tree::Index => cells as u64,
        };
        let mut levels = None;
        let mut low = above.low;
        for index in 0..=cells {
            let (child, key) = match index == cells {
                true => (number(bytes, start + 8, 4)?, None),
                false => {
                    let at = short(bytes, pointers + 2 * index)?;
                    let key = match tree {
                        Tree::Table => Some(varint(bytes, at + 4)?.0),
                        Tree::Index => None,
                    };
                    (number(bytes, at, 4)?, key)
                }
            };
            self.mapped(child, BELOW, page)?;
            let between = Above {
                depth: above.depth + 1,
                low,
                high: key.unwrap_or(above.high),
            };
            let (more, deep) = self.page(child, tree, between)?;
            (*levels.get_or_insert(deep) == deep).then_some(())?;
            entries += more;
            low = key.or(low);
        }
        Some((entries, levels? + 1))
    }

    /// Looks at a cell and the pages that its record goes on to. Its rowid, and where it ends.
    fn cell(
        &mut self,
        page: u32,
        bytes: &[u8],
        at: usize,
        tree: Tree,
        is_leaf: bool,
    ) -> Option<(Option<i64>, usize)> {
        let at = if is_leaf { at } else { at + 4 };
        if !is_leaf && tree == Tree::Table {
            return varint(bytes, at).map(|(rowid, end)| (Some(rowid), end));
        }
        let (total, mut after) = length(bytes, at)?;
        // The longest that SQLite can have.
        i32::try_from(total).ok()?;
        let mut rowid = None;
        if tree == Tree::Table {
            let (read, end) = varint(bytes, after)?;
            (rowid, after) = (Some(read), end);
        }
        let local = local_payload(total, self.usable, tree);
        let record = bytes.get(after..after + local)?;
        (*record.first()? >= 2).then_some(())?;
        let mut end = after + local;
        if local == total {
            (!self.has_rows || is_record(record, total)).then_some(())?;
        } else {
            let first = number(bytes, end, 4)?;
            end += 4;
            self.chain(page, first, record, total)?;
        }
        Some((rowid, end))
    }

    /// Takes the overflow pages of a record.
    fn chain(&mut self, page: u32, first: u32, local: &[u8], total: usize) -> Option<()> {
        let head = length(local, 0)?.0;
        let on_each = self.usable - 4;
        let mut record = Vec::new();
        if head > local.len() {
            record.extend_from_slice(local);
        }
        let mut left = (total - local.len()).div_ceil(on_each);
        let (mut next, mut before, mut kind) = (first, page, FIRST_OF_CHAIN);
        let mut bytes = Vec::new();
        while left > 0 {
            self.claim(next)?;
            self.mapped(next, kind, before)?;
            let wanted = head
                .saturating_sub(record.len().max(local.len()))
                .min(on_each);
            self.bytes(next, &mut bytes, 4 + wanted)?;
            record.extend_from_slice(&bytes[4..]);
            (before, kind) = (next, LATER_IN_CHAIN);
            next = number(&bytes, 0, 4)?;
            left -= 1;
        }
        let begin = if record.is_empty() { local } else { &record };
        (next == 0 && (!self.has_rows || is_record(begin, total))).then_some(())
    }
}

/// Marks bytes that nothing else has.
fn take(taken: &mut [u64], from: usize, to: usize) -> Option<()> {
    let mut at = from;
    while at < to {
        let (word, bit) = (taken.get_mut(at / 64)?, at % 64);
        let bits = (64 - bit).min(to - at);
        let mask = (u64::MAX >> (64 - bits)) << bit;
        (*word & mask == 0).then_some(())?;
        *word |= mask;
        at += bits;
    }
    Some(())
}

/// Whether the head of a record accounts for its length. `begin` has all of the head.
fn is_record(begin: &[u8], total: usize) -> bool {
    let adds_up = || {
        let (head, mut at) = length(begin, 0)?;
        let mut end = head;
        while at < head {
            let (kind, after) = length(begin, at)?;
            end = end.checked_add(value_length(kind))?;
            at = after;
        }
        Some(head >= 2 && at == head && end == total)
    };
    adds_up() == Some(true)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::sqlite::{integrity, open};

    const FILLED: &str = "
        CREATE TABLE plain (id INTEGER PRIMARY KEY, name TEXT NOT NULL, size, body BLOB);
        CREATE INDEX by_name ON plain (name);
        CREATE INDEX of_some ON plain (size) WHERE size > 100;
        CREATE UNIQUE INDEX by_expression ON plain (lower(name), id);
        CREATE TABLE keyed (a TEXT, b, PRIMARY KEY (a, b)) WITHOUT ROWID;
        CREATE INDEX keyed_b ON keyed (b);
        CREATE TABLE text_key (k TEXT PRIMARY KEY, v);
        CREATE TABLE empty (x);
        CREATE VIEW seen AS SELECT name FROM plain;
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600)
        INSERT INTO plain SELECT i * 7919 % 100003, 'name ' || i * 31 % 601, i % 300,
            zeroblob(CASE WHEN i % 40 = 0 THEN 3000 ELSE i % 60 END) FROM n;
        INSERT INTO keyed SELECT name, id FROM plain;
        INSERT INTO text_key SELECT name || id, CASE WHEN id % 3 THEN hex(body) END FROM plain;
        DELETE FROM plain WHERE id % 5 = 0;
        UPDATE plain SET name = name || ' again' WHERE id % 7 = 0;
        ALTER TABLE plain ADD COLUMN later DEFAULT 3;
        UPDATE plain SET later = 1.5 WHERE id % 11 = 0;
        INSERT INTO plain (id, name) VALUES (-5, 'negative'), (9223372036854775807, 'last');
        CREATE TABLE gone AS SELECT * FROM plain;
        DROP TABLE gone;";

    /// A record whose head alone is longer than a page.
    fn wide() -> String {
        let columns: Vec<String> = (0..1900).map(|index| format!("c{index}")).collect();
        let values = vec!["x'0102'"; 1900].join(", ");
        format!(
            "CREATE TABLE wide ({}); INSERT INTO wide VALUES ({values});",
            columns.join(", ")
        )
    }

    fn make(path: &Path, settings: &str, sql: &str) {
        let connection = Connection::open(path).unwrap();
        connection.execute_batch(settings).unwrap();
        connection.execute_batch(&wide()).unwrap();
        connection.execute_batch(sql).unwrap();
    }

    fn says_sound(path: &Path) -> bool {
        let connection = open::copy(path);
        connection.is_ok_and(|connection| is_sound(&connection, &|| false))
    }

    /// What SQLite says of it.
    fn finding(path: &Path) -> Option<String> {
        let found = open::copy(path).and_then(|connection| integrity::quick_check(&connection));
        found.unwrap_or_else(|error| Some(format!("{error:#}")))
    }

    /// One way in which a file can be: the size of its pages, its vacuuming, its encoding.
    const SETTINGS: [&str; 7] = [
        "PRAGMA page_size = 512",
        "PRAGMA page_size = 1024; PRAGMA auto_vacuum = FULL",
        "PRAGMA page_size = 512; PRAGMA auto_vacuum = INCREMENTAL",
        "PRAGMA page_size = 4096; PRAGMA encoding = 'UTF-16le'",
        "PRAGMA page_size = 8192",
        "PRAGMA page_size = 65536",
        "PRAGMA page_size = 65536; PRAGMA auto_vacuum = INCREMENTAL",
    ];

    #[test]
    fn what_sqlite_wrote_is_sound() {
        let folder = tempfile::tempdir().unwrap();
        for (index, settings) in SETTINGS.iter().enumerate() {
            let path = folder.path().join(format!("{index}.db"));
            make(&path, settings, FILLED);
            assert_eq!(finding(&path), None, "{settings}");
            assert!(says_sound(&path), "{settings}");
        }
        let path = folder.path().join("search.db");
        let search = "CREATE VIRTUAL TABLE words USING fts5(text);
            INSERT INTO words VALUES ('one two'), ('three');";
        make(&path, "", search);
        assert!(says_sound(&path));
        let empty = folder.path().join("empty.db");
        make(&empty, "", "DROP TABLE wide; VACUUM");
        assert!(says_sound(&empty));
    }

    /// The one fault that counts: to call a copy good that SQLite calls damaged.
    #[test]
    fn nothing_that_sqlite_calls_damaged_is_sound() {
        let folder = tempfile::tempdir().unwrap();
        let mut random: u64 = 20_261_129;
        let mut below = move |limit: usize| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            usize::try_from(random >> 33).unwrap() % limit
        };
        let (mut damaged, mut seen_by_us) = (0, 0);
        for settings in &SETTINGS[..4] {
            let whole = folder.path().join("whole.db");
            make(&whole, settings, FILLED);
            let bytes = fs::read(&whole).unwrap();
            fs::remove_file(&whole).unwrap();
            let page = match short(&bytes, 16).unwrap() {
                1 => 65536,
                size => size,
            };
            let path = folder.path().join("damaged.db");
            for _ in 0..rounds() {
                let mut bytes = bytes.clone();
                let begin = below(bytes.len() / page) * page;
                match below(4) {
                    // A byte anywhere, one of a page's head or pointers, a number of four, a page.
                    0 => bytes[begin + below(page)] ^= 1 << below(8),
                    1 => bytes[begin + below(40)] = u8::try_from(below(256)).unwrap(),
                    2 => {
                        let number = u32::try_from(below(bytes.len() / page + 3)).unwrap();
                        let at = begin + below(page / 4) * 4;
                        bytes[at..at + 4].copy_from_slice(&number.to_be_bytes());
                    }
                    _ => {
                        let from = below(bytes.len() / page) * page;
                        bytes.copy_within(from..from + page, begin);
                    }
                }
                fs::write(&path, &bytes).unwrap();
                let (finding, sound) = (finding(&path), says_sound(&path));
                if let Some(finding) = finding {
                    assert!(!sound, "{settings}, page {}: {finding}", begin / page + 1);
                    damaged += 1;
                }
                seen_by_us += u32::from(!sound);
            }
        }
        assert!(
            damaged > 100 && seen_by_us >= damaged,
            "{damaged}, {seen_by_us}"
        );
    }

    fn rounds() -> u32 {
        let rounds = std::env::var("HEIRLOOM_TEST_ROUNDS");
        rounds.map_or(150, |rounds| rounds.parse().unwrap())
    }

    #[test]
    fn it_ends_when_it_is_told_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.db");
        make(&path, "PRAGMA page_size = 512", FILLED);
        let connection = open::copy(&path).unwrap();
        assert!(!is_sound(&connection, &|| true));
        assert!(is_sound(&connection, &|| false));
    }
}

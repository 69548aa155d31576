//! The pages of a damaged file, as <https://sqlite.org/fileformat2.html> has them. Every number in
//! them may be wrong: what does not fit is damage, and nothing is followed twice.

use rusqlite::types::Value;

use crate::report::error::Error;
use crate::sqlite::disk::raw::RawFile;
use crate::sqlite::page_format::{
    HEADER, PageKind, Tree, length, local_payload, number, short, start_of, value_length, varint,
};

/// The sizes that a page can have.
const SIZES: [usize; 8] = [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536];
const USUAL_SIZE: usize = 4096;
/// So many pages are looked at to guess the size.
const GUESSED_FROM: u64 = 200;
/// The smallest that the usable part of a page can be.
const LEAST: usize = 480;
const TITLE: &[u8] = b"SQLite format 3\0";

/// What a value that was read is, with its bytes where SQLite would not call them UTF-8.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Read {
    Value(Value),
    /// A text whose bytes are kept.
    Text(Vec<u8>),
}

/// A row: its rowid, where it has one, and its values.
pub(crate) type Row = (Option<i64>, Vec<Read>);
/// What a cell has: a page below it, a row, or both.
type Cell = (Option<u32>, Option<Row>);

/// What one page of a tree holds.
#[derive(Debug, Default)]
pub(crate) struct Node {
    /// The pages below it.
    pub(crate) children: Vec<u32>,
    /// Its rows, with their rowids where it is a page of a table with rowids.
    pub(crate) rows: Vec<Row>,
    /// Cells that could not be read.
    pub(crate) unread: u64,
}

pub(crate) struct Pages {
    file: RawFile,
    size: usize,
    usable: usize,
    encoding: u8,
    /// The pages that belong to something, by number; 0 is none.
    owned: Vec<bool>,
    pub(crate) user_version: i32,
    pub(crate) application_id: i32,
    /// Whether the first page says what it should.
    pub(crate) has_header: bool,
}

fn is_tree(page: &[u8], start: usize) -> bool {
    let Some(kind) = page.get(start).copied().and_then(PageKind::of) else {
        return false;
    };
    let head = kind.head();
    let cells = short(page, start + 3).unwrap_or(usize::MAX);
    let first = start + head + cells.saturating_mul(2);
    let fits = |at: usize| short(page, at).is_some_and(|cell| cell >= first && cell < page.len());
    first <= page.len() && (0..cells).all(|cell| fits(start + head + cell * 2))
}

impl Pages {
    pub(crate) fn read(mut file: RawFile) -> Result<Pages, Error> {
        let header = file.read_at(0, HEADER)?;
        let said = short(&header, 16).map(|size| if size == 1 { 65536 } else { size });
        let has_header =
            header.starts_with(TITLE) && said.is_some_and(|size| SIZES.contains(&size));
        let size = match said.filter(|_| has_header) {
            Some(size) => size,
            None => guessed_size(&mut file)?,
        };
        let reserved = usize::from(if has_header { header[20] } else { 0 });
        let count = file.length().div_ceil(size as u64);
        let encoding = match number(&header, 56, 4).filter(|_| has_header) {
            Some(2) => 2,
            Some(3) => 3,
            _ => 1,
        };
        let signed = |at: usize| {
            let read = number(&header, at, 4).filter(|_| has_header);
            read.unwrap_or(0).cast_signed()
        };
        let mut pages = Pages {
            size,
            usable: size.saturating_sub(reserved).max(LEAST),
            encoding,
            owned: vec![false; usize::try_from(count).unwrap_or(0) + 1],
            user_version: signed(60),
            application_id: signed(68),
            has_header,
            file,
        };
        if has_header {
            pages.leave_out_free(number(&header, 32, 4).unwrap_or(0))?;
        }
        Ok(pages)
    }

    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// The name of the encoding, as PRAGMA takes it.
    pub(crate) fn encoding(&self) -> &'static str {
        match self.encoding {
            2 => "UTF-16le",
            3 => "UTF-16be",
            _ => "UTF-8",
        }
    }

    /// The pages that nothing has claimed.
    pub(crate) fn orphans(&self) -> Vec<u32> {
        let numbers = self.owned.iter().enumerate().skip(1);
        let orphans = numbers.filter(|(_, owned)| !**owned);
        orphans
            .filter_map(|(number, _)| u32::try_from(number).ok())
            .collect()
    }

    fn page(&mut self, number: u32) -> Result<Vec<u8>, Error> {
        let offset = u64::from(number.saturating_sub(1)) * self.size as u64;
        let mut page = self.file.read_at(offset, self.size)?;
        page.truncate(self.usable);
        Ok(page)
    }

    /// Takes a page for what asks for it. False where there is none, or somebody has it.
    fn claim(&mut self, number: u32) -> bool {
        let place = usize::try_from(number).ok().filter(|number| *number > 0);
        match place.and_then(|number| self.owned.get_mut(number)) {
            Some(owned) => !std::mem::replace(owned, true),
            None => false,
        }
    }

    /// What was deleted is left where it is.
    fn leave_out_free(&mut self, mut trunk: u32) -> Result<(), Error> {
        while self.claim(trunk) {
            let page = self.page(trunk)?;
            let count = number(&page, 4, 4).unwrap_or(0) as usize;
            if count > self.usable / 4 {
                break;
            }
            for index in 0..count {
                self.claim(number(&page, 8 + index * 4, 4).unwrap_or(0));
            }
            trunk = number(&page, 0, 4).unwrap_or(0);
        }
        Ok(())
    }

    /// One page of a tree. None where it is not one, or belongs to something else.
    pub(crate) fn node(&mut self, number_of: u32, tree: Tree) -> Result<Option<Node>, Error> {
        if !self.claim(number_of) {
            return Ok(None);
        }
        self.look(number_of, tree)
    }

    /// The same, whoever has it.
    pub(crate) fn look(&mut self, number_of: u32, tree: Tree) -> Result<Option<Node>, Error> {
        let page = self.page(number_of)?;
        let start = start_of(number_of);
        let kind = page.get(start).copied().and_then(PageKind::of);
        let Some(kind) = kind.filter(|kind| kind.tree == tree) else {
            return Ok(None);
        };
        let (is_leaf, head) = (kind.is_leaf, kind.head());
        let most = (page.len() - start).saturating_sub(head) / 2;
        let cells = short(&page, start + 3).unwrap_or(0);
        if cells > most {
            return Ok(None);
        }
        let mut node = Node::default();
        for index in 0..cells {
            let at = short(&page, start + head + index * 2).unwrap_or(0);
            let read = match at > start + head && at < page.len() {
                true => self.cell(&page, at, tree, is_leaf)?,
                false => None,
            };
            match read {
                Some((child, row)) => {
                    node.children.extend(child);
                    node.rows.extend(row);
                }
                None => node.unread += 1,
            }
        }
        if !is_leaf {
            node.children.extend(number(&page, start + 8, 4));
        }
        Ok(Some(node))
    }

    fn cell(
        &mut self,
        page: &[u8],
        mut at: usize,
        tree: Tree,
        is_leaf: bool,
    ) -> Result<Option<Cell>, Error> {
        let mut child = None;
        if !is_leaf {
            child = number(page, at, 4);
            at += 4;
            if child.is_none() || tree == Tree::Table {
                return Ok(child.map(|child| (Some(child), None)));
            }
        }
        let Some((total, after)) = length(page, at) else {
            return Ok(None);
        };
        let (rowid, after) = match tree {
            Tree::Index => (None, after),
            Tree::Table => match varint(page, after) {
                Some((rowid, after)) => (Some(rowid), after),
                None => return Ok(None),
            },
        };
        let Some(payload) = self.payload(page, after, total, tree)? else {
            return Ok(None);
        };
        let values = self.values(&payload);
        Ok(values.map(|values| (child, Some((rowid, values)))))
    }

    /// The bytes of a record, those on overflow pages too.
    fn payload(
        &mut self,
        page: &[u8],
        at: usize,
        total: usize,
        tree: Tree,
    ) -> Result<Option<Vec<u8>>, Error> {
        let usable = self.usable;
        let local = local_payload(total, usable, tree);
        if local == total {
            return Ok(page.get(at..at + total).map(<[u8]>::to_vec));
        }
        if total as u64 > self.file.length() {
            return Ok(None);
        }
        let (Some(begin), Some(mut next)) = (page.get(at..at + local), number(page, at + local, 4))
        else {
            return Ok(None);
        };
        let mut payload = begin.to_vec();
        while payload.len() < total {
            let inside = usize::try_from(next).is_ok_and(|next| next < self.owned.len());
            if next == 0 || !inside {
                return Ok(None);
            }
            // A chain that turns in a circle ends where the length is reached.
            self.claim(next);
            let page = self.page(next)?;
            let wanted = (total - payload.len()).min(usable - 4);
            let Some(part) = page.get(4..4 + wanted) else {
                return Ok(None);
            };
            payload.extend_from_slice(part);
            next = number(&page, 0, 4).unwrap_or(0);
        }
        Ok(Some(payload))
    }

    /// The values of a record. None where it is none.
    fn values(&self, payload: &[u8]) -> Option<Vec<Read>> {
        let (head, mut at) = length(payload, 0)?;
        let mut body = head;
        let mut values = Vec::new();
        while at < head {
            let (kind, after) = varint(payload, at)?;
            at = after;
            let (value, end) = self.value(payload, body, kind)?;
            body = end;
            values.push(value);
        }
        (at == head && body == payload.len() && !values.is_empty()).then_some(values)
    }

    fn value(&self, payload: &[u8], at: usize, kind: i64) -> Option<(Read, usize)> {
        let kind = usize::try_from(kind).ok()?;
        let end = at.checked_add(value_length(kind))?;
        let bytes = payload.get(at..end)?;
        let value = match kind {
            0 => Read::Value(Value::Null),
            1..=6 => {
                let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
                let start = if negative { -1 } else { 0 };
                let value = bytes
                    .iter()
                    .fold(start, |sum: i64, byte| sum << 8 | i64::from(*byte));
                Read::Value(Value::Integer(value))
            }
            7 => Read::Value(Value::Real(f64::from_be_bytes(bytes.try_into().ok()?))),
            8 => Read::Value(Value::Integer(0)),
            9 => Read::Value(Value::Integer(1)),
            // Reserved.
            10 | 11 => return None,
            _ if kind % 2 == 0 => Read::Value(Value::Blob(bytes.to_vec())),
            _ => self.text(bytes),
        };
        Some((value, end))
    }

    fn text(&self, bytes: &[u8]) -> Read {
        let wide = |read: fn([u8; 2]) -> u16| {
            let pairs = bytes.chunks_exact(2);
            let units: Vec<u16> = pairs.map(|pair| read([pair[0], pair[1]])).collect();
            Read::Value(Value::Text(String::from_utf16_lossy(&units)))
        };
        match self.encoding {
            2 => wide(u16::from_le_bytes),
            3 => wide(u16::from_be_bytes),
            _ => Read::Text(bytes.to_vec()),
        }
    }
}

impl Read {
    /// What it says, where it is a text.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Read::Text(bytes) => std::str::from_utf8(bytes).ok(),
            Read::Value(Value::Text(text)) => Some(text),
            Read::Value(_) => None,
        }
    }

    pub(crate) fn as_number(&self) -> Option<i64> {
        match self {
            Read::Value(Value::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        *self == Read::Value(Value::Null)
    }
}

/// The smallest size with which about as many pages as with any look like pages of a tree: with twice
/// the size as many begin right, with half of it half as many.
fn guessed_size(file: &mut RawFile) -> Result<usize, Error> {
    let mut shares = Vec::new();
    for size in SIZES {
        let count = file.length() / size as u64;
        let step = (count / GUESSED_FROM).max(1);
        let (mut seen, mut fit) = (0_u32, 0_u32);
        let mut page = 1;
        while page < count {
            let bytes = file.read_at(page * size as u64, size)?;
            seen += 1;
            fit += u32::from(is_tree(&bytes, 0));
            page += step;
        }
        shares.push((size, f64::from(fit) / f64::from(seen.max(1))));
    }
    let most = shares
        .iter()
        .fold(0.0, |most: f64, (_, share)| most.max(*share));
    let mut likely = shares
        .iter()
        .filter(|(_, share)| *share > 0.0 && *share >= most * 0.8);
    Ok(likely.next().map_or(USUAL_SIZE, |(size, _)| *size))
}

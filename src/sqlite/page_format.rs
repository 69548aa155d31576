//! How the pages of a database are written: <https://sqlite.org/fileformat2.html>. What is read here
//! may be damaged, so nothing is found behind the end of the bytes.

/// What kind of tree a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tree {
    /// A table with rowids.
    Table,
    /// An index, or a table without rowids.
    Index,
}

/// The length of a database's header, which begins its first page.
pub(crate) const HEADER: usize = 100;

/// What a page of a tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageKind {
    pub(crate) tree: Tree,
    pub(crate) is_leaf: bool,
}

impl PageKind {
    /// By its first byte. None of a page that belongs to no tree.
    pub(crate) fn of(first: u8) -> Option<PageKind> {
        let (tree, is_leaf) = match first {
            2 => (Tree::Index, false),
            5 => (Tree::Table, false),
            10 => (Tree::Index, true),
            13 => (Tree::Table, true),
            _ => return None,
        };
        Some(PageKind { tree, is_leaf })
    }

    /// How many bytes there are before the pointers to its cells.
    pub(crate) fn head(self) -> usize {
        if self.is_leaf { 8 } else { 12 }
    }
}

/// Where a page of a tree begins, by its number.
pub(crate) fn start_of(page: u32) -> usize {
    if page == 1 { HEADER } else { 0 }
}

/// A number of up to four bytes.
pub(crate) fn number(bytes: &[u8], at: usize, length: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(length)?)?;
    Some(
        bytes
            .iter()
            .fold(0, |sum, byte| sum << 8 | u32::from(*byte)),
    )
}

/// A number of two bytes.
pub(crate) fn short(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(number(bytes, at, 2)?).ok()
}

/// A number of up to nine bytes, and where it ends.
#[inline]
pub(crate) fn varint(bytes: &[u8], at: usize) -> Option<(i64, usize)> {
    match bytes.get(at) {
        Some(byte) if *byte < 0x80 => Some((i64::from(*byte), at + 1)),
        _ => longer(bytes, at),
    }
}

fn longer(bytes: &[u8], at: usize) -> Option<(i64, usize)> {
    let bytes_from = bytes.get(at..)?;
    let mut value: u64 = 0;
    for (index, byte) in bytes_from.iter().take(8).enumerate() {
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value.cast_signed(), at + index + 1));
        }
    }
    let last = *bytes_from.get(8)?;
    Some(((value << 8 | u64::from(last)).cast_signed(), at + 9))
}

/// The same of a length.
#[inline]
pub(crate) fn length(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let (value, end) = varint(bytes, at)?;
    Some((usize::try_from(value).ok()?, end))
}

/// How many bytes of a record are on the page of its cell; the others are on overflow pages. The
/// usable part of a page has 480 bytes or more.
#[inline]
pub(crate) fn local_payload(total: usize, usable: usize, tree: Tree) -> usize {
    let most = match tree {
        Tree::Table => usable - 35,
        Tree::Index => (usable - 12) * 64 / 255 - 23,
    };
    if total <= most {
        return total;
    }
    let least = (usable - 12) * 32 / 255 - 23;
    let local = least + (total - least) % (usable - 4);
    if local <= most { local } else { least }
}

/// How many bytes a value of a record has, by its type in the record's head.
pub(crate) fn value_length(kind: usize) -> usize {
    match kind {
        0..=4 => kind,
        5 => 6,
        6 | 7 => 8,
        8..=11 => 0,
        12.. => (kind - 12) / 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_to_their_ninth_byte_and_not_behind_the_end() {
        assert_eq!(varint(&[0x81, 0x00], 0), Some((128, 2)));
        assert_eq!(varint(&[0xff; 9], 0), Some((-1, 9)));
        assert_eq!(varint(&[0x81], 0), None);
        assert_eq!(varint(&[], 3), None);
        assert_eq!(number(&[1, 2], 1, 2), None);
    }
}

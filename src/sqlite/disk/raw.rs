//! A copy of a damaged database file, read as bytes.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::report::error::Error;
use crate::sqlite::disk::files::failure;

/// A file that nobody else has open: a private copy. (To close a live database would drop SQLite's
/// locks in this process.)
pub(crate) struct RawFile {
    file: File,
    length: u64,
}

impl RawFile {
    pub(crate) fn open(path: &Path) -> Result<RawFile, Error> {
        let cannot = |error| failure(format!("cannot read {}", path.display()), error);
        let file = File::open(path).map_err(cannot)?;
        let length = file.metadata().map_err(cannot)?.len();
        Ok(RawFile { file, length })
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// As many bytes from an offset, with zeros for those behind the end.
    pub(crate) fn read_at(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::with_capacity(length);
        let wanted = u64::try_from(length).unwrap_or(u64::MAX);
        let mut read = || {
            self.file.seek(SeekFrom::Start(offset))?;
            (&mut self.file).take(wanted).read_to_end(&mut bytes)
        };
        read().map_err(|error| failure("cannot read the copy of the database", error))?;
        bytes.resize(length, 0);
        Ok(bytes)
    }
}

//! Files digested with BLAKE3, as they are and while they are written.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::JoinHandle;

use crate::report::error::Error;
use crate::sqlite::disk::files::{
    cannot_write, failure, is_file, is_there, open, open_for_writing,
};

/// The BLAKE3 digest of a file in hexadecimal, 64 KiB at a time.
pub(crate) fn of_file(path: &Path) -> Result<String, Error> {
    if !is_file(path)? {
        let kind = match is_there(path)? {
            true => io::ErrorKind::InvalidInput,
            false => io::ErrorKind::NotFound,
        };
        return Err(failure(
            format!("cannot read {}", path.display()),
            kind.into(),
        ));
    }
    let hash = || {
        let mut file = open(path)?;
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(hasher.finalize().to_hex().to_string()),
                read => hasher.update(&buffer[..read]),
            };
        }
    };
    hash().map_err(|error| failure(format!("cannot read {}", path.display()), error))
}

/// A file that is written and digested in one go. Of a large one, two threads of their own read back
/// and digest what was written, and hand it to the disk meanwhile, so that none is waited for at the
/// end.
pub(crate) struct Digested {
    file: File,
    path: PathBuf,
    digesting: Digesting,
    /// Bytes written since the disk was last told.
    unsynced: u64,
}

enum Digesting {
    Here(Box<blake3::Hasher>),
    Beside {
        parts: SyncSender<Vec<u8>>,
        /// What was digested, to be filled again.
        used: Receiver<Vec<u8>>,
        hasher: JoinHandle<io::Result<blake3::Hasher>>,
        ticks: SyncSender<()>,
        syncing: JoinHandle<io::Result<()>>,
    },
}

/// From this many bytes on threads cost less than they save.
const LARGE: u64 = 8 << 20;

/// Whether a file that is going to have this many bytes is read back and compared as it is written.
pub(crate) fn is_read_back(bytes: u64) -> bool {
    bytes >= LARGE
}

/// Parts of a file that wait to be read back and digested.
const WAITING: usize = 32;
/// Bytes that are worth a sync: never on macOS, where each one empties the drive's cache.
const SYNC_EVERY: u64 = match cfg!(target_vendor = "apple") {
    true => u64::MAX,
    false => 32 << 20,
};

impl Digested {
    /// Begins at the start of an empty file that is there, which is going to have this many bytes.
    pub(crate) fn open(path: &Path, bytes: u64) -> Result<Digested, Error> {
        let begin = || {
            let file = open_for_writing(path)?;
            let digesting = match is_read_back(bytes) {
                true => Digesting::beside(file.try_clone()?, open(path)?)?,
                false => Digesting::Here(Box::default()),
            };
            Ok((file, digesting))
        };
        let (file, digesting) = begin().map_err(|error| cannot_write(path, error))?;
        Ok(Digested {
            file,
            path: path.to_owned(),
            digesting,
            unsynced: 0,
        })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file
            .write_all(bytes)
            .map_err(|error| cannot_write(&self.path, error))?;
        match &mut self.digesting {
            Digesting::Here(hasher) => {
                hasher.update(bytes);
            }
            Digesting::Beside {
                parts, used, ticks, ..
            } => {
                let mut part = used.try_recv().unwrap_or_default();
                part.clear();
                part.extend_from_slice(bytes);
                // Whoever does not listen any more says why at the end.
                let _ = parts.send(part);
                self.unsynced += bytes.len() as u64;
                // A sync that is going on takes what was written meanwhile the next time.
                if self.unsynced >= SYNC_EVERY && ticks.try_send(()).is_ok() {
                    self.unsynced = 0;
                }
            }
        }
        Ok(())
    }

    /// The digest in hexadecimal.
    ///
    /// # Errors
    /// Of the disk too, which may have failed long before the last byte: that is final.
    pub(crate) fn finish(self) -> Result<String, Error> {
        let hasher = match self.digesting {
            Digesting::Here(hasher) => *hasher,
            Digesting::Beside {
                parts,
                used: _,
                hasher,
                ticks,
                syncing,
            } => {
                drop((parts, ticks));
                let joined = hasher.join().unwrap_or_else(|_| Err(panicked()));
                let synced = syncing.join().unwrap_or_else(|_| Err(panicked()));
                let hasher = synced.and(joined);
                hasher.map_err(|error| cannot_write(&self.path, error))?
            }
        };
        Ok(hasher.finalize().to_hex().to_string())
    }
}

impl Digesting {
    fn beside(written: File, mut read_back: File) -> io::Result<Digesting> {
        let (parts, expected) = mpsc::sync_channel::<Vec<u8>>(WAITING);
        let (done, used) = mpsc::sync_channel::<Vec<u8>>(WAITING);
        let (ticks, due) = mpsc::sync_channel::<()>(1);
        let hasher = std::thread::Builder::new().spawn(move || {
            let mut hasher = blake3::Hasher::new();
            let mut buffer = Vec::new();
            for part in expected {
                buffer.resize(part.len(), 0);
                read_back.read_exact(&mut buffer)?;
                if buffer != part {
                    return Err(io::Error::other("it does not hold what was written to it"));
                }
                hasher.update(&buffer);
                let _ = done.try_send(part);
            }
            Ok(hasher)
        })?;
        let syncing = std::thread::Builder::new()
            .spawn(move || due.iter().try_for_each(|()| written.sync_data()))?;
        Ok(Digesting::Beside {
            parts,
            used,
            hasher,
            ticks,
            syncing,
        })
    }
}

fn panicked() -> io::Error {
    io::Error::other("a thread of the copy panicked")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A disk that gives back otherwise than it took.
    #[test]
    fn what_is_written_is_read_back_and_compared() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("copy");
        for (on_the_disk, is_same) in [
            (vec![1; 100_000], true),
            ([vec![1; 99_999], vec![2]].concat(), false),
            (vec![1; 99_999], false),
        ] {
            let written = File::create(&path).unwrap();
            let other = folder.path().join("other");
            fs::write(&other, on_the_disk).unwrap();
            let copy = Digested {
                file: written.try_clone().unwrap(),
                path: path.clone(),
                digesting: Digesting::beside(written, File::open(&other).unwrap()).unwrap(),
                unsynced: 0,
            };
            let finished = write_in_parts(copy);
            assert_eq!(finished.is_ok(), is_same, "{finished:?}");
        }
        let copy = Digested::open(&path, LARGE).unwrap();
        assert!(is_read_back(LARGE) && matches!(copy.digesting, Digesting::Beside { .. }));
        let expected = blake3::hash(&[1; 100_000]).to_hex().to_string();
        assert_eq!(write_in_parts(copy).unwrap(), expected);
        assert_eq!(fs::read(&path).unwrap(), [1; 100_000]);
    }

    fn write_in_parts(mut copy: Digested) -> Result<String, Error> {
        for _ in 0..10 {
            copy.write(&[1; 10_000])?;
        }
        copy.finish()
    }
}

//! What a file that shares blocks with others occupies alone, as the kernel tells of its extents.
//!
//! `FS_IOC_FIEMAP` (<https://docs.kernel.org/filesystems/fiemap.html>) lists where a file lies, and
//! marks what another file holds too with `FIEMAP_EXTENT_SHARED`. There is no such list on macOS and
//! Windows.
//!
//! The one `unsafe` block is the call, which `rustix` has no safe form of.
#![allow(unsafe_code)]

use std::fs::File;
use std::mem::size_of;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::ioctl::{Opcode, Updater, ioctl, opcode};

/// `struct fiemap`, without the extents behind it.
#[repr(C)]
#[derive(Default)]
struct Header {
    start: u64,
    length: u64,
    flags: u32,
    mapped: u32,
    count: u32,
    reserved: u32,
}

/// `struct fiemap_extent`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Extent {
    logical: u64,
    physical: u64,
    length: u64,
    reserved: [u64; 2],
    flags: u32,
    reserved_too: [u32; 3],
}

/// Extents that are asked for at once.
const AT_ONCE: usize = 128;

#[repr(C)]
struct Request {
    header: Header,
    extents: [Extent; AT_ONCE],
}

/// The kernel counts the header alone into the number of the call.
const FS_IOC_FIEMAP: Opcode = opcode::read_write::<Header>(b'f', 11);
const _: () = assert!(size_of::<Header>() == 32 && size_of::<Extent>() == 56);
/// Write out first what has no place on the disk yet.
const FIEMAP_FLAG_SYNC: u32 = 1;
const FIEMAP_EXTENT_LAST: u32 = 1;
const FIEMAP_EXTENT_SHARED: u32 = 0x2000;

/// Bytes of a file at rest on blocks that no other file holds. None where it shares nothing, or where
/// the file system does not tell.
pub(crate) fn unshared_bytes(path: &Path) -> Option<u64> {
    let file = File::open(path).ok()?;
    let (mut alone, mut shares, mut start) = (0, false, 0);
    loop {
        let mut request = Request {
            header: Header {
                start,
                length: u64::MAX - start,
                flags: FIEMAP_FLAG_SYNC,
                count: AT_ONCE as u32,
                ..Header::default()
            },
            extents: [Extent::default(); AT_ONCE],
        };
        // SAFETY: the number is that of FIEMAP, which takes a `struct fiemap` and writes at most
        // `count` extents behind it, for which there is room.
        unsafe {
            let updater = Updater::<FS_IOC_FIEMAP, Request>::new(&mut request);
            ioctl(file.as_fd(), updater).ok()?;
        }
        let mapped = usize::try_from(request.header.mapped).ok()?;
        let extents = request.extents.get(..mapped)?;
        for extent in extents {
            match extent.flags & FIEMAP_EXTENT_SHARED {
                0 => alone += extent.length,
                _ => shares = true,
            }
        }
        match extents.last() {
            Some(last) if last.flags & FIEMAP_EXTENT_LAST == 0 => {
                start = last.logical.checked_add(last.length)?;
            }
            _ => return shares.then_some(alone),
        }
    }
}

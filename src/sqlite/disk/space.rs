//! Free space, and what kind of file system it is.

use std::path::{Path, PathBuf};

use crate::report::count::{Counted, Grouped};
use crate::report::error::{Error, ErrorKind};
use crate::sqlite::disk::files;

/// Bytes this user may still write on the disk of a folder, none where it is not known.
pub(crate) fn free_space(folder: &Path) -> Option<u64> {
    folder
        .ancestors()
        .find(|folder| folder.is_dir())
        .and_then(|folder| fs4::available_space(folder).ok())
}

/// Whether two folders take their room from one disk, as far as the system tells. A folder that is not
/// there yet is where it will be made.
pub(crate) fn is_one_disk(one: &Path, other: &Path) -> bool {
    let disk = |folder: &Path| {
        let there = folder.ancestors().find(|folder| folder.is_dir())?;
        files::identity(there).map(|(disk, _)| disk)
    };
    let (one, other) = (disk(one), disk(other));
    one.is_some() && one == other
}

/// The network file system that a file is on, where the system tells: Linux lists what is
/// mounted in `/proc/mounts`, macOS says it of each file, and on Windows the path does, to which a
/// mapped drive was resolved.
pub(crate) fn network_file_system(path: &Path) -> Option<String> {
    #[cfg(target_vendor = "apple")]
    let kind = {
        let name = rustix::fs::statfs(path).ok()?.f_fstypename;
        let name = name.iter().map(|byte| byte.cast_unsigned());
        String::from_utf8(name.take_while(|byte| *byte != 0).collect()).ok()?
    };
    #[cfg(windows)]
    if let Some(std::path::Component::Prefix(prefix)) = path.components().next()
        && let std::path::Prefix::UNC(..) | std::path::Prefix::VerbatimUNC(..) = prefix.kind()
    {
        return Some(prefix.as_os_str().display().to_string());
    }
    #[cfg(not(target_vendor = "apple"))]
    let kind = {
        let mounts = crate::sqlite::disk::files::read_text(Path::new("/proc/mounts")).ok()??;
        file_system_of(&mounts, path)?.to_owned()
    };
    NETWORK.contains(&kind.as_str()).then_some(kind)
}

pub(crate) const NETWORK: &[&str] = &[
    "9p",
    "afpfs",
    "afs",
    "ceph",
    "cifs",
    "drvfs",
    "fuse.glusterfs",
    "fuse.gvfsd-fuse",
    "fuse.rclone",
    "fuse.sshfs",
    "fuse.vmhgfs-fuse",
    "macfuse",
    "ncpfs",
    "nfs",
    "nfs4",
    "osxfuse",
    "prl_fs",
    "smb3",
    "smbfs",
    "vboxsf",
    "virtiofs",
    "vmhgfs",
    "webdav",
];

/// Who keeps the folder of a file in step with a server or other machines, as far as the path
/// says. Such a program copies a database and its `-wal` at different moments, puts older ones in their
/// place, and takes contents away until they are read.
pub(crate) fn synced_by(path: &Path) -> Option<String> {
    let folders = path.parent()?.components();
    let folders: Vec<String> = folders
        .map(|folder| folder.as_os_str().to_string_lossy().into_owned())
        .collect();
    // macOS has all of them there ("TN3150: Getting ready for dataless files").
    for (number, folder) in folders.iter().enumerate() {
        let above = number.checked_sub(1).map(|above| folders[above].as_str());
        if above == Some("Library") && folder == "Mobile Documents" {
            return Some("iCloud Drive".to_owned());
        }
        if above == Some("Library")
            && folder == "CloudStorage"
            && let Some(provider) = folders.get(number + 1)
        {
            // `OneDrive-Personal`
            let name = provider.split('-').next().unwrap_or(provider);
            return Some(name.to_owned());
        }
        // As the programs of the providers call them elsewhere. `OneDrive - Company`
        let of_a_company = folder.starts_with("OneDrive - ");
        if of_a_company || SYNCED.contains(&folder.as_str()) {
            return Some(folder.clone());
        }
    }
    None
}

const SYNCED: &[&str] = &[
    "Dropbox",
    "Google Drive",
    "MEGAsync",
    "My Drive",
    "Nextcloud",
    "OneDrive",
    "Syncthing",
    "iCloudDrive",
    "ownCloud",
    "pCloud Drive",
];

/// The kind of file system that a path is on, as `/proc/mounts` has it. Of two that are mounted
/// at one place, the later hides the earlier.
#[cfg_attr(target_vendor = "apple", allow(dead_code))]
pub(crate) fn file_system_of<'m>(mounts: &'m str, path: &Path) -> Option<&'m str> {
    let mounts = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        let place = PathBuf::from(unescaped(words.next()?));
        let kind = words.next()?;
        path.starts_with(&place)
            .then(|| (place.components().count(), kind))
    });
    mounts.max_by_key(|(depth, _)| *depth).map(|(_, kind)| kind)
}

/// A path as `/proc/mounts` writes it, where what would end it is in octal: `\040` for a space
/// (`seq_path` of the kernel, `mangle_path`).
fn unescaped(path: &str) -> String {
    let escapes = [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ];
    let escapes = escapes.into_iter();
    escapes.fold(path.to_owned(), |path, (from, to)| path.replace(from, to))
}

/// Refuses what there is no room for. Only a friendly word: the disk itself has the last one.
pub(crate) fn check_room(folder: &Path, what: &str, bytes: u64, help: &str) -> Result<(), Error> {
    match free_space(folder) {
        Some(free) if free < bytes => Err(Error::new(
            ErrorKind::DiskFull,
            format!(
                "{what} needs {}, and {} has {} free",
                Counted(bytes, "byte"),
                folder.display(),
                Grouped(free)
            ),
        )
        .with_help(help)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(windows)]
    #[test]
    fn a_share_is_on_the_network() {
        let of = |path: &str| network_file_system(Path::new(path));
        assert_eq!(of(r"\\server\share\a\x.db").unwrap(), r"\\server\share");
        assert_eq!(of(r"C:\a\x.db"), None);
    }

    #[test]
    fn a_folder_that_others_keep_in_step_is_known_by_its_place() {
        for (path, who) in [
            (
                "/Users/a/Library/Mobile Documents/com~apple~CloudDocs/n.db",
                Some("iCloud Drive"),
            ),
            (
                "/Users/a/Library/CloudStorage/OneDrive-Personal/n.db",
                Some("OneDrive"),
            ),
            (
                "/Users/a/Library/CloudStorage/Dropbox/x/n.db",
                Some("Dropbox"),
            ),
            ("/home/a/Dropbox/n.db", Some("Dropbox")),
            (
                "/c/Users/a/OneDrive - Works Ltd/Documents/n.db",
                Some("OneDrive - Works Ltd"),
            ),
            ("/c/Users/a/OneDrive/Documents/n.db", Some("OneDrive")),
            ("/Users/a/Library/Application Support/n/n.db", None),
            ("/Users/a/Library/CloudStorage", None),
            ("/home/a/OneDriver/n.db", None),
            ("/home/a/Dropbox.db", None),
            ("/home/a/x/Dropbox", None),
            ("/home/a/Mobile Documents/n.db", None),
        ] {
            assert_eq!(synced_by(Path::new(path)).as_deref(), who, "{path}");
        }
    }

    #[test]
    fn a_path_lies_on_what_was_mounted_last_and_nearest() {
        let mounts = "/dev/sda1 / ext4 rw 0 0\nserver:/home /home nfs4 rw 0 0\n\
            tmpfs /home/a\\040b tmpfs rw 0 0\nx /home/\\134\\011c drvfs rw 0 0\n\
            x /srv ext4 rw 0 0\ny /srv cifs rw 0 0\n";
        let cases = [
            ("/var/notes.db", "ext4"),
            ("/home/notes.db", "nfs4"),
            ("/homely/notes.db", "ext4"),
            ("/home/a b/notes.db", "tmpfs"),
            ("/home/\\\tc/notes.db", "drvfs"),
            ("/srv/notes.db", "cifs"),
        ];
        for (path, kind) in cases {
            assert_eq!(
                file_system_of(mounts, Path::new(path)),
                Some(kind),
                "{path}"
            );
        }
    }
}

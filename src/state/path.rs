//! Paths of the workload: joined with their directory and made canonical without asking any file system.
//!
//! What this cannot see is symbolic links; the sentry resolves those in `fd_path` and `binary_path`, and where it
//! does, its answer replaces ours.

/// The longest path that is kept, in bytes: the kernel's own bound (`PATH_MAX`, `include/uapi/linux/limits.h`).
/// A longer one cannot have been opened, so only a hostile sentry sends it.
pub(crate) const PATH_MAX: usize = 4096;

/// Joins `path` to `base` where it is relative, and takes out `.`, `..` and doubled slashes.
///
/// Nothing for an empty path, for a relative one without an absolute base, and for one beyond [`PATH_MAX`].
pub(crate) fn canonical(base: Option<&[u8]>, path: &[u8]) -> Option<Box<[u8]>> {
    if path.is_empty() {
        return None;
    }
    let base = if path.starts_with(b"/") { &[][..] } else { base.filter(|base| base.starts_with(b"/"))? };
    if base.len().saturating_add(path.len()) > PATH_MAX {
        return None;
    }
    let mut out = Vec::with_capacity(base.len().saturating_add(path.len()).saturating_add(2));
    let parts = base.split(|byte| *byte == b'/').chain(path.split(|byte| *byte == b'/'));
    for part in parts {
        match part {
            b"" | b"." => {}
            b".." => {
                let parent = out.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
                out.truncate(parent);
            }
            name => {
                out.push(b'/');
                out.extend_from_slice(name);
            }
        }
    }
    if out.is_empty() {
        out.push(b'/');
    }
    Some(out.into_boxed_slice())
}

/// Whether a path is as [`canonical`] would leave it, so that it can be looked up without a copy.
pub(crate) fn is_canonical(path: &[u8]) -> bool {
    path.starts_with(b"/")
        && path.len() <= PATH_MAX
        && (path.len() == 1
            || path.get(1..).is_some_and(|rest| {
                rest.split(|byte| *byte == b'/').all(|part| !matches!(part, b"" | b"." | b".."))
            }))
}

/// What follows the last slash.
pub(crate) fn basename(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

/// What stands before the last slash.
pub(crate) fn directory(path: &[u8]) -> &[u8] {
    path.iter().rposition(|byte| *byte == b'/').and_then(|slash| path.get(..slash)).unwrap_or_default()
}

/// Whether a path that the sentry gave is one in a file system, not `socket:[n]`, `pipe:[n]`, `anon_inode:…` or one
/// of its error texts (gVisor: pipefs.go, sockfs.go, anonfs.go; `[err: …]` in seccheck's fd_path).
pub(crate) fn is_file_path(fd_path: &[u8]) -> bool {
    fd_path.starts_with(b"/")
}

/// What the sentry appends to the path of a file that has no name any more.
const DELETED: &[u8] = b" (deleted)";

/// The path without the mark of a deleted file, and whether it bore one.
pub(crate) fn without_deleted(path: &[u8]) -> (&[u8], bool) {
    match path.strip_suffix(DELETED) {
        Some(stripped) => (stripped, true),
        None => (path, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(base: &str, path: &str) -> Option<String> {
        canonical(Some(base.as_bytes()), path.as_bytes()).map(|out| String::from_utf8(out.into()).unwrap())
    }

    #[test]
    fn relative_paths_are_joined_and_dots_taken_out() {
        for (base, path, expected) in [
            ("/tmp", ".cache-x", "/tmp/.cache-x"),
            ("/tmp", "./a/../b", "/tmp/b"),
            ("/tmp", "../../../etc", "/etc"),
            ("/tmp", "/usr//bin/./x", "/usr/bin/x"),
            ("/", "..", "/"),
            ("/a/b/", "c/", "/a/b/c"),
        ] {
            assert_eq!(joined(base, path).as_deref(), Some(expected), "{base} {path}");
        }
        assert_eq!(joined("", "x"), None);
        assert_eq!(joined("/tmp", ""), None);
        assert_eq!(joined("/tmp", &"x".repeat(PATH_MAX)), None);
    }

    #[test]
    fn a_canonical_path_is_known_as_one() {
        for path in ["/", "/a", "/a/b.c", "/...", "/a/..b"] {
            assert!(is_canonical(path.as_bytes()), "{path}");
        }
        for path in ["", "a", "/a/", "//a", "/a/./b", "/a/.."] {
            assert!(!is_canonical(path.as_bytes()), "{path}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_canonical_makes_is_canonical_and_stays(path in "[a./]{1,24}") {
            let once = canonical(Some(b"/base/dir"), path.as_bytes()).unwrap();
            proptest::prop_assert!(is_canonical(&once));
            proptest::prop_assert_eq!(canonical(None, &once), Some(once));
        }
    }
}

//! Whether a file is a part of the container's image, asked of whoever can look.
//!
//! A release of 2026 says it of every program in the overlay; older ones, and files on a tmpfs, say nothing. The
//! library does no I/O, so the embedder answers, who has the image at hand.

use std::fmt;

/// Looks things up in the images of a sandbox's containers.
///
/// It is asked when a program, or a script behind an interpreter, is run of which nothing else is known, and at most
/// once for each file that is remembered. It is never asked for a file that was seen to be written: such a file is not
/// the image's any more, whatever the image has under its path.
pub trait Image: fmt::Debug + Send + Sync {
    /// Whether `path` is a regular file of the image of `container`.
    ///
    /// `container` is the id as the sentry claims it. `path` is absolute, at most 4096 bytes long, and without `.`,
    /// `..` and doubled slashes; it is the workload's choice all the same, and the image may hold symbolic links that
    /// lead anywhere. The path must be resolved inside of the image only.
    fn contains(&self, container: &[u8], path: &[u8]) -> Answer;
}

/// Whether a file is in the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is.
    Yes,
    /// It is not, and nothing was mounted there when the container began: the container made it.
    No,
    /// Nobody can tell.
    Unknown,
}

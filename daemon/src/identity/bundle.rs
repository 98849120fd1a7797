//! An OCI bundle's `config.json`: the root file system, what is mounted over it, and the annotations.
//!
//! The runtime writes it, but tenants choose much of what is in it: sizes are bounded, and what does not fit is left out.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

use super::{Labels, MAX_FILE, read_bounded};

/// The longest value of a label that is kept, in bytes. `kubectl` leaves whole manifests in annotations.
pub const MAX_LABEL_VALUE: usize = 1024;

/// Keys and values of all labels that are kept of a container, in bytes.
pub const MAX_LABEL_BYTES: usize = 16 << 10;

/// What a bundle says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The root file system, below the bundle if it is relative.
    pub root: PathBuf,
    /// The container cannot write to it.
    pub is_readonly: bool,
    /// Where other file systems are mounted.
    pub mounts: Vec<Vec<u8>>,
    /// The annotations.
    pub labels: Labels,
}

/// A bundle that cannot be used.
#[derive(Debug, Error)]
pub enum BundleError {
    /// Its `config.json` cannot be read, is no file, or is too large.
    #[error("config.json: {0}")]
    Read(#[from] io::Error),
    /// It makes no sense.
    #[error("config.json {0}")]
    Config(&'static str),
}

/// The parts of the OCI runtime specification's `config.md` that are asked for.
#[derive(Deserialize)]
pub(super) struct Config {
    root: Option<Root>,
    #[serde(default)]
    mounts: Option<Vec<Mount>>,
    #[serde(default)]
    pub(super) annotations: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Root {
    path: Option<String>,
    #[serde(default)]
    readonly: Option<bool>,
}

#[derive(Deserialize)]
struct Mount {
    destination: Option<String>,
}

impl Bundle {
    /// Reads the bundle in a directory.
    ///
    /// # Errors
    /// It is none.
    pub fn read(directory: &Path) -> Result<Bundle, BundleError> {
        let text = read_bounded(&directory.join("config.json"), MAX_FILE)?;
        Bundle::parse(&text).map_err(BundleError::Config)
    }

    pub(crate) fn parse(text: &[u8]) -> Result<Bundle, &'static str> {
        let config: Config = serde_json::from_slice(text).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => "has a field of another type than it should",
            serde_json::error::Category::Io
            | serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof => "is not JSON",
        })?;
        let Some(Root { path: Some(root), readonly }) = config.root else { return Err("has no root.path") };
        let mounts = config.mounts.unwrap_or_default().into_iter().map(|mount| {
            let destination = mount.destination.ok_or("has a mount without a destination")?;
            Ok(destination.trim_end_matches('/').as_bytes().to_vec())
        });
        Ok(Bundle {
            root: PathBuf::from(root),
            is_readonly: readonly.unwrap_or(false),
            mounts: mounts.collect::<Result<_, &'static str>>()?,
            labels: labels(config.annotations.unwrap_or_default()),
        })
    }
}

/// Bounds labels: those with a long value are left out, and from where all of them are too much, the rest.
#[must_use]
pub fn labels(all: impl IntoIterator<Item = (String, String)>) -> Labels {
    let mut bytes = 0_usize;
    all.into_iter()
        .filter(|(key, value)| key.len() <= MAX_LABEL_VALUE && value.len() <= MAX_LABEL_VALUE)
        .take_while(|(key, value)| {
            bytes = bytes.saturating_add(key.len()).saturating_add(value.len());
            bytes <= MAX_LABEL_BYTES
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_read_and_all_else_passed_over() {
        let text = br#"{"ociVersion": "1", "root": {"path": "rootfs", "readonly": true}, "process": {"args": [1, {}]},
            "mounts": [{"destination": "/proc", "type": "proc"}, {"destination": "/data/"}],
            "annotations": {"b": "2", "a": "1"}}"#;
        let bundle = Bundle::parse(text).unwrap();
        assert_eq!(bundle.root, Path::new("rootfs"));
        assert_eq!(bundle.mounts, [b"/proc".to_vec(), b"/data".to_vec()]);
        assert_eq!(bundle.labels, [("a", "1"), ("b", "2")].map(|(key, value)| (key.into(), value.into())));
        let bare = Bundle::parse(br#"{"root": {"path": "/r"}, "mounts": null}"#).unwrap();
        assert_eq!((bare.mounts.len(), bare.labels.len()), (0, 0));
    }

    #[test]
    fn what_is_no_bundle_is_refused() {
        for text in ["", "[", "[]", "{}", r#"{"root": {}}"#, r#"{"root": {"path": 1}}"#] {
            assert!(Bundle::parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(Bundle::parse(br#"{"root": {"path": "/r"}, "mounts": [{}]}"#).is_err());
        assert!(Bundle::parse(br#"{"root": {"path": "/r"}, "annotations": {"a": 1}}"#).is_err());
        // Nesting does not reach the stack.
        let deep = format!(r#"{{"root": {{"path": "/r"}}, "x": {}"#, "[".repeat(500_000));
        assert!(Bundle::parse(deep.as_bytes()).is_err());
    }

    #[test]
    fn labels_are_bounded() {
        let label = |key: String, length: usize| (key, "x".repeat(length));
        assert_eq!(labels([label("a".into(), MAX_LABEL_VALUE + 1), label("b".into(), 1)]).len(), 1);
        let many = labels((0..1000).map(|number| label(number.to_string(), 1000)));
        assert_eq!(many.len(), 16);
    }
}

//! Standard output.

use std::io::{self, ErrorKind, Write};

use sluicebox::finding::Finding;

use super::{Encoding, Sink, SinkError};

/// Prints findings to standard output as they come.
#[derive(Debug)]
pub struct Printer {
    encoding: Encoding,
}

impl Printer {
    /// A printer in that form.
    #[must_use]
    pub fn new(encoding: Encoding) -> Printer {
        Printer { encoding }
    }
}

impl Sink for Printer {
    fn deliver(&mut self, finding: &Finding) -> Result<(), SinkError> {
        let encoded = self.encoding.encode(finding);
        let mut out = io::stdout().lock();
        out.write_all(encoded.as_bytes()).and_then(|()| out.flush()).map_err(|error| {
            if error.kind() == ErrorKind::BrokenPipe { SinkError::Gone } else { SinkError::Write(error) }
        })
    }
}

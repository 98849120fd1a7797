//! The control socket: one question as a line of JSON, one answer as a document, and the end.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use super::Observed;
use super::status::Status;
use super::tree::Tree;

/// The longest question.
const MAX_QUESTION: u64 = 1024;

/// The longest answer: 16,384 sandboxes with a kilobyte each, and room.
const MAX_ANSWER: u64 = 64 << 20;

/// How long a sandbox's worker may take: it looks once a tick.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long either side waits for the other.
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// How it is altogether.
    Status,
    /// How the sandboxes are that have a container of that id, or that connection.
    Sandbox(String),
}

/// What is answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// How it is altogether.
    Status(Status),
    /// The sandboxes that were asked for.
    Sandboxes(Vec<Tree>),
    /// Why there is no answer.
    Error(String),
}

/// Why there is no answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AskError {
    /// Nobody listens.
    #[error("cannot connect, is the daemon running? {}: {source}", path.display())]
    Connect {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It broke off.
    #[error("the daemon gave no answer: {0}")]
    Talk(#[from] io::Error),
    /// It is no answer.
    #[error("the daemon's answer makes no sense: {0}")]
    Answer(#[from] serde_json::Error),
}

/// Asks the daemon whose control socket that is.
///
/// # Errors
/// If nobody answers.
pub fn ask(control: &Path, question: &Question) -> Result<Answer, AskError> {
    let connected = UnixStream::connect(control);
    let mut stream = connected.map_err(|source| AskError::Connect { path: control.to_owned(), source })?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let mut line = serde_json::to_vec(question)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    read(&mut stream)
}

fn read<A: DeserializeOwned>(stream: &mut UnixStream) -> Result<A, AskError> {
    let mut bytes = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut bytes)?;
    Ok(serde_json::from_slice(&bytes)?)
}

/// Answers one client.
pub(super) async fn serve(stream: tokio::net::UnixStream, observed: Arc<Observed>) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = Vec::new();
    BufReader::new(read.take(MAX_QUESTION)).read_until(b'\n', &mut line).await?;
    let answer = match serde_json::from_slice(&line) {
        Ok(question) => answer(question, &observed).await,
        Err(error) => Answer::Error(format!("not a question: {error}")),
    };
    let answer = serde_json::to_vec(&answer).unwrap_or_default();
    write.write_all(&answer).await?;
    write.shutdown().await
}

async fn answer(question: Question, observed: &Observed) -> Answer {
    match question {
        Question::Status => Answer::Status(Status::of(observed)),
        Question::Sandbox(id) => {
            let mut trees = Vec::new();
            for connection in observed.connections_of(&id) {
                let Some(told) = observed.asks.ask(connection) else { continue };
                // One that ends meanwhile, or whose worker is held up, is left out.
                if let Ok(Ok(tree)) = tokio::time::timeout(PATIENCE, told).await {
                    trees.push(tree);
                }
            }
            if trees.is_empty() {
                Answer::Error(format!("no sandbox that is connected has the container or number `{id}`"))
            } else {
                Answer::Sandboxes(trees)
            }
        }
    }
}

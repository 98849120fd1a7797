//! Fetching one feed: conditional, bounded in time, size and redirects, and silent about keys.
//!
//! What comes back is not believed to be a feed: that is the parser's to say. A feed may be one file, the pages of a TAXII
//! collection (`taxii`) or a directory of MISP events (`misp`): then the limits are those of all together.

use std::cell::Cell;
use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use ureq::http::header::{ACCEPT, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LOCATION};
use ureq::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use ureq::{Agent, Proxy};

use super::config::{Published, Settings, Source};
use super::unpack::{UnpackError, unpack};
use super::{misp, taxii};

/// Redirects that are followed. Publishers move once, behind a front that sends on once.
const MAX_REDIRECTS: usize = 5;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(15);

/// The longest key.
const MAX_KEY: u64 = 4096;

/// The longest tag of an entity and the longest date that are kept.
const MAX_VALIDATOR: usize = 1024;

/// What the server is told of what is there already.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validators {
    /// The `ETag` of the last file.
    pub etag: Option<String>,
    /// Its `Last-Modified`.
    pub last_modified: Option<String>,
}

/// What came of a fetch.
#[derive(Debug)]
pub enum Fetched {
    /// It has not changed.
    Unchanged,
    /// Another file, unpacked.
    Body {
        /// Its bytes.
        bytes: Vec<u8>,
        /// What to say of it next time.
        validators: Validators,
    },
}

/// Why nothing was fetched. No message holds a key, or a URL with one.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The key could not be read.
    #[error("cannot read the key {}: {source}", path.display())]
    Key {
        /// From where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The key is empty, or cannot stand in a header or a URL.
    #[error("{} holds no usable key", .0.display())]
    BadKey(PathBuf),
    /// The proxy's address is none.
    #[error("the proxy is no proxy's URL")]
    Proxy,
    /// The server answered with an error.
    #[error("the server answered {0}")]
    Status(u16),
    /// It sends on and on.
    #[error("more than {MAX_REDIRECTS} redirects")]
    Redirects,
    /// It sends on to nowhere, or from HTTPS to HTTP.
    #[error("a redirect that is not followed: {0}")]
    Redirect(&'static str),
    /// It took too long.
    #[error("it took longer than {} s", .0.as_secs())]
    Timeout(Duration),
    /// It is too large.
    #[error("more than {0} bytes")]
    TooLarge(u64),
    /// The body was cut or the connection broke.
    #[error("the body was cut: {0}")]
    Cut(String),
    /// The server could not be reached or does not speak HTTP.
    #[error("no answer: {0}")]
    Transport(String),
    /// Parts of it do not belong together.
    #[error("{0}")]
    Parts(&'static str),
    /// The packed body is broken.
    #[error("{0}")]
    Unpack(#[from] UnpackError),
}

impl FetchError {
    /// The reason in one word, for counters.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            FetchError::Key { .. } | FetchError::BadKey(_) => "key",
            FetchError::Proxy => "proxy",
            FetchError::Status(_) => "http-status",
            FetchError::Redirects | FetchError::Redirect(_) => "redirect",
            FetchError::Timeout(_) => "timeout",
            FetchError::TooLarge(_) | FetchError::Unpack(UnpackError::TooLarge(_)) => "too-large",
            FetchError::Cut(_) => "cut",
            FetchError::Transport(_) => "unreachable",
            FetchError::Parts(_) => "parts",
            FetchError::Unpack(_) => "broken-archive",
        }
    }
}

/// A key, which is never shown.
struct Secret(String);

impl Secret {
    fn read(path: &PathBuf) -> Result<Secret, FetchError> {
        let mut text = String::new();
        fs::File::open(path)
            .and_then(|file| file.take(MAX_KEY).read_to_string(&mut text))
            .map_err(|source| FetchError::Key { path: path.clone(), source })?;
        let key = text.trim();
        let usable = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic());
        if usable { Ok(Secret(key.to_owned())) } else { Err(FetchError::BadKey(path.clone())) }
    }

    /// A text without the key, should it be in there.
    fn out_of(&self, text: &str) -> String {
        text.replace(&self.0, "[key]")
    }
}

/// Whether a URL has a user's name or a password.
pub(super) fn has_userinfo(url: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    authority.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@'))
}

/// Fetches a feed unless it is as it was. `kept` gives its last good file, of which parts may still hold.
///
/// # Errors
/// Whatever keeps the whole file from being here.
pub fn fetch(
    source: &Source,
    settings: &Settings,
    known: &Validators,
    kept: &dyn Fn() -> Option<Vec<u8>>,
) -> Result<Fetched, FetchError> {
    let secret = source.key.as_ref().map(|key| Secret::read(&key.file)).transpose()?;
    let session = Session::new(source, settings, secret.as_ref())?;
    let fetched = match source.published {
        Published::File => session.get(&session.url, known).map(Fetched::from),
        Published::Taxii => taxii::fetch(&session, known),
        Published::Misp => misp::fetch(&session, known, kept),
    };
    fetched.map_err(|error| match (&secret, error) {
        (Some(secret), FetchError::Transport(what)) => FetchError::Transport(secret.out_of(&what)),
        (Some(secret), FetchError::Cut(what)) => FetchError::Cut(secret.out_of(&what)),
        (_, error) => error,
    })
}

/// What a server answered to one request.
pub(super) enum Reply {
    Unchanged,
    Body(Page),
}

/// One file, unpacked.
pub(super) struct Page {
    pub(super) bytes: Vec<u8>,
    pub(super) validators: Validators,
    /// The place in a collection that this page reaches to (TAXII 2.1, 3.4).
    pub(super) added_last: Option<String>,
}

impl From<Reply> for Fetched {
    fn from(reply: Reply) -> Fetched {
        match reply {
            Reply::Unchanged => Fetched::Unchanged,
            Reply::Body(Page { bytes, validators, added_last: _ }) => Fetched::Body { bytes, validators },
        }
    }
}

/// All requests for one feed. What they may take of time and size, they may take together.
pub(super) struct Session<'a> {
    pub(super) source: &'a Source,
    /// Where the feed is, with its key where that belongs into the URL.
    pub(super) url: Uri,
    agent: Agent,
    /// For the feed's own host only.
    auth: Option<(HeaderName, HeaderValue)>,
    begin: Instant,
    left: Cell<u64>,
}

impl<'a> Session<'a> {
    fn new(
        source: &'a Source,
        settings: &Settings,
        secret: Option<&Secret>,
    ) -> Result<Session<'a>, FetchError> {
        let proxy = match &settings.proxy {
            Some(proxy) => Some(Proxy::new(proxy).map_err(|_| FetchError::Proxy)?),
            None => Proxy::try_from_env(),
        };
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(CONNECT.min(source.timeout)))
            .user_agent(concat!("sluicebox/", env!("CARGO_PKG_VERSION")))
            .proxy(proxy)
            .build()
            .new_agent();
        let mut url = source.url.clone();
        let mut auth = None;
        if let (Some(key), Some(Secret(secret))) = (&source.key, secret) {
            let bad = || FetchError::BadKey(key.file.clone());
            match &key.header {
                Some(header) => {
                    let name = header.parse().map_err(|_| bad())?;
                    let mut value: HeaderValue =
                        format!("{}{secret}", key.prefix).parse().map_err(|_| bad())?;
                    value.set_sensitive(true);
                    auth = Some((name, value));
                }
                None => url = url.replace("{key}", secret),
            }
        }
        let url = url.parse().map_err(|_| FetchError::Redirect("the URL is none"))?;
        let left = Cell::new(source.max_bytes);
        Ok(Session { source, url, agent, auth, begin: Instant::now(), left })
    }

    /// Asks for one file, unless it is as it was.
    pub(super) fn get(&self, url: &Uri, known: &Validators) -> Result<Reply, FetchError> {
        let mut conditions = HeaderMap::new();
        for (name, value) in [(IF_NONE_MATCH, &known.etag), (IF_MODIFIED_SINCE, &known.last_modified)] {
            if let Some(value) = value.as_ref().and_then(|value| HeaderValue::from_str(value).ok()) {
                conditions.insert(name, value);
            }
        }
        let auth = self.auth.clone().filter(|_| url.authority() == self.url.authority());
        Request { session: self, url: url.clone(), conditions, auth }.run()
    }

    /// How long the next request may take.
    fn remaining(&self) -> Result<Duration, FetchError> {
        let remaining = self.source.timeout.saturating_sub(self.begin.elapsed());
        if remaining.is_zero() { Err(self.timed_out()) } else { Ok(remaining) }
    }

    fn timed_out(&self) -> FetchError {
        FetchError::Timeout(self.source.timeout)
    }
}

struct Request<'a> {
    session: &'a Session<'a>,
    url: Uri,
    conditions: HeaderMap,
    auth: Option<(HeaderName, HeaderValue)>,
}

impl Request<'_> {
    fn run(mut self) -> Result<Reply, FetchError> {
        for _ in 0..=MAX_REDIRECTS {
            let remaining = self.session.remaining()?;
            let mut request =
                self.session.agent.get(&self.url).config().timeout_global(Some(remaining)).build();
            for (name, value) in
                self.conditions.iter().chain(self.auth.as_ref().map(|(name, value)| (name, value)))
            {
                request = request.header(name, value);
            }
            if self.session.source.published == Published::Taxii {
                request = request.header(ACCEPT, taxii::MEDIA_TYPE);
            }
            let mut response = request.call().map_err(|error| self.failed(error))?;
            match response.status() {
                StatusCode::OK => {
                    let validators = Validators {
                        etag: validator(response.headers(), &ETAG),
                        last_modified: validator(response.headers(), &LAST_MODIFIED),
                    };
                    let added_last = validator(response.headers(), &taxii::ADDED_LAST);
                    let bytes = self.body(response.body_mut())?;
                    return Ok(Reply::Body(Page { bytes, validators, added_last }));
                }
                StatusCode::NOT_MODIFIED if !self.conditions.is_empty() => return Ok(Reply::Unchanged),
                StatusCode::MOVED_PERMANENTLY
                | StatusCode::FOUND
                | StatusCode::SEE_OTHER
                | StatusCode::TEMPORARY_REDIRECT
                | StatusCode::PERMANENT_REDIRECT => {
                    let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
                    let to = to.ok_or(FetchError::Redirect("it does not say where to"))?;
                    self.follow(to)?;
                }
                status => return Err(FetchError::Status(status.as_u16())),
            }
        }
        Err(FetchError::Redirects)
    }

    fn follow(&mut self, to: &str) -> Result<(), FetchError> {
        let next = resolve(&self.url, to).ok_or(FetchError::Redirect("to no URL"))?;
        let was_safe = self.url.scheme_str() == Some("https");
        if was_safe && next.scheme_str() != Some("https") {
            return Err(FetchError::Redirect("from https to http"));
        }
        if next.authority() != self.url.authority() {
            // The key is for whom it was given to.
            self.auth = None;
        }
        self.url = next;
        Ok(())
    }

    fn body(&self, body: &mut ureq::Body) -> Result<Vec<u8>, FetchError> {
        let left = self.session.left.get();
        let too_large = || FetchError::TooLarge(self.session.source.max_bytes);
        if body.content_length().is_some_and(|claimed| claimed > left) {
            return Err(too_large());
        }
        // The reader counts after the transfer encoding is undone, so a bomb goes off at the limit.
        let mut bytes = Vec::new();
        body.as_reader()
            .take(left.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|error| self.broken(error))?;
        if u64::try_from(bytes.len()).is_ok_and(|length| length > left) {
            return Err(too_large());
        }
        let bytes = match unpack(bytes, left) {
            Err(UnpackError::TooLarge(_)) => return Err(too_large()),
            unpacked => unpacked?,
        };
        self.session.left.set(left.saturating_sub(u64::try_from(bytes.len()).unwrap_or(u64::MAX)));
        Ok(bytes)
    }

    fn failed(&self, error: ureq::Error) -> FetchError {
        if is_timeout(&error) {
            return self.session.timed_out();
        }
        if matches!(error, ureq::Error::BadUri(_)) {
            // Its text is the URL.
            return FetchError::Transport("the URL is none".to_owned());
        }
        FetchError::Transport(error.to_string())
    }

    fn broken(&self, error: io::Error) -> FetchError {
        if error.kind() == io::ErrorKind::TimedOut {
            return self.session.timed_out();
        }
        match error.downcast::<ureq::Error>() {
            Ok(ureq::Error::Timeout(_)) => self.session.timed_out(),
            Ok(error) => FetchError::Cut(error.to_string()),
            Err(error) => FetchError::Cut(error.to_string()),
        }
    }
}

fn is_timeout(error: &ureq::Error) -> bool {
    matches!(error, ureq::Error::Timeout(_))
        || matches!(error, ureq::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut)
}

fn validator(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    (value.len() <= MAX_VALIDATOR).then(|| value.to_owned())
}

/// The URL that a `Location` means, seen from `base`.
pub(super) fn resolve(base: &Uri, to: &str) -> Option<Uri> {
    let scheme = base.scheme_str()?;
    let authority = base.authority()?;
    let to = to.split('#').next().unwrap_or(to);
    let whole = if to.starts_with("http://") || to.starts_with("https://") {
        to.to_owned()
    } else if to.starts_with("//") {
        format!("{scheme}:{to}")
    } else if to.starts_with('/') {
        format!("{scheme}://{authority}{to}")
    } else if to.contains("://") || to.is_empty() {
        return None;
    } else {
        let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{scheme}://{authority}{folder}/{to}")
    };
    whole.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_is_seen_from_where_it_came() {
        let base: Uri = "https://feeds.example/lists/a.txt?x=1".parse().unwrap();
        for (to, expected) in [
            ("https://other.example/b", Some("https://other.example/b")),
            ("//other.example/b", Some("https://other.example/b")),
            ("/b", Some("https://feeds.example/b")),
            ("b.txt", Some("https://feeds.example/lists/b.txt")),
            ("ftp://feeds.example/b", None),
            ("", None),
        ] {
            assert_eq!(resolve(&base, to).map(|uri| uri.to_string()).as_deref(), expected, "{to}");
        }
    }

    #[test]
    fn a_password_in_a_url_is_seen() {
        assert!(has_userinfo("https://me:pw@feeds.example/a"));
        assert!(!has_userinfo("https://feeds.example/a@b"));
    }
}

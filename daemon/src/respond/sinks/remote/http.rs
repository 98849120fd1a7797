//! A webhook: each finding is the body of a POST.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use sluicebox::finding::Finding;
use ureq::Agent;
use ureq::http::{HeaderName, HeaderValue, StatusCode, Uri};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::{SendError, Transport};
use crate::config;
use crate::respond::sinks::{Encoding, SinkError};

/// How long one POST may take, connection and answer included.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The longest file with a header's value, a key or certificates.
const MAX_SECRET: u64 = 1 << 20;

/// The header with the HMAC-SHA256 of the body.
const SIGNATURE: &str = "x-sluicebox-signature";

/// Posts findings.
pub struct Webhook {
    url: Uri,
    encoding: Encoding,
    /// Names, and the files that their values are read from.
    headers: Vec<(HeaderName, PathBuf)>,
    key: Option<PathBuf>,
    agent: Agent,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The URL may hold a token.
        f.debug_struct("Webhook").field("host", &self.url.host()).finish_non_exhaustive()
    }
}

impl Webhook {
    /// Makes one of its settings.
    ///
    /// # Errors
    /// If its certificates cannot be read, or a header has a name that is none.
    pub fn new(settings: &config::WebhookSink) -> Result<Webhook, SinkError> {
        let url: Uri =
            settings.url.parse().map_err(|_| SinkError::Setting("the webhook's `url` is no URL"))?;
        if !matches!(url.scheme_str(), Some("http" | "https")) {
            return Err(SinkError::Setting("the webhook's `url` begins with neither http:// nor https://"));
        }
        let mut headers = Vec::new();
        for (name, file) in &settings.headers {
            let name = HeaderName::try_from(name.as_str());
            let name =
                name.map_err(|_| SinkError::Setting("the name of one of the webhook's `headers` is none"))?;
            headers.push((name, file.clone()));
        }
        let mut tls = TlsConfig::builder();
        if let Some(file) = &settings.ca {
            tls = tls.root_certs(RootCerts::new_with_certs(&certificates(file)?));
        }
        let agent = Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            // A finding goes where the operator said and nowhere else.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .user_agent(concat!("sluicebox/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls.build())
            .build();
        let key = settings.key.clone();
        Ok(Webhook { url, encoding: settings.format, headers, key, agent: agent.into() })
    }

    fn request(&self, body: &[u8]) -> Result<StatusCode, SendError> {
        let mut request = self.agent.post(&self.url).header("content-type", "application/json");
        for (name, file) in &self.headers {
            let value = secret(file)?;
            let value = HeaderValue::from_bytes(&value);
            let mut value = value.map_err(|_| down(file, "holds no header's value"))?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        if let Some(file) = &self.key {
            request = request.header(
                SIGNATURE,
                signature(&secret(file)?, body).ok_or_else(|| down(file, "holds no key"))?,
            );
        }
        let response = request.send(body).map_err(|error| SendError::Down(error.to_string()))?;
        Ok(response.status())
    }
}

impl Transport for Webhook {
    fn encode(&self, finding: &Finding) -> Vec<u8> {
        self.encoding.encode(finding).into_bytes()
    }

    fn send(&mut self, record: &[u8]) -> Result<(), SendError> {
        let status = self.request(record)?;
        match status.as_u16() {
            200..=299 => Ok(()),
            // This very body is not wanted. Whatever else is wrong the operator or the receiver can mend.
            400 | 413 | 415 | 422 => Err(SendError::Refused(format!("the receiver answered {status}"))),
            _ => Err(SendError::Down(format!("the receiver answered {status}"))),
        }
    }
}

/// `sha256=` and the HMAC of the body in hexadecimal, as receivers of webhooks know it.
fn signature(key: &[u8], body: &[u8]) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok().filter(|_| !key.is_empty())?;
    mac.update(body);
    let digest = mac.finalize().into_bytes();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(format!("sha256={hex}"))
}

/// What a file holds, without the end of its line. Read each time: it may have been renewed.
fn secret(path: &Path) -> Result<Vec<u8>, SendError> {
    let bytes = read(path).map_err(|error| down(path, &error.to_string()))?;
    Ok(bytes.trim_ascii().to_vec())
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    if fs::metadata(path)?.len() > MAX_SECRET {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    fs::read(path)
}

fn down(path: &Path, why: &str) -> SendError {
    SendError::Down(format!("{}: {why}", path.display()))
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, SinkError> {
    let open = |source| SinkError::Open { path: path.to_owned(), source };
    let pem = read(path).map_err(open)?;
    let mut certificates = Vec::new();
    for item in ureq::tls::parse_pem(&pem) {
        match item {
            Ok(ureq::tls::PemItem::Certificate(certificate)) => certificates.push(certificate),
            Ok(_) => {}
            Err(error) => return Err(open(io::Error::new(io::ErrorKind::InvalidData, error))),
        }
    }
    if certificates.is_empty() {
        return Err(SinkError::Setting("the webhook's `ca` holds no certificate"));
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_rfc_4231() {
        // Test case 2.
        let expected = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(signature(b"Jefe", b"what do ya want for nothing?").as_deref(), Some(expected));
        assert_eq!(signature(b"", b"x"), None);
    }
}

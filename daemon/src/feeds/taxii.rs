//! A TAXII 2.1 collection (OASIS, 5.4): its objects come in envelopes, and an envelope says whether there is another.

use serde_json::Value;
use ureq::http::{HeaderName, Uri};

use super::fetch::{FetchError, Fetched, Page, Reply, Session, Validators};

/// What a client must accept, or a server may refuse it.
pub(super) const MEDIA_TYPE: &str = "application/taxii+json;version=2.1";

/// The header that says how far a page reaches, for servers that name no next one.
pub(super) const ADDED_LAST: HeaderName = HeaderName::from_static("x-taxii-date-added-last");

/// Pages of a collection.
const MAX_PAGES: usize = 1000;

/// All objects of a collection, as one envelope.
pub(super) fn fetch(session: &Session<'_>, known: &Validators) -> Result<Fetched, FetchError> {
    let first = match session.get(&session.url, known)? {
        Reply::Unchanged => return Ok(Fetched::Unchanged),
        Reply::Body(page) => page,
    };
    // Whatever the first page is, if it is no envelope that goes on, the parser has the word.
    let Some(Envelope { mut objects, next: Some(mut next) }) = Envelope::read(&first) else {
        return Ok(Reply::Body(first).into());
    };
    for _ in 1..MAX_PAGES {
        // That nothing is known of it: the first page's tag says nothing of the others.
        let Reply::Body(page) = session.get(&next.of(&session.url)?, &Validators::default())? else {
            return Err(FetchError::Parts("a page of the collection has no body"));
        };
        let envelope = Envelope::read(&page).ok_or(FetchError::Parts("a page is no envelope of TAXII"))?;
        objects.extend(envelope.objects);
        match envelope.next {
            Some(after) if after == next => return Err(FetchError::Parts("a page leads to itself")),
            Some(after) => next = after,
            None => {
                let bytes = serde_json::json!({ "objects": objects }).to_string().into_bytes();
                return Ok(Fetched::Body { bytes, validators: Validators::default() });
            }
        }
    }
    Err(FetchError::Parts("the collection has more pages than are followed"))
}

/// The way to another page.
#[derive(PartialEq, Eq)]
enum Next {
    /// The server gave it a name.
    Named(String),
    /// It begins behind this time.
    After(String),
}

impl Next {
    fn of(&self, url: &Uri) -> Result<Uri, FetchError> {
        let (key, value) = match self {
            Next::Named(name) => ("next", name),
            Next::After(time) => ("added_after", time),
        };
        let sign = if url.query().is_some() { '&' } else { '?' };
        let whole = format!("{url}{sign}{key}={}", escaped(value));
        whole.parse().map_err(|_| FetchError::Parts("a page leads to no URL"))
    }
}

/// A page, taken apart.
struct Envelope {
    objects: Vec<Value>,
    next: Option<Next>,
}

impl Envelope {
    /// Nothing where the page is no envelope, or says that it goes on and not where.
    fn read(page: &Page) -> Option<Envelope> {
        let Ok(Value::Object(mut envelope)) = serde_json::from_slice(&page.bytes) else { return None };
        let goes_on = envelope.get("more").and_then(Value::as_bool) == Some(true);
        let name = match envelope.get("next") {
            Some(Value::String(name)) => Some(Next::Named(name.clone())),
            Some(Value::Number(number)) => Some(Next::Named(number.to_string())),
            _ => page.added_last.clone().map(Next::After),
        };
        // An envelope without objects is an empty one (3.7).
        let objects = match envelope.remove("objects") {
            Some(Value::Array(objects)) => objects,
            Some(_) => return None,
            None => Vec::new(),
        };
        match (goes_on, name) {
            (true, None) => None,
            (true, next) => Some(Envelope { objects, next }),
            (false, _) => Some(Envelope { objects, next: None }),
        }
    }
}

/// A value as it may stand in a query (RFC 3986, 2.3).
fn escaped(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    value
        .bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_page_cannot_add_to_a_query() {
        let url: Uri = "https://taxii.example/api/collections/x/objects/?limit=5".parse().unwrap();
        let next = Next::Named("a b&limit=1#".to_owned()).of(&url).ok();
        assert_eq!(next.unwrap().query(), Some("limit=5&next=a%20b%26limit%3D1%23"));
    }

    #[test]
    fn a_page_that_goes_on_and_does_not_say_where_is_none() {
        let page = |text: &str| {
            let bytes = text.as_bytes().to_vec();
            Envelope::read(&Page { bytes, validators: Validators::default(), added_last: None })
        };
        assert!(page(r#"{"more": true, "objects": []}"#).is_none());
        assert!(
            page(r#"{"more": true, "next": "2", "objects": []}"#).is_some_and(|page| page.next.is_some())
        );
        assert!(page(r#"{"more": false, "next": "2"}"#).is_some_and(|page| page.next.is_none()));
        assert!(page("<html>").is_none());
    }
}

//! The host that an argument names, where it names one to be spoken to: in a URL, or with a port.
//!
//! The bare name is what firewalls and curious people write, and a path that contains it is a file.

/// A host in an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Named<'a> {
    /// The name, as it was written.
    pub(super) host: &'a [u8],
    /// The name with its port, where that is given.
    pub(super) with_port: Option<&'a [u8]>,
    /// The whole URL, if it is one.
    pub(super) url: Option<&'a [u8]>,
    /// A web page is asked for: it may be a page about something else than what its host is for.
    pub(super) is_page: bool,
}

/// The longest host name with a port, in bytes (RFC 1035, 2.3.4).
pub(super) const HOST_MAX: usize = 253 + 6;

/// The host that an argument, or the value of an option behind a `=`, names.
pub(super) fn named(arg: &[u8]) -> Option<Named<'_>> {
    let value = match arg.iter().position(|byte| *byte == b'=') {
        Some(at) if arg.starts_with(b"-") => arg.get(at.checked_add(1)?..)?,
        Some(_) | None => arg,
    };
    let scheme = value.windows(3).position(|at| at == b"://");
    if scheme.is_some_and(|end| {
        let scheme = value.get(..end).unwrap_or_default();
        scheme.is_empty() || !scheme.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte))
    }) {
        return None;
    }
    let rest = value.get(scheme.map_or(0, |at| at.saturating_add(3))..)?;
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let authority = rest.get(..end)?;
    let at = authority.iter().rposition(|byte| *byte == b'@').map_or(0, |at| at.saturating_add(1));
    let authority = authority.get(at..)?;
    let colon = authority.iter().rposition(|byte| *byte == b':');
    let (host, port) = match colon {
        Some(at) => (authority.get(..at)?, authority.get(at.checked_add(1)?..)),
        None => (authority, None),
    };
    let port = port.filter(|port| !port.is_empty() && port.iter().all(u8::is_ascii_digit));
    let is_whole = end == rest.len();
    let host = host.strip_suffix(b".").unwrap_or(host);
    let is_name = host.contains(&b'.')
        && host.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    // Without a scheme it is a host only if there is a port and nothing else.
    if !is_name || authority.len() > HOST_MAX || (scheme.is_none() && (port.is_none() || !is_whole)) {
        return None;
    }
    let is_page = scheme.is_some_and(|end| {
        let scheme = value.get(..end).unwrap_or_default();
        scheme.eq_ignore_ascii_case(b"http") || scheme.eq_ignore_ascii_case(b"https")
    });
    Some(Named { host, with_port: port.map(|_| authority), url: scheme.map(|_| value), is_page })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(arg: &str) -> Option<(&str, bool)> {
        let named = named(arg.as_bytes())?;
        Some((std::str::from_utf8(named.host).unwrap(), named.with_port.is_some()))
    }

    #[test]
    fn a_host_is_named_in_a_url_or_with_a_port() {
        assert_eq!(host("https://a.example/x?y=b.example"), Some(("a.example", false)));
        assert_eq!(host("stratum+tcp://user@a.example:3333"), Some(("a.example", true)));
        assert_eq!(host("--url=a.example:3333"), Some(("a.example", true)));
        assert_eq!(host("a.example:3333"), Some(("a.example", true)));
        assert_eq!(host("http://a.example."), Some(("a.example", false)));
    }

    #[test]
    fn what_only_contains_a_name_names_none() {
        for arg in ["a.example", "./a.example", "a.example/x", "x y://a.example", "http://", "a:b", "::1", ""]
        {
            assert_eq!(host(arg), None, "{arg}");
        }
    }
}

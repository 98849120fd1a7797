//! Socket addresses as strace prints them, back into a `struct sockaddr`.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::names;
use super::value::{Scanner, Value};

/// The address's bytes as they lay in memory (`include/uapi/linux/{in,in6,un}.h`); of families other than IPv4, IPv6 and
/// Unix the family alone, and nothing of one without a name.
pub(super) fn sockaddr(value: &Value<'_>) -> Vec<u8> {
    bytes(value).unwrap_or_default()
}

fn bytes(value: &Value<'_>) -> Option<Vec<u8>> {
    let number = |name: &[u8]| value.part(name).and_then(Value::word).and_then(names::value);
    let family = u16::try_from(number(b"sa_family")?).ok()?;
    // amd64 keeps the low byte first.
    let mut bytes = family.to_le_bytes().to_vec();
    match family {
        2 => {
            let addr: Ipv4Addr = quoted(value, b"sin_addr")?.parse().ok()?;
            bytes.extend(port(number(b"sin_port")?));
            bytes.extend(addr.octets());
            bytes.extend([0; 8]);
        }
        10 => {
            // The address is a part without a name: inet_pton(AF_INET6, "::1", &sin6_addr).
            let addr: Ipv6Addr = quoted(value, b"")?.parse().ok()?;
            let scope = u32::try_from(number(b"sin6_scope_id").unwrap_or(0)).unwrap_or(0);
            bytes.extend(port(number(b"sin6_port")?));
            bytes.extend([0; 4]);
            bytes.extend(addr.octets());
            bytes.extend(scope.to_le_bytes());
        }
        1 => match value.part(b"sun_path") {
            Some(Value::Text { bytes: path, .. }) => {
                bytes.extend(path);
                bytes.push(0);
            }
            // In the abstract namespace a name begins with a NUL, printed as `@`.
            Some(Value::Word { text, .. }) => {
                let name = Scanner::new(text.strip_prefix(b"@")?).string()?;
                bytes.push(0);
                bytes.extend(name.text()?);
            }
            Some(Value::Array(_) | Value::Struct(_)) | None => {}
        },
        _ => {}
    }
    Some(bytes)
}

/// A port as it lies in memory: high byte first.
fn port(number: u64) -> [u8; 2] {
    u16::try_from(number).unwrap_or(0).to_be_bytes()
}

/// The string in a part such as `inet_addr("198.51.100.7")`.
fn quoted<'v>(value: &'v Value<'_>, name: &[u8]) -> Option<&'v str> {
    let text = value.part(name)?.word()?;
    let begin = text.iter().position(|byte| *byte == b'"')?.checked_add(1)?;
    let rest = text.get(begin..)?;
    let end = rest.iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(rest.get(..end)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<u8> {
        let text = format!("{text})");
        let args = Scanner::new(text.as_bytes()).arguments().unwrap();
        sockaddr(&args[0].value)
    }

    #[test]
    fn addresses_are_as_they_lay_in_memory() {
        let v4 = [2, 0, 0x0d, 0x05, 198, 51, 100, 7, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(
            read(r#"{sa_family=AF_INET, sin_port=htons(3333), sin_addr=inet_addr("198.51.100.7")}"#),
            v4
        );
        let v6 = read(
            r#"{sa_family=AF_INET6, sin6_port=htons(443), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=0}"#,
        );
        assert_eq!((v6.len(), &v6[..4], v6[23]), (28, [10, 0, 1, 187].as_slice(), 1));
        assert_eq!(read(r#"{sa_family=AF_UNIX, sun_path="/run/x"}"#), b"\x01\0/run/x\0");
        assert_eq!(read(r#"{sa_family=AF_UNIX, sun_path=@"x"}"#), b"\x01\0\0x");
        assert_eq!(read("{sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}"), [16, 0]);
    }

    #[test]
    fn what_is_no_address_is_none() {
        for text in [
            "NULL",
            "{sa_family=AF_INET}",
            "{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"x\")}",
            "0x7ffd",
        ] {
            assert_eq!(read(text), b"", "{text}");
        }
    }
}

//! The shape of a Monero address, the only wallet that is selective enough to count by its shape alone.
//!
//! 95 characters of base58 that begin with 4 or 8, or 106 for an integrated address (the project's own formats).
//! Bitcoin's and Ethereum's shapes are those of too much else.

/// Whether `text` has the shape of a Monero address. A worker's name may follow after a dot, a plus or a slash, as
/// pools take them.
pub(super) fn is_monero(text: &[u8]) -> bool {
    let address = text.split(|byte| matches!(byte, b'.' | b'+' | b'/' | b':' | b'@')).next().unwrap_or(text);
    let integrated = match address.len() {
        95 => false,
        106 => true,
        _ => return false,
    };
    match address {
        [b'4', second, rest @ ..] => is_second(*second) && rest.iter().all(|byte| is_base58(*byte)),
        [b'8', second, rest @ ..] => {
            !integrated && is_second(*second) && rest.iter().all(|byte| is_base58(*byte))
        }
        _ => false,
    }
}

fn is_second(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'A' | b'B')
}

fn is_base58(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() && !matches!(byte, b'0' | b'O' | b'I' | b'l')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_shape_counts() {
        let address = format!(
            "48{}",
            "edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD"
                .get(..93)
                .unwrap()
        );
        assert!(is_monero(address.as_bytes()));
        assert!(is_monero(format!("{address}.worker").as_bytes()));
        assert!(!is_monero(address.get(..94).unwrap().as_bytes()));
        assert!(!is_monero(format!("{}0", address.get(..94).unwrap()).as_bytes()));
        // A SHA-512 in base64 or hexadecimal is as long.
        assert!(!is_monero("4".repeat(128).as_bytes()));
        assert!(!is_monero(format!("4l{}", address.get(2..).unwrap()).as_bytes()));
    }
}

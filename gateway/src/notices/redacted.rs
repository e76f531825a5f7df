//! Addresses, as they may stand in a log.

/// Enough to tell two apart: `a…@example.org`.
pub fn redacted(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((name, domain)) => format!("{}…@{domain}", name.chars().next().unwrap_or('…')),
        None => "…".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_it_is_is_not_said() {
        assert_eq!(redacted("ann.smith@example.org"), "a…@example.org");
        assert_eq!(redacted("@example.org"), "……@example.org");
        assert_eq!(redacted("ann"), "…");
    }
}

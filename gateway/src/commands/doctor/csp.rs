//! A page's security policy, as far as it can keep Streamkeeper from working: scripts (WebAssembly) and connections.
//!
//! Which source lets in what was tried in Chromium: `http:` lets in https as well and `ws:` wss, but nothing lets in a
//! WebSocket that names http or https, except `'self'` and `*`.

use super::settings::Address;

/// One policy; of several, all have to allow a thing.
#[derive(Debug, PartialEq, Eq)]
pub struct Policy(Vec<(String, Vec<String>)>);

impl Policy {
    /// All policies of one header or meta element.
    pub fn parse_all(text: &str) -> Vec<Self> {
        text.split(',').map(Self::parse).filter(|policy| !policy.0.is_empty()).collect()
    }

    fn parse(text: &str) -> Self {
        let mut directives: Vec<(String, Vec<String>)> = Vec::new();
        for directive in text.split(';') {
            let mut words = directive.split_ascii_whitespace();
            let Some(name) = words.next().map(str::to_ascii_lowercase) else { continue };
            // A second one of the same name counts for nothing.
            if directives.iter().all(|(known, _)| *known != name) {
                directives.push((name, words.map(str::to_owned).collect()));
            }
        }
        Self(directives)
    }

    /// The sources of this directive, or of the one that stands in for it. None: nothing is forbidden.
    fn sources(&self, name: &str) -> Option<&[String]> {
        let of = |name: &str| self.0.iter().find(|(known, _)| known == name).map(|(_, sources)| sources.as_slice());
        of(name).or_else(|| of("default-src"))
    }

    /// May WebAssembly be compiled?
    pub fn allows_wasm(&self) -> bool {
        let Some(sources) = self.sources("script-src") else { return true };
        let is_good = |source: &String| {
            ["'wasm-unsafe-eval'", "'unsafe-eval'"].iter().any(|good| source.eq_ignore_ascii_case(good))
        };
        sources.iter().any(is_good)
    }

    /// May a page at the one address connect to the other?
    pub fn allows_connection(&self, page: &Address, to: &Address) -> bool {
        let Some(sources) = self.sources("connect-src") else { return true };
        sources.iter().any(|source| matches(source, page, to))
    }
}

fn matches(source: &str, page: &Address, to: &Address) -> bool {
    let source = source.to_ascii_lowercase();
    if source == "*" {
        return true;
    }
    if source == "'self'" {
        return page.host == to.host && (page.port == to.port || (page.port == 80 && to.port == 443));
    }
    // Nonces, hashes, 'none'.
    if source.starts_with('\'') {
        return false;
    }
    if let Some(scheme) = source.strip_suffix(':') {
        return scheme_matches(scheme, &to.scheme);
    }
    let (scheme, rest) = source.split_once("://").unwrap_or((&page.scheme, &source));
    // A path never matters for an address without one; ours have none that a policy would be written for.
    let authority = rest.split('/').next().unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    scheme_matches(scheme, &to.scheme) && host_matches(host, &to.host) && port_matches(port, scheme, to)
}

fn scheme_matches(source: &str, to: &str) -> bool {
    source == to || matches!((source, to), ("http", "https") | ("ws", "wss"))
}

fn host_matches(source: &str, to: &str) -> bool {
    match source.strip_prefix('*') {
        Some("") => true,
        Some(domain) => to.len() > domain.len() && to.ends_with(domain),
        None => source == to,
    }
}

fn port_matches(source: Option<&str>, scheme: &str, to: &Address) -> bool {
    let default = if matches!(scheme, "https" | "wss") { 443 } else { 80 };
    let own = if matches!(to.scheme.as_str(), "https" | "wss") { 443 } else { 80 };
    match source {
        Some("*") => true,
        Some(port) => port.parse() == Ok(to.port) && (scheme == to.scheme || to.port == own),
        None => to.port == default || to.port == own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(url: &str) -> Address {
        Address::parse(url, &["http", "https", "ws", "wss"]).unwrap()
    }

    fn connects(policy: &str, to: &str) -> bool {
        let page = address("https://app.example");
        Policy::parse_all(policy).iter().all(|policy| policy.allows_connection(&page, &address(to)))
    }

    #[test]
    fn webassembly_needs_its_word() {
        let wasm = |policy| Policy::parse_all(policy).iter().all(Policy::allows_wasm);
        for good in ["", "img-src x", "script-src 'wasm-unsafe-eval'", "default-src 'self' 'Unsafe-Eval'"] {
            assert!(wasm(good), "{good}");
        }
        for bad in [
            "script-src 'self'",
            "default-src *",
            "script-src 'self'; script-src 'wasm-unsafe-eval'",
            "default-src 'wasm-unsafe-eval'; script-src 'self'",
            "script-src 'wasm-unsafe-eval', default-src 'self'",
        ] {
            assert!(!wasm(bad), "{bad}");
        }
    }

    #[test]
    fn a_source_lets_in_what_browsers_say_it_does() {
        for (source, to, lets_in) in [
            ("'self'", "https://app.example", true),
            ("'self'", "wss://app.example", true),
            ("'self'", "https://api.example", false),
            ("'none'", "https://app.example", false),
            ("*", "wss://chat.example", true),
            ("https:", "https://api.example", true),
            ("https:", "wss://api.example", false),
            ("http:", "https://api.example", true),
            ("ws:", "wss://api.example", true),
            ("https://api.example", "https://api.example", true),
            ("https://api.example/", "https://api.example", true),
            ("https://api.example", "wss://api.example", false),
            ("wss://api.example", "wss://api.example", true),
            ("api.example", "https://api.example", true),
            ("api.example", "wss://api.example", false),
            ("https://*.example", "https://api.example", true),
            ("https://*.example", "https://example", false),
            ("https://*.api.example", "https://api.example", false),
            ("https://api.example", "https://api.example:8443", false),
            ("https://api.example:8443", "https://api.example:8443", true),
            ("https://api.example:*", "https://api.example:8443", true),
            ("http://api.example", "https://api.example", true),
            ("http://localhost:1", "https://localhost:1", false),
            ("http://localhost:1", "http://localhost:1", true),
            ("HTTPS://API.example", "https://api.EXAMPLE", true),
        ] {
            assert_eq!(connects(&format!("connect-src {source}"), to), lets_in, "{source} {to}");
        }
        assert!(connects("script-src 'self'", "https://api.example"));
        assert!(!connects("default-src 'self'", "https://api.example"));
        assert!(!connects("connect-src *, connect-src 'self'", "https://api.example"));
    }
}

//! Which upstreams an operator allows: `RELAY_UPSTREAMS`, and in the demo this machine.

use url::{Host, Url};

use super::address::is_permitted;
use super::error::UpstreamError;

/// Longer ones only make logs and tables large.
const MAX_URL_BYTES: usize = 4096;

/// A list of origins.
#[derive(Debug, Clone, Default)]
pub struct Allowed {
    origins: Vec<Origin>,
    /// The demo's own origin is on this machine, on whatever port.
    loopback: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Origin {
    scheme: String,
    /// Of every name below it, if any.
    below: bool,
    host: String,
    port: Option<u16>,
}

impl Allowed {
    /// Reads a list like `https://origin.example.com,https://*.cdn.example.com`. The error names the bad entry.
    pub fn parse(list: &str) -> Result<Self, String> {
        let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        Ok(Self { origins: entries.map(Origin::parse).collect::<Result<_, _>>()?, loopback: false })
    }

    /// The same, and this machine.
    #[must_use]
    pub fn with_loopback(self) -> Self {
        Self { loopback: true, ..self }
    }

    /// Is there anything that is allowed?
    pub fn is_empty(&self) -> bool {
        self.origins.is_empty() && !self.loopback
    }

    /// May names resolve to this machine?
    pub(super) fn loopback(&self) -> bool {
        self.loopback
    }

    /// Reads a URL that is to be fetched. What its name resolves to is looked at when it is connected to.
    pub fn read(&self, url: &str) -> Result<Url, UpstreamError> {
        if url.len() > MAX_URL_BYTES {
            return Err(UpstreamError::Url("it is longer than 4096 bytes"));
        }
        let url = Url::parse(url).map_err(|_| UpstreamError::Url("it is no absolute URL"))?;
        self.check(&url)?;
        Ok(url)
    }

    /// May this be fetched? Asked of every URL, also of one that a redirect or a playlist named.
    pub fn check(&self, url: &Url) -> Result<(), UpstreamError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(UpstreamError::Url("it must begin with http:// or https://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UpstreamError::Url("it has a user or a password in it"));
        }
        let host = url.host().ok_or(UpstreamError::Url("it has no host"))?;
        // An address needs nobody to resolve it: this is where it is looked at.
        let literal = match &host {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some((*address).into()),
            Host::Ipv6(address) => Some((*address).into()),
        };
        if literal.is_some_and(|address| !is_permitted(address, self.loopback)) {
            return Err(UpstreamError::NotPublic);
        }
        let is_here = host == Host::Domain("localhost") || literal.is_some_and(|address| address.is_loopback());
        let is_listed = self.origins.iter().any(|origin| origin.has(url));
        if is_listed || (self.loopback && is_here) { Ok(()) } else { Err(UpstreamError::NotAllowed) }
    }
}

impl Origin {
    fn parse(entry: &str) -> Result<Self, String> {
        let error = || {
            let expected = "it must be like https://origin.example.com or https://*.cdn.example.com";
            // It may have been meant as a whole URL, with a key in it.
            let shown = entry.split(['?', '#']).next().filter(|entry| !entry.contains('@')).unwrap_or_default();
            format!("`{shown}` is no origin; {expected}")
        };
        let below = entry.contains("://*.");
        let url = Url::parse(&entry.replacen("://*.", "://", 1)).map_err(|_| error())?;
        let host = url.host_str().filter(|host| !host.contains('*')).ok_or_else(error)?;
        let is_name = matches!(url.host(), Some(Host::Domain(_)));
        let origin = Self { scheme: url.scheme().to_owned(), below, host: host.to_owned(), port: url.port() };
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let is_nobodys = url.username().is_empty() && url.password().is_none();
        // Whoever lists *.com did not mean it.
        let is_narrow = !below || (is_name && host.contains('.'));
        let is_web = matches!(url.scheme(), "http" | "https");
        if is_bare && is_nobodys && is_narrow && is_web { Ok(origin) } else { Err(error()) }
    }

    fn has(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let is_host = match self.below {
            false => host == self.host,
            true => host.strip_suffix(&self.host).is_some_and(|front| front.len() > 1 && front.ends_with('.')),
        };
        // Neither port stands there when it is the scheme's usual one.
        is_host && url.scheme() == self.scheme && url.port() == self.port
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(allowed: &Allowed, url: &str) -> &'static str {
        allowed.read(url).err().map_or("", |error| error.cause())
    }

    #[test]
    fn only_what_is_listed_is_allowed_by_scheme_host_and_port() {
        let list = "https://origin.example.com, https://*.cdn.example.com,http://live.example.org:8080";
        let allowed = Allowed::parse(list).unwrap();
        for url in [
            "https://origin.example.com/live/index.m3u8?token=a",
            "https://ORIGIN.example.com:443/",
            "https://a.cdn.example.com/x",
            "https://a.b.cdn.example.com/x",
            "http://live.example.org:8080/a.ts",
        ] {
            assert_eq!(cause(&allowed, url), "", "{url}");
        }
        for url in [
            "http://origin.example.com/",
            "https://origin.example.com:8443/",
            "https://origin.example.com./",
            "https://origin.example.com.evil.example/",
            "https://evil-origin.example.com/",
            "https://cdn.example.com/",
            "https://.cdn.example.com/",
            "https://evilcdn.example.com/",
            "http://live.example.org/a.ts",
            "https://localhost/",
            "https://example.com/?https://origin.example.com",
            "https://example.com#@origin.example.com",
        ] {
            assert_eq!(cause(&allowed, url), "upstream_not_allowed", "{url}");
        }
    }

    #[test]
    fn what_is_no_url_of_the_web_is_refused() {
        let allowed = Allowed::parse("https://origin.example.com").unwrap().with_loopback();
        let long = format!("https://origin.example.com/{}", "a".repeat(MAX_URL_BYTES));
        for url in [
            "",
            "origin.example.com/a.m3u8",
            "/etc/passwd",
            "file:///etc/passwd",
            "ftp://origin.example.com/",
            "gopher://127.0.0.1:70/",
            "data:text/plain,a",
            "https://",
            "https://origin.example.com@127.0.0.1/",
            "https://user:hunter2@origin.example.com/",
            "https://[::1",
            long.as_str(),
        ] {
            assert_eq!(cause(&allowed, url), "upstream_url", "{url}");
        }
    }

    #[test]
    fn addresses_that_are_not_public_are_refused_in_every_spelling_even_if_they_are_listed() {
        let list = "http://10.0.0.1,http://127.0.0.1,http://169.254.169.254,http://[::1],http://[fd00::1]";
        let allowed = Allowed::parse(list).unwrap();
        for url in [
            "http://10.0.0.1/",
            "http://127.0.0.1/",
            "http://127.1/",
            "http://0x7f000001/",
            "http://2130706433/",
            "http://017700000001/",
            "http://169.254.169.254/latest/meta-data",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:a00:1]/",
            "http://[64:ff9b::a00:1]/",
            "http://[fd00::1]/",
            "http://0/",
        ] {
            assert_eq!(cause(&allowed, url), "upstream_not_public", "{url}");
        }
    }

    #[test]
    fn the_demo_may_have_its_own_machine_on_any_port() {
        let allowed = Allowed::default().with_loopback();
        for url in ["http://127.0.0.1:8787/a", "http://localhost:1/", "http://[::1]:9/", "https://127.0.0.1/"] {
            assert_eq!(cause(&allowed, url), "", "{url}");
        }
        assert_eq!(cause(&allowed, "http://10.0.0.1/"), "upstream_not_public");
        assert_eq!(cause(&allowed, "http://example.com/"), "upstream_not_allowed");
        assert!(!allowed.is_empty() && Allowed::default().is_empty() && Allowed::parse(" , ").unwrap().is_empty());
    }

    #[test]
    fn a_bad_list_names_the_entry_and_shows_no_secret() {
        for entry in [
            "origin.example.com",
            "*",
            "https://*",
            "https://*.com",
            "https://*.10.0.0.1",
            "https://a.*.example.com",
            "ftp://example.com",
            "https://example.com/live",
            "https://example.com/?key=hunter2",
            "https://user:hunter2@example.com",
        ] {
            let error = Allowed::parse(&format!("https://good.example.com,{entry}")).unwrap_err();
            assert!(!error.contains("hunter2") && !error.contains("good"), "{error}");
        }
        assert!(Allowed::parse("ftp://example.com").unwrap_err().contains("`ftp://example.com`"));
    }
}

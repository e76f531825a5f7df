//! Whether a page that everybody can open has a key in it that only a backend may have.

use url::Url;

use super::finding::Finding;
use super::html::tags;
use super::http::Http;
use super::jwt::Jwt;
use super::key::WITHDRAW;
use super::settings::Address;

/// A page names its first few; what these load later is not followed.
const MOST_SCRIPTS: usize = 30;

/// Looks into the page and into the scripts of its own origin that it names.
pub async fn check(http: &Http, page: &Address, html: &str) -> Finding {
    let scripts = scripts(page, html);
    let mut found: Vec<&str> = Vec::new();
    found.extend(secret_in(html).map(|_| "the page itself"));
    let mut read = 0;
    for script in scripts.iter().take(MOST_SCRIPTS) {
        let Ok(answer) = http.get(script.as_str(), &[]).await else { continue };
        read += 1;
        if secret_in(&answer.body).is_some() {
            found.push(script.path());
        }
    }
    if found.is_empty() {
        return Finding::ok(
            "page.keys",
            format!("no secret key stands in the page, nor in the scripts that it names ({read})"),
        );
    }
    let why = "it goes past row-level security: whoever opens the page can read and change everything";
    Finding::danger("page.keys", format!("a secret key stands in {}", found.join(", ")), why, WITHDRAW)
}

/// Where they are.
fn scripts(page: &Address, html: &str) -> Vec<Url> {
    let Ok(base) = Url::parse(&page.url) else { return Vec::new() };
    let (scripts, links) = (tags(html, "script"), tags(html, "link"));
    let named = scripts.iter().filter_map(|tag| tag.get("src"));
    let preloaded =
        links.iter().filter(|tag| tag.get("rel") == Some("modulepreload")).filter_map(|tag| tag.get("href"));
    let all = named.chain(preloaded).filter_map(|source| base.join(source).ok());
    all.filter(|script| script.origin() == base.origin()).collect()
}

/// A secret key, wherever it stands in the text.
fn secret_in(text: &str) -> Option<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)));
    words.into_iter().find(|word| match word.strip_prefix("sb_secret_") {
        Some(rest) => rest.len() >= 16,
        None => word.starts_with("eyJ") && Jwt::read(word).is_some_and(|jwt| jwt.text("role") == "service_role"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_of_the_same_origin_are_looked_into() {
        let page = Address::parse("https://app.example/rooms/1?a=b", &["https"]).unwrap();
        let html = r#"<script src="/a.js"></script><script type=module src='./b.js'></script><script src="https://cdn.example/c.js">
            </script><script src=https://app.example/d.js></script><link rel=modulepreload href="/e.js"><link rel=icon href=/f.svg>"#;
        let found = scripts(&page, html);
        let paths: Vec<&str> = found.iter().map(Url::path).collect();
        assert_eq!(paths, ["/a.js", "/rooms/b.js", "/d.js", "/e.js"]);
    }

    #[test]
    fn a_key_is_found_and_what_only_looks_like_one_is_not() {
        // {"alg":"HS256"} and {"role":"service_role"} or {"role":"anon"}
        let token = |claims: &str| format!("eyJhbGciOiJIUzI1NiJ9.{claims}.c2lnbmF0dXJl");
        let (service, anon) = (token("eyJyb2xlIjoic2VydmljZV9yb2xlIn0"), token("eyJyb2xlIjoiYW5vbiJ9"));
        assert!(secret_in(&format!("const a={{key:\"{service}\"}}")).is_some());
        assert!(secret_in("x='sb_secret_0123456789abcdef';").is_some());
        for harmless in [format!("key:'{anon}'"), "if(key.startsWith('sb_secret_'))".into(), "eyJ.eyJ.x".into()] {
            assert!(secret_in(&harmless).is_none(), "{harmless}");
        }
    }
}

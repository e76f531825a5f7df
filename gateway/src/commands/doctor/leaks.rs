//! Whether a page that everybody can open has a key in it that only a backend may have.

use url::Url;

use super::finding::Finding;
use super::html::tags;
use super::http::{Answer, Http};
use super::jwt::Jwt;
use super::key::WITHDRAW;
use super::settings::Address;

/// A page names its first few; what these load later is not followed.
const MOST_SCRIPTS: usize = 30;

/// Looks into the page and into the scripts of its own origin that it names.
pub async fn check(http: &Http, page: &Address, html: &Answer) -> Finding {
    let Ok(base) = Url::parse(&page.url) else {
        return Finding::unknown("page.keys", "whether a secret key stands in the page", "");
    };
    let scripts = scripts(&base, &html.body);
    let (mut found, mut unread) = (Vec::new(), Vec::new());
    found.extend(secret_in(&html.body).map(|_| "the page itself"));
    unread.extend((!html.is_whole).then(|| "the page itself".to_owned()));
    for (n, script) in scripts.iter().enumerate() {
        if script.origin() != base.origin() {
            // Without its query, in which somebody's key may stand.
            unread.push(format!("{}{}", script.origin().ascii_serialization(), script.path()));
        } else if n >= MOST_SCRIPTS {
            unread.push(script.path().to_owned());
        } else {
            let answer = http.get(script.as_str(), &[]).await.ok();
            if answer.as_ref().is_some_and(|answer| secret_in(&answer.body).is_some()) {
                found.push(script.path());
            } else if !answer.is_some_and(|answer| is_script(&answer)) {
                unread.push(script.path().to_owned());
            }
        }
    }
    if found.is_empty() && unread.is_empty() {
        let what = format!("no secret key stands in the page, nor in the scripts that it names ({})", scripts.len());
        return Finding::ok("page.keys", what);
    }
    if found.is_empty() {
        let what = format!("whether a secret key stands in what was not read: {}", unread.join(", "));
        return Finding::unknown("page.keys", what, "look for sb_secret_ and service_role in them");
    }
    let why = "it goes past row-level security: whoever opens the page can read and change everything";
    Finding::danger("page.keys", format!("a secret key stands in {}", found.join(", ")), why, WITHDRAW)
}

/// All of it, and not the page that stands in for what is not there.
fn is_script(answer: &Answer) -> bool {
    answer.status.is_success() && answer.is_whole && !answer.header("content-type").starts_with("text/html")
}

/// Where they are, in the order of the page.
fn scripts(base: &Url, html: &str) -> Vec<Url> {
    let (scripts, links) = (tags(html, "script"), tags(html, "link"));
    let named = scripts.iter().filter_map(|tag| tag.get("src"));
    let preloaded =
        links.iter().filter(|tag| tag.get("rel") == Some("modulepreload")).filter_map(|tag| tag.get("href"));
    let mut all: Vec<Url> = named.chain(preloaded).filter_map(|source| base.join(source).ok()).collect();
    all.retain(|script| matches!(script.scheme(), "http" | "https"));
    all
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
    fn scripts_are_found_where_the_page_says() {
        let page = Url::parse("https://app.example/rooms/1?a=b").unwrap();
        let html = r#"<script src="/a.js"></script><script type=module src='./b.js'></script><script src="https://cdn.example/c.js">
            </script><script src=https://app.example/d.js></script><link rel=modulepreload href="/e.js"><link rel=icon href=/f.svg>
            <script src="data:,1"></script>"#;
        let found = scripts(&page, html);
        let paths: Vec<&str> = found.iter().map(Url::path).collect();
        assert_eq!(paths, ["/a.js", "/rooms/b.js", "/c.js", "/d.js", "/e.js"]);
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

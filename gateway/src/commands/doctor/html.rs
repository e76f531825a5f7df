//! As much of HTML as is needed to find tags in a page. What a script adds later is not seen here.

/// The attributes of one tag, by their names in lower case.
#[derive(Debug, PartialEq, Eq)]
pub struct Tag(Vec<(String, String)>);

impl Tag {
    /// An attribute.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// All tags of this name that do not stand in a comment.
pub fn tags(html: &str, name: &str) -> Vec<Tag> {
    // Of the same length: only ASCII is changed.
    let lower = html.to_ascii_lowercase();
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(next) = lower.get(at..).and_then(|rest| rest.find('<')) {
        at += next;
        let Some(rest) = lower.get(at..) else { break };
        let behind = rest.get(1..).and_then(|rest| rest.strip_prefix(name)).and_then(|rest| rest.chars().next());
        if rest.starts_with("<!--") {
            at += rest.find("-->").map_or(rest.len(), |end| end + 3);
        } else if behind.is_some_and(|c| c.is_whitespace() || "/>".contains(c)) {
            let (attributes, length) = attributes(html.get(at..).unwrap_or_default());
            found.push(Tag(attributes));
            at += length;
        } else {
            at += 1;
        }
    }
    found
}

/// The attributes of the tag that the text begins with, and how long the tag is.
fn attributes(tag: &str) -> (Vec<(String, String)>, usize) {
    let mut found = Vec::new();
    let mut rest = tag.trim_start_matches(|c: char| !c.is_whitespace() && c != '>');
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        let end = rest.find(|c: char| c.is_whitespace() || "=>/".contains(c)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if name.is_empty() {
            return (found, (tag.len() - rest.len()).max(1));
        }
        let after = after.trim_start();
        let Some(value) = after.strip_prefix('=').map(str::trim_start) else {
            rest = after;
            continue;
        };
        let quote = value.chars().next().filter(|c| "\"'".contains(*c));
        let (value, after) = match quote {
            Some(quote) => value.get(1..).and_then(|inner| inner.split_once(quote)).unwrap_or(("", "")),
            None => value.split_at(value.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(value.len())),
        };
        found.push((name.to_ascii_lowercase(), unescaped(value)));
        rest = after;
    }
}

fn unescaped(text: &str) -> String {
    text.replace("&#39;", "'")
        .replace("&#x27;", "'")
        .replace("&apos;", "'")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_found_as_browsers_find_them() {
        let html = r#"<!doctype html><META charset=utf-8><!-- <meta content="a"> --><metal content=b>
            <meta content='connect-src &#39;self&#39;; img-src a>b' HTTP-EQUIV=Content-Security-Policy /><p>ä < 2"#;
        let found = tags(html, "meta");
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].get("charset"), Some("utf-8"));
        assert_eq!(found[1].get("content"), Some("connect-src 'self'; img-src a>b"));
        assert_eq!(found[1].get("http-equiv"), Some("Content-Security-Policy"));
        let scripts = tags("<script src=/a.js></script><script>if (a<b) c()</script><script", "script");
        assert_eq!(scripts.iter().map(|tag| tag.get("src")).collect::<Vec<_>>(), [Some("/a.js"), None]);
        // Cut off in the middle: what is not there is nothing.
        assert_eq!(tags("<meta content='script-src", "meta")[0].get("content"), Some(""));
    }
}

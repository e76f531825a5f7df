//! Text in HTML.

/// The text, so that nothing in it means anything to a browser, between tags or in a quoted attribute.
pub fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            _ => html.push(c),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        assert_eq!(
            escaped("<a href=\"x\" id='y'>Grüße & more</a>"),
            "&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;Grüße &amp; more&lt;/a&gt;"
        );
    }
}

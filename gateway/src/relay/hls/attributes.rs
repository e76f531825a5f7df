//! The attributes of a tag: `NAME=value,NAME="value"`.

use std::ops::Range;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// What it is called.
    pub name: &'a str,
    /// Without its quotes.
    pub value: &'a str,
    /// Where the value stands in the text.
    pub at: Range<usize>,
}

/// All attributes in this text, one after the other. What is none is passed over.
pub fn attributes(text: &str) -> impl Iterator<Item = Attribute<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (before, after) = rest.split_once('=')?;
        let name = before.rsplit(',').next().unwrap_or_default().trim();
        let (value, is_quoted) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => (quoted.split('"').next().unwrap_or_default(), true),
            None => (after.split(',').next().unwrap_or_default().trim(), false),
        };
        let start = offset(text, value);
        let at = start..start + value.len();
        rest = text.get(at.end..).unwrap_or_default();
        if is_quoted {
            rest = rest.strip_prefix('"').unwrap_or_default();
        }
        Some(Attribute { name, value, at })
    })
}

/// Where a part of a text begins.
fn offset(text: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_where_they_stand() {
        let text = r#"METHOD=AES-128, URI="a,b=c",IV=0x1 ,EMPTY="",junk,X-A= "d""#;
        let found: Vec<_> = attributes(text).map(|a| (a.name, a.value)).collect();
        let expected = [("METHOD", "AES-128"), ("URI", "a,b=c"), ("IV", "0x1"), ("EMPTY", ""), ("X-A", "d")];
        assert_eq!(found, expected);
        assert!(attributes(text).all(|a| &text[a.at.clone()] == a.value));
    }

    #[test]
    fn what_is_cut_off_is_no_reason_to_stop() {
        for text in ["", "=", "URI=", "URI=\"", "URI=\"a", ",,,", "a\"b=c\"", "ä=\"ö"] {
            assert!(attributes(text).all(|a| &text[a.at.clone()] == a.value), "{text}");
        }
    }
}

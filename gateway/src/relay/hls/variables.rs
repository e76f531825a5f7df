//! `EXT-X-DEFINE`: variables of playlists. A player cannot fill them in once the addresses are ours, and must not see what is
//! in them, which may be a token: they are filled in here.

use std::borrow::Cow;
use std::collections::BTreeMap;

use url::Url;

use super::attributes::attributes;

/// More than anybody has, and little enough to be kept with every playlist.
const MAX_BYTES: usize = 16 * 1024;

/// Names and values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Takes in the value of one tag, in a playlist that has come from this address and was named in one with these.
    pub fn define(&mut self, tag: &str, url: &Url, inherited: &Self) {
        let named = |wanted: &str| attributes(tag).find(|attribute| attribute.name == wanted);
        let defined = match (named("NAME"), named("IMPORT"), named("QUERYPARAM")) {
            (Some(name), ..) => named("VALUE").map(|value| (name.value, value.value.to_owned())),
            (_, Some(name), _) => inherited.0.get(name.value).map(|value| (name.value, value.clone())),
            (.., Some(name)) => {
                let parameter = url.query_pairs().find(|(key, _)| key == name.value);
                parameter.map(|(_, value)| (name.value, value.into_owned()))
            }
            _ => None,
        };
        if let Some((name, value)) = defined
            && self.bytes() + name.len() + value.len() <= MAX_BYTES
        {
            self.0.insert(name.to_owned(), value);
        }
    }

    /// What they take.
    pub fn bytes(&self) -> usize {
        self.0.iter().map(|(name, value)| name.len() + value.len()).sum()
    }

    /// The same text with every `{$name}` filled in. What is not defined stays. None: it became longer than that.
    pub fn fill<'a>(&self, text: &'a str, most: usize) -> Option<Cow<'a, str>> {
        if self.0.is_empty() || !text.contains("{$") {
            return Some(text.into());
        }
        let (mut filled, mut rest) = (String::new(), text);
        while let Some((before, after)) = rest.split_once("{$") {
            // Looks no further than names go: an open brace must not cost the whole rest each time.
            let behind = after.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_');
            let name = after.strip_suffix(behind).unwrap_or_default();
            let found = behind.strip_prefix('}').and_then(|behind| Some((self.0.get(name)?.as_str(), behind)));
            let (value, behind) = found.unwrap_or(("{$", after));
            filled.push_str(before);
            filled.push_str(value);
            if filled.len() > most {
                return None;
            }
            rest = behind;
        }
        filled.push_str(rest);
        Some(filled.into()).filter(|filled: &Cow<'_, str>| filled.len() <= most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_come_from_the_playlist_its_address_and_the_playlist_that_named_it() {
        let url = Url::parse("https://origin.example.com/a.m3u8?token=a%20b").unwrap();
        let (mut parent, mut variables) = (Variables::default(), Variables::default());
        parent.define(r#"NAME="path",VALUE="live/1""#, &url, &Variables::default());
        for tag in [r#"IMPORT="path""#, r#"QUERYPARAM="token""#, r#"NAME="n",VALUE="1""#, r#"IMPORT="missing""#, "x"] {
            variables.define(tag, &url, &parent);
        }
        let filled = variables.fill("{$path}/{$n}.ts?t={$token}{$missing}{$", 100);
        assert_eq!(filled.unwrap(), "live/1/1.ts?t=a b{$missing}{$");
    }

    #[test]
    fn a_value_that_is_used_a_thousand_times_stays_bounded() {
        let url = Url::parse("https://origin.example.com/").unwrap();
        let mut variables = Variables::default();
        variables.define(&format!(r#"NAME="a",VALUE="{}""#, "b".repeat(1000)), &url, &Variables::default());
        assert!(variables.fill(&"{$a}".repeat(1000), 100_000).is_none());
        assert_eq!(variables.fill(&"{$a}".repeat(9), 100_000).unwrap().len(), 9000);
        // Neither an open brace nor many values make it slow or large.
        let open = "{$".repeat(500_000);
        assert_eq!(variables.fill(&open, 2_000_000).unwrap(), open);
        for n in 0..100 {
            let tag = format!(r#"NAME="b{n}",VALUE="{}""#, "b".repeat(1000));
            variables.define(&tag, &url, &Variables::default());
        }
        assert!((15 * 1024..=MAX_BYTES).contains(&variables.bytes()));
    }
}

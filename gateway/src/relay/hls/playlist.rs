//! A playlist as an upstream sends it, and as players get it: every address in it becomes one of ours, and the rest stays as
//! it was, down to the ends of the lines.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::time::Duration;

use url::Url;

use super::attributes::attributes;
use super::variables::Variables;
use crate::relay::upstream::UpstreamError;

/// As large as a playlist may be: a day of segments of five seconds, each with a long address.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;

/// What filling in variables may make of one, all lines together.
const MAX_FILLED_BYTES: usize = MAX_BYTES;

/// A day and more of short segments.
const MAX_LINKS: usize = 20_000;

/// What their whole addresses may take: a short one may stand beside a long one of the playlist's own.
const MAX_ADDRESS_BYTES: usize = 2 * MAX_BYTES;

/// How many segments, from the end, tell one state of a playlist from another.
const TAIL: usize = 32;

/// A number that timers take.
const MAX_TARGET: f64 = 86_400.0;

/// What there is at the other end of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Another playlist.
    Playlist,
    /// A segment or a part of one, a key, or whatever else is passed on as it is.
    File,
}

/// An address in a playlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Where it leads. None: nowhere.
    pub url: Option<Url>,
    /// To what.
    pub role: Role,
    /// Where it stands.
    at: Range<usize>,
}

/// What kind of playlist it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// It names other playlists.
    Master,
    /// It names segments.
    Media(Media),
}

/// What matters of a playlist of segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// No segment is longer.
    pub target: Duration,
    /// No part of a segment is longer, where it has parts.
    pub part_target: Option<Duration>,
    /// Nothing will be added.
    pub is_ended: bool,
    /// What its last segments are, each a number that no other one has: place, name and time, but not the query, in which a
    /// signature may be another one each time.
    pub tail: Vec<u64>,
}

/// One that has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Playlist {
    /// Its kind.
    pub kind: Kind,
    /// What it has defined.
    pub variables: Variables,
    text: String,
    links: Vec<Link>,
}

impl Playlist {
    /// Reads one that came from this address, and that a playlist with these variables has named.
    pub fn read(bytes: &[u8], url: &Url, inherited: &Variables) -> Result<Self, UpstreamError> {
        let text = str::from_utf8(bytes).map_err(|_| UpstreamError::Unusable("a playlist that is no UTF-8"))?;
        // Players need not understand it.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.lines().next().map(str::trim_end) != Some("#EXTM3U") {
            return Err(UpstreamError::Unusable("no playlist"));
        }
        let mut reader = Reader::new(url, inherited);
        for line in text.split_inclusive('\n') {
            let content = line.trim_end_matches(['\r', '\n']);
            let ending = line.get(content.len()..).unwrap_or_default();
            reader.line(content, ending)?;
            let is_long = reader.text.len() > MAX_BYTES || reader.links.len() > MAX_LINKS;
            if is_long || reader.address_bytes > MAX_ADDRESS_BYTES {
                return Err(UpstreamError::TooLarge(MAX_BYTES as u64));
            }
        }
        reader.finish()
    }

    /// The same with these addresses.
    pub fn with_links(&self, mut name: impl FnMut(&Link) -> String) -> String {
        let (mut rewritten, mut from) = (String::with_capacity(self.text.len()), 0);
        for link in &self.links {
            rewritten.push_str(self.text.get(from..link.at.start).unwrap_or_default());
            rewritten.push_str(&name(link));
            from = link.at.end;
        }
        rewritten.push_str(self.text.get(from..).unwrap_or_default());
        rewritten
    }
}

/// A playlist that is being read.
struct Reader<'a> {
    url: &'a Url,
    inherited: &'a Variables,
    variables: Variables,
    text: String,
    links: Vec<Link>,
    address_bytes: usize,
    /// What filling in may still bring.
    room: usize,
    is_master: bool,
    target: Option<Duration>,
    part_target: Option<Duration>,
    is_ended: bool,
    /// Of the next segment.
    sequence: u64,
    discontinuity: u64,
    segment: DefaultHasher,
    tail: Vec<u64>,
}

impl<'a> Reader<'a> {
    fn new(url: &'a Url, inherited: &'a Variables) -> Self {
        Self {
            url,
            inherited,
            variables: Variables::default(),
            text: String::new(),
            links: Vec::new(),
            address_bytes: 0,
            room: MAX_FILLED_BYTES,
            is_master: false,
            target: None,
            part_target: None,
            is_ended: false,
            sequence: 0,
            discontinuity: 0,
            segment: DefaultHasher::new(),
            tail: Vec::new(),
        }
    }

    fn line(&mut self, content: &str, ending: &str) -> Result<(), UpstreamError> {
        let filled = self.variables.fill(content, self.room).ok_or(UpstreamError::TooLarge(MAX_BYTES as u64))?;
        if let Cow::Owned(filled) = &filled {
            self.room = self.room.saturating_sub(filled.len());
        }
        let is_kept = match &*filled {
            tag if tag.starts_with("#EXT") => self.tag(tag),
            comment if comment.starts_with('#') && has_address(comment) => false,
            comment if comment.starts_with('#') || comment.trim().is_empty() => {
                self.text.push_str(comment);
                true
            }
            address => {
                self.address(address);
                true
            }
        };
        if is_kept {
            self.text.push_str(ending);
        }
        Ok(())
    }

    /// Takes a tag in. False: players do not get it.
    fn tag(&mut self, tag: &str) -> bool {
        let (name, value) = tag.split_once(':').unwrap_or((tag, ""));
        match name.trim_end() {
            "#EXT-X-DEFINE" => {
                self.variables.define(value, self.url, self.inherited);
                return false;
            }
            // It sends players to other servers, behind our back.
            "#EXT-X-CONTENT-STEERING" => return false,
            "#EXT-X-DATERANGE" if attributes(value).any(|attribute| attribute.name == "X-ASSET-LIST") => return false,
            "#EXT-X-SERVER-CONTROL" => return self.server_control(value),
            "#EXT-X-STREAM-INF" | "#EXT-X-MEDIA" | "#EXT-X-I-FRAME-STREAM-INF" => self.is_master = true,
            "#EXT-X-TARGETDURATION" => self.target = seconds(value),
            "#EXT-X-PART-INF" => {
                let target = attributes(value).find(|attribute| attribute.name == "PART-TARGET");
                self.part_target = target.and_then(|target| seconds(target.value));
            }
            "#EXT-X-MEDIA-SEQUENCE" => self.sequence = value.trim().parse().unwrap_or_default(),
            "#EXT-X-DISCONTINUITY-SEQUENCE" => self.discontinuity = value.trim().parse().unwrap_or_default(),
            "#EXT-X-DISCONTINUITY" => self.discontinuity = self.discontinuity.saturating_add(1),
            "#EXT-X-PROGRAM-DATE-TIME" | "#EXT-X-BYTERANGE" => value.hash(&mut self.segment),
            "#EXT-X-ENDLIST" => self.is_ended = true,
            _ => {}
        }
        self.push_linked(tag, name)
    }

    /// What we offer is what a plain server can: whole playlists, at once.
    fn server_control(&mut self, value: &str) -> bool {
        let is_offered = |name: &str| !matches!(name, "CAN-BLOCK-RELOAD" | "CAN-SKIP-UNTIL" | "CAN-SKIP-DATERANGES");
        let offered = attributes(value).filter(|attribute| is_offered(attribute.name));
        let offered: Vec<_> = offered.map(|attribute| format!("{}={}", attribute.name, attribute.value)).collect();
        if !offered.is_empty() {
            self.text.push_str("#EXT-X-SERVER-CONTROL:");
            self.text.push_str(&offered.join(","));
        }
        !offered.is_empty()
    }

    /// A tag, and the addresses in its attributes. False: there are others in it, of which we know nothing.
    fn push_linked(&mut self, tag: &str, name: &str) -> bool {
        let (begin, known) = (self.text.len(), self.links.len());
        self.text.push_str(tag);
        // Other tags have no attributes, but titles, which may look like them.
        let Some(value) = tag.get(name.len() + 1..).filter(|_| name.starts_with("#EXT-X-")) else { return true };
        let value_at = begin + name.len() + 1;
        let is_key = matches!(name, "#EXT-X-KEY" | "#EXT-X-SESSION-KEY");
        let role = match name {
            "#EXT-X-MEDIA" | "#EXT-X-I-FRAME-STREAM-INF" | "#EXT-X-IMAGE-STREAM-INF" => Role::Playlist,
            "#EXT-X-RENDITION-REPORT" | "#EXT-X-DATERANGE" => Role::Playlist,
            _ => Role::File,
        };
        // Where what is not one of these addresses begins.
        let (mut rest, mut is_clean) = (0, true);
        for attribute in attributes(value) {
            if !matches!(attribute.name, "URI" | "X-ASSET-URI") {
                continue;
            }
            let url = self.url.join(attribute.value).ok();
            let scheme = url.as_ref().map_or("", Url::scheme);
            is_clean &= !has_address(value.get(rest..attribute.at.start).unwrap_or_default());
            rest = attribute.at.end;
            // Nobody fetches these: the one is there already, the other is for the player's own key system.
            if scheme == "data" || (is_key && !matches!(scheme, "" | "http" | "https")) {
                continue;
            }
            self.link(url, role, value_at + attribute.at.start..value_at + attribute.at.end);
        }
        is_clean &= !has_address(value.get(rest..).unwrap_or_default());
        if !is_clean {
            self.text.truncate(begin);
            self.links.truncate(known);
        }
        is_clean
    }

    /// A line that is an address.
    fn address(&mut self, address: &str) {
        let begin = self.text.len();
        self.text.push_str(address);
        let url = self.url.join(address.trim()).ok();
        // As it is written: a redirect may have led to another place each time.
        let written = address.split(['?', '#']).next();
        (self.sequence, self.discontinuity, written).hash(&mut self.segment);
        self.tail.push(std::mem::take(&mut self.segment).finish());
        self.sequence = self.sequence.saturating_add(1);
        let role = if self.is_master { Role::Playlist } else { Role::File };
        self.link(url, role, begin..begin + address.len());
    }

    fn link(&mut self, url: Option<Url>, role: Role, at: Range<usize>) {
        let named = url.as_ref().and_then(extension).unwrap_or_default();
        let is_playlist = ["m3u8", "m3u"].iter().any(|extension| named.eq_ignore_ascii_case(extension));
        let role = if is_playlist { Role::Playlist } else { role };
        self.address_bytes += url.as_ref().map_or(0, |url| url.as_str().len());
        self.links.push(Link { url, role, at });
    }

    fn finish(self) -> Result<Playlist, UpstreamError> {
        let Self { variables, text, links, target, part_target, is_ended, mut tail, .. } = self;
        let kind = match (self.is_master, target) {
            (true, _) => Kind::Master,
            (false, Some(target)) => {
                tail.drain(..tail.len().saturating_sub(TAIL));
                Kind::Media(Media { target, part_target, is_ended, tail })
            }
            // A list of channels, perhaps.
            (false, None) => return Err(UpstreamError::Unusable("a playlist without a target duration")),
        };
        Ok(Playlist { kind, variables, text, links })
    }
}

/// Would a player learn from this where something is?
fn has_address(text: &str) -> bool {
    text.contains("://")
}

fn seconds(text: &str) -> Option<Duration> {
    let seconds = text.trim().parse::<f64>().ok().filter(|seconds| *seconds > 0.0)?;
    Some(Duration::from_secs_f64(seconds.min(MAX_TARGET)))
}

/// The extension of the last part of a path, if it is an ordinary one: some players look at it.
pub fn extension(url: &Url) -> Option<&str> {
    let (_, extension) = url.path_segments()?.next_back()?.rsplit_once('.')?;
    let is_ordinary = (1..=4).contains(&extension.len()) && extension.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_ordinary.then_some(extension)
}

#[cfg(test)]
mod tests;

//! What stands behind our addresses. A player can name only what a playlist has named before, and learns nothing of where
//! that is.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use url::Url;
use uuid::Uuid;

use super::playlist::Role;
use super::variables::Variables;

/// What the addresses of one relay may take.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// What one takes beside its URL.
const ENTRY_BYTES: usize = 256;

/// As it stands in our addresses.
const NAME_CHARS: usize = 16;

/// The name of something upstream: the same for as long as the relay lives.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Name([u8; NAME_CHARS / 4 * 3]);

impl Name {
    /// From an address of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }

    #[cfg(test)]
    pub(super) const fn of_test(n: u8) -> Self {
        Self([n; NAME_CHARS / 4 * 3])
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Something upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Where it is.
    pub url: Url,
    /// What it is.
    pub role: Role,
    /// What a playlist may take over from the one that named it.
    pub variables: Arc<Variables>,
}

/// All that the playlists of one relay have named, and players may still ask for.
pub struct Resources {
    key: Hmac<Sha256>,
    most_bytes: usize,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    entries: HashMap<Name, (u64, Resource)>,
    bytes: usize,
    /// Goes on with every use.
    clock: u64,
}

impl fmt::Debug for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resources").finish_non_exhaustive()
    }
}

impl Resources {
    /// None yet. Their names are nobody else's.
    pub fn new() -> Self {
        Self::with_room(MAX_BYTES)
    }

    fn with_room(most_bytes: usize) -> Self {
        let mut key = [0; 64];
        for part in key.chunks_exact_mut(16) {
            part.copy_from_slice(Uuid::new_v4().as_bytes());
        }
        Self { key: Hmac::new(&key.into()), most_bytes, table: Mutex::default() }
    }

    /// The name of this, which may be asked for from now on.
    ///
    /// What one playlist names stays until it has all been named: room is made in between.
    pub fn name(&self, resource: &Resource) -> Name {
        let role = match resource.role {
            Role::Playlist => b"p",
            Role::File => b"f",
        };
        let code = self.key.clone().chain_update(role).chain_update(resource.url.as_str()).finalize().into_bytes();
        let mut name = Name([0; NAME_CHARS / 4 * 3]);
        for (byte, from) in name.0.iter_mut().zip(code) {
            *byte = from;
        }
        self.table().insert(name, resource);
        name
    }

    /// Lets go of what was not used for longest, before another playlist names its own.
    pub fn make_room(&self) {
        let mut table = self.table();
        while table.bytes > self.most_bytes {
            table.forget_half();
        }
    }

    /// What has this name.
    pub fn get(&self, name: Name) -> Option<Resource> {
        let mut table = self.table();
        table.clock += 1;
        let now = table.clock;
        let (used, resource) = table.entries.get_mut(&name)?;
        *used = now;
        Some(resource.clone())
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // A panic elsewhere leaves the table as it was.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn insert(&mut self, name: Name, resource: &Resource) {
        self.clock += 1;
        match self.entries.get_mut(&name) {
            Some((used, known)) => {
                *used = self.clock;
                if known.variables != resource.variables {
                    let before = bytes(known);
                    known.variables = Arc::clone(&resource.variables);
                    self.bytes = (self.bytes + bytes(known)).saturating_sub(before);
                }
            }
            None => {
                self.bytes += bytes(resource);
                self.entries.insert(name, (self.clock, resource.clone()));
            }
        }
    }

    /// Lets go of what was not used for longest.
    fn forget_half(&mut self) {
        let mut used: Vec<_> = self.entries.values().map(|(used, _)| *used).collect();
        let half = used.len() / 2;
        let (_, median, _) = used.select_nth_unstable(half);
        // More than the one in the middle: of a single one nothing is left.
        self.entries.retain(|_, (used, _)| *used > *median);
        self.bytes = self.entries.values().map(|(_, resource)| bytes(resource)).sum();
    }
}

fn bytes(resource: &Resource) -> usize {
    resource.url.as_str().len() + resource.variables.bytes() + ENTRY_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(url: &str, role: Role) -> Resource {
        Resource { url: Url::parse(url).unwrap(), role, variables: Arc::default() }
    }

    #[test]
    fn a_name_stays_and_says_nothing() {
        let resources = Resources::new();
        let segment = resource("https://origin.example.com/a.ts?token=hunter2", Role::File);
        let name = resources.name(&segment);
        assert_eq!(name, resources.name(&segment));
        assert_ne!(name, resources.name(&resource("https://origin.example.com/a.ts?token=hunter2", Role::Playlist)));
        assert_ne!(name, resources.name(&resource("https://origin.example.com/b.ts?token=hunter2", Role::File)));
        assert_ne!(name, Resources::new().name(&segment));
        assert_eq!(name.to_string().len(), NAME_CHARS);
        assert_eq!(resources.get(Name::parse(&name.to_string()).unwrap()), Some(segment));
    }

    #[test]
    fn only_what_was_named_is_there() {
        let resources = Resources::new();
        assert_eq!(resources.get(Name::of_test(1)), None);
        for text in
            ["", "AAAA", "https://origin.example.com/", "AAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAA=", "AAAAAAAAAAAAAAAAAAAA"]
        {
            assert_eq!(Name::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_not_used_makes_room() {
        let resources = Resources::with_room(100 * ENTRY_BYTES);
        let first = resources.name(&resource("https://origin.example.com/0.m3u8", Role::Playlist));
        let mut last = first;
        for nth in 0..1_000 {
            assert!(resources.get(first).is_some());
            resources.make_room();
            last = resources.name(&resource(&format!("https://origin.example.com/{nth}.ts"), Role::File));
        }
        assert!(resources.get(last).is_some());
        resources.make_room();
        let table = resources.table();
        assert!(table.bytes <= 100 * ENTRY_BYTES && (40..100).contains(&table.entries.len()));
    }

    #[test]
    fn all_that_one_playlist_names_is_there_however_much_it_is() {
        let resources = Resources::with_room(10 * ENTRY_BYTES);
        resources.make_room();
        let names: Vec<_> = (0..100)
            .map(|nth| resources.name(&resource(&format!("https://origin.example.com/{nth}.ts"), Role::File)))
            .collect();
        assert!(names.iter().all(|name| resources.get(*name).is_some()));
        resources.make_room();
        assert!(names.iter().filter(|name| resources.get(**name).is_some()).count() < 10);
    }
}

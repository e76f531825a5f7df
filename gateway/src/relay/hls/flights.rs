//! Playlists, each fetched once for all players who ask for it at about the same time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync;
use tokio::time::Instant;

use super::playlist::{Kind, Playlist};
use super::progress::{News, Seen};
use super::resources::Name;
use super::variables::Variables;
use crate::relay::backoff::Backoff;
use crate::relay::ledger::Guard;
use crate::relay::settings::Settings;
use crate::relay::upstream::UpstreamError;

/// How many playlists of one relay are kept: variants, languages, subtitles.
const MAX_FLIGHTS: usize = 64;

/// How long one is kept that names other playlists. It hardly ever changes, and players read it once.
const MASTER_KEPT: Duration = Duration::from_secs(5);

/// All playlists of a relay.
#[derive(Debug)]
pub struct Flights {
    settings: Settings,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    flights: HashMap<Name, (u64, Arc<Flight>)>,
    /// Goes on with every use.
    clock: u64,
}

impl Flights {
    /// None yet.
    pub fn new(settings: &Settings) -> Self {
        Self { settings: settings.clone(), table: Mutex::default() }
    }

    /// The one of this name.
    pub fn of(&self, name: Name) -> Arc<Flight> {
        let mut table = self.table();
        table.clock += 1;
        let clock = table.clock;
        if let Some((used, flight)) = table.flights.get_mut(&name) {
            *used = clock;
            return Arc::clone(flight);
        }
        if table.flights.len() >= MAX_FLIGHTS {
            let oldest = table.flights.iter().min_by_key(|(_, (used, _))| *used).map(|(name, _)| *name);
            oldest.and_then(|name| table.flights.remove(&name));
        }
        let flight = Arc::new(Flight(sync::Mutex::new(State::new(&self.settings))));
        table.flights.insert(name, (clock, Arc::clone(&flight)));
        flight
    }

    /// Forgets all of them.
    pub fn clear(&self) {
        self.table().flights.clear();
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // A panic elsewhere leaves the table as it was.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One playlist: whoever comes while it is being fetched waits for that, and takes what has come.
#[derive(Debug)]
pub struct Flight(sync::Mutex<State>);

impl Flight {
    /// Waits until nobody is fetching it.
    pub async fn state(&self) -> sync::MutexGuard<'_, State> {
        self.0.lock().await
    }
}

/// A playlist as players get it.
#[derive(Debug)]
pub enum Page {
    /// It names other playlists, and each session's are its own.
    Master(Playlist, Arc<Variables>),
    /// It names segments, and is the same for all.
    Media {
        /// As it is sent.
        text: Bytes,
        /// Says that it is kept.
        _kept: Guard,
    },
}

/// What has come last, and what has become of it since.
#[derive(Debug)]
pub struct State {
    page: Option<(Arc<Page>, Instant)>,
    failure: Option<UpstreamError>,
    /// When it is fetched again.
    again_at: Instant,
    backoff: Backoff,
    seen: Seen,
}

impl State {
    fn new(settings: &Settings) -> Self {
        let (backoff, again_at) = (Backoff::new(settings), Instant::now());
        Self { page: None, failure: None, again_at, backoff, seen: Seen::default() }
    }

    /// What is good enough. None: it has to be fetched.
    pub fn known(&self, patience: Duration) -> Option<Result<Arc<Page>, UpstreamError>> {
        if Instant::now() >= self.again_at {
            return None;
        }
        match (&self.failure, &self.page) {
            (Some(failure), _) => Some(self.old(patience).ok_or_else(|| failure.clone())),
            (None, page) => page.as_ref().map(|(page, _)| Ok(Arc::clone(page))),
        }
    }

    /// It has come, and is good for this long. What the last of its segments say, if it has any.
    pub fn came(&mut self, page: Page, good_for: Duration, tail: Option<&[u64]>) -> (Arc<Page>, Option<News>) {
        let (page, now) = (Arc::new(page), Instant::now());
        if self.failure.take().is_some() {
            // Whoever comes back may begin from the start: that is no loop.
            self.seen = Seen::default();
        }
        self.backoff.reset();
        self.again_at = now + good_for;
        self.page = Some((Arc::clone(&page), now));
        (page, tail.map(|tail| self.seen.take(tail)))
    }

    /// It has not come. What is not too old yet is better than nothing: players go on with what they have, and ask again.
    pub fn failed(&mut self, failure: UpstreamError, patience: Duration) -> Result<Arc<Page>, UpstreamError> {
        self.again_at = Instant::now() + self.backoff.failed();
        self.failure = Some(failure.clone());
        self.old(patience).ok_or(failure)
    }

    fn old(&self, patience: Duration) -> Option<Arc<Page>> {
        let (page, at) = self.page.as_ref()?;
        (at.elapsed() <= patience).then(|| Arc::clone(page))
    }
}

/// How long what has come is good for: players ask again after half of the longest segment, or part.
pub fn good_for(kind: &Kind) -> Duration {
    match kind {
        Kind::Master => MASTER_KEPT,
        Kind::Media(media) => media.part_target.unwrap_or(media.target) / 2,
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;
    use url::Url;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const PATIENCE: Duration = Duration::from_secs(18);

    fn master() -> Page {
        let text = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n";
        let url = Url::parse("https://origin.example.com/").unwrap();
        Page::Master(Playlist::read(text, &url, &Variables::default()).unwrap(), Arc::default())
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_come_is_good_for_a_while_and_better_than_nothing_for_a_little_longer() {
        let flight = Flights::new(&Settings::default()).of(Name::of_test(1));
        let mut state = flight.state().await;
        assert!(state.known(PATIENCE).is_none());
        let (page, news) = state.came(master(), 3 * SECOND, Some(&[1]));
        assert_eq!(news, Some(News::New));
        advance(2 * SECOND).await;
        assert!(Arc::ptr_eq(&state.known(PATIENCE).unwrap().unwrap(), &page));
        advance(SECOND).await;
        assert!(state.known(PATIENCE).is_none());
        assert!(Arc::ptr_eq(&state.failed(UpstreamError::Broken, PATIENCE).unwrap(), &page));
        assert!(Arc::ptr_eq(&state.known(PATIENCE).unwrap().unwrap(), &page));
        advance(PATIENCE).await;
        assert_eq!(state.failed(UpstreamError::Broken, PATIENCE).unwrap_err(), UpstreamError::Broken);
        assert_eq!(state.known(PATIENCE).unwrap().unwrap_err(), UpstreamError::Broken);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_comes_back_may_begin_from_the_start() {
        let flight = Flights::new(&Settings::default()).of(Name::of_test(1));
        let mut state = flight.state().await;
        let news = |state: &mut State, tail: &[u64]| state.came(master(), SECOND, Some(tail)).1;
        assert_eq!(news(&mut state, &[1, 2]), Some(News::New));
        assert_eq!(news(&mut state, &[1]), Some(News::Again));
        state.failed(UpstreamError::Broken, PATIENCE).unwrap();
        assert_eq!(news(&mut state, &[1]), Some(News::New));
        assert_eq!(news(&mut state, &[1]), Some(News::Same));
    }

    #[test]
    fn only_so_many_are_kept() {
        let flights = Flights::new(&Settings::default());
        let first = flights.of(Name::of_test(0));
        for n in 1..=200 {
            flights.of(Name::of_test(n));
            assert!(Arc::ptr_eq(&first, &flights.of(Name::of_test(0))));
        }
        assert_eq!(flights.table().flights.len(), MAX_FLIGHTS);
        let used = Arc::downgrade(&first);
        drop(first);
        flights.clear();
        assert!(used.upgrade().is_none());
    }
}

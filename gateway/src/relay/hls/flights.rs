//! Playlists, each fetched once for all players who ask for it at about the same time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::playlist::{Kind, Playlist};
use super::progress::{News, Seen};
use super::resources::Name;
use crate::relay::backoff::Backoff;
use crate::relay::ledger::Guard;
use crate::relay::settings::Settings;
use crate::relay::upstream::UpstreamError;

/// How many playlists of one relay are kept: variants, languages, subtitles.
const MAX_FLIGHTS: usize = 64;

/// How long one is kept that names other playlists. It hardly ever changes, and players read it once.
const MASTER_KEPT: Duration = Duration::from_secs(5);

/// However long its segments are.
const MEDIA_KEPT: Duration = Duration::from_secs(30);

/// How long a player waits who could have the last one.
const LONG: Duration = Duration::from_millis(500);

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
        let flight = Arc::new(Flight::new(&self.settings));
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

/// One playlist. It is fetched by a task of its own: whoever wants it waits for that, and one who leaves takes nothing along.
#[derive(Debug)]
pub struct Flight {
    state: Mutex<State>,
    /// Changes when it has been fetched, or not.
    landed: watch::Sender<()>,
}

/// Held by the task that fetches it. However that ends, nobody waits for longer.
#[derive(Debug)]
pub struct Landing(Arc<Flight>);

impl Flight {
    fn new(settings: &Settings) -> Self {
        Self { state: Mutex::new(State::new(settings)), landed: watch::Sender::default() }
    }

    /// What has come last.
    pub fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves it as it was.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody has to fetch it now, unless somebody does.
    pub fn take_off(self: &Arc<Self>) -> Option<Landing> {
        let is_first = !std::mem::replace(&mut self.state().is_under_way, true);
        is_first.then(|| Landing(Arc::clone(self)))
    }

    /// What has come when it has been fetched; the last one, if that takes long.
    pub async fn page(&self, mut landed: watch::Receiver<()>, patience: Duration) -> Result<Arc<Page>, UpstreamError> {
        if timeout(LONG, landed.changed()).await.is_err() {
            if let Some(old) = self.state().old(patience) {
                return Ok(old);
            }
            // It is over when its task is.
            let _ = landed.changed().await;
        }
        self.state().latest(patience)
    }

    /// Tells when it has been fetched.
    pub fn landed(&self) -> watch::Receiver<()> {
        self.landed.subscribe()
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.0.state().is_under_way = false;
        self.0.landed.send_replace(());
    }
}

/// A playlist as players get it.
#[derive(Debug)]
pub enum Page {
    /// It names other playlists, and each session's are its own.
    Master(Playlist),
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
    is_under_way: bool,
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
        Self { is_under_way: false, page: None, failure: None, again_at, backoff, seen: Seen::default() }
    }

    /// What is good enough. None: it has to be fetched.
    pub fn known(&self, patience: Duration) -> Option<Result<Arc<Page>, UpstreamError>> {
        let is_good = Instant::now() < self.again_at && (self.page.is_some() || self.failure.is_some());
        is_good.then(|| self.latest(patience))
    }

    fn latest(&self, patience: Duration) -> Result<Arc<Page>, UpstreamError> {
        match (&self.failure, &self.page) {
            (None, Some((page, _))) => Ok(Arc::clone(page)),
            // What is not too old yet is better than nothing: players go on with what they have, and ask again.
            (failure, _) => self.old(patience).ok_or_else(|| failure.clone().unwrap_or(UpstreamError::Broken)),
        }
    }

    /// It has come, and is good for this long. What the last of its segments say, if it has any.
    pub fn came(&mut self, page: Page, good_for: Duration, tail: Option<&[u64]>) -> Option<News> {
        let now = Instant::now();
        if self.failure.take().is_some() {
            // Whoever comes back may begin from the start: that is no loop.
            self.seen = Seen::default();
        }
        self.backoff.reset();
        self.again_at = now + good_for;
        self.page = Some((Arc::new(page), now));
        tail.map(|tail| self.seen.take(tail))
    }

    /// It has not come.
    pub fn failed(&mut self, failure: UpstreamError) {
        self.again_at = Instant::now() + self.backoff.failed();
        self.failure = Some(failure);
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
        Kind::Media(media) => (media.part_target.unwrap_or(media.target) / 2).min(MEDIA_KEPT),
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, sleep};
    use url::Url;

    use super::*;
    use crate::relay::hls::variables::Variables;

    const SECOND: Duration = Duration::from_secs(1);
    const PATIENCE: Duration = Duration::from_secs(18);

    fn master() -> Page {
        let text = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n";
        let url = Url::parse("https://origin.example.com/").unwrap();
        Page::Master(Playlist::read(text, &url, &Variables::default()).unwrap())
    }

    fn flight() -> Arc<Flight> {
        Flights::new(&Settings::default()).of(Name::of_test(1))
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_come_is_good_for_a_while_and_better_than_nothing_for_a_little_longer() {
        let flight = flight();
        assert!(flight.state().known(PATIENCE).is_none());
        assert_eq!(flight.state().came(master(), 3 * SECOND, Some(&[1])), Some(News::New));
        advance(2 * SECOND).await;
        let page = flight.state().known(PATIENCE).unwrap().unwrap();
        advance(SECOND).await;
        assert!(flight.state().known(PATIENCE).is_none());
        flight.state().failed(UpstreamError::Broken);
        assert!(Arc::ptr_eq(&flight.state().known(PATIENCE).unwrap().unwrap(), &page));
        advance(PATIENCE).await;
        flight.state().failed(UpstreamError::Broken);
        assert_eq!(flight.state().known(PATIENCE).unwrap().unwrap_err(), UpstreamError::Broken);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_comes_back_may_begin_from_the_start() {
        let flight = flight();
        let mut state = flight.state();
        let mut news = |tail: &[u64]| state.came(master(), SECOND, Some(tail));
        assert_eq!(news(&[1, 2]), Some(News::New));
        assert_eq!([news(&[1]), news(&[2]), news(&[1])], [Some(News::New), Some(News::New), Some(News::Again)]);
        state.failed(UpstreamError::Broken);
        assert_eq!(state.came(master(), SECOND, Some(&[1])), Some(News::New));
        assert_eq!(state.came(master(), SECOND, Some(&[1])), Some(News::Same));
    }

    #[tokio::test(start_paused = true)]
    async fn one_fetches_and_all_others_wait_for_that() {
        let flight = flight();
        let landing = flight.take_off().unwrap();
        assert!(flight.take_off().is_none());
        let (first, second) = (flight.page(flight.landed(), PATIENCE), flight.page(flight.landed(), PATIENCE));
        let fetch = async {
            sleep(3 * SECOND).await;
            flight.state().came(master(), SECOND, None);
            drop(landing);
        };
        let (first, second, ()) = tokio::join!(first, second, fetch);
        assert!(Arc::ptr_eq(&first.unwrap(), &second.unwrap()));
        // The next one takes long, and then fails without a word.
        let landing = flight.take_off().unwrap();
        assert!(flight.page(flight.landed(), PATIENCE).await.is_ok());
        let nobody = flight.page(flight.landed(), Duration::ZERO);
        let fails = async {
            sleep(SECOND).await;
            flight.state().failed(UpstreamError::Broken);
            drop(landing);
        };
        assert_eq!(tokio::join!(nobody, fails).0.unwrap_err(), UpstreamError::Broken);
        assert!(flight.take_off().is_some());
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

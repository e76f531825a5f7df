//! What the database says by `pg_notify`, for whoever in this process wants to know.
//!
//! One connection for all channels. A notice says only that there is something to look at: those of a time in which nobody
//! listened are lost, and whoever subscribes is told to look for himself when that time is over.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::sync::broadcast::{self, error::RecvError, error::TryRecvError};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tracing::{info, warn};

/// How long the database may take to answer before it counts as away.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often a connection that says nothing is asked whether it is still there: one that broke without a word never tells.
const PULSE: Duration = Duration::from_secs(10);

/// Until the first attempt to connect again; then twice as long, and so on.
const MIN_BACKOFF: Duration = Duration::from_millis(250);
const MAX_BACKOFF: Duration = Duration::from_secs(5);

/// What a subscriber may be behind. One that is further behind has to look for itself.
const BACKLOG: usize = 1024;

/// What there is to know about a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// From now on nothing is missed; what was said before may have been.
    Listening,
    /// Somebody called `pg_notify` with this payload.
    Said(Arc<str>),
    /// The connection is lost: nothing is heard until `Listening`.
    Away,
}

/// The one connection that listens. Subscribe first, then run it.
#[derive(Debug)]
pub struct Listener {
    database: PgConnectOptions,
    channels: Vec<(&'static str, broadcast::Sender<News>)>,
    pulse: Duration,
}

/// The news of one channel, for one subscriber.
#[derive(Debug)]
pub struct Subscription(broadcast::Receiver<News>);

impl Listener {
    /// On this database.
    pub fn new(database: PgConnectOptions) -> Self {
        Self { database, channels: Vec::new(), pulse: PULSE }
    }

    /// The same, but asking this often whether the connection is still there.
    #[must_use]
    pub fn with_pulse(self, pulse: Duration) -> Self {
        Self { pulse, ..self }
    }

    /// The news of this channel from now on.
    pub fn subscribe(&mut self, channel: &'static str) -> Subscription {
        if let Some((_, sender)) = self.channels.iter().find(|(name, _)| *name == channel) {
            return Subscription(sender.subscribe());
        }
        let (sender, receiver) = broadcast::channel(BACKLOG);
        self.channels.push((channel, sender));
        Subscription(receiver)
    }

    /// Listens, and connects again when the connection is lost.
    pub async fn run(self) -> Infallible {
        let mut backoff = MIN_BACKOFF;
        loop {
            match within(PATIENCE, self.connect()).await {
                Ok(connection) => {
                    info!("listening to the database");
                    backoff = MIN_BACKOFF;
                    self.tell_all(&News::Listening);
                    let Err(error) = self.listen(connection).await;
                    warn!(%error, "the database is not heard any more");
                }
                Err(error) => warn!(%error, "the database cannot be listened to"),
            }
            self.tell_all(&News::Away);
            sleep(backoff).await;
            backoff = (backoff * 2).min(MAX_BACKOFF);
        }
    }

    /// A connection of its own: one of the pool would be missing there for good.
    async fn connect(&self) -> Result<PgListener, sqlx::Error> {
        let pool = PgPoolOptions::new().max_connections(1).connect_with(self.database.clone()).await?;
        let mut connection = PgListener::connect_with(&pool).await?;
        // Connecting again is ours, and so is saying so.
        connection.eager_reconnect(false);
        connection.listen_all(self.channels.iter().map(|(name, _)| *name)).await?;
        Ok(connection)
    }

    async fn listen(&self, mut connection: PgListener) -> Result<Infallible, sqlx::Error> {
        let mut pulse = interval(self.pulse);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                heard = connection.try_recv() => match heard? {
                    Some(notice) => self.tell(notice.channel(), &News::Said(notice.payload().into())),
                    None => return Err(sqlx::Error::Io(io::ErrorKind::ConnectionAborted.into())),
                },
                _ = pulse.tick() => {
                    within(PATIENCE, sqlx::query("select").execute(&mut connection)).await?;
                }
            }
        }
    }

    fn tell(&self, channel: &str, news: &News) {
        let senders = self.channels.iter().filter(|(name, _)| *name == channel);
        // That nobody is there to hear it is no error.
        senders.for_each(|(_, sender)| drop(sender.send(news.clone())));
    }

    fn tell_all(&self, news: &News) {
        self.channels.iter().for_each(|(_, sender)| drop(sender.send(news.clone())));
    }
}

impl Subscription {
    /// Waits for the next one. For ever, once nobody listens any more.
    pub async fn next(&mut self) -> News {
        match self.0.recv().await {
            Ok(news) => news,
            Err(RecvError::Lagged(_)) => News::Listening,
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }

    /// The next one, if it is there already.
    pub fn ready(&mut self) -> Option<News> {
        match self.0.try_recv() {
            Ok(news) => Some(news),
            Err(TryRecvError::Lagged(_)) => Some(News::Listening),
            Err(TryRecvError::Empty | TryRecvError::Closed) => None,
        }
    }
}

async fn within<T>(patience: Duration, answer: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    timeout(patience, answer).await.unwrap_or_else(|_| Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into())))
}

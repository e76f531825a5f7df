//! A live stream that a gateway relays over HLS from an origin of a test's own, and what its players get.

use database_tests::TestDatabase;
use reqwest::Url;
use serde_json::{Value, json};
use streamkeeper_gateway::config::Config;

use crate::origin::Origin;
use crate::relays::{ADMIN_TOKEN, Relaying, go_live, key, streamer};
use crate::{Answer, Gateway, client};

/// The stream, with all that it takes.
#[derive(Debug)]
pub struct Relayed {
    /// Where it comes from.
    pub origin: Origin,
    /// What relays it.
    pub gateway: Gateway,
    /// The same, as operators and players see it.
    pub relaying: Relaying,
    /// The stream's id.
    pub key: String,
    /// Where it lives. Dropped last: the gateway is connected to it.
    _db: TestDatabase,
}

impl Relayed {
    /// From this path of an origin that knows nothing yet.
    pub async fn from(path: &str) -> Self {
        Self::with(path, |_| {}).await
    }

    /// The same, by a gateway that is a little different.
    pub async fn with(path: &str, change: impl FnOnce(&mut Config)) -> Self {
        let (db, origin) = (TestDatabase::new().await, Origin::start().await);
        let gateway = Gateway::start_with(db.options(), true, &[("ADMIN_TOKEN", ADMIN_TOKEN)], |config| {
            // All players are at one address here.
            config.relay.per_address = 100;
            change(config);
        })
        .await;
        let (relaying, key) = (Relaying::at(&gateway.url), key(1));
        go_live(&gateway.url, &streamer(), &key).await;
        let relayed = Self { origin, gateway, relaying, key, _db: db };
        relayed.comes_from(path).await;
        relayed
    }

    /// From now on it comes from this path of the origin.
    pub async fn comes_from(&self, path: &str) {
        self.relaying.relay(&self.key, json!({ "hls": format!("{}{path}", self.origin.url) })).await;
    }

    /// A playback URL.
    ///
    /// # Panics
    /// When it is none.
    pub async fn url(&self) -> Url {
        let url = self.relaying.playback_path(&self.key, "hls").await;
        Url::parse(&self.gateway.url).and_then(|base| base.join(&url)).expect("it is an address")
    }

    /// Somebody opens a playback URL: the playlist, and where it stands.
    pub async fn play(&self) -> Page {
        let page = self.get(&self.url().await).await;
        assert_eq!(page.answer.status, 200, "{}", page.answer.text);
        page
    }

    /// The first playlist that is named there.
    pub async fn play_first(&self) -> Page {
        let master = self.play().await;
        self.get(&master.links()[0]).await
    }

    /// Fetches an address.
    pub async fn get(&self, url: &Url) -> Page {
        Page { url: url.clone(), answer: Answer::of(client().get(url.clone())).await }
    }

    /// What everybody sees of its relay; null: nothing.
    pub async fn listed(&self) -> Value {
        self.relaying.listed(&self.key).await["hls"].clone()
    }

    /// Waits until everybody sees this of it.
    pub async fn until_listed(&self, name: &str, value: Value) {
        while self.listed().await[name] != value {
            tokio::task::yield_now().await;
        }
    }

    /// How the stream is, as its host sees it.
    pub async fn status(&self) -> Value {
        let arguments = json!({ "p_stream_id": self.key });
        self.gateway.rpc("get_stream_status", Some(&streamer()), arguments).await.json()
    }

    /// How many requests of players were refused, for this reason.
    pub async fn refused(&self, why: &str) -> u64 {
        self.relaying.number(&format!("streamkeeper_gateway_relay_refusals_total{{why=\"{why}\"}}")).await
    }

    /// How many requests to the origin brought nothing, for this reason.
    pub async fn failed(&self, cause: &str) -> u64 {
        let name = "streamkeeper_gateway_relay_upstream_failures_total";
        self.relaying.number(&format!("{name}{{kind=\"hls\",cause=\"{cause}\"}}")).await
    }
}

/// Something that was fetched.
#[derive(Debug)]
pub struct Page {
    /// From where.
    pub url: Url,
    /// What came.
    pub answer: Answer,
}

impl Page {
    /// The addresses in a playlist, in lines and in attributes, as a player understands them.
    ///
    /// # Panics
    /// When it is none.
    pub fn links(&self) -> Vec<Url> {
        assert_eq!(self.answer.header("content-type"), "application/vnd.apple.mpegurl", "{}", self.answer.text);
        let of_line = |line: &str| match line.split_once("URI=\"") {
            Some((_, rest)) => rest.split('"').next().map(str::to_owned),
            None => Some(line.to_owned()).filter(|line| !line.is_empty() && !line.starts_with('#')),
        };
        let links = self.answer.text.lines().filter_map(of_line);
        links.map(|link| self.url.join(&link).expect("it is an address")).collect()
    }
}

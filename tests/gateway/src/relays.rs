//! What tests of relays need: streams that are live and relayed, and how everything stands.

use std::time::Duration;

use database_tests::TestDatabase;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use streamkeeper_gateway::config::Config;

use crate::{Answer, Gateway, client, user};

/// What operators of test gateways show.
pub const ADMIN_TOKEN: &str = "the_admin_token_of_the_tests";

/// One gateway, of a test or as a program, as operators and players see it.
#[derive(Debug, Clone)]
pub struct Relaying {
    /// Where it is.
    pub url: String,
    client: reqwest::Client,
}

impl Relaying {
    /// The gateway at this address, to which no connection is kept.
    pub fn at(url: &str) -> Self {
        let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build();
        Self { url: url.to_owned(), client: client.expect("the client builds") }
    }

    /// A request as nobody in particular.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// The answer to an operator's request.
    pub async fn operator(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = self.request(method, path).bearer_auth(ADMIN_TOKEN);
        if let Some(body) = body {
            request = request.json(&body);
        }
        Answer::of_database(request).await
    }

    /// From where this live stream is relayed.
    pub async fn relay(&self, key: &str, upstreams: Value) -> Value {
        let mut body = upstreams;
        body["stream_id"] = json!(key);
        let answer = self.operator(Method::POST, "/streams", Some(body)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["relays"].clone()
    }

    /// What everybody is told of this stream's relays; null: it is not there.
    pub async fn listed(&self, key: &str) -> Value {
        let streams = loop {
            let answer = Answer::of_database(self.request(Method::GET, "/streams")).await;
            // Whoever waits for something asks too often.
            if answer.status != 429 {
                break answer.json();
            }
        };
        let streams = streams.as_array().expect("a list").iter();
        streams.filter(|stream| stream["key"] == key).map(|stream| stream["relays"].clone()).next().unwrap_or_default()
    }

    /// Asks for a playback URL.
    pub async fn playback(&self, key: &str, kind: &str) -> Answer {
        let request = self.request(Method::POST, &format!("/streams/{key}/playback"));
        Answer::of(request.json(&json!({ "kind": kind }))).await
    }

    /// A playback URL, as soon as the relay is there.
    pub async fn playback_path(&self, key: &str, kind: &str) -> String {
        loop {
            let answer = self.playback(key, kind).await;
            if ![429, 503].contains(&answer.status) {
                assert_eq!(answer.status, 200, "{}", answer.text);
                return answer.json()["url"].as_str().expect("a URL is a text").to_owned();
            }
        }
    }

    /// An HLS player that has begun: where its session has its media playlist.
    pub async fn hls_session(&self, playback_path: &str) -> Result<String, Answer> {
        let answer = self.get(playback_path).await;
        if answer.status != 200 {
            return Err(answer);
        }
        let media = answer.text.lines().find(|line| !line.is_empty() && !line.starts_with('#'));
        let (directory, _) = playback_path.split_once("/index.m3u8").expect("it is a playlist");
        Ok(format!("{directory}/{}", media.expect("a master playlist names another one")))
    }

    /// The newest segment of a session's media playlist.
    pub async fn newest_segment(&self, media_path: &str) -> Result<String, Answer> {
        let answer = self.get(media_path).await;
        if answer.status != 200 {
            return Err(answer);
        }
        let segment = answer.text.lines().rfind(|line| !line.is_empty() && !line.starts_with('#'));
        let (directory, _) = media_path.rsplit_once('/').expect("it is a path");
        Ok(format!("{directory}/{}", segment.expect("it has segments")))
    }

    /// What a player is answered here.
    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    /// The sync check.
    pub async fn sync_check(&self, query: &str) -> Value {
        let answer = self.operator(Method::GET, &format!("/debug/sync-check{query}"), None).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    }

    /// One number of `/metrics`, by its name and labels as they stand there.
    pub async fn number(&self, name: &str) -> u64 {
        let page = self.operator(Method::GET, "/metrics", None).await.text;
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let number = line.unwrap_or_else(|| panic!("{name} is not in {page}"));
        number.parse().expect("it is a whole number")
    }
}

/// A gateway in demo mode, whose upstreams may be on this machine, on a database of its own.
pub async fn demo_gateway() -> (TestDatabase, Gateway, Relaying) {
    let db = TestDatabase::new().await;
    // What follows, follows from what was heard.
    let hears = |config: &mut Config| config.relay.look = Duration::from_secs(3_600);
    let gateway = Gateway::start_with(db.options(), true, &[("ADMIN_TOKEN", ADMIN_TOKEN)], hears).await;
    let relaying = Relaying::at(&gateway.url);
    (db, gateway, relaying)
}

/// This user takes a new stream live, by its id.
pub async fn go_live(url: &str, token: &str, key: &str) {
    let start = client().post(format!("{url}/rest/v1/rpc/start_stream")).bearer_auth(token);
    let answer = Answer::of_database(start.json(&json!({ "p_stream_id": key, "p_title": "Concert" }))).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

/// The token of the one whose streams these are.
pub fn streamer() -> String {
    user("streamer")
}

/// The id of a stream of tests.
pub fn key(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

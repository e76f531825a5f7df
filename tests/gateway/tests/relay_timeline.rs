//! The seed's timeline, replayed: a stream ends while clients are connected. What it was then: gone from `/streams`, and still
//! running. What it is now: `/streams`, both relays, the players and the sync check agree.

use std::time::{Duration, Instant};

use database_tests::TestDatabase;
use gateway_tests::postgres::Postgres;
use gateway_tests::program::{serving, signal};
use gateway_tests::relays::{ADMIN_TOKEN, Relaying, demo_gateway, go_live, key, streamer};
use gateway_tests::{Answer, Gateway, SECRET, client, run_sql};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::process::Child;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long it may take until all agree. On a machine that does nothing else it is far less than a second; without a notice it
/// would be an hour.
const PATIENCE: Duration = Duration::from_secs(60);

const TS_PLAYERS: usize = 3;
const HLS_PLAYERS: usize = 2;

/// A gateway with its own origin.
struct Stage<G> {
    db: TestDatabase,
    gateway: G,
    relaying: Relaying,
}

/// Who watches one stream.
struct Players {
    ts: Vec<JoinHandle<()>>,
    hls: Vec<String>,
}

impl Stage<Child> {
    /// The program as somebody runs it.
    async fn new(variables: &[(&str, &str)]) -> Self {
        let db = TestDatabase::new().await;
        let url = db.url();
        let usual = [
            ("DATABASE_URL", &*url),
            ("JWT_SECRET", SECRET),
            ("BIND", "127.0.0.1:0"),
            ("ADMIN_TOKEN", ADMIN_TOKEN),
            ("RUST_LOG", "warn,streamkeeper_gateway=info"),
        ];
        let (gateway, url, _) = serving(&["serve", "--demo"], &[&usual, variables].concat()).await;
        Self { db, gateway, relaying: Relaying::at(&url) }
    }
}

impl Stage<Gateway> {
    /// One that knows nothing but what it is told: it does not look by itself.
    async fn that_hears() -> Self {
        let (db, gateway, relaying) = demo_gateway().await;
        Self { db, gateway, relaying }
    }
}

impl<G> Stage<G> {
    /// A live stream that is relayed both ways.
    async fn relayed(&self, number: usize) -> String {
        let key = key(number);
        go_live(&self.relaying.url, &streamer(), &key).await;
        let origin = format!("{}/demo/origin", self.relaying.url);
        let upstreams = json!({ "hls": format!("{origin}/hls/{key}/index.m3u8"), "ts": format!("{origin}/ts/{key}") });
        self.relaying.relay(&key, upstreams).await;
        key
    }

    /// Players of both kinds, each of which has got something of the stream.
    async fn players(&self, key: &str) -> Players {
        let mut players = Players { ts: Vec::new(), hls: Vec::new() };
        for _ in 0..TS_PLAYERS {
            let path = self.relaying.playback_path(key, "ts").await;
            let mut response = self.relaying.request(Method::GET, &path).send().await.unwrap();
            assert_eq!(response.status(), 200);
            let first = response.chunk().await.unwrap().unwrap();
            assert_eq!(first[0], 0x47, "a packet");
            players.ts.push(tokio::spawn(to_the_end(response)));
        }
        for _ in 0..HLS_PLAYERS {
            let path = self.relaying.playback_path(key, "hls").await;
            let media = self.relaying.hls_session(&path).await.unwrap();
            let segment = self.relaying.newest_segment(&media).await.unwrap();
            let response = self.relaying.request(Method::GET, &segment).send().await.unwrap();
            assert_eq!((response.status().as_u16(), response.bytes().await.unwrap()[0]), (200, 0x47));
            players.hls.push(media);
        }
        let relays = self.relaying.listed(key).await;
        assert_eq!((&relays["ts"]["clients"], &relays["hls"]["clients"]), (&json!(TS_PLAYERS), &json!(HLS_PLAYERS)));
        players
    }

    /// Waits until everything agrees that it is over, and that nothing is left over.
    async fn agrees(&self, key: &str, players: Players) {
        for player in players.ts {
            player.await.unwrap();
        }
        for media in players.hls {
            let answer = self.until(&media, |status| status == 410).await;
            assert_eq!(answer.error(), (410, "RELAY410".to_owned()));
        }
        assert_eq!(self.relaying.listed(key).await, json!(null));
        for kind in ["hls", "ts"] {
            assert_eq!(self.relaying.playback(key, kind).await.status, 410);
        }
        let report = self.relaying.sync_check("").await;
        assert_eq!(report["discrepancies"]["has_issues"], false, "{report}");
        for part in ["state", "database"] {
            assert!(!names(&report[part]["stream_keys"], key), "{report}");
        }
        for part in ["ts_proxy", "hls_proxy"] {
            assert!(!names(&report[part]["session_keys"], key), "{report}");
        }
    }

    async fn until(&self, path: &str, is_so: impl Fn(u16) -> bool) -> Answer {
        loop {
            let answer = self.relaying.get(path).await;
            if is_so(answer.status) {
                return answer;
            }
        }
    }

    async fn rpc(&self, function: &str, arguments: Value) {
        let url = format!("{}/rest/v1/rpc/{function}", self.relaying.url);
        let answer = Answer::of_database(client().post(url).bearer_auth(streamer()).json(&arguments)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
}

fn names(keys: &Value, key: &str) -> bool {
    keys.as_array().unwrap().contains(&json!(key))
}

async fn to_the_end(mut response: Response) {
    while let Ok(Some(_)) = response.chunk().await {}
}

#[tokio::test]
async fn whatever_ends_a_stream_ends_it_everywhere_with_its_clients_connected() {
    let stage = Stage::that_hears().await;
    stage.db.sweeper_is_alive().await;
    let bystander = stage.relayed(0).await;
    let mut bystanders = stage.players(&bystander).await;
    for (number, how) in
        ["operator", "host", "all of the host's", "lease", "by hand in the database", "deleted"].into_iter().enumerate()
    {
        let key = stage.relayed(number + 1).await;
        let players = stage.players(&key).await;
        let before = Instant::now();
        match how {
            "operator" => {
                let path = format!("/streams/{key}");
                assert_eq!(stage.relaying.operator(Method::DELETE, &path, None).await.json()["status"], "ended");
            }
            "host" => stage.rpc("end_stream_comprehensive", json!({ "p_stream_id": key })).await,
            "all of the host's" => {
                // But not the bystander.
                let free = format!("update livestreams set streamer_id = 'somebody else' where id = '{bystander}'");
                run_sql(&stage.db, &free).await;
                stage.rpc("end_stream_comprehensive", json!({ "p_streamer_id": "streamer" })).await;
            }
            "lease" => {
                let lapse =
                    format!("select streamkeeper.hold('{key}', 'page', 0); select pg_sleep(0.001); select sweep()");
                run_sql(&stage.db, &lapse).await;
            }
            "by hand in the database" => {
                run_sql(
                    &stage.db,
                    &format!("update livestreams set status = 'ended', ended_at = now() where id = '{key}'"),
                )
                .await;
            }
            _ => run_sql(&stage.db, &format!("delete from livestreams where id = '{key}'")).await,
        }
        assert!(timeout(PATIENCE, stage.agrees(&key, players)).await.is_ok(), "{how}: not all agree that it is over");
        println!("{how}: {} ms until all agreed", before.elapsed().as_millis());
    }
    // Nobody else's clients were let go.
    for player in &mut bystanders.ts {
        assert!(!player.is_finished());
    }
    for media in &bystanders.hls {
        let answer = stage.relaying.get(media).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
}

#[tokio::test]
async fn an_upstream_that_loops_or_stands_still_ends_its_stream_everywhere_and_says_why() {
    let stage = Stage::new(&[("RELAY_STALL_SECS", "5")]).await;
    for (number, (fault, reason)) in
        [("loops", "upstream_loops"), ("stalled", "upstream_stalled")].into_iter().enumerate()
    {
        let key = stage.relayed(number).await;
        let players = stage.players(&key).await;
        let request = stage.relaying.request(Method::POST, &format!("/demo/origin/{key}"));
        assert_eq!(Answer::of(request.json(&json!({ "fault": fault }))).await.status, 200);
        // The transport stream's players read on; those of the playlist ask on.
        for media in &players.hls {
            stage.until(media, |status| status == 410).await;
        }
        stage.agrees(&key, players).await;
        let ask = json!({ "p_stream_id": key });
        let url = format!("{}/rest/v1/rpc/get_stream_status", stage.relaying.url);
        let status = Answer::of_database(client().post(url).bearer_auth(streamer()).json(&ask)).await.json();
        assert_eq!((&status["status"], &status["end_reason"]), (&json!("ended"), &json!(reason)));
    }
}

#[tokio::test]
async fn an_upstream_that_is_lost_degrades_its_stream_and_ends_nothing() {
    let stage = Stage::new(&[]).await;
    let key = stage.relayed(1).await;
    let players = stage.players(&key).await;
    let fault = |fault: Value| {
        let request = stage.relaying.request(Method::POST, &format!("/demo/origin/{key}"));
        Answer::of(request.json(&json!({ "fault": fault })))
    };
    assert_eq!(fault(json!("down")).await.status, 200);
    let state = |kind: &'static str, state: &'static str| {
        let (relaying, key, media) = (&stage.relaying, &key, &players.hls[0]);
        async move {
            loop {
                // Somebody has to ask for a playlist for its loss to be noticed.
                relaying.get(media).await;
                let relay = relaying.listed(key).await[kind].clone();
                if relay["state"] == state {
                    return relay["reason"].clone();
                }
            }
        }
    };
    for kind in ["ts", "hls"] {
        let reason = state(kind, "degraded").await;
        assert!(reason.as_str().unwrap().starts_with("upstream_"), "{reason}");
        assert_eq!(
            stage.relaying.number(&format!("streamkeeper_gateway_relays{{kind=\"{kind}\",state=\"degraded\"}}")).await,
            1
        );
    }
    assert_eq!(fault(json!(null)).await.status, 200);
    for kind in ["ts", "hls"] {
        assert_eq!(state(kind, "ok").await, json!(null));
    }
    assert!(players.ts.iter().all(|player| !player.is_finished()));
}

#[tokio::test]
async fn a_gateway_that_is_asked_to_stop_lets_all_players_go_and_ends_no_stream() {
    let mut stage = Stage::new(&[]).await;
    let key = stage.relayed(1).await;
    let players = stage.players(&key).await;
    signal(&stage.gateway, "-TERM").await;
    for player in players.ts {
        player.await.unwrap();
    }
    // Sooner than by its patience: nobody was waited for.
    let stopped = timeout(Duration::from_secs(20), stage.gateway.wait()).await;
    assert!(stopped.unwrap().unwrap().success());
    let live = stage.db.rows("select status from livestreams").await;
    assert_eq!(live, json!([{ "status": "live" }]));
}

#[tokio::test]
async fn while_the_database_is_away_players_go_on_and_what_ended_meanwhile_is_over_when_it_is_back() {
    let mut postgres = Postgres::start("relay").await;
    let gateway = Gateway::start_with(postgres.options(), true, &[("ADMIN_TOKEN", ADMIN_TOKEN)], |config| {
        config.connect_timeout = Duration::from_secs(1);
    });
    let gateway = gateway.await;
    let relaying = Relaying::at(&gateway.url);
    let key = key(1);
    go_live(&gateway.url, &streamer(), &key).await;
    relaying.relay(&key, json!({ "ts": format!("{}/demo/origin/ts/camera", gateway.url) })).await;
    let path = relaying.playback_path(&key, "ts").await;
    let mut player = relaying.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(player.status(), 200);

    postgres.kill();
    // The gateway has noticed, and has nothing to say to it.
    while Answer::of(relaying.request(Method::GET, "/streams")).await.status != 503 {}
    for _ in 0..20 {
        player.chunk().await.unwrap().unwrap();
    }
    // Others may still come: what is live was known.
    let path = relaying.playback_path(&key, "ts").await;
    let mut other = relaying.request(Method::GET, &path).send().await.unwrap();
    other.chunk().await.unwrap().unwrap();

    postgres.run().await;
    let end = format!("select end_stream_comprehensive('{key}')");
    sqlx::raw_sql(sqlx::AssertSqlSafe(end)).execute(&mut postgres.connect().await).await.unwrap();
    tokio::join!(to_the_end(player), to_the_end(other));
    while relaying.playback(&key, "ts").await.status != 410 {}
}

/// The seed's third suite: as fast as can be, and at the end everybody knows the same keys.
#[tokio::test]
async fn rapid_starts_and_stops_leave_the_same_keys_everywhere() {
    let stage = Stage::new(&[]).await;
    let mut players = Vec::new();
    for round in 0..20 {
        let key = stage.relayed(round).await;
        let path = stage.relaying.playback_path(&key, "ts").await;
        let response = stage.relaying.request(Method::GET, &path).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let player = tokio::spawn(to_the_end(response));
        // Every other one is over before it has really begun.
        if round % 2 == 0 {
            stage.rpc("end_stream_comprehensive", json!({ "p_stream_id": key })).await;
            player.await.unwrap();
        } else {
            players.push((key, player));
        }
    }
    let keys: Vec<_> = players.iter().map(|(key, _)| json!(key)).collect();
    let report = stage.relaying.sync_check("").await;
    assert_eq!(report["discrepancies"]["has_issues"], false, "{report}");
    for (part, name) in [
        ("state", "stream_keys"),
        ("database", "stream_keys"),
        ("ts_proxy", "session_keys"),
        ("hls_proxy", "session_keys"),
    ] {
        assert_eq!(report[part][name], json!(keys), "{part}");
    }
    let listed = Answer::of_database(stage.relaying.request(Method::GET, "/streams")).await.json();
    let mut listed: Vec<_> = listed.as_array().unwrap().iter().map(|stream| stream["key"].clone()).collect();
    listed.reverse();
    assert_eq!(listed, keys, "the newest first");
    assert_eq!(report["clients"], json!({ "hls": 0, "ts": keys.len() }));
}

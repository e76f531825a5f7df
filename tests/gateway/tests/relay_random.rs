//! A thousand random things that happen to relays, many at the same time, with real upstreams: at every quiet point all of it
//! is in step, and nothing has leaked: no descriptor, no task, no byte of a stream.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use database_tests::{Random, TestDatabase, is_soak};
use gateway_tests::program::serving;
use gateway_tests::relays::{ADMIN_TOKEN, Relaying, go_live, key};
use gateway_tests::{Answer, Gateway, SECRET, client, user};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::process::Child;
use tokio::time::timeout;

/// Who each has a stream, and does things to it, all at the same time.
const HOSTS: usize = 8;

/// What each does between two quiet points.
const STEPS: usize = 16;

/// How long something may take to be gone. On a machine that does nothing else it is an instant.
const PATIENCE: Duration = Duration::from_secs(120);

/// The gateway under test, as a program of its own, and an origin that is another one.
struct Stage {
    _db: TestDatabase,
    program: Child,
    relaying: Relaying,
    origin: Gateway,
    database_port: u16,
}

/// A host, their stream, and everybody who watches it.
struct Host {
    number: usize,
    random: Random,
    streams: usize,
    live: Option<Stream>,
}

struct Stream {
    key: String,
    kinds: BTreeSet<&'static str>,
    ts: Vec<Response>,
    hls: Vec<String>,
}

/// What there is of a process that could leak.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Held {
    descriptors: usize,
    tasks: u64,
    relay_tasks: u64,
    clients: u64,
    bytes: u64,
}

impl Stage {
    async fn new() -> Self {
        let db = TestDatabase::new().await;
        let url = db.url();
        let variables = [
            ("DATABASE_URL", &*url),
            ("JWT_SECRET", SECRET),
            ("BIND", "127.0.0.1:0"),
            ("ADMIN_TOKEN", ADMIN_TOKEN),
            ("PROXY_HOPS", "1"),
            // Nothing ends but what is ended.
            ("RELAY_STALL_SECS", "3600"),
        ];
        let (program, url, _) = serving(&["serve", "--demo"], &variables).await;
        let database_port = db.options().get_port();
        let origin = Gateway::without_database(true, &[]).await;
        Self { _db: db, program, relaying: Relaying::at(&url), origin, database_port }
    }

    /// What the program holds now, but for its connections to the database: a pool keeps those.
    async fn held(&self) -> Held {
        let number = async |name: &str| {
            let name = format!("streamkeeper_gateway_{name}");
            match name.strip_suffix('*') {
                None => self.relaying.number(&name).await,
                Some(name) => {
                    self.relaying.number(&format!("{name}{{kind=\"hls\"}}")).await
                        + self.relaying.number(&format!("{name}{{kind=\"ts\"}}")).await
                }
            }
        };
        Held {
            tasks: number("tasks").await,
            relay_tasks: number("relay_tasks*").await,
            clients: number("relay_clients*").await,
            bytes: number("relay_bytes*").await,
            descriptors: self.descriptors(),
        }
    }

    fn descriptors(&self) -> usize {
        let process = format!("/proc/{}", self.program.id().expect("it runs"));
        let to_database: BTreeSet<String> = fs::read_to_string(format!("{process}/net/tcp"))
            .expect("this is a Linux")
            .lines()
            .filter_map(|line| {
                let mut fields = line.split_whitespace();
                let (_, port) = fields.nth(2)?.split_once(':')?;
                let inode = fields.nth(6)?;
                (u16::from_str_radix(port, 16) == Ok(self.database_port)).then(|| format!("socket:[{inode}]"))
            })
            .collect();
        let open = fs::read_dir(format!("{process}/fd")).expect("it is our child");
        // One that is closed while we look is none.
        let open = open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
        open.filter(|file| !to_database.contains(&*file.to_string_lossy())).count()
    }

    /// What it holds once it holds nothing of relays, and no less a moment later.
    async fn settled(&self) -> Held {
        let settled = timeout(PATIENCE, async {
            let mut before = self.held().await;
            loop {
                tokio::time::sleep(Duration::from_millis(500)).await;
                let held = self.held().await;
                if held == before && (held.relay_tasks, held.clients, held.bytes) == (0, 0, 0) {
                    return held;
                }
                before = held;
            }
        });
        settled.await.expect("nothing is relayed, and something goes on")
    }

    /// Waits until the program holds no more than this.
    async fn until_it_holds_no_more_than(&self, calm: &Held) {
        let mut held = self.held().await;
        let calmed = timeout(PATIENCE, async {
            while held.descriptors > calm.descriptors
                || held.tasks > calm.tasks
                || (held.relay_tasks, held.clients, held.bytes) != (0, 0, 0)
            {
                held = self.held().await;
            }
        });
        assert!(calmed.await.is_ok(), "it holds {held:?}, and {calm:?} when nothing is relayed");
    }

    /// Ends it in one of several ways.
    async fn end(&self, host: &mut Host) {
        let Some(stream) = host.live.take() else { return };
        let by_id = json!({ "p_stream_id": stream.key });
        match host.random.below(3) {
            0 => drop(self.relaying.operator(Method::DELETE, &format!("/streams/{}", stream.key), None).await),
            1 => self.rpc(host, "end_stream_comprehensive", by_id).await,
            _ => self.rpc(host, "end_stream_on_user_disconnect", json!({ "p_streamer_id": host.name() })).await,
        }
        let all_gone = async {
            for mut player in stream.ts {
                while let Ok(Some(_)) = player.chunk().await {}
            }
            for media in stream.hls {
                while self.relaying.get(&media).await.status != 410 {}
            }
        };
        assert!(timeout(PATIENCE, all_gone).await.is_ok(), "{} has ended, and is still to be seen", stream.key);
    }

    async fn rpc(&self, host: &Host, function: &str, arguments: Value) {
        let url = format!("{}/rest/v1/rpc/{function}", self.relaying.url);
        let token = user(&host.name());
        let answer = Answer::of_database(client().post(url).bearer_auth(token).json(&arguments)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }

    async fn begin(&self, host: &mut Host) {
        host.streams += 1;
        let key = key(host.number * 10_000 + host.streams);
        go_live(&self.relaying.url, &user(&host.name()), &key).await;
        let kinds = [&["hls"][..], &["ts"], &["hls", "ts"]][host.random.below(3) as usize];
        self.relaying.relay(&key, self.upstreams(host, kinds, "")).await;
        host.live = Some(Stream { key, kinds: kinds.iter().copied().collect(), ts: Vec::new(), hls: Vec::new() });
    }

    fn upstreams(&self, host: &Host, kinds: &[&str], query: &str) -> Value {
        let of = |kind: &&str| {
            let file = if *kind == "hls" { "/index.m3u8" } else { "" };
            let url = format!("{}/demo/origin/{kind}/{}{file}{query}", self.origin.url, host.name());
            ((*kind).to_owned(), json!(url))
        };
        Value::Object(kinds.iter().map(of).collect())
    }

    async fn step(&self, host: &mut Host) {
        let Some(stream) = &mut host.live else { return self.begin(host).await };
        match host.random.below(12) {
            0 => self.end(host).await,
            1..5 if stream.kinds.contains("ts") => {
                let path = self.playback_path(&stream.key, "ts", host.number).await;
                let request = self.relaying.request(Method::GET, &path).header("x-forwarded-for", address(host.number));
                let mut player = request.send().await.unwrap();
                assert_eq!(player.status(), 200);
                // An origin that is down says nothing for a while.
                let _ = timeout(Duration::from_millis(host.random.below(200)), player.chunk()).await;
                stream.ts.push(player);
            }
            5..8 if stream.kinds.contains("hls") => {
                let path = self.playback_path(&stream.key, "hls", host.number).await;
                if let Ok(media) = self.relaying.hls_session(&path).await {
                    if let Ok(segment) = self.relaying.newest_segment(&media).await {
                        drop(self.relaying.request(Method::GET, &segment).send().await.unwrap());
                    }
                    stream.hls.push(media);
                }
            }
            8 => drop(stream.ts.pop()),
            9 => {
                // Its successor's clients are others.
                let kind = *stream.kinds.first().unwrap();
                match kind {
                    "ts" => stream.ts.clear(),
                    _ => stream.hls.clear(),
                }
                let (key, turn) = (stream.key.clone(), host.random.below(1 << 40));
                self.relaying.relay(&key, self.upstreams(host, &[kind], &format!("?{turn}"))).await;
            }
            _ => {
                let fault = [json!("down"), json!(null), json!(null)][host.random.below(3) as usize].clone();
                let url = format!("{}/demo/origin/{}", self.origin.url, host.name());
                assert_eq!(Answer::of(client().post(url).json(&json!({ "fault": fault }))).await.status, 200);
            }
        }
    }

    async fn playback_path(&self, key: &str, kind: &str, number: usize) -> String {
        let request = || {
            let request = self.relaying.request(Method::POST, &format!("/streams/{key}/playback"));
            Answer::of(request.header("x-forwarded-for", address(number)).json(&json!({ "kind": kind })))
        };
        loop {
            let answer = request().await;
            if answer.status != 503 {
                assert_eq!(answer.status, 200, "{}", answer.text);
                return answer.json()["url"].as_str().unwrap().to_owned();
            }
        }
    }

    /// Nothing is under way: what everybody says is what the hosts know.
    async fn is_in_step(&self, hosts: &[Host]) {
        let report = self.relaying.sync_check("").await;
        assert_eq!(report["discrepancies"]["has_issues"], false, "{report}");
        let live: BTreeSet<&str> = hosts.iter().filter_map(|host| Some(&*host.live.as_ref()?.key)).collect();
        assert_eq!((&report["state"]["stream_keys"], &report["database"]["stream_keys"]), (&json!(live), &json!(live)));
        for kind in ["ts", "hls"] {
            let of_kind = |host: &&Host| host.live.as_ref().is_some_and(|stream| stream.kinds.contains(kind));
            let live: BTreeSet<_> = hosts.iter().filter(of_kind).map(|host| &host.live.as_ref().unwrap().key).collect();
            assert_eq!(report[format!("{kind}_proxy")]["session_keys"], json!(live), "{kind}");
        }
        // Whoever has left is gone, after a moment; a player that takes nothing is dropped before he has left.
        let watching = hosts.iter().filter_map(|host| Some(host.live.as_ref()?.ts.len() as u64)).sum::<u64>();
        let gone =
            async { while self.relaying.number("streamkeeper_gateway_relay_clients{kind=\"ts\"}").await > watching {} };
        assert!(timeout(PATIENCE, gone).await.is_ok(), "more clients than the {watching} that there are");
    }
}

impl Host {
    fn name(&self) -> String {
        format!("host-{}", self.number)
    }
}

/// Each host's players are somewhere else: no address may have them all.
fn address(number: usize) -> String {
    format!("192.0.2.{number}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_thousand_random_operations_nothing_is_out_of_step_and_nothing_has_leaked() {
    let rounds = if is_soak() { 80 } else { 8 };
    let stage = Arc::new(Stage::new().await);
    let mut hosts: Vec<Host> =
        (0..HOSTS).map(|number| Host { number, random: Random::new(number as u64), streams: 0, live: None }).collect();
    // What is made when it is used first is no leak: the round before the first does all that there is.
    let mut calm = None;
    for round in 0..=rounds {
        let mut at_once = Vec::new();
        for mut host in std::mem::take(&mut hosts) {
            let stage = Arc::clone(&stage);
            at_once.push(tokio::spawn(async move {
                for _ in 0..STEPS {
                    stage.step(&mut host).await;
                }
                host
            }));
        }
        for host in at_once {
            hosts.push(host.await.unwrap());
        }
        stage.is_in_step(&hosts).await;
        for host in &mut hosts {
            stage.end(host).await;
        }
        stage.is_in_step(&hosts).await;
        match &calm {
            None => calm = Some(stage.settled().await),
            Some(calm) => stage.until_it_holds_no_more_than(calm).await,
        }
        println!("round {round}: {:?}", stage.held().await);
    }
}

//! What all of these tests start from: a sweeper and nodes that have been there for an hour, and time that passes when told.

use std::collections::BTreeSet;

use database_tests::{Caller, TestDatabase, Who};
use serde_json::{Value, json};
use sqlx::postgres::PgListener;
use sqlx::{AssertSqlSafe, raw_sql};

/// The event that most of them are about, of "host".
pub const EVENT: &str = "00000000-0000-4000-8000-00000000000e";

pub struct Stage {
    pub db: TestDatabase,
    service: Caller,
    alive: BTreeSet<&'static str>,
}

impl Stage {
    /// One event, and two nodes.
    pub async fn new() -> Self {
        Self::with("").await
    }

    /// The same, with these further arguments of `create_event`.
    pub async fn with(arguments: &str) -> Self {
        let db = TestDatabase::new().await;
        let service = db.caller(Who::Service).await;
        let mut stage = Self { db, service, alive: BTreeSet::new() };
        for node in ["a", "b"] {
            stage.boot(node).await;
        }
        stage.run("update streamkeeper.nodes set alone_at = now() - interval '1 hour'").await;
        stage.user("host", &format!("create_event('Concert', '{EVENT}' {arguments})")).await;
        stage
    }

    /// As the owner of the tables.
    pub async fn run(&self, sql: &str) {
        raw_sql(AssertSqlSafe(sql.replace("EVENT", EVENT))).execute(&mut self.db.owner().await).await.unwrap();
    }

    /// A number, or whatever it is, that the owner of the tables sees.
    pub async fn see(&mut self, expression: &str) -> Value {
        self.service.call(&expression.replace("EVENT", EVENT)).await.unwrap()
    }

    /// What a user is answered.
    pub async fn user(&self, who: &'static str, call: &str) -> Value {
        self.db.caller(Who::User(who)).await.call(&call.replace("EVENT", EVENT)).await.unwrap()
    }

    /// What the service is answered, by a database that has been alive for an hour.
    pub async fn service(&mut self, call: &str) -> Value {
        self.service_may_fail(call).await.unwrap()
    }

    pub async fn service_may_fail(&mut self, call: &str) -> Result<Value, sqlx::Error> {
        self.keep_alive().await;
        self.service.call(&call.replace("EVENT", EVENT)).await
    }

    /// However slow the machine is: the last run, and the last heartbeats, are of now.
    async fn keep_alive(&self) {
        let alive: Vec<String> = self.alive.iter().map(|node| format!("'{node}'")).collect();
        self.run(&format!(
            "update streamkeeper.sweeper set last_run_at = clock_timestamp(),
               alive_since = least(alive_since, clock_timestamp() - interval '1 hour');
             update streamkeeper.nodes set heartbeat_at = clock_timestamp() where id in ({})",
            if alive.is_empty() { "null".to_owned() } else { alive.join(",") }
        ))
        .await;
    }

    /// A node comes.
    pub async fn boot(&mut self, node: &'static str) {
        self.service.call(&format!("node_heartbeat('{node}')")).await.unwrap();
        self.alive.insert(node);
    }

    /// A node was heard last so many seconds ago, and not since.
    pub async fn kill(&mut self, node: &'static str, seconds: f64) {
        self.alive.remove(node);
        self.run(&format!(
            "update streamkeeper.nodes set heartbeat_at = clock_timestamp() - interval '{seconds} s' where id = '{node}'"
        ))
        .await;
    }

    pub async fn first(&mut self, node: &str) -> Value {
        self.service(&format!("event_viewer_first('EVENT', '{node}')")).await
    }

    pub async fn last(&mut self, node: &str) -> Value {
        self.service(&format!("event_viewer_last('EVENT', '{node}')")).await
    }

    /// How many events have ended by this sweep, and how many were held back.
    pub async fn sweep(&mut self) -> (u64, u64) {
        let swept = self.service("sweep_events()").await;
        (swept["ended"].as_u64().unwrap(), swept["held_back"].as_u64().unwrap())
    }

    /// So much time passes at the event, and for what was said of it.
    pub async fn pass(&self, seconds: f64) {
        self.run(&format!(
            "update events set
               created_at = created_at - d, started_at = started_at - d, ended_at = ended_at - d,
               starts_at = starts_at - d, scheduled_end_at = scheduled_end_at - d,
               viewers_gone_since = viewers_gone_since - d, host_gone_since = host_gone_since - d
             from (select interval '{seconds} s' as d) t;
             update notifications set created_at = created_at - interval '{seconds} s'"
        ))
        .await;
    }

    /// The event's status and generation, and by what it has ended.
    pub async fn event(&mut self) -> (String, i64, Option<String>) {
        let event = self.see("get_event('EVENT')").await;
        let text = |key: &str| event[key].as_str().map(str::to_owned);
        (text("status").unwrap(), event["generation"].as_i64().unwrap(), text("ended_by"))
    }

    /// The same, as it is written in an assertion.
    pub async fn is(&mut self, status: &str, generation: i64) {
        let (is, at, by) = self.event().await;
        assert_eq!((is.as_str(), at), (status, generation), "{by:?}");
    }

    /// Of which generations the host is told, and in what state that is.
    pub async fn notices(&mut self) -> Value {
        self.see("(select coalesce(json_agg(json_build_array(n.generation, n.state) order by n.generation), '[]') from notifications n)").await
    }

    /// Whoever listens from now on.
    pub async fn listen(&self) -> Signals {
        let pool = sqlx::PgPool::connect(&self.db.url()).await.unwrap();
        let mut listener = PgListener::connect_with(&pool).await.unwrap();
        listener.listen("streamkeeper_events").await.unwrap();
        Signals { listener, owner: self.db.owner().await }
    }
}

pub struct Signals {
    listener: PgListener,
    owner: sqlx::PgConnection,
}

impl Signals {
    /// All that was said until now, with its generation.
    pub async fn heard(&mut self) -> Vec<(String, i64)> {
        raw_sql("select pg_notify('streamkeeper_events', '{\"signal\": \"now\"}')")
            .execute(&mut self.owner)
            .await
            .unwrap();
        let mut heard = Vec::new();
        loop {
            let payload: Value = serde_json::from_str(self.listener.recv().await.unwrap().payload()).unwrap();
            if payload["signal"] == "now" {
                return heard;
            }
            assert!(payload["at"].is_string() && payload["event_id"] == json!(EVENT), "{payload}");
            heard.push((payload["signal"].as_str().unwrap().to_owned(), payload["generation"].as_i64().unwrap()));
        }
    }
}

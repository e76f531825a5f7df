//! A gateway on a port of its own, in front of a database of its own, and tokens to call it with.

pub mod doctor;
pub mod hls;
pub mod mail_server;
pub mod origin;
pub mod postgres;
pub mod program;
pub mod provider;
pub mod relays;
pub mod site;
pub mod sse;
pub mod viewer;

use std::fmt;
use std::time::Duration;

use database_tests::{TestDatabase, server_options};
use jsonwebtoken::{EncodingKey, Header, encode};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, raw_sql};
use streamkeeper_gateway::config::Config;
use streamkeeper_gateway::serve;
use tokio::net::TcpListener;
use tokio::runtime::{self, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The secret that test gateways verify with.
pub const SECRET: &str = "the secret of the tests, which is long enough";

/// The anon key of test gateways: as new Supabase projects have it, not a token.
pub const ANON_KEY: &str = "sb_publishable_test";

/// A running gateway, on a thread of its own: a test that drops its database blocks, and a gateway that cannot go on with a
/// handshake keeps the database from being dropped until PostgreSQL gives it up after a minute.
pub struct Gateway {
    /// Where it is: `http://127.0.0.1:…`
    pub url: String,
    client: reqwest::Client,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<std::io::Result<()>>,
    runtime: Option<Runtime>,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Waiting for it is not possible here, and not necessary.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Gateway {
    /// On this database, with these variables on top of the ones that every gateway needs.
    pub async fn start(database: PgConnectOptions, demo: bool, variables: &[(&str, &str)]) -> Self {
        Self::start_with(database, demo, variables, |_| {}).await
    }

    /// On this database, with these functions on the list instead of the usual ones.
    pub async fn with_functions(database: PgConnectOptions, functions: &'static [&'static str]) -> Self {
        Self::start_with(database, false, &[], |config| config.functions = functions).await
    }

    /// On this database, cleaning up this often.
    pub async fn sweeping(database: PgConnectOptions, every: Duration) -> Self {
        Self::start_with(database, false, &[], |config| config.sweep_interval = every).await
    }

    /// On this database, finding out this often whether the day's work is due.
    pub async fn with_clock(database: PgConnectOptions, every: Duration) -> Self {
        Self::start_with(database, false, &[], |config| config.cron_interval = every).await
    }

    /// In front of a port that was free a moment ago and that nobody listens on.
    pub async fn without_database(demo: bool, variables: &[(&str, &str)]) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|taken| taken.local_addr());
        let database = server_options().host("127.0.0.1").port(port.expect("there is a free port").port());
        Self::start_with(database, demo, variables, |config| config.connect_timeout = Duration::from_millis(100)).await
    }

    /// On this database, with these variables, and with what no variable says.
    pub async fn start_with(
        database: PgConnectOptions,
        demo: bool,
        variables: &[(&str, &str)],
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let usual = [("DATABASE_URL", "postgres://localhost/"), ("JWT_SECRET", SECRET), ("ANON_KEY", ANON_KEY)];
        let all: Vec<_> = usual.iter().chain(variables).copied().collect();
        let lookup = |name: &str| all.iter().rfind(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        let mut config = Config::from_variables(demo, &lookup).expect("the variables are right");
        config.database = database;
        // A machine that is busy with tests is slow, and that is none of their business.
        config.connect_timeout = Duration::from_secs(60);
        change(&mut config);

        let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("there is room for a thread");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        listener.set_nonblocking(true).expect("it can be polled");
        let address = listener.local_addr().expect("it is bound");
        let (stop, stopped) = oneshot::channel();
        let served = runtime.spawn(async move {
            let listener = TcpListener::from_std(listener)?;
            serve(listener, config, async move {
                let _ = stopped.await;
            })
            .await
        });
        Self { url: format!("http://{address}"), client: client(), stop: Some(stop), served, runtime: Some(runtime) }
    }

    /// Asks it to stop, the way a signal does.
    pub fn ask_to_stop(&mut self) {
        drop(self.stop.take());
    }

    /// Waits until it has stopped.
    pub async fn stopped(mut self) -> std::io::Result<()> {
        (&mut self.served).await.expect("it did not panic")
    }

    /// A request, to be filled in.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// Calls a function with a token (or without) and waits for the answer.
    pub async fn rpc(&self, function: &str, token: Option<&str>, arguments: Value) -> Answer {
        let mut request = self.request(Method::POST, &format!("/rest/v1/rpc/{function}")).json(&arguments);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        Answer::of(request).await
    }
}

/// A client that speaks to this machine only, whatever proxies the environment names.
pub fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().expect("the client builds")
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body as it came.
    pub text: String,
}

impl Answer {
    /// Sends the request until the gateway has a connection to the database: a call that got none has done nothing.
    pub async fn of_database(request: RequestBuilder) -> Self {
        loop {
            let answer = Self::of(request.try_clone().expect("its body can be sent again")).await;
            if ![503, 504].contains(&answer.status) {
                return answer;
            }
        }
    }

    /// Sends the request and reads the answer.
    pub async fn of(request: RequestBuilder) -> Self {
        Self::read(request.send().await.expect("the gateway answers")).await
    }

    async fn read(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, text: response.text().await.expect("the answer has an end") }
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("the body is JSON")
    }

    /// A header, empty when it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Checks that this is an error as PostgREST makes them, and returns status and code.
    #[track_caller]
    pub fn error(&self) -> (u16, String) {
        let body = self.json();
        let mut keys: Vec<_> = body.as_object().expect("an error is an object").keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["code", "details", "hint", "message"], "{body}");
        assert!(body["message"].is_string(), "{body}");
        assert_eq!(self.header("content-type"), "application/json; charset=utf-8");
        assert_eq!(self.header("www-authenticate"), if self.status == 401 { "Bearer" } else { "" });
        (self.status, body["code"].as_str().expect("the code is a text").to_owned())
    }
}

/// A token with these claims, signed with this secret.
pub fn sign(secret: &str, claims: &Value) -> String {
    encode(&Header::default(), claims, &EncodingKey::from_secret(secret.as_bytes())).expect("it can be signed")
}

/// Long after this test.
pub const NEVER: u64 = 32_503_680_000;

/// A good token of this user.
pub fn user(id: &str) -> String {
    sign(SECRET, &json!({ "role": "authenticated", "sub": id, "aud": "authenticated", "exp": NEVER }))
}

/// A good token of an admin.
pub fn admin(id: &str) -> String {
    sign(SECRET, &json!({ "role": "authenticated", "sub": id, "exp": NEVER, "app_metadata": { "role": "admin" } }))
}

/// Runs statements in a test's database as the owner of the tables.
pub async fn run_sql(database: &TestDatabase, sql: &str) {
    raw_sql(AssertSqlSafe(sql)).execute(&mut database.owner().await).await.expect("the statements work");
}

/// Waits until this many calls in this database wait for a lock. Asks PostgreSQL: nothing else knows.
pub async fn until_waiting(database: &TestDatabase, calls: i64) {
    let mut connection = database.owner().await;
    loop {
        let waiting: i64 = sqlx::query_scalar(
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
        )
        .fetch_one(&mut connection)
        .await
        .expect("the statistics can be read");
        if waiting == calls {
            return;
        }
        tokio::task::yield_now().await;
    }
}

//! `/metrics`: who may read it, what is the same on every gateway, and what each counts for itself.

use std::time::Duration;

use database_tests::TestDatabase;
use gateway_tests::{Answer, Gateway, NEVER, SECRET, admin, run_sql, sign, user};
use reqwest::Method;
use serde_json::{Value, json};
use streamkeeper_gateway::webhooks::signature;

const TOKEN: &str = "a-token-for-operators";
const VARIABLES: &[(&str, &str)] = &[("ADMIN_TOKEN", TOKEN)];

/// Not again in a test.
const ONCE: Duration = Duration::from_secs(86_400);

/// One page, as it was read.
struct Page(String);

impl Page {
    async fn of(gateway: &Gateway) -> Self {
        let answer = Answer::of(gateway.request(Method::GET, "/metrics").bearer_auth(TOKEN)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
        assert!(answer.text.ends_with("\n# EOF\n"), "{}", answer.text);
        Self(answer.text)
    }

    /// The value of `name` or `name{label="value",…}`, if it is there.
    fn get(&self, series: &str) -> Option<f64> {
        let line = self.0.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
        Some(line.parse().unwrap())
    }

    #[track_caller]
    fn shows(&self, expected: &[(&str, f64)]) {
        for (series, value) in expected {
            assert_eq!(self.get(series), Some(*value), "{series}\n{}", self.0);
        }
    }
}

/// Reads until it shows this much.
async fn until(gateway: &Gateway, series: &str, least: f64) -> Page {
    loop {
        let page = Page::of(gateway).await;
        if page.get(series).unwrap() >= least {
            return page;
        }
        tokio::task::yield_now().await;
    }
}

async fn gateway(db: &TestDatabase) -> Gateway {
    Gateway::start_with(db.options(), false, VARIABLES, |config| config.sweep_interval = ONCE).await
}

async fn read(gateway: &Gateway, bearer: Option<&str>) -> Answer {
    let request = gateway.request(Method::GET, "/metrics");
    Answer::of(bearer.into_iter().fold(request, |request, token| request.bearer_auth(token))).await
}

#[tokio::test]
async fn only_operators_read_it() {
    let db = TestDatabase::new().await;
    let service_key = "sb_secret_0123456789";
    let variables = [VARIABLES, &[("SERVICE_KEY", service_key)]].concat();
    let gateway = Gateway::start(db.options(), false, &variables).await;
    let service = sign(SECRET, &json!({"role": "service_role", "exp": NEVER}));
    let longer = format!("{TOKEN}s");
    for token in [&user("owner"), &admin("admin"), &service, service_key, &longer, &TOKEN[1..], ""] {
        assert_eq!(read(&gateway, Some(token)).await.status, 401, "{token}");
    }
    let refused = read(&gateway, None).await;
    assert_eq!(refused.error(), (401, "28000".into()));
    assert_eq!(read(&gateway, Some(TOKEN)).await.status, 200);
    // It is for no web page.
    let answer = Answer::of(gateway.request(Method::GET, "/metrics").header("origin", "https://app.example.org")).await;
    assert_eq!(answer.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn without_a_token_nobody_reads_it_and_the_demo_shows_it() {
    let db = TestDatabase::new().await;
    let closed = Gateway::start(db.options(), false, &[]).await;
    for token in [None, Some(TOKEN), Some("")] {
        let refused = read(&closed, token).await;
        assert_eq!(refused.error(), (403, "42501".into()));
        assert!(refused.text.contains("ADMIN_TOKEN"), "{}", refused.text);
    }
    let demo = Gateway::start(db.options(), true, &[]).await;
    assert_eq!(read(&demo, None).await.status, 200);
    let guarded = Gateway::start(db.options(), true, VARIABLES).await;
    assert_eq!(read(&guarded, None).await.status, 401);
}

#[tokio::test]
async fn what_the_database_knows_is_the_same_on_every_gateway() {
    let db = TestDatabase::new().await;
    let (one, other) = (gateway(&db).await, gateway(&db).await);
    let owner = user("owner");
    let id = |n: u8| format!("00000000-0000-4000-8000-00000000000{n}");
    for n in 1..=4 {
        let holder = (n == 3).then_some("page-1");
        let arguments = json!({"p_stream_id": id(n), "p_holder": holder});
        let started = one.rpc("start_stream", Some(&owner), arguments).await;
        assert_eq!(started.status, 200, "{}", started.text);
    }
    let end = async |n: u8, attempt: u8| {
        let arguments = json!({"p_stream_id": id(n), "p_attempt": attempt});
        assert_eq!(one.rpc("end_stream_comprehensive", Some(&owner), arguments).await.status, 200);
    };
    // Two attempts were lost before this one; the next comes too late; the last one names nothing.
    end(1, 3).await;
    end(1, 4).await;
    end(2, 1).await;
    end(9, 1).await;
    // From an outbox: as a leave of what another page holds, and as an end.
    for arguments in [json!({"p_holder": "page-2", "p_leave": true}), json!({})] {
        let mut arguments = arguments;
        arguments["p_stream_id"] = id(3).into();
        arguments["p_replayed"] = true.into();
        assert_eq!(one.rpc("end_stream_comprehensive", Some(&owner), arguments).await.status, 200);
    }
    run_sql(
        &db,
        &format!(
            // By deadline, and the day before.
            "insert into end_attempts (stream_id, role, reason, attempt, outcome)
             values (gen_random_uuid(), 'service_role', 'lease_expired', 1, 'ended');
             insert into end_attempts (stream_id, role, attempt, outcome, at)
             values (gen_random_uuid(), 'authenticated', 1, 'ended', date_trunc('day', now(), 'UTC') - interval '1 s');
             -- Its end came before it.
             update livestreams set started_at = now() - interval '5 min', last_seen_at = now() where id = '{}';
             insert into end_attempts (stream_id, actor, role, attempt, outcome, at)
             values ('{0}', 'owner', 'authenticated', 1, 'not_found', now() - interval '2 min');
             insert into chats (cid, members, starts_at, ends_at) values
               ('messaging:1', '{{ann}}', now() - interval '9 h', now() - interval '7 h'),
               ('messaging:2', '{{ann}}', now() - interval '50 h', now() - interval '48 h'),
               ('messaging:3', '{{ann}}', now() - interval '9 h', now() - interval '5 h')",
            id(4)
        ),
    )
    .await;
    for gateway in [&one, &other] {
        let page = Page::of(gateway).await;
        page.shows(&[
            ("streamkeeper_end_attempts_total{outcome=\"ended\"}", 3.0),
            ("streamkeeper_end_attempts_total{outcome=\"already_ended\"}", 1.0),
            ("streamkeeper_end_attempts_total{outcome=\"held_elsewhere\"}", 1.0),
            ("streamkeeper_end_attempts_total{outcome=\"not_found\"}", 2.0),
            ("streamkeeper_end_attempts_total{outcome=\"lost\"}", 2.0),
            ("streamkeeper_end_retries_total", 2.0),
            ("streamkeeper_ends_replayed_total", 2.0),
            ("streamkeeper_ended_by_deadline_total", 1.0),
            ("streamkeeper_live_streams", 1.0),
            ("streamkeeper_orphaned_streams{reason=\"end_came_first\"}", 1.0),
            ("streamkeeper_orphaned_streams{reason=\"not_swept\"}", 0.0),
            ("streamkeeper_orphaned_streams{reason=\"sweeper_stopped\"}", 0.0),
            ("streamkeeper_orphaned_streams{reason=\"not_auto_ended\"}", 0.0),
            ("streamkeeper_chats_left_active", 2.0),
            ("streamkeeper_chats_overdue", 1.0),
            ("streamkeeper_gateway_database_up", 1.0),
        ]);
        let swept_at: f64 =
            sqlx::query_scalar("select extract(epoch from last_run_at)::float8 from streamkeeper.sweeper")
                .fetch_one(&mut db.owner().await)
                .await
                .unwrap();
        let shown = page.get("streamkeeper_last_sweep_timestamp_seconds").unwrap();
        assert!((shown - swept_at).abs() < 1e-3, "{shown} {swept_at}");
    }
}

#[tokio::test]
async fn each_gateway_counts_its_requests_and_what_it_refused() {
    let db = TestDatabase::new().await;
    let (one, other) = (gateway(&db).await, gateway(&db).await);
    let foreign = json!({"p_streamer_id": "somebody else"});
    let owner = user("owner");
    assert_eq!(one.rpc("end_stream_comprehensive", Some(&owner), foreign.clone()).await.status, 403);
    assert_eq!(one.rpc("end_stream_comprehensive", Some(&owner), json!({})).await.status, 400);
    assert_eq!(one.rpc("end_stream_comprehensive", None, foreign.clone()).await.status, 401);
    assert_eq!(one.rpc("end_stream_on_user_disconnect", Some(&owner), foreign).await.status, 403);
    assert_eq!(one.rpc("end_stream_comprehensive", Some(&owner), json!({"p_streamer_id": "owner"})).await.status, 200);
    assert_eq!(one.rpc("end_stream_comprehensive", Some(&owner), json!({"p_nonsense": 1})).await.status, 404);
    // Refused, but no end.
    assert_eq!(one.rpc("sweep", Some(&owner), json!({})).await.status, 403);
    let refusals = |status| format!("streamkeeper_gateway_end_refusals_total{{status=\"{status}\"}}");
    let requests = |route, status| {
        format!("streamkeeper_gateway_http_requests_total{{method=\"POST\",route=\"{route}\",status=\"{status}\"}}")
    };
    let end = "/rest/v1/rpc/end_stream_comprehensive";
    Page::of(&one).await.shows(&[
        (&refusals(400), 1.0),
        (&refusals(401), 1.0),
        (&refusals(403), 2.0),
        (&requests(end, "2xx"), 1.0),
        (&requests(end, "4xx"), 4.0),
        (&requests("/rest/v1/rpc/sweep", "4xx"), 1.0),
    ]);
    let page = Page::of(&other).await;
    page.shows(&[(&refusals(400), 0.0), (&refusals(403), 0.0)]);
    assert_eq!(page.get(&requests(end, "2xx")), None);
}

#[tokio::test]
async fn whatever_somebody_makes_up_the_page_stays_small() {
    let db = TestDatabase::new().await;
    let gateway = gateway(&db).await;
    let call = async |n: u8| {
        gateway.rpc(&format!("made_up_{n}"), None, json!({})).await;
        Answer::of(gateway.request(Method::GET, &format!("/made/up/{n}"))).await;
        let method = Method::from_bytes(format!("MADE{n}").as_bytes()).unwrap();
        Answer::of(gateway.request(method, "/health")).await;
    };
    call(0).await;
    // From then on all that it knows is on the page, also that somebody has read it.
    while Page::of(&gateway).await.get("streamkeeper_last_sweep_timestamp_seconds").is_none() {
        tokio::task::yield_now().await;
    }
    let lines = Page::of(&gateway).await.0.lines().count();
    for n in 1..20 {
        call(n).await;
    }
    let page = Page::of(&gateway).await;
    assert_eq!(page.0.lines().count(), lines, "{}", page.0);
    let made_up =
        "streamkeeper_gateway_http_requests_total{method=\"POST\",route=\"/rest/v1/rpc/{function}\",status=\"4xx\"}";
    page.shows(&[(made_up, 20.0)]);
}

#[tokio::test]
async fn runs_of_the_sweeper_and_of_the_days_work_are_counted_and_so_are_those_that_fail() {
    let db = TestDatabase::new().await;
    run_sql(
        &db,
        "insert into livestreams (id, streamer_id, status, started_at, last_seen_at)
         select gen_random_uuid(), 'owner', 'live', now() - interval '26 h', now() - interval '25 h' from generate_series(1, 2);
         alter function close_expired_chats() rename to t_close",
    )
    .await;
    let gateway = Gateway::start_with(db.options(), false, VARIABLES, |config| {
        config.sweep_interval = Duration::from_millis(10);
        config.cron_interval = Duration::from_millis(10);
    })
    .await;
    let sweeps = |outcome| format!("streamkeeper_gateway_sweeps_total{{outcome=\"{outcome}\"}}");
    let swept = |outcome| format!("streamkeeper_gateway_swept_streams_total{{outcome=\"{outcome}\"}}");
    let cron =
        |outcome| format!("streamkeeper_gateway_cron_runs_total{{job=\"close_expired_chats\",outcome=\"{outcome}\"}}");
    until(&gateway, &sweeps("ran"), 2.0).await.shows(&[(&swept("inactive"), 2.0), (&swept("ended"), 0.0)]);
    until(&gateway, &cron("failed"), 2.0).await.shows(&[(&cron("ran"), 0.0)]);
    run_sql(&db, "alter function t_close() rename to close_expired_chats").await;
    until(&gateway, &cron("ran"), 1.0).await;

    // Two streams whose leases are over: one may end, the other asked for more time than the sweeper has been alive.
    run_sql(
        &db,
        "select pg_sleep_until(pg_postmaster_start_time() + interval '6 s');
         begin;
         insert into livestreams (id, streamer_id, status, started_at, last_seen_at)
         select ('00000000-0000-4000-8000-00000000000' || n)::uuid, 'owner', 'live', now() - interval '1 h', now() - interval '50 s'
         from generate_series(1, 2) n;
         insert into streamkeeper.leases (kind, subject, holder, lease_seconds, lease_until)
         select 'host', '00000000-0000-4000-8000-00000000000' || n, 'page', case n when 1 then 90 else 900 end,
           now() - interval '50 s'
         from generate_series(1, 2) n;
         update streamkeeper.sweeper set alive_since = now() - interval '100 s',
           last_run_at = greatest(now() - interval '20 s', pg_postmaster_start_time());
         commit",
    )
    .await;
    until(&gateway, &swept("ended"), 1.0).await.shows(&[(&swept("ended"), 1.0)]);
    until(&gateway, &swept("held_back"), 1.0).await;

    run_sql(&db, "alter function sweep() rename to t_sweep").await;
    until(&gateway, &sweeps("failed"), 1.0).await;
}

#[tokio::test]
async fn events_of_the_webhook_are_counted_by_what_became_of_them() {
    let db = TestDatabase::new().await;
    let secret = "the secret that we share with Stream, and nobody else";
    let variables = [VARIABLES, &[("STREAM_API_SECRET", secret)]].concat();
    let gateway = Gateway::start(db.options(), false, &variables).await;
    let deliver = async |id: &str, secret: &str, event: Value| {
        let body = event.to_string();
        let request = gateway.request(Method::POST, "/webhooks/stream-chat").header("x-webhook-id", id);
        let signature = signature::sign(secret, body.as_bytes()).unwrap();
        Answer::of(request.header("x-signature", signature).body(body)).await.status
    };
    let event = json!({"type": "message.new"});
    assert_eq!(deliver("1", secret, event.clone()).await, 200);
    assert_eq!(deliver("2", secret, event.clone()).await, 200);
    assert_eq!(deliver("1", secret, event.clone()).await, 200);
    assert_eq!(deliver("3", "another secret", event.clone()).await, 401);
    assert_eq!(deliver("3", secret, json!([])).await, 400);
    run_sql(
        &db,
        "create or replace function record_chat_event(p_webhook_id text, p_event json) returns json language plpgsql as $$
           begin raise exception 'no room' using errcode = 'disk_full'; end $$",
    )
    .await;
    assert_eq!(deliver("3", secret, event).await, 503);
    let events =
        |outcome| format!("streamkeeper_gateway_webhook_events_total{{source=\"stream_chat\",outcome=\"{outcome}\"}}");
    Page::of(&gateway).await.shows(&[
        (&events("recorded"), 2.0),
        (&events("repeated"), 1.0),
        (&events("unsigned"), 1.0),
        (&events("invalid"), 1.0),
        (&events("failed"), 1.0),
    ]);
}

#[tokio::test]
async fn without_a_database_it_says_so_and_tells_the_rest() {
    let gateway = Gateway::without_database(false, VARIABLES).await;
    let page = until(&gateway, "streamkeeper_gateway_sweeps_total{outcome=\"failed\"}", 1.0).await;
    page.shows(&[("streamkeeper_gateway_database_up", 0.0)]);
    assert_eq!(page.get("streamkeeper_live_streams"), None);
}

//! Notices to hosts: what they say, that they come once, and that they come at last.

use std::time::Duration;

use database_tests::TestDatabase;
use gateway_tests::mail_server::{Mail, MailServer, Mood};
use gateway_tests::program::{run, serving, signal};
use gateway_tests::viewer::Viewer;
use gateway_tests::{Answer, Gateway, SECRET, client, run_sql, user};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use tokio::time::timeout;

const OFTEN: Duration = Duration::from_millis(50);
const OPERATOR: &str = "a-token-for-operators";

/// What has not happened by then never will.
const PATIENCE: Duration = Duration::from_secs(60);

/// A gateway that works often, and sends by way of this server, if any; with its queue.
async fn gateway(db: &TestDatabase, server: Option<&MailServer>) -> Gateway {
    let url = server.map(|server| format!("smtp://{}", server.address)).unwrap_or_default();
    let variables = [
        ("MAIL_FROM", "Streamkeeper <streamkeeper@example.org>"),
        ("SMTP_URL", &url),
        ("FRONTEND_URL", "https://app.example.org"),
        ("ADMIN_TOKEN", OPERATOR),
    ];
    let gateway = Gateway::start_with(db.options(), false, &variables, |config| {
        config.events.sweep = OFTEN;
        config.notices.poll = OFTEN;
        config.notices.retry = OFTEN;
        config.notices.heartbeat = Duration::from_millis(200);
        config.notices.patience = Duration::from_secs(2);
    })
    .await;
    until(db, "select to_regclass('graphile_worker._private_jobs') is not null").await;
    gateway
}

async fn host_with_address(db: &TestDatabase) {
    run_sql(db, "insert into app_users (user_id, email) values ('host', 'ann.host@example.org')").await;
}

/// A live period of a new event of `host`, with somebody there: its id.
async fn live_event(gateway: &Gateway, title: &str) -> (String, Viewer) {
    let request = gateway.request(Method::POST, "/events").bearer_auth(user("host"));
    let answer = Answer::of(request.json(&json!({"title": title, "grace_seconds": 5}))).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let id = answer.json()["event_id"].as_str().unwrap().to_owned();
    let viewer = Viewer::watching(&gateway.url, &id, None).await;
    while get(gateway, &id).await["status"] != "live" {}
    (id, viewer)
}

async fn get(gateway: &Gateway, id: &str) -> Value {
    gateway.rpc("get_event", Some(&user("host")), json!({"p_event_id": id})).await.json()
}

async fn end(gateway: &Gateway, id: &str) {
    let request = gateway.request(Method::POST, &format!("/events/{id}/end")).bearer_auth(user("host"));
    let answer = Answer::of(request.json(&json!({}))).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

/// An event that has just ended, with its notice on its way.
async fn ended_event(gateway: &Gateway, title: &str) -> String {
    let (id, _viewer) = live_event(gateway, title).await;
    end(gateway, &id).await;
    id
}

/// One value from the database, as JSON.
async fn value(db: &TestDatabase, expression: &str) -> Value {
    let sql = AssertSqlSafe(format!("select coalesce(to_json({expression}), 'null')"));
    sqlx::query_scalar(sql).fetch_one(&mut db.owner().await).await.unwrap()
}

/// The queue has taken note that the job failed: what is changed before that is changed back.
const PUT_BACK: &str = "select locked_at is null and last_error is not null from graphile_worker._private_jobs";

/// Waits until this is so in the database.
async fn until(db: &TestDatabase, condition: &str) {
    let mut owner = db.owner().await;
    let sql = format!("select coalesce(({condition}), false)");
    let waited = timeout(PATIENCE, async {
        while !sqlx::query_scalar::<_, bool>(AssertSqlSafe(sql.clone())).fetch_one(&mut owner).await.unwrap() {
            tokio::task::yield_now().await;
        }
    });
    if waited.await.is_err() {
        let seen = value(db, "(select json_agg(n) from notifications n)").await;
        panic!("{condition}: there are {seen}");
    }
}

/// The two halves of the body: text and HTML.
fn halves(mail: &Mail) -> (String, String) {
    let body = mail.body();
    let (text, html) = body.split_once("Content-Type: text/html").expect("there are two parts");
    (text.to_owned(), html.to_owned())
}

async fn counter(gateway: &Gateway, outcome: &str) -> f64 {
    let series = format!("streamkeeper_gateway_event_notices_total{{outcome=\"{outcome}\"}} ");
    let page = Answer::of(gateway.request(Method::GET, "/metrics").bearer_auth(OPERATOR)).await.text;
    page.lines().find_map(|line| line.strip_prefix(&series)).expect("it is counted").parse().unwrap()
}

#[tokio::test]
async fn when_the_last_viewer_has_left_the_host_is_told_in_the_seeds_words() {
    let db = TestDatabase::new().await;
    host_with_address(&db).await;
    run_sql(
        &db,
        "create or replace function streamkeeper.hand_over_seconds() returns integer
           language sql immutable set search_path = '' as $$ select 1 $$",
    )
    .await;
    let mut server = MailServer::start().await;
    let gateway = gateway(&db, Some(&server)).await;
    let (id, viewer) = live_event(&gateway, "Concert").await;
    viewer.vanish();
    let mail = server.next().await;
    let event = get(&gateway, &id).await;
    assert_eq!((&event["status"], &event["ended_by"]), (&json!("ended"), &json!("absence")));
    assert_eq!(mail.to, ["ann.host@example.org"]);
    assert_eq!(mail.header("Subject"), "Event Stream Ended - Concert");
    assert_eq!(mail.header("Message-ID"), format!("<event-ended-{id}-1@example.org>"));
    let (text, html) = halves(&mail);
    let link = format!("https://app.example.org/events/{id}");
    for half in [&text, &html] {
        for part in [
            "Event Stream Completed",
            "Your event stream has ended",
            "All viewers have disconnected from the stream.",
            "View Event Dashboard",
            &link,
            "Host: host.",
        ] {
            assert!(half.contains(part), "{part}: {half}");
        }
    }
    assert!(text.contains("Your event \"Concert\" stream has ended."), "{text}");
    until(&db, "select count(*) = 1 from notifications where state = 'sent'").await;
    let row = value(&db, "(select n from notifications n)").await;
    assert_eq!(
        (&row["dedupe_key"], &row["attempts"], &row["last_error"]),
        (&json!(format!("event-ended:{id}:1")), &json!(1), &Value::Null)
    );
    let email = value(&db, "(select e from emails e)").await;
    assert_eq!(
        (&email["state"], &email["subject"], &email["recipient"]),
        (&json!("sent"), &json!("Event Stream Ended - Concert"), &json!("ann.host@example.org"))
    );
    assert_eq!(email["message_id"], format!("event-ended-{id}-1"));
    assert_eq!((counter(&gateway, "done").await, counter(&gateway, "failed").await), (1.0, 0.0));
    assert!(server.rest().is_empty());
}

#[tokio::test]
async fn a_title_is_no_header_and_no_markup() {
    let db = TestDatabase::new().await;
    host_with_address(&db).await;
    let mut server = MailServer::start().await;
    let gateway = gateway(&db, Some(&server)).await;
    let id = ended_event(&gateway, "<b>x</b>\r\nBcc: everybody@example.org\r\n\r\nbody").await;
    let mail = server.next().await;
    assert_eq!(mail.header("Subject"), "Event Stream Ended - <b>x</b>  Bcc: everybody@example.org    body");
    assert_eq!((mail.to.as_slice(), mail.header("Bcc").as_str()), (&["ann.host@example.org".to_owned()][..], ""));
    let (text, html) = halves(&mail);
    assert!(html.contains("&lt;b&gt;x&lt;/b&gt;") && !html.contains("<b>"), "{html}");
    assert!(text.contains("<b>x</b>  Bcc: everybody@example.org    body\" stream has ended. It was ended by hand."));
    assert!(mail.header("Message-ID").contains(&id));
}

#[tokio::test]
async fn while_the_server_refuses_it_is_tried_again_and_then_it_comes_once() {
    let db = TestDatabase::new().await;
    host_with_address(&db).await;
    let mut server = MailServer::start().await;
    server.is_now(Mood::Refusing("451 not now"));
    let gateway = gateway(&db, Some(&server)).await;
    ended_event(&gateway, "Concert").await;
    until(&db, "select attempts = 1 and state = 'queued' and last_error like '%451%' from notifications").await;
    until(&db, "select attempts = 2 and state = 'queued' from notifications").await;
    assert_eq!(counter(&gateway, "failed").await, 2.0);
    let email = value(&db, "(select e from emails e)").await;
    assert_eq!((&email["state"], &email["attempts"]), (&json!("queued"), &json!(2)));
    assert!(email["last_error"].as_str().unwrap().contains("451"), "{email}");
    // For more than a day: the queue waits e, e², … and at most e¹⁰ seconds.
    let longest = value(
        &db,
        "(select sum(exp(least(n, 10))) from graphile_worker._private_jobs j, generate_series(1, j.max_attempts - 1) n)",
    )
    .await;
    assert!(longest.as_f64().unwrap() > 86_400.0, "{longest}");
    server.is_now(Mood::Good);
    until(&db, PUT_BACK).await;
    run_sql(&db, "update graphile_worker._private_jobs set run_at = now()").await;
    server.next().await;
    until(&db, "select state = 'sent' and last_error is null and attempts = 3 from notifications").await;
    until(&db, "select count(*) = 0 from graphile_worker._private_jobs").await;
    assert!(server.rest().is_empty());
}

#[tokio::test]
async fn what_cannot_be_sent_in_the_end_is_there_to_be_seen() {
    let db = TestDatabase::new().await;
    let server = MailServer::start().await;
    let gateway = gateway(&db, Some(&server)).await;
    ended_event(&gateway, "Concert").await;
    let why = "nobody knows the host's address";
    let quoted = why.replace('\'', "''");
    until(&db, &format!("select state = 'queued' and last_error = '{quoted}' from notifications")).await;
    until(&db, PUT_BACK).await;
    run_sql(&db, "update graphile_worker._private_jobs set run_at = now(), attempts = max_attempts - 1").await;
    until(&db, &format!("select state = 'failed' and last_error = '{quoted}' from notifications")).await;
    let (code, printed, _) = run(&["notices"], &[("DATABASE_URL", &db.url())]).await;
    assert_eq!((code, printed), (1, format!("failed     1: {why}\n")));
    until(&db, "select attempts = max_attempts and last_error is not null from graphile_worker._private_jobs").await;
}

#[tokio::test]
async fn a_gateway_that_dies_with_the_mail_just_sent_leaves_it_to_another_which_sends_the_same() {
    let db = TestDatabase::new().await;
    host_with_address(&db).await;
    let mut server = MailServer::start().await;
    // Nobody gets to write down that it was sent.
    run_sql(
        &db,
        "create function t_wait() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock(7); return new; end $$;
         create trigger t_wait before update on notifications for each row when (new.state = 'sent') execute function t_wait()",
    )
    .await;
    let mut holder = db.owner().await;
    sqlx::query("select pg_advisory_lock(7)").execute(&mut holder).await.unwrap();
    let first = gateway(&db, Some(&server)).await;
    ended_event(&first, "Concert").await;
    let mail = server.next().await;
    gateway_tests::until_waiting(&db, 1).await;
    drop(first);
    run_sql(
        &db,
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    )
    .await;
    sqlx::query("select pg_advisory_unlock(7)").execute(&mut holder).await.unwrap();
    let _second = gateway(&db, Some(&server)).await;
    let again = server.next().await;
    assert_eq!(mail.header("Message-ID"), again.header("Message-ID"));
    until(&db, "select state = 'sent' from notifications").await;
    until(&db, "select count(*) = 0 from graphile_worker._private_jobs").await;
    assert!(server.rest().is_empty());
    assert_eq!(value(&db, "(select count(*) from emails)").await, 1);
}

#[tokio::test]
async fn a_host_may_want_no_notice_or_all_of_them_together() {
    let db = TestDatabase::new().await;
    host_with_address(&db).await;
    let mut server = MailServer::start().await;
    let gateway = gateway(&db, Some(&server)).await;
    let prefer = async |preferences: Value| {
        let answer = gateway.rpc("set_notification_preferences", Some(&user("host")), preferences).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    };
    prefer(json!({"p_enabled": false})).await;
    ended_event(&gateway, "Unwanted").await;
    until(&db, "select count(*) = 1 from notifications where state = 'suppressed'").await;

    prefer(json!({"p_enabled": true, "p_batch": "hourly"})).await;
    // Not across the full hour: they would be two batches.
    run_sql(&db, "select pg_sleep_until(date_trunc('hour', now() + interval '1 min'))").await;
    for title in ["One", "Two", "Three"] {
        ended_event(&gateway, title).await;
    }
    until(
        &db,
        "select count(*) = 3 from notifications where state = 'batched' and due_at > now() and enqueued_at is not null",
    )
    .await;
    // The hour is over.
    run_sql(
        &db,
        "begin;
         update notifications set due_at = date_trunc('hour', now()) where state = 'batched';
         update graphile_worker._private_jobs set run_at = now();
         commit",
    )
    .await;
    let mail = server.next().await;
    assert_eq!(mail.header("Subject"), "3 Event Streams Ended");
    let (text, _) = halves(&mail);
    for title in ["\"One\"", "\"Two\"", "\"Three\""] {
        assert!(text.contains(title), "{text}");
    }
    until(&db, "select count(*) = 3 from notifications where state = 'sent'").await;
    until(&db, "select count(*) = 0 from graphile_worker._private_jobs").await;
    assert!(server.rest().is_empty());

    // What is switched off while a notice waits is not sent any more.
    prefer(json!({"p_batch": "none", "p_delay_seconds": 3600})).await;
    ended_event(&gateway, "Late").await;
    until(&db, "select count(*) = 1 from notifications where state = 'queued' and due_at > now() + interval '59 min'")
        .await;
    prefer(json!({"p_enabled": false})).await;
    run_sql(&db, "update graphile_worker._private_jobs set run_at = now()").await;
    until(&db, "select count(*) = 2 from notifications where state = 'suppressed'").await;
    assert!(server.rest().is_empty());
}

#[tokio::test]
async fn without_a_way_to_send_it_waits_for_a_gateway_that_has_one() {
    let db = TestDatabase::new().await;
    host_with_address(&db).await;
    let mut server = MailServer::start().await;
    let without = gateway(&db, None).await;
    ended_event(&without, "Concert").await;
    until(&db, "select count(*) = 1 from notifications where state = 'queued' and attempts = 0").await;
    let _with = gateway(&db, Some(&server)).await;
    assert_eq!(server.next().await.header("Subject"), "Event Stream Ended - Concert");
}

#[tokio::test]
async fn the_log_has_the_seeds_lines_without_addresses() {
    let db = TestDatabase::new().await;
    host_with_address(&db).await;
    let mut server = MailServer::start().await;
    server.is_now(Mood::Asking("somebody else"));
    let (url, smtp) = (db.url(), format!("smtp://user:hunter2@{}", server.address));
    let variables = [
        ("DATABASE_URL", url.as_str()),
        ("JWT_SECRET", SECRET),
        ("BIND", "127.0.0.1:0"),
        ("RUST_LOG", "debug"),
        ("SMTP_URL", &smtp),
        ("MAIL_FROM", "streamkeeper@example.org"),
        ("FRONTEND_URL", "https://app.example.org"),
    ];
    let (mut child, address, mut log) = serving(&["serve"], &variables).await;
    let request = client().post(format!("{address}/events")).bearer_auth(user("host"));
    let answer = Answer::of(request.json(&json!({"title": "Concert"}))).await;
    let id = answer.json()["event_id"].as_str().unwrap().to_owned();
    let mut all = String::new();
    let mut until_said = async |line: &str| {
        while !all.contains(line) {
            all.push_str(&log.next_line().await.expect("it goes on"));
            all.push('\n');
        }
    };
    let token = user("ann");
    let viewer = Viewer::watching(&address, &id, Some(&token)).await;
    until(&db, "select count(*) = 1 from events where status = 'live'").await;
    viewer.vanish();
    until_said(&format!("Scheduled event end notification for event {id} in 30 seconds")).await;
    let end = client().post(format!("{address}/events/{id}/end")).bearer_auth(user("host")).json(&json!({}));
    assert_eq!(Answer::of(end).await.status, 200);
    until_said(&format!("Event end notification scheduled for host a…@example.org for event {id}")).await;
    until_said(&format!("Failed to send event end notification for event {id}: ")).await;
    // \0user\0hunter2
    server.is_now(Mood::Asking("AHVzZXIAaHVudGVyMg=="));
    server.next().await;
    until_said("told the host of the end").await;
    signal(&child, "-TERM").await;
    until_said("stopped").await;
    assert!(child.wait().await.unwrap().success());
    for secret in ["ann.host@example.org", "hunter2", &token, SECRET] {
        assert!(!all.contains(secret), "{secret}: {all}");
    }
}

#[tokio::test]
async fn a_notice_that_comes_too_late_for_its_batch_gets_a_letter_of_its_own() {
    let db = TestDatabase::new().await;
    host_with_address(&db).await;
    let mut server = MailServer::start().await;
    let gateway = gateway(&db, Some(&server)).await;
    let preferences = json!({"p_batch": "hourly"});
    assert_eq!(gateway.rpc("set_notification_preferences", Some(&user("host")), preferences).await.status, 200);
    let first = ended_event(&gateway, "First").await;
    until(&db, "select count(*) = 1 from notifications where state = 'batched' and enqueued_at is not null").await;
    run_sql(&db, "update graphile_worker._private_jobs set run_at = now()").await;
    assert_eq!(server.next().await.header("Subject"), "Event Stream Ended - First");
    until(&db, "select count(*) = 1 from notifications where state = 'sent'").await;
    until(&db, "select count(*) = 0 from graphile_worker._private_jobs").await;

    // It is not known yet whether the letter has gone.
    run_sql(&db, "update notifications set state = 'sending'").await;
    ended_event(&gateway, "Late").await;
    until(&db, "select count(*) = 1 from notifications where state = 'batched' and enqueued_at is not null").await;
    run_sql(
        &db,
        &format!(
            "begin;
             update notifications n set due_at = f.due_at from notifications f where f.event_id = '{first}';
             update graphile_worker._private_jobs set run_at = now();
             commit"
        ),
    )
    .await;
    until(&db, PUT_BACK).await;
    assert!(server.rest().is_empty());
    run_sql(
        &db,
        &format!(
            "begin;
             update notifications set state = 'sent' where event_id = '{first}';
             update graphile_worker._private_jobs set run_at = now();
             commit"
        ),
    )
    .await;
    assert_eq!(server.next().await.header("Subject"), "Event Stream Ended - Late");
    until(&db, "select count(*) = 2 from notifications where state = 'sent'").await;
}

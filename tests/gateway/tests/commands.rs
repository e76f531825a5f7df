//! `monitor-chat`, `test-chat` and `close-chats`, run as an operator does.

use database_tests::TestDatabase;
use gateway_tests::program::run;
use gateway_tests::run_sql;
use serde_json::{Value, json};

/// Runs it on this database, with no other setting.
async fn on(url: &str, arguments: &[&str]) -> (i32, String, String) {
    run(arguments, &[("DATABASE_URL", url)]).await
}

async fn report(db: &TestDatabase) -> Value {
    let (code, stdout, stderr) = on(&db.url(), &["monitor-chat", "--json"]).await;
    assert_eq!((code, stderr.as_str()), (0, ""));
    serde_json::from_str(&stdout).expect("it prints JSON and nothing else")
}

fn codes(findings: &Value) -> Vec<&str> {
    findings.as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap()).collect()
}

/// Chats of every status, among them three that were left active, and one that was closed by the old mistake.
async fn chats(db: &TestDatabase) {
    run_sql(
        db,
        "insert into chats (cid, starts_at, ends_at, closed_at) values
           ('t:upcoming', now() + interval '1 h', now() + interval '2 h', null),
           ('t:open', now() - interval '7 h', now() + interval '1 h', null),
           ('t:closing', now() - interval '3 h', now() - interval '1 h', null),
           ('t:closed', now() - interval '9 d', now() - interval '8 d', now() - interval '7 d'),
           ('t:left', now() - interval '9 h', now() - interval '7 h', null),
           ('t:left longer', now() - interval '40 h', now() - interval '32 h', null),
           ('t:left for months', now() - interval '100 d', now() - interval '99 d', null),
           ('t:closed early', now() - interval '7 h', now() + interval '1 h', now() - interval '1 h')",
    )
    .await;
}

/// Three events of today, late by 1, 2 and 120 seconds, one from a clock that is ahead, and an old one.
async fn events(db: &TestDatabase) {
    run_sql(
        db,
        "insert into chat_logs (webhook_id, type, received_at, created_at) values
           ('1', 'message.new', now() - interval '1 h', now() - interval '1 h 1 s'),
           ('2', 'message.new', now() - interval '1 h', now() - interval '1 h 2 s'),
           ('3', 'message.deleted', now() - interval '1 h', now() - interval '1 h 120 s'),
           ('4', 'message.new', now() - interval '1 h', now()),
           ('5', 'user.updated', now() - interval '1 h', null),
           ('6', 'message.new', now() - interval '2 d', now() - interval '3 d')",
    )
    .await;
}

/// A month of use: a connection of ann's and ben's each evening, one of cem's that is open, and many that got lost today.
async fn use_of_chat(db: &TestDatabase, lost_today: u32) {
    run_sql(
        db,
        &format!(
            "insert into streamkeeper.chat_connections
               (user_id, connection_id, opened_at, closed_at, cause, reason, reused, avoided, idle_saved_ms)
             select u, u || d, date_trunc('day', now()) - d * interval '1 day' + interval '19 h',
               date_trunc('day', now()) - d * interval '1 day' + interval '20 h', 'requested', 'inactive', 3, 1, 3600000
             from unnest(array['ann', 'ben']) u, generate_series(2, 21) d;
             insert into streamkeeper.chat_connections (user_id, connection_id, opened_at, cause)
             values ('cem', 'open', now() - interval '1 minute', 'lost');
             insert into streamkeeper.chat_connections (user_id, connection_id, opened_at)
             select 'dan', n::text, now() - interval '13 h' from generate_series(1, {lost_today}) n"
        ),
    )
    .await;
}

#[tokio::test]
async fn the_monitor_of_an_empty_database_is_quiet() {
    let db = TestDatabase::new().await;
    let report = report(&db).await;
    assert_eq!((&report["database"]["status"], &report["alerts"]), (&json!("ok"), &json!([])));
    assert!(report["database"]["latency_ms"].as_f64().unwrap() > 0.0);
    assert_eq!(report["log"]["lag_seconds"], json!({"median": null, "max": null}));
    assert_eq!(codes(&report["usage"]["insights"]), ["few_connections"]);
    let (code, stdout, stderr) = on(&db.url(), &["monitor-chat"]).await;
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(stdout.contains("health        ok\n") && stdout.ends_with("Alerts\n  none\n"), "{stdout}");
}

#[tokio::test]
async fn the_monitor_counts_what_there_is() {
    let db = TestDatabase::new().await;
    chats(&db).await;
    events(&db).await;
    use_of_chat(&db, 0).await;
    let report = report(&db).await;
    let expected = json!({
        "upcoming": 1, "open": 1, "closing": 1, "closed": 5,
        "left_active": 3, "overdue": 2, "closed_early": 1, "met_in_last_day": 4,
    });
    assert_eq!(report["chats"], expected);
    let log = &report["log"];
    assert_eq!(log["events_in_last_day"], 5);
    assert_eq!(log["by_type"], json!({"message.new": 3, "message.deleted": 1, "user.updated": 1}));
    assert_eq!(log["lag_seconds"], json!({"median": 1.5, "max": 120.0}));
    let usage = &report["usage"];
    for (name, value) in [
        ("connections", json!(41)),
        ("open_now", json!(1)),
        ("lost", json!(0)),
        ("peak_concurrent", json!(2)),
        ("idle_saved_seconds", json!(40 * 3600)),
        ("reused", json!(120)),
        ("avoided", json!(40)),
        ("reconnects", json!({"lost": 1})),
        ("closes", json!({"inactive": 40})),
    ] {
        assert_eq!(usage[name], value, "{name}");
    }
    assert_eq!(usage["monthly_active_users"]["total"], 3);
    assert_eq!(codes(&usage["insights"]), ["idle_saves"]);
    assert_eq!(codes(&report["alerts"]), ["chats_left_active", "chats_closed_early"]);

    let (code, stdout, _) = on(&db.url(), &["monitor-chat"]).await;
    assert_eq!(code, 0);
    for line in [
        "  health        alerts: 2, see below\n",
        "  connections   1 open now\n",
        "  left active   3 (2 for more than a day)\n",
        "  closed early  1\n",
        "  events        5\n",
        "                3 message.new\n",
        "  lag           1.5 s (median), 120.0 s (longest)\n",
        "  active users  3 (",
        "  connections   41 (0 never closed)\n",
        "  reconnects    1 (lost: 1)\n",
        "  peak          2 at once (",
        "  efficiency    80 % of what asked needed no new connection\n",
        "                50 % of the time saved while nobody was there (40 h 00 min)\n",
        "  peak hours    19:00 UTC: 2 at once, 4",
        "  info: Closing connections while nobody was there saved 50 % of the time.\n",
        "  warning: 2 of 3 chats that were left active should have been closed a day ago",
        "  warning: Closed before their time and without a reason: 1. ",
    ] {
        assert!(stdout.contains(line), "{line}{stdout}");
    }
}

#[tokio::test]
async fn the_monitor_raises_its_voice_about_the_webhook_and_the_connections_of_today() {
    let db = TestDatabase::new().await;
    chats(&db).await;
    run_sql(&db, "delete from chats where cid like 't:left%' or cid = 't:closed early'").await;
    assert_eq!(codes(&report(&db).await["alerts"]), ["webhook_silent"]);
    run_sql(
        &db,
        "insert into chat_logs (webhook_id, type, created_at) values ('0', 'message.new', now() - interval '61 s')",
    )
    .await;
    assert_eq!(codes(&report(&db).await["alerts"]), ["webhook_slow"]);
    events(&db).await;
    use_of_chat(&db, 20).await;
    let report = report(&db).await;
    assert_eq!(codes(&report["alerts"]), ["many_lost"]);
    let message = report["alerts"][0]["message"].as_str().unwrap();
    assert!(message.starts_with("Within 24 hours: 20 of 21 connections"), "{message}");
    assert_eq!((&report["usage"]["lost"], &report["usage"]["open_now"]), (&json!(20), &json!(1)));
}

#[tokio::test]
async fn a_trial_passes_every_step_and_leaves_nothing() {
    let db = TestDatabase::new().await;
    chats(&db).await;
    let rows = "select json_build_array((select json_agg(c order by cid) from chats c),
        (select count(*) from chat_logs), (select count(*) from streamkeeper.chat_connections))";
    let before: Value = sqlx::query_scalar(rows).fetch_one(&mut db.owner().await).await.unwrap();
    // Two at once wait for each other instead of failing.
    let url = db.url();
    let (one, two) = tokio::join!(on(&url, &["test-chat"]), on(&url, &["test-chat"]));
    for (code, stdout, stderr) in [one, two] {
        assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
        let steps = stdout.lines().filter(|line| line.starts_with("✓ ")).count();
        assert!(steps > 10 && !stdout.contains('✗'), "{stdout}");
        assert!(
            stdout.ends_with(&format!("\n{steps} of {steps} steps passed; nothing of the test was kept\n")),
            "{stdout}"
        );
    }
    let after: Value = sqlx::query_scalar(rows).fetch_one(&mut db.owner().await).await.unwrap();
    assert_eq!(after, before);
}

#[tokio::test]
async fn a_trial_finds_what_is_broken_and_goes_on() {
    let db = TestDatabase::new().await;
    // The old mistake: by the start instead of the end. And a log that cannot be written.
    run_sql(
        &db,
        "create or replace function close_expired_chats() returns int language sql security definer as $$
           update public.chats set closed_at = now() where starts_at < now() - interval '6 h'; select 1 $$;
         create or replace function record_chat_event(p_webhook_id text, p_event json) returns json language plpgsql as $$
           begin raise exception 'out of order' using detail = 'a second line'; end $$",
    )
    .await;
    let (code, stdout, stderr) = on(&db.url(), &["test-chat"]).await;
    assert_eq!((code, stderr.as_str()), (1, ""));
    let failed: Vec<&str> = stdout.lines().filter(|line| line.starts_with('✗')).collect();
    assert_eq!(
        failed,
        [
            "✗ an event of the webhook is kept: the database says: out of order",
            "✗ the same event is not kept twice: the database says: out of order",
            "✗ the chat's member reads it in the log",
            "✗ a chat that began 7 hours ago and goes on is open, and is not closed",
            "✗ 5 hours after its end it is closing, and is not closed",
            "✗ an appointment that is moved opens its chat again",
        ],
        "{stdout}"
    );
}

#[tokio::test]
async fn closing_by_hand_says_how_many_and_once_is_enough() {
    let db = TestDatabase::new().await;
    chats(&db).await;
    run_sql(&db, "delete from chats where cid = 't:left for months'").await;
    for printed in ["closed 2 expired chats\n", "closed 0 expired chats\n"] {
        assert_eq!(on(&db.url(), &["close-chats"]).await, (0, printed.to_owned(), String::new()));
    }
    run_sql(&db, "update chats set closed_at = null where cid = 't:left'").await;
    assert_eq!(on(&db.url(), &["close-chats"]).await.1, "closed 1 expired chat\n");
    let active: Vec<String> = sqlx::query_scalar("select cid from chats where closed_at is null order by cid")
        .fetch_all(&mut db.owner().await)
        .await
        .unwrap();
    assert_eq!(active, ["t:closing", "t:open", "t:upcoming"]);
}

const COMMANDS: [&[&str]; 4] = [&["monitor-chat"], &["monitor-chat", "--json"], &["test-chat"], &["close-chats"]];

#[tokio::test]
async fn a_database_that_cannot_be_reached_is_one_line_without_a_password() {
    let db = TestDatabase::new().await;
    let url = db.url();
    let (_, server) = url.split_once('@').unwrap();
    // A port that was free a moment ago may be another test's by now; nobody is ever given this one.
    // And a login that no server lets in, whatever it believes of passwords.
    for url in ["postgres://user:hunter2@127.0.0.1:1/db".to_owned(), format!("postgres://sk_nobody:hunter2@{server}")] {
        for arguments in COMMANDS {
            let (code, stdout, stderr) = on(&url, arguments).await;
            assert_eq!((code, stdout.as_str(), stderr.lines().count()), (1, "", 1), "{arguments:?}: {stderr}");
            assert!(stderr.starts_with("streamkeeper-gateway: the database cannot be reached: "), "{stderr}");
            assert!(!stderr.contains("hunter2"), "{stderr}");
        }
    }
}

#[tokio::test]
async fn a_database_without_the_migrations_is_told_what_is_missing() {
    let db = TestDatabase::empty().await;
    let url = db.url();
    for arguments in [&["monitor-chat"][..], &["close-chats"]] {
        let (code, stdout, stderr) = on(&url, arguments).await;
        assert_eq!((code, stdout.as_str(), stderr.lines().count()), (1, "", 1), "{stderr}");
        assert!(stderr.contains("does not exist") && stderr.contains("streamkeeper-gateway migrate"), "{stderr}");
    }
    let (code, stdout, _) = on(&url, &["test-chat"]).await;
    assert!(code == 1 && !stdout.contains('✓') && stdout.contains("streamkeeper-gateway migrate"), "{stdout}");
}

#[tokio::test]
async fn the_login_of_a_gateway_is_enough() {
    let db = TestDatabase::new().await;
    let login = format!("sk_commands_{}", std::process::id());
    let role =
        format!("create role {login} login password '{login}' noinherit in role anon, authenticated, service_role");
    run_sql(&db, &role).await;
    let url = db.url();
    let (_, server) = url.split_once('@').unwrap();
    let url = format!("postgres://{login}:{login}@{server}");
    let mut answers = Vec::new();
    for arguments in COMMANDS {
        answers.push(on(&url, arguments).await);
    }
    run_sql(&db, &format!("drop role {login}")).await;
    for (code, stdout, stderr) in answers {
        assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    }
}

//! The operator's report and page: who may see them, and that the report says what the database has.

use database_tests::TestDatabase;
use gateway_tests::{Answer, Gateway, run_sql};
use reqwest::Method;
use serde_json::{Value, json};

const TOKEN: &str = "a-token-for-operators";

/// Nothing sweeps by itself, so that what is seen is what a test has made.
async fn gateway(db: &TestDatabase, demo: bool, variables: &[(&str, &str)]) -> Gateway {
    let never = std::time::Duration::from_secs(86_400);
    Gateway::start_with(db.options(), demo, variables, |config| {
        config.sweep_interval = never;
        config.rooms_interval = never;
    })
    .await
}

async fn ask(gateway: &Gateway, token: Option<&str>) -> Answer {
    let request = gateway.request(Method::GET, "/debug/report");
    Answer::of_database(token.into_iter().fold(request, |request, token| request.bearer_auth(token))).await
}

#[tokio::test]
async fn the_report_is_for_operators_only() {
    let db = TestDatabase::new().await;
    let closed = gateway(&db, false, &[]).await;
    assert_eq!(ask(&closed, None).await.error(), (403, "42501".into()));
    let guarded = gateway(&db, false, &[("ADMIN_TOKEN", TOKEN)]).await;
    assert_eq!(ask(&guarded, None).await.error(), (401, "28000".into()));
    assert_eq!(ask(&guarded, Some("a-token-for-nobody")).await.error(), (401, "28000".into()));
    let answer = ask(&guarded, Some(TOKEN)).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"));
    // The demo is everybody's, unless somebody wants it to himself.
    assert_eq!(ask(&gateway(&db, true, &[]).await, None).await.status, 200);
    assert_eq!(ask(&gateway(&db, true, &[("ADMIN_TOKEN", TOKEN)]).await, None).await.status, 401);
}

#[tokio::test]
async fn an_empty_database_has_nothing_to_report() {
    let db = TestDatabase::new().await;
    let gateway = gateway(&db, false, &[("ADMIN_TOKEN", TOKEN)]).await;
    let report = ask(&gateway, Some(TOKEN)).await.json();
    assert_eq!(report["streams"], json!({"live": 0, "list": []}));
    assert_eq!((&report["orphans"], &report["stuck_rooms"]), (&json!([]), &json!([])));
    assert_eq!(report["notices"]["states"], json!([]));
    for days in [&report["ends"], &report["notices"]["days"]] {
        assert_eq!(days.as_array().unwrap().len(), 14);
    }
    assert_eq!(report["ends"][13]["attempts"], 0);
    assert_eq!(report["ends"][13]["success_rate"], Value::Null);
    assert_eq!(report["chat"]["peak_hours"].as_array().unwrap().len(), 24);
}

#[tokio::test]
async fn it_counts_what_there_is() {
    let db = TestDatabase::new().await;
    let gateway = gateway(&db, false, &[("ADMIN_TOKEN", TOKEN)]).await;
    // What a gateway sweeps when it starts is swept before there is anything.
    for _ in 0..200 {
        if ask(&gateway, Some(TOKEN)).await.json()["sweep"]["last_at"].is_string() {
            break;
        }
    }
    // 60 that are held, one whose leases are over, and one that ended at its second attempt; a room that is stuck.
    run_sql(
        &db,
        "insert into app_users (user_id) values ('ann');
         insert into livestreams (id, streamer_id, title, status, started_at, last_seen_at)
           select gen_random_uuid(), 'ann', 'Number ' || n, 'live', now() - interval '1 h' + n * interval '1 s', now()
           from generate_series(1, 60) n;
         select streamkeeper.hold(id, 'page', 90) from livestreams;
         update streamkeeper.leases set lease_until = now() - interval '10 min'
           where subject = (select id::text from livestreams where title = 'Number 1');
         update streamkeeper.sweeper set last_run_at = now(), alive_since = now() - interval '1 h';
         select end_stream_comprehensive(p_stream_id => id, p_attempt => 2) from livestreams where title = 'Number 2';
         insert into live_rooms (host_user_id, status) values ('ann', 'lobby');
         insert into events (id, host_user_id, title, grace_seconds, status, ended_at, ended_by)
           select ('00000000-0000-4000-8000-00000000000' || n)::uuid, 'ann', 'Concert', 30, 'ended', now(), 'absence'
           from generate_series(1, 3) n;
         insert into notifications (dedupe_key, event_id, generation, host_user_id, state, ended_at, ended_by, due_at, last_error)
           select s, ('00000000-0000-4000-8000-00000000000' || n)::uuid, 1, 'ann', s, now(), 'absence',
             now() - interval '5 min', case s when 'failed' then '550 no such mailbox' end
           from unnest('{sent,failed,queued}'::text[]) with ordinality as t (s, n);
         insert into streamkeeper.chat_connections (user_id, connection_id, opened_at)
           values ('ann', 'a', now() - interval '1 min'), ('ben', 'b', now() - interval '1 min')",
    )
    .await;
    let report = ask(&gateway, Some(TOKEN)).await.json();
    assert_eq!(report["streams"]["live"], 59);
    let list = report["streams"]["list"].as_array().unwrap();
    assert_eq!((list.len(), &list[0]["title"], &list[49]["title"]), (50, &json!("Number 1"), &json!("Number 51")));
    assert!(list.iter().all(|stream| stream["held_until"].is_string()));
    assert_eq!(report["orphans"].as_array().unwrap().len(), 1);
    assert_eq!(report["orphans"][0]["reason"], "not_swept");
    let today = &report["ends"][13];
    for (name, value) in [("attempts", 2), ("ended", 1), ("lost", 1), ("retries", 1)] {
        assert_eq!(today[name], value, "{name}: {today}");
    }
    assert_eq!(today["success_rate"], 0.5);
    assert_eq!((&report["rooms"]["stuck"], &report["stuck_rooms"][0]["why"]), (&json!(1), &json!("no_session")));
    assert_eq!(
        report["notices"]["states"],
        json!([
            {"state": "failed", "count": 1, "late": 0, "last_error": "550 no such mailbox"},
            {"state": "queued", "count": 1, "late": 1, "last_error": null},
            {"state": "sent", "count": 1, "late": 0, "last_error": null},
        ])
    );
    let today = &report["notices"]["days"][13];
    assert_eq!((&today["ended"], &today["sent"], &today["failed"]), (&json!(3), &json!(1), &json!(1)));
    assert_eq!((&report["chat"]["open_now"], &report["chat"]["peak_concurrent"]), (&json!(2), &json!(2)));
    assert!(report["sweep"]["last_at"].is_string());
}

/// What anybody may have: a page without a word of what it shows.
#[tokio::test]
async fn the_page_is_served_where_there_is_one_and_lets_nothing_else_in() {
    let db = TestDatabase::new().await;
    let directory = std::env::temp_dir().join(format!("sk_operator_{}", std::process::id()));
    std::fs::create_dir_all(directory.join("operator/assets")).unwrap();
    std::fs::write(directory.join("index.html"), "the demo").unwrap();
    std::fs::write(directory.join("operator/index.html"), "<!doctype html>the operator's page").unwrap();
    std::fs::write(directory.join("operator/assets/index-1.js"), "1").unwrap();
    let (demo, alone) = (directory.to_str().unwrap(), directory.join("operator"));
    let without = gateway(&db, false, &[]).await;
    assert_eq!(Answer::of(without.request(Method::GET, "/operator")).await.status, 404);
    for (in_demo, variable) in [(true, ("DEMO_DIR", demo)), (false, ("OPERATOR_DIR", alone.to_str().unwrap()))] {
        let gateway = gateway(&db, in_demo, &[variable]).await;
        for path in ["/operator", "/operator/"] {
            let page = Answer::of(gateway.request(Method::GET, path)).await;
            assert_eq!((page.status, page.text.as_str()), (200, "<!doctype html>the operator's page"), "{path}");
            assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"));
            assert_eq!((page.header("referrer-policy"), page.header("cache-control")), ("no-referrer", "no-cache"));
        }
        assert_eq!(Answer::of(gateway.request(Method::GET, "/operator/assets/index-1.js")).await.text, "1");
        // What is beside it is not its.
        assert_eq!(Answer::of(gateway.request(Method::GET, "/operator/..%2findex.html")).await.status, 404);
    }
    std::fs::remove_dir_all(&directory).unwrap();
}

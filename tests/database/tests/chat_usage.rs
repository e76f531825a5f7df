//! `chat_usage`: what each number counts, what it says, and who is told.

use database_tests::{TestDatabase, Who, code, message};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, raw_sql};

async fn run(db: &TestDatabase, sql: &str) {
    raw_sql(AssertSqlSafe(sql)).execute(&mut db.owner().await).await.unwrap();
}

/// Connections: whose, from when until when (`null`: still open), with further columns of theirs as SQL.
async fn connections(db: &TestDatabase, columns: &str, rows: &[&str]) {
    let more = if columns.is_empty() { String::new() } else { format!(", {columns}") };
    for (n, row) in rows.iter().enumerate() {
        run(
            db,
            &format!(
                "insert into streamkeeper.chat_connections (connection_id, user_id, opened_at, closed_at{more})
                 values ('{columns} {n}', {row})"
            ),
        )
        .await;
    }
}

async fn usage(db: &TestDatabase, from: &str, to: &str) -> Value {
    db.caller(Who::Admin("admin")).await.call(&format!("chat_usage('{from}', '{to}')")).await.unwrap()
}

fn codes(insights: &Value) -> Vec<&str> {
    insights.as_array().unwrap().iter().map(|insight| insight["code"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_range_without_connections_has_all_numbers_and_they_are_nothing() {
    let db = TestDatabase::new().await;
    let mut usage = usage(&db, "2026-01-01T00:00Z", "2026-02-01T00:00Z").await;
    let hours: Vec<Value> = (0..24).map(|h| json!({"hour": h, "connections": 0, "peak_concurrent": 0})).collect();
    assert_eq!(usage["peak_hours"].take(), json!(hours));
    assert_eq!(codes(&usage["insights"].take()), ["few_connections"]);
    assert_eq!(
        usage,
        json!({
            "from": "2026-01-01T00:00:00+00:00", "to": "2026-02-01T00:00:00+00:00",
            "monthly_active_users": {"total": 0, "months": []},
            "connections": 0, "open_now": 0, "lost": 0, "peak_concurrent": 0, "peak_at": null,
            "connected_seconds": 0, "idle_saved_seconds": 0, "reused": 0, "avoided": 0,
            "efficiency": {"reuse": null, "idle": null}, "reconnects": {}, "closes": {},
            "peak_hours": null, "insights": null
        })
    );
}

#[tokio::test]
async fn a_connection_counts_by_its_part_of_the_range_and_its_events_where_they_happened() {
    let db = TestDatabase::new().await;
    connections(
        &db,
        "cause, reason, reused, avoided, idle_saved_ms",
        &[
            // Before, after, and touching neither end.
            "'x', '2026-01-09T00:00Z', '2026-01-09T23:59Z', null, 'hidden', 9, 9, 9000000",
            "'x', '2026-02-10T00:00Z', '2026-02-10T01:00Z', 'lost', 'hidden', 9, 9, 9000000",
            // In from the left: opened before, closed within.
            "'ana', '2026-01-09T12:00Z', '2026-01-10T01:00Z', 'lost', 'hidden', 1, 0, 600000",
            // Within.
            "'ben', '2026-01-31T22:30Z', '2026-02-01T00:30Z', 'requested', 'inactive', 2, 3, 1200000",
            "'ben', '2026-02-01T00:30Z', '2026-02-01T00:40Z', 'inactive', null, 0, 0, 0",
            // Out to the right: its closing is not in the range.
            "'cat', '2026-02-09T23:00Z', '2026-02-11T00:00Z', 'unhealthy', 'hidden', 9, 9, 9000000",
        ],
    )
    .await;
    let mut usage = usage(&db, "2026-01-10T00:00Z", "2026-02-10T00:00Z").await;
    let hours = usage["peak_hours"].take();
    let busy: Vec<&Value> = hours.as_array().unwrap().iter().filter(|hour| hour["peak_concurrent"] != 0).collect();
    assert_eq!(
        json!(busy),
        json!([
            {"hour": 0, "connections": 1, "peak_concurrent": 1},
            {"hour": 22, "connections": 1, "peak_concurrent": 1},
            {"hour": 23, "connections": 1, "peak_concurrent": 1}
        ])
    );
    usage["insights"].take();
    assert_eq!(
        usage,
        json!({
            "from": "2026-01-10T00:00:00+00:00", "to": "2026-02-10T00:00:00+00:00",
            "monthly_active_users": {
                "total": 3, "months": [{"month": "2026-01", "users": 2}, {"month": "2026-02", "users": 2}]
            },
            "connections": 3, "open_now": 0, "lost": 0,
            // One that opens as another closes is not open at the same time.
            "peak_concurrent": 1, "peak_at": "2026-01-10T00:00:00+00:00",
            "connected_seconds": 3600 + 7200 + 600 + 3600, "idle_saved_seconds": 1800, "reused": 3, "avoided": 3,
            "efficiency": {"reuse": 0.6667, "idle": 0.1071},
            "reconnects": {"inactive": 1, "unhealthy": 1}, "closes": {"hidden": 1, "inactive": 1, "unknown": 1},
            "peak_hours": null, "insights": null
        })
    );
}

#[tokio::test]
async fn what_is_open_counts_until_now_and_what_is_lost_counts_apart() {
    let db = TestDatabase::new().await;
    connections(
        &db,
        "",
        &[
            "'ana', now() - interval '1 h', null",
            "'ben', now() - interval '11 h 59 min', null",
            "'cat', now() - interval '12 h 1 min', null",
            "'dan', now() - interval '2 days', null",
            "'eve', now() - interval '2 days', now() - interval '1 day'",
        ],
    )
    .await;
    let mut admin = db.caller(Who::Admin("admin")).await;
    let now = admin.call("chat_usage(now() - interval '3 days', now() + interval '3 days')").await.unwrap();
    assert_eq!((&now["open_now"], &now["lost"], &now["connections"]), (&json!(2), &json!(2), &json!(5)));
    assert_eq!(now["peak_concurrent"], json!(2));
    assert_eq!(now["monthly_active_users"]["total"], json!(5));
    let seconds = now["connected_seconds"].as_i64().unwrap();
    let sure = (24 + 1) * 3600 + 11 * 3600 + 59 * 60;
    // The test itself takes its time, during which two are open.
    assert!((sure..sure + 600).contains(&seconds), "{seconds} s, {sure} s");
    // A later range: the lost ones were lost before it.
    let later = admin.call("chat_usage(now() - interval '2 h', now())").await.unwrap();
    assert_eq!((&later["open_now"], &later["lost"], &later["connections"]), (&json!(2), &json!(0), &json!(1)));
    assert_eq!(later["monthly_active_users"]["total"], json!(2));
    // Lost, and yet heard of in the end: then it is known for how long it was there.
    let close = "record_chat_connection(' 2', true, p_reason => 'frozen')";
    db.caller(Who::User("cat")).await.call(close).await.unwrap();
    let closed = admin.call("chat_usage(now() - interval '3 days', now())").await.unwrap();
    assert_eq!((&closed["lost"], &closed["closes"]), (&json!(1), &json!({"frozen": 1, "unknown": 1})));
    assert_eq!(closed["peak_concurrent"], json!(3));
}

#[tokio::test]
async fn each_insight_is_given_for_its_cause_and_only_for_that() {
    let db = TestDatabase::new().await;
    let mut service = db.owner().await;
    let healthy = json!({
        "connections": 100, "lost": 0, "efficiency": {"reuse": 0.5, "idle": 0.05},
        "reconnects": {}, "closes": {"inactive": 10, "hidden": 10}
    });
    for (path, value, expected) in [
        ("{lost}", json!(10), vec![]),
        ("{lost}", json!(11), vec![("warning", "many_lost")]),
        ("{reconnects}", json!({"unhealthy": 10, "lost": 20, "forced": 5}), vec![]),
        ("{reconnects}", json!({"unhealthy": 11}), vec![("warning", "many_unhealthy")]),
        ("{reconnects}", json!({"lost": 21}), vec![("warning", "many_dropped")]),
        ("{reconnects}", json!({"forced": 6}), vec![("warning", "many_forced")]),
        ("{closes}", json!({"hidden": 1, "token": 5}), vec![]),
        ("{closes}", json!({"hidden": 1, "token": 3, "refused": 3}), vec![("warning", "many_refused")]),
        ("{closes}", json!({"sign_out": 90}), vec![("info", "no_idle_closes")]),
        ("{efficiency,reuse}", json!(0.24), vec![("info", "low_reuse")]),
        ("{efficiency,idle}", json!(0.4), vec![("info", "idle_saves")]),
        ("{efficiency}", json!({"reuse": null, "idle": null}), vec![]),
        // Too few: nothing is said, whatever they are like.
        ("{}", json!({"connections": 19, "lost": 19}), vec![("info", "few_connections")]),
    ] {
        let insights: Value = sqlx::query_scalar(
            "select streamkeeper.chat_insights(case when $2 = '{}' then $1 || $3 else jsonb_set($1, $2::text[], $3) end)",
        )
        .bind(&healthy)
        .bind(path)
        .bind(&value)
        .fetch_one(&mut service)
        .await
        .unwrap();
        let given: Vec<(&str, &str)> = insights
            .as_array()
            .unwrap()
            .iter()
            .map(|i| (i["level"].as_str().unwrap(), i["code"].as_str().unwrap()))
            .collect();
        assert_eq!(given, expected, "{path} {value}");
        assert!(insights.as_array().unwrap().iter().all(|i| i["message"].as_str().unwrap().len() > 20), "{insights}");
    }
}

#[tokio::test]
async fn what_is_no_range_is_refused_by_name() {
    let db = TestDatabase::new().await;
    let mut admin = db.caller(Who::Admin("admin")).await;
    admin.execute("set time zone 'UTC'").await.unwrap();
    let order = "p_from must be before p_to";
    for (range, said) in [
        ("null, '2026-01-01'", format!("p_from is null and p_to is 2026-01-01 00:00:00+00; {order}")),
        ("'2026-01-01', null", format!("p_from is 2026-01-01 00:00:00+00 and p_to is null; {order}")),
        ("'-infinity', '2026-01-01'", format!("p_from is -infinity and p_to is 2026-01-01 00:00:00+00; {order}")),
        ("'2026-01-01', 'infinity'", format!("p_from is 2026-01-01 00:00:00+00 and p_to is infinity; {order}")),
        (
            "'2026-01-01', '2026-01-01'",
            format!("p_from is 2026-01-01 00:00:00+00 and p_to is 2026-01-01 00:00:00+00; {order}"),
        ),
        (
            "'2026-01-02', '2026-01-01'",
            format!("p_from is 2026-01-02 00:00:00+00 and p_to is 2026-01-01 00:00:00+00; {order}"),
        ),
        ("'2024-01-01', '2025-02-04 00:00:01'", "p_to is more than 400 days after p_from".into()),
    ] {
        let call = format!("chat_usage({range})");
        assert_eq!(code(admin.call(&call).await), "22023", "{call}");
        assert_eq!(message(admin.call(&call).await), said, "{call}");
    }
    admin.call("chat_usage('2024-01-01', '2025-02-04')").await.unwrap();
}

#[tokio::test]
async fn usage_is_for_admins_and_the_service() {
    let db = TestDatabase::new().await;
    for (who, allowed) in
        [(Who::Anon, false), (Who::User("ana"), false), (Who::Admin("admin"), true), (Who::Service, true)]
    {
        let result = db.caller(who).await.call("chat_usage(now() - interval '1 day', now())").await;
        if allowed {
            result.unwrap();
        } else {
            assert_eq!(code(result), "42501", "{who:?}");
        }
    }
}

#[tokio::test]
async fn the_time_zone_of_a_session_changes_nothing() {
    let db = TestDatabase::new().await;
    connections(&db, "", &["'ana', '2026-01-31T22:30Z', '2026-01-31T23:30Z'"]).await;
    let mut admin = db.caller(Who::Admin("admin")).await;
    let mut seen = Vec::new();
    for zone in ["UTC", "Asia/Kathmandu", "America/St_Johns"] {
        admin.execute(&format!("set time zone '{zone}'")).await.unwrap();
        let usage = admin.call("chat_usage('2026-01-31T22:10Z', '2026-02-02T00:00Z')").await.unwrap();
        seen.push((usage["monthly_active_users"].clone(), usage["peak_hours"].clone()));
    }
    assert!(seen.iter().all(|s| *s == seen[0]), "{seen:#?}");
    assert_eq!(seen[0].0["months"], json!([{"month": "2026-01", "users": 1}]));
    assert_eq!(seen[0].1[22], json!({"hour": 22, "connections": 1, "peak_concurrent": 1}));
    assert_eq!(seen[0].1[23], json!({"hour": 23, "connections": 0, "peak_concurrent": 1}));
}

#[tokio::test]
async fn a_range_and_what_is_open_have_an_index() {
    let db = TestDatabase::new().await;
    let mut owner = db.owner().await;
    raw_sql(
        "insert into streamkeeper.chat_connections (user_id, connection_id, opened_at, closed_at)
         select 'user', 'c-' || n, now() - n * interval '10 min', now() - n * interval '10 min' + interval '5 min'
         from generate_series(1, 20000) n;
         analyze streamkeeper.chat_connections;",
    )
    .execute(&mut owner)
    .await
    .unwrap();
    for (query, index) in [
        (
            "select * from streamkeeper.chat_connections c
             where tstzrange(c.opened_at, c.closed_at, '[]') && tstzrange(now() - interval '1 day', now())",
            "chat_connections_by_time",
        ),
        ("select count(*) from streamkeeper.chat_connections where closed_at is null", "chat_connections_open"),
    ] {
        let plan: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(format!("explain {query}"))).fetch_all(&mut owner).await.unwrap();
        assert!(plan.join("\n").contains(index), "{query}: {plan:#?}");
    }
}

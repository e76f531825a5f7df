//! Many at once, over two gateways that are processes of their own.

use database_tests::TestDatabase;
use gateway_tests::program::serving;
use gateway_tests::{Answer, SECRET, client, run_sql, user};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use tokio::process::Child;
use tokio::task::JoinSet;

/// Two gateways on one database.
async fn two_gateways(db: &TestDatabase) -> [(Child, String); 2] {
    let url = db.url();
    let variables = [("DATABASE_URL", url.as_str()), ("JWT_SECRET", SECRET), ("BIND", "127.0.0.1:0")];
    let start = async || {
        let (child, url, _) = serving(&["serve"], &variables).await;
        (child, url)
    };
    [start().await, start().await]
}

async fn call(url: &str, token: &str, body: Option<&Value>) -> Answer {
    let request = match body {
        Some(body) => client().post(url).json(body),
        None => client().get(url),
    };
    Answer::of_database(request.bearer_auth(token)).await
}

async fn count(db: &TestDatabase, from: &str) -> i64 {
    let sql = format!("select count(*) from {from}");
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut db.owner().await).await.unwrap()
}

/// 200 people's worth of clicking in one room, half at each gateway; what each was answered.
async fn two_hundred(
    gateways: &[(Child, String); 2],
    room: &str,
    token: &str,
    key: fn(usize) -> String,
) -> Vec<Answer> {
    let mut calls = JoinSet::new();
    for (n, (_, url)) in gateways.iter().cycle().take(200).enumerate() {
        let (url, token) = (format!("{url}/rooms/{room}/sessions"), token.to_owned());
        calls.spawn(async move { call(&url, &token, Some(&json!({"title": "T", "idempotency_key": key(n)}))).await });
    }
    calls.join_all().await
}

/// One session, with one stream, and nothing beside them.
async fn check(db: &TestDatabase, session: &Value) {
    assert_eq!(count(db, "live_room_sessions").await, 1);
    assert_eq!(count(db, "livestreams").await, 1);
    let id = session["id"].as_str().unwrap();
    let is_whole = format!(
        "live_rooms r join live_room_sessions s on s.id = r.current_session_id join livestreams l on l.id = s.stream_id
         where s.id = '{id}' and (r.status, s.status, l.status) = ('live', 'live', 'live')"
    );
    assert_eq!(count(db, &is_whole).await, 1);
    assert_eq!(count(db, "stuck_rooms()").await, 0);
    assert_eq!(count(db, "live_room_listing()").await, 1);
}

async fn room_of(gateways: &[(Child, String); 2], token: &str) -> String {
    let answer = call(&format!("{}/rooms/me", gateways[0].1), token, None).await;
    answer.json()["id"].as_str().unwrap_or_else(|| panic!("{}", answer.text)).to_owned()
}

#[tokio::test]
async fn two_hundred_go_lives_with_one_key_are_one_session() {
    let db = TestDatabase::new().await;
    let gateways = two_gateways(&db).await;
    let ann = user("ann");
    let room = room_of(&gateways, &ann).await;
    let answers = two_hundred(&gateways, &room, &ann, |_| "k".to_owned()).await;
    let created: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 201).collect();
    let [created] = created.as_slice() else { panic!("{created:?}") };
    let session = created.json();
    for answer in &answers {
        assert!([200, 201].contains(&answer.status), "{}", answer.text);
        assert_eq!(answer.json()["id"], session["id"]);
    }
    check(&db, &session).await;
}

#[tokio::test]
async fn two_hundred_go_lives_with_keys_of_their_own_are_one_session_and_conflicts_that_name_it() {
    let db = TestDatabase::new().await;
    let gateways = two_gateways(&db).await;
    let ann = user("ann");
    let room = room_of(&gateways, &ann).await;
    let answers = two_hundred(&gateways, &room, &ann, |n| format!("k-{n}")).await;
    let (created, others): (Vec<&Answer>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    let [created] = created.as_slice() else { panic!("{created:?}") };
    let session = created.json();
    for other in others {
        assert_eq!(other.error(), (409, "PT409".into()));
        let live: Value = serde_json::from_str(other.json()["details"].as_str().unwrap()).unwrap();
        assert_eq!(live["id"], session["id"]);
    }
    check(&db, &session).await;
}

#[tokio::test]
async fn two_hundred_first_visits_are_one_room() {
    let db = TestDatabase::new().await;
    let gateways = two_gateways(&db).await;
    let ann = user("ann");
    let mut calls = JoinSet::new();
    for (_, url) in gateways.iter().cycle().take(200) {
        let (url, token) = (format!("{url}/rooms/me"), ann.clone());
        calls.spawn(async move { call(&url, &token, None).await });
    }
    let rooms = calls.join_all().await;
    let first = rooms[0].json();
    for room in &rooms {
        assert_eq!((room.status, &room.json()["id"]), (200, &first["id"]), "{}", room.text);
    }
    assert_eq!(count(&db, "live_rooms").await, 1);
    assert_eq!(count(&db, "app_users").await, 1);
}

/// What a gateway was about to do when it was killed is not done, and its locks go with it.
#[tokio::test]
async fn the_end_of_a_gateway_while_others_wait_for_its_lock_keeps_nobody_waiting() {
    let db = TestDatabase::new().await;
    let [(mut one, first), (_other, second)] = two_gateways(&db).await;
    let ann = user("ann");
    let me = call(&format!("{first}/rooms/me"), &ann, None).await.json();
    let room = me["id"].as_str().unwrap();
    // Whoever goes live by the first waits, holding the room.
    run_sql(
        &db,
        "create function t_wait() returns trigger language plpgsql as $$
           begin
             if new.idempotency_key = 'first' then perform pg_advisory_xact_lock(1); end if;
             return new;
           end $$;
         create trigger t_wait before update on live_room_sessions for each row execute function t_wait()",
    )
    .await;
    let mut holder = db.owner().await;
    sqlx::query("select pg_advisory_lock(1)").execute(&mut holder).await.unwrap();
    let sessions = |url: &str| format!("{url}/rooms/{room}/sessions");
    let (held, waiting) = (sessions(&first), sessions(&second));
    let token = ann.clone();
    let held = tokio::spawn(async move {
        client().post(held).bearer_auth(token).json(&json!({"idempotency_key": "first"})).send().await
    });
    gateway_tests::until_waiting(&db, 1).await;
    let token = ann.clone();
    let waiting =
        tokio::spawn(async move { call(&waiting, &token, Some(&json!({"idempotency_key": "second"}))).await });
    gateway_tests::until_waiting(&db, 2).await;
    one.kill().await.unwrap();
    assert!(held.await.unwrap().is_err());
    sqlx::query("select pg_advisory_unlock(1)").execute(&mut holder).await.unwrap();
    let created = waiting.await.unwrap();
    assert_eq!(created.status, 201, "{}", created.text);
    check(&db, &created.json()).await;
}

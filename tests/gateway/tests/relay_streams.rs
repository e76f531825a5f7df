//! What is relayed: who may change it, who may see what of it, how players get to it, and that every gateway follows the
//! database, whoever changed it there.

use database_tests::TestDatabase;
use futures_util::future::join_all;
use gateway_tests::relays::{ADMIN_TOKEN, Relaying, demo_gateway, go_live, key, streamer};
use gateway_tests::{Answer, Gateway, SECRET, admin, run_sql, user};
use reqwest::Method;
use serde_json::{Value, json};

/// A live stream, relayed both ways from the demo's own origin.
async fn relayed() -> (TestDatabase, Gateway, Relaying, String) {
    let (db, gateway, relaying) = demo_gateway().await;
    let key = key(1);
    go_live(&gateway.url, &streamer(), &key).await;
    relaying.relay(&key, upstreams(&gateway.url, "")).await;
    (db, gateway, relaying, key)
}

fn upstreams(origin: &str, query: &str) -> Value {
    json!({
        "hls": format!("{origin}/demo/origin/hls/camera/index.m3u8{query}"),
        "ts": format!("{origin}/demo/origin/ts/camera{query}"),
    })
}

/// Waits until a playback URL for this stream would be too late.
async fn until_over(relaying: &Relaying, key: &str) {
    for kind in ["hls", "ts"] {
        while relaying.playback(key, kind).await.status != 410 {}
    }
}

#[tokio::test]
async fn everybody_sees_what_is_relayed_and_operators_from_where() {
    let (_db, gateway, relaying, key) = relayed().await;
    let request = relaying.request(Method::GET, "/streams");
    let streams = Answer::of_database(request).await.json();
    let [stream] = &streams.as_array().unwrap()[..] else { panic!("{streams}") };
    assert_eq!((&stream["key"], &stream["title"]), (&json!(key), &json!("Concert")));
    assert!(stream["started_at"].is_string());
    for kind in ["hls", "ts"] {
        let relay = &stream["relays"][kind];
        assert_eq!((&relay["state"], &relay["reason"], &relay["clients"]), (&json!("ok"), &json!(null), &json!(0)));
        assert!(relay["since"].is_string() && relay.get("upstream").is_none() && relay.get("generation").is_none());
    }
    for token in [ADMIN_TOKEN.to_owned(), admin("boss")] {
        let answer = Answer::of_database(relaying.request(Method::GET, "/streams").bearer_auth(token)).await;
        let relay = &answer.json()[0]["relays"]["hls"];
        assert_eq!(relay["upstream"], gateway.url, "nothing of what may be a key");
        assert!(relay["generation"].is_i64());
    }
    let answer = Answer::of_database(relaying.request(Method::GET, "/streams").bearer_auth(user("other"))).await;
    assert!(!answer.text.contains("upstream"), "{}", answer.text);
}

#[tokio::test]
async fn only_operators_say_what_is_relayed_and_end_it() {
    let (_db, gateway, relaying, key) = relayed().await;
    let body = json!({ "stream_id": key, "hls": "https://origin.example.org/" });
    let path = format!("/streams/{key}");
    for (token, refusal) in [
        (None, (401, "42501")),
        (Some("not_the_admin_token_of_the_tests".to_owned()), (401, "PGRST301")),
        (Some(streamer()), (403, "42501")),
    ] {
        let set = relaying.request(Method::POST, "/streams").json(&body);
        for request in [set, relaying.request(Method::DELETE, &path)] {
            let request = token.iter().fold(request, |request, token| request.bearer_auth(token));
            assert_eq!(Answer::of(request).await.error(), (refusal.0, refusal.1.to_owned()), "{token:?}");
        }
    }
    // An admin's own token will do.
    let body = json!({ "stream_id": key, "hls": upstreams(&gateway.url, "?other")["hls"] });
    let set = relaying.request(Method::POST, "/streams").json(&body).bearer_auth(admin("boss"));
    assert_eq!(Answer::of_database(set).await.status, 200);
    let end = relaying.request(Method::DELETE, &path).bearer_auth(admin("boss"));
    assert_eq!(Answer::of_database(end).await.json()["status"], "ended");
}

#[tokio::test]
async fn what_cannot_be_relayed_is_refused_with_the_field_and_the_rule_and_never_with_the_address() {
    let (_db, gateway, relaying, key) = relayed().await;
    let before = relaying.operator(Method::GET, "/streams", None).await.json();
    let long = format!("{}/{}", gateway.url, "x".repeat(2000));
    for (body, status, part) in [
        (json!({ "hls": "https://origin.example.org/" }), 400, "stream_id is missing"),
        (json!({ "stream_id": "x", "hls": "https://origin.example.org/" }), 400, "stream_id must be a uuid"),
        (json!({ "stream_id": key }), 400, "hls is missing, and so is ts"),
        (json!({ "stream_id": key, "hls": 1 }), 400, "hls must be a text"),
        (json!({ "stream_id": key, "rtmp": "x" }), 400, "rtmp is not known here"),
        (json!({ "stream_id": key, "hls": "file:///etc/hunter2" }), 400, "hls: "),
        (json!({ "stream_id": key, "ts": "https://origin.example.org/hunter2" }), 400, "ts: "),
        (json!({ "stream_id": key, "ts": "http://192.168.0.1/hunter2" }), 400, "ts: "),
        (json!({ "stream_id": key, "hls": "http://user:hunter2@127.0.0.1/" }), 400, "hls: "),
        (json!({ "stream_id": key, "hls": gateway.url, "ts": "hunter2" }), 400, "ts: "),
        (json!({ "stream_id": key, "ts": long }), 400, "p_ts is"),
        (json!({ "stream_id": gateway_tests::relays::key(9), "ts": gateway.url }), 404, "there is no stream"),
    ] {
        let answer = relaying.operator(Method::POST, "/streams", Some(body.clone())).await;
        assert_eq!(answer.error().0, status, "{body}: {}", answer.text);
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains(part) && !message.contains("hunter2"), "{body}: {message}");
    }
    assert_eq!(relaying.operator(Method::GET, "/streams", None).await.json(), before);
    relaying.operator(Method::DELETE, &format!("/streams/{key}"), None).await;
    let body = json!({ "stream_id": key, "ts": gateway.url });
    assert_eq!(relaying.operator(Method::POST, "/streams", Some(body)).await.error().0, 409);
}

#[tokio::test]
async fn without_a_list_of_upstreams_nothing_is_relayed_and_that_is_said() {
    let db = TestDatabase::new().await;
    let gateway = Gateway::start(db.options(), false, &[("ADMIN_TOKEN", ADMIN_TOKEN)]).await;
    let relaying = Relaying::at(&gateway.url);
    go_live(&gateway.url, &streamer(), &key(1)).await;
    let body = json!({ "stream_id": key(1), "hls": "https://origin.example.org/" });
    let answer = relaying.operator(Method::POST, "/streams", Some(body)).await;
    assert_eq!(answer.error(), (403, "42501".to_owned()));
    assert!(answer.text.contains("RELAY_UPSTREAMS"), "{}", answer.text);
    // Another gateway relays it: this one knows, and leaves it alone.
    run_sql(&db, &format!("select set_stream_relay('{}', 'https://origin.example.org/')", key(1))).await;
    assert_eq!(relaying.listed(&key(1)).await["hls"]["state"], "ok");
    assert_eq!(relaying.sync_check("").await["discrepancies"]["has_issues"], false);
    assert_eq!(relaying.playback(&key(1), "hls").await.status, 410);
}

#[tokio::test]
async fn the_same_upstream_again_is_the_same_relay_and_another_one_its_successor() {
    let (_db, gateway, relaying, key) = relayed().await;
    let first = relaying.relay(&key, upstreams(&gateway.url, "")).await;
    let path = relaying.playback_path(&key, "hls").await;
    let body = json!({ "hls": upstreams(&gateway.url, "")["hls"] });
    assert_eq!(relaying.relay(&key, body).await, first);
    let second = relaying.relay(&key, json!({ "hls": upstreams(&gateway.url, "?2")["hls"] })).await;
    assert_eq!(second["ts"], first["ts"]);
    assert!(second["hls"]["generation"].as_i64() > first["hls"]["generation"].as_i64());
    // What was issued for the predecessor lets nobody in to its successor.
    relaying.playback_path(&key, "hls").await;
    let answer = relaying.get(&path).await;
    assert_eq!(answer.error(), (403, "RELAY403".to_owned()));
    assert_eq!(relaying.number("streamkeeper_gateway_relay_refusals_total{why=\"ticket_outdated\"}").await, 1);
    // `null` takes one away: the other goes on.
    assert_eq!(relaying.relay(&key, json!({ "hls": null })).await, json!({ "ts": first["ts"] }));
    assert_eq!(relaying.playback(&key, "hls").await.error(), (404, "PT404".to_owned()));
    relaying.playback_path(&key, "ts").await;
}

#[tokio::test]
async fn a_playback_url_is_for_one_stream_one_kind_and_a_moment() {
    let (_db, gateway, relaying, one) = relayed().await;
    let other = key(2);
    go_live(&gateway.url, &streamer(), &other).await;
    relaying.relay(&other, upstreams(&gateway.url, "")).await;
    let path = relaying.playback_path(&one, "hls").await;
    let (page, ticket) = path.split_once("?ticket=").unwrap();
    assert_eq!(page, format!("/proxy/hls/{one}/index.m3u8"));
    let forged = format!("{}{ticket}", if ticket.starts_with('a') { "b" } else { "a" });
    relaying.playback_path(&other, "hls").await;
    relaying.playback_path(&one, "ts").await;
    for (path, why) in [
        (page.to_owned(), "ticket_forged"),
        (format!("{page}?ticket="), "ticket_forged"),
        (format!("{page}?ticket={forged}"), "ticket_forged"),
        (format!("/proxy/hls/{other}/index.m3u8?ticket={ticket}"), "ticket_of_another"),
        (format!("/proxy/ts/{one}?ticket={ticket}"), "ticket_of_another"),
    ] {
        let counter = format!("streamkeeper_gateway_relay_refusals_total{{why=\"{why}\"}}");
        let before = relaying.number(&counter).await;
        assert_eq!(relaying.get(&path).await.error(), (403, "RELAY403".to_owned()), "{path}");
        assert_eq!(relaying.number(&counter).await, before + 1, "{path}");
    }
    assert_eq!(relaying.get("/proxy/ts/x").await.error(), (404, "PGRST125".to_owned()));
    for body in [json!({}), json!({ "kind": "rtmp" }), json!({ "kind": 1 }), json!({ "url": "https://example.org" })] {
        let request = relaying.request(Method::POST, &format!("/streams/{one}/playback")).json(&body);
        assert_eq!(Answer::of(request).await.error().0, 400, "{body}");
    }
    let answer = relaying.playback(&one, "hls").await;
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.json()["kind"], "hls");
    assert!(answer.json()["expires_at"].as_str().unwrap().ends_with('Z'), "{}", answer.text);
}

#[tokio::test]
async fn an_expired_playback_url_lets_nobody_in() {
    let db = TestDatabase::new().await;
    let variables = [("ADMIN_TOKEN", ADMIN_TOKEN), ("PUBLIC_URL", "https://gateway.example.org/")];
    let gateway =
        Gateway::start_with(db.options(), true, &variables, |config| config.relay.ticket = Default::default());
    let gateway = gateway.await;
    let relaying = Relaying::at(&gateway.url);
    go_live(&gateway.url, &streamer(), &key(1)).await;
    relaying.relay(&key(1), upstreams(&gateway.url, "")).await;
    let url = relaying.playback_path(&key(1), "ts").await;
    let path = url.strip_prefix("https://gateway.example.org").unwrap();
    assert_eq!(relaying.get(path).await.error(), (403, "RELAY403".to_owned()));
    assert_eq!(relaying.number("streamkeeper_gateway_relay_refusals_total{why=\"ticket_expired\"}").await, 1);
}

#[tokio::test]
async fn one_address_cannot_ask_for_playback_urls_for_ever() {
    let (_db, _gateway, relaying, key) = relayed().await;
    // Many at once: on a slow machine it has as much again as it has asked for, one by one.
    while !join_all((0..300).map(|_| relaying.playback(&key, "hls"))).await.iter().any(|answer| answer.status == 429) {}
    assert_ne!(relaying.number("streamkeeper_gateway_relay_refusals_total{why=\"often\"}").await, 0);
}

#[tokio::test]
async fn one_address_cannot_ask_for_the_list_for_ever_and_may_still_play() {
    let (_db, _gateway, relaying, key) = relayed().await;
    let list = || Answer::of(relaying.request(Method::GET, "/streams"));
    let refused = loop {
        let answers = join_all((0..300).map(|_| list())).await;
        if let Some(refused) = answers.into_iter().find(|answer| answer.status == 429) {
            break refused;
        }
    };
    assert_eq!(refused.error(), (429, "53300".to_owned()));
    assert_ne!(relaying.number("streamkeeper_gateway_relay_refusals_total{why=\"often\"}").await, 0);
    assert_eq!(relaying.playback(&key, "hls").await.status, 200);
    // And again, before long.
    while list().await.status != 200 {}
}

#[tokio::test]
async fn what_one_gateway_has_issued_another_one_takes_and_an_end_reaches_both() {
    let (db, gateway, here, key) = relayed().await;
    let variables = [("ADMIN_TOKEN", ADMIN_TOKEN), ("JWT_SECRET", SECRET)];
    let other = Gateway::start(db.options(), true, &variables).await;
    let there = Relaying::at(&other.url);
    there.playback_path(&key, "hls").await;
    let path = here.playback_path(&key, "hls").await;
    let answer = there.get(&path).await;
    assert!(![403, 410, 503].contains(&answer.status), "{}", answer.text);
    let end = here.operator(Method::DELETE, &format!("/streams/{key}"), None).await;
    assert_eq!((end.status, &end.json()["status"]), (200, &json!("ended")));
    for relaying in [&here, &there] {
        until_over(relaying, &key).await;
        assert_eq!(relaying.get(&path).await.error(), (410, "RELAY410".to_owned()));
        assert_eq!(relaying.listed(&key).await, json!(null));
    }
    let status = gateway.rpc("get_stream_status", Some(&streamer()), json!({ "p_stream_id": key })).await.json();
    assert_eq!(status["end_reason"], "operator");
    assert_eq!(here.operator(Method::DELETE, &format!("/streams/{key}"), None).await.json()["status"], "already_ended");
    let unknown = gateway_tests::relays::key(9);
    assert_eq!(here.operator(Method::DELETE, &format!("/streams/{unknown}"), None).await.json()["status"], "not_found");
}

#[tokio::test]
async fn a_gateway_that_did_not_hear_of_an_end_finds_out() {
    let (db, _gateway, relaying, key) = relayed().await;
    relaying.playback_path(&key, "ts").await;
    // In one transaction: whoever listened hears nothing of what was said meanwhile.
    run_sql(
        &db,
        "begin;
         alter table streamkeeper.stream_relays disable trigger user;
         select end_stream_comprehensive(p_force_end_all => true);
         alter table streamkeeper.stream_relays enable trigger user;
         commit;
         select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid()",
    )
    .await;
    until_over(&relaying, &key).await;
}

#[tokio::test]
async fn a_gateway_that_starts_relays_what_is_live_already() {
    let db = TestDatabase::new().await;
    run_sql(
        &db,
        &format!(
            "insert into livestreams (id, streamer_id, status, started_at, last_seen_at)
             values ('{0}', 'streamer', 'live', now(), now());
             select set_stream_relay('{0}', 'http://127.0.0.1:9/', 'http://127.0.0.1:9/')",
            key(1)
        ),
    )
    .await;
    let gateway = Gateway::start(db.options(), true, &[("ADMIN_TOKEN", ADMIN_TOKEN)]).await;
    let relaying = Relaying::at(&gateway.url);
    for kind in ["hls", "ts"] {
        relaying.playback_path(&key(1), kind).await;
    }
    let mut gateway = gateway;
    gateway.ask_to_stop();
    gateway.stopped().await.unwrap();
}

#[tokio::test]
async fn pages_of_other_origins_may_ask_for_all_of_it() {
    let (_db, _gateway, relaying, key) = relayed().await;
    for (path, method) in [
        ("/streams".to_owned(), "POST"),
        (format!("/streams/{key}"), "DELETE"),
        (format!("/streams/{key}/playback"), "POST"),
        (format!("/proxy/hls/{key}/index.m3u8"), "GET"),
        (format!("/proxy/ts/{key}"), "GET"),
    ] {
        let preflight = relaying.request(Method::OPTIONS, &path).header("origin", "https://app.example.org");
        let preflight = preflight.header("access-control-request-method", method);
        let answer = Answer::of(preflight.header("access-control-request-headers", "authorization,range")).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.header("access-control-allow-methods").contains(method), "{path}");
        assert!(answer.header("access-control-allow-headers").contains("range"), "{path}");
    }
    assert_eq!(Answer::of(relaying.request(Method::PUT, "/streams")).await.error().0, 405);
    assert_eq!(Answer::of(relaying.request(Method::POST, &format!("/proxy/ts/{key}"))).await.error().0, 405);
}

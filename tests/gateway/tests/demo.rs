//! What `--demo` adds, and that it is not there without.

use std::fs;
use std::path::PathBuf;

use database_tests::TestDatabase;
use gateway_tests::{ANON_KEY, Answer, Gateway, user};
use reqwest::Method;
use serde_json::{Value, json};

const ID: &str = "00000000-0000-4000-8000-000000000001";

async fn started() -> (TestDatabase, Gateway) {
    let db = TestDatabase::new().await;
    let gateway = Gateway::start(db.options(), true, &[]).await;
    (db, gateway)
}

async fn get(gateway: &Gateway, path: &str) -> Answer {
    Answer::of(gateway.request(Method::GET, path)).await
}

async fn post(gateway: &Gateway, path: &str, body: Value) -> Answer {
    Answer::of(gateway.request(Method::POST, path).json(&body)).await
}

#[tokio::test]
async fn nothing_of_it_is_there_without_the_flag() {
    let db = TestDatabase::new().await;
    let gateway = Gateway::start(db.options(), false, &[]).await;
    assert_eq!(get(&gateway, "/demo/config").await.error(), (404, "PGRST125".into()));
    assert_eq!(get(&gateway, &format!("/demo/streams/{ID}")).await.error(), (404, "PGRST125".into()));
    for path in ["/demo/token", "/demo/faults", "/demo/stuck-room"] {
        assert_eq!(post(&gateway, path, json!({})).await.error(), (404, "PGRST125".into()), "{path}");
    }
}

#[tokio::test]
async fn tokens_of_all_three_roles_work() {
    let (_db, gateway) = started().await;
    assert_eq!(get(&gateway, "/demo/config").await.json(), json!({"anon_key": ANON_KEY}));
    for (role, start, force) in [("anon", 401, 401), ("authenticated", 200, 403), ("admin", 200, 200)] {
        let answer = post(&gateway, "/demo/token", json!({"user_id": "somebody", "role": role})).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        assert_eq!(gateway.rpc("start_stream", Some(&token), json!({})).await.status, start, "{role}");
        let all = json!({"p_force_end_all": true});
        assert_eq!(gateway.rpc("end_stream_comprehensive", Some(&token), all).await.status, force, "{role}");
    }
}

#[tokio::test]
async fn tokens_fit_a_gateway_that_checks_the_audience() {
    let db = TestDatabase::new().await;
    let gateway = Gateway::start(db.options(), true, &[("JWT_AUDIENCE", "the audience")]).await;
    let answer = post(&gateway, "/demo/token", json!({"user_id": "x", "role": "authenticated"})).await;
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(gateway.rpc("start_stream", Some(&token), json!({})).await.status, 200);
}

#[tokio::test]
async fn bad_token_requests_name_the_field() {
    let (_db, gateway) = started().await;
    for (body, code, part) in [
        (json!({"role": "admin"}), "PGRST102", "user_id"),
        (json!({"user_id": "x"}), "PGRST102", "role"),
        (json!({"user_id": "x", "role": "service_role"}), "PGRST102", "`anon`, `authenticated`, `admin`"),
        (json!({"user_id": "x", "role": "admin", "exp": 1}), "PGRST102", "exp"),
        (json!({"user_id": 7, "role": "admin"}), "PGRST102", "expected a string"),
        (json!({"user_id": "", "role": "admin"}), "22023", "user_id is 0 characters long; it must have 1 to 200"),
        (json!({"user_id": "ä".repeat(201), "role": "admin"}), "22023", "user_id is 201 characters long"),
    ] {
        let answer = post(&gateway, "/demo/token", body.clone()).await;
        assert_eq!(answer.error(), (400, code.into()), "{body}");
        assert!(answer.json()["message"].as_str().unwrap().contains(part), "{body}: {}", answer.text);
    }
    assert_eq!(post(&gateway, "/demo/token", json!({"user_id": "ä".repeat(200), "role": "admin"})).await.status, 200);
}

#[tokio::test]
async fn the_next_calls_fail_as_asked_and_never_reach_the_database() {
    let (_db, gateway) = started().await;
    let owner = user("owner");
    gateway.rpc("start_stream", Some(&owner), json!({"p_stream_id": ID})).await;
    let faults = json!({"functions": ["end_stream_comprehensive"], "statuses": [500, 401]});
    let answer = post(&gateway, "/demo/faults", faults.clone()).await;
    assert_eq!((answer.status, answer.json()), (200, faults.clone()));
    let end = || gateway.rpc("end_stream_comprehensive", Some(&owner), json!({"p_stream_id": ID}));
    assert_eq!(end().await.error(), (500, "XX000".into()));
    // Other functions are not concerned.
    assert_eq!(gateway.rpc("list_active_streams", None, json!({})).await.status, 200);
    assert_eq!(end().await.error(), (401, "XX000".into()));
    assert_eq!(end().await.json()["status"], "ended");
    let seen = get(&gateway, &format!("/demo/streams/{ID}")).await.json();
    assert_eq!(seen["end_attempts"].as_array().unwrap().len(), 1);

    post(&gateway, "/demo/faults", faults).await;
    post(&gateway, "/demo/faults", json!({"functions": ["end_stream_comprehensive"], "statuses": []})).await;
    assert_eq!(end().await.json()["status"], "already_ended");
}

#[tokio::test]
async fn a_page_elsewhere_can_read_a_fault_but_not_ask_for_tokens() {
    let (_db, gateway) = started().await;
    post(&gateway, "/demo/faults", json!({"functions": ["list_active_streams"], "statuses": [503]})).await;
    let call = gateway.request(Method::POST, "/rest/v1/rpc/list_active_streams").header("origin", "https://x.example");
    let fault = Answer::of(call).await;
    assert_eq!((fault.status, fault.header("access-control-allow-origin")), (503, "*"));
    let request = gateway.request(Method::POST, "/demo/token").header("origin", "https://x.example");
    let token = Answer::of(request.json(&json!({"user_id": "x", "role": "admin"}))).await;
    assert_eq!(token.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn bad_fault_requests_name_field_and_bound() {
    let (_db, gateway) = started().await;
    for (body, code, part) in [
        (
            json!({"functions": ["start_stream", "drop_everything"], "statuses": [500]}),
            "22023",
            "functions must each be one of start_stream",
        ),
        (
            json!({"functions": ["start_stream"], "statuses": [399]}),
            "22023",
            "399 in it; each must be between 400 and 599",
        ),
        (json!({"functions": ["start_stream"], "statuses": [600]}), "22023", "600"),
        (json!({"functions": ["start_stream"], "statuses": vec![500; 21]}), "22023", "21 entries; at most 20"),
        (json!({"functions": ["start_stream"], "statuses": ["x"]}), "PGRST102", "u16"),
        (json!({"functions": ["start_stream"]}), "PGRST102", "statuses"),
        (json!({"functions": "start_stream", "statuses": []}), "PGRST102", "sequence"),
    ] {
        let answer = post(&gateway, "/demo/faults", body.clone()).await;
        assert_eq!(answer.error(), (400, code.into()), "{body}");
        assert!(answer.json()["message"].as_str().unwrap().contains(part), "{body}: {}", answer.text);
    }
    let most = json!({"functions": ["start_stream"], "statuses": vec![400; 20]});
    assert_eq!(post(&gateway, "/demo/faults", most).await.status, 200);
}

/// The user's room, from the route that is another name for the function.
async fn my_room(gateway: &Gateway, token: &str) -> Value {
    Answer::of(gateway.request(Method::GET, "/rooms/me").bearer_auth(token)).await.json()
}

async fn of_room(gateway: &Gateway, token: &str, room: &Value, what: &str) -> Answer {
    let path = format!("/rooms/{}/{what}", room["id"].as_str().unwrap());
    Answer::of(gateway.request(Method::POST, &path).bearer_auth(token).json(&json!({}))).await
}

#[tokio::test]
async fn functions_that_are_named_together_share_their_faults_also_by_their_routes() {
    let (_db, gateway) = started().await;
    let owner = user("owner");
    let room = my_room(&gateway, &owner).await;
    let ends = json!({"functions": ["end_stream_comprehensive", "live_room_end"], "statuses": [500, 503]});
    post(&gateway, "/demo/faults", ends).await;
    assert_eq!(of_room(&gateway, &owner, &room, "sessions").await.status, 201);
    assert_eq!(of_room(&gateway, &owner, &room, "end").await.error(), (500, "XX000".into()));
    // One of them apart: the other keeps what is left.
    let apart = json!({"functions": ["end_stream_comprehensive", "live_room_create_session"], "statuses": [418]});
    post(&gateway, "/demo/faults", apart).await;
    assert_eq!(of_room(&gateway, &owner, &room, "sessions").await.status, 418);
    assert_eq!(of_room(&gateway, &owner, &room, "end").await.status, 503);
    assert_eq!(of_room(&gateway, &owner, &room, "end").await.json()["status"], "ended");
}

#[tokio::test]
async fn a_room_gets_stuck_on_demand_unless_something_is_on_in_it() {
    let (_db, gateway) = started().await;
    let owner = user("owner");
    let stick = || post(&gateway, "/demo/stuck-room", json!({"user_id": "owner"}));
    assert_eq!(stick().await.error(), (409, "55000".into()));
    let room = my_room(&gateway, &owner).await;
    let seen = || async { get(&gateway, &format!("/demo/rooms/{}", room["id"].as_str().unwrap())).await.json() };
    let stuck_in = |session: &Value| json!({"id": room["id"], "status": "lobby", "current_session_id": session});

    assert_eq!(stick().await.json(), stuck_in(&Value::Null));
    assert_eq!(seen().await["row"]["status"], "lobby");
    let first = of_room(&gateway, &owner, &room, "sessions").await.json();
    assert_eq!(first["recovered"], true);
    assert_eq!(stick().await.error(), (409, "55000".into()));
    assert_eq!(seen().await["row"]["current_session_id"], first["id"]);

    of_room(&gateway, &owner, &room, "end").await;
    assert_eq!(stick().await.json(), stuck_in(&first["id"]));
    assert_eq!(of_room(&gateway, &owner, &room, "sessions").await.json()["recovered"], true);
    assert_eq!(post(&gateway, "/demo/stuck-room", json!({"user": "owner"})).await.error(), (400, "PGRST102".into()));
}

#[tokio::test]
async fn a_room_is_shown_with_who_is_in_its_last_session() {
    let (_db, gateway) = started().await;
    let path = format!("/demo/rooms/{ID}");
    assert_eq!(get(&gateway, &path).await.json(), json!({"row": null, "attendance": []}));
    assert_eq!(get(&gateway, "/demo/rooms/nonsense").await.error(), (400, "22023".into()));

    let (owner, viewer) = (user("owner"), user("viewer"));
    let room = my_room(&gateway, &owner).await;
    let session = of_room(&gateway, &owner, &room, "sessions").await.json();
    let join = json!({"p_session_id": session["id"]});
    assert_eq!(gateway.rpc("live_room_join", Some(&viewer), join).await.status, 200);
    let seen = get(&gateway, &format!("/demo/rooms/{}", room["id"].as_str().unwrap())).await.json();
    assert_eq!((&seen["row"]["status"], &seen["row"]["host_user_id"]), (&json!("live"), &json!("owner")));
    assert_eq!(seen["attendance"].as_array().unwrap().len(), 1);
    let visit = &seen["attendance"][0];
    assert_eq!((&visit["user_id"], &visit["left_at"]), (&json!("viewer"), &Value::Null));
}

#[tokio::test]
async fn a_stream_is_shown_as_the_database_has_it() {
    let (_db, gateway) = started().await;
    let path = format!("/demo/streams/{ID}");
    assert_eq!(get(&gateway, &path).await.json(), json!({"row": null, "end_attempts": [], "leases": []}));
    let owner = user("owner");
    gateway.rpc("start_stream", Some(&owner), json!({"p_stream_id": ID, "p_holder": "page-1"})).await;
    let touch = json!({"p_stream_id": ID, "p_holder": "page-0", "p_lease_seconds": 300});
    let touched = gateway.rpc("touch_stream", Some(&owner), touch).await.json();
    let leases = get(&gateway, &path).await.json()["leases"].clone();
    assert_eq!(leases[0], json!({"holder": "page-0", "lease_until": touched["lease_until"], "lease_seconds": 300}));
    assert_eq!((&leases[1]["holder"], &leases[1]["lease_seconds"]), (&json!("page-1"), &json!(90)));
    let end = json!({"p_stream_id": ID, "p_reason": "hangup", "p_attempt": 2});
    gateway.rpc("end_stream_comprehensive", Some(&owner), end).await;
    let seen = get(&gateway, &path).await.json();
    assert_eq!((&seen["row"]["status"], &seen["row"]["end_reason"]), (&json!("ended"), &json!("hangup")));
    assert_eq!(
        (&seen["end_attempts"][0]["attempt"], &seen["end_attempts"][0]["outcome"]),
        (&json!(2), &json!("ended"))
    );
    assert_eq!(seen["leases"], json!([]));
    assert_eq!(get(&gateway, "/demo/streams/nonsense").await.error(), (400, "22023".into()));
}

/// A built page in a directory of its own; removed with this value.
struct Page(PathBuf);

impl Page {
    fn new(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("sk-page-{}-{name}", std::process::id()));
        fs::create_dir_all(directory.join("assets")).unwrap();
        fs::write(directory.join("index.html"), "<!doctype html>the page").unwrap();
        fs::write(directory.join("assets/a.wasm"), b"\0asm").unwrap();
        fs::write(directory.join("assets/a.js"), "1").unwrap();
        Self(directory)
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn the_page_is_served_with_the_right_types() {
    let page = Page::new("types");
    let db = TestDatabase::new().await;
    let gateway = Gateway::start(db.options(), true, &[("DEMO_DIR", page.0.to_str().unwrap())]).await;
    for path in ["/", "/index.html", "/some/view"] {
        let html = get(&gateway, path).await;
        assert_eq!((html.status, html.text.as_str()), (200, "<!doctype html>the page"), "{path}");
        assert!(html.header("content-type").starts_with("text/html"), "{path}");
        assert_eq!(html.header("cache-control"), "no-cache", "{path}");
    }
    let wasm = get(&gateway, "/assets/a.wasm").await;
    assert_eq!((wasm.status, wasm.header("content-type")), (200, "application/wasm"));
    assert!(get(&gateway, "/assets/a.js").await.header("content-type").contains("javascript"));
    for path in ["/assets/b.wasm", "/assets/b.js", "/rest/v1/nothing", "/demo/nothing", "/..%2f..%2fetc/passwd.txt"] {
        assert_eq!(get(&gateway, path).await.status, 404, "{path}");
    }
    assert_eq!(get(&gateway, "/health").await.json()["status"], "ok");
}

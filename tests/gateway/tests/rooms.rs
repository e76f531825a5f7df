//! The routes of rooms: what they answer, whom they refuse, and that a refusal changes nothing.

use database_tests::TestDatabase;
use gateway_tests::program::{serving, signal};
use gateway_tests::{Answer, Gateway, SECRET, admin, client, run_sql, user};
use reqwest::Method;
use serde_json::{Value, json};

const UNKNOWN: &str = "00000000-0000-4000-8000-000000000009";

/// A gateway, and what somebody does there.
struct Rooms {
    db: TestDatabase,
    gateway: Gateway,
}

impl Rooms {
    async fn new() -> Self {
        let db = TestDatabase::new().await;
        let gateway = Gateway::start(db.options(), false, &[]).await;
        Self { db, gateway }
    }

    async fn send(&self, method: Method, path: &str, token: Option<&str>, body: Option<Value>) -> Answer {
        let request = self.gateway.request(method, path);
        let request = token.into_iter().fold(request, |request, token| request.bearer_auth(token));
        Answer::of(body.into_iter().fold(request, |request, body| request.json(&body))).await
    }

    /// The id of this user's room.
    async fn room_of(&self, token: &str) -> String {
        let answer = self.send(Method::GET, "/rooms/me", Some(token), None).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    async fn go_live(&self, room: &str, token: &str, body: Value) -> Answer {
        self.send(Method::POST, &format!("/rooms/{room}/sessions"), Some(token), Some(body)).await
    }

    async fn end(&self, room: &str, token: &str, body: Value) -> Answer {
        self.send(Method::POST, &format!("/rooms/{room}/end"), Some(token), Some(body)).await
    }

    /// All that a call about a room could change.
    async fn rows(&self) -> String {
        sqlx::query_scalar(
            "select json_build_array(
               (select json_agg(r order by r.id) from live_rooms r),
               (select json_agg(s order by s.id) from live_room_sessions s),
               (select json_agg(l order by l.id) from livestreams l),
               (select json_agg(a order by a.id) from live_room_attendance a),
               (select json_agg(l order by l.holder) from streamkeeper.leases l),
               (select json_agg(e order by e.id) from end_attempts e)
             )::text",
        )
        .fetch_one(&mut self.db.owner().await)
        .await
        .unwrap()
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name}: {value}"))
}

#[tokio::test]
async fn everybody_has_one_room() {
    let rooms = Rooms::new().await;
    let first = rooms.send(Method::GET, "/rooms/me", Some(&user("ann")), None).await;
    assert_eq!((first.status, first.header("content-type")), (200, "application/json; charset=utf-8"));
    let room = first.json();
    assert_eq!((&room["status"], &room["is_host"]), (&json!("idle"), &json!(true)));
    assert_eq!((text(&room, "host_user_id"), &room["current_session"]), ("ann", &Value::Null));
    assert_eq!(rooms.room_of(&user("ann")).await, text(&room, "id"));
    assert_ne!(rooms.room_of(&user("bob")).await, text(&room, "id"));
    let nobody = rooms.send(Method::GET, "/rooms/me", None, None).await;
    assert_eq!(nobody.error(), (401, "42501".into()));
}

#[tokio::test]
async fn going_live_is_201_and_the_same_key_again_200() {
    let rooms = Rooms::new().await;
    let ann = user("ann");
    let room = rooms.room_of(&ann).await;
    let path = format!("/rooms/{room}/sessions");
    let body = json!({"title": "Tuesday", "idempotency_key": "k-1", "holder": "page-1"});
    let created = rooms.go_live(&room, &ann, body.clone()).await;
    assert_eq!((created.status, created.header("content-type")), (201, "application/json; charset=utf-8"));
    let session = created.json();
    assert_eq!((text(&session, "room_id"), text(&session, "status")), (room.as_str(), "live"));
    assert_eq!((&session["replayed"], &session["recovered"]), (&json!(false), &json!(false)));

    // In the body, in the header, in both.
    let same = async |header: &str, body: Value| {
        let request = rooms.gateway.request(Method::POST, &path).bearer_auth(&ann).json(&body);
        Answer::of(request.header("idempotency-key", header)).await
    };
    let replays = [
        rooms.go_live(&room, &ann, body.clone()).await,
        same("k-1", json!({"title": "Tuesday"})).await,
        same("k-1", json!({"title": "Tuesday", "idempotency_key": "k-1"})).await,
        same("", body).await,
    ];
    for replayed in replays {
        assert_eq!((replayed.status, &replayed.json()["replayed"]), (200, &json!(true)), "{}", replayed.text);
        assert_eq!(replayed.json()["id"], session["id"]);
    }

    let before = rooms.rows().await;
    let two_keys = same("k-1", json!({"title": "Tuesday", "idempotency_key": "k-2"})).await;
    assert_eq!(two_keys.error(), (400, "22023".into()));
    assert!(two_keys.text.contains("idempotency_key"), "{}", two_keys.text);
    assert_eq!(same("k-1", json!({"title": "Wednesday"})).await.error(), (422, "PT422".into()));
    assert_eq!(rooms.rows().await, before);

    let status = rooms.gateway.rpc("get_stream_status", None, json!({"p_stream_id": session["stream_id"]})).await;
    assert_eq!(status.json()["is_live"], true);
}

#[tokio::test]
async fn a_room_that_is_live_is_a_409_with_its_session_which_can_be_taken_over() {
    let rooms = Rooms::new().await;
    let ann = user("ann");
    let room = rooms.room_of(&ann).await;
    let session = rooms.go_live(&room, &ann, json!({"idempotency_key": "k-1"})).await.json();
    let before = rooms.rows().await;
    let conflict = rooms.go_live(&room, &ann, json!({"idempotency_key": "k-2", "take_over": false})).await;
    assert_eq!(conflict.error(), (409, "PT409".into()));
    let error = conflict.json();
    assert_eq!(text(&error, "hint"), "join or take over");
    let live: Value = serde_json::from_str(text(&error, "details")).unwrap();
    for field in ["id", "room_id", "stream_id", "status", "started_at"] {
        assert_eq!(live[field], session[field], "{field}");
    }
    assert_eq!(rooms.rows().await, before);

    let taken = rooms.go_live(&room, &ann, json!({"idempotency_key": "k-2", "take_over": true})).await;
    assert_eq!(taken.status, 201, "{}", taken.text);
    assert_ne!(taken.json()["id"], session["id"]);
    let status = rooms.gateway.rpc("get_stream_status", None, json!({"p_stream_id": session["stream_id"]})).await;
    assert_eq!(status.json()["status"], "ended");
}

#[tokio::test]
async fn a_stuck_room_is_put_right_on_the_way() {
    let rooms = Rooms::new().await;
    let ann = user("ann");
    let room = rooms.room_of(&ann).await;
    let session = rooms.go_live(&room, &ann, json!({})).await.json();
    rooms.end(&room, &ann, json!({})).await;
    // As the predecessor's own test makes one.
    let id = text(&session, "id");
    run_sql(&rooms.db, &format!("update live_rooms set status = 'lobby', current_session_id = '{id}'")).await;
    let created = rooms.go_live(&room, &ann, json!({})).await;
    assert_eq!((created.status, &created.json()["recovered"]), (201, &json!(true)), "{}", created.text);
}

#[tokio::test]
async fn ending_is_for_one_session_and_repeating_it_harmless() {
    let rooms = Rooms::new().await;
    let (ann, path) = (user("ann"), |room: &str| format!("/rooms/{room}/end"));
    let room = rooms.room_of(&ann).await;
    let first = rooms.go_live(&room, &ann, json!({})).await.json();
    // The page says which of its attempts this is: so the trail knows of those that were lost.
    let body = json!({"session_id": first["id"], "reason": "that is all", "holder": "page-1", "attempt": 3});
    let ended = rooms.end(&room, &ann, body).await;
    let expected = json!({
        "success": true, "status": "ended", "already": false,
        "room_id": room, "session_id": first["id"], "stream_id": first["stream_id"]
    });
    assert_eq!((ended.status, ended.json()), (200, expected));
    let trail = "select json_agg(json_build_array(reason, holder, attempt, outcome)) from end_attempts";
    let trail: Value = sqlx::query_scalar(trail).fetch_one(&mut rooms.db.owner().await).await.unwrap();
    assert_eq!(trail, json!([["that is all", "page-1", 3, "ended"]]));
    let after = rooms.send(Method::GET, "/rooms/me", Some(&ann), None).await.json();
    assert_eq!((text(&after, "status"), &after["current_session"]), ("idle", &Value::Null));
    assert_eq!((&after["current_session_id"], &after["host_present"]), (&Value::Null, &json!(false)));

    let second = rooms.go_live(&room, &ann, json!({})).await.json();
    let before = rooms.rows().await;
    let late = rooms.end(&room, &ann, json!({"session_id": first["id"]})).await.json();
    assert_eq!((text(&late, "status"), &late["already"]), ("already_ended", &json!(true)));
    assert_eq!(rooms.rows().await, before);

    // Without a body it is the session that is on.
    let ended = rooms.send(Method::POST, &path(&room), Some(&ann), None).await;
    assert_eq!((ended.status, &ended.json()["session_id"]), (200, &second["id"]), "{}", ended.text);
    let again = rooms.send(Method::POST, &path(&room), Some(&ann), None).await;
    assert_eq!((again.status, &again.json()["already"]), (200, &json!(true)), "{}", again.text);
}

#[tokio::test]
async fn a_room_belongs_to_its_host() {
    let rooms = Rooms::new().await;
    let (ann, bob) = (user("ann"), user("bob"));
    let (room, other) = (rooms.room_of(&ann).await, rooms.room_of(&bob).await);
    let session = rooms.go_live(&room, &ann, json!({})).await.json();
    let before = rooms.rows().await;
    let routes = ["sessions", "end"];
    for route in routes {
        let path = format!("/rooms/{room}/{route}");
        let send = async |token| rooms.send(Method::POST, &path, token, Some(json!({}))).await.error();
        assert_eq!(send(Some(bob.as_str())).await, (403, "42501".into()), "{route}");
        assert_eq!(send(None).await, (401, "42501".into()), "{route}");
        assert_eq!(send(Some("nonsense")).await, (401, "PGRST301".into()), "{route}");
        let unknown = format!("/rooms/{UNKNOWN}/{route}");
        let unknown = rooms.send(Method::POST, &unknown, Some(&ann), Some(json!({}))).await;
        assert_eq!(unknown.error(), (404, "PT404".into()), "{route}");
    }
    let foreign = rooms.end(&other, &bob, json!({"session_id": session["id"]})).await;
    assert_eq!(foreign.error(), (404, "PT404".into()));
    let made_up = rooms.end(&room, &ann, json!({"session_id": UNKNOWN})).await;
    assert_eq!(made_up.error(), (404, "PT404".into()));
    assert_eq!(rooms.rows().await, before);
    let by_admin = rooms.end(&room, &admin("admin"), json!({})).await;
    assert_eq!((by_admin.status, &by_admin.json()["already"]), (200, &json!(false)));
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_named_and_nothing_is_done() {
    let rooms = Rooms::new().await;
    let ann = user("ann");
    let room = rooms.room_of(&ann).await;
    let before = rooms.rows().await;
    let long = "x".repeat(201);
    for (path, body, code, named) in [
        ("rooms/1/sessions", json!({}), "22P02", "the room's id"),
        ("rooms/1/end", json!({}), "22P02", "the room's id"),
        ("sessions", json!({"titel": "T"}), "22023", "titel"),
        ("sessions", json!({"p_title": "T"}), "22023", "p_title"),
        ("sessions", json!({"room_id": UNKNOWN}), "22023", "room_id"),
        ("sessions", json!({"title": 7}), "22023", "title"),
        ("sessions", json!({"title": long}), "22023", "title"),
        ("sessions", json!({"idempotency_key": long}), "22023", "idempotency_key"),
        ("sessions", json!({"idempotency_key": ""}), "22023", "idempotency_key"),
        ("sessions", json!({"holder": true}), "22023", "holder"),
        ("sessions", json!({"holder": long}), "22023", "holder"),
        ("sessions", json!({"take_over": "yes"}), "22023", "take_over"),
        ("sessions", json!(["title"]), "PGRST102", "object"),
        ("end", json!({"session_id": "1"}), "22P02", "session_id"),
        ("end", json!({"session_id": 1}), "22P02", "session_id"),
        ("end", json!({"title": "T"}), "22023", "title"),
        ("end", json!({"attempt": "1"}), "22023", "attempt"),
        ("end", json!({"attempt": 0}), "22023", "attempt"),
        ("end", json!({"attempt": 1001}), "22023", "attempt"),
        ("end", json!({"holder": "x".repeat(101)}), "22023", "holder"),
        ("end", json!({"reason": ["x"]}), "22023", "reason"),
        ("end", json!({"reason": "x".repeat(501)}), "22023", "reason"),
        ("end", json!("ended"), "PGRST102", "object"),
    ] {
        let path = if path.contains('/') { format!("/{path}") } else { format!("/rooms/{room}/{path}") };
        let answer = rooms.send(Method::POST, &path, Some(&ann), Some(body.clone())).await;
        assert_eq!(answer.error(), (400, code.into()), "{path} {body}: {}", answer.text);
        assert!(text(&answer.json(), "message").contains(named), "{named}: {}", answer.text);
    }
    for (path, method) in [("/rooms/me", Method::POST), ("sessions", Method::GET), ("end", Method::DELETE)] {
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/rooms/{room}/{path}") };
        let answer = rooms.send(method, &path, Some(&ann), None).await;
        assert_eq!(answer.error(), (405, "PGRST117".into()), "{path}");
    }
    let large = json!({"title": "x".repeat(70_000)});
    assert_eq!(rooms.go_live(&room, &ann, large).await.error(), (413, "PGRST102".into()));
    assert_eq!(rooms.rows().await, before);
}

#[tokio::test]
async fn a_page_elsewhere_may_send_the_key_in_the_header() {
    let rooms = Rooms::new().await;
    let request = rooms.gateway.request(Method::OPTIONS, &format!("/rooms/{UNKNOWN}/sessions"));
    let request = request.header("origin", "https://app.example.org").header("access-control-request-method", "POST");
    let answer = Answer::of(request.header("access-control-request-headers", "idempotency-key")).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, "*"));
    assert!(answer.header("access-control-allow-headers").to_lowercase().contains("idempotency-key"));
}

#[tokio::test]
async fn the_log_says_what_began_and_what_ended_whichever_way_the_call_came() {
    let db = TestDatabase::new().await;
    let url = db.url();
    let variables = [("DATABASE_URL", url.as_str()), ("JWT_SECRET", SECRET), ("BIND", "127.0.0.1:0")];
    let (mut child, gateway, mut log) = serving(&["serve"], &variables).await;
    let ann = user("ann");
    let post = async |path: &str, body: Value| {
        let request = client().post(format!("{gateway}{path}")).bearer_auth(&ann).json(&body);
        let answer = Answer::of_database(request).await;
        assert!([200, 201].contains(&answer.status), "{}", answer.text);
        answer.json()
    };
    let room = post("/rest/v1/rpc/my_room", json!({})).await["id"].clone();
    let path = format!("/rooms/{}", room.as_str().unwrap());
    let by_route = post(&format!("{path}/sessions"), json!({"idempotency_key": "k-1"})).await["id"].clone();
    post(&format!("{path}/sessions"), json!({"idempotency_key": "k-1"})).await;
    post("/rest/v1/rpc/live_room_end", json!({"p_room_id": room})).await;
    post(&format!("{path}/end"), json!({})).await;
    let by_rpc = post("/rest/v1/rpc/live_room_create_session", json!({"p_room_id": room})).await["id"].clone();
    post(&format!("{path}/end"), json!({})).await;
    signal(&child, "-TERM").await;
    let (mut told, mut provisioned) = (Vec::new(), 0);
    while let Some(line) = log.next_line().await {
        assert!(!line.contains(&ann), "{line}");
        if line.contains("auto-provisioning permanent room") {
            provisioned += usize::from(line.contains(room.as_str().unwrap()));
        }
        let what = ["session created", "session ended"].into_iter().find(|what| line.contains(what));
        let session = [&by_route, &by_rpc].into_iter().find(|session| line.contains(session.as_str().unwrap()));
        told.extend(what.map(|what| (what, session.unwrap().clone())));
    }
    assert!(child.wait().await.unwrap().success());
    assert_eq!(provisioned, 1);
    let expected = [
        ("session created", &by_route),
        ("session ended", &by_route),
        ("session created", &by_rpc),
        ("session ended", &by_rpc),
    ];
    assert_eq!(told, expected.map(|(what, session)| (what, session.clone())));
}

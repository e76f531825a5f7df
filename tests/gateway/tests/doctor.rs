//! `doctor` from outside: the backend, the gateway, keys and tokens, and the app's own page.

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use database_tests::TestDatabase;
use gateway_tests::doctor::{Examination, examine};
use gateway_tests::program::run;
use gateway_tests::site::{Page, Site};
use gateway_tests::{ANON_KEY, Gateway, NEVER, SECRET, admin, run_sql, sign, user};
use serde_json::json;

const ADMIN_TOKEN: &str = "a-token-for-operators";

/// A policy with everything that an app's page needs, for a backend at this address.
fn policy(backend: &str) -> String {
    format!(
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' {backend} {} wss://chat.example.org",
        backend.replacen("http", "ws", 1)
    )
}

fn page(policy: &str) -> Page {
    Page {
        headers: vec![("content-security-policy", policy.to_owned())],
        body: "<!doctype html>".into(),
        ..Page::default()
    }
}

async fn gateway(db: &TestDatabase, variables: &[(&str, &str)]) -> Gateway {
    let all: Vec<_> = [("ADMIN_TOKEN", ADMIN_TOKEN)].iter().chain(variables).copied().collect();
    let gateway = Gateway::start(db.options(), false, &all).await;
    let mut connection = db.owner().await;
    while sqlx::query_scalar::<_, bool>("select streamkeeper.last_sweep_at() is null")
        .fetch_one(&mut connection)
        .await
        .unwrap()
    {
        tokio::task::yield_now().await;
    }
    gateway
}

async fn of(gateway: &Gateway, variables: &[(&str, &str)]) -> Examination {
    let all: Vec<_> =
        [("BACKEND_URL", gateway.url.as_str()), ("API_KEY", ANON_KEY)].iter().chain(variables).copied().collect();
    examine(&all).await
}

#[tokio::test]
async fn a_sound_project_gives_no_cause_for_complaint() {
    let db = TestDatabase::new().await;
    let gateway = gateway(&db, &[]).await;
    let app = Site::start(page(&policy(&gateway.url))).await;
    let (token, database) = (sign(SECRET, &json!({"role": "authenticated", "sub": "ann", "exp": soon()})), db.url());
    let found = of(
        &gateway,
        &[
            ("GATEWAY_URL", &gateway.url),
            ("PAGE_URL", &app.url),
            ("CHAT_URL", "wss://chat.example.org"),
            ("DATABASE_URL", &database),
            ("ACCESS_TOKEN", &token),
            ("ADMIN_TOKEN", ADMIN_TOKEN),
        ],
    )
    .await;
    assert_eq!((found.code, found.complaints()), (0, vec![]));
    assert_eq!(found.what("url"), "the backend is a gateway");
    assert_eq!(found.what("token.backend"), "the backend believes the token");
    assert_eq!(found.what("gateway.sweep"), "something sweeps");
}

/// In an hour, or nearly.
fn soon() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    now + 3600
}

#[tokio::test]
async fn an_address_and_a_key_are_enough_and_the_rest_is_listed_as_unknown() {
    let db = TestDatabase::new().await;
    let gateway = gateway(&db, &[]).await;
    let found = of(&gateway, &[]).await;
    assert_eq!((found.code, found.troubles()), (0, vec![]));
    let unknown = found.complaints();
    for check in ["functions.untried", "token", "gateway.sweep", "cors", "csp", "database"] {
        assert!(unknown.contains(&("unknown", check)), "{check}: {unknown:?}");
    }
    assert!(found.what("functions.untried").contains("create_event"), "{}", found.what("functions.untried"));
    let arguments = ["doctor", "--url", &gateway.url, &format!("--api-key={ANON_KEY}")];
    let (code, stdout, stderr) = run(&arguments, &[]).await;
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    assert!(stdout.contains("\nok       functions          all "), "{stdout}");
    assert!(stdout.contains("\ndanger: 0, problems: 0, hints: 0, not looked at: "), "{stdout}");
}

#[tokio::test]
async fn functions_that_are_missing_closed_or_open_are_found_from_outside() {
    let db = TestDatabase::new().await;
    let gateway = gateway(&db, &[]).await;
    run_sql(&db, "revoke execute on function list_active_streams() from anon").await;
    let found = of(&gateway, &[]).await;
    assert_eq!((found.code, found.troubles()), (1, vec![("problem", "functions.closed")]));
    assert!(found.what("functions.closed").ends_with(" list_active_streams"));
    // One that has lost its own check as well, or it would still refuse.
    run_sql(
        &db,
        "grant execute on function list_active_streams() to anon;
         create or replace function room_stats() returns json language sql stable as $$ select '{}'::json $$;
         grant execute on function room_stats() to anon",
    )
    .await;
    let found = of(&gateway, &[]).await;
    assert_eq!(found.troubles(), [("danger", "functions.open")]);
    run_sql(&db, &found.fix("functions.open").replace("room_stats", "room_stats()")).await;
    assert_eq!(of(&gateway, &[]).await.troubles(), []);
    run_sql(&db, "drop function room_stats()").await;
    let found = of(&gateway, &[]).await;
    assert_eq!(found.troubles(), [("problem", "functions")]);
    assert!(found.what("functions").ends_with(": room_stats") && found.fix("functions").contains("migrate"));
}

#[tokio::test]
async fn a_key_that_everybody_can_read_must_be_the_one_for_everybody() {
    let role = |role: &str, exp: u64| sign(SECRET, &json!({ "role": role, "exp": exp }));
    for (key, level, word) in [
        ("sb_secret_0123456789abcdef".to_owned(), "danger", "secret"),
        (role("service_role", NEVER), "danger", "service_role"),
        (role("supabase_admin", NEVER), "danger", "none of a browser's"),
        (user("ann"), "problem", "signed-in user's"),
        (role("anon", 1_000_000_000), "problem", "expired"),
        (role("anon", soon() + 86_400), "hint", "expires in 1 days"),
        (role("anon", NEVER), "ok", "anon"),
        ("sb_publishable_0123456789".to_owned(), "ok", "publishable"),
    ] {
        // Nobody is there: what the key says of itself is seen without asking.
        let found = examine(&[("BACKEND_URL", "http://127.0.0.1:1"), ("API_KEY", &key)]).await;
        let key = found.complaints().into_iter().find(|(_, check)| *check == "key").map_or("ok", |(level, _)| level);
        assert_eq!(key, level, "{word}");
        assert!(found.what("key").contains(word), "{}", found.what("key"));
        assert!(found.troubles().contains(&("problem", "url")));
    }
}

#[tokio::test]
async fn a_secret_key_is_never_sent_and_a_wrong_one_is_the_keys_fault() {
    let asked = r#"{"message": "Invalid API key", "hint": null, "code": null, "asked": "{headers}"}"#;
    let unauthorised =
        Page { status: StatusCode::UNAUTHORIZED, headers: vec![("sb-project-ref", "abc".into())], body: asked.into() };
    let backend = Site::start(unauthorised).await;
    let found = examine(&[("BACKEND_URL", &backend.url), ("API_KEY", "sb_publishable_of_another")]).await;
    assert_eq!(found.troubles(), [("problem", "key.backend")]);
    assert_eq!(found.what("url"), "the backend is a Supabase project");
    assert!(found.what("key.backend").ends_with("401  Invalid API key"), "{}", found.what("key.backend"));
    let found = examine(&[("BACKEND_URL", &backend.url), ("API_KEY", "sb_secret_0123456789")]).await;
    assert_eq!(found.troubles(), [("danger", "key")]);
    assert!(found.complaints().contains(&("unknown", "functions")));
}

#[tokio::test]
async fn of_a_key_that_says_nothing_the_backend_knows_which_it_is() {
    let db = TestDatabase::new().await;
    let (service, anon) = ("for-the-backend-0123456789", "for-everybody-0123456789");
    let gateway = gateway(&db, &[("SERVICE_KEY", service), ("ANON_KEY", anon)]).await;
    let found = of(&gateway, &[("API_KEY", anon)]).await;
    assert_eq!((found.code, found.troubles()), (0, vec![]));
    assert!(found.what("functions").starts_with("all "), "{}", found.what("functions"));
    let found = of(&gateway, &[("API_KEY", service)]).await;
    assert_eq!((found.code, found.troubles()), (1, vec![("danger", "key")]));
    assert_eq!(found.what("functions"), "nothing was called with that key");
    let found = examine(&[("BACKEND_URL", "http://127.0.0.1:1"), ("API_KEY", anon)]).await;
    assert!(found.complaints().contains(&("unknown", "key")), "{:?}", found.complaints());
}

#[tokio::test]
async fn a_users_token_is_read_here_and_shown_to_the_backend() {
    let db = TestDatabase::new().await;
    let gateway = gateway(&db, &[]).await;
    let claims = |claims: serde_json::Value| sign(SECRET, &claims);
    let unsigned = format!(
        "{}.{}.",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#),
        URL_SAFE_NO_PAD.encode(json!({"role": "authenticated", "sub": "ann", "exp": soon()}).to_string())
    );
    let good = json!({"role": "authenticated", "sub": "ann", "exp": soon()});
    for (token, expected) in [
        (claims(good.clone()), vec![]),
        (admin("ann"), vec![("hint", "token.exp")]),
        (sign("another secret, and one that is long enough", &good), vec![("problem", "token.backend")]),
        (
            claims(json!({"role": "authenticated", "sub": "ann", "exp": 1_000_000_000})),
            vec![("problem", "token.exp"), ("problem", "token.backend")],
        ),
        (
            claims(json!({"role": "anon", "sub": "ann", "exp": soon()})),
            vec![("problem", "token.role"), ("problem", "token.backend")],
        ),
        (claims(json!({"role": "service_role", "sub": "ann", "exp": soon()})), vec![("danger", "token.role")]),
        (unsigned, vec![("danger", "token.alg"), ("problem", "token.backend")]),
        (
            claims(json!({"role": "authenticated", "sub": "ann", "exp": soon(), "user_metadata": {"role": "admin"}})),
            vec![("hint", "token.admin")],
        ),
        ("no token at all".to_owned(), vec![("problem", "token")]),
    ] {
        assert_eq!(of(&gateway, &[("ACCESS_TOKEN", &token)]).await.troubles(), expected);
    }
    let nobody = claims(json!({"role": "authenticated", "exp": soon()}));
    assert!(of(&gateway, &[("ACCESS_TOKEN", &nobody)]).await.troubles().contains(&("problem", "token.sub")));
}

#[tokio::test]
async fn the_pages_policy_has_to_let_us_in_and_the_fix_does() {
    let db = TestDatabase::new().await;
    let gateway = gateway(&db, &[]).await;
    let app = Site::start(Page::default()).await;
    let variables = [("PAGE_URL", app.url.as_str()), ("CHAT_URL", "wss://chat.example.org")];
    assert_eq!(of(&gateway, &variables).await.troubles(), []);

    app.shows(page(&policy(&gateway.url).replace(" 'wasm-unsafe-eval'", "")));
    let found = of(&gateway, &variables).await;
    assert_eq!((found.code, found.troubles()), (1, vec![("problem", "csp.script")]));

    app.shows(page("script-src 'wasm-unsafe-eval'; connect-src 'self'"));
    let found = of(&gateway, &variables).await;
    assert_eq!(found.troubles(), [("problem", "csp.connect")]);
    let more = found.fix("csp.connect").strip_prefix("add to connect-src: ").unwrap();
    assert_eq!(more, format!("{} wss://chat.example.org", gateway.url));
    app.shows(page(&format!("script-src 'wasm-unsafe-eval'; connect-src 'self' {more}")));
    assert_eq!(of(&gateway, &variables).await.troubles(), []);

    // Its own origin is where our WebAssembly comes from.
    app.shows(page(&policy(&gateway.url).replace("connect-src 'self'", "connect-src")));
    let found = of(&gateway, &variables).await;
    assert_eq!(found.troubles(), [("problem", "csp.connect")]);
    assert_eq!(found.fix("csp.connect"), format!("add to connect-src: {}", app.url));

    // In the page itself it counts as well, and one that is only reported does not, yet.
    let meta =
        |policy: &str| format!("<!doctype html><meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">");
    app.shows(Page { body: meta("script-src 'self'"), ..Page::default() });
    assert_eq!(of(&gateway, &variables).await.troubles(), [("problem", "csp.script")]);
    app.shows(Page { body: meta(&policy(&gateway.url)), ..Page::default() });
    assert_eq!(of(&gateway, &variables).await.troubles(), []);
    app.shows(Page {
        headers: vec![("content-security-policy-report-only", "script-src 'self'".into())],
        ..Page::default()
    });
    assert_eq!(of(&gateway, &variables).await.troubles(), [("hint", "csp.report_only")]);

    for (page, word) in [
        (
            Page { status: StatusCode::FOUND, headers: vec![("location", "/login".into())], ..Page::default() },
            "somewhere else",
        ),
        (Page { status: StatusCode::NOT_FOUND, ..Page::default() }, "answered 404"),
    ] {
        app.shows(page);
        let found = of(&gateway, &variables).await;
        assert!(
            found.complaints().contains(&("unknown", "csp")) && found.what("csp").contains(word),
            "{}",
            found.what("csp")
        );
    }
}

#[tokio::test]
async fn a_page_that_gives_a_secret_away_is_a_danger() {
    let db = TestDatabase::new().await;
    let gateway = gateway(&db, &[]).await;
    let key = |role: &str| sign(SECRET, &json!({ "role": role, "exp": NEVER }));
    // It answers the same to everything: page and script.
    let shows = |key: &str| Page {
        body: format!("<script src=\"/app.js\"></script><script>createClient('{key}')</script>"),
        ..Page::default()
    };
    let app = Site::start(shows(&key("anon"))).await;
    assert_eq!(of(&gateway, &[("PAGE_URL", &app.url)]).await.troubles(), []);
    let found = of(&gateway, &[("PAGE_URL", &app.url)]).await;
    assert_eq!(found.what("page.keys"), "no secret key stands in the page, nor in the scripts that it names (1)");
    for secret in [key("service_role"), "sb_secret_0123456789abcdef".to_owned()] {
        app.shows(shows(&secret));
        let found = of(&gateway, &[("PAGE_URL", &app.url)]).await;
        assert_eq!(found.troubles(), [("danger", "page.keys")]);
        assert_eq!(found.what("page.keys"), "a secret key stands in the page itself, /app.js");
    }
}

#[tokio::test]
async fn a_script_that_was_not_read_is_named() {
    let app = Site::start(Page::default()).await;
    let html = |body: &str| Page {
        headers: vec![("content-type", "text/html; charset=utf-8".to_owned())],
        body: body.into(),
        ..Page::default()
    };
    let script = "<script src=/app.js></script>";
    for (page, named) in [
        // The page itself stands in for what is not there.
        (html(script), "/app.js"),
        // What is further on is not read.
        (
            Page { body: script.to_owned() + &" ".repeat(5 * 1024 * 1024), ..Page::default() },
            "the page itself, /app.js",
        ),
        (
            Page { body: "<script src=https://127.0.0.1:1/a.js?key=b>".into(), ..Page::default() },
            "https://127.0.0.1:1/a.js",
        ),
    ] {
        app.shows(page);
        let found = examine(&[("BACKEND_URL", "http://127.0.0.1:1"), ("PAGE_URL", &app.url)]).await;
        assert!(found.complaints().contains(&("unknown", "page.keys")), "{}", found.what("page.keys"));
        assert_eq!(found.what("page.keys"), format!("whether a secret key stands in what was not read: {named}"));
    }
}

#[tokio::test]
async fn browsers_have_to_let_the_page_call() {
    let db = TestDatabase::new().await;
    let app = "https://app.example.org";
    let closed = gateway(&db, &[("CORS_ORIGINS", "https://other.example.org")]).await;
    // The page itself is nowhere: its origin is all that counts here.
    let found = of(&closed, &[("PAGE_URL", app)]).await;
    assert_eq!((found.code, found.troubles()), (1, vec![("problem", "cors")]));
    assert!(found.fix("cors").contains("CORS_ORIGINS=https://app.example.org;"), "{}", found.fix("cors"));
    let open = gateway(&db, &[("CORS_ORIGINS", app)]).await;
    assert_eq!(of(&open, &[("PAGE_URL", app)]).await.troubles(), []);
    // Its own page need not ask.
    assert_eq!(of(&closed, &[("PAGE_URL", &closed.url)]).await.troubles(), []);

    let answers = |headers: &[(&'static str, &str)]| Page {
        headers: headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
        ..Page::default()
    };
    let (origin, list) = (("access-control-allow-origin", "*"), "access-control-allow-headers");
    let backend = Site::start(Page::default()).await;
    for (page, check) in [
        (answers(&[]), ("problem", "cors")),
        (answers(&[origin, (list, "apikey, content-type")]), ("problem", "cors.headers")),
        // A star stands for everything but the one that matters.
        (answers(&[origin, (list, "*")]), ("problem", "cors.headers")),
        (answers(&[origin, (list, "*, Authorization")]), ("hint", "cors.max_age")),
        (answers(&[origin, (list, "*, Authorization"), ("access-control-max-age", "60")]), ("hint", "cors.max_age")),
    ] {
        backend.shows(page);
        let found = examine(&[("BACKEND_URL", &backend.url), ("PAGE_URL", app)]).await;
        assert!(found.troubles().contains(&check), "{check:?}: {:?}", found.troubles());
    }
    let good = [origin, (list, "apikey,authorization,content-type"), ("access-control-max-age", "86400")];
    backend.shows(answers(&good));
    let found = examine(&[("BACKEND_URL", &backend.url), ("PAGE_URL", app)]).await;
    assert!(!found.troubles().iter().any(|(_, check)| check.starts_with("cors")), "{:?}", found.troubles());
}

#[tokio::test]
async fn clocks_have_to_agree() {
    let backend = Site::start(Page::default()).await;
    let date = |date: &str| ("date", date.to_owned());
    for (headers, level, word) in [
        (vec![date("Sat, 01 Jan 2000 00:00:00 GMT")], "problem", "behind"),
        (vec![date("Fri, 01 Jan 2100 00:00:00 GMT")], "problem", "ahead of"),
        // Its own.
        (vec![], "ok", "agrees"),
        // Out of a cache.
        (vec![date("Sat, 01 Jan 2000 00:00:00 GMT"), ("age", "7200".to_owned())], "unknown", "has no time"),
    ] {
        backend.shows(Page { headers, ..Page::default() });
        let found = examine(&[("BACKEND_URL", &backend.url)]).await;
        let clock =
            found.complaints().into_iter().find(|(_, check)| *check == "clock").map_or("ok", |(level, _)| level);
        assert_eq!(clock, level, "{}", found.what("clock"));
        assert!(found.what("clock").contains(word), "{}", found.what("clock"));
    }
}

#[tokio::test]
async fn a_gateway_has_to_be_well_and_to_keep_its_numbers_to_itself() {
    let db = TestDatabase::new().await;
    let gateway = gateway(&db, &[]).await;
    let found = of(&gateway, &[("ADMIN_TOKEN", "another-token-for-operators")]).await;
    assert_eq!(found.troubles(), [("problem", "gateway.metrics")]);

    // Its sweeper ran at the start, and not for an hour by what the database says.
    run_sql(&db, "update streamkeeper.sweeper set last_run_at = now() - interval '1 hour'").await;
    let stopped = of(&gateway, &[("ADMIN_TOKEN", ADMIN_TOKEN)]).await;
    assert_eq!(stopped.troubles(), [("problem", "gateway.sweep")]);
    run_sql(&db, "select sweep()").await;
    assert_eq!(of(&gateway, &[("ADMIN_TOKEN", ADMIN_TOKEN)]).await.troubles(), []);

    let demo = Gateway::start(db.options(), true, &[]).await;
    let found = of(&demo, &[]).await;
    assert_eq!(found.troubles(), [("hint", "gateway.demo"), ("hint", "gateway.metrics")]);
    assert_eq!(found.what("gateway.metrics"), "open to everybody: /metrics, /debug/report, /debug/sync-check");

    let away = Gateway::without_database(false, &[]).await;
    let found = of(&away, &[]).await;
    assert!(found.troubles().contains(&("problem", "gateway")), "{:?}", found.troubles());

    let health = r#"{"status": "ok", "database": "ok", "version": "99.0.0"}"#;
    let other = Site::start(Page { body: health.into(), ..Page::default() }).await;
    let found = of(&gateway, &[("GATEWAY_URL", &other.url)]).await;
    assert!(found.troubles().contains(&("hint", "gateway.version")), "{:?}", found.troubles());
    // It answers 200 to everything, and tells nobody anything.
    assert!(found.complaints().contains(&("unknown", "gateway.sweep")), "{:?}", found.complaints());
    assert!(!found.troubles().iter().any(|(_, check)| *check == "gateway.metrics"), "{:?}", found.troubles());
    other.shows(Page { body: "hello".into(), ..Page::default() });
    assert!(of(&gateway, &[("GATEWAY_URL", &other.url)]).await.troubles().contains(&("problem", "gateway")));
    assert!(of(&gateway, &[("GATEWAY_URL", "http://127.0.0.1:1")]).await.troubles().contains(&("problem", "gateway")));
}

#[tokio::test]
async fn no_secret_is_ever_printed_whoever_says_it() {
    // A server that quotes everything that it was sent.
    let body =
        r#"{"code": "XX", "message": "{headers}", "hint": "{headers}", "version": "{headers}", "database": "away"}"#;
    let echo = Site::start(Page { status: StatusCode::BAD_REQUEST, body: body.into(), ..Page::default() }).await;
    let token = user("planted-user");
    let secrets = [
        ("API_KEY", "sb_publishable_planted_0123456789"),
        ("ACCESS_TOKEN", token.as_str()),
        ("ADMIN_TOKEN", "planted-admin-token"),
        ("DATABASE_URL", "postgres://somebody:planted-password@127.0.0.1:1/db"),
    ];
    let places = [
        ("BACKEND_URL", echo.url.as_str()),
        ("GATEWAY_URL", &echo.url),
        ("PAGE_URL", "http://127.0.0.1:1/?planted-query"),
    ];
    let variables: Vec<_> = secrets.iter().chain(&places).copied().collect();
    for arguments in [&["doctor"][..], &["doctor", "--json"]] {
        let (code, stdout, stderr) = run(arguments, &variables).await;
        assert_eq!((code, stderr.as_str()), (1, ""), "{stdout}");
        assert!(!stdout.contains("planted") && !stdout.contains(&token) && stdout.contains('…'), "{stdout}");
    }
    for arguments in [
        &["doctor", "planted"][..],
        &["doctor", "--apikey", "planted"],
        &["doctor", "--url", "https://planted:planted@example.org"],
        &["doctor", "--database-url", "postgres://user:planted@localhost:port/"],
        &["doctor", "--database-url=mysql://planted", "--json"],
    ] {
        let (code, stdout, stderr) = run(arguments, &[]).await;
        assert_eq!((code, stdout.as_str(), stderr.lines().count()), (2, "", 1), "{arguments:?}: {stderr}");
        assert!(!stderr.contains("planted"), "{stderr}");
    }
    let (code, stdout, _) = run(&["doctor", "--help"], &[]).await;
    assert!(code == 0 && stdout.contains("ACCESS_TOKEN"), "{stdout}");
}

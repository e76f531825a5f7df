//! Which tokens are believed, and which keys.

use database_tests::TestDatabase;
use gateway_tests::program::{serving, signal};
use gateway_tests::{ANON_KEY, Answer, Gateway, NEVER, SECRET, client, sign, user};
use reqwest::Method;
use serde_json::{Value, json};

async fn started(variables: &[(&str, &str)]) -> (TestDatabase, Gateway) {
    let db = TestDatabase::new().await;
    let gateway = Gateway::start(db.options(), false, variables).await;
    (db, gateway)
}

async fn answer(gateway: &Gateway, token: &str) -> Answer {
    gateway.rpc("list_active_streams", Some(token), json!({})).await
}

fn claims(extra: Value) -> Value {
    let mut claims = json!({ "role": "authenticated", "sub": "owner", "exp": NEVER });
    for (name, value) in extra.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

#[tokio::test]
async fn good_tokens_are_believed() {
    let (_db, gateway) = started(&[]).await;
    for token in [
        user("owner"),
        ANON_KEY.to_owned(),
        sign(SECRET, &claims(json!({"role": "service_role"}))),
        sign(SECRET, &claims(json!({"role": "anon"}))),
        sign(SECRET, &claims(json!({"aud": "whoever"}))),
        sign(SECRET, &json!({"exp": NEVER})),
    ] {
        assert_eq!(answer(&gateway, &token).await.status, 200, "{token}");
    }
    for header in ["bearer", "BEARER"] {
        let request = gateway.request(Method::POST, "/rest/v1/rpc/start_stream");
        let answer = Answer::of(request.header("authorization", format!("{header} {}", user("owner")))).await;
        assert_eq!(answer.json()["streamer_id"], "owner");
    }
}

#[tokio::test]
async fn bad_tokens_are_pgrst301() {
    let (_db, gateway) = started(&[]).await;
    let good = user("owner");
    let (head, rest) = good.split_once('.').unwrap();
    let (payload, signature) = rest.split_once('.').unwrap();
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    let hs512 = "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9";
    for token in [
        sign("another secret, which is long enough as well", &claims(json!({}))),
        format!("{none}.{payload}."),
        format!("{none}.{payload}.{signature}"),
        format!("{hs512}.{payload}.{signature}"),
        format!("{head}.{payload}."),
        format!("{head}.{payload}"),
        format!("{head}.{payload}.{signature}x"),
        "nonsense".to_owned(),
        "a.b.c".to_owned(),
        String::new(),
        format!("{ANON_KEY}x"),
    ] {
        let answer = answer(&gateway, &token).await;
        assert_eq!(answer.error(), (401, "PGRST301".into()), "{token}");
        assert!(token.len() < 8 || !answer.text.contains(&token), "the token is in the answer");
    }
}

#[tokio::test]
async fn claims_that_do_not_hold_are_pgrst303() {
    let (_db, gateway) = started(&[]).await;
    for (extra, message) in [
        (json!({"exp": 1_000_000_000}), "JWT expired"),
        (json!({"nbf": NEVER}), "JWT not yet valid"),
        (json!({"exp": null}), "JWT has no exp claim"),
    ] {
        let mut claims = claims(extra);
        if claims["exp"].is_null() {
            claims.as_object_mut().unwrap().remove("exp");
        }
        let answer = answer(&gateway, &sign(SECRET, &claims)).await;
        assert_eq!(answer.error(), (401, "PGRST303".into()));
        assert_eq!(answer.json()["message"], message);
    }
}

#[tokio::test]
async fn the_audience_is_checked_when_there_is_one() {
    let (_db, gateway) = started(&[("JWT_AUDIENCE", "authenticated")]).await;
    for audience in [json!("authenticated"), json!(["other", "authenticated"])] {
        assert_eq!(answer(&gateway, &sign(SECRET, &claims(json!({ "aud": audience })))).await.status, 200);
    }
    for token in [sign(SECRET, &claims(json!({"aud": "other"}))), sign(SECRET, &claims(json!({})))] {
        let answer = answer(&gateway, &token).await;
        assert_eq!(answer.error(), (401, "PGRST303".into()));
        assert_eq!(answer.json()["message"], "JWT not in audience");
    }
    assert_eq!(answer(&gateway, ANON_KEY).await.status, 200);
}

#[tokio::test]
async fn no_other_role_is_ever_taken() {
    let (_db, gateway) = started(&[]).await;
    for role in [json!("postgres"), json!("authenticator"), json!("nobody at all"), json!(""), json!(7), json!(null)] {
        let answer = answer(&gateway, &sign(SECRET, &claims(json!({ "role": role })))).await;
        assert_eq!(answer.error(), (403, "42501".into()), "{role}");
    }
}

#[tokio::test]
async fn without_a_token_or_with_another_scheme_one_is_anon() {
    let (_db, gateway) = started(&[]).await;
    for header in [None, Some("Basic dXNlcjpwYXNz")] {
        let mut request = gateway.request(Method::POST, "/rest/v1/rpc/start_stream");
        if let Some(header) = header {
            request = request.header("authorization", header);
        }
        assert_eq!(Answer::of(request).await.error(), (401, "42501".into()));
    }
}

/// As new Supabase projects have it: not a token.
const SERVICE_KEY: &str = "sb_secret_of_the_tests_0123456789";

/// What the call answers to these two headers.
async fn sweep(gateway: &Gateway, bearer: Option<&str>, api_key: Option<&str>) -> (u16, String) {
    let mut request = gateway.request(Method::POST, "/rest/v1/rpc/sweep");
    for (name, value) in
        [("authorization", bearer.map(|key| format!("Bearer {key}"))), ("apikey", api_key.map(str::to_owned))]
    {
        if let Some(value) = value {
            request = request.header(name, value);
        }
    }
    let answer = Answer::of(request).await;
    assert!(!answer.text.contains(SERVICE_KEY), "{}", answer.text);
    if answer.status == 200 { (200, String::new()) } else { answer.error() }
}

#[tokio::test]
async fn the_service_key_is_the_backend_and_a_users_token_goes_before_it() {
    let (_db, gateway) = started(&[("SERVICE_KEY", SERVICE_KEY)]).await;
    let (key, user) = (Some(SERVICE_KEY), user("owner"));
    for (bearer, api_key) in [(key, None), (None, key), (key, key), (key, Some(ANON_KEY))] {
        assert_eq!(sweep(&gateway, bearer, api_key).await, (200, String::new()), "{bearer:?} {api_key:?}");
    }
    assert_eq!(sweep(&gateway, Some(&user), key).await, (403, "42501".into()));
    assert_eq!(sweep(&gateway, Some(ANON_KEY), key).await, (401, "42501".into()));
}

#[tokio::test]
async fn nothing_but_the_service_key_is_the_service_key() {
    let (_db, gateway) = started(&[("SERVICE_KEY", SERVICE_KEY)]).await;
    let shorter = &SERVICE_KEY[..SERVICE_KEY.len() - 1];
    for wrong in
        [shorter, &format!("{SERVICE_KEY}x"), &format!("{shorter}x"), &SERVICE_KEY.to_uppercase(), "sb_secret_"]
    {
        assert_eq!(sweep(&gateway, Some(wrong), None).await, (401, "PGRST301".into()), "{wrong}");
        assert_eq!(sweep(&gateway, None, Some(wrong)).await, (401, "42501".into()), "{wrong}");
    }
    let (_db, without) = started(&[]).await;
    assert_eq!(sweep(&without, Some(SERVICE_KEY), None).await, (401, "PGRST301".into()));
    assert_eq!(sweep(&without, Some(""), None).await, (401, "PGRST301".into()));
    assert_eq!(sweep(&without, None, Some("")).await, (401, "42501".into()));
}

#[tokio::test]
async fn the_service_key_is_in_no_log() {
    let db = TestDatabase::new().await;
    let variables = [
        ("DATABASE_URL", &*db.url()),
        ("JWT_SECRET", SECRET),
        ("SERVICE_KEY", SERVICE_KEY),
        ("BIND", "127.0.0.1:0"),
        ("RUST_LOG", "trace"),
    ];
    let (mut child, url, mut log) = serving(&["serve"], &variables).await;
    let call = || client().post(format!("{url}/rest/v1/rpc/sweep")).header("apikey", SERVICE_KEY);
    for request in [call(), call().bearer_auth(SERVICE_KEY), call().bearer_auth(format!("{SERVICE_KEY}x"))] {
        Answer::of(request).await;
    }
    signal(&child, "-TERM").await;
    let printed = log.rest().await;
    assert!(child.wait().await.unwrap().success());
    assert!(printed.contains("/rest/v1/rpc/sweep") && !printed.contains(SERVICE_KEY), "{printed}");
}

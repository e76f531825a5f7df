//! Which tokens are believed.

use database_tests::TestDatabase;
use gateway_tests::{ANON_KEY, Answer, Gateway, NEVER, SECRET, sign, user};
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

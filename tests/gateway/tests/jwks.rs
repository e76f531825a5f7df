//! Tokens that an identity provider signs with its own keys, which it publishes at `JWKS_URL`.

use std::sync::LazyLock;
use std::time::Duration;

use database_tests::TestDatabase;
use gateway_tests::provider::{KeyPair, Provider, Reply};
use gateway_tests::{Answer, Gateway, NEVER, SECRET, sign, user};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

/// One is enough: they take their time.
static RSA: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::rsa("rsa"));

/// Asks the provider as often as it likes.
const ALWAYS: Duration = Duration::ZERO;

/// Asks the provider once in a test.
const ONCE: Duration = Duration::from_secs(86_400);

fn claims(extra: Value) -> Value {
    let mut claims = json!({ "role": "authenticated", "sub": "owner", "exp": NEVER });
    for (name, value) in extra.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

async fn started(provider: &Provider, every: Duration, variables: &[(&str, &str)]) -> (TestDatabase, Gateway) {
    let db = TestDatabase::new().await;
    let variables = [&[("JWKS_URL", provider.url.as_str())], variables].concat();
    let gateway = Gateway::start_with(db.options(), false, &variables, |c| c.jwks_fetch_interval = every).await;
    (db, gateway)
}

async fn answer(gateway: &Gateway, token: &str) -> Answer {
    gateway.rpc("list_active_streams", Some(token), json!({})).await
}

#[tokio::test]
async fn what_the_providers_keys_have_signed_is_believed() {
    let ec = KeyPair::ec("ec");
    let provider = Provider::start(&[&ec, &RSA]).await;
    let (_db, gateway) = started(&provider, ONCE, &[]).await;
    for key in [&ec, &RSA] {
        for token in [key.sign(&claims(json!({}))), key.sign_as(None, &claims(json!({})))] {
            let started = gateway.rpc("start_stream", Some(&token), json!({})).await;
            assert_eq!(started.json()["streamer_id"], "owner", "{}", started.text);
        }
        let service = key.sign(&claims(json!({"role": "service_role"})));
        assert_eq!(gateway.rpc("sweep", Some(&service), json!({})).await.status, 200);
    }
    // The secret of before still counts, while there is one.
    assert_eq!(answer(&gateway, &user("owner")).await.status, 200);
    assert_eq!(provider.asked(), 1);
}

#[tokio::test]
async fn keys_alone_are_enough_and_then_no_secret_is_one() {
    let ec = KeyPair::ec("ec");
    let provider = Provider::start(&[&ec, &RSA]).await;
    let (_db, gateway) = started(&provider, ONCE, &[("JWT_SECRET", "")]).await;
    assert_eq!(answer(&gateway, &ec.sign(&claims(json!({})))).await.status, 200);

    // Whatever is public of a key, as the secret of an HS256 token that names the key.
    let public = [RSA.public(), ec.public()];
    let parts =
        public.iter().flat_map(|key| ["n", "e", "x", "y", "kid"].map(|part| key[part].as_str().map(str::to_owned)));
    let mut secrets: Vec<String> = parts.flatten().collect();
    secrets.extend(public.iter().map(Value::to_string));
    secrets.extend([SECRET.to_owned(), String::new()]);
    for secret in secrets {
        for id in ["ec", "rsa"] {
            let header = Header { kid: Some(id.to_owned()), ..Header::default() };
            let key = EncodingKey::from_secret(secret.as_bytes());
            let token = encode(&header, &claims(json!({})), &key).unwrap();
            assert_eq!(answer(&gateway, &token).await.error(), (401, "PGRST301".into()), "{secret}");
        }
    }
}

#[tokio::test]
async fn a_token_cannot_choose_how_it_is_verified() {
    let (ec, stranger) = (KeyPair::ec("ec"), KeyPair::ec("ec"));
    let provider = Provider::start(&[&ec, &RSA]).await;
    let (_db, gateway) = started(&provider, ONCE, &[]).await;
    let good = ec.sign(&claims(json!({})));
    let (head, rest) = good.split_once('.').unwrap();
    let (payload, signature) = rest.split_once('.').unwrap();
    // The same claims and signature under another header: {"alg":"none"}, {"alg":"ES384","kid":"ec"}, {"alg":"HS256","kid":"ec"}.
    let none = "eyJhbGciOiJub25lIn0";
    let es384 = "eyJhbGciOiJFUzM4NCIsImtpZCI6ImVjIn0";
    let hs256 = "eyJhbGciOiJIUzI1NiIsImtpZCI6ImVjIn0";
    for token in [
        stranger.sign(&claims(json!({}))),
        // The one's name on the other's signature, and so the other algorithm.
        ec.sign_as(Some("rsa"), &claims(json!({}))),
        RSA.sign_as(Some("ec"), &claims(json!({}))),
        ec.sign_as(Some(""), &claims(json!({}))),
        format!("{none}.{payload}."),
        format!("{none}.{payload}.{signature}"),
        format!("{es384}.{payload}.{signature}"),
        format!("{hs256}.{payload}.{signature}"),
        format!("{head}.{payload}."),
        format!("{head}.{payload}.{signature}x"),
    ] {
        let answer = answer(&gateway, &token).await;
        assert_eq!(answer.error(), (401, "PGRST301".into()), "{token}");
        assert!(!answer.text.contains(&token), "the token is in the answer");
    }
    assert_eq!(answer(&gateway, &good).await.status, 200);
}

#[tokio::test]
async fn without_a_key_set_a_signature_by_a_key_means_nothing() {
    let db = TestDatabase::new().await;
    let gateway = Gateway::start(db.options(), false, &[]).await;
    let token = KeyPair::ec("ec").sign(&claims(json!({})));
    assert_eq!(answer(&gateway, &token).await.error(), (401, "PGRST301".into()));
}

#[tokio::test]
async fn claims_are_checked_as_ever() {
    let ec = KeyPair::ec("ec");
    let provider = Provider::start(&[&ec]).await;
    let (_db, gateway) = started(&provider, ONCE, &[("JWT_AUDIENCE", "authenticated")]).await;
    let token = |extra| ec.sign(&claims(extra));
    assert_eq!(answer(&gateway, &token(json!({"aud": "authenticated"}))).await.status, 200);
    for (extra, message) in [
        (json!({"aud": "authenticated", "exp": 1_000_000_000}), "JWT expired"),
        (json!({"aud": "authenticated", "nbf": NEVER}), "JWT not yet valid"),
        (json!({"aud": "other"}), "JWT not in audience"),
        (json!({}), "JWT not in audience"),
    ] {
        let answer = answer(&gateway, &token(extra)).await;
        assert_eq!(answer.error(), (401, "PGRST303".into()));
        assert_eq!(answer.json()["message"], message);
    }
    let role = answer(&gateway, &token(json!({"aud": "authenticated", "role": "postgres"}))).await;
    assert_eq!(role.error(), (403, "42501".into()));
}

#[tokio::test]
async fn new_keys_count_at_once_and_old_ones_soon_no_longer() {
    let (old, new) = (KeyPair::ec("2026-10"), KeyPair::ec("2026-11"));
    let provider = Provider::start(&[&old]).await;
    let (_db, gateway) = started(&provider, ALWAYS, &[]).await;
    let (by_old, by_new) = (old.sign(&claims(json!({}))), new.sign(&claims(json!({}))));
    assert_eq!(answer(&gateway, &by_old).await.status, 200);
    assert_eq!(answer(&gateway, &by_new).await.error(), (401, "PGRST301".into()));
    provider.publish(&[&old, &new]);
    for token in [&by_new, &by_old] {
        assert_eq!(answer(&gateway, token).await.status, 200);
    }
    provider.publish(&[&new]);
    // It is believed until the gateway has looked again, which it does behind the callers' backs.
    while answer(&gateway, &by_old).await.status == 200 {
        tokio::task::yield_now().await;
    }
    assert_eq!(answer(&gateway, &by_old).await.error(), (401, "PGRST301".into()));
    assert_eq!(answer(&gateway, &by_new).await.status, 200);
}

#[tokio::test]
async fn made_up_key_ids_do_not_reach_the_provider_again_and_again() {
    let ec = KeyPair::ec("ec");
    let provider = Provider::start(&[&ec]).await;
    let (_db, gateway) = started(&provider, ONCE, &[]).await;
    let stranger = KeyPair::ec("ec");
    for n in 0..20 {
        let token = stranger.sign_as(Some(&format!("key-{n}")), &claims(json!({})));
        assert_eq!(answer(&gateway, &token).await.error(), (401, "PGRST301".into()));
    }
    assert_eq!(answer(&gateway, &ec.sign(&claims(json!({})))).await.status, 200);
    assert_eq!(provider.asked(), 1);
}

#[tokio::test]
async fn callers_that_come_together_ask_once() {
    let ec = KeyPair::ec("ec");
    let provider = Provider::start(&[&ec]).await;
    let (_db, gateway) = started(&provider, ONCE, &[]).await;
    let token = ec.sign(&claims(json!({})));
    let call = || answer(&gateway, &token);
    let (a, b, c, d, e) = tokio::join!(call(), call(), call(), call(), call());
    assert_eq!([a, b, c, d, e].map(|answer| answer.status), [200; 5]);
    assert_eq!(provider.asked(), 1);
}

#[tokio::test]
async fn while_the_provider_is_away_nobody_is_told_that_the_token_is_bad() {
    let (ec, new) = (KeyPair::ec("ec"), KeyPair::ec("new"));
    let (token, by_new) = (ec.sign(&claims(json!({}))), new.sign(&claims(json!({}))));
    let provider = Provider::start(&[&ec]).await;
    let other = Provider::start(&[&ec]).await;
    provider.reply(Reply::Status(503));
    let (_db, gateway) = started(&provider, ALWAYS, &[]).await;
    for bad in [
        Reply::Status(500),
        Reply::Status(404),
        Reply::Status(204),
        Reply::Redirect(other.url.clone()),
        Reply::Text("<html>Please sign in to this network</html>".to_owned()),
        Reply::Text(json!({ "keys": [ec.public()], "padding": "x".repeat(65_536) }).to_string()),
        Reply::Keys(vec![]),
    ] {
        provider.reply(bad);
        let answer = answer(&gateway, &token).await;
        assert_eq!(answer.error(), (503, "PGRST300".into()));
        assert!(!answer.text.contains(&provider.url), "{}", answer.text);
    }
    assert_eq!(other.asked(), 0);

    provider.publish(&[&ec]);
    assert_eq!(answer(&gateway, &token).await.status, 200);
    // From now on there is something to fall back on.
    provider.reply(Reply::Status(503));
    assert_eq!(answer(&gateway, &by_new).await.error(), (503, "PGRST300".into()));
    assert_eq!(answer(&gateway, &token).await.status, 200);
    provider.publish(&[&ec, &new]);
    assert_eq!(answer(&gateway, &by_new).await.status, 200);
}

#[tokio::test]
async fn a_secret_does_not_need_the_provider() {
    let provider = Provider::start(&[]).await;
    provider.reply(Reply::Status(503));
    let (_db, gateway) = started(&provider, ALWAYS, &[]).await;
    assert_eq!(answer(&gateway, &user("owner")).await.status, 200);
    let forged = sign("another secret, which is long enough as well", &claims(json!({})));
    assert_eq!(answer(&gateway, &forged).await.error(), (401, "PGRST301".into()));
}

//! PostgREST's documented behaviour, case by case, on functions made for the purpose.

use database_tests::TestDatabase;
use gateway_tests::{Answer, Gateway, run_sql, user};
use reqwest::Method;
use serde_json::{Value, json};

const FUNCTIONS: &[&str] = &[
    "t_void",
    "t_text",
    "t_int",
    "t_null",
    "t_json",
    "t_setof",
    "t_table",
    "t_one_column",
    "t_row",
    "t_rows",
    "t_write",
    "t_stable_write",
    "t_raise",
    "t_settings",
    "t_default",
    "t_overload",
    "t_quoted",
    "t_out",
    "t_write_two",
    "t_array",
    "t_secret",
    "t_absent",
];

const SQL: &str = r#"
    create table notes (id int primary key, note text);
    insert into notes values (1, 'one'), (2, 'two');
    grant select, insert on notes to anon, authenticated;
    create function t_void() returns void language sql as $$ $$;
    create function t_text(a text) returns text language sql immutable as $$ select a $$;
    create function t_int(a int) returns int language sql immutable as $$ select a $$;
    create function t_null() returns text language sql immutable as $$ select null::text $$;
    create function t_json() returns json language sql immutable as $$ select '{"z": 1.0, "a": [1,2]}'::json $$;
    create function t_setof(n int) returns setof int language sql immutable as $$ select * from generate_series(1, n) $$;
    create function t_table(n int) returns table (id int, note text) language sql stable
      as $$ select id, note from notes where id <= n order by id $$;
    create function t_one_column() returns table (id int) language sql stable as $$ select id from notes order by id $$;
    create function t_row() returns notes language sql stable as $$ select * from notes where id = 1 $$;
    create function t_rows() returns setof notes language sql stable as $$ select * from notes order by id $$;
    create function t_write(n int) returns int language sql as $$ insert into notes values (n, 'new') returning id $$;
    create function t_write_two() returns setof int language sql
      as $$ insert into notes values (3, 'new'), (4, 'new') returning id $$;
    create function t_stable_write() returns int language plpgsql stable
      as $$ begin perform t_write(9); return 9; end $$;
    create function t_raise(state text, message text) returns void language plpgsql
      as $$ begin raise exception '%', message using errcode = state, detail = 'the detail', hint = 'the hint'; end $$;
    create function t_settings() returns json language sql stable as $$ select json_build_object(
      'role', current_user, 'claims', current_setting('request.jwt.claims')::json,
      'method', current_setting('request.method'), 'path', current_setting('request.path'),
      'headers', current_setting('request.headers')::json, 'search_path', current_setting('search_path'),
      'read_only', current_setting('transaction_read_only'), 'timeout', current_setting('statement_timeout')) $$;
    create function t_default(a int, b int default 2) returns int language sql immutable as $$ select a * 10 + b $$;
    create function t_overload(a int) returns int language sql immutable as $$ select 1 $$;
    create function t_overload(a int, b int default 1) returns int language sql immutable as $$ select 2 $$;
    create function t_unlisted() returns int language sql immutable as $$ select 1 $$;
    create function t_quoted("some Arg" text, "order" int) returns text language sql immutable
      as $$ select "some Arg" || "order" $$;
    create function t_out(a int, out doubled int) language sql immutable as $$ select a * 2 $$;
    create function t_array(a int[], b jsonb) returns jsonb language sql immutable
      as $$ select jsonb_build_object('a', a, 'b', b) $$;
    create function t_secret() returns int language sql as $$ select 1 $$;
    revoke execute on function t_secret() from public;
"#;

async fn started() -> (TestDatabase, Gateway) {
    let db = TestDatabase::new().await;
    run_sql(&db, SQL).await;
    let gateway = Gateway::with_functions(db.options(), FUNCTIONS).await;
    (db, gateway)
}

async fn get(gateway: &Gateway, path_and_query: &str) -> Answer {
    Answer::of(gateway.request(Method::GET, &format!("/rest/v1/rpc/{path_and_query}"))).await
}

#[tokio::test]
async fn results_have_the_shape_of_their_type() {
    let (_db, gateway) = started().await;
    for (function, arguments, expected) in [
        ("t_text", json!({"a": "x\"y"}), json!("x\"y")),
        ("t_int", json!({"a": 7}), json!(7)),
        ("t_int", json!({"a": null}), Value::Null),
        ("t_null", json!({}), Value::Null),
        ("t_setof", json!({"n": 3}), json!([1, 2, 3])),
        ("t_setof", json!({"n": 0}), json!([])),
        ("t_table", json!({"n": 2}), json!([{"id": 1, "note": "one"}, {"id": 2, "note": "two"}])),
        ("t_table", json!({"n": 0}), json!([])),
        ("t_one_column", json!({}), json!([{"id": 1}, {"id": 2}])),
        ("t_out", json!({"a": 2}), json!({"doubled": 4})),
        ("t_quoted", json!({"some Arg": "x", "order": 1}), json!("x1")),
        ("t_row", json!({}), json!({"id": 1, "note": "one"})),
        ("t_rows", json!({}), json!([{"id": 1, "note": "one"}, {"id": 2, "note": "two"}])),
        ("t_array", json!({"a": [1, 2], "b": {"c": [null]}}), json!({"a": [1, 2], "b": {"c": [null]}})),
    ] {
        let answer = gateway.rpc(function, None, arguments.clone()).await;
        assert_eq!(answer.status, 200, "{function} {arguments}: {}", answer.text);
        assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
        assert_eq!(answer.json(), expected, "{function} {arguments}");
    }
}

#[tokio::test]
async fn json_leaves_as_postgresql_wrote_it() {
    let (_db, gateway) = started().await;
    assert_eq!(gateway.rpc("t_json", None, json!({})).await.text, r#"{"z": 1.0, "a": [1,2]}"#);
}

#[tokio::test]
async fn void_is_204_and_empty() {
    let (_db, gateway) = started().await;
    let answer = gateway.rpc("t_void", None, json!({})).await;
    assert_eq!((answer.status, answer.text.as_str(), answer.header("content-type")), (204, "", ""));
}

#[tokio::test]
async fn one_object_on_request_or_406() {
    let (_db, gateway) = started().await;
    let single = |function: &str, arguments: Value| {
        let request = gateway.request(Method::POST, &format!("/rest/v1/rpc/{function}"));
        Answer::of(request.header("accept", "application/vnd.pgrst.object+json").json(&arguments))
    };
    let one = single("t_table", json!({"n": 1})).await;
    assert_eq!((one.status, one.json()), (200, json!({"id": 1, "note": "one"})));
    assert_eq!(one.header("content-type"), "application/vnd.pgrst.object+json; charset=utf-8");
    assert_eq!(single("t_row", json!({})).await.json()["id"], 1);
    for (n, details) in [(0, "The result contains 0 rows"), (2, "The result contains 2 rows")] {
        let none = single("t_table", json!({"n": n})).await;
        assert_eq!(none.error(), (406, "PGRST116".into()));
        assert_eq!(none.json()["details"], details);
    }
    assert_eq!(single("t_void", json!({})).await.status, 204);
}

#[tokio::test]
async fn functions_are_found_by_the_exact_set_of_names() {
    let (_db, gateway) = started().await;
    assert_eq!(gateway.rpc("t_default", None, json!({"a": 1})).await.json(), 12);
    assert_eq!(gateway.rpc("t_default", None, json!({"b": 3, "a": 1})).await.json(), 13);
    for (function, arguments, message) in [
        ("t_default", json!({"b": 1}), "Could not find the function public.t_default(b) in the schema cache"),
        (
            "t_default",
            json!({"a": 1, "c": 1}),
            "Could not find the function public.t_default(a, c) in the schema cache",
        ),
        ("t_int", json!({}), "Could not find the function public.t_int without parameters in the schema cache"),
        ("t_absent", json!({"a": 1}), "Could not find the function public.t_absent(a) in the schema cache"),
        // There, and granted, but not on the list.
        (
            "t_unlisted",
            json!({}),
            "Could not find the function public.t_unlisted without parameters in the schema cache",
        ),
        ("pg_sleep", json!({"a": 1}), "Could not find the function public.pg_sleep(a) in the schema cache"),
    ] {
        let answer = gateway.rpc(function, None, arguments).await;
        assert_eq!(answer.error(), (404, "PGRST202".into()));
        assert_eq!(answer.json()["message"], message);
    }
    let hint = gateway.rpc("t_default", None, json!({"b": 1})).await.json()["hint"].clone();
    assert_eq!(hint, "Perhaps you meant to call the function public.t_default(a, b)");
    assert_eq!(gateway.rpc("t_overload", None, json!({"a": 1, "b": 1})).await.json(), 2);
    assert_eq!(gateway.rpc("t_overload", None, json!({"a": 1})).await.error(), (300, "PGRST203".into()));
}

#[tokio::test]
async fn a_function_deployed_while_running_is_found() {
    let (db, gateway) = started().await;
    assert_eq!(gateway.rpc("t_absent", None, json!({})).await.status, 404);
    run_sql(&db, "create function t_absent() returns int language sql immutable as $$ select 5 $$").await;
    assert_eq!(gateway.rpc("t_absent", None, json!({})).await.json(), 5);
}

#[tokio::test]
async fn names_and_values_never_become_sql() {
    let (_db, gateway) = started().await;
    for arguments in [json!({"a) from notes; drop table notes; --": 1}), json!({"\"": 1}), json!({"": 1})] {
        assert_eq!(gateway.rpc("t_int", None, arguments).await.error(), (404, "PGRST202".into()));
    }
    let answer = gateway.rpc("t_int%28%29%3B--", None, json!({})).await;
    assert_eq!(answer.error(), (404, "PGRST202".into()));
    let nasty = "'; drop table notes; --";
    assert_eq!(gateway.rpc("t_text", None, json!({"a": nasty})).await.json(), nasty);
}

#[tokio::test]
async fn bad_bodies_are_pgrst102() {
    let (_db, gateway) = started().await;
    for body in ["{", "nonsense", "[]", "1", "null", r#""text""#, "[{\"a\": 1}]"] {
        let request = gateway.request(Method::POST, "/rest/v1/rpc/t_int").header("content-type", "application/json");
        let answer = Answer::of(request.body(body)).await;
        assert_eq!(answer.error(), (400, "PGRST102".into()), "{body}");
    }
    let request = gateway.request(Method::POST, "/rest/v1/rpc/t_int").header("content-type", "text/csv").body("a\n1");
    assert_eq!(Answer::of(request).await.error(), (400, "PGRST102".into()));
    // No body at all is no arguments.
    let answer = Answer::of(gateway.request(Method::POST, "/rest/v1/rpc/t_null")).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "null"));
}

#[tokio::test]
async fn a_body_may_be_64_kib_and_not_more() {
    let (_db, gateway) = started().await;
    let room = 64 * 1024 - r#"{"a":""}"#.len();
    assert_eq!(gateway.rpc("t_text", None, json!({"a": "x".repeat(room)})).await.status, 200);
    assert_eq!(gateway.rpc("t_text", None, json!({"a": "x".repeat(room + 1)})).await.error(), (413, "PGRST102".into()));
}

#[tokio::test]
async fn get_reads_arguments_from_the_query_and_cannot_write() {
    let (_db, gateway) = started().await;
    assert_eq!(get(&gateway, "t_default?a=4&b=2").await.json(), 42);
    assert_eq!(get(&gateway, "t_text?a=%C3%A4%20%2B+x").await.json(), "ä + x");
    assert_eq!(get(&gateway, "t_null").await.json(), Value::Null);
    assert_eq!(get(&gateway, "t_int?a=x").await.error(), (400, "22P02".into()));
    assert_eq!(get(&gateway, "t_int?b=1").await.error(), (404, "PGRST202".into()));
    assert_eq!(get(&gateway, "t_write?n=3").await.error(), (405, "25006".into()));
    assert_eq!(gateway.rpc("t_write", None, json!({"n": 3})).await.json(), 3);
    let head = Answer::of(gateway.request(Method::HEAD, "/rest/v1/rpc/t_default?a=4")).await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    assert_eq!(head.header("content-type"), "application/json; charset=utf-8");
}

#[tokio::test]
async fn a_stable_function_cannot_write_by_post_either() {
    let (_db, gateway) = started().await;
    assert_eq!(gateway.rpc("t_stable_write", None, json!({})).await.error(), (405, "25006".into()));
}

#[tokio::test]
async fn other_verbs_are_pgrst101() {
    let (_db, gateway) = started().await;
    for method in [Method::PUT, Method::PATCH, Method::DELETE] {
        let answer = Answer::of(gateway.request(method.clone(), "/rest/v1/rpc/t_null")).await;
        assert_eq!(answer.error(), (405, "PGRST101".into()));
        assert_eq!(answer.json()["message"], format!("Cannot use the {method} method on RPC"));
    }
}

#[tokio::test]
async fn errors_of_functions_keep_all_four_parts() {
    let (_db, gateway) = started().await;
    let raise = |state: &str| gateway.rpc("t_raise", None, json!({"state": state, "message": "the message"}));
    let answer = raise("P0001").await;
    assert_eq!(answer.error(), (400, "P0001".into()));
    assert_eq!(
        answer.json(),
        json!({"code": "P0001", "message": "the message", "details": "the detail", "hint": "the hint"})
    );
    for (state, status) in
        [("PT418", 418), ("23505", 409), ("40001", 500), ("53300", 503), ("42501", 401), ("22000", 400)]
    {
        assert_eq!(raise(state).await.error(), (status, state.into()));
    }
    let nulls = gateway.rpc("t_int", None, json!({"a": "x"})).await;
    assert_eq!((&nulls.json()["details"], &nulls.json()["hint"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn a_failed_call_leaves_nothing_behind() {
    let (_db, gateway) = started().await;
    assert_eq!(gateway.rpc("t_write", None, json!({"n": 1})).await.error(), (409, "23505".into()));
    // Written, but two rows where the client wants one: taken back.
    let request = gateway.request(Method::POST, "/rest/v1/rpc/t_write_two");
    let two = Answer::of(request.header("accept", "application/vnd.pgrst.object+json")).await;
    assert_eq!(two.error(), (406, "PGRST116".into()));
    assert_eq!(gateway.rpc("t_table", None, json!({"n": 9})).await.json().as_array().unwrap().len(), 2);
    assert_eq!(gateway.rpc("t_write_two", None, json!({})).await.json(), json!([3, 4]));
    assert_eq!(gateway.rpc("t_table", None, json!({"n": 9})).await.json().as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn accept_and_profile_are_checked() {
    let (_db, gateway) = started().await;
    let with = |name: &'static str, value: &'static str| {
        Answer::of(gateway.request(Method::POST, "/rest/v1/rpc/t_null").header(name, value))
    };
    for accept in ["*/*", "application/json", "text/html, application/json;q=0.9", "application/*"] {
        assert_eq!(with("accept", accept).await.status, 200, "{accept}");
    }
    let refused = with("accept", "text/html").await;
    assert_eq!(refused.error(), (406, "PGRST107".into()));
    assert_eq!(refused.json()["message"], "None of these media types are available: text/html");
    assert_eq!(with("content-profile", "public").await.status, 200);
    for name in ["content-profile", "accept-profile"] {
        let refused = with(name, "streamkeeper").await;
        assert_eq!(refused.error(), (406, "PGRST106".into()));
        assert_eq!(refused.json()["hint"], "Only the following schemas are exposed: public");
    }
}

#[tokio::test]
async fn the_function_sees_the_request_but_never_the_credentials() {
    let (_db, gateway) = started().await;
    let token = user("somebody");
    let request = gateway
        .request(Method::POST, "/rest/v1/rpc/t_settings")
        .bearer_auth(&token)
        .header("apikey", "the api key")
        .header("cookie", "a=b")
        .header("x-client-info", "test");
    let seen = Answer::of(request).await.json();
    assert_eq!(seen["role"], "authenticated");
    assert_eq!((&seen["claims"]["sub"], &seen["claims"]["role"]), (&json!("somebody"), &json!("authenticated")));
    assert_eq!((&seen["method"], &seen["path"]), (&json!("POST"), &json!("/rest/v1/rpc/t_settings")));
    assert_eq!((&seen["search_path"], &seen["read_only"]), (&json!("public"), &json!("on")));
    assert_eq!(seen["timeout"], "10s");
    assert_eq!(seen["headers"]["x-client-info"], "test");
    for secret in ["authorization", "apikey", "cookie"] {
        assert_eq!(seen["headers"][secret], Value::Null, "{secret}");
    }
}

#[tokio::test]
async fn nothing_of_one_request_is_left_for_the_next() {
    let (_db, gateway) = started().await;
    // One after the other on one connection: the pool hands out the one that it has.
    gateway.rpc("t_settings", Some(&user("somebody")), json!({})).await;
    let seen = gateway.rpc("t_settings", None, json!({})).await.json();
    assert_eq!((&seen["role"], &seen["claims"]), (&json!("anon"), &json!({"role": "anon"})));
}

#[tokio::test]
async fn a_function_without_a_grant_is_refused() {
    let (_db, gateway) = started().await;
    assert_eq!(gateway.rpc("t_secret", None, json!({})).await.error(), (401, "42501".into()));
    assert_eq!(gateway.rpc("t_secret", Some(&user("somebody")), json!({})).await.error(), (403, "42501".into()));
}

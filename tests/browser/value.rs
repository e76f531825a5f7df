use crate::support::{js, json};
use streamkeeper::browser::value::{from_js, to_js};
use streamkeeper::engine::Value;
use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test]
fn plain_data_survives_the_round_trip() {
    let data = js("{a: null, b: [true, 1.5, 'é\\u0000😀'], c: {d: {e: []}}, f: -0}");
    assert_eq!(json(&to_js(&from_js(&data))), json(&data));
}

#[wasm_bindgen_test]
fn no_data_sets_a_prototype() {
    let data = from_js(&js("JSON.parse('{\"__proto__\": {\"admin\": true}, \"a\": 1}')"));
    assert_eq!(json(&to_js(&data)), "{\"a\":1}");
    assert!(js_sys::Reflect::get(&to_js(&data), &"admin".into()).is_ok_and(|admin| admin.is_undefined()));
}

#[wasm_bindgen_test]
fn undefined_members_are_absent_and_what_is_not_data_is_opaque() {
    let value = from_js(&js("{a: undefined, f() {}, d: new Date(), m: new Map(), s: Symbol('x'), b: 1n}"));
    assert_eq!(value.get("a"), None);
    for key in ["f", "d", "m", "s", "b"] {
        assert_eq!(value.get(key), Some(&Value::Opaque), "{key}");
    }
    assert_eq!(from_js(&js("undefined")), Value::Null);
    assert_eq!(from_js(&js("Object.create(null)")), Value::Object(vec![]));
}

#[wasm_bindgen_test]
fn a_cycle_and_a_getter_that_throws_do_no_harm() {
    assert!(matches!(from_js(&js("(() => { const a = {}; a.a = a; return a; })()")), Value::Object(_)));
    let throws = js("{get a() { throw new Error('no'); }, b: 1}");
    assert_eq!(from_js(&throws), Value::object([("a", Value::Opaque), ("b", 1_u32.into())]));
    assert!(matches!(
        from_js(&js("(() => { const a = {}; for (const key of 'abcdefghij') a[key] = a; return a; })()")),
        Value::Object(_)
    ));
}

#[wasm_bindgen_test]
fn proxies_and_arrays_with_gaps_are_not_data() {
    let no = "new Proxy({}, { ownKeys() { throw new Error('no'); } })";
    let revoked = "(() => { const { proxy, revoke } = Proxy.revocable([], {}); revoke(); return proxy; })()";
    let without_length = "new Proxy([1], { get() { throw new Error('no'); } })";
    for value in [no, revoked, without_length, "new Array(4294967295)", "[1, , 3]"] {
        assert_eq!(from_js(&js(value)), Value::Opaque, "{value}");
    }
    assert_eq!(from_js(&js("new Proxy({ a: [1] }, {})")), from_js(&js("{ a: [1] }")));
}

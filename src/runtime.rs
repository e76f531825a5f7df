//! What the standard library would bring along: an allocator, and what a panic ends in. Both are small.

use core::panic::PanicInfo;
use js_sys::{Function, JsString, Reflect, Symbol, global};
use talc::wasm::{WasmDynamicTalc, new_wasm_dynamic_allocator};
use wasm_bindgen::{JsCast, JsValue};

#[global_allocator]
static ALLOCATOR: WasmDynamicTalc = new_wasm_dynamic_allocator();

/// Tells the façade, and traps: in a promise, nobody else would hear of it. Whom to tell is in the slot that `pkg/src/shared.ts` keeps.
#[panic_handler]
fn panicked(_: &PanicInfo<'_>) -> ! {
    let crashed = Reflect::get(&global(), &Symbol::for_("streamkeeper"))
        .and_then(|shared| Reflect::get(&shared, &JsString::from("crashed")))
        .and_then(|crashed| crashed.dyn_into::<Function>());
    if let Ok(crashed) = crashed {
        let _ = crashed.call0(&JsValue::UNDEFINED);
    }
    core::arch::wasm32::unreachable()
}

//! The browser acts: DOM events become inputs, outputs become effects. Nothing here decides.

pub mod awake;
pub mod backend;
pub mod driver;
pub mod meeting;
pub mod outbox;
pub mod page;
pub mod tabs;
pub mod value;

pub use driver::{Driver, Host};

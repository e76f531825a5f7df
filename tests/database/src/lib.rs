//! A freshly migrated database for every test, and a way to call it as somebody.
//!
//! `DATABASE_URL` names a superuser on a maintenance database of the server to test on.

mod database;
pub mod garbage;
mod notices;
mod random;
mod rooms;
mod who;

pub use database::{TestDatabase, server_options};
pub use notices::Notices;
pub use random::{Random, cases, is_soak};
pub use rooms::{my_room, rows};
pub use who::{Caller, Who, code, message};

//! Streamkeeper's server: the database's functions over HTTP in PostgREST's dialect, and the demo.
//!
//! Laid out by feature: [`config`] reads the environment, [`auth`] says who is calling, [`rpc`] calls a function as
//! that caller, [`rooms`] are live rooms and their listing, [`events`] who is there, [`relay`] passes live streams on
//! to players, [`webhooks`] takes what other services tell us, [`sweeper`] ends what nobody holds any more, [`cron`]
//! does what is done once a day, [`orphans`] tells an operator by [`mail`] what is left over, and [`listen`] hears what
//! the database has to say. [`health`], [`metrics`], [`mod@operator`], [`migrate`] and [`commands`] are for operators
//! ([`admin`] keeps others out), and [`demo`] is there with `--demo` only. Every failure that a client sees is an
//! [`error::ApiError`].

pub mod admin;
pub mod auth;
mod budget;
mod client;
pub mod commands;
pub mod config;
mod connections;
pub mod cron;
pub mod database;
pub mod demo;
pub mod error;
pub mod events;
pub mod health;
mod http_get;
pub mod listen;
pub mod mail;
pub mod metrics;
pub mod migrate;
pub mod notices;
pub mod operator;
pub mod orphans;
pub mod relay;
pub mod rooms;
pub mod rpc;
mod server;
mod stopping;
pub mod sweeper;
mod tally;
pub mod webhooks;

pub use server::serve;

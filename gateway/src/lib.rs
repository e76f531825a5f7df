//! Streamkeeper's server: the database's functions over HTTP in PostgREST's dialect, and the demo.
//!
//! Laid out by feature: [`config`] reads the environment, [`auth`] says who is calling, [`rpc`] calls a function as that
//! caller, [`webhooks`] takes what other services tell us, [`sweeper`] ends what nobody holds any more, [`cron`] does what is
//! done once a day, and [`orphans`] tells an operator by [`mail`] what is left over. [`health`], [`metrics`], [`migrate`] and
//! [`commands`] are for operators ([`admin`] keeps others out), and [`demo`] is there with `--demo` only. Every failure that a
//! client sees is an [`error::ApiError`].

pub mod admin;
pub mod auth;
pub mod commands;
pub mod config;
pub mod cron;
pub mod database;
pub mod demo;
pub mod error;
pub mod health;
mod http_get;
pub mod mail;
pub mod metrics;
pub mod migrate;
pub mod orphans;
pub mod rpc;
mod server;
pub mod sweeper;
pub mod webhooks;

pub use server::serve;

//! All in one program, which is linked once.

mod chats;
mod commands;
mod demo;
mod demo_events;
mod demo_origin;
mod events_nodes;
mod events_sockets;
mod jitsi;
mod jwks;
mod leases;
mod listen;
mod metrics;
mod notices;
mod operator_mail;
mod postgrest;
mod program;
mod rooms;
mod rooms_listing;
mod rooms_many;
mod rooms_metrics;
mod server;
mod stream_chat;
mod streams;
mod tokens;
mod webhooks;

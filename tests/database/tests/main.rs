//! All in one program, which is linked once.

mod adopt;
mod adopt_rooms;
mod bad_input;
mod chat_connections;
mod chat_logs;
mod chat_usage;
mod chat_usage_exact;
mod chats;
mod constraints;
mod end_attempt_stats;
mod end_stream;
mod fuzz_rpc;
mod leases;
mod leave;
mod migrations;
mod orphans;
mod relays;
mod rights;
mod rights_table;
mod scale;
mod seed_000;
mod start_stream;
mod sweeper;
mod weekly_usage;
mod weekly_usage_split;

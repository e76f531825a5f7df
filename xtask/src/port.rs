//! Ports on loopback.

use std::net::{Ipv4Addr, TcpListener};

use crate::failure::{Context, Result};

/// Whether nobody listens on this port at the moment.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// A port that nobody listens on at the moment.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context(|| "no free port")?;
    Ok(listener.local_addr().context(|| "no free port")?.port())
}

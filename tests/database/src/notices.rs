//! What the server says beside its answers.

use std::io::{Result, Write};
use std::sync::{Arc, Mutex};

use tracing::subscriber::DefaultGuard;
use tracing_subscriber::EnvFilter;

/// Hears the notices on all connections of this thread, as long as it lives.
#[derive(Debug)]
pub struct Notices {
    heard: Heard,
    _subscriber: DefaultGuard,
}

impl Notices {
    /// From now on.
    pub fn listen() -> Self {
        let heard = Heard::default();
        let writer = heard.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new("sqlx::postgres::notice=info"))
            .with_writer(move || writer.clone())
            .without_time()
            .with_level(false)
            .with_target(false)
            .with_ansi(false)
            .finish();
        Self { heard, _subscriber: tracing::subscriber::set_default(subscriber) }
    }

    /// The notices until now.
    pub fn heard(&self) -> Vec<String> {
        let heard = self.heard.0.lock().expect("nobody panics while writing");
        String::from_utf8_lossy(&heard).lines().map(str::to_owned).collect()
    }
}

#[derive(Debug, Clone, Default)]
struct Heard(Arc<Mutex<Vec<u8>>>);

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.0.lock().expect("nobody panics while writing").write(bytes)
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

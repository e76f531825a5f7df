//! What the server says beside its answers.

use std::cell::RefCell;
use std::io::{Result, Write};
use std::sync::Once;

use tracing_subscriber::EnvFilter;

thread_local! {
    /// What this thread has heard, while it listens. A test and its connections are on one thread.
    static HEARD: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

static INSTALLED: Once = Once::new();

/// Hears the notices on all connections of this thread, as long as it lives.
#[derive(Debug)]
pub struct Notices(());

impl Notices {
    /// One ear for all threads, there before the first connection: whoever comes later may miss what another thread is just
    /// about to say for the first time.
    pub(crate) fn install() {
        INSTALLED.call_once(|| {
            // Whoever has installed another one hears for themselves.
            let _ = tracing_subscriber::fmt()
                .with_env_filter(EnvFilter::new("sqlx::postgres::notice=info"))
                .with_writer(|| OfThisThread)
                .without_time()
                .with_level(false)
                .with_target(false)
                .with_ansi(false)
                .try_init();
        });
    }

    /// From now on.
    pub fn listen() -> Self {
        HEARD.set(Some(Vec::new()));
        Self(())
    }

    /// The notices until now.
    pub fn heard(&self) -> Vec<String> {
        HEARD.with_borrow(|heard| {
            let heard = heard.as_deref().unwrap_or_default();
            String::from_utf8_lossy(heard).lines().map(str::to_owned).collect()
        })
    }
}

impl Drop for Notices {
    fn drop(&mut self) {
        HEARD.take();
    }
}

struct OfThisThread;

impl Write for OfThisThread {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        HEARD.with_borrow_mut(|heard| heard.as_mut().map_or(Ok(bytes.len()), |heard| heard.write(bytes)))
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

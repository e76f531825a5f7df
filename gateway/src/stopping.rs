//! The end of this process, for what would otherwise go on for as long as its client likes.

use std::future::Future;

use tokio::sync::watch;

/// Knows when the process is asked to stop.
#[derive(Debug, Clone)]
pub struct Stopping(watch::Receiver<()>);

impl Stopping {
    /// The same signal, and who else hears of it.
    pub fn by(shutdown: impl Future<Output = ()>) -> (impl Future<Output = ()>, Self) {
        let (running, stopping) = watch::channel(());
        let shutdown = async move {
            shutdown.await;
            drop(running);
        };
        (shutdown, Self(stopping))
    }

    /// Waits until the process is asked to stop.
    pub async fn wait(&mut self) {
        while self.0.changed().await.is_ok() {}
    }
}

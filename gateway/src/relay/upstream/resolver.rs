//! Names of upstreams, resolved: the addresses that are looked at here are those that are connected to, so that an answer
//! that is another one the next time helps nobody.

use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::vec;

use hyper_util::client::legacy::connect::dns::Name;
use tokio::net::lookup_host;
use tower::Service;

use super::address::is_permitted;
use super::error::NotPublic;

type Answer<T> = Pin<Box<dyn Future<Output = Result<T, Box<dyn Error + Send + Sync>>> + Send>>;

/// Who is asked.
type Lookup = Arc<dyn Fn(Name) -> Answer<Vec<SocketAddr>> + Send + Sync>;

/// Resolves to permitted addresses only.
#[derive(Clone)]
pub struct Resolver {
    lookup: Lookup,
    loopback_too: bool,
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").finish_non_exhaustive()
    }
}

impl Resolver {
    /// Asks the machine's.
    pub fn new(loopback_too: bool) -> Self {
        Self::asking(loopback_too, |name: Name| async move { Ok(lookup_host((name.as_str(), 0)).await?.collect()) })
    }

    /// Asks somebody else.
    pub(super) fn asking<F>(loopback_too: bool, lookup: impl Fn(Name) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Vec<SocketAddr>, Box<dyn Error + Send + Sync>>> + Send + 'static,
    {
        Self { lookup: Arc::new(move |name| Box::pin(lookup(name))), loopback_too }
    }
}

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Answer<Self::Response>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (answer, loopback_too) = ((self.lookup)(name), self.loopback_too);
        Box::pin(async move {
            let addresses = answer.await?;
            // A name with one good address among bad ones has not got it by accident.
            match addresses.iter().all(|address| is_permitted(address.ip(), loopback_too)) {
                true => Ok(addresses.into_iter()),
                false => Err(NotPublic.into()),
            }
        })
    }
}
